//! Accuracy and loss on a set of labelled images.

use super::{Confusion, TrainError};
use crate::data::{Dataset, Preprocess, Views, mirror};
use crate::exec::{Engine, Output};

/// How well a network classifies some images.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// How many images were classified.
    pub images: usize,
    /// The fraction whose class had the largest logit.
    pub top1: f64,
    /// The fraction whose class was among the five largest logits.
    pub top5: f64,
    /// Mean cross-entropy.
    pub loss: f64,
    /// Which classes were taken for which.
    pub confusion: Confusion,
}

/// Classifies all images of a set and compares with their labels.
///
/// # Errors
/// If an image cannot be read, or the images are not of the engine's size.
///
/// # Panics
/// If the network has not an output for each class of the set.
pub fn evaluate(engine: &Engine, data: &Dataset, preprocess: &Preprocess) -> Result<Evaluation, TrainError> {
    evaluate_views(engine, data, preprocess, Views::One)
}

/// As [`evaluate`], each prediction the mean over several views of an image.
///
/// # Errors
/// As [`evaluate`].
///
/// # Panics
/// As [`evaluate`].
pub fn evaluate_views(
    engine: &Engine,
    data: &Dataset,
    preprocess: &Preprocess,
    views: Views,
) -> Result<Evaluation, TrainError> {
    let mut tally = Tally::new(data.classes.len());
    evaluate_with(engine, data, preprocess, views, &mut |seen| {
        tally.add(seen.logits, seen.label);
        true
    })?;
    Ok(tally.finish())
}

/// What a network gave for one image of a set.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The image's place in its set.
    pub index: usize,
    /// The logit of each class: the mean over the views.
    pub logits: &'a [f32],
    /// Its class.
    pub label: u32,
    /// Of a set whose images are of several classes, the share of each class; else empty.
    pub shares: &'a [f32],
}

/// Shows a network's answer to every image of a set, in the set's order, until `see` gives `false`; tells whether all were
/// seen. What is measured on a set is gathered from this.
///
/// # Errors
/// If an image cannot be read, or the images are not of the engine's size.
pub fn evaluate_with(
    engine: &Engine,
    data: &Dataset,
    preprocess: &Preprocess,
    views: Views,
    see: &mut dyn FnMut(Seen<'_>) -> bool,
) -> Result<bool, TrainError> {
    let mut loaders = views.loaders(data, preprocess, engine.batch());
    let share = 1.0 / views.count() as f32;
    let mut index = 0;
    let (mut sums, mut labels, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        sums.clear();
        for loader in &mut loaders {
            let Some(batch) = loader.next() else { return Ok(true) };
            let mut batch = batch?;
            add(&mut sums, engine.logits(&batch.images)?);
            if views.mirrored() {
                mirror(&mut batch.images, preprocess);
                add(&mut sums, engine.logits(&batch.images)?);
            }
            labels.clone_from(&batch.labels);
            shares.clone_from(&batch.shares);
        }
        if views.count() > 1 {
            sums.iter_mut().for_each(|sum| *sum *= share);
        }
        let classes = sums.len() / labels.len();
        let mut shares = shares.chunks_exact(classes);
        for (logits, &label) in sums.chunks_exact(classes).zip(&labels) {
            if !see(Seen { index, logits, label, shares: shares.next().unwrap_or_default() }) {
                return Ok(false);
            }
            index += 1;
        }
    }
}

/// Adds the logits of a view to those of the views before it.
fn add(sums: &mut Vec<f32>, logits: Output) {
    match sums.is_empty() {
        true => *sums = logits.into_vec(),
        false => sums.iter_mut().zip(logits.as_slice()).for_each(|(sum, x)| *sum += x),
    }
}

/// Sums over images, from which an [`Evaluation`] comes.
pub(super) struct Tally {
    images: usize,
    top1: usize,
    top5: usize,
    loss: f64,
    confusion: Confusion,
}

impl Tally {
    pub(super) fn new(classes: usize) -> Self {
        Self { images: 0, top1: 0, top5: 0, loss: 0.0, confusion: Confusion::new(classes) }
    }

    /// Counts an image: its logits and its label.
    ///
    /// Of equal logits the one of the lesser class counts as larger. Logits that are no numbers are wrong.
    pub(super) fn add(&mut self, row: &[f32], label: u32) {
        let label = label as usize;
        let own = row[label];
        let before = |(class, &logit): (usize, &f32)| logit > own || (logit == own && class < label);
        let rank =
            if own.is_nan() { usize::MAX } else { row.iter().enumerate().filter(|&x| before(x)).count() };
        self.images += 1;
        self.top1 += usize::from(rank == 0);
        self.top5 += usize::from(rank < 5);
        self.loss += cross_entropy(row, label);
        self.confusion.add(label, largest(row));
    }

    pub(super) fn finish(self) -> Evaluation {
        let images = self.images.max(1) as f64;
        Evaluation {
            images: self.images,
            top1: self.top1 as f64 / images,
            top5: self.top5 as f64 / images,
            loss: self.loss / images,
            confusion: self.confusion,
        }
    }
}

/// The first of the largest logits.
pub(super) fn largest(row: &[f32]) -> usize {
    let first = (0, f32::NEG_INFINITY);
    row.iter().enumerate().fold(first, |best, (i, &x)| if x > best.1 { (i, x) } else { best }).0
}

/// −log softmax(row)\[label\], without overflow.
pub(super) fn cross_entropy(row: &[f32], label: usize) -> f64 {
    let max = f64::from(row[largest(row)]);
    let sum: f64 = row.iter().map(|&x| (f64::from(x) - max).exp()).sum();
    sum.ln() + max - f64::from(row[label])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranks_and_losses_by_hand() {
        let mut tally = Tally::new(6);
        // Rank 0, rank 5, and a tie that the lesser class wins.
        tally.add(&[9.0, 0.0, 0.0, 0.0, 0.0, 0.0], 0);
        tally.add(&[6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 5);
        tally.add(&[1.0, 1.0, 0.0, 0.0, 0.0, 0.0], 1);
        let evaluation = tally.finish();
        assert_eq!(evaluation.images, 3);
        assert!((evaluation.top1 - 1.0 / 3.0).abs() < 1e-12);
        assert!((evaluation.top5 - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(evaluation.confusion.count(1, 0), 1);
        let e = 1.0_f64.exp();
        let losses = [
            (9.0_f64.exp() + 5.0).ln() - 9.0,
            (1..=6).map(|i| f64::from(i).exp()).sum::<f64>().ln() - 1.0,
            (2.0 * e + 4.0).ln() - 1.0,
        ];
        assert!((evaluation.loss - losses.iter().sum::<f64>() / 3.0).abs() < 1e-12);
    }

    #[test]
    fn logits_that_are_no_numbers_are_wrong() {
        let mut tally = Tally::new(2);
        tally.add(&[f32::NAN, f32::NAN], 0);
        let evaluation = tally.finish();
        assert_eq!((evaluation.top1, evaluation.top5), (0.0, 0.0));
    }

    proptest! {
        #[test]
        fn large_logits_have_finite_losses(row in prop::collection::vec(-3e4..3e4_f32, 2..9)) {
            let loss = cross_entropy(&row, 1);
            prop_assert!(loss.is_finite() && loss >= -1e-9, "{}", loss);
        }
    }
}
