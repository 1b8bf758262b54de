//! Runs that freeze parts of a network, whole and interrupted.

use super::tests::{bytes, net, recipe, stopping, trainer};
use super::*;
use crate::io::WeightsFile;
use crate::state::{StateDict, initialize};

fn freeze(text: &str) -> Recipe {
    Recipe { freeze: toml::from_str(text).unwrap(), ..recipe() }
}

fn weights(directory: &std::path::Path, name: &str) -> StateDict {
    WeightsFile::open(directory.join(name)).unwrap().state_dict().unwrap()
}

/// Thaws within the run, with an average and dropout.
fn thawing() -> Recipe {
    let mut recipe = freeze("match = [\"conv\"]\nunfreeze = [{ epoch = 2, match = [\"conv.0\"] }]\n");
    recipe.regularize.ema = Some(0.9);
    recipe
}

#[test]
fn what_is_frozen_stays_to_the_byte_until_it_thaws() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let first = initialize(&net, recipe().seed);
    let run = |name: &str, recipe: Recipe| {
        trainer(&net).recipe(recipe).run(folder.path().join(name)).unwrap();
        weights(&folder.path().join(name), "last.safetensors")
    };
    let frozen = run("frozen", freeze("match = [\"conv\"]"));
    for (name, tensor) in &first {
        assert_eq!(frozen[name] == *tensor, name.starts_with("conv"), "{name}");
    }
    let live = run("live", freeze("match = [\"conv\"]\nkeep_norms = false"));
    assert_eq!(live["conv.1.weight"], first["conv.1.weight"]);
    assert!(live["conv.1.running_mean"] != first["conv.1.running_mean"]);
    let thawed = run("thawed", thawing());
    assert_eq!(thawed["conv.1.weight"], first["conv.1.weight"]);
    assert!(thawed["conv.0.weight"] != first["conv.0.weight"]);
}

#[test]
fn an_interrupted_run_that_freezes_ends_with_the_same_bits() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let whole = folder.path().join("whole");
    trainer(&net).recipe(thawing()).run(&whole).unwrap();
    // Within the first epoch, at its end, at the start of the second, and in the third.
    for steps in [2, 5, 6, 7, 13] {
        for during_evaluation in [false, true] {
            let directory = folder.path().join(format!("{steps}-{during_evaluation}"));
            let trainer = || trainer(&net).recipe(thawing());
            let report = stopping(trainer(), steps, during_evaluation).run(&directory).unwrap();
            assert!(report.interrupted, "{steps}");
            trainer().resume(&directory).unwrap();
            for name in ["last.safetensors", "best.safetensors"] {
                assert!(bytes(&directory, name) == bytes(&whole, name), "{steps} {during_evaluation} {name}");
            }
        }
    }
}
