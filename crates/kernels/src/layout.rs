//! Between NCHW outside and NHWC inside, and borders around maps.

use std::ops::Range;

use crate::arena::{Arena, Pointer, View};
use crate::geometry::product;
use crate::isa::Isa;
use crate::simd::{Simd, dispatch, vectorized};
use crate::threads::Pool;
use crate::tuning::pixels::{LEAST_COPY_FLOATS, LEAST_COPY_ROWS};

/// Writes images (N, C, H, W) to a view of N·H·W pixels.
///
/// # Panics
/// If the view does not fit the arena and the images, `map` being H·W.
pub fn from_nchw(pool: &Pool, isa: Isa, arena: &mut Arena, images: &[f32], map: usize, out: View) {
    arena.check(out);
    assert_eq!(images.len(), out.pixels * out.channels, "elements of the images");
    assert!(out.pixels.is_multiple_of(map), "{out:?} of maps of {map} pixels");
    if out.channels == 1 && out.is_dense() {
        arena.as_mut_slice()[out.offset..][..images.len()].copy_from_slice(images);
        return;
    }
    let pointer = arena.pointer();
    runs(pool, out, map, &|pixel, count| {
        let (image, at) = (pixel / map, pixel % map);
        let planes = &images[image * out.channels * map..][..out.channels * map];
        // SAFETY: `check` has the view inside the arena; tasks have different pixels.
        unsafe { write_pixels(isa, pointer, (planes, map), at..at + count, (out, pixel)) };
    });
}

/// Writes images (N, C, H, W) to maps with a border of zeros, as [`from_nchw`] and [`pad`] would.
///
/// # Panics
/// If the view does not fit the arena and the images of `size`, height and width.
pub fn from_nchw_padded(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    images: &[f32],
    size: (usize, usize),
    border: Border,
    out: View,
) {
    arena.check(out);
    let (map, (tall, wide)) = (product(&[size.0, size.1]), border.around(size));
    let batch = out.maps(product(&[tall, wide]));
    assert_eq!(images.len(), product(&[batch, map, out.channels]), "elements of the images");
    let pointer = arena.pointer();
    let maps = Bordered { batch, size, border, out };
    let inside = |(image, y): (usize, usize), pixel: usize| {
        let planes = &images[image * out.channels * map..][..out.channels * map];
        let row = y * size.1..(y + 1) * size.1;
        // SAFETY: the row lies inside the border, in the view, which `check` has inside the arena; rows are different tasks'.
        unsafe { write_pixels(isa, pointer, (planes, map), row, (out, pixel)) };
    };
    // SAFETY: `check` has the view inside the arena, which the caller has lent; it has as many pixels as the maps.
    unsafe { maps.fill(pool, pointer, 0.0, &inside) };
}

/// Writes some pixels of an image's planes, of `map` pixels each, to a view, from one of its pixels on.
///
/// # Safety
/// The pixels are the view's, which lies in the block of `arena`, and nothing else uses them meanwhile.
///
/// # Panics
/// If the planes do not hold the pixels.
unsafe fn write_pixels(
    isa: Isa,
    arena: Pointer,
    (planes, map): (&[f32], usize),
    range: Range<usize>,
    (out, pixel): (View, usize),
) {
    let count = range.len();
    assert!(range.end <= map && out.channels * map <= planes.len(), "pixels of the planes");
    if out.channels == 1 && out.is_dense() {
        // SAFETY: these are the caller's pixels, which have no gaps.
        let target = unsafe { arena.slice_mut(out.offset + pixel..out.offset + pixel + count) };
        target.copy_from_slice(&planes[range]);
    } else if out.channels == 3 && out.is_dense() {
        let floats = out.offset + 3 * pixel..out.offset + 3 * (pixel + count);
        // SAFETY: these are the caller's pixels, which have no gaps.
        let (target, _) = unsafe { arena.slice_mut(floats) }.as_chunks_mut::<3>();
        let planes = [0, 1, 2].map(|channel| &planes[channel * map..][range.clone()]);
        vectorized!(isa, |target: &mut [[f32; 3]], planes: [&[f32]; 3]| {
            let [red, green, blue] = planes;
            for (target, ((&red, &green), &blue)) in target.iter_mut().zip(red.iter().zip(green).zip(blue)) {
                *target = [red, green, blue];
            }
        }(target, planes));
    } else if count > 0 && out.channels > 0 {
        let (rows, columns) = (out.channels, count);
        // SAFETY: the planes hold these pixels, and the caller gives as many of the view.
        unsafe {
            let (from, to) = (planes.as_ptr().add(range.start), arena.at(out.pixel(pixel).start));
            let (from_step, to_step) = (map, out.stride);
            dispatch!(isa, turn(
                from: *const f32, from_step: usize, to: *mut f32, to_step: usize, rows: usize, columns: usize
            ));
        }
    }
}

/// Calls `task` with pixels of a view, each the first of a run within one of its maps of `map` pixels, and how many they
/// are.
fn runs(pool: &Pool, view: View, map: usize, task: &(dyn Fn(usize, usize) + Sync)) {
    pool.ranges(view.pixels, LEAST_COPY_FLOATS.div_ceil(view.channels.max(1)), &|pixels| {
        let mut pixel = pixels.start;
        while pixel < pixels.end {
            let count = (map - pixel % map).min(pixels.end - pixel);
            task(pixel, count);
            pixel += count;
        }
    });
}

