//! Fused against unfused, threads and instruction sets against one another, and training that learns.

use convnet_kernels::Isa;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::graph::{Builder, Graph, concat};
use crate::ops::{AvgPool2d, BatchNorm2d, Conv2d, Linear, LocalResponseNorm, MaxPool2d, ParamKind};
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

const SGD: Optimizer = Optimizer::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0.0 };

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
    .to_vec();
    for row in reference.chunks(10) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    for isa in Isa::available() {
        for threads in 1..4 {
            let options = Options { threads, isa: Some(isa), exact: false, ..Options::default() };
            let mut engine = Engine::compile(&graph, &state, 4, &options).unwrap();
            close(engine.run(&images), &reference, 1e-5, isa.name());
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
            let mut learner = Learner::compile(&graph, &state, 4, SGD, 7, &options).unwrap();
            let losses: Vec<_> = (0..3).map(|_| learner.step(&images, &[1, 3, 5, 9], 0.01).loss).collect();
            (losses, learner.state_dict())
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
    let mut learner = Learner::compile(&graph, &state, 4, SGD, 7, &options).unwrap();
    let (_, gradients) = learner.gradients(&images, &labels);
    for spec in graph.parameters().into_iter().filter(|spec| spec.kind.trainable()) {
        let gradient = &gradients[&spec.name].data;
        let norm = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        // A step along the gradient changes the loss by its norm, per unit of length.
        let mut loss_at = |step: f32, state: &mut StateDict| {
            let values = &mut state.get_mut(&spec.name).unwrap().data;
            values.iter_mut().zip(gradient).for_each(|(v, g)| *v += step * g / norm as f32);
            learner.load(state).unwrap();
            learner.gradients(&images, &labels).0.loss
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
    let adam = Optimizer::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, decoupled: false };
    for optimizer in [SGD, adam] {
        let lr = if optimizer == SGD { 0.02 } else { 0.003 };
        let compile = |state| Learner::compile(&graph, state, 8, optimizer, 1, &Options::default()).unwrap();
        let mut learner = compile(&state);
        let first = learner.step(&images, &labels, lr).loss;
        for _ in 0..30 {
            learner.step(&images, &labels, lr);
        }
        let (steps, moments) = learner.optimizer_state();
        let mut restored = compile(&learner.state_dict());
        restored.load_optimizer_state(steps, &moments).unwrap();
        for n in [8, 5] {
            let size = graph.input_shape().elements();
            let (a, b) = (
                learner.step(&images[..n * size], &labels[..n], lr),
                restored.step(&images[..n * size], &labels[..n], lr),
            );
            assert_eq!(a, b);
            assert!(a.loss < 0.8 * first, "{} after {first}", a.loss);
        }
        assert_eq!(learner.state_dict(), restored.state_dict());
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
    let error = Learner::compile(&graph, &state, 1, SGD, 0, &Options::default()).unwrap_err();
    assert!(error.to_string().contains(&name), "{error}");
}
