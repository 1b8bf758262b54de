//! Training: an open step, whose gradients can be seen and changed before they are applied.

mod batch;
mod freezing;
mod images;
mod joint;

use std::borrow::Cow;

use convnet_kernels::{Clock, Isa};

pub use self::freezing::Savings;

use super::{Device, Images, Options, RunError, Target};
use crate::graph::{Graph, NodeId, Shape};
use crate::ops::{Op, ParamSpec};
use crate::optim::{Frozen, Optimizer, ParameterGroups};
use crate::plan::{CompileError, Plan, PlanStep, StepReport, StepTimes};
use crate::state::{StateDict, Tensor, TensorSource, add_aliases};
use crate::{cpu, gpu};

/// A network in training: its weights, its optimizer's state and the memory of one step.
///
/// A step is [`TrainingStep::forward_backward`], whatever is to be done with the gradients, and
/// [`TrainingStep::apply`]; or [`TrainingStep::step`], which is both at once and faster where nobody needs the
/// gradients: the weights of Linear layers are updated while their gradient is in the cache.
///
/// ```
/// use convnet::exec::{Options, Target, TrainingStep};
/// use convnet::optim::{Optimizer, ParameterGroup, ParameterGroups, Select};
/// use convnet::{state, zoo};
///
/// let net = zoo::lenet().build()?;
/// let weights = state::initialize(&net, 0);
/// let mut training = TrainingStep::compile(&net, &weights, 4, Optimizer::sgd(), 0, &Options::default())?;
/// let groups = ParameterGroups::new(
///     &net.parameters(),
///     &[ParameterGroup::new(Select::All).weight_decay(5e-4), ParameterGroup::new(Select::Biases).weight_decay(0.0)],
/// )?;
/// let images = vec![0.5; 4 * net.input_shape().elements()];
/// let report = training.forward_backward(&images, &[1, 2, 3, 4])?;
/// training.clip_norm(&groups, 1.0)?;
/// training.apply(&groups, 0.01)?;
/// assert!(report.loss > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TrainingStep {
    compiled: Compiled,
    classes: usize,
    /// The first batch normalization of maps of one pixel: of one image it sees one value a channel.
    normalizes_pixels: Option<String>,
    frozen: Frozen,
    options: Options,
}

/// The network on its device.
#[derive(Debug)]
enum Compiled {
    Cpu(Box<cpu::Training>),
    Gpu(Box<gpu::Training>),
}

/// An exponential moving average of weights and running statistics: average += (weights − average)·(1 − decay).
#[derive(Clone, Debug)]
pub struct Ema {
    decay: f32,
    average: Average,
}

#[derive(Clone, Debug)]
enum Average {
    Cpu(cpu::Average),
    Gpu(gpu::Average),
}

/// What a GPU that is alive gives.
fn alive<T>(result: Result<T, CompileError>) -> T {
    result.unwrap_or_else(|error| panic!("the GPU failed: {error}"))
}

/// The first batch normalization of maps of one pixel that training runs through with the batch's statistics.
fn normalizes_pixels(graph: &Graph, frozen: &Frozen) -> Option<String> {
    let outputs: Vec<NodeId> = graph.outputs().iter().map(|output| output.node).collect();
    let live = graph.reachable(&outputs);
    let pixel = |id: &NodeId| {
        let node = graph.node(*id);
        live[id.index()]
            && matches!(node.op, Op::BatchNorm2d(_))
            && node.shape.spatial() == (1, 1)
            && !frozen.keeps_statistics(&graph.node_parameters(*id))
    };
    graph.ids().find(pixel).map(|id| graph.node(id).path.clone())
}

fn other_device() -> ! {
    panic!("a moving average of a training on another device")
}

impl TrainingStep {
    /// Compiles a network for training on up to `batch` images a step, from the weights of `state`; `seed`
    /// drives dropout.
    ///
    /// # Errors
    /// If a weight is missing or has another shape, the device cannot train a layer, or the machine has no memory for training and
    /// a batch of images: the error tells the largest batch that fits. Nothing is allocated then.
    pub fn compile(
        graph: &Graph,
        state: &dyn TensorSource,
        batch: usize,
        optimizer: Optimizer,
        seed: u64,
        options: &Options,
    ) -> Result<Self, CompileError> {
        Self::compile_frozen(graph, (state, &Frozen::default()), batch, (optimizer, seed), options)
    }

