//! The sum of a part of the flat gradients over all ranks, while it is under way.

use std::ops::Range;

use super::words::words;
use super::{Ranks, RanksError, Transfer};

/// A sum under way. Each rank adds up one chunk of it: the others send theirs, and get the sum back, which takes twice the
/// part's length of words of each rank, whatever their number.
pub(super) struct Sum {
    /// Its place among the gradients.
    range: Range<usize>,
    rank: usize,
    /// Where each rank's chunk lies in the part.
    chunks: Vec<Range<usize>>,
    tag: u32,
    /// This rank's values of its own chunk; the sum once all have come.
    own: Vec<f32>,
    summed: bool,
    /// What the others have of this rank's chunk.
    parts: Vec<Option<Box<dyn Transfer>>>,
    arrived: Vec<Option<Vec<u32>>>,
    /// The sums of the others' chunks.
    sums: Vec<Option<Box<dyn Transfer>>>,
    /// What goes to a rank.
    leaving: Vec<(usize, Box<dyn Transfer>)>,
    /// A rank without which it does not go on.
    waits_for: Option<usize>,
}

/// Even chunks, one a rank.
fn chunks(len: usize, ranks: usize) -> Vec<Range<usize>> {
    (0..ranks).map(|rank| rank * len / ranks..(rank + 1) * len / ranks).collect()
}

impl Sum {
    /// Starts the sum of what lies at `range`; takes two tags.
    pub(super) fn start(
        ranks: &dyn Ranks,
        range: Range<usize>,
        values: &[f32],
        tag: u32,
    ) -> Result<Self, RanksError> {
        let (rank, size) = (ranks.rank(), ranks.size());
        let chunks = chunks(values.len(), size);
        let own = values[chunks[rank].clone()].to_vec();
        let (mut parts, mut sums, mut leaving) = (Vec::new(), Vec::new(), Vec::new());
        for other in 0..size {
            let (theirs, mine) = (chunks[other].clone(), chunks[rank].len());
            let travels = |count: usize| other != rank && count > 0;
            parts.push(travels(mine).then(|| ranks.receive(other, tag, mine)).transpose()?);
            sums.push(
                travels(theirs.len()).then(|| ranks.receive(other, tag + 1, theirs.len())).transpose()?,
            );
            if travels(theirs.len()) {
                leaving.push((other, ranks.send(other, tag, words(&values[theirs]))?));
            }
        }
        let arrived = vec![None; size];
        let (summed, waits_for) = (false, None);
        Ok(Self { range, rank, chunks, tag, own, summed, parts, arrived, sums, leaving, waits_for })
    }

    /// Goes as far as it can without waiting; whether the whole sum is here.
    pub(super) fn advance(&mut self, ranks: &dyn Ranks) -> Result<bool, RanksError> {
        for (part, arrived) in self.parts.iter_mut().zip(&mut self.arrived) {
            if let Some(mut transfer) = part.take() {
                match transfer.is_done()? {
                    true => *arrived = Some(transfer.into_words()),
                    false => *part = Some(transfer),
                }
            }
        }
        if !self.summed && self.parts.iter().all(Option::is_none) {
            self.add_up(ranks)?;
        }
        let mut still = Vec::new();
        for (other, mut transfer) in self.leaving.drain(..) {
            if !transfer.is_done()? {
                still.push((other, transfer));
            }
        }
        self.leaving = still;
        self.waits_for = self.parts.iter().position(Option::is_some);
        for (other, transfer) in self.sums.iter_mut().enumerate() {
            if let Some(transfer) = transfer
                && !transfer.is_done()?
            {
                self.waits_for = self.waits_for.or(Some(other));
            }
        }
        self.waits_for = self.waits_for.or(self.leaving.first().map(|(other, _)| *other));
        Ok(self.summed && self.waits_for.is_none())
    }

    /// Adds up this rank's chunk in the order of the ranks, and sends it to the others.
    fn add_up(&mut self, ranks: &dyn Ranks) -> Result<(), RanksError> {
        let (rank, mut own) = (self.rank, std::mem::take(&mut self.own));
        let parts = self.arrived.iter_mut().enumerate().filter_map(|(of, arrived)| match of == rank {
            true => Some(std::mem::take(&mut own)),
            false => arrived.take().map(|words| words.into_iter().map(f32::from_bits).collect()),
        });
        let add = |mut sum: Vec<f32>, part: Vec<f32>| {
            sum.iter_mut().zip(&part).for_each(|(sum, value)| *sum += value);
            sum
        };
        self.own = parts.reduce(add).unwrap_or_default();
        self.summed = true;
        for other in (0..ranks.size()).filter(|&other| other != self.rank && !self.own.is_empty()) {
            self.leaving.push((other, ranks.send(other, self.tag + 1, words(&self.own))?));
        }
        Ok(())
    }

    /// A rank without which it does not go on.
    pub(super) fn waits_for(&self) -> Option<usize> {
        self.waits_for
    }

    /// Writes the sum to its place, once it is here.
    pub(super) fn write(self, gradients: &mut [f32]) {
        let target = &mut gradients[self.range];
        target[self.chunks[self.rank].clone()].copy_from_slice(&self.own);
        for (chunk, transfer) in self.chunks.iter().zip(self.sums) {
            if let Some(transfer) = transfer {
                let words = transfer.into_words();
                target[chunk.clone()].iter_mut().zip(words).for_each(|(to, word)| *to = f32::from_bits(word));
            }
        }
    }
}
