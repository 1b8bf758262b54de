//! Layers with a number for each channel: normalization of each image over its pixels and groups of channels, factors.

use super::call::{Call, Walk, one_format, suffixed};
use super::cut::{Cut, THREADS, VECTOR};
use crate::kernels::Family;
use crate::list::{Argument, List};
use crate::view::{Vector, View};

/// The most blocks of a kernel that takes a group of an image a block.
const BLOCKS: usize = 65_536;

/// What is normalized together: of each image so many pixels, and one of so many groups of its channels. With one pixel and one
/// group each pixel is normalized over its channels: LayerNorm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Groups {
    /// Pixels of an image.
    pub pixels: usize,
    /// Groups of as many channels.
    pub groups: usize,
}

impl Groups {
    /// How many groups the images of a view have.
    ///
    /// # Panics
    /// If it has no whole number of images, or its channels are not as many in each group.
    fn count(self, view: View) -> usize {
        let Self { pixels, groups } = self;
        assert!(pixels > 0 && view.pixels.is_multiple_of(pixels), "{view:?} of images of {pixels} pixels");
        assert!(
            groups > 0 && view.channels.is_multiple_of(groups),
            "{view:?} of {groups} groups of channels"
        );
        (view.pixels / pixels).checked_mul(groups).expect("groups that fit the address space")
    }

    fn add_to(self, call: Call, view: View) -> Call {
        call.int(self.pixels).int(self.groups).int(view.channels / self.groups)
    }
}

/// γ·(x − mean)/√(var + eps) + β, each group by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupNorm {
    /// What is normalized together.
    pub groups: Groups,
    /// γ, by channel.
    pub weight: Vector,
    /// β, by channel.
    pub bias: Vector,
    /// Added to the variance.
    pub eps: f32,
    /// Of each group its mean and 1/√(var + eps): what the backward pass reads.
    pub stats: Option<Vector>,
}

/// The backward pass of [`List::group_norm`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupNormBackward {
    /// The input.
    pub input: View,
    /// The output's gradient.
    pub output_gradient: View,
    /// What was normalized together.
    pub groups: Groups,
    /// γ, by channel.
    pub weight: Vector,
    /// What the forward pass left of each group.
    pub stats: Vector,
    /// The gradient of γ.
    pub weight_gradient: Vector,
    /// That of β.
    pub bias_gradient: Vector,
    /// That of the input, where it is wanted, and whether it is added to what is there.
    pub input_gradient: Option<(View, bool)>,
}

/// What elements are multiplied with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factors {
    /// By channel, or one for all.
    pub values: Vector,
    /// Whether positive elements stay as they are: PReLU.
    pub below: bool,
}

impl List {
    /// out = the normalization of each group.
    ///
    /// # Panics
    /// If views or vectors do not fit the block, the groups and one another, or views overlap.
    pub fn group_norm(&mut self, norm: &GroupNorm, [input, out]: [View; 2]) {
        let GroupNorm { groups, weight, bias, eps, stats } = *norm;
        self.check_alike(out, &[input]);
        input.assert_disjoint(out);
        self.check_floats(weight, out.channels);
        self.check_floats(bias, out.channels);
        let count = groups.count(out);
        if let Some(stats) = stats {
            self.check_floats(stats, 2 * count);
        }
        let format = one_format(&[input, out]);
        let call =
            Call::grid(Family::ByChannel, &format!("group_norm_{}", format.name()), blocks(count), 128)
                .view(input)
                .view(out)
                .int(out.pixels / groups.pixels);
        groups.add_to(call, out).vector(weight).vector(bias).float(eps).maybe_vector(stats).add(self);
    }

