//! Softmax, its logarithm, and cross-entropy.

use super::call::{Call, one_format};
use crate::kernels::Family;
use crate::list::{Argument, List};
use crate::view::{Format, Vector, View, Words};

/// The most blocks of a kernel that takes a row a block.
const ROWS: usize = 65_536;

impl List {
    /// out = softmax of each row.
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn softmax(&mut self, views: [View; 2]) {
        self.softmax_forward(views, false);
    }

    /// out = input − ln Σ e^input over the channels of each row.
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn log_softmax(&mut self, views: [View; 2]) {
        self.softmax_forward(views, true);
    }

    fn softmax_forward(&mut self, [input, out]: [View; 2], logarithm: bool) {
        self.check_alike(input, &[out]);
        assert!(input == out || input.is_disjoint(out), "{input:?} overlaps {out:?}");
        let format = one_format(&[input, out]);
        let grid = [input.pixels.clamp(1, ROWS), 1, 1];
        Call::grid(Family::Loss, &format!("softmax_{}", format.name()), grid, 128)
            .view(input)
            .view(out)
            .int(input.pixels)
            .int(input.channels)
            .flag(logarithm)
            .add(self);
    }

    /// input_gradient (+)= y·(dy − Σ dy·y), y the softmax. `views` are y, dy and the input's gradient.
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn softmax_backward(&mut self, views: [View; 3], accumulate: bool) {
        self.softmax_gradient(views, false, accumulate);
    }

    /// input_gradient (+)= dy − e^y · Σ dy, y the logarithm of the softmax. `views` are y, dy and the input's gradient.
    ///
    /// # Panics
    /// If views do not fit the block and one another.
    pub fn log_softmax_backward(&mut self, views: [View; 3], accumulate: bool) {
        self.softmax_gradient(views, true, accumulate);
    }

    fn softmax_gradient(&mut self, views: [View; 3], logarithm: bool, accumulate: bool) {
        let [output, output_gradient, input_gradient] = views;
        self.check_alike(output, &[output_gradient, input_gradient]);
        input_gradient.assert_disjoint(output);
        input_gradient.assert_disjoint(output_gradient);
        let format = one_format(&views);
        let grid = [output.pixels.clamp(1, ROWS), 1, 1];
        Call::grid(Family::Loss, &format!("softmax_backward_{}", format.name()), grid, 128)
            .view(output)
            .view(output_gradient)
            .view(input_gradient)
            .int(output.pixels)
            .int(output.channels)
            .flag(logarithm)
            .flag(accumulate)
            .add(self);
    }

    /// Cross-entropy of logits (N, classes) with labels: writes the mean loss, and how many rows have their largest
    /// logit (the first of equals) at the label; gradient (+)= weight·(softmax − one-hot)/N where one is wanted, and
    /// whether it adds. A label that is no class makes the loss NaN.
    ///
    /// # Panics
    /// If views do not fit the block and one another, or there is no row.
    pub fn cross_entropy(
        &mut self,
        logits: View,
        labels: Words,
        gradient: Option<(View, bool)>,
        weight: f32,
        results: (Vector, Words),
    ) {
        let factor = weight / logits.pixels.max(1) as f32;
        self.compare((logits, labels, None), gradient, factor, results);
    }

    /// Cross-entropy with weighted shares t of the classes, (N, classes) without gaps: writes the loss Σ t·(−ln softmax), and how
    /// many rows have their largest logit (the first of equals) at the label; gradient (+)= weight·(softmax·Σ t − t) where one is
    /// wanted, and whether it adds.
    ///
    /// # Panics
    /// If views do not fit the block and one another, or there is no row.
    pub fn shared_cross_entropy(
        &mut self,
        logits: View,
        (shares, labels): (Vector, Words),
        gradient: Option<(View, bool)>,
        weight: f32,
        results: (Vector, Words),
    ) {
        self.compare((logits, labels, Some(shares)), gradient, weight, results);
    }

    fn compare(
        &mut self,
        (logits, labels, shares): (View, Words, Option<Vector>),
        gradient: Option<(View, bool)>,
        factor: f32,
        (loss, correct): (Vector, Words),
    ) {
        self.check(logits);
        self.check_words(labels, logits.pixels);
        self.check_floats(loss, 1);
        self.check_words(correct, 1);
        assert!(logits.pixels > 0 && logits.channels > 0, "{logits:?} of at least one row and class");
        assert!(
            logits.pixels < 1 << 24 && logits.channels < 1 << 24,
            "{logits:?} below 2²⁴ rows and classes"
        );
        if let Some(shares) = shares {
            self.check_floats(shares, logits.pixels * logits.channels);
        }
        if let Some((gradient, _)) = gradient {
            self.check_alike(logits, &[gradient]);
            logits.assert_disjoint(gradient);
        }
        let target = gradient.map_or(logits.format, |(view, _)| view.format);
        let known = logits.format == Format::F32 || target == Format::Bf16;
        assert!(known, "a gradient in bf16 of logits in bf16");
        self.reserve(8 * logits.pixels);
        let kind = if shares.is_some() { "shared_cross_entropy" } else { "cross_entropy" };
        let name = format!("{kind}_{}_{}", logits.format.name(), target.name());
        let call = Call::grid(Family::Loss, &name, [logits.pixels, 1, 1], 128).view(logits);
        let call = match shares {
            Some(shares) => call.vector(shares),
            None => call,
        };
        call.words(labels)
            .maybe_view(gradient.map(|(view, _)| view))
            .int(logits.pixels)
            .int(logits.channels)
            .float(factor)
            .flag(gradient.is_some_and(|(_, accumulate)| accumulate))
            .raw(Argument::Scratch(0))
            .raw(Argument::Counters)
            .vector(loss)
            .words(correct)
            .add(self);
    }
}
