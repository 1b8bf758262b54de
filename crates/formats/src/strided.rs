//! Tensors whose elements do not follow one another in their file: transposed, cut out of others, repeated.
//!
//! They are read in blocks of the order that is asked for, each in runs along the order in the file, and a block is kept:
//! who asks for a tensor part by part causes each byte to be read about once.

use std::io;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::number::Number;
use crate::source::Source;

/// Elements of the block that is kept.
const BLOCK: usize = 4 << 20;
/// Elements that are read at a time, used or not.
const RUN: usize = 64 << 10;
/// Elements between two runs that are read with them: they cost less than another call of the system.
const GAP: usize = 1 << 10;

/// Where a tensor's elements lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: Number,
    pub(crate) shape: Vec<usize>,
    /// Elements from one index to the next along each dimension.
    pub(crate) stride: Vec<usize>,
    /// The byte of its first element.
    pub(crate) start: u64,
}

/// The two blocks that were read last: threads that take a tensor's parts in turn are at two when one ends.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<[Option<Block>; 2]>);

#[derive(Debug)]
struct Block {
    place: Place,
    elements: Range<usize>,
    values: Vec<f32>,
}

/// A dimension of a block: its size, and the steps of its index in the file and in the block.
#[derive(Clone, Copy, Debug)]
struct Axis {
    size: usize,
    stride: usize,
    step: usize,
}

impl Place {
    /// Reads elements in row-major order, from number `first` on.
    pub(crate) fn read(
        &self,
        source: &dyn Source,
        cache: &Cache,
        first: usize,
        out: &mut [f32],
    ) -> io::Result<()> {
        let count: usize = self.shape.iter().product();
        let end = first.checked_add(out.len()).filter(|&end| end <= count);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        if self.is_contiguous() {
            let position = self.start + (first * self.number.width()) as u64;
            return self.number.read(source, position, out);
        }
        let mut kept = cache.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = first;
        while at < end {
            let part = &mut out[at - first..];
            let holds = |block: &&Block| block.place == *self && block.elements.contains(&at);
            if let Some(block) = kept.iter().flatten().find(holds) {
                let length = part.len().min(block.elements.end - at);
                let from = at - block.elements.start;
                part[..length].copy_from_slice(&block.values[from..from + length]);
                at += length;
                continue;
            }
            let (axis, elements) = self.block(at);
            if elements.start == at && elements.len() <= part.len() {
                self.gather(source, axis, &elements, &mut part[..elements.len()])?;
                at = elements.end;
                continue;
            }
            kept.swap(0, 1);
            let mut values = kept[0].take().map(|block| block.values).unwrap_or_default();
            values.resize(elements.len(), 0.0);
            self.gather(source, axis, &elements, &mut values)?;
            kept[0] = Some(Block { place: self.clone(), elements, values });
        }
        Ok(())
    }

    pub(crate) fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape.iter().zip(&self.stride).rev().all(|(&size, &stride)| {
            let fits = size == 1 || stride == expected;
            expected *= size;
            fits
        })
    }

    /// The block that an element is in: a range of the indices of one axis, all of those behind it, one of each before.
    fn block(&self, element: usize) -> (usize, Range<usize>) {
        let mut inner = 1;
        let mut axis = self.shape.len() - 1;
        while axis > 0 && inner * self.shape[axis] <= BLOCK {
            inner *= self.shape[axis];
            axis -= 1;
        }
        let size = self.shape[axis];
        let indices = (BLOCK / inner).clamp(1, size);
        let whole = element / (inner * size) * (inner * size);
        let index = (element - whole) / inner / indices * indices;
        let start = whole + index * inner;
        (axis, start..start + indices.min(size - index) * inner)
    }

    /// Reads a block in the order of its elements.
    fn gather(
        &self,
        source: &dyn Source,
        axis: usize,
        elements: &Range<usize>,
        out: &mut [f32],
    ) -> io::Result<()> {
        let inner: usize = self.shape[axis + 1..].iter().product();
        let mut axes = vec![Axis { size: elements.len() / inner, stride: self.stride[axis], step: inner }];
        for i in axis + 1..self.shape.len() {
            let step = self.shape[i + 1..].iter().product();
            axes.push(Axis { size: self.shape[i], stride: self.stride[i], step });
        }
        axes.retain(|axis| axis.size > 1);
        // The longest stride first: its runs are the furthest apart.
        axes.sort_by_key(|axis| std::cmp::Reverse(axis.stride));
        let mut runs = Runs { source, place: self, bytes: Vec::new(), run: Vec::new() };
        runs.read(&axes, self.element(elements.start), 0, out)
    }

    /// The element of the file, from the tensor's first on, that a row-major index stands for.
    fn element(&self, index: usize) -> usize {
        let mut rest = index;
        self.shape.iter().zip(&self.stride).rev().fold(0, |at, (&size, &stride)| {
            let along = rest % size;
            rest /= size;
            at + along * stride
        })
    }
}

struct Runs<'a> {
    source: &'a dyn Source,
    place: &'a Place,
    bytes: Vec<u8>,
    run: Vec<f32>,
}

