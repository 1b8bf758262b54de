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

/// A network's weights under names that `rename` makes of its own.
fn renamed(graph: &Graph, rename: impl Fn(&str) -> String) -> StateDict {
    initialize(graph, 0).into_iter().map(|(name, tensor)| (rename(&name), tensor)).collect()
}

#[test]
fn what_wrappers_put_before_or_into_names_is_found_by_what_is_left() {
    let graph = small("resnet20");
    let folder = tempdir().unwrap();
    let wrapped = |start: &'static str| move |name: &str| format!("{start}{name}");
    let in_part = |name: &str| name.replace("layer1.", "layer1._orig_mod.");
    let last = |name: &str| name.replace("fc.", "fc.0.");
    let parts = |name: &str| match name.starts_with("fc.") {
        true => format!("head.{name}"),
        false => format!("backbone.{name}"),
    };
    type Rename = Box<dyn Fn(&str) -> String>;
    let cases: [(Rename, &[&str]); 6] = [
        (Box::new(wrapped("module.")), &["names without `module.`"]),
        (Box::new(wrapped("model.net.")), &["names without `model.net.`"]),
        (Box::new(in_part), &["names with `layer1.` for `layer1._orig_mod.`"]),
        (Box::new(last), &["names with `fc.` for `fc.0.`"]),
        (Box::new(parts), &["names without `backbone.`", "names without `head.`"]),
        (Box::new(|name: &str| name.to_owned()), &[]),
    ];
    for (rename, told) in cases {
        let mut state = renamed(&graph, rename);
        state.insert("n_averaged".into(), Tensor::full(&[], 3.0));
        let path = written(folder.path(), "a.pth", &state);
        let loaded = loaded(&graph, &path, LoadOptions::default()).unwrap();
        assert_eq!(loaded.report.found, told);
        assert_eq!(loaded.report.is_plain(), told.is_empty());
        assert_eq!(loaded.state_dict().unwrap(), initialize(&graph, 0));
    }
    // Two copies of a network in one file: neither is guessed.
    let mut state = renamed(&graph, wrapped("model."));
    state.extend(renamed(&graph, wrapped("ema_model.")));
    let path = written(folder.path(), "a.safetensors", &state);
    let error = loaded(&graph, &path, LoadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("not in the network: `"), "{error}");
    let mut file = WeightsFile::open(&path).unwrap();
    file.choose("ema_model").unwrap();
    assert_eq!(file.tensors()[0].0, "bn1.bias");
    assert!(load(&graph, file, LoadOptions::default()).unwrap().report.is_plain());
    let error = WeightsFile::open(&path).unwrap().choose("ema").unwrap_err().to_string();
    assert!(error.contains("under the key `ema`"), "{error}");
}

#[test]
fn a_convolution_over_the_whole_map_is_read_as_a_linear_layer() {
    let graph = small("lenet");
    let folder = tempdir().unwrap();
    let mut state = initialize(&graph, 0);
    let name = "linear.1.weight";
    let shape = state[name].shape.clone();
    state.get_mut(name).unwrap().shape = vec![shape[0], 16, shape[1] / 16, 1];
    let path = written(folder.path(), "a.pth", &state);
    let loaded = loaded(&graph, &path, LoadOptions::default()).unwrap();
    let told = format!("[{}, 16, {}, 1] read as {shape:?}", shape[0], shape[1] / 16);
    assert_eq!(loaded.report.adapted, [(name.to_owned(), told)]);
    assert_eq!(loaded.state_dict().unwrap(), initialize(&graph, 0));
}

#[test]
fn a_1x1_convolution_that_is_kept_as_a_linear_takes_either_shape() {
    let net = crate::graph::Builder::image("net", 3, 4, 4);
    let form = crate::graph::TensorForm::Linear;
    let graph = net.build(net.input().layer("fc", crate::ops::Conv2d::new(5, 1)).kept_as(form)).unwrap();
    let folder = tempdir().unwrap();
    let state = initialize(&graph, 0);
    assert_eq!(state["fc.weight"].shape, [5, 3]);
    let path = written(folder.path(), "own.pth", &state);
    assert!(loaded(&graph, &path, LoadOptions::default()).unwrap().report.is_plain());
    let mut other = state.clone();
    other.get_mut("fc.weight").unwrap().shape = vec![5, 3, 1, 1];
    let path = written(folder.path(), "conv.pth", &other);
    let loaded = loaded(&graph, &path, LoadOptions::default()).unwrap();
    assert_eq!(loaded.report.adapted.len(), 1);
    assert_eq!(loaded.state_dict().unwrap(), state);
}

#[test]
fn weights_that_are_not_finite_are_named_by_file_parameter_and_index() {
    let graph = small("lenet");
    let folder = tempdir().unwrap();
    let name = "linear.1.weight";
    for (value, told) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let mut state = initialize(&graph, 0);
        let columns = state[name].shape[1];
        state.get_mut(name).unwrap().data[2 * columns + 5] = value;
        let path = written(folder.path(), "spoilt.pth", &state);
        let loaded = loaded(&graph, &path, LoadOptions::default()).unwrap();
        let error = loaded.state_dict().unwrap_err().to_string();
        assert!(error.contains(&format!("spoilt.pth`: parameter `{name}` has {told} at [2, 5]")), "{error}");
    }
}

