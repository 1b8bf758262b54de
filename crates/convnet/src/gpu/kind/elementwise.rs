//! Layers that treat every element by itself: activations, sums, dropout.

use convnet_gpu::{self as gpu, Activation};

use crate::gpu::emit::{At, Emit};
use crate::plan::{BackwardStage, layer_part};

/// Dropout while training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::gpu) struct Dropout {
    /// The probability of zeroing.
    pub(in crate::gpu) p: f32,
    /// Whether all that an image has is zeroed at once.
    pub(in crate::gpu) whole: bool,
}

pub(super) fn activation_name(kind: Activation) -> &'static str {
    match kind {
        Activation::Relu => "relu",
        Activation::LeakyRelu { .. } => "leaky_relu",
        Activation::Hardtanh { .. } => "hardtanh",
        Activation::Sigmoid => "sigmoid",
        Activation::Tanh => "tanh",
    }
}

pub(super) fn add_backward(run: &mut Emit<'_>, at: At<'_>, back: &BackwardStage) {
    for (i, write) in back.inputs.iter().enumerate() {
        if let Some(write) = write {
            run.list.transfer(run.output_gradient(at), run.input_gradient(at, i), write.accumulate);
        }
    }
}

impl Dropout {
    fn mask(self, run: &Emit<'_>, at: At<'_>) -> gpu::Dropout {
        let image = run.plan.shape(at.stage).elements();
        let group = if self.whole { image.max(1) } else { 1 };
        gpu::Dropout { clock: run.clock(), layer: layer_part(at.stage.out), p: self.p, group, image }
    }

    pub(super) fn forward(self, run: &mut Emit<'_>, at: At<'_>) {
        let views = [run.input(at, 0), run.output(at)];
        let mask = self.mask(run, at);
        run.list.dropout(mask, views, false);
    }

    pub(super) fn backward(self, run: &mut Emit<'_>, at: At<'_>, accumulate: bool) {
        let views = [run.output_gradient(at), run.input_gradient(at, 0)];
        let mask = self.mask(run, at);
        run.list.dropout(mask, views, accumulate);
    }
}
