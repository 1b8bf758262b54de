//! Where values live: buffers, and slices of them for the branches of a concatenation and for parts of channels.

use super::aim::Aim;
use super::lower::{Kernel, Lowered, Mode, Stage};
use crate::graph::{Graph, NodeId, Shape};
use crate::ops::Op;

/// A buffer of `pixels` × `channels` for each image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buffer {
    pub(crate) pixels: usize,
    pub(crate) channels: usize,
    /// Floats from one pixel to the next.
    pub(crate) stride: usize,
}

/// How a device wants its memory laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryRules {
    /// Floats to which buffers are aligned.
    pub(crate) line: usize,
    /// Pixels that lie a multiple of so many floats apart get in each other's way; a line between them keeps them
    /// apart.
    pub(crate) aliased: Option<usize>,
    /// Whether in inference more is fused than every device can: what products go through as they are written and read, sums
    /// behind dropouts; parts of channels that are read where they are, shuffles that read their branches.
    pub(crate) fuses: bool,
    /// Whether then scales of channels that are no normalization go into a convolution's weights: not where those are kept in half
    /// precision, whose range such a scale may leave.
    pub(crate) folds: bool,
}

impl Buffer {
    /// Without gaps.
    fn dense(pixels: usize, channels: usize) -> Self {
        Self { pixels, channels, stride: channels }
    }

    /// With gaps where pixels would get in each other's way.
    fn spread(pixels: usize, channels: usize, rules: MemoryRules) -> Self {
        let aliased = pixels > 1 && channels > 0 && rules.aliased.is_some_and(|a| channels.is_multiple_of(a));
        Self { pixels, channels, stride: if aliased { channels + rules.line } else { channels } }
    }

    pub(crate) fn floats(&self) -> usize {
        self.pixels * self.stride
    }
}

/// A value's place: channels of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) buffer: usize,
    pub(crate) channel: usize,
    pub(crate) channels: usize,
}

/// A value in memory: pixel p starts at float `offset + p·stride` and has `channels` floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// The first float.
    pub(crate) offset: usize,
    /// Pixels: N·H·W, or N for vectors.
    pub(crate) pixels: usize,
    /// Channels of each pixel.
    pub(crate) channels: usize,
    /// Floats from one pixel to the next.
    pub(crate) stride: usize,
}

impl Region {
    /// Without gaps between pixels.
    pub(crate) fn dense(offset: usize, pixels: usize, channels: usize) -> Self {
        Self { offset, pixels, channels, stride: channels }
    }
}

/// Buffers and the slots of all values.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    pub(crate) buffers: Vec<Buffer>,
    rules: MemoryRules,
    slots: Vec<Option<Slot>>,
    /// For each concatenation, the inputs that must be copied: (input index, channel in the output).
    copies: Vec<Vec<(usize, usize)>>,
}

impl Storage {
    /// Places values so that branches are written straight into their concatenation where possible; not into a watched one,
    /// whose gradient others must not add to. In inference some channels of a value are read where they are.
    pub(super) fn new(graph: &Graph, lowered: &Lowered, aim: Aim<'_>, rules: MemoryRules) -> Self {
        let count = graph.nodes().len();
        let mut storage =
            Self { buffers: Vec::new(), rules, slots: vec![None; count], copies: vec![Vec::new(); count] };
        for stage in lowered.stages.iter().rev() {
            if stage.kernel == Kernel::Concat {
                storage.concat(graph, lowered, stage, aim.watched.contains(&stage.out));
            }
        }
        let parts = rules.fuses && aim.mode == Mode::Infer;
        for stage in &lowered.stages {
            if storage.slots[stage.out.index()].is_none() {
                let shown = lowered.dense[stage.out.index()] || aim.shows(stage.out);
                match storage.part(graph, stage).filter(|_| parts && !shown) {
                    Some(slot) => storage.slots[stage.out.index()] = Some(slot),
                    None => storage.own(graph, lowered, stage.out),
                }
            }
        }
        storage
    }

