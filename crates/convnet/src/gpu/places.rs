//! Where everything lies in a program's block of memory.

use convnet_gpu::Clock;

use super::binder::LINE;
use super::program::Program;
use crate::plan::Mode;

/// Where the parts of a block start, and where it ends, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// What a step takes from the host: a clock for each rate, labels, images, shares of the classes.
    pub(super) clocks: usize,
    pub(super) labels: usize,
    pub(super) images: usize,
    pub(super) shares: usize,
    /// Bytes of all of it.
    pub(super) batch: usize,
    /// Of each output of the network the loss and the count of right images.
    pub(super) results: usize,
    /// Gradients of the outputs that the host computed.
    pub(super) staged: usize,
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
    pub(super) running: usize,
    /// Means and variances of gradients, and factors.
    pub(super) spare: usize,
    /// Bytes of the block.
    pub(super) end: usize,
}

/// Bytes of a pair of results.
pub(super) const RESULT: usize = 8;

impl Places {
    /// Lays out a program with so many outputs that a loss reads, parameters in training and moments of each. Nothing where the
    /// block cannot be addressed.
    pub(super) fn new(program: &Program, losses: usize, trained: usize, moments: usize) -> Option<Self> {
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
        let images_at = take(images.and_then(floats))?;
        let targets = plan.batch.checked_mul(plan.graph.classes());
        let shares = take(only(targets.and_then(floats)))?;
        let batch = match training {
            true => shares.checked_add(targets.and_then(floats)?)?,
            false => images_at.checked_add(images.and_then(floats)?)?,
        };
        let outputs = targets?.checked_next_multiple_of(LINE)?;
        let results = take(only(losses.checked_mul(RESULT)))?;
        let staged = take(only(outputs.checked_mul(losses).and_then(floats)))?;
        let size = program.format().size();
        let activations = take(plan.floats.checked_mul(size))?;
        let saved = take(floats(program.saved))?;
        let flat = floats(program.parameters);
        let parameters = take(flat)?;
        let gradients = take(only(flat))?;
        let half = if size == 4 { Some(0) } else { program.parameters.checked_mul(size) };
        let halves = take(half)?;
        let half_gradients = take(only(half))?;
        let earlier = take(only(flat))?;
        let mut moment = |index: usize| take(if index < moments { flat } else { Some(0) });
        let moments = [moment(0)?, moment(1)?, moment(2)?];
        let running = take(floats(program.running))?;
        let spare = take(only(floats((2 * trained + 2) * LINE)))?;
        Some(Self {
            clocks,
            labels,
            images: images_at,
            shares,
            batch,
            results,
            staged,
            activations,
            saved,
            parameters,
            gradients,
            halves,
            half_gradients,
            earlier,
            moments,
            running,
            spare,
            end,
        })
    }
}
