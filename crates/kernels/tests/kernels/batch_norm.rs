//! Batch normalization: moments, forward and backward.

use convnet_kernels::{
    Arena, BatchNorm, BatchNormBackward, Isa, Pool, View, batch_norm, batch_norm_backward, moments,
};

use crate::common::{Machine, Random, Scene, assert_close, moments_of, read, wide};

/// Float32 sums of at most 512 elements, combined in f64, then a few roundings each.
const TOLERANCE: f64 = 3e-6;

/// A difference of three terms that nearly cancel where there are few pixels.
const GRADIENT_TOLERANCE: f64 = 1e-5;

const EPS: f32 = 1e-5;

/// Mean, biased variance and 1/√(var + ε) of each channel.
fn statistics(x: &[f64], channels: usize) -> [Vec<f64>; 3] {
    let [mean, variance] = moments_of(x, channels);
    let inverse = variance.iter().map(|variance| 1.0 / (variance + f64::from(EPS)).sqrt()).collect();
    [mean, variance, inverse]
}

/// Mean, variance, and what a normalization with them saves.
fn normalize(
    (pool, isa, arena): (&Pool, Isa, &mut Arena),
    [weight, bias]: [&[f32]; 2],
    [input, out]: [View; 2],
    relu: bool,
) -> [Vec<f32>; 5] {
    let mut vectors = [(); 5].map(|()| vec![f32::NAN; input.channels]);
    let [mean, variance, inverse, scale, shift] = &mut vectors;
    moments(pool, isa, arena, input, [mean, variance]);
    let norm = BatchNorm { weight, bias, eps: EPS, mean, variance };
    batch_norm(pool, isa, arena, norm, [input, out], [inverse, scale, shift], relu);
    vectors
}

#[test]
fn batch_norm_uses_the_statistics_of_the_batch() {
    let machine = Machine::new(80);
    let mut random = Random::new(31);
    for seed in 0..80 {
        let pixels = random.pick(&[1, 2, 7, 64, 511, 512, 513, 1100]);
        let channels = random.pick(&[1, 3, 8, 17, 65, 257]);
        let relu = random.chance();
        let mut scene = Scene::new(seed);
        let [input, out] = scene.pair([(pixels, channels); 2]);
        scene.fill(input);
        let (weight, bias) = (scene.random.floats(channels), scene.random.floats(channels));
        let x = scene.read(input);
        let [mean, variance, inverse] = statistics(&x, channels);
        let expected: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(i, x)| {
                let c = i % channels;
                let y = (x - mean[c]) * inverse[c] * f64::from(weight[c]) + f64::from(bias[c]);
                if relu { y.max(0.0) } else { y }
            })
            .collect();
        let run = |pool: &_, isa, arena: &mut _| {
            normalize((pool, isa, arena), [&weight, &bias], [input, out], relu)[..3].concat()
        };
        machine.run(&scene, &[out], run, |arena, vectors, isa| {
            let what = format!("{isa} {input:?}");
            let vectors = wide(vectors);
            // One pixel has no variance, so that only rounding of x, √ε large, is left of x − mean.
            let scale = if pixels == 1 { 100.0 } else { 1.0 };
            assert_close(&read(arena, out), &expected, TOLERANCE * scale, &what);
            assert_close(&vectors[channels..2 * channels], &variance, TOLERANCE, &what);
            assert_close(&vectors[2 * channels..], &inverse, TOLERANCE, &what);
            for (a, e) in vectors[..channels].iter().zip(&mean) {
                assert!((a - e).abs() <= TOLERANCE, "{what}: mean {a}, expected {e}");
            }
        });
    }
}

