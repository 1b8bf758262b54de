//! The dense f64 array that the plain implementations compute on.

/// A dense row-major array of f64: feature maps (N, C, H, W), vectors (N, F), or a parameter in PyTorch's
/// layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Elements, the last dimension contiguous.
    pub data: Vec<f64>,
}

impl Array {
    /// An array of zeros.
    pub fn zeros(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), data: vec![0.0; shape.iter().product()] }
    }

    /// An array whose element `i`, in row-major order, is `f(i)`.
    pub fn from_fn(shape: &[usize], f: impl FnMut(usize) -> f64) -> Self {
        Self { shape: shape.to_vec(), data: (0..shape.iter().product()).map(f).collect() }
    }

    /// The same elements, each passed through `f`.
    pub fn map(&self, mut f: impl FnMut(f64) -> f64) -> Self {
        Self::from_fn(&self.shape, |i| f(self.data[i]))
    }

    /// Two arrays of one shape, combined element by element.
    pub fn zip(&self, other: &Self, mut f: impl FnMut(f64, f64) -> f64) -> Self {
        debug_assert_eq!(self.shape, other.shape);
        Self::from_fn(&self.shape, |i| f(self.data[i], other.data[i]))
    }

    /// The same elements under another shape of as many.
    pub fn reshape(&self, shape: &[usize]) -> Self {
        debug_assert_eq!(self.data.len(), shape.iter().product::<usize>());
        Self { shape: shape.to_vec(), data: self.data.clone() }
    }

    /// N, C, H, W of a map; a vector has H = W = 1.
    pub(crate) fn nchw(&self) -> [usize; 4] {
        let dim = |i: usize| self.shape.get(i).copied().unwrap_or(1);
        [dim(0), dim(1), dim(2), dim(3)]
    }

    /// The channel, or the feature, of an element.
    pub(crate) fn channel(&self, index: usize) -> usize {
        let [_, channels, height, width] = self.nchw();
        index / (height * width) % channels
    }

    /// The index of the first element of plane (n, c), and the plane's size.
    pub(crate) fn plane(&self, n: usize, c: usize) -> std::ops::Range<usize> {
        let [_, channels, height, width] = self.nchw();
        let start = (n * channels + c) * height * width;
        start..start + height * width
    }
}

#[cfg(test)]
pub(super) mod checks {
    //! Central differences, and seeded arrays to take them at.

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::Array;

    /// Elements drawn from U(−1, 1).
    pub(crate) fn random(shape: &[usize], seed: u64) -> Array {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Array::from_fn(shape, |_| rng.random_range(-1.0..1.0))
    }

    /// Distinct elements at least 1/(2·len) apart, in random order, none near 0: differences do not cross a
    /// kink.
    pub(crate) fn distinct(shape: &[usize], seed: u64) -> Array {
        let keys = random(shape, seed).data;
        let len = keys.len() as f64;
        let rank = |i: usize| keys.iter().filter(|k| **k < keys[i]).count() as f64;
        Array::from_fn(shape, |i| (rank(i) + 0.25 - (len / 2.0).floor()) / len)
    }

    /// Σ f(x)·dy, whose gradient in x is what a backward pass gives for dy.
    fn weighted(y: &Array, dy: &Array) -> f64 {
        assert_eq!(y.shape, dy.shape);
        y.data.iter().zip(&dy.data).map(|(y, g)| y * g).sum()
    }

    /// Asserts that `dx` is the gradient of Σ f(x)·dy, element by element.
    pub(crate) fn gradient(what: &str, x: &Array, dx: &Array, dy: &Array, f: impl Fn(&Array) -> Array) {
        assert_eq!(x.shape, dx.shape, "{what}");
        let step = 1e-6;
        for i in 0..x.data.len() {
            let at = |delta: f64| {
                let mut moved = x.clone();
                moved.data[i] += delta;
                weighted(&f(&moved), dy)
            };
            let slope = (at(step) - at(-step)) / (2.0 * step);
            let error = (slope - dx.data[i]).abs();
            assert!(error < 1e-7 + 1e-6 * slope.abs(), "{what} [{i}]: {} against {slope}", dx.data[i]);
        }
    }
}
