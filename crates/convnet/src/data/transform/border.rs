//! A part of an image, or more than it, with a border as torchvision pads.

use serde::{Deserialize, Serialize};

use super::values::Fill;
use super::view::{Buffer, Levels, View};
use super::window::window;

/// What lies around an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaddingMode {
    /// One level, `fill`.
    #[default]
    Constant,
    /// The pixel at the edge, again and again.
    Edge,
    /// The image mirrored at its edge, whose pixels are not repeated.
    Reflect,
    /// The image mirrored beside its edge, whose pixels are repeated.
    Symmetric,
}

/// Levels around an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Border {
    pub(super) mode: PaddingMode,
    pub(super) fill: Fill,
}

impl Border {
    pub(super) fn is_black(self) -> bool {
        self.mode == PaddingMode::Constant && self.fill == Fill::Same(0.0)
    }
}

/// Memory for a window, and for where each of its rows and columns comes from.
#[derive(Debug, Default)]
pub(super) struct Bordered {
    buffer: Buffer,
    /// Rows and columns of the image; `None` for what lies around it.
    places: [Vec<Option<usize>>; 2],
}

impl Bordered {
    /// The window of `size` whose upper left corner lies at (`top`, `left`) of the image.
    pub(super) fn window<'a>(
        &'a mut self,
        image: View<'a>,
        corner: [isize; 2],
        size: [usize; 2],
        border: Border,
    ) -> View<'a> {
        let inside =
            |axis: usize| corner[axis] >= 0 && corner[axis] as usize + size[axis] <= image.size[axis];
        if border.is_black() || (inside(0) && inside(1)) {
            return window(image, corner, size, &mut self.buffer);
        }
        for ((places, start), (&count, &pixels)) in
            self.places.iter_mut().zip(corner).zip(size.iter().zip(&image.size))
        {
            places.clear();
            places.extend((start..).take(count).map(|place| source(place, pixels, border.mode)));
        }
        let constant = border.mode == PaddingMode::Constant;
        let channels = Fill::channels(constant.then_some(border.fill), image.channels);
        let levels = match image.levels {
            Levels::Bytes(levels) => {
                let fill = |channel| border.fill.level(channel) as u8;
                gather(levels, image.size, channels, &self.places, fill, &mut self.buffer.bytes);
                Levels::Bytes(&self.buffer.bytes)
            }
            Levels::Floats(levels) => {
                let fill = |channel| border.fill.level(channel);
                gather(levels, image.size, channels, &self.places, fill, &mut self.buffer.floats);
                Levels::Floats(&self.buffer.floats)
            }
        };
        View { channels, size, levels }
    }
}

/// Which of `pixels` places an axis has at `place`, which may lie outside.
pub(super) fn source(place: isize, pixels: usize, mode: PaddingMode) -> Option<usize> {
    let last = pixels as isize - 1;
    let within = match mode {
        PaddingMode::Constant => return usize::try_from(place).ok().filter(|&place| place < pixels),
        PaddingMode::Edge => place.clamp(0, last),
        PaddingMode::Reflect => {
            let place = place.rem_euclid((2 * last).max(1));
            place.min(2 * last - place)
        }
        PaddingMode::Symmetric => {
            let place = place.rem_euclid(2 * last + 2);
            place.min(2 * last + 1 - place)
        }
    };
    usize::try_from(within).ok()
}

fn gather<T: Copy>(
    levels: &[T],
    [height, width]: [usize; 2],
    channels: usize,
    [rows, columns]: &[Vec<Option<usize>>; 2],
    fill: impl Fn(usize) -> T,
    out: &mut Vec<T>,
) {
    out.clear();
    let planes = levels.len() / (height * width);
    for channel in 0..channels {
        let plane = &levels[channel % planes * height * width..][..height * width];
        let fill = fill(channel);
        for row in rows {
            match row {
                Some(row) => {
                    let row = &plane[row * width..][..width];
                    out.extend(columns.iter().map(|column| column.map_or(fill, |column| row[column])));
                }
                None => out.extend(columns.iter().map(|_| fill)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_outside_are_found_by_each_mode_s_rule() {
        let places = |mode, pixels| {
            (-4..pixels as isize + 4).map(|place| source(place, pixels, mode)).collect::<Vec<_>>()
        };
        let some = |places: [usize; 11]| places.map(Some).to_vec();
        assert_eq!(places(PaddingMode::Edge, 3), some([0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2]));
        assert_eq!(places(PaddingMode::Reflect, 3), some([0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]));
        assert_eq!(places(PaddingMode::Symmetric, 3), some([2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]));
        let constant = places(PaddingMode::Constant, 3);
        assert_eq!(constant.iter().flatten().collect::<Vec<_>>(), [&0, &1, &2]);
        for mode in [PaddingMode::Edge, PaddingMode::Reflect, PaddingMode::Symmetric] {
            assert_eq!(places(mode, 1), vec![Some(0); 9]);
        }
    }

    #[test]
    fn a_fill_of_three_levels_makes_a_grey_image_rgb() {
        let image = View { channels: 1, size: [1, 2], levels: Levels::Bytes(&[7, 8]) };
        let border = Border { mode: PaddingMode::Constant, fill: Fill::Rgb([1.0, 2.0, 3.0]) };
        let mut bordered = Bordered::default();
        let window = bordered.window(image, [0, -1], [1, 4], border);
        assert_eq!((window.channels, window.size), (3, [1, 4]));
        assert!(matches!(window.levels, Levels::Bytes([1, 7, 8, 1, 2, 7, 8, 2, 3, 7, 8, 3])));
    }
}
