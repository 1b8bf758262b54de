//! Occlusion: what a logit or a probability loses where a window of the image is covered.

use crate::{ExplainError, Heat, Lens};

/// What an occlusion is measured by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Score {
    /// The class's probability.
    #[default]
    Probability,
    /// Its logit.
    Logit,
}

/// A window that moves over an image and covers it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occlusion {
    /// Height and width of the window in pixels.
    pub window: [usize; 2],
    /// Pixels that it moves by, down and along; the last window of a row or column is moved back into the image.
    pub stride: [usize; 2],
    /// What it covers the image with, as the network reads it: 0 is the mean where images are normalized.
    pub fill: f32,
    /// What is measured.
    pub score: Score,
}

impl Occlusion {
    /// A window of an eighth of each side that moves by half of itself.
    pub fn of_size(height: usize, width: usize) -> Self {
        let window = [height, width].map(|side| (side / 8).max(1));
        Self { window, stride: window.map(|side| (side / 2).max(1)), fill: 0.0, score: Score::default() }
    }

    fn check(&self, [height, width]: [usize; 2]) -> Result<(), ExplainError> {
        let [rows, columns] = self.window;
        let fits = (1..=height).contains(&rows) && (1..=width).contains(&columns);
        let refused = |what, found: [usize; 2], expected: String| {
            let [down, along] = found;
            Err(ExplainError::Setting { what, found: format!("{down} × {along}"), expected })
        };
        if !fits {
            return refused("window of the occlusion", self.window, format!("1 × 1 to {height} × {width}"));
        }
        if self.stride[0] == 0 || self.stride[1] == 0 || self.stride[0] > rows || self.stride[1] > columns {
            let expected = format!("1 × 1 to the window's {rows} × {columns}, so that nothing is left out");
            return refused("stride of the occlusion", self.stride, expected);
        }
        Ok(())
    }
}

impl Lens {
    /// For each pixel of an image (C, H, W) what a class loses, on the mean of the windows that cover it: H × W for each of
    /// `classes`, all from the same runs.
    ///
    /// # Errors
    /// If `image` is not one whole image, a class is none, the window does not fit in the image, its stride is larger, or a
    /// logit is not finite where probabilities are measured.
    pub fn occlusion(
        &mut self,
        image: &[f32],
        classes: &[usize],
        occlusion: &Occlusion,
    ) -> Result<Vec<Heat>, ExplainError> {
        let image = self.one(image)?;
        classes.iter().try_for_each(|&class| self.class(class).map(drop))?;
        let [_, height, width] = self.graph.input_size();
        occlusion.check([height, width])?;
        let logits = self.logits(image)?;
        let whole = self.scores(occlusion.score, &logits)?;
        let rows = starts(height, occlusion.window[0], occlusion.stride[0]);
        let columns = starts(width, occlusion.window[1], occlusion.stride[1]);
        let corners: Vec<[usize; 2]> =
            rows.iter().flat_map(|&top| columns.iter().map(move |&left| [top, left])).collect();
        let mut sums = vec![vec![0.0f64; height * width]; classes.len()];
        let mut counts = vec![0.0f64; height * width];
        for corners in corners.chunks(self.probe.batch()) {
            let covered: Vec<f32> =
                corners.iter().flat_map(|corner| cover(image, [height, width], *corner, occlusion)).collect();
            let output = self.probe.output(&covered)?;
            for (logits, &[top, left]) in output.rows().zip(corners) {
                let scores = self.scores(occlusion.score, logits)?;
                let losses: Vec<f64> = classes.iter().map(|&class| whole[class] - scores[class]).collect();
                for y in top..top + occlusion.window[0] {
                    let row = y * width + left..y * width + left + occlusion.window[1];
                    counts[row.clone()].iter_mut().for_each(|count| *count += 1.0);
                    for (sums, loss) in sums.iter_mut().zip(&losses) {
                        sums[row.clone()].iter_mut().for_each(|sum| *sum += loss);
                    }
                }
            }
        }
        let heat = |sums: Vec<f64>| {
            let values = sums.iter().zip(&counts).map(|(sum, count)| (sum / count) as f32).collect();
            Heat::new(height, width, values)
        };
        Ok(sums.into_iter().map(heat).collect())
    }

    /// What is measured of each class.
    fn scores(&self, score: Score, logits: &[f32]) -> Result<Vec<f64>, ExplainError> {
        match score {
            Score::Logit => Ok(logits.iter().map(|&logit| f64::from(logit)).collect()),
            Score::Probability => self.probabilities(logits),
        }
    }
}

/// Where windows start along a side: the last one ends with it.
fn starts(side: usize, window: usize, stride: usize) -> Vec<usize> {
    let last = side - window;
    (0..last).step_by(stride).chain([last]).collect()
}

/// An image with a window of it covered.
fn cover(
    image: &[f32],
    [height, width]: [usize; 2],
    [top, left]: [usize; 2],
    occlusion: &Occlusion,
) -> Vec<f32> {
    let mut covered = image.to_vec();
    for plane in covered.chunks_exact_mut(height * width) {
        for row in plane.chunks_exact_mut(width).skip(top).take(occlusion.window[0]) {
            row[left..left + occlusion.window[1]].fill(occlusion.fill);
        }
    }
    covered
}
