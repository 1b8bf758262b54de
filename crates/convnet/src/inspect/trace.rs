//! A run of a network with random weights and a random input, to see the tensors that really come out.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::exec::{Engine, Options, RunError, Session};
use crate::graph::{Graph, NodeId, Shape};
use crate::state::{Tensor, initialize};

/// What came out of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The dimensions of every node's output, in the order of [`Graph::nodes`].
    pub dims: Vec<Vec<usize>>,
    /// The main output.
    pub output: Tensor,
}

/// Runs a network in inference mode: weights drawn by its own rule, images from N(0, 1), both from `seed`.
///
/// # Errors
/// As [`Engine::compile`].
pub fn trace(graph: &Graph, batch: usize, seed: u64, options: &Options) -> Result<Trace, RunError> {
    Engine::check(graph, batch, options)?;
    let state = initialize(graph, seed);
    let mut session = Engine::compile_traced(graph, &state, batch, options)?.session()?;
    let images = normal_images(graph.input_shape(), batch, seed);
    let data = session.run(&images)?.into_vec();
    let dims = graph.ids().map(|id| dims(&session, graph, id, batch)).collect();
    let shape = graph.node(graph.output()).shape.with_batch(batch);
    Ok(Trace { dims, output: Tensor { shape, data } })
}

/// The dimensions of what the engine computed for a node. Where it hands its input on (Flatten, dropout) or
/// folds the last step into reading the result, the elements are counted on what was computed.
fn dims(session: &Session, graph: &Graph, id: NodeId, batch: usize) -> Vec<usize> {
    if let Ok(tensor) = session.tensor(id) {
        return tensor.shape;
    }
    match graph.node(id).inputs.first() {
        None => graph.input_shape().with_batch(batch),
        Some(&input) => {
            let before = dims(session, graph, input, batch);
            match graph.node(id).shape {
                Shape::Vector { .. } => vec![before[0], before[1..].iter().product()],
                Shape::Map { .. } => before,
            }
        }
    }
}

/// Images with every value from N(0, 1) (Box and Muller 1958).
fn normal_images(shape: Shape, batch: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // A stream of its own: the weights are drawn from others.
    random.set_stream(u64::MAX);
    let mut uniform = || (f64::from(random.next_u32()) + 0.5) / 4_294_967_296.0;
    (0..batch * shape.elements())
        .map(|_| {
            let (radius, angle) = ((-2.0 * uniform().ln()).sqrt(), std::f64::consts::TAU * uniform());
            (radius * angle.cos()) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Builder;
    use crate::ops::{Conv2d, Linear, MaxPool2d};

    #[test]
    fn a_run_gives_the_inferred_shapes_and_probabilities() {
        let net = Builder::image("trial", 2, 9, 8);
        let x = net.input().conv2d(Conv2d::new(5, 3).padding(1)).relu().max_pool2d(MaxPool2d::new(2));
        let graph = net.build(x.flatten().dropout(0.5).linear(Linear::new(4)).softmax()).unwrap();
        let run = |seed| trace(&graph, 3, seed, &Options::default()).unwrap();
        let first = run(1);
        let inferred: Vec<_> = graph.nodes().iter().map(|n| n.shape.with_batch(3)).collect();
        assert_eq!(first.dims, inferred);
        for row in first.output.data.chunks(4) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
        }
        assert_eq!(first, run(1));
        assert_ne!(first.output, run(2).output);
    }

    #[test]
    fn images_are_standard_normal() {
        let images = normal_images(Shape::map(3, 64, 64), 2, 7);
        let n = images.len() as f64;
        let mean = images.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = images.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n;
        // Five standard errors of 24,576 draws: 5/√n and 5·√(2/n).
        assert!(mean.abs() < 0.032 && (variance - 1.0).abs() < 0.046, "{mean} {variance}");
        assert!(images.iter().all(|v| v.is_finite()));
    }
}
