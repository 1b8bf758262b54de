//! From layers to stages: what runs as one kernel.

use std::fmt;

use super::aim::Aim;
use super::storage::MemoryRules;
use crate::graph::{Graph, NodeId, Shape};
use crate::ops::{Arithmetic, Hardtanh, Op, PassThrough, Unary};

/// What a stage computes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kernel {
    /// Writes the images.
    Input,
    /// Conv2d of `node`, with a folded scale and a sum where they follow (inference).
    Conv {
        /// What is done to the input while it is read.
        prologue: Option<Prologue>,
        /// The BatchNorm2d, or another scale of each channel (inference), folded into the weights.
        norm: Option<NodeId>,
        /// The value added before ReLU.
        addend: Option<NodeId>,
    },
    /// Linear of `node`; `order` is the C, H, W of a map that it reads in NHWC order without a copy.
    Linear { order: Option<(usize, usize, usize)> },
    /// A copy of the inputs that are not written in place.
    Concat,
    /// The first channel of each input, then the second of each, and so on: a concatenation whose channels are shuffled.
    Interleave,
    /// A map to a vector in PyTorch's order, where a later layer can tell.
    Flatten,
    /// The op of `node` as it stands.
    Plain,
}

/// What a 1×1 convolution does to what it reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Prologue {
    /// A BatchNorm2d, and a ReLU where it follows.
    Norm { norm: NodeId, relu: bool },
    /// The product with factors of each image's channels, its second input.
    Gate,
}

/// One kernel call in the forward pass.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stage {
    pub(crate) kernel: Kernel,
    /// The layer whose parameters it uses.
    pub(crate) node: NodeId,
    /// The layer whose output it gives.
    pub(crate) out: NodeId,
    /// The values it reads, each the `out` of an earlier stage.
    pub(crate) inputs: Vec<NodeId>,
    /// The shapes as which it reads them (a map may be read as a vector).
    pub(crate) shapes: Vec<Shape>,
    /// Whether the ReLU that follows is applied on the way.
    pub(crate) relu: bool,
    /// Another function that is applied on the way: in inference, by devices that can.
    pub(crate) rectified: Option<Rectified>,
}

impl Stage {
    /// The value that it adds to what it computes.
    pub(crate) fn addend(&self) -> Option<NodeId> {
        match self.kernel {
            Kernel::Conv { addend, .. } => addend,
            Kernel::Input
            | Kernel::Linear { .. }
            | Kernel::Concat
            | Kernel::Interleave
            | Kernel::Flatten
            | Kernel::Plain => None,
        }
    }

    /// All values that it reads.
    pub(crate) fn reads(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.inputs.iter().copied().chain(self.addend())
    }
}

/// A function that follows a product and is applied as it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rectified {
    /// min(max(·, 0), ceiling), as ReLU6.
    Clipped { ceiling: f32 },
    /// x·min(max(x + 3, 0), 6)/6.
    Hardswish,
    /// x/(1 + e^−x).
    Silu,
    /// x·Φ(x), Φ being the normal distribution, or the same by a hyperbolic tangent.
    Gelu { tanh: bool },
}

impl fmt::Display for Rectified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clipped { ceiling } => write!(f, "relu{ceiling}"),
            Self::Hardswish => f.write_str("hardswish"),
            Self::Silu => f.write_str("silu"),
            Self::Gelu { tanh: false } => f.write_str("gelu"),
            Self::Gelu { tanh: true } => f.write_str("gelu_tanh"),
        }
    }
}

/// What lowering is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The main output; layers fused as far as possible.
    Infer,
    /// Every node's output, nothing fused.
    Trace,
    /// All outputs, and what the backward pass needs.
    Train,
}

/// A graph as stages.
#[derive(Clone, Debug)]
pub(crate) struct Lowered {
    pub(crate) stages: Vec<Stage>,
    /// For each node the value that holds its output, if it has one.
    pub(crate) value: Vec<Option<NodeId>>,
    /// Values that must be dense, since they are also read as vectors.
    pub(crate) dense: Vec<bool>,
    /// For each node whose vector is a map in NHWC order, its C, H, W.
    pub(crate) order: Vec<Option<(usize, usize, usize)>>,
}

