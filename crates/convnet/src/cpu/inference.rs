//! Inference: packed weights that many callers share, and the memory of one.

use std::sync::Arc;
use std::time::Duration;

use convnet_kernels::{Arena, Clock, Isa, Pool, f16};

use super::loader::Loader;
use super::memory::{self, Planner, allocate, sum, times, zeros};
use super::program::Program;
use super::run::{Forward, read};
use crate::graph::{Graph, NodeId};
use crate::optim::Frozen;
use crate::options::Options;
use crate::plan::{Aim, CompileError, Mode, Plan, PlanStep};
use crate::state::TensorSource;

/// A network with its weights packed and its kernels chosen.
#[derive(Debug)]
pub(crate) struct Inference {
    program: Program,
    pool: Arc<Pool>,
    parameters: Arena,
    /// Weights in half precision.
    halves: Vec<f16>,
    /// Where the scratch of Winograd convolutions starts in an arena, and the floats of one.
    winograd_at: usize,
    floats: usize,
}

impl Inference {
    pub(crate) fn new(
        graph: &Graph,
        source: &dyn TensorSource,
        batch: usize,
        options: &Options,
        mode: Mode,
    ) -> Result<Self, CompileError> {
        let outputs = outputs(graph, mode);
        let pool = Arc::new(memory::pool(options)?);
        let need = |program: &Program| need(program, pool.threads());
        let aim = Aim { mode, outputs: &outputs, frozen: &Frozen::default(), watched: &[] };
        let program = Planner { task: "inference", graph, aim, options, need: &need }.plan(batch)?;
        let winograd_at = program.plan.floats.next_multiple_of(16);
        let floats = winograd_at + program.scratch(pool.threads()).tiles;
        let mut parameters = allocate(program.parameters, ("inference", batch))?;
        let mut halves = zeros(program.halves, ("inference", batch))?;
        let mut loader = Loader {
            pool: &pool,
            isa: program.isa,
            graph,
            source,
            parameters: parameters.as_mut_slice(),
            halves: &mut halves,
        };
        for (at, kind) in program.steps() {
            kind.load(&mut loader, at)?;
        }
        Ok(Self { program, pool, parameters, halves, winograd_at, floats })
    }

    /// Whether a network can be run, and the machine has the memory for it, weights in memory beside the packed ones
    /// included; nothing is allocated.
    pub(crate) fn check(graph: &Graph, batch: usize, options: &Options) -> Result<(), CompileError> {
        let (mode, threads) = (Mode::Infer, memory::pool(options)?.threads());
        let need = |program: &Program| sum(&[need(program, threads), memory::weights(graph)]);
        let outputs = outputs(graph, mode);
        let aim = Aim { mode, outputs: &outputs, frozen: &Frozen::default(), watched: &[] };
        Planner { task: "inference", graph, aim, options, need: &need }.plan(batch).map(drop)
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

    /// Bytes of one caller's activations, and of the weights that all share.
    pub(crate) fn memory(&self) -> (usize, usize) {
        (4 * self.floats, 4 * self.parameters.len() + 2 * self.halves.len())
    }

    pub(crate) fn describe(&self) -> Vec<PlanStep> {
        self.program.describe()
    }

    /// The memory of one caller.
    pub(crate) fn arena(&self) -> Result<Arena, CompileError> {
        let batch = self.plan().batch;
        memory::room(times(1, self.floats), ("inference", batch))?;
        allocate(self.floats, ("inference", batch))
    }

    /// Runs images, N·C·H·W of at most the batch; adds the time of each stage to `times`.
    pub(crate) fn execute(
        &self,
        arena: &mut Arena,
        images: &[f32],
        n: usize,
        times: Option<&mut [Duration]>,
    ) {
        let mut run = Forward {
            pool: &self.pool,
            isa: self.program.isa,
            plan: &self.program.plan,
            arena,
            parameters: self.parameters.as_slice(),
            halves: &self.halves,
            images,
            winograd_at: self.winograd_at,
            transformed: &mut [],
            statistics: None,
            joint: None,
            n,
            key: 0,
        };
        let stages = 0..self.plan().stages.len();
        match times {
            None => stages.for_each(|stage| self.program.forward(&mut run, stage, None)),
            Some(times) => {
                let clock = self.clock();
                for (stage, time) in stages.zip(times) {
                    let start = clock.now();
                    self.program.forward(&mut run, stage, None);
                    *time += clock.now().saturating_sub(start);
                }
            }
        }
    }

    /// A node's output of the `n` images that ran last: (N, C, H, W) or (N, F).
    pub(crate) fn read(&self, arena: &Arena, node: NodeId, n: usize) -> Vec<f32> {
        let plan = self.plan();
        let shape = plan.graph.node(node).shape;
        let view = plan.region(plan.value(node).unwrap_or(node), shape, n).into();
        read((&self.pool, self.program.isa, arena), view, n)
    }
}

/// What an engine computes.
fn outputs(graph: &Graph, mode: Mode) -> Vec<NodeId> {
    match mode {
        Mode::Trace => graph.ids().collect(),
        Mode::Infer | Mode::Train => vec![graph.logits(graph.output())],
    }
}

/// Bytes of the weights, of one caller's memory, and of the images that it gives.
fn need(program: &Program, threads: usize) -> Option<usize> {
    let plan = &program.plan;
    sum(&[
        times(1, program.parameters),
        times(1, program.halves.div_ceil(2)),
        times(1, plan.floats),
        times(1, program.scratch(threads).tiles),
        times(plan.batch, plan.graph.input_shape().elements()),
    ])
}
