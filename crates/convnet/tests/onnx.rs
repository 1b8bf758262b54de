//! ONNX models in and out: samples with ONNX Runtime's results, networks there and back, and damage.
//!
//! The samples are written by `tools/onnx_samples.py`.

use std::fs;
use std::path::{Path, PathBuf};

use convnet::exec::{Engine, Options, TrainingStep};
use convnet::graph::{Assembly, Graph, ScopeId};
use convnet::inspect::Summary;
use convnet::io::{self, Import, ImportOptions, Normalization, WeightsFile};
use convnet::ops::{Conv2d, Op};
use convnet::optim::Optimizer;
use convnet::reference::random::{random_graphs, random_input, random_state};
use convnet::state::TensorSource;
use convnet::zoo;
use convnet_formats::npy;
use proptest::prelude::*;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx")
}

/// The models in a folder, in order.
fn models(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("a folder of samples").filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "onnx")).collect();
    paths.sort();
    assert!(paths.len() > 20, "{} has no samples", folder.display());
    paths
}

fn run(graph: &Graph, weights: &dyn TensorSource, images: &[f32]) -> Vec<f32> {
    let batch = images.len() / graph.input_shape().elements();
    let options = Options { threads: 2, exact: true, ..Options::default() };
    let engine = Engine::compile(graph, weights, batch, &options).expect("a network that can be run");
    engine.run(images).expect("whole images").into_vec()
}

/// Compares with a tolerance over the RMS.
fn assert_close(found: &[f32], expected: &[f32], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let rms = (expected.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / expected.len() as f64).sqrt();
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!(f64::from((a - b).abs()) <= tolerance * rms, "{what} [{i}]: {a} against {b}, rms {rms}");
    }
}

#[test]
fn samples_give_what_onnx_runtime_gives() {
    for path in models(&folder()) {
        let what = path.display().to_string();
        let import = io::import_with(&path, &ImportOptions::default());
        let Import { graph, weights, output_axes, .. } = import.unwrap_or_else(|error| panic!("{error}"));
        let expected = npy::read(&path.with_extension("npy")).unwrap();
        let shape = match output_axes {
            Some(axes) => [&[2], &axes[..]].concat(),
            None => graph.node(graph.output()).shape.with_batch(2),
        };
        assert_eq!(shape, expected.shape, "{what}");
        let count = 2 * graph.input_shape().elements();
        let images: Vec<f32> = (0..count).map(|i| ((37 * i % 101) as f32 - 50.0) / 50.0).collect();
        assert_close(&run(&graph, &weights, &images), &expected.values.into_f32(), 1e-5, &what);
    }
}

#[test]
fn what_no_layer_computes_is_refused_by_node_and_reason() {
    for path in models(&folder().join("refused")) {
        let expected = fs::read_to_string(path.with_extension("txt")).unwrap();
        let error = match io::import(&path, None) {
            Ok((graph, _)) => panic!("{}: it became {} layers", path.display(), graph.nodes().len()),
            Err(error) => error.to_string(),
        };
        let file = path.file_name().unwrap().to_str().unwrap();
        assert!(error.contains(expected.trim()) && error.contains(file), "{file}: {error}");
    }
}

#[test]
fn layers_have_the_names_of_their_weights_and_scales_go_into_normalizations() {
    let import = |name: &str| io::import(folder().join(format!("{name}.onnx")), None).unwrap();
    let ops = |graph: &Graph| graph.nodes().iter().skip(1).map(|node| node.op.name()).collect::<Vec<_>>();
    assert_eq!(ops(&import("scale_after_norm").0), ["BatchNorm2d", "ReLU"]);
    assert_eq!(ops(&import("scale_beside_norm").0), ["BatchNorm2d", "Affine", "Add"]);
    assert_eq!(ops(&import("scale_by_alias").0), ["BatchNorm2d", "Affine", "Add"]);
    assert_eq!(ops(&import("matmul_add").0), ["Flatten", "Linear"]);
    assert_eq!(ops(&import("pad_axes").0), ["Conv2d"]);
    assert_eq!(ops(&import("conv_unneeded_padding").0), ["Conv2d"]);
    assert_eq!(ops(&import("conv_asymmetric").0), ["ConstantPad2d", "Conv2d"]);
}

