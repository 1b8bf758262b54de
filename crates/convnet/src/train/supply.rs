//! The batches of an epoch on their way to the device.

use std::borrow::Cow;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

use super::TrainError;
use crate::data::{Batch, Loader};
use crate::exec::{Ahead, CompileError, Images, Sent, TrainingStep};

/// A batch, and where its images are.
#[derive(Debug)]
pub(super) struct Supplied {
    pub(super) batch: Batch,
    /// The images, if they were sent ahead.
    sent: Option<Sent>,
}

impl From<Batch> for Supplied {
    fn from(batch: Batch) -> Self {
        Self { batch, sent: None }
    }
}

impl Supplied {
    /// The images, as a step takes them.
    pub(super) fn images(&self) -> Images<'_> {
        match (&self.sent, &self.batch.moved) {
            (Some(sent), _) => Images::sent(sent),
            (None, Some(moved)) => Images::kept(moved),
            (None, None) => Images::from(&self.batch.images),
        }
    }

    /// The images in the host's memory, after the pass over them.
    pub(super) fn seen(&self, training: &TrainingStep) -> Result<Cow<'_, [f32]>, CompileError> {
        match &self.batch.moved {
            Some(moved) => training.images(moved.len()).map(Cow::Owned),
            None => Ok(Cow::Borrowed(&self.batch.images)),
        }
    }
}

/// The batches of a loader, those that travel to a GPU while others are computed on among them.
#[derive(Debug)]
pub(super) struct Supply(Way);

#[derive(Debug)]
enum Way {
    Here(Loader),
    Ahead {
        /// `None` once no more is wanted.
        batches: Option<Receiver<Result<Supplied, TrainError>>>,
        thread: Option<JoinHandle<()>>,
        /// Raised so that a batch under way is left.
        stop: Arc<AtomicBool>,
    },
}

impl Supply {
    /// Batches whose images the device takes from the host's memory, or of the set that it keeps.
    pub(super) fn here(loader: Loader) -> Self {
        Self(Way::Here(loader))
    }

    /// Batches whose images are sent by a thread of their own, the next one while one is computed on.
    pub(super) fn ahead(loader: Loader, ahead: Ahead) -> Self {
        let (give, batches) = mpsc::sync_channel(1);
        let stop = loader.stop();
        let thread = thread::spawn(move || {
            for batch in loader {
                let supplied = batch.map_err(TrainError::from).and_then(|batch| {
                    let sent = Some(ahead.send(&batch.images)?);
                    Ok(Supplied { batch, sent })
                });
                let failed = supplied.is_err();
                if give.send(supplied).is_err() || failed {
                    return;
                }
            }
        });
        Self(Way::Ahead { batches: Some(batches), thread: Some(thread), stop })
    }
}

#[cfg(test)]
impl Supply {
    /// Whether no images are sent ahead.
    pub(super) fn is_here(&self) -> bool {
        matches!(self.0, Way::Here(_))
    }
}

impl Iterator for Supply {
    type Item = Result<Supplied, TrainError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Way::Here(loader) => {
                loader.next().map(|batch| batch.map(Supplied::from).map_err(TrainError::from))
            }
            Way::Ahead { batches, thread, .. } => {
                let next = batches.as_ref().and_then(|batches| batches.recv().ok());
                if next.is_none()
                    && let Some(Err(cause)) = thread.take().map(JoinHandle::join)
                {
                    // Ending early would pass for a complete epoch.
                    panic::resume_unwind(cause);
                }
                next
            }
        }
    }
}

impl Drop for Supply {
    fn drop(&mut self) {
        if let Way::Ahead { batches, thread, stop } = &mut self.0 {
            stop.store(true, Ordering::Relaxed);
            // The thread may be waiting to give a batch, or for a way that a batch holds.
            *batches = None;
            if let Some(thread) = thread.take() {
                // Its panic was reported where it happened; what it was to give is not wanted any more.
                let _ = thread.join();
            }
        }
    }
}
