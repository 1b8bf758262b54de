//! Training: forward, loss, backward and update.

use std::ops::Range;
use std::time::{Duration, Instant};

use convnet_kernels::{self as kernels, Adam, Arena, Isa, Pool, Sgd, Update};

use super::backward::{BackRun, BackStep, Write, part, plan};
use super::forward::{Kind, Program, Run, Saved, mix};
use super::lifetime::place;
use super::lower::Mode;
use super::memory;
use super::profile::{PlanStep, StepTimes};
use super::statistics::Statistics;
use super::weights::{Matrix, check, read};
use super::{ExecError, Options};
use crate::graph::{Graph, NodeId, Shape};
use crate::ops::ParamSpec;
use crate::state::{StateDict, Tensor, TensorSource};

/// How parameters are updated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Stochastic gradient descent, PyTorch's `optim.SGD`.
    Sgd {
        /// Share of the old velocity.
        momentum: f32,
        /// Whether the step looks ahead.
        nesterov: bool,
        /// L2 penalty.
        weight_decay: f32,
    },
    /// Adam, PyTorch's `optim.Adam`, or `optim.AdamW` where `decoupled`.
    Adam {
        /// Decay of the mean of gradients.
        beta1: f32,
        /// Decay of the mean of their squares.
        beta2: f32,
        /// Added to the root of the latter.
        eps: f32,
        /// L2 penalty, or decoupled decay.
        weight_decay: f32,
        /// Whether decay acts on the parameters and not through the gradient.
        decoupled: bool,
    },
}

impl Optimizer {
    /// The names of its buffers, as PyTorch calls them.
    fn buffers(self) -> &'static [&'static str] {
        match self {
            Self::Sgd { momentum: 0.0, .. } => &[],
            Self::Sgd { .. } => &["momentum_buffer"],
            Self::Adam { .. } => &["exp_avg", "exp_avg_sq"],
        }
    }

    /// Update number `step`, from 1.
    fn at(self, step: u64, lr: f32) -> Update {
        match self {
            Self::Sgd { momentum, nesterov, weight_decay } => {
                Update::sgd(Sgd { lr, momentum, weight_decay, nesterov })
            }
            Self::Adam { beta1, beta2, eps, weight_decay, decoupled } => {
                Update::adam(Adam { lr, beta1, beta2, eps, weight_decay, decoupled }, step)
            }
        }
    }
}

/// What a step gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// The mean cross-entropy of the batch, auxiliary outputs with their weights included.
    pub loss: f64,
    /// Images whose largest logit is their label's.
    pub correct: usize,
}

/// A parameter's place in the flat buffers.
#[derive(Clone, Debug)]
struct Parameter {
    spec: ParamSpec,
    range: Range<usize>,
    matrix: Option<Matrix>,
}

/// An output that the loss reads: the logits' value, their number and the weight.
#[derive(Clone, Debug)]
struct Loss {
    value: NodeId,
    shape: Shape,
    weight: f32,
    write: Write,
}

/// A network in training: its weights, its optimizer's state and the memory of one step.
#[derive(Debug)]
pub struct Learner {
    program: Program,
    pool: Pool,
    arena: Arena,
    offsets: Vec<usize>,
    gradients_at: Vec<usize>,
    losses: Vec<Loss>,
    back: Vec<BackStep>,
    saved: Vec<Saved>,
    statistics: Statistics,
    table: Vec<Parameter>,
    /// Scales and shifts that training leaves alone.
    fixed: Vec<Parameter>,
    parameters: Arena,
    gradients: Arena,
    /// The optimizer's buffers, laid out like the parameters.
    moments: Vec<Arena>,
    /// The parameters that are updated after the backward pass.
    rest: Vec<Range<usize>>,
    /// Running mean and variance of each step that has them.
    running: Vec<[Vec<f32>; 2]>,
    scratch: Arena,
    /// Where the scratch of Winograd convolutions starts in the arena, and room for transformed weights.
    winograd_at: usize,
    transformed: Arena,
    batch: usize,
    optimizer: Optimizer,
    seed: u64,
    steps: u64,
}

