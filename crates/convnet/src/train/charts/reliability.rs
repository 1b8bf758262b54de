//! A reliability diagram: how often a network is right where it gives its answer some probability.

use super::{SUBTITLE, TITLE};
use crate::drawing::{Align, Drawing, FAINT, GRID, INK, Label, PALE, STRONG, TextStyle, WHITE};
use crate::train::Calibration;
use crate::train::figures::{grouped, percent};

/// The diagram of a calibration.
pub(in crate::train) struct Reliability<'a> {
    /// `lenet on fashion-mnist`.
    pub(in crate::train) title: String,
    /// What to draw.
    pub(in crate::train) calibration: &'a Calibration,
}

const WIDTH: f64 = 620.0;
const HEIGHT: f64 = 720.0;
/// The horizontal extent of both plots.
const LEFT: f64 = 76.0;
const RIGHT: f64 = 576.0;
/// The plot of accuracies, as high as it is wide.
const TOP: f64 = 96.0;
const BOTTOM: f64 = 516.0;
/// The plot of how many images there are.
const COUNTS_TOP: f64 = 570.0;
const COUNTS_BOTTOM: f64 = 646.0;

impl Reliability<'_> {
    /// Draws it.
    pub(in crate::train) fn draw(&self) -> Drawing {
        let mut drawing = Drawing::new((WIDTH, HEIGHT), &self.title);
        drawing.text(Label::fitted(&self.title, (WIDTH - 48.0) / TITLE.size), (24.0, 34.0), TITLE);
        drawing.text(self.subtitle(), (24.0, 63.0), SUBTITLE);
        accuracies(&mut drawing, self.calibration);
        counts(&mut drawing, self.calibration);
        drawing
    }

    fn subtitle(&self) -> String {
        let Calibration { ece, mce, bins, .. } = self.calibration;
        let images: usize = bins.iter().map(|bin| bin.images).sum();
        format!(
            "{} images · expected calibration error {} · largest {}",
            grouped(images as u64),
            percent(*ece, 2),
            percent(*mce, 2)
        )
    }
}

fn x(fraction: f64) -> f64 {
    LEFT + fraction * (RIGHT - LEFT)
}

fn accuracies(drawing: &mut Drawing, calibration: &Calibration) {
    let y = |fraction: f64| BOTTOM - fraction * (BOTTOM - TOP);
    for tick in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
        drawing.line(vec![(LEFT, y(tick)), (RIGHT, y(tick))], GRID, 1.0);
        let text = format!("{:.0}%", 100.0 * tick);
        drawing.text(text.clone(), (LEFT - 10.0, y(tick)), TextStyle::new(12.0, FAINT, Align::Right));
        drawing.text(text, (x(tick), BOTTOM + 16.0), TextStyle::new(12.0, FAINT, Align::Centre));
    }
    for bin in &calibration.bins {
        let (Some(confidence), Some(accuracy)) = (bin.confidence, bin.accuracy) else { continue };
        let (left, right) = (x(bin.from) + 1.0, x(bin.to) - 1.0);
        drawing.rectangle((left, y(accuracy).min(BOTTOM - 1.0)), (right, BOTTOM), 0.0, STRONG);
        // What lies between what was said and what came true: too sure above the bar, too modest within it.
        let (high, low) = (y(accuracy.max(confidence)), y(accuracy.min(confidence)));
        if low - high >= 1.0 {
            let outer = if confidence > accuracy { PALE } else { STRONG };
            drawing.rectangle((left, high), (right, low), 0.0, PALE.towards(WHITE, 0.3));
            drawing.line(vec![(left, y(confidence)), (right, y(confidence))], outer.towards(INK, 0.5), 2.0);
        }
    }
    drawing.dashed((x(0.0), y(0.0)), (x(1.0), y(1.0)), INK, 1.0);
    let legend =
        "blue: how often it is right · orange: how far that is from the probability it gave (the line)";
    drawing.text(legend, (LEFT, TOP - 14.0), TextStyle::new(11.0, FAINT, Align::Left));
}

fn counts(drawing: &mut Drawing, calibration: &Calibration) {
    let most = calibration.bins.iter().map(|bin| bin.images).max().unwrap_or(0).max(1);
    let heading = "images by the probability of the class that was predicted";
    drawing.text(heading, (LEFT, COUNTS_TOP - 16.0), TextStyle::new(12.0, FAINT, Align::Left));
    for bin in &calibration.bins {
        let height = bin.images as f64 / most as f64 * (COUNTS_BOTTOM - COUNTS_TOP);
        let (left, right) = (x(bin.from) + 1.0, x(bin.to) - 1.0);
        if bin.images > 0 {
            drawing.rectangle(
                (left, COUNTS_BOTTOM - height.max(1.0)),
                (right, COUNTS_BOTTOM),
                0.0,
                STRONG.towards(WHITE, 0.4),
            );
        }
    }
    drawing.line(vec![(LEFT, COUNTS_BOTTOM), (RIGHT, COUNTS_BOTTOM)], GRID, 1.0);
    let style = TextStyle::new(12.0, FAINT, Align::Right);
    drawing.text(grouped(most as u64), (LEFT - 10.0, COUNTS_TOP), style);
    drawing.text("0", (LEFT - 10.0, COUNTS_BOTTOM), style);
    let middle = TextStyle { align: Align::Centre, ..style };
    for tick in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
        drawing.text(format!("{:.0}%", 100.0 * tick), (x(tick), COUNTS_BOTTOM + 16.0), middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::tests::{pixels, rendered};
    use crate::train::CalibrationTally;
    use crate::train::calibration::tests::samples;

    #[test]
    fn bars_show_how_often_it_is_right() {
        let mut tally = CalibrationTally::new();
        samples().iter().for_each(|(row, label)| tally.add(row, *label));
        let calibration = tally.finish();
        let (svg, png) =
            rendered(&Reliability { title: "net on data".into(), calibration: &calibration }.draw());
        for text in ["net on data", "40 images", "expected calibration error 25.62%", "largest 80.00%"] {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
        let bars = calibration.bins.iter().filter(|bin| bin.images > 0).count();
        assert!(svg.matches("<rect").count() > 2 * bars, "{svg}");
        assert!(pixels(&png, STRONG) > 5000, "{}", pixels(&png, STRONG));
    }

    #[test]
    fn a_set_of_nothing_is_drawn_too() {
        let calibration = CalibrationTally::new().finish();
        let (svg, _) = rendered(&Reliability { title: String::new(), calibration: &calibration }.draw());
        assert!(svg.contains("0 images") && !svg.contains("NaN"), "{svg}");
    }
}
