//! Ranks with a card each, the emulation's, beside those without: gradients added up in the hosts' memory, and on the cards.

use std::sync::Arc;

use super::card;
use super::communicator::{Cards, Fault};
use super::networks::modern;
use super::trainings::assert_alike;
use crate::exec::oracle_tests::single;
use crate::exec::{Device, Options, TrainingStep};
use crate::graph::{Builder, Graph};
use crate::ops::{Conv2d, Linear};
use crate::optim::{Frozen, Optimizer};
use crate::ranks::{Joint, Part, Ranks, local, local_on};
use crate::reference::random::{random_input, random_labels, random_state};
use crate::state::StateDict;

/// What a rank has after a joint step, gradients accumulated over two batches, one that the last rank has no images of, and one
/// after something else was frozen.
struct Trained {
    losses: Vec<f64>,
    /// Gradients, and the state dict.
    states: [StateDict; 2],
    /// The library by which cards added up gradients, or why they did not.
    on_cards: Result<String, String>,
    reads_memory: bool,
}

fn joint_steps(graph: &Graph, ranks: Arc<dyn Ranks>, options: &Options, cards: Option<Cards>) -> Trained {
    Cards::set(cards);
    let state = random_state(graph, 3);
    let mut training = TrainingStep::compile(graph, &state, 2, Optimizer::sgd(), 5, options).unwrap();
    let (rank, size) = (ranks.rank(), ranks.size());
    let mut joint = Joint::new(ranks, false, Arc::default());
    let batch = |number: u64, images: usize| {
        let seed = 10 * number + rank as u64;
        (single(&random_input(graph, images, seed)), random_labels(graph, images, seed))
    };
    let full = Part { first: 2 * rank, images: 2, whole: 2 * size, weighted: 2.0 * size as f64 };
    let mut losses = Vec::new();
    for step in 0..5 {
        let is_short = step == 3;
        let part = match is_short {
            true => {
                let whole = 2 * (size - 1);
                let images = if rank + 1 == size { 0 } else { 2 };
                Part { first: 2 * rank, images, whole, weighted: whole as f64 }
            }
            false => full,
        };
        if step == 4 {
            let first = training.parameters().next().unwrap().name.clone();
            training.refreeze(&Frozen::of([first])).unwrap();
        }
        let (images, labels) = batch(step, part.images.max(1));
        let last = step != 1 && step != 2;
        losses.push(
            training.forward_backward_jointly(&images, &labels, part, (&mut joint, last)).unwrap().loss,
        );
        if !last {
            let (images, labels) = batch(20 + step, 2);
            losses.push(training.accumulate_jointly(&images, &labels, part, &mut joint).unwrap().loss);
        }
        if step == 2 && rank == 0 {
            // Changed in the host's memory.
            let name = training.parameters().next().unwrap().name.clone();
            training.gradient_mut(&name).unwrap()[0] += 0.25;
        }
        training.join_gradients(&mut joint).unwrap();
        training.apply(&training.uniform_groups(), 0.02).unwrap();
    }
    let learn = training.parameters().skip(1).map(|spec| spec.name.clone()).collect::<Vec<_>>();
    let gradients =
        learn.into_iter().map(|name| (name.clone(), training.gradient_tensor(&name).unwrap())).collect();
    let on_cards = match (joint.added_on_gpus_by(), joint.added_by_hosts_because()) {
        (Some(library), None) => Ok(library.to_owned()),
        (None, reason) => Err(reason.unwrap_or_default().to_owned()),
        both => panic!("{both:?}"),
    };
    let reads_memory = joint.shares_memory();
    Trained { losses, states: [gradients, training.state_dict()], on_cards, reads_memory }
}

/// All ranks' trainings, each with a card of its own or none.
fn all(
    graph: &Graph,
    ranks: Vec<Arc<dyn Ranks>>,
    options: &Options,
    cards: impl Fn(usize) -> Option<Cards>,
) -> Vec<Trained> {
    std::thread::scope(|scope| {
        let steps = |(rank, ranks)| {
            let cards = cards(rank);
            scope.spawn(move || joint_steps(graph, ranks, options, cards))
        };
        let started: Vec<_> = ranks.into_iter().enumerate().map(steps).collect();
        started.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

fn assert_same_bits(found: &[Trained], expected: &[Trained], what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.losses == expected.losses && found.states == expected.states, "{what}");
    }
}

#[test]
fn ranks_with_cards_add_up_their_gradients_as_those_without() {
    let Some(card) = card::options() else { return };
    let graph = modern();
    let cpu = Options { threads: 1, ..Options::default() };
    let expected = all(&graph, local(2), &cpu, |_| None);
    for (ranks, reads_memory) in [(local(2), false), (local_on(&["a"; 2]), cfg!(target_os = "linux"))] {
        let found = all(&graph, ranks, &card, |_| None);
        assert!(found[0].states == found[1].states, "ranks with the same bits");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.reads_memory, reads_memory);
            assert!(found.on_cards.as_ref().is_err_and(|reason| !reason.is_empty()), "{:?}", found.on_cards);
            for (loss, near) in found.losses.iter().zip(&expected.losses) {
                let (losses, near_losses) = (&found.losses, &expected.losses);
                assert!((loss - near).abs() <= 1e-4 * near.abs(), "{losses:?} for {near_losses:?}");
            }
            for (state, expected) in found.states.iter().zip(&expected.states) {
                assert_alike(state, expected, 2e-3, "joint steps");
            }
        }
    }
    let mut training =
        TrainingStep::compile(&graph, &random_state(&graph, 3), 2, Optimizer::sgd(), 5, &card).unwrap();
    let mut joint = Joint::new(local(1).remove(0), true, Arc::default());
    let part = Part { first: 0, images: 2, whole: 2, weighted: 2.0 };
    let (images, labels) = (single(&random_input(&graph, 2, 1)), random_labels(&graph, 2, 1));
    let refused = training.forward_backward_jointly(&images, &labels, part, (&mut joint, true)).unwrap_err();
    assert!(refused.to_string().contains("let each rank take its own"), "{refused}");
}

