//! The pictures of a run: each is a drawing, written as SVG and as PNG with an embedded font.

mod axis;
mod classes;
mod confusion;
mod curves;
mod matrix;
mod mistakes;
mod names;
mod overlay;
mod rates;
mod reliability;

use std::path::Path;

use convnet_formats::atomic;

use crate::drawing::{Align, Drawing, FAINT, INK, TextStyle};
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
    write_one(drawing, &path("svg"))?;
    write_one(drawing, &path("png"))
}

/// Draws the losses and accuracies of several runs over their epochs: as SVG, or as PNG where the path ends in `.png`.
///
/// # Errors
/// If the file cannot be written.
pub fn draw_runs(path: &Path, runs: &[ComparedRun<'_>]) -> Result<(), TrainError> {
    write_one(&overlaid(runs), path)
}

/// The losses and accuracies of several runs over their epochs as a drawing.
pub fn overlaid(runs: &[ComparedRun<'_>]) -> Drawing {
    Overlay { runs }.draw()
}

/// Draws a reliability diagram, in the same forms.
///
/// # Errors
/// If the file cannot be written.
pub fn draw_reliability(path: &Path, title: &str, calibration: &Calibration) -> Result<(), TrainError> {
    write_one(&reliability(title, calibration), path)
}

/// A reliability diagram as a drawing.
pub fn reliability(title: &str, calibration: &Calibration) -> Drawing {
    Reliability { title: title.to_owned(), calibration }.draw()
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
    let refused = |reason| TrainError::Chart { path: path.to_owned(), reason };
    Ok(atomic::write(path, &drawing.bytes_for(path).map_err(refused)?)?)
}
