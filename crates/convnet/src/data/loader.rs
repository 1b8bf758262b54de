//! Batches, prepared on a thread beside the computation.

use std::panic;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use super::augment::{Augmenter, shuffled};
use super::preprocess::Preparer;
use super::{Augment, Dataset, Preprocess};

/// Batches that wait ready, at most.
const PREFETCH: usize = 3;
/// Bytes that waiting batches may take; one may wait whatever its size.
const PREFETCH_BYTES: usize = 64 << 20;

/// Images ready for the network, and their classes. Its buffers go back to the loader when it is dropped.
#[derive(Debug, Default)]
pub struct Batch {
    /// Floats in the order N, C, H, W.
    pub images: Vec<f32>,
    /// The class of each image.
    pub labels: Vec<u32>,
    home: Option<Sender<(Vec<f32>, Vec<u32>)>>,
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            // A loader that is done needs no buffers.
            let _ = home.send((std::mem::take(&mut self.images), std::mem::take(&mut self.labels)));
        }
    }
}

/// The batches of one pass over a data set; the last may be smaller. What it gives depends on its arguments
/// alone, never on timing.
#[derive(Debug)]
pub struct Loader {
    batches: Receiver<Batch>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread needs.
struct Work {
    data: Dataset,
    order: Vec<usize>,
    batch: usize,
    start: usize,
    preparer: Preparer,
    augmenter: Option<Augmenter>,
}

impl Loader {
    /// An epoch of training: shuffled by (seed, epoch), augmented by (seed, epoch, image), from batch `start`
    /// on (0 but for a run that is resumed).
    ///
    /// # Panics
    /// If `batch` is 0.
    pub fn training(
        data: &Dataset,
        preprocess: &Preprocess,
        augment: Augment,
        seed: u64,
        epoch: usize,
        batch: usize,
        start: usize,
    ) -> Self {
        Self::start(Work {
            data: data.clone(),
            order: shuffled(data.len(), seed, epoch),
            batch,
            start,
            preparer: Preparer::new(preprocess, data.shape),
            augmenter: Augmenter::new(augment, seed, epoch),
        })
    }

    /// All images, unchanged and in their order.
    ///
    /// # Panics
    /// If `batch` is 0.
    pub fn evaluation(data: &Dataset, preprocess: &Preprocess, batch: usize) -> Self {
        Self::start(Work {
            data: data.clone(),
            order: (0..data.len()).collect(),
            batch,
            start: 0,
            preparer: Preparer::new(preprocess, data.shape),
            augmenter: None,
        })
    }

    fn start(work: Work) -> Self {
        assert!(work.batch > 0, "a batch has at least one image");
        let bytes = size_of::<f32>() * work.preparer.len() * work.batch.min(work.order.len());
        let depth = (PREFETCH_BYTES / bytes.max(1)).clamp(1, PREFETCH);
        let (sender, batches) = mpsc::sync_channel(depth);
        let thread = thread::spawn(move || {
            work.run(|batch| sender.send(batch).is_ok());
        });
        Self { batches, thread: Some(thread) }
    }
}

impl Iterator for Loader {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let batch = self.batches.recv().ok();
        if batch.is_none()
            && let Some(Err(cause)) = self.thread.take().map(JoinHandle::join)
        {
            // Ending early would pass for a complete epoch.
            panic::resume_unwind(cause);
        }
        batch
    }
}

