//! What is seen inside.

use convnet_gpu::View;
use convnet_gpu_emulation::Emulator;

use super::networks::modern;
use super::{IMAGES, emulator, get, memory, put};
use crate::exec::oracle_tests::{close_within, single};
use crate::exec::probe_tests::{is_on_edge, live, weights_of_logits};
use crate::exec::{Options, Precision, Probe, ReluGradient};
use crate::gpu::planes::{pixels, planes};
use crate::gpu::probe;
use crate::gpu::tests::options;
use crate::gpu::training::Task;
use crate::gpu::update::Updates;
use crate::graph::{Graph, NodeId};
use crate::plan::Region;
use crate::reference::random::{random_graphs, random_input, random_state};
use crate::reference::{Array, forward, gradients_of_values};
use crate::state::StateDict;
use crate::zoo;

/// What a probe sees on a card, values and then gradients.
fn look(
    emulator: &mut Emulator,
    (graph, state): (&Graph, &StateDict),
    (images, weights): (&Array, &Array),
    (watched, precision): (&[NodeId], Precision),
    relu: ReluGradient,
) -> [Vec<Vec<f32>>; 2] {
    let output = graph.logits(graph.output());
    let blueprint = probe::blueprint(graph, (output, watched), IMAGES + 1, &options(precision)).unwrap();
    let (program, places) = (&blueprint.program, &blueprint.places);
    let mut memory = memory(places);
    put(&mut memory, places.parameters, blueprint.packed(state).unwrap().0);
    put(&mut memory, places.images, single(images));
    let updates = Updates::default();
    let seen = |memory: &[u8]| -> Vec<Vec<f32>> {
        let of = |place: usize| {
            let View { at, pixels, channels, .. } = program.seen(places, place, IMAGES);
            let region = Region { offset: 0, pixels, channels, stride: channels };
            planes(&get(memory, at, pixels * channels), region, IMAGES)
        };
        (0..watched.len()).map(of).collect()
    };
    emulator.run(&blueprint.list((Task::Forward { track: false }, IMAGES), &updates).list, &mut memory);
    let values = seen(&memory);
    let staged = program.staged(places, (0, &blueprint.losses), IMAGES);
    put(&mut memory, staged.at, pixels(&single(weights), staged.channels, IMAGES));
    emulator.run(&blueprint.list((Task::Backward(relu), IMAGES), &updates).list, &mut memory);
    [values, seen(&memory)]
}

#[test]
fn what_is_seen_inside_is_the_oracles() {
    let Some(mut emulator) = emulator() else { return };
    let graphs = random_graphs(8).chain([modern(), zoo::lenet().build().unwrap()]);
    for (seed, graph) in (0..).zip(graphs) {
        let (state, images) = (random_state(&graph, seed), random_input(&graph, IMAGES, seed));
        let weights = weights_of_logits(&graph, seed);
        let (values, gradients) = gradients_of_values(&graph, &state, &images, &weights).unwrap();
        let largest = gradients.iter().flat_map(|g| &g.data).fold(0.0f64, |m, g| m.max(g.abs()));
        let all = live(&graph);
        // The images alone, one layer, every layer: what is not watched may be fused. In tf32 a stem reads blocks of pixels where
        // nobody asks for their gradient.
        let middle = [all[all.len() / 2]];
        for (watched, precision) in
            [(&all[..1], Precision::Tf32), (&middle[..], Precision::Tf32), (&all[..], Precision::F32)]
        {
            let net = (&graph, &state);
            let [found, back] =
                look(&mut emulator, net, (&images, &weights), (watched, precision), ReluGradient::Plain);
            for (i, id) in watched.iter().enumerate() {
                let what = format!("{} {seed}, {}", graph.name(), graph.node(*id).path);
                close_within(&found[i], &values[id.index()].data, (1e-4, 1e-6), &what);
                if !is_on_edge(&graph, &values) {
                    let expected = &gradients[id.index()].data;
                    close_within(&back[i], expected, (1e-3, 3e-5 * largest), &format!("{what}: gradient"));
                }
            }
        }
    }
}

/// Only what is positive passes back through a ReLU, fused or not.
#[test]
fn guided_backpropagation_is_the_cpus() {
    let Some(mut emulator) = emulator() else { return };
    for (seed, graph) in (0..).zip(random_graphs(2).chain([zoo::lenet().build().unwrap()])) {
        let (state, images) = (random_state(&graph, seed), random_input(&graph, IMAGES, seed));
        let weights = weights_of_logits(&graph, seed);
        if is_on_edge(&graph, &forward(&graph, &state, &images).unwrap()) {
            continue;
        }
        let all = live(&graph);
        for watched in [&all[..1], &all[..]] {
            let cpu = Options { threads: 1, ..Options::default() };
            let mut probe = Probe::compile(&graph, &state, IMAGES, watched, &cpu).unwrap();
            let expected =
                probe.gradients(&single(&images), &single(&weights), ReluGradient::Guided).unwrap();
            let net = (&graph, &state);
            let how = (watched, Precision::F32);
            let [_, back] = look(&mut emulator, net, (&images, &weights), how, ReluGradient::Guided);
            for (found, expected) in back.iter().zip(&expected.gradients) {
                let expected: Vec<f64> = expected.data.iter().map(|&x| x.into()).collect();
                close_within(found, &expected, (1e-3, 1e-5), graph.name());
            }
        }
    }
}
