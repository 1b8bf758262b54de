//! Integrated gradients: what each value of an image adds to a logit, on the straight way from a baseline.

use convnet::exec::ReluGradient;

use crate::{ExplainError, Lens};

/// The way from a baseline to an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Integrated<'a> {
    /// What stands for nothing, as the network reads it (C, H, W); `None` is zeros, the mean of the images where they are
    /// normalized.
    pub baseline: Option<&'a [f32]>,
    /// Points on the way where gradients are taken, by the rule of Gauss and Legendre.
    pub steps: usize,
}

impl Default for Integrated<'_> {
    fn default() -> Self {
        Self { baseline: None, steps: 50 }
    }
}

/// The most points: the rule's own places are exact to rounding up to here.
const MOST_STEPS: usize = 1000;

impl Lens {
    /// (x − x′) · ∫ ∂logit(x′ + α(x − x′))/∂x dα over the image x (C, H, W). The attributions add up to the logit less that
    /// of the baseline, but for the error of the rule.
    ///
    /// # Errors
    /// If the image or the baseline is not one whole image, `class` is none, or there are no or more than 1000 steps.
    pub fn integrated_gradients(
        &mut self,
        image: &[f32],
        class: usize,
        way: &Integrated<'_>,
    ) -> Result<Vec<f32>, ExplainError> {
        let (image, class) = (self.one(image)?, self.class(class)?);
        let nothing = vec![0.0; image.len()];
        let baseline = self.one(way.baseline.unwrap_or(&nothing))?;
        if !(1..=MOST_STEPS).contains(&way.steps) {
            return Err(ExplainError::Setting {
                what: "steps of integrated gradients",
                found: way.steps.to_string(),
                expected: format!("1 to {MOST_STEPS}"),
            });
        }
        let mut sums = vec![0.0f64; image.len()];
        for points in gauss_legendre(way.steps).chunks(self.probe.batch()) {
            let between = points.iter().flat_map(|(at, _)| {
                image.iter().zip(baseline).map(move |(x, from)| from + *at as f32 * (x - from))
            });
            let images: Vec<f32> = between.collect();
            let seen = self.probe.of_classes(&images, &vec![class; points.len()], ReluGradient::Plain)?;
            for (gradient, (_, weight)) in seen.gradients[0].data.chunks_exact(image.len()).zip(points) {
                sums.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += weight * f64::from(*g));
            }
        }
        let each = image.iter().zip(baseline).zip(&sums);
        Ok(each.map(|((x, from), sum)| (x - from) * *sum as f32).collect())
    }
}

/// Places from 0 to 1 and weights that integrate polynomials up to degree 2·count − 1 exactly: the zeros of a Legendre
/// polynomial, by Newton's method from Chebyshev's places (Abramowitz and Stegun 1964, 25.4.29).
fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    let point = |index: usize| {
        let mut x = -((index as f64 + 0.75) / (count as f64 + 0.5) * std::f64::consts::PI).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            // P by its recurrence, and P′ from it and the one before.
            let (mut before, mut p) = (1.0, x);
            for n in 2..=count {
                let n = n as f64;
                (before, p) = (p, ((2.0 * n - 1.0) * x * p - (n - 1.0) * before) / n);
            }
            slope = count as f64 * (x * p - before) / (x * x - 1.0);
            let step = p / slope;
            x -= step;
            if step.abs() < 1e-15 {
                break;
            }
        }
        (0.5 * (1.0 + x), 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..count).map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_integrates_polynomials() {
        for count in [1, 2, 3, 8, 50, 300] {
            let points = gauss_legendre(count);
            for degree in [0, 1, 2 * count - 1] {
                let sum: f64 = points.iter().map(|(x, weight)| weight * x.powi(degree as i32)).sum();
                let expected = 1.0 / (degree as f64 + 1.0);
                assert!((sum - expected).abs() < 1e-12, "{count} points, degree {degree}: {sum}");
            }
            assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
        // Of two points the places are 1/2 ± 1/√12, both weights a half.
        let points = gauss_legendre(2);
        assert!((points[0].0 - (0.5 - 12.0f64.sqrt().recip())).abs() < 1e-15);
        assert!((points[0].1 - 0.5).abs() < 1e-15);
    }
}
