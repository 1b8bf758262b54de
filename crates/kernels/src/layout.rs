//! Between NCHW outside and NHWC inside, and borders of zeros.

use crate::arena::{Arena, View};
use crate::geometry::product;
use crate::threads::Pool;

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
    pool.ranges(out.pixels, 1024, &|pixels| {
        for pixel in pixels {
            let (image, at) = (pixel / map, pixel % map);
            // SAFETY: the view was checked; tasks have different pixels.
            let row = unsafe { pointer.slice_mut(out.pixel(pixel)) };
            let first = image * out.channels * map + at;
            for (x, value) in row.iter_mut().zip(images[first..].iter().step_by(map)) {
                *x = *value;
            }
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

/// Copies maps of `height` × `width` into maps with a border of zeros of `rows` above and below and
/// `columns` left and right.
///
/// # Panics
/// If the views do not fit the arena and one another.
pub fn pad(
    pool: &Pool,
    arena: &mut Arena,
    [input, out]: [View; 2],
    (height, width): (usize, usize),
    (rows, columns): (usize, usize),
) {
    arena.check(input);
    arena.check(out);
    input.assert_disjoint(out);
    assert!(out.is_dense() && input.channels == out.channels, "{out:?} holds padded {input:?}");
    let padded = |size: usize, border: usize| border.checked_mul(2).and_then(|b| b.checked_add(size));
    let (tall, wide) = padded(height, rows).zip(padded(width, columns)).expect("a border that fits memory");
    let map = product(&[height, width]);
    assert!(map > 0 && input.pixels.is_multiple_of(map), "{input:?} of maps of {map} pixels");
    let batch = input.pixels / map;
    assert_eq!(out.pixels, product(&[batch, tall, wide]), "padded pixels");
    let pointer = arena.pointer();
    pool.ranges(batch * tall, 8, &|range| {
        for index in range {
            let (image, y) = (index / tall, index % tall);
            let start = out.offset + index * wide * out.channels;
            // SAFETY: the view was checked; tasks have different rows.
            let row = unsafe { pointer.slice_mut(start..start + wide * out.channels) };
            if y < rows || y >= rows + height {
                row.fill(0.0);
                continue;
            }
            let (left, rest) = row.split_at_mut(columns * out.channels);
            let (middle, right) = rest.split_at_mut(width * out.channels);
            left.fill(0.0);
            right.fill(0.0);
            for (x, pixel) in middle.chunks_exact_mut(out.channels).enumerate() {
                // SAFETY: the pixel lies in the checked input, which shares nothing with the output.
                let values = unsafe { pointer.slice(input.pixel((image * height + y - rows) * width + x)) };
                pixel.copy_from_slice(values);
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
