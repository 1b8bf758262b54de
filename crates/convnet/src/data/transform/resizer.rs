//! Resizing of one plane of pixels, or of a window of it.
//!
//! The same weights as Pillow's `BILINEAR` and `BICUBIC` and PyTorch's `interpolate`, without rounding between
//! or after the two passes.

use super::values::Interpolation;

/// How an output place is made of input places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    pub(super) interpolation: Interpolation,
    /// Whether the filter is as wide as the reduction.
    pub(super) antialias: bool,
}

/// One axis of "resize, then cut out": for each output place, which input places it is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Axis {
    /// Weights of an output place; all have the same number, some of them 0.
    taps: usize,
    starts: Vec<usize>,
    weights: Vec<f32>,
}

/// The geometry of an [`Axis`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    /// Pixels of the input.
    pub(super) size: usize,
    /// Pixels after resizing.
    pub(super) resized: usize,
    /// Where the part that is kept begins in the resized image.
    pub(super) offset: usize,
    /// Pixels that are kept.
    pub(super) kept: usize,
}

impl Axis {
    /// Sets the weights, in the memory that is there.
    fn set(&mut self, span: Span, filter: Filter) {
        self.starts.clear();
        self.weights.clear();
        match (filter.interpolation, filter.antialias) {
            (Interpolation::Bilinear, true) => self.filter(span, 1.0, triangle),
            (Interpolation::Bicubic, true) => self.filter(span, 2.0, |x| cubic(x, -0.5)),
            (Interpolation::Bilinear, false) => self.interpolate(span, 1, triangle),
            (Interpolation::Bicubic, false) => self.interpolate(span, 2, |x| cubic(x, -0.75)),
            (Interpolation::Nearest, _) => self.pick(span, 0.0),
            (Interpolation::NearestExact, _) => self.pick(span, 0.5),
        }
    }

    /// A filter that reaches over `reach` places of the smaller of the two sizes.
    fn filter(&mut self, span: Span, reach: f64, kernel: impl Fn(f64) -> f64) {
        let scale = span.size as f64 / span.resized as f64;
        let support = reach * scale.max(1.0);
        let taps = (2 * support.ceil() as usize + 1).min(span.size);
        self.taps = taps;
        for place in span.offset..span.offset + span.kept {
            let center = (place as f64 + 0.5) * scale;
            // `as` takes negative numbers to 0.
            let first = (center - support + 0.5) as usize;
            let end = ((center + support + 0.5) as usize).min(span.size);
            let start = first.min(span.size - taps);
            let weight = |tap: usize| {
                let tap = start + tap;
                let distance = (tap as f64 - center + 0.5) / scale.max(1.0);
                if (first..end).contains(&tap) { kernel(distance.abs()) } else { 0.0 }
            };
            let total: f64 = (0..taps).map(weight).sum();
            self.weights.extend((0..taps).map(|tap| (weight(tap) / total) as f32));
            self.starts.push(start);
        }
    }

    /// The nearest `2 · reach` places of the input, however small the output; those beyond the edge are the edge's.
    fn interpolate(&mut self, span: Span, reach: usize, kernel: impl Fn(f64) -> f64) {
        let scale = span.size as f64 / span.resized as f64;
        self.taps = (2 * reach).min(span.size);
        let last = span.size as isize - 1;
        for place in span.offset..span.offset + span.kept {
            let center = (place as f64 + 0.5) * scale - 0.5;
            let first = center.floor() as isize + 1 - reach as isize;
            let start = first.clamp(0, (span.size - self.taps) as isize);
            let weights = self.weights.len();
            self.weights.resize(weights + self.taps, 0.0);
            for tap in first..first + 2 * reach as isize {
                let weight = kernel((tap as f64 - center).abs()) as f32;
                self.weights[weights + (tap.clamp(0, last) - start) as usize] += weight;
            }
            self.starts.push(start as usize);
        }
    }

    /// One place of the input; in float32, which PyTorch's choice depends on.
    fn pick(&mut self, span: Span, middle: f32) {
        let scale = span.size as f32 / span.resized as f32;
        self.taps = 1;
        for place in span.offset..span.offset + span.kept {
            self.starts.push((((place as f32 + middle) * scale) as usize).min(span.size - 1));
            self.weights.push(1.0);
        }
    }

    /// Output places.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// For each output place, the first input place and the weights from there on.
    fn places(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.starts.iter().copied().zip(self.weights.chunks_exact(self.taps))
    }
}

/// The weight at a distance: 1 at 0, none from 1 on.
fn triangle(distance: f64) -> f64 {
    (1.0 - distance).max(0.0)
}

/// The weight at a distance by Keys' cubic (1981), whose slope at 1 is `a`.
fn cubic(x: f64, a: f64) -> f64 {
    match x {
        x if x < 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
        x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * a,
        _ => 0.0,
    }
}

/// Resizes planes of one size.
#[derive(Clone, Debug, Default)]
pub(super) struct Resizer {
    rows: Axis,
    columns: Axis,
    /// The plane after its rows were resized: each input row with the output's width.
    narrowed: Vec<f32>,
    /// Whether levels may lie outside of 0 to 255, and are kept within.
    beyond: bool,
}

impl Resizer {
    /// Sets the sizes, in the memory that is there.
    pub(super) fn set(&mut self, rows: Span, columns: Span, filter: Filter) {
        self.rows.set(rows, filter);
        self.columns.set(columns, filter);
        self.narrowed.resize(rows.size * columns.kept, 0.0);
        self.beyond = filter.interpolation == Interpolation::Bicubic;
    }