#[test]
fn what_exporters_write_out_is_one_layer() {
    let ops = |name: &str| -> Vec<&'static str> {
        let (graph, _) = io::import(folder().join(format!("{name}.onnx")), None).unwrap();
        graph.nodes().iter().skip(1).map(|node| node.op.name()).collect()
    };
    for (name, op) in [
        ("gelu_torch", "GELU"),
        ("gelu_halved", "GELU"),
        ("gelu_cubes", "GELU"),
        ("hardswish_torch", "Hardswish"),
        ("mish_written", "Mish"),
        ("channel_shuffle_2", "ChannelShuffle"),
        ("pixel_unshuffle", "PixelUnshuffle"),
        ("turned", "Permute"),
        ("reshaped", "Reshape"),
        ("layer_norm", "LayerNorm"),
    ] {
        assert_eq!(ops(name), [op], "{name}");
    }
    assert_eq!(ops("group_norm_torch"), ["GroupNorm", "Affine"]);
    assert_eq!(ops("split"), ["Slice", "Slice", "Tanh", "Mul"]);
}

#[test]
fn what_layers_share_is_composed_of_them() {
    let ops = |name: &str| -> Vec<&'static str> {
        let (graph, _) = io::import(folder().join(format!("{name}.onnx")), None).unwrap();
        graph.nodes().iter().skip(1).map(|node| node.op.name()).collect()
    };
    assert_eq!(ops("add_row"), ["Constant", "BroadcastAdd"]);
    assert_eq!(ops("power"), ["Abs", "Power"]);
    assert_eq!(ops("layer_norm_axis_1"), ["Reshape", "LayerNorm", "Reshape"]);
    assert_eq!(ops("matmul_each"), ["Permute", "Reshape", "Conv2d", "Reshape", "Permute"]);
    assert_eq!(ops("resize_crop_0"), ["Upsample"]);
    assert_eq!(ops("conv_transpose"), ["Conv2d", "PixelShuffle"]);
    assert_eq!(ops("max_pool_dilated"), ["ConstantPad2d", "IndexSelect", "IndexSelect", "MaxPool2d"]);
    let attention = ops("attention_gather");
    assert_eq!(attention.iter().filter(|&&op| op == "MatMul").count(), 2);
}

#[test]
fn outputs_of_other_axes_are_told() {
    let axes = |name: &str| {
        let path = folder().join(format!("{name}.onnx"));
        io::import_with(path, &ImportOptions::default()).unwrap().output_axes
    };
    assert_eq!(axes("output_tokens"), Some(vec![4, 72]));
    assert_eq!(axes("output_number"), Some(vec![]));
    assert_eq!(axes("turned"), None);
}

#[test]
fn one_of_several_outputs_is_chosen_by_its_name() {
    let path = folder().join("refused/outputs.onnx");
    let chosen = |output: &str| {
        let options = ImportOptions { output: Some(output.into()), ..ImportOptions::default() };
        io::import_with(&path, &options)
    };
    let Import { graph, channels_last, .. } = chosen("z").unwrap();
    // The node of the other output is left out.
    let paths: Vec<&str> = graph.nodes().iter().map(|node| node.path.as_str()).collect();
    assert_eq!(paths, ["input", "z_node"]);
    assert_eq!(channels_last, None);
    let error = chosen("w").unwrap_err().to_string();
    assert!(error.ends_with("has no output `w`, its outputs are `y`, `z`"), "{error}");
}

#[test]
fn channels_last_become_first_and_no_layer_turns_them() {
    let options = ImportOptions::default();
    let Import { graph, channels_last, .. } =
        io::import_with(folder().join("keras_mean.onnx"), &options).unwrap();
    assert_eq!((graph.input_size(), channels_last.as_deref()), ([4, 9, 8], Some("x")));
    let ops: Vec<&str> = graph.nodes().iter().skip(1).map(|node| node.op.name()).collect();
    let expected =
        ["Affine", "Conv2d", "BatchNorm2d", "ReLU", "AdaptiveAvgPool2d", "Flatten", "Linear", "Softmax"];
    assert_eq!(ops, expected);
    let error = io::import(folder().join("keras_mean.onnx"), Some([9, 8, 4])).unwrap_err().to_string();
    assert!(error.contains("has 4 channels, expected 9; they are last in the file"), "{error}");
}

