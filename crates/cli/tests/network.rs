//! Options of `train` that freeze parts of a network, change it, draw its weights and start it from another: each does
//! something.

use std::collections::BTreeMap;
use std::fs;

use convnet::io::WeightsFile;
use convnet::state::StateDict;

use crate::place::Place;

/// A residual block with a normalization, a dropout and a head.
const NET: &str = "\
import torch
from torch import nn

INPUT_SIZE = (1, 28, 28)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, x):
        return x + self.bn(self.conv(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, stride=4)
        self.block = Block()
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(196, 10)

    def forward(self, x):
        x = self.block(self.stem(x).relu())
        return self.fc(self.drop(torch.flatten(x, 1)))
";

fn place() -> Place {
    let place = Place::new();
    fs::write(place.path().join("net.py"), NET).expect("the folder can be written");
    place.success("data export fashion-mnist-mini samples --count 4");
    place
}

/// Trains for some steps, and gives the last weights.
fn train(place: &Place, out: &str, options: &str) -> StateDict {
    place.success(&format!(
        "train net.py:Net --data samples --batch 8 --epochs 2 --threads 1 --out {out} {options}"
    ));
    weights(place, out)
}

fn weights(place: &Place, run: &str) -> StateDict {
    let file = WeightsFile::open(place.path().join(run).join("last.safetensors"));
    file.and_then(|file| file.state_dict()).expect("the run has weights")
}

/// The names of the tensors that differ.
fn changed(a: &StateDict, b: &StateDict) -> Vec<String> {
    a.iter().filter(|(name, tensor)| b[*name] != **tensor).map(|(name, _)| name.clone()).collect()
}

/// What is frozen is as in a run that freezes it and all else but one bias: as it was drawn.
#[test]
fn freezing_leaves_parts_as_they_are() {
    let place = place();
    let drawn = train(&place, "drawn", "--freeze stem,block,fc.weight");
    let learned = |out: &str, options: &str| changed(&train(&place, out, options), &drawn);
    let all = learned("all", "");
    assert!(
        ["stem.weight", "block.bn.running_mean", "fc.weight"]
            .iter()
            .all(|name| all.contains(&(*name).into()))
    );
    assert_eq!(learned("match", "--freeze stem --freeze block*"), ["fc.bias", "fc.weight"]);
    assert_eq!(learned("until", "--freeze-until fc"), ["fc.bias", "fc.weight"]);
    // The statistics go on where they are told to.
    let live = learned("live", "--freeze-until fc --live-norms");
    assert!(
        live.contains(&"block.bn.running_mean".into()) && !live.contains(&"block.bn.weight".into()),
        "{live:?}"
    );
    // Of two epochs the head has one alone.
    assert_eq!(learned("head", "--head-first 2"), ["fc.bias", "fc.weight"]);
    assert!(learned("soon", "--head-first 1").contains(&"stem.weight".into()));
    let thawed = learned("thawed", "--freeze-until fc --unfreeze 2=block");
    assert!(
        thawed.contains(&"block.conv.weight".into()) && !thawed.contains(&"stem.weight".into()),
        "{thawed:?}"
    );
}

#[test]
fn what_freezing_saves_is_told_and_what_fits_nothing_is_named() {
    let place = place();
    let (_, told) =
        place.convnet("train net.py:Net --data samples --limit-steps 1 --freeze-until fc --out run", 0);
    assert!(told.contains("frozen: 196 of 2,166 parameters; a step computes "), "{told}");
    assert!(fs::read_to_string(place.path().join("run/config.toml")).unwrap().contains("until = \"fc\""));
    let fails = |options: &str| {
        place.convnet(&format!("train net.py:Net --data samples --limit-steps 1 {options}"), 2).1
    };
    let told = fails("--freeze stam");
    assert!(told.contains("`freeze.match` is \"stam\"") && told.contains("`stem."), "{told}");
    assert!(fails("--freeze-until blok").contains("similar names: `block"));
    assert!(fails("--freeze *").contains("every parameter is frozen"));
    let told = place.convnet("train net.py:Net --data samples --unfreeze block", 2).1;
    assert!(told.contains("3=layer4"), "{told}");
}

#[test]
fn the_network_and_its_first_weights_are_as_asked() {
    let place = place();
    let plain = train(&place, "plain", "");
    let differs = |out: &str, options: &str| !changed(&train(&place, out, options), &plain).is_empty();
    assert!(differs("dropout", "--dropout 0.1"));
    assert!(differs("depth", "--stochastic-depth 0.5"));
    // Nothing of it stays in the run's network.
    assert!(!fs::read_to_string(place.path().join("depth/graph.toml")).unwrap().contains("StochasticDepth"));
    assert_eq!(weights(&place, "depth").keys().collect::<Vec<_>>(), plain.keys().collect::<Vec<_>>());
    let mut seen: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for rule in [
        "pytorch",
        "kaiming-normal",
        "kaiming-uniform",
        "xavier-normal",
        "xavier-uniform",
        "orthogonal",
        "trunc-normal",
    ] {
        let drawn = train(&place, rule, &format!("--init {rule} --freeze stem"));
        let bits = drawn["stem.weight"].data.iter().map(|x| x.to_bits()).collect();
        assert!(!seen.values().any(|other| *other == bits), "{rule}");
        seen.insert(rule.into(), bits);
    }
    let zero = train(&place, "zero", "--zero-init-residual --freeze block");
    assert!(zero["block.bn.weight"].data.iter().all(|x| *x == 0.0));
    let told = place.convnet("train net.py:Net --data samples --init-from plain --init orthogonal", 2).1;
    assert!(told.contains("`plain`") && told.contains("`--init`"), "{told}");
    let told = place.convnet("train net.py:Net --data samples --init paper", 2).1;
    assert!(told.contains("`network.init` is paper"), "{told}");
    let told = place.convnet("train lenet --stochastic-depth 0.1", 2).1;
    assert!(told.contains("residual branches"), "{told}");
}

#[test]
fn deeper_vggs_start_from_shallower_ones() {
    let place = place();
    let options = "--data samples --input 1x32x32 --batch 8 --limit-steps 1 --threads 1";
    place.success(&format!("train vgg11 {options} --out eleven"));
    let (_, told) = place.convnet(&format!("train vgg13 {options} --init-from eleven --out thirteen"), 0);
    assert!(told.contains("11 of 13 layers start from those of the same role"), "{told}");
    let kept = fs::read_to_string(place.path().join("thirteen/init.txt")).unwrap();
    assert!(kept.starts_with("eleven\n") && kept.contains(" is drawn"), "{kept}");
    // Another order is not VGG's way: names that do not fit are listed.
    let told = place.convnet(&format!("train vgg11 {options} --init-from thirteen --out back"), 1).1;
    assert!(told.contains("--partial"), "{told}");
}
