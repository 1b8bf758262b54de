//! A plan bound to an instruction set: a kernel for each stage, and the layout of flat parameters.

use convnet_kernels::{self as kernels, Arena, Isa, Pool, View};

use super::bands::{self, Chain};
use super::binder::{Allowed, Binder, Parameters};
use super::kind::{self, Bound, Kind, Scratch};
use super::memory::sum;
use super::run::{At, Backward, Forward, Saved};
use crate::graph::{Graph, NodeId};
use crate::options::Options;
use crate::plan::{
    Aim, BackwardStage, CompileError, Draft, Kernel, MemoryRules, Mode, Needs, Plan, PlanStep, Slot, Stage,
};

/// Activations lie at cache lines. Pixels that lie a multiple of 2 KiB apart share two sets of the first-level cache,
/// too few for the rows of a register tile; a line between them spreads them over all sets.
const MEMORY: MemoryRules = MemoryRules { line: 16, aliased: Some(512), fuses: true, folds: true };

/// A plan with its kernels.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) plan: Plan,
    pub(super) isa: Isa,
    /// The kernel of each stage, and where its parameters lie.
    pub(super) kinds: Vec<Kind>,
    pub(super) layout: Vec<Parameters>,
    /// Of each stage those that it runs together with, if there are any.
    chains: Vec<Option<Chain>>,
    /// Floats of the flat parameters, and of those at their start that learn: the others have no gradients.
    pub(super) parameters: usize,
    pub(super) learning: usize,
    /// Numbers of the flat halves.
    pub(super) halves: usize,
}

impl Program {
    /// Plans a graph for `batch` images, and chooses its kernels; the options tell what may be chosen.
    pub(super) fn new(
        graph: &Graph,
        aim: Aim<'_>,
        batch: usize,
        options: &Options,
    ) -> Result<Self, CompileError> {
        let isa = options.isa()?;
        let rules = MemoryRules { folds: !options.half, ..MEMORY };
        let (draft, mode) = (Draft::new(graph, aim, rules), aim.mode);
        let allowed = Allowed {
            isa,
            batch,
            winograd: mode != Mode::Trace && !options.exact,
            once: options.once,
            half: options.half && mode == Mode::Infer,
        };
        let bind = |learning: usize| {
            let mut binder =
                Binder { draft: &draft, allowed, parameters: 0, fixed: learning..learning, halves: 0 };
            let bound = draft.stages().iter().map(|stage| kind::bind(&mut binder, stage));
            let bound = bound.collect::<Result<Vec<Bound>, _>>()?;
            Ok::<_, CompileError>((bound, binder.parameters, binder.fixed.end, binder.halves))
        };
        let (mut bound, learning, mut end, mut halves) = bind(0)?;
        if end > 0 {
            // What is frozen lies behind what learns, whose size is known now.
            (bound, _, end, halves) = bind(learning)?;
        }
        let parameters = end.max(learning);
        let (mut kinds, mut layout, mut needs) = (Vec::new(), Vec::new(), Vec::new());
        for bound in bound {
            kinds.push(bound.kind);
            layout.push(bound.parameters);
            needs.push(bound.needs);
        }
        let chains = match mode {
            Mode::Infer => {
                let threads = Pool::threads_of(options.threads);
                bands::chains(&draft, (&kinds, &layout), (isa, batch, threads))
            }
            Mode::Trace | Mode::Train => vec![None; kinds.len()],
        };
        for (index, (needs, chain)) in needs.iter_mut().zip(&chains).enumerate() {
            let last = chain.map(Chain::last).filter(|&last| last != index);
            *needs = Needs { absent: needs.absent || last.is_some(), late: last, ..*needs };
        }
        if mode == Mode::Infer {
            hand_over_images(&draft, &kinds, &mut needs);
        }
        let plan = draft.finish(&needs, batch).map_err(|_| CompileError::TooLarge { batch })?;
        Ok(Self { plan, isa, kinds, layout, chains, parameters, learning, halves })
    }

