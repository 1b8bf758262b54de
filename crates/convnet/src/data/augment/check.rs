//! Which settings can be followed.

use std::fmt::Display;

use super::super::DataError;
use super::super::transform::RandomResizedCrop;
use super::{Augment, Jitter, ResizedCrop, Transform};

/// The widest border that images are padded by before they are cropped.
const MAX_CROP: usize = 1 << 16;
/// The largest α, from which on a share is all but a half.
const MAX_ALPHA: f64 = 1000.0;

fn wrong(key: &str, found: impl Display, expected: impl Into<String>) -> DataError {
    DataError::Setting { key: format!("augment.{key}"), found: found.to_string(), expected: expected.into() }
}

fn number(key: &str, found: Option<f64>, [least, most]: [f64; 2]) -> Result<(), DataError> {
    match found {
        Some(found) if !(least..=most).contains(&found) => {
            Err(wrong(key, found, format!("a number from {least} to {most}")))
        }
        _ => Ok(()),
    }
}

impl Augment {
    /// Refuses settings that cannot be followed, naming the first.
    ///
    /// # Errors
    /// Values out of range, and keys that contradict one another.
    pub fn check(&self) -> Result<(), DataError> {
        if let Some(crop) = self.crop.filter(|crop| *crop > MAX_CROP) {
            return Err(wrong("crop", crop, format!("a whole number from 0 to {MAX_CROP}")));
        }
        number("rotate", self.rotate, [0.0, 180.0])?;
        number("blur", self.blur, [0.0, 1.0])?;
        number("erasing", self.erasing, [0.0, 1.0])?;
        number("mixup", self.mixup, [0.0, MAX_ALPHA])?;
        number("cutmix", self.cutmix, [0.0, MAX_ALPHA])?;
        number("mix_probability", self.mix_probability, [0.0, 1.0])?;
        number("mix_switch", self.mix_switch, [0.0, 1.0])?;
        if let Some(Jitter::Same(far)) = self.color_jitter {
            number("color_jitter", Some(far), [0.0, 10.0])?;
        }
        self.check_parts()?;
        self.check_contradictions()
    }

    /// As [`Augment::check`], for images of `size` (height, width).
    ///
    /// # Errors
    /// As there; also a crop that could show nothing but the border.
    pub fn check_for(&self, size: [usize; 2]) -> Result<(), DataError> {
        self.check()?;
        let [height, width] = size;
        match self.crop {
            Some(crop) if crop >= height.min(width) => Err(wrong(
                "crop",
                format!("{crop} for images of {height}x{width}"),
                "fewer pixels than a side has: a crop could show nothing but the border",
            )),
            _ => Ok(()),
        }
    }

    /// What transforms say of their own parameters.
    fn check_parts(&self) -> Result<(), DataError> {
        let check = |key: &str, transform: &Transform| {
            let key = format!("augment.{key}");
            transform.check().map_err(|error| match error {
                DataError::Pipeline { problem } => DataError::Transform { key, problem },
                other => other,
            })
        };
        if let Some(Jitter::Each(jitter)) = self.color_jitter {
            check("color_jitter", &jitter.into())?;
        }
        if let Some([scale, ratio]) = self.random_resized_crop.and_then(ResizedCrop::bounds) {
            let crop = RandomResizedCrop { scale, ratio, ..RandomResizedCrop::new([1, 1]) };
            check("random_resized_crop", &crop.into())?;
        }
        for (place, transform) in self.transforms.iter().enumerate() {
            check(&format!("transforms, number {}", place + 1), transform)?;
        }
        let image = self.transforms.iter().rposition(|transform| !transform.on_input()).unwrap_or(0);
        match self.transforms[..image].iter().position(Transform::on_input) {
            None => Ok(()),
            Some(place) => Err(DataError::Transform {
                key: format!("augment.transforms, number {}", place + 1),
                problem: format!("{} works on normalized values; put it last", self.transforms[place].name()),
            }),
        }
    }

    fn check_contradictions(&self) -> Result<(), DataError> {
        let given = [
            ("preset", !self.preset.is_none()),
            ("crop", self.crop.is_some()),
            ("random_resized_crop", self.random_resized_crop.is_some()),
            ("flip", self.flip.is_some()),
            ("vertical_flip", self.vertical_flip.is_some()),
            ("rotate", self.rotate.is_some()),
            ("color_jitter", self.color_jitter.is_some()),
            ("auto", self.auto.is_some()),
            ("blur", self.blur.is_some()),
            ("erasing", self.erasing.is_some()),
        ];
        if !self.transforms.is_empty()
            && let Some((key, _)) = given.into_iter().find(|(_, given)| *given)
        {
            return Err(wrong(
                key,
                "given",
                "no such key beside `augment.transforms`, which replaces them all",
            ));
        }
        let resized = self.random_resized_crop.and_then(ResizedCrop::bounds).is_some();
        if let Some(crop) = self.crop.filter(|crop| *crop > 0 && resized) {
            return Err(wrong(
                "crop",
                crop,
                "0 beside `augment.random_resized_crop`: an image is cut out once",
            ));
        }
        let (mixup, cutmix) = (self.mixup.unwrap_or(0.0) > 0.0, self.cutmix.unwrap_or(0.0) > 0.0);
        if let Some(probability) = self.mix_probability.filter(|_| !mixup && !cutmix) {
            return Err(wrong(
                "mix_probability",
                probability,
                "`augment.mixup` or `augment.cutmix` beside it",
            ));
        }
        if let Some(switch) = self.mix_switch.filter(|_| !(mixup && cutmix)) {
            return Err(wrong("mix_switch", switch, "`augment.mixup` and `augment.cutmix` beside it"));
        }
        Ok(())
    }
}