    /// As [`TrainingStep::compile`], but what is frozen stays as it is: no gradient of it is computed, none below the
    /// deepest layer that learns, and no memory is kept for them. A GPU does so for convolutions, Linear layers and normalizations
    /// that keep their statistics, and leaves all else that is frozen alone.
    ///
    /// # Errors
    /// As [`TrainingStep::compile`]; also if everything is frozen.
    pub fn compile_frozen(
        graph: &Graph,
        (state, frozen): (&dyn TensorSource, &Frozen),
        batch: usize,
        (optimizer, seed): (Optimizer, u64),
        options: &Options,
    ) -> Result<Self, CompileError> {
        freezing::check(graph, frozen)?;
        if let Some([name, first]) = graph.apart.clone() {
            return Err(CompileError::Apart { name, first });
        }
        for output in graph.outputs() {
            let node = graph.node(graph.logits(output.node));
            if !matches!(node.shape, Shape::Vector { .. }) {
                let reason = format!(
                    "training takes a vector of logits, not a map of {}; end the network with Flatten",
                    node.shape
                );
                return Err(CompileError::unsupported(node, reason));
            }
        }
        let compiled = match options.device {
            Device::Cpu => {
                let training = cpu::Training::new(graph, state, batch, (optimizer, frozen, seed), options)?;
                Compiled::Cpu(Box::new(training))
            }
            Device::Gpu(index) => {
                let at = (batch, index);
                let training = gpu::Training::new(graph, state, at, (optimizer, frozen, seed), options)?;
                Compiled::Gpu(Box::new(training))
            }
        };
        Ok(Self {
            compiled,
            classes: graph.classes(),
            normalizes_pixels: normalizes_pixels(graph, frozen),
            frozen: frozen.clone(),
            options: *options,
        })
    }

    /// Whether [`TrainingStep::compile`] can train a network and the machine has the memory for it, its weights beside the
    /// packed ones included: to be asked before weights are drawn or read. Of a GPU compiling tells.
    ///
    /// # Errors
    /// As [`TrainingStep::compile`], weights aside.
    pub fn check(
        graph: &Graph,
        batch: usize,
        optimizer: Optimizer,
        options: &Options,
    ) -> Result<(), CompileError> {
        Self::check_frozen(graph, &Frozen::default(), batch, optimizer, options)
    }

    /// As [`TrainingStep::check`], for [`TrainingStep::compile_frozen`].
    ///
    /// # Errors
    /// As [`TrainingStep::compile_frozen`], weights aside.
    pub fn check_frozen(
        graph: &Graph,
        frozen: &Frozen,
        batch: usize,
        optimizer: Optimizer,
        options: &Options,
    ) -> Result<(), CompileError> {
        freezing::check(graph, frozen)?;
        match options.device {
            Device::Cpu => cpu::Training::check(graph, batch, (optimizer, frozen), options),
            Device::Gpu(_) => Ok(()),
        }
    }

    /// Whether a step can learn from so many images: a batch normalization takes the mean of at least two values.
    ///
    /// # Errors
    /// If there is no image, more than the batch, or a normalization sees one value a channel; the error names it.
    pub fn check_images(&self, images: usize) -> Result<(), RunError> {
        let (batch, image) = (self.batch(), self.plan_value().graph.input_shape().elements());
        if !(1..=batch).contains(&images) {
            return Err(RunError::Images { floats: images.saturating_mul(image), image, batch });
        }
        match &self.normalizes_pixels {
            Some(path) if images == 1 => Err(RunError::OneValue { path: path.clone() }),
            _ => Ok(()),
        }
    }

    /// Keeps every element in dropout layers from now on, as PyTorch does with a probability of 0.
    pub fn without_dropout(mut self) -> Self {
        match &mut self.compiled {
            Compiled::Cpu(training) => training.disable_dropout(),
            Compiled::Gpu(training) => training.disable_dropout(),
        }
        self
    }

    /// The largest batch.
    pub fn batch(&self) -> usize {
        self.plan_value().batch
    }

    /// The device it runs on.
    pub fn device(&self) -> Device {
        match &self.compiled {
            Compiled::Cpu(_) => Device::Cpu,
            Compiled::Gpu(training) => Device::Gpu(training.index()),
        }
    }

