//! Whether the machine has the memory that a program needs, asked before any of it is taken.

use convnet_kernels::{Arena, Pool};

use super::program::Program;
use crate::graph::Graph;
use crate::machine::available_memory;
use crate::ops::Op;
use crate::options::Options;
use crate::plan::{Aim, CompileError, Mode};

/// Bytes of a float.
pub(super) const FLOAT: usize = size_of::<f32>();
/// Bytes of what is kept of a kernel element, and of a pooling's row or column, at most.
const TABLE_ENTRY: usize = 64;

/// The pool of an engine.
pub(super) fn pool(options: &Options) -> Result<Pool, CompileError> {
    let threads = options.threads;
    let pool = if options.rehearse { Pool::rehearsal(threads) } else { Pool::try_new(threads) };
    pool.map_err(|error| CompileError::Threads { threads, reason: error.to_string() })
}

/// A sum of bytes; `None` beyond what can be addressed.
pub(super) fn sum(parts: &[Option<usize>]) -> Option<usize> {
    let total = parts.iter().try_fold(0usize, |sum, part| sum.checked_add((*part)?))?;
    isize::try_from(total).ok().map(|_| total)
}

/// Bytes of `count` things for each image of a batch.
pub(super) fn times(batch: usize, count: usize) -> Option<usize> {
    count.checked_mul(FLOAT)?.checked_mul(batch)
}

/// Bytes of a network's weights as they are given: PyTorch's tensors, in memory.
pub(super) fn weights(graph: &Graph) -> Option<usize> {
    sum(&graph.parameters().iter().map(|spec| times(1, spec.elements())).collect::<Vec<_>>())
}

/// # Errors
/// If the machine has less available.
pub(super) fn room(bytes: Option<usize>, (task, batch): (&'static str, usize)) -> Result<(), CompileError> {
    let (bytes, available) = (bytes.unwrap_or(usize::MAX), available_memory());
    if available.is_some_and(|available| bytes > available) {
        return Err(CompileError::Memory { task, batch, bytes, available, largest: None });
    }
    Ok(())
}

/// A block of floats that a batch needs.
pub(super) fn allocate(floats: usize, (task, batch): (&'static str, usize)) -> Result<Arena, CompileError> {
    Arena::try_new(floats).map_err(|error| CompileError::memory((task, batch), error.bytes()))
}

/// Zeros that a batch needs.
pub(super) fn zeros<T: Clone + Default>(
    len: usize,
    (task, batch): (&'static str, usize),
) -> Result<Vec<T>, CompileError> {
    let mut zeros = Vec::new();
    let refused = |_| CompileError::memory((task, batch), len.saturating_mul(size_of::<T>()));
    zeros.try_reserve_exact(len).map_err(refused)?;
    zeros.resize(len, T::default());
    Ok(zeros)
}

/// What is known before anything is planned, the tables of the plan included: the least that any plan takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Least {
    /// For each image, bytes of the largest value.
    image: usize,
    /// Whatever the batch.
    fixed: usize,
}

impl Least {
    /// Of the part of a graph that the outputs depend on.
    pub(super) fn of(graph: &Graph, aim: Aim<'_>) -> Self {
        let live = graph.reachable(aim.outputs);
        // Training keeps weights, and gradients of those that learn.
        let copies = |name: &str| if aim.mode == Mode::Train && !aim.frozen.holds(name) { 2 } else { 1 };
        let (mut image, mut fixed) = (0, 0);
        for id in graph.ids().filter(|id| live[id.index()]) {
            let node = graph.node(id);
            image = image.max(node.shape.elements() * FLOAT);
            let elements: usize =
                graph.node_parameters(id).iter().map(|spec| copies(&spec.name) * spec.elements()).sum();
            let (height, width) = node.shape.spatial();
            let entries = match &node.op {
                Op::Conv2d(conv) => conv.kernel.h * conv.kernel.w,
                Op::MaxPool2d(_) | Op::AvgPool2d(_) | Op::AdaptiveAvgPool2d(_) => height + width,
                _ => 0,
            };
            fixed += FLOAT * elements + TABLE_ENTRY * entries;
        }
        Self { image, fixed }
    }

    fn bytes(self, batch: usize) -> Option<usize> {
        sum(&[self.image.checked_mul(batch), Some(self.fixed)])
    }
}

/// What shall be planned, and what a plan of it needs.
pub(super) struct Planner<'a> {
    /// `inference`, `training` or `looking inside`.
    pub(super) task: &'static str,
    pub(super) graph: &'a Graph,
    pub(super) aim: Aim<'a>,
    pub(super) options: &'a Options,
    /// Bytes of all that is allocated by a program; `None` beyond what can be addressed.
    pub(super) need: &'a dyn Fn(&Program) -> Option<usize>,
}

impl Planner<'_> {
    /// The program for a batch that the machine has the memory for.
    ///
    /// # Errors
    /// If it has not, the largest batch that fits; if the network cannot be run, why.
    pub(super) fn plan(&self, batch: usize) -> Result<Program, CompileError> {
        if batch == 0 {
            return Err(CompileError::EmptyBatch);
        }
        let available = [available_memory(), self.options.memory].into_iter().flatten().min();
        let room = available.unwrap_or(isize::MAX as usize);
        let least = Least::of(self.graph, self.aim);
        let bytes = match self.fit(batch, least, room)? {
            Fit::Fits(program) => return Ok(*program),
            Fit::Needs(bytes) => bytes,
        };
        let beyond = batch.min((room / least.image.max(1)).saturating_add(1));
        let largest = largest(beyond, |batch| matches!(self.fit(batch, least, room), Ok(Fit::Fits(_))));
        Err(CompileError::Memory { task: self.task, batch, bytes, available, largest: Some(largest) })
    }

    /// A batch is planned only where the tables of its plan have room.
    fn fit(&self, batch: usize, least: Least, room: usize) -> Result<Fit, CompileError> {
        let bytes = least.bytes(batch).unwrap_or(usize::MAX);
        if bytes > room {
            return Ok(Fit::Needs(bytes));
        }
        match Program::new(self.graph, self.aim, batch, self.options) {
            Ok(program) => {
                let bytes = (self.need)(&program).unwrap_or(usize::MAX);
                Ok(if bytes > room { Fit::Needs(bytes) } else { Fit::Fits(Box::new(program)) })
            }
            Err(CompileError::TooLarge { .. }) => Ok(Fit::Needs(usize::MAX)),
            Err(error) => Err(error),
        }
    }
}

/// Whether a batch fits.
enum Fit {
    Fits(Box<Program>),
    /// It does not, and needs so many bytes.
    Needs(usize),
}

/// The largest number below `beyond`, which does not fit, that fits; 0 if none does.
fn largest(mut beyond: usize, fits: impl Fn(usize) -> bool) -> usize {
    let mut most = 0;
    while beyond - most > 1 {
        let middle = most + (beyond - most) / 2;
        if fits(middle) {
            most = middle;
        } else {
            beyond = middle;
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_that_fits_is_found_by_halving() {
        for limit in [0, 1, 2, 6, 99] {
            assert_eq!(largest(100, |n| n <= limit), limit);
        }
        assert_eq!(largest(1, |_| true), 0);
    }
}
