use std::path::{Path, PathBuf};

use tempfile::tempdir;

use super::*;
use crate::graph::Graph;
use crate::state::{StateDict, Tensor, TensorSource, initialize};
use crate::zoo;

fn written(folder: &Path, name: &str, state: &StateDict) -> PathBuf {
    let path = folder.join(name);
    let tensors: Vec<_> = state.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect();
    convert(state, &tensors, None, &path).unwrap();
    path
}

fn loaded(graph: &Graph, path: &Path, options: LoadOptions) -> Result<Loaded, IoError> {
    load(graph, WeightsFile::open(path)?, options)
}

fn small(name: &str) -> Graph {
    zoo::find(name).unwrap().model().input(3, 32, 32).build().unwrap()
}

#[test]
fn both_formats_bring_every_parameter_back() {
    let graph = small("resnet18");
    let folder = tempdir().unwrap();
    let mut state = initialize(&graph, 3);
    state.insert("bn1.num_batches_tracked".into(), Tensor { shape: vec![], data: vec![12.0] });
    for name in ["a.safetensors", "a.pth"] {
        let path = written(folder.path(), name, &state);
        let loaded = loaded(&graph, &path, LoadOptions::default()).unwrap();
        assert_eq!(loaded.state_dict().unwrap(), initialize(&graph, 3));
        let mut count = [0.0];
        WeightsFile::open(&path).unwrap().read("bn1.num_batches_tracked", 0, &mut count).unwrap();
        assert_eq!(count, [12.0]);
    }
}

#[test]
fn wrapped_and_old_names_are_matched() {
    let graph = small("densenet121");
    let folder = tempdir().unwrap();
    let state: StateDict = initialize(&graph, 0)
        .into_iter()
        .map(|(name, tensor)| {
            let old = name.replace("norm1.", "norm.1.").replace("norm2.", "norm.2.");
            let old = old.replace(".conv1.", ".conv.1.").replace(".conv2.", ".conv.2.");
            (format!("module.{old}"), tensor)
        })
        .collect();
    let path = written(folder.path(), "old.pth", &state);
    let loaded = loaded(&graph, &path, LoadOptions::default()).unwrap();
    assert_eq!(loaded.state_dict().unwrap(), initialize(&graph, 0));
}

#[test]
fn what_does_not_match_is_named_with_both_shapes() {
    let graph = small("lenet");
    let folder = tempdir().unwrap();
    let mut state = initialize(&graph, 0);
    let first = state.keys().next().unwrap().clone();
    state.remove(&first);
    state.insert("extra.weight".into(), Tensor::full(&[2], 0.0));
    state.insert("linear.5.bias".into(), Tensor::full(&[7], 0.0));
    let path = written(folder.path(), "a.safetensors", &state);
    let error = loaded(&graph, &path, LoadOptions::default()).unwrap_err().to_string();
    for part in [
        format!("missing in the file: `{first}`"),
        "not in the network: `extra.weight` [2]".into(),
        "`linear.5.bias` has [7], the network expects [10]".into(),
        "a.safetensors".into(),
    ] {
        assert!(error.contains(&part), "{part} in {error}");
    }
    let partial = LoadOptions { draw: true, ignore: true, seed: 4, ..LoadOptions::default() };
    let loaded = loaded(&graph, &path, partial).unwrap();
    assert_eq!(loaded.state_dict().unwrap()[&first], initialize(&graph, 4)[&first]);
    assert!(!loaded.report.is_exact());
}

#[test]
fn heads_and_grey_images_are_adapted() {
    let coloured = small("resnet18");
    let folder = tempdir().unwrap();
    let state = initialize(&coloured, 0);
    let path = written(folder.path(), "a.safetensors", &state);
    let grey = zoo::find("resnet18").unwrap().model().input(1, 32, 32).classes(5).build().unwrap();
    assert!(loaded(&grey, &path, LoadOptions::default()).is_err());
    let options = LoadOptions { head: Head::Resized, ..LoadOptions::default() };
    let loaded = loaded(&grey, &path, options).unwrap();
    assert_eq!(loaded.report.drawn, ["fc.weight", "fc.bias"]);
    let adapted = &loaded.state_dict().unwrap()["conv1.weight"];
    let whole = &state["conv1.weight"].data;
    for (i, x) in adapted.data.iter().enumerate() {
        let (o, at) = (i / 49, i % 49);
        let sum: f32 = (0..3).map(|c| whole[(o * 3 + c) * 49 + at]).sum();
        assert_eq!(*x, sum);
    }
    let mut part = [0.0; 60];
    loaded.read("conv1.weight", 40, &mut part).unwrap();
    assert_eq!(part[..], adapted.data[40..100]);
}

#[test]
fn auxiliary_outputs_that_the_network_lacks_are_ignored() {
    let graph = small("lenet");
    let folder = tempdir().unwrap();
    let mut state = initialize(&graph, 0);
    state.insert("aux1.fc1.weight".into(), Tensor::full(&[2, 2], 0.0));
    let path = written(folder.path(), "a.pth", &state);
    let loaded = loaded(&graph, &path, LoadOptions::default()).unwrap();
    assert!(loaded.report.is_exact());
}

#[test]
fn auxiliary_outputs_may_be_missing() {
    let graph =
        zoo::find("googlenet@torchvision").unwrap().model().input(3, 64, 64).classes(4).build().unwrap();
    let folder = tempdir().unwrap();
    let mut state = initialize(&graph, 0);
    state.retain(|name, _| !name.starts_with("aux"));
    let path = written(folder.path(), "a.pth", &state);
    let loaded = loaded(&graph, &path, LoadOptions::default()).unwrap();
    assert!(loaded.report.drawn.iter().all(|name| name.starts_with("aux")));
    assert!(!loaded.report.drawn.is_empty() && loaded.report.is_exact());
}