    /// Writes the resized window, row by row. It begins at `corner` (row, column) of a plane of rows of `width`
    /// pixels.
    ///
    /// Not inlined: as a function's arguments, the three slices are known not to overlap, and the loops are
    /// vectorized.
    #[inline(never)]
    pub(super) fn apply<T: Copy>(
        &mut self,
        plane: &[T],
        width: usize,
        [top, left]: [usize; 2],
        out: &mut [f32],
    ) where
        f32: From<T>,
    {
        let narrow = self.columns.len();
        let plane = &plane[top * width..];
        for (from, to) in plane.chunks_exact(width).zip(self.narrowed.chunks_exact_mut(narrow)) {
            let from = &from[left..];
            for (to, (start, weights)) in to.iter_mut().zip(self.columns.places()) {
                *to = from[start..].iter().zip(weights).map(|(&x, &w)| f32::from(x) * w).sum();
            }
        }
        if self.beyond {
            clamp(&mut self.narrowed);
        }
        for (to, (start, weights)) in out.chunks_exact_mut(narrow).zip(self.rows.places()) {
            to.fill(0.0);
            for (from, &weight) in self.narrowed[start * narrow..].chunks_exact(narrow).zip(weights) {
                for (to, &from) in to.iter_mut().zip(from) {
                    *to += from * weight;
                }
            }
        }
        if self.beyond {
            clamp(out);
        }
    }
}

/// Brings levels into 0 to 255.
fn clamp(levels: &mut [f32]) {
    levels.iter_mut().for_each(|level| *level = level.clamp(0.0, 255.0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(size: usize, resized: usize) -> Span {
        Span { size, resized, offset: 0, kept: resized }
    }

    fn resizer(rows: Span, columns: Span) -> Resizer {
        let mut resizer = Resizer::default();
        resizer.set(rows, columns, Filter { interpolation: Interpolation::Bilinear, antialias: true });
        resizer
    }

    fn resized(plane: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
        let mut out = vec![f32::NAN; to.0 * to.1];
        resizer(whole(from.0, to.0), whole(from.1, to.1)).apply(plane, from.1, [0, 0], &mut out);
        out
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 1e-3, "found {found:?}, expected {expected:?}");
        }
    }

    /// A 4 × 5 plane; the figures are of `torch.nn.functional.interpolate(mode="bilinear", antialias=True)`.
    const PLANE: [u8; 20] =
        [0, 50, 100, 150, 200, 10, 60, 110, 160, 255, 3, 7, 11, 13, 17, 255, 0, 255, 0, 128];

    #[test]
    fn figures_agree_with_pytorch() {
        assert_close(&resized(&PLANE, (4, 5), (2, 2)), &[48.130, 140.929, 71.143, 73.000]);
        assert_close(
            &resized(&PLANE, (4, 5), (3, 4)),
            &[
                15.500, 73.833, 132.167, 200.625, 13.250, 44.750, 75.667, 123.625, 135.075, 76.975, 78.025,
                72.000,
            ],
        );
        assert_close(
            &resized(&PLANE, (4, 5), (6, 7)),
            &[
                0.000, 28.571, 64.286, 100.000, 135.714, 171.429, 200.000, 5.000, 33.571, 69.286, 105.000,
                140.714, 186.071, 227.500, 8.833, 33.024, 63.262, 93.500, 123.500, 169.714, 215.333, 4.167,
                10.833, 19.167, 27.500, 34.643, 45.714, 56.667, 129.000, 57.286, 40.500, 133.000, 42.643,
                34.786, 72.500, 255.000, 109.286, 72.857, 255.000, 72.857, 54.857, 128.000,
            ],
        );
    }

    #[test]
    fn the_same_size_is_the_same_image() {
        let expected: Vec<f32> = PLANE.iter().map(|&x| f32::from(x)).collect();
        assert_eq!(resized(&PLANE, (4, 5), (4, 5)), expected);
    }

    #[test]
    fn a_part_is_the_part_of_the_whole() {
        let all = resized(&PLANE, (4, 5), (8, 10));
        let part = |size, resized| Span { size, resized, offset: 3, kept: 4 };
        let mut out = vec![0.0; 16];
        resizer(part(4, 8), part(5, 10)).apply(&PLANE, 5, [0, 0], &mut out);
        let expected: Vec<f32> = (3..7).flat_map(|y| all[10 * y + 3..][..4].to_vec()).collect();
        assert_eq!(out, expected);
    }

    #[test]
    fn a_window_is_resized_as_if_it_were_the_image() {
        let window: Vec<u8> = (1..4).flat_map(|y| PLANE[5 * y + 2..][..3].to_vec()).collect();
        let mut out = vec![0.0; 20];
        resizer(whole(3, 4), whole(3, 5)).apply(&PLANE, 5, [1, 2], &mut out);
        assert_eq!(out, resized(&window, (3, 3), (4, 5)));
    }

    proptest! {
        #[test]
        fn a_flat_image_stays_flat(value: u8, from in (1usize..40, 1usize..40), to in (1usize..40, 1usize..40)) {
            let out = resized(&vec![value; from.0 * from.1], from, to);
            prop_assert!(out.iter().all(|x| (x - f32::from(value)).abs() < 1e-3), "{out:?}");
        }

        #[test]
        fn values_stay_within_the_image(
            plane in proptest::collection::vec(0u8.., 12),
            to in (1usize..9, 1usize..9),
        ) {
            let (low, high) = (*plane.iter().min().unwrap(), *plane.iter().max().unwrap());
            let range = f32::from(low) - 1e-3..=f32::from(high) + 1e-3;
            prop_assert!(resized(&plane, (3, 4), to).iter().all(|x| range.contains(x)));
        }
    }
}
