//! Where values live: buffers, and slices of them for the branches of a concatenation.

use convnet_kernels::View;

use super::lower::{Kernel, Lowered};
use crate::graph::{Graph, NodeId, Shape};

/// A buffer of `pixels` × `channels` for each image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Buffer {
    pub(super) pixels: usize,
    pub(super) channels: usize,
    /// Floats from one pixel to the next.
    pub(super) stride: usize,
}

/// Pixels that lie a multiple of so many floats apart (2 KiB) share two sets of the first-level cache, too few
/// for the rows of a register tile; a cache line between them spreads them over all sets.
const ALIASED: usize = 512;
const LINE: usize = 16;

impl Buffer {
    /// Without gaps.
    fn dense(pixels: usize, channels: usize) -> Self {
        Self { pixels, channels, stride: channels }
    }

    /// With gaps where pixels would get in each other's way in the cache.
    fn spread(pixels: usize, channels: usize) -> Self {
        let aliased = pixels > 1 && channels > 0 && channels.is_multiple_of(ALIASED);
        Self { pixels, channels, stride: if aliased { channels + LINE } else { channels } }
    }

    pub(super) fn floats(&self) -> usize {
        self.pixels * self.stride
    }
}

/// A value's place: channels of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) buffer: usize,
    pub(super) channel: usize,
    pub(super) channels: usize,
}

/// Buffers and the slots of all values.
#[derive(Clone, Debug, Default)]
pub(super) struct Storage {
    pub(super) buffers: Vec<Buffer>,
    slots: Vec<Option<Slot>>,
    /// For each concatenation, the inputs that must be copied: (input index, channel in the output).
    copies: Vec<Vec<(usize, usize)>>,
}

impl Storage {
    /// Places values so that branches are written straight into their concatenation where possible.
    pub(super) fn new(graph: &Graph, lowered: &Lowered) -> Self {
        let count = graph.nodes().len();
        let mut storage =
            Self { buffers: Vec::new(), slots: vec![None; count], copies: vec![Vec::new(); count] };
        for stage in lowered.stages.iter().rev() {
            if stage.kernel == Kernel::Concat {
                storage.concat(graph, lowered, stage.out, &stage.inputs);
            }
        }
        for stage in &lowered.stages {
            if storage.slots[stage.out.index()].is_none() {
                storage.own(graph, lowered, stage.out);
            }
        }
        storage
    }

    fn own(&mut self, graph: &Graph, lowered: &Lowered, value: NodeId) {
        let shape = graph.node(value).shape;
        let (height, width) = shape.spatial();
        let make = if lowered.dense[value.index()] { Buffer::dense } else { Buffer::spread };
        self.slots[value.index()] = Some(self.add(make(height * width, shape.channels())));
    }

    /// A new buffer without gaps, whole.
    pub(super) fn buffer(&mut self, pixels: usize, channels: usize) -> Slot {
        self.add(Buffer::dense(pixels, channels))
    }

    fn add(&mut self, buffer: Buffer) -> Slot {
        self.buffers.push(buffer);
        Slot { buffer: self.buffers.len() - 1, channel: 0, channels: buffer.channels }
    }

    fn concat(&mut self, graph: &Graph, lowered: &Lowered, out: NodeId, inputs: &[NodeId]) {
        if self.slots[out.index()].is_none() {
            if !lowered.dense[out.index()]
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
            let channels = graph.node(*input).shape.channels();
            let place = Slot { buffer: slot.buffer, channel: slot.channel + channel, channels };
            if self.slots[input.index()].is_none() && !lowered.dense[input.index()] {
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
    pub(super) fn slot(&self, value: NodeId) -> Slot {
        self.slots[value.index()].unwrap_or_else(|| unreachable!("value {} has a slot", value.index()))
    }

    /// The inputs of a concatenation that are not written in place.
    pub(super) fn copies(&self, out: NodeId) -> &[(usize, usize)] {
        &self.copies[out.index()]
    }

    /// A slot as a view of `n` images, read as `shape`, in a block where its buffer starts at `offset`.
    pub(super) fn view(&self, slot: Slot, shape: Shape, n: usize, offset: usize) -> View {
        let buffer = self.buffers[slot.buffer];
        if shape.channels() != slot.channels {
            // A map that is read as a vector, or again as maps of one pixel.
            return View::dense(offset, n, shape.elements());
        }
        View {
            offset: offset + slot.channel,
            pixels: n * buffer.pixels,
            channels: slot.channels,
            stride: buffer.stride,
        }
    }
}
