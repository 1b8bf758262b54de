//! How well classes are found that an image may have several of.

use crate::data::{Dataset, Preprocess, Views};
use crate::exec::Engine;

use super::TrainError;
use super::evaluate::{Seen, evaluate_with};

/// How well a network tells which of its classes are in each image.
#[derive(Clone, Debug, PartialEq)]
pub struct SeveralEvaluation {
    /// How many images were looked at.
    pub images: usize,
    /// Mean binary cross-entropy over images and classes.
    pub loss: f64,
    /// The mean of the classes' average precision (mAP), over those that any image has.
    pub mean_average_precision: f64,
    /// The mean of the classes' F1, over those that any image has.
    pub f1_macro: f64,
    /// F1 of all images and classes together.
    pub f1_micro: f64,
    /// Each class.
    pub classes: Vec<ClassFound>,
}

/// How well one class is found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassFound {
    /// Images that have it.
    pub images: usize,
    /// Images that are taken to have it: with a probability above one half.
    pub predicted: usize,
    /// Those that do have it.
    pub right: usize,
    /// The mean of the precision over the steps of the recall: scikit-learn's `average_precision_score`. `None` where no image
    /// has it.
    pub average_precision: Option<f64>,
}

impl ClassFound {
    /// The part of the predicted that have it; `None` where none was predicted.
    pub fn precision(&self) -> Option<f64> {
        (self.predicted > 0).then(|| self.right as f64 / self.predicted as f64)
    }

    /// The part of those that have it that was predicted; `None` where none has it.
    pub fn recall(&self) -> Option<f64> {
        (self.images > 0).then(|| self.right as f64 / self.images as f64)
    }

    /// The harmonic mean of both: 2·right / (images + predicted), 0 where there is neither.
    pub fn f1(&self) -> f64 {
        f1(self.right, self.images + self.predicted)
    }
}

fn f1(right: usize, both: usize) -> f64 {
    if both == 0 { 0.0 } else { 2.0 * right as f64 / both as f64 }
}

/// Looks for all classes in all images of a set.
///
/// # Errors
/// As [`evaluate`](super::evaluate).
///
/// # Panics
/// If the set's images are of one class each, or the network has not an output for each class of the set.
pub fn evaluate_several(
    engine: &Engine,
    data: &Dataset,
    preprocess: &Preprocess,
    views: Views,
) -> Result<SeveralEvaluation, TrainError> {
    let mut scores = Scores::new(data.classes.len());
    evaluate_with(engine, data, preprocess, views, &mut |seen| {
        scores.add(seen);
        true
    })?;
    Ok(scores.finish())
}

/// The logits of all images with what is in them: a mean precision needs their order.
pub(super) struct Scores {
    classes: usize,
    /// A logit and whether the class is there, image by image.
    scores: Vec<(f32, bool)>,
    loss: f64,
}

impl Scores {
    pub(super) fn new(classes: usize) -> Self {
        Self { classes, scores: Vec::new(), loss: 0.0 }
    }

    /// Counts an image. A share from one half on is a class that is there.
    pub(super) fn add(&mut self, seen: Seen<'_>) {
        assert_eq!(
            [seen.logits.len(), seen.shares.len()],
            [self.classes; 2],
            "a share and a logit for each class"
        );
        for (&x, &share) in seen.logits.iter().zip(seen.shares) {
            self.scores.push((x, share >= 0.5));
            let (x, share) = (f64::from(x), f64::from(share));
            self.loss += x.max(0.0) - x * share + (-x.abs()).exp().ln_1p();
        }
    }

