//! Losses beyond plain cross-entropy: against PyTorch's figures, and against plain forms and their central differences.

use convnet_kernels::{
    Arena, Binary, Comparison, Criterion, CrossEntropy, Reading, Targets, Teacher, View, Whole, compare,
};

use crate::common::{Machine, Random, Scene, assert_close, read, wide};

const ROWS: usize = 3;
const CLASSES: usize = 7;

/// ((i · step) mod modulus − ⌊modulus / 2⌋) / scale, as `tools/loss_golden.py` makes it.
fn values(count: usize, step: usize, modulus: usize, scale: f64) -> Vec<f32> {
    (0..count).map(|i| (((i * step % modulus) as f64 - (modulus / 2) as f64) / scale) as f32).collect()
}

/// Loss, hits and gradient of the golden logits.
fn found(comparison: Comparison<'_>) -> (f64, usize, Vec<f64>) {
    let size = ROWS * CLASSES;
    let mut arena = Arena::new(2 * size);
    arena.as_mut_slice()[..size].copy_from_slice(&values(size, 37, 41, 8.0));
    let views = [0, size].map(|at| View::dense(at, ROWS, CLASSES));
    let (loss, hits) = compare(&mut arena, views, comparison, 1.0, false);
    (loss, hits, read(arena.as_slice(), views[1]))
}

#[test]
fn the_parts_of_a_batch_add_up_to_its_loss() {
    let labels: Vec<u32> = (0..ROWS).map(|i| ((3 * i + 2) % CLASSES) as u32).collect();
    let several: Vec<f32> = (0..ROWS * CLASSES).map(|i| f32::from(u8::from(i * 5 % 3 == 0))).collect();
    let class_weights = Some(values(CLASSES, 3, 7, 8.0).iter().map(|x| x.abs() + 0.25).collect::<Vec<f32>>());
    let weigh =
        |label: &u32| class_weights.as_ref().map_or(1.0, |weights| f64::from(weights[*label as usize]));
    let logits = values(ROWS * CLASSES, 37, 41, 8.0);
    let said = values(ROWS * CLASSES, 29, 31, 8.0);
    let cross =
        |class_weights| Criterion::CrossEntropy(CrossEntropy { smoothing: 0.1, class_weights, gamma: 0.5 });
    let cases = [
        (Criterion::default(), false),
        (cross(None), false),
        (cross(class_weights.clone()), false),
        (Criterion::Binary(Binary::default()), true),
        (Criterion::Binary(Binary { sum_classes: true, ..Binary::default() }), false),
    ];
    for (criterion, soft) in &cases {
        for taught in [false, true] {
            let part = |first: usize, rows: usize, whole: Option<Whole>| {
                let of = first * CLASSES..(first + rows) * CLASSES;
                let mut arena = Arena::new(2 * rows * CLASSES);
                arena.as_mut_slice()[..rows * CLASSES].copy_from_slice(&logits[of.clone()]);
                let teacher = Teacher {
                    logits: &said[of.clone()],
                    alpha: 0.3,
                    reading: Reading::Softmax { temperature: 2.0 },
                };
                let targets = match soft {
                    true => Targets::Distributions(&several[of]),
                    false => Targets::Classes(&labels[first..first + rows]),
                };
                let teacher = taught.then_some(teacher);
                let comparison = Comparison { targets, sample_weights: None, criterion, teacher, whole };
                let views = [0, rows * CLASSES].map(|at| View::dense(at, rows, CLASSES));
                let (loss, hits) = compare(&mut arena, views, comparison, 0.7, false);
                (loss, hits, read(arena.as_slice(), views[1]))
            };
            let (loss, hits, gradient) = part(0, ROWS, None);
            let whole = Whole { rows: ROWS as f64, weighted: labels.iter().map(weigh).sum() };
            let parts = [part(0, 2, Some(whole)), part(2, ROWS - 2, Some(whole))];
            let sum: f64 = parts.iter().map(|part| part.0).sum();
            assert!((sum - loss).abs() < 1e-12 * loss, "{criterion:?}: {sum}, expected {loss}");
            assert_eq!(parts[0].1 + parts[1].1, hits);
            assert_eq!([&parts[0].2[..], &parts[1].2[..]].concat(), gradient, "{criterion:?}");
        }
    }
}

