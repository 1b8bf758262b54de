//! `train --progressive`: smaller images at first, a run as any other in the end.

use crate::place::Place;

const TRAIN: &str = "train net.py --input 1x32x32 --epochs 2 --limit-steps 2 --threads 2";

/// A network with the same parameters for images of any size.
fn pooled(place: &Place) {
    let code = "from torch import nn\nnet = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), \
                nn.Flatten(), nn.Linear(4, 10))\n";
    std::fs::write(place.path().join("net.py"), code).expect("the folder can be written");
}

#[test]
fn each_option_changes_the_weights_and_stands_in_the_run() {
    let place = Place::new();
    pooled(&place);
    let weights = |name: &str, options: &str| {
        place.success(&format!("{TRAIN} --out {name} {options}"));
        place.bytes(&format!("{name}/last.safetensors"))
    };
    let full = weights("full", "");
    let half = weights("half", "--progressive");
    let more = weights("more", "--progressive 0.75");
    assert!(full != half && half != more && full != more);
    let config = String::from_utf8(place.bytes("half/config.toml")).unwrap();
    assert!(config.contains("[recipe.progressive]\nfrom = 0.5\nuntil = 0.7\nsteps = 3\n"), "{config}");
    assert!(!String::from_utf8(place.bytes("full/config.toml")).unwrap().contains("progressive"));
    place.success("train --resume half");
}

#[test]
fn when_the_full_size_is_reached_is_an_option() {
    let place = Place::new();
    let train = "train net.py --epochs 4 --batch 2048 --threads 2 --progressive --out";
    pooled(&place);
    let weights = |name: &str, options: &str| {
        place.success(&format!("{train} {name} --input 1x32x32 {options}"));
        place.bytes(&format!("{name}/last.safetensors"))
    };
    let usual = weights("a", "");
    // Of four epochs by default 16, 24, 24 and 32 pixels; by one step 16, 16, 16 and 32; 16, 24, 32 and 32 if they grow
    // for two.
    let (steps, until) = (weights("b", "--progressive-steps 1"), weights("c", "--progressive-until 0.5"));
    assert!(usual != steps && usual != until && steps != until);
}

#[test]
fn networks_of_one_size_are_refused_by_the_layer() {
    let place = Place::new();
    let told = place.failure("train lenet --progressive --out run", 2);
    for part in ["`progressive.from` is 0.5", "weight", "global or adaptive pooling"] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    place.failure("train lenet --progressive-until 0.5 --out run", 2);
    assert!(place.files(".").is_empty());
}
