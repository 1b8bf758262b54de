//! Inference: weights and activations on the card, which callers use in turn, and what each keeps of its run.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use convnet_gpu::Format;

use super::card::{self, Captured, Card, Feed};
use super::loader::Loader;
use super::places::{Places, Upkeep};
use super::planes::{planes, span};
use super::program::{Part, Parts, Program};
use super::rows::halves;
use crate::graph::{Graph, NodeId};
use crate::optim::Frozen;
use crate::options::Options;
use crate::plan::{Aim, CompileError, Mode, Plan, PlanStep};
use crate::state::TensorSource;

/// A network with its weights on the card.
pub(crate) struct Inference {
    program: Program,
    places: Places,
    card: Card,
    index: usize,
    /// What a caller keeps of its run: a range of the activations, in floats.
    kept: std::ops::Range<usize>,
    turn: Mutex<Turn>,
}

/// What one caller at a time uses.
struct Turn {
    feed: Feed,
    /// The graph for each number of images.
    graphs: HashMap<usize, Captured>,
}

/// What a caller keeps of its last run: its outputs, in the host's memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(Vec<f32>);

impl fmt::Debug for Inference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inference").field("program", &self.program).finish_non_exhaustive()
    }
}

/// The outputs that a plan is made for.
pub(super) fn outputs(graph: &Graph, mode: Mode) -> Vec<NodeId> {
    match mode {
        Mode::Trace => graph.ids().collect(),
        Mode::Infer => vec![graph.logits(graph.output())],
        Mode::Train => graph.outputs().iter().map(|output| graph.logits(output.node)).collect(),
    }
}

impl Inference {
    pub(crate) fn new(
        graph: &Graph,
        source: &dyn TensorSource,
        (batch, index): (usize, usize),
        options: &Options,
        mode: Mode,
    ) -> Result<Self, CompileError> {
        let outputs = outputs(graph, mode);
        let aim = Aim { mode, outputs: &outputs, frozen: &Frozen::default(), watched: &[] };
        let program = Program::new(graph, aim, batch, options)?;
        let places = Places::new(&program, &[], Upkeep::default()).ok_or(CompileError::TooLarge { batch })?;
        let mut parameters = vec![0.0; program.parameters];
        let mut loader = Loader { graph, source, parameters: &mut parameters };
        for (at, kind) in program.steps() {
            kind.load(&mut loader, at)?;
        }
        let plan = &program.plan;
        let kept = match mode {
            Mode::Trace => 0..plan.floats,
            Mode::Infer | Mode::Train => {
                let value = plan.value(outputs[0]).unwrap_or(outputs[0]);
                let region = plan.region(value, plan.graph.node(outputs[0]).shape, batch);
                region.offset..region.offset + span(region)
            }
        };
        let card = Card::new(card::open(index)?, places.end)?;
        card.write(places.parameters, &parameters)?;
        if program.format() != Format::F32 {
            card.write_bytes(places.halves, &halves(&parameters))?;
        }
        let turn = Mutex::new(Turn { feed: card.feed(places.batch)?, graphs: HashMap::new() });
        Ok(Self { program, places, card, index, kept, turn })
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.program.plan
    }

    /// The card's number.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// Bytes of activations, and of weights.
    pub(crate) fn memory(&self) -> (usize, usize) {
        let size = self.program.format().size();
        let weights = if size == 4 { 4 } else { 4 + size };
        (size * self.plan().floats, weights * self.program.parameters)
    }

    pub(crate) fn describe(&self) -> Vec<PlanStep> {
        self.program.describe()
    }

    /// Runs images, N·C·H·W of at most the batch; adds the time of each stage to `times`.
    pub(crate) fn execute(
        &self,
        kept: &mut Kept,
        images: &[f32],
        n: usize,
        times: Option<&mut [Duration]>,
    ) -> Result<(), CompileError> {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let Turn { feed, graphs } = &mut *turn;
        let captured = match graphs.entry(n) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let mut parts = Parts::new(&self.places);
                self.program.forward(&mut parts, &self.places, (n, false));
                entry.insert(self.card.capture(parts)?)
            }
        };
        feed.send(4 * images.len(), |bytes| card::copy(images, bytes))?;
        feed.take(&self.card, self.places.images)?;
        match times {
            None => captured.replay()?,
            Some(times) => {
                let launches = captured.profile()?;
                for (part, time) in captured.parts.sum(&launches) {
                    if let Part::Forward(stage) = part {
                        times[stage] += Duration::from_secs_f32(time * 1e-6);
                    }
                }
            }
        }
        let format = self.program.format();
        let first = self.places.activations + format.size() * self.kept.start;
        kept.0 = self.card.read_as(format, first, self.kept.len())?;
        Ok(())
    }

    /// Microseconds of the graph for `n` images that ran before: the least and the median of `count`.
    pub(crate) fn time(&self, n: usize, count: usize) -> Result<Option<(f32, f32)>, CompileError> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        turn.graphs.get(&n).map(|captured| captured.time(count)).transpose()
    }

    /// A node's output of the `n` images that ran last: (N, C, H, W) or (N, F).
    pub(crate) fn read(&self, kept: &Kept, node: NodeId, n: usize) -> Vec<f32> {
        let plan = self.plan();
        let shape = plan.graph.node(node).shape;
        let region = plan.region(plan.value(node).unwrap_or(node), shape, n);
        planes(&kept.0[region.offset - self.kept.start..], region, n)
    }
}
