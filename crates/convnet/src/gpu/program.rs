//! A plan bound to operations: one for each stage, the layout of flat parameters, and the lists that they make.

use std::collections::HashMap;

use convnet_gpu::{self as gpu, Activation, Format, List, Vector, View, Words};

use super::binder::{Binder, LINE, Parameters};
use super::emit::{At, Emit};
use super::kind::{self, Bound, Kind, joins, pooled};
use super::places::{Places, RESULT, room};
use crate::graph::{Graph, NodeId, Shape};
use crate::ops::Op;
use crate::options::{Options, Precision, ReluGradient};
use crate::plan::{Aim, CompileError, Draft, MemoryRules, Mode, Plan, PlanStep, Stage};

/// Everything lies at 256 bytes; caches of a GPU have no use for gaps between pixels.
const MEMORY: MemoryRules = MemoryRules { line: LINE, aliased: None, fuses: false, folds: false };

/// A plan with its operations.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) plan: Plan,
    pub(super) precision: gpu::Precision,
    /// The operation of each stage, and where its parameters lie.
    pub(super) kinds: Vec<Kind>,
    layout: Vec<Parameters>,
    /// Floats of the flat parameters, of those of them that learn, which lie first, of what is saved, and of running statistics.
    pub(super) parameters: usize,
    pub(super) learning: usize,
    pub(super) saved: usize,
    pub(super) running: usize,
    /// Whether nobody reads the images channels last.
    packed: bool,
    /// The layers that somebody looks at.
    pub(super) watched: Vec<NodeId>,
}

/// What the card computes a loss by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum By {
    /// A class for each image.
    Labels,
    /// Weighted shares of the classes, and the class of each image that counts as right.
    Shares,
}

/// An output that the loss reads, and its weight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    pub(super) value: NodeId,
    pub(super) shape: Shape,
    pub(super) weight: f32,
}

/// What some launches of a list are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Forward(usize),
    Backward(usize),
    /// The loss, and what is done with gradients and parameters.
    Rest,
}

/// A list, and what its launches are for, in order.
pub(super) struct Parts {
    pub(super) list: List,
    spans: Vec<(Part, usize)>,
}

impl Parts {
    pub(super) fn new(places: &Places) -> Self {
        Self::over(places.end)
    }

    /// Over a block of so many bytes.
    pub(super) fn over(bytes: usize) -> Self {
        Self { list: List::new(bytes), spans: Vec::new() }
    }

    /// The launches since the last mark are for a part.
    pub(super) fn mark(&mut self, part: Part) {
        self.spans.push((part, self.list.launches().len()));
    }

    /// The time of each part, from that of each launch.
    pub(super) fn sum<'a>(&'a self, times: &'a [f32]) -> impl Iterator<Item = (Part, f32)> + 'a {
        let starts = std::iter::once(0).chain(self.spans.iter().map(|&(_, end)| end));
        self.spans.iter().zip(starts).map(|(&(part, end), start)| (part, times[start..end].iter().sum()))
    }
}