    pub(super) fn finish(self) -> SeveralEvaluation {
        let found = |class: usize| {
            let mut scores: Vec<(f32, bool)> =
                self.scores.iter().skip(class).step_by(self.classes).copied().collect();
            let count = |of: &dyn Fn(&(f32, bool)) -> bool| scores.iter().filter(|score| of(score)).count();
            let images = count(&|score| score.1);
            let (predicted, right) =
                (count(&|score| score.0 > 0.0), count(&|score| score.0 > 0.0 && score.1));
            let average_precision = average_precision(&mut scores);
            ClassFound { images, predicted, right, average_precision }
        };
        let classes: Vec<ClassFound> = (0..self.classes).map(found).collect();
        let there = || classes.iter().filter(|class| class.images > 0);
        let count = there().count().max(1) as f64;
        let sum = |of: fn(&ClassFound) -> usize| classes.iter().map(of).sum::<usize>();
        SeveralEvaluation {
            images: self.scores.len() / self.classes.max(1),
            loss: self.loss / self.scores.len().max(1) as f64,
            mean_average_precision: there().filter_map(|class| class.average_precision).sum::<f64>() / count,
            f1_macro: there().map(ClassFound::f1).sum::<f64>() / count,
            f1_micro: f1(sum(|class| class.right), sum(|class| class.images + class.predicted)),
            classes,
        }
    }
}

/// Σ (Rₙ − Rₙ₋₁)·Pₙ over falling scores, equal ones at once; `None` if none is there. Scores that are not numbers come last.
fn average_precision(scores: &mut [(f32, bool)]) -> Option<f64> {
    let key = |score: f32| if score.is_nan() { f32::NEG_INFINITY } else { score };
    scores.sort_by(|a, b| key(b.0).total_cmp(&key(a.0)));
    let all = scores.iter().filter(|score| score.1).count();
    let (mut seen, mut hits, mut sum) = (0, 0, 0.0);
    for equal in scores.chunk_by(|a, b| key(a.0) == key(b.0)) {
        let new = equal.iter().filter(|score| score.1).count();
        seen += equal.len();
        hits += new;
        sum += new as f64 * hits as f64 / seen as f64;
    }
    (all > 0).then(|| sum / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits and shares as `tools/average_precision.py` makes them.
    fn golden(images: usize, classes: usize) -> SeveralEvaluation {
        let mut scores = Scores::new(classes);
        for image in 0..images {
            let at = |class: usize| image * classes + class;
            let logits: Vec<f32> =
                (0..classes).map(|class| ((at(class) * 37 % 23) as f32 - 11.0) / 4.0).collect();
            let shares: Vec<f32> =
                (0..classes).map(|class| f32::from(u8::from(at(class) * 13 % 7 < 2 + class % 2))).collect();
            scores.add(Seen { index: image, logits: &logits, label: 0, shares: &shares });
        }
        scores.finish()
    }

    #[test]
    fn figures_are_scikit_learn_s() {
        let found = golden(40, 5);
        // Average precision and F1 of each class.
        let classes = [
            [0.341508029008, 0.357142857143],
            [0.416963525513, 0.432432432432],
            [0.261278365736, 0.312500000000],
            [0.397649412099, 0.375000000000],
            [0.266743268319, 0.363636363636],
        ];
        for (class, [precision, f1]) in found.classes.iter().zip(classes) {
            assert!((class.average_precision.unwrap() - precision).abs() < 1e-11, "{class:?}");
            assert!((class.f1() - f1).abs() < 1e-11, "{class:?}");
        }
        let all = [found.mean_average_precision, found.f1_macro, found.f1_micro, found.loss];
        for (found, expected) in
            all.iter().zip([0.336828520135, 0.368142330642, 0.370370370370, 1.023701027478])
        {
            assert!((found - expected).abs() < 1e-11, "{found}, expected {expected}");
        }
        assert_eq!(found.images, 40);
    }

    #[test]
    fn a_class_that_no_image_has_is_left_out_of_the_means() {
        let mut scores = Scores::new(2);
        scores.add(Seen { index: 0, logits: &[1.0, 2.0], label: 0, shares: &[1.0, 0.0] });
        scores.add(Seen { index: 1, logits: &[f32::NAN, -2.0], label: 0, shares: &[0.0, 0.0] });
        let found = scores.finish();
        assert_eq!((found.mean_average_precision, found.f1_macro), (1.0, 1.0));
        assert_eq!(found.classes[1].average_precision, None);
        assert_eq!((found.classes[1].precision(), found.classes[1].recall()), (Some(0.0), None));
        let empty = Scores::new(3).finish();
        assert_eq!((empty.images, empty.mean_average_precision, empty.loss), (0, 0.0, 0.0));
    }
}