#[test]
fn losses_are_pytorch_s() {
    let size = ROWS * CLASSES;
    let labels: Vec<u32> = (0..ROWS).map(|i| ((3 * i + 2) % CLASSES) as u32).collect();
    let soft: Vec<f32> = values(size, 5, 9, 8.0).iter().map(|x| (x + 0.5).abs()).collect();
    let clamped: Vec<f32> = soft.iter().map(|x| x.min(1.0)).collect();
    let several: Vec<f32> = (0..size).map(|i| f32::from(u8::from(i * 5 % 3 == 0))).collect();
    let weights = Some(values(CLASSES, 3, 7, 8.0).iter().map(|x| x.abs() + 0.25).collect::<Vec<f32>>());
    let positive_weights =
        Some(values(CLASSES, 2, 5, 4.0).iter().map(|x| x.abs() + 0.5).collect::<Vec<f32>>());
    let logits = values(size, 29, 31, 8.0);
    let (smoothing, gamma) = (0.1, 1.5);
    let (classes, soft, clamped, several) = (
        Targets::Classes(&labels),
        Targets::Distributions(&soft),
        Targets::Distributions(&clamped),
        Targets::Distributions(&several),
    );
    let cross = |smoothing, class_weights: &Option<Vec<f32>>, gamma| {
        Criterion::CrossEntropy(CrossEntropy { smoothing, class_weights: class_weights.clone(), gamma })
    };
    let binary = Criterion::Binary;
    let plain = Binary::default;
    let teacher = |reading| Some(Teacher { logits: &logits, alpha: 0.3, reading });
    let softened = |temperature| teacher(Reading::Softmax { temperature });
    let cases = [
        ("smoothing", cross(smoothing, &None, 0.0), classes, None),
        ("weights", cross(0.0, &weights, 0.0), classes, None),
        ("weights-smoothing", cross(smoothing, &weights, 0.0), classes, None),
        ("soft-weights-smoothing", cross(smoothing, &weights, 0.0), soft, None),
        ("focal", cross(0.0, &weights, gamma), classes, None),
        ("focal-two", cross(0.0, &None, 2.0), classes, None),
        ("binary", binary(Binary { smoothing, ..plain() }), classes, None),
        (
            "binary-threshold-sum",
            binary(Binary { smoothing, threshold: Some(0.05), sum_classes: true, ..plain() }),
            classes,
            None,
        ),
        (
            "binary-several",
            binary(Binary { class_weights: weights, positive_weights, ..plain() }),
            several,
            None,
        ),
        ("binary-focal", binary(Binary { alpha: Some(0.25), gamma: 2.0, ..plain() }), several, None),
        ("binary-focal-soft", binary(Binary { gamma, ..plain() }), clamped, None),
        ("teacher", Criterion::default(), classes, softened(4.0)),
        ("teacher-smoothing", cross(smoothing, &None, 0.0), classes, softened(0.5)),
        ("teacher-several", binary(plain()), several, teacher(Reading::Sigmoid { temperature: 2.0 })),
        ("teacher-hard", Criterion::default(), classes, teacher(Reading::Hard)),
    ];
    let golden = include_str!("losses.tsv");
    assert_eq!(golden.lines().count(), cases.len());
    for (line, (name, criterion, targets, teacher)) in golden.lines().zip(&cases) {
        let mut fields = line.split('\t');
        assert_eq!(fields.next(), Some(*name));
        let mut numbers = fields.map(|field| field.parse::<f64>().unwrap());
        let expected = numbers.next().unwrap();
        let comparison =
            Comparison { targets: *targets, sample_weights: None, criterion, teacher: *teacher, whole: None };
        let (loss, _, gradient) = found(comparison);
        assert!((loss - expected).abs() < 2e-7 * expected, "{name}: {loss}, expected {expected}");
        // Float32's rounding of what is written.
        assert_close(&gradient, &numbers.collect::<Vec<_>>(), 2e-7, name);
    }
}

