//! The updates, each against its definition in f64.

use convnet_kernels::{
    Adagrad, Adam, Arena, Isa, Lamb, Lion, Muon, MuonMatrix, Nadam, OrthogonalRoom, Panels, Pool, RmsProp,
    Sgd, Update, lamb, muon, orthogonalize, trust_ratio,
};

use crate::common::{Machine, Random, Scene, assert_close, slices, wide};

/// Roots and quotients of a few steps.
const TOLERANCE: f64 = 2e-6;
/// Steps of RMSprop divide what may be a small difference by its own root, or by that of a variance.
const QUOTIENT_TOLERANCE: f64 = 1e-5;
/// Iterations that double errors, on sums of hundreds of products.
const ORTHOGONAL_TOLERANCE: f64 = 2e-5;

const STEPS: u64 = 4;

/// The parameters and `start.len()` buffers after some updates on random gradients, as `update` makes them, and as
/// `expected` does for each parameter.
fn check(start: &[f32], update: impl Fn(u64) -> Update, expected: impl Fn(u64, &mut [f64], f64)) {
    check_within(TOLERANCE, start, update, expected);
}

fn check_within(
    tolerance: f64,
    start: &[f32],
    update: impl Fn(u64) -> Update,
    expected: impl Fn(u64, &mut [f64], f64),
) {
    let machine = Machine::new(3);
    for len in [0, 6, 17, 300, 40_000] {
        let mut scene = Scene::new(len as u64);
        let mut buffers = vec![scene.random.floats(len)];
        buffers.extend(start.iter().map(|&start| vec![start; len]));
        let gradients: Vec<Vec<f32>> = (0..STEPS).map(|_| scene.random.floats(len)).collect();
        let mut reference: Vec<Vec<f64>> =
            (0..len).map(|i| buffers.iter().map(|values| f64::from(values[i])).collect()).collect();
        for (step, gradient) in (1..).zip(&gradients) {
            reference.iter_mut().zip(gradient).for_each(|(p, g)| expected(step, p, f64::from(*g)));
        }
        let run = |pool: &_, isa, _: &mut _| {
            let mut buffers = buffers.clone();
            for (step, gradient) in (1..).zip(&gradients) {
                let update = update(step);
                assert_eq!(update.moments(), start.len());
                let (parameters, moments) = buffers.split_first_mut().expect("there are parameters");
                update.apply(pool, isa, parameters, gradient, slices(moments));
            }
            buffers.concat()
        };
        machine.run(&scene, &[], run, |_, buffers, isa| {
            for s in 0..=start.len() {
                let expected: Vec<f64> = reference.iter().map(|p| p[s]).collect();
                let found = wide(&buffers[s * len..][..len]);
                assert_close(&found, &expected, tolerance, format_args!("{isa} buffer {s}"));
            }
        });
    }
}

#[test]
fn sgd_updates_as_pytorch_defines_them() {
    for (momentum, dampening, nesterov, decay, trust) in [
        (0.0, 0.0, false, 0.0, 1.0),
        (0.0, 0.0, false, 0.1, 0.5),
        (0.9, 0.0, false, 0.01, 1.0),
        (0.9, 0.25, false, 0.01, 1.0),
        (0.9, 0.0, true, 0.01, 0.25),
    ] {
        let states = vec![0.0; usize::from(momentum > 0.0)];
        let update = |step| {
            let dampening = if step == 1 { 0.0 } else { dampening };
            Update::sgd(Sgd { lr: 0.1, momentum, dampening, weight_decay: decay, nesterov, trust })
        };
        let [lr, momentum, decay, trust] = [0.1, momentum, decay, trust].map(f64::from);
        check(&states, update, |step, buffers, gradient| {
            let g = trust * (gradient + decay * buffers[0]);
            if momentum == 0.0 {
                buffers[0] -= lr * g;
                return;
            }
            let taken = if step == 1 { 1.0 } else { 1.0 - f64::from(dampening) };
            buffers[1] = momentum * buffers[1] + taken * g;
            buffers[0] -= lr * if nesterov { g + momentum * buffers[1] } else { buffers[1] };
        });
    }
}

