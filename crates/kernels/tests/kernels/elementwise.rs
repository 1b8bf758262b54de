//! Kernels that map elements one by one, with gaps and in place.

use convnet_kernels::{
    Activation, Arena, Isa, Mask, Pool, View, accumulate, activation, add, affine, affine_backward, copy,
    dropout, fill,
};

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close, read};

/// One or two roundings an element, which may be several times the RMS.
const TOLERANCE: f64 = 1e-6;

pub(crate) fn shape(random: &mut Random) -> (usize, usize) {
    // Up to some 50,000 elements, which several tasks share.
    (random.pick(&[0, 1, 3, 40, 777]), random.pick(&CHANNELS))
}

/// Runs `kernel(inputs, out)` where `out` is another view, a part of the same pixels, or the first input.
pub(crate) fn check<const N: usize>(
    seed: u64,
    tolerance: f64,
    kernel: impl Fn(&Pool, Isa, &mut Arena, [View; N], View),
    expected: impl Fn([f64; N], f64) -> f64,
) {
    let machine = Machine::new(15);
    let mut random = Random::new(seed);
    for round in 0..30 {
        let shape = shape(&mut random);
        let mut scene = Scene::new(seed * 1000 + round);
        let [first, out] = scene.pair([shape; 2]);
        let out = if N > 0 && round % 3 == 0 { first } else { out };
        scene.fill(out);
        let inputs: [View; N] =
            std::array::from_fn(|i| if i == 0 { scene.fill(first) } else { scene.filled(shape.0, shape.1) });
        let (values, old) = (inputs.map(|view| scene.read(view)), scene.read(out));
        let expected: Vec<f64> =
            (0..old.len()).map(|i| expected(std::array::from_fn(|j| values[j][i]), old[i])).collect();
        let run = |pool: &_, isa, arena: &mut _| {
            kernel(pool, isa, arena, inputs, out);
            Vec::new()
        };
        machine.run(&scene, &[out], run, |arena, _, isa| {
            assert_close(&read(arena, out), &expected, tolerance, format_args!("{isa} {inputs:?} {out:?}"));
        });
    }
}

#[test]
fn copies_fills_and_sums() {
    check(1, 0.0, |p, isa, a, [x], out| copy(p, isa, a, x, out), |[x], _| x);
    check(2, 0.0, |p, isa, a, [], out| fill(p, isa, a, out, 0.25), |[], _| 0.25);
    check(3, TOLERANCE, |p, isa, a, [x], out| accumulate(p, isa, a, x, out), |[x], old| old + x);
    check(4, TOLERANCE, |p, isa, a, views, out| add(p, isa, a, views, out, false), |[a, b], _| a + b);
    check(
        5,
        TOLERANCE,
        |p, isa, a, views, out| add(p, isa, a, views, out, true),
        |[a, b], _| (a + b).max(0.0),
    );
}

#[test]
fn scales_by_channel_and_their_gradient() {
    let machine = Machine::new(30);
    let mut random = Random::new(31);
    for seed in 0..40 {
        let (pixels, channels) = shape(&mut random);
        let (relu, accumulate) = (random.chance(), random.chance());
        let mut scene = Scene::new(seed);
        let (input, gradient) = (scene.filled(pixels, channels), scene.filled(pixels, channels));
        let (out, target) = (scene.any(pixels, channels), scene.any(pixels, channels));
        if accumulate {
            scene.fill(target);
        }
        let [scale, shift] = [(); 2].map(|()| scene.random.floats(channels));
        let (x, dy, old) = (scene.read(input), scene.read(gradient), scene.read(target));
        let run = |pool: &_, isa, arena: &mut _| {
            affine(pool, isa, arena, [input, out], [&scale, &shift], relu);
            affine_backward(pool, isa, arena, [gradient, target], &scale, accumulate);
            Vec::new()
        };
        let expected = |x: &[f64], f: &dyn Fn(f64, usize) -> f64| -> Vec<f64> {
            x.iter().enumerate().map(|(i, &x)| f(x, i)).collect()
        };
        let floor = if relu { 0.0 } else { f64::NEG_INFINITY };
        let y = expected(&x, &|x, i| {
            (x * f64::from(scale[i % channels]) + f64::from(shift[i % channels])).max(floor)
        });
        let dx = expected(&dy, &|dy, i| {
            dy * f64::from(scale[i % channels]) + if accumulate { old[i] } else { 0.0 }
        });
        machine.run(&scene, &[out, target], run, |arena, _, isa| {
            let what = format_args!("{isa} {input:?} {out:?}");
            assert_close(&read(arena, out), &y, TOLERANCE, what);
            assert_close(&read(arena, target), &dx, TOLERANCE, what);
        });
    }
}

