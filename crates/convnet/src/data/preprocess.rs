//! How an image becomes a network's input, as a value that is kept beside the weights.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::dataset::at_size;
use super::preprocess_spec::IMAGENET;
use super::transform::{
    CenterCrop, Corner, CornerCrop, Draw, Grayscale, Interpolation, Normalize, PadTo, Resize, ResizeTo,
    Transform,
};
use super::{Augment, DataError, Dataset, Image, Pipeline, transform};

/// How an image gets the input's height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Not resized: put in the middle of black, or its middle cut out where it is larger. So LeCun et al.
    /// (1998) made 32 × 32 of MNIST's 28 × 28.
    Pad,
    /// Resized so that it just covers the input, and what stands over on two sides cut off evenly.
    Cover,
    /// The shorter side resized to so many pixels, then the middle cut out: torchvision's evaluation of
    /// ImageNet.
    CenterCrop(usize),
    /// Resized to this height and width whatever its proportions, then the middle cut out: timm's `squash`.
    Squash([usize; 2]),
}

impl Fit {
    /// How an image is resized, if it is; the input is of `size`.
    fn resize(self, size: [usize; 2], interpolation: Interpolation) -> Option<Resize> {
        let to = match self {
            Self::Pad => return None,
            Self::Cover => ResizeTo::Cover { cover: size },
            Self::CenterCrop(short) => ResizeTo::Shorter(short),
            Self::Squash(sides) => ResizeTo::Exact(sides),
        };
        Some(Resize { interpolation, ..Resize::to(to) })
    }
}

/// From pixels to floats: resize or pad, take grey or RGB, subtract `mean` and divide by `std`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Preprocess {
    input: [usize; 3],
    source: [usize; 2],
    fit: Fit,
    #[serde(skip_serializing_if = "is_bilinear")]
    interpolation: Interpolation,
    mean: Vec<f32>,
    std: Vec<f32>,
}

fn bilinear() -> Interpolation {
    Interpolation::Bilinear
}

/// Older versions know no other, and files that need none stay readable for them.
fn is_bilinear(interpolation: &Interpolation) -> bool {
    *interpolation == bilinear()
}

/// The shorter side of an image whose middle is an input. Source: torchvision, `transforms._presets`.
pub(super) fn imagenet_side(height: usize, width: usize) -> usize {
    height.max(width).saturating_mul(256) / 224
}

/// The most values of an input or of a source image: 3 channels of some 9,000 × 9,000 pixels.
const MAX_VALUES: usize = 1 << 28;

