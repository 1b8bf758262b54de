//! Axes of an image's elements: how many there are along each, and how far apart they lie.

/// Axes of an image: sizes, and elements of the layer's output from one step to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axes {
    pub(super) sizes: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

impl Axes {
    /// Axes of elements that follow one another.
    pub(super) fn contiguous(sizes: &[usize]) -> Self {
        let strides = (0..sizes.len()).map(|i| sizes[i + 1..].iter().product()).collect();
        Self { sizes: sizes.to_vec(), strides }
    }

    pub(super) fn new<const N: usize>(sizes: [usize; N], strides: [usize; N]) -> Self {
        Self { sizes: sizes.into(), strides: strides.into() }
    }

    pub(super) fn len(&self) -> usize {
        self.sizes.iter().product()
    }

    /// The same without axes of one element, and with axes as one that can be one.
    pub(super) fn merged(&self) -> Self {
        let mut merged = Self { sizes: Vec::new(), strides: Vec::new() };
        for (&size, &stride) in self.sizes.iter().zip(&self.strides).filter(|(size, _)| **size > 1) {
            match (merged.sizes.last_mut(), merged.strides.last_mut()) {
                (Some(last), Some(step)) if *step == stride * size => (*last, *step) = (*last * size, stride),
                _ => {
                    merged.sizes.push(size);
                    merged.strides.push(stride);
                }
            }
        }
        merged
    }

    /// The same elements in the same order under other axes; `None` where their steps would not be even.
    pub(super) fn reshaped(&self, target: &[usize]) -> Option<Self> {
        let old = self.merged();
        let mut strides = vec![1; target.len()];
        let (mut at, mut left) = (0, old.sizes.first().copied().unwrap_or(1));
        for (i, &size) in target.iter().enumerate() {
            if size == 1 {
                continue;
            }
            if left == 1 {
                at += 1;
                left = *old.sizes.get(at)?;
            }
            if !left.is_multiple_of(size) {
                return None;
            }
            left /= size;
            strides[i] = old.strides.get(at)? * left;
        }
        (left == 1).then(|| Self { sizes: target.to_vec(), strides })
    }

    /// The axes in another order: number i is what number `order[i]` was.
    pub(super) fn permuted(&self, order: &[usize]) -> Self {
        Self {
            sizes: order.iter().map(|&axis| self.sizes[axis]).collect(),
            strides: order.iter().map(|&axis| self.strides[axis]).collect(),
        }
    }
}

/// The order that undoes another one.
pub(super) fn undone(order: &[usize]) -> Vec<usize> {
    let mut back = vec![0; order.len()];
    order.iter().enumerate().for_each(|(place, &axis)| back[axis] = place);
    back
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_split_and_joined_where_steps_stay_even() {
        let axes = Axes::contiguous(&[6, 2, 2]);
        let split = axes.reshaped(&[2, 3, 2, 2]).unwrap();
        assert_eq!(split.strides, [12, 4, 2, 1]);
        let turned = split.permuted(&[1, 0, 2, 3]);
        assert_eq!(turned.merged(), Axes::new([3, 2, 4], [4, 12, 1]));
        assert_eq!(turned.reshaped(&[6, 2, 2]), None);
        assert_eq!(turned.reshaped(&[3, 2, 4, 1]).unwrap().strides[..3], [4, 12, 1]);
        assert_eq!(axes.reshaped(&[24]).unwrap(), Axes::contiguous(&[24]));
        assert_eq!(axes.reshaped(&[5, 5]), None);
    }

    #[test]
    fn an_order_is_undone() {
        let axes = Axes::contiguous(&[2, 3, 4, 5]);
        let order = [2, 0, 3, 1];
        assert_eq!(axes.permuted(&order).permuted(&undone(&order)), axes);
    }
}