/// A loss of one row by its definition; shares are smoothed already.
fn plain(criterion: &Criterion, x: &[f64], shares: &[f64]) -> f64 {
    let weight = |weights: &Option<Vec<f32>>, c: usize| weights.as_ref().map_or(1.0, |w| f64::from(w[c]));
    let sum: f64 = x.iter().map(|x| x.exp()).sum();
    let each = |(c, (x, &q)): (usize, (&f64, &f64))| match criterion {
        Criterion::CrossEntropy(CrossEntropy { class_weights, gamma, .. }) => {
            let p = x.exp() / sum;
            -weight(class_weights, c) * q * (1.0 - p).powf(f64::from(*gamma)) * p.ln()
        }
        Criterion::Binary(binary) => {
            let t = binary.threshold.map_or(q, |threshold| if q > f64::from(threshold) { 1.0 } else { 0.0 });
            let p = 1.0 / (1.0 + (-x).exp());
            let hit = p * t + (1.0 - p) * (1.0 - t);
            let alpha = binary.alpha.map_or(1.0, |a| f64::from(a) * t + (1.0 - f64::from(a)) * (1.0 - t));
            let entropy = -weight(&binary.positive_weights, c) * t * p.ln() - (1.0 - t) * (1.0 - p).ln();
            let focus = (1.0 - hit).powf(f64::from(binary.gamma));
            weight(&binary.class_weights, c) * alpha * focus * entropy
        }
    };
    x.iter().zip(shares).enumerate().map(each).sum()
}

/// A teacher's part for one row, by its definition.
fn taught(reading: Reading, x: &[f64], said: &[f64]) -> f64 {
    let softmax = |x: &[f64], t: f64| -> Vec<f64> {
        let sum: f64 = x.iter().map(|x| (x / t).exp()).sum();
        x.iter().map(|x| (x / t).exp() / sum).collect()
    };
    match reading {
        Reading::Softmax { temperature } => {
            let t = f64::from(temperature);
            let pairs = softmax(said, t).into_iter().zip(softmax(x, t));
            t * t * pairs.map(|(q, p)| q * (q / p).ln()).sum::<f64>()
        }
        Reading::Sigmoid { temperature } => {
            let t = f64::from(temperature);
            let sigmoid = |x: f64| 1.0 / (1.0 + (-x / t).exp());
            let pairs = said.iter().zip(x).map(|(&said, &x)| (sigmoid(said), sigmoid(x)));
            let kl = pairs.map(|(q, p)| q * (q / p).ln() + (1.0 - q) * ((1.0 - q) / (1.0 - p)).ln());
            t * t * kl.sum::<f64>() / x.len() as f64
        }
        Reading::Hard => {
            let best = (0..said.len()).fold(0, |best, i| if said[i] > said[best] { i } else { best });
            -softmax(x, 1.0)[best].ln()
        }
    }
}

fn drawn(random: &mut Random, classes: usize) -> Criterion {
    let weights = |random: &mut Random| {
        random.chance().then(|| (0..classes).map(|_| 0.5 + random.below(4) as f32 / 4.0).collect())
    };
    let (smoothing, gamma) = (random.pick(&[0.0, 0.1, 1.0]), random.pick(&[0.0, 0.5, 1.0, 2.0]));
    let class_weights: Option<Vec<f32>> = weights(random);
    if random.chance() {
        return Criterion::CrossEntropy(CrossEntropy { smoothing, class_weights, gamma });
    }
    Criterion::Binary(Binary {
        smoothing,
        threshold: random.pick(&[None, Some(0.3)]),
        class_weights,
        positive_weights: weights(random),
        alpha: random.pick(&[None, Some(0.25)]),
        gamma,
        sum_classes: random.chance(),
    })
}