impl Preprocess {
    /// The usual way from a data set's images to a network's input of C, H, W.
    ///
    /// An input of the images' size or up to a quarter larger is padded; any other is covered by resizing.
    /// Grey images are repeated for each of C channels, RGB images are taken as grey where C is not 3. Mean
    /// and standard deviation are those of `train`.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn for_input(input: [usize; 3], train: &Dataset) -> Result<Self, DataError> {
        let [channels, height, width] = input;
        let (_, rows, columns) = train.shape;
        let near = |size: usize, image: usize| size >= image && 4 * (size - image) <= image;
        let fit = if near(height, rows) && near(width, columns) { Fit::Pad } else { Fit::Cover };
        let as_seen = if train.shape.0 == channels { channels } else { 1 };
        let (mean, mut std) = train.statistics_of(as_seen)?;
        // Images that are all alike have nothing to scale.
        std.iter_mut().filter(|std| **std == 0.0).for_each(|std| *std = 1.0);
        let each = |values: Vec<f32>| (0..channels).map(|c| values[c % values.len()]).collect();
        let (mean, std) = (each(mean), each(std));
        Ok(Self { input, source: [rows, columns], fit, interpolation: bilinear(), mean, std })
    }

    /// The same for images that are changed at random while they are learned from: where the network sees parts of
    /// photos, resized, it is measured on their middle as torchvision measures, the shorter side at 256/224 of the
    /// input's.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn for_training(input: [usize; 3], train: &Dataset, augment: &Augment) -> Result<Self, DataError> {
        let (_, rows, columns) = train.shape;
        let mut preprocess = Self::for_input(input, train)?;
        let [_, height, width] = input;
        if [height, width] != [rows, columns] && augment.resizes_photos([rows, columns]) {
            preprocess.fit = Fit::CenterCrop(imagenet_side(height, width));
        }
        Ok(preprocess)
    }

    /// Pixels as numbers from 0 to 1, for a network of which nothing is known.
    pub fn plain(input: [usize; 3]) -> Self {
        let [channels, height, width] = input;
        Self {
            input,
            source: [height, width],
            fit: Fit::Cover,
            interpolation: bilinear(),
            mean: vec![0.0; channels],
            std: vec![1.0; channels],
        }
    }

    /// What torchvision's ImageNet weights were trained and measured with: the shorter side to 256/224 of the
    /// input's, the middle cut out, mean and deviation of ImageNet. Source: torchvision,
    /// `transforms._presets.ImageClassification`.
    pub fn imagenet(height: usize, width: usize) -> Self {
        let (mean, std) = IMAGENET;
        Self {
            input: [3, height, width],
            source: [height, width],
            fit: Fit::CenterCrop(imagenet_side(height, width)),
            interpolation: bilinear(),
            mean: mean.to_vec(),
            std: std.to_vec(),
        }
    }

    /// Images of any size to an input, by these steps.
    pub(super) fn new(
        input: [usize; 3],
        (fit, interpolation): (Fit, Interpolation),
        mean: Vec<f32>,
        std: Vec<f32>,
    ) -> Result<Self, String> {
        let [_, height, width] = input;
        let preprocess = Self { input, source: [height, width], fit, interpolation, mean, std };
        preprocess.check()?;
        Ok(preprocess)
    }

    /// The same for an input of another size, as far as it can be: mean and deviation stay, images are resized as before in
    /// relation to the input. `None` for another number of channels, if these differ in mean or deviation.
    pub fn for_size(&self, input: [usize; 3]) -> Option<Self> {
        if input == self.input {
            return Some(self.clone());
        }
        let [channels, height, width] = input;
        let each = |values: &[f32]| -> Option<Vec<f32>> {
            let same = values.windows(2).all(|pair| pair[0] == pair[1]);
            match values.len() == channels {
                true => Some(values.to_vec()),
                false => same.then(|| vec![values[0]; channels]),
            }
        };
        let [_, rows, columns] = self.input;
        let fit = match self.fit {
            Fit::CenterCrop(short) => {
                Fit::CenterCrop(short.saturating_mul(height.max(width)) / rows.max(columns))
            }
            Fit::Squash([h, w]) => {
                Fit::Squash([h.saturating_mul(height) / rows, w.saturating_mul(width) / columns])
            }
            Fit::Pad | Fit::Cover => Fit::Cover,
        };
        Self::new(input, (fit, self.interpolation), each(&self.mean)?, each(&self.std)?).ok()
    }

    /// The same with pixels left from 0 to 1, for a network that normalizes them itself.
    pub fn without_normalization(mut self) -> Self {
        self.mean.fill(0.0);
        self.std.fill(1.0);
        self
    }

    /// Channels, height, width of the network's input.
    pub fn input(&self) -> [usize; 3] {
        self.input
    }

    /// How images get the input's size.
    pub fn fit(&self) -> Fit {
        self.fit
    }

    /// How images are resized.
    pub fn interpolation(&self) -> Interpolation {
        self.interpolation
    }

    /// Of each channel, of pixels from 0 to 1.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Of each channel, of pixels from 0 to 1.
    pub fn std(&self) -> &[f32] {
        &self.std
    }

    /// Floats of one input image.
    pub fn len(&self) -> usize {
        self.input.iter().fold(1, |product, &size| product.saturating_mul(size))
    }

    /// Whether the input has no value; such a network does not exist.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The steps for images of a set, which are first brought to the size of `shape` (channels, height, width), its own,
    /// but for those that [`Augment::takes_originals`]: random changes, then height, width and channels of the input,
    /// then the normalization.
    pub fn pipeline(&self, (_, rows, columns): (usize, usize, usize), augment: &Augment) -> Pipeline {
        let [channels, height, width] = self.input;
        let (source, size) = ([rows, columns], [height, width]);
        let originals = augment.takes_originals(source);
        let mut transforms = if originals { Vec::new() } else { at_size(source) };
        // A window that is resized anyway gets the input's size at once.
        let window = if self.fit == Fit::Pad { source } else { size };
        let mut changes = augment.transforms(source, window, self.interpolation);
        // What is done to the input itself stays behind all that is done to the image.
        let first = changes.iter().position(Transform::on_input).unwrap_or(changes.len());
        let on_input = changes.split_off(first);
        let arrives = match augment.resizes(source) {
            true => Some(size),
            false => transform::size_after(&changes, (!originals).then_some(source)),
        };
        transforms.extend(changes);
        if channels != 3 {
            transforms.push(Transform::Grayscale(Grayscale::default()));
        }
        let resize = self.fit.resize(size, self.interpolation);
        match resize
            .filter(|resize| arrives != Some(size) && arrives.is_none_or(|from| resize.of(from) != from))
        {
            Some(resize) => {
                transforms.extend([Transform::Resize(resize), Transform::CenterCrop(self.middle(size))]);
            }
            None => transforms.push(Transform::PadTo(PadTo { size })),
        }
        transforms.extend(on_input);
        Pipeline::checked(transforms, self.normalize(), self.input)
    }

    /// The steps for images of any size, unchanged by chance: as the training images became input, an image first gets
    /// their size, but for [`Fit::CenterCrop`] and [`Fit::Squash`].
    pub fn evaluation(&self) -> Pipeline {
        let [channels, height, width] = self.input;
        let size = [height, width];
        let resize = match self.fit {
            Fit::Pad | Fit::Cover => {
                let [rows, columns] = self.source;
                return self.pipeline((channels, rows, columns), &Augment::default());
            }
            Fit::CenterCrop(_) | Fit::Squash(_) => self.fit.resize(size, self.interpolation),
        };
        let mut transforms = Vec::new();
        if channels != 3 {
            transforms.push(Transform::Grayscale(Grayscale::default()));
        }
        transforms.extend(resize.map(Transform::Resize));
        transforms.push(Transform::CenterCrop(self.middle(size)));
        Pipeline::checked(transforms, self.normalize(), self.input)
    }

    /// What is kept of a larger image: where the fit is torchvision's, the middle that torchvision takes.
    fn middle(&self, size: [usize; 2]) -> CenterCrop {
        match self.fit {
            Fit::Pad | Fit::Cover => CenterCrop::near(size),
            Fit::CenterCrop(_) | Fit::Squash(_) => CenterCrop::new(size),
        }
    }

    fn normalize(&self) -> Normalize {
        Normalize { mean: self.mean.clone(), std: self.std.clone() }
    }

    /// [`Preprocess::evaluation`] with windows in the four corners and the middle, in torchvision's order, of an image that
    /// is larger than the input: by what is cut off anyway, else by a seventh as 256 is larger than 224.
    pub(super) fn five_crops(&self) -> Vec<Pipeline> {
        let [channels, height, width] = self.input;
        let (size, larger) = ([height, width], [height, width].map(|side| side + side.div_ceil(7)));
        let mut transforms = match self.fit {
            Fit::CenterCrop(_) | Fit::Squash(_) => Vec::new(),
            Fit::Pad | Fit::Cover => at_size(self.source),
        };
        if channels != 3 {
            transforms.push(Transform::Grayscale(Grayscale::default()));
        }
        let fit = match self.fit {
            Fit::CenterCrop(short) if short > height.max(width) => self.fit,
            Fit::Squash([rows, columns]) if rows > height && columns > width => self.fit,
            Fit::Squash(_) => Fit::Squash(larger),
            Fit::CenterCrop(_) | Fit::Cover => Fit::Cover,
            Fit::Pad => Fit::Pad,
        };
        transforms.extend(fit.resize(larger, self.interpolation).map(Transform::Resize));
        match fit {
            Fit::Cover => transforms.push(Transform::CenterCrop(CenterCrop::near(larger))),
            Fit::Pad => transforms.push(Transform::PadTo(PadTo { size: larger })),
            Fit::CenterCrop(_) | Fit::Squash(_) => {}
        }
        let corner = |corner| Transform::CornerCrop(CornerCrop { size, corner });
        let windows = Corner::ALL.map(corner).into_iter().chain([Transform::CenterCrop(self.middle(size))]);
        let normalize = self.normalize();
        let pipeline = |window| {
            let steps = transforms.iter().cloned().chain([window]).collect();
            Pipeline::checked(steps, normalize.clone(), self.input)
        };
        windows.map(pipeline).collect()
    }

    /// Whether images that were brought to this shape (channels, height, width) are what [`Preprocess::evaluation`] would
    /// make of them first.
    pub(super) fn starts_at(&self, (_, rows, columns): (usize, usize, usize)) -> bool {
        matches!(self.fit, Fit::Pad | Fit::Cover) && self.source == [rows, columns]
    }

    /// The input for one image of any size: C, H, W.
    pub fn apply_image(&self, image: &Image) -> Vec<f32> {
        self.evaluation().apply(image, Draw::default())
    }

    /// Whether images go in as they are but for their size: pixels from 0 to 1.
    pub fn is_plain(&self) -> bool {
        self.mean.iter().all(|&mean| mean == 0.0) && self.std.iter().all(|&std| std == 1.0)
    }

    fn check(&self) -> Result<(), String> {
        let [channels, height, width] = self.input;
        let values = |sizes: &[usize]| sizes.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
        let fits = |sizes: &[usize]| values(sizes).is_some_and(|n| (1..=MAX_VALUES).contains(&n));
        if !fits(&[channels, height, width]) || !fits(&self.source) {
            return Err(format!(
                "sizes are {:?} and {:?}, expected 1 to {MAX_VALUES} values",
                self.input, self.source
            ));
        }
        if let Fit::CenterCrop(short) = self.fit
            && (short < height.max(width) || short > MAX_VALUES)
        {
            return Err(format!(
                "the centre is cut out of {short} pixels, expected at least the input's side"
            ));
        }
        if let Fit::Squash([rows, columns]) = self.fit
            && (rows < height || columns < width || values(&[rows, columns]).is_none_or(|n| n > MAX_VALUES))
        {
            return Err(format!(
                "the centre is cut out of {rows} × {columns} pixels, expected at least the input's {height} × {width}"
            ));
        }
        if self.mean.len() != channels || self.std.len() != channels {
            return Err(format!(
                "{} means and {} deviations, expected {channels} each",
                self.mean.len(),
                self.std.len()
            ));
        }
        match self.std.iter().all(|&std| std > 0.0) {
            true => Ok(()),
            false => Err("a standard deviation is not above 0".to_owned()),
        }
    }
}

