//! Gradients of biases.

use convnet_kernels::column_sums;

use crate::common::{Machine, Random, Scene, assert_close, read, wide};
use crate::igemm::TOLERANCE;

#[test]
fn column_sums_add_all_pixels() {
    let machine = Machine::new(60);
    let mut random = Random::new(12);
    for seed in 0..60 {
        let (pixels, channels) =
            (random.pick(&[0, 1, 5, 255, 256, 257, 700]), random.pick(&[1, 3, 17, 64, 65, 130]));
        let mut scene = Scene::new(seed);
        let view = scene.filled(pixels, channels);
        let mut expected = vec![0.0; channels];
        for pixel in scene.read(view).chunks_exact(channels) {
            expected.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += x);
        }
        let run = |pool: &_, isa, arena: &mut _| {
            let mut sums = vec![f32::NAN; channels + 2];
            column_sums(pool, isa, arena, (view, None), &mut sums);
            assert!(sums[channels..].iter().all(|x| x.is_nan()));
            sums.truncate(channels);
            sums
        };
        machine.run(&scene, &[], run, |_, sums, isa| {
            assert_close(&wide(sums), &expected, TOLERANCE, format_args!("{isa} {view:?}"));
        });
    }
}

#[test]
fn what_a_relu_let_through_is_summed() {
    let machine = Machine::new(10);
    for (seed, pixels, channels) in
        [(1, 0, 3), (2, 5, 6), (3, 700, 17), (4, 257, 64), (5, 600, 130), (6, 3, 600)]
    {
        for dense in [true, false] {
            let mut scene = Scene::new(seed);
            let view = scene.dense(pixels, channels);
            let output = if dense { scene.dense(pixels, channels) } else { scene.slice(pixels, channels) };
            scene.fill(view);
            scene.fill(output);
            let (gradient, output_values) = (scene.read(view), scene.read(output));
            let masked: Vec<f64> =
                gradient.iter().zip(&output_values).map(|(&dy, &y)| if y > 0.0 { dy } else { 0.0 }).collect();
            let mut expected = vec![0.0; channels];
            for pixel in masked.chunks_exact(channels) {
                expected.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += x);
            }
            let run = |pool: &_, isa, arena: &mut _| {
                let mut sums = vec![f32::NAN; channels];
                column_sums(pool, isa, arena, (view, Some(output)), &mut sums);
                sums
            };
            machine.run(&scene, &[view], run, |values, sums, isa| {
                let what = format_args!("{isa} {view:?} {output:?}");
                assert_eq!(read(values, view), masked, "{what}");
                assert_close(&wide(sums), &expected, TOLERANCE, what);
            });
        }
    }
}