impl Runs<'_> {
    fn read(&mut self, axes: &[Axis], from: usize, to: usize, out: &mut [f32]) -> io::Result<()> {
        if let Some(span) = span(axes) {
            return self.run(axes, span, from, to, out);
        }
        let [outer, rest @ ..] = axes else { return Ok(()) };
        // As many indices at a time as a run holds.
        let together = match span(rest) {
            Some(inner) if outer.stride <= inner + GAP => 1 + (RUN - inner) / outer.stride,
            _ => 1,
        };
        for index in (0..outer.size).step_by(together) {
            let part = Axis { size: together.min(outer.size - index), ..*outer };
            let (from, to) = (from + index * outer.stride, to + index * outer.step);
            if part.size == 1 {
                self.read(rest, from, to, out)?;
            } else {
                let axes: Vec<Axis> = std::iter::once(part).chain(rest.iter().copied()).collect();
                self.read(&axes, from, to, out)?;
            }
        }
        Ok(())
    }

    /// Reads a run of the file and puts its elements where they belong.
    fn run(&mut self, axes: &[Axis], span: usize, from: usize, to: usize, out: &mut [f32]) -> io::Result<()> {
        let Place { number, start, .. } = self.place;
        self.bytes.resize(span * number.width(), 0);
        self.run.resize(span, 0.0);
        self.source.read_at(start + (from * number.width()) as u64, &mut self.bytes)?;
        number.decode(&self.bytes, &mut self.run);
        scatter(&self.run, axes, 0, to, out);
        Ok(())
    }
}

/// Elements of the file from the first to the last, both included; `None` if they are too many, or too far apart, to be
/// read at once.
fn span(axes: &[Axis]) -> Option<usize> {
    axes.iter().rev().try_fold(1, |inner, axis| {
        let whole = inner + (axis.size - 1) * axis.stride;
        (axis.stride <= inner + GAP && whole <= RUN).then_some(whole)
    })
}

fn scatter(run: &[f32], axes: &[Axis], from: usize, to: usize, out: &mut [f32]) {
    match axes {
        [] => out[to] = run[from],
        [axis] => {
            for i in 0..axis.size {
                out[to + i * axis.step] = run[from + i * axis.stride];
            }
        }
        [axis, rest @ ..] => {
            for i in 0..axis.size {
                scatter(run, rest, from + i * axis.stride, to + i * axis.step, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use proptest::prelude::*;

    use super::*;

    /// A source that counts what is read.
    struct Counted(Vec<u8>, AtomicU64);

    impl Source for Counted {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, position: u64, out: &mut [u8]) -> io::Result<()> {
            self.1.fetch_add(out.len() as u64, Ordering::Relaxed);
            self.0.read_at(position, out)
        }
    }

    fn counted(elements: usize) -> Counted {
        let bytes = (0..elements).flat_map(|i| (i as f32).to_le_bytes()).collect();
        Counted(bytes, AtomicU64::new(0))
    }

    fn transposed(rows: usize, columns: usize) -> Place {
        Place { number: Number::F32, shape: vec![rows, columns], stride: vec![1, rows], start: 0 }
    }

    #[test]
    fn a_transposed_tensor_is_read_about_once_however_small_its_parts() {
        // More than two blocks, in parts that are no whole rows.
        let (rows, columns) = (3 * BLOCK / 1000, 1000);
        let (source, place, cache) = (counted(rows * columns), transposed(rows, columns), Cache::default());
        let mut part = vec![0.0; 7 * columns + 3];
        let mut first = 0;
        while first < rows * columns {
            let length = part.len().min(rows * columns - first);
            place.read(&source, &cache, first, &mut part[..length]).unwrap();
            for i in [0, length / 2, length - 1] {
                let (row, column) = ((first + i) / columns, (first + i) % columns);
                assert_eq!(part[i], (column * rows + row) as f32);
            }
            first += length;
        }
        assert_eq!(source.1.into_inner(), 4 * (rows * columns) as u64);
    }

    #[test]
    fn parts_on_both_sides_of_a_blocks_end_keep_both() {
        let (rows, columns) = (2 * BLOCK / 1000, 1000);
        let (source, place, cache) = (counted(rows * columns), transposed(rows, columns), Cache::default());
        let mut part = vec![0.0; columns];
        let last = BLOCK / columns;
        for row in [last - 2, last, last - 1, last + 1] {
            place.read(&source, &cache, row * columns, &mut part).unwrap();
        }
        assert!(source.1.into_inner() <= 4 * (rows * columns) as u64);
    }

    proptest! {
        #[test]
        fn any_strides_give_the_elements_that_they_name(
            axes in prop::collection::vec((1usize..6, prop_oneof![0usize..40, 1000usize..2000]), 1..5),
            first: u16,
            length: u16,
        ) {
            let (shape, stride): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
            let place = Place { number: Number::F32, shape, stride, start: 8 };
            let source = counted(40_000);
            let count: usize = place.shape.iter().product();
            let first = usize::from(first) % count;
            let mut out = vec![0.0; usize::from(length) % (count - first + 1)];
            place.read(&source, &Cache::default(), first, &mut out).unwrap();
            for (i, x) in out.iter().enumerate() {
                prop_assert_eq!(*x, (2 + place.element(first + i)) as f32);
            }
        }
    }
}
