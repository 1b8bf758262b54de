//! Between NCHW outside and NHWC inside, and borders around maps.

use super::call::{Call, Walk, one_format};
use crate::kernels::Family;
use crate::list::List;
use crate::view::View;

/// The rows and columns that a border adds to a map on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Border {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
}

/// Channels up to which a thread writes a whole pixel.
const THIN: usize = 8;
/// The most blocks along z.
const IMAGES: usize = 65_535;

impl List {
    /// Copies maps of `map` pixels to vectors in PyTorch's order (C, H, W); formats may differ. Dense vectors are images
    /// (N, C, H, W): the same call reads results.
    ///
    /// # Panics
    /// If the views do not fit the block and one another.
    pub fn flatten(&mut self, map: usize, [maps, vectors]: [View; 2]) {
        let batch = self.check_flat(map, maps, vectors);
        let name = format!("flatten_{}_{}", maps.format.name(), vectors.format.name());
        Call::grid(Family::Layout, &name, tiles(map, maps.channels, batch), 256)
            .view(maps)
            .view(vectors)
            .int(batch)
            .int(map)
            .int(maps.channels)
            .add(self);
    }

    /// Vectors in PyTorch's order (C, H, W) as maps of `map` pixels: maps (+)= vectors, the gradient of
    /// [`List::flatten`]. Formats may differ. Dense vectors are images (N, C, H, W): the same call packs a batch.
    ///
    /// # Panics
    /// If the views do not fit the block and one another.
    pub fn unflatten(&mut self, map: usize, [vectors, maps]: [View; 2], accumulate: bool) {
        let batch = self.check_flat(map, maps, vectors);
        let formats = format!("{}_{}", vectors.format.name(), maps.format.name());
        let call = if maps.channels <= THIN {
            Call::walk(Family::Layout, &format!("unflatten_thin_{formats}"), maps.pixels)
        } else {
            let grid = tiles(map, maps.channels, batch);
            Call::grid(Family::Layout, &format!("unflatten_{formats}"), grid, 256)
        };
        call.view(vectors).view(maps).int(batch).int(map).int(maps.channels).flag(accumulate).add(self);
    }

    fn check_flat(&self, map: usize, maps: View, vectors: View) -> usize {
        self.check(maps);
        self.check(vectors);
        maps.assert_disjoint(vectors);
        assert_eq!(Some(maps.pixels), vectors.pixels.checked_mul(map), "a vector for each map");
        assert_eq!(Some(vectors.channels), map.checked_mul(maps.channels), "a feature for each element");
        vectors.pixels
    }

    /// Copies maps of `height` × `width` into maps with a border of `value`.
    ///
    /// # Panics
    /// If the views do not fit the block and one another.
    pub fn pad(&mut self, [input, out]: [View; 2], size: (usize, usize), border: Border, value: f32) {
        let (batch, tall, wide) = self.check_border([input, out], size, border);
        let format = one_format(&[out, input]);
        let walk = Walk::by_channel([out, input]);
        Call::walk(Family::Layout, &walk.kernel("pad", format), walk.vectors(format))
            .view(input)
            .view(out)
            .int(batch)
            .int(out.channels)
            .int(size.0)
            .int(size.1)
            .int(tall)
            .int(wide)
            .int(border.top)
            .int(border.left)
            .float(value)
            .add(self);
    }

    /// input_gradient (+)= the gradient of [`List::pad`]: the output's without its border. `views` are the output's
    /// gradient and the input's.
    ///
    /// # Panics
    /// If the views do not fit the block and one another.
    pub fn pad_backward(&mut self, views: [View; 2], size: (usize, usize), border: Border, accumulate: bool) {
        let [output_gradient, input_gradient] = views;
        let (batch, tall, wide) = self.check_border([input_gradient, output_gradient], size, border);
        let format = one_format(&views);
        let walk = Walk::by_channel([input_gradient, output_gradient]);
        Call::walk(Family::Layout, &walk.kernel("pad_backward", format), walk.vectors(format))
            .view(output_gradient)
            .view(input_gradient)
            .int(batch)
            .int(input_gradient.channels)
            .int(size.0)
            .int(size.1)
            .int(tall)
            .int(wide)
            .int(border.top)
            .int(border.left)
            .flag(accumulate)
            .add(self);
    }

    fn check_border(
        &self,
        [map, padded]: [View; 2],
        size: (usize, usize),
        border: Border,
    ) -> (usize, usize, usize) {
        self.check(map);
        self.check(padded);
        map.assert_disjoint(padded);
        assert_eq!(map.channels, padded.channels, "channels with and without a border");
        let sum = |sizes: [usize; 3]| sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        let tall = sum([border.top, size.0, border.bottom]);
        let around = tall.zip(sum([border.left, size.1, border.right]));
        let (tall, wide) = around.expect("a border that fits memory");
        let pixels =
            size.0.checked_mul(size.1).filter(|&pixels| pixels > 0 && map.pixels.is_multiple_of(pixels));
        let batch = map.pixels / pixels.unwrap_or_else(|| panic!("{map:?} of maps of {size:?}"));
        let padded_pixels = batch.checked_mul(tall).and_then(|rows| rows.checked_mul(wide));
        assert_eq!(Some(padded.pixels), padded_pixels, "padded pixels");
        (batch, tall, wide)
    }
}

/// Blocks of 32 × 32 tiles of pixels and channels.
fn tiles(map: usize, channels: usize, batch: usize) -> [usize; 3] {
    [map.div_ceil(32).max(1), channels.div_ceil(32).max(1), batch.clamp(1, IMAGES)]
}
