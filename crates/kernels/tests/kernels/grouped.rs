//! Depthwise convolutions and those of small groups, and the gradients of their weights.

use convnet_kernels::{
    Geometry, Group, Grouped, GroupedGradient, Isa, Panels, Rectifier, Tap, grouped, grouped_gradient,
    grouped_taps,
};

use crate::common::{
    CHANNELS, Machine, Random, Scene, assert_close, assert_moments, packed, read, rectified, rectifier, wide,
};
use crate::igemm::{Axis, TOLERANCE, convolution, left, output_pixel};

/// Groups that fit vectors of all, or of the widest instruction sets, and their number; half of them are of one channel.
pub(crate) fn groups(random: &mut Random) -> (Group, usize) {
    loop {
        let outputs = if random.chance() { 1 } else { random.pick(&[1, 2, 4, 8]) };
        let group = Group { inputs: random.within(1..=outputs), outputs };
        let count = random.pick(&CHANNELS);
        if group.fits(Isa::best(), count * outputs) {
            return (group, count);
        }
    }
}

/// A convolution, or a phase of one's gradient: a grid that is spread over a larger map.
fn walk(random: &mut Random, channels: usize) -> Geometry {
    let axes = [Axis::random(random, 9), Axis::random(random, 40)];
    let mut geometry = convolution(axes, channels);
    if random.chance() {
        geometry.spread = (random.within(1..=3), random.within(1..=3));
        geometry.origin = (random.below(3), random.below(3));
        let past = |grid: usize, spread: usize, origin: usize| origin + (grid - 1) * spread + 1;
        geometry.output = (
            past(geometry.grid.0, geometry.spread.0, geometry.origin.0) + random.below(2),
            past(geometry.grid.1, geometry.spread.1, geometry.origin.1) + random.below(2),
        );
    }
    if random.chance() {
        geometry.taps.reverse();
    }
    geometry
}

/// What a position of the grid reads of a group at each tap, tap by tap.
fn reads(geometry: &Geometry, input: &[f64], position: usize, (group, index): (Group, usize)) -> Vec<f64> {
    let channels = geometry.run;
    let read = |tap: usize, i: usize| {
        left(geometry, input, channels, position, tap * channels + index * group.inputs + i)
    };
    (0..geometry.taps.len()).flat_map(|tap| (0..group.inputs).map(move |i| read(tap, i))).collect()
}

#[test]
fn convolutions_of_any_size_stride_and_dilation_are_right() {
    let machine = Machine::new(300);
    let mut random = Random::new(4);
    for seed in 0..300 {
        let ((group, groups), batch) = (groups(&mut random), random.within(1..=3));
        let channels = groups * group.outputs;
        let geometry = walk(&mut random, groups * group.inputs);
        let mut scene = Scene::new(seed);
        let pixels = batch * geometry.output.0 * geometry.output.1;
        let input = scene.filled(batch * geometry.input.0 * geometry.input.1, geometry.run);
        let out = scene.any(pixels, channels);
        let addend = match random.below(3) {
            0 => None,
            1 => Some(scene.filled(pixels, channels)),
            _ => Some(scene.fill(out)),
        };
        let rows = geometry.taps.len() * group.inputs;
        let weights = scene.random.floats(rows * channels);
        let bias = random.chance().then(|| scene.random.floats(channels));
        let relu = rectifier(&mut random);
        let measured = geometry.positions(batch) == pixels;
        let (source, added) = (scene.read(input), addend.map(|view| scene.read(view)));
        let mut expected = scene.read(out);
        for position in 0..geometry.positions(batch) {
            let pixel = output_pixel(&geometry, position);
            for c in 0..channels {
                let read = reads(&geometry, &source, position, (group, c / group.outputs));
                let products =
                    read.iter().enumerate().map(|(row, x)| x * f64::from(weights[row * channels + c]));
                let sum = products.sum::<f64>()
                    + bias.as_ref().map_or(0.0, |bias| f64::from(bias[c]))
                    + added.as_ref().map_or(0.0, |added| added[pixel * channels + c]);
                expected[pixel * channels + c] = rectified(relu, sum);
            }
        }
        let run = |pool: &_, isa, arena: &mut _| {
            if !group.fits(isa, channels) {
                return Vec::new();
            }
            let (bias, geometry) = (bias.as_deref(), &geometry);
            let (panels, packed) = packed(isa, &weights, (rows, channels));
            let weights = &packed;
            let call = Grouped { geometry, group, batch, input, weights, panels, bias, addend, relu, out };
            let mut moments = vec![0.0; if measured { 2 * channels } else { 0 }];
            let (mean, variance) = moments.split_at_mut(if measured { channels } else { 0 });
            grouped(pool, isa, arena, &call, measured.then_some([mean, variance]));
            moments
        };
        machine.run(&scene, &[out], run, |arena, moments, isa| {
            if !group.fits(isa, channels) {
                return;
            }
            let what = format!("{isa} {group:?} {geometry:?}");
            let (found, expected): (Vec<f64>, Vec<f64>) = read(arena, out)
                .into_iter()
                .zip(&expected)
                .filter(|(_, expected)| !expected.is_nan())
                .unzip();
            assert_close(&found, &expected, TOLERANCE, &what);
            if measured {
                assert_moments(arena, out, moments, &what);
            }
        });
    }
}