/// `to[c][r] = from[r][c]`, rows so many floats apart.
///
/// # Safety
/// `from` is valid to read `columns` floats from at each of `rows` steps, `to` to write `rows` floats to at each of `columns`
/// steps; the two share nothing, and the CPU has the instruction set.
#[inline(always)]
pub(crate) unsafe fn turn<S: Simd>(
    from: *const f32,
    from_step: usize,
    to: *mut f32,
    to_step: usize,
    rows: usize,
    columns: usize,
) {
    let whole = |count: usize| count / S::LANES * S::LANES;
    // SAFETY: each element is one of the caller's, and so is each block of `LANES` rows and columns, as rows and columns
    // before the whole ones' ends are.
    unsafe {
        for row in (0..whole(rows)).step_by(S::LANES) {
            for column in (0..whole(columns)).step_by(S::LANES) {
                let (from, to) = (from.add(row * from_step + column), to.add(column * to_step + row));
                S::transpose(from, from_step, to, to_step);
            }
        }
        for row in 0..rows {
            let done = if row < whole(rows) { whole(columns) } else { 0 };
            for column in done..columns {
                *to.add(column * to_step + row) = *from.add(row * from_step + column);
            }
        }
    }
}

/// Reads a view of N·H·W pixels as images (N, C, H, W).
///
/// # Panics
/// If the view does not fit the arena and the images, `map` being H·W.
pub fn to_nchw(pool: &Pool, isa: Isa, arena: &Arena, view: View, map: usize, images: &mut [f32]) {
    arena.check(view);
    assert_eq!(images.len(), view.pixels * view.channels, "elements of the images");
    assert!(view.pixels.is_multiple_of(map), "{view:?} of maps of {map} pixels");
    let values = arena.as_slice();
    if map == 1 {
        let vectors = images.chunks_exact_mut(view.channels.max(1));
        vectors.enumerate().for_each(|(pixel, vector)| vector.copy_from_slice(&values[view.pixel(pixel)]));
        return;
    }
    let target = Pointer::of(images);
    runs(pool, view, map, &|pixel, rows| {
        let (image, at) = (pixel / map, pixel % map);
        let columns = view.channels;
        // SAFETY: `check` has the pixels inside the arena, which is only read; `images` holds a float for each element, and
        // tasks have different pixels.
        unsafe {
            let (from, to) =
                (values.as_ptr().add(view.pixel(pixel).start), target.at(image * columns * map + at));
            let (from_step, to_step) = (view.stride, map);
            dispatch!(isa, turn(
                from: *const f32, from_step: usize, to: *mut f32, to_step: usize, rows: usize, columns: usize
            ));
        }
    });
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
    /// None.
    pub const NONE: Self = Self { top: 0, bottom: 0, left: 0, right: 0 };

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
    let (batch, _, _) = border.check(arena, [input, out], (height, width));
    let dense = input.is_dense() && out.is_dense();
    let pointer = arena.pointer();
    let maps = Bordered { batch, size: (height, width), border, out };
    let inside = |(image, y): (usize, usize), first: usize| {
        let pixel = (image * height + y) * width;
        let (count, runs) = if dense { (1, width) } else { (width, 1) };
        for x in 0..count {
            let target = out.pixel(first + x).start;
            let source = input.pixel(pixel + x).start;
            let floats = runs * out.channels;
            // SAFETY: the row lies inside the border, so that its pixels lie in the input, which `border.check` has
            // inside the arena and apart from the output, whose rows are different tasks'.
            unsafe {
                let source = pointer.slice(source..source + floats);
                pointer.slice_mut(target..target + floats).copy_from_slice(source);
            }
        }
    };
    // SAFETY: `border.check` has the view inside the arena, which the caller has lent, and as many pixels in it as the maps have.
    unsafe { maps.fill(pool, pointer, value, &inside) };
}

/// Maps with a border.
#[derive(Clone, Copy)]
struct Bordered {
    batch: usize,
    /// Height and width without it.
    size: (usize, usize),
    border: Border,
    out: View,
}

impl Bordered {
    /// Writes a value to the border, and calls `inside` with the image and the row of each row inside, and the pixel of the view
    /// that it starts at; rows are different tasks'.
    ///
    /// # Safety
    /// The view lies in the block of `arena`, and has as many pixels as the maps; nothing but `inside` uses it meanwhile, and that
    /// only in its row.
    unsafe fn fill(
        self,
        pool: &Pool,
        arena: Pointer,
        value: f32,
        inside: &(dyn Fn((usize, usize), usize) + Sync),
    ) {
        let Self { batch, size: (height, width), border, out } = self;
        let (tall, wide) = border.around((height, width));
        pool.ranges(batch * tall, LEAST_COPY_ROWS, &|range| {
            for index in range {
                let (image, y) = (index / tall, index % tall);
                let is_inside = (border.top..border.top + height).contains(&y);
                let left = if is_inside { border.left } else { wide };
                let fill = |columns: Range<usize>| {
                    for x in columns {
                        // SAFETY: the caller's view has this pixel; tasks have different rows.
                        unsafe { arena.slice_mut(out.pixel(index * wide + x)) }.fill(value);
                    }
                };
                fill(0..left);
                if is_inside {
                    fill(left + width..wide);
                    inside((image, y - border.top), index * wide + left);
                }
            }
        });
    }
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
