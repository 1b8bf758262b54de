//! A stem's convolution of stride 2 over three channels as one of stride 1 over blocks of 2 × 2 pixels, which cuDNN computes
//! two to three times as fast.

use super::call::{Call, Walk, suffixed};
use crate::dnn::Conv;
use crate::kernels::Family;
use crate::list::List;
use crate::view::{Vector, View};

/// A convolution of stride 2 and the one over blocks of 2 × 2 pixels that computes the same.
///
/// Weight (k, r, s, c) of the first is weight (k, r ÷ 2, s ÷ 2, (2·(r mod 2) + s mod 2)·C + c) of the second; those of the
/// second that no weight of the first goes to are zero, and their gradients are cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stem {
    /// The convolution as the network has it.
    pub conv: Conv,
    /// The convolution over blocks, without padding: the blocks have a border.
    pub blocks: Conv,
}

impl Stem {
    /// The convolution over blocks, its channels filled up to a multiple of `align`; none where the convolution has another
    /// stride than 2, groups or dilation, or more than four input channels.
    ///
    /// # Panics
    /// If the convolution is not possible, or `align` is zero.
    pub fn of(conv: Conv, align: usize) -> Option<Self> {
        let (rows, columns) = conv.output();
        if conv.stride != (2, 2) || conv.groups != 1 || conv.dilation != (1, 1) || conv.channels.0 > 4 {
            return None;
        }
        let kernel = (conv.kernel.0.div_ceil(2), conv.kernel.1.div_ceil(2));
        let blocks = Conv {
            input: (rows + kernel.0 - 1, columns + kernel.1 - 1),
            channels: ((4 * conv.channels.0).next_multiple_of(align), conv.channels.1),
            kernel,
            stride: (1, 1),
            padding: (0, 0),
            ..conv
        };
        Some(Self { conv, blocks })
    }

    /// Where weight (k, r, s, c) of the network's convolution, (out, height, width, in), lies in that over blocks.
    pub fn place(&self, weight: usize) -> usize {
        let (inner, (height, width)) = (self.conv.channels.0, self.conv.kernel);
        let (c, rest) = (weight % inner, weight / inner);
        let (s, r, k) = (rest % width, rest / width % height, rest / width / height);
        let row = (k * self.blocks.kernel.0 + r / 2) * self.blocks.kernel.1 + s / 2;
        row * self.blocks.channels.0 + (2 * (r % 2) + s % 2) * inner + c
    }
}

impl List {
    /// Packs images (N, C, H, W), dense and in single precision, into the blocks that a stem reads, border and all.
    ///
    /// # Panics
    /// If views do not fit the block of memory, one another and the stem.
    pub fn pack_stem(&mut self, stem: &Stem, images: Vector, blocks: View) {
        let Stem { conv, blocks: to } = stem;
        let pixels = conv.batch * conv.input.0 * conv.input.1;
        self.check_floats(images, pixels * conv.channels.0);
        assert_eq!(images.len, pixels * conv.channels.0, "elements of the images");
        self.check(blocks);
        images.view().assert_disjoint(blocks);
        let size = (to.batch * to.input.0 * to.input.1, to.channels.0);
        assert_eq!((blocks.pixels, blocks.channels), size, "size of {blocks:?}");
        let walk = Walk::by_channel([blocks]);
        let kernel = walk.kernel("space_to_depth", blocks.format);
        Call::walk(Family::Layout, &kernel, walk.vectors(blocks.format))
            .vector(images)
            .view(blocks)
            .int(conv.batch)
            .int(conv.input.0)
            .int(conv.input.1)
            .int(conv.channels.0)
            .int(to.input.0)
            .int(to.input.1)
            .int(to.channels.0)
            .int(conv.padding.0)
            .int(conv.padding.1)
            .add(self);
    }

    /// Clears the gradient of a stem's weights over blocks where they stand for no weight of the network's convolution.
    ///
    /// # Panics
    /// If the range does not fit the block of memory and the stem.
    pub fn clear_stem(&mut self, stem: &Stem, gradient: Vector) {
        let Stem { conv, blocks } = stem;
        self.check_vector(gradient, blocks.weights());
        assert_eq!(gradient.len, blocks.weights(), "elements of {gradient:?}");
        let name = suffixed("clear_taps", gradient.format.name(), false);
        Call::walk(Family::Layout, &name, gradient.len)
            .vector(gradient)
            .int(gradient.len)
            .int(blocks.kernel.0)
            .int(blocks.kernel.1)
            .int(blocks.channels.0)
            .int(conv.channels.0)
            .int(conv.kernel.0)
            .int(conv.kernel.1)
            .add(self);
    }
}
