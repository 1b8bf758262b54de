//! Convolutions that run together in bands of rows: of small groups, with a 1×1 one or the network's first before it, a 1×1 one behind
//! it, or both.

use convnet_kernels::{self as kernels, Expansion, Group, Isa, View};

use super::binder::Parameters;
use super::kind::{Conv, Kind, Scratch};
use super::run::{At, Forward};
use crate::plan::{Draft, PlanStep, Stage};

/// Floats of the maps between them, of all images, from which on they are better never whole: then they leave the caches.
const LEAST_FLOATS: usize = 128 << 10;

/// The stages of such convolutions, in the order in which they read one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    expansion: Option<usize>,
    grouped: usize,
    projection: Option<usize>,
}

impl Chain {
    /// The stages that are done in the last one's place.
    pub(super) fn ahead(self) -> impl Iterator<Item = usize> {
        let middle = self.projection.map(|_| self.grouped);
        self.expansion.into_iter().chain(middle)
    }

    /// The stage in whose place all are done.
    pub(super) fn last(self) -> usize {
        self.projection.unwrap_or(self.grouped)
    }

    /// What is told of its steps: products, activations and weights of all stand with the last one.
    pub(super) fn describe(self, steps: &mut [PlanStep]) {
        let last = self.last();
        let (mut macs, mut activations, mut between, mut weights) = (0, 0, 0, 0);
        for stage in self.ahead() {
            let step = &mut steps[stage];
            macs += std::mem::take(&mut step.macs);
            activations += std::mem::take(&mut step.activation_bytes);
            between += 2 * 4 * step.output.elements() as u64;
            weights += std::mem::take(&mut step.weight_bytes);
            step.kernel += ", in bands with what reads it";
        }
        let step = &mut steps[last];
        step.macs += macs;
        // What lies between is neither written nor read as a whole.
        step.activation_bytes = (step.activation_bytes + activations).saturating_sub(between);
        step.weight_bytes += weights;
        step.kernel += ", in bands";
    }

    fn middle(self, kinds: &[Kind]) -> (&Conv, Group) {
        let found = convolution(&kinds[self.grouped]).and_then(|conv| Some((conv, conv.small_groups()?)));
        found.unwrap_or_else(|| unreachable!("a chain has a convolution of small groups"))
    }

    /// Runs the convolutions.
    pub(super) fn forward<'a>(self, run: &mut Forward<'a>, kinds: &'a [Kind], at: impl Fn(usize) -> At<'a>) {
        let of = |stage: usize| Some((convolution(&kinds[stage])?, at(stage)));
        let [expansion, projection] = [self.expansion, self.projection].map(|stage| of(stage?));
        let ((middle, group), own) = (self.middle(kinds), at(self.grouped));
        let (first, last) = (expansion.map_or(own, |(_, at)| at), projection.unwrap_or((middle, own)));
        let shape = run.plan.shape(last.1.stage);
        let addend = last.0.addend().map(|value| run.value(value, shape));
        let (expansion, input) = match expansion {
            // The images have no place in the arena.
            Some((conv, at)) if conv.is_stem() => {
                (Some(Expansion::Stem(conv.stem(run, at))), View::dense(0, 0, 0))
            }
            Some((conv, at)) => (Some(Expansion::Pointwise(conv.pointwise(run, at))), run.input(first, 0)),
            None => (None, run.input(first, 0)),
        };
        let call = kernels::Bands {
            expansion,
            grouped: middle.grouped(run, own, group, (input, addend, run.output(last.1))),
            projection: projection.map(|(conv, at)| conv.pointwise(run, at)),
            scratch: run.winograd_at,
        };
        kernels::bands(run.pool, run.isa, run.arena, &call);
    }

    /// Memory that they need while they run on so many threads.
    pub(super) fn scratch(self, kinds: &[Kind], threads: usize) -> Scratch {
        let (middle, _) = self.middle(kinds);
        let (geometry, panels) = middle.layout();
        let (wide, narrow) = (self.expansion.map(|_| geometry.run), self.projection.map(|_| panels.n));
        Scratch { tiles: kernels::bands_scratch(threads, geometry, wide, narrow), ..Scratch::default() }
    }
}

fn convolution(kind: &Kind) -> Option<&Conv> {
    match kind {
        Kind::Conv(conv) => Some(conv),
        _ => None,
    }
}

/// Of each stage the chain that it is of, if it is to run in bands, of a batch, on so many threads.
pub(super) fn chains(
    draft: &Draft,
    (kinds, layout): (&[Kind], &[Parameters]),
    (isa, batch, threads): (Isa, usize, usize),
) -> Vec<Option<Chain>> {
    let stages = draft.stages();
    let at = |index: usize| At { index, stage: &stages[index], parameters: &layout[index] };
    let alike = |conv: &Conv, columns: usize| isa.is_alike_for([conv.layout().1.n, columns]);
    let written = |stage: &Stage| draft.graph.node(stage.out).shape;
    let mut chains: Vec<Option<Chain>> = vec![None; stages.len()];
    for (index, stage) in stages.iter().enumerate() {
        let Some(middle) = convolution(&kinds[index]).filter(|conv| conv.small_groups().is_some()) else {
            continue;
        };
        let columns = middle.layout().1.n;
        // What stands between two of small groups goes with the first.
        let expansion = draft.writer(stage.inputs[0]).filter(|&before| {
            chains[before].is_none()
                && draft.sole_reader(stages[before].out) == Some(index)
                && written(&stages[before]) == stage.shapes[0]
                && convolution(&kinds[before]).is_some_and(|conv| {
                    (conv.is_pointwise(at(before)) || conv.is_stem())
                        && alike(conv, columns)
                        && conv.addend().is_none()
                })
        });
        let projection = draft.sole_reader(stage.out).filter(|&next| {
            middle.addend().is_none()
                && (stages[next].inputs[0], stages[next].shapes[0]) == (stage.out, written(stage))
                && convolution(&kinds[next])
                    .is_some_and(|conv| conv.is_pointwise(at(next)) && alike(conv, columns))
        });
        let between = expansion.map_or(0, |before| written(&stages[before]).elements())
            + projection.map_or(0, |_| written(stage).elements());
        let suits = || kernels::bands_suit(middle.layout().0, batch, threads, expansion.is_some());
        if batch.saturating_mul(between) >= LEAST_FLOATS && suits() {
            let chain = Chain { expansion, grouped: index, projection };
            chain.ahead().chain([chain.last()]).for_each(|stage| chains[stage] = Some(chain));
        }
    }
    chains
}
