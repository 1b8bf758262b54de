//! From levels to a network's input.

use serde::{Deserialize, Serialize};

use super::PadTo;
use super::values::wrong;
use super::view::{Levels, View};
use super::window::Axis;

/// Levels as numbers from 0 to 1, less `mean` and divided by `std`: the last step of every pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// Of each channel, of pixels from 0 to 1.
    pub mean: Vec<f32>,
    /// Of each channel, of pixels from 0 to 1; above 0.
    pub std: Vec<f32>,
}

impl Normalize {
    /// What is wrong with it.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { mean, std } = self;
        if mean.is_empty() || mean.len() != std.len() {
            let (means, stds) = (mean.len(), std.len());
            return Err(format!("{means} means and {stds} deviations, expected one a channel each"));
        }
        if !mean.iter().all(|mean| mean.is_finite()) {
            return Err(wrong("mean", mean, "finite numbers"));
        }
        match std.iter().all(|&std| std > 0.0) {
            true => Ok(()),
            false => Err("a standard deviation is not above 0".to_owned()),
        }
    }
}

/// A [`Normalize`] as one multiplication and one addition a pixel.
#[derive(Debug)]
pub(super) struct Affine(Vec<(f32, f32)>);

impl Affine {
    pub(super) fn new(normalize: &Normalize) -> Self {
        let channels = normalize.mean.iter().zip(&normalize.std);
        Self(channels.map(|(&mean, &std)| (1.0 / (255.0 * std), -mean / std)).collect())
    }

    /// What a level of each channel is multiplied with, and what is added then.
    pub(super) fn channels(&self) -> &[(f32, f32)] {
        &self.0
    }

    /// Writes what `pad` makes of the image, a plane a channel; an image of fewer planes has them repeated.
    pub(super) fn apply(&self, image: View, pad: PadTo, out: &mut [f32]) {
        let [top, left] = pad.corner(image.size);
        let window = Window {
            rows: Axis::new(image.size[0], top, pad.size[0]),
            columns: Axis::new(image.size[1], left, pad.size[1]),
            widths: [image.size[1], pad.size[1]],
        };
        let plane = image.size[0] * image.size[1];
        for (channel, (out, &affine)) in
            out.chunks_exact_mut(pad.size[0] * pad.size[1]).zip(&self.0).enumerate()
        {
            let from = channel % image.channels * plane;
            match image.levels {
                Levels::Bytes(levels) => write(&levels[from..][..plane], &window, affine, out),
                Levels::Floats(levels) => write(&levels[from..][..plane], &window, affine, out),
            }
        }
    }
}

/// The part of a plane that is kept, and where it lies in the output.
struct Window {
    rows: Axis,
    columns: Axis,
    /// Columns of the plane and of the output.
    widths: [usize; 2],
}

/// Writes the window of a plane as numbers, and black around it.
///
/// Not inlined: as a function's arguments, the two planes are known not to overlap, and the loops are vectorized.
#[inline(never)]
fn write<T: Copy>(levels: &[T], window: &Window, (scale, offset): (f32, f32), out: &mut [f32])
where
    f32: From<T>,
{
    let number = |level: T| f32::from(level) * scale + offset;
    let Window { rows, columns, widths: [width, row] } = *window;
    if width == row && levels.len() == out.len() {
        out.iter_mut().zip(levels).for_each(|(to, &from)| *to = number(from));
        return;
    }
    if rows.len * row < out.len() || columns.len < row {
        out.fill(offset);
    }
    let from = levels.chunks_exact(width).skip(rows.from).take(rows.len);
    for (from, to) in from.zip(out.chunks_exact_mut(row).skip(rows.to)) {
        let from = &from[columns.from..][..columns.len];
        to[columns.to..][..columns.len].iter_mut().zip(from).for_each(|(to, &from)| *to = number(from));
    }
}
