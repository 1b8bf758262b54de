//! Options of `train` about the optimizer: each changes the weights, and what cannot be followed is named.

use std::collections::BTreeMap;

use crate::place::Place;

/// The weights after two steps.
fn weights(place: &Place, options: &str) -> Vec<u8> {
    place.success(&format!("train lenet --limit-steps 2 --threads 1 --out run {options}"));
    let weights = place.bytes("run/last.safetensors");
    std::fs::remove_dir_all(place.path().join("run")).expect("the run is there");
    weights
}

#[test]
fn every_optimizer_goes_its_own_way() {
    let place = Place::new();
    let mut seen: BTreeMap<Vec<u8>, &str> = BTreeMap::new();
    for name in ["sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad", "lion", "lamb", "lars", "muon"] {
        let weights = weights(&place, &format!("--optimizer {name} --lr 0.01 --weight-decay 0.1"));
        let other = seen.insert(weights, name);
        assert_eq!(other, None, "{name}");
    }
}

#[test]
fn every_option_of_the_optimizer_changes_the_weights() {
    let place = Place::new();
    for (base, options) in [
        (
            "--optimizer sgd",
            &["--momentum 0.5", "--nesterov", "--dampening 0.5", "--weight-decay 0.5", "--layer-decay 0.5"][..],
        ),
        ("--optimizer adam", &["--betas 0.5,0.9", "--eps 0.1", "--lr-group *.weight=0.1"]),
        ("--optimizer adamw --weight-decay 10", &["--no-decay-norms"]),
    ] {
        let before = weights(&place, base);
        assert!(weights(&place, base) == before, "{base} twice");
        for option in options {
            assert!(weights(&place, &format!("{base} {option}")) != before, "{base} {option}");
        }
    }
}

#[test]
fn groups_are_told_and_stand_in_the_run() {
    let place = Place::new();
    let arguments = "train lenet --limit-steps 2 --threads 1 --out run --no-decay-norms --lr-group conv.*=0.5 \
                     --optimizer muon --momentum 0.9";
    let (_, told) = place.convnet(arguments, 0);
    for part in
        ["parameter groups: ", "0.5 of the rate", "no weight decay", "Muon with Nesterov momentum 0.9"]
    {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    let config = String::from_utf8(place.bytes("run/config.toml")).unwrap();
    for part in ["no_decay = true", "match = \"conv.*\"", "kind = \"muon\"", "momentum = 0.9"] {
        assert!(config.contains(part), "{part} is missing in {config}");
    }
    place.success("train --resume run");
}

#[test]
fn what_an_optimizer_cannot_follow_is_named() {
    let place = Place::new();
    for (arguments, code, parts) in [
        ("--optimizer adagrd", 2, &["adagrad"][..]),
        ("--momentum 1.5 --optimizer sgd", 2, &["`optimizer.momentum` is 1.5"]),
        ("--optimizer sgd --eps 0.1", 1, &["unknown field `eps`", "momentum"]),
        ("--betas 0.9", 2, &["0.9,0.999"]),
        ("--layer-decay 2", 2, &["`parameters.layer_decay` is 2"]),
        ("--lr-group conv9.*=0.1", 2, &["`conv9.*`", "`conv."]),
        ("--lr-group conv1", 2, &["features.*=0.1"]),
        ("--lr-group conv.*=-1", 2, &["`parameters.group[0].lr` is -1"]),
    ] {
        let told = place.failure(&format!("train lenet {arguments}"), code);
        for part in parts {
            assert!(told.contains(part), "{arguments}: {part} is missing in {told}");
        }
    }
    assert!(place.files(".").is_empty());
}
