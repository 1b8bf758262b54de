//! The functions as their definitions, and their gradients.

use super::Arithmetic;
use crate::ops::{Array, Gradients, Naive, Reads};

/// For each element of a larger array the place of its own in a smaller one, whose sizes are equal or 1.
fn places(small: &[usize], large: &[usize]) -> Vec<usize> {
    let mut places = vec![0];
    for (&own, &size) in small.iter().zip(large) {
        let next = |&place: &usize| (0..size).map(move |i| place * own + if own == 1 { 0 } else { i });
        places = places.iter().flat_map(next).collect();
    }
    places
}

/// The shape of two arrays together.
fn together(a: &Array, b: &Array) -> Vec<usize> {
    a.shape.iter().zip(&b.shape).map(|(a, b)| *a.max(b)).collect()
}

impl Arithmetic {
    fn value(&self, a: f64, b: f64) -> f64 {
        match self {
            Self::Add => a + b,
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
            Self::Maximum => a.max(b),
            Self::Minimum => a.min(b),
            Self::Pow => a.powf(b),
            Self::Less => f64::from(u8::from(a < b)),
            Self::LessOrEqual => f64::from(u8::from(a <= b)),
            Self::Equal => f64::from(u8::from(a == b)),
            Self::Mask if b == 0.0 => 0.0,
            Self::Mask => a,
        }
    }

    /// The derivatives by both; of equal numbers the larger and the smaller are half of each, as in PyTorch.
    fn slopes(&self, a: f64, b: f64) -> [f64; 2] {
        let share = |first: bool| match (first, a == b) {
            (_, true) => 0.5,
            (true, _) => 1.0,
            (false, _) => 0.0,
        };
        match self {
            Self::Add => [1.0, 1.0],
            Self::Sub => [1.0, -1.0],
            Self::Mul => [b, a],
            Self::Div => [1.0 / b, -a / (b * b)],
            Self::Maximum => [share(a > b), share(b > a)],
            Self::Minimum => [share(a < b), share(b < a)],
            Self::Pow => [b * a.powf(b - 1.0), a.powf(b) * a.ln()],
            Self::Less | Self::LessOrEqual | Self::Equal => [0.0, 0.0],
            Self::Mask => [f64::from(u8::from(b != 0.0)), 0.0],
        }
    }
}

impl Naive for Arithmetic {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let [a, b] = [reads.inputs[0], reads.inputs[1]];
        let shape = together(a, b);
        let (of_a, of_b) = (places(&a.shape, &shape), places(&b.shape, &shape));
        Array::from_fn(&shape, |i| self.value(a.data[of_a[i]], b.data[of_b[i]]))
    }

    fn backward(&self, reads: &Reads<'_>, _: &Array, dy: &Array) -> Gradients {
        let [a, b] = [reads.inputs[0], reads.inputs[1]];
        let (of_a, of_b) = (places(&a.shape, &dy.shape), places(&b.shape, &dy.shape));
        let (mut da, mut db) = (Array::zeros(&a.shape), Array::zeros(&b.shape));
        for (i, dy) in dy.data.iter().enumerate() {
            let [by_a, by_b] = self.slopes(a.data[of_a[i]], b.data[of_b[i]]);
            da.data[of_a[i]] += dy * by_a;
            db.data[of_b[i]] += dy * by_b;
        }
        Gradients { inputs: vec![da, db], parameters: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Layer;
    use crate::ops::tests::{backward, forward};
    use crate::shape::Shape;

    #[test]
    fn a_pixel_goes_with_every_pixel_and_a_channel_with_every_channel() {
        let map = Array { shape: vec![1, 2, 1, 2], data: vec![1.0, 2.0, 3.0, 4.0] };
        let pixel = Array { shape: vec![1, 2, 1, 1], data: vec![10.0, 100.0] };
        for inputs in [[&map, &pixel], [&pixel, &map]] {
            assert_eq!(forward(&Arithmetic::Mul, &inputs).data, [10.0, 20.0, 300.0, 400.0]);
        }
        let mask = Array { shape: vec![1, 1, 1, 2], data: vec![0.5, 2.0] };
        assert_eq!(forward(&Arithmetic::Div, &[&map, &mask]).data, [2.0, 1.0, 6.0, 2.0]);
        assert_eq!(forward(&Arithmetic::Sub, &[&mask, &map]).data, [-0.5, 0.0, -2.5, -2.0]);
        assert_eq!(forward(&Arithmetic::Maximum, &[&mask, &map]).data, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(forward(&Arithmetic::Pow, &[&map, &mask]).data, [1.0, 4.0, 3.0f64.sqrt(), 16.0]);
    }

    #[test]
    fn comparisons_give_one_and_zero_and_a_mask_hides_what_is_no_number() {
        let a = Array { shape: vec![1, 3], data: vec![1.0, 2.0, f64::NAN] };
        let b = Array { shape: vec![1, 1], data: vec![2.0] };
        assert_eq!(forward(&Arithmetic::Less, &[&a, &b]).data, [1.0, 0.0, 0.0]);
        assert_eq!(forward(&Arithmetic::LessOrEqual, &[&a, &b]).data, [1.0, 1.0, 0.0]);
        assert_eq!(forward(&Arithmetic::Equal, &[&a, &b]).data, [0.0, 1.0, 0.0]);
        let mask = Array { shape: vec![1, 3], data: vec![1.0, 0.0, 0.0] };
        assert_eq!(forward(&Arithmetic::Mask, &[&a, &mask]).data, [1.0, 0.0, 0.0]);
    }

    #[test]
    fn of_equal_elements_each_has_half_the_gradient() {
        let (a, b) = (
            Array { shape: vec![1, 3], data: vec![1.0, 2.0, 3.0] },
            Array { shape: vec![1, 1], data: vec![2.0] },
        );
        let dy = Array { shape: vec![1, 3], data: vec![1.0, 10.0, 100.0] };
        let found = backward(&Arithmetic::Maximum, &[&a, &b], &dy).inputs;
        assert_eq!((&found[0].data[..], &found[1].data[..]), (&[0.0, 5.0, 100.0][..], &[6.0][..]));
    }

    #[test]
    fn shapes_that_do_not_go_together_are_refused() {
        let issue = Arithmetic::Mul.infer(&[Shape::map(2, 3, 3), Shape::map(3, 1, 1)]).unwrap_err();
        assert_eq!(issue.found, "inputs of 2×3×3, 3×1×1");
        assert!(Arithmetic::Add.infer(&[Shape::vector(4), Shape::map(4, 1, 1)]).is_err());
        assert!(Arithmetic::Add.infer(&[Shape::vector(4)]).is_err());
    }
}
