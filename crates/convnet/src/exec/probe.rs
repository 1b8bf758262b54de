//! Looking inside: what layers give, and the gradient of any weighting of the outputs with respect to it.

use super::engine::images_in;
use super::{Device, Options, Output, ReluGradient, RunError};
use crate::graph::{Graph, NodeId, Shape};
use crate::plan::{CompileError, Plan};
use crate::state::{Tensor, TensorSource};
use crate::{cpu, gpu};

/// A network in evaluation, as it answers in inference, some of whose layers are watched: their outputs, and the gradients
/// with respect to them. The input is a layer like any other ([`Graph::ids`]' first): the gradient of the images.
///
/// Only what is watched is kept, and nothing is computed for the weights. Layers are fused around what is watched.
///
/// ```
/// use convnet::exec::{Options, Probe, ReluGradient};
/// use convnet::{state, zoo};
///
/// let net = zoo::lenet().build()?;
/// let images = net.ids().next().expect("every network has an input");
/// let mut probe = Probe::compile(&net, &state::initialize(&net, 0), 2, &[images], &Options::default())?;
/// let photos = vec![0.5; 2 * net.input_shape().elements()];
/// let seen = probe.of_classes(&photos, &[3, 7], ReluGradient::Plain)?;
/// assert_eq!(seen.output.shape(), [2, 10]);
/// assert_eq!(seen.gradients[0].shape, [2, 1, 32, 32]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Probe {
    compiled: Compiled,
}

/// The network on its device.
#[derive(Debug)]
enum Compiled {
    Cpu(Box<cpu::Probe>),
    Gpu(Box<gpu::Probe>),
}

/// What was seen of some images.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Looked {
    /// What the network gave, before a final Softmax: (N, classes), or maps (N, C, H, W). Of [`Probe::compile_at`] what that
    /// layer gave.
    pub output: Output,
    /// The outputs of the watched layers, in their order: (N, C, H, W) or (N, F).
    pub values: Vec<Tensor>,
    /// The gradients with respect to them, of the same shapes; none after [`Probe::values`].
    pub gradients: Vec<Tensor>,
}

impl Probe {
    /// Compiles a network with its weights for up to `batch` images at a time, to watch some of its layers.
    ///
    /// # Errors
    /// As [`super::Engine::compile`]; also if a watched layer is none that the logits depend on.
    pub fn compile(
        graph: &Graph,
        weights: &dyn TensorSource,
        batch: usize,
        watched: &[NodeId],
        options: &Options,
    ) -> Result<Self, CompileError> {
        Self::compile_at(graph, graph.logits(graph.output()), weights, batch, watched, options)
    }

    /// The same of the part of a network up to a layer, which takes the place of the logits.
    ///
    /// # Errors
    /// As [`Probe::compile`].
    pub fn compile_at(
        graph: &Graph,
        output: NodeId,
        weights: &dyn TensorSource,
        batch: usize,
        watched: &[NodeId],
        options: &Options,
    ) -> Result<Self, CompileError> {
        if let Some(id) = watched.iter().chain([&output]).find(|id| id.index() >= graph.nodes().len()) {
            let reason = format!("there is no layer number {}, of {}", id.index(), graph.nodes().len());
            return Err(CompileError::unsupported(graph.node(graph.output()), reason));
        }
        let live = graph.reachable(&[output]);
        if let Some(id) = watched.iter().find(|id| !live[id.index()]) {
            let reason = format!("`{}` does not depend on it", graph.node(output).path);
            return Err(CompileError::unsupported(graph.node(*id), reason));
        }
        let compiled = match options.device {
            Device::Cpu => {
                let probe = cpu::Probe::new(graph, output, weights, batch, watched, options)?;
                Compiled::Cpu(Box::new(probe))
            }
            Device::Gpu(index) => {
                let at = (batch, index);
                Compiled::Gpu(Box::new(gpu::Probe::new(graph, output, weights, at, watched, options)?))
            }
        };
        Ok(Self { compiled })
    }