impl Program {
    /// Plans a graph for `batch` images, and chooses its operations.
    pub(super) fn new(
        graph: &Graph,
        aim: Aim<'_>,
        batch: usize,
        options: &Options,
    ) -> Result<Self, CompileError> {
        if batch == 0 {
            return Err(CompileError::EmptyBatch);
        }
        // Kernels count the elements of a value by 31 bits.
        let fits = |id: NodeId| {
            let elements = batch.checked_mul(graph.node(id).shape.elements());
            elements.is_some_and(|count| count < 1 << 31)
        };
        if !graph.ids().all(fits) {
            return Err(CompileError::TooLarge { batch });
        }
        let precision = match options.precision {
            Precision::F32 => gpu::Precision::F32,
            Precision::Tf32 => gpu::Precision::Tf32,
            Precision::Bf16 => gpu::Precision::Bf16,
        };
        let draft = Draft::new(graph, aim, MEMORY);
        let bind = |learning: usize| {
            let (parameters, fixed, saved, running) = (0, learning, 0, 0);
            let tracked = HashMap::new();
            let mut binder =
                Binder { draft: &draft, precision, batch, parameters, fixed, saved, running, tracked };
            let bound = draft.stages().iter().map(|stage| kind::bind(&mut binder, stage));
            let bound = bound.collect::<Result<Vec<Bound>, _>>()?;
            let Binder { parameters, fixed, saved, running, .. } = binder;
            Ok::<_, CompileError>((bound, parameters, fixed, [saved, running]))
        };
        let (mut bound, learning, mut end, [saved, running]) = bind(0)?;
        if end > 0 {
            // What is frozen lies behind what learns, whose size is known now.
            (bound, _, end, _) = bind(learning)?;
        }
        let parameters = end.max(learning);
        let (mut kinds, mut layout, mut needs) = (Vec::new(), Vec::new(), Vec::new());
        for bound in bound {
            kinds.push(bound.kind);
            layout.push(bound.parameters);
            needs.push(bound.needs);
        }
        for join in joins(&draft) {
            join.take(&mut kinds, &mut needs);
        }
        for pair in pooled(&draft, &kinds) {
            pair.take(&mut kinds, &mut needs);
        }
        let plan = draft.finish(&needs, batch).map_err(|_| CompileError::TooLarge { batch })?;
        let reads = |index: &usize| {
            let inputs = &plan.stages[*index].inputs;
            inputs.iter().any(|&input| plan.graph.node(input).op == Op::Input)
        };
        let mut shown = aim.outputs.iter().chain(aim.watched);
        let packed = aim.mode != Mode::Trace
            && (0..kinds.len()).filter(reads).all(|index| kinds[index].packs_images())
            && !shown.any(|&shown| plan.graph.node(shown).op == Op::Input);
        let watched = aim.watched.to_vec();
        Ok(Self { plan, precision, kinds, layout, parameters, learning, saved, running, packed, watched })
    }

    /// The layers whose parameters a stage holds as what follows from them ([`Plan::derived`]).
    pub(super) fn derived(&self, index: usize) -> Option<Vec<NodeId>> {
        self.plan.derived(index, matches!(self.kinds[index], Kind::Affine(_)))
    }

    /// The stages with their operations.
    pub(super) fn steps(&self) -> impl Iterator<Item = (At<'_>, &Kind)> {
        (0..self.kinds.len()).map(|index| (self.at(index), &self.kinds[index]))
    }

