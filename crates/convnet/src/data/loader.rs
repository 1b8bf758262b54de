//! Batches, prepared on threads beside the computation.

#[cfg(test)]
mod tests;

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use super::mix::Mix;
use super::random::{Random, Sampling, balanced, shuffled};
use super::share::{BatchPlace, Share};
use super::transform::{Mover, Runner};
use super::{Augment, DataError, Dataset, Pipeline, Preprocess, parallel};
use crate::moved::{Mixed, MovedBatch, Moves};

/// Batches that wait ready, at most.
const PREFETCH: usize = 3;
/// Bytes that waiting batches may take; one may wait whatever its size.
const PREFETCH_BYTES: usize = 64 << 20;
/// Threads that decode, where their number is not given: they are waited for by one network.
const MAX_WORKERS: usize = 8;

/// Images ready for the network, and their classes. Its buffers go back to the loader when it is dropped.
#[derive(Debug, Default)]
pub struct Batch {
    /// Floats in the order N, C, H, W.
    pub images: Vec<f32>,
    /// The class of each image.
    pub labels: Vec<u32>,
    /// Soft targets (N, classes): what share of each image is of which class, and 1 for each class of an image that may
    /// have several. Empty where `labels` tells all.
    pub shares: Vec<f32>,
    /// Where these images stand in a batch that several ranks share; `None` where they are all of it.
    pub place: Option<BatchPlace>,
    /// What was drawn for the images, by [`Loader::moved`]; `images` is empty then.
    pub moved: Option<MovedBatch>,
    home: Option<Sender<Batch>>,
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            // A loader that is done needs no buffers.
            let _ = home.send(std::mem::take(self));
        }
    }
}

/// One pass over a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Images of a batch, at least 1; the last may be smaller.
    pub batch: usize,
    /// Whether the order of the images is drawn from the seed and the epoch.
    pub shuffle: bool,
    /// Which images are taken where the order is drawn.
    pub sampling: Sampling,
    /// What all that is drawn at random depends on, with the epoch and each image's place in the set.
    pub seed: u64,
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// The first batch that is given: 0 but for a pass that is resumed.
    pub start: usize,
    /// Which part of each batch is given.
    pub share: Share,
    /// Threads that decode and transform; `None` for as many as are of use, which is one for a set in memory.
    pub workers: Option<usize>,
}

impl Pass {
    /// All images in their order, in batches of so many.
    pub fn in_order(batch: usize) -> Self {
        Self {
            batch,
            shuffle: false,
            sampling: Sampling::Shuffle,
            seed: 0,
            epoch: 0,
            start: 0,
            share: Share::WHOLE,
            workers: None,
        }
    }
}