#[test]
fn channels_that_are_scaled_one_by_one_are_one_layer() {
    let ops = |name: &str| -> Vec<&'static str> {
        let (graph, _) = io::import(folder().join(format!("{name}.onnx")), None).unwrap();
        graph.nodes().iter().skip(1).map(|node| node.op.name()).collect()
    };
    assert_eq!(ops("transform_input"), ["Affine", "Conv2d"]);
    assert_eq!(ops("transform_input_9"), ["Affine", "Conv2d"]);
    assert_eq!(ops("channels_turned"), ["IndexSelect", "Conv2d"]);
    assert_eq!(ops("zero_pad"), ["ConstantPad2d", "Conv2d"]);
}

#[test]
fn a_weight_of_two_layers_counts_once_and_is_trained_as_one() {
    let (graph, weights) = io::import(folder().join("shared_weights.onnx"), None).unwrap();
    let [shared] = graph.shared_weights() else { panic!("{:?}", graph.shared_weights()) };
    let weight = 4 * 4 * 3 * 3;
    assert_eq!((shared.first.as_str(), shared.name.as_str()), ("a_node.weight", "y_node.weight"));
    assert_eq!((Summary::new(&graph, 1).params, Summary::new(&graph, 1).layers[1].params), (weight, 0));
    assert_eq!(graph.node_parameters(graph.output())[0].name, "a_node.weight");
    assert_eq!(weights.tensors().len(), 1);
    let place = tempfile::tempdir().unwrap();
    let loaded = io::load(&graph, weights, io::LoadOptions::default()).unwrap();
    let written = place.path().join("again.onnx");
    io::export(&graph, &loaded, None, Normalization::Metadata, &written).unwrap();
    let (again, weights) = io::import(&written, None).unwrap();
    assert_eq!((again.shared_weights().len(), weights.tensors().len()), (1, 1));
    // One that is transposed for the second layer is computed with, and not trained.
    let (graph, weights) = io::import(folder().join("shared_transposed.onnx"), None).unwrap();
    assert_eq!(graph.shared_weights(), []);
    let training = TrainingStep::compile(&graph, &weights, 1, Optimizer::sgd(), 0, &Options::default());
    let error = training.unwrap_err().to_string();
    assert!(error.contains("are one weight, which two layers read in other orders"), "{error}");
    // Equal constants that were written once are no shared weight.
    let (graph, _) = io::import(folder().join("scale_beside_norm.onnx"), None).unwrap();
    assert_eq!(graph.shared_weights(), []);
}

#[test]
fn layers_may_have_the_names_of_the_models_own_values() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("m.onnx");
    let mut net = Assembly::new("names", [2, 6, 6]).unwrap();
    let mut x = net.input();
    for name in ["input", "output", "normalized", "mean", "std", "centred", ""] {
        x = net.node(ScopeId::ROOT, name, Conv2d::new(2, 1), &[x]).unwrap();
    }
    x = net.node(ScopeId::ROOT, "mean.weight", Op::Relu, &[x]).unwrap();
    let graph = net.finish(x).unwrap();
    let (state, images) = (random_state(&graph, 1), random_input(&graph, 2, 1));
    let images: Vec<f32> = images.data.iter().map(|&x| x as f32).collect();
    io::export(&graph, &state, None, Normalization::Metadata, &path).unwrap();
    let (imported, weights) = io::import(&path, None).unwrap();
    assert_close(&run(&imported, &weights, &images), &run(&graph, &state, &images), 1e-5, "names");
}

