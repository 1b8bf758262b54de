use std::path::Path;

use tempfile::tempdir;

use super::*;
use crate::data::{Fingerprint, Preprocess};
use crate::state::{self, StateDict, TensorSource};
use crate::train::{Recipe, RunConfig, RunDir};
use crate::zoo;

fn card(classes: usize) -> ModelCard {
    ModelCard {
        model: "lenet".into(),
        input: [1, 32, 32],
        outputs: classes,
        several: false,
        preprocess: Preprocess::plain([1, 32, 32]),
        classes: (0..classes).map(|class| class.to_string()).collect(),
    }
}

/// The weights of a LeNet for images of 32 × 32 and so many classes.
fn weights(classes: usize) -> StateDict {
    state::initialize(&zoo::lenet().input(1, 32, 32).classes(classes).build().unwrap(), 1)
}

fn run(directory: &Path, classes: usize) {
    let config = RunConfig {
        convnet: "0.1.0".into(),
        isa: "portable".into(),
        model: "lenet".into(),
        input: [1, 32, 32],
        classes: card(classes).classes,
        preprocess: None,
        init_from: None,
        recipe: Recipe::for_graph(&zoo::lenet().build().unwrap()),
    };
    let graph = zoo::lenet().input(1, 32, 32).classes(classes).build().unwrap();
    let run = RunDir::create(directory, config, &graph, &Fingerprint::default()).unwrap();
    io::save(&weights(classes), Some(&card(classes)), run.file(RunDir::LAST)).unwrap();
}

#[test]
fn a_run_brings_its_size_its_classes_its_weights_and_its_data() {
    let folder = tempdir().unwrap();
    // A directory goes before a network of the same name.
    let directory = folder.path().join("vgg11");
    run(&directory, 4);
    let model = Model::open(directory.to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert_eq!((model.graph.input_size(), model.graph.classes()), ([1, 32, 32], 4));
    assert_eq!(model.data.as_deref(), Some("fashion-mnist-mini"));
    assert_eq!(model.weights.unwrap().state_dict().unwrap(), weights(4));
    assert_eq!((model.card, model.notes), (Some(card(4)), vec![]));
}

#[test]
fn other_classes_draw_a_head_and_leave_the_card() {
    let folder = tempdir().unwrap();
    run(folder.path(), 4);
    let name = folder.path().to_str().unwrap();
    let options = OpenOptions { classes: Some(3), ..OpenOptions::default() };
    let error = Model::open(name, &options).unwrap_err();
    assert!(matches!(error, OpenError::Io(IoError::Mismatch { .. })), "{error}");
    let model = Model::open(name, &OpenOptions { head: io::Head::Resized, ..options }).unwrap();
    assert_eq!(model.card, None);
    let [Note::Weights { path, report }, Note::Card { input: [1, 32, 32], classes: 4 }] = &model.notes[..]
    else {
        panic!("{:?}", model.notes)
    };
    assert_eq!(path, &folder.path().join(RunDir::LAST));
    assert_eq!(report.drawn.len(), 2);
}

#[test]
fn an_onnx_file_brings_its_network_and_weights() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.ONNX");
    let graph = zoo::lenet().input(1, 32, 32).classes(4).build().unwrap();
    io::export(&graph, &weights(4), None, io::Normalization::Metadata, &path).unwrap();
    let name = path.to_str().unwrap();
    let model = Model::open(name, &OpenOptions::default()).unwrap();
    assert_eq!(model.weights.unwrap().shape("conv.0.weight"), Some(vec![6, 1, 5, 5]));
    assert_eq!(Recipe::for_graph(&model.graph), Recipe::for_graph(&graph));
    let options = OpenOptions { weights: Some(path.clone()), ..OpenOptions::default() };
    let error = Model::open("lenet", &options).unwrap_err();
    assert!(matches!(error, OpenError::Io(IoError::Mismatch { .. })), "{error}");
}

