//! Convolutions of few input channels by kernels of ours, with sums in single precision whatever the format.

use super::call::{Call, one_format, suffixed};
use crate::dnn::Conv;
use crate::kernels::Family;
use crate::list::{Argument, List};
use crate::view::{Bytes, Vector, View};

/// The most input channels, output channels, and weights with their gaps in shared memory.
const CHANNELS: (usize, usize) = (8, 64);
const WEIGHTS: usize = 12_288;
/// The most blocks of a weight gradient.
const BLOCKS: usize = 528;
/// Pixels of a block at least.
const PIXELS: usize = 48;

impl Conv {
    /// Whether [`List::thin_convolution`] and its gradients take it: at most 8 input and 64 output channels, weights that fit
    /// shared memory, no groups, no dilation.
    pub fn is_thin(&self) -> bool {
        let (i, o) = self.channels;
        let taps = self.kernel.0 * self.kernel.1;
        let most = taps * (i * o.next_multiple_of(8)).max(o * i.next_multiple_of(4));
        i <= CHANNELS.0 && o <= CHANNELS.1 && most <= WEIGHTS && self.groups == 1 && self.dilation == (1, 1)
    }
}

/// The gradient of an output; with codes it is that of maxima of windows of 2 × 2 of its pixels, which they tell.
type Routed = (View, Option<Bytes>);

fn shape(call: Call, conv: &Conv) -> Call {
    let (rows, columns) = conv.output();
    let sizes = [conv.input.0, conv.input.1, conv.channels.0, rows, columns, conv.channels.1];
    let steps = [conv.kernel.0, conv.kernel.1, conv.stride.0, conv.stride.1, conv.padding.0, conv.padding.1];
    sizes.into_iter().chain(steps).fold(call, Call::int)
}

impl List {
    fn check_thin(&self, conv: &Conv, views: [View; 2], weight: Vector) {
        self.check_thin_to(conv, conv.output(), views, weight);
    }

    /// The same where the output is a map of `size`.
    fn check_thin_to(&self, conv: &Conv, size: (usize, usize), views: [View; 2], weight: Vector) {
        assert!(conv.is_thin(), "{conv:?} of at most 8 input and 64 output channels and few weights");
        self.check_conv_to(conv, size, views, weight);
        let format = one_format(&views);
        assert_eq!(weight.format, format, "format of {weight:?}");
    }

    /// out = input ∗ weight + bias, with ReLU where wanted, for a convolution that [`Conv::is_thin`].
    ///
    /// # Panics
    /// If the convolution is not thin, or views and ranges do not fit the block and one another.
    pub fn thin_convolution(
        &mut self,
        conv: &Conv,
        [input, out]: [View; 2],
        weight: Vector,
        bias: Option<Vector>,
        relu: bool,
    ) {
        self.check_thin(conv, [input, out], weight);
        if let Some(bias) = bias {
            self.check_floats(bias, conv.channels.1);
        }
        let threads = out.pixels * conv.channels.1.div_ceil(8);
        let call = Call::walk(Family::Thin, &suffixed("thin_forward", out.format.name(), false), threads)
            .view(input)
            .vector(weight)
            .maybe_vector(bias)
            .view(out)
            .int(out.pixels)
            .flag(relu);
        shape(call, conv).add(self);
    }

    /// out = the maxima of windows of 2 × 2 pixels of what [`List::thin_convolution`] gives, and a byte an element that tells its
    /// gradients which pixel it was. An odd row or column at the end is left out.
    ///
    /// # Panics
    /// If the convolution is not thin, or views and ranges do not fit the block and one another.
    pub fn thin_pooled(
        &mut self,
        conv: &Conv,
        ([input, out], codes): ([View; 2], Option<Bytes>),
        weight: Vector,
        bias: Option<Vector>,
        relu: bool,
    ) {
        self.check_pooled(conv, [input, out], codes, weight);
        if let Some(bias) = bias {
            self.check_floats(bias, conv.channels.1);
        }
        let threads = 4 * out.pixels * conv.channels.1.div_ceil(8);
        let call = Call::walk(Family::Thin, &suffixed("thin_pooled", out.format.name(), false), threads)
            .view(input)
            .vector(weight)
            .maybe_vector(bias)
            .view(out)
            .maybe_bytes(codes)
            .int(out.pixels)
            .flag(relu);
        shape(call, conv).add(self);
    }

