//! Which classes are taken for which.

/// Counts of test images by true class (row) and predicted class (column).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u32>,
}

impl Confusion {
    /// No images yet.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// A matrix of counts, row by row.
    #[cfg(feature = "train")]
    pub(super) fn of(classes: usize, counts: Vec<u32>) -> Self {
        assert_eq!(counts.len(), classes * classes, "a count for each pair of classes");
        Self { classes, counts }
    }

    /// All counts, row by row.
    #[cfg(feature = "train")]
    pub(super) fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Counts one image.
    ///
    /// # Panics
    /// If a class is out of range.
    pub fn add(&mut self, truth: usize, predicted: usize) {
        assert!(truth < self.classes && predicted < self.classes, "class out of range");
        self.counts[truth * self.classes + predicted] += 1;
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Images of class `truth` that were predicted to be of class `predicted`.
    pub fn count(&self, truth: usize, predicted: usize) -> u32 {
        self.counts[truth * self.classes + predicted]
    }

    /// Images of a class.
    pub fn images(&self, truth: usize) -> u32 {
        (0..self.classes).map(|predicted| self.count(truth, predicted)).sum()
    }

    /// The pair of classes that is mixed up most often, with its count: truth, predicted, images.
    pub fn worst(&self) -> Option<(usize, usize, u32)> {
        let pairs = (0..self.classes).flat_map(|t| (0..self.classes).map(move |p| (t, p)));
        pairs
            .filter(|&(truth, predicted)| truth != predicted)
            .map(|(truth, predicted)| (truth, predicted, self.count(truth, predicted)))
            .filter(|&(.., count)| count > 0)
            .reduce(|worst, pair| if pair.2 > worst.2 { pair } else { worst })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up() {
        let mut matrix = Confusion::new(3);
        assert_eq!(matrix.worst(), None);
        for (truth, predicted) in [(0, 0), (0, 1), (2, 1), (2, 1), (1, 1)] {
            matrix.add(truth, predicted);
        }
        assert_eq!((matrix.images(0), matrix.images(1), matrix.images(2)), (2, 1, 2));
        assert_eq!(matrix.count(2, 1), 2);
        assert_eq!(matrix.worst(), Some((2, 1, 2)));
    }
}
