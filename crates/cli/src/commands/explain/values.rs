//! What `explain` computes, as numbers.

use convnet::data::Preprocess;
use convnet::exec::{Options, ReluGradient};
use convnet::graph::{Graph, NodeId};
use convnet::io::Loaded;
use convnet::ops::Op;
use convnet::state::{Tensor, TensorSource};
use convnet_explain::{CamMethod, Heat, Integrated, Lens, Occlusion, Palette, effective_field};

use super::What;
use super::pictures::Photo;
use crate::error::Failure;

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) what: What,
    /// The layer that is looked at, if one is.
    pub(super) layer: Option<NodeId>,
    pub(super) colours: Palette,
    /// The most maps or filters.
    pub(super) channels: usize,
    /// The side of the window that covers an image.
    pub(super) window: Option<usize>,
    /// Of integrated gradients.
    pub(super) steps: usize,
}

/// A network, and what is asked of it.
pub(super) struct Work<'a> {
    pub(super) lens: Lens,
    pub(super) graph: &'a Graph,
    pub(super) weights: &'a Loaded,
    pub(super) preprocess: &'a Preprocess,
    pub(super) names: &'a [String],
    pub(super) options: Options,
    pub(super) asked: Asked,
}

/// The values of several images.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Of one image.
    shape: Vec<usize>,
    images: usize,
    data: Vec<f32>,
}

impl Values {
    /// Adds what explains an image.
    pub(super) fn add(
        &mut self,
        work: &mut Work<'_>,
        photo: &Photo,
        classes: &[usize],
    ) -> Result<(), Failure> {
        self.images += 1;
        match work.asked.what {
            What::Filters | What::ReceptiveField => {}
            What::Maps => {
                let Tensor { shape, data } = work.maps(photo)?;
                self.shape = shape;
                self.data.extend(data);
            }
            _ => {
                for &class in classes {
                    let Tensor { shape, data } = work.of_class(photo, class)?;
                    self.shape = [&[classes.len()], &shape[..]].concat();
                    self.data.extend(data);
                }
            }
        }
        Ok(())
    }

    /// All of them.
    pub(super) fn tensor(self, work: &Work<'_>, photos: &[Photo]) -> Result<Tensor, Failure> {
        match work.asked.what {
            What::Filters => work.filters(),
            What::ReceptiveField => work.receptive_field(photos),
            _ => Ok(Tensor { shape: [&[self.images], &self.shape[..]].concat(), data: self.data }),
        }
    }
}

impl Work<'_> {
    /// What the network takes an image for.
    pub(super) fn probabilities(&mut self, photo: &Photo) -> Result<Vec<f64>, Failure> {
        let logits = self.lens.logits(&photo.input)?;
        let found = self.lens.probabilities(&logits);
        found.map_err(|error| Failure::work(format!("`{}`: {error}", photo.name)))
    }

    /// The layer that is looked at.
    pub(super) fn layer(&self) -> Result<NodeId, Failure> {
        self.asked.layer.ok_or_else(|| {
            Failure::work(
                "the network has no map of several pixels to look at; `--what gradient` looks at the image",
            )
        })
    }

    /// What explains a class of an image: H × W, or of gradients and what is made of them C × H × W.
    pub(super) fn of_class(&mut self, photo: &Photo, class: usize) -> Result<Tensor, Failure> {
        let [channels, height, width] = self.preprocess.input();
        let heat = |heat: Heat| Tensor { shape: vec![heat.height, heat.width], data: heat.values };
        let cam = |work: &mut Self, method| {
            let layer = work.layer()?;
            Ok(heat(work.lens.cam(method, &photo.input, class, layer)?))
        };
        match self.asked.what {
            What::Gradcam => cam(self, CamMethod::GradCam),
            What::Layercam => cam(self, CamMethod::LayerCam),
            What::Gradient => Ok(self.lens.gradient(&photo.input, class, ReluGradient::Plain)?),
            What::Guided => Ok(self.lens.gradient(&photo.input, class, ReluGradient::Guided)?),
            What::Integrated => {
                let way = Integrated { steps: self.asked.steps, ..Integrated::default() };
                let data = self.lens.integrated_gradients(&photo.input, class, &way)?;
                Ok(Tensor { shape: vec![channels, height, width], data })
            }
            What::Occlusion => {
                Ok(heat(self.lens.occlusion(&photo.input, &[class], &self.window())?.swap_remove(0)))
            }
            What::Maps | What::Filters | What::ReceptiveField => unreachable!("these are of no class"),
        }
    }

    /// The window that covers images.
    pub(super) fn window(&self) -> Occlusion {
        let [_, height, width] = self.preprocess.input();
        let occlusion = Occlusion::of_size(height, width);
        match self.asked.window {
            Some(side) => Occlusion { window: [side; 2], stride: [(side / 2).max(1); 2], ..occlusion },
            None => occlusion,
        }
    }

    /// What the layer gives for an image, C × H × W.
    pub(super) fn maps(&mut self, photo: &Photo) -> Result<Tensor, Failure> {
        let layer = self.layer()?;
        let mut values = self.lens.values(&photo.input, layer)?;
        if values.shape.len() != 4 {
            let node = self.graph.node(layer);
            return Err(Failure::work(format!("layer `{}` gives {}, expected a map", node.path, node.shape)));
        }
        values.shape.remove(0);
        Ok(values)
    }

    /// The filters of a convolution, O × I × H × W.
    pub(super) fn filters(&self) -> Result<Tensor, Failure> {
        let convs = || self.graph.ids().filter(|id| matches!(self.graph.node(*id).op, Op::Conv2d(_)));
        let layer = match self.asked.layer {
            Some(layer) => layer,
            None => convs().next().ok_or_else(|| Failure::work("the network has no Conv2d"))?,
        };
        let node = self.graph.node(layer);
        let spec = self.graph.node_parameters(layer).into_iter().next();
        let Some(spec) = spec.filter(|spec| matches!(node.op, Op::Conv2d(_)) && spec.shape.len() == 4) else {
            let first = convs().next().map_or("", |id| &self.graph.node(id).path);
            return Err(Failure::usage(format!(
                "layer `{}` is a {}, expected a Conv2d; the first one is `{first}`",
                node.path,
                node.op.name()
            )));
        };
        let mut data = vec![0.0; spec.elements()];
        self.weights.read(&spec.name, 0, &mut data)?;
        Ok(Tensor { shape: spec.shape, data })
    }

    /// What the middle cell of the layer depends on, on the mean of the images, H × W.
    pub(super) fn receptive_field(&self, photos: &[Photo]) -> Result<Tensor, Failure> {
        let images: Vec<f32> = photos.iter().flat_map(|photo| &photo.input).copied().collect();
        let heat = effective_field(self.graph, self.weights, self.layer()?, &images, &self.options)?;
        Ok(Tensor { shape: vec![heat.height, heat.width], data: heat.values })
    }
}