/// Lowers the part of a graph that the outputs depend on.
pub(crate) fn lower(graph: &Graph, aim: Aim<'_>, rules: MemoryRules) -> Lowered {
    let live = graph.reachable(aim.outputs);
    let count = graph.nodes().len();
    let consumers: Vec<Vec<NodeId>> = graph
        .consumers()
        .into_iter()
        .map(|c| c.into_iter().filter(|id| live[id.index()]).collect())
        .collect();
    let wants = if aim.frozen.is_empty() { Vec::new() } else { aim.wants(graph) };
    let lowering = Lowering { graph, aim, rules, wants, consumers };
    let mut lowered = Lowered {
        stages: Vec::new(),
        value: vec![None; count],
        dense: vec![false; count],
        order: graph.ids().map(|id| lowering.order(id)).collect(),
    };
    for id in graph.ids().filter(|id| live[id.index()]) {
        if lowered.value[id.index()].is_none() {
            lowering.place(id, &mut lowered);
        }
    }
    // A stage runs where its last layer stands; the layers it took in are done by then.
    lowered.stages.sort_by_key(|stage| stage.out);
    for stage in &mut lowered.stages {
        for input in &mut stage.inputs {
            *input = lowered.value[input.index()].unwrap_or(*input);
        }
        if let Kernel::Conv { addend: Some(addend), .. } = &mut stage.kernel {
            *addend = lowered.value[addend.index()].unwrap_or(*addend);
        }
    }
    lowered
}

struct Lowering<'a> {
    graph: &'a Graph,
    aim: Aim<'a>,
    rules: MemoryRules,
    /// Whether each node's gradient is wanted; empty where nothing is frozen.
    wants: Vec<bool>,
    consumers: Vec<Vec<NodeId>>,
}