    /// The gradients of a normalization of groups: writes those of γ and β, and
    /// input_gradient (+)= 1/√(var + eps) · (γ·dy − mean(γ·dy) − x̂·mean(γ·dy·x̂)).
    ///
    /// # Panics
    /// If views or vectors do not fit the block, the groups and one another, or the input's gradient overlaps what is read.
    pub fn group_norm_backward(&mut self, call: &GroupNormBackward) {
        let GroupNormBackward { input, output_gradient, groups, weight, stats, .. } = *call;
        self.check_alike(input, &[output_gradient]);
        for vector in [weight, call.weight_gradient, call.bias_gradient] {
            self.check_floats(vector, input.channels);
        }
        let count = groups.count(input);
        self.check_floats(stats, 2 * count);
        let views = [input, output_gradient];
        let format = one_format(&views);
        for (first, views) in parts(views) {
            let channels = views[0].channels;
            let sums = self.sums_of_pixels("group_norm_sums", views, 2).int(first);
            groups
                .add_to(sums, input)
                .vector(stats)
                .vector(call.weight_gradient.slice(first, channels))
                .vector(call.bias_gradient.slice(first, channels))
                .add(self);
        }
        let Some((target, accumulate)) = call.input_gradient else { return };
        self.check_alike(input, &[target]);
        views.iter().for_each(|&view| target.assert_disjoint(view));
        one_format(&[input, target]);
        let kernel = format!("group_norm_backward_{}", format.name());
        let back = Call::grid(Family::ByChannel, &kernel, blocks(count), 128)
            .view(input)
            .view(output_gradient)
            .view(target)
            .int(input.pixels / groups.pixels);
        groups.add_to(back, input).vector(weight).vector(stats).flag(accumulate).add(self);
    }

    /// out = input · factor.
    ///
    /// # Panics
    /// If views or factors do not fit the block and one another, or views overlap.
    pub fn factors(&mut self, factors: Factors, [input, out]: [View; 2]) {
        self.factor(factors, [input, input, out], false);
    }

    /// input_gradient (+)= factor · output_gradient. `views` are the input, the output's gradient, and the input's.
    ///
    /// # Panics
    /// As [`List::factors`].
    pub fn factors_backward(&mut self, factors: Factors, views: [View; 3], accumulate: bool) {
        self.factor(factors, views, accumulate);
    }

    fn factor(&mut self, Factors { values, below }: Factors, views: [View; 3], accumulate: bool) {
        let [input, factored, out] = views;
        self.check_alike(input, &[factored, out]);
        out.assert_disjoint(input);
        out.assert_disjoint(factored);
        self.check_floats(values, 1);
        let shared = values.len == 1;
        assert!(shared || values.len == input.channels, "{values:?}: a factor for each channel, or one");
        let format = one_format(&views);
        let walk = Walk::by_channel(views);
        let [x, dy, y] = walk.views;
        Call::walk(Family::ByChannel, &walk.kernel("factors", format), walk.vectors(format))
            .view(x)
            .view(dy)
            .view(y)
            .int(y.pixels)
            .int(y.channels)
            .vector(values)
            .flag(shared)
            .flag(below)
            .flag(accumulate)
            .add(self);
    }

    /// out = the gradient of a factor for each channel; `below` as in [`Factors`].
    ///
    /// # Panics
    /// If views and the range do not fit the block and one another.
    pub fn factor_sums(&mut self, [input, output_gradient]: [View; 2], below: bool, out: Vector) {
        self.check_alike(input, &[output_gradient]);
        self.check_floats(out, input.channels);
        for (first, views) in parts([input, output_gradient]) {
            let channels = views[0].channels;
            self.sums_of_pixels("factor_sums", views, 1)
                .flag(below)
                .vector(out.slice(first, channels))
                .add(self);
        }
    }

    /// A call of a kernel that takes so many sums by channel over the pixels of both views; reserves their room.
    fn sums_of_pixels(&mut self, kernel: &str, views: [View; 2], sums: usize) -> Call {
        let wide = views.iter().all(|view| view.is_wide());
        let cut = Cut::new(views[0], wide.then_some(VECTOR), sums);
        self.reserve(cut.bytes);
        let kernel = suffixed(kernel, one_format(&views).name(), cut.wide);
        Call::grid(Family::ByChannel, &kernel, cut.grid, THREADS as u32)
            .view(views[0])
            .view(views[1])
            .int(views[0].pixels)
            .int(views[0].channels)
            .raw(Argument::Scratch(0))
            .raw(Argument::Counters)
    }
}

/// A block a group.
fn blocks(groups: usize) -> [usize; 3] {
    [groups.clamp(1, BLOCKS), 1, 1]
}

/// Parts of the channels of two views that sums by channel have counters for, each with its first channel.
fn parts(views: [View; 2]) -> impl Iterator<Item = (usize, [View; 2])> {
    let all = views[0].channels;
    (0..all)
        .step_by(Cut::MOST_CHANNELS)
        .map(move |first| (first, views.map(|view| view.slice(first, Cut::MOST_CHANNELS.min(all - first)))))
}
