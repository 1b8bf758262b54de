//! Training: forward, loss, backward and update.

mod buckets;
mod freezing;
mod joint;
mod passes;

use std::ops::Range;

use convnet_kernels::{Arena, Clock, Comparison, Isa, Mask, OrthogonalRoom, Pool, Update, flat};

use self::buckets::Buckets;
use self::freezing::derived_bytes;
use super::kind::{Dropout, Kind, Scratch};
use super::memory::{self, Planner, allocate, sum, times};
use super::program::Program;
use super::run::{Saved, part};
use super::statistics::Statistics;
use super::table::{Parameter, Twin, distinct, keepers, running, table, tracked, unpack};
use super::update::{self, Step, Tensors};
use crate::graph::{Graph, NodeId, Shape};
use crate::ops::ParamSpec;
use crate::optim::{Assigned, Frozen, Optimizer, ParameterGroups, Setting};
use crate::options::Options;
use crate::plan::{Aim, CompileError, Mode, Plan, PlanStep, StepReport, StepTimes, layer_key, pass_key};
use crate::ranks::Lease;
use crate::state::{StateDict, Tensor, TensorSource};
use crate::tracked::Tracked;
use crate::weights::{check, read};

/// An output that the loss reads, and its weight.
#[derive(Clone, Copy, Debug)]
struct Loss {
    value: NodeId,
    shape: Shape,
    weight: f32,
}

/// Images and what they shall be taken for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    /// N·C·H·W.
    pub(crate) images: &'a [f32],
    pub(crate) comparison: Comparison<'a>,
    pub(crate) n: usize,
}

/// A moving average of weights and running statistics.
#[derive(Clone, Debug)]
pub(crate) struct Average {
    parameters: Vec<f32>,
    running: Vec<[Vec<f32>; 2]>,
    /// What was frozen when it began, by which parameters lie where they do.
    frozen: Frozen,
}

/// What is still to be updated at the end of a step.
struct Pending {
    /// Parameters, by their numbers, that need their whole tensor.
    whole: Vec<(usize, Step)>,
    /// Parts of the flat parameters that are updated element by element, neighbours of one update together.
    parts: Vec<(Range<usize>, Update)>,
}

/// A network in training: its weights, its optimizer's state and the memory of one step.
#[derive(Debug)]
pub(crate) struct Training {
    program: Program,
    pool: Pool,
    arena: Arena,
    losses: Vec<Loss>,
    saved: Vec<Saved>,
    statistics: Statistics,
    table: Vec<Parameter>,
    /// Further places of parameters that several stages read: all hold the same between two steps.
    twins: Vec<Twin>,
    /// Scales and shifts that training leaves alone.
    fixed: Vec<Parameter>,
    /// Frozen tensors of the state dict that the flat parameters hold only what follows from.
    kept: StateDict,
    parameters: Arena,
    gradients: Arena,
    /// Whether the gradients were offered to the other ranks.
    offered: bool,
    /// What they are known by, where the other ranks read them.
    lease: Option<Lease>,
    /// Where another batch's gradients are computed, once some are accumulated.
    spare: Option<Arena>,
    /// The optimizer's buffers, laid out like the parameters that learn.
    moments: Vec<Arena>,
    /// The rule of each parameter, and what it keeps beside the buffers.
    tracked: Vec<Tracked>,
    /// Where Muon makes matrices orthogonal.
    room: OrthogonalRoom,
    /// Running mean and variance of each stage that has them.
    running: Vec<[Vec<f32>; 2]>,
    /// The stage that keeps a stage's running mean, and its variance: of several that are one normalization, the first.
    keepers: Vec<[usize; 2]>,
    /// How each stage's Linear weights are updated on the backward pass.
    updates: Vec<Option<Update>>,
    matrix: Arena,
    /// Where the scratch of Winograd convolutions starts in the arena, and room for transformed weights.
    winograd_at: usize,
    transformed: Arena,
    optimizer: Optimizer,
    seed: u64,
    steps: u64,
    /// Whether dropout layers drop.
    dropout: bool,
    /// Passes since the last update: the dropout of each is its own.
    passes: u64,
    /// The parts in which gradients travel to other ranks.
    buckets: Buckets,
}