impl Learner {
    /// Compiles a network for training on up to `batch` images a step, from the weights of `state`; `seed`
    /// drives dropout.
    ///
    /// # Errors
    /// If a weight is missing or has another shape, or the engine cannot train a layer.
    pub fn compile(
        graph: &Graph,
        state: &dyn TensorSource,
        batch: usize,
        optimizer: Optimizer,
        seed: u64,
        options: &Options,
    ) -> Result<Self, ExecError> {
        if batch == 0 {
            return Err(ExecError::EmptyBatch);
        }
        let isa = options.isa()?;
        let logits: Vec<NodeId> = graph.outputs().iter().map(|o| graph.logits(o.node)).collect();
        for &id in &logits {
            let node = graph.node(id);
            if !matches!(node.shape, Shape::Vector { .. }) {
                return Err(ExecError::Unsupported {
                    path: node.path.clone(),
                    op: node.op.name(),
                    reason: format!(
                        "training takes a vector of logits, not a map of {}; end the network with Flatten",
                        node.shape
                    ),
                });
            }
        }
        let program = Program::new(graph, &logits, Mode::Train, (isa, batch), options)?;
        let values: Vec<NodeId> =
            logits.iter().map(|id| program.lowered.value[id.index()].unwrap_or(*id)).collect();
        let (writes, back) = plan(&program, &values);
        let losses = graph
            .outputs()
            .iter()
            .zip(values.iter().zip(writes))
            .map(|(output, (&value, write))| Loss {
                value,
                shape: graph.node(value).shape,
                weight: output.loss_weight,
                write,
            })
            .collect::<Vec<_>>();
        let too_large = ExecError::TooLarge { batch };
        let (lifetimes, split) =
            memory::training(&program, &values, &back, batch).ok_or(too_large.clone())?;
        let (places, total) = place(&lifetimes).ok_or(too_large)?;
        let flat = program.parameters;
        let pool = Pool::new(options.threads);
        let (room, transformed) = program.winograd_room(pool.threads(), batch, &back);
        let winograd_at = total.next_multiple_of(16);
        let (table, fixed) =
            table(&program).into_iter().partition(|parameter| parameter.spec.kind.trainable());
        let mut learner = Self {
            pool,
            arena: Arena::new(winograd_at + room),
            winograd_at,
            transformed: Arena::new(transformed),
            offsets: places[..split].to_vec(),
            gradients_at: places[split..].to_vec(),
            losses,
            saved: program.saved(batch),
            statistics: Statistics::new(&program),
            table,
            fixed,
            parameters: Arena::new(flat),
            gradients: Arena::new(flat),
            moments: optimizer.buffers().iter().map(|_| Arena::new(flat)).collect(),
            rest: rest(&program),
            running: running(&program),
            scratch: Arena::new(program.scratch(&back)),
            back,
            program,
            batch,
            optimizer,
            seed,
            steps: 0,
        };
        learner.load(state)?;
        Ok(learner)
    }

    /// Keeps every element in dropout layers from now on, as PyTorch does with a probability of 0.
    pub fn without_dropout(mut self) -> Self {
        for step in &mut self.program.steps {
            if let Kind::Dropout { p, .. } = &mut step.kind {
                *p = 0.0;
            }
        }
        self
    }

