//! The changes that AutoAugment and its successors choose from, and how strong each may be.

use super::super::random::Random;
use super::canvas::Canvas;
use super::warp::{Affine, Lookup};

/// A change, by torchvision's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
    Invert,
}

#[cfg(test)]
impl Op {
    pub(super) const ALL: [Self; 15] = [
        Self::Identity,
        Self::ShearX,
        Self::ShearY,
        Self::TranslateX,
        Self::TranslateY,
        Self::Rotate,
        Self::Brightness,
        Self::Color,
        Self::Contrast,
        Self::Sharpness,
        Self::Posterize,
        Self::Solarize,
        Self::AutoContrast,
        Self::Equalize,
        Self::Invert,
    ];
}

/// How strong the changes may be, which differs between the methods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    /// The steepest shear.
    pub(super) shear: f32,
    /// The farthest shift.
    pub(super) translate: Translate,
    /// The most degrees.
    pub(super) rotate: f32,
    /// How far brightness, colour, contrast and sharpness are from 1.
    pub(super) enhance: f32,
    /// Bits that are kept at least strength, and how many fewer at most.
    pub(super) posterize: [f32; 2],
}

/// The farthest shift.
#[derive(Clone, Copy, Debug)]
pub(super) enum Translate {
    /// So large a share of the side.
    Share(f64),
    /// So many pixels.
    Pixels(f32),
}

/// The space of AutoAugment and RandAugment.
pub(super) const USUAL: Space = Space {
    shear: 0.3,
    translate: Translate::Share(150.0 / 331.0),
    rotate: 30.0,
    enhance: 0.9,
    posterize: [8.0, 4.0],
};

/// Value `bin` of `bins` that lie evenly from `first` to `last`, as `torch.linspace` computes it.
fn linspace(first: f32, last: f32, bins: usize, bin: usize) -> f32 {
    let step = (last - first) / (bins - 1) as f32;
    if bin < bins / 2 { first + step * bin as f32 } else { last - step * (bins - 1 - bin) as f32 }
}

impl Space {
    /// How strong a change is at `bin` of `bins`, for an image of this size; and whether it has a direction.
    pub(super) fn strength(
        &self,
        op: Op,
        bins: usize,
        bin: usize,
        [height, width]: [usize; 2],
    ) -> (f64, bool) {
        let up_to = |most: f32| (f64::from(linspace(0.0, most, bins, bin)), true);
        let shift = |side: usize| match self.translate {
            Translate::Share(share) => (share * side as f64) as f32,
            Translate::Pixels(pixels) => pixels,
        };
        match op {
            Op::ShearX | Op::ShearY => up_to(self.shear),
            Op::TranslateX => up_to(shift(width)),
            Op::TranslateY => up_to(shift(height)),
            Op::Rotate => up_to(self.rotate),
            Op::Brightness | Op::Color | Op::Contrast | Op::Sharpness => up_to(self.enhance),
            Op::Posterize => {
                let [bits, fewer] = self.posterize;
                let less = bin as f32 / ((bins - 1) as f64 / f64::from(fewer)) as f32;
                (f64::from((bits - less).round_ties_even()), false)
            }
            Op::Solarize => (f64::from(linspace(1.0, 0.0, bins, bin)), false),
            Op::Identity | Op::AutoContrast | Op::Equalize | Op::Invert => (0.0, false),
        }
    }

    /// Does a change at `bin` of `bins`, in a direction that is drawn if it has one.
    pub(super) fn apply(
        &self,
        (op, bins, bin): (Op, usize, usize),
        canvas: &mut Canvas,
        lookup: Lookup,
        random: &mut Random,
    ) {
        let (strength, directed) = self.strength(op, bins, bin, canvas.size);
        let strength = if directed && random.chance(0.5) { -strength } else { strength };
        op.apply(strength, canvas, lookup);
    }
}

impl Op {
    /// Does the change.
    pub(super) fn apply(self, strength: f64, canvas: &mut Canvas, lookup: Lookup) {
        let sheared = |shear| Affine { shear, center: Some([0.0; 2]), ..Affine::NONE };
        let shifted = |translate| Affine { translate, ..Affine::NONE };
        match self {
            Self::Identity => {}
            Self::ShearX => canvas.affine(sheared([strength.atan().to_degrees(), 0.0]), lookup),
            Self::ShearY => canvas.affine(sheared([0.0, strength.atan().to_degrees()]), lookup),
            Self::TranslateX => canvas.affine(shifted([strength.trunc(), 0.0]), lookup),
            Self::TranslateY => canvas.affine(shifted([0.0, strength.trunc()]), lookup),
            Self::Rotate => canvas.rotate(strength, false, None, lookup),
            Self::Brightness => canvas.brightness(1.0 + strength),
            Self::Color => canvas.saturation(1.0 + strength),
            Self::Contrast => canvas.contrast(1.0 + strength),
            Self::Sharpness => canvas.sharpness(1.0 + strength),
            Self::Posterize => canvas.posterize(strength as u32),
            Self::Solarize => canvas.solarize(255.0 * strength),
            Self::AutoContrast => canvas.autocontrast(),
            Self::Equalize => canvas.equalize(),
            Self::Invert => canvas.invert(),
        }
    }
}
