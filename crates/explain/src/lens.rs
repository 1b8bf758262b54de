//! A network some of whose layers are looked into, one image at a time.

use convnet::exec::{Looked, Options, Probe, ReluGradient};
use convnet::graph::{Graph, NodeId, Shape};
use convnet::state::{Tensor, TensorSource};
use convnet::train::{sigmoids, softmax};

use crate::ExplainError;

/// Images that are computed at once where an explanation takes many.
const BATCH: usize = 8;

/// A network with its weights, and the layers of it that are looked into.
#[derive(Debug)]
pub struct Lens {
    pub(crate) probe: Probe,
    pub(crate) graph: Graph,
    /// The input, then the other layers that were asked for.
    watched: Vec<NodeId>,
    /// Whether an image may have several of the classes.
    several: bool,
}

impl Lens {
    /// Opens a network to look into some of its layers; the gradient of its images can always be asked for.
    ///
    /// # Errors
    /// If the network cannot be compiled, gives no vector of classes, or the logits do not depend on a layer.
    pub fn open(
        graph: &Graph,
        weights: &dyn TensorSource,
        layers: &[NodeId],
        options: &Options,
    ) -> Result<Self, ExplainError> {
        let output = graph.node(graph.logits(graph.output())).shape;
        if !matches!(output, Shape::Vector { features: 2.. }) {
            return Err(ExplainError::NoClasses { shape: output.to_string() });
        }
        let input: Vec<NodeId> = graph.ids().take(1).collect();
        let others = layers.iter().copied().filter(|layer| !input.contains(layer));
        let watched: Vec<NodeId> = input.iter().copied().chain(others).collect();
        let probe = Probe::compile(graph, weights, BATCH, &watched, options)?;
        Ok(Self { probe, graph: graph.clone(), watched, several: false })
    }

    /// Whether an image may have several of the classes, so that each has a probability of its own.
    #[must_use]
    pub fn of_several(mut self, several: bool) -> Self {
        self.several = several;
        self
    }

    /// The logits of an image (C, H, W).
    ///
    /// # Errors
    /// If it is not one whole image.
    pub fn logits(&mut self, image: &[f32]) -> Result<Vec<f32>, ExplainError> {
        Ok(self.probe.output(self.one(image)?)?.into_vec())
    }

    /// The probability of each class that logits stand for: a softmax, or of [`Lens::of_several`] each class by itself.
    ///
    /// # Errors
    /// If a logit is not finite.
    pub fn probabilities(&self, logits: &[f32]) -> Result<Vec<f64>, ExplainError> {
        match logits.iter().find(|logit| !logit.is_finite()) {
            Some(&found) => Err(ExplainError::NotFinite { found }),
            None if self.several => Ok(sigmoids(logits)),
            None => Ok(softmax(logits)),
        }
    }

    /// The class with the largest logit; of equal ones the first.
    ///
    /// # Errors
    /// If `image` is not one whole image.
    pub fn likeliest(&mut self, image: &[f32]) -> Result<usize, ExplainError> {
        Ok(self.probe.output(self.one(image)?)?.top(1)[0][0].class)
    }

    /// What a layer gives for an image, (1, C, H, W) or (1, F).
    ///
    /// # Errors
    /// If `image` is not one whole image, or the lens was not opened for the layer.
    pub fn values(&mut self, image: &[f32], layer: NodeId) -> Result<Tensor, ExplainError> {
        let at = self.place(layer)?;
        Ok(self.probe.values(self.one(image)?)?.values.swap_remove(at))
    }

    /// The gradient of a class's logit with respect to the image, (C, H, W).
    ///
    /// # Errors
    /// If `image` is not one whole image, or `class` is none.
    pub fn gradient(
        &mut self,
        image: &[f32],
        class: usize,
        relu: ReluGradient,
    ) -> Result<Tensor, ExplainError> {
        let seen = self.seen(image, class, relu)?;
        Ok(without_images(seen.gradients[0].clone()))
    }

    /// What layers give for an image, and the gradients of a class's logit with respect to it.
    pub(crate) fn layers(
        &mut self,
        image: &[f32],
        class: usize,
        layers: &[NodeId],
    ) -> Result<Vec<(Tensor, Tensor)>, ExplainError> {
        let places = layers.iter().map(|layer| self.place(*layer)).collect::<Result<Vec<_>, _>>()?;
        let seen = self.seen(image, class, ReluGradient::Plain)?;
        let of = |tensors: &[Tensor], at: usize| without_images(tensors[at].clone());
        Ok(places.into_iter().map(|at| (of(&seen.values, at), of(&seen.gradients, at))).collect())
    }

    /// What the input and all layers that the lens was opened for give for an image.
    pub(crate) fn all(&mut self, image: &[f32]) -> Result<Vec<(NodeId, Tensor)>, ExplainError> {
        let values = self.probe.values(self.one(image)?)?.values;
        Ok(self.watched.iter().copied().zip(values.into_iter().map(without_images)).collect())
    }

    fn seen(&mut self, image: &[f32], class: usize, relu: ReluGradient) -> Result<Looked, ExplainError> {
        Ok(self.probe.of_classes(self.one(image)?, &[class], relu)?)
    }

    /// Exactly one image.
    pub(crate) fn one<'a>(&self, image: &'a [f32]) -> Result<&'a [f32], ExplainError> {
        let expected = self.graph.input_shape().elements();
        match image.len() == expected {
            true => Ok(image),
            false => Err(ExplainError::Setting {
                what: "floats of the image",
                found: image.len().to_string(),
                expected: format!("{expected} of one image {}", self.graph.input_shape()),
            }),
        }
    }

    /// A class of the network.
    pub(crate) fn class(&self, class: usize) -> Result<usize, ExplainError> {
        match class < self.graph.classes() {
            true => Ok(class),
            false => Err(ExplainError::Setting {
                what: "class",
                found: class.to_string(),
                expected: format!("0 to {}", self.graph.classes() - 1),
            }),
        }
    }

    fn place(&self, layer: NodeId) -> Result<usize, ExplainError> {
        self.watched.iter().position(|id| *id == layer).ok_or_else(|| {
            let path =
                self.graph.nodes().get(layer.index()).map_or_else(String::new, |node| node.path.clone());
            ExplainError::NotWatched { path }
        })
    }
}

/// A tensor of one image without the dimension of images.
fn without_images(mut tensor: Tensor) -> Tensor {
    tensor.shape.remove(0);
    tensor
}
