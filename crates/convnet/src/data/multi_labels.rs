//! Images that have several classes at once, or none.

use super::DataError;

/// The classes of each image of a set, sorted, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiLabels {
    /// Where each image's labels end.
    ends: Vec<usize>,
    labels: Vec<u32>,
    classes: usize,
}

impl MultiLabels {
    /// The labels of each image, in any order; a label that occurs twice counts once.
    ///
    /// # Errors
    /// If a label is not below `classes`; `origin` names the set.
    ///
    /// ```
    /// use convnet::data::MultiLabels;
    ///
    /// # fn main() -> Result<(), convnet::data::DataError> {
    /// let labels = MultiLabels::new("photos", 3, [vec![2, 0], vec![], vec![1]])?;
    /// assert_eq!((labels.len(), labels.of(0), labels.of(1)), (3, &[0, 2][..], &[][..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(
        origin: &str,
        classes: usize,
        images: impl IntoIterator<Item = Vec<u32>>,
    ) -> Result<Self, DataError> {
        let mut made = Self { ends: Vec::new(), labels: Vec::new(), classes };
        for mut labels in images {
            labels.sort_unstable();
            labels.dedup();
            if let Some(&label) = labels.last().filter(|&&label| label as usize >= classes) {
                let (origin, index) = (origin.to_owned(), made.len());
                return Err(DataError::Label { origin, index, label, classes });
            }
            made.push(&labels);
        }
        Ok(made)
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The classes of an image.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn of(&self, index: usize) -> &[u32] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.labels[start..self.ends[index]]
    }

    /// How many classes there are to have.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many images have each class.
    pub fn histogram(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        self.labels.iter().for_each(|&label| counts[label as usize] += 1);
        counts
    }

    /// One label for each image: its first, 0 where it has none.
    pub(super) fn firsts(&self) -> Vec<u32> {
        (0..self.len()).map(|index| self.of(index).first().copied().unwrap_or(0)).collect()
    }

    /// Those of some images, in that order.
    pub(super) fn subset(&self, indices: &[usize]) -> Self {
        let mut made = Self { ends: Vec::new(), labels: Vec::new(), classes: self.classes };
        indices.iter().for_each(|&index| made.push(self.of(index)));
        made
    }

    /// The same labels by other numbers, of so many classes.
    pub(super) fn renumbered(&self, numbers: &[u32], classes: usize) -> Self {
        let mut made = Self { ends: Vec::new(), labels: Vec::new(), classes };
        for index in 0..self.len() {
            let mut labels: Vec<u32> = self.of(index).iter().map(|&label| numbers[label as usize]).collect();
            labels.sort_unstable();
            labels.dedup();
            made.push(&labels);
        }
        made
    }

    /// Writes 1 for each class that an image has into its row of zeros.
    pub(crate) fn mark(&self, index: usize, row: &mut [f32]) {
        self.of(index).iter().for_each(|&label| row[label as usize] = 1.0);
    }

    fn push(&mut self, labels: &[u32]) {
        self.labels.extend_from_slice(labels);
        self.ends.push(self.labels.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_counted_once() {
        let images = [vec![3, 1, 3], vec![], vec![0], vec![1, 2]];
        let labels = MultiLabels::new("x", 4, images).unwrap();
        assert_eq!((labels.len(), labels.classes(), labels.is_empty()), (4, 4, false));
        let all = |labels: &MultiLabels| -> Vec<Vec<u32>> {
            (0..labels.len()).map(|index| labels.of(index).to_vec()).collect()
        };
        assert_eq!(all(&labels), [vec![1, 3], vec![], vec![0], vec![1, 2]]);
        assert_eq!(labels.histogram(), [1, 2, 1, 1]);
        assert_eq!(labels.firsts(), [1, 0, 0, 1]);
        assert_eq!(all(&labels.subset(&[3, 1, 3])), [vec![1, 2], vec![], vec![1, 2]]);
        assert_eq!(all(&labels.renumbered(&[2, 9, 0, 3], 10))[..], [vec![3, 9], vec![], vec![2], vec![0, 9]]);
        let mut row = [0.0; 4];
        labels.mark(3, &mut row);
        assert_eq!(row, [0.0, 1.0, 1.0, 0.0]);
        let told = MultiLabels::new("x", 3, [vec![0], vec![1, 3]]).unwrap_err().to_string();
        assert!(told.contains("label 1 is 3, expected 0 to 2"), "{told}");
    }
}
