//! Normalizations by the numbers of one image, PReLU and layer scale: layers whose parameters are vectors by channel.

use convnet_kernels::{self as kernels, GroupNorm};

use super::{Bound, Kind};
use crate::cpu::binder::{Binder, Parameters};
use crate::cpu::loader::Loader;
use crate::cpu::run::{At, Backward, Forward};
use crate::plan::{BackwardStage, CompileError, Stage};

/// A layer with a vector by channel, or two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cpu) enum ByChannel {
    /// Each pixel over its channels.
    LayerNorm {
        /// Added to the variance.
        eps: f32,
    },
    /// Each image over its pixels and groups of its channels.
    GroupNorm {
        /// Groups of as many channels.
        groups: usize,
        /// Added to the variance.
        eps: f32,
    },
    /// A factor where x is not positive.
    Prelu,
    /// A factor.
    Scale,
}

impl ByChannel {
    pub(super) fn bind(self, binder: &mut Binder<'_>, stage: &Stage) -> Bound {
        let specs = binder.draft.graph.node_parameters(stage.node);
        let weight = binder.allocate(specs[0].elements());
        let bias = specs.get(1).map(|spec| binder.allocate(spec.elements()));
        Bound::plain(binder, stage, Kind::ByChannel(self), Parameters { weight, bias, half: None })
    }

    pub(super) fn load(loader: &mut Loader<'_>, at: At<'_>) -> Result<(), CompileError> {
        let specs = loader.graph.node_parameters(at.stage.node);
        let ranges = [Some(at.parameters.weight.clone()), at.parameters.bias.clone()];
        for (spec, range) in specs.iter().zip(ranges.into_iter().flatten()) {
            crate::weights::read(loader.source, spec, &mut loader.parameters[range])?;
        }
        Ok(())
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::LayerNorm { .. } => "layer_norm",
            Self::GroupNorm { .. } => "group_norm",
            Self::Prelu => "prelu",
            Self::Scale => "layer_scale",
        }
    }

    /// The factors above and below 0.
    fn factors(self, weight: &[f32], channels: usize) -> [Vec<f32>; 2] {
        let below: Vec<f32> = weight.iter().copied().cycle().take(channels).collect();
        match self {
            Self::Prelu => [vec![1.0; channels], below],
            _ => [below.clone(), below],
        }
    }

    pub(super) fn forward(self, run: &mut Forward<'_>, at: At<'_>) {
        let (weight, bias) = (run.weight(at), run.bias(at).unwrap_or_default());
        let views = [run.input(at, 0), run.output(at)];
        match self {
            Self::LayerNorm { eps } => {
                kernels::row_norm(run.pool, run.isa, run.arena, views, [weight, bias], eps);
            }
            Self::GroupNorm { groups, eps } => {
                let norm = GroupNorm { pixels: pixels(at), groups, eps, weight, bias };
                kernels::group_norm(run.pool, run.isa, run.arena, &norm, views);
            }
            Self::Prelu | Self::Scale => {
                let [above, below] = self.factors(weight, views[0].channels);
                kernels::sided_scale(run.pool, run.isa, run.arena, views, [&above, &below]);
            }
        }
    }

    pub(super) fn backward(self, run: &mut Backward<'_>, at: At<'_>, back: &BackwardStage) {
        let write = back.inputs.first().and_then(Option::as_ref);
        let target = write.map(|write| (run.input_gradient(at, 0), write.accumulate));
        let views = [run.input(at, 0), run.output_gradient(at)];
        let (range, behind) = (at.parameters.weight.clone(), at.parameters.bias.clone().unwrap_or_default());
        let (weight, bias) = (&run.parameters[range.clone()], &run.parameters[behind.clone()]);
        let (head, tail) = run.gradients.split_at_mut(behind.start.max(range.end));
        let gradients = [&mut head[range], &mut tail[..behind.len()]];
        match self {
            Self::GroupNorm { groups, eps } => {
                let norm = GroupNorm { pixels: pixels(at), groups, eps, weight, bias };
                kernels::group_norm_backward(run.pool, run.isa, run.arena, &norm, views, target, gradients);
            }
            Self::LayerNorm { eps } => {
                let norm = (weight, eps);
                kernels::row_norm_backward(run.pool, run.isa, run.arena, views, target, norm, gradients);
            }
            Self::Prelu | Self::Scale => {
                let [above, below] = self.factors(weight, views[0].channels);
                let mut sums = [vec![0.0; above.len()], vec![0.0; above.len()]];
                let [by_above, by_below] = &mut sums;
                let (factors, sides) = ([&above[..], &below[..]], [&mut by_above[..], &mut by_below[..]]);
                kernels::sided_scale_backward(run.pool, run.isa, run.arena, views, target, factors, sides);
                let [gradient, _] = gradients;
                gradient.fill(0.0);
                let count = gradient.len();
                for (c, (above, below)) in sums[0].iter().zip(&sums[1]).enumerate() {
                    gradient[c % count] += if self == Self::Prelu { *below } else { above + below };
                }
            }
        }
    }
}

/// Pixels of an image that a stage reads.
fn pixels(at: At<'_>) -> usize {
    let (height, width) = at.stage.shapes[0].spatial();
    height * width
}
