//! Images that a GPU has before the step that takes them.

use super::{Compiled, TrainingStep};
use crate::gpu::Ahead;
use crate::moved::Moves;
use crate::plan::CompileError;

impl TrainingStep {
    /// What sends images to the GPU while others are computed on, for [`Images::sent`](super::super::Images::sent); `None` on the
    /// CPU.
    ///
    /// # Errors
    /// If the GPU fails or has no room.
    pub fn ahead(&self) -> Result<Option<Ahead>, CompileError> {
        match &self.compiled {
            Compiled::Cpu(_) => Ok(None),
            Compiled::Gpu(training) => training.ahead().map(Some),
        }
    }

    /// Threads that may prepare images while a GPU computes; `None` on the CPU, which computes with all of them.
    #[cfg(feature = "train")]
    pub(crate) fn idle_threads(&self) -> Option<usize> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        match (&self.compiled, self.options.threads) {
            (Compiled::Cpu(_), _) => None,
            (Compiled::Gpu(_), 0) => Some(cores()),
            (Compiled::Gpu(_), threads) => Some(threads),
        }
    }

    /// Keeps a set on the GPU, with the levels (N, C, H, W) that `levels` gives, unless it is there: from now on its batches may be
    /// [`Images::kept`](super::super::Images::kept). `false` on the CPU, and where the GPU has no room, or would have less than half of
    /// its free memory left.
    ///
    /// # Errors
    /// What `levels` tells, or if the GPU fails.
    ///
    /// # Panics
    /// If the images become input of another shape than the network's, or there are not as many levels.
    pub fn keep<E: From<CompileError>>(
        &mut self,
        moves: &Moves,
        levels: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<bool, E> {
        let Compiled::Gpu(training) = &mut self.compiled else { return Ok(false) };
        assert_eq!(moves.input, training.plan().graph.input_size(), "the input of the network");
        if training.keeps(moves) {
            return Ok(true);
        }
        let count = moves.images.saturating_mul(moves.image.iter().product());
        if !training.make_room(count)? {
            return Ok(false);
        }
        let levels = levels()?;
        assert_eq!(levels.len(), count, "levels of {} images", moves.images);
        // Without room for it the images come from the host; a card that fails tells so in the next step.
        Ok(training.keep(&levels, moves).is_ok())
    }

    /// The `n` images of the last pass (N, C, H, W), which a GPU made; none on the CPU.
    #[cfg(feature = "train")]
    pub(crate) fn images(&self, n: usize) -> Result<Vec<f32>, CompileError> {
        match &self.compiled {
            Compiled::Cpu(_) => Ok(Vec::new()),
            Compiled::Gpu(training) => training.images(n),
        }
    }
}
