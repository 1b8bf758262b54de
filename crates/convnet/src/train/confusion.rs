//! Which classes are taken for which.

use std::collections::BTreeMap;

/// Counts of test images by true class (row) and predicted class (column).
///
/// Only counts above 0 are kept: thousands of classes take no more memory than there are images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    images: Vec<u32>,
    counts: BTreeMap<(usize, usize), u32>,
}

/// Images of one class that were taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Their class.
    pub truth: usize,
    /// The class that was predicted.
    pub predicted: usize,
    /// How many there are.
    pub images: u32,
}

impl Confusion {
    /// No images yet.
    pub fn new(classes: usize) -> Self {
        Self { images: vec![0; classes], counts: BTreeMap::new() }
    }

    /// All counts above 0: truth, predicted, images.
    pub fn counts(&self) -> impl Iterator<Item = (usize, usize, u32)> {
        self.counts.iter().map(|(&(truth, predicted), &images)| (truth, predicted, images))
    }

    /// Counts one image.
    ///
    /// # Panics
    /// If a class is out of range.
    pub fn add(&mut self, truth: usize, predicted: usize) {
        assert!(truth < self.classes() && predicted < self.classes(), "class out of range");
        self.images[truth] += 1;
        *self.counts.entry((truth, predicted)).or_default() += 1;
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.images.len()
    }

    /// Images of class `truth` that were predicted to be of class `predicted`.
    pub fn count(&self, truth: usize, predicted: usize) -> u32 {
        self.counts.get(&(truth, predicted)).copied().unwrap_or(0)
    }

    /// Images of a class.
    pub fn images(&self, truth: usize) -> u32 {
        self.images[truth]
    }

    /// The fraction of a class's images that were classified rightly; `None` if it has none.
    pub fn accuracy(&self, truth: usize) -> Option<f64> {
        let images = self.images(truth);
        (images > 0).then(|| f64::from(self.count(truth, truth)) / f64::from(images))
    }

    /// All mistakes, the most frequent first; of equal ones that with the larger share of its class.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes: Vec<_> = self
            .counts
            .iter()
            .filter(|((truth, predicted), _)| truth != predicted)
            .map(|(&(truth, predicted), &images)| Mistake { truth, predicted, images })
            .collect();
        // The sort is stable: the order of classes decides at last.
        mistakes.sort_by_key(|m| (std::cmp::Reverse(m.images), self.images(m.truth)));
        mistakes
    }

    /// The pair of classes that is mixed up most often, with its count: truth, predicted, images.
    pub fn worst(&self) -> Option<(usize, usize, u32)> {
        self.mistakes().first().map(|m| (m.truth, m.predicted, m.images))
    }

    /// The counts as comma-separated values, a line for each pair of classes that has images, and for each class
    /// with itself. `names` are the classes'; a class without one has an empty field.
    pub fn to_csv(&self, names: &[String]) -> String {
        let name = |class: usize| field(names.get(class).map_or("", String::as_str));
        let mut rows: BTreeMap<(usize, usize), u32> = (0..self.classes()).map(|c| ((c, c), 0)).collect();
        rows.extend(&self.counts);
        let mut text = String::from("true_class,true_name,predicted_class,predicted_name,images\n");
        for ((truth, predicted), images) in rows {
            text.push_str(&format!("{truth},{},{predicted},{},{images}\n", name(truth), name(predicted)));
        }
        text
    }
}

/// A text as RFC 4180 has it: in quotes where it holds a comma, a quote or a line break.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> Confusion {
        let mut matrix = Confusion::new(3);
        for (truth, predicted) in [(0, 0), (0, 1), (2, 1), (2, 1), (1, 1)] {
            matrix.add(truth, predicted);
        }
        matrix
    }

    #[test]
    fn counts_add_up() {
        assert_eq!(Confusion::new(3).worst(), None);
        let matrix = matrix();
        assert_eq!((matrix.images(0), matrix.images(1), matrix.images(2)), (2, 1, 2));
        assert_eq!((matrix.count(2, 1), matrix.count(2, 0)), (2, 0));
        assert_eq!(matrix.worst(), Some((2, 1, 2)));
        assert_eq!([0, 1, 2].map(|class| matrix.accuracy(class)), [Some(0.5), Some(1.0), Some(0.0)]);
        assert_eq!(Confusion::new(1).accuracy(0), None);
    }

    #[test]
    fn of_equal_counts_the_larger_share_is_worse() {
        let mut matrix = Confusion::new(3);
        for (truth, predicted) in [(0, 0), (0, 1), (1, 2), (2, 0), (2, 2)] {
            matrix.add(truth, predicted);
        }
        let order: Vec<_> = matrix.mistakes().iter().map(|m| (m.truth, m.predicted)).collect();
        assert_eq!(order, [(1, 2), (0, 1), (2, 0)]);
    }

    #[test]
    fn every_class_is_in_the_csv_and_names_are_quoted() {
        let names = ["猫", "a \"big\", dog"].map(String::from);
        assert_eq!(
            matrix().to_csv(&names),
            "true_class,true_name,predicted_class,predicted_name,images\n\
             0,猫,0,猫,1\n\
             0,猫,1,\"a \"\"big\"\", dog\",1\n\
             1,\"a \"\"big\"\", dog\",1,\"a \"\"big\"\", dog\",1\n\
             2,,1,\"a \"\"big\"\", dog\",2\n\
             2,,2,,0\n"
        );
    }

    #[test]
    fn many_classes_take_little_memory() {
        let mut matrix = Confusion::new(1_000_000);
        matrix.add(999_999, 5);
        assert_eq!(matrix.worst(), Some((999_999, 5, 1)));
    }

    #[cfg(feature = "train")]
    #[test]
    fn counts_give_the_matrix_back() {
        let mut matrix = Confusion::new(3);
        for (truth, predicted) in [(0, 1), (2, 1), (2, 1)] {
            matrix.add(truth, predicted);
        }
        assert_eq!(matrix.counts().collect::<Vec<_>>(), [(0, 1, 1), (2, 1, 2)]);
    }
}
