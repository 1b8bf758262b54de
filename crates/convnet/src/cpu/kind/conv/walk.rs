//! A convolution as a walk over pixels: forward, and the phases of the input's gradient.

use std::collections::BTreeSet;

use convnet_kernels::{Border, Geometry, Group, Isa, Tap};

use crate::graph::Shape;
use crate::ops::Conv2d;

/// Input channels up to which whole kernel rows are read at once: in NHWC they are contiguous.
pub(in crate::cpu) const THIN: usize = 16;

/// How a convolution walks forward.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) struct Walk {
    pub(in crate::cpu) geometry: Geometry,
    /// The border of zeros that the input gets first, rows and columns, and the padded size.
    pub(in crate::cpu) border: Option<ZeroBorder>,
    /// How many products it takes, one after the other.
    pub(in crate::cpu) groups: usize,
    /// Small groups that are computed side by side, as one product.
    pub(in crate::cpu) small: Option<Group>,
    /// Input channels that each output channel reads, and output channels of a product.
    pub(in crate::cpu) group_channels: (usize, usize),
}

/// A copy of the input with a border of zeros.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cpu) struct ZeroBorder {
    pub(in crate::cpu) rows: usize,
    pub(in crate::cpu) columns: usize,
    pub(in crate::cpu) padded: (usize, usize),
}

impl ZeroBorder {
    /// On all four sides.
    pub(super) fn sides(self) -> Border {
        let Self { rows, columns, .. } = self;
        Border { top: rows, bottom: rows, left: columns, right: columns }
    }
}

/// One phase of the input's gradient: input pixels whose position modulo the stride is the same.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cpu) struct Phase {
    pub(in crate::cpu) geometry: Geometry,
    /// The kernel elements that reach these pixels, by index.
    pub(in crate::cpu) taps: Vec<usize>,
}

impl Walk {
    /// The walk of a convolution; `dense` tells whether its input has no gaps between pixels, `small` names its
    /// [small groups](small_groups).
    pub(in crate::cpu) fn new(
        conv: &Conv2d,
        (input, output): (Shape, Shape),
        dense: bool,
        small: Option<Group>,
    ) -> Self {
        let groups = if small.is_some() { 1 } else { conv.groups };
        let channels = input.channels() / groups;
        let thin = conv.groups == 1
            && conv.dilation.w == 1
            && conv.kernel.w > 1
            && channels <= THIN
            && (dense || conv.padding.h + conv.padding.w > 0);
        let (h, w) = input.spatial();
        let (rows, columns) = (conv.padding.h, conv.padding.w);
        let mut walk = Self {
            geometry: Geometry {
                input: (h, w),
                grid: output.spatial(),
                step: (conv.stride.h, conv.stride.w),
                taps: taps(conv, rows, columns),
                run: channels,
                span: 1,
                output: output.spatial(),
                origin: (0, 0),
                spread: (1, 1),
            },
            border: None,
            groups,
            small,
            group_channels: (small.map_or(channels, |group| group.inputs), conv.out_channels / groups),
        };
        if thin {
            let padded = (h + 2 * rows, w + 2 * columns);
            walk.border = (rows + columns > 0).then_some(ZeroBorder { rows, columns, padded });
            walk.geometry.input = padded;
            walk.geometry.taps =
                (0..conv.kernel.h).map(|y| Tap { dy: (y * conv.dilation.h) as isize, dx: 0 }).collect();
            walk.geometry.run = conv.kernel.w * channels;
            walk.geometry.span = conv.kernel.w;
        }
        walk
    }

    /// Rows of a group's packed weights.
    pub(in crate::cpu) fn k(&self) -> usize {
        match self.small {
            Some(group) => self.geometry.taps.len() * group.inputs,
            None => self.geometry.k(),
        }
    }
}

/// The groups of a convolution, if they are so small that vectors hold several of them. In training they are as wide as
/// before, since the gradient of the input exchanges inputs and outputs.
pub(in crate::cpu) fn small_groups(conv: &Conv2d, input: Shape, isa: Isa, trains: bool) -> Option<Group> {
    let group = Group { inputs: input.channels() / conv.groups, outputs: conv.out_channels / conv.groups };
    let fits = conv.groups > 1 && group.fits(isa, conv.out_channels);
    (fits && (!trains || group.inputs == group.outputs)).then_some(group)
}

/// The displacement of each kernel element, row by row.
fn taps(conv: &Conv2d, rows: usize, columns: usize) -> Vec<Tap> {
    let along = |i: usize, dilation: usize, padding: usize| (i * dilation) as isize - padding as isize;
    (0..conv.kernel.h)
        .flat_map(|y| (0..conv.kernel.w).map(move |x| (y, x)))
        .map(|(y, x)| Tap { dy: along(y, conv.dilation.h, rows), dx: along(x, conv.dilation.w, columns) })
        .collect()
}

/// The phases of the gradient of a convolution's input: each is a convolution of stride 1 over the output's
/// gradient, in so many products. A phase that no kernel element reaches is left out; `complete` is false then.
pub(in crate::cpu) fn phases(
    conv: &Conv2d,
    (input, output): (Shape, Shape),
    groups: usize,
) -> (Vec<Phase>, bool) {
    let (h, w) = input.spatial();
    let (sy, sx) = (conv.stride.h, conv.stride.w);
    let forward = taps(conv, conv.padding.h, conv.padding.w);
    let place = |d: isize, s: usize| d.rem_euclid(s as isize) as usize;
    let reached: BTreeSet<(usize, usize)> = forward
        .iter()
        .map(|tap| (place(tap.dy, sy), place(tap.dx, sx)))
        .filter(|&(y, x)| y < h && x < w)
        .collect();
    let complete = reached.len() == sy.min(h) * sx.min(w);
    let mut found = Vec::with_capacity(reached.len());
    for (py, px) in reached {
        // Input row i is read by output row (i − dy) / stride, where that is whole.
        let whole = |at: usize, d: isize, s: usize| {
            let distance = at as isize - d;
            (distance.rem_euclid(s as isize) == 0).then(|| distance.div_euclid(s as isize))
        };
        let (indices, taps): (Vec<_>, Vec<_>) = forward
            .iter()
            .enumerate()
            .filter_map(|(i, tap)| Some((i, Tap { dy: whole(py, tap.dy, sy)?, dx: whole(px, tap.dx, sx)? })))
            .unzip();
        found.push(Phase {
            geometry: Geometry {
                input: output.spatial(),
                grid: ((h - py).div_ceil(sy), (w - px).div_ceil(sx)),
                step: (1, 1),
                taps,
                run: conv.out_channels / groups,
                span: 1,
                output: (h, w),
                origin: (py, px),
                spread: (sy, sx),
            },
            taps: indices,
        });
    }
    (found, complete)
}
