//! Batches on their way to a card, which the emulation stands in for.

use std::path::Path;

use super::joint_tests::{distance, run, weights};
use super::supply::{Supplied, Supply};
use super::tests::{data, net, recipe};
use super::trainer::Rehearsal;
use super::*;
use crate::data::{Loader, Pass};
use crate::exec::{Options, RunError, Target};
use crate::gpu::emulated_tests::card;
use crate::graph::Graph;
use crate::optim::Frozen;
use crate::state::StateDict;

/// Moves alone, with mixed batches; and a change that is more than moves.
const MOVES: &str = "crop = 2\nflip = true\nerasing = 0.4\nmixup = 0.3\ncutmix = 1.0";
const TURNS: &str = "rotate = 15";

/// By steps that multiply no rounding.
fn plain(augment: &str, more: &str) -> Recipe {
    let text = format!("[optimizer]\nkind = \"sgd\"\nmomentum = 0.9\n[augment]\n{augment}\n{more}");
    let table: toml::Table = toml::from_str(&text).unwrap();
    let mut patch = RecipePatch::default();
    for (key, value) in table {
        patch.set(&key, value).unwrap();
    }
    Recipe { lr: 0.01, epochs: 2, ..recipe().with(&patch).unwrap() }
}

fn trainer<'a>(net: &'a Graph, recipe: Recipe, options: &Options) -> Trainer<'a> {
    Trainer::new(net, data()).recipe(recipe).options(*options)
}

fn pass(recipe: &Recipe) -> Pass {
    Pass { shuffle: true, seed: recipe.seed, epoch: 1, ..Pass::in_order(recipe.batch) }
}

/// The way that batches of an epoch take, and what is learned from them.
fn learned(rehearsal: Rehearsal<'_>, supply: impl FnOnce(&mut Rehearsal<'_>) -> Supply) -> (bool, StateDict) {
    let mut rehearsal = rehearsal;
    let mut supply = supply(&mut rehearsal);
    let kept = supply.is_here();
    let (mut steps, net) = (rehearsal.steps, rehearsal.net);
    let mut count = 0;
    while let Some(learned) = steps.update(net, &mut supply, 0.01).unwrap() {
        count += learned.images;
    }
    assert_eq!(count, rehearsal.data.train.len());
    (kept, steps.training.state_dict())
}

fn suited(rehearsal: &mut Rehearsal<'_>) -> Supply {
    let Rehearsal { data, recipe, card, steps, .. } = rehearsal;
    steps.supply(&data.train, (&card.preprocess, &recipe.augment), pass(recipe)).unwrap()
}

fn made(rehearsal: &Rehearsal<'_>) -> Loader {
    let Rehearsal { data, recipe, card, .. } = rehearsal;
    Loader::augmented(&data.train, &card.preprocess, &recipe.augment, pass(recipe))
}

#[test]
fn images_that_are_kept_sent_or_given_teach_the_same() {
    let Some(options) = card::options() else { return };
    let net = net();
    for (augment, more, moves) in [
        (MOVES, "", true),
        (MOVES, "[regularize]\naccumulate = 2\nclip_norm = 1.0", true),
        (TURNS, "", false),
        (TURNS, "[regularize]\naccumulate = 2", false),
    ] {
        let rehearsal = || trainer(&net, plain(augment, more), &options).rehearsal().unwrap();
        let (kept, expected) = learned(rehearsal(), suited);
        assert_eq!(kept, moves, "{augment}");
        let given = learned(rehearsal(), |rehearsal| Supply::here(made(rehearsal)));
        let sent = learned(rehearsal(), |rehearsal| {
            let ahead = rehearsal.steps.training.ahead().unwrap().unwrap();
            Supply::ahead(made(rehearsal), ahead)
        });
        assert!(given.1 == expected && sent.1 == expected, "{augment}\n{more}");
    }
}

#[test]
fn a_set_stays_on_a_card_while_layers_are_frozen() {
    let Some(options) = card::options() else { return };
    let net = net();
    let rehearsal = || trainer(&net, plain(MOVES, ""), &options).rehearsal().unwrap();
    let frozen = Frozen::of(["conv.0.weight".to_owned(), "conv.0.bias".to_owned()]);
    let freeze = |rehearsal: &mut Rehearsal<'_>| {
        let augment = rehearsal.recipe.augment.clone();
        drop(suited(rehearsal));
        rehearsal.steps.refreeze(&frozen).unwrap();
        let (pass, Rehearsal { data, card, steps, .. }) = (pass(&rehearsal.recipe), rehearsal);
        let (loader, moves) = Loader::moved(&data.train, &card.preprocess, &augment, pass).unwrap();
        let levels = || -> Result<Vec<u8>, TrainError> { panic!("the levels are there") };
        assert!(steps.training.keep(&moves, levels).unwrap());
        Supply::here(loader)
    };
    let (_, found) = learned(rehearsal(), freeze);
    let (_, expected) = learned(rehearsal(), |rehearsal| {
        rehearsal.steps.refreeze(&frozen).unwrap();
        Supply::here(made(rehearsal))
    });
    assert!(found == expected);
}

