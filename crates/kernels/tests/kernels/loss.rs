//! Softmax and cross-entropy.

use convnet_kernels::{
    Arena, Isa, Pool, Targets, View, cross_entropy, log_softmax, log_softmax_backward, softmax,
    softmax_backward,
};

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close, read, wide};

/// An exponential and a division for each element.
const TOLERANCE: f64 = 2e-6;

/// Where one probability is near 1, dy − Σ dy·y is a small difference of numbers near 1.
const GRADIENT_TOLERANCE: f64 = 1e-5;

fn softmax_of(row: &[f64]) -> Vec<f64> {
    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = row.iter().map(|x| (x - max).exp()).sum();
    row.iter().map(|x| (x - max).exp() / sum).collect()
}

/// y from the softmax, and the gradient from y, dy and the softmax.
struct Function {
    run: fn(&Pool, Isa, &mut Arena, [View; 2]),
    backward: fn(&mut Arena, [View; 3], bool),
    value: fn(f64) -> f64,
    gradient: fn(p: &[f64], dy: &[f64], i: usize) -> f64,
}

#[test]
fn softmax_and_its_gradient_are_right() {
    check_rows(&Function {
        run: softmax,
        backward: softmax_backward,
        value: |p| p,
        gradient: |p, dy, i| {
            let dot: f64 = p.iter().zip(dy).map(|(p, dy)| p * dy).sum();
            p[i] * (dy[i] - dot)
        },
    });
}

#[test]
fn log_softmax_and_its_gradient_are_right() {
    check_rows(&Function {
        run: |pool, _, arena, views| log_softmax(pool, arena, views),
        backward: log_softmax_backward,
        value: f64::ln,
        gradient: |p, dy, i| dy[i] - p[i] * dy.iter().sum::<f64>(),
    });
}

fn check_rows(function: &Function) {
    let machine = Machine::new(50);
    let mut random = Random::new(61);
    for seed in 0..60 {
        let (rows, classes) = (random.pick(&[0, 1, 3, 70, 200]), random.pick(&CHANNELS));
        let accumulate = random.chance();
        let mut scene = Scene::new(seed);
        let [input, out] = scene.pair([(rows, classes); 2]);
        let [dy, dx] = scene.pair([(rows, classes); 2]);
        scene.fill(input);
        // Logits further apart than 1, as a trained network's are.
        for x in scene.values.iter_mut().filter(|x| !x.is_nan()) {
            *x *= 5.0;
        }
        scene.fill(dy);
        if accumulate {
            scene.fill(dx);
        }
        let shares: Vec<f64> = scene.read(input).chunks(classes).flat_map(softmax_of).collect();
        let expected: Vec<f64> = shares.iter().map(|&p| (function.value)(p)).collect();
        let mut expected_dx = if accumulate { scene.read(dx) } else { vec![0.0; rows * classes] };
        let gradient = scene.read(dy);
        for ((dx, p), dy) in
            expected_dx.chunks_mut(classes).zip(shares.chunks(classes)).zip(gradient.chunks(classes))
        {
            for (i, dx) in dx.iter_mut().enumerate() {
                *dx += (function.gradient)(p, dy, i);
            }
        }
        let run = |pool: &_, isa, arena: &mut _| {
            (function.run)(pool, isa, arena, [input, out]);
            (function.backward)(arena, [out, dy, dx], accumulate);
            Vec::new()
        };
        machine.run(&scene, &[out, dx], run, |arena, _, isa| {
            assert_close(&read(arena, out), &expected, TOLERANCE, format_args!("{isa} {rows} × {classes}"));
            // One class: the gradient is nothing but rounding.
            if classes > 1 {
                assert_close(
                    &read(arena, dx),
                    &expected_dx,
                    GRADIENT_TOLERANCE,
                    format_args!("{isa} {rows} × {classes}"),
                );
            }
        });
    }
}

/// Σ wᵢ·lᵢ / Σ wᵢ, plainly.
fn mean_entropy(logits: &[f64], shares: &[f64], weights: &[f64], classes: usize) -> f64 {
    let rows = logits.chunks(classes).zip(shares.chunks(classes)).zip(weights);
    let sum: f64 = rows
        .map(|((x, q), w)| {
            let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let log_sum = max + x.iter().map(|x| (x - max).exp()).sum::<f64>().ln();
            w * q.iter().zip(x).map(|(q, x)| q * (log_sum - x)).sum::<f64>()
        })
        .sum();
    sum / weights.iter().sum::<f64>()
}

/// The index of the largest, the first of equals.
fn largest(values: &[f64]) -> usize {
    (0..values.len()).find(|&i| values.iter().all(|&v| v <= values[i])).expect("a largest value")
}

/// A central difference's own error, in the f64 of the plain loss.
const DIFFERENCE_TOLERANCE: f64 = 1e-5;

