//! A confusion matrix, drawn.

use super::confusion::{MARGIN, Sheet, TOP};
use super::mistakes;
use super::names::Names;
use crate::drawing::{Align, Colour, EMPTY, FAINT, INK, Label, PALE, STRONG, TextStyle, WHITE};
use crate::font;
use crate::train::Confusion;
use crate::train::figures::{grouped, per_cents};

/// The size of the rows' names, and the most ems that one takes.
const NAME: f64 = 13.0;
const ROOM: f64 = 15.0;

/// What cells are like.
struct Cells {
    /// Their corner on paper.
    at: (f64, f64),
    size: (f64, f64),
    /// The size of their per cents.
    text: f64,
    /// Whether there is room for counts below those.
    counts: bool,
}

/// A matrix whose columns have names, and whose cells have per cents and counts.
pub(super) fn named(sheet: &mut Sheet, matrix: &Confusion, names: &Names<'_>) {
    let n = matrix.classes().max(1) as f64;
    let wide = (760.0 / n).clamp(76.0, 128.0);
    let cells = Cells {
        at: (MARGIN + name_width(matrix, names) + 12.0, TOP + 40.0),
        size: (wide, (0.62 * wide).clamp(46.0, 72.0)),
        text: (0.175 * wide).clamp(13.0, 18.0),
        counts: true,
    };
    let column = TextStyle::new(12.0, FAINT, Align::Centre);
    for class in 0..matrix.classes() {
        let x = cells.at.0 + (class as f64 + 0.5) * wide;
        sheet.drawing.text(names.label(class, (wide - 8.0) / 12.0), (x, cells.at.1 - 15.0), column);
    }
    let what = "rows: the true class · columns: the predicted one · per cent of the row, and images";
    sheet.drawing.text(what, (MARGIN, TOP - 10.0), TextStyle::new(12.0, FAINT, Align::Left));
    rows(sheet, matrix, names, &cells);
    sheet.right = sheet.right.max(MARGIN + font::width(what) * 12.0);
}

/// A matrix whose columns have numbers, and the most common mistakes beside it.
pub(super) fn numbered(sheet: &mut Sheet, matrix: &Confusion, names: &Names<'_>) {
    const NUMBER: f64 = 26.0;
    let n = matrix.classes() as f64;
    let size = (30.0, 25.0);
    let at = (MARGIN + name_width(matrix, names) + 12.0 + NUMBER, TOP + 46.0);
    let cells = Cells { at, size, text: 11.0, counts: false };
    for class in 0..matrix.classes() {
        let x = at.0 + (class as f64 + 0.5) * size.0;
        let y = at.1 + (class as f64 + 0.5) * size.1;
        let number = class.to_string();
        let column = TextStyle::new(11.0, FAINT, Align::Centre);
        sheet.drawing.text(number.clone(), (x, at.1 - 12.0), column);
        sheet.drawing.text(number, (at.0 - 8.0, y), TextStyle { align: Align::Right, ..column });
    }
    let what = "rows: the true class · columns: the predicted one, by number · per cent of the row";
    sheet.drawing.text(what, (MARGIN, TOP), TextStyle::new(12.0, FAINT, Align::Left));
    rows(sheet, matrix, names, &Cells { at, ..cells });
    let rows = ((n * size.1 + 10.0) / mistakes::ROW) as usize;
    let corner = (sheet.right + 40.0, TOP);
    mistakes::list(sheet, matrix, names, corner, rows);
}

/// The most that the name of a row takes.
fn name_width(matrix: &Confusion, names: &Names<'_>) -> f64 {
    let widths = (0..matrix.classes()).map(|class| {
        let Label { shown, drawn } = names.label(class, ROOM);
        NAME * font::width(&shown).max(font::width(&drawn))
    });
    widths.fold(0.0, f64::max)
}

fn rows(sheet: &mut Sheet, matrix: &Confusion, names: &Names<'_>, cells: &Cells) {
    let (wide, high) = cells.size;
    let name_x = cells.at.0 - if cells.counts { 12.0 } else { 38.0 };
    for truth in 0..matrix.classes() {
        let top = cells.at.1 + truth as f64 * high;
        let style = TextStyle::new(NAME, INK, Align::Right);
        sheet.drawing.text(names.label(truth, ROOM), (name_x, top + high / 2.0), style);
        for predicted in 0..matrix.classes() {
            let left = cells.at.0 + predicted as f64 * wide;
            cell(sheet, matrix, (truth, predicted), (left, top), cells);
        }
        if matrix.images(truth) == 0 && cells.counts {
            let style = TextStyle::new(12.0, FAINT, Align::Centre);
            let middle = cells.at.0 + matrix.classes() as f64 * wide / 2.0;
            sheet.drawing.text("no test images", (middle, top + high / 2.0), style);
        }
    }
    let n = matrix.classes() as f64;
    sheet.right = cells.at.0 + n * wide;
    sheet.bottom = cells.at.1 + n * high;
}

fn cell(
    sheet: &mut Sheet,
    matrix: &Confusion,
    (truth, predicted): (usize, usize),
    at: (f64, f64),
    cells: &Cells,
) {
    let (wide, high) = cells.size;
    let count = matrix.count(truth, predicted);
    let share = f64::from(count) / f64::from(matrix.images(truth).max(1));
    let (fill, ink) = shade(share, truth == predicted);
    let radius = if cells.counts { 4.0 } else { 2.0 };
    sheet.drawing.rectangle((at.0 + 1.0, at.1 + 1.0), (at.0 + wide - 1.0, at.1 + high - 1.0), radius, fill);
    if count == 0 {
        return;
    }
    let middle = (at.0 + wide / 2.0, at.1 + high / 2.0);
    let style = TextStyle::new(cells.text, ink, Align::Centre);
    if cells.counts {
        sheet.drawing.text(per_cents(share, 1), (middle.0, middle.1 - 0.6 * cells.text), style);
        let size = (0.8 * cells.text).max(11.0);
        let style = TextStyle::new(size, ink.towards(fill, 0.25), Align::Centre);
        sheet.drawing.text(grouped(u64::from(count)), (middle.0, middle.1 + 0.72 * cells.text), style);
    } else {
        sheet.drawing.text(per_cents(share, 0), middle, style);
    }
}

/// The colours of a cell and of its text: right answers go to blue, wrong ones to orange.
fn shade(share: f64, right: bool) -> (Colour, Colour) {
    // Mistakes are rare: their shades spread over the first third of the scale.
    let (full, depth) = if right { (STRONG, share) } else { (PALE, (3.0 * share).min(1.0).sqrt()) };
    (EMPTY.towards(full, depth), if right && depth > 0.62 { WHITE } else { INK })
}
