//! Between the state dict's tensors and the card's, whose rows hold the channels of each spot together.

use convnet_gpu::Stem;

use crate::plan::CompileError;
use crate::state::TensorSource;

/// The weight of a Conv2d or a Linear.
///
/// A tensor's row is an output channel and holds its inputs channel by channel, each with its `spots` (kernel
/// elements, or the pixels of a flattened map); on the card it holds them spot by spot.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rows {
    pub(super) out: usize,
    /// Input channels of a group.
    pub(super) channels: usize,
    pub(super) spots: usize,
    /// The weight lies over blocks of 2 × 2 pixels.
    pub(super) stem: Option<Stem>,
}

/// Floats that are read at a time.
const PART: usize = 1 << 20;

impl Rows {
    /// Floats on the card.
    pub(super) fn len(&self) -> usize {
        match &self.stem {
            Some(stem) => stem.blocks.weights(),
            None => self.out * self.row(),
        }
    }

    fn row(&self) -> usize {
        self.channels * self.spots
    }

    /// Reads a tensor to its place, each output channel scaled by `scale` where given.
    pub(super) fn pack(
        &self,
        (source, name): (&dyn TensorSource, &str),
        target: &mut [f32],
        scale: Option<&[f32]>,
    ) -> Result<(), CompileError> {
        let row = self.row();
        let step = (PART / row.max(1)).max(1);
        let mut part = Vec::new();
        for first in (0..self.out).step_by(step) {
            let rows = first..(first + step).min(self.out);
            part.resize(rows.len() * row, 0.0);
            source
                .read(name, first * row, &mut part)
                .map_err(|error| CompileError::Read { name: name.to_owned(), reason: error.to_string() })?;
            for (k, values) in rows.clone().zip(part.chunks_exact_mut(row)) {
                if let Some(scale) = scale {
                    values.iter_mut().for_each(|x| *x *= scale[k]);
                }
                for (at, &x) in self.places(k).zip(values.iter()) {
                    target[at] = x;
                }
            }
        }
        Ok(())
    }

    /// The tensor of what lies on the card.
    pub(super) fn unpack(&self, source: &[f32], tensor: &mut [f32]) {
        for (k, values) in tensor.chunks_exact_mut(self.row()).enumerate() {
            for (at, x) in self.places(k).zip(values) {
                *x = source[at];
            }
        }
    }

    /// Where the elements of a tensor's row lie on the card, in the tensor's order.
    fn places(&self, k: usize) -> impl Iterator<Item = usize> + '_ {
        let (row, spots, channels) = (self.row(), self.spots, self.channels);
        let index = move |(channel, spot): (usize, usize)| k * row + spot * channels + channel;
        let all = (0..channels).flat_map(move |channel| (0..spots).map(move |spot| (channel, spot)));
        all.map(index).map(|at| self.stem.as_ref().map_or(at, |stem| stem.place(at)))
    }
}

/// The bytes of numbers as bf16, the nearest of which each is rounded to, of two the even one.
pub(super) fn halves(values: &[f32]) -> Vec<u8> {
    let half = |value: &f32| -> [u8; 2] {
        let bits = value.to_bits();
        let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
        let kept = if value.is_nan() { bits | 0x0040_0000 } else { nearest };
        ((kept >> 16) as u16).to_le_bytes()
    };
    values.iter().flat_map(half).collect()
}

/// The bytes of numbers, as the card reads them.
pub(super) fn bytes(values: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; 4 * values.len()];
    for (to, value) in bytes.chunks_exact_mut(4).zip(values) {
        to.copy_from_slice(&value.to_le_bytes());
    }
    bytes
}
