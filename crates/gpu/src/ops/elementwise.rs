//! Element-wise operations over views: sums, activations, dropout, scales by channel.

use super::call::{Call, Walk, one_format};
use crate::kernels::Family;
use crate::list::{Argument, KernelLaunch, List};
use crate::ops::Clock;
use crate::view::{Format, Vector, View};

/// A function applied to each element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// x where it is positive, `slope`·x elsewhere; a gradient is right for a slope above 0.
    LeakyRelu {
        /// The factor below 0.
        slope: f32,
    },
    /// x within `min` and `max`, the nearer of them elsewhere.
    Hardtanh {
        /// The least value.
        min: f32,
        /// The greatest value.
        max: f32,
    },
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
}

impl Activation {
    fn parts(self) -> (usize, f32, f32) {
        match self {
            Self::Relu => (0, 0.0, 0.0),
            Self::LeakyRelu { slope } => (1, slope, 0.0),
            Self::Hardtanh { min, max } => (2, min, max),
            Self::Sigmoid => (3, 0.0, 0.0),
            Self::Tanh => (4, 0.0, 0.0),
        }
    }
}

/// A reproducible dropout: whether an element is kept depends on the run's key, the layer's and the element's index alone.
///
/// The mask is that of the CPU's kernels with the key mix(run ^ layer), mix being SplitMix64's finalizer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Where the run's key lies.
    pub clock: Clock,
    /// The layer's own key.
    pub layer: u64,
    /// The probability that an element is zeroed, from 0 to below 1.
    pub p: f32,
    /// Elements that share one decision: 1, or all that an image has.
    pub group: usize,
    /// Elements that an image has.
    pub image: usize,
}

/// What [`List::affine`] adds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Addend {
    /// The addend.
    pub view: View,
    /// The scale and the shift of its channels, if it has any.
    pub affine: Option<[Vector; 2]>,
}

/// out = input·scale + shift by channel, plus an addend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// What is scaled.
    pub input: View,
    /// By channel.
    pub scale: Vector,
    /// By channel.
    pub shift: Vector,
    /// What is added.
    pub addend: Option<Addend>,
    /// Whether ReLU follows.
    pub relu: bool,
    /// The result.
    pub out: View,
}

/// # Panics
/// If an input shares a part of the output without being it.
fn assert_apart(inputs: &[View], out: View) {
    for &input in inputs {
        assert!(input == out || input.is_disjoint(out), "{input:?} overlaps {out:?}");
    }
}

impl List {
    /// out = input; formats may differ.
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn copy(&mut self, input: View, out: View) {
        self.transfer(input, out, false);
    }

    /// out += input; formats may differ.
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn accumulate(&mut self, input: View, out: View) {
        self.transfer(input, out, true);
    }

    /// out (+)= input: how a gradient passes.
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn transfer(&mut self, input: View, out: View, accumulate: bool) {
        self.check_alike(out, &[input]);
        input.assert_disjoint(out);
        self.kernel(copy_call(input, out, accumulate));
    }

    /// out += (input − out)·weight, a number that the kernel reads: a step of a moving average.
    ///
    /// # Panics
    /// If views do not fit the block and one another, or the weight is no number of single precision.
    pub fn lerp(&mut self, input: View, out: View, weight: Vector) {
        self.check_alike(out, &[input]);
        input.assert_disjoint(out);
        self.check_floats(weight, 1);
        let format = one_format(&[input, out]);
        let walk = Walk::over([input, out]);
        let [x, y] = walk.views;
        Call::walk(Family::Elementwise, &walk.kernel("lerp", format), walk.vectors(format))
            .view(x)
            .view(y)
            .int(y.pixels)
            .int(y.channels)
            .vector(weight)
            .add(self);
    }

    /// out = value.
    ///
    /// # Panics
    /// If the view does not fit the block.
    pub fn fill(&mut self, out: View, value: f32) {
        self.check(out);
        let walk = Walk::over([out]);
        let [y] = walk.views;
        Call::walk(Family::Elementwise, &walk.kernel("fill", y.format), walk.vectors(y.format))
            .view(y)
            .int(y.pixels)
            .int(y.channels)
            .float(value)
            .add(self);
    }

