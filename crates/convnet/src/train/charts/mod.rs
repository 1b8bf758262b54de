//! The pictures of a run: each is a drawing, written as SVG and as PNG with an embedded font.

mod axis;
mod classes;
mod confusion;
mod curves;
mod drawing;
mod matrix;
mod mistakes;
mod names;
mod overlay;
mod png;
mod rates;
mod reliability;
mod svg;

use std::path::Path;

use convnet_formats::atomic;

use crate::font;

use self::drawing::{Align, Drawing, FAINT, INK, TextStyle};
use crate::train::{Calibration, LrRange, TrainError};

pub(super) use confusion::ConfusionChart;
pub(super) use curves::Curves;
pub use overlay::ComparedRun;
use overlay::Overlay;
use rates::Rates;
use reliability::Reliability;

/// What a chart shows.
const TITLE: TextStyle = TextStyle { size: 21.0, colour: INK, align: Align::Left };
/// What it comes to, below the title.
const SUBTITLE: TextStyle = TextStyle { size: 14.0, colour: FAINT, align: Align::Left };

/// Writes a drawing as `NAME.svg` and `NAME.png`.
pub(super) fn write(drawing: &Drawing, directory: &Path, name: &str) -> Result<(), TrainError> {
    let path = |extension| directory.join(name).with_extension(extension);
    atomic::write(&path("svg"), svg::svg(drawing).as_bytes())?;
    let path = path("png");
    let bytes = png::png(drawing).map_err(|reason| TrainError::Chart { path: path.clone(), reason })?;
    Ok(atomic::write(&path, &bytes)?)
}

/// Draws the losses and accuracies of several runs over their epochs: as SVG, or as PNG where the path ends in `.png`.
///
/// # Errors
/// If the file cannot be written.
pub fn draw_runs(path: &Path, runs: &[ComparedRun<'_>]) -> Result<(), TrainError> {
    write_one(&Overlay { runs }.draw(), path)
}

/// Draws a reliability diagram, in the same forms.
///
/// # Errors
/// If the file cannot be written.
pub fn draw_reliability(path: &Path, title: &str, calibration: &Calibration) -> Result<(), TrainError> {
    write_one(&Reliability { title: title.to_owned(), calibration }.draw(), path)
}

/// Draws a learning-rate range test, in the same forms.
///
/// # Errors
/// If the file cannot be written.
pub fn draw_rates(path: &Path, title: &str, range: &LrRange) -> Result<(), TrainError> {
    write_one(&Rates { title, range }.draw(), path)
}

/// Writes a drawing in the form that the path's ending asks for.
fn write_one(drawing: &Drawing, path: &Path) -> Result<(), TrainError> {
    let bytes = match path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        true => png::png(drawing).map_err(|reason| TrainError::Chart { path: path.to_owned(), reason })?,
        false => svg::svg(drawing).into_bytes(),
    };
    Ok(atomic::write(path, &bytes)?)
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::drawing::{Colour, Drawing};
    use super::{png, svg};

    /// Both forms of a drawing: the SVG's text, and the PNG decoded again.
    pub(super) fn rendered(drawing: &Drawing) -> (String, RgbImage) {
        let svg = svg::svg(drawing);
        let bytes = png::png(drawing).unwrap();
        assert!(bytes == png::png(drawing).unwrap(), "the same drawing has other bytes");
        let png = image::load_from_memory(&bytes).unwrap().into_rgb8();
        let size = [drawing.size.0, drawing.size.1].map(|side| (side * png::SCALE).ceil() as u32);
        assert_eq!([png.width(), png.height()], size);
        (svg, png)
    }

    /// How many pixels have a colour.
    pub(super) fn pixels(png: &RgbImage, colour: Colour) -> usize {
        png.pixels().filter(|p| p.0 == [colour.0, colour.1, colour.2]).count()
    }
}