impl Training {
    pub(crate) fn new(
        graph: &Graph,
        state: &dyn TensorSource,
        batch: usize,
        (optimizer, frozen, seed): (Optimizer, &Frozen, u64),
        options: &Options,
    ) -> Result<Self, CompileError> {
        let aim = Aim { mode: Mode::Train, outputs: &outputs(graph), frozen, watched: &[] };
        Self::aimed(graph, state, batch, ("training", aim), (optimizer, seed), options)
    }

    /// What runs both passes for an aim.
    pub(super) fn aimed(
        graph: &Graph,
        state: &dyn TensorSource,
        batch: usize,
        (task, aim): (&'static str, Aim<'_>),
        (optimizer, seed): (Optimizer, u64),
        options: &Options,
    ) -> Result<Self, CompileError> {
        let pool = memory::pool(options)?;
        let rules = Assigned::new(graph, optimizer);
        let seen: usize = aim.watched.iter().map(|id| graph.node(*id).shape.elements()).sum();
        let need = |program: &Program| {
            let batch = program.plan.batch;
            sum(&[need(program, &rules, pool.threads()), times(2, seen.saturating_mul(batch))])
        };
        let program = Planner { task, graph, aim, options, need: &need }.plan(batch)?;
        let plan = &program.plan;
        let loss = |(output, &id): (&crate::graph::Output, &NodeId)| {
            let value = plan.value(id).unwrap_or(id);
            Loss { value, shape: graph.node(value).shape, weight: output.loss_weight }
        };
        let losses = graph.outputs().iter().zip(aim.outputs).map(loss).collect();
        let scratch = program.scratch(pool.threads());
        let winograd_at = plan.floats.next_multiple_of(16);
        let normalized = program
            .steps()
            .filter(|(_, kind)| matches!(kind, Kind::BatchNorm(_)))
            .map(|(at, _)| plan.slot(at.stage.inputs[0]));
        let (trained, fixed) =
            table(&program).into_iter().partition(|parameter| parameter.spec.kind.trainable());
        let (table, twins) = distinct(trained);
        let learning = program.learning;
        let tracked: Vec<Tracked> = table.iter().map(|p| Tracked::new(&rules, &p.spec)).collect();
        let [matrices, packed] =
            update::room(program.isa, &table, &tracked).ok_or(CompileError::TooLarge { batch })?;
        let buckets = Buckets::new(&program.plan.backward, &table, &twins, learning);
        let mut training = Self {
            arena: allocate(winograd_at + scratch.tiles, (task, batch))?,
            winograd_at,
            transformed: allocate(scratch.transformed, (task, batch))?,
            matrix: allocate(scratch.matrix, (task, batch))?,
            losses,
            saved: program.saved()?,
            statistics: Statistics::new(plan, normalized),
            table,
            twins,
            fixed,
            kept: StateDict::new(),
            parameters: allocate(program.parameters, (task, batch))?,
            gradients: allocate(learning, (task, batch))?,
            spare: None,
            moments: (0..rules.buffers())
                .map(|_| allocate(learning, (task, batch)))
                .collect::<Result<_, _>>()?,
            room: OrthogonalRoom {
                matrices: allocate(matrices, (task, batch))?,
                packed: allocate(packed, (task, batch))?,
            },
            tracked,
            running: running(&program),
            keepers: keepers(&program),
            updates: vec![None; plan.stages.len()],
            pool,
            program,
            optimizer,
            seed,
            steps: 0,
            dropout: true,
            passes: 0,
            buckets,
            offered: false,
            lease: None,
        };
        if let Optimizer::Adagrad(adagrad) = optimizer {
            let start = adagrad.initial_accumulator_value;
            training.moments.iter_mut().for_each(|sum| sum.as_mut_slice().fill(start));
        }
        training.load(state)?;
        Ok(training)
    }

    /// Whether a network can be trained, and the machine has the memory for it, weights in memory beside the packed
    /// ones included; nothing is allocated.
    pub(crate) fn check(
        graph: &Graph,
        batch: usize,
        (optimizer, frozen): (Optimizer, &Frozen),
        options: &Options,
    ) -> Result<(), CompileError> {
        Self::planned(graph, batch, (optimizer, frozen), options).map(drop)
    }

    fn planned(
        graph: &Graph,
        batch: usize,
        (optimizer, frozen): (Optimizer, &Frozen),
        options: &Options,
    ) -> Result<Program, CompileError> {
        let outputs = outputs(graph);
        let threads = memory::pool(options)?.threads();
        let rules = Assigned::new(graph, optimizer);
        let need = |program: &Program| sum(&[need(program, &rules, threads), memory::weights(graph)]);
        let aim = Aim { mode: Mode::Train, outputs: &outputs, frozen, watched: &[] };
        Planner { task: "training", graph, aim, options, need: &need }.plan(batch)
    }