#[test]
fn names_that_mean_nothing_are_told() {
    let folder = tempdir().unwrap();
    let open = |name: &str| Model::open(name, &OpenOptions::default()).unwrap_err();
    assert!(matches!(open("lenett"), OpenError::Unknown(_)));
    assert!(matches!(open(folder.path().to_str().unwrap()), OpenError::Run(_)));
    assert!(matches!(open("none.onnx"), OpenError::Io(_)));
    let options = OpenOptions { input: Some([1, 5, 5]), ..OpenOptions::default() };
    assert!(matches!(Model::open("alexnet", &options), Err(OpenError::Graph(_))));
}

#[test]
fn a_network_of_ones_own_is_opened_by_its_run() {
    let folder = tempdir().unwrap();
    let net = crate::graph::Builder::image("mine", 1, 32, 32);
    let x = net.input().conv2d(crate::ops::Conv2d::new(3, 5)).relu().flatten();
    let graph = net.build(x.linear(crate::ops::Linear::new(4))).unwrap();
    let config = RunConfig {
        convnet: "0.1.0".into(),
        isa: "portable".into(),
        model: "mine".into(),
        input: [1, 32, 32],
        classes: card(4).classes,
        preprocess: None,
        init_from: None,
        recipe: Recipe::for_graph(&graph),
    };
    let run = RunDir::create(folder.path(), config, &graph, &Fingerprint::default()).unwrap();
    let state = state::initialize(&graph, 3);
    io::save(&state, Some(&ModelCard { model: "mine".into(), ..card(4) }), run.file(RunDir::BEST)).unwrap();
    // The run, and one of its files.
    for path in [folder.path().to_owned(), run.file(RunDir::BEST)] {
        let model = Model::open(path.to_str().unwrap(), &OpenOptions::default()).unwrap();
        assert_eq!(model.graph, graph);
        assert_eq!(model.weights.unwrap().state_dict().unwrap(), state);
    }
    // Out of the run, the file's network is not known.
    let alone = folder.path().parent().unwrap().join(format!("{}.safetensors", std::process::id()));
    std::fs::copy(run.file(RunDir::BEST), &alone).unwrap();
    let error = Model::open(alone.to_str().unwrap(), &OpenOptions::default()).unwrap_err().to_string();
    std::fs::remove_file(&alone).unwrap();
    assert!(error.contains("its network `mine` is not in the zoo"), "{error}");
}

#[test]
fn a_file_of_weights_is_the_network_that_its_card_names() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let unnamed = ModelCard { classes: Vec::new(), ..card(4) };
    io::save(&weights(4), Some(&unnamed), &path).unwrap();
    let model = Model::open(path.to_str().unwrap(), &OpenOptions::default()).unwrap();
    assert_eq!((model.graph.classes(), model.graph.input_size()), (4, [1, 32, 32]));
    assert_eq!((model.assumption, model.classes()), (None, None));
    assert_eq!(model.written_card(), Some(unnamed));
}

#[test]
fn what_is_assumed_of_the_preprocessing_is_torchvisions_or_nothing() {
    let open = |name: &str, options: OpenOptions| Model::open(name, &options).unwrap();
    let imagenet = open("resnet18", OpenOptions::default());
    assert_eq!(imagenet.assumption, Some(Assumption::Torchvision));
    assert_eq!(imagenet.preprocess, Preprocess::imagenet(224, 224));
    // (x − m) / s, then transform_input's · s / 0.5 + (m − 0.5) / 0.5, of torchvision's GoogLeNet.
    let googlenet = open("googlenet@torchvision", OpenOptions::default());
    assert_eq!(googlenet.assumption, Some(Assumption::TransformInput));
    for (m, s) in [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)] {
        let (x, mean, std) =
            (0.7, f64::from(googlenet.preprocess.mean()[0]), f64::from(googlenet.preprocess.std()[0]));
        let scaled = (x - m) / s * (s / 0.5) + (m - 0.5) / 0.5;
        assert!(((x - mean) / std - scaled).abs() < 1e-12);
    }
    let inception = open("inception_v3", OpenOptions::default());
    assert_eq!(inception.assumption, Some(Assumption::TransformInput));
    for (name, classes) in [("resnet18", Some(10)), ("alexnet", Some(1000)), ("resnet50@paper", None)] {
        let model = open(name, OpenOptions { classes, ..OpenOptions::default() });
        assert_eq!(model.assumption, Some(Assumption::Plain), "{name}");
        assert_eq!(model.written_card(), None);
    }
    let spec = crate::data::PreprocessSpec::parse("mean=0.5,std=0.25").unwrap();
    let asked = open("resnet18", OpenOptions { preprocess: Some(spec), ..OpenOptions::default() });
    assert_eq!((asked.assumption, asked.preprocess.mean()), (None, &[0.5; 3][..]));
}