    fn check_pooled(&self, conv: &Conv, views: [View; 2], codes: Option<Bytes>, weight: Vector) {
        let (rows, columns) = conv.output();
        self.check_thin_to(conv, (rows / 2, columns / 2), views, weight);
        let [_, out] = views;
        assert!(out.pixels > 0, "{conv:?} of at least two rows and columns");
        if let Some(codes) = codes {
            self.check_bytes(codes, out.pixels * out.channels);
        }
    }

    /// Checks the input, the output's gradient and the weight of a convolution, whose gradient may be that of maxima.
    fn check_thin_gradient(&self, conv: &Conv, input: View, (gradient, codes): Routed, weight: Vector) {
        match codes {
            None => self.check_thin(conv, [input, gradient], weight),
            Some(_) => self.check_pooled(conv, [input, gradient], codes, weight),
        }
    }

    /// input_gradient (+)= the gradient of [`List::thin_convolution`]'s input, or with codes of [`List::thin_pooled`]'s.
    ///
    /// # Panics
    /// If the convolution is not thin, or views and ranges do not fit the block and one another.
    pub fn thin_input_gradient(
        &mut self,
        conv: &Conv,
        (output_gradient, codes): Routed,
        input_gradient: View,
        weight: Vector,
        accumulate: bool,
    ) {
        self.check_thin_gradient(conv, input_gradient, (output_gradient, codes), weight);
        let threads = input_gradient.pixels * conv.channels.0.div_ceil(4);
        let format = output_gradient.format.name();
        let kernel = suffixed("thin_input_gradient", format, output_gradient.is_wide());
        let call = Call::walk(Family::Thin, &kernel, threads)
            .view(output_gradient)
            .maybe_bytes(codes)
            .vector(weight)
            .view(input_gradient)
            .int(input_gradient.pixels)
            .flag(accumulate);
        shape(call, conv).add(self);
    }

    /// The gradients of [`List::thin_convolution`]'s weight and bias, or with codes of [`List::thin_pooled`]'s.
    ///
    /// # Panics
    /// If the convolution is not thin, or views and ranges do not fit the block and one another.
    pub fn thin_weight_gradient(
        &mut self,
        conv: &Conv,
        input: View,
        (output_gradient, codes): Routed,
        gradient: Vector,
        bias: Option<Vector>,
    ) {
        self.check_thin_gradient(conv, input, (output_gradient, codes), gradient);
        if let Some(bias) = bias {
            self.check_floats(bias, conv.channels.1);
        }
        let taps = conv.kernel.0 * conv.kernel.1 * conv.channels.0;
        let numbers = (taps + 1) * conv.channels.1.next_multiple_of(8);
        let (rows, columns) = conv.output();
        let pixels = conv.batch * rows * columns;
        let blocks = pixels.div_ceil(PIXELS).clamp(1, BLOCKS);
        self.reserve(4 * blocks * numbers);
        let format = input.format.name();
        let grid = [blocks, (numbers / 8).div_ceil(256), 1];
        let call = Call::grid(Family::Thin, &suffixed("thin_weight_gradient", format, false), grid, 256)
            .view(input)
            .view(output_gradient)
            .maybe_bytes(codes)
            .raw(Argument::Scratch(0))
            .int(pixels);
        shape(call, conv).add(self);
        Call::grid(Family::Thin, &suffixed("thin_gather", format, false), [numbers.div_ceil(32), 1, 1], 256)
            .raw(Argument::Scratch(0))
            .int(blocks)
            .int(taps)
            .int(conv.channels.1)
            .vector(gradient)
            .maybe_vector(bias)
            .add(self);
    }
}