    /// The instruction set in use; with a GPU the best one of the processor beside it.
    pub fn isa(&self) -> Isa {
        match &self.compiled {
            Compiled::Cpu(training) => training.isa(),
            Compiled::Gpu(_) => Isa::best(),
        }
    }

    /// Tells the time that its calls take, if they are rehearsed ([`Options::rehearse`]) that of so many threads; `None` on a GPU.
    pub fn clock(&self) -> Option<Clock> {
        match &self.compiled {
            Compiled::Cpu(training) => Some(training.clock()),
            Compiled::Gpu(_) => None,
        }
    }

    /// Threads in use; one that feeds a GPU.
    pub fn threads(&self) -> usize {
        match &self.compiled {
            Compiled::Cpu(training) => training.threads(),
            Compiled::Gpu(_) => 1,
        }
    }

    /// Bytes of activations and their gradients that the plan allocates.
    pub fn activation_bytes(&self) -> usize {
        match &self.compiled {
            Compiled::Cpu(training) => training.activation_bytes(),
            Compiled::Gpu(training) => training.activation_bytes(),
        }
    }

    /// Microseconds of the card's work of a step of `n` images, if the last was one: the least and the median of `count`
    /// steps, which change the weights as every step does. `None` on the CPU.
    ///
    /// # Errors
    /// If the GPU fails.
    pub fn device_time(&mut self, n: usize, count: usize) -> Result<Option<(f32, f32)>, RunError> {
        match &mut self.compiled {
            Compiled::Cpu(_) => Ok(None),
            Compiled::Gpu(training) => Ok(training.time(n, count)?),
        }
    }

    /// Updates done: Adam's bias correction and dropout count from it.
    pub fn steps(&self) -> u64 {
        match &self.compiled {
            Compiled::Cpu(training) => training.steps(),
            Compiled::Gpu(training) => training.steps(),
        }
    }

    /// What runs, kernel by kernel, in the order of the forward pass.
    pub fn plan(&self) -> Vec<PlanStep> {
        match &self.compiled {
            Compiled::Cpu(training) => training.describe(),
            Compiled::Gpu(training) => training.describe(),
        }
    }

    /// The plan as text: each stage with its kernel and the memory that it reads and writes, and the backward pass.
    pub fn plan_text(&self) -> String {
        self.plan_value().text(&self.plan())
    }

    fn plan_value(&self) -> &Plan {
        match &self.compiled {
            Compiled::Cpu(training) => training.plan(),
            Compiled::Gpu(training) => training.plan(),
        }
    }