    /// The stages with their kernels.
    pub(super) fn steps(&self) -> impl Iterator<Item = (At<'_>, &Kind)> {
        (0..self.kinds.len()).map(|index| (self.at(index), &self.kinds[index]))
    }

    pub(super) fn at(&self, index: usize) -> At<'_> {
        At { index, stage: &self.plan.stages[index], parameters: &self.layout[index] }
    }

    /// The stages that run together, each once.
    fn chains(&self) -> impl Iterator<Item = Chain> + '_ {
        let own = |(index, chain): (usize, &Option<Chain>)| chain.filter(|chain| chain.last() == index);
        self.chains.iter().enumerate().filter_map(own)
    }

    /// The layers whose parameters a stage holds as what follows from them ([`Plan::derived`]).
    pub(super) fn derived(&self, index: usize) -> Option<Vec<NodeId>> {
        self.plan.derived(index, matches!(self.kinds[index], Kind::Affine(_)))
    }

    /// Memory that the kernels need while they run, on so many threads.
    pub(super) fn scratch(&self, threads: usize) -> Scratch {
        let alone = self.steps().map(|(at, kind)| kind.scratch(&self.plan, at.stage, threads));
        let together = self.chains().map(|chain| chain.scratch(&self.kinds, threads));
        alone.chain(together).fold(Scratch::default(), Scratch::or)
    }

    /// Buffers for what the stages save for the backward pass.
    ///
    /// # Errors
    /// If the system has no such room.
    pub(super) fn saved(&self) -> Result<Vec<Saved>, CompileError> {
        let returns = self.plan.returns();
        let save = |(at, kind): (At<'_>, &Kind)| {
            let batch = if returns[at.index] { self.plan.batch } else { 0 };
            kind.saved(self.plan.shape(at.stage), batch)
        };
        self.steps().map(save).collect()
    }

    /// Bytes of what the stages save, without what a channel takes.
    pub(super) fn saved_bytes(&self) -> Option<usize> {
        let returns = self.plan.returns();
        let maxima = self.steps().filter(|(at, kind)| matches!(kind, Kind::MaxPool(_)) && returns[at.index]);
        let bytes =
            |(at, _): (At<'_>, &Kind)| self.plan.batch.checked_mul(self.plan.shape(at.stage).elements());
        sum(&maxima.map(bytes).collect::<Vec<_>>())
    }

    /// Runs one stage.
    pub(super) fn forward<'a>(&'a self, run: &mut Forward<'a>, index: usize, saved: Option<&mut Saved>) {
        if let Some(chain) = self.chains[index] {
            if index == chain.last() {
                chain.forward(run, &self.kinds, |stage| self.at(stage));
            }
            return;
        }
        let (at, kind) = (self.at(index), &self.kinds[index]);
        kind.forward(run, at, saved);
        if !kind.measures() {
            measure(run, at);
        }
        if run.joint.as_ref().is_some_and(|joint| joint.syncs_batch_norm()) {
            join_measured(run, at);
        }
    }

    /// Zeroes what nobody wrote of the gradient that a stage receives.
    pub(super) fn gather(&self, run: &mut Backward<'_>, back: &BackwardStage) {
        fill((run.pool, run.isa, run.arena), (run.plan, run.n), &back.fill);
    }

    /// Runs the backward pass of one stage, whose gradient is gathered.
    pub(super) fn backward(&self, run: &mut Backward<'_>, back: &BackwardStage, saved: &Saved) {
        for write in back.inputs.iter().flatten() {
            fill((run.pool, run.isa, run.arena), (run.plan, run.n), &write.fill);
        }
        self.kinds[back.stage].backward(run, self.at(back.stage), back, saved);
    }

    /// What runs, kernel by kernel.
    pub(super) fn describe(&self) -> Vec<PlanStep> {
        let mut steps: Vec<PlanStep> = self.steps().map(|(at, kind)| self.describe_step(at, kind)).collect();
        for chain in self.chains() {
            chain.describe(&mut steps);
        }
        for back in &self.plan.backward {
            let (stage, kind) = (&self.plan.stages[back.stage], &self.kinds[back.stage]);
            let mask = kind.masks_by_output(stage).then(|| "relu mask".to_owned());
            let kernels = kind.describe_backward(&self.plan, stage, back);
            steps[back.stage].backward = mask.into_iter().chain(kernels).collect::<Vec<_>>().join(", ");
        }
        steps
    }

    fn describe_step(&self, at: At<'_>, kind: &Kind) -> PlanStep {
        let (stage, parameters) = (at.stage, at.parameters);
        let length =
            |range: &Option<std::ops::Range<usize>>| range.as_ref().map_or(0, ExactSizeIterator::len);
        let (kernel, winograd_cost) = kind.describe(&self.plan, stage, (self.isa, parameters.half.is_some()));
        let floats = parameters.weight.len() + length(&parameters.bias);
        let step = self.plan.describe(stage);
        // Nothing is moved where the images are read as they are given, and parts of channels where they are.
        let still = *kind == Kind::Part || (*kind == Kind::Input && self.plan.passes(stage.out));
        PlanStep {
            kernel: match stage.rectified {
                Some(rectified) => format!("{kernel} + {rectified}"),
                None if stage.relu => format!("{kernel} + relu"),
                None => kernel,
            },
            winograd_cost,
            weight_bytes: (4 * floats + 2 * length(&parameters.half)) as u64,
            activation_bytes: if still { 0 } else { step.activation_bytes },
            ..step
        }
    }
}

