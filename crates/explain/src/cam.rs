//! Class activation maps: where in a layer's maps the evidence for a class lies.

use convnet::graph::NodeId;
use convnet::state::Tensor;

use crate::{ExplainError, Heat, Lens, maps};

/// How channels of a layer are weighted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CamMethod {
    /// Each channel by the mean of its gradient: Selvaraju et al. 2017, <https://arxiv.org/abs/1610.02391>.
    #[default]
    GradCam,
    /// Each value by its own gradient where that is positive: Jiang et al. 2021, doi:10.1109/TIP.2021.3089943. Sharper in
    /// layers with many pixels.
    LayerCam,
}

/// Layers that are told beside one that gives no map, at most.
const NEAR: usize = 3;

impl Lens {
    /// The evidence for a class in a layer's maps (C, H, W), which the lens was opened for: what is left of the weighted sum
    /// of channels above zero, H × W.
    ///
    /// # Errors
    /// If `image` is not one whole image, `class` is none, or the layer gives no map of several pixels.
    pub fn cam(
        &mut self,
        method: CamMethod,
        image: &[f32],
        class: usize,
        layer: NodeId,
    ) -> Result<Heat, ExplainError> {
        Ok(self.cams(&[method], image, class, &[layer])?.swap_remove(0))
    }

    /// The same by several methods, and for each in several layers, from one run.
    ///
    /// # Errors
    /// As [`Lens::cam`].
    pub fn cams(
        &mut self,
        methods: &[CamMethod],
        image: &[f32],
        class: usize,
        layers: &[NodeId],
    ) -> Result<Vec<Heat>, ExplainError> {
        let seen = self.layers(image, class, layers)?;
        let mut heats = Vec::new();
        for &method in methods {
            for (&layer, (values, gradients)) in layers.iter().zip(&seen) {
                let [_, height, width] = values.shape[..] else { return Err(self.no_map(layer)) };
                if height * width == 1 {
                    return Err(self.no_map(layer));
                }
                heats.push(Heat::new(height, width, weighted(method, values, gradients, height * width)));
            }
        }
        Ok(heats)
    }

    fn no_map(&self, layer: NodeId) -> ExplainError {
        let (graph, node) = (&self.graph, self.graph.node(layer));
        let near = maps(graph).iter().rev().take(NEAR).map(|id| graph.node(*id).path.clone()).collect();
        ExplainError::NoMap { path: node.path.clone(), shape: node.shape.to_string(), near }
    }
}

/// The weighted sum of channels, where it is positive.
fn weighted(method: CamMethod, values: &Tensor, gradients: &Tensor, pixels: usize) -> Vec<f32> {
    let mut heat = vec![0.0f32; pixels];
    for (values, gradients) in values.data.chunks_exact(pixels).zip(gradients.data.chunks_exact(pixels)) {
        match method {
            CamMethod::GradCam => {
                let weight = gradients.iter().sum::<f32>() / pixels as f32;
                heat.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
            }
            CamMethod::LayerCam => {
                let terms = values.iter().zip(gradients).map(|(value, g)| value * g.max(0.0));
                heat.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
            }
        }
    }
    heat.iter_mut().for_each(|value| *value = value.max(0.0));
    heat
}
