//! Colours as their brightness.

use serde::{Deserialize, Serialize};

use super::super::random::Random;
use super::values::wrong;
use super::view::{Buffer, Levels, View};
use super::{Parameters, Placed, Step};

/// Grey levels by the weights of ITU-R BT.601, rounded as Pillow rounds them; an image of one channel stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grayscale {
    /// 1, or 3 where colours may follow. Either is one plane, which a network of three channels reads three times.
    pub num_output_channels: usize,
}

impl Default for Grayscale {
    fn default() -> Self {
        Self { num_output_channels: 1 }
    }
}

impl Parameters for Grayscale {
    fn check(&self) -> Result<(), String> {
        match self.num_output_channels {
            1 | 3 => Ok(()),
            found => Err(wrong("num_output_channels", &found, "1 or 3")),
        }
    }

    fn size(&self, before: Option<[usize; 2]>) -> Option<[usize; 2]> {
        before
    }

    fn step(&self) -> Option<Box<dyn Step>> {
        Some(Box::new(GrayscaleStep(Buffer::default())))
    }

    fn moved(&self, image: Placed, _: &mut Random) -> Option<Placed> {
        (image.planes != 3).then_some(image)
    }
}

struct GrayscaleStep(Buffer);

impl Step for GrayscaleStep {
    fn apply<'a>(&'a mut self, image: View<'a>, _: &mut Random) -> View<'a> {
        if image.channels != 3 {
            return image;
        }
        let Buffer { bytes, floats } = &mut self.0;
        let levels = match image.levels {
            Levels::Bytes(pixels) => {
                bytes.clear();
                bytes.extend(colours(pixels).map(|rgb| {
                    let [r, g, b] = rgb.map(u32::from);
                    ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
                }));
                Levels::Bytes(bytes)
            }
            Levels::Floats(pixels) => {
                floats.clear();
                floats.extend(colours(pixels).map(|[r, g, b]| 0.299 * r + 0.587 * g + 0.114 * b));
                Levels::Floats(floats)
            }
        };
        View { channels: 1, levels, ..image }
    }
}

/// The pixels of three planes.
fn colours<T: Copy>(rgb: &[T]) -> impl Iterator<Item = [T; 3]> {
    let (red, rest) = rgb.split_at(rgb.len() / 3);
    let (green, blue) = rest.split_at(rest.len() / 2);
    red.iter().zip(green).zip(blue).map(|((&r, &g), &b)| [r, g, b])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_grey_by_their_brightness() {
        let pixels = [255, 0, 0, 7, 0, 255, 0, 7, 0, 0, 255, 7];
        let view = |levels| View { channels: 3, size: [1, 4], levels };
        let (mut step, mut random) = (Grayscale::default().step().unwrap(), Random::new(0, 0));
        let grey = step.apply(view(Levels::Bytes(&pixels)), &mut random);
        assert_eq!((grey.channels, grey.size), (1, [1, 4]));
        assert!(matches!(grey.levels, Levels::Bytes([76, 150, 29, 7])), "{grey:?}");
        let floats = pixels.map(f32::from);
        let grey = step.apply(view(Levels::Floats(&floats)), &mut random);
        let Levels::Floats(levels) = grey.levels else { panic!("{grey:?}") };
        assert!(levels.iter().zip([76.2, 149.7, 29.1, 7.0]).all(|(x, y)| (x - y).abs() < 0.1), "{levels:?}");
        let single = View { channels: 1, size: [3, 4], levels: Levels::Bytes(&pixels) };
        assert!(matches!(step.apply(single, &mut random).levels, Levels::Bytes(same) if same == pixels));
    }
}