/// The steps, for a line: `shorter side to 256, middle 224 × 224, minus 0.485, 0.456, 0.406, over 0.229, 0.224, 0.225`.
impl fmt::Display for Preprocess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, height, width] = self.input;
        match self.fit {
            Fit::Pad => write!(f, "put in the middle of {height} × {width} pixels of black")?,
            Fit::Cover => write!(f, "resized to cover {height} × {width} pixels")?,
            Fit::CenterCrop(side) => write!(f, "shorter side to {side}, middle {height} × {width}")?,
            Fit::Squash(sides) if sides == [height, width] => {
                write!(f, "resized to {height} × {width} pixels")?
            }
            Fit::Squash([rows, columns]) => {
                write!(f, "resized to {rows} × {columns} pixels, middle {height} × {width}")?;
            }
        }
        match self.interpolation {
            Interpolation::Bilinear => {}
            Interpolation::Bicubic => f.write_str(", bicubic")?,
            Interpolation::Nearest | Interpolation::NearestExact => f.write_str(", nearest pixels")?,
        }
        if self.is_plain() {
            return f.write_str(", pixels from 0 to 1");
        }
        let list = |values: &[f32]| {
            let same = values.windows(2).all(|pair| pair[0] == pair[1]);
            let shown = if same { &values[..1] } else { values };
            shown.iter().map(|x| format!("{}", (x * 1e4).round() / 1e4)).collect::<Vec<_>>().join(", ")
        };
        write!(f, ", mean {}, deviation {}", list(&self.mean), list(&self.std))
    }
}

