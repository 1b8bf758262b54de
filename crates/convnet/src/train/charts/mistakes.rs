//! The list of the most common mistakes.

use super::confusion::Sheet;
use super::names::Names;
use crate::drawing::{Align, Drawing, EMPTY, FAINT, INK, PALE, TextStyle};
use crate::train::figures::{grouped, percent};
use crate::train::{Confusion, Mistake};

/// The height of a row.
pub(super) const ROW: f64 = 26.0;
/// The width of the list.
pub(super) const WIDTH: f64 = 496.0;
/// The width of each of the two names, and the size of texts.
const NAME: f64 = 158.0;
const SIZE: f64 = 13.0;

/// Draws as many mistakes as there are, but no more than `most`, below a heading at a corner.
pub(super) fn list(
    sheet: &mut Sheet,
    matrix: &Confusion,
    names: &Names<'_>,
    (left, top): (f64, f64),
    most: usize,
) {
    let (second, right) = (left + NAME + 34.0, left + WIDTH);
    let drawing = &mut sheet.drawing;
    let heading = TextStyle::new(14.0, INK, Align::Left);
    drawing.text("Most common mistakes", (left, top), heading);
    let faint = TextStyle::new(12.0, FAINT, Align::Left);
    let mistakes = matrix.mistakes();
    if mistakes.is_empty() {
        drawing.text("none", (left, top + 26.0), faint);
    } else {
        drawing.text("true class", (left, top + 26.0), faint);
        drawing.text("taken for", (second, top + 26.0), faint);
        drawing.text("images, of its class", (right, top + 26.0), TextStyle { align: Align::Right, ..faint });
    }
    let most_images = mistakes.first().map_or(1, |m| m.images);
    let shown = mistakes.len().min(most);
    for (row, &Mistake { truth, predicted, images }) in mistakes.iter().take(most).enumerate() {
        let y = top + 52.0 + row as f64 * ROW;
        let name = TextStyle::new(SIZE, INK, Align::Left);
        drawing.text(names.label(truth, NAME / SIZE), (left, y), name);
        arrow(drawing, (second - 24.0, y));
        drawing.text(names.label(predicted, NAME / SIZE), (second, y), name);
        let of = matrix.images(truth);
        let share = f64::from(images) / f64::from(of.max(1));
        let figure = TextStyle::new(SIZE, INK, Align::Right);
        let count = format!("{} of {}", grouped(u64::from(images)), grouped(u64::from(of)));
        drawing.text(count, (right - 56.0, y), figure);
        drawing.text(percent(share, 1), (right, y), TextStyle { colour: FAINT, ..figure });
        // How it compares with the most frequent one.
        let (low, high) = (y + 10.0, y + 12.0);
        drawing.rectangle((left, low), (right, high), 1.0, EMPTY);
        let part = f64::from(images) / f64::from(most_images);
        drawing.rectangle((left, low), (left + (right - left) * part, high), 1.0, PALE);
    }
    sheet.right = sheet.right.max(right);
    sheet.bottom = sheet.bottom.max(top + 52.0 + shown as f64 * ROW - 10.0);
}

/// A small arrow to the right.
fn arrow(drawing: &mut Drawing, (x, y): (f64, f64)) {
    drawing.line(vec![(x, y), (x + 10.0, y)], FAINT, 1.2);
    drawing.polygon(vec![(x + 9.0, y - 3.5), (x + 15.0, y), (x + 9.0, y + 3.5)], FAINT);
}
