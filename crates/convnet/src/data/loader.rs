//! Batches, prepared on threads beside the computation.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::MultiLabels;
    use crate::data::picture::Image;
    use crate::data::samples::{ImageFiles, Samples};
    use std::collections::{HashMap, HashSet};
    use std::path::PathBuf;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    /// Images of 2 × 3 whose first pixel is their number.
    fn data(images: u8) -> Dataset {
        let pixels = (0..images).flat_map(|i| [i, 10, 20, 30, 40, 50]).collect();
        let labels = (0..images).map(|i| u32::from(i % 3)).collect();
        Dataset::new("test", pixels, labels, classes(), (1, 2, 3)).unwrap()
    }

    fn classes() -> Vec<String> {
        ["a", "b", "c"].map(String::from).to_vec()
    }

    fn copied(loader: Loader) -> Vec<(Vec<f32>, Vec<u32>)> {
        let copied = |batch: Batch| (batch.images.clone(), batch.labels.clone());
        loader.map(|batch| copied(batch.unwrap())).collect()
    }

    fn augment() -> Augment {
        Augment { crop: Some(1), flip: Some(true), ..Augment::default() }
    }

    /// Images of changing sizes that are made when they are asked for, and what is to be known of the asking.
    #[derive(Debug, Default)]
    struct Made {
        labels: Vec<u32>,
        /// Asked for, and the most at once.
        counts: Arc<Counts>,
        /// The first that fails, and the first that panics.
        error: Option<usize>,
        panic: Option<usize>,
        multi_labels: Option<MultiLabels>,
    }

    #[derive(Debug, Default)]
    struct Counts {
        asked: AtomicUsize,
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl Made {
        fn new(images: usize) -> Self {
            Self { labels: vec![0; images], ..Self::default() }
        }

        fn set(self) -> Dataset {
            Dataset::of("made", self, classes(), (3, 6, 7)).unwrap()
        }
    }

    impl Samples for Made {
        fn labels(&self) -> &[u32] {
            &self.labels
        }

        fn multi_labels(&self) -> Option<&MultiLabels> {
            self.multi_labels.as_ref()
        }

        fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
            self.counts.asked.fetch_add(1, Ordering::SeqCst);
            let now = self.counts.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.counts.most.fetch_max(now, Ordering::SeqCst);
            thread::sleep(Duration::from_micros(50 * (index as u64 * 7 % 5)));
            self.counts.now.fetch_sub(1, Ordering::SeqCst);
            assert!(self.panic.is_none_or(|first| index < first), "image {index} cannot be made");
            if self.error.is_some_and(|first| index >= first) {
                let path = Some(PathBuf::from(format!("{index}.png")));
                return Err(DataError::Image { path, problem: "it was made so".to_owned() });
            }
            let (height, width) = (5 + index % 4, 6 + index % 3);
            let pixels: Vec<u8> = (0..3 * height * width).map(|i| (i * 31 + index) as u8).collect();
            Image::new((3, height, width), pixels)
        }
    }

    fn shuffled_pass(batch: usize, workers: usize) -> Pass {
        Pass { shuffle: true, seed: 4, epoch: 2, workers: Some(workers), ..Pass::in_order(batch) }
    }

    fn pipeline() -> Pipeline {
        Preprocess::plain([3, 9, 9]).pipeline((3, 6, 7), &augment())
    }

    #[test]
    fn evaluation_gives_all_images_in_order_with_a_smaller_last_batch() {
        let (data, preprocess) = (data(10), Preprocess::plain([1, 2, 3]));
        let batches = copied(Loader::evaluation(&data, &preprocess, 4));
        assert_eq!(batches.iter().map(|b| b.1.len()).collect::<Vec<_>>(), [4, 4, 2]);
        let firsts: Vec<f32> = batches.iter().flat_map(|b| b.0.chunks(6).map(|i| i[0] * 255.0)).collect();
        let expected: Vec<f32> = (0..10).map(|i| i as f32).collect();
        assert!(firsts.iter().zip(&expected).all(|(f, e)| (f - e).abs() < 1e-4), "{firsts:?}");
        assert_eq!(batches.into_iter().flat_map(|b| b.1).collect::<Vec<_>>(), data.labels());
    }

    #[test]
    fn training_gives_each_image_once_with_its_label() {
        let (data, preprocess) = (data(200), Preprocess::plain([1, 2, 3]));
        let mut seen = HashMap::new();
        for batch in Loader::training(&data, &preprocess, &Augment::default(), 3, 0, 32, 0) {
            let batch = batch.unwrap();
            for (image, &label) in batch.images.chunks(6).zip(&batch.labels) {
                let number = (image[0] * 255.0).round() as u32;
                assert_eq!(label, number % 3);
                *seen.entry(number).or_insert(0) += 1;
            }
        }
        assert_eq!(seen.len(), 200);
        assert!(seen.values().all(|&count| count == 1));
    }

    #[test]
    fn a_balanced_epoch_repeats_images_but_not_what_is_drawn_for_them() {
        let pixels: Vec<u8> = (0..40 * 36).map(|i| (i * 7 % 251) as u8).collect();
        let labels = (0..40).map(|i| u32::from(i == 0)).collect();
        let data = Dataset::new("test", pixels, labels, classes(), (1, 6, 6)).unwrap();
        let pipeline = Preprocess::plain([1, 6, 6])
            .pipeline(data.shape, &Augment { crop: Some(3), flip: Some(true), ..Augment::default() });
        let pass = Pass { sampling: Sampling::Balanced, ..shuffled_pass(8, 2) };
        let batches = copied(Loader::new(&data, &pipeline, pass));
        let rare: Vec<&[f32]> = batches
            .iter()
            .flat_map(|(images, labels)| images.chunks(36).zip(labels))
            .filter(|(_, label)| **label == 1)
            .map(|(image, _)| image)
            .collect();
        assert_eq!(rare.len(), 20);
        assert!(rare[1..].iter().any(|image| *image != rare[0]));
        let from = |start| copied(Loader::new(&data, &pipeline, Pass { start, ..pass }));
        assert_eq!(from(3), batches[3..]);
    }

    #[test]
    fn an_epoch_is_the_same_each_time_and_others_differ() {
        let (data, preprocess) = (data(50), Preprocess::plain([1, 4, 4]));
        let epoch = |seed, epoch| copied(Loader::training(&data, &preprocess, &augment(), seed, epoch, 8, 0));
        assert_eq!(epoch(1, 0), epoch(1, 0));
        assert_ne!(epoch(1, 0), epoch(1, 1));
        assert_ne!(epoch(1, 0), epoch(2, 0));
    }

    #[test]
    fn a_resumed_epoch_goes_on_where_it_was() {
        let (data, preprocess) = (data(50), Preprocess::plain([1, 4, 4]));
        let from = |start| copied(Loader::training(&data, &preprocess, &augment(), 1, 5, 8, start));
        let whole = from(0);
        assert_eq!(whole.len(), 7);
        assert_eq!(from(3), whole[3..]);
        assert!(from(7).is_empty());
    }

    #[test]
    fn the_shares_of_ranks_are_the_batches() {
        let (data, preprocess) = (data(19), Preprocess::plain([1, 4, 4]));
        let mix = Some(Mix { mixup: 0.4, cutmix: 1.0, probability: 1.0, switch: 0.5 });
        let pipeline = preprocess.pipeline(data.shape, &augment());
        for (mix, ranks) in [(None, 2), (None, 5), (mix, 2), (mix, 3), (mix, 5)] {
            let whole = Pass { batch: 8, ..shuffled_pass(8, 2) };
            let of = |rank| {
                let pass = Pass { share: Share { rank, ranks }, ..whole };
                Loader::mixed(&data, &pipeline, mix, pass).map(Result::unwrap).collect::<Vec<_>>()
            };
            let shares: Vec<_> = (0..ranks).map(of).collect();
            for (number, batch) in Loader::mixed(&data, &pipeline, mix, whole).enumerate() {
                let batch = batch.unwrap();
                assert_eq!(batch.place, None);
                let (mut images, mut labels, mut soft) = (Vec::new(), Vec::new(), Vec::new());
                for share in &shares {
                    let part = &share[number];
                    let place = part.place.as_ref().unwrap();
                    assert_eq!((&place.labels, part.labels.len()), (&batch.labels, place.images.max(1)));
                    assert!(place.images == 0 || place.first == labels.len(), "{place:?}");
                    images.extend_from_slice(&part.images[..place.images * 16]);
                    labels.extend_from_slice(&part.labels[..place.images]);
                    soft.extend(part.shares.iter().take(place.images * 3));
                }
                assert_eq!(
                    (images, labels, soft),
                    (batch.images.clone(), batch.labels.clone(), batch.shares.clone())
                );
            }
        }
    }

    #[test]
    fn what_is_drawn_for_a_batch_makes_its_images_elsewhere() {
        let pixels: Vec<u8> = (0..19 * 20 * 20).map(|i| (i * 97 % 251) as u8).collect();
        let labels = (0..19).map(|i| i % 3).collect();
        let data = Dataset::new("test", pixels, labels, classes(), (1, 20, 20)).unwrap();
        let preprocess = Preprocess::for_input([1, 22, 21], &data).unwrap();
        let levels = data.levels().unwrap();
        let mixed =
            [("", 0.0), ("mixup = 0.4", 1.0), ("cutmix = 1.0", 1.0), ("mixup = 0.2\ncutmix = 0.7", 0.5)];
        for (mix, probability) in mixed {
            let text =
                format!("crop = 2\nflip = true\nerasing = 0.5\nmix_probability = {probability}\n{mix}");
            let augment: Augment = toml::from_str(&text).unwrap();
            for (rank, ranks) in [(0, 1), (0, 2), (1, 2), (4, 5)] {
                let pass = Pass { share: Share { rank, ranks }, start: 1, ..shuffled_pass(8, 1) };
                let (loader, moves) = Loader::moved(&data, &preprocess, &augment, pass).unwrap();
                let all = Loader::augmented(&data, &preprocess, &augment, pass);
                let pairs: Vec<_> = loader.map(Result::unwrap).zip(all.map(Result::unwrap)).collect();
                assert_eq!(pairs.len(), 2);
                for (drawn, made) in pairs {
                    let moved = drawn.moved.as_ref().unwrap();
                    assert_eq!(moves.render(&levels, moved), made.images, "{text}, rank {rank} of {ranks}");
                    assert_eq!((moved.len(), &drawn.images), (made.labels.len(), &Vec::new()));
                    assert_eq!(
                        (&drawn.labels, &drawn.shares, &drawn.place),
                        (&made.labels, &made.shares, &made.place)
                    );
                    assert_eq!(made.moved, None);
                }
            }
        }
        let turned: Augment = toml::from_str("rotate = 10").unwrap();
        assert!(Loader::moved(&data, &preprocess, &turned, shuffled_pass(8, 1)).is_none());
        let files = Made::new(5).set();
        let plain = Augment::default();
        assert!(Loader::moved(&files, &Preprocess::plain([3, 6, 7]), &plain, shuffled_pass(2, 1)).is_none());
    }

    #[test]
    fn batches_are_the_same_to_the_bit_by_any_number_of_threads() {
        let set = Made::new(60).set();
        for batch in [1, 7, 64] {
            let by = |workers| copied(Loader::new(&set, &pipeline(), shuffled_pass(batch, workers)));
            let one = by(1);
            assert_eq!(one.iter().map(|(_, labels)| labels.len()).sum::<usize>(), 60);
            assert!(one == by(2) && one == by(7), "batches of {batch}");
        }
        let alone = Made::new(1).set();
        let batches = copied(Loader::new(&alone, &pipeline(), shuffled_pass(64, 7)));
        assert_eq!(batches, copied(Loader::new(&alone, &pipeline(), shuffled_pass(1, 1))));
        assert_eq!((batches.len(), batches[0].0.len()), (1, 3 * 81));
    }

    #[test]
    fn files_give_the_batches_of_the_same_images_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut pixels = Vec::new();
        let paths: Vec<PathBuf> = (0..23_usize)
            .map(|index| {
                let image = image::RgbImage::from_fn(7, 6, |x, y| {
                    image::Rgb([x as u8 * 30, y as u8 * 40, index as u8 * 10])
                });
                let path = folder.path().join(format!("{index}.png"));
                image.save(&path).unwrap();
                pixels.extend_from_slice(Image::open(&path).unwrap().pixels());
                path
            })
            .collect();
        let labels: Vec<u32> = (0..23).map(|index| index % 3).collect();
        let kept = Dataset::new("x", pixels, labels.clone(), classes(), (3, 6, 7)).unwrap();
        let files =
            Dataset::of("x", ImageFiles::new(paths.into_iter().zip(labels)), classes(), (3, 6, 7)).unwrap();
        for input in [[3, 6, 7], [1, 7, 8], [3, 12, 12]] {
            let preprocess = Preprocess::for_input(input, &kept).unwrap();
            assert_eq!(Preprocess::for_input(input, &files).unwrap(), preprocess);
            let epoch = |set| copied(Loader::training(set, &preprocess, &augment(), 9, 1, 5, 0));
            assert_eq!(epoch(&kept), epoch(&files));
        }
    }

    #[test]
    fn the_first_error_in_the_order_ends_the_pass() {
        for workers in [1, 2, 7] {
            let set = Made { error: Some(21), ..Made::new(60) }.set();
            let pass = Pass { workers: Some(workers), ..Pass::in_order(8) };
            let mut loader = Loader::new(&set, &pipeline(), pass);
            assert!(loader.by_ref().take(2).all(|batch| batch.is_ok()));
            let error = loader.next().unwrap().unwrap_err().to_string();
            assert!(error.contains("`21.png` is no image that can be used"), "{error}");
            assert!(loader.next().is_none() && loader.next().is_none());
        }
    }

    #[test]
    fn what_is_decoded_ahead_is_bounded() {
        let counts = Arc::<Counts>::default();
        let set = Made { counts: Arc::clone(&counts), ..Made::new(500) }.set();
        let mut loader = Loader::new(&set, &pipeline(), shuffled_pass(10, 3));
        let mut taken = 0;
        for _ in 0..5 {
            taken += loader.next().unwrap().unwrap().labels.len();
            thread::sleep(Duration::from_millis(20));
            // Those that wait, and the batch under way.
            assert!(counts.asked.load(Ordering::SeqCst) <= taken + (PREFETCH + 1) * 10);
        }
        drop(loader);
        let asked = counts.asked.load(Ordering::SeqCst);
        thread::sleep(Duration::from_millis(20));
        assert_eq!(counts.asked.load(Ordering::SeqCst), asked, "threads go on after the loader");
        assert!(counts.most.load(Ordering::SeqCst) <= 3, "{counts:?}");
        assert_eq!(Arc::strong_count(&counts), 2);
    }

    #[test]
    fn a_loader_that_is_dropped_leaves_a_batch_under_way() {
        let counts = Arc::<Counts>::default();
        let set = Made { counts: Arc::clone(&counts), ..Made::new(100_000) }.set();
        let loader = Loader::new(&set, &pipeline(), shuffled_pass(100_000, 2));
        while counts.asked.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        drop(loader);
        assert!(counts.asked.load(Ordering::SeqCst) < 50_000, "{counts:?}");
    }

    #[test]
    fn several_labels_of_an_image_are_marked() {
        let labels = MultiLabels::new(
            "made",
            3,
            (0..40).map(|i| match i % 3 {
                0 => vec![],
                1 => vec![2],
                _ => vec![0, 1],
            }),
        )
        .unwrap();
        let set = Made { multi_labels: Some(labels), ..Made::new(40) }.set();
        let row = |index: usize| [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]][index % 3];
        let shares = |pass: Pass| -> Vec<f32> {
            Loader::new(&set, &pipeline(), pass).flat_map(|batch| batch.unwrap().shares.clone()).collect()
        };
        assert_eq!(shares(Pass::in_order(7)), (0..40).flat_map(row).collect::<Vec<_>>());
        let order = shuffled(40, 4, 2);
        assert_eq!(shares(shuffled_pass(7, 2)), order.into_iter().flat_map(row).collect::<Vec<_>>());
        // Single labels have none.
        let single = Loader::new(&Made::new(9).set(), &pipeline(), Pass::in_order(4));
        assert!(single.map(Result::unwrap).all(|batch| batch.shares.is_empty()));
    }

    #[test]
    fn batches_may_be_kept_or_left() {
        let (data, preprocess) = (data(100), Preprocess::plain([1, 2, 3]));
        let kept: Vec<Batch> = Loader::evaluation(&data, &preprocess, 1).map(Result::unwrap).collect();
        assert_eq!(kept.len(), 100);
        assert_eq!(kept[99].labels, [0]);
        let mut loader = Loader::evaluation(&data, &preprocess, 1);
        assert_eq!(loader.next().unwrap().unwrap().labels, [0]);
        drop(loader);
    }

    #[test]
    fn a_batch_may_be_larger_than_the_set() {
        let (data, preprocess) = (data(3), Preprocess::plain([1, 2, 3]));
        let batches = copied(Loader::training(&data, &preprocess, &augment(), 0, 0, usize::MAX, 0));
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].1.iter().collect::<HashSet<_>>().len(), 3);
    }

    #[test]
    fn a_panic_of_a_thread_is_no_end_of_the_epoch() {
        for workers in [1, 2, 7] {
            let set = Made { panic: Some(13), ..Made::new(40) }.set();
            let pass = Pass { workers: Some(workers), ..Pass::in_order(6) };
            let loader = Loader::new(&set, &pipeline(), pass);
            let result = panic::catch_unwind(panic::AssertUnwindSafe(|| loader.map(Result::unwrap).count()));
            let cause = result.unwrap_err();
            let message = cause.downcast_ref::<String>().unwrap();
            assert!(message.contains("cannot be made"), "{message}");
        }
    }
}