/// Lets a convolution that alone reads the images take them as they are given, if it can.
fn hand_over_images(draft: &Draft, kinds: &[Kind], needs: &mut [Needs]) {
    for (reader, stage) in draft.stages().iter().enumerate() {
        if matches!(&kinds[reader], Kind::Conv(conv) if conv.takes_images())
            && let Some(index) = draft.images_of(stage)
        {
            needs[index] = Needs { absent: true, late: Some(reader), ..needs[index] };
        }
    }
}

/// Computes the statistics of what a stage has just written, where a normalization reads it.
fn measure(run: &mut Forward<'_>, at: At<'_>) {
    if run.statistics.is_none() {
        return;
    }
    let (slot, out) = (run.plan.slot(at.stage.out), run.output(at));
    for (channel, channels) in written(run.plan, at.stage) {
        let part = Slot { channel: slot.channel + channel, channels, ..slot };
        if let Some(vectors) = run.statistics.as_mut().and_then(|statistics| statistics.of_mut(part)) {
            let view: View = out.slice(channel, channels);
            kernels::moments(run.pool, run.isa, run.arena, view, vectors);
        }
    }
}

/// Makes the statistics of what a stage has just written those of the whole batch.
fn join_measured(run: &mut Forward<'_>, at: At<'_>) {
    let (slot, pixels) = (run.plan.slot(at.stage.out), run.output(at).pixels / run.n);
    let (Some(statistics), Some(joint)) = (&mut run.statistics, &mut run.joint) else { return };
    for (channel, channels) in written(run.plan, at.stage) {
        let part = Slot { channel: slot.channel + channel, channels, ..slot };
        if let Some(vectors) = statistics.of_mut(part) {
            joint.join_statistics(pixels, vectors);
        }
    }
}

/// The channels of its output that a stage writes itself: first and number.
fn written(plan: &Plan, stage: &Stage) -> Vec<(usize, usize)> {
    match stage.kernel {
        Kernel::Concat => {
            let part = |&(i, channel): &(usize, usize)| (channel, stage.shapes[i].channels());
            plan.copies(stage.out).iter().map(part).collect()
        }
        _ => vec![(0, plan.slot(stage.out).channels)],
    }
}

/// Zeroes parts of the gradients of `n` images.
pub(super) fn fill((pool, isa, arena): (&Pool, Isa, &mut Arena), (plan, n): (&Plan, usize), parts: &[Slot]) {
    for &slot in parts {
        kernels::fill(pool, isa, arena, plan.gradient_part(slot, n).into(), 0.0);
    }
}