#[test]
fn losses_and_gradients_are_those_of_their_definitions() {
    const CASES: usize = 300;
    let machine = Machine::new(CASES);
    let mut random = Random::new(71);
    for seed in 0..CASES {
        let (rows, classes) = (random.pick(&[1, 3, 20]), random.pick(&[1, 2, 3, 5, 9, 17]));
        let (accumulate, weight) = (random.chance(), random.pick(&[1.0, 0.3]));
        let criterion = drawn(&mut random, classes);
        let mut scene = Scene::new(seed as u64);
        let [logits, gradient] = scene.pair([(rows, classes); 2]);
        scene.fill(logits);
        scene.values.iter_mut().filter(|x| !x.is_nan()).for_each(|x| *x *= 4.0);
        if accumulate {
            scene.fill(gradient);
        }
        let labels: Vec<u32> = (0..rows).map(|_| random.below(classes) as u32).collect();
        let mut shares = vec![0.0f32; rows * classes];
        let soft = random.chance();
        match soft {
            true => shares.iter_mut().for_each(|share| *share = random.below(9) as f32 / 8.0),
            false => shares.chunks_mut(classes).zip(&labels).for_each(|(row, &l)| row[l as usize] = 1.0),
        }
        let targets = if soft { Targets::Distributions(&shares) } else { Targets::Classes(&labels) };
        let sample_weights: Option<Vec<f32>> =
            random.chance().then(|| (0..rows).map(|_| (1 + random.below(3)) as f32 / 2.0).collect());
        let said = random.floats(rows * classes);
        let readings =
            [Reading::Softmax { temperature: 3.0 }, Reading::Sigmoid { temperature: 0.5 }, Reading::Hard];
        let teacher = random.chance().then(|| Teacher {
            logits: &said,
            alpha: random.pick(&[0.25, 1.0]),
            reading: random.pick(&readings),
        });

        let (x, wide_said) = (scene.read(logits), wide(&said));
        let samples = sample_weights.as_deref().map_or(vec![1.0; rows], wide);
        let (smoothing, class_weights, mean_of) = match &criterion {
            Criterion::CrossEntropy(CrossEntropy { smoothing, class_weights, .. }) => {
                (*smoothing, class_weights.as_ref().filter(|_| !soft), 1.0)
            }
            Criterion::Binary(Binary { smoothing, sum_classes, .. }) => {
                (*smoothing, None, if *sum_classes { 1.0 } else { classes as f64 })
            }
        };
        let smooth =
            |q: &f32| (1.0 - f64::from(smoothing)) * f64::from(*q) + f64::from(smoothing) / classes as f64;
        let q: Vec<f64> = shares.iter().map(smooth).collect();
        let counted =
            |row: usize| samples[row] * class_weights.map_or(1.0, |w| f64::from(w[labels[row] as usize]));
        let total = mean_of * (0..rows).map(counted).sum::<f64>();
        let of_row = |row: usize, x: &[f64]| {
            let own = samples[row] / total * plain(&criterion, x, &q[row * classes..][..classes]);
            let Some(Teacher { alpha, reading, .. }) = teacher else { return own };
            let alpha = f64::from(alpha);
            let said = taught(reading, x, &wide_said[row * classes..][..classes]);
            (1.0 - alpha) * own + alpha * samples[row] / samples.iter().sum::<f64>() * said
        };
        let loss: f64 = x.chunks(classes).enumerate().map(|(row, x)| of_row(row, x)).sum();
        let mut expected = if accumulate { scene.read(gradient) } else { vec![0.0; rows * classes] };
        for (at, dx) in expected.iter_mut().enumerate() {
            let (row, class) = (at / classes, at % classes);
            let moved = |by: f64| {
                let mut x = x[row * classes..][..classes].to_vec();
                x[class] += by;
                of_row(row, &x)
            };
            *dx += f64::from(weight) * (moved(1e-4) - moved(-1e-4)) / 2e-4;
        }
        let comparison = Comparison {
            targets,
            sample_weights: sample_weights.as_deref(),
            criterion: &criterion,
            teacher,
            whole: None,
        };
        let what = format!("{comparison:?}, {rows} × {classes}");
        let run = |_: &_, _, arena: &mut _| {
            let (found, _) = compare(arena, [logits, gradient], comparison, weight, accumulate);
            assert!((found - loss).abs() <= 1e-6 * loss.max(1e-3), "{what}: {found}, expected {loss}");
            Vec::new()
        };
        machine.run(&scene, &[gradient], run, |arena, _, _| {
            // A softmax over one class has no gradient but a difference's rounding.
            if expected.iter().any(|dx| dx.abs() > 1e-9) {
                assert_close(&read(arena, gradient), &expected, 2e-5, &what);
            }
        });
    }
}