/// The batches of one pass over a data set. What it gives depends on its arguments alone, never on timing or on the
/// number of its threads.
///
/// At most three batches or 64 MiB wait ready, beside the one under way, and each thread holds one decoded image. An
/// image that cannot be read ends the pass with its error. Threads end with the loader.
///
/// ```
/// use convnet::data::{self, Loader, Preprocess};
///
/// # fn main() -> Result<(), data::DataError> {
/// let test = data::open(data::DEFAULT)?.test.expect("it has test images");
/// let preprocess = Preprocess::for_input([1, 28, 28], &test)?;
/// for batch in Loader::evaluation(&test, &preprocess, 500) {
///     let batch = batch?;
///     assert_eq!((batch.images.len(), batch.labels.len()), (500 * 28 * 28, 500));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Loader {
    /// `None` once no more is wanted.
    batches: Option<Receiver<Result<Batch, DataError>>>,
    /// Raised so that a batch under way is left.
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    /// The batches of a pass, by any pipeline.
    ///
    /// # Panics
    /// If a batch or the number of workers is 0.
    pub fn new(data: &Dataset, pipeline: &Pipeline, pass: Pass) -> Self {
        Self::mixed(data, pipeline, None, pass)
    }

    /// The same with the images of each batch mixed with one another, and soft targets in [`Batch::shares`].
    ///
    /// # Panics
    /// If a batch or the number of workers is 0.
    pub fn mixed(data: &Dataset, pipeline: &Pipeline, mix: Option<Mix>, pass: Pass) -> Self {
        let workers = pass.workers.unwrap_or_else(|| data.threads().min(MAX_WORKERS));
        assert!(workers > 0, "at least one thread loads");
        let runner = |_| Runner::new(pipeline, pass.seed, pass.epoch);
        let workers = workers.min(pass.batch).min(data.len());
        let runners = (0..workers).map(runner).collect();
        Self::start(data, (By::Steps(runners), pipeline.output()), mix, pass)
    }

    /// As [`Loader::augmented`], for a GPU that keeps the set: a batch has no images but what was drawn for them, the same that
    /// the CPU would do. `None` where images are not in memory and of one size, or more is done than to move their pixels:
    /// resizes, rotations, changes of colours.
    ///
    /// ```
    /// use convnet::data::{self, Augment, Loader, Pass, Preprocess};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let train = data::open(data::DEFAULT)?.train;
    /// let preprocess = Preprocess::for_input([1, 32, 32], &train)?;
    /// let pass = Pass { shuffle: true, seed: 7, ..Pass::in_order(64) };
    /// let crops: Augment = toml::from_str("crop = 2\nflip = true")?;
    /// let (mut loader, _moves) = Loader::moved(&train, &preprocess, &crops, pass).expect("moves");
    /// let batch = loader.next().expect("a batch")?;
    /// assert!(batch.images.is_empty());
    /// assert_eq!((batch.moved.as_ref().map(|moved| moved.len()), batch.labels.len()), (Some(64), 64));
    /// let turns: Augment = toml::from_str("rotate = 10")?;
    /// assert!(Loader::moved(&train, &preprocess, &turns, pass).is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// If the batch is 0.
    pub fn moved(
        data: &Dataset,
        preprocess: &Preprocess,
        augment: &Augment,
        pass: Pass,
    ) -> Option<(Self, Moves)> {
        let pipeline = preprocess.pipeline(data.shape, augment);
        let mover = Mover::new(&pipeline, data, (pass.seed, pass.epoch))?;
        let moves = Moves::clone(mover.moves());
        let by = By::Moves(Box::new(mover));
        Some((Self::start(data, (by, pipeline.output()), augment.mix(), pass), moves))
    }

    fn start(data: &Dataset, (by, shape): (By, [usize; 3]), mix: Option<Mix>, pass: Pass) -> Self {
        assert!(pass.batch > 0, "a batch has at least one image");
        let order = match (pass.shuffle, pass.sampling) {
            (true, Sampling::Shuffle) => shuffled(data.len(), pass.seed, pass.epoch),
            (true, Sampling::Balanced) => balanced(data.labels(), pass.seed, pass.epoch),
            (false, _) => (0..data.len()).collect(),
        };
        let size: usize = shape.iter().product();
        let bytes = size_of::<f32>() * size * pass.share.most(pass.batch.min(order.len()));
        let depth = (PREFETCH_BYTES / bytes.max(1)).clamp(1, PREFETCH);
        let stop = Arc::<AtomicBool>::default();
        let work = Work {
            data: data.clone(),
            order,
            batch: pass.batch,
            start: pass.start,
            share: pass.share,
            shape,
            mix: mix.map(|mix| (mix, Random::of_batches(pass.seed, pass.epoch))),
            by,
            stop: Arc::clone(&stop),
        };
        let (sender, batches) = mpsc::sync_channel(depth);
        let thread = thread::spawn(move || work.run(|batch| sender.send(batch).is_ok()));
        Self { batches: Some(batches), stop, thread: Some(thread) }
    }

    /// An epoch of training: shuffled by (seed, epoch), augmented by (seed, epoch, image), from batch `start`
    /// on (0 but for a run that is resumed).
    ///
    /// # Panics
    /// If `batch` is 0.
    pub fn training(
        data: &Dataset,
        preprocess: &Preprocess,
        augment: &Augment,
        seed: u64,
        epoch: usize,
        batch: usize,
        start: usize,
    ) -> Self {
        let pass = Pass { shuffle: true, seed, epoch, start, ..Pass::in_order(batch) };
        Self::augmented(data, preprocess, augment, pass)
    }

    /// A pass over images that are changed, and batches that are mixed, by seed and epoch.
    ///
    /// # Panics
    /// If a batch or the number of workers is 0.
    pub fn augmented(data: &Dataset, preprocess: &Preprocess, augment: &Augment, pass: Pass) -> Self {
        let (_, height, width) = data.shape;
        let photos = augment.takes_originals([height, width]).then(|| data.photos());
        let pipeline = preprocess.pipeline(data.shape, augment);
        Self::mixed(photos.as_ref().unwrap_or(data), &pipeline, augment.mix(), pass)
    }

    /// All images in their order, each as [`Preprocess::apply_image`] makes it of its file, whatever the set's size.
    ///
    /// # Panics
    /// If `batch` is 0.
    pub fn evaluation(data: &Dataset, preprocess: &Preprocess, batch: usize) -> Self {
        Self::in_order(data, preprocess, &preprocess.evaluation(), Pass::in_order(batch))
    }

    /// All images in their order, by a pipeline that begins as the preprocessing does.
    pub(crate) fn in_order(data: &Dataset, preprocess: &Preprocess, pipeline: &Pipeline, pass: Pass) -> Self {
        match preprocess.starts_at(data.shape) {
            true => Self::new(data, pipeline, pass),
            false => Self::new(&data.originals(), pipeline, pass),
        }
    }
}

#[cfg(feature = "train")]
impl Loader {
    /// A flag that, raised, leaves the batch under way.
    pub(crate) fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }
}

impl Iterator for Loader {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batches.as_ref().and_then(|batches| batches.recv().ok());
        if batch.is_none()
            && let Some(Err(cause)) = self.thread.take().map(JoinHandle::join)
        {
            // Ending early would pass for a complete epoch.
            panic::resume_unwind(cause);
        }
        batch
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The thread may be waiting to give a batch.
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was reported where it happened; what it was to give is not wanted any more.
            let _ = thread.join();
        }
    }
}

