//! Gradients of biases.

use convnet_kernels::column_sums;

use crate::common::{Machine, Random, Scene, assert_close, elements, read, wide};
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

/// The sums in the order that is told of them: rows of several pixels where a view is narrow and without gaps, in blocks of 256 rows,
/// behind the pixels that are no whole row.
fn in_order(values: &[f32], channels: usize, dense: bool) -> Vec<f32> {
    let together = if dense { (128 / channels).max(1) } else { 1 };
    let add = |mut sums: Vec<f32>, row: &[f32]| {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        sums
    };
    let rows = values.chunks_exact(together * channels);
    let rest = rows.remainder().chunks_exact(channels).fold(vec![0.0; channels], add);
    let rows: Vec<&[f32]> = rows.collect();
    let block =
        |rows: &[&[f32]]| rows.iter().fold(vec![0.0; together * channels], |sums, row| add(sums, row));
    let wide =
        rows.chunks(256).map(block).fold(vec![0.0; together * channels], |sums, part| add(sums, &part));
    wide.chunks_exact(channels).fold(rest, add)
}

#[test]
fn what_a_relu_let_through_is_summed_in_order() {
    let machine = Machine::new(24);
    let sizes = [(0, 3), (5, 6), (700, 17), (257, 64), (1100, 64), (600, 130), (3, 600), (9, 1)];
    for (seed, (pixels, channels)) in (1..).zip(sizes) {
        for kind in 0..4 {
            let mut scene = Scene::new(seed);
            let [view, output] = match kind {
                0 => [(); 2].map(|()| scene.dense(pixels, channels)),
                1 => [scene.dense(pixels, channels), scene.slice(pixels, channels)],
                2 => [scene.slice(pixels, channels), scene.dense(pixels, channels)],
                // Side by side in wider pixels, as in a concatenation.
                _ => {
                    let both = scene.dense(pixels, 2 * channels);
                    [both.slice(0, channels), both.slice(channels, channels)]
                }
            };
            scene.fill(view);
            scene.fill(output);
            for (i, at) in elements(output).enumerate().filter(|(i, _)| i % 3 == 0) {
                scene.values[at] = [0.0, -0.0, f32::NAN][i / 3 % 3];
            }
            let masked: Vec<f32> = elements(view)
                .zip(elements(output))
                .map(|(dy, y)| if scene.values[y] > 0.0 { scene.values[dy] } else { 0.0 })
                .collect();
            let expected = in_order(&masked, channels, view.is_dense());
            let run = |pool: &_, isa, arena: &mut _| {
                let mut sums = vec![f32::NAN; channels];
                column_sums(pool, isa, arena, (view, Some(output)), &mut sums);
                sums
            };
            machine.run(&scene, &[view], run, |values, sums, isa| {
                let what = format_args!("{isa} {view:?} {output:?}");
                assert_eq!(read(values, view), wide(&masked), "{what}");
                assert_eq!(sums, expected, "{what}");
            });
        }
    }
}
