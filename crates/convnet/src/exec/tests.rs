//! Fused against unfused, threads and instruction sets against one another, and training that learns.

use convnet_kernels::Isa;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::graph::{Builder, Graph, concat};
use crate::ops::{AvgPool2d, BatchNorm2d, Conv2d, Linear, LocalResponseNorm, MaxPool2d, ParamKind};
use crate::optim::{Optimizer, ParameterGroup, ParameterGroups, Select, Sgd};
use crate::state::{StateDict, Tensor};

/// A network with everything in it: branches, nested concatenations, sums, groups, every norm and pool.
fn everything() -> Graph {
    let net = Builder::image("everything", 3, 23, 21);
    let x = net
        .input()
        .conv2d(Conv2d::new(5, 3))
        .conv2d(Conv2d::new(4, (3, 2)).stride((1, 1)))
        .conv2d(Conv2d::new(16, 5).stride(2).padding(2).no_bias());
    let x = x.batch_norm2d().relu();
    let x = x.local_response_norm(LocalResponseNorm::new(5));
    let a = x.conv2d(Conv2d::new(8, 1)).relu();
    let b = x.conv2d(Conv2d::new(9, 3).padding(1)).batch_norm2d();
    let c =
        x.max_pool2d(MaxPool2d::new(3).stride(1).padding(1)).conv2d(Conv2d::new(7, (1, 3)).padding((0, 1)));
    let x = concat(&[a, b, c]);
    let y = x.batch_norm2d().relu().conv2d(Conv2d::new(6, 3).padding(1));
    let x = concat(&[x, y]);
    let y = x.batch_norm2d().relu().conv2d(Conv2d::new(6, 3).padding(2).dilation(2));
    let x = concat(&[x, y]).avg_pool2d(AvgPool2d::new(2).stride(2).padding(1).ceil_mode().exclude_pad());
    let shortcut = x.conv2d(Conv2d::new(20, 1).stride(2).no_bias()).layer("bn", BatchNorm2d::default());
    let y = x.conv2d(Conv2d::new(20, 3).stride(2).padding(1).groups(2)).batch_norm2d().tanh();
    let y = y.conv2d(Conv2d::new(20, 3).padding(1)).batch_norm2d();
    let x = (y + shortcut).relu();
    let x =
        x.adaptive_avg_pool2d(2, 2).dropout(0.25).flatten().linear(Linear::new(31)).sigmoid().dropout(0.5);
    net.build(x.linear(Linear::new(10)).softmax()).unwrap()
}

fn state(graph: &Graph, seed: u64) -> StateDict {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut tensor = |spec: crate::ops::ParamSpec| {
        let fan = spec.shape.iter().skip(1).product::<usize>().max(1) as f32;
        let (low, high) = match spec.kind {
            ParamKind::NormWeight | ParamKind::RunningVar => (0.5, 1.5),
            ParamKind::ConvWeight | ParamKind::LinearWeight => (-1.7 / fan.sqrt(), 1.7 / fan.sqrt()),
            _ => (-0.2, 0.2),
        };
        let data = (0..spec.elements()).map(|_| rng.random_range(low..high)).collect();
        (spec.name, Tensor { shape: spec.shape, data })
    };
    graph.parameters().into_iter().map(&mut tensor).collect()
}

fn images(graph: &Graph, n: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n * graph.input_shape().elements()).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn close(a: &[f32], b: &[f32], tolerance: f32, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    let rms = (b.iter().map(|x| x * x).sum::<f32>() / b.len() as f32).sqrt();
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= tolerance * rms + 1e-7, "{what}: {a} against {b}, rms {rms}");
    }
}

/// A step of all parameters alike.
fn step(training: &mut TrainingStep, images: &[f32], labels: &[u32], rate: f32) -> StepReport {
    let groups = training.uniform_groups();
    training.step(images, labels, &groups, rate).unwrap()
}

const SGD: Optimizer =
    Optimizer::Sgd(Sgd { momentum: 0.9, dampening: 0.0, nesterov: false, weight_decay: 0.0 });