    /// The largest batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.program.isa
    }

    /// Threads in use.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// Bytes of activations and their gradients that the plan allocates.
    pub fn activation_bytes(&self) -> usize {
        4 * self.arena.len()
    }

    /// Steps done: Adam's bias correction and dropout count from it.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// One forward, backward and update on images (N, C, H, W) and their labels, 1 ≤ N ≤ batch.
    ///
    /// # Panics
    /// If there are not as many labels as images, more than the batch, or a label is not a class.
    pub fn step(&mut self, images: &[f32], labels: &[u32], lr: f32) -> StepReport {
        self.advance(images, labels, lr, None)
    }

    /// What runs, kernel by kernel, in the order of the forward pass.
    pub fn plan(&self) -> Vec<PlanStep> {
        let mut plan = self.program.describe();
        for back in &self.back {
            plan[back.step].backward = self.program.describe_backward(back);
        }
        plan
    }

    /// As [`Learner::step`]; adds the times of its parts to `times`.
    ///
    /// # Panics
    /// As [`Learner::step`].
    pub fn profile(&mut self, images: &[f32], labels: &[u32], lr: f32, times: &mut StepTimes) -> StepReport {
        times.forward.resize(self.program.steps.len(), Duration::ZERO);
        times.backward.resize(self.program.steps.len(), Duration::ZERO);
        self.advance(images, labels, lr, Some(times))
    }

    fn advance(
        &mut self,
        images: &[f32],
        labels: &[u32],
        lr: f32,
        mut times: Option<&mut StepTimes>,
    ) -> StepReport {
        let update = self.optimizer.at(self.steps + 1, lr);
        let report = self.backward(images, labels, Some(update), times.as_deref_mut());
        let start = Instant::now();
        self.update(labels.len(), update);
        if let Some(times) = times {
            times.update += start.elapsed();
        }
        report
    }

    /// Updates what the backward pass did not update on its way.
    fn update(&mut self, n: usize, update: Update) {
        self.update_running(n);
        self.steps += 1;
        let (parameters, gradients) = (self.parameters.as_mut_slice(), self.gradients.as_slice());
        let mut moments = moments(&mut self.moments);
        for range in &self.rest {
            let (parameters, gradients) = (&mut parameters[range.clone()], &gradients[range.clone()]);
            let moments = part(&mut moments, range);
            update.apply(&self.pool, self.program.isa, parameters, gradients, moments);
        }
    }

    /// The loss and every parameter's gradient, under PyTorch's names; nothing is updated.
    ///
    /// # Panics
    /// As [`Learner::step`].
    pub fn gradients(&mut self, images: &[f32], labels: &[u32]) -> (StepReport, StateDict) {
        let report = self.backward(images, labels, None, None);
        (report, unpack(&self.table, self.gradients.as_slice(), ""))
    }

    /// What the next step's dropout multiplies an element of a layer's input with; `index` counts in row-major
    /// (N, C, H, W) or (N, F) order, for a `Dropout1d` its vectors.
    ///
    /// # Panics
    /// If the node is not a dropout layer of this network.
    pub fn dropout_scale(&self, node: NodeId, index: usize) -> f32 {
        let key = mix(self.seed ^ mix(self.steps));
        self.program.dropout_scale(key, node, index)
    }

    /// Forward, loss and backward; leaves the gradients in their flat buffer, but for those that `update` applies
    /// to a Linear's weights on the way.
    fn backward(
        &mut self,
        images: &[f32],
        labels: &[u32],
        update: Option<Update>,
        mut times: Option<&mut StepTimes>,
    ) -> StepReport {
        let n = labels.len();
        let size = self.program.graph.input_shape().elements();
        assert!(
            images.len() == n * size && (1..=self.batch).contains(&n),
            "{} floats and {n} labels are not 1 to {} images of {size}",
            images.len(),
            self.batch
        );
        let key = mix(self.seed ^ mix(self.steps));
        let mut run = Run {
            pool: &self.pool,
            arena: &mut self.arena,
            offsets: &self.offsets,
            parameters: self.parameters.as_slice(),
            halves: &[],
            images,
            scratch: self.winograd_at,
            transformed: self.transformed.as_mut_slice(),
            statistics: Some(&mut self.statistics),
            n,
            key,
        };
        for (i, (step, saved)) in self.program.steps.iter().zip(&mut self.saved).enumerate() {
            let start = times.as_ref().map(|_| Instant::now());
            self.program.forward(&mut run, step, Some(saved));
            if let (Some(times), Some(start)) = (&mut times, start) {
                times.forward[i] += start.elapsed();
            }
        }
        let mut run = BackRun {
            pool: &self.pool,
            arena: &mut self.arena,
            offsets: &self.offsets,
            gradients_at: &self.gradients_at,
            parameters: self.parameters.as_mut_slice(),
            gradients: self.gradients.as_mut_slice(),
            update,
            moments: moments(&mut self.moments),
            scratch: self.scratch.as_mut_slice(),
            winograd_at: self.winograd_at,
            transformed: self.transformed.as_mut_slice(),
            statistics: &self.statistics,
            n,
            key,
        };
        let mut report = StepReport { loss: 0.0, correct: 0 };
        for (i, loss) in self.losses.iter().enumerate() {
            self.program.fill(&mut run, &loss.write.fill);
            let logits = self.program.view(&self.offsets, loss.value, loss.shape, n);
            let gradient = self.program.view(&self.gradients_at, loss.value, loss.shape, n);
            let (value, correct) = kernels::cross_entropy(
                run.arena,
                [logits, gradient],
                kernels::Targets::Classes(labels),
                None,
                loss.weight,
                loss.write.accumulate,
            );
            report.loss += f64::from(loss.weight) * value;
            if i == 0 {
                report.correct = correct;
            }
        }
        for back in &self.back {
            let start = times.as_ref().map(|_| Instant::now());
            self.program.backward(&mut run, back, &self.saved[back.step]);
            if let (Some(times), Some(start)) = (&mut times, start) {
                times.backward[back.step] += start.elapsed();
            }
        }
        report
    }

    /// running = (1 − momentum)·running + momentum·batch, with the unbiased variance.
    fn update_running(&mut self, n: usize) {
        for (step, [mean, variance]) in self.program.steps.iter().zip(&mut self.running) {
            let Kind::BatchNorm { momentum, .. } = step.kind else { continue };
            let (height, width) = step.stage.shapes[0].spatial();
            let count = (n * height * width) as f32;
            let unbiased = if count > 1.0 { count / (count - 1.0) } else { 1.0 };
            let update = |old: &mut f32, new: f32| *old = (1.0 - momentum) * *old + momentum * new;
            let [new_mean, new_variance] =
                self.statistics.of(self.program.storage.slot(step.stage.inputs[0]));
            mean.iter_mut().zip(new_mean).for_each(|(old, new)| update(old, *new));
            variance.iter_mut().zip(new_variance).for_each(|(old, new)| update(old, new * unbiased));
        }
    }

    /// All parameters and running statistics, under PyTorch's names and in its layouts.
    pub fn state_dict(&self) -> StateDict {
        let mut state = unpack(&self.table, self.parameters.as_slice(), "");
        state.extend(unpack(&self.fixed, self.parameters.as_slice(), ""));
        for (step, running) in self.program.steps.iter().zip(&self.running) {
            for (spec, values) in running_specs(&self.program, step.stage.node).iter().zip(running) {
                state.insert(spec.name.clone(), Tensor { shape: spec.shape.clone(), data: values.clone() });
            }
        }
        state
    }

    /// Replaces all parameters and running statistics.
    ///
    /// # Errors
    /// If one is missing or has another shape; nothing is replaced then.
    pub fn load(&mut self, state: &dyn TensorSource) -> Result<(), ExecError> {
        for spec in self.program.graph.parameters() {
            check(state, &spec)?;
        }
        for parameter in self.table.iter().chain(&self.fixed) {
            pack(&self.pool, parameter, (state, &parameter.spec), self.parameters.as_mut_slice())?;
        }
        for (step, running) in self.program.steps.iter().zip(&mut self.running) {
            for (spec, values) in running_specs(&self.program, step.stage.node).iter().zip(running) {
                read(state, spec, values)?;
            }
        }
        Ok(())
    }

    /// What a checkpoint needs besides the state dict: the steps done, and the optimizer's buffers named
    /// `PARAMETER/BUFFER` (`features.0.weight/exp_avg`).
    pub fn optimizer_state(&self) -> (u64, StateDict) {
        let mut state = StateDict::new();
        for (name, moment) in self.optimizer.buffers().iter().zip(&self.moments) {
            state.extend(unpack(&self.table, moment.as_slice(), &format!("/{name}")));
        }
        (self.steps, state)
    }

    /// Replaces the step count and the optimizer's buffers.
    ///
    /// # Errors
    /// If a buffer is missing or has another shape; nothing is replaced then.
    pub fn load_optimizer_state(&mut self, steps: u64, state: &StateDict) -> Result<(), ExecError> {
        let spec = |parameter: &Parameter, buffer: &str| ParamSpec {
            name: format!("{}/{buffer}", parameter.spec.name),
            ..parameter.spec.clone()
        };
        for buffer in self.optimizer.buffers() {
            for parameter in &self.table {
                check(state, &spec(parameter, buffer))?;
            }
        }
        for (buffer, moment) in self.optimizer.buffers().iter().zip(&mut self.moments) {
            for parameter in &self.table {
                let spec = spec(parameter, buffer);
                pack(&self.pool, parameter, (state, &spec), moment.as_mut_slice())?;
            }
        }
        self.steps = steps;
        Ok(())
    }
}

