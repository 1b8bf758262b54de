//! Steps that leave a part of a network as it is.

use super::networks::{Judge, assert_near, few_channels, modern, pass_of};
use super::{IMAGES, emulator};
use crate::exec::freezing_tests::selections;
use crate::exec::oracle_tests::single;
use crate::exec::{Options, Precision, TrainingStep};
use crate::gpu::tests::frozen_blueprint;
use crate::gpu::training::Judged;
use crate::optim::Optimizer;
use crate::reference::random::{random_graphs, random_input, random_labels, random_state};

/// Beside what is frozen gradients are those of the CPU, and nothing is computed for it.
#[test]
fn gradients_beside_what_is_frozen_are_the_cpus() {
    let Some(mut emulator) = emulator() else { return };
    let graphs = random_graphs(3).chain([modern(), few_channels()]);
    for (seed, graph) in (0..).zip(graphs) {
        let (state, images) = (random_state(&graph, seed), random_input(&graph, IMAGES, seed));
        let labels = random_labels(&graph, IMAGES, seed);
        for (which, frozen) in selections(&graph) {
            let what = format!("{} {seed}, {which}", graph.name());
            let cpu = Options { threads: 1, ..Options::default() };
            let step = (&state as &dyn crate::state::TensorSource, &frozen);
            let mut training =
                TrainingStep::compile_frozen(&graph, step, IMAGES, (Optimizer::sgd(), seed), &cpu).unwrap();
            let (report, expected) = training.gradients(&single(&images), &labels[..]).unwrap();
            let blueprint = frozen_blueprint(&graph, &frozen, IMAGES + 1, Optimizer::sgd(), Precision::F32);
            // Products and what is never learned lie behind what learns, without gradients and moments.
            let products = blueprint.table.iter().filter(|parameter| parameter.rows.is_some());
            for parameter in products.chain(&blueprint.fixed) {
                let is_behind = parameter.range.start >= blueprint.program.learning;
                let learns = parameter.spec.kind.trainable() && !parameter.frozen;
                assert!(is_behind != learns, "{what}, {}", parameter.spec.name);
            }
            let batch = (&images, &Judged::Labels(&labels), seed);
            let (loss, correct, gradients) = pass_of(&mut emulator, &blueprint, (&state, Judge::Card), batch);
            assert!((loss - report.loss).abs() < 1e-5 * report.loss.abs(), "{what}: {loss}");
            assert_eq!(correct as usize, report.correct, "{what}");
            assert!(gradients.keys().eq(expected.keys()), "{what}");
            let wide = |name: &str| expected[name].data.iter().map(|&x| x.into()).collect();
            assert_near(&gradients, wide, 3e-5, &what);
        }
    }
}