#[test]
fn fused_and_traced_engines_agree_on_every_instruction_set() {
    let graph = everything();
    let (state, images) = (state(&graph, 1), images(&graph, 3, 2));
    let reference = Engine::compile_traced(
        &graph,
        &state,
        3,
        &Options { threads: 1, isa: Some(Isa::PORTABLE), exact: false, ..Options::default() },
    )
    .unwrap()
    .run(&images)
    .unwrap()
    .into_vec();
    for row in reference.chunks(10) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    for isa in Isa::available() {
        for threads in 1..4 {
            let options = Options { threads, isa: Some(isa), exact: false, ..Options::default() };
            let engine = Engine::compile(&graph, &state, 4, &options).unwrap();
            close(engine.run(&images).unwrap().as_slice(), &reference, 1e-5, isa.name());
        }
    }
}

#[test]
fn training_gives_the_same_bits_at_any_number_of_threads() {
    let graph = everything();
    let (state, images) = (state(&graph, 1), images(&graph, 4, 2));
    for isa in Isa::available() {
        let run = |threads| {
            let options = Options { threads, isa: Some(isa), exact: false, ..Options::default() };
            let mut training = TrainingStep::compile(&graph, &state, 4, SGD, 7, &options).unwrap();
            let losses: Vec<_> =
                (0..3).map(|_| step(&mut training, &images, &[1, 3, 5, 9], 0.01).loss).collect();
            (losses, training.state_dict())
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}

#[test]
fn gradients_match_central_differences_of_the_loss() {
    let graph = everything();
    let (mut state, images) = (state(&graph, 3), images(&graph, 4, 4));
    let labels = [1, 3, 5, 9];
    let options = Options { threads: 2, isa: None, exact: false, ..Options::default() };
    let mut training = TrainingStep::compile(&graph, &state, 4, SGD, 7, &options).unwrap();
    let (_, gradients) = training.gradients(&images, &labels).unwrap();
    for spec in graph.parameters().into_iter().filter(|spec| spec.kind.trainable()) {
        let gradient = &gradients[&spec.name].data;
        let norm = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        // A step along the gradient changes the loss by its norm, per unit of length.
        let mut loss_at = |step: f32, state: &mut StateDict| {
            let values = &mut state.get_mut(&spec.name).unwrap().data;
            values.iter_mut().zip(gradient).for_each(|(v, g)| *v += step * g / norm as f32);
            training.load(state).unwrap();
            training.gradients(&images, &labels).unwrap().0.loss
        };
        if norm < 1e-4 {
            continue;
        }
        let step = 1e-3;
        let slope = (loss_at(step, &mut state) - loss_at(-2.0 * step, &mut state)) / (2.0 * f64::from(step));
        loss_at(step, &mut state);
        assert!((slope - norm).abs() < 0.03 * norm + 2e-4, "{}: {slope} against {norm}", spec.name);
    }
}

#[test]
fn training_lowers_the_loss_and_a_restored_learner_continues_bit_for_bit() {
    let graph = everything();
    let (state, images) = (state(&graph, 5), images(&graph, 8, 6));
    let labels = [0, 1, 2, 3, 4, 5, 6, 7];
    for optimizer in [SGD, Optimizer::adam()] {
        let lr = if optimizer == SGD { 0.02 } else { 0.003 };
        let compile =
            |state| TrainingStep::compile(&graph, state, 8, optimizer, 1, &Options::default()).unwrap();
        let mut training = compile(&state);
        let first = step(&mut training, &images, &labels, lr).loss;
        for _ in 0..30 {
            step(&mut training, &images, &labels, lr);
        }
        let (steps, moments) = training.optimizer_state();
        let mut restored = compile(&training.state_dict());
        restored.load_optimizer_state(steps, &moments).unwrap();
        for n in [8, 5] {
            let size = graph.input_shape().elements();
            let (a, b) = (
                step(&mut training, &images[..n * size], &labels[..n], lr),
                step(&mut restored, &images[..n * size], &labels[..n], lr),
            );
            assert_eq!(a, b);
            assert!(a.loss < 0.8 * first, "{} after {first}", a.loss);
        }
        assert_eq!(training.state_dict(), restored.state_dict());
    }
}

#[test]
fn missing_and_misshapen_weights_are_named() {
    let graph = everything();
    let mut state = state(&graph, 1);
    let name = graph.parameters()[0].name.clone();
    state.get_mut(&name).unwrap().shape = vec![1];
    let error = Engine::compile(&graph, &state, 1, &Options::default()).unwrap_err();
    assert!(error.to_string().contains(&format!("`{name}` has shape [1]")), "{error}");
    state.remove(&name);
    let error = TrainingStep::compile(&graph, &state, 1, SGD, 0, &Options::default()).unwrap_err();
    assert!(error.to_string().contains(&name), "{error}");
}

#[test]
fn a_shared_engine_gives_every_caller_the_same_bytes() {
    let graph = everything();
    let (state, images) = (state(&graph, 1), images(&graph, 4, 2));
    let engine = Engine::compile(&graph, &state, 4, &Options { threads: 2, ..Options::default() }).unwrap();
    let size = graph.input_shape().elements();
    let alone: Vec<Output> = (1..5).map(|n| engine.run(&images[..n * size]).unwrap()).collect();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|caller| {
                let (engine, images, alone) = (engine.clone(), &images, &alone);
                scope.spawn(move || {
                    for round in 0..20 {
                        let n = 1 + (caller + round) % 4;
                        assert_eq!(engine.run(&images[..n * size]).unwrap(), alone[n - 1]);
                    }
                })
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    });
}

#[test]
fn rehearsed_threads_give_the_bits_of_those_that_there_are() {
    let graph = everything();
    let (state, images) = (state(&graph, 1), images(&graph, 3, 2));
    let at = |rehearse| Options { threads: 5, rehearse, ..Options::default() };
    let run = |rehearse| Engine::compile(&graph, &state, 3, &at(rehearse)).unwrap().run(&images).unwrap();
    assert_eq!(run(true), run(false));
    let learned = |rehearse| {
        let mut step = TrainingStep::compile(&graph, &state, 3, SGD, 0, &at(rehearse)).unwrap();
        let groups = step.uniform_groups();
        step.step(&images, &[1, 0, 2], &groups, 0.1).unwrap();
        assert_eq!(step.clock().unwrap().rehearsed().is_some(), rehearse);
        step.state_dict()
    };
    assert!(learned(true) == learned(false));
}

#[test]
fn sizes_that_do_not_fit_are_errors() {
    let graph = everything();
    let (state, images) = (state(&graph, 1), images(&graph, 3, 2));
    let engine = Engine::compile(&graph, &state, 2, &Options::default()).unwrap();
    let size = graph.input_shape().elements();
    for floats in [0, 1, size - 1, size + 1, 3 * size] {
        let error = engine.run(&images[..floats]).unwrap_err();
        assert_eq!(error, RunError::Images { floats, image: size, batch: 2 });
    }
    assert!(matches!(engine.session().unwrap().tensor(graph.output()), Err(RunError::NotKept { .. })));
    let mut training = TrainingStep::compile(&graph, &state, 3, SGD, 0, &Options::default()).unwrap();
    let mut error = |target: Target<'_>| training.forward_backward(&images, target).unwrap_err().to_string();
    assert_eq!(error(Target::classes(&[1, 2])), "found 2 labels, expected 3");
    assert_eq!(error(Target::classes(&[1, 10, 2])), "label 10 of image 1 is not a class, expected 0 to 9");
    assert_eq!(error(Target::soft(&[0.1; 29])), "found 29 shares of classes, expected 30");
    assert!(error(Target::soft(&[f32::NAN; 30])).contains("shares of classes: number 0 is NaN"));
    assert_eq!(error(Target::classes(&[1, 2, 3]).weighted(&[1.0])), "found 1 weights of samples, expected 3");
    assert!(error(Target::classes(&[1, 2, 3]).weighted(&[1.0, -1.0, 1.0])).contains("number 1 is -1"));
    let other = crate::zoo::lenet().build().unwrap();
    let groups = ParameterGroups::uniform(&other.parameters());
    assert_eq!(training.apply(&groups, 0.1), Err(RunError::Groups));
    assert!(training.gradient("nothing").unwrap_err().to_string().contains("`nothing`"));
}

#[test]
fn an_open_step_gives_the_bits_of_the_fused_one() {
    let graph = everything();
    let (state, images) = (state(&graph, 1), images(&graph, 4, 2));
    for optimizer in optimizer_tests::optimizers() {
        let compile = || TrainingStep::compile(&graph, &state, 4, optimizer, 7, &Options::default()).unwrap();
        let (mut fused, mut open) = (compile(), compile());
        let groups = ParameterGroups::new(
            &graph.parameters(),
            &[
                ParameterGroup::new(Select::Norms).weight_decay(0.0),
                ParameterGroup::new(Select::Kind(ParamKind::LinearWeight)).rate(0.5),
            ],
        )
        .unwrap();
        for labels in [[1, 3, 5, 9], [0, 2, 4, 6]] {
            let report = fused.step(&images, &labels, &groups, 0.01).unwrap();
            assert_eq!(open.forward_backward(&images, &labels).unwrap(), report);
            open.apply(&groups, 0.01).unwrap();
        }
        assert_eq!(fused.state_dict(), open.state_dict(), "{optimizer:?}");
        assert_eq!(fused.optimizer_state(), open.optimizer_state(), "{optimizer:?}");
    }
}

#[test]
fn frozen_parameters_stay_and_rates_and_decays_are_the_groups() {
    let graph = everything();
    let (state, images) = (state(&graph, 1), images(&graph, 4, 2));
    let plain = Optimizer::from(Sgd::plain());
    let first = graph.parameters()[0].name.clone();
    let groups = ParameterGroups::new(
        &graph.parameters(),
        &[
            ParameterGroup::new(Select::All).frozen(),
            ParameterGroup::new(Select::Kind(ParamKind::LinearWeight)).rate(2.0).weight_decay(0.1),
            ParameterGroup::new(Select::Name(first.clone())).rate(3.0),
        ],
    )
    .unwrap();
    for open in [false, true] {
        let mut training = TrainingStep::compile(&graph, &state, 4, plain, 7, &Options::default()).unwrap();
        let (_, gradients) = training.gradients(&images, &[1, 3, 5, 9]).unwrap();
        // The gradients' pass has taken the first masks of dropout; a new step takes them again.
        let mut training = TrainingStep::compile(&graph, &state, 4, plain, 7, &Options::default()).unwrap();
        if open {
            training.forward_backward(&images, &[1, 3, 5, 9]).unwrap();
            training.apply(&groups, 0.01).unwrap();
        } else {
            training.step(&images, &[1, 3, 5, 9], &groups, 0.01).unwrap();
        }
        let after = training.state_dict();
        for spec in graph.parameters().iter().filter(|spec| spec.kind.trainable()) {
            let (before, after) = (&state[&spec.name].data, &after[&spec.name].data);
            let (rate, decay) = match spec.kind {
                _ if spec.name == first => (0.03, 0.0),
                ParamKind::LinearWeight => (0.02, 0.1),
                _ => (0.0, 0.0),
            };
            let expected =
                before.iter().zip(&gradients[&spec.name].data).map(|(p, g)| p - rate * (g + decay * p));
            assert!(
                expected.zip(after).all(|(e, a)| (e - a).abs() <= 1e-6 * e.abs() + 1e-9),
                "{}",
                spec.name
            );
        }
    }
}

/// Without dropout and batch statistics, so that a batch is the sum of its images.
fn additive() -> Graph {
    let net = Builder::image("additive", 2, 9, 8);
    let x = net.input().conv2d(Conv2d::new(5, 3).padding(1)).relu().max_pool2d(MaxPool2d::new(2));
    net.build(x.flatten().linear(Linear::new(6)).sigmoid().linear(Linear::new(4))).unwrap()
}

#[test]
fn accumulated_gradients_are_those_of_the_joined_batch() {
    let graph = additive();
    let (state, images) = (state(&graph, 1), images(&graph, 6, 2));
    let (labels, size) = ([0, 1, 2, 3, 0, 1], graph.input_shape().elements());
    let compile = || TrainingStep::compile(&graph, &state, 6, SGD, 7, &Options::default()).unwrap();
    let (mut whole, mut parts) = (compile(), compile());
    whole.forward_backward(&images, &labels).unwrap();
    parts.forward_backward(&images[..2 * size], &labels[..2]).unwrap();
    parts.accumulate(&images[2 * size..4 * size], &labels[2..4]).unwrap();
    parts.accumulate(&images[4 * size..], &labels[4..]).unwrap();
    let groups = parts.uniform_groups();
    parts.scale_gradients(&groups, 1.0 / 3.0).unwrap();
    for name in whole.parameters().map(|spec| spec.name.clone()) {
        let (a, b) = (parts.gradient_tensor(&name).unwrap(), whole.gradient_tensor(&name).unwrap());
        close(&a.data, &b.data, 1e-5, &name);
    }
    parts.apply(&groups, 0.1).unwrap();
    whole.apply(&groups, 0.1).unwrap();
    assert_eq!((parts.steps(), whole.steps()), (1, 1));
}

#[test]
fn passes_of_one_step_draw_their_own_dropout() {
    let graph = everything();
    let (state, images) = (state(&graph, 1), images(&graph, 4, 2));
    let mut training = TrainingStep::compile(&graph, &state, 4, SGD, 7, &Options::default()).unwrap();
    let mut loss = || training.forward_backward(&images, &[1, 3, 5, 9]).unwrap().loss;
    assert_ne!(loss(), loss());
}

#[test]
fn gradients_are_clipped_by_norm_and_by_value() {
    let graph = additive();
    let (state, images) = (state(&graph, 1), images(&graph, 2, 2));
    let mut training = TrainingStep::compile(&graph, &state, 2, SGD, 7, &Options::default()).unwrap();
    training.forward_backward(&images, &[0, 3]).unwrap();
    let groups = training.uniform_groups();
    let all = |training: &TrainingStep| -> Vec<f32> {
        let names: Vec<String> = training.parameters().map(|spec| spec.name.clone()).collect();
        names.iter().flat_map(|name| training.gradient_tensor(name).unwrap().data).collect()
    };
    let before = all(&training);
    let norm = before.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
    let limit = 0.25 * norm as f32;
    assert!((training.clip_norm(&groups, limit).unwrap() - norm).abs() < 1e-6 * norm);
    assert!((training.gradient_norm(&groups).unwrap() - f64::from(limit)).abs() < 1e-4 * norm);
    close(&all(&training), &before.iter().map(|g| 0.25 * g).collect::<Vec<_>>(), 1e-4, "scaled");
    // A norm below the limit leaves everything as it is.
    let clipped = all(&training);
    training.clip_norm(&groups, 10.0 * limit).unwrap();
    assert_eq!(all(&training), clipped);
    let most = 0.5 * clipped.iter().fold(0.0f32, |m, g| m.max(g.abs()));
    training.clip_value(&groups, most).unwrap();
    assert_eq!(all(&training), clipped.iter().map(|g| g.clamp(-most, most)).collect::<Vec<_>>());
    assert!(training.clip_value(&groups, f32::NAN).is_err());
    // What is seen can be changed.
    training.gradient_mut("4.bias").unwrap().fill(0.5);
    assert!(training.gradient("4.bias").unwrap().iter().all(|g| *g == 0.5));
}

#[test]
fn an_average_follows_the_weights() {
    let graph = everything();
    let (state, images) = (state(&graph, 1), images(&graph, 4, 2));
    let mut training = TrainingStep::compile(&graph, &state, 4, SGD, 7, &Options::default()).unwrap();
    let mut ema = training.ema(0.75);
    assert_eq!(training.ema_state_dict(&ema), state);
    let mut expected = state.clone();
    for _ in 0..3 {
        step(&mut training, &images, &[1, 3, 5, 9], 0.05);
        training.update_ema(&mut ema);
        for (name, now) in training.state_dict() {
            let average = expected.get_mut(&name).unwrap();
            average.data.iter_mut().zip(now.data).for_each(|(a, b)| *a += (b - *a) * 0.25);
        }
    }
    let found = training.ema_state_dict(&ema);
    assert_eq!(found.len(), expected.len());
    for (name, tensor) in &found {
        close(&tensor.data, &expected[name].data, 1e-6, name);
    }
}

#[test]
fn soft_labels_and_weights_of_samples_reach_the_gradients() {
    let graph = additive();
    let (state, images) = (state(&graph, 1), images(&graph, 3, 2));
    let labels = [2, 0, 3];
    let mut training = TrainingStep::compile(&graph, &state, 3, SGD, 7, &Options::default()).unwrap();
    let (hard, expected) = training.gradients(&images, &labels).unwrap();
    let mut shares = [0.0; 12];
    labels.iter().enumerate().for_each(|(i, &label)| shares[4 * i + label as usize] = 1.0);
    let (soft, found) = training.gradients(&images, Target::soft(&shares)).unwrap();
    assert!((soft.loss - hard.loss).abs() < 1e-6 && soft.correct == hard.correct);
    for (name, tensor) in &found {
        close(&tensor.data, &expected[name].data, 1e-5, name);
    }
    // A weight of 0 leaves an image out; equal weights change nothing.
    let size = graph.input_shape().elements();
    let weighted = Target::classes(&labels).weighted(&[2.0, 2.0, 0.0]);
    let (part, found) = training.gradients(&images, weighted).unwrap();
    let (two, expected) = training.gradients(&images[..2 * size], &labels[..2]).unwrap();
    assert!((part.loss - two.loss).abs() < 1e-6);
    for (name, tensor) in &found {
        close(&tensor.data, &expected[name].data, 1e-5, name);
    }
}

#[test]
fn half_precision_weights_err_by_half_precision() {
    let graph = everything();
    let (state, images) = (state(&graph, 1), images(&graph, 1, 2));
    let single = Engine::compile(&graph, &state, 1, &Options::default()).unwrap();
    let half = Engine::compile(&graph, &state, 1, &Options { half: true, ..Options::default() }).unwrap();
    assert!(half.plan().iter().filter(|step| step.kernel.starts_with("f16_")).count() >= 4);
    assert!(half.memory().1 < single.memory().1);
    let (a, b) = (half.logits(&images).unwrap(), single.logits(&images).unwrap());
    // Weights err by 2⁻¹¹ of themselves, over some fifteen layers.
    close(a.as_slice(), b.as_slice(), 1e-2, "half precision");
    assert_ne!(a, b);
}

#[test]
fn weights_beyond_half_precision_are_refused() {
    let net = Builder::image("wide", 2, 4, 4);
    let graph = net
        .build(
            net.input().conv2d(Conv2d::new(3, 3).no_bias()).batch_norm2d().flatten().linear(Linear::new(2)),
        )
        .unwrap();
    let mut weights = state(&graph, 1);
    let compiled = |weights: &StateDict, half| {
        Engine::compile(&graph, weights, 1, &Options { half, ..Options::default() }).map(drop)
    };
    let told = |weights: &StateDict| compiled(weights, true).unwrap_err().to_string();
    // 65519 is rounded to 65504, the largest half; 65520 to infinity.
    for (value, fits) in [(65_519.0, true), (-65_519.0, true), (65_520.0, false), (-3e38, false)] {
        weights.get_mut("3.weight").unwrap().data[1] = value;
        assert_eq!(compiled(&weights, true).is_ok(), fits, "{value}");
        assert!(compiled(&weights, false).is_ok());
    }
    weights.get_mut("3.weight").unwrap().data[0] = 70_000.0;
    weights.get_mut("3.weight").unwrap().data[1] = -1e6;
    let found = told(&weights);
    assert!(
        found.contains("tensor `3.weight`: half precision ends at ±65504") && found.contains("is -1000000;"),
        "{found}"
    );
    // A normalization that is folded in scales the weights.
    let mut weights = state(&graph, 1);
    weights.get_mut("1.weight").unwrap().data.fill(1e9);
    let found = told(&weights);
    assert!(found.contains("`0.weight`") && found.contains("after the scale of the BatchNorm2d"), "{found}");
}

/// Where it alone reads them, and its kernel can or copies them with a border anyhow.
#[test]
fn a_first_convolution_takes_the_images_as_they_are_given() {
    let first = |channels, conv: Conv2d, twice| {
        let net = Builder::image("first", channels, 13, 15);
        let x = net.input().conv2d(conv);
        let x = if twice { concat(&[x, net.input().conv2d(Conv2d::new(2, 1).stride(2))]) } else { x };
        net.build(x.relu().flatten().linear(Linear::new(3))).unwrap()
    };
    let conv = |channels, kernel| Conv2d::new(channels, kernel).padding(kernel / 2);
    // Each with whether it takes them, and whether by the kernel that needs no copy.
    for (graph, taken, stem) in [
        (first(3, conv(8, 3).stride(2), false), true, true),
        (first(3, Conv2d::new(8, 3).stride(2), false), true, true),
        (first(4, Conv2d::new(9, 4), false), true, true),
        (first(1, conv(6, 5), false), true, false),
        (first(5, conv(9, 7).stride(2), false), true, false),
        (first(3, conv(8, 3).stride(3), false), true, false),
        (first(3, conv(8, 3).stride(2), true), false, false),
        (first(3, Conv2d::new(8, 3).stride(3), false), false, false),
        (first(40, conv(8, 3).stride(2), false), false, false),
    ] {
        let (state, images) = (state(&graph, 1), images(&graph, 3, 2));
        for isa in Isa::available() {
            for threads in [1, 2] {
                let options = Options { threads, isa: Some(isa), exact: true, ..Options::default() };
                let engine = Engine::compile(&graph, &state, 3, &options).unwrap();
                let text = engine.plan_text();
                assert_eq!(text.contains("→ as given"), taken, "{text}");
                assert_eq!(text.contains("f32_stem"), stem, "{text}");
                let half = Options { half: true, ..options };
                assert!(!Engine::compile(&graph, &state, 1, &half).unwrap().plan_text().contains("f32_stem"));
                let traced = Engine::compile_traced(&graph, &state, 3, &options).unwrap();
                assert!(!traced.plan_text().contains("f32_stem"));
                for n in [3, 1] {
                    let images = &images[..images.len() / 3 * n];
                    let run = |engine: &Engine| engine.run(images).unwrap().into_vec();
                    close(&run(&engine), &run(&traced), 1e-5, &format!("{isa}, {n} images\n{text}"));
                }
            }
        }
    }
}

/// What is chosen on each instruction set, held by a file; `CONVNET_SNAPSHOTS=write` writes it anew.
#[test]
fn the_kernels_of_each_instruction_set_are_the_known_ones() {
    let graph = everything();
    let state = state(&graph, 1);
    for isa in Isa::available() {
        let options = |exact| Options { threads: 2, isa: Some(isa), exact, ..Options::default() };
        let infer = Engine::compile(&graph, &state, 4, &options(false)).unwrap().plan_text();
        let exact = Engine::compile(&graph, &state, 4, &options(true)).unwrap().plan_text();
        let train = TrainingStep::compile(&graph, &state, 4, SGD, 7, &options(false)).unwrap().plan_text();
        let found = format!("inference\n{infer}\nexact\n{exact}\ntraining\n{train}");
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/exec/snapshots/{isa}.txt"));
        if std::env::var_os("CONVNET_SNAPSHOTS").is_some_and(|value| value == "write") {
            std::fs::write(&path, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap();
        assert_eq!(found, expected, "{}: set CONVNET_SNAPSHOTS=write if this is meant", path.display());
    }
}