    /// Keeps every element in dropout layers from now on.
    pub(crate) fn disable_dropout(&mut self) {
        for kind in &mut self.program.kinds {
            if let Kind::Dropout(Dropout { p, .. }) = kind {
                *p = 0.0;
            }
        }
        self.dropout = false;
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.program.plan
    }

    pub(crate) fn isa(&self) -> Isa {
        self.program.isa
    }

    pub(crate) fn threads(&self) -> usize {
        self.pool.threads()
    }

    pub(crate) fn clock(&self) -> Clock {
        self.pool.clock()
    }

    pub(crate) fn activation_bytes(&self) -> usize {
        4 * self.arena.len()
    }

    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) fn describe(&self) -> Vec<PlanStep> {
        self.program.describe()
    }

    /// The trainable parameters, in the order of the network.
    pub(crate) fn specs(&self) -> impl ExactSizeIterator<Item = &ParamSpec> {
        self.table.iter().map(|parameter| &parameter.spec)
    }

    /// Forward, loss and backward; the gradients take the place of the last ones.
    pub(crate) fn forward_backward(&mut self, batch: Batch<'_>) -> StepReport {
        self.updates.fill(None);
        let report = self.pass(batch, None);
        self.passes += 1;
        if report.loss.is_finite() {
            self.track(batch.n);
        }
        report
    }

    /// The same without a trace but in the gradients: running statistics stay, and the next pass draws the same dropout.
    pub(crate) fn probe(&mut self, batch: Batch<'_>) -> StepReport {
        self.updates.fill(None);
        self.pass(batch, None)
    }

    /// The same, the gradients added to those that are there.
    pub(crate) fn accumulate(&mut self, batch: Batch<'_>) -> Result<StepReport, CompileError> {
        self.added(|training| training.forward_backward(batch))
    }

    /// Adds the gradients of before to those of a pass.
    fn added(&mut self, pass: impl FnOnce(&mut Self) -> StepReport) -> Result<StepReport, CompileError> {
        let spare = match self.spare.take() {
            Some(spare) => spare,
            None => allocate(self.gradients.len(), ("training", self.plan().batch))?,
        };
        // The lease is of the memory that is put aside.
        let lease = self.lease.take();
        let earlier = std::mem::replace(&mut self.gradients, spare);
        let report = pass(self);
        let spare = std::mem::replace(&mut self.gradients, earlier);
        self.lease = lease;
        flat::add(&self.pool, self.program.isa, self.gradients.as_mut_slice(), spare.as_slice());
        self.spare = Some(spare);
        Ok(report)
    }

    /// A whole step: the weights of Linear layers are updated on the backward pass, while their gradient is in the
    /// cache; it is not kept.
    pub(crate) fn step(
        &mut self,
        batch: Batch<'_>,
        groups: &ParameterGroups,
        rate: f32,
        mut times: Option<&mut StepTimes>,
    ) -> StepReport {
        self.updates.fill(None);
        for (i, parameter) in self.table.iter().enumerate().filter(|(_, p)| p.fused) {
            let step = self.tracked[i].step(&parameter.spec, self.setting(i, groups), rate);
            self.updates[parameter.stage] = step.and_then(|step| step.elements());
        }
        let report = self.pass(batch, times.as_deref_mut());
        if !report.loss.is_finite() {
            return report;
        }
        let start = self.clock().now();
        self.track(batch.n);
        self.apply(groups, rate);
        if let Some(times) = times {
            times.update += self.clock().now().saturating_sub(start);
        }
        report
    }

    /// Updates the parameters that the backward pass did not update on its way.
    pub(crate) fn apply(&mut self, groups: &ParameterGroups, rate: f32) {
        let scale = self.scale_of_gradients(groups);
        let Pending { whole, parts } = self.pending(groups, rate);
        let (pool, isa) = (&self.pool, self.program.isa);
        for (range, update) in parts {
            let parameters = &mut self.parameters.as_mut_slice()[range.clone()];
            let gradients = &self.gradients.as_slice()[range.clone()];
            let mut moments = moments(&mut self.moments);
            update.apply(pool, isa, parameters, gradients, part(&mut moments, &range));
        }
        for (i, step) in whole {
            let Parameter { range, .. } = &self.table[i];
            let mut moments = moments(&mut self.moments);
            let tensors = Tensors {
                parameters: &mut self.parameters.as_mut_slice()[range.clone()],
                gradients: &self.gradients.as_slice()[range.clone()],
                moments: part(&mut moments, range),
                layout: self.table[i].layout(),
                scale,
            };
            step.apply(pool, isa, &mut self.room, tensors);
        }
        for twin in self.twins.iter().filter(|twin| !twin.parameter.frozen) {
            twin.copy(&self.table[twin.first], self.parameters.as_mut_slice());
        }
        for (i, (parameter, tracked)) in self.table.iter().zip(&mut self.tracked).enumerate() {
            if !(parameter.frozen || groups.setting(i).frozen) {
                tracked.advance();
            }
        }
        self.updates.fill(None);
        self.steps += 1;
        self.passes = 0;
    }

    /// What LAMB multiplies gradients with, so that all together are no longer than its limit; 1 for other rules.
    fn scale_of_gradients(&self, groups: &ParameterGroups) -> f32 {
        let limit = self.tracked.iter().find_map(Tracked::longest_gradient);
        limit.map_or(1.0, |limit| (1.0 / (self.gradient_norm(groups) / f64::from(limit)).max(1.0)) as f32)
    }

    /// What the backward pass did not update on its way.
    fn pending(&self, groups: &ParameterGroups, rate: f32) -> Pending {
        let mut whole: Vec<(usize, Step)> = Vec::new();
        let mut all: Vec<(Range<usize>, Option<Update>)> = Vec::new();
        for (i, parameter) in self.table.iter().enumerate() {
            let pending = !(parameter.fused && self.updates[parameter.stage].is_some());
            let step = self.tracked[i].step(&parameter.spec, self.setting(i, groups), rate);
            let step = step.filter(|_| pending);
            let update = step.as_ref().and_then(Step::elements);
            if let Some(step) = step.filter(|_| update.is_none()) {
                whole.push((i, step));
            }
            all.push((parameter.range.clone(), update));
        }
        let others = self.twins.iter().map(|twin| &twin.parameter).chain(&self.fixed);
        all.extend(others.map(|parameter| (parameter.range.clone(), None)));
        all.sort_by_key(|(range, _)| range.start);
        let mut parts: Vec<(Range<usize>, Update)> = Vec::new();
        let mut joins = false;
        for (range, update) in all {
            let Some(update) = update else {
                joins = false;
                continue;
            };
            match parts.last_mut() {
                Some((part, last)) if joins && *last == update => part.end = range.end,
                _ => parts.push((range, update)),
            }
            joins = true;
        }
        Pending { whole, parts }
    }

    /// How parameter number `i` is updated.
    fn setting(&self, i: usize, groups: &ParameterGroups) -> Setting {
        let setting = groups.setting(i);
        Setting { frozen: setting.frozen || self.table[i].frozen, ..setting }
    }

    fn key(&self) -> u64 {
        pass_key(self.seed, self.steps, self.passes)
    }

    /// running = (1 − momentum)·running + momentum·batch, with the unbiased variance.
    fn track(&mut self, n: usize) {
        for (at, kind) in self.program.steps() {
            let Kind::BatchNorm(norm) = kind else { continue };
            let (momentum, (height, width)) = (norm.momentum, at.stage.shapes[0].spatial());
            let count = (n * height * width) as f32;
            let unbiased = if count > 1.0 { count / (count - 1.0) } else { 1.0 };
            let update = |old: &mut f32, new: f32| *old = (1.0 - momentum) * *old + momentum * new;
            let [new_mean, new_variance] = self.statistics.of(self.program.plan.slot(at.stage.inputs[0]));
            let [of_mean, of_variance] = self.keepers[at.index];
            let mean = self.running[of_mean][0].iter_mut();
            mean.zip(new_mean).for_each(|(old, new)| update(old, *new));
            let variance = self.running[of_variance][1].iter_mut();
            variance.zip(new_variance).for_each(|(old, new)| update(old, new * unbiased));
        }
    }

    /// The gradient of parameter number `parameter`, in the device's layout.
    pub(crate) fn gradient(&self, parameter: usize) -> &[f32] {
        &self.gradients.as_slice()[self.table[parameter].range.clone()]
    }

    /// The same, to change.
    pub(crate) fn gradient_mut(&mut self, parameter: usize) -> &mut [f32] {
        &mut self.gradients.as_mut_slice()[self.table[parameter].range.clone()]
    }

    /// The same, in PyTorch's layout.
    pub(crate) fn gradient_tensor(&self, parameter: usize) -> Tensor {
        self.table[parameter].unpack(self.gradients.as_slice())
    }

    /// Every gradient under its parameter's name, in PyTorch's layout; none of what is frozen.
    pub(crate) fn gradients(&self) -> StateDict {
        unpack(self.learning(), self.gradients.as_slice(), "")
    }

    /// The places of the gradients that `groups` does not freeze.
    fn live(&self, groups: &ParameterGroups) -> Vec<Range<usize>> {
        let parameters = self.table.iter().enumerate();
        parameters
            .filter(|(i, p)| !(p.frozen || groups.setting(*i).frozen))
            .map(|(_, p)| p.range.clone())
            .collect()
    }

    /// √Σ g² over the gradients that are not frozen.
    pub(crate) fn gradient_norm(&self, groups: &ParameterGroups) -> f64 {
        let squares = |range: Range<usize>| {
            flat::sum_of_squares(&self.pool, self.program.isa, &self.gradients.as_slice()[range])
        };
        self.live(groups).into_iter().map(squares).sum::<f64>().sqrt()
    }

    /// Multiplies the gradients that are not frozen.
    pub(crate) fn scale_gradients(&mut self, groups: &ParameterGroups, factor: f32) {
        for range in self.live(groups) {
            flat::scale(&self.pool, self.program.isa, &mut self.gradients.as_mut_slice()[range], factor);
        }
    }

    /// Brings the gradients that are not frozen within ±limit.
    pub(crate) fn clamp_gradients(&mut self, groups: &ParameterGroups, limit: f32) {
        for range in self.live(groups) {
            flat::clamp(&self.pool, self.program.isa, &mut self.gradients.as_mut_slice()[range], limit);
        }
    }

    /// A moving average that starts at what is.
    pub(crate) fn average(&self) -> Average {
        let (parameters, running) = (self.parameters.as_slice().to_vec(), self.running.clone());
        Average { parameters, running, frozen: self.plan().frozen.clone() }
    }

    /// average += (what is − average)·weight.
    ///
    /// # Panics
    /// If something else is frozen now than when it began.
    pub(crate) fn update_average(&self, average: &mut Average, weight: f32) {
        average.frozen.check_average(&self.plan().frozen);
        let (pool, isa) = (&self.pool, self.program.isa);
        flat::lerp(pool, isa, &mut average.parameters, self.parameters.as_slice(), weight);
        for (average, running) in average.running.iter_mut().flatten().zip(self.running.iter().flatten()) {
            flat::lerp(pool, isa, average, running, weight);
        }
    }

    /// The state dict of an average.
    ///
    /// # Panics
    /// If something else is frozen now than when it began.
    pub(crate) fn averaged_state(&self, average: &Average) -> StateDict {
        average.frozen.check_average(&self.plan().frozen);
        self.state(&average.parameters, &average.running)
    }

    /// All parameters and running statistics, under PyTorch's names and in its layouts.
    pub(crate) fn state_dict(&self) -> StateDict {
        self.state(self.parameters.as_slice(), &self.running)
    }

    fn state(&self, parameters: &[f32], running: &[[Vec<f32>; 2]]) -> StateDict {
        let mut state = unpack(&self.table, parameters, "");
        state.extend(unpack(&self.fixed, parameters, ""));
        state.extend(self.kept.clone());
        for (at, _) in self.program.steps() {
            let kept = self.keepers[at.index];
            let values = [&running[kept[0]][0], &running[kept[1]][1]];
            for (spec, values) in tracked(&self.program, at.index).iter().zip(values) {
                state.insert(spec.name.clone(), Tensor { shape: spec.shape.clone(), data: values.to_vec() });
            }
        }
        state
    }

    /// Replaces all parameters and running statistics; nothing where one is missing or has another shape.
    pub(crate) fn load(&mut self, state: &dyn TensorSource) -> Result<(), CompileError> {
        for spec in self.plan().graph.parameters() {
            check(state, &spec)?;
        }
        let twins = self.twins.iter().map(|twin| &twin.parameter);
        for parameter in self.table.iter().chain(&self.fixed).chain(twins).filter(|p| p.stored) {
            parameter.pack(&self.pool, (state, &parameter.spec), self.parameters.as_mut_slice())?;
        }
        for (stage, running) in self.running.iter_mut().enumerate() {
            for (spec, values) in tracked(&self.program, stage).iter().zip(running) {
                read(state, spec, values)?;
            }
        }
        self.load_derived(state)
    }

    /// The steps done, and the optimizer's buffers named `PARAMETER/BUFFER`.
    pub(crate) fn optimizer_state(&self) -> (u64, StateDict) {
        let mut state = StateDict::new();
        for (parameter, tracked) in self.table.iter().zip(&self.tracked).filter(|(p, _)| !p.frozen) {
            for (name, moment) in tracked.rule.buffers().iter().zip(&self.moments) {
                state.insert(buffer_name(parameter, name), parameter.unpack(moment.as_slice()));
            }
            for (name, value) in tracked.scalars() {
                state.insert(buffer_name(parameter, name), Tensor { shape: Vec::new(), data: vec![value] });
            }
        }
        (self.steps, state)
    }

    /// Replaces them; nothing where one is missing or has another shape.
    pub(crate) fn load_optimizer_state(&mut self, steps: u64, state: &StateDict) -> Result<(), CompileError> {
        let spec = |parameter: &Parameter, buffer: &str| ParamSpec {
            name: buffer_name(parameter, buffer),
            ..parameter.spec.clone()
        };
        let mut loaded = self.tracked.clone();
        for (parameter, tracked) in self.table.iter().zip(&mut loaded).filter(|(p, _)| !p.frozen) {
            for buffer in tracked.rule.buffers() {
                check(state, &spec(parameter, buffer))?;
            }
            tracked.load(steps, &parameter.spec.name, state)?;
        }
        for (parameter, tracked) in self.table.iter().zip(&loaded).filter(|(p, _)| !p.frozen) {
            for (buffer, moment) in tracked.rule.buffers().iter().zip(&mut self.moments) {
                parameter.pack(&self.pool, (state, &spec(parameter, buffer)), moment.as_mut_slice())?;
            }
        }
        self.tracked = loaded;
        self.steps = steps;
        self.passes = 0;
        Ok(())
    }

    /// What the next pass's dropout multiplies an element of a layer's input with; `index` counts in PyTorch's order.
    /// `None` for a node that is no dropout layer.
    pub(crate) fn dropout_scale(&self, node: NodeId, index: usize) -> Option<f32> {
        let (p, group, at) = self.plan().dropped(node, index)?;
        Some(Mask::new(layer_key(self.key(), node), p, group).scale(at))
    }
}