#[test]
fn cross_entropy_gives_loss_hits_and_gradient() {
    let machine = Machine::new(120);
    let mut random = Random::new(62);
    for seed in 0..120 {
        let (rows, classes) = (random.pick(&[1, 3, 70]), random.pick(&CHANNELS[1..]));
        let (accumulate, weight) = (random.chance(), random.pick(&[1.0, 0.3]));
        let mut scene = Scene::new(seed);
        let [logits, gradient] = scene.pair([(rows, classes); 2]);
        scene.fill(logits);
        // Few different values, so that the largest are often equal.
        for x in scene.values.iter_mut().filter(|x| !x.is_nan()) {
            *x = (*x * 5.0).round();
        }
        if accumulate {
            scene.fill(gradient);
        }
        let labels: Vec<u32> = (0..rows).map(|_| random.below(classes) as u32).collect();
        let mut shares = vec![0.0f32; rows * classes];
        let soft = random.chance();
        if soft {
            // In eighths, so that the largest are often equal; a row's need not sum to one.
            shares.iter_mut().for_each(|share| *share = random.below(9) as f32 / 8.0);
        } else {
            shares.chunks_mut(classes).zip(&labels).for_each(|(row, &label)| row[label as usize] = 1.0);
        }
        let targets = if soft { Targets::Distributions(&shares) } else { Targets::Classes(&labels) };
        let mut sample_weights: Option<Vec<f32>> =
            random.chance().then(|| (0..rows).map(|_| random.below(4) as f32 / 2.0).collect());
        if let Some(weights) = &mut sample_weights {
            weights[rows / 2] = 0.7;
        }
        let sample_weights = sample_weights.as_deref();

        let x = scene.read(logits);
        let (q, w) = (wide(&shares), sample_weights.map_or(vec![1.0; rows], wide));
        let loss = mean_entropy(&x, &q, &w, classes);
        let hits = x.chunks(classes).zip(q.chunks(classes)).filter(|(x, q)| largest(x) == largest(q)).count();
        let mut expected = if accumulate { scene.read(gradient) } else { vec![0.0; rows * classes] };
        let total: f64 = w.iter().sum();
        for (((x, q), w), dx) in
            x.chunks(classes).zip(q.chunks(classes)).zip(&w).zip(expected.chunks_mut(classes))
        {
            // The loss of one row, by a central difference.
            let step = 1e-4;
            for (i, dx) in dx.iter_mut().enumerate() {
                let moved = |by: f64| {
                    let mut x = x.to_vec();
                    x[i] += by;
                    mean_entropy(&x, q, &[1.0], classes)
                };
                *dx += f64::from(weight) * w / total * (moved(step) - moved(-step)) / (2.0 * step);
            }
        }
        let run = |_: &_, _, arena: &mut _| {
            let (found, found_hits) =
                cross_entropy(arena, [logits, gradient], targets, sample_weights, weight, accumulate);
            assert!((found - loss).abs() <= TOLERANCE * loss.max(1.0), "loss {found}, expected {loss}");
            assert_eq!(found_hits, hits);
            Vec::new()
        };
        machine.run(&scene, &[gradient], run, |arena, _, isa| {
            assert_close(
                &read(arena, gradient),
                &expected,
                DIFFERENCE_TOLERANCE,
                format_args!("{isa} {rows} × {classes}"),
            );
        });
    }
}

/// Classes are distributions with one share, and samples without weights weigh 1: the same bits.
#[test]
fn targets_that_say_the_same_give_the_same_bits() {
    let (rows, classes) = (70, 17);
    let mut scene = Scene::new(63);
    let [logits, gradient] = scene.pair([(rows, classes); 2]);
    scene.fill(logits);
    let labels: Vec<u32> = (0..rows).map(|_| scene.random.below(classes) as u32).collect();
    let mut shares = vec![0.0f32; rows * classes];
    shares.chunks_mut(classes).zip(&labels).for_each(|(row, &label)| row[label as usize] = 1.0);
    let results = [Targets::Classes(&labels), Targets::Distributions(&shares)].map(|targets| {
        [None, Some(&vec![1.0; rows][..])].map(|weights| {
            let mut arena = scene.arena();
            let (loss, hits) = cross_entropy(&mut arena, [logits, gradient], targets, weights, 0.3, false);
            let gradient: Vec<u64> = read(arena.as_slice(), gradient).into_iter().map(f64::to_bits).collect();
            (loss.to_bits(), hits, gradient)
        })
    });
    assert!(results.as_flattened().iter().all(|result| *result == results[0][0]));
}

#[test]
fn samples_that_weigh_nothing_have_no_loss() {
    let mut scene = Scene::new(64);
    let [logits, gradient] = scene.pair([(2, 3); 2]);
    scene.fill(logits);
    let mut arena = scene.arena();
    let targets = Targets::Classes(&[0, 2]);
    let (loss, _) = cross_entropy(&mut arena, [logits, gradient], targets, Some(&[0.0; 2]), 1.0, false);
    assert_eq!(loss, 0.0);
    assert!(read(arena.as_slice(), gradient).iter().all(|&dx| dx == 0.0));
}

#[test]
fn a_loss_of_huge_logits_is_finite() {
    let machine = Machine::new(1);
    let mut scene = Scene::new(1);
    let [logits, gradient] = [(); 2].map(|()| scene.dense(1, 3));
    scene.values[logits.offset..][..3].copy_from_slice(&[3e38, -3e38, 0.0]);
    let run = |_: &_, _, arena: &mut _| {
        let (loss, hits) = cross_entropy(arena, [logits, gradient], Targets::Classes(&[0]), None, 1.0, false);
        assert_eq!((loss, hits), (0.0, 1));
        Vec::new()
    };
    machine.run(&scene, &[gradient], run, |arena, _, _| {
        assert_eq!(read(arena, gradient), [0.0; 3]);
    });
}
