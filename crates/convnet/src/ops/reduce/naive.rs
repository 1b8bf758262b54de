//! The reductions as their definitions, and their gradients.

use super::{Reduce, Reduction};
use crate::ops::separable::{backward, forward, shape_of};
use crate::ops::{Array, Gradients, Naive, Reads};

impl Reduce {
    /// For each element of the input the place of the output that it is taken into.
    fn places(&self, x: &Array) -> Vec<usize> {
        let axes = self.axes(shape_of(x));
        let output = forward(&axes, x);
        // The gradient of a sum hands each place to what it is a sum of.
        let places = backward(&axes, x, &Array::from_fn(&output.shape, |i| i as f64)).inputs.remove(0);
        places.data.into_iter().map(|place| place as usize).collect()
    }
}

impl Naive for Reduce {
    fn forward(&self, reads: &Reads<'_>) -> Array {
        let x = reads.inputs[0];
        let sum = forward(&self.axes(shape_of(x)), x);
        let (first, pick): (f64, fn(f64, f64) -> f64) = match self.reduction {
            Reduction::Sum | Reduction::Mean => return sum,
            Reduction::Max => (f64::NEG_INFINITY, f64::max),
            Reduction::Min => (f64::INFINITY, f64::min),
        };
        let mut y = sum.map(|_| first);
        for (x, place) in x.data.iter().zip(self.places(x)) {
            y.data[place] = pick(y.data[place], *x);
        }
        y
    }

    /// Of an extreme it goes in equal shares to all elements that are it, as in PyTorch.
    fn backward(&self, reads: &Reads<'_>, y: &Array, dy: &Array) -> Gradients {
        let x = reads.inputs[0];
        if self.is_linear() {
            return backward(&self.axes(shape_of(x)), x, dy);
        }
        let places = self.places(x);
        let mut shares = vec![0.0; y.data.len()];
        let is_it = |i: usize| x.data[i] == y.data[places[i]];
        (0..places.len()).filter(|&i| is_it(i)).for_each(|i| shares[places[i]] += 1.0);
        Gradients::input(Array::from_fn(&x.shape, |i| {
            if is_it(i) { dy.data[places[i]] / shares[places[i]] } else { 0.0 }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Layer;
    use crate::ops::tests::{backward, forward};
    use crate::shape::Shape;

    #[test]
    fn each_axis_is_left_with_size_1() {
        let x = Array { shape: vec![1, 2, 1, 2], data: vec![1.0, 2.0, 4.0, 4.0] };
        let over = |reduction, channels, width| Reduce { reduction, channels, height: false, width };
        assert_eq!(forward(&over(Reduction::Mean, true, false), &[&x]).data, [2.5, 3.0]);
        let sum = forward(&over(Reduction::Sum, false, true), &[&x]);
        assert_eq!((sum.data, sum.shape), (vec![3.0, 8.0], vec![1, 2, 1, 1]));
        let max = over(Reduction::Max, true, true);
        assert_eq!(forward(&max, &[&x]).data, [4.0]);
        let dy = Array { shape: vec![1, 1, 1, 1], data: vec![6.0] };
        assert_eq!(backward(&max, &[&x], &dy).inputs[0].data, [0.0, 0.0, 3.0, 3.0]);
        assert!(over(Reduction::Max, false, false).infer(&[Shape::map(2, 1, 2)]).is_err());
        assert!(over(Reduction::Max, true, true).infer(&[Shape::vector(4)]).is_err());
    }
}
