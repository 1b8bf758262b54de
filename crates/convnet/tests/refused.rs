//! What cannot be computed, or not on this machine, is refused with an error, whatever the sizes: no panic, and nothing
//! allocated before it is known to fit.

use convnet::data::{DataSets, Dataset, Preprocess};
use convnet::exec::{CompileError, Engine, Options, RunError, TrainingStep};
use convnet::graph::{Builder, Graph, Shape, Size2, Value, concat};
use convnet::inspect::{self, Summary};
use convnet::ops::{
    AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, ConstantPad2d, Conv2d, Dropout, Linear, LocalResponseNorm,
    MaxPool2d, Op,
};
use convnet::optim::Optimizer;
use convnet::train::{Recipe, TrainError, Trainer};
use convnet::{Session, state, zoo};
use proptest::prelude::*;
use proptest::sample::select;

const SIZES: [usize; 9] = [0, 1, 2, 3, 1 << 16, 1 << 31, u32::MAX as usize, usize::MAX / 2, usize::MAX];

fn size() -> impl Strategy<Value = usize> {
    // Small ones more often: most networks shall be built.
    prop_oneof![select(&SIZES[1..4]), select(&SIZES[..])]
}

fn pair() -> impl Strategy<Value = Size2> {
    (size(), size()).prop_map(Size2::from)
}

fn op() -> impl Strategy<Value = Op> {
    let conv = (size(), pair(), pair(), pair(), pair(), size(), any::<bool>()).prop_map(
        |(out_channels, kernel, stride, padding, dilation, groups, bias)| {
            Conv2d { out_channels, kernel, stride, padding, dilation, groups, bias }.into()
        },
    );
    let max = (pair(), pair(), pair(), any::<bool>()).prop_map(|(kernel, stride, padding, ceil_mode)| {
        MaxPool2d { kernel, stride, padding, ceil_mode }.into()
    });
    let average = (pair(), pair(), pair(), any::<bool>(), any::<bool>()).prop_map(
        |(kernel, stride, padding, ceil_mode, count_include_pad)| {
            AvgPool2d { kernel, stride, padding, padding_end: None, ceil_mode, count_include_pad }.into()
        },
    );
    let adaptive = (size(), size()).prop_map(|(height, width)| AdaptiveAvgPool2d { height, width }.into());
    let pad = (size(), size(), size(), size())
        .prop_map(|(top, bottom, left, right)| ConstantPad2d { top, bottom, left, right, value: 0.0 }.into());
    let linear =
        (size(), any::<bool>()).prop_map(|(out_features, bias)| Linear { out_features, bias }.into());
    let response = size().prop_map(|size| LocalResponseNorm::new(size).into());
    let plain = select(vec![
        Op::Relu,
        Op::Flatten,
        Op::Unflatten,
        Op::Softmax,
        Op::Affine,
        Op::Identity,
        Op::from(BatchNorm2d::default()),
        Op::from(Dropout { p: 0.5 }),
    ]);
    prop_oneof![4 => conv, 2 => max, 2 => average, 2 => adaptive, 1 => pad, 2 => linear, 1 => response, 3 => plain]
}

/// A layer, or a branch that is joined with what it came from.
fn grow<'b>(x: Value<'b>, op: &Op, join: u8) -> Value<'b> {
    let y = x.then(op.clone());
    match join {
        0 => concat(&[x, y]),
        1 => x + y,
        2 => y * x,
        _ => y,
    }
}

