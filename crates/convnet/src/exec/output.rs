//! What a network gives for some images.

/// Scores of images: a row each for a classifier, (N, classes), or maps (N, C, H, W).
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    shape: Vec<usize>,
    data: Vec<f32>,
}

/// A class and its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The class, an index into the network's outputs.
    pub class: usize,
    /// Its logit or probability.
    pub score: f32,
}

impl Output {
    pub(crate) fn new(shape: Vec<usize>, data: Vec<f32>) -> Self {
        Self { shape, data }
    }

    /// The dimensions, the number of images first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// All scores in row-major order.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }

    /// The same, without a copy.
    pub fn into_vec(self) -> Vec<f32> {
        self.data
    }

    /// The scores of each image.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        let images = self.shape.first().copied().unwrap_or(0).max(1);
        self.data.chunks_exact((self.data.len() / images).max(1))
    }

    /// The `k` classes with the largest scores of each image, best first; of equal scores the lesser class. Scores that are
    /// not numbers come last.
    pub fn top(&self, k: usize) -> Vec<Vec<Scored>> {
        self.rows().map(|row| top(row, k)).collect()
    }
}

/// The `k` classes of a row with the largest scores, as [`Output::top`] gives them.
pub fn top(row: &[f32], k: usize) -> Vec<Scored> {
    let mut scored: Vec<Scored> =
        row.iter().enumerate().map(|(class, &score)| Scored { class, score }).collect();
    let key = |s: &Scored| if s.score.is_nan() { f32::NEG_INFINITY } else { s.score };
    scored.sort_by(|a, b| key(b).total_cmp(&key(a)).then(a.class.cmp(&b.class)));
    scored.truncate(k);
    scored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_first_and_the_lesser_class_of_equals() {
        let output = Output::new(vec![2, 4], vec![0.1, 0.7, 0.1, 0.1, 2.0, f32::NAN, 2.0, -1.0]);
        let classes: Vec<Vec<usize>> =
            output.top(3).iter().map(|row| row.iter().map(|s| s.class).collect()).collect();
        assert_eq!(classes, [[1, 0, 2], [0, 2, 3]]);
        assert_eq!(output.top(1)[0], [Scored { class: 1, score: 0.7 }]);
        assert_eq!(output.top(9)[0].len(), 4);
        assert_eq!(output.rows().len(), 2);
    }
}