#[test]
fn a_plain_criterion_gives_the_bits_of_cross_entropy() {
    let (labels, criterion) = ([2, 5, 1], Criterion::default());
    let comparison = |criterion| Comparison {
        targets: Targets::Classes(&labels),
        sample_weights: None,
        criterion,
        teacher: None,
        whole: None,
    };
    let plain = found(comparison(&criterion));
    // Weights that are all the same say the same, by another way.
    let weighed = Criterion::CrossEntropy(CrossEntropy {
        class_weights: Some(vec![3.0; CLASSES]),
        ..CrossEntropy::PLAIN
    });
    let weighed = found(comparison(&weighed));
    assert!((plain.0 - weighed.0).abs() < 1e-6 && plain.1 == weighed.1);
    assert_close(&plain.2, &weighed.2, 1e-6, "weights");
}

#[test]
fn losses_of_huge_logits_are_finite() {
    let x = [3e38, -3e38, 0.0, 80.0, -80.0];
    for criterion in [
        Criterion::CrossEntropy(CrossEntropy { smoothing: 0.1, class_weights: None, gamma: 0.5 }),
        Criterion::Binary(Binary { smoothing: 0.1, alpha: Some(0.25), gamma: 0.5, ..Binary::default() }),
        Criterion::Binary(Binary::default()),
    ] {
        for label in 0..5 {
            for reading in [Reading::Softmax { temperature: 2.0 }, Reading::Sigmoid { temperature: 2.0 }] {
                let mut arena = Arena::new(10);
                arena.as_mut_slice()[..5].copy_from_slice(&x);
                let comparison = Comparison {
                    targets: Targets::Classes(&[label]),
                    sample_weights: None,
                    criterion: &criterion,
                    teacher: Some(Teacher { logits: &[-3e38, 3e38, 0.0, 1.0, 2.0], alpha: 0.5, reading }),
                    whole: None,
                };
                let views = [0, 5].map(|at| View::dense(at, 1, 5));
                let (loss, _) = compare(&mut arena, views, comparison, 1.0, false);
                assert!(loss.is_finite(), "{comparison:?}");
                assert!(arena.as_slice()[5..].iter().all(|dx| dx.is_finite()), "{comparison:?}");
            }
        }
    }
}

#[test]
fn hits_are_at_any_of_several_classes() {
    let mut arena = Arena::new(12);
    arena.as_mut_slice()[..6].copy_from_slice(&[0.0, 1.0, 2.0, 0.0, 5.0, 2.0]);
    let views = [0, 6].map(|at| View::dense(at, 2, 3));
    let comparison = Comparison {
        targets: Targets::Distributions(&[1.0, 0.0, 1.0, 1.0, 0.0, 1.0]),
        sample_weights: None,
        criterion: &Criterion::Binary(Binary::default()),
        teacher: None,
        whole: None,
    };
    assert_eq!(compare(&mut arena, views, comparison, 1.0, false).1, 1);
}