    /// out = a + b, with max(·, 0) where `relu`.
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn add(&mut self, [a, b]: [View; 2], out: View, relu: bool) {
        self.check_alike(out, &[a, b]);
        assert_apart(&[a, b], out);
        let format = one_format(&[a, b, out]);
        let walk = Walk::over([a, b, out]);
        let [a, b, y] = walk.views;
        Call::walk(Family::Elementwise, &walk.kernel("add", format), walk.vectors(format))
            .view(a)
            .view(b)
            .view(y)
            .int(y.pixels)
            .int(y.channels)
            .flag(relu)
            .add(self);
    }

    /// gradient = 0 where the ReLU's output is not positive.
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn relu_backward(&mut self, output: View, gradient: View) {
        self.check_alike(output, &[gradient]);
        output.assert_disjoint(gradient);
        let format = one_format(&[output, gradient]);
        let walk = Walk::over([output, gradient]);
        let [y, dy] = walk.views;
        Call::walk(Family::Elementwise, &walk.kernel("relu_backward", format), walk.vectors(format))
            .view(y)
            .view(dy)
            .int(y.pixels)
            .int(y.channels)
            .add(self);
    }

    /// out = f(input).
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn activation(&mut self, activation: Activation, input: View, out: View) {
        self.check_alike(out, &[input]);
        assert_apart(&[input], out);
        let format = one_format(&[input, out]);
        let walk = Walk::over([input, out]);
        let [x, y] = walk.views;
        let (kind, a, b) = activation.parts();
        Call::walk(Family::Elementwise, &walk.kernel("activation", format), walk.vectors(format))
            .view(x)
            .view(y)
            .int(y.pixels)
            .int(y.channels)
            .int(kind)
            .float(a)
            .float(b)
            .add(self);
    }

    /// input_gradient (+)= f′ · output_gradient, f′ from the output y: y > 0, y(1 − y), 1 − y²; of Hardtanh 1
    /// strictly within its bounds.
    ///
    /// `views` are the output, its gradient, and the input's gradient.
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn activation_backward(&mut self, activation: Activation, views: [View; 3], accumulate: bool) {
        let [output, output_gradient, input_gradient] = views;
        self.check_alike(output, &[output_gradient, input_gradient]);
        assert_apart(&[output, output_gradient], input_gradient);
        let format = one_format(&views);
        let walk = Walk::over(views);
        let [y, dy, dx] = walk.views;
        let (kind, a, b) = activation.parts();
        Call::walk(Family::Elementwise, &walk.kernel("activation_backward", format), walk.vectors(format))
            .view(y)
            .view(dy)
            .view(dx)
            .int(y.pixels)
            .int(y.channels)
            .int(kind)
            .float(a)
            .float(b)
            .flag(accumulate)
            .add(self);
    }

    /// out (+)= mask · input; the same call serves the gradient.
    ///
    /// An element's index is pixel·channels + channel, behind those of the images before the clock's first.
    ///
    /// # Panics
    /// If views do not fit the block and one another, `p` lies outside or a group is empty.
    pub fn dropout(&mut self, dropout: Dropout, [input, out]: [View; 2], accumulate: bool) {
        let Dropout { clock, layer, p, group, image } = dropout;
        self.check_alike(out, &[input]);
        self.check_clock(clock);
        input.assert_disjoint(out);
        assert!((0.0..1.0).contains(&p), "a probability from 0 to below 1, not {p}");
        assert!(group > 0, "a group of at least one element");
        let format = one_format(&[input, out]);
        let width = out.channels;
        let walk = Walk::over([input, out]);
        let [x, y] = walk.views;
        let threshold = (f64::from(p) * 4_294_967_296.0) as u32;
        Call::walk(Family::Elementwise, &walk.kernel("dropout", format), walk.vectors(format))
            .view(x)
            .view(y)
            .int(y.pixels)
            .int(y.channels)
            .int(width)
            .raw(Argument::Memory(clock.at))
            .raw(Argument::Long(layer))
            .raw(Argument::Int(threshold.cast_signed()))
            .float(1.0 / (1.0 - p))
            .int(group)
            .int(image)
            .flag(accumulate)
            .add(self);
    }

