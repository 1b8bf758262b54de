//! Training: forward, loss, backward and update as captured graphs, and what lies on the card by name.

mod freezing;
mod gradients;
mod joint;
mod look;
mod meeting;
mod state;

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use convnet_gpu::{Clock, Format, View};
use convnet_kernels::{self as kernels, Arena, Comparison, Targets};

use super::binder::LINE;
use super::card::{self, Captured, Card, Feed};
use super::images::{Ahead, Images};
use super::inference::outputs;
use super::kind::{Dropout, Kind};
use super::places::{Places, RESULT, Upkeep};
use super::planes::span;
use super::program::{By, Loss, Part, Parts, Program};
use super::shelf::Shelf;
use super::table::{Parameter, table};
use super::twins::{self, Twin};
use super::update::{self, Going, Updates};
use crate::graph::Graph;
use crate::moved::Moves;
use crate::ops::ParamSpec;
use crate::optim::{Assigned, Frozen, Optimizer, ParameterGroups};
use crate::options::{Options, ReluGradient};
use crate::plan::{Aim, CompileError, Mode, Plan, PlanStep, Region, StepReport, StepTimes, pass_key};
use crate::state::{StateDict, TensorSource};
use crate::tracked::Tracked;

/// Images and what they shall be taken for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) images: Images<'a>,
    pub(crate) comparison: Comparison<'a>,
    pub(crate) n: usize,
}

/// What a graph does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Task {
    /// Forward, loss and backward; whether running statistics take the batch in.
    Pass {
        track: bool,
        by: By,
    },
    /// The same, and the update.
    Step(By),
    /// The forward pass alone.
    Forward {
        track: bool,
    },
    /// The backward pass from gradients of the outputs that the host computed, through ReLUs so.
    Backward(ReluGradient),
    /// The update alone.
    Update,
    /// Puts the gradients away, and adds them to those that took their place.
    Keep,
    Add,
}

/// What the card computes a loss by.
pub(super) enum Judged<'a> {
    Labels(&'a [u32]),
    /// As [`Comparison::weighted_shares`] tells them.
    Shares {
        shares: Vec<f32>,
        labels: Vec<u32>,
    },
}

impl Judged<'_> {
    pub(super) fn by(&self) -> By {
        match self {
            Self::Labels(_) => By::Labels,
            Self::Shares { .. } => By::Shares,
        }
    }

    /// Labels, and shares if there are any.
    pub(super) fn parts(&self) -> (&[u32], &[f32]) {
        match self {
            Self::Labels(labels) => (labels, &[]),
            Self::Shares { shares, labels } => (labels, shares),
        }
    }
}

/// A network in training: its weights, its optimizer's state and the memory of one step, on the card.
pub(crate) struct Training {
    blueprint: Blueprint,
    /// Frozen tensors of the state dict that the flat parameters hold only what follows from.
    kept: StateDict,
    card: Card,
    index: usize,
    feed: Feed,
    /// The set that the card keeps.
    shelf: Option<Shelf>,
    /// The graph of each task, for each number of images.
    graphs: HashMap<(Task, usize), Captured>,
    /// What the last step in one graph computed its loss by.
    last: By,
    /// What the graphs that update do.
    updates: Updates,
    /// The gradients in the host's memory, once they are asked for, and whether they were changed there.
    seen: OnceLock<Vec<f32>>,
    changed: AtomicBool,
    seed: u64,
    steps: u64,
    /// What is kept of each parameter beside the moments.
    tracked: Vec<Tracked>,
    /// Passes since the last update: the dropout of each is its own.
    passes: u64,
    /// Whether dropout layers drop.
    dropout: bool,
    /// The number of the first image in the batch of all ranks.
    first: usize,
    /// Whether its memory was given up and not had again.
    given_up: bool,
    /// Where gradients meet those of other ranks, once they do.
    meeting: Option<meeting::Meeting>,
}

impl fmt::Debug for Training {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Training").field("program", &self.blueprint.program).finish_non_exhaustive()
    }
}