#[test]
fn files_of_other_kinds_are_told() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    for (bytes, told) in [
        (&b""[..], "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (b"<!DOCTYPE html>", "is an HTML page"),
        (b"{\"weight_map\": {}}", "holds none"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = WeightsFile::open(&path).unwrap_err().to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
}

#[test]
fn tensors_that_no_layer_reads_are_kept_told_and_not_needed() {
    use crate::graph::{Assembly, ScopeId, UnusedTensor};
    use crate::ops::Conv2d;
    let mut net = Assembly::new("net.py:Net", [2, 6, 6]).unwrap();
    let a = net.node(ScopeId::ROOT, "a", Conv2d::new(2, 3), &[net.input()]).unwrap();
    for (name, shape) in [("b.weight", &[3, 2][..]), ("b.bias", &[3]), ("bn.num_batches_tracked", &[])] {
        net.unused(UnusedTensor { name: name.into(), shape: shape.to_vec(), trainable: true });
    }
    let graph = net.finish(a).unwrap();
    assert_eq!(initialize(&graph, 1).len(), 2);
    assert_eq!(crate::inspect::Summary::new(&graph, 1).unused_params, 10);
    let folder = tempdir().unwrap();
    let mut state = initialize(&graph, 1);
    let without = loaded(&graph, &written(folder.path(), "w.pth", &state), LoadOptions::default()).unwrap();
    assert_eq!((without.report.absent.len(), without.unused().len()), (2, 0));
    assert!(without.report.is_exact() && !without.report.is_plain());
    let told = without.report.to_string();
    assert!(told.contains("not in the file, of layers that are never called (2): `b.weight`"), "{told}");
    state.insert("b.weight".into(), Tensor { shape: vec![3, 2], data: (0..6).map(|x| x as f32).collect() });
    state.insert("b.bias".into(), Tensor::full(&[3], 0.5));
    state.insert("bn.num_batches_tracked".into(), Tensor::full(&[], 7.0));
    let path = written(folder.path(), "all.pth", &state);
    let all = loaded(&graph, &path, LoadOptions::default()).unwrap();
    let kept: Vec<String> = all.unused().into_iter().map(|(name, _)| name).collect();
    assert_eq!(kept, ["b.bias", "b.weight"]);
    assert!(all.report.to_string().contains("never called (2): `b.weight`"), "{}", all.report);
    let tensors: Vec<_> = parameters(&graph).into_iter().chain(all.unused()).collect();
    let copy = folder.path().join("copy.safetensors");
    convert(&all, &tensors, None, &copy).unwrap();
    let mut part = [0.0; 2];
    WeightsFile::open(&copy).unwrap().read("b.weight", 3, &mut part).unwrap();
    assert_eq!(part, [3.0, 4.0]);
    state.insert("b.bias".into(), Tensor::full(&[4], 0.5));
    let other = written(folder.path(), "other.pth", &state);
    let error = loaded(&graph, &other, LoadOptions::default()).unwrap_err();
    assert!(error.to_string().contains("`b.bias` has [4], the network expects [3]"), "{error}");
}

/// Two convolutions of one weight, which is in the state dict under both names or under the first alone.
fn shared(in_state_dict: bool) -> Graph {
    use crate::graph::{Assembly, ScopeId, SharedWeight};
    use crate::ops::Conv2d;
    let mut net = Assembly::new("shared", [2, 6, 6]).unwrap();
    let a = net.node(ScopeId::ROOT, "a", Conv2d::new(2, 3), &[net.input()]).unwrap();
    let b = net.node(ScopeId::ROOT, "b", Conv2d::new(2, 3), &[a]).unwrap();
    net.share(SharedWeight { name: "b.weight".into(), first: "a.weight".into(), in_state_dict });
    net.finish(b).unwrap()
}

#[test]
fn a_weight_of_two_names_is_read_from_either_and_must_be_the_same_in_both() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("w.pth");
    let (both, once) = (shared(true), shared(false));
    let state = initialize(&both, 1);
    assert_eq!(state["a.weight"], state["b.weight"]);
    assert!(!initialize(&once, 1).contains_key("b.weight"));
    let names = |graph: &Graph| parameters(graph).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&both), ["a.bias", "a.weight", "b.bias", "b.weight"]);
    assert_eq!(names(&once), ["a.bias", "a.weight", "b.bias"]);
    let opened = |state: &StateDict, graph: &Graph| {
        save(state, None, &path).unwrap();
        load(graph, WeightsFile::open(&path).unwrap(), LoadOptions::default())
    };
    for left_out in ["", "a.weight", "b.weight"] {
        let mut part = state.clone();
        part.remove(left_out);
        // A wrapper's prefix is found by either name.
        let part: StateDict = part.into_iter().map(|(name, t)| (format!("module.{name}"), t)).collect();
        for graph in [&both, &once] {
            let loaded = opened(&part, graph).unwrap();
            assert_eq!(loaded.report.matched, 3, "{left_out}");
            assert_eq!(loaded.state_dict().unwrap(), initialize(graph, 1));
            convert(&loaded, &parameters(graph), None, &path).unwrap();
        }
    }
    let mut apart = state.clone();
    apart.get_mut("b.weight").unwrap().data[19] += 1.0;
    let error = opened(&apart, &both).unwrap_err();
    assert!(
        matches!(&error, IoError::Twins { values: Some((index, _)), .. } if *index == [1, 0, 0, 1]),
        "{error}"
    );
    assert!(error.to_string().contains("`b.weight` and `a.weight` are one parameter"), "{error}");
    apart.insert("b.weight".into(), Tensor::full(&[2, 2, 3], 0.0));
    let error = opened(&apart, &both).unwrap_err();
    assert!(matches!(&error, IoError::Twins { values: None, .. }), "{error}");
}
