//! Updates by the rules that have kernels.

use convnet_gpu::Clock;

use super::networks::modern;
use super::{IMAGES, emulator, get, put};
use crate::exec::Precision;
use crate::exec::oracle_tests::close_within;
use crate::gpu::table::Parameter;
use crate::gpu::tests::blueprint;
use crate::gpu::training::Task;
use crate::gpu::update::{self, Updates};
use crate::optim::plain::Plain;
use crate::optim::{Adagrad, Adam, Lamb, Lars, Muon, Nadam, Optimizer, ParameterGroups, Rmsprop, Sgd};
use crate::reference::random::random_state;

/// Several updates by each rule that has a kernel, with all that it keeps, beside the rule in double precision.
#[test]
fn updates_are_those_of_the_rules() {
    let Some(mut emulator) = emulator() else { return };
    let graph = modern();
    let mut rules: Vec<Optimizer> = Optimizer::entries().into_iter().map(|entry| entry.optimizer).collect();
    rules.push(Sgd { dampening: 0.3, weight_decay: 0.01, ..Sgd::default() }.into());
    rules.push(Adam { amsgrad: true, weight_decay: 0.01, ..Adam::default() }.into());
    rules.push(Rmsprop { centered: true, momentum: 0.9, eps: 1e-3, ..Rmsprop::default() }.into());
    rules.push(Rmsprop { momentum: 0.9, eps: 1e-3, ..Rmsprop::default() }.into());
    rules.push(Nadam { decoupled_weight_decay: true, weight_decay: 0.01, ..Nadam::default() }.into());
    rules.push(Adagrad { initial_accumulator_value: 0.5, lr_decay: 0.1, ..Adagrad::default() }.into());
    rules.push(Lars { dampening: 0.3, momentum: 0.8, weight_decay: 0.01, ..Lars::default() }.into());
    rules.push(Lars { trust_clip: true, nesterov: true, weight_decay: 0.01, ..Lars::default() }.into());
    rules.push(Lars { always_adapt: true, ..Lars::default() }.into());
    rules.push(Lamb { weight_decay: 0.01, max_grad_norm: 0.5, ..Lamb::default() }.into());
    rules.push(Lamb { trust_clip: true, max_grad_norm: 0.0, always_adapt: true, ..Lamb::default() }.into());
    rules.push(Muon { first_layer: true, nesterov: false, ..Muon::default() }.into());
    for rule in &rules {
        let blueprint = blueprint(&graph, IMAGES, *rule, Precision::F32);
        let places = &blueprint.places;
        let groups = ParameterGroups::uniform(&graph.parameters());
        let mut tracked = blueprint.tracked();
        let updates = Updates::new(&blueprint.table, &tracked, &groups);
        let list = blueprint.list((Task::Update, 0), &updates).list;
        let count = blueprint.program.parameters;
        // Zeros lie between tensors.
        let drawn = |seed: u64| {
            let state = random_state(&graph, seed);
            let mut values = vec![0.0; count];
            for parameter in &blueprint.table {
                parameter.pack((&state, &parameter.spec), &mut values).unwrap();
            }
            values
        };
        let start = drawn(1);
        let mut memory = vec![0; places.end];
        put(&mut memory, places.parameters, start.iter().copied());
        put(&mut memory, places.moments[0], update::first_moment(rule, count).unwrap_or_default());
        let ranges: Vec<_> = blueprint.table.iter().map(|parameter| parameter.range.clone()).collect();
        let plain =
            |parameter: &Parameter| Plain::new(&start[parameter.range.clone()], parameter.spec.shape[0]);
        let mut plain: Vec<Plain> = blueprint.table.iter().map(plain).collect();
        for step in 1..=4 {
            // The last ones are so small that the largest mean square is an earlier one.
            let scale = if step == 4 { 0.1 } else { 1.0 };
            let gradients: Vec<f32> = drawn(1 + step).iter().map(|g| g * scale).collect();
            put(&mut memory, places.gradients, gradients.iter().copied());
            for (i, going) in updates.clocks.iter().enumerate() {
                let product = tracked[going.like].next_product();
                let clock = Clock::bytes(7, step, [0.01 * going.rate, product]);
                memory[places.clocks + Clock::BYTES * i..][..clock.len()].copy_from_slice(&clock);
            }
            emulator.run(&list, &mut memory);
            let norm = gradients.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            let over = tracked[0].longest_gradient().map_or(1.0, |limit| norm / f64::from(limit));
            for ((plain, range), tracked) in plain.iter_mut().zip(&ranges).zip(&mut tracked) {
                let rate = 0.01 * f64::from(tracked.factor);
                plain.update(&tracked.rule, &gradients[range.clone()], rate, 1.0 / over.max(1.0));
                tracked.advance();
            }
        }
        let what = format!("{rule:?}");
        for (((plain, range), tracked), parameter) in
            plain.iter().zip(&ranges).zip(&tracked).zip(&blueprint.table)
        {
            let what = format!("{what}, {}", parameter.spec.name);
            let found = get(&memory, places.parameters + 4 * range.start, range.len());
            // Muon's iterations multiply roundings.
            let near = if matches!(rule, Optimizer::Muon(_)) { 1e-4 } else { 1e-5 };
            close_within(&found, &plain.values, (near, 1e-6), &what);
            for (name, &at) in tracked.rule.buffers().iter().zip(&places.moments) {
                let found = get(&memory, at + 4 * range.start, range.len());
                close_within(&found, &plain.buffers[name], (1e-3, 1e-12), &format!("{what}, {name}"));
            }
        }
        let product = tracked[0].scalars().find(|(name, _)| *name == "mu_product").map(|(_, value)| value);
        let off = product.map_or(0.0, |product| (f64::from(product) - plain[0].mu_product).abs());
        assert!(off < 1e-6, "{what}");
    }
}