/// A training's program, its losses and where everything lies: all that is known without a card.
pub(super) struct Blueprint {
    pub(super) program: Program,
    pub(super) places: Places,
    pub(super) losses: Vec<Loss>,
    pub(super) table: Vec<Parameter>,
    /// Further places of parameters that several stages read.
    pub(super) twins: Vec<Twin>,
    /// Scales and shifts that training leaves alone.
    pub(super) fixed: Vec<Parameter>,
    optimizer: Optimizer,
    options: Options,
}

impl Blueprint {
    pub(super) fn new(
        graph: &Graph,
        aim: Aim<'_>,
        batch: usize,
        optimizer: Optimizer,
        options: &Options,
    ) -> Result<Self, CompileError> {
        let program = Program::new(graph, aim, batch, options)?;
        let loss = |(output, &id): (&crate::graph::Output, &crate::graph::NodeId)| {
            let value = program.plan.value(id).unwrap_or(id);
            Loss { value, shape: graph.node(value).shape, weight: output.loss_weight }
        };
        let losses: Vec<Loss> = graph.outputs().iter().zip(aim.outputs).map(loss).collect();
        let (trained, fixed): (Vec<_>, Vec<_>) =
            table(&program).into_iter().partition(|parameter| parameter.spec.kind.trainable());
        let (table, twins) = twins::distinct(graph, trained)?;
        let rules = Assigned::new(graph, optimizer);
        let matrices = update::matrices(&table, &rules).ok_or(CompileError::TooLarge { batch })?;
        let kept = Upkeep { trained: table.len(), moments: rules.buffers(), matrices };
        let places = Places::new(&program, &losses, kept).ok_or(CompileError::TooLarge { batch })?;
        Ok(Self { program, places, losses, table, twins, fixed, optimizer, options: *options })
    }

    /// What trains a network but for what is frozen.
    pub(super) fn training(
        graph: &Graph,
        frozen: &Frozen,
        batch: usize,
        optimizer: Optimizer,
        options: &Options,
    ) -> Result<Self, CompileError> {
        let outputs = outputs(graph, Mode::Train);
        let aim = Aim { mode: Mode::Train, outputs: &outputs, frozen, watched: &[] };
        Self::new(graph, aim, batch, optimizer, options)
    }

    /// Buffers of the optimizer, of the parameter that has most.
    fn moments(&self) -> usize {
        Assigned::new(&self.program.plan.graph, self.optimizer).buffers()
    }

    /// What is kept of each parameter before the first update.
    pub(super) fn tracked(&self) -> Vec<Tracked> {
        let rules = Assigned::new(&self.program.plan.graph, self.optimizer);
        self.table.iter().map(|parameter| Tracked::new(&rules, &parameter.spec)).collect()
    }

    /// Keeps every element in dropout layers from now on.
    pub(super) fn disable_dropout(&mut self) {
        for kind in &mut self.program.kinds {
            if let Kind::Dropout(Dropout { p, .. }) = kind {
                *p = 0.0;
            }
        }
    }

    /// The list of a task.
    pub(super) fn list(&self, (task, n): (Task, usize), updates: &Updates) -> Parts {
        let (program, places) = (&self.program, &self.places);
        let mut parts = Parts::new(places);
        let flat = |at| View::dense(at, program.learning / LINE, LINE, Format::F32);
        let track = match task {
            Task::Pass { track, .. } | Task::Forward { track } => Some(track),
            Task::Step(_) => Some(true),
            Task::Backward(_) | Task::Update | Task::Keep | Task::Add => None,
        };
        if let Some(track) = track {
            program.forward(&mut parts, places, (n, track));
        }
        match task {
            Task::Pass { by, .. } | Task::Step(by) => {
                program.loss(&mut parts, places, &self.losses, (n, by));
                program.backward(&mut parts, places, (n, ReluGradient::Plain));
            }
            Task::Backward(relu) => {
                program.stage(&mut parts, places, &self.losses, n);
                program.backward(&mut parts, places, (n, relu));
            }
            Task::Keep => parts.list.copy(flat(places.gradients), flat(places.earlier)),
            Task::Add => parts.list.accumulate(flat(places.earlier), flat(places.gradients)),
            Task::Forward { .. } | Task::Update => {}
        }
        let shared = (&self.table[..], &self.twins[..]);
        if matches!(task, Task::Pass { .. } | Task::Step(_) | Task::Backward(_)) {
            twins::join(&mut parts.list, places, shared);
        }
        if matches!(task, Task::Step(_) | Task::Update) {
            updates.add(&mut parts.list, places, &self.table);
            twins::spread(&mut parts.list, places, shared);
        }
        parts.mark(Part::Rest);
        parts
    }
}

