//! Inference.

use std::time::{Duration, Instant};

use convnet_kernels::{Arena, Isa, Pool, f16, to_nchw, winograd_weights};

use super::forward::{Kind, Program, Run, Step};
use super::lifetime::place;
use super::lower::{Kernel, Mode};
use super::memory;
use super::profile::PlanStep;
use super::weights::{Matrix, check, read, vectors};
use super::{ExecError, Options};
use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::state::{Tensor, TensorSource};

/// A network compiled for inference: weights packed, layers fused, one arena for all activations.
#[derive(Debug)]
pub struct Engine {
    program: Program,
    pool: Pool,
    arena: Arena,
    offsets: Vec<usize>,
    /// Where the scratch of Winograd convolutions starts.
    scratch: usize,
    parameters: Arena,
    /// Weights in half precision.
    halves: Vec<f16>,
    batch: usize,
    output: Vec<f32>,
}

impl Engine {
    /// Compiles a network with its weights for up to `batch` images at a time.
    ///
    /// # Errors
    /// If a weight is missing or has another shape, or the engine cannot run a layer.
    pub fn compile(
        graph: &Graph,
        state: &dyn TensorSource,
        batch: usize,
        options: &Options,
    ) -> Result<Self, ExecError> {
        Self::new(graph, state, batch, options, Mode::Infer)
    }

    /// Compiles a network so that every layer runs by itself and its output stays readable
    /// ([`Engine::tensor`]).
    ///
    /// # Errors
    /// As [`Engine::compile`].
    pub fn compile_traced(
        graph: &Graph,
        state: &dyn TensorSource,
        batch: usize,
        options: &Options,
    ) -> Result<Self, ExecError> {
        Self::new(graph, state, batch, options, Mode::Trace)
    }