#[test]
fn a_supply_may_be_left() {
    let Some(options) = card::options() else { return };
    let net = net();
    for taken in [0, 1, 3] {
        let mut rehearsal = trainer(&net, plain(TURNS, ""), &options).rehearsal().unwrap();
        let mut supply = suited(&mut rehearsal);
        assert!(!supply.is_here());
        assert!(supply.by_ref().take(taken).all(|next| next.is_ok()));
        // As where a step fails.
        let held = supply.next().unwrap().unwrap();
        drop(supply);
        drop(held);
    }
}

#[test]
fn runs_on_a_card_are_those_of_the_cpu() {
    let Some(options) = card::options() else { return };
    let (net, cpu) = (net(), Options { threads: 1, ..Options::default() });
    for augment in [MOVES, TURNS] {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let alone = |options: &Options, directory: &Path| {
            trainer(&net, plain(augment, ""), options).run(directory).unwrap();
            weights(directory)
        };
        let expected = alone(&cpu, &at("cpu"));
        let found = alone(&options, &at("card"));
        assert!(distance(&found, &expected) < 1e-4, "{augment}: {}", distance(&found, &expected));
        // Normalizations of each rank's images, as they are on cards.
        let together = |options: Options, directory: &Path| {
            run(2, directory, |_| {
                trainer(&net, plain(augment, "[network]\nsync_batch_norm = false"), &options)
            });
            weights(directory)
        };
        let [expected, found] = [together(cpu, &at("cpus")), together(options, &at("cards"))];
        assert!(distance(&found, &expected) < 1e-4, "{augment}: {}", distance(&found, &expected));
    }
}

#[test]
fn what_a_card_made_of_a_set_can_be_seen() {
    let Some(options) = card::options() else { return };
    let net = net();
    let mut rehearsal = trainer(&net, plain(MOVES, ""), &options).rehearsal().unwrap();
    let (mut supply, mut made) = (suited(&mut rehearsal), made(&rehearsal));
    for _ in 0..2 {
        let (supplied, expected) = (supply.next().unwrap().unwrap(), made.next().unwrap().unwrap());
        let training = &mut rehearsal.steps.training;
        training.forward_backward(supplied.images(), Target::soft(&supplied.batch.shares)).unwrap();
        assert_eq!(*supplied.seen(training).unwrap(), expected.images[..]);
    }
}

#[test]
fn a_loss_that_is_no_number_is_told_of_images_that_a_card_made() {
    let Some(options) = card::options() else { return };
    let net = net();
    let folder = tempfile::tempdir().unwrap();
    let recipe = Recipe { lr: 1e30, ..plain(MOVES, "") };
    let error = trainer(&net, recipe, &options).run(folder.path().join("run")).unwrap_err();
    assert!(matches!(&error, TrainError::Diverged { .. }), "{error}");
}

#[test]
fn images_that_a_training_does_not_have_are_refused() {
    let net = net();
    let cpu = Options { threads: 1, ..Options::default() };
    let refused = |options: &Options, supplied: &Supplied| {
        let mut training = trainer(&net, plain(MOVES, ""), options).rehearsal().unwrap().steps.training;
        let error = training.forward_backward(supplied.images(), &supplied.batch.labels).unwrap_err();
        assert!(matches!(error, RunError::ImagesElsewhere), "{error}");
    };
    let rehearsal = trainer(&net, plain(MOVES, ""), &cpu).rehearsal().unwrap();
    let Rehearsal { data, recipe, card, .. } = &rehearsal;
    let (mut loader, _) =
        Loader::moved(&data.train, &card.preprocess, &recipe.augment, pass(recipe)).unwrap();
    let drawn = Supplied::from(loader.next().unwrap().unwrap());
    refused(&cpu, &drawn);
    let Some(options) = card::options() else { return };
    refused(&options, &drawn);
    // Of another set, whose sizes are the same.
    let mut other = trainer(&net, plain(MOVES, ""), &options).rehearsal().unwrap();
    drop(suited(&mut other));
    let error = other.steps.training.forward_backward(drawn.images(), &drawn.batch.labels).unwrap_err();
    assert!(matches!(error, RunError::ImagesElsewhere), "{error}");
    let mut on_card = trainer(&net, plain(TURNS, ""), &options).rehearsal().unwrap();
    let sent = suited(&mut on_card).next().unwrap().unwrap();
    refused(&cpu, &sent);
}
