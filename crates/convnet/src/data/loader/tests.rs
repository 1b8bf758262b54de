//! The batches of a pass: each image once, the same by any threads, shares and starts, bounded, and their errors.

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
    let mixed = [("", 0.0), ("mixup = 0.4", 1.0), ("cutmix = 1.0", 1.0), ("mixup = 0.2\ncutmix = 0.7", 0.5)];
    for (mix, probability) in mixed {
        let text = format!("crop = 2\nflip = true\nerasing = 0.5\nmix_probability = {probability}\n{mix}");
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