#[test]
fn random_networks_and_every_layer_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    for (seed, graph) in (0..).zip(random_graphs(60)) {
        let state = random_state(&graph, seed);
        match io::export(&graph, &state, None, Normalization::Metadata, &path) {
            // ONNX has no adaptive pooling, and version 17 of it no antialiasing.
            Err(io::IoError::Operator { op: "AdaptiveAvgPool2d" | "Upsample", .. }) => continue,
            result => result.unwrap(),
        }
        let what = format!("{} {seed}", graph.name());
        let images: Vec<f32> = random_input(&graph, 2, seed).data.iter().map(|&x| x as f32).collect();
        let expected = run(&graph, &state, &images);
        let (imported, weights) = match io::import(&path, None) {
            // Windows of an even number of channels differ between ONNX and PyTorch.
            Err(io::IoError::Node { op, .. }) if op == "LRN" => continue,
            result => result.unwrap_or_else(|error| panic!("{what}: {error}")),
        };
        assert_close(&run(&imported, &weights, &images), &expected, 1e-5, &what);
    }
}

#[test]
fn networks_of_the_zoo_come_back_layer_by_layer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    for name in ["lenet", "nin", "googlenet@torchvision", "resnet18@torchvision", "densenet121@torchvision"] {
        let graph = zoo::find(name).unwrap().model().input(3, 64, 64).classes(7).build();
        let graph = graph.or_else(|_| zoo::find(name).unwrap().model().classes(7).build()).unwrap();
        let state = convnet::state::initialize(&graph, 1);
        io::export(&graph, &state, None, Normalization::Metadata, &path).unwrap();
        let (imported, weights) = io::import(&path, None).unwrap();
        let live = graph.reachable(&[graph.output()]);
        let kept = |op: &Op| {
            !matches!(op, Op::Dropout(_) | Op::Dropout1d(_) | Op::StochasticDepth(_) | Op::Identity)
        };
        let layers = |graph: &Graph, live: &[bool]| {
            let ids = graph.ids().skip(1).filter(|id| live[id.index()]).map(|id| graph.node(id).clone());
            ids.filter(|node| kept(&node.op)).map(|node| (node.path, node.shape)).collect::<Vec<_>>()
        };
        let all = vec![true; imported.nodes().len()];
        assert_eq!(layers(&imported, &all), layers(&graph, &live), "{name}");
        for (tensor, shape) in weights.tensors() {
            assert_eq!(state[tensor].shape, shape, "{name} {tensor}");
        }
    }
}

#[test]
fn files_that_are_cut_short_are_errors() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("cut.onnx");
    for sample in models(&folder()) {
        let bytes = fs::read(&sample).unwrap();
        for percent in 0..100 {
            fs::write(&path, &bytes[..bytes.len() * percent / 100]).unwrap();
            if let Ok((graph, _)) = io::import(&path, None) {
                panic!("{percent}% of {} became {} layers", sample.display(), graph.nodes().len());
            }
        }
    }
}

#[test]
fn what_is_no_model_is_told_so() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("no.onnx");
    for bytes in [&b""[..], b"\0\0\0\0", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", &[0xff; 64]] {
        fs::write(&path, bytes).unwrap();
        let error = io::import(&path, None).unwrap_err().to_string();
        assert!(error.contains("no.onnx") && error.contains("ONNX"), "{error}");
        assert!(WeightsFile::open(&path).is_err());
    }
    assert!(io::import(temporary.path(), None).unwrap_err().to_string().contains("expected a regular file"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn damage_is_an_error_or_another_network(
        sample: prop::sample::Index,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let samples = models(&folder());
        let mut bytes = fs::read(&samples[sample.index(samples.len())]).unwrap();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("damaged.onnx");
        fs::write(&path, bytes).unwrap();
        match io::import(&path, None) {
            Ok((graph, weights)) => {
                Summary::new(&graph, 1);
                for (name, shape) in weights.tensors() {
                    let first = usize::from(shape.iter().product::<usize>() > 0);
                    weights.read(name, 0, &mut vec![0.0; first]).unwrap();
                }
            }
            Err(error) => prop_assert!(error.to_string().contains("damaged.onnx"), "{error}"),
        }
    }
}
