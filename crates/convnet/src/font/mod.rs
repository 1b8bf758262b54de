//! The embedded font: which characters it has, how wide they are, their outlines, and texts that fit a place.

mod fit;
mod outline;

use std::sync::LazyLock;

use ttf_parser::{Face, OutlineBuilder};

pub(crate) use fit::{clean, drawable, shorten};
pub(crate) use outline::path;

/// Inter, Copyright 2016 The Inter Project Authors, SIL Open Font License 1.1 (`assets/fonts/OFL.txt`).
static BYTES: &[u8] = include_bytes!("../../assets/fonts/inter.ttf");

static FACE: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(BYTES, 0).ok());

/// Font units of an em.
const UNITS: f64 = 2048.0;

/// The height of a capital letter, in ems.
pub(crate) const CAPITAL: f64 = 0.7275;

/// What a character takes that the font lacks, in ems: Chinese ones, and most emoji, are squares.
const LACKING: f64 = 1.0;

/// Whether the font can draw a text: Latin, Greek and Cyrillic letters, digits, signs.
pub(crate) fn draws(text: &str) -> bool {
    FACE.as_ref().is_some_and(|face| text.chars().all(|c| face.glyph_index(c).is_some()))
}

/// The width of a text in ems.
pub(crate) fn width(text: &str) -> f64 {
    text.chars().map(advance).sum()
}

/// The width of a character in ems.
pub(crate) fn advance(c: char) -> f64 {
    let units = |face: &Face<'_>| {
        let glyph = face.glyph_index(c)?;
        Some(f64::from(face.glyph_hor_advance(glyph)?) / UNITS)
    };
    FACE.as_ref().and_then(units).unwrap_or(LACKING)
}

/// Draws a character's outline in font units, if it has one: blanks have none.
fn outline(c: char, builder: &mut impl OutlineBuilder) {
    if let Some(face) = FACE.as_ref()
        && let Some(glyph) = face.glyph_index(c)
    {
        face.outline_glyph(glyph, builder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn european_letters_are_drawn_and_others_are_known_to_be_lacking() {
        for text in ["T-shirt/top 93.5%", "собака", "Ёжик, ґрунт", "γάτα", "Größe · Łódź · țară", "Việt", ""]
        {
            assert!(draws(text), "{text}");
        }
        for text in ["猫", "قطة", "🐱", "cat 🐱", "ねこ", "고양이", "แมว", "tab\there"] {
            assert!(!draws(text), "{text}");
        }
    }

    #[test]
    fn widths_are_those_of_the_font() {
        // Inter has 2048 units in an em; its digits are not all alike.
        assert!((width("0") - 0.6182).abs() < 0.03, "{}", width("0"));
        assert!((width("00") - 2.0 * width("0")).abs() < 1e-12);
        assert_eq!(width("猫"), LACKING);
        let face = FACE.as_ref().unwrap();
        assert_eq!(f64::from(face.units_per_em()), UNITS);
        let capital = f64::from(face.capital_height().unwrap()) / UNITS;
        assert!((capital - CAPITAL).abs() < 1e-3, "{capital}");
    }
}
