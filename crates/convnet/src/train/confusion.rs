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

    /// The matrix of some counts above 0: true class, predicted class, images. `None` where a class is out of range.
    #[cfg(feature = "train")]
    pub(super) fn of(classes: usize, entries: &[[u32; 3]]) -> Option<Self> {
        let mut matrix = Self::new(classes);
        for &[truth, predicted, images] in entries {
            let (truth, predicted) = (truth as usize, predicted as usize);
            if truth >= classes || predicted >= classes {
                return None;
            }
            matrix.counts[truth * classes + predicted] = images;
        }
        Some(matrix)
    }

    /// The counts above 0: true class, predicted class, images.
    #[cfg(feature = "train")]
    pub(super) fn entries(&self) -> Vec<[u32; 3]> {
        let pairs =
            (0..self.classes).flat_map(|truth| (0..self.classes).map(move |predicted| (truth, predicted)));
        pairs
            .map(|(truth, predicted)| [truth as u32, predicted as u32, self.count(truth, predicted)])
            .filter(|entry| entry[2] > 0)
            .collect()
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

    #[cfg(feature = "train")]
    #[test]
    fn counts_give_the_matrix_back() {
        let mut matrix = Confusion::new(3);
        for (truth, predicted) in [(0, 1), (2, 1), (2, 1)] {
            matrix.add(truth, predicted);
        }
        assert_eq!(matrix.entries(), [[0, 1, 1], [2, 1, 2]]);
        assert_eq!(Confusion::of(3, &matrix.entries()), Some(matrix));
        assert_eq!(Confusion::of(2, &[[0, 2, 1]]), None);
    }
}