/// What the thread needs.
struct Work {
    data: Dataset,
    /// Image e mod n of the n, what is drawn for it by e: an image that is taken again is changed otherwise.
    order: Vec<usize>,
    batch: usize,
    start: usize,
    share: Share,
    /// Of an image: channels, height, width.
    shape: [usize; 3],
    /// Whether batches are mixed, and the draws of it.
    mix: Option<(Mix, Random)>,
    by: By,
    stop: Arc<AtomicBool>,
}

/// How images become input.
enum By {
    /// By a pipeline's steps, a runner a thread.
    Steps(Vec<Runner>),
    /// Elsewhere, by what is drawn here.
    Moves(Box<Mover>),
}

impl Work {
    fn label(&self, entry: usize) -> u32 {
        self.data.labels()[entry % self.data.len()]
    }

    /// Where this rank's images stand in a batch.
    fn place(&self, whole: &[usize]) -> Option<BatchPlace> {
        if self.share.ranks == 1 {
            return None;
        }
        let own = self.share.of(whole.len());
        let labels = whole.iter().map(|&entry| self.label(entry)).collect();
        Some(BatchPlace { first: if own.is_empty() { 0 } else { own.start }, images: own.len(), labels })
    }

    /// Prepares batch after batch until one fails, or `give` says that no more are wanted.
    fn run(mut self, give: impl Fn(Result<Batch, DataError>) -> bool) {
        let (home, buffers) = mpsc::channel();
        let order = std::mem::take(&mut self.order);
        for (number, whole) in order.chunks(self.batch).enumerate().skip(self.start) {
            let mut batch: Batch = buffers.try_recv().unwrap_or_default();
            let (indices, before) = self.share.taken(whole, self.mix.is_some());
            batch.place = self.place(whole);
            batch.labels.clear();
            batch.labels.extend(indices.iter().map(|&entry| self.label(entry)));
            batch.shares.clear();
            if let Some(labels) = self.data.multi_labels() {
                batch.shares.resize(indices.len() * labels.classes(), 0.0);
                let rows = batch.shares.chunks_exact_mut(labels.classes()).zip(&indices);
                rows.for_each(|(row, &entry)| labels.mark(entry % self.data.len(), row));
            }
            let result = self.images(&indices, &mut batch);
            let failed = result.is_err();
            if let Some((mix, random)) = &mut self.mix
                && !failed
            {
                let mixed = mix.draw(random, number, self.shape);
                mix_targets(&mut batch, self.data.classes.len(), mixed.as_ref(), self.shape);
                mix_images(&mut batch, (mixed, before), self.shape);
                if before {
                    let classes = batch.shares.len() / batch.labels.len();
                    batch.labels.remove(0);
                    batch.shares.drain(..classes);
                }
            }
            let batch = result.map(|()| {
                batch.home = Some(home.clone());
                batch
            });
            if !give(batch) || failed {
                return;
            }
        }
    }

    /// Makes the images of a batch, or what is drawn for them.
    fn images(&mut self, indices: &[usize], batch: &mut Batch) -> Result<(), DataError> {
        let Self { data, by, stop, shape, .. } = self;
        match by {
            By::Steps(runners) => {
                let size = shape.iter().product();
                batch.images.resize(indices.len() * size, 0.0);
                let wanted = indices.iter().take_while(|_| !stop.load(Ordering::Relaxed));
                let places = wanted.zip(batch.images.chunks_exact_mut(size));
                parallel::for_each(runners, places, |runner, (&entry, out)| -> Result<(), DataError> {
                    runner.run(&data.image(entry % data.len())?, entry, out);
                    Ok(())
                })
            }
            By::Moves(mover) => {
                let images = indices.iter().map(|&entry| mover.draw(entry % data.len(), entry)).collect();
                let moves = Arc::clone(mover.moves());
                batch.moved = Some(MovedBatch { moves, images, before: false, mixed: None });
                Ok(())
            }
        }
    }
}

/// Gives a batch soft targets, also where chance leaves it as it is.
fn mix_targets(batch: &mut Batch, classes: usize, mixed: Option<&Mixed>, shape: [usize; 3]) {
    let Batch { labels, shares, .. } = batch;
    if shares.is_empty() {
        shares.resize(labels.len() * classes, 0.0);
        let rows = shares.chunks_exact_mut(classes).zip(labels);
        rows.for_each(|(row, label)| row[*label as usize] = 1.0);
    }
    if let Some(mixed) = mixed {
        mixed.apply_to_shares(shares, classes, shape);
    }
}

/// Mixes the images of a batch, the first of which may be there for that alone.
fn mix_images(batch: &mut Batch, (mixed, before): (Option<Mixed>, bool), shape: [usize; 3]) {
    if let Some(moved) = &mut batch.moved {
        (moved.mixed, moved.before) = (mixed, before);
        return;
    }
    if let Some(mixed) = mixed {
        mixed.apply(&mut batch.images, shape);
    }
    if before {
        batch.images.drain(..shape.iter().product::<usize>());
    }
}
