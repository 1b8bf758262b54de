//! Normalizations by the numbers of one image, and scales by channel, with their gradients.

use convnet_kernels::{
    GroupNorm, group_norm, group_norm_backward, row_norm, row_norm_backward, sided_scale,
    sided_scale_backward,
};

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close, read, wide};

const EPS: f64 = 1e-5;

/// Output, gradients of the input, of γ and of β, where elements of one set are normalized together.
fn normalized(
    (x, dy): (&[f64], &[f64]),
    channels: usize,
    [weight, bias]: [&[f32]; 2],
    set: impl Fn(usize) -> usize,
) -> [Vec<f64>; 4] {
    let count = x.len();
    let sets = (0..count).map(&set).max().map_or(0, |last| last + 1);
    let mut members = vec![Vec::new(); sets];
    (0..count).for_each(|i| members[set(i)].push(i));
    let (mut y, mut dx) = (vec![0.0; count], vec![0.0; count]);
    let (mut dw, mut db) = (vec![0.0; channels], vec![0.0; channels]);
    let gamma = |i: usize| f64::from(weight[i % channels]);
    for set in members {
        let size = set.len() as f64;
        let mean = set.iter().map(|&i| x[i]).sum::<f64>() / size;
        let variance = set.iter().map(|&i| (x[i] - mean).powi(2)).sum::<f64>() / size;
        let inverse = 1.0 / (variance + EPS).sqrt();
        let unit = |i: usize| (x[i] - mean) * inverse;
        let sum = set.iter().map(|&i| gamma(i) * dy[i]).sum::<f64>() / size;
        let slope = set.iter().map(|&i| gamma(i) * dy[i] * unit(i)).sum::<f64>() / size;
        for &i in &set {
            y[i] = gamma(i) * unit(i) + f64::from(bias[i % channels]);
            dx[i] = (gamma(i) * dy[i] - sum - unit(i) * slope) * inverse;
            dw[i % channels] += dy[i] * unit(i);
            db[i % channels] += dy[i];
        }
    }
    [y, dx, dw, db]
}

#[test]
fn pixels_and_groups_are_normalized() {
    let machine = Machine::new(60);
    let mut random = Random::new(3);
    for seed in 0..80 {
        let (images, pixels) = (random.pick(&[1, 2, 3]), random.pick(&[1, 2, 9, 50, 700]));
        let (groups, of_group) = (random.pick(&[1, 2, 3]), random.pick(&CHANNELS));
        let channels = groups * of_group;
        let by_pixel = random.chance();
        // Of one element there is nothing but the bias.
        if (by_pixel && channels < 3) || (!by_pixel && of_group * pixels < 3) {
            continue;
        }
        let add = random.chance();
        let mut scene = Scene::new(5000 + seed);
        let [x, y, dy, dx] = [(); 4].map(|()| scene.filled(images * pixels, channels));
        let [weight, bias] = [(); 2].map(|()| scene.random.floats(channels));
        // A mean that is far from 0.
        for i in crate::common::elements(x) {
            scene.values[i] += 3.0;
        }
        let (xs, dys, old) = (scene.read(x), scene.read(dy), scene.read(dx));
        let set = |i: usize| {
            let (pixel, channel) = (i / channels, i % channels);
            if by_pixel { pixel } else { pixel / pixels * groups + channel / of_group }
        };
        let [ys, mut dxs, dw, db] = normalized((&xs, &dys), channels, [&weight, &bias], set);
        if add {
            dxs.iter_mut().zip(old).for_each(|(dx, old)| *dx += old);
        }
        let expected = [dw, db].concat();
        let kernels = |pool: &_, isa, arena: &mut _| {
            let mut gradients = vec![0.0f32; 2 * channels];
            let (dw, db) = gradients.split_at_mut(channels);
            let (target, eps) = (Some((dx, add)), EPS as f32);
            if by_pixel {
                row_norm(pool, isa, arena, [x, y], [&weight, &bias], eps);
                row_norm_backward(pool, isa, arena, [x, dy], target, (&weight, eps), [dw, db]);
            } else {
                let norm = GroupNorm { pixels, groups, eps, weight: &weight, bias: &bias };
                group_norm(pool, isa, arena, &norm, [x, y]);
                group_norm_backward(pool, isa, arena, &norm, [x, dy], target, [dw, db]);
            }
            gradients
        };
        machine.run(&scene, &[y, dx], kernels, |arena, gradients, isa| {
            let what = format_args!("{isa} by pixel: {by_pixel}, {groups} groups, {x:?}");
            // Of few elements that are nearly equal rounding is what is left.
            assert_close(&read(arena, y), &ys, 2e-4, what);
            assert_close(&read(arena, dx), &dxs, 2e-3, what);
            assert_close(&wide(gradients), &expected, 2e-4, what);
        });
    }
}

#[test]
fn scales_above_and_below_0_and_their_gradients() {
    let machine = Machine::new(30);
    let mut random = Random::new(4);
    for seed in 0..40 {
        let (pixels, channels) = (random.pick(&[1, 3, 40, 777]), random.pick(&CHANNELS));
        let add = random.chance();
        let mut scene = Scene::new(6000 + seed);
        let [x, y, dy, dx] = [(); 4].map(|()| scene.filled(pixels, channels));
        let [above, below] = [(); 2].map(|()| scene.random.floats(channels));
        let (xs, dys, old) = (scene.read(x), scene.read(dy), scene.read(dx));
        let factor =
            |i: usize| f64::from(if xs[i] > 0.0 { above[i % channels] } else { below[i % channels] });
        let ys: Vec<f64> = (0..xs.len()).map(|i| xs[i] * factor(i)).collect();
        let dxs: Vec<f64> =
            (0..xs.len()).map(|i| dys[i] * factor(i) + if add { old[i] } else { 0.0 }).collect();
        let mut sums = vec![0.0; 2 * channels];
        (0..xs.len())
            .for_each(|i| sums[i % channels + if xs[i] > 0.0 { 0 } else { channels }] += xs[i] * dys[i]);
        let kernels = |pool: &_, isa, arena: &mut _| {
            let mut gradients = vec![0.0f32; 2 * channels];
            let (first, second) = gradients.split_at_mut(channels);
            sided_scale(pool, isa, arena, [x, y], [&above, &below]);
            let target = Some((dx, add));
            sided_scale_backward(pool, isa, arena, [x, dy], target, [&above, &below], [first, second]);
            gradients
        };
        machine.run(&scene, &[y, dx], kernels, |arena, gradients, isa| {
            let what = format_args!("{isa} {x:?}");
            assert_close(&read(arena, y), &ys, 1e-6, what);
            assert_close(&read(arena, dx), &dxs, 1e-6, what);
            assert_close(&wide(gradients), &sums, 1e-5, what);
        });
    }
}
