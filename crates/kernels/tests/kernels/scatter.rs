//! The input's gradient of a thin convolution, scattered by kernel rows.

use convnet_kernels::{Geometry, Panels, Scatter, Tap, scatter};

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close, read};
use crate::igemm::TOLERANCE;

#[test]
fn kernel_rows_are_scattered_to_the_pixels_that_were_read() {
    let machine = Machine::new(120);
    let mut random = Random::new(71);
    for seed in 0..120 {
        let (channels, n, batch) =
            (random.pick(&CHANNELS[..8]), random.pick(&CHANNELS), random.within(1..=3));
        let (kernel, stride) =
            ((random.within(1..=5), random.within(1..=5)), (random.within(1..=4), random.within(1..=4)));
        let input = (kernel.0 + random.below(20), kernel.1 + random.below(20));
        let grid = ((input.0 - kernel.0) / stride.0 + 1, (input.1 - kernel.1) / stride.1 + 1);
        let geometry = Geometry {
            input,
            grid,
            step: stride,
            taps: (0..kernel.0).map(|k| Tap { dy: k as isize, dx: 0 }).collect(),
            run: kernel.1 * channels,
            span: kernel.1,
            output: grid,
            ..Geometry::rows(channels)
        };
        let accumulate = random.chance();
        let mut scene = Scene::new(seed);
        let dy = scene.filled(batch * grid.0 * grid.1, n);
        let dx = scene.dense(batch * input.0 * input.1, channels);
        if accumulate {
            scene.fill(dx);
        }
        let weights = scene.random.floats(geometry.k() * n);
        let gradient = scene.read(dy);
        let mut expected = if accumulate { scene.read(dx) } else { vec![0.0; dx.pixels * channels] };
        for (position, dy) in gradient.chunks_exact(n).enumerate() {
            let (x, rest) = (position % grid.1, position / grid.1);
            let (y, image) = (rest % grid.0, rest / grid.0);
            for (k, weights) in weights.chunks_exact(n).enumerate() {
                let (row, at) = (y * stride.0 + k / geometry.run, k % geometry.run);
                let pixel = (image * input.0 + row) * input.1 + x * stride.1;
                let product = weights.iter().zip(dy).map(|(w, dy)| f64::from(*w) * dy);
                expected[pixel * channels + at] += product.sum::<f64>();
            }
        }
        let run = |pool: &_, isa, arena: &mut _| {
            let panels = Panels::new(isa, n, geometry.run);
            let mut packed = vec![f32::NAN; panels.len() * kernel.0];
            for (tap, part) in packed.chunks_exact_mut(panels.len()).enumerate() {
                panels.pack(part, |row, column| weights[(tap * geometry.run + column) * n + row]);
            }
            let call = Scatter {
                geometry: &geometry,
                batch,
                output_gradient: dy,
                weights: &packed,
                panels,
                input_gradient: dx,
                accumulate,
            };
            scatter(pool, isa, arena, &call);
            Vec::new()
        };
        machine.run(&scene, &[dx], run, |arena, _, isa| {
            assert_close(
                &read(arena, dx),
                &expected,
                TOLERANCE,
                format_args!("{isa} {geometry:?} {channels} {n}"),
            );
        });
    }
}
