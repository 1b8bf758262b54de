//! Between NCHW outside and NHWC inside, and borders around maps.

use std::ops::Range;

use crate::arena::{Arena, View};
use crate::geometry::product;
use crate::threads::Pool;
use crate::tuning::pixels::{LEAST_COPY_PIXELS, LEAST_COPY_ROWS};

/// Writes images (N, C, H, W) to a view of N·H·W pixels.
///
/// # Panics
/// If the view does not fit the arena and the images, `map` being H·W.
pub fn from_nchw(pool: &Pool, arena: &mut Arena, images: &[f32], map: usize, out: View) {
    arena.check(out);
    assert_eq!(images.len(), out.pixels * out.channels, "elements of the images");
    assert!(out.pixels.is_multiple_of(map), "{out:?} of maps of {map} pixels");
    if out.channels == 1 && out.is_dense() {
        arena.as_mut_slice()[out.offset..][..images.len()].copy_from_slice(images);
        return;
    }
    let pointer = arena.pointer();
    pool.ranges(out.pixels, LEAST_COPY_PIXELS, &|pixels| {
        let mut pixel = pixels.start;
        while pixel < pixels.end {
            let (image, at) = (pixel / map, pixel % map);
            let count = (map - at).min(pixels.end - pixel);
            let planes = &images[image * out.channels * map..][..out.channels * map];
            if out.channels == 3 && out.is_dense() {
                let floats = out.offset + 3 * pixel..out.offset + 3 * (pixel + count);
                // SAFETY: `check` has the view inside the arena; tasks have different pixels.
                let (target, _) = unsafe { pointer.slice_mut(floats) }.as_chunks_mut::<3>();
                let [red, green, blue] = [0, 1, 2].map(|channel| &planes[channel * map + at..][..count]);
                for (target, ((&red, &green), &blue)) in
                    target.iter_mut().zip(red.iter().zip(green).zip(blue))
                {
                    *target = [red, green, blue];
                }
            } else {
                for i in 0..count {
                    // SAFETY: `check` has the view inside the arena; tasks have different pixels.
                    let target = unsafe { pointer.slice_mut(out.pixel(pixel + i)) };
                    let values = planes[at + i..].iter().step_by(map);
                    target.iter_mut().zip(values).for_each(|(x, value)| *x = *value);
                }
            }
            pixel += count;
        }
    });
}

/// Reads a view of N·H·W pixels as images (N, C, H, W).
///
/// # Panics
/// If the view does not fit the arena and the images, `map` being H·W.
pub fn to_nchw(arena: &Arena, view: View, map: usize, images: &mut [f32]) {
    arena.check(view);
    assert_eq!(images.len(), view.pixels * view.channels, "elements of the images");
    assert!(view.pixels.is_multiple_of(map), "{view:?} of maps of {map} pixels");
    let values = arena.as_slice();
    for pixel in 0..view.pixels {
        let (image, at) = (pixel / map, pixel % map);
        let first = image * view.channels * map + at;
        for (x, value) in images[first..].iter_mut().step_by(map).zip(&values[view.pixel(pixel)]) {
            *x = *value;
        }
    }
}

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

impl Border {
    /// Height and width of a map with its border.
    ///
    /// # Panics
    /// If they do not fit memory.
    fn around(self, (height, width): (usize, usize)) -> (usize, usize) {
        let sum = |sizes: [usize; 3]| sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        let tall = sum([self.top, height, self.bottom]);
        tall.zip(sum([self.left, width, self.right])).expect("a border that fits memory")
    }

    /// The number of images and the padded size.
    ///
    /// # Panics
    /// If the views do not fit the arena and one another.
    fn check(self, arena: &Arena, [map, padded]: [View; 2], size: (usize, usize)) -> (usize, usize, usize) {
        arena.check(map);
        arena.check(padded);
        map.assert_disjoint(padded);
        assert_eq!(map.channels, padded.channels, "channels with and without a border");
        let (tall, wide) = self.around(size);
        let batch = map.maps(product(&[size.0, size.1]));
        assert_eq!(padded.pixels, product(&[batch, tall, wide]), "padded pixels");
        (batch, tall, wide)
    }
}

