//! Values of different sizes that are added or joined.

use convnet::ops::Op;

use crate::interp::{Interp, Thrown};
use crate::torch::dims::shape_of;
use crate::torch::{TapeId, What};

impl Interp {
    /// The error for two values that broadcasting does not bring together, at a dimension of the result.
    pub(in crate::torch) fn bad_broadcast(
        &mut self,
        a: TapeId,
        b: TapeId,
        at: usize,
        rank: usize,
    ) -> Box<Thrown> {
        let (x, y) = (self.tape.step(a).dims.clone(), self.tape.step(b).dims.clone());
        let size = |dims: &[usize], i: usize| (i + dims.len()).checked_sub(rank).map_or(1, |i| dims[i]);
        // PyTorch names the last dimension that differs.
        let differs = |&i: &usize| {
            let (x, y) = (size(&x, i), size(&y, i));
            x != y && x != 1 && y != 1
        };
        let last = (0..rank).rev().find(differs).unwrap_or(at);
        let text = format!(
            "The size of tensor a ({}) must match the size of tensor b ({}) at non-singleton dimension {last}",
            size(&x, last),
            size(&y, last)
        );
        let (told_a, told_b) = (self.told(a), self.told(b));
        let origins: Vec<_> = [a, b].into_iter().filter_map(|id| self.origin(id)).collect();
        let mut helps = Vec::new();
        if let (&[_, ca, ha, wa], &[_, cb, hb, wb]) = (&x[..], &y[..]) {
            if (ha, wa) != (hb, wb) {
                helps.extend(strides_help((ha, wa), (hb, wb), (ca, cb)));
            }
            if ca != cb && (ha, wa) == (hb, wb) {
                helps.push(format!(
                    "bring the shortcut to as many channels by a 1×1 convolution: `nn.Conv2d({}, {}, kernel_size=1)`",
                    ca.min(cb),
                    ca.max(cb)
                ));
            }
        }
        self.raise("RuntimeError", &text).teach(|t| {
            t.code = "shape";
            t.label = Some(format!("{told_a} and {told_b} do not fit"));
            t.labels.extend(origins);
            t.helps.extend(helps);
        })
    }

    /// The error for values that cannot be joined along a dimension.
    pub(in crate::torch) fn bad_cat(&mut self, inputs: &[TapeId], dim: usize, at: usize) -> Box<Thrown> {
        let first = self.tape.step(inputs[0]).dims.clone();
        let other = self.tape.step(inputs[at]).dims.clone();
        let text = if first.len() == other.len() {
            let (expected, found) = (0..first.len())
                .filter(|&i| i != dim)
                .find(|&i| first[i] != other[i])
                .map_or((0, 0), |i| (first[i], other[i]));
            format!(
                "Sizes of tensors must match except in dimension {dim}. Expected size {expected} but got size {found} for \
                 tensor number {at} in the list."
            )
        } else {
            format!("Tensors must have same number of dimensions: got {} and {}", first.len(), other.len())
        };
        let told: Vec<String> = inputs.iter().map(|&id| self.told(id)).collect();
        let origins: Vec<_> = [inputs[0], inputs[at]].into_iter().filter_map(|id| self.origin(id)).collect();
        let by_dim_1 = first.len() == other.len()
            && dim != 1
            && first.len() == 4
            && (first[0], first[2], first[3]) == (other[0], other[2], other[3]);
        let window = [inputs[at], inputs[0]].into_iter().find_map(|id| self.window_behind(id));
        let difference = match (&first[..], &other[..]) {
            (&[.., h, _], &[.., g, _]) => Some((h, g)),
            _ => None,
        };
        self.raise("RuntimeError", &text).teach(|t| {
            t.code = "shape";
            t.label = Some(told.join(" and "));
            t.labels.extend(origins);
            if by_dim_1 {
                t.helps.push("channels are dimension 1: `torch.cat(…, dim=1)`".to_owned());
            } else if dim == 1
                && let Some((h, g)) = difference
            {
                if let Some((kernel, padding)) = window {
                    let keeps = kernel.saturating_sub(1) / 2;
                    if keeps != padding && kernel % 2 == 1 {
                        t.helps.push(format!(
                            "a {kernel}×{kernel} window keeps the size of its map with `padding={keeps}`, here it is {padding}"
                        ));
                    }
                }
                t.helps.push(format!(
                    "give all branches the same height and width ({h} ≠ {g}): the same stride, and padding of (kernel_size − 1) / 2"
                ));
            }
        })
    }

    /// Kernel and padding of the last window of stride 1 that does not keep its map's size.
    fn window_behind(&self, mut id: TapeId) -> Option<(usize, usize)> {
        for _ in 0..64 {
            let step = self.tape.step(id);
            let before = *step.inputs.first()?;
            if let What::Layer(Op::Conv2d(conv)) = &step.what
                && conv.stride.h == 1
                && conv.kernel.h > 2 * conv.padding.h + 1
            {
                return Some((conv.kernel.h, conv.padding.h));
            }
            if let What::Layer(Op::MaxPool2d(pool)) = &step.what
                && pool.stride.h == 1
                && pool.kernel.h > 2 * pool.padding.h + 1
            {
                return Some((pool.kernel.h, pool.padding.h));
            }
            shape_of(&step.dims)?;
            id = before;
        }
        None
    }
}

/// What brings two maps of different sizes together.
fn strides_help(a: (usize, usize), b: (usize, usize), channels: (usize, usize)) -> Vec<String> {
    let (big, small, from, to) =
        if a.0 >= b.0 { (a, b, channels.0, channels.1) } else { (b, a, channels.1, channels.0) };
    let stride = big.0.div_ceil(small.0.max(1)).max(1);
    let shrinks = |n: usize, m: usize| n.saturating_sub(1) / stride + 1 == m;
    let mut helps = Vec::new();
    if stride > 1 && shrinks(big.0, small.0) && shrinks(big.1, small.1) {
        helps.push(format!(
            "shrink the shortcut as the branch does: `nn.Conv2d({from}, {to}, kernel_size=1, stride={stride})`"
        ));
        helps.push("or give the convolutions of the branch stride 1".to_owned());
    } else {
        helps.push(format!(
            "the branch goes from {} rows to {}: pad its convolutions by (kernel_size − 1) / 2, so that they keep the size",
            big.0, small.0
        ));
    }
    helps
}