/// A flat buffer as tensors, by parameter name and suffix.
fn unpack(table: &[Parameter], flat: &[f32], suffix: &str) -> StateDict {
    let tensor = |parameter: &Parameter| {
        let source = &flat[parameter.range.clone()];
        let mut data = vec![0.0; parameter.spec.elements()];
        match &parameter.matrix {
            Some(matrix) => matrix.unpack(source, &mut data),
            None => data.copy_from_slice(source),
        }
        (format!("{}{suffix}", parameter.spec.name), Tensor { shape: parameter.spec.shape.clone(), data })
    };
    table.iter().map(tensor).collect()
}

/// The optimizer's buffers as the kernels take them: two, empty where it keeps fewer.
fn moments(buffers: &mut [Arena]) -> [&mut [f32]; 2] {
    let mut buffers = buffers.iter_mut().map(Arena::as_mut_slice);
    [(); 2].map(|()| buffers.next().unwrap_or_default())
}

/// The flat parameters that are updated after the backward pass: without the weights of Linear layers, which it
/// updates itself, and without those that stay as they are.
fn rest(program: &Program) -> Vec<Range<usize>> {
    let mut rest = Vec::new();
    let mut start = 0;
    for step in &program.steps {
        let end = match (&step.kind, &step.bias) {
            (Kind::Linear { .. }, _) => step.weight.end,
            (Kind::Affine, Some(bias)) => bias.end,
            _ => continue,
        };
        rest.push(start..step.weight.start);
        start = end;
    }
    rest.push(start..program.parameters);
    rest.retain(|range| !range.is_empty());
    rest
}

