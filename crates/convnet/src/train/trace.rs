//! A curve of any length in bounded memory, for callbacks that show a run.

/// The most points that are kept.
const MOST: usize = 2048;

/// A quantity over the steps of a run of any length. Once there are too many points, each two of them become their mean, and those to come are
/// means of as many steps.
#[derive(Clone, Debug)]
pub struct Trace {
    points: Vec<(f64, f64)>,
    /// Steps of a point.
    each: usize,
    /// The point that is gathered: the sums, and how many steps there are in it.
    sum: (f64, f64, usize),
}

impl Default for Trace {
    fn default() -> Self {
        Self { points: Vec::new(), each: 1, sum: (0.0, 0.0, 0) }
    }
}

impl Trace {
    /// Another step: where it is, and the quantity there.
    pub fn push(&mut self, x: f64, y: f64) {
        let (xs, ys, count) = self.sum;
        self.sum = (xs + x, ys + y, count + 1);
        if self.sum.2 < self.each {
            return;
        }
        let (xs, ys, count) = std::mem::take(&mut self.sum);
        self.points.push((xs / count as f64, ys / count as f64));
        if self.points.len() >= MOST {
            let mean = |pair: &[(f64, f64)]| ((pair[0].0 + pair[1].0) / 2.0, (pair[0].1 + pair[1].1) / 2.0);
            self.points = self.points.chunks_exact(2).map(mean).collect();
            self.each *= 2;
        }
    }

    /// At most so many points: means of neighbours.
    pub fn points(&self, most: usize) -> Vec<(f64, f64)> {
        let each = self.points.len().div_ceil(most.max(1)).max(1);
        let mean = |part: &[(f64, f64)]| {
            let (x, y) = part.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
            (x / part.len() as f64, y / part.len() as f64)
        };
        self.points.chunks(each).map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_its_shape_in_bounded_memory() {
        let mut trace = Trace::default();
        for x in 1..=100_000 {
            trace.push(f64::from(x), 2.0 * f64::from(x));
        }
        assert!(trace.points.len() < MOST);
        let points = trace.points(50);
        assert!(points.len() <= 50 && points.len() > 20, "{}", points.len());
        assert!(points.iter().all(|(x, y)| (y - 2.0 * x).abs() < 1e-6));
        assert!(points[0].0 < 3000.0 && points[points.len() - 1].0 > 97_000.0, "{points:?}");
        assert!(Trace::default().points(10).is_empty());
    }
}
