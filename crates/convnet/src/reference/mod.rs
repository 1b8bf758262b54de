//! Whole networks in f64 from the plain implementations: the oracle that the fast engine is tested against.
//!
//! Nothing here is fast. Arrays are NCHW, parameters have PyTorch's names and layouts.

mod backward;
mod forward;
pub mod random;

#[cfg(test)]
mod golden;
#[cfg(test)]
pub(crate) mod shared;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use thiserror::Error;

use self::forward::NetworkPass;
use crate::graph::{Graph, NodeId, Shape};
pub use crate::ops::Array;
use crate::ops::ParamSpec;
use crate::ops::softmax::naive::softmax;
use crate::state::StateDict;

/// Parameters and buffers in f64 by PyTorch's name.
pub type ArrayDict = BTreeMap<String, Array>;

/// What a dropout layer multiplies with: 0, or 1/(1 − p).
///
/// The second argument counts, in row-major order of the layer's (N, C, H, W) or (N, F) input, the elements
/// of a `Dropout`, of a `Dropout1d` the channels of each image (N·C, or N where the input is vectors), and of a
/// `StochasticDepth` the images.
pub type Masks<'a> = &'a dyn Fn(NodeId, usize) -> f64;

/// The mask that drops nothing.
pub fn keep_all(_: NodeId, _: usize) -> f64 {
    1.0
}

/// Where parameters come from: a [`StateDict`], or a [`ArrayDict`] where f32 is too coarse (finite differences).
pub trait ParameterSource {
    /// The tensor of this name in f64.
    fn array(&self, name: &str) -> Option<Array>;
}

impl ParameterSource for StateDict {
    fn array(&self, name: &str) -> Option<Array> {
        let tensor = self.get(name)?;
        Some(Array {
            shape: tensor.shape.clone(),
            data: tensor.data.iter().copied().map(f64::from).collect(),
        })
    }
}

impl ParameterSource for ArrayDict {
    fn array(&self, name: &str) -> Option<Array> {
        self.get(name).cloned()
    }
}

/// A network, its weights and a batch that do not go together.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ReferenceError {
    /// A parameter is not there.
    #[error(
        "the weights have no tensor `{name}` (expected shape {expected:?}); give weights of this network"
    )]
    Missing {
        /// The parameter.
        name: String,
        /// Its shape.
        expected: Vec<usize>,
    },
    /// A parameter or the batch has another shape, or not as many elements as its shape says.
    #[error(
        "`{name}` has shape {found:?} and {elements} elements, expected {expected:?}; give it this shape"
    )]
    Shape {
        /// The parameter, or `input`.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// How many elements it holds.
        elements: usize,
        /// The network's shape.
        expected: Vec<usize>,
    },
    /// Not a label for each image.
    #[error("found {found} labels, expected {expected}, one for each image")]
    Labels {
        /// Number of labels.
        found: usize,
        /// Number of images.
        expected: usize,
    },
    /// A label that is not a class.
    #[error("label {label} at position {position} is not one of the {classes} classes, 0 to {classes} − 1")]
    Label {
        /// The label.
        label: u32,
        /// Its index in the batch.
        position: usize,
        /// The number of classes.
        classes: usize,
    },
    /// Logits that are a feature map.
    #[error("node `{path}`: the loss takes a vector of logits, found a map of {found}; end with Flatten")]
    Logits {
        /// The node.
        path: String,
        /// Its shape.
        found: Shape,
    },
}

/// The result of a training step without its update.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceStep {
    /// Cross-entropy, mean over the batch, auxiliaries included with their weights.
    pub loss: f64,
    /// The main output's logits, (N, classes).
    pub logits: Array,
    /// The gradient of every trainable parameter.
    pub gradients: ArrayDict,
    /// The running statistics after the step, by name.
    pub running: ArrayDict,
    /// Every node's output.
    pub outputs: Vec<Array>,
}

/// Every node's output, in the order of [`Graph::nodes`], in inference: running statistics, no dropout.
///
/// # Errors
/// If a parameter is missing or has another shape, or `input` is not (N, C, H, W) with N ≥ 1.
pub fn forward(
    graph: &Graph,
    weights: &impl ParameterSource,
    input: &Array,
) -> Result<Vec<Array>, ReferenceError> {
    let parameters = parameters(graph, weights)?;
    check_input(graph, input)?;
    Ok(NetworkPass { graph, parameters: &parameters, masks: None }.forward(input))
}