impl Training {
    pub(crate) fn new(
        graph: &Graph,
        state: &dyn TensorSource,
        (batch, index): (usize, usize),
        (optimizer, frozen, seed): (Optimizer, &Frozen, u64),
        options: &Options,
    ) -> Result<Self, CompileError> {
        Self::of(Blueprint::training(graph, frozen, batch, optimizer, options)?, state, (index, seed))
    }

    /// What a blueprint tells, on a card.
    pub(super) fn of(
        blueprint: Blueprint,
        state: &dyn TensorSource,
        (index, seed): (usize, u64),
    ) -> Result<Self, CompileError> {
        let optimizer = blueprint.optimizer;
        let tracked = blueprint.tracked();
        let card = Card::new(card::open(index)?, blueprint.places.end)?;
        let mut training = Self {
            feed: card.feed(blueprint.places.batch)?,
            blueprint,
            kept: StateDict::new(),
            card,
            index,
            shelf: None,
            graphs: HashMap::new(),
            last: By::Labels,
            updates: Updates::default(),
            seen: OnceLock::new(),
            changed: AtomicBool::new(false),
            seed,
            steps: 0,
            tracked,
            passes: 0,
            dropout: true,
            first: 0,
            given_up: false,
            meeting: None,
        };
        training.load(state)?;
        if let Some(first) = update::first_moment(&optimizer, training.blueprint.program.learning) {
            training.card.write(training.blueprint.places.moments[0], &first)?;
        }
        Ok(training)
    }

    /// Keeps every element in dropout layers from now on.
    pub(crate) fn disable_dropout(&mut self) {
        self.blueprint.disable_dropout();
        self.dropout = false;
        self.graphs.clear();
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.blueprint.program.plan
    }

