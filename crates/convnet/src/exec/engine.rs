//! Inference: a compiled network that callers share, and the memory of each.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use convnet_kernels::{Arena, Clock, Isa};

use super::{Device, Options, Output, RunError};
use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::plan::{CompileError, Mode, Plan, PlanStep};
use crate::state::{Tensor, TensorSource};
use crate::{cpu, gpu};

/// A network compiled for inference: weights packed once, layers fused, for up to `batch` images at a time.
///
/// Clones share everything. [`Engine::run`] may be called from many threads; each call takes the memory of an idle
/// [`Session`] or makes one. The threads of the engine help one caller at a time, the others compute alone.
#[derive(Clone, Debug)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    compiled: Compiled,
    idle: Mutex<Vec<Memory>>,
}

/// The network on its device.
#[derive(Debug)]
enum Compiled {
    Cpu(Box<cpu::Inference>),
    Gpu(Box<gpu::Inference>),
}

/// The activations of one caller on the device.
#[derive(Debug)]
enum Memory {
    Cpu(Arena),
    /// What came back from the card.
    Gpu(gpu::Kept),
}

/// One caller's memory of a shared [`Engine`].
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    /// Given back to the engine when the session ends; there until then.
    memory: Option<Memory>,
    /// Images of the last run.
    images: usize,
}

impl Engine {
    /// Compiles a network with its weights for up to `batch` images at a time.
    ///
    /// # Errors
    /// If a weight is missing or has another shape, the device cannot run a layer, or the machine has no memory for the
    /// weights, one session and its images: the error tells the largest batch that fits. Nothing is allocated then.
    pub fn compile(
        graph: &Graph,
        weights: &dyn TensorSource,
        batch: usize,
        options: &Options,
    ) -> Result<Self, CompileError> {
        Self::new(graph, weights, batch, options, Mode::Infer)
    }

    /// Whether [`Engine::compile`] can run a network and the machine has the memory for it, its weights beside the packed
    /// ones included: to be asked before weights are drawn or read. On a GPU compiling tells.
    ///
    /// # Errors
    /// As [`Engine::compile`], weights aside.
    pub fn check(graph: &Graph, batch: usize, options: &Options) -> Result<(), CompileError> {
        match options.device {
            Device::Cpu => cpu::Inference::check(graph, batch, options),
            Device::Gpu(_) => Ok(()),
        }
    }

    /// Compiles a network so that every layer runs by itself and its output stays readable
    /// ([`Session::tensor`]).
    ///
    /// # Errors
    /// As [`Engine::compile`].
    pub fn compile_traced(
        graph: &Graph,
        weights: &dyn TensorSource,
        batch: usize,
        options: &Options,
    ) -> Result<Self, CompileError> {
        Self::new(graph, weights, batch, options, Mode::Trace)
    }

    fn new(
        graph: &Graph,
        weights: &dyn TensorSource,
        batch: usize,
        options: &Options,
        mode: Mode,
    ) -> Result<Self, CompileError> {
        let compiled = match options.device {
            Device::Cpu => {
                Compiled::Cpu(Box::new(cpu::Inference::new(graph, weights, batch, options, mode)?))
            }
            Device::Gpu(index) => {
                Compiled::Gpu(Box::new(gpu::Inference::new(graph, weights, (batch, index), options, mode)?))
            }
        };
        Ok(Self { shared: Arc::new(Shared { compiled, idle: Mutex::default() }) })
    }

    /// Memory for one caller.
    ///
    /// # Errors
    /// If there is none left.
    pub fn session(&self) -> Result<Session, RunError> {
        let idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let memory = match idle {
            Some(memory) => memory,
            None => self.shared.memory()?,
        };
        Ok(Session { shared: Arc::clone(&self.shared), memory: Some(memory), images: 0 })
    }