/// The emulated card alone: a real one has its own library, or none.
fn emulated() -> Option<Options> {
    card::options().filter(|options| options.device == Device::Gpu(card::INDEX))
}

/// The sums are taken in the same order.
#[test]
fn cards_add_up_to_the_bits_of_the_hosts() {
    let Some(options) = emulated() else { return };
    let graph = modern();
    for hosts in [["a"; 3], ["a", "b", "a"]] {
        let [expected, found] = [false, true].map(|on_cards| {
            let cards = |rank| on_cards.then(|| Cards::new("NCCL 2.0.0", rank));
            all(&graph, local_on(&hosts), &options, cards)
        });
        assert_same_bits(&found, &expected, "on the cards");
        for trained in &found {
            assert_eq!(trained.on_cards, Ok("NCCL 2.0.0".to_owned()));
            assert!(!trained.reads_memory, "no memory of a host is asked for");
        }
    }
}

fn small() -> Graph {
    let net = Builder::image("small", 3, 6, 6);
    let x = net.input().conv2d(Conv2d::new(8, 3).padding(1)).batch_norm2d().relu();
    net.build(x.adaptive_avg_pool2d(1, 1).flatten().linear(Linear::new(4))).unwrap()
}

#[test]
fn where_one_rank_cannot_all_add_up_in_the_hosts_memory() {
    let Some(options) = emulated() else { return };
    let graph = small();
    let expected = all(&graph, local_on(&["a"; 3]), &options, |_| None);
    let library = "NCCL 2.0.0";
    let with = |rank: usize, of: usize, fault: Fault| {
        let cards = Cards::new(library, rank);
        Some(if rank == of { cards.with(fault) } else { cards })
    };
    type Given<'a> = &'a dyn Fn(usize) -> Option<Cards>;
    let cases: [(Given<'_>, &str); 7] = [
        (&|rank| (rank != 1).then(|| Cards::new(library, rank)), "rank 1: no library adds up here"),
        (&|rank| Some(Cards::new(library, rank % 2)), "ranks 0 and 2 are on the same card"),
        (
            &|rank| Some(Cards::new(["NCCL 2.0.1", library][rank / 2], rank)),
            "the first rank has NCCL 2.0.1, rank 2 NCCL 2.0.0",
        ),
        (&|rank| with(rank, 0, Fault::NoId), "rank 0: NoId"),
        (&|rank| with(rank, 2, Fault::DoesNotJoin), "DoesNotJoin"),
        (&|rank| with(rank, 0, Fault::DoesNotJoin), "rank 0: DoesNotJoin"),
        (&|rank| with(rank, 1, Fault::AddsWrongly), "rank 1: a sum that was tried is wrong"),
    ];
    for (cards, reason) in cases {
        let found = all(&graph, local_on(&["a"; 3]), &options, cards);
        assert_same_bits(&found, &expected, reason);
        for trained in &found {
            // Which of those that did not join comes first is a matter of chance.
            let told = trained.on_cards.as_ref().unwrap_err();
            let others = reason.contains("DoesNotJoin") && told.contains("another rank does not join");
            assert!(told.contains(reason) || others, "{told}: {reason}");
            assert_eq!(trained.reads_memory, expected[0].reads_memory);
        }
    }
}

#[test]
fn a_rank_without_a_card_does_not_join_one_that_has_one() {
    let Some(card) = card::options() else { return };
    let graph = modern();
    let cpu = Options { threads: 1, ..Options::default() };
    std::thread::scope(|scope| {
        let steps = |(ranks, options): (Arc<dyn Ranks>, Options)| {
            let graph = &graph;
            scope.spawn(move || {
                let state = random_state(graph, 3);
                let mut training =
                    TrainingStep::compile(graph, &state, 2, Optimizer::sgd(), 5, &options).unwrap();
                let part = Part { first: 2 * ranks.rank(), images: 2, whole: 4, weighted: 4.0 };
                let mut joint = Joint::new(ranks, false, Arc::default());
                let (images, labels) = (single(&random_input(graph, 2, 1)), random_labels(graph, 2, 1));
                training.forward_backward_jointly(&images, &labels, part, (&mut joint, true)).unwrap_err()
            })
        };
        let started: Vec<_> = local(2).into_iter().zip([cpu, card]).map(steps).collect();
        for refused in started {
            let refused = refused.join().unwrap().to_string();
            assert!(
                refused.contains("of a CPU (") && refused.contains("of a GPU (fp32): all must"),
                "{refused}"
            );
        }
    });
}