fn network(input: [usize; 3], ops: &[(Op, u8)]) -> Option<Graph> {
    let [channels, height, width] = input;
    let net = Builder::image("absurd", channels, height, width);
    let x = ops.iter().fold(net.input(), |x, (op, join)| grow(x, op, *join));
    match net.build(x) {
        Ok(graph) => Some(graph),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// All readings of a network that take no memory of its sizes.
fn read(graph: &Graph, batch: usize) {
    let summary = Summary::new(graph, batch);
    assert!(!summary.to_string().is_empty());
    inspect::table(&summary, &inspect::TableOptions::default());
    inspect::markdown(&summary, None, None);
    inspect::receptive_fields(graph);
    inspect::saved_bytes(graph, batch);
    inspect::training_memory(graph, batch).total();
    assert!(inspect::diff(graph, graph).iter().all(|change| matches!(change, inspect::Change::Same(..))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn networks_of_any_size_are_built_read_and_planned_or_refused(
        input in [size(), size(), size()],
        ops in prop::collection::vec((op(), 0u8..12), 1..4),
        batch in select(&SIZES[..]),
    ) {
        let Some(graph) = network(input, &ops) else { return Ok(()) };
        read(&graph, batch);
        let options = Options { threads: 1, ..Options::default() };
        for batch in [1, batch] {
            for answer in [
                Engine::check(&graph, batch, &options),
                TrainingStep::check(&graph, batch, Optimizer::sgd(), &options),
            ] {
                prop_assert!(batch > 0 || answer == Err(CompileError::EmptyBatch));
                if let Err(error) = answer {
                    prop_assert!(!error.to_string().is_empty());
                }
            }
        }
    }

    #[test]
    fn layers_answer_for_any_shape(op in op(), c in size(), h in size(), w in size(), vector: bool) {
        let input = if vector { Shape::vector(c) } else { Shape::map(c, h, w) };
        let output = op.infer(&[input]).unwrap_or(input);
        op.macs(&[input], output);
        op.parameters(input).iter().for_each(|spec| { spec.elements(); });
        op.settings(&[input]);
        op.properties();
    }

    #[test]
    fn zoo_networks_of_any_size_are_built_or_refused(
        entry in (0..zoo::entries().len()).prop_map(|index| &zoo::entries()[index]),
        (c, h, w) in (size(), size(), size()),
        classes in size(),
        batch in select(&SIZES[..]),
    ) {
        let Ok(graph) = entry.model().input(c, h, w).classes(classes).build() else { return Ok(()) };
        Summary::new(&graph, batch);
        let preprocess = Preprocess::imagenet(h, w);
        prop_assert_eq!(preprocess.input(), [3, h, w]);
        Preprocess::plain([c, h, w]).len();
    }
}

fn tiny() -> Graph {
    let net = Builder::image("tiny", 1, 4, 4);
    let x = net.input().conv2d(Conv2d::new(3, 3).padding(1)).relu().max_pool2d(MaxPool2d::new(2));
    net.build(x.flatten().linear(Linear::new(5))).expect("it is a network")
}

#[test]
fn a_batch_beyond_the_machine_is_refused_with_the_largest_that_fits() {
    let (net, options) = (tiny(), Options { threads: 1, ..Options::default() });
    let weights = state::initialize(&net, 0);
    for batch in [1 << 42, usize::MAX / 2, usize::MAX] {
        let inference = Engine::compile(&net, &weights, batch, &options).unwrap_err();
        let training =
            TrainingStep::compile(&net, &weights, batch, Optimizer::sgd(), 0, &options).unwrap_err();
        let mut fits = Vec::new();
        for (error, word) in [(inference, "inference"), (training, "training")] {
            let CompileError::Memory { task, batch: asked, bytes, available, largest: Some(largest) } = error
            else {
                panic!("{error:?}")
            };
            assert_eq!((task, asked), (word, batch));
            assert!(available.is_none_or(|available| available < bytes));
            let text = error.to_string();
            assert!(text.contains(&format!("the largest batch that fits is {largest}")), "{text}");
            assert!(text.starts_with(&format!("{word} with a batch of {batch} needs ")), "{text}");
            assert!(largest > 0);
            fits.push(largest);
        }
        // What is available changes meanwhile; half of it is still there.
        Engine::check(&net, fits[0] / 2, &options).unwrap();
        TrainingStep::check(&net, fits[1] / 2, Optimizer::sgd(), &options).unwrap();
        assert!(fits[1] < fits[0], "training takes more: {fits:?}");
    }
}

#[test]
fn a_network_takes_no_more_memory_than_it_may() {
    let (net, weights) = (tiny(), state::initialize(&tiny(), 0));
    let options = Options { threads: 1, memory: Some(1 << 20), ..Options::default() };
    Engine::compile(&net, &weights, 1, &options).unwrap();
    TrainingStep::compile(&net, &weights, 1, Optimizer::sgd(), 0, &options).unwrap();
    let inference = Engine::compile(&net, &weights, 1 << 16, &options).unwrap_err();
    let training = TrainingStep::compile(&net, &weights, 1 << 16, Optimizer::sgd(), 0, &options).unwrap_err();
    for error in [inference, training] {
        let CompileError::Memory { available, largest: Some(largest), .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(available, Some(1 << 20));
        assert!(largest > 0 && largest < 1 << 16, "{largest}");
        assert!(error.to_string().contains(", of which it may take 1 MiB; "), "{error}");
    }
}

#[test]
fn a_network_beyond_the_machine_is_refused_before_its_weights_are_drawn() {
    let net = Builder::image("wide", 1, 1, 1);
    let x = net.input().flatten().linear(Linear::new(1 << 22)).linear(Linear::new(1 << 22));
    let graph = net.build(x).unwrap();
    for answer in [
        Engine::check(&graph, 1, &Options::default()).map_err(RunError::from),
        TrainingStep::check(&graph, 1, Optimizer::sgd(), &Options::default()).map_err(RunError::from),
        inspect::trace(&graph, 1, 0, &Options::default()).map(drop),
    ] {
        let text = answer.unwrap_err().to_string();
        assert!(text.contains("GiB of memory, of which it may take "), "{text}");
        assert!(text.contains("not even one image fits"), "{text}");
    }
}

#[test]
fn threads_beyond_any_machine_are_refused() {
    let net = tiny();
    let weights = state::initialize(&net, 0);
    for threads in [1 << 16, 1 << 31, usize::MAX] {
        let options = Options { threads, ..Options::default() };
        let error = Engine::compile(&net, &weights, 1, &options).unwrap_err();
        assert!(matches!(error, CompileError::Threads { threads: found, .. } if found == threads), "{error}");
    }
}

#[test]
fn images_labels_and_weights_of_other_lengths_are_refused() {
    let (net, options) = (tiny(), Options { threads: 1, ..Options::default() });
    let weights = state::initialize(&net, 0);
    let engine = Engine::compile(&net, &weights, 2, &options).unwrap();
    let mut training = TrainingStep::compile(&net, &weights, 2, Optimizer::sgd(), 0, &options).unwrap();
    let groups = training.uniform_groups();
    for floats in [0, 1, 15, 17, 31, 33, 48, 1 << 16] {
        let images = vec![0.5; floats];
        let refused = |error: RunError| assert!(matches!(error, RunError::Images { .. }), "{error}");
        refused(engine.run(&images).unwrap_err());
        refused(engine.session().and_then(|mut session: Session| session.logits(&images)).unwrap_err());
        refused(training.forward_backward(&images, &[1, 2]).unwrap_err());
        refused(training.accumulate(&images, &[1, 2]).unwrap_err());
        refused(training.step(&images, &[1, 2], &groups, 0.1).unwrap_err());
        refused(training.gradients(&images, &[1, 2]).unwrap_err());
    }
    let images = vec![0.5; 32];
    for labels in [vec![], vec![1], vec![1, 2, 3], vec![5, 0], vec![0, u32::MAX]] {
        let error = training.step(&images, &labels, &groups, 0.1).unwrap_err();
        assert!(matches!(error, RunError::Count { .. } | RunError::Label { .. }), "{error}");
    }
    // A node of a larger network.
    let larger = zoo::lenet().build().unwrap();
    let mut session = engine.session().unwrap();
    session.run(&images).unwrap();
    assert!(matches!(session.tensor(larger.output()), Err(RunError::NotKept { .. })));
    assert!(training.check_images(3).is_err() && training.check_images(0).is_err());
}

#[test]
fn a_value_of_another_network_is_refused() {
    let (one, other) = (Builder::image("one", 1, 8, 8), Builder::image("other", 1, 8, 8));
    let foreign = other.input().relu().relu().relu();
    let text = one.build(foreign).unwrap_err().to_string();
    assert!(text.contains("a value of another network, expected one of `one`"), "{text}");
    // The network itself is as it was.
    one.build(one.input().relu()).unwrap();
    let x = one.input();
    for y in [x + foreign, x * foreign, concat(&[x, foreign]), x.scope("s", "Block", |_| foreign)] {
        let error = one.build(y).unwrap_err();
        assert!(error.to_string().contains("a value of another network"), "{error}");
    }
    let two = Builder::image("two", 1, 8, 8);
    two.auxiliary("aux", foreign, 0.3);
    assert_eq!(two.build(two.input()).unwrap_err().path, "aux");
}

/// A normalization of pooled maps of one pixel.
fn pooled() -> Graph {
    let net = Builder::image("pooled", 1, 4, 4);
    let x = net.input().conv2d(Conv2d::new(3, 3)).batch_norm2d().relu().adaptive_avg_pool2d(1, 1);
    net.build(x.layer("last", BatchNorm2d::default()).flatten().linear(Linear::new(2)))
        .expect("it is a network")
}

/// PyTorch: "Expected more than 1 value per channel when training, got input size torch.Size([1, 3, 1, 1])"; of two
/// images it takes the mean, and in `eval` mode one is enough.
#[test]
fn a_normalization_of_one_value_is_refused_in_training_alone() {
    let net = pooled();
    let weights = state::initialize(&net, 0);
    let options = Options { threads: 1, ..Options::default() };
    let mut training = TrainingStep::compile(&net, &weights, 2, Optimizer::sgd(), 0, &options).unwrap();
    let groups = training.uniform_groups();
    let images = vec![0.5; 32];
    training.step(&images, &[0, 1], &groups, 0.1).unwrap();
    let before = training.state_dict();
    let one = RunError::OneValue { path: "last".into() };
    assert_eq!(training.step(&images[..16], &[0], &groups, 0.1).unwrap_err(), one);
    assert_eq!(training.forward_backward(&images[..16], &[0]).unwrap_err(), one);
    assert_eq!(training.accumulate(&images[..16], &[0]).unwrap_err(), one);
    assert_eq!(training.gradients(&images[..16], &[0]).unwrap_err(), one);
    assert_eq!(training.check_images(1).unwrap_err(), one);
    assert!(one.to_string().contains("node `last` (BatchNorm2d) has one value per channel"), "{one}");
    assert_eq!(training.state_dict(), before, "nothing was learnt from it");
    Engine::compile(&net, &weights, 1, &options).unwrap().run(&images[..16]).unwrap();
    // Maps of more pixels have enough values.
    let net = Builder::image("map", 1, 4, 4);
    let x = net.input().conv2d(Conv2d::new(3, 3)).batch_norm2d();
    let net = net.build(x.flatten().linear(Linear::new(2))).unwrap();
    let weights = state::initialize(&net, 0);
    let mut training = TrainingStep::compile(&net, &weights, 1, Optimizer::sgd(), 0, &options).unwrap();
    training.step(&images[..16], &[0], &training.uniform_groups(), 0.1).unwrap();
}

#[cfg(feature = "train")]
#[test]
fn a_run_whose_last_batch_is_one_image_is_refused_before_it_starts() {
    let set = |images: usize| {
        let pixels = (0..images * 16).map(|i| (i * 37 % 251) as u8).collect();
        let labels = (0..images).map(|i| (i % 2) as u32).collect();
        Dataset::new("dots", pixels, labels, ["a", "b"].map(String::from).to_vec(), (1, 4, 4)).unwrap()
    };
    let run = |images: usize, batch: usize, limit: Option<u64>| {
        let net = pooled();
        let data = DataSets::new("dots", set(images), set(4));
        let mut recipe = Recipe::for_graph(&net);
        recipe.split.validation = 0.0;
        (recipe.batch, recipe.epochs, recipe.limit_steps, recipe.lr) = (batch, 1, limit, 0.01);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run");
        let options = Options { threads: 1, ..Options::default() };
        let result = Trainer::new(&net, data).recipe(recipe).options(options).run(&path);
        (result, path.exists())
    };
    for (images, batch) in [(9, 4), (9, 8), (8, 1), (1, 4)] {
        match run(images, batch, None) {
            (Err(TrainError::Run(RunError::OneValue { path })), false) => assert_eq!(path, "last"),
            other => panic!("{images} images by {batch}: {other:?}"),
        }
    }
    for (images, batch, limit) in [(10, 4, None), (8, 4, None), (3, 4, None), (9, 4, Some(2))] {
        let (result, _) = run(images, batch, limit);
        result.unwrap_or_else(|error| panic!("{images} images by {batch}: {error}"));
    }
}