    /// Runs images (N, C, H, W), 1 ≤ N ≤ batch, and gives the main output: logits (N, classes), behind a final Softmax
    /// if the network has one.
    ///
    /// # Errors
    /// If `images` is not 1 to batch whole images, or there is no memory for another caller.
    pub fn run(&self, images: &[f32]) -> Result<Output, RunError> {
        self.session()?.run(images)
    }

    /// As [`Engine::run`], without the final Softmax.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub fn logits(&self, images: &[f32]) -> Result<Output, RunError> {
        self.session()?.logits(images)
    }

    /// The largest batch.
    pub fn batch(&self) -> usize {
        self.shared.plan().batch
    }

    /// The device it runs on.
    pub fn device(&self) -> Device {
        match &self.shared.compiled {
            Compiled::Cpu(_) => Device::Cpu,
            Compiled::Gpu(inference) => Device::Gpu(inference.index()),
        }
    }

    /// The instruction set in use; with a GPU the best one of the processor beside it.
    pub fn isa(&self) -> Isa {
        match &self.shared.compiled {
            Compiled::Cpu(inference) => inference.isa(),
            Compiled::Gpu(_) => Isa::best(),
        }
    }

    /// Tells the time that its calls take, if they are rehearsed ([`Options::rehearse`]) that of so many threads; `None` on a GPU.
    pub fn clock(&self) -> Option<Clock> {
        match &self.shared.compiled {
            Compiled::Cpu(inference) => Some(inference.clock()),
            Compiled::Gpu(_) => None,
        }
    }

    /// Threads in use; one that feeds a GPU.
    pub fn threads(&self) -> usize {
        match &self.shared.compiled {
            Compiled::Cpu(inference) => inference.threads(),
            Compiled::Gpu(_) => 1,
        }
    }

    /// Microseconds of the card's work for the `n` images that ran last, the least and the median of `count` runs without
    /// the way to the card and back; `None` on the CPU, or if no run had `n` images.
    ///
    /// # Errors
    /// If the GPU fails.
    pub fn device_time(&self, n: usize, count: usize) -> Result<Option<(f32, f32)>, RunError> {
        match &self.shared.compiled {
            Compiled::Cpu(_) => Ok(None),
            Compiled::Gpu(inference) => Ok(inference.time(n, count)?),
        }
    }

    /// Bytes of activations of each session, and of packed weights, which all sessions share. A GPU's activations are
    /// shared too: callers take turns.
    pub fn memory(&self) -> (usize, usize) {
        match &self.shared.compiled {
            Compiled::Cpu(inference) => inference.memory(),
            Compiled::Gpu(inference) => inference.memory(),
        }
    }

    /// What runs, kernel by kernel.
    pub fn plan(&self) -> Vec<PlanStep> {
        match &self.shared.compiled {
            Compiled::Cpu(inference) => inference.describe(),
            Compiled::Gpu(inference) => inference.describe(),
        }
    }

    /// The plan as text: each stage with its kernel and the memory that it reads and writes.
    pub fn plan_text(&self) -> String {
        self.shared.plan().text(&self.plan())
    }
}

impl Shared {
    fn plan(&self) -> &Plan {
        match &self.compiled {
            Compiled::Cpu(inference) => inference.plan(),
            Compiled::Gpu(inference) => inference.plan(),
        }
    }

    fn memory(&self) -> Result<Memory, CompileError> {
        match &self.compiled {
            Compiled::Cpu(inference) => inference.arena().map(Memory::Cpu),
            Compiled::Gpu(_) => Ok(Memory::Gpu(gpu::Kept::default())),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.memory.take());
    }
}

impl Session {
    /// As [`Engine::run`].
    ///
    /// # Errors
    /// If `images` is not 1 to batch whole images.
    pub fn run(&mut self, images: &[f32]) -> Result<Output, RunError> {
        let mut output = self.logits(images)?;
        let graph = &self.shared.plan().graph;
        let node = graph.node(graph.output());
        if node.op == Op::Softmax {
            let (height, width) = node.shape.spatial();
            let mut data = output.into_vec();
            data.chunks_exact_mut(node.shape.elements()).for_each(|image| softmax(image, height * width));
            output = Output::new(node.shape.with_batch(self.images), data);
        }
        Ok(output)
    }