    /// The trainable parameters, in the order of the network.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = &ParamSpec> {
        let specs: Box<dyn ExactSizeIterator<Item = &ParamSpec>> = match &self.compiled {
            Compiled::Cpu(training) => Box::new(training.specs()),
            Compiled::Gpu(training) => Box::new(training.specs()),
        };
        specs
    }

    /// Groups of these parameters that treat all alike: the step's rate, the optimizer's decay. What is frozen stays so.
    pub fn uniform_groups(&self) -> ParameterGroups {
        ParameterGroups::uniform(&self.parameters().cloned().collect::<Vec<_>>())
    }

    /// Forward, loss and backward on images (N, C, H, W), 1 ≤ N ≤ batch, and what they shall be taken for. The gradients
    /// take the place of the last ones; running statistics take the batch in, parameters stay. Nothing is learned from a
    /// loss that is not finite on the CPU: gradients, statistics and weights stay what they were.
    ///
    /// # Errors
    /// If the images are not 1 to batch whole ones or are elsewhere, or the target does not fit them.
    pub fn forward_backward<'a>(
        &mut self,
        images: impl Into<Images<'a>>,
        target: impl Into<Target<'a>>,
    ) -> Result<StepReport, RunError> {
        let batch = self.checked(images.into(), target.into())?;
        match &mut self.compiled {
            Compiled::Cpu(training) => Ok(training.forward_backward(batch.cpu())),
            Compiled::Gpu(training) => Ok(training.forward_backward(batch.gpu())?),
        }
    }

    /// As [`TrainingStep::forward_backward`], but the gradients are added to those that are there: the sum over several
    /// batches. Scale them by one over their number ([`TrainingStep::scale_gradients`]) for the mean.
    ///
    /// # Errors
    /// As [`TrainingStep::forward_backward`]; also if there is no memory for a second set of gradients.
    pub fn accumulate<'a>(
        &mut self,
        images: impl Into<Images<'a>>,
        target: impl Into<Target<'a>>,
    ) -> Result<StepReport, RunError> {
        let batch = self.checked(images.into(), target.into())?;
        match &mut self.compiled {
            Compiled::Cpu(training) => Ok(training.accumulate(batch.cpu())?),
            Compiled::Gpu(training) => Ok(training.accumulate(batch.gpu())?),
        }
    }

    /// Updates the parameters by the gradients, at a learning rate.
    ///
    /// # Errors
    /// If the groups are those of another network.
    pub fn apply(&mut self, groups: &ParameterGroups, rate: f32) -> Result<(), RunError> {
        let groups = &*self.checked_groups(groups)?;
        match &mut self.compiled {
            Compiled::Cpu(training) => training.apply(groups, rate),
            Compiled::Gpu(training) => training.apply(groups, rate)?,
        }
        Ok(())
    }

    /// [`TrainingStep::forward_backward`] and [`TrainingStep::apply`] at once, to the same bits. Afterwards the gradients of
    /// Linear weights are not there to be seen.
    ///
    /// # Errors
    /// As both.
    pub fn step<'a>(
        &mut self,
        images: impl Into<Images<'a>>,
        target: impl Into<Target<'a>>,
        groups: &ParameterGroups,
        rate: f32,
    ) -> Result<StepReport, RunError> {
        let batch = self.checked(images.into(), target.into())?;
        let groups = &*self.checked_groups(groups)?;
        match &mut self.compiled {
            Compiled::Cpu(training) => Ok(training.step(batch.cpu(), groups, rate, None)),
            Compiled::Gpu(training) => Ok(training.step(batch.gpu(), groups, rate, None)?),
        }
    }

    /// As [`TrainingStep::step`]; adds the times of its parts to `times`.
    ///
    /// # Errors
    /// As [`TrainingStep::step`].
    pub fn profile<'a>(
        &mut self,
        images: impl Into<Images<'a>>,
        target: impl Into<Target<'a>>,
        (groups, rate): (&ParameterGroups, f32),
        times: &mut StepTimes,
    ) -> Result<StepReport, RunError> {
        let batch = self.checked(images.into(), target.into())?;
        let groups = &*self.checked_groups(groups)?;
        match &mut self.compiled {
            Compiled::Cpu(training) => Ok(training.step(batch.cpu(), groups, rate, Some(times))),
            Compiled::Gpu(training) => Ok(training.step(batch.gpu(), groups, rate, Some(times))?),
        }
    }

    /// The loss and every parameter's gradient, under PyTorch's names and in its layouts; nothing is updated, running
    /// statistics included.
    ///
    /// # Errors
    /// As [`TrainingStep::forward_backward`].
    pub fn gradients<'a>(
        &mut self,
        images: impl Into<Images<'a>>,
        target: impl Into<Target<'a>>,
    ) -> Result<(StepReport, StateDict), RunError> {
        let batch = self.checked(images.into(), target.into())?;
        match &mut self.compiled {
            Compiled::Cpu(training) => {
                let report = training.probe(batch.cpu());
                Ok((report, training.gradients()))
            }
            Compiled::Gpu(training) => {
                let report = training.probe(batch.gpu())?;
                Ok((report, training.gradients()?))
            }
        }
    }

    /// The gradient of a parameter as a flat buffer, in the device's own layout: all elements, in an order of the
    /// device's, with zeros between.
    ///
    /// # Errors
    /// If there is no trainable parameter of that name, or it is frozen.
    pub fn gradient(&self, name: &str) -> Result<&[f32], RunError> {
        let parameter = self.parameter(name)?;
        match &self.compiled {
            Compiled::Cpu(training) => Ok(training.gradient(parameter)),
            Compiled::Gpu(training) => Ok(training.gradient(parameter)?),
        }
    }

    /// The same, to change. Zeros between elements must stay zeros.
    ///
    /// # Errors
    /// As [`TrainingStep::gradient`].
    pub fn gradient_mut(&mut self, name: &str) -> Result<&mut [f32], RunError> {
        let parameter = self.parameter(name)?;
        match &mut self.compiled {
            Compiled::Cpu(training) => Ok(training.gradient_mut(parameter)),
            Compiled::Gpu(training) => Ok(training.gradient_mut(parameter)?),
        }
    }

    /// The gradient of a parameter in PyTorch's layout.
    ///
    /// # Errors
    /// As [`TrainingStep::gradient`].
    pub fn gradient_tensor(&self, name: &str) -> Result<Tensor, RunError> {
        let parameter = self.parameter(name)?;
        match &self.compiled {
            Compiled::Cpu(training) => Ok(training.gradient_tensor(parameter)),
            Compiled::Gpu(training) => Ok(training.gradient_tensor(parameter)?),
        }
    }

    /// √Σ g² over the gradients of the parameters that are not frozen.
    ///
    /// # Errors
    /// If the groups are those of another network.
    pub fn gradient_norm(&self, groups: &ParameterGroups) -> Result<f64, RunError> {
        let groups = &*self.checked_groups(groups)?;
        match &self.compiled {
            Compiled::Cpu(training) => Ok(training.gradient_norm(groups)),
            Compiled::Gpu(training) => Ok(training.gradient_norm(groups)?),
        }
    }

    /// Multiplies the gradients of the parameters that are not frozen.
    ///
    /// # Errors
    /// If the groups are those of another network.
    pub fn scale_gradients(&mut self, groups: &ParameterGroups, factor: f32) -> Result<(), RunError> {
        let groups = &*self.checked_groups(groups)?;
        match &mut self.compiled {
            Compiled::Cpu(training) => training.scale_gradients(groups, factor),
            Compiled::Gpu(training) => training.scale_gradients(groups, factor)?,
        }
        Ok(())
    }

    /// Scales the gradients down so that their norm is at most `limit`, as PyTorch's `clip_grad_norm_` does; gives the norm
    /// before.
    ///
    /// # Errors
    /// If the groups are those of another network.
    pub fn clip_norm(&mut self, groups: &ParameterGroups, limit: f32) -> Result<f64, RunError> {
        let norm = self.gradient_norm(groups)?;
        let factor = f64::from(limit) / (norm + 1e-6);
        if factor < 1.0 {
            self.scale_gradients(groups, factor as f32)?;
        }
        Ok(norm)
    }

    /// Brings every gradient within ±limit, as PyTorch's `clip_grad_value_` does.
    ///
    /// # Errors
    /// If the groups are those of another network, or the limit is negative or not a number.
    pub fn clip_value(&mut self, groups: &ParameterGroups, limit: f32) -> Result<(), RunError> {
        let groups = &*self.checked_groups(groups)?;
        if limit.is_nan() || limit < 0.0 {
            return Err(RunError::Value { what: "limit of gradients", index: 0, found: limit });
        }
        match &mut self.compiled {
            Compiled::Cpu(training) => training.clamp_gradients(groups, limit),
            Compiled::Gpu(training) => training.clamp_gradients(groups, limit)?,
        }
        Ok(())
    }

    /// A moving average of the weights that starts at what they are now.
    ///
    /// # Panics
    /// If the GPU fails.
    pub fn ema(&self, decay: f32) -> Ema {
        let average = match &self.compiled {
            Compiled::Cpu(training) => Average::Cpu(training.average()),
            Compiled::Gpu(training) => Average::Gpu(alive(training.average())),
        };
        Ema { decay, average }
    }

    /// Takes the weights of now into an average that this training started.
    ///
    /// # Panics
    /// If the average is of another device or of when something else was frozen, or the GPU fails.
    pub fn update_ema(&self, ema: &mut Ema) {
        self.update_ema_by(ema, ema.decay);
    }

    /// The same with another decay than the average's own, such as a smaller one in the first steps.
    ///
    /// # Panics
    /// As [`TrainingStep::update_ema`].
    pub fn update_ema_by(&self, ema: &mut Ema, decay: f32) {
        let weight = 1.0 - decay;
        match (&self.compiled, &mut ema.average) {
            (Compiled::Cpu(training), Average::Cpu(average)) => training.update_average(average, weight),
            (Compiled::Gpu(training), Average::Gpu(average)) => {
                alive(training.update_average(average, weight));
            }
            (Compiled::Cpu(_), Average::Gpu(_)) | (Compiled::Gpu(_), Average::Cpu(_)) => other_device(),
        }
    }

    /// Gives an average the values of a state dict.
    ///
    /// # Errors
    /// If one is missing or has another shape; nothing is changed then.
    pub fn load_ema(&mut self, ema: &mut Ema, state: &dyn TensorSource) -> Result<(), CompileError> {
        let weights = self.state_dict();
        self.load(state)?;
        *ema = self.ema(ema.decay);
        self.load(&weights)
    }

    /// The averaged parameters and running statistics, under PyTorch's names and in its layouts.
    ///
    /// # Panics
    /// If the average is of another device or of when something else was frozen, or the GPU fails.
    pub fn ema_state_dict(&self, ema: &Ema) -> StateDict {
        let mut state = match (&self.compiled, &ema.average) {
            (Compiled::Cpu(training), Average::Cpu(average)) => training.averaged_state(average),
            (Compiled::Gpu(training), Average::Gpu(average)) => alive(training.averaged_state(average)),
            (Compiled::Cpu(_), Average::Gpu(_)) | (Compiled::Gpu(_), Average::Cpu(_)) => other_device(),
        };
        add_aliases(&self.plan_value().graph, &mut state);
        state
    }

    /// All parameters and running statistics, under PyTorch's names and in its layouts.
    ///
    /// # Panics
    /// If the GPU fails.
    pub fn state_dict(&self) -> StateDict {
        let mut state = match &self.compiled {
            Compiled::Cpu(training) => training.state_dict(),
            Compiled::Gpu(training) => alive(training.state_dict()),
        };
        add_aliases(&self.plan_value().graph, &mut state);
        state
    }

    /// Replaces all parameters and running statistics.
    ///
    /// # Errors
    /// If one is missing or has another shape; nothing is replaced then.
    pub fn load(&mut self, state: &dyn TensorSource) -> Result<(), CompileError> {
        match &mut self.compiled {
            Compiled::Cpu(training) => training.load(state),
            Compiled::Gpu(training) => training.load(state),
        }
    }

    /// What a checkpoint needs besides the state dict: the updates done, and the optimizer's buffers named
    /// `PARAMETER/BUFFER` (`features.0.weight/exp_avg`), numbers that it keeps of each among them
    /// (`features.0.weight/step`).
    ///
    /// # Panics
    /// If the GPU fails.
    pub fn optimizer_state(&self) -> (u64, StateDict) {
        match &self.compiled {
            Compiled::Cpu(training) => training.optimizer_state(),
            Compiled::Gpu(training) => alive(training.optimizer_state()),
        }
    }

    /// Replaces the count of updates and the optimizer's buffers.
    ///
    /// # Errors
    /// If a buffer is missing or has another shape; nothing is replaced then.
    pub fn load_optimizer_state(&mut self, steps: u64, state: &StateDict) -> Result<(), CompileError> {
        match &mut self.compiled {
            Compiled::Cpu(training) => training.load_optimizer_state(steps, state),
            Compiled::Gpu(training) => training.load_optimizer_state(steps, state),
        }
    }

    /// What the next pass's dropout multiplies an element of a layer's input with; `index` counts in row-major
    /// (N, C, H, W) or (N, F) order, for a `Dropout1d` or a `StochasticDepth` images. `None` for a node that is no dropout layer.
    pub fn dropout_scale(&self, node: NodeId, index: usize) -> Option<f32> {
        match &self.compiled {
            Compiled::Cpu(training) => training.dropout_scale(node, index),
            Compiled::Gpu(training) => training.dropout_scale(node, index),
        }
    }

    fn parameter(&self, name: &str) -> Result<usize, RunError> {
        let position = self.parameters().position(|spec| spec.name == name);
        let is_frozen = |at| match &self.compiled {
            Compiled::Cpu(training) => training.is_frozen(at),
            Compiled::Gpu(training) => training.is_frozen(at),
        };
        if position.is_some_and(is_frozen) {
            return Err(RunError::Frozen { name: name.to_owned() });
        }
        position.ok_or_else(|| RunError::Parameter { name: name.to_owned() })
    }

    /// The groups, with what is frozen frozen in them.
    fn checked_groups<'b>(&self, groups: &'b ParameterGroups) -> Result<Cow<'b, ParameterGroups>, RunError> {
        let fit = groups.fit(self.parameters().map(|spec| spec.name.as_str()));
        match fit {
            false => Err(RunError::Groups),
            true if self.frozen.is_empty() => Ok(Cow::Borrowed(groups)),
            true => Ok(Cow::Owned(groups.clone().freezing(&self.frozen))),
        }
    }
}
