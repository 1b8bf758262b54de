//! Where everything lies in a program's block of memory.

use convnet_gpu::Clock;

use super::binder::LINE;
use super::program::{Loss, Program};
use crate::graph::Shape;
use crate::plan::Mode;

/// Where the parts of a block start, and where it ends, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// What a step takes from the host: a clock for each rate, labels, shares of the classes, images.
    pub(super) clocks: usize,
    pub(super) labels: usize,
    pub(super) shares: usize,
    pub(super) images: usize,
    /// Bytes of all of it.
    pub(super) batch: usize,
    /// Of each output of the network the loss and the count of right images.
    pub(super) results: usize,
    /// Gradients of the outputs that the host computed.
    pub(super) staged: usize,
    /// What the watched layers gave in the last forward pass, or the gradients with respect to it after a backward pass.
    pub(super) seen: usize,
    pub(super) activations: usize,
    pub(super) saved: usize,
    pub(super) parameters: usize,
    pub(super) gradients: usize,
    /// The parameters in the format of activations, where that is not single precision, and as much room for gradients, of which
    /// those of convolutions' weights are written.
    pub(super) halves: usize,
    pub(super) half_gradients: usize,
    /// The gradients of earlier batches.
    pub(super) earlier: usize,
    pub(super) moments: [usize; 3],
    /// Where Muon makes matrices orthogonal.
    pub(super) matrices: usize,
    pub(super) running: usize,
    /// Means and variances of gradients, and factors.
    pub(super) spare: usize,
    /// Bytes of the block.
    pub(super) end: usize,
}

/// What an optimizer keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Upkeep {
    /// Parameters in training, and moments of each.
    pub(super) trained: usize,
    pub(super) moments: usize,
    /// Bytes of the room for matrices.
    pub(super) matrices: usize,
}

/// Bytes of a pair of results.
pub(super) const RESULT: usize = 8;

/// Floats of a batch of values in the host's terms, up to a line.
pub(super) fn room(batch: usize, shape: Shape) -> Option<usize> {
    batch.checked_mul(shape.elements())?.checked_next_multiple_of(LINE)
}

impl Places {
    /// Lays out a program whose outputs have these losses, with what an optimizer keeps. Nothing where the block cannot be
    /// addressed.
    pub(super) fn new(program: &Program, losses: &[Loss], kept: Upkeep) -> Option<Self> {
        let Upkeep { trained, moments, matrices } = kept;
        let (plan, mut end) = (&program.plan, 0usize);
        let mut take = |bytes: Option<usize>| -> Option<usize> {
            let start = end;
            end = start.checked_add(bytes?)?.checked_next_multiple_of(4 * LINE)?;
            Some(start)
        };
        let floats = |count: usize| count.checked_mul(4);
        let training = plan.mode == Mode::Train;
        let only = |bytes: Option<usize>| if training { bytes } else { Some(0) };
        let images = plan.batch.checked_mul(plan.graph.input_shape().elements());
        let clocks = take(only(trained.max(1).checked_mul(Clock::BYTES)))?;
        let labels = take(only(floats(plan.batch)))?;
        let shares = take(only(plan.batch.checked_mul(plan.graph.classes()).and_then(floats)))?;
        let images_at = take(images.and_then(floats))?;
        let batch = images_at.checked_add(images.and_then(floats)?)?;
        let results = take(only(losses.len().checked_mul(RESULT)))?;
        let rooms = |shapes: &mut dyn Iterator<Item = Shape>| {
            shapes.map(|shape| room(plan.batch, shape)).sum::<Option<usize>>()
        };
        let staged = take(only(rooms(&mut losses.iter().map(|loss| loss.shape)).and_then(floats)))?;
        let watched = rooms(&mut program.watched.iter().map(|&id| plan.graph.node(id).shape));
        let seen = take(only(watched.and_then(floats)))?;
        let size = program.format().size();
        let activations = take(plan.floats.checked_mul(size))?;
        let saved = take(floats(program.saved))?;
        let parameters = take(floats(program.parameters))?;
        let flat = floats(program.learning);
        let gradients = take(only(flat))?;
        let half = |count: usize| if size == 4 { Some(0) } else { count.checked_mul(size) };
        let halves = take(half(program.parameters))?;
        let half_gradients = take(only(half(program.learning)))?;
        let earlier = take(only(flat))?;
        let mut moment = |index: usize| take(if index < moments { flat } else { Some(0) });
        let moments = [moment(0)?, moment(1)?, moment(2)?];
        let matrices = take(Some(matrices))?;
        let running = take(floats(program.running))?;
        let spare = take(only(floats((2 * trained + 2) * LINE)))?;
        Some(Self {
            clocks,
            labels,
            shares,
            images: images_at,
            batch,
            results,
            staged,
            seen,
            activations,
            saved,
            parameters,
            gradients,
            halves,
            half_gradients,
            earlier,
            moments,
            matrices,
            running,
            spare,
            end,
        })
    }
}