    /// As [`Engine::logits`].
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn logits(&mut self, images: &[f32]) -> Result<Output, RunError> {
        self.execute(images, None)?;
        let graph = &self.shared.plan().graph;
        let logits = graph.logits(graph.output());
        Ok(Output::new(graph.node(logits).shape.with_batch(self.images), self.read(logits)))
    }

    /// Runs images as [`Session::logits`] does, and adds the time of each step of [`Engine::plan`] to `times`, which is
    /// as long.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn profile(&mut self, images: &[f32], times: &mut [Duration]) -> Result<(), RunError> {
        self.execute(images, Some(times))
    }

    /// The output of a node for the images of the last run, (N, C, H, W) or (N, F).
    ///
    /// # Errors
    /// If the engine is not a traced one, or nothing ran yet.
    pub fn tensor(&self, node: NodeId) -> Result<Tensor, RunError> {
        let plan = self.shared.plan();
        let Some(layer) = plan.graph.nodes().get(node.index()) else {
            return Err(RunError::NotKept { path: format!("node {}", node.index()) });
        };
        let kept = plan.value(node) == Some(node);
        if !kept || plan.mode != Mode::Trace || self.images == 0 {
            return Err(RunError::NotKept { path: layer.path.clone() });
        }
        Ok(Tensor { shape: layer.shape.with_batch(self.images), data: self.read(node) })
    }

    fn execute(&mut self, images: &[f32], times: Option<&mut [Duration]>) -> Result<(), RunError> {
        let plan = self.shared.plan();
        self.images = images_in(images.len(), plan.graph.input_shape().elements(), plan.batch)?;
        match (&self.shared.compiled, &mut self.memory) {
            (Compiled::Cpu(inference), Some(Memory::Cpu(arena))) => {
                inference.execute(arena, images, self.images, times);
            }
            (Compiled::Gpu(inference), Some(Memory::Gpu(kept))) => {
                if let Err(error) = inference.execute(kept, images, self.images, times) {
                    self.images = 0;
                    return Err(error.into());
                }
            }
            (Compiled::Cpu(_), Some(Memory::Gpu(_)) | None)
            | (Compiled::Gpu(_), Some(Memory::Cpu(_)) | None) => {
                unreachable!("a session has memory of its engine's device until it ends")
            }
        }
        Ok(())
    }

    fn read(&self, node: NodeId) -> Vec<f32> {
        match (&self.shared.compiled, &self.memory) {
            (Compiled::Cpu(inference), Some(Memory::Cpu(arena))) => inference.read(arena, node, self.images),
            (Compiled::Gpu(inference), Some(Memory::Gpu(kept))) => inference.read(kept, node, self.images),
            (Compiled::Cpu(_), Some(Memory::Gpu(_)) | None)
            | (Compiled::Gpu(_), Some(Memory::Cpu(_)) | None) => {
                unreachable!("a session has memory of its engine's device until it ends")
            }
        }
    }
}

/// How many images of `size` floats there are: 1 to `batch`.
pub(super) fn images_in(floats: usize, size: usize, batch: usize) -> Result<usize, RunError> {
    let n = floats / size;
    if n * size == floats && (1..=batch).contains(&n) {
        Ok(n)
    } else {
        Err(RunError::Images { floats, image: size, batch })
    }
}

/// Softmax over the channels of an image (C, H, W), `map` being H·W.
fn softmax(image: &mut [f32], map: usize) {
    for pixel in 0..map {
        let row = &mut image[pixel..];
        let max = row.iter().step_by(map).copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter_mut().step_by(map).for_each(|x| *x = (*x - max).exp());
        let sum: f32 = row.iter().step_by(map).sum();
        row.iter_mut().step_by(map).for_each(|x| *x /= sum);
    }
}
