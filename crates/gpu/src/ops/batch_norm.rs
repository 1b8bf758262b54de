//! Batch normalization by the batch's statistics, forward and backward, and sums by channel.

use super::call::{Call, Walk, one_format, suffixed};
use super::cut::{Cut, THREADS, VECTOR};
use super::elementwise::aligned;
use crate::kernels::Family;
use crate::list::{Argument, List};
use crate::view::{Vector, View};

/// The vectors by channel of a batch normalization, all in single precision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// γ.
    pub weight: Vector,
    /// β.
    pub bias: Vector,
    /// Added to the variance.
    pub eps: f32,
    /// The batch's mean.
    pub mean: Vector,
    /// Its biased variance.
    pub variance: Vector,
    /// 1/√(var + eps), written for the backward pass.
    pub inverse: Vector,
    /// out = scale·x + shift: written for [`List::affine`] and the backward pass.
    pub scale: Vector,
    /// See `scale`.
    pub shift: Vector,
    /// The running mean and variance, and the share of the batch's in them: running = (1 − momentum)·running +
    /// momentum·batch, with the unbiased variance.
    pub running: Option<([Vector; 2], f32)>,
}

/// The gradient that reaches a normalization, and where ReLU lets it pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gradient {
    /// As it is.
    Plain(View),
    /// Where scale and shift of the normalization give something positive.
    Inside(View),
    /// A sum of one or two gradients where the output is positive; the masked sum is written to `masked`, for whoever else
    /// needs it.
    Join {
        /// One gradient.
        first: View,
        /// Another.
        second: Option<View>,
        /// The output of the ReLU behind the sum; all of the gradient passes without one.
        output: Option<View>,
        /// Where the masked sum goes; it may be one of the gradients.
        masked: View,
    },
}

/// The backward pass of a batch normalization.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormBackward {
    /// What was normalized.
    pub input: View,
    /// The gradient of the output.
    pub gradient: Gradient,
    /// The vectors of the forward pass.
    pub norm: BatchNorm,
    /// Where the gradient of γ goes.
    pub weight_gradient: Vector,
    /// Where the gradient of β goes.
    pub bias_gradient: Vector,
    /// Where the input's gradient goes, if it is wanted, and whether it is added to what is there.
    pub input_gradient: Option<(View, bool)>,
}

impl List {
    fn check_norm(&self, norm: &BatchNorm, channels: usize) {
        let BatchNorm { weight, bias, mean, variance, inverse, scale, shift, running, .. } = *norm;
        let running = running.into_iter().flat_map(|(vectors, _)| vectors);
        for vector in [weight, bias, mean, variance, inverse, scale, shift].into_iter().chain(running) {
            self.check_floats(vector, channels);
        }
    }

    /// Mean and biased variance of each channel.
    ///
    /// # Panics
    /// If the view or the vectors do not fit the block and one another, or there is no pixel.
    pub fn moments(&mut self, view: View, [mean, variance]: [Vector; 2]) {
        self.check_floats(mean, view.channels);
        self.check_floats(variance, view.channels);
        let call = self.moments_call(view);
        call.maybe_vector(None)
            .maybe_vector(None)
            .vector(mean)
            .vector(variance)
            .maybe_vector(None)
            .maybe_vector(None)
            .maybe_vector(None)
            .maybe_vector(None)
            .maybe_vector(None)
            .float(0.0)
            .float(0.0)
            .add(self);
    }

    /// The statistics of a view and the normalization that they amount to: writes mean, variance, inverse, scale and shift,
    /// and the running statistics. [`List::affine`] applies it.
    ///
    /// # Panics
    /// If the view or the vectors do not fit the block and one another, or there is no pixel.
    pub fn batch_norm(&mut self, view: View, norm: &BatchNorm) {
        self.check_norm(norm, view.channels);
        let call = self.moments_call(view);
        norm_arguments(call, norm).add(self);
    }

    /// The same from a mean and a variance over `pixels` that are there already.
    ///
    /// # Panics
    /// If the vectors do not fit the block or have fewer than `channels` numbers.
    pub fn normalization(&mut self, (pixels, channels): (usize, usize), norm: &BatchNorm) {
        self.check_norm(norm, channels);
        let call = Call::walk(Family::BatchNorm, "normalization_f32", channels).int(pixels).int(channels);
        norm_arguments(call, norm).add(self);
    }

    fn moments_call(&mut self, view: View) -> Call {
        self.check(view);
        assert!(view.pixels > 0, "{view:?} of at least one pixel");
        let cut = Cut::new(view, view.is_wide().then(|| view.format.lanes()), 2);
        self.reserve(cut.bytes);
        let kernel = suffixed("moments", view.format.name(), cut.wide);
        Call::grid(Family::BatchNorm, &kernel, cut.grid, THREADS as u32)
            .view(view)
            .int(view.pixels)
            .int(view.channels)
            .raw(Argument::Scratch(0))
            .raw(Argument::Counters)
    }