/// LeNet as another crate might make it: for 28 × 28 pixels, unless others are asked for.
fn make(input: Option<[usize; 3]>) -> Result<Graph, Box<dyn std::error::Error + Send + Sync>> {
    let [channels, height, width] = input.unwrap_or([1, 28, 28]);
    if channels != 1 {
        return Err("net.py:3: it takes grey images".into());
    }
    let graph = zoo::lenet().input(channels, height, width).build()?;
    let mut net = crate::graph::Assembly::new("net.py:LeNet", graph.input_size())?;
    for node in &graph.nodes()[1..] {
        net.node(crate::graph::ScopeId::ROOT, &node.path, node.op.clone(), &node.inputs)?;
    }
    Ok(net.finish(graph.output())?)
}

#[test]
fn a_network_that_is_made_elsewhere_takes_size_classes_and_weights() {
    let folder = tempdir().unwrap();
    let plain = Model::made(&make, &OpenOptions::default()).unwrap();
    assert_eq!((plain.graph.input_size(), plain.assumption), ([1, 28, 28], Some(Assumption::Plain)));
    assert!(plain.weights.is_none());
    let path = folder.path().join("w.safetensors");
    io::save(&weights(4), Some(&card(4)), &path).unwrap();
    let options = OpenOptions { weights: Some(path), ..OpenOptions::default() };
    let model = Model::made(&make, &options).unwrap();
    assert_eq!((model.graph.input_size(), model.graph.classes()), ([1, 32, 32], 4));
    assert_eq!(model.weights.unwrap().state_dict().unwrap(), weights(4));
    assert_eq!((model.card, model.assumption), (Some(card(4)), None));
    let colours = OpenOptions { input: Some([3, 32, 32]), ..OpenOptions::default() };
    for error in [Model::made(&make, &colours).unwrap_err(), made(&make, &colours).unwrap_err()] {
        assert_eq!(error.to_string(), "net.py:3: it takes grey images");
    }
}

#[test]
fn a_run_of_a_network_that_was_made_elsewhere_needs_nothing_but_itself() {
    let folder = tempdir().unwrap();
    let graph = make(Some([1, 32, 32])).unwrap().with_classes(4).unwrap();
    let config = RunConfig {
        convnet: "0.1.0".into(),
        isa: "portable".into(),
        model: graph.name().into(),
        input: [1, 32, 32],
        classes: card(4).classes,
        preprocess: None,
        init_from: None,
        recipe: Recipe::for_graph(&graph),
    };
    let directory = folder.path().join("run");
    let run = RunDir::create(&directory, config, &graph, &Fingerprint::default()).unwrap();
    let card = ModelCard { model: graph.name().into(), ..card(4) };
    io::save(&weights(4), Some(&card), run.file(RunDir::LAST)).unwrap();
    for name in [directory.clone(), run.file(RunDir::LAST)] {
        let model = Model::open(name.to_str().unwrap(), &OpenOptions::default()).unwrap();
        assert_eq!((&model.graph, model.card.as_ref()), (&graph, Some(&card)));
    }
    let (smaller, weights) =
        network(directory.to_str().unwrap(), &OpenOptions { classes: Some(2), ..OpenOptions::default() })
            .unwrap();
    assert_eq!((smaller.classes(), weights.is_some()), (2, true));
    // Without its network it is told to be damaged: no other network is taken for it.
    std::fs::remove_file(run.file(RunDir::GRAPH)).unwrap();
    let error = Model::open(directory.to_str().unwrap(), &OpenOptions::default()).unwrap_err();
    assert!(matches!(error, OpenError::Run(crate::train::TrainError::Missing { .. })), "{error}");
}