#[test]
fn extremes_stay_what_they_are() {
    let machine = Machine::new(1);
    let mut scene = Scene::new(1);
    let [input, relu, sigmoid, tanh, scaled] = [(); 5].map(|()| scene.dense(1, 3));
    scene.values[input.offset..][..3].copy_from_slice(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
    let run = |pool: &_, isa, arena: &mut _| {
        activation(pool, isa, arena, Activation::Relu, input, relu);
        activation(pool, isa, arena, Activation::Sigmoid, input, sigmoid);
        activation(pool, isa, arena, Activation::Tanh, input, tanh);
        affine(pool, isa, arena, [input, scaled], [&[1.0; 3], &[0.0; 3]], false);
        Vec::new()
    };
    machine.run(&scene, &[relu, sigmoid, tanh, scaled], run, |arena, _, isa| {
        for (view, high, low) in [
            (relu, f64::INFINITY, 0.0),
            (sigmoid, 1.0, 0.0),
            (tanh, 1.0, -1.0),
            (scaled, f64::INFINITY, f64::NEG_INFINITY),
        ] {
            let values = read(arena, view);
            assert!(values[0].is_nan(), "{isa} hides NaN");
            assert_eq!(values[1..], [high, low], "{isa}");
        }
    });
}

#[test]
fn dropout_multiplies_by_the_mask() {
    let machine = Machine::new(50);
    let mut random = Random::new(42);
    for seed in 0..60 {
        let (pixels, channels) = shape(&mut random);
        let add = random.chance();
        let group = if random.chance() { 1 } else { channels };
        let whole = Mask::new(seed, random.pick(&[0.0, 0.2, 0.5, 0.9]), group);
        // A part of a batch has the decisions of its place.
        let first = group * (seed as usize % 9);
        let mask = whole.starting_at(first);
        let mut scene = Scene::new(seed);
        let [input, out] = scene.pair([(pixels, channels); 2]);
        scene.fill(input);
        if add {
            scene.fill(out);
        }
        let old = if add { scene.read(out) } else { vec![0.0; pixels * channels] };
        let expected: Vec<f64> = scene
            .read(input)
            .iter()
            .zip(old)
            .enumerate()
            .map(|(i, (x, old))| old + x * f64::from(whole.scale(first + i)))
            .collect();
        let run = |pool: &_, isa, arena: &mut _| {
            dropout(pool, isa, arena, mask, [input, out], add);
            Vec::new()
        };
        machine.run(&scene, &[out], run, |arena, _, isa| {
            assert_close(&read(arena, out), &expected, TOLERANCE, format_args!("{isa} {mask:?}"));
        });
    }
}

#[test]
fn a_mask_keeps_the_share_it_should_and_its_mean_is_one() {
    for p in [0.0, 0.1, 0.5, 0.8] {
        for (key, group) in [(1, 1), (2, 1), (1 << 40, 6)] {
            let mask = Mask::new(key, p, group);
            let n = 60_000;
            let kept = (0..n).filter(|&i| mask.scale(i * group) > 0.0).count() as f64 / n as f64;
            // Five standard deviations of the share of n independent draws.
            let bound = 5.0 * (f64::from(p) * (1.0 - f64::from(p)) / n as f64).sqrt();
            assert!((kept - (1.0 - f64::from(p))).abs() <= bound, "{mask:?} keeps {kept}");
            assert!((0..n).all(|i| mask.scale(i) == 0.0 || mask.scale(i) == 1.0 / (1.0 - p)));
            assert!((0..n).all(|i| mask.scale(i) == mask.scale(i - i % group)), "one decision a group");
        }
    }
    let (a, b) = (Mask::new(1, 0.5, 1), Mask::new(2, 0.5, 1));
    let same = (0..10_000).filter(|&i| a.scale(i) == b.scale(i)).count();
    assert!((4_500..5_500).contains(&same), "keys give independent masks: {same} of 10,000 agree");
}
