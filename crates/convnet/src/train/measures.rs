//! All that is told of how a network classifies a set: accuracies, classes, calibration, the worst mistakes.

use super::evaluate::{Seen, Tally, largest};
use super::{Averages, Calibration, CalibrationTally, ClassFigures, Evaluation, softmax};

/// What a network took an image for.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The image's place in its set.
    pub index: usize,
    /// Its class.
    pub label: usize,
    /// The likeliest class, the first of equals.
    pub predicted: usize,
    /// The probability of each class.
    pub probabilities: Vec<f64>,
}

impl Prediction {
    /// From what a network gave for an image.
    pub fn of(seen: &Seen<'_>) -> Self {
        Self {
            index: seen.index,
            label: seen.label as usize,
            predicted: largest(seen.logits),
            probabilities: softmax(seen.logits),
        }
    }

    /// Whether it is right.
    pub fn is_right(&self) -> bool {
        self.label == self.predicted
    }

    /// The probability of the likeliest class.
    pub fn confidence(&self) -> f64 {
        self.probabilities[self.predicted]
    }

    /// The likeliest classes, at most so many, each with its probability; of equals the first.
    pub fn likeliest(&self, most: usize) -> Vec<(usize, f64)> {
        likeliest(&self.probabilities, most)
    }
}

/// The classes of the largest probabilities, at most so many, of equals the first.
pub fn likeliest(probabilities: &[f64], most: usize) -> Vec<(usize, f64)> {
    let mut classes: Vec<(usize, f64)> = probabilities.iter().copied().enumerate().collect();
    classes.sort_by(|a, b| b.1.total_cmp(&a.1));
    classes.truncate(most);
    classes
}

/// So many of the worst mistakes are kept.
const WORST: usize = 10;

/// Gathers what is told of a network, image by image.
///
/// ```no_run
/// use convnet::data::{self, Views};
/// use convnet::exec::Engine;
/// use convnet::model::{Model, OpenOptions};
/// use convnet::train::{Measures, evaluate_with};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let model = Model::open("runs/lenet", &OpenOptions::default())?;
/// let weights = model.weights.as_ref().ok_or("a run without weights")?;
/// let engine = Engine::compile(&model.graph, weights, 64, &Default::default())?;
/// let test = data::open_test("fashion-mnist", &mut |_| {})?.images;
/// let mut measures = Measures::new(test.classes.len());
/// evaluate_with(&engine, &test, &model.preprocess, Views::One, &mut |seen| {
///     measures.add(&seen);
///     true
/// })?;
/// let measured = measures.finish();
/// println!("{} right, calibration error {}", measured.evaluation.top1, measured.calibration.ece);
/// # Ok(())
/// # }
/// ```
pub struct Measures {
    tally: Tally,
    calibration: CalibrationTally,
    worst: Vec<Prediction>,
}

/// What the images of a set come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurements {
    /// Accuracies, the loss, which classes are taken for which.
    pub evaluation: Evaluation,
    /// The figures of each class.
    pub classes: Vec<ClassFigures>,
    /// Their mean, each class counting alike.
    pub macro_average: Averages,
    /// Their mean, each class counting by its images.
    pub weighted_average: Averages,
    /// Whether the probabilities can be believed.
    pub calibration: Calibration,
    /// The wrong answers that were given with the largest probabilities, the worst first.
    pub worst: Vec<Prediction>,
}

impl Measures {
    /// Of so many classes, no images yet.
    pub fn new(classes: usize) -> Self {
        Self { tally: Tally::new(classes), calibration: CalibrationTally::new(), worst: Vec::new() }
    }

    /// Counts an image.
    ///
    /// # Panics
    /// If there is not a logit for each class.
    pub fn add(&mut self, seen: &Seen<'_>) {
        self.tally.add(seen.logits, seen.label);
        self.calibration.add(seen.logits, seen.label as usize);
        if largest(seen.logits) != seen.label as usize {
            let mistake = Prediction::of(seen);
            let place = self.worst.partition_point(|worse| worse.confidence() >= mistake.confidence());
            self.worst.insert(place, mistake);
            self.worst.truncate(WORST);
        }
    }

    /// What the images come to.
    pub fn finish(self) -> Measurements {
        let evaluation = self.tally.finish();
        let classes = evaluation.confusion.class_figures();
        Measurements {
            macro_average: Averages::macro_of(&classes),
            weighted_average: Averages::weighted_of(&classes),
            classes,
            evaluation,
            calibration: self.calibration.finish(),
            worst: self.worst,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::calibration::tests::samples;

    #[test]
    fn the_worst_mistakes_come_first() {
        let mut measures = Measures::new(5);
        for (index, (logits, label)) in samples().iter().enumerate() {
            measures.add(&Seen { index, logits, label: *label as u32, shares: &[] });
        }
        let measured = measures.finish();
        assert_eq!(measured.evaluation.images, 40);
        assert!((measured.evaluation.loss - measured.calibration.nll).abs() < 1e-12);
        assert_eq!(measured.worst.len(), 10);
        assert!(measured.worst.iter().all(|mistake| !mistake.is_right() && mistake.index.is_multiple_of(3)));
        assert!(measured.worst.windows(2).all(|pair| pair[0].confidence() >= pair[1].confidence()));
        // 13 images are wrong; those that are left out were less sure.
        let wrong: Vec<Prediction> = samples()
            .iter()
            .enumerate()
            .map(|(index, (logits, label))| {
                Prediction::of(&Seen { index, logits, label: *label as u32, shares: &[] })
            })
            .filter(|prediction| !prediction.is_right())
            .collect();
        let surer = |p: &&Prediction| p.confidence() > measured.worst[9].confidence();
        assert_eq!((wrong.len(), wrong.iter().filter(surer).count()), (13, 9));
    }

    #[test]
    fn of_equal_probabilities_the_first_class_is_likelier() {
        let order: Vec<usize> = likeliest(&[0.25, 0.1, 0.25, 0.4], 3).iter().map(|guess| guess.0).collect();
        assert_eq!(order, [3, 0, 2]);
    }
}