impl Lowering<'_> {
    /// Makes the stage that starts at a node, or gives the node its input's value.
    fn place(&self, id: NodeId, lowered: &mut Lowered) {
        let node = self.graph.node(id);
        let mut stage = Stage {
            kernel: Kernel::Plain,
            node: id,
            out: id,
            inputs: node.inputs.clone(),
            shapes: self.graph.input_shapes(id),
            relu: false,
            rectified: None,
        };
        if self.is_prologue(id) || self.hands_on(id) {
            return alias(id, node.inputs[0], lowered);
        }
        if let Some(gate) = self.sole_consumer(id, is_conv).and_then(|conv| self.gate(conv)) {
            return alias(id, gate.map, lowered);
        }
        let fusable = match &node.op {
            Op::Input => {
                stage.kernel = Kernel::Input;
                false
            }
            Op::Flatten => {
                let input = self.graph.node(node.inputs[0]).shape;
                if self.reads_in_place(id, input) {
                    alias(id, node.inputs[0], lowered);
                    if let Some(value) = lowered.value[id.index()] {
                        lowered.dense[value.index()] = true;
                    }
                    return;
                }
                stage.kernel = Kernel::Flatten;
                false
            }
            Op::Conv2d(_) => {
                stage.kernel = self.conv(id, &mut stage.out);
                if let Kernel::Conv { prologue, .. } = &mut stage.kernel {
                    *prologue = self.prologue(id);
                    if let Some(gate) = self.gate(id) {
                        *prologue = Some(Prologue::Gate);
                        stage.inputs.push(gate.factors);
                        stage.shapes.push(self.graph.node(gate.factors).shape);
                    }
                }
                true
            }
            Op::Linear(_) => {
                stage.kernel = Kernel::Linear { order: self.order(node.inputs[0]) };
                true
            }
            Op::Concat => {
                stage.kernel = Kernel::Concat;
                if let Some(shuffle) = self.shuffle(id) {
                    stage.kernel = Kernel::Interleave;
                    stage.out = shuffle;
                }
                false
            }
            Op::BatchNorm2d(_) | Op::Affine | Op::Add => true,
            // What lowering knows nothing of is a stage as it stands.
            _ => false,
        };
        if fusable && let Some(next) = self.sole_consumer(stage.out, |op| *op == Op::Relu) {
            stage.relu = true;
            stage.out = next;
        } else if let Some((next, rectified)) = self.rectified(&node.op, stage.out) {
            stage.rectified = Some(rectified);
            stage.out = next;
        }
        let mut inner = id;
        while inner != stage.out {
            lowered.value[inner.index()] = Some(stage.out);
            inner = self.consumers[inner.index()][0];
        }
        lowered.value[stage.out.index()] = Some(stage.out);
        lowered.stages.push(stage);
    }

    /// The function that alone reads what a product gives, where it is applied on the way.
    fn rectified(&self, op: &Op, out: NodeId) -> Option<(NodeId, Rectified)> {
        if !self.fuses_freely() || !matches!(op, Op::Conv2d(_) | Op::Linear(_)) {
            return None;
        }
        let function = |op: &Op| match op {
            Op::Hardtanh(Hardtanh { min: 0.0, max }) if *max > 0.0 => {
                Some(Rectified::Clipped { ceiling: *max })
            }
            Op::Unary(Unary::Hardswish) => Some(Rectified::Hardswish),
            Op::Unary(Unary::Silu) => Some(Rectified::Silu),
            Op::Unary(Unary::Gelu { tanh }) => Some(Rectified::Gelu { tanh: *tanh }),
            _ => None,
        };
        let next = self.sole_consumer(out, |op| function(op).is_some())?;
        Some((next, function(&self.graph.node(next).op)?))
    }

    /// The shuffle that alone reads a concatenation and takes a channel of each of its inputs in turn.
    fn shuffle(&self, concat: NodeId) -> Option<NodeId> {
        if !self.fuses_freely() {
            return None;
        }
        let shapes = self.graph.input_shapes(concat);
        let first = shapes.first()?.channels();
        let alike = shapes.iter().all(|shape| shape.channels() == first);
        let turns = |op: &Op| matches!(op, Op::ChannelShuffle(shuffle) if shuffle.groups == shapes.len());
        self.sole_consumer(concat, turns).filter(|_| alike)
    }

    /// Whether a layer's output is its input here; a map as a vector is a matter of its readers.
    fn hands_on(&self, id: NodeId) -> bool {
        let op = &self.graph.node(id).op;
        match op.pass_through() {
            PassThrough::Always => !self.aim.sets_apart(id) && *op != Op::Flatten,
            PassThrough::Inference => self.aim.mode == Mode::Infer,
            PassThrough::Never => false,
        }
    }

    /// The layer behind those that only hand a layer's output on.
    fn source(&self, mut id: NodeId) -> NodeId {
        while self.fuses_freely() && self.hands_on(id) {
            id = self.graph.node(id).inputs[0];
        }
        id
    }

    /// Whether more than every device can is fused, and behind layers that only hand on what they get.
    fn fuses_freely(&self) -> bool {
        self.rules.fuses && self.aim.mode == Mode::Infer
    }

    /// Whether a convolution takes a layer that follows it into its weights.
    fn folds(&self, op: &Op) -> bool {
        match op {
            Op::BatchNorm2d(_) => true,
            Op::Affine | Op::LayerScale(_) => self.fuses_freely() && self.rules.folds,
            _ => false,
        }
    }

    /// Whether the convolution before a layer takes it into its weights.
    fn is_folded(&self, id: NodeId) -> bool {
        let node = self.graph.node(id);
        self.folds(&node.op) && {
            let input = self.source(node.inputs[0]);
            is_conv(&self.graph.node(input).op) && self.sole_consumer(input, |op| self.folds(op)).is_some()
        }
    }

    /// Takes the scale and the sum that follow a convolution into it; `out` moves along.
    fn conv(&self, conv: NodeId, out: &mut NodeId) -> Kernel {
        let (mut norm, mut addend) = (None, None);
        let fixed = |norm: &NodeId| self.aim.mode == Mode::Infer || self.is_fixed(conv, *norm);
        if let Some(next) = self.sole_consumer(*out, |op| self.folds(op)).filter(|next| fixed(next)) {
            norm = Some(next);
            *out = next;
        }
        // The gradient of a sum passes to both sides; where none comes it is done as in inference.
        let ahead = norm.is_some() && self.aim.mode == Mode::Train;
        if self.aim.mode == Mode::Infer || ahead {
            let done = |next: &NodeId| self.aim.mode == Mode::Infer || !self.wants[next.index()];
            if let Some(next) = self.sole_consumer(*out, |op| *op == Op::Add).filter(done) {
                let inputs = &self.graph.node(next).inputs;
                let [first, second] = [inputs[0], inputs[1]].map(|id| self.source(id));
                let other = if first == *out { second } else { first };
                // The other summand may have taken the sum already, or be this convolution itself.
                if other != *out && !(other < *out && self.takes_sum(other)) {
                    addend = Some(other);
                    *out = next;
                }
            }
        }
        Kernel::Conv { prologue: None, norm, addend }
    }

    /// Whether training changes neither a convolution nor the normalization behind it.
    fn is_fixed(&self, conv: NodeId, norm: NodeId) -> bool {
        self.aim.mode == Mode::Train
            && self.aim.frozen.holds_all(&self.graph.node_parameters(conv))
            && self.aim.frozen.keeps_statistics(&self.graph.node_parameters(norm))
    }

    /// The normalization that a convolution applies to what it reads, in inference: a 1×1 one without a border, and
    /// a BatchNorm2d that no convolution before it takes in.
    fn prologue(&self, id: NodeId) -> Option<Prologue> {
        if self.aim.mode != Mode::Infer || !self.is_pointwise(id) {
            return None;
        }
        let mut norm = self.graph.node(id).inputs[0];
        let relu = self.graph.node(norm).op == Op::Relu;
        if relu {
            self.sole_consumer(norm, is_conv)?;
            norm = self.graph.node(norm).inputs[0];
        }
        if !matches!(self.graph.node(norm).op, Op::BatchNorm2d(_)) {
            return None;
        }
        self.sole_consumer(norm, |op| matches!(op, Op::Relu | Op::Conv2d(_)))?;
        (!self.is_folded(norm)).then_some(Prologue::Norm { norm, relu })
    }

    /// Whether a layer is a 1×1 convolution without a border.
    fn is_pointwise(&self, id: NodeId) -> bool {
        match &self.graph.node(id).op {
            Op::Conv2d(conv) => conv.kernel == 1.into() && conv.padding == 0.into() && conv.groups == 1,
            _ => false,
        }
    }

    /// The gate of what a convolution reads: a product, which nothing else reads, of a map and factors of its channels.
    fn gate(&self, conv: NodeId) -> Option<Gate> {
        if !self.fuses_freely() || !self.is_pointwise(conv) {
            return None;
        }
        let product = self.graph.node(conv).inputs[0];
        self.sole_consumer(product, is_conv)?;
        let node = self.graph.node(product);
        let Op::Arithmetic(Arithmetic::Mul) = node.op else { return None };
        let &[a, b] = node.inputs.as_slice() else { return None };
        let shape = |id: NodeId| self.graph.node(id).shape;
        let fits = |&(map, factors): &(NodeId, NodeId)| {
            shape(map) == node.shape && shape(factors) == Shape::map(node.shape.channels(), 1, 1)
        };
        let (map, factors) = [(a, b), (b, a)].into_iter().find(fits)?;
        Some(Gate { map, factors })
    }

    /// Whether a layer is what a convolution applies to what it reads.
    fn is_prologue(&self, id: NodeId) -> bool {
        let reads = |next: NodeId, of: NodeId| matches!(self.prologue(next), Some(Prologue::Norm { norm, .. }) if norm == of);
        let next = |id| self.sole_consumer(id, |op| matches!(op, Op::Relu | Op::Conv2d(_)));
        let op = &self.graph.node(id).op;
        if matches!(op, Op::BatchNorm2d(_)) {
            return next(id).is_some_and(|n| reads(n, id) || next(n).is_some_and(|conv| reads(conv, id)));
        }
        *op == Op::Relu && {
            let norm = self.graph.node(id).inputs[0];
            next(id).is_some_and(|conv| reads(conv, norm))
        }
    }

    /// Whether a node is the end of a convolution that takes a following sum into itself.
    fn takes_sum(&self, id: NodeId) -> bool {
        if self.sole_consumer(id, |op| *op == Op::Add).is_none() {
            return false;
        }
        let node = self.graph.node(id);
        is_conv(&node.op) || self.is_folded(id)
    }

    /// The only reader of a node's output, if it is of the wanted kind and may be fused; where more is
    /// [fused](Self::fuses_freely), behind those that hand it on.
    fn sole_consumer(&self, id: NodeId, wanted: impl Fn(&Op) -> bool) -> Option<NodeId> {
        let mut id = id;
        loop {
            if self.aim.mode == Mode::Trace || self.aim.shows(id) {
                return None;
            }
            let &[next] = self.consumers[id.index()].as_slice() else { return None };
            if wanted(&self.graph.node(next).op) {
                return Some(next);
            }
            if !self.fuses_freely() || !self.hands_on(next) {
                return None;
            }
            id = next;
        }
    }

    /// Whether a flattened map may stay in NHWC order: one pixel or channel, or only Linear layers read it.
    fn reads_in_place(&self, id: NodeId, input: Shape) -> bool {
        let (height, width) = input.spatial();
        let trivial = height * width == 1 || input.channels() == 1;
        !self.aim.sets_apart(id) && (trivial || self.only_linear_reads(id))
    }

    fn only_linear_reads(&self, id: NodeId) -> bool {
        !self.aim.shows(id)
            && self.consumers[id.index()].iter().all(|&next| {
                let op = &self.graph.node(next).op;
                matches!(op, Op::Linear(_)) || (op.keeps_order() && self.only_linear_reads(next))
            })
    }

    /// The C, H, W of the map that a vector is, in NHWC order; `None` in PyTorch's order.
    fn order(&self, id: NodeId) -> Option<(usize, usize, usize)> {
        let node = self.graph.node(id);
        if !matches!(node.shape, Shape::Vector { .. }) {
            return None;
        }
        if node.op == Op::Flatten {
            let input = self.graph.node(node.inputs[0]).shape;
            let (height, width) = input.spatial();
            let trivial = height * width == 1 || input.channels() == 1;
            return (self.reads_in_place(id, input) && !trivial).then_some((input.channels(), height, width));
        }
        if node.op.keeps_order() { self.order(node.inputs[0]) } else { None }
    }
}

/// A product of a map and factors of its channels.
struct Gate {
    map: NodeId,
    factors: NodeId,
}

fn is_conv(op: &Op) -> bool {
    matches!(op, Op::Conv2d(_))
}

fn alias(id: NodeId, input: NodeId, lowered: &mut Lowered) {
    lowered.value[id.index()] = lowered.value[input.index()];
}
