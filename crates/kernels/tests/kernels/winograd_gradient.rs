//! Weight gradients by Winograd's algorithm against the sum over pixels.

use convnet_kernels::{
    Arena, Filtering, Isa, Panels, Pool, View, WinogradGradient, winograd_gradient, winograd_gradient_scratch,
};

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close};
use crate::refusal::refused;

/// The transforms multiply the error of the plain sum several times, those of eight points most.
fn tolerance(filtering: Filtering) -> f64 {
    if filtering.points() == 36 { 3e-5 } else { 5e-5 }
}

/// Computes the gradient of a kernel's side, of images of a size with so much padding, and compares it with the sum over pixels.
fn check(
    machine: &Machine,
    seed: u64,
    (filtering, padding): (Filtering, (usize, usize)),
    input_size: (usize, usize),
    [c, n, batch]: [usize; 3],
) {
    let kernel = filtering.kernel();
    let output_size = (input_size.0 + 2 * padding.0 + 1 - kernel, input_size.1 + 2 * padding.1 + 1 - kernel);
    let mut scene = Scene::new(seed);
    let pixels = (batch * input_size.0 * input_size.1, batch * output_size.0 * output_size.1);
    let [input, dy] = scene.pair([(pixels.0, c), (pixels.1, n)]);
    scene.fill(input);
    scene.fill(dy);
    let scratch = machine.scratch(&mut scene, |isa| {
        winograd_gradient_scratch(batch, filtering, output_size, Panels::new(isa, c, n))
    });

    let (x, gradient) = (scene.read(input), scene.read(dy));
    let mut expected = vec![0.0; kernel * kernel * c * n];
    for (pixel, dy) in gradient.chunks_exact(n).enumerate() {
        let (image, y, x0) = (
            pixel / output_size.1 / output_size.0,
            pixel / output_size.1 % output_size.0,
            pixel % output_size.1,
        );
        for tap in 0..kernel * kernel {
            let row = (y + tap / kernel).wrapping_sub(padding.0);
            let column = (x0 + tap % kernel).wrapping_sub(padding.1);
            if row >= input_size.0 || column >= input_size.1 {
                continue;
            }
            let values = &x[((image * input_size.0 + row) * input_size.1 + column) * c..][..c];
            for (k, value) in values.iter().enumerate() {
                let sums = &mut expected[(tap * c + k) * n..][..n];
                sums.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += value * dy);
            }
        }
    }
    let run = |pool: &_, isa, arena: &mut _| {
        let panels = Panels::new(isa, c, n);
        let layout = Panels::new(isa, kernel * kernel * c, n);
        let mut products = vec![f32::NAN; filtering.points() * panels.len()];
        let mut packed = vec![f32::NAN; layout.len()];
        let call = WinogradGradient {
            filtering,
            batch,
            input,
            input_size,
            padding,
            output_gradient: dy,
            output_size,
            panels,
            scratch: scratch.offset,
        };
        winograd_gradient(pool, isa, arena, &call, &mut products, (&mut packed, layout));
        let elements = (0..layout.k).flat_map(|k| (0..n).map(move |column| (k, column)));
        elements.map(|(k, column)| packed[layout.index(k, column)]).collect()
    };
    machine.run(&scene, &[scratch], run, |_, actual, isa| {
        let actual: Vec<f64> = actual.iter().map(|&x| f64::from(x)).collect();
        let what = format!("{isa} {filtering:?} {input_size:?} padding {padding:?}, {c} to {n}");
        assert_close(&actual, &expected, tolerance(filtering), what);
    });
}

#[test]
fn gradients_of_any_size_and_padding_are_right() {
    let machine = Machine::new(120);
    let mut random = Random::new(82);
    for seed in 0..120 {
        let kernel = if random.chance() { 3 } else { 5 };
        let filtering = Filtering::new(if seed % 2 == 0 { 7 } else { 9 } - kernel, kernel);
        let padding = (random.below(kernel), random.below(kernel));
        let size = |random: &mut Random, padding: usize| {
            random.within(kernel.saturating_sub(2 * padding).max(1)..=19)
        };
        let input_size = (size(&mut random, padding.0), size(&mut random, padding.1));
        let channels = [random.pick(&CHANNELS), random.pick(&CHANNELS)];
        check(
            &machine,
            seed,
            (filtering, padding),
            input_size,
            [channels[0], channels[1], random.within(1..=3)],
        );
    }
}

#[test]
fn gradients_of_many_channels_and_of_many_tiles_are_right() {
    let machine = Machine::new(6);
    // One block, whose sums several threads keep apart; two blocks; as many tiles as are always one, and two more; on eight points
    // one block and three, each of several sums.
    for (seed, (outputs, kernel), side, channels) in [
        (1, (4, 3), 9, [290, 70, 2]),
        (2, (2, 5), 20, [150, 60, 2]),
        (3, (2, 5), 8, [130, 65, 10]),
        (4, (2, 5), 6, [130, 65, 18]),
        (5, (6, 3), 30, [130, 65, 6]),
        (6, (4, 5), 31, [65, 70, 4]),
    ] {
        let filtering = Filtering::new(outputs, kernel);
        check(&machine, seed, (filtering, (kernel / 2, kernel / 2)), (side, side), channels);
    }
}

#[test]
fn tiles_of_convolutions_alone_are_refused() {
    let run = |filtering: Filtering| {
        let panels = Panels::new(Isa::PORTABLE, 2, 3);
        let layout = Panels::new(Isa::PORTABLE, 9 * 2, 3);
        let map = |offset, channels| View::dense(offset, 36, channels);
        let call = WinogradGradient {
            filtering,
            batch: 1,
            input: map(0, 2),
            input_size: (6, 6),
            padding: (1, 1),
            output_gradient: map(80, 3),
            output_size: (6, 6),
            panels,
            scratch: 200,
        };
        let mut products = vec![0.0; filtering.points() * panels.len()];
        let mut gradient = vec![0.0; layout.len()];
        let mut arena = Arena::new(20_000);
        winograd_gradient(
            &Pool::new(1),
            Isa::PORTABLE,
            &mut arena,
            &call,
            &mut products,
            (&mut gradient, layout),
        );
    };
    run(Filtering::new(4, 3));
    refused("F(2×2, 3×3)", || run(Filtering::new(2, 3)));
}