    /// out = input·scale + shift by channel, plus an addend, with ReLU where wanted: batch normalization and the sum
    /// behind it.
    ///
    /// # Panics
    /// If views do not fit the block and one another, or there are fewer scales or shifts than channels.
    pub fn affine(&mut self, affine: &Affine) {
        let Affine { input, scale, shift, addend, relu, out } = *affine;
        self.check_alike(out, &[input]);
        assert_apart(&[input], out);
        let mut views = vec![input, out];
        let mut vectors = vec![scale, shift];
        if let Some(addend) = addend {
            self.check_alike(out, &[addend.view]);
            assert_apart(&[addend.view], out);
            views.push(addend.view);
            vectors.extend(addend.affine.into_iter().flatten());
        }
        for &vector in &vectors {
            self.check_floats(vector, out.channels);
        }
        let format = one_format(&views);
        let wide = views.iter().all(|view| view.is_wide()) && aligned(&vectors);
        let walk = Walk { views: [out], wide };
        let [second_scale, second_shift] =
            addend.and_then(|addend| addend.affine).map_or([None; 2], |v| v.map(Some));
        Call::walk(Family::Elementwise, &walk.kernel("affine", format), walk.vectors(format))
            .view(input)
            .vector(scale)
            .vector(shift)
            .maybe_view(addend.map(|addend| addend.view))
            .maybe_vector(second_scale)
            .maybe_vector(second_shift)
            .view(out)
            .int(out.pixels)
            .int(out.channels)
            .flag(relu)
            .add(self);
    }

    /// input_gradient (+)= scale · output_gradient by channel: the gradient of [`List::affine`] without ReLU.
    ///
    /// # Panics
    /// If views do not fit the block and one another, or there are fewer scales than channels.
    pub fn affine_backward(
        &mut self,
        [output_gradient, input_gradient]: [View; 2],
        scale: Vector,
        accumulate: bool,
    ) {
        self.check_alike(output_gradient, &[input_gradient]);
        assert_apart(&[output_gradient], input_gradient);
        self.check_floats(scale, output_gradient.channels);
        let format = one_format(&[output_gradient, input_gradient]);
        let mut walk = Walk::by_channel([output_gradient, input_gradient]);
        walk.wide &= aligned(&[scale]);
        Call::walk(Family::Elementwise, &walk.kernel("affine_backward", format), walk.vectors(format))
            .view(output_gradient)
            .vector(scale)
            .view(input_gradient)
            .int(output_gradient.pixels)
            .int(output_gradient.channels)
            .flag(accumulate)
            .add(self);
    }

    /// view += bias by channel, plus an addend, with ReLU where wanted.
    ///
    /// # Panics
    /// If views do not fit the block and one another, or there are fewer biases than channels.
    pub fn bias(&mut self, view: View, bias: Option<Vector>, addend: Option<View>, relu: bool) {
        self.check(view);
        if let Some(bias) = bias {
            self.check_floats(bias, view.channels);
        }
        if let Some(addend) = addend {
            self.check_alike(view, &[addend]);
            addend.assert_disjoint(view);
        }
        self.kernel(bias_call(view, bias, addend, relu));
    }
}

/// The launch of a copy of checked views.
pub(super) fn copy_call(input: View, out: View, accumulate: bool) -> KernelLaunch {
    let mut walk = Walk::over([input, out]);
    let [x, y] = walk.views;
    let (kernel, vectors) = if x.format == y.format {
        (walk.kernel("copy", y.format), walk.vectors(y.format))
    } else {
        // Eight elements at a time: a vector of bf16, two of single precision.
        let eights = |view: View| {
            view.channels.is_multiple_of(8) && (view.stride.is_multiple_of(8) || view.pixels == 1)
        };
        walk.wide &= walk.views.into_iter().all(eights);
        let name = format!("convert_{}", x.format.name());
        (walk.kernel(&name, y.format), walk.vectors(Format::Bf16))
    };
    Call::walk(Family::Elementwise, &kernel, vectors)
        .view(x)
        .view(y)
        .int(y.pixels)
        .int(y.channels)
        .flag(accumulate)
        .launch()
}

/// The launch of a bias, an addend and ReLU on checked views.
pub(super) fn bias_call(view: View, bias: Option<Vector>, addend: Option<View>, relu: bool) -> KernelLaunch {
    let views: Vec<View> = [view].into_iter().chain(addend).collect();
    let format = one_format(&views);
    let vectors: Vec<Vector> = bias.into_iter().collect();
    let walk = Walk { views: [view], wide: views.iter().all(|view| view.is_wide()) && aligned(&vectors) };
    Call::walk(Family::Elementwise, &walk.kernel("bias", format), walk.vectors(format))
        .view(view)
        .maybe_vector(bias)
        .maybe_view(addend)
        .int(view.pixels)
        .int(view.channels)
        .flag(relu)
        .launch()
}

/// Whether vectors of 16 bytes fit the ranges' addresses.
pub(super) fn aligned(vectors: &[Vector]) -> bool {
    vectors.iter().all(|vector| vector.at.is_multiple_of(16))
}
