//! The backward pass of matrix products whose weights are updated where they stand.

use convnet_kernels::{
    Adagrad, Adam, LinearBackward, Lion, Nadam, Panels, RmsProp, Sgd, Update, WeightGradient, linear_backward,
};

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close, read, slices, wide};
use crate::igemm::TOLERANCE;

/// Compares both gradients with plain sums, and applied gradients with an update by the written ones, to the bit.
fn check(machine: &Machine, [pixels, k, n]: [usize; 3], inputs: Option<bool>, update: Update, seed: u64) {
    let mut scene = Scene::new(seed);
    let [input, dy] = scene.pair([(pixels, k), (pixels, n)]);
    scene.fill(input);
    scene.fill(dy);
    let dx = scene.filled(pixels, k);
    let plain = scene.random.floats(k * n);
    let (x_values, dy_values, old) = (scene.read(input), scene.read(dy), scene.read(dx));
    let mut weight_gradient = vec![0.0; k * n];
    let mut input_gradient = if inputs == Some(true) { old } else { vec![0.0; pixels * k] };
    for pixel in 0..pixels {
        for row in 0..k {
            for column in 0..n {
                let dy = dy_values[pixel * n + column];
                weight_gradient[row * n + column] += x_values[pixel * k + row] * dy;
                input_gradient[pixel * k + row] += f64::from(plain[row * n + column]) * dy;
            }
        }
    }
    let call = |panels| LinearBackward {
        panels,
        input,
        output_gradient: dy,
        input_gradient: inputs.map(|accumulate| (dx, accumulate)),
    };
    let run = |pool: &_, isa, arena: &mut convnet_kernels::Arena| {
        let panels = Panels::new(isa, k, n);
        let mut weights = vec![0.0; panels.len()];
        panels.pack(&mut weights, |row, column| plain[row * n + column]);
        let mut gradient = vec![f32::NAN; panels.len()];
        let mut twin = scene.arena();
        let target = WeightGradient::Write { weights: &weights, gradient: &mut gradient };
        linear_backward(pool, isa, &mut twin, &call(panels), target);
        let mut alone = scene.arena();
        linear_backward(pool, isa, &mut alone, &call(panels), WeightGradient::Leave { weights: &weights });
        let mut moments = [0.5, 0.25, 0.125].map(|start| vec![start; panels.len()]);
        let mut expected = (weights.clone(), moments.clone());
        update.apply(pool, isa, &mut expected.0, &gradient, slices(&mut expected.1));
        let target = WeightGradient::Apply { update, weights: &mut weights, moments: slices(&mut moments) };
        linear_backward(pool, isa, arena, &call(panels), target);
        assert_eq!((weights, moments), expected, "{isa}: an update of its own gives the same");
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(twin.as_slice()), bits(arena.as_slice()), "{isa}: the same gradient of the input");
        assert_eq!(bits(alone.as_slice()), bits(arena.as_slice()), "{isa}: also without that of the weights");
        gradient
    };
    let written = if inputs.is_some() { vec![dx] } else { Vec::new() };
    machine.run(&scene, &written, run, |arena, gradient, isa| {
        let what = format_args!("{isa} {pixels} pixels, {k} to {n}");
        let panels = Panels::new(isa, k, n);
        let elements = (0..k).flat_map(|row| (0..n).map(move |column| (row, column)));
        let actual: Vec<f64> = elements.map(|(row, c)| f64::from(gradient[panels.index(row, c)])).collect();
        assert_close(&actual, &weight_gradient, TOLERANCE, what);
        let mut rest = gradient.to_vec();
        (0..k).for_each(|row| (0..n).for_each(|c| rest[panels.index(row, c)] = 0.0));
        assert!(wide(&rest).iter().all(|&x| x == 0.0), "{what}: columns beyond N are not zero");
        if inputs.is_some() {
            assert_close(&read(arena, dx), &input_gradient, TOLERANCE, what);
        }
    });
}

#[test]
fn every_pair_of_channel_counts_is_right_under_every_rule() {
    let machine = Machine::new(256);
    let sgd = |momentum| Update::sgd(Sgd { lr: 0.1, momentum, weight_decay: 0.01, ..Sgd::default() });
    let (lr, beta1, beta2, eps, weight_decay) = (0.01, 0.9, 0.999, 1e-8, 0.1);
    let adam =
        |amsgrad| Update::adam(Adam { lr, beta1, beta2, eps, weight_decay, decoupled: true, amsgrad }, 3);
    let nadam = Nadam { lr, beta1, beta2, eps, weight_decay, decoupled: false, momentum_decay: 0.004 };
    let rmsprop = RmsProp { lr, alpha: 0.99, eps, weight_decay, momentum: 0.9, centered: true };
    let rules = [
        sgd(0.0),
        sgd(0.9),
        adam(false),
        adam(true),
        Update::nadam(nadam, 3, 0.4),
        Update::rmsprop(rmsprop),
        Update::adagrad(Adagrad { lr, lr_decay: 0.1, eps, weight_decay }, 3),
        Update::lion(Lion { lr, beta1, beta2, weight_decay }),
    ];
    let inputs = [None, Some(false), Some(true)];
    for (i, &k) in CHANNELS.iter().enumerate() {
        for (j, &n) in CHANNELS.iter().enumerate() {
            let pixels = [1, 4, 8, 9, 16, 17, 33, 40][(i * 5 + j * 3) % 8];
            check(
                &machine,
                [pixels, k, n],
                inputs[(i + j) % 3],
                rules[(i + 3 * j) % rules.len()],
                (i * 16 + j) as u64,
            );
        }
    }
}

#[test]
fn weights_that_come_from_memory_are_right() {
    let machine = Machine::new(2);
    for (seed, inputs) in [(1, None), (2, Some(true))] {
        let update = Update::sgd(Sgd { lr: 0.1, momentum: 0.9, ..Sgd::default() });
        check(&machine, [3, 1100, 2005], inputs, update, seed);
    }
}

#[test]
fn blocks_of_many_rows_are_right() {
    let machine = Machine::new(12);
    let mut random = Random::new(5);
    for seed in 0..12 {
        let sizes = [random.within(1..=70), random.within(300..=900), random.within(1..=140)];
        let update = Update::sgd(Sgd { lr: 0.1, momentum: 0.9, nesterov: true, ..Sgd::default() });
        check(&machine, sizes, Some(random.chance()), update, seed);
    }
}

#[test]
fn nothing_to_sum_gives_zeros() {
    let machine = Machine::new(1);
    let update = Update::sgd(Sgd { lr: 0.1, ..Sgd::default() });
    check(&machine, [0, 5, 7], Some(false), update, 1);
    check(&machine, [3, 5, 0], None, update, 2);
}