    fn plan(&self) -> &Plan {
        match &self.compiled {
            Compiled::Cpu(probe) => probe.plan(),
            Compiled::Gpu(probe) => probe.plan(),
        }
    }

    /// The shape of what the last layer gives of one image.
    fn shape(&self) -> Shape {
        match &self.compiled {
            Compiled::Cpu(probe) => probe.output(),
            Compiled::Gpu(probe) => probe.output(),
        }
    }

    /// The largest batch.
    pub fn batch(&self) -> usize {
        self.plan().batch
    }

    /// What the network gives for images (N, C, H, W), 1 ≤ N ≤ batch, whatever its layers do.
    ///
    /// # Errors
    /// If `images` is not 1 to batch whole images, or the GPU fails.
    pub fn output(&mut self, images: &[f32]) -> Result<Output, RunError> {
        Ok(self.look(images, false)?.output)
    }

    /// What the watched layers give for images (N, C, H, W), 1 ≤ N ≤ batch.
    ///
    /// # Errors
    /// If `images` is not 1 to batch whole images, or the GPU fails.
    pub fn values(&mut self, images: &[f32]) -> Result<Looked, RunError> {
        self.look(images, true)
    }

    fn look(&mut self, images: &[f32], seen: bool) -> Result<Looked, RunError> {
        let n = images_in(images.len(), self.plan().graph.input_shape().elements(), self.batch())?;
        let (values, output) = match &mut self.compiled {
            Compiled::Cpu(probe) => probe.forward(images, n, seen),
            Compiled::Gpu(probe) => probe.forward(images, n, seen)?,
        };
        let output = Output::new(self.shape().with_batch(n), output);
        Ok(Looked { output, values, gradients: Vec::new() })
    }

    /// As [`Probe::values`], and the gradients of Σ weight · logit with respect to what the layers give; a weight for each
    /// logit of each image, in the logits' order.
    ///
    /// # Errors
    /// As [`Probe::values`]; also if there are not as many weights as logits.
    pub fn gradients(
        &mut self,
        images: &[f32],
        weights: &[f32],
        relu: ReluGradient,
    ) -> Result<Looked, RunError> {
        let mut looked = self.values(images)?;
        let (found, expected) = (weights.len(), looked.output.as_slice().len());
        if found != expected {
            return Err(RunError::Count { what: "weights of logits", found, expected });
        }
        let n = looked.output.shape()[0];
        looked.gradients = match &mut self.compiled {
            Compiled::Cpu(probe) => probe.backward(weights, n, relu),
            Compiled::Gpu(probe) => probe.backward(weights, n, relu)?,
        };
        Ok(looked)
    }

    /// As [`Probe::gradients`], of the logit of one class for each image.
    ///
    /// # Errors
    /// As [`Probe::values`]; also if there is not a class for each image, or one is none.
    pub fn of_classes(
        &mut self,
        images: &[f32],
        classes: &[usize],
        relu: ReluGradient,
    ) -> Result<Looked, RunError> {
        let n = images_in(images.len(), self.plan().graph.input_shape().elements(), self.batch())?;
        if classes.len() != n {
            return Err(RunError::Count { what: "classes", found: classes.len(), expected: n });
        }
        let shape = self.shape();
        let (height, width) = shape.spatial();
        let (of_each, pixels) = (shape.channels(), height * width);
        let mut weights = vec![0.0; n * shape.elements()];
        for (image, (&class, weights)) in
            classes.iter().zip(weights.chunks_exact_mut(shape.elements())).enumerate()
        {
            if class >= of_each {
                let label = u32::try_from(class).unwrap_or(u32::MAX);
                return Err(RunError::Label { label, image, classes: of_each });
            }
            weights[class * pixels..][..pixels].fill(1.0);
        }
        self.gradients(images, &weights, relu)
    }
}
