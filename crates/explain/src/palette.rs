//! Colours of values: scales that colour-blind readers and black-and-white prints keep apart.

use colorous::Gradient;

/// A scale of colours from 0 to 1. All but `Turbo` grow steadily lighter, so that they read in print without colour;
/// `Cividis` looks the same to readers who cannot tell red from green.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Palette {
    /// Dark blue, green, yellow.
    #[default]
    Viridis,
    /// Dark blue, grey, yellow: made for colour-blind readers.
    Cividis,
    /// Black, red, yellow.
    Inferno,
    /// Black, violet, cream.
    Magma,
    /// A rainbow without jet's false edges.
    Turbo,
    /// Black to white.
    Grey,
}

impl Palette {
    /// Their names, in the order of [`Palette::ALL`].
    pub const NAMES: [&str; 6] = ["viridis", "cividis", "inferno", "magma", "turbo", "grey"];
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Viridis, Self::Cividis, Self::Inferno, Self::Magma, Self::Turbo, Self::Grey];

    /// The colour of a value from 0 to 1; of a value beyond, that of the nearest.
    pub fn colour(self, value: f32) -> [u8; 3] {
        let value = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        let gradient: Gradient = match self {
            Self::Viridis => colorous::VIRIDIS,
            Self::Cividis => colorous::CIVIDIS,
            Self::Inferno => colorous::INFERNO,
            Self::Magma => colorous::MAGMA,
            Self::Turbo => colorous::TURBO,
            Self::Grey => return [(value * 255.0).round() as u8; 3],
        };
        gradient.eval_continuous(f64::from(value)).as_array()
    }
}

/// The colour of a value from −1, blue, by 0, white, to 1, red.
pub(crate) fn signed_colour(value: f32) -> [u8; 3] {
    let value = if value.is_nan() { 0.0 } else { value.clamp(-1.0, 1.0) };
    colorous::RED_BLUE.eval_continuous(f64::from(0.5 - value / 2.0)).as_array()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lightness of a colour as ITU-R BT.709 weighs it.
    fn lightness([red, green, blue]: [u8; 3]) -> f64 {
        0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue)
    }

    #[test]
    fn scales_grow_lighter_and_have_ends() {
        for palette in Palette::ALL.into_iter().filter(|palette| *palette != Palette::Turbo) {
            let steps: Vec<f64> = (0..=20).map(|i| lightness(palette.colour(i as f32 / 20.0))).collect();
            assert!(steps.windows(2).all(|pair| pair[1] > pair[0]), "{palette:?}: {steps:?}");
        }
        for palette in Palette::ALL {
            assert_eq!(palette.colour(-3.0), palette.colour(0.0));
            assert_eq!(palette.colour(7.0), palette.colour(1.0));
            assert_eq!(palette.colour(f32::NAN), palette.colour(0.0));
        }
        assert_eq!(Palette::Grey.colour(0.5), [128; 3]);
    }

    #[test]
    fn signs_are_blue_and_red_about_white() {
        let [[low_red, _, low_blue], [high_red, _, high_blue]] = [-1.0, 1.0].map(signed_colour);
        assert!(low_blue > low_red && high_red > high_blue);
        assert!(signed_colour(0.0).iter().all(|level| *level > 235));
    }
}