/// Σ t·(−ln p), its gradient, and how many rows are right, of weighted shares.
fn by_shares(comparison: &Comparison<'_>, logits: &[f32]) -> Option<(f64, usize, Vec<f64>)> {
    let rows = logits.len() / CLASSES;
    let (shares, right) = comparison.weighted_shares(rows, CLASSES)?;
    let (mut loss, mut hits, mut gradient) = (0.0, 0, Vec::new());
    for ((x, t), right) in logits.chunks_exact(CLASSES).zip(shares.chunks_exact(CLASSES)).zip(right) {
        let (x, t) = (wide(x), wide(t));
        let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = x.iter().map(|x| (x - largest).exp()).sum();
        let total: f64 = t.iter().sum();
        loss += x.iter().zip(&t).map(|(x, t)| t * (largest + sum.ln() - x)).sum::<f64>();
        hits += usize::from(x.iter().position(|&x| x == largest) == Some(right as usize));
        gradient.extend(x.iter().zip(&t).map(|(x, t)| (x - largest).exp() / sum * total - t));
    }
    Some((loss, hits, gradient))
}

#[test]
fn a_comparison_as_weighted_shares_is_the_same() {
    let labels: Vec<u32> = (0..ROWS).map(|i| ((3 * i + 2) % CLASSES) as u32).collect();
    let soft: Vec<f32> = values(ROWS * CLASSES, 11, 13, 4.0).into_iter().map(f32::abs).collect();
    let weights: Vec<f32> = (0..ROWS).map(|i| 0.5 + i as f32).collect();
    let class_weights: Vec<f32> = values(CLASSES, 3, 7, 8.0).iter().map(|x| x.abs() + 0.25).collect();
    let logits = values(ROWS * CLASSES, 37, 41, 8.0);
    let cross = |smoothing, class_weights| {
        Criterion::CrossEntropy(CrossEntropy { smoothing, class_weights, gamma: 0.0 })
    };
    let criteria = [
        Criterion::default(),
        cross(0.1, None),
        cross(0.0, Some(class_weights.clone())),
        cross(0.2, Some(class_weights)),
    ];
    let whole = Whole { rows: 11.0, weighted: 7.5 };
    for criterion in &criteria {
        for targets in [Targets::Classes(&labels), Targets::Distributions(&soft)] {
            for sample_weights in [None, Some(&weights[..]), Some(&[0.0; ROWS][..])] {
                for whole in [None, Some(whole)] {
                    let comparison = Comparison { targets, sample_weights, criterion, teacher: None, whole };
                    let (loss, hits, gradient) = found(comparison);
                    let (by, right, slopes) = by_shares(&comparison, &logits).unwrap();
                    let what = format!("{comparison:?}");
                    assert!((loss - by).abs() <= 1e-6 * loss.abs().max(1e-3), "{what}: {by} for {loss}");
                    assert_eq!(hits, right, "{what}");
                    assert_close(&slopes, &gradient, 1e-6, what);
                }
            }
        }
    }
    // What is no such sum.
    let focal = Criterion::CrossEntropy(CrossEntropy { gamma: 1.0, ..CrossEntropy::PLAIN });
    let teacher = Teacher { logits: &logits, alpha: 0.5, reading: Reading::Hard };
    for (criterion, teacher) in [
        (&focal, None),
        (&Criterion::Binary(Binary::default()), None),
        (&Criterion::default(), Some(teacher)),
    ] {
        let targets = Targets::Classes(&labels);
        let comparison = Comparison { targets, sample_weights: None, criterion, teacher, whole: None };
        assert_eq!(comparison.weighted_shares(ROWS, CLASSES), None);
    }
}
