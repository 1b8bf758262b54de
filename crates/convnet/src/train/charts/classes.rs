//! Many classes: how well each is recognized, the hardest ones, and the most common mistakes.

use super::confusion::{MARGIN, Sheet, TOP};
use super::mistakes;
use super::names::Names;
use crate::drawing::{Align, EMPTY, FAINT, GRID, INK, STRONG, TextStyle};
use crate::train::Confusion;
use crate::train::figures::{grouped, percent};

/// The extent of the strip of all classes.
const STRIP: (f64, f64) = (MARGIN + 42.0, MARGIN + 1024.0);
const STRIP_TOP: f64 = TOP + 28.0;
const STRIP_BOTTOM: f64 = STRIP_TOP + 130.0;
/// The most hard classes and mistakes that are listed.
const LISTED: usize = 20;
/// The top of the lists below the strip.
const LISTS: f64 = STRIP_BOTTOM + 58.0;
/// The width of the list of hard classes, of its names, and the size of its texts.
const WIDTH: f64 = 488.0;
const NAME: f64 = 158.0;
const SIZE: f64 = 13.0;

/// Draws all classes as bars from the hardest to the easiest, and below them the lists.
pub(super) fn bars(sheet: &mut Sheet, matrix: &Confusion, names: &Names<'_>) {
    let mut classes: Vec<(usize, f64)> =
        (0..matrix.classes()).filter_map(|class| Some((class, matrix.accuracy(class)?))).collect();
    // The sort is stable: the order of classes decides between equal ones.
    classes.sort_by(|a, b| a.1.total_cmp(&b.1));
    strip(sheet, matrix.classes(), &classes);
    hardest(sheet, matrix, names, &classes);
    let corner = (STRIP.1 - mistakes::WIDTH, LISTS);
    mistakes::list(sheet, matrix, names, corner, LISTED);
}

fn strip(sheet: &mut Sheet, all: usize, classes: &[(usize, f64)]) {
    let drawing = &mut sheet.drawing;
    let (left, right) = STRIP;
    let height = |fraction: f64| STRIP_BOTTOM - fraction * (STRIP_BOTTOM - STRIP_TOP);
    let untested = match all - classes.len() {
        0 => String::new(),
        1 => ", without the one that has no test images".to_owned(),
        more => format!(", without the {more} that have no test images"),
    };
    let heading =
        format!("Accuracy of all {} classes, from the hardest to the easiest{untested}", grouped(all as u64));
    drawing.text(heading, (MARGIN, TOP), TextStyle::new(14.0, INK, Align::Left));
    for fraction in [0.0, 0.5, 1.0] {
        let y = height(fraction);
        drawing.line(vec![(left, y), (right, y)], GRID, 1.0);
        let style = TextStyle::new(12.0, FAINT, Align::Right);
        drawing.text(format!("{:.0}%", 100.0 * fraction), (left - 10.0, y), style);
    }
    sheet.right = right;
    let Some(&(_, median)) = classes.get(classes.len() / 2) else { return };
    let drawing = &mut sheet.drawing;
    let wide = (right - left) / classes.len() as f64;
    // Bars that are narrower than this would be lost in their gaps.
    if wide >= 4.0 {
        for (i, &(_, accuracy)) in classes.iter().enumerate() {
            let x = left + i as f64 * wide;
            let top = height(accuracy).min(STRIP_BOTTOM - 1.0);
            drawing.rectangle((x + 0.1 * wide, top), (x + 0.9 * wide, STRIP_BOTTOM), 0.0, STRONG);
        }
    } else {
        let mut points = vec![(left, STRIP_BOTTOM)];
        for (i, &(_, accuracy)) in classes.iter().enumerate() {
            let x = left + i as f64 * wide;
            points.extend([(x, height(accuracy)), (x + wide, height(accuracy))]);
        }
        points.push((right, STRIP_BOTTOM));
        drawing.polygon(points, STRONG);
    }
    let text = format!("half of the classes: {} and more", percent(median, 1));
    let x = (left + right) / 2.0;
    drawing.line(vec![(x, STRIP_BOTTOM), (x, STRIP_BOTTOM + 6.0)], FAINT, 1.0);
    drawing.text(text, (x, STRIP_BOTTOM + 16.0), TextStyle::new(12.0, FAINT, Align::Centre));
}

fn hardest(sheet: &mut Sheet, matrix: &Confusion, names: &Names<'_>, classes: &[(usize, f64)]) {
    let drawing = &mut sheet.drawing;
    let (left, right) = (MARGIN, MARGIN + WIDTH);
    drawing.text("Hardest classes", (left, LISTS), TextStyle::new(14.0, INK, Align::Left));
    let faint = TextStyle::new(12.0, FAINT, Align::Left);
    drawing.text("class", (left, LISTS + 26.0), faint);
    drawing.text("images right", (right, LISTS + 26.0), TextStyle { align: Align::Right, ..faint });
    let (from, to) = (left + NAME + 16.0, right - 150.0);
    for (row, &(class, accuracy)) in classes.iter().take(LISTED).enumerate() {
        let y = LISTS + 52.0 + row as f64 * mistakes::ROW;
        drawing.text(names.label(class, NAME / SIZE), (left, y), TextStyle::new(SIZE, INK, Align::Left));
        drawing.rectangle((from, y - 6.0), (to, y + 6.0), 3.0, EMPTY);
        drawing.rectangle((from, y - 6.0), (from + (to - from) * accuracy, y + 6.0), 3.0, STRONG);
        let (right_ones, images) = (matrix.count(class, class), matrix.images(class));
        let count = format!("{} of {}", grouped(u64::from(right_ones)), grouped(u64::from(images)));
        let figure = TextStyle::new(SIZE, INK, Align::Right);
        drawing.text(count, (right - 56.0, y), figure);
        drawing.text(percent(accuracy, 1), (right, y), TextStyle { colour: FAINT, ..figure });
    }
    let rows = classes.len().min(LISTED) as f64;
    sheet.bottom = sheet.bottom.max(LISTS + 52.0 + rows * mistakes::ROW - 10.0);
}