fn pack(
    pool: &Pool,
    parameter: &Parameter,
    (state, spec): (&dyn TensorSource, &ParamSpec),
    flat: &mut [f32],
) -> Result<(), ExecError> {
    let target = &mut flat[parameter.range.clone()];
    match &parameter.matrix {
        Some(matrix) => matrix.pack(pool, (state, &spec.name), target, None),
        None => read(state, spec, target),
    }
}

/// What the steps keep in the flat parameters, and where.
fn table(program: &Program) -> Vec<Parameter> {
    let mut table = Vec::new();
    for step in &program.steps {
        let matrix = match &step.kind {
            Kind::Conv { matrix, .. } | Kind::Linear { matrix, .. } => Some(matrix.clone()),
            _ => None,
        };
        let ranges = [Some(step.weight.clone()), step.bias.clone()];
        let mut specs = program.graph.node_parameters(step.stage.node);
        specs.retain(|spec| !spec.kind.is_running());
        for ((spec, range), matrix) in specs.into_iter().zip(ranges.into_iter().flatten()).zip([matrix, None])
        {
            table.push(Parameter { spec, range, matrix });
        }
    }
    table
}

fn running_specs(program: &Program, node: NodeId) -> Vec<ParamSpec> {
    let mut specs = program.graph.node_parameters(node);
    specs.retain(|spec| spec.kind.is_running());
    specs
}

fn running(program: &Program) -> Vec<[Vec<f32>; 2]> {
    let buffers = |step: &super::forward::Step| match step.kind {
        Kind::BatchNorm { .. } => {
            let channels = step.stage.shapes[0].channels();
            [vec![0.0; channels], vec![1.0; channels]]
        }
        _ => [Vec::new(), Vec::new()],
    };
    program.steps.iter().map(buffers).collect()
}