/// A [`Preprocess`] before its checks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    input: [usize; 3],
    source: [usize; 2],
    fit: Fit,
    #[serde(default = "bilinear")]
    interpolation: Interpolation,
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl TryFrom<Fields> for Preprocess {
    type Error = String;

    fn try_from(Fields { input, source, fit, interpolation, mean, std }: Fields) -> Result<Self, String> {
        let preprocess = Self { input, source, fit, interpolation, mean, std };
        preprocess.check()?;
        Ok(preprocess)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(pixels: Vec<u8>, shape: (usize, usize, usize)) -> Dataset {
        let count = pixels.len() / (shape.0 * shape.1 * shape.2);
        Dataset::new("test", pixels, vec![0; count], vec!["a".to_owned()], shape).unwrap()
    }

    /// As the loader has it, of images of one shape.
    fn applied(preprocess: &Preprocess, pixels: &[u8], shape: (usize, usize, usize)) -> Vec<f32> {
        preprocess.pipeline(shape, &Augment::default()).apply(&image(shape, pixels), Draw::default())
    }

    fn image(shape: (usize, usize, usize), pixels: &[u8]) -> Image<'_> {
        Image::new(shape, pixels).unwrap()
    }

    fn for_input(input: [usize; 3], train: &Dataset) -> Preprocess {
        Preprocess::for_input(input, train).unwrap()
    }

    #[test]
    fn lenet_gets_its_images_in_a_frame_of_black() {
        let pixels: Vec<u8> = (0..28 * 28).map(|i| (i % 251) as u8).collect();
        let train = set(pixels.clone(), (1, 28, 28));
        let preprocess = for_input([1, 32, 32], &train);
        assert_eq!(preprocess.fit(), Fit::Pad);
        let out = applied(&preprocess, &pixels, train.shape);
        let (mean, std) = (preprocess.mean()[0], preprocess.std()[0]);
        for (i, x) in out.iter().enumerate() {
            let (y, x_) = (i / 32, i % 32);
            let inside = (2..30).contains(&y) && (2..30).contains(&x_);
            let pixel = if inside { f32::from(pixels[(y - 2) * 28 + x_ - 2]) } else { 0.0 };
            assert!((x - (pixel / 255.0 - mean) / std).abs() < 1e-5, "{y} {x_}");
        }
        assert_eq!(preprocess.apply_image(&image(train.shape, &pixels)), out);
        // Normalized over the set itself: mean 0 and deviation 1 within the frame.
        let identity = for_input([1, 28, 28], &train);
        let out = applied(&identity, &pixels, train.shape);
        let mean = out.iter().sum::<f32>() / 784.0;
        let variance = out.iter().map(|x| x * x).sum::<f32>() / 784.0;
        assert!(mean.abs() < 1e-4 && (variance - 1.0).abs() < 1e-4, "{mean} {variance}");
    }

    #[test]
    fn larger_inputs_are_resized_and_grey_is_repeated() {
        let pixels: Vec<u8> = (0..28 * 28).map(|i| (i % 28 * 9) as u8).collect();
        let train = set(pixels.clone(), (1, 28, 28));
        let preprocess = for_input([3, 96, 96], &train);
        assert_eq!(preprocess.fit(), Fit::Cover);
        let out = applied(&preprocess, &pixels, train.shape);
        let plane = 96 * 96;
        assert_eq!(out[..plane], out[plane..2 * plane]);
        assert_eq!(out[..plane], out[2 * plane..]);
        // Rows are alike, columns grow.
        assert!(out[..96].windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(out[..96].iter().zip(&out[95 * 96..]).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn colours_become_grey_where_the_network_wants_one_channel() {
        let pixels = [255, 0, 0, 255, 0, 0, 255, 255, 0, 0, 255, 255];
        let train = set(pixels.to_vec(), (3, 2, 2));
        let preprocess = for_input([1, 2, 2], &train);
        assert_eq!(preprocess.mean().len(), 1);
        let out = applied(&preprocess, &pixels, train.shape);
        // Black, red, cyan, white.
        assert!(out[1] < out[0] && out[0] < out[2] && out[2] < out[3], "{out:?}");
        assert!(out.iter().sum::<f32>().abs() < 1e-5);
        let same = for_input([3, 2, 2], &train);
        assert_eq!(same.mean(), [0.5, 0.5, 0.5]);
    }

    #[test]
    fn images_of_other_sizes_first_become_as_the_training_images_were() {
        let train = set(vec![0, 255, 255, 0], (1, 2, 2));
        let preprocess = for_input([1, 2, 2], &train);
        let large = image((3, 8, 12), &[255; 3 * 8 * 12]);
        assert_eq!(preprocess.apply_image(&large), [1.0; 4]);
        assert_eq!(Preprocess::plain([4, 3, 5]).apply_image(&large), [1.0; 60]);
    }

    #[test]
    fn imagenet_takes_the_middle_of_256() {
        let preprocess = Preprocess::imagenet(224, 224);
        assert_eq!(preprocess.fit(), Fit::CenterCrop(256));
        // 512 × 1024: halved, then columns 144 to 368 of 512 are kept, 288 to 736 of the original.
        let row: Vec<u8> = (0..1024).map(|x| if (288..736).contains(&x) { 255 } else { 0 }).collect();
        let out = preprocess.apply_image(&image((1, 512, 1024), &row.repeat(512)));
        let white = |channel: usize| (1.0 - preprocess.mean()[channel]) / preprocess.std()[channel];
        let plane = 224 * 224;
        assert!((out[plane + 112 * 224 + 112] - white(1)).abs() < 1e-5);
        // The filter reaches half a pixel over the edge: 1/8 of it is black.
        let edge = (0.875 - 0.485) / 0.229;
        assert!((out[112 * 224] - edge).abs() < 1e-5 && (out[112 * 224 + 223] - edge).abs() < 1e-5);
        assert!((out[112 * 224 + 1] - white(0)).abs() < 1e-5);
    }

    #[test]
    fn it_is_kept_as_text_and_checked_when_read() {
        let preprocess = for_input([1, 32, 32], &set(vec![3, 200, 7, 9], (1, 2, 2)));
        let text = serde_json::to_string(&preprocess).unwrap();
        assert_eq!(serde_json::from_str::<Preprocess>(&text).unwrap(), preprocess);
        for (from, to) in [
            ("\"input\":[1,32,32]", "\"input\":[1,0,32]"),
            ("\"input\":[1,32,32]", "\"input\":[1,99999999,99999999]"),
            ("\"input\":[1,32,32]", "\"input\":[2,32,32]"),
            ("\"source\":[2,2]", "\"source\":[0,2]"),
            ("\"cover\"", "{\"center-crop\":31}"),
            ("\"fit\"", "\"fitting\""),
        ] {
            assert!(text.contains(from), "{text}");
            assert!(serde_json::from_str::<Preprocess>(&text.replace(from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn cards_of_earlier_versions_are_read_and_written_as_before() {
        for fit in ["\"pad\"", "\"cover\"", "{\"center-crop\":40}"] {
            let text = format!(
                "{{\"input\":[1,32,32],\"source\":[28,28],\"fit\":{fit},\"mean\":[0.5],\"std\":[0.25]}}"
            );
            let card: Preprocess = serde_json::from_str(&text).unwrap();
            assert_eq!(card.interpolation(), Interpolation::Bilinear);
            assert_eq!(serde_json::to_string(&card).unwrap(), text);
        }
        let text = "{\"input\":[1,32,32],\"source\":[28,28],\"fit\":{\"squash\":[40,50]},\"interpolation\":\"bicubic\",\
                    \"mean\":[0.5],\"std\":[0.25]}";
        let card: Preprocess = serde_json::from_str(text).unwrap();
        assert_eq!((card.fit(), card.interpolation()), (Fit::Squash([40, 50]), Interpolation::Bicubic));
        assert_eq!(serde_json::to_string(&card).unwrap(), text);
        assert_eq!(
            card.to_string(),
            "resized to 40 × 50 pixels, middle 32 × 32, bicubic, mean 0.5, deviation 0.25"
        );
        assert_eq!(card.for_size([1, 64, 64]).unwrap().fit(), Fit::Squash([80, 100]));
        assert!(serde_json::from_str::<Preprocess>(&text.replace("[40,50]", "[40,31]")).is_err());
    }

    #[test]
    fn a_resized_part_of_a_photo_is_measured_on_the_middle() {
        let set = |side: usize| set(vec![9; 3 * side * side], (3, side, side));
        let augment = |text: &str| toml::from_str::<Augment>(text).unwrap();
        let fit = |augment: &Augment, side, input| {
            Preprocess::for_training([3, input, input], &set(side), augment).unwrap().fit()
        };
        let standard = augment("preset = \"standard\"");
        assert_eq!(fit(&standard, 200, 112), Fit::CenterCrop(128));
        assert_eq!(
            fit(&augment("transforms = [{ name = \"RandomResizedCrop\", size = 112 }]"), 200, 112),
            Fit::CenterCrop(128)
        );
        assert_eq!(fit(&standard, 100, 112), Fit::CenterCrop(128));
        // Small images, no such part, and images that are as large as the input.
        assert_eq!(fit(&standard, 32, 64), Fit::Cover);
        assert_eq!(fit(&augment("flip = true"), 200, 112), Fit::Cover);
        assert_eq!(fit(&standard, 112, 112), Fit::Pad);
    }

    #[test]
    fn parts_of_photos_are_cut_from_the_files() {
        // A photo of which a square set keeps the middle: what lies at its ends is seen by a resized part alone.
        let folder = tempfile::tempdir().unwrap();
        for (number, class) in ["a", "b"].repeat(3).iter().enumerate() {
            let path = folder.path().join(class).join(format!("{number}.png"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            image::RgbImage::from_fn(300 + number as u32, 100, |x, _| {
                image::Rgb(if (95..215).contains(&x) { [255; 3] } else { [40 + number as u8, 0, 0] })
            })
            .save(path)
            .unwrap();
        }
        let set = crate::data::open_test(folder.path().to_str().unwrap(), &mut |_| {}).unwrap().images;
        assert_eq!(set.shape, (3, 100, 100));
        let preprocess = Preprocess::plain([3, 32, 32]);
        let darkest = |text: &str| {
            let augment = toml::from_str::<Augment>(text).unwrap();
            let epochs = (0..4).flat_map(|epoch| {
                crate::data::Loader::training(&set, &preprocess, &augment, 5, epoch, 4, 0)
                    .flat_map(|batch| batch.unwrap().images.clone())
                    .collect::<Vec<_>>()
            });
            epochs.fold(1.0, f32::min)
        };
        assert!(darkest("flip = true\nvertical_flip = true") > 0.99);
        assert!(darkest("random_resized_crop = true") < 0.01);
        assert!(darkest("transforms = [{ name = \"RandomCrop\", size = 64 }]") < 0.01);
    }

    #[test]
    fn a_set_and_its_files_one_by_one_become_the_same_input() {
        let folder = tempfile::tempdir().unwrap();
        for (number, class) in ["a", "b"].repeat(4).iter().enumerate() {
            let path = folder.path().join(class).join(format!("{number}.png"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let (width, height) = (20 + 3 * number as u32, 44 - 2 * number as u32);
            let pixel = |x: u32, y: u32| image::Rgb([(x * 9) as u8, (y * 5) as u8, (7 * number) as u8]);
            image::RgbImage::from_fn(width, height, pixel).save(path).unwrap();
        }
        let set = crate::data::open_test(folder.path().to_str().unwrap(), &mut |_| {}).unwrap().images;
        let far = Preprocess { source: [17, 19], ..Preprocess::plain([3, 16, 16]) };
        for preprocess in [far, Preprocess::plain([1, 30, 12]), Preprocess::imagenet(28, 28)] {
            let batch = crate::data::Loader::evaluation(&set, &preprocess, 8).next().unwrap().unwrap();
            let mut numbers = ["0", "2", "4", "6"].map(|n| format!("a/{n}.png")).to_vec();
            numbers.extend(["1", "3", "5", "7"].map(|n| format!("b/{n}.png")));
            for (input, name) in batch.images.chunks(preprocess.len()).zip(&numbers) {
                let image = Image::open(folder.path().join(name)).unwrap();
                assert_eq!(input, preprocess.apply_image(&image), "{preprocess} {name}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_image_fits_every_input(
            channels in prop_oneof![Just(1usize), Just(3)],
            size in (1usize..40, 1usize..40),
            input in (1usize..5, 1usize..40, 1usize..40),
            train in (1usize..40, 1usize..40),
        ) {
            let shape = (channels, size.0, size.1);
            let picture = Image::new(shape, vec![200; channels * size.0 * size.1]).unwrap();
            let [c, h, w] = [input.0, input.1, input.2];
            let train = set(vec![0; train.0 * train.1], (1, train.0, train.1));
            let mut crop = Preprocess::plain([c, h, w]);
            crop.fit = Fit::CenterCrop(h.max(w));
            for preprocess in [for_input([c, h, w], &train), Preprocess::plain([c, h, w]), crop] {
                let out = preprocess.apply_image(&picture);
                prop_assert_eq!(out.len(), c * h * w);
                let white = 200.0 / 255.0;
                prop_assert!(out.iter().all(|x| (x - white).abs() < 1e-4 || *x == 0.0));
                prop_assert!(preprocess.fit() == Fit::Pad || out.iter().all(|x| (x - white).abs() < 1e-4));
            }
        }
    }
}
