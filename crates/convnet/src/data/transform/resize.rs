//! Images of another size.

use super::super::random::Random;
use super::center_crop::CenterCrop;
use super::resizer::{Resizer, Span};
use super::view::{Buffer, Levels, View};
use super::window::window;
use super::{Parameters, Step};

/// Another size, in the same proportions up to rounding, by bilinear interpolation with antialiasing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// As small as covers so many rows and columns.
    Cover([usize; 2]),
    /// So many pixels on the shorter side.
    Shorter(usize),
}

impl Resize {
    /// Height and width that an image of `height` × `width` gets.
    pub(in crate::data) fn of(self, [height, width]: [usize; 2]) -> [usize; 2] {
        match self {
            // The side that is relatively shorter is made equal; the other one comes out longer.
            Self::Cover([rows, columns]) => match rows * width >= columns * height {
                true => [rows, ratio(width, rows, height).max(columns)],
                false => [ratio(height, columns, width).max(rows), columns],
            },
            Self::Shorter(short) => match height <= width {
                true => [short, short * width / height],
                false => [short * height / width, short],
            },
        }
    }

    /// This resize and the crop behind it as one step, which computes no pixel that is not kept; `None` if the crop
    /// may be the larger one.
    pub(super) fn cropped(self, crop: CenterCrop) -> Option<Box<dyn Step>> {
        let least = match self {
            Self::Cover(size) => size,
            Self::Shorter(short) => [short; 2],
        };
        let covers = least[0] >= crop.size[0] && least[1] >= crop.size[1];
        covers.then(|| Box::new(ResizeStep::new(self, Some(crop.size))) as Box<dyn Step>)
    }
}

/// `a · b / c`, rounded.
fn ratio(a: usize, b: usize, c: usize) -> usize {
    (a * b + c / 2) / c
}

impl Parameters for Resize {
    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before.map(|size| self.of(size))
    }

    fn step(&self) -> Box<dyn Step> {
        Box::new(ResizeStep::new(*self, None))
    }
}

struct ResizeStep {
    resize: Resize,
    /// The size of the middle, if not all is kept.
    kept: Option<[usize; 2]>,
    /// For the size of the image before, which is mostly that of the next one.
    resizer: Option<([usize; 2], Resizer)>,
    buffer: Buffer,
}

impl ResizeStep {
    fn new(resize: Resize, kept: Option<[usize; 2]>) -> Self {
        Self { resize, kept, resizer: None, buffer: Buffer::default() }
    }
}

impl Step for ResizeStep {
    fn apply<'a>(&'a mut self, image: View<'a>, _: &mut Random) -> View<'a> {
        let resized = self.resize.of(image.size);
        let kept = self.kept.unwrap_or(resized);
        let corner = [0, 1].map(|axis| CenterCrop::start(resized[axis], kept[axis]));
        if resized == image.size {
            return window(image, corner, kept, &mut self.buffer);
        }
        let span = |axis: usize| Span {
            size: image.size[axis],
            resized: resized[axis],
            offset: corner[axis] as usize,
            kept: kept[axis],
        };
        let resizer = match &mut self.resizer {
            Some((size, resizer)) if *size == image.size => resizer,
            other => &mut other.insert((image.size, Resizer::new(span(0), span(1)))).1,
        };
        let out = &mut self.buffer.floats;
        out.resize(image.channels * kept[0] * kept[1], 0.0);
        match image.levels {
            Levels::Bytes(levels) => resize_planes(resizer, levels, image.channels, out),
            Levels::Floats(levels) => resize_planes(resizer, levels, image.channels, out),
        }
        View { size: kept, levels: Levels::Floats(out), ..image }
    }
}

fn resize_planes<T: Copy>(resizer: &mut Resizer, levels: &[T], planes: usize, out: &mut [f32])
where
    f32: From<T>,
{
    let (from, to) = (levels.len() / planes, out.len() / planes);
    for (from, to) in levels.chunks_exact(from).zip(out.chunks_exact_mut(to)) {
        resizer.apply(from, to);
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
        assert_eq!(Resize::Cover([32, 32]).of([28, 28]), [32, 32]);
        assert_eq!(Resize::Cover([10, 10]).of([20, 31]), [10, 16]);
        assert_eq!(Resize::Cover([10, 10]).of([31, 20]), [16, 10]);
        assert_eq!(Resize::Cover([10, 40]).of([31, 20]), [62, 40]);
        assert_eq!(Resize::Shorter(256).of([512, 1024]), [256, 512]);
        assert_eq!(Resize::Shorter(256).of([300, 299]), [256, 256]);
        assert_eq!(Resize::Shorter(3).of([4, 7]), [3, 5]);
    }

    #[test]
    fn a_resize_and_a_crop_in_one_are_the_two_one_after_the_other() {
        let levels: Vec<u8> = (0..2 * 7 * 12).map(|i| (i * 37 % 256) as u8).collect();
        let image = View { channels: 2, size: [7, 12], levels: Levels::Bytes(&levels) };
        let resizes = [Resize::Cover([5, 4]), Resize::Cover([7, 9]), Resize::Shorter(9), Resize::Shorter(7)];
        for resize in resizes {
            let crop = CenterCrop { size: [5, 4] };
            let (channels, size, whole) = applied(resize.step(), image);
            let whole = View { channels, size, levels: Levels::Floats(&whole) };
            assert_eq!(
                applied(resize.cropped(crop).unwrap(), image),
                applied(crop.step(), whole),
                "{resize:?}"
            );
        }
        assert!(Resize::Shorter(4).cropped(CenterCrop { size: [5, 4] }).is_none());
        assert!(Resize::Cover([9, 3]).cropped(CenterCrop { size: [5, 4] }).is_none());
    }

    #[test]
    fn covering_keeps_the_middle() {
        let columns = [0, 0, 100, 100, 200, 200].repeat(2);
        let image = View { channels: 1, size: [2, 6], levels: Levels::Bytes(&columns) };
        let cover = |size| {
            let step = Resize::Cover(size).cropped(CenterCrop { size }).unwrap();
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
        let mut step = Resize::Cover([4, 4]).step();
        for view in views {
            let Levels::Floats(found) = step.apply(view, &mut Random::new(0, 0)).levels else { panic!() };
            assert_eq!(found, applied(Resize::Cover([4, 4]).step(), view).2);
        }
    }
}
