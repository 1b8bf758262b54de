//! Precision, recall and F1, class by class and averaged.

use super::Confusion;

/// How well one class is recognized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassFigures {
    /// Images of the class.
    pub images: u32,
    /// Images that were taken for it.
    pub predicted: u32,
    /// The fraction of the images taken for it that are of it; `None` if there are none.
    pub precision: Option<f64>,
    /// The fraction of its images that were taken for it; `None` if it has none.
    pub recall: Option<f64>,
    /// The harmonic mean of both; `None` if it has no images and none were taken for it.
    pub f1: Option<f64>,
}

/// Figures of all classes in one.
///
/// As scikit-learn averages: over the classes that have images or that images were taken for, a figure that does not
/// exist counting as 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Averages {
    /// The mean precision.
    pub precision: f64,
    /// The mean recall.
    pub recall: f64,
    /// The mean F1.
    pub f1: f64,
}

impl Confusion {
    /// The figures of each class.
    pub fn class_figures(&self) -> Vec<ClassFigures> {
        let mut predicted = vec![0_u32; self.classes()];
        for (_, class, images) in self.counts() {
            predicted[class] += images;
        }
        let fraction = |part: u32, whole: u32| (whole > 0).then(|| f64::from(part) / f64::from(whole));
        let figures = |(class, predicted): (usize, u32)| {
            let (images, right) = (self.images(class), self.count(class, class));
            let both = f64::from(images) + f64::from(predicted);
            ClassFigures {
                images,
                predicted,
                precision: fraction(right, predicted),
                recall: fraction(right, images),
                f1: (both > 0.0).then(|| 2.0 * f64::from(right) / both),
            }
        };
        predicted.into_iter().enumerate().map(figures).collect()
    }
}

impl Averages {
    /// Each class counts alike.
    pub fn macro_of(classes: &[ClassFigures]) -> Self {
        Self::weighted_by(classes, |_| 1.0)
    }

    /// Each class counts by its images.
    pub fn weighted_of(classes: &[ClassFigures]) -> Self {
        Self::weighted_by(classes, |class| f64::from(class.images))
    }

    fn weighted_by(classes: &[ClassFigures], weight: impl Fn(&ClassFigures) -> f64) -> Self {
        let (mut sum, mut whole) = (Self::default(), 0.0);
        for class in classes.iter().filter(|class| class.f1.is_some()) {
            let weight = weight(class);
            whole += weight;
            sum.precision += weight * class.precision.unwrap_or(0.0);
            sum.recall += weight * class.recall.unwrap_or(0.0);
            sum.f1 += weight * class.f1.unwrap_or(0.0);
        }
        if whole == 0.0 {
            return Self::default();
        }
        Self { precision: sum.precision / whole, recall: sum.recall / whole, f1: sum.f1 / whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::calibration::tests::samples;
    use crate::train::evaluate::largest;

    fn near(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(near, "{found:?}, expected {expected:?}");
    }

    /// The figures are scikit-learn's, printed by `tools/eval_figures.py`.
    #[test]
    fn the_figures_are_those_of_scikit_learn() {
        let mut matrix = Confusion::new(5);
        for (row, label) in samples() {
            matrix.add(label, largest(&row));
        }
        let classes = matrix.class_figures();
        assert_eq!(classes.iter().map(|c| c.images).collect::<Vec<_>>(), [12, 5, 11, 6, 6]);
        let column = |of: fn(&ClassFigures) -> Option<f64>| -> Vec<f64> {
            classes.iter().map(|class| of(class).unwrap()).collect()
        };
        near(&column(|c| c.precision), &[0.75, 0.75, 0.7, 1.0 / 3.0, 0.75]);
        near(&column(|c| c.recall), &[0.75, 0.6, 0.636_363_636_363_636_4, 1.0 / 3.0, 1.0]);
        near(&column(|c| c.f1), &[0.75, 2.0 / 3.0, 2.0 / 3.0, 1.0 / 3.0, 0.857_142_857_142_857_1]);
        let all = |averages: Averages| [averages.precision, averages.recall, averages.f1];
        near(
            &all(Averages::macro_of(&classes)),
            &[0.656_666_666_666_666_7, 0.663_939_393_939_393_9, 0.654_761_904_761_904_7],
        );
        near(&all(Averages::weighted_of(&classes)), &[0.67375, 0.675, 0.670_238_095_238_095_2]);
    }

    #[test]
    fn what_does_not_exist_is_none_and_counts_as_zero_where_the_class_is_there() {
        // Class 1 has images that nobody found, class 2 is only guessed, class 3 is not there at all.
        let mut matrix = Confusion::new(4);
        for (truth, predicted) in [(0, 0), (1, 0), (0, 2)] {
            matrix.add(truth, predicted);
        }
        let classes = matrix.class_figures();
        assert_eq!((classes[1].precision, classes[1].recall, classes[1].f1), (None, Some(0.0), Some(0.0)));
        assert_eq!((classes[2].precision, classes[2].recall, classes[2].f1), (Some(0.0), None, Some(0.0)));
        assert_eq!((classes[3].precision, classes[3].recall, classes[3].f1), (None, None, None));
        let averages = Averages::macro_of(&classes);
        near(&[averages.precision, averages.recall, averages.f1], &[0.5 / 3.0, 0.5 / 3.0, 0.5 / 3.0]);
        let averages = Averages::weighted_of(&classes);
        near(&[averages.precision, averages.recall], &[1.0 / 3.0, 1.0 / 3.0]);
        assert_eq!(Averages::weighted_of(&Confusion::new(2).class_figures()), Averages::default());
    }
}