    /// Where a part of the channels of its input lies, if that is what a stage gives.
    fn part(&self, graph: &Graph, stage: &Stage) -> Option<Slot> {
        let (Op::Slice(slice), [input]) = (&graph.node(stage.node).op, &stage.inputs[..]) else {
            return None;
        };
        let (first, channels) = (slice.first_channel(stage.shapes[0])?, slice.channels.length);
        let whole = self.slots[input.index()].filter(|slot| slot.channels == stage.shapes[0].channels())?;
        Some(Slot { channel: whole.channel + first, channels, ..whole })
    }

    /// Whether what a stage gives lies in its input.
    pub(crate) fn is_part(&self, graph: &Graph, stage: &Stage) -> bool {
        self.part(graph, stage) == Some(self.slot(stage.out))
    }

    fn own(&mut self, graph: &Graph, lowered: &Lowered, value: NodeId) {
        let shape = graph.node(value).shape;
        let (height, width) = shape.spatial();
        let buffer = if lowered.dense[value.index()] {
            Buffer::dense(height * width, shape.channels())
        } else {
            Buffer::spread(height * width, shape.channels(), self.rules)
        };
        self.slots[value.index()] = Some(self.add(buffer));
    }

    /// A new buffer without gaps, whole.
    pub(crate) fn buffer(&mut self, pixels: usize, channels: usize) -> Slot {
        self.add(Buffer::dense(pixels, channels))
    }

    fn add(&mut self, buffer: Buffer) -> Slot {
        self.buffers.push(buffer);
        Slot { buffer: self.buffers.len() - 1, channel: 0, channels: buffer.channels }
    }

    fn concat(&mut self, graph: &Graph, lowered: &Lowered, stage: &Stage, apart: bool) {
        let (out, inputs) = (stage.out, &stage.inputs);
        if self.slots[out.index()].is_none() {
            if !apart
                && !lowered.dense[out.index()]
                && let Some(slot) = self.together(inputs)
            {
                self.slots[out.index()] = Some(slot);
                return;
            }
            self.own(graph, lowered, out);
        }
        let Some(slot) = self.slots[out.index()] else { return };
        let mut channel = 0;
        for (i, input) in inputs.iter().enumerate() {
            // As it is read here: a vector may be a map elsewhere.
            let channels = stage.shapes[i].channels();
            let place = Slot { buffer: slot.buffer, channel: slot.channel + channel, channels };
            if !apart && self.slots[input.index()].is_none() && !lowered.dense[input.index()] {
                self.slots[input.index()] = Some(place);
            } else if self.slots[input.index()] != Some(place) {
                self.copies[out.index()].push((i, channel));
            }
            channel += channels;
        }
    }

    /// The slot that placed neighbours form, if they are.
    fn together(&self, inputs: &[NodeId]) -> Option<Slot> {
        let mut all = self.slots[inputs.first()?.index()]?;
        for input in &inputs[1..] {
            let slot = self.slots[input.index()]?;
            if slot.buffer != all.buffer || slot.channel != all.channel + all.channels {
                return None;
            }
            all.channels += slot.channels;
        }
        Some(all)
    }

    /// The slot of a value.
    pub(crate) fn slot(&self, value: NodeId) -> Slot {
        self.slots[value.index()].unwrap_or_else(|| unreachable!("value {} has a slot", value.index()))
    }

    /// The inputs of a concatenation that are not written in place.
    pub(crate) fn copies(&self, out: NodeId) -> &[(usize, usize)] {
        &self.copies[out.index()]
    }

    /// Whether a value's pixels follow one another without gaps.
    pub(crate) fn is_dense(&self, value: NodeId) -> bool {
        let slot = self.slot(value);
        slot.channels == self.buffers[slot.buffer].stride
    }

    /// A slot of `n` images, read as `shape`, in a block where its buffer starts at `offset`.
    pub(crate) fn region(&self, slot: Slot, shape: Shape, n: usize, offset: usize) -> Region {
        if shape.channels() != slot.channels {
            // A map that is read as a vector, or again as maps of one pixel.
            return Region::dense(offset, n, shape.elements());
        }
        self.pixels(slot, n, offset)
    }

    /// All pixels of a slot of `n` images.
    pub(crate) fn pixels(&self, slot: Slot, n: usize, offset: usize) -> Region {
        let Buffer { pixels, stride, .. } = self.buffers[slot.buffer];
        Region { offset: offset + slot.channel, pixels: n * pixels, channels: slot.channels, stride }
    }
}