    fn new(
        graph: &Graph,
        state: &dyn TensorSource,
        batch: usize,
        options: &Options,
        mode: Mode,
    ) -> Result<Self, ExecError> {
        if batch == 0 {
            return Err(ExecError::EmptyBatch);
        }
        let isa = options.isa()?;
        let outputs: Vec<NodeId> = match mode {
            Mode::Trace => graph.ids().collect(),
            _ => vec![graph.logits(graph.output())],
        };
        let program = Program::new(graph, &outputs, mode, (isa, batch), options)?;
        let lifetimes =
            memory::inference(&program, outputs[0], batch).ok_or(ExecError::TooLarge { batch })?;
        let (offsets, total) = place(&lifetimes).ok_or(ExecError::TooLarge { batch })?;
        let pool = Pool::new(options.threads);
        let scratch = total.next_multiple_of(16);
        let total = scratch + program.winograd_room(pool.threads(), batch, &[]).0;
        let mut parameters = Arena::new(program.parameters);
        let mut halves = vec![f16::ZERO; program.halves];
        for step in &program.steps {
            bind(&program, &pool, step, state, (parameters.as_mut_slice(), &mut halves))?;
        }
        Ok(Self {
            pool,
            arena: Arena::new(total),
            offsets,
            scratch,
            parameters,
            halves,
            batch,
            output: Vec::with_capacity(batch * graph.node(graph.output()).shape.elements()),
            program,
        })
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

    /// Bytes of activations and of packed weights that the plan allocates.
    pub fn memory(&self) -> (usize, usize) {
        (4 * self.arena.len(), 4 * self.parameters.len() + 2 * self.halves.len())
    }

    /// Runs images (N, C, H, W), 1 ≤ N ≤ batch, and returns the logits (N, classes): the main output
    /// without a final Softmax.
    ///
    /// # Panics
    /// If `images` is not a whole number of images, or more than the batch.
    pub fn logits(&mut self, images: &[f32]) -> &[f32] {
        let n = self.execute(images, None);
        let graph = &self.program.graph;
        self.read(graph.logits(graph.output()), n);
        &self.output
    }

    /// As [`Engine::logits`], with the final Softmax if the network has one.
    ///
    /// # Panics
    /// As [`Engine::logits`].
    pub fn run(&mut self, images: &[f32]) -> &[f32] {
        self.logits(images);
        let graph = &self.program.graph;
        let node = graph.node(graph.output());
        if node.op == Op::Softmax {
            let (height, width) = node.shape.spatial();
            let images = self.output.chunks_exact_mut(node.shape.elements());
            images.for_each(|image| softmax(image, height * width));
        }
        &self.output
    }

    /// The output of a node in the last run of a traced engine, (N, C, H, W) or (N, F); `None` if the
    /// engine fused it away.
    pub fn tensor(&mut self, node: NodeId, n: usize) -> Option<Tensor> {
        let value = self.program.lowered.value[node.index()]?;
        if value != node || self.program.mode != Mode::Trace || n > self.batch {
            return None;
        }
        self.read(node, n);
        let shape = self.program.graph.node(node).shape.with_batch(n);
        Some(Tensor { shape, data: self.output.clone() })
    }

    /// What runs, kernel by kernel.
    pub fn plan(&self) -> Vec<PlanStep> {
        self.program.describe()
    }

    /// Runs images as [`Engine::logits`] does, and adds the time of each step of [`Engine::plan`] to
    /// `times`, which is as long.
    ///
    /// # Panics
    /// As [`Engine::logits`].
    pub fn profile(&mut self, images: &[f32], times: &mut [Duration]) {
        self.execute(images, Some(times));
    }

    fn execute(&mut self, images: &[f32], times: Option<&mut [Duration]>) -> usize {
        let size = self.program.graph.input_shape().elements();
        let n = images.len() / size;
        assert!(
            n * size == images.len() && (1..=self.batch).contains(&n),
            "{} floats are not 1 to {} images of {size}",
            images.len(),
            self.batch
        );
        let mut run = Run {
            pool: &self.pool,
            arena: &mut self.arena,
            offsets: &self.offsets,
            parameters: self.parameters.as_slice(),
            halves: &self.halves,
            images,
            scratch: self.scratch,
            transformed: &mut [],
            n,
            statistics: None,
            key: 0,
        };
        match times {
            None => self.program.steps.iter().for_each(|step| self.program.forward(&mut run, step, None)),
            Some(times) => {
                for (step, time) in self.program.steps.iter().zip(times) {
                    let start = Instant::now();
                    self.program.forward(&mut run, step, None);
                    *time += start.elapsed();
                }
            }
        }
        n
    }

    /// Copies a node's value to `output`.
    fn read(&mut self, node: NodeId, n: usize) {
        let shape = self.program.graph.node(node).shape;
        let value = self.program.lowered.value[node.index()].unwrap_or(node);
        let view = self.program.view(&self.offsets, value, shape, n);
        self.output.clear();
        self.output.resize(n * shape.elements(), 0.0);
        to_nchw(&self.arena, view, (view.pixels / n).max(1), &mut self.output);
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

/// Writes a step's weights from the state dict, a batch normalization folded into them.
fn bind(
    program: &Program,
    pool: &Pool,
    step: &Step,
    state: &dyn TensorSource,
    (out, halves): (&mut [f32], &mut [f16]),
) -> Result<(), ExecError> {
    let graph = &program.graph;
    let specs = graph.node_parameters(step.stage.node);
    let pack = |matrix: &Matrix, target: &mut [f32], scale: Option<&[f32]>| {
        check(state, &specs[0])?;
        matrix.pack(pool, (state, &specs[0].name), target, scale)
    };
    let pack_half = |matrix: &Matrix, target: &mut [f16], scale: Option<&[f32]>| {
        check(state, &specs[0])?;
        matrix.pack(pool, (state, &specs[0].name), target, scale)
    };
    match (&step.kind, &step.stage.kernel) {
        (Kind::Conv { matrix, winograd, before: ahead, .. }, Kernel::Conv { before, norm, .. }) => {
            if let (Some((range, _)), Some(before)) = (ahead, before) {
                let (scale, shift) = scale_and_shift(graph, state, before.norm)?;
                out[range.clone()].copy_from_slice(&[scale, shift].concat());
            }
            let fold = norm.map(|id| scale_and_shift(graph, state, id)).transpose()?;
            let scale = fold.as_ref().map(|(scale, _)| scale.as_slice());
            let target = &mut out[step.weight.clone()];
            match (winograd, &step.half) {
                (_, Some(range)) => pack_half(matrix, &mut halves[range.clone()], scale)?,
                (Some(plan), None) if program.mode == Mode::Infer => {
                    let mut packed = vec![0.0; matrix.len()];
                    pack(matrix, &mut packed, scale)?;
                    let layouts = (&packed[..], matrix.panels);
                    winograd_weights(pool, program.isa, plan.kernel, layouts, (target, plan.panels));
                }
                _ => pack(matrix, target, scale)?,
            }
            if let Some(range) = step.bias.clone() {
                let target = &mut out[range];
                match specs.get(1) {
                    Some(spec) => read(state, spec, target)?,
                    None => target.fill(0.0),
                }
                if let Some((scale, shift)) = &fold {
                    for ((x, scale), shift) in target.iter_mut().zip(scale).zip(shift) {
                        *x = *x * scale + shift;
                    }
                }
            }
        }
        (Kind::Linear { matrix, .. }, _) => {
            match &step.half {
                Some(range) => pack_half(matrix, &mut halves[range.clone()], None)?,
                None => pack(matrix, &mut out[step.weight.clone()], None)?,
            }
            if let (Some(range), Some(spec)) = (step.bias.clone(), specs.get(1)) {
                read(state, spec, &mut out[range])?;
            }
        }
        (Kind::Affine, _) => {
            let (scale, shift) = scale_and_shift(graph, state, step.stage.node)?;
            out[step.weight.clone()].copy_from_slice(&scale);
            if let Some(range) = step.bias.clone() {
                out[range].copy_from_slice(&shift);
            }
        }
        _ => {}
    }
    Ok(())
}

/// A batch normalization with running statistics, or what is one already, as y = scale·x + shift.
fn scale_and_shift(
    graph: &Graph,
    state: &dyn TensorSource,
    id: NodeId,
) -> Result<(Vec<f32>, Vec<f32>), ExecError> {
    let mut vectors = vectors(graph, state, id)?;
    let Op::BatchNorm2d(norm) = &graph.node(id).op else {
        let shift = vectors.pop().unwrap_or_default();
        return Ok((vectors.pop().unwrap_or_default(), shift));
    };
    let [weight, bias, mean, var] = [0, 1, 2, 3].map(|i| vectors[i].iter().map(|&x| f64::from(x)));
    let (scale, shift) = weight
        .zip(bias)
        .zip(mean.zip(var))
        .map(|((weight, bias), (mean, var))| {
            let scale = weight / (var + f64::from(norm.eps)).sqrt();
            (scale as f32, (bias - mean * scale) as f32)
        })
        .unzip();
    Ok((scale, shift))
}