impl Work {
    /// Prepares batch after batch until `give` says that no more are wanted.
    fn run(mut self, give: impl Fn(Batch) -> bool) {
        let (home, buffers) = mpsc::channel();
        let size = self.preparer.len();
        for indices in self.order.chunks(self.batch).skip(self.start) {
            let (mut images, mut labels): (Vec<f32>, Vec<u32>) = buffers.try_recv().unwrap_or_default();
            images.resize(indices.len() * size, 0.0);
            labels.clear();
            labels.extend(indices.iter().map(|&index| self.data.labels[index]));
            for (&index, out) in indices.iter().zip(images.chunks_exact_mut(size)) {
                let mut pixels = self.data.image(index);
                if let Some(augmenter) = &mut self.augmenter {
                    pixels = augmenter.apply(index, pixels, self.data.shape);
                }
                self.preparer.apply(pixels, out);
            }
            if !give(Batch { images, labels, home: Some(home.clone()) }) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Images of 2 × 3 whose first pixel is their number.
    fn data(images: u8) -> Dataset {
        let pixels = (0..images).flat_map(|i| [i, 10, 20, 30, 40, 50]).collect();
        let labels = (0..images).map(|i| u32::from(i % 3)).collect();
        let classes = ["a", "b", "c"].map(String::from).to_vec();
        Dataset::new("test", pixels, labels, classes, (1, 2, 3)).unwrap()
    }

    fn copied(loader: Loader) -> Vec<(Vec<f32>, Vec<u32>)> {
        loader.map(|batch| (batch.images.clone(), batch.labels.clone())).collect()
    }

    const CROP: Augment = Augment { crop: 1, flip: true };

    #[test]
    fn evaluation_gives_all_images_in_order_with_a_smaller_last_batch() {
        let (data, preprocess) = (data(10), Preprocess::plain([1, 2, 3]));
        let batches = copied(Loader::evaluation(&data, &preprocess, 4));
        assert_eq!(batches.iter().map(|b| b.1.len()).collect::<Vec<_>>(), [4, 4, 2]);
        let firsts: Vec<f32> = batches.iter().flat_map(|b| b.0.chunks(6).map(|i| i[0] * 255.0)).collect();
        let expected: Vec<f32> = (0..10).map(|i| i as f32).collect();
        assert!(firsts.iter().zip(&expected).all(|(f, e)| (f - e).abs() < 1e-4), "{firsts:?}");
        assert_eq!(batches.into_iter().flat_map(|b| b.1).collect::<Vec<_>>(), *data.labels);
    }

    #[test]
    fn training_gives_each_image_once_with_its_label() {
        let (data, preprocess) = (data(200), Preprocess::plain([1, 2, 3]));
        let mut seen = HashMap::new();
        for batch in Loader::training(&data, &preprocess, Augment::default(), 3, 0, 32, 0) {
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
    fn an_epoch_is_the_same_each_time_and_others_differ() {
        let (data, preprocess) = (data(50), Preprocess::plain([1, 4, 4]));
        let epoch = |seed, epoch| copied(Loader::training(&data, &preprocess, CROP, seed, epoch, 8, 0));
        assert_eq!(epoch(1, 0), epoch(1, 0));
        assert_ne!(epoch(1, 0), epoch(1, 1));
        assert_ne!(epoch(1, 0), epoch(2, 0));
    }

    #[test]
    fn a_resumed_epoch_goes_on_where_it_was() {
        let (data, preprocess) = (data(50), Preprocess::plain([1, 4, 4]));
        let from = |start| copied(Loader::training(&data, &preprocess, CROP, 1, 5, 8, start));
        let whole = from(0);
        assert_eq!(whole.len(), 7);
        assert_eq!(from(3), whole[3..]);
        assert!(from(7).is_empty());
    }

    #[test]
    fn batches_may_be_kept_or_left() {
        let (data, preprocess) = (data(100), Preprocess::plain([1, 2, 3]));
        let kept: Vec<Batch> = Loader::evaluation(&data, &preprocess, 1).collect();
        assert_eq!(kept.len(), 100);
        assert_eq!(kept[99].labels, [0]);
        let mut loader = Loader::evaluation(&data, &preprocess, 1);
        assert_eq!(loader.next().unwrap().labels, [0]);
        drop(loader);
    }

    #[test]
    #[should_panic(expected = "out of range")]
    fn a_failure_of_the_thread_is_no_end_of_the_epoch() {
        let mut broken = data(4);
        broken.images = vec![0; 7].into();
        Loader::evaluation(&broken, &Preprocess::plain([1, 2, 3]), 1).for_each(drop);
    }
}
