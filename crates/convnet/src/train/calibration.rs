//! Whether a network is as often right as it says.

use super::evaluate::cross_entropy;

/// Bins of the confidence, as in Guo et al., *On Calibration of Modern Neural Networks*, 2017.
const BINS: usize = 15;

/// Images whose class was predicted with about the same probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationBin {
    /// The probability above which they are.
    pub from: f64,
    /// The largest probability among them.
    pub to: f64,
    /// How many there are.
    pub images: usize,
    /// The mean probability of the class that was predicted; `None` without images.
    pub confidence: Option<f64>,
    /// The fraction that was predicted rightly; `None` without images.
    pub accuracy: Option<f64>,
}

/// How far the probabilities that a network gives can be believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Expected calibration error: the mean distance of accuracy and confidence in a bin, weighted by its images.
    pub ece: f64,
    /// Maximum calibration error: the largest such distance.
    pub mce: f64,
    /// Brier's score: the mean squared distance of the probabilities from 1 for the right class and 0 for the others,
    /// summed over the classes.
    pub brier: f64,
    /// The mean negative logarithm of the right class's probability.
    pub nll: f64,
    /// Equal bins from 0 to 1.
    pub bins: Vec<CalibrationBin>,
}

/// Sums over images, from which a [`Calibration`] comes.
#[derive(Clone, Debug, Default)]
pub struct CalibrationTally {
    bins: [(usize, f64, usize); BINS],
    brier: f64,
    nll: f64,
}

impl CalibrationTally {
    /// No images yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts an image by its logits and its class.
    ///
    /// # Panics
    /// If there is no logit of that class.
    pub fn add(&mut self, logits: &[f32], label: usize) {
        let (mut predicted, mut confidence) = (0, 0.0);
        for (class, probability) in softmax(logits).into_iter().enumerate() {
            if probability > confidence {
                (predicted, confidence) = (class, probability);
            }
            self.brier += (probability - f64::from(u8::from(class == label))).powi(2);
        }
        self.nll += cross_entropy(logits, label);
        // A bin holds its upper end and not its lower one.
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        let (images, sum, right) = &mut self.bins[bin];
        *images += 1;
        *sum += confidence;
        *right += usize::from(predicted == label);
    }

    /// What the images come to.
    pub fn finish(&self) -> Calibration {
        let all = self.bins.iter().map(|bin| bin.0).sum::<usize>().max(1) as f64;
        let (mut ece, mut mce) = (0.0, 0.0_f64);
        let mut bins = Vec::with_capacity(BINS);
        for (i, &(images, sum, right)) in self.bins.iter().enumerate() {
            let mean = |sum: f64| (images > 0).then(|| sum / images as f64);
            let (confidence, accuracy) = (mean(sum), mean(right as f64));
            if let (Some(confidence), Some(accuracy)) = (confidence, accuracy) {
                let distance = (accuracy - confidence).abs();
                ece += distance * images as f64 / all;
                mce = mce.max(distance);
            }
            let [from, to] = [i, i + 1].map(|end| end as f64 / BINS as f64);
            bins.push(CalibrationBin { from, to, images, confidence, accuracy });
        }
        Calibration { ece, mce, brier: self.brier / all, nll: self.nll / all, bins }
    }
}

/// The probability of each class by itself, where an image may have several of them.
pub fn sigmoids(logits: &[f32]) -> Vec<f64> {
    logits.iter().map(|&x| 1.0 / (1.0 + (-f64::from(x)).exp())).collect()
}

/// The probabilities that logits stand for.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let max = logits.iter().fold(f64::NEG_INFINITY, |max, &x| max.max(f64::from(x)));
    let exponentials: Vec<f64> = logits.iter().map(|&x| (f64::from(x) - max).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|e| e / sum).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::train::evaluate::largest;

    /// Logits and labels of 40 images of 5 classes, by the formula of `tools/eval_figures.py`.
    pub(in crate::train) fn samples() -> Vec<(Vec<f32>, usize)> {
        let logit = |i: usize, k: usize| (((i * 37 + k * 101 + i * k * 13) % 64) as f32 - 32.0) / 8.0;
        let sample = |i: usize| {
            let row: Vec<f32> = (0..5).map(|k| logit(i, k)).collect();
            let label = if i.is_multiple_of(3) { (i * 7 + 2) % 4 } else { largest(&row) };
            (row, label)
        };
        (0..40).map(sample).collect()
    }

    /// The figures are those of numpy and scikit-learn, printed by `tools/eval_figures.py`; torchmetrics has 0.256189 and
    /// 0.800000.
    #[test]
    fn the_figures_are_those_of_scikit_learn() {
        let mut tally = CalibrationTally::new();
        samples().iter().for_each(|(row, label)| tally.add(row, *label));
        let Calibration { ece, mce, brier, nll, bins } = tally.finish();
        let expected = [0.256_189_003_846_046_2, 0.8, 0.600_829_932_918_977_2, 1.368_208_365_807_879_6];
        for (found, expected) in [ece, mce, brier, nll].into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
        }
        assert_eq!((bins.len(), bins.iter().map(|bin| bin.images).sum::<usize>()), (15, 40));
    }

    #[test]
    fn a_bin_holds_its_upper_end() {
        // Two equal logits: a confidence of a half, in the bin from 7/15 to 8/15; and one that is certain.
        let mut tally = CalibrationTally::new();
        tally.add(&[1.0, 1.0], 1);
        tally.add(&[0.0, 900.0], 1);
        let Calibration { ece, mce, nll, bins, .. } = tally.finish();
        assert_eq!((bins[7].images, bins[7].accuracy, bins[7].confidence), (1, Some(0.0), Some(0.5)));
        assert_eq!((bins[14].images, bins[14].accuracy, bins[14].to), (1, Some(1.0), 1.0));
        assert_eq!((ece, mce, bins[0].confidence), (0.25, 0.5, None));
        assert!((nll - 2.0_f64.ln() / 2.0).abs() < 1e-12);
        // Three equal logits: a third is an end of two bins, and rounding decides nothing else.
        let mut tally = CalibrationTally::new();
        tally.add(&[2.0; 3], 0);
        assert_eq!(tally.finish().bins[4].images, 1);
        assert_eq!(CalibrationTally::new().finish().ece, 0.0);
    }

    #[test]
    fn probabilities_sum_to_one() {
        let all = softmax(&[1.0, 900.0, 901.0, -3.0]);
        assert!((all.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((all[2] - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-12);
    }
}