    /// The card's number.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn activation_bytes(&self) -> usize {
        self.blueprint.program.format().size() * self.plan().floats
    }

    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) fn describe(&self) -> Vec<PlanStep> {
        self.blueprint.program.describe()
    }

    /// The trainable parameters, in the order of the network.
    pub(crate) fn specs(&self) -> impl ExactSizeIterator<Item = &ParamSpec> {
        self.blueprint.table.iter().map(|parameter| &parameter.spec)
    }

    /// Forward, loss and backward; the gradients take the place of the last ones.
    pub(crate) fn forward_backward(&mut self, batch: Batch<'_>) -> Result<StepReport, CompileError> {
        let report = self.pass(batch, true)?;
        self.passes += 1;
        Ok(report)
    }

    /// The same without a trace but in the gradients: running statistics stay, and the next pass draws the same dropout.
    pub(crate) fn probe(&mut self, batch: Batch<'_>) -> Result<StepReport, CompileError> {
        self.pass(batch, false)
    }

    /// The same, the gradients added to those that are there.
    pub(crate) fn accumulate(&mut self, batch: Batch<'_>) -> Result<StepReport, CompileError> {
        self.settle()?;
        self.replay(Task::Keep, 0)?;
        let report = self.forward_backward(batch)?;
        self.replay(Task::Add, 0)?;
        Ok(report)
    }

    /// A whole step in one graph.
    pub(crate) fn step(
        &mut self,
        batch: Batch<'_>,
        groups: &ParameterGroups,
        rate: f32,
        times: Option<&mut StepTimes>,
    ) -> Result<StepReport, CompileError> {
        self.group(groups);
        let Some(judged) = self.judged(&batch) else {
            let report = self.pass(batch, true)?;
            self.apply(groups, rate)?;
            return Ok(report);
        };
        self.forget();
        self.send(batch.images, Some(&judged), rate)?;
        self.last = judged.by();
        match times {
            None => self.replay(Task::Step(self.last), batch.n)?,
            Some(times) => self.profile((Task::Step(self.last), batch.n), times)?,
        }
        let report = self.report()?;
        self.updated(groups);
        Ok(report)
    }

    /// Updates the parameters by the gradients.
    pub(crate) fn apply(&mut self, groups: &ParameterGroups, rate: f32) -> Result<(), CompileError> {
        self.check()?;
        self.group(groups);
        self.settle()?;
        let clocks = self.clocks(rate);
        self.card.write_bytes(self.blueprint.places.clocks, &clocks)?;
        self.replay(Task::Update, 0)?;
        self.updated(groups);
        Ok(())
    }

    /// Microseconds of the graph of a step of `n` images that ran before: the least and the median of `count`. The steps are
    /// real ones, all with the numbers of the last.
    pub(crate) fn time(&self, n: usize, count: usize) -> Result<Option<(f32, f32)>, CompileError> {
        let captured = self.graphs.get(&(Task::Step(self.last), n));
        captured.map(|captured| captured.time(count)).transpose()
    }

    fn updated(&mut self, groups: &ParameterGroups) {
        let table = &self.blueprint.table;
        for (i, tracked) in self.tracked.iter_mut().enumerate() {
            if update::learns(table, groups, i) {
                tracked.advance();
            }
        }
        self.steps += 1;
        self.passes = 0;
    }

    /// Makes the graphs that update follow these groups.
    fn group(&mut self, groups: &ParameterGroups) {
        let updates = Updates::new(&self.blueprint.table, &self.tracked, groups);
        if updates != self.updates {
            self.graphs.retain(|(task, _), _| !matches!(task, Task::Step(_) | Task::Update));
            self.updates = updates;
        }
    }

    /// What the card computes a batch's loss by, where it can.
    fn judged<'b>(&self, batch: &Batch<'b>) -> Option<Judged<'b>> {
        let Comparison { targets, sample_weights, criterion, teacher, whole } = batch.comparison;
        let plain = sample_weights.is_none() && criterion.is_plain() && teacher.is_none() && whole.is_none();
        match targets {
            Targets::Classes(labels) if plain => Some(Judged::Labels(labels)),
            Targets::Classes(_) | Targets::Distributions(_) => {
                let classes = self.plan().graph.classes();
                let (shares, labels) = batch.comparison.weighted_shares(batch.n, classes)?;
                Some(Judged::Shares { shares, labels })
            }
        }
    }

    /// The next pass's key.
    fn key(&self) -> u64 {
        pass_key(self.seed, self.steps, self.passes)
    }

    /// What changes from step to step, for each clock; at least one, which dropout reads its key of.
    fn clocks(&self, rate: f32) -> Vec<u8> {
        let clock = |steps: u64, numbers: [f32; 2]| {
            let mut bytes = Clock::bytes(self.seed, steps, numbers);
            Clock::begin(&mut bytes, self.key(), self.first as u64);
            bytes
        };
        let of = |going: &Going| {
            let tracked = &self.tracked[going.like];
            clock(tracked.count + 1, [rate * going.rate, tracked.next_product()])
        };
        match &self.updates.clocks[..] {
            [] => clock(self.steps + 1, [rate, 1.0]).to_vec(),
            clocks => clocks.iter().flat_map(of).collect(),
        }
    }

    /// Sends a batch and the numbers of a step to the card.
    fn send(
        &mut self,
        images: Images<'_>,
        judged: Option<&Judged<'_>>,
        rate: f32,
    ) -> Result<(), CompileError> {
        self.check()?;
        let (clocks, places) = (self.clocks(rate), self.blueprint.places);
        let host = match images {
            Images::Host(images) => images,
            Images::Sent(_) | Images::Kept(_) => &[],
        };
        self.feed.send(places.images + 4 * host.len(), |target| {
            target[places.clocks..][..clocks.len()].copy_from_slice(&clocks);
            let (labels, shares) = judged.map_or((&[][..], &[][..]), Judged::parts);
            for (to, label) in target[places.labels..].chunks_exact_mut(4).zip(labels) {
                to.copy_from_slice(&label.to_le_bytes());
            }
            card::copy(shares, &mut target[places.shares..]);
            card::copy(host, &mut target[places.images..]);
        })?;
        self.feed.take(&self.card, 0)?;
        match (images, &mut self.shelf) {
            (Images::Host(_), _) => Ok(()),
            (Images::Sent(sent), _) => sent.take(&self.card, places.images),
            (Images::Kept(batch), Some(shelf)) => shelf.give(batch, (&self.card, places.images)),
            (Images::Kept(_), None) => unreachable!("images of a set that is kept, as they were checked"),
        }
    }

    /// Two ways for images to travel while others are computed on.
    pub(crate) fn ahead(&self) -> Result<Ahead, CompileError> {
        self.check()?;
        let plan = self.plan();
        Ahead::new((&self.card, self.index), plan.batch * plan.graph.input_shape().elements())
    }

    /// Whether it can take these images.
    pub(crate) fn has(&self, images: Images<'_>) -> bool {
        match images {
            Images::Host(_) => true,
            Images::Sent(sent) => sent.card() == self.index,
            Images::Kept(batch) => self.keeps(&batch.moves),
        }
    }

    /// Whether the card keeps a set whose images become input in this way.
    pub(crate) fn keeps(&self, moves: &Moves) -> bool {
        self.shelf.as_ref().is_some_and(|shelf| shelf.is_for(moves))
    }

    /// Whether there is room for so many levels of images on the card, beside what else it may need; the set that it keeps is
    /// given up.
    pub(crate) fn make_room(&mut self, levels: usize) -> Result<bool, CompileError> {
        self.check()?;
        self.shelf = None;
        Ok(levels <= self.card.free()? / 2)
    }

    /// Keeps the levels of a set (N, C, H, W) on the card.
    pub(crate) fn keep(&mut self, levels: &[u8], moves: &Moves) -> Result<(), CompileError> {
        self.check()?;
        self.shelf = Some(Shelf::new(&self.card, levels, moves, self.plan().batch)?);
        Ok(())
    }

    /// The images of the last pass, N·C·H·W.
    #[cfg(feature = "train")]
    pub(crate) fn images(&self, n: usize) -> Result<Vec<f32>, CompileError> {
        let floats = n * self.plan().graph.input_shape().elements();
        self.card.read(self.blueprint.places.images, floats)
    }

    fn pass(&mut self, batch: Batch<'_>, track: bool) -> Result<StepReport, CompileError> {
        self.forget();
        let n = batch.n;
        if let Some(judged) = self.judged(&batch) {
            self.send(batch.images, Some(&judged), 0.0)?;
            self.replay(Task::Pass { track, by: judged.by() }, n)?;
            return self.report();
        }
        self.send(batch.images, None, 0.0)?;
        self.replay(Task::Forward { track }, n)?;
        let report = self.host_loss(batch)?;
        self.replay(Task::Backward(ReluGradient::Plain), n)?;
        Ok(report)
    }

    /// A loss that the card lacks (focal, of each class by itself, with a teacher), by the host; the gradients of the outputs go to the
    /// card.
    fn host_loss(&self, batch: Batch<'_>) -> Result<StepReport, CompileError> {
        let (n, mut report) = (batch.n, StepReport { loss: 0.0, correct: 0 });
        for (i, loss) in self.blueprint.losses.iter().enumerate() {
            let classes = loss.shape.elements();
            let region = self.blueprint.program.plan.region(loss.value, loss.shape, n);
            let logits = self.values_of(region)?;
            let size = n * classes;
            let mut arena = Arena::try_new(2 * size)
                .map_err(|error| CompileError::memory(("training", n), error.bytes()))?;
            for (row, to) in arena.as_mut_slice()[..size].chunks_exact_mut(classes).enumerate() {
                to.copy_from_slice(&logits[row * region.stride..][..classes]);
            }
            let views = [0, size].map(|at| kernels::View::dense(at, n, classes));
            let comparison = batch.comparison.of_output(i);
            let (value, correct) = kernels::compare(&mut arena, views, comparison, loss.weight, false);
            report.loss += f64::from(loss.weight) * value;
            if i == 0 {
                report.correct = correct;
            }
            let losses = &self.blueprint.losses;
            let staged = self.blueprint.program.staged(&self.blueprint.places, (i, losses), n);
            self.card.write(staged.at, &arena.as_slice()[size..2 * size])?;
        }
        Ok(report)
    }

    /// A region of the activations, from its first to its last.
    fn values_of(&self, region: Region) -> Result<Vec<f32>, CompileError> {
        let format = self.blueprint.program.format();
        let first = self.blueprint.places.activations + format.size() * region.offset;
        self.card.read_as(format, first, span(region))
    }

    /// What the loss's kernels found.
    fn report(&self) -> Result<StepReport, CompileError> {
        let mut results = vec![0; RESULT * self.blueprint.losses.len()];
        self.card.read_bytes(self.blueprint.places.results, &mut results)?;
        let mut report = StepReport { loss: 0.0, correct: 0 };
        for (i, (loss, pair)) in self.blueprint.losses.iter().zip(results.chunks_exact(RESULT)).enumerate() {
            let word = |at: usize| [pair[at], pair[at + 1], pair[at + 2], pair[at + 3]];
            report.loss += f64::from(loss.weight) * f64::from(f32::from_le_bytes(word(0)));
            if i == 0 {
                report.correct = u32::from_le_bytes(word(4)) as usize;
            }
        }
        Ok(report)
    }

    fn captured(&mut self, task: Task, n: usize) -> Result<&Captured, CompileError> {
        if !self.graphs.contains_key(&(task, n)) {
            let captured = self.card.capture(self.blueprint.list((task, n), &self.updates))?;
            self.graphs.insert((task, n), captured);
        }
        Ok(&self.graphs[&(task, n)])
    }

    fn replay(&mut self, task: Task, n: usize) -> Result<(), CompileError> {
        self.captured(task, n)?.replay()
    }

    /// A step launch by launch.
    fn profile(&mut self, (task, n): (Task, usize), times: &mut StepTimes) -> Result<(), CompileError> {
        let stages = self.plan().stages.len();
        times.forward.resize(stages, Duration::ZERO);
        times.backward.resize(stages, Duration::ZERO);
        let captured = self.captured(task, n)?;
        let launches = captured.profile()?;
        for (part, time) in captured.parts.sum(&launches) {
            let time = Duration::from_secs_f32(time * 1e-6);
            match part {
                Part::Forward(stage) => times.forward[stage] += time,
                Part::Backward(stage) => times.backward[stage] += time,
                Part::Rest => times.update += time,
            }
        }
        Ok(())
    }

    /// The gradients that were seen are those of an earlier pass from now on.
    fn forget(&mut self) {
        self.seen = OnceLock::new();
        *self.changed.get_mut() = false;
    }

    /// Sends gradients back that were changed in the host's memory.
    fn settle(&self) -> Result<(), CompileError> {
        if self.changed.swap(false, Ordering::Relaxed)
            && let Some(gradients) = self.seen.get()
        {
            self.card.write(self.blueprint.places.gradients, gradients)?;
        }
        Ok(())
    }
}
