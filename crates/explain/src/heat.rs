//! A map of values over an image.

/// A value for each pixel of a map, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Height · width values.
    pub values: Vec<f32>,
}

/// Keeps a map of one value from being divided by nothing, as the package `grad-cam` does.
const LEAST_RANGE: f32 = 1e-7;

impl Heat {
    /// A map of values.
    ///
    /// # Panics
    /// If there are not as many as pixels.
    pub fn new(height: usize, width: usize, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), height * width, "values of a map");
        Self { height, width, values }
    }

    /// A value for each pixel of a map, from those of its channels (C, H, W): `merge` starts with 0 and is given one after
    /// the other.
    pub fn merged(height: usize, width: usize, channels: &[f32], merge: impl Fn(f32, f32) -> f32) -> Self {
        let mut values = vec![0.0f32; height * width];
        for plane in channels.chunks_exact(height * width) {
            values.iter_mut().zip(plane).for_each(|(merged, value)| *merged = merge(*merged, *value));
        }
        Self { height, width, values }
    }

    /// The least and the largest value.
    pub fn range(&self) -> (f32, f32) {
        self.values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), &value| {
            (least.min(value), most.max(value))
        })
    }

    /// From 0 to 1: the least value becomes 0, the largest 1. A map of one value becomes 0.
    #[must_use]
    pub fn scaled(&self) -> Self {
        let (least, most) = self.range();
        let factor = 1.0 / (LEAST_RANGE + (most - least));
        self.map(|value| (value - least) * factor)
    }

    /// From −1 to 1: divided by the largest magnitude.
    #[must_use]
    pub fn signed(&self) -> Self {
        let most = self.values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        self.map(|value| if most > 0.0 { value / most } else { 0.0 })
    }

    /// With the strongest hundredth cut off at the magnitude of the next, so that the others show.
    #[must_use]
    pub fn without_strongest(&self) -> Self {
        let mut sizes: Vec<f32> = self.values.iter().map(|value| value.abs()).collect();
        sizes.sort_by(f32::total_cmp);
        let Some(&most) = sizes.get(sizes.len().saturating_sub(1) * 99 / 100) else { return self.clone() };
        self.map(|value| value.clamp(-most, most))
    }

    /// At another size, bilinearly: pixels are squares whose middles are compared, and beyond the border lies its value, as
    /// OpenCV's `INTER_LINEAR` and PyTorch's `interpolate(align_corners=False)`.
    #[must_use]
    pub fn resized(&self, height: usize, width: usize) -> Self {
        if (height, width) == (self.height, self.width) {
            return self.clone();
        }
        let (rows, columns) = (places(self.height, height), places(self.width, width));
        let mut values = Vec::with_capacity(height * width);
        for &(top, bottom, down) in &rows {
            let row = |y: usize| &self.values[y * self.width..][..self.width];
            let (above, below) = (row(top), row(bottom));
            values.extend(columns.iter().map(|&(left, right, along)| {
                let upper = above[left] + (above[right] - above[left]) * along;
                let lower = below[left] + (below[right] - below[left]) * along;
                upper + (lower - upper) * down
            }));
        }
        Self { height, width, values }
    }

    fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        Self { values: self.values.iter().map(|&value| f(value)).collect(), ..*self }
    }
}

/// For each of `to` pixels the two of `from` that it lies between, and how far from the first.
fn places(from: usize, to: usize) -> Vec<(usize, usize, f32)> {
    let place = |index: usize| {
        let at = ((index as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64);
        let first = at.floor() as usize;
        (first, (first + 1).min(from - 1), (at - first as f64) as f32)
    };
    (0..to).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_a_range() {
        let heat = Heat::new(1, 3, vec![-1.0, 0.0, 3.0]);
        let close = |found: &Heat, expected: [f32; 3]| {
            found.values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6)
        };
        assert!(close(&heat.scaled(), [0.0, 0.25, 1.0]));
        assert!(close(&heat.signed(), [-1.0 / 3.0, 0.0, 1.0]));
        assert_eq!(Heat::new(1, 2, vec![5.0; 2]).scaled().values, [0.0; 2]);
        assert_eq!(Heat::new(1, 2, vec![0.0; 2]).signed().values, [0.0; 2]);
    }

    /// The figures are PyTorch's: `F.interpolate(x, size, mode="bilinear", align_corners=False)`.
    #[test]
    fn sizes_change_as_pytorch_changes_them() {
        let heat = Heat::new(2, 2, vec![0.0, 1.0, 2.0, 3.0]);
        let expected =
            [0.0, 0.25, 0.75, 1.0, 0.5, 0.75, 1.25, 1.5, 1.5, 1.75, 2.25, 2.5, 2.0, 2.25, 2.75, 3.0];
        assert_eq!(heat.resized(4, 4).values, expected);
        assert_eq!(heat.resized(1, 3).values, [1.0, 1.5, 2.0]);
        assert_eq!(heat.resized(2, 2), heat);
    }
}