    /// The gradients of a normalization: writes those of γ and β, and
    /// input_gradient (+)= γ/√(var + eps) · (dy − mean(dy) − x̂·mean(dy·x̂)).
    ///
    /// # Panics
    /// If views or vectors do not fit the block and one another, or there is no pixel.
    pub fn batch_norm_backward(&mut self, call: &BatchNormBackward) {
        let BatchNormBackward { input, gradient, norm, weight_gradient, bias_gradient, input_gradient } =
            *call;
        let (first, second, output, masked) = match gradient {
            Gradient::Plain(view) | Gradient::Inside(view) => (view, None, None, None),
            Gradient::Join { first, second, output, masked } => (first, second, output, Some(masked)),
        };
        let others: Vec<View> = [first].into_iter().chain(second).chain(output).chain(masked).collect();
        self.check_alike(input, &others);
        assert!(input.pixels > 0, "{input:?} of at least one pixel");
        self.check_norm(&norm, input.channels);
        self.check_floats(weight_gradient, input.channels);
        self.check_floats(bias_gradient, input.channels);
        for &view in &others[..others.len() - usize::from(masked.is_some())] {
            assert!(
                masked.is_none_or(|masked| masked == view || masked.is_disjoint(view)),
                "{view:?} overlaps {masked:?}"
            );
        }
        let mut views = vec![input];
        views.extend(&others);
        let format = one_format(&views);
        let vectors = [norm.mean, norm.scale, norm.shift];
        let wide = views.iter().all(|view| view.is_wide()) && aligned(&vectors);
        let cut = Cut::new(input, wide.then_some(VECTOR), 2);
        let sums = cut.bytes.next_multiple_of(256);
        self.reserve(sums + 12 * input.channels);
        let coefficients = Argument::Scratch(sums);
        let mask = match gradient {
            Gradient::Plain(_) => 0,
            Gradient::Inside(_) => 1,
            Gradient::Join { output, .. } => {
                if output.is_some() {
                    2
                } else {
                    0
                }
            }
        };
        Call::grid(Family::BatchNorm, &suffixed("norm_sums", format.name(), wide), cut.grid, THREADS as u32)
            .view(input)
            .view(first)
            .maybe_view(second)
            .maybe_view(output)
            .maybe_view(masked)
            .int(input.pixels)
            .int(input.channels)
            .int(mask)
            .raw(Argument::Scratch(0))
            .raw(Argument::Counters)
            .vector(norm.weight)
            .vector(norm.mean)
            .vector(norm.inverse)
            .vector(norm.scale)
            .vector(norm.shift)
            .vector(weight_gradient)
            .vector(bias_gradient)
            .raw(coefficients)
            .add(self);
        let Some((target, accumulate)) = input_gradient else { return };
        let source = masked.unwrap_or(first);
        self.check_alike(input, &[target]);
        for view in [input, source] {
            assert!(target == view || target.is_disjoint(view), "{target:?} overlaps {view:?}");
        }
        one_format(&[input, target]);
        let mut walk = Walk::by_channel([input, source, target]);
        walk.wide &= aligned(&[norm.scale, norm.shift]);
        Call::walk(Family::BatchNorm, &walk.kernel("norm_backward", format), walk.vectors(format))
            .view(input)
            .view(source)
            .view(target)
            .int(input.pixels)
            .int(input.channels)
            .flag(mask == 1)
            .vector(norm.scale)
            .vector(norm.shift)
            .raw(coefficients)
            .flag(accumulate)
            .add(self);
    }

    /// out = the sum of each channel: the gradient of a bias.
    ///
    /// # Panics
    /// If the view and the range do not fit the block and one another.
    pub fn column_sums(&mut self, view: View, out: Vector) {
        self.check(view);
        self.check_floats(out, view.channels);
        let cut = Cut::new(view, view.is_wide().then(|| view.format.lanes()), 1);
        self.reserve(cut.bytes);
        let kernel = suffixed("column_sums", view.format.name(), cut.wide);
        Call::grid(Family::BatchNorm, &kernel, cut.grid, THREADS as u32)
            .view(view)
            .int(view.pixels)
            .int(view.channels)
            .raw(Argument::Scratch(0))
            .raw(Argument::Counters)
            .vector(out)
            .add(self);
    }
}

fn norm_arguments(call: Call, norm: &BatchNorm) -> Call {
    let (running, momentum) = norm.running.map_or(([None; 2], 0.0), |(running, m)| (running.map(Some), m));
    call.vector(norm.weight)
        .vector(norm.bias)
        .vector(norm.mean)
        .vector(norm.variance)
        .vector(norm.inverse)
        .vector(norm.scale)
        .vector(norm.shift)
        .maybe_vector(running[0])
        .maybe_vector(running[1])
        .float(norm.eps)
        .float(momentum)
}