#[test]
fn gradients_of_the_weights_are_right() {
    let machine = Machine::new(200);
    let mut random = Random::new(5);
    for seed in 0..200 {
        let ((group, groups), batch) = (groups(&mut random), random.within(1..=9));
        let channels = groups * group.outputs;
        let geometry = walk(&mut random, groups * group.inputs);
        let mut scene = Scene::new(seed);
        let input = scene.filled(batch * geometry.input.0 * geometry.input.1, geometry.run);
        let dy = scene.filled(batch * geometry.output.0 * geometry.output.1, channels);
        let (source, gradient) = (scene.read(input), scene.read(dy));
        let rows = geometry.taps.len() * group.inputs;
        let mut expected = vec![0.0; rows * channels];
        for position in 0..geometry.positions(batch) {
            let pixel = output_pixel(&geometry, position);
            for c in 0..channels {
                let read = reads(&geometry, &source, position, (group, c / group.outputs));
                for (row, x) in read.into_iter().enumerate() {
                    expected[row * channels + c] += x * gradient[pixel * channels + c];
                }
            }
        }
        let run = |pool: &_, isa, arena: &mut _| {
            if !group.fits(isa, channels) {
                return Vec::new();
            }
            let panels = Panels::new(isa, rows, channels);
            let call =
                GroupedGradient { geometry: &geometry, group, batch, input, output_gradient: dy, panels };
            let mut packed = vec![f32::NAN; panels.len()];
            grouped_gradient(pool, isa, arena, &call, &mut packed);
            let places = (0..rows).flat_map(|row| (0..channels).map(move |channel| (row, channel)));
            places.map(|(row, channel)| packed[panels.index(row, channel)]).collect()
        };
        machine.run(&scene, &[], run, |_, found, isa| {
            if group.fits(isa, channels) {
                assert_close(
                    &wide(found),
                    &expected,
                    TOLERANCE,
                    format_args!("{isa} {group:?} {geometry:?}"),
                );
            }
        });
    }
}

#[test]
fn weights_of_some_taps_have_inputs_and_outputs_exchanged() {
    let isa = Isa::best();
    let (group, groups) = (Group { inputs: 2, outputs: 2 }, 13);
    let from = Panels::new(isa, 9 * 2, groups * 2);
    // A weight tells its tap, the input and the output within the group, and the group.
    let told = |tap: usize, input: usize, output: usize, group: usize| {
        (tap * 1000 + input * 100 + output * 50 + group) as f32
    };
    let mut weights = vec![0.0; from.len()];
    from.pack(&mut weights, |row, column| told(row / 2, row % 2, column % 2, column / 2));
    let taps = [7, 1, 8];
    let to = Panels::new(isa, taps.len() * 2, groups * 2);
    let mut target = vec![f32::NAN; to.len()];
    grouped_taps(group, (&weights, from), &taps, (&mut target, to));
    let mut expected = vec![0.0; to.len()];
    to.pack(&mut expected, |row, column| told(taps[row / 2], column % 2, row % 2, column / 2));
    assert_eq!(target, expected);
}

#[test]
fn taps_that_lead_far_outside_read_zeros_and_take_no_memory() {
    let machine = Machine::new(1);
    let mut scene = Scene::new(0);
    let far = 1 << 40;
    let taps = [(0, -far), (0, 0), (0, far), (far, 0)].map(|(dy, dx)| Tap { dy, dx }).to_vec();
    let geometry = Geometry { taps, ..Geometry::pointwise((2, 3), 5) };
    let (input, out) = (scene.filled(6, 5), scene.any(6, 5));
    let expected: Vec<f64> = scene.read(input).iter().map(|x| 2.0 * x).collect();
    let run = |pool: &_, isa, arena: &mut _| {
        let panels = Panels::new(isa, 4, 5);
        let mut packed = vec![f32::NAN; panels.len()];
        panels.pack(&mut packed, |tap, _| if tap == 1 { 2.0 } else { f32::MAX });
        let (group, batch, weights) = (Group::DEPTHWISE, 1, &packed[..]);
        let (bias, addend, relu) = (None, None, Rectifier::None);
        let call =
            Grouped { geometry: &geometry, group, batch, input, weights, panels, bias, addend, relu, out };
        grouped(pool, isa, arena, &call, None);
        let call = GroupedGradient { geometry: &geometry, group, batch, input, output_gradient: out, panels };
        let mut gradient = vec![f32::NAN; panels.len()];
        grouped_gradient(pool, isa, arena, &call, &mut gradient);
        [0, 1, 2, 3].map(|tap| gradient[panels.index(tap, 0)]).to_vec()
    };
    machine.run(&scene, &[out], run, |arena, gradient, isa| {
        assert_close(&read(arena, out), &expected, TOLERANCE, format_args!("{isa}"));
        assert!(gradient[1] > 0.0 && [0, 2, 3].iter().all(|&tap| gradient[tap] == 0.0), "{gradient:?}");
    });
}