/// Copies maps of `height` × `width` into maps with a border of `value`.
///
/// # Panics
/// If the views do not fit the arena and one another.
pub fn pad(
    pool: &Pool,
    arena: &mut Arena,
    [input, out]: [View; 2],
    (height, width): (usize, usize),
    border: Border,
    value: f32,
) {
    let (batch, tall, wide) = border.check(arena, [input, out], (height, width));
    let dense = input.is_dense() && out.is_dense();
    let pointer = arena.pointer();
    pool.ranges(batch * tall, LEAST_COPY_ROWS, &|range| {
        for index in range {
            let (image, y) = (index / tall, index % tall);
            let inside = (border.top..border.top + height).contains(&y);
            let left = if inside { border.left } else { wide };
            let fill = |columns: Range<usize>| {
                for x in columns {
                    // SAFETY: `border.check` has the view inside the arena and this pixel in it; tasks have different rows.
                    unsafe { pointer.slice_mut(out.pixel(index * wide + x)) }.fill(value);
                }
            };
            fill(0..left);
            if !inside {
                continue;
            }
            fill(left + width..wide);
            let pixel = (image * height + y - border.top) * width;
            let (count, runs) = if dense { (1, width) } else { (width, 1) };
            for x in 0..count {
                let target = out.pixel(index * wide + left + x).start;
                let source = input.pixel(pixel + x).start;
                let floats = runs * out.channels;
                // SAFETY: the row lies inside the border, so that its pixels lie in the input, which `border.check` has
                // inside the arena and apart from the output, whose rows are different tasks'.
                unsafe {
                    let source = pointer.slice(source..source + floats);
                    pointer.slice_mut(target..target + floats).copy_from_slice(source);
                }
            }
        }
    });
}

/// input_gradient (+)= the gradient of [`pad`]: the output's without its border. `views` are the output's gradient and
/// the input's.
///
/// # Panics
/// If the views do not fit the arena and one another.
pub fn pad_backward(
    pool: &Pool,
    arena: &mut Arena,
    [output_gradient, input_gradient]: [View; 2],
    (height, width): (usize, usize),
    border: Border,
    accumulate: bool,
) {
    let (batch, tall, wide) = border.check(arena, [input_gradient, output_gradient], (height, width));
    let pointer = arena.pointer();
    pool.ranges(batch * height, LEAST_COPY_ROWS, &|range| {
        for index in range {
            let (image, y) = (index / height, index % height);
            for x in 0..width {
                let pixel = (image * tall + y + border.top) * wide + x + border.left;
                // SAFETY: `border.check` has both views inside the arena, apart, and these pixels in them; tasks have
                // different rows.
                let (dy, dx) = unsafe {
                    (
                        pointer.slice(output_gradient.pixel(pixel)),
                        pointer.slice_mut(input_gradient.pixel(index * width + x)),
                    )
                };
                for (dx, dy) in dx.iter_mut().zip(dy) {
                    *dx = if accumulate { *dx } else { 0.0 } + dy;
                }
            }
        }
    });
}

/// Copies maps of `map` pixels to vectors in PyTorch's order (C, H, W).
///
/// # Panics
/// If the views do not fit the arena and one another.
pub fn flatten(arena: &mut Arena, map: usize, [input, out]: [View; 2]) {
    transpose(arena, map, input, out, |from, to| *to = *from);
}

/// input_gradient (+)= the gradient of [`flatten`]; `views` are the vectors' gradient and the maps'.
///
/// # Panics
/// If the views do not fit the arena and one another.
pub fn flatten_backward(arena: &mut Arena, map: usize, [vectors, maps]: [View; 2], accumulate: bool) {
    if accumulate {
        transpose(arena, map, maps, vectors, |to, from| *to += *from);
    } else {
        transpose(arena, map, maps, vectors, |to, from| *to = *from);
    }
}

/// Calls `f` with each element of the maps and the one of the vectors that it corresponds to.
fn transpose(arena: &mut Arena, map: usize, maps: View, vectors: View, f: impl Fn(&mut f32, &mut f32)) {
    arena.check(maps);
    arena.check(vectors);
    maps.assert_disjoint(vectors);
    assert_eq!(maps.pixels, product(&[vectors.pixels, map]), "a vector for each map");
    assert_eq!(vectors.channels, product(&[map, maps.channels]), "a feature for each element");
    let values = arena.as_mut_slice();
    for pixel in 0..maps.pixels {
        let (image, at) = (pixel / map, pixel % map);
        let vector = vectors.pixel(image).start;
        for c in 0..maps.channels {
            let (i, j) = (maps.pixel(pixel).start + c, vector + c * map + at);
            if let Ok([a, b]) = values.get_disjoint_mut([i, j]) {
                f(a, b);
            }
        }
    }
}