/// Bytes of weights, gradients and what the optimizer keeps, of one step's memory, and of the images that it takes.
fn need(program: &Program, rules: &Assigned, threads: usize) -> Option<usize> {
    let plan = &program.plan;
    let Scratch { tiles, transformed, matrix } = program.scratch(threads);
    let table = table(program);
    let table: Vec<Parameter> = table.into_iter().filter(|p| p.spec.kind.trainable()).collect();
    let tracked: Vec<Tracked> = table.iter().map(|p| Tracked::new(rules, &p.spec)).collect();
    let [matrices, packed] = update::room(program.isa, &table, &tracked)?;
    sum(&[
        times(1, program.parameters),
        times(1 + rules.buffers(), program.learning),
        derived_bytes(program),
        times(1, matrices),
        times(1, packed),
        times(1, plan.floats),
        times(1, tiles),
        times(1, transformed),
        times(1, matrix),
        program.saved_bytes(),
        times(plan.batch, plan.graph.input_shape().elements()),
    ])
}

/// What the loss reads.
fn outputs(graph: &Graph) -> Vec<NodeId> {
    graph.outputs().iter().map(|output| graph.logits(output.node)).collect()
}

/// The name of what the optimizer keeps of a parameter.
fn buffer_name(parameter: &Parameter, buffer: &str) -> String {
    format!("{}/{buffer}", parameter.spec.name)
}

/// The optimizer's buffers as the kernels take them, empty where it keeps fewer.
fn moments(buffers: &mut [Arena]) -> [&mut [f32]; Update::MOST_MOMENTS] {
    let mut buffers = buffers.iter_mut().map(Arena::as_mut_slice);
    [(); Update::MOST_MOMENTS].map(|()| buffers.next().unwrap_or_default())
}
