//! Images of another size.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::center_crop::CenterCrop;
use super::resizer::{Filter, Resizer, Span};
use super::values::{Interpolation, MAX_PIXELS, check_sides, wrong};
use super::view::{Buffer, Levels, View};
use super::window::window;
use super::{Parameters, Placed, Step};

/// The size of [`Resize`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "`size` is the shorter side in pixels, [height, width], or { cover = [height, width] }"
)]
pub enum ResizeTo {
    /// So many pixels on the shorter side, in the same proportions.
    Shorter(usize),
    /// This height and width.
    Exact([usize; 2]),
    /// As small as covers a height and a width, in the same proportions up to rounding; torchvision has none.
    Cover {
        /// Height and width.
        cover: [usize; 2],
    },
}

/// Another size, by interpolation; the levels are not rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// The shorter side, or both.
    pub size: ResizeTo,
    /// How pixels between pixels are found.
    #[serde(default = "bilinear")]
    pub interpolation: Interpolation,
    /// The most pixels on the longer side, where `size` is the shorter one, which then becomes still shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_size: Option<usize>,
    /// Whether a smaller image takes in all pixels, with [`Interpolation::Bilinear`] and [`Interpolation::Bicubic`].
    #[serde(default = "yes")]
    pub antialias: bool,
}

pub(super) fn bilinear() -> Interpolation {
    Interpolation::Bilinear
}

pub(super) fn yes() -> bool {
    true
}

impl Resize {
    /// Bilinear, with antialiasing.
    pub fn to(size: ResizeTo) -> Self {
        Self { size, interpolation: Interpolation::Bilinear, max_size: None, antialias: true }
    }

    /// So many pixels on the shorter side.
    pub fn shorter(side: usize) -> Self {
        Self::to(ResizeTo::Shorter(side))
    }

    /// As small as covers so many rows and columns.
    pub fn cover(size: [usize; 2]) -> Self {
        Self::to(ResizeTo::Cover { cover: size })
    }

    /// Height and width that an image of `height` × `width` gets.
    pub(in crate::data) fn of(self, [height, width]: [usize; 2]) -> [usize; 2] {
        match self.size {
            ResizeTo::Exact(size) => size,
            // Most images have the size already.
            ResizeTo::Cover { cover } if cover == [height, width] => cover,
            // The side that is relatively shorter is made equal; the other one comes out longer.
            ResizeTo::Cover { cover: [rows, columns] } => match rows * width >= columns * height {
                true => [rows, ratio(width, rows, height).max(columns)],
                false => [ratio(height, columns, width).max(rows), columns],
            },
            ResizeTo::Shorter(short) => {
                let mut sides = [short, short * height.max(width) / height.min(width)];
                if let Some(most) = self.max_size
                    && sides[1] > most
                {
                    sides = [(most * short / sides[1]).max(1), most];
                }
                // A strip does not become longer than an image may be.
                sides[1] = sides[1].min((MAX_PIXELS / sides[0].max(1)).max(sides[0]));
                if height <= width { sides } else { [sides[1], sides[0]] }
            }
        }
    }

    /// This resize and the crop behind it as one step, which computes no pixel that is not kept; `None` if the crop
    /// may be the larger one.
    pub(super) fn cropped(self, crop: CenterCrop) -> Option<Box<dyn Step>> {
        let least = match self.size {
            ResizeTo::Exact(size) | ResizeTo::Cover { cover: size } => size,
            ResizeTo::Shorter(short) => [short; 2],
        };
        let covers = self.max_size.is_none() && least[0] >= crop.size[0] && least[1] >= crop.size[1];
        covers.then(|| Box::new(ResizeStep::new(self, Some(crop))) as Box<dyn Step>)
    }
}

/// `a · b / c`, rounded.
fn ratio(a: usize, b: usize, c: usize) -> usize {
    (a * b + c / 2) / c
}

impl Parameters for Resize {
    fn check(&self) -> Result<(), String> {
        let sides = match self.size {
            ResizeTo::Shorter(short) => [short; 2],
            ResizeTo::Exact(sides) | ResizeTo::Cover { cover: sides } => sides,
        };
        check_sides("size", sides)?;
        match (self.size, self.max_size) {
            (_, None) => Ok(()),
            (ResizeTo::Shorter(short), Some(most)) if most > short => check_sides("max_size", [most; 2]),
            (ResizeTo::Shorter(short), Some(most)) => {
                Err(wrong("max_size", &most, &format!("more than `size`, which is {short}")))
            }
            (_, Some(most)) => Err(wrong("max_size", &most, "none, as `size` is not the shorter side")),
        }
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        match (self.size, before) {
            (ResizeTo::Exact(size), _) => Some(size),
            (_, before) => before.map(|size| self.of(size)),
        }
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        Some(Box::new(ResizeStep::new(*self, None)))
    }

    fn moved(&self, image: Placed, _: &mut Random) -> Option<Placed> {
        (self.of(image.size()) == image.size()).then_some(image)
    }
}

struct ResizeStep {
    resize: Resize,
    /// The middle, if not all is kept.
    kept: Option<CenterCrop>,
    /// For the size of the image before, which is mostly that of the next one.
    of: [usize; 2],
    resizer: Resizer,
    buffer: Buffer,
}

impl ResizeStep {
    fn new(resize: Resize, kept: Option<CenterCrop>) -> Self {
        Self { resize, kept, of: [0; 2], resizer: Resizer::default(), buffer: Buffer::default() }
    }
}