/// The variance of values far from zero, which Σx² − mean² would lose.
#[test]
fn the_variance_of_a_small_spread_around_a_large_mean_is_kept() {
    let machine = Machine::new(1);
    let (pixels, channels) = (1500, 5);
    let mut scene = Scene::new(7);
    let input = scene.filled(pixels, channels);
    for x in scene.values.iter_mut().filter(|x| !x.is_nan()) {
        *x += 1000.0;
    }
    let [_, variance, _] = statistics(&scene.read(input), channels);
    let run = |pool: &_, isa, arena: &mut _| {
        let mut vectors = [(); 2].map(|()| vec![f32::NAN; channels]);
        moments(pool, isa, arena, input, vectors.each_mut().map(Vec::as_mut_slice));
        vectors[1].clone()
    };
    machine.run(&scene, &[], run, |_, actual, isa| {
        // The mean of a chunk is off by at most 1,000·ε·√512, whose square is all the variance errs by.
        assert_close(&wide(actual), &variance, 1e-4, isa);
    });
}

#[test]
fn batch_norm_gradients_follow_from_the_definition() {
    let machine = Machine::new(80);
    let mut random = Random::new(32);
    for seed in 0..80 {
        let pixels = random.pick(&[7, 64, 511, 512, 513, 1100]);
        let channels = random.pick(&[1, 3, 8, 17, 65, 257]);
        let mode = random.below(3);
        let mut scene = Scene::new(seed);
        let [input, dy] = scene.pair([(pixels, channels); 2]);
        scene.fill(input);
        scene.fill(dy);
        let dx = scene.any(pixels, channels);
        if mode == 2 {
            scene.fill(dx);
        }
        let relu = random.chance();
        // Half of a batch whose other half is the same.
        let joined = seed % 2 == 1;
        let [weight, scale, shift] = [(); 3].map(|()| scene.random.floats(channels));
        let (x, mut gradient) = (scene.read(input), scene.read(dy));
        if relu {
            for (i, dy) in gradient.iter_mut().enumerate() {
                let positive = x[i] as f32 * scale[i % channels] + shift[i % channels] > 0.0;
                *dy = if positive { *dy } else { 0.0 };
            }
        }
        let [mean, _, inverse] = statistics(&x, channels);
        let normal = |i: usize| (x[i] - mean[i % channels]) * inverse[i % channels];
        let (mut weight_gradient, mut bias_gradient) = (vec![0.0; channels], vec![0.0; channels]);
        for (i, dy) in gradient.iter().enumerate() {
            weight_gradient[i % channels] += dy * normal(i);
            bias_gradient[i % channels] += dy;
        }
        let old = if mode == 2 { scene.read(dx) } else { vec![0.0; x.len()] };
        let expected: Vec<f64> = (0..x.len())
            .map(|i| {
                let c = i % channels;
                let centred =
                    gradient[i] - (bias_gradient[c] + normal(i) * weight_gradient[c]) / pixels as f64;
                old[i] + f64::from(weight[c]) * inverse[c] * centred
            })
            .collect();
        let [mean, inverse] = [&mean, &inverse].map(|v| v.iter().map(|&x| x as f32).collect::<Vec<_>>());
        let target = (mode > 0).then_some((dx, mode == 2));
        let run = |pool: &_, isa, arena: &mut _| {
            let mut vectors = [(); 2].map(|()| vec![f32::NAN; channels]);
            let gradients = vectors.each_mut().map(Vec::as_mut_slice);
            let call = BatchNormBackward {
                input,
                output_gradient: dy,
                input_gradient: target,
                weight: &weight,
                mean: &mean,
                inverse: &inverse,
                scale: &scale,
                shift: &shift,
                relu,
                count: if joined { 2.0 } else { 1.0 } * pixels as f64,
            };
            let mut join = |sums: &mut [f64]| sums.iter_mut().for_each(|sum| *sum *= 2.0);
            let join = joined.then_some(&mut join as &mut dyn FnMut(&mut [f64]));
            batch_norm_backward(pool, isa, arena, &call, gradients, join);
            vectors.concat()
        };
        let written: Vec<_> = target.iter().map(|(view, _)| *view).collect();
        machine.run(&scene, &written, run, |arena, vectors, isa| {
            let what = format!("{isa} {input:?} {target:?}");
            let vectors = wide(vectors);
            let both = [weight_gradient.clone(), bias_gradient.clone()].concat();
            assert_close(&vectors, &both, TOLERANCE, &what);
            if target.is_some() {
                assert_close(&read(arena, dx), &expected, GRADIENT_TOLERANCE, &what);
            }
        });
    }
}
