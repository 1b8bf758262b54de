//! Layers with a number for each channel: LayerNorm, GroupNorm, InstanceNorm2d, PReLU, a learned scale.

use convnet_gpu::{Factors, Format, GroupNorm, GroupNormBackward, Groups, Vector, View};

use super::{Bound, Kind};
use crate::gpu::binder::{Binder, Parameters};
use crate::gpu::emit::{At, Emit};
use crate::plan::{BackwardStage, Mode, Stage};

/// A layer with parameters by channel; while training it saves something, which starts at a float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::gpu) enum ByChannel {
    /// Groups of an image's channels over all or single pixels; it saves each group's mean and 1/√(var + eps).
    Norm { groups: Groups, eps: f32, saved: Option<usize> },
    /// A factor where x is not positive; it saves each channel's gradient, where one factor is that of all.
    Prelu { saved: Option<usize> },
    /// A factor.
    Scale,
}

impl ByChannel {
    /// Each pixel over its channels.
    pub(super) fn layer_norm(binder: &mut Binder<'_>, stage: &Stage, eps: f32) -> Bound {
        Self::norm(binder, stage, Groups { pixels: 1, groups: 1 }, eps)
    }

    /// Each image over its pixels and groups of its channels.
    pub(super) fn group_norm(binder: &mut Binder<'_>, stage: &Stage, groups: usize, eps: f32) -> Bound {
        Self::norm(binder, stage, Groups { pixels: pixels(stage), groups }, eps)
    }

    fn norm(binder: &mut Binder<'_>, stage: &Stage, groups: Groups, eps: f32) -> Bound {
        let count = count(groups, stage, binder.batch);
        let saved = (binder.mode() == Mode::Train).then(|| binder.save(2 * count));
        Self::Norm { groups, eps, saved }.bind(binder, stage)
    }

    pub(super) fn prelu(binder: &mut Binder<'_>, stage: &Stage) -> Bound {
        let saved = (binder.mode() == Mode::Train).then(|| binder.save(stage.shapes[0].channels()));
        Self::Prelu { saved }.bind(binder, stage)
    }

    pub(super) fn bind(self, binder: &mut Binder<'_>, stage: &Stage) -> Bound {
        let specs = binder.draft.graph.node_parameters(stage.node);
        let weight = binder.allocate(specs[0].elements());
        let bias = specs.get(1).map(|spec| binder.allocate(spec.elements()));
        Bound::plain(binder, stage, Kind::ByChannel(self), Parameters { weight, bias })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Norm { groups: Groups { pixels: 1, groups: 1 }, .. } => "layer_norm",
            Self::Norm { .. } => "group_norm",
            Self::Prelu { .. } => "prelu",
            Self::Scale => "layer_scale",
        }
    }

    fn factors(self, run: &Emit<'_>, at: At<'_>) -> Factors {
        Factors { values: run.weight(at), below: matches!(self, Self::Prelu { .. }) }
    }

    pub(super) fn forward(self, run: &mut Emit<'_>, at: At<'_>) {
        let views = [run.input(at, 0), run.output(at)];
        match self {
            Self::Norm { groups, eps, saved } => {
                let weight = run.weight(at);
                let stats = saved.map(|start| run.saved(start, 2 * count(groups, at.stage, run.n)));
                let bias = run.bias(at).unwrap_or_else(|| unreachable!("a normalization has a bias"));
                run.list.group_norm(&GroupNorm { groups, weight, bias, eps, stats }, views);
            }
            Self::Prelu { .. } | Self::Scale => run.list.factors(self.factors(run, at), views),
        }
    }

    pub(super) fn backward(self, run: &mut Emit<'_>, at: At<'_>, back: &BackwardStage) {
        let write = back.inputs.first().and_then(Option::as_ref);
        let target = write.map(|write| (run.input_gradient(at, 0), write.accumulate));
        let (input, output_gradient) = (run.input(at, 0), run.output_gradient(at));
        let weight_gradient = run.gradient_of(&at.parameters.weight);
        if let Self::Norm { groups, saved, .. } = self {
            let Some(start) = saved else { return };
            run.list.group_norm_backward(&GroupNormBackward {
                input,
                output_gradient,
                groups,
                weight: run.weight(at),
                stats: run.saved(start, 2 * count(groups, at.stage, run.n)),
                weight_gradient,
                bias_gradient: at.parameters.bias.as_ref().map_or_else(
                    || unreachable!("a normalization has a bias"),
                    |range| run.gradient_of(range),
                ),
                input_gradient: target,
            });
            return;
        }
        if let Some((target, accumulate)) = target {
            run.list.factors_backward(self.factors(run, at), [input, output_gradient, target], accumulate);
        }
        let (below, views) = (matches!(self, Self::Prelu { .. }), [input, output_gradient]);
        match self {
            Self::Prelu { saved: Some(start) } if weight_gradient.len < input.channels => {
                let each: Vector = run.saved(start, input.channels);
                run.list.factor_sums(views, below, each);
                let one = View::dense(each.at, input.channels, 1, Format::F32);
                run.list.column_sums(one, weight_gradient);
            }
            _ => run.list.factor_sums(views, below, weight_gradient),
        }
    }
}

/// Pixels of an image that a stage reads.
fn pixels(stage: &Stage) -> usize {
    let (height, width) = stage.shapes[0].spatial();
    height * width
}

/// Groups of so many images.
fn count(groups: Groups, stage: &Stage, images: usize) -> usize {
    images * (pixels(stage) / groups.pixels.max(1)) * groups.groups
}