/// Every node's output in inference, as `forward`, and the gradients of Σ weight · logit with respect to them.
///
/// # Errors
/// As `forward`; also if `weights_of_logits` are not of the logits' shape.
pub fn gradients_of_values(
    graph: &Graph,
    weights: &impl ParameterSource,
    input: &Array,
    weights_of_logits: &Array,
) -> Result<(Vec<Array>, Vec<Array>), ReferenceError> {
    let parameters = parameters(graph, weights)?;
    let batch = check_input(graph, input)?;
    let logits = graph.logits(graph.output());
    check_shape("weights of logits", weights_of_logits, &graph.node(logits).shape.with_batch(batch))?;
    let pass = NetworkPass { graph, parameters: &parameters, masks: None };
    let outputs = pass.forward(input);
    let (_, gradients) = pass.backward(&outputs, vec![(logits, weights_of_logits.clone())]);
    Ok((outputs, gradients))
}

/// Loss and gradients of one batch in training: batch statistics, dropout by `masks` ([`keep_all`] for none).
///
/// The loss is cross-entropy on the logits (a final Softmax is left out), mean over the batch; auxiliary
/// outputs add theirs times `loss_weight`.
///
/// # Errors
/// As `forward`; and if the labels do not fit the batch or the classes, or an output is not a vector.
pub fn loss_and_gradients(
    graph: &Graph,
    weights: &impl ParameterSource,
    input: &Array,
    labels: &[u32],
    masks: Masks<'_>,
) -> Result<ReferenceStep, ReferenceError> {
    let parameters = parameters(graph, weights)?;
    let batch = check_input(graph, input)?;
    if labels.len() != batch {
        return Err(ReferenceError::Labels { found: labels.len(), expected: batch });
    }
    let pass = NetworkPass { graph, parameters: &parameters, masks: Some(masks) };
    let outputs = pass.forward(input);
    let mut loss = 0.0;
    let mut sources = Vec::new();
    for output in graph.outputs() {
        let id = graph.logits(output.node);
        check_labels(graph, id, labels)?;
        let weight = f64::from(output.loss_weight);
        let (entropy, gradient) = cross_entropy(&outputs[id.index()], labels);
        loss += weight * entropy;
        sources.push((id, gradient.map(|g| weight * g)));
    }
    let logits = outputs[graph.logits(graph.output()).index()].clone();
    let (gradients, _) = pass.backward(&outputs, sources);
    let running = pass.running(&outputs);
    Ok(ReferenceStep { loss, logits, gradients, running, outputs })
}

/// Cross-entropy of logits (N, K), mean over N, and its gradient: (softmax − one-hot) / N.
fn cross_entropy(logits: &Array, labels: &[u32]) -> (f64, Array) {
    let classes = logits.shape[1];
    let count = labels.len() as f64;
    let mut gradient = softmax(logits).map(|p| p / count);
    let mut loss = 0.0;
    for (n, &label) in labels.iter().enumerate() {
        let row = &logits.data[n * classes..][..classes];
        let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|x| (x - max).exp()).sum();
        loss += (max + sum.ln() - row[label as usize]) / count;
        gradient.data[n * classes + label as usize] -= 1.0 / count;
    }
    (loss, gradient)
}

/// The checked parameters of each node, in the order of [`Graph::node_parameters`], in the layer's own shapes.
fn parameters(
    graph: &Graph,
    weights: &impl ParameterSource,
) -> Result<Vec<Vec<(ParamSpec, Array)>>, ReferenceError> {
    let checked = |(spec, own): (ParamSpec, Vec<usize>)| {
        let Some(array) = weights.array(&spec.name) else {
            return Err(ReferenceError::Missing { name: spec.name, expected: spec.shape });
        };
        check_shape(&spec.name, &array, &spec.shape)?;
        Ok((spec, Array { shape: own, data: array.data }))
    };
    let of_node =
        |id| graph.node_parameters(id).into_iter().zip(graph.layer_shapes(id)).map(checked).collect();
    graph.ids().map(of_node).collect()
}

fn check_shape(name: &str, array: &Array, expected: &[usize]) -> Result<(), ReferenceError> {
    if array.shape == expected && array.data.len() == expected.iter().product::<usize>() {
        return Ok(());
    }
    Err(ReferenceError::Shape {
        name: name.into(),
        found: array.shape.clone(),
        elements: array.data.len(),
        expected: expected.to_vec(),
    })
}

/// The number of images, at least 1.
fn check_input(graph: &Graph, input: &Array) -> Result<usize, ReferenceError> {
    let batch = input.shape.first().copied().unwrap_or(1).max(1);
    check_shape("input", input, &graph.input_shape().with_batch(batch))?;
    Ok(batch)
}

fn check_labels(graph: &Graph, logits: NodeId, labels: &[u32]) -> Result<(), ReferenceError> {
    let node = graph.node(logits);
    let Shape::Vector { features: classes } = node.shape else {
        return Err(ReferenceError::Logits { path: node.path.clone(), found: node.shape });
    };
    match labels.iter().position(|&label| label as usize >= classes) {
        Some(position) => Err(ReferenceError::Label { label: labels[position], position, classes }),
        None => Ok(()),
    }
}
