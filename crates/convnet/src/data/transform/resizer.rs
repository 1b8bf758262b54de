//! Bilinear resizing, with a triangle filter as wide as the reduction (antialiasing), of one plane of pixels.
//!
//! The same weights as Pillow's `BILINEAR` and PyTorch's `interpolate(antialias=True)`, without rounding
//! between or after the two passes.

/// One axis of "resize, then cut out": for each output place, which input places it is made of.
#[derive(Clone, Debug)]
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
    pub(super) fn new(span: Span) -> Self {
        let scale = span.size as f64 / span.resized as f64;
        let support = scale.max(1.0);
        let taps = (2 * support.ceil() as usize + 1).min(span.size);
        let mut axis = Self { taps, starts: Vec::new(), weights: Vec::new() };
        for place in span.offset..span.offset + span.kept {
            let center = (place as f64 + 0.5) * scale;
            // `as` takes negative numbers to 0.
            let first = (center - support + 0.5) as usize;
            let end = ((center + support + 0.5) as usize).min(span.size);
            let start = first.min(span.size - taps);
            let weight = |tap: usize| {
                let tap = start + tap;
                let distance = (tap as f64 - center + 0.5) / support;
                if (first..end).contains(&tap) { (1.0 - distance.abs()).max(0.0) } else { 0.0 }
            };
            let total: f64 = (0..taps).map(weight).sum();
            axis.weights.extend((0..taps).map(|tap| (weight(tap) / total) as f32));
            axis.starts.push(start);
        }
        axis
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

/// Resizes planes of one size.
#[derive(Clone, Debug)]
pub(super) struct Resizer {
    rows: Axis,
    columns: Axis,
    /// The plane after its rows were resized: each input row with the output's width.
    narrowed: Vec<f32>,
}

impl Resizer {
    pub(super) fn new(rows: Span, columns: Span) -> Self {
        let narrowed = vec![0.0; rows.size * columns.kept];
        Self { rows: Axis::new(rows), columns: Axis::new(columns), narrowed }
    }

    /// Writes the resized plane, row by row.
    pub(super) fn apply<T: Copy>(&mut self, plane: &[T], out: &mut [f32])
    where
        f32: From<T>,
    {
        let width = self.columns.len();
        let height = self.narrowed.len() / width;
        for (from, to) in plane.chunks_exact(plane.len() / height).zip(self.narrowed.chunks_exact_mut(width))
        {
            for (to, (start, weights)) in to.iter_mut().zip(self.columns.places()) {
                *to = from[start..].iter().zip(weights).map(|(&x, &w)| f32::from(x) * w).sum();
            }
        }
        for (to, (start, weights)) in out.chunks_exact_mut(width).zip(self.rows.places()) {
            to.fill(0.0);
            for (from, &weight) in self.narrowed[start * width..].chunks_exact(width).zip(weights) {
                for (to, &from) in to.iter_mut().zip(from) {
                    *to += from * weight;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(size: usize, resized: usize) -> Span {
        Span { size, resized, offset: 0, kept: resized }
    }

    fn resized(plane: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<f32> {
        let mut out = vec![f32::NAN; to.0 * to.1];
        Resizer::new(whole(from.0, to.0), whole(from.1, to.1)).apply(plane, &mut out);
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
        Resizer::new(part(4, 8), part(5, 10)).apply(&PLANE, &mut out);
        let expected: Vec<f32> = (3..7).flat_map(|y| all[10 * y + 3..][..4].to_vec()).collect();
        assert_eq!(out, expected);
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
