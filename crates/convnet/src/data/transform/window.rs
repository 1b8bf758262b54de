//! A part of an image, or more than it, with black around.

use super::view::{Buffer, Levels, View};

/// The window of `size` whose upper left corner lies at (`top`, `left`) of the image, black where it reaches beyond.
pub(super) fn window<'a>(
    image: View<'a>,
    [top, left]: [isize; 2],
    size: [usize; 2],
    buffer: &'a mut Buffer,
) -> View<'a> {
    if image.size == size && [top, left] == [0, 0] {
        return image;
    }
    let axes = [Axis::new(image.size[0], top, size[0]), Axis::new(image.size[1], left, size[1])];
    let levels = match image.levels {
        Levels::Bytes(pixels) => Levels::Bytes(cut(pixels, image.size, axes, size, &mut buffer.bytes)),
        Levels::Floats(pixels) => Levels::Floats(cut(pixels, image.size, axes, size, &mut buffer.floats)),
    };
    View { size, levels, ..image }
}

/// The part of one axis that is both in the image and in the window.
#[derive(Clone, Copy)]
struct Axis {
    from: usize,
    to: usize,
    len: usize,
}

impl Axis {
    fn new(image: usize, start: isize, window: usize) -> Self {
        let (from, to) = (start.max(0) as usize, start.min(0).unsigned_abs());
        let len = image.saturating_sub(from).min(window.saturating_sub(to));
        Self { from, to, len }
    }
}

fn cut<'a, T: Copy + Default>(
    pixels: &[T],
    [height, width]: [usize; 2],
    [rows, columns]: [Axis; 2],
    size: [usize; 2],
    out: &'a mut Vec<T>,
) -> &'a [T] {
    let planes = pixels.len() / (height * width);
    out.clear();
    out.resize(planes * size[0] * size[1], T::default());
    if columns.len > 0 {
        for (from, to) in pixels.chunks_exact(height * width).zip(out.chunks_exact_mut(size[0] * size[1])) {
            let from = from.chunks_exact(width).skip(rows.from).take(rows.len);
            for (from, to) in from.zip(to.chunks_exact_mut(size[1]).skip(rows.to)) {
                to[columns.to..][..columns.len].copy_from_slice(&from[columns.from..][..columns.len]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_window_may_lie_anywhere() {
        let pixels = [1, 2, 3, 4, 5, 6];
        let image = View { channels: 1, size: [2, 3], levels: Levels::Bytes(&pixels) };
        let mut buffer = Buffer::default();
        let mut cut = |corner, size| match window(image, corner, size, &mut buffer).levels {
            Levels::Bytes(pixels) => pixels.to_vec(),
            Levels::Floats(_) => Vec::new(),
        };
        assert_eq!(cut([0, 0], [2, 3]), pixels);
        assert_eq!(cut([1, 1], [1, 2]), [5, 6]);
        assert_eq!(cut([-1, 1], [3, 3]), [0, 0, 0, 2, 3, 0, 5, 6, 0]);
        assert_eq!(cut([0, -1], [1, 5]), [0, 1, 2, 3, 0]);
        for corner in [[9, 0], [0, 9], [-9, 0], [0, -9]] {
            assert_eq!(cut(corner, [1, 2]), [0, 0]);
        }
    }

    proptest! {
        #[test]
        fn every_level_of_a_window_is_the_image_s_or_black(
            image in (1usize..6, 1usize..6),
            corner in (-7isize..8, -7isize..8),
            size in (1usize..8, 1usize..8),
            channels in 1usize..4,
        ) {
            let levels: Vec<f32> = (0..channels * image.0 * image.1).map(|i| i as f32 + 1.0).collect();
            let view = View { channels, size: [image.0, image.1], levels: Levels::Floats(&levels) };
            let mut buffer = Buffer::default();
            let cut = window(view, [corner.0, corner.1], [size.0, size.1], &mut buffer);
            prop_assert_eq!((cut.channels, cut.size), (channels, [size.0, size.1]));
            let Levels::Floats(found) = cut.levels else { return Err(TestCaseError::fail("bytes")) };
            prop_assert_eq!(found.len(), channels * size.0 * size.1);
            for (i, &level) in found.iter().enumerate() {
                let (plane, y, x) = (i / (size.0 * size.1), i / size.1 % size.0, i % size.1);
                let (y, x) = (y as isize + corner.0, x as isize + corner.1);
                let inside = (0..image.0 as isize).contains(&y) && (0..image.1 as isize).contains(&x);
                let expected =
                    if inside { levels[(plane * image.0 + y as usize) * image.1 + x as usize] } else { 0.0 };
                prop_assert_eq!(level, expected);
            }
        }
    }
}