#[test]
fn adam_updates_as_its_paper_defines_them() {
    for (decay, decoupled, amsgrad) in
        [(0.0, false, false), (0.1, false, false), (0.1, true, false), (0.1, true, true)]
    {
        let adam =
            Adam { lr: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: decay, decoupled, amsgrad };
        let [lr, beta1, beta2, eps, decay] =
            [adam.lr, adam.beta1, adam.beta2, adam.eps, adam.weight_decay].map(f64::from);
        let states = vec![0.0; if amsgrad { 3 } else { 2 }];
        check(
            &states,
            |step| Update::adam(adam, step),
            |step, buffers, gradient| {
                let g = gradient + if decoupled { 0.0 } else { decay * buffers[0] };
                let keep = if decoupled { 1.0 - lr * decay } else { 1.0 };
                buffers[1] = beta1 * buffers[1] + (1.0 - beta1) * g;
                buffers[2] = beta2 * buffers[2] + (1.0 - beta2) * g * g;
                if amsgrad {
                    buffers[3] = buffers[3].max(buffers[2]);
                }
                let mean = buffers[1] / (1.0 - beta1.powf(step as f64));
                let square = buffers[if amsgrad { 3 } else { 2 }] / (1.0 - beta2.powf(step as f64));
                buffers[0] = keep * buffers[0] - lr * mean / (square.sqrt() + eps);
            },
        );
    }
}

#[test]
fn nadam_updates_as_pytorch_defines_them() {
    for (weight_decay, decoupled) in [(0.0, false), (0.1, false), (0.1, true)] {
        let nadam = Nadam {
            lr: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay,
            decoupled,
            momentum_decay: 0.004,
        };
        let (lr, beta1, beta2, eps, decay) =
            (f64::from(0.01f32), 0.9f64, 0.999f64, 1e-8, f64::from(weight_decay));
        let mu = |step: u64| beta1 * (1.0 - 0.5 * 0.96f64.powf(step as f64 * 0.004));
        let product = |step: u64| (1..=step).map(mu).product::<f64>();
        check(
            &[0.0; 2],
            |step| Update::nadam(nadam, step, product(step) as f32),
            |step, buffers, gradient| {
                let g = gradient + if decoupled { 0.0 } else { decay * buffers[0] };
                let keep = if decoupled { 1.0 - lr * decay } else { 1.0 };
                buffers[1] = beta1 * buffers[1] + (1.0 - beta1) * g;
                buffers[2] = beta2 * buffers[2] + (1.0 - beta2) * g * g;
                let root = (buffers[2] / (1.0 - beta2.powf(step as f64))).sqrt() + eps;
                let of_gradient = (1.0 - mu(step)) / (1.0 - product(step));
                let of_mean = mu(step + 1) / (1.0 - product(step + 1));
                buffers[0] = keep * buffers[0] - lr * (of_gradient * g + of_mean * buffers[1]) / root;
            },
        );
    }
}

#[test]
fn rmsprop_updates_as_pytorch_defines_them() {
    for (momentum, centered, decay) in
        [(0.0, false, 0.0), (0.0, true, 0.1), (0.9, false, 0.1), (0.9, true, 0.0)]
    {
        let rule = RmsProp { lr: 0.01, alpha: 0.9, eps: 1e-6, weight_decay: decay, momentum, centered };
        let states = vec![0.0; 1 + usize::from(centered) + usize::from(momentum > 0.0)];
        let [lr, momentum, decay] = [rule.lr, momentum, decay].map(f64::from);
        check_within(
            QUOTIENT_TOLERANCE,
            &states,
            |_| Update::rmsprop(rule),
            |_, buffers, gradient| {
                let g = gradient + decay * buffers[0];
                buffers[1] = 0.9 * buffers[1] + 0.1 * g * g;
                let mut under = buffers[1];
                if centered {
                    buffers[2] = 0.9 * buffers[2] + 0.1 * g;
                    under -= buffers[2] * buffers[2];
                }
                let mut step = g / (under.sqrt() + 1e-6);
                if momentum > 0.0 {
                    let velocity = buffers.last_mut().unwrap();
                    *velocity = momentum * *velocity + step;
                    step = *velocity;
                }
                buffers[0] -= lr * step;
            },
        );
    }
}