impl Step for ResizeStep {
    fn apply<'a>(&'a mut self, image: View<'a>, _: &mut Random) -> View<'a> {
        let resized = self.resize.of(image.size);
        let kept = self.kept.map_or(resized, |crop| crop.size);
        let corner = [0, 1].map(|axis| self.kept.map_or(0, |crop| crop.start(axis, resized[axis])));
        if resized == image.size {
            return window(image, corner, kept, &mut self.buffer);
        }
        if self.of != image.size {
            let span = |axis: usize| Span {
                size: image.size[axis],
                resized: resized[axis],
                offset: corner[axis] as usize,
                kept: kept[axis],
            };
            let Resize { interpolation, antialias, .. } = self.resize;
            self.resizer.set(span(0), span(1), Filter { interpolation, antialias });
            self.of = image.size;
        }
        let out = &mut self.buffer.floats;
        resize_window(&mut self.resizer, image, [0, 0], kept, out);
        View { size: kept, levels: Levels::Floats(out), ..image }
    }
}

/// Writes the planes of a window, resized to `size`; it begins at `corner` (row, column).
pub(super) fn resize_window(
    resizer: &mut Resizer,
    image: View,
    corner: [usize; 2],
    size: [usize; 2],
    out: &mut Vec<f32>,
) {
    let (from, to) = (image.size[0] * image.size[1], size[0] * size[1]);
    out.resize(image.channels * to, 0.0);
    for (plane, out) in out.chunks_exact_mut(to).enumerate() {
        match image.levels {
            Levels::Bytes(levels) => {
                resizer.apply(&levels[plane * from..][..from], image.size[1], corner, out);
            }
            Levels::Floats(levels) => {
                resizer.apply(&levels[plane * from..][..from], image.size[1], corner, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(mut step: Box<dyn Step>, image: View) -> (usize, [usize; 2], Vec<f32>) {
        let out = step.apply(image, &mut Random::new(0, 0));
        let levels = match out.levels {
            Levels::Bytes(levels) => levels.iter().map(|&level| f32::from(level)).collect(),
            Levels::Floats(levels) => levels.to_vec(),
        };
        (out.channels, out.size, levels)
    }

    #[test]
    fn sizes_keep_the_proportions() {
        assert_eq!(Resize::cover([32, 32]).of([28, 28]), [32, 32]);
        assert_eq!(Resize::cover([10, 10]).of([20, 31]), [10, 16]);
        assert_eq!(Resize::cover([10, 10]).of([31, 20]), [16, 10]);
        assert_eq!(Resize::cover([10, 40]).of([31, 20]), [62, 40]);
        assert_eq!(Resize::shorter(256).of([512, 1024]), [256, 512]);
        assert_eq!(Resize::shorter(256).of([300, 299]), [256, 256]);
        assert_eq!(Resize::shorter(3).of([4, 7]), [3, 5]);
    }

    #[test]
    fn a_resize_and_a_crop_in_one_are_the_two_one_after_the_other() {
        let levels: Vec<u8> = (0..2 * 7 * 12).map(|i| (i * 37 % 256) as u8).collect();
        let image = View { channels: 2, size: [7, 12], levels: Levels::Bytes(&levels) };
        let resizes = [Resize::cover([5, 4]), Resize::cover([7, 9]), Resize::shorter(9), Resize::shorter(7)];
        for resize in resizes {
            let (channels, size, whole) = applied(resize.step().unwrap(), image);
            let whole = View { channels, size, levels: Levels::Floats(&whole) };
            for crop in [CenterCrop::new([5, 4]), CenterCrop::near([5, 4])] {
                assert_eq!(
                    applied(resize.cropped(crop).unwrap(), image),
                    applied(crop.step().unwrap(), whole),
                    "{resize:?} {crop:?}"
                );
            }
        }
        assert!(Resize::shorter(4).cropped(CenterCrop::near([5, 4])).is_none());
        assert!(Resize::cover([9, 3]).cropped(CenterCrop::near([5, 4])).is_none());
    }

    #[test]
    fn covering_keeps_the_middle() {
        let columns = [0, 0, 100, 100, 200, 200].repeat(2);
        let image = View { channels: 1, size: [2, 6], levels: Levels::Bytes(&columns) };
        let cover = |size| {
            let step = Resize::cover(size).cropped(CenterCrop::near(size)).unwrap();
            applied(step, image).2.iter().map(|level| level.round() as u8).collect::<Vec<_>>()
        };
        assert_eq!(cover([2, 2]), [100; 4]);
        assert_eq!(cover([2, 6]), columns);
        assert_eq!(cover([1, 3]), [14, 100, 186]);
    }

    #[test]
    fn images_of_changing_sizes_do_not_depend_on_one_another() {
        let levels: Vec<u8> = (0..60).collect();
        let views = [[6, 10], [10, 6], [5, 12], [10, 6]].map(|size| View {
            channels: 1,
            size,
            levels: Levels::Bytes(&levels),
        });
        let mut step = Resize::cover([4, 4]).step().unwrap();
        for view in views {
            let Levels::Floats(found) = step.apply(view, &mut Random::new(0, 0)).levels else { panic!() };
            assert_eq!(found, applied(Resize::cover([4, 4]).step().unwrap(), view).2);
        }
    }
}