    pub(super) fn at(&self, index: usize) -> At<'_> {
        At { index, stage: &self.plan.stages[index], parameters: &self.layout[index] }
    }

    fn emit<'a>(&'a self, parts: &'a mut Parts, places: &'a Places, (n, track): (usize, bool)) -> Emit<'a> {
        let (list, plan, precision) = (&mut parts.list, &self.plan, self.precision);
        Emit { list, program: self, plan, places, precision, n, track }
    }

    /// What activations and the factors of products are kept in.
    pub(super) fn format(&self) -> Format {
        self.precision.format()
    }

    /// Adds the forward pass of `n` images; `track` tells whether running statistics take them in.
    pub(super) fn forward(&self, parts: &mut Parts, places: &Places, (n, track): (usize, bool)) {
        // What was learned since the last pass; inference has its factors from the host.
        if self.plan.mode == Mode::Train && self.format() != Format::F32 {
            let flat = |at, format| View::dense(at, self.parameters / LINE, LINE, format);
            let views = [flat(places.parameters, Format::F32), flat(places.halves, self.format())];
            parts.list.copy(views[0], views[1]);
            parts.mark(Part::Rest);
        }
        for (at, kind) in self.steps() {
            if !(self.packed && *kind == Kind::Input) {
                kind.forward(&mut self.emit(parts, places, (n, track)), at);
            }
            for place in self.watchers(at.stage) {
                let out = self.emit(parts, places, (n, track)).output(at);
                parts.list.copy(out, self.seen(places, place, n));
            }
            parts.mark(Part::Forward(at.index));
        }
    }

    /// The numbers of the watched layers whose value a stage gives.
    fn watchers(&self, stage: &Stage) -> impl Iterator<Item = usize> + '_ {
        let out = stage.out;
        let value = |id: NodeId| self.plan.value(id).unwrap_or(id);
        self.watched.iter().enumerate().filter(move |(_, id)| value(**id) == out).map(|(place, _)| place)
    }

    /// Where what was seen of a watched layer lies, pixel by pixel.
    pub(super) fn seen(&self, places: &Places, place: usize, n: usize) -> View {
        let shape = |id: &NodeId| self.plan.graph.node(*id).shape;
        let before = self.watched[..place].iter().filter_map(|id| room(self.plan.batch, shape(id)));
        let (at, shape) = (places.seen + 4 * before.sum::<usize>(), shape(&self.watched[place]));
        View::dense(at, n * shape.elements() / shape.channels(), shape.channels(), Format::F32)
    }

    /// Adds the losses, and the gradients of the outputs.
    pub(super) fn loss(&self, parts: &mut Parts, places: &Places, losses: &[Loss], (n, by): (usize, By)) {
        for (i, (loss, write)) in losses.iter().zip(&self.plan.losses).enumerate() {
            let mut run = self.emit(parts, places, (n, false));
            run.fill(&write.fill);
            let (logits, gradient) =
                (run.value(loss.value, loss.shape), run.gradient(loss.value, loss.shape));
            let at = places.results + RESULT * i;
            let labels = Words { at: places.labels, len: n };
            let target = Some((gradient, write.accumulate));
            let results = (Vector::new(at, 1), Words { at: at + 4, len: 1 });
            match by {
                By::Labels => run.list.cross_entropy(logits, labels, target, loss.weight, results),
                By::Shares => {
                    let shares = Vector::new(places.shares, n * loss.shape.elements());
                    run.list.shared_cross_entropy(logits, (shares, labels), target, loss.weight, results);
                }
            }
        }
        parts.mark(Part::Rest);
    }

    /// Where the host puts the gradient of output number `i`, of `n` images, pixel by pixel.
    pub(super) fn staged(&self, places: &Places, (i, losses): (usize, &[Loss]), n: usize) -> View {
        let before = losses[..i].iter().filter_map(|loss| room(self.plan.batch, loss.shape));
        let (at, shape) = (places.staged + 4 * before.sum::<usize>(), losses[i].shape);
        View::dense(at, n * shape.elements() / shape.channels(), shape.channels(), Format::F32)
    }

    /// Adds the gradients of the outputs that the host computed.
    pub(super) fn stage(&self, parts: &mut Parts, places: &Places, losses: &[Loss], n: usize) {
        for ((i, loss), write) in losses.iter().enumerate().zip(&self.plan.losses) {
            let staged = self.staged(places, (i, losses), n);
            let mut run = self.emit(parts, places, (n, false));
            run.fill(&write.fill);
            run.list.transfer(staged, run.gradient(loss.value, loss.shape), write.accumulate);
        }
        parts.mark(Part::Rest);
    }

    /// Adds the backward pass.
    pub(super) fn backward(&self, parts: &mut Parts, places: &Places, (n, relu): (usize, ReluGradient)) {
        for back in &self.plan.backward {
            let at = self.at(back.stage);
            let mut run = self.emit(parts, places, (n, false));
            run.fill(&back.fill);
            for place in self.watchers(at.stage) {
                let gradient = run.output_gradient(at);
                run.list.copy(gradient, self.seen(places, place, n));
            }
            if relu == ReluGradient::Guided && self.kinds[back.stage].rectifies(at.stage) {
                let gradient = run.output_gradient(at);
                run.list.activation(Activation::Relu, gradient, gradient);
            }
            for write in back.inputs.iter().flatten() {
                run.fill(&write.fill);
            }
            self.kinds[back.stage].backward(&mut run, at, back);
            parts.mark(Part::Backward(back.stage));
        }
    }

    /// What runs, operation by operation.
    pub(super) fn describe(&self) -> Vec<PlanStep> {
        let step = |(at, kind): (At<'_>, &Kind)| {
            let bias = at.parameters.bias.as_ref().map_or(0, ExactSizeIterator::len);
            let kernel = kind.describe(&self.plan, at.stage);
            let (step, size) = (self.plan.describe(at.stage), self.format().size());
            // Factors of products are in the format of activations, as `rows` have them.
            let weight = at.parameters.weight.len() * if kind.rows().is_some() { size } else { 4 };
            PlanStep {
                kernel: if at.stage.relu { format!("{kernel} + relu") } else { kernel },
                weight_bytes: (weight + 4 * bias) as u64,
                activation_bytes: step.activation_bytes / 4 * size as u64,
                ..step
            }
        };
        let mut steps: Vec<PlanStep> = self.steps().map(step).collect();
        for back in &self.plan.backward {
            let (stage, kind) = (&self.plan.stages[back.stage], &self.kinds[back.stage]);
            let Parameters { weight, bias } = &self.layout[back.stage];
            let learns = [Some(weight), bias.as_ref()]
                .map(|range| range.is_some_and(|range| range.start < self.learning));
            steps[back.stage].backward = kind.describe_backward(&self.plan, (stage, learns), back);
        }
        steps
    }
}