#[test]
fn adagrad_updates_as_pytorch_defines_them() {
    for (start, lr_decay, decay) in [(0.0, 0.0, 0.0), (0.1, 0.5, 0.1)] {
        let rule = Adagrad { lr: 0.1, lr_decay, eps: 1e-10, weight_decay: decay };
        let [lr, lr_decay, decay] = [0.1f32, lr_decay, decay].map(f64::from);
        check(
            &[start],
            |step| Update::adagrad(rule, step),
            |step, buffers, gradient| {
                let g = gradient + decay * buffers[0];
                buffers[1] += g * g;
                let rate = lr / (1.0 + (step - 1) as f64 * lr_decay);
                buffers[0] -= rate * g / (buffers[1].sqrt() + 1e-10);
            },
        );
    }
}

#[test]
fn lion_updates_as_its_paper_defines_them() {
    for decay in [0.0, 0.1] {
        let rule = Lion { lr: 0.01, beta1: 0.9, beta2: 0.99, weight_decay: decay };
        let [lr, decay] = [rule.lr, decay].map(f64::from);
        check(
            &[0.0],
            |_| Update::lion(rule),
            |_, buffers, gradient| {
                let mean = 0.9 * buffers[1] + 0.1 * gradient;
                let sign = if mean == 0.0 { 0.0 } else { mean.signum() };
                buffers[0] = (1.0 - lr * decay) * buffers[0] - lr * sign;
                buffers[1] = 0.99 * buffers[1] + 0.01 * gradient;
            },
        );
    }
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[test]
fn lamb_goes_by_the_norms_of_a_tensor() {
    let machine = Machine::new(8);
    for (len, decay, adapt, clip, scale) in [
        (1, 0.01, true, false, 1.0),
        (17, 0.01, true, false, 0.5),
        (9000, 0.01, true, true, 1.0),
        (40_000, 0.0, false, false, 1.0),
    ] {
        for zero in [false, true] {
            let mut scene = Scene::new(len as u64);
            let start = if zero { vec![0.0; len] } else { scene.random.floats(len) };
            let gradients: Vec<Vec<f32>> = (0..STEPS).map(|_| scene.random.floats(len)).collect();
            let rule = Lamb {
                lr: 0.02,
                beta1: 0.9,
                beta2: 0.999,
                eps: 1e-6,
                weight_decay: decay,
                scale,
                adapt,
                clip,
            };
            let [lr, decay, scale] = [rule.lr, decay, scale].map(f64::from);
            let (mut p, mut m, mut v) = (wide(&start), vec![0.0f64; len], vec![0.0f64; len]);
            for (step, gradient) in (1..).zip(&gradients) {
                let mut change = vec![0.0; len];
                for i in 0..len {
                    let g = scale * f64::from(gradient[i]);
                    m[i] = 0.9 * m[i] + 0.1 * g;
                    v[i] = 0.999 * v[i] + 0.001 * g * g;
                    let (mean, square) =
                        (m[i] / (1.0 - 0.9f64.powi(step)), v[i] / (1.0 - 0.999f64.powi(step)));
                    change[i] = mean / (square.sqrt() + 1e-6) + decay * p[i];
                }
                let (of_p, of_change) = (norm(&p), norm(&change));
                let ratio = if adapt && of_p > 0.0 && of_change > 0.0 { of_p / of_change } else { 1.0 };
                let ratio = if adapt && clip { ratio.min(1.0) } else { ratio };
                p.iter_mut().zip(&change).for_each(|(p, change)| *p -= lr * ratio * change);
            }
            let run = |pool: &_, isa, _: &mut _| {
                let mut buffers = [start.clone(), vec![0.0; len], vec![0.0; len]];
                for (step, gradient) in (1..).zip(&gradients) {
                    let [p, m, v] = &mut buffers;
                    lamb(pool, isa, (rule, step), p, gradient, [m, v]);
                }
                buffers.concat()
            };
            machine.run(&scene, &[], run, |_, found, isa| {
                for (i, expected) in [&p, &m, &v].into_iter().enumerate() {
                    let found = wide(&found[i * len..][..len]);
                    assert_close(&found, expected, TOLERANCE, format_args!("{isa} buffer {i} of {len}"));
                }
            });
        }
    }
}

#[test]
fn the_trust_ratio_of_lars_is_that_of_norms() {
    let (pool, isa) = (Pool::new(2), Isa::best());
    let (p, g) = ([3.0, 4.0], [0.0, 2.0]);
    let ratio = |p: &[f32], g: &[f32], clip| trust_ratio(&pool, isa, [p, g], (0.001, 0.1, 1e-8), clip);
    assert!((ratio(&p, &g, None) - 0.002).abs() < 1e-9);
    assert_eq!(ratio(&[0.0; 2], &g, None), 1.0);
    assert_eq!(ratio(&p, &[0.0; 2], None), 1.0);
    assert!((ratio(&p, &g, Some(0.1)) - 0.02).abs() < 1e-8);
    assert_eq!(ratio(&p, &g, Some(0.001)), 1.0);
}

/// Five iterations on a matrix `rows × columns`, or on what it is transposed.
fn newton_schulz(matrix: &[f64], (rows, columns): (usize, usize), steps: usize) -> Vec<f64> {
    let product = |a: &[f64], b: &[f64], (m, k, n): (usize, usize, usize)| -> Vec<f64> {
        let sum = |i: usize, j: usize| (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
        (0..m * n).map(|at| sum(at / n, at % n)).collect()
    };
    let mut x: Vec<f64> = matrix.iter().map(|x| x / norm(matrix).max(1e-7)).collect();
    for _ in 0..steps {
        let transposed: Vec<f64> = (0..columns * rows).map(|at| x[at % rows * columns + at / rows]).collect();
        let gram = product(&transposed, &x, (columns, rows, columns));
        let square = product(&gram, &gram, (columns, columns, columns));
        let inner: Vec<f64> = gram.iter().zip(&square).map(|(g, s)| -4.7750 * g + 2.0315 * s).collect();
        let further = product(&x, &inner, (rows, columns, columns));
        x.iter_mut().zip(further).for_each(|(x, further)| *x = 3.4445 * *x + further);
    }
    x
}

fn room(isa: Isa, rows: usize, columns: usize) -> OrthogonalRoom {
    let [matrices, packed] = OrthogonalRoom::floats(isa, rows, columns).expect("it fits");
    OrthogonalRoom { matrices: Arena::new(matrices), packed: Arena::new(packed) }
}

#[test]
fn a_matrix_becomes_nearly_orthogonal() {
    let machine = Machine::new(20);
    let mut random = Random::new(7);
    let sizes =
        [(1, 1), (2, 1), (5, 3), (27, 16), (150, 33), (131, 17), (64, 64), (300, 65), (9, 2), (512, 20)];
    for (i, size) in sizes
        .into_iter()
        .chain((0..12).map(|_| {
            let columns = random.within(1..=40);
            (columns + random.below(100), columns)
        }))
        .enumerate()
    {
        let mut scene = Scene::new(i as u64);
        let (rows, columns) = size;
        let matrix = scene.random.floats(rows * columns);
        let expected = newton_schulz(&wide(&matrix), size, 5);
        let run = |pool: &_, isa, _: &mut _| {
            let mut room = room(isa, rows, columns);
            room.matrices.as_mut_slice()[..matrix.len()].copy_from_slice(&matrix);
            orthogonalize(pool, isa, &mut room, size, (5, 1e-7));
            room.matrices.as_slice()[..matrix.len()].to_vec()
        };
        machine.run(&scene, &[], run, |_, found, isa| {
            let what = format_args!("{isa} {rows} x {columns}");
            assert_close(&wide(found), &expected, ORTHOGONAL_TOLERANCE, what);
        });
    }
}

#[test]
fn nothing_stays_nothing() {
    let isa = Isa::best();
    let mut room = room(isa, 8, 4);
    orthogonalize(&Pool::new(1), isa, &mut room, (8, 4), (5, 1e-7));
    assert!(room.matrices.as_slice()[..32].iter().all(|&x| x == 0.0));
}

#[test]
fn muon_updates_packed_weights_as_pytorch_defines_it() {
    let machine = Machine::new(12);
    let sizes = [(27, 16, 1), (9, 33, 1), (75, 40, 1), (40, 75, 1), (18, 5, 3), (8, 20, 2)];
    for (i, (inputs, outputs, groups)) in sizes.into_iter().enumerate() {
        for nesterov in [false, true] {
            let mut scene = Scene::new(i as u64);
            let all = groups * outputs;
            let start = scene.random.floats(inputs * all);
            let gradients: Vec<Vec<f32>> = (0..STEPS).map(|_| scene.random.floats(inputs * all)).collect();
            let rule = Muon {
                lr: 0.02,
                weight_decay: 0.1,
                momentum: 0.95,
                nesterov,
                steps: 5,
                eps: 1e-7,
                scale: (all as f32 / inputs as f32).max(1.0).sqrt(),
            };
            let [lr, decay, scale] = [rule.lr, rule.weight_decay, rule.scale].map(f64::from);
            // Matrices of outputs × inputs, as PyTorch has them; both ways of the iteration are the same.
            let (mut p, mut v) = (wide(&start), vec![0.0; start.len()]);
            for gradient in &gradients {
                let g = wide(gradient);
                v.iter_mut().zip(&g).for_each(|(v, g)| *v += 0.05 * (g - *v));
                let look = |(v, g): (&f64, &f64)| if nesterov { g + 0.95 * (v - g) } else { *v };
                let step: Vec<f64> = v.iter().zip(&g).map(look).collect();
                let step = if inputs >= all {
                    let flipped: Vec<f64> =
                        (0..step.len()).map(|at| step[at % all * inputs + at / all]).collect();
                    let x = newton_schulz(&flipped, (inputs, all), 5);
                    (0..step.len()).map(|at| x[at % inputs * all + at / inputs]).collect()
                } else {
                    newton_schulz(&step, (all, inputs), 5)
                };
                for (p, step) in p.iter_mut().zip(step) {
                    *p = (1.0 - lr * decay) * *p - lr * scale * step;
                }
            }
            let run = |pool: &_, isa, _: &mut _| {
                let layout = MuonMatrix { panels: Panels::new(isa, inputs, outputs), groups };
                let len = layout.panels.len();
                let pack = |tensor: &[f32]| {
                    let mut packed = vec![0.0; groups * len];
                    for (group, packed) in packed.chunks_exact_mut(len).enumerate() {
                        layout.panels.pack(packed, |k, n| tensor[(group * outputs + n) * inputs + k]);
                    }
                    packed
                };
                let [matrices, packed] = layout.room(isa).unwrap();
                let mut room = OrthogonalRoom { matrices: Arena::new(matrices), packed: Arena::new(packed) };
                let mut weights = pack(&start);
                let mut velocity = vec![0.0; weights.len()];
                for gradient in &gradients {
                    let both = [weights.as_mut_slice(), velocity.as_mut_slice()];
                    muon(pool, isa, (rule, layout), &mut room, both, &pack(gradient));
                }
                let unpack = |packed: &[f32]| -> Vec<f32> {
                    let element = |at: usize| {
                        let (output, input) = (at / inputs, at % inputs);
                        packed[output / outputs * len + layout.panels.index(input, output % outputs)]
                    };
                    (0..inputs * all).map(element).collect()
                };
                let (weights, velocity) = (unpack(&weights), unpack(&velocity));
                [weights, velocity].concat()
            };
            machine.run(&scene, &[], run, |_, found, isa| {
                let what = format_args!("{isa} {groups} of {inputs} x {outputs}");
                assert_close(&wide(&found[..start.len()]), &p, TOLERANCE, what);
                assert_close(&wide(&found[start.len()..]), &v, TOLERANCE, what);
            });
        }
    }
}
