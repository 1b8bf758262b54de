//! The largest and the smallest elements of images over some of their axes.

use super::arithmetic::Maps;
use super::call::{Call, Walk, one_format};
use super::join::{Elements, Join};
use crate::kernels::Family;
use crate::list::{Argument, List};
use crate::view::View;

impl List {
    /// out = the largest of those elements of the input that go with it, `sign` being 1, or the smallest, `sign` being −1: of the
    /// output's sizes, each is the input's or 1. NaN where one is.
    ///
    /// # Panics
    /// If views do not fit the block or one another, or overlap.
    pub fn extremum(&mut self, sign: f32, [input, out]: [Maps; 2]) {
        self.check(input.view);
        self.check(out.view);
        assert!(out.fits(input), "{out:?} does not go with {input:?}");
        input.view.assert_disjoint(out.view);
        let format = one_format(&[input.view, out.view]);
        let wide = input.view.channels == out.view.channels && [input, out].iter().all(|m| m.view.is_wide());
        let call = if let Some(join) = joined([input, out], wide) {
            let kernel = Walk { views: [out.view], wide }.kernel("extremum_many", format);
            join.call(self, Family::Extremum, &kernel, 0)
        } else {
            let walk = Walk { views: [out.view], wide: false };
            Call::walk(Family::Extremum, &walk.kernel("extremum", format), walk.vectors(format))
        };
        let call = call.view(input.view).view(out.view).int(out.view.pixels).int(out.view.channels);
        sizes(call, [input, out]).float(sign).add(self);
    }

    /// The gradient of [`List::extremum`]: the output's, in equal shares to all elements that are equal to the output. `maps` are
    /// the input, the output and the output's gradient; `gradient` has the input's sizes.
    ///
    /// # Panics
    /// If views do not fit the block or one another, or the gradient overlaps what is read.
    pub fn extremum_backward(&mut self, maps: [Maps; 3], gradient: View, accumulate: bool) {
        let [input, output, output_gradient] = maps;
        self.check_alike(output.view, &[output_gradient.view]);
        self.check_alike(input.view, &[gradient]);
        assert!(output.fits(input), "{output:?} does not go with {input:?}");
        maps.iter().for_each(|maps| gradient.assert_disjoint(maps.view));
        let format = one_format(&[input.view, output.view, output_gradient.view, gradient]);
        let whole = input.view.channels == output.view.channels;
        let wide = whole && maps.iter().all(|maps| maps.view.is_wide());
        if let Some(join) = joined([input, output], wide) {
            let shares = 4 * output.view.pixels * output.view.channels;
            let kernel = Walk { views: [output.view], wide }.kernel("extremum_shares", format);
            let call = join.call(self, Family::Extremum, &kernel, shares.next_multiple_of(16));
            let call = call.view(input.view).view(output.view).view(output_gradient.view);
            let call = call.raw(Argument::Scratch(0)).int(output.view.pixels).int(output.view.channels);
            sizes(call, [input, output]).add(self);
            let wide = input.view.is_wide() && gradient.is_wide() && (!whole || output.view.is_wide());
            let walk = Walk { views: [gradient], wide };
            let kernel = walk.kernel("extremum_spread", format);
            let call = Call::walk(Family::Extremum, &kernel, walk.vectors(format));
            let call = call.view(input.view).view(output.view).raw(Argument::Scratch(0)).view(gradient);
            let call = sizes(call.int(gradient.pixels), [input, output]);
            call.int(output.view.channels).flag(accumulate).add(self);
        } else {
            let walk = Walk { views: [output.view], wide: false };
            let kernel = walk.kernel("extremum_backward", format);
            let call = Call::walk(Family::Extremum, &kernel, walk.vectors(format));
            let call = call.view(input.view).view(output.view).view(output_gradient.view).view(gradient);
            let call = call.int(output.view.pixels).int(output.view.channels);
            sizes(call, [input, output]).flag(accumulate).add(self);
        }
    }
}

/// The sizes of a map, and those of one that is taken of parts of it.
fn sizes(call: Call, [whole, part]: [Maps; 2]) -> Call {
    call.int(whole.height).int(whole.width).int(whole.view.channels).int(part.height).int(part.width)
}

/// The blocks where extremes have many elements.
fn joined([whole, part]: [Maps; 2], wide: bool) -> Option<Join> {
    let channels = (whole.view.channels != part.view.channels).then_some(whole.view.channels);
    let pixels = whole.view.pixels / part.view.pixels.max(1);
    let vector = if wide { part.view.format.lanes() } else { 1 };
    Join::new(part.view, vector, Elements { pixels, channels })
}
