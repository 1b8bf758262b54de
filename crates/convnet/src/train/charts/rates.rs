//! A learning-rate range test: the loss over the rate, which grows in decades.

use super::axis::Axis;
use super::{SUBTITLE, TITLE};
use crate::drawing::{Align, Drawing, FAINT, GRID, Label, PALE, Point, STRONG, TextStyle};
use crate::train::{LrPoint, LrRange};

/// The chart of a test.
pub(in crate::train) struct Rates<'a> {
    /// `lenet on fashion-mnist`.
    pub(in crate::train) title: &'a str,
    /// What to draw.
    pub(in crate::train) range: &'a LrRange,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;
/// The plot.
const LEFT: f64 = 72.0;
const RIGHT: f64 = 720.0;
const TOP: f64 = 104.0;
const BOTTOM: f64 = 396.0;

impl Rates<'_> {
    /// Draws it.
    pub(in crate::train) fn draw(&self) -> Drawing {
        let mut drawing = Drawing::new((WIDTH, HEIGHT), self.title);
        drawing.text(Label::fitted(self.title, (WIDTH - 48.0) / TITLE.size), (24.0, 34.0), TITLE);
        drawing.text(self.subtitle(), (24.0, 63.0), SUBTITLE);
        let points = &self.range.points;
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return drawing };
        let decades = (first.lr.log10(), last.lr.log10().max(first.lr.log10() + 1e-9));
        let x = |lr: f64| LEFT + (lr.log10() - decades.0) / (decades.1 - decades.0) * (RIGHT - LEFT);
        let axis = Axis::over(points.iter().map(|point| point.smoothed), false);
        let y = |loss: f64| BOTTOM - (loss.min(axis.to) - axis.from) / (axis.to - axis.from) * (BOTTOM - TOP);

        let right = TextStyle::new(12.0, FAINT, Align::Right);
        let below = TextStyle::new(12.0, FAINT, Align::Centre);
        for tick in axis.ticks() {
            drawing.line(vec![(LEFT, y(tick)), (RIGHT, y(tick))], GRID, 1.0);
            drawing.text(axis.text(tick), (LEFT - 10.0, y(tick)), right);
        }
        // Guard against 1e-7 being just below its decade.
        for decade in (decades.0 - 1e-9).ceil() as i32..=(decades.1 + 1e-9).floor() as i32 {
            let x = x(10.0_f64.powi(decade));
            drawing.line(vec![(x, TOP), (x, BOTTOM)], GRID, 1.0);
            drawing.text(format!("1e{decade}"), (x, BOTTOM + 18.0), below);
        }
        let line = |of: fn(&LrPoint) -> f64| -> Vec<Point> {
            points.iter().map(|point| (x(point.lr), y(of(point)))).collect()
        };
        if points.len() > 1 {
            drawing.line(line(|point| point.loss), PALE, 1.0);
            drawing.line(line(|point| point.smoothed), STRONG, 2.5);
        }
        let marked = self.range.steepest().and_then(|lr| points.iter().find(|point| point.lr == lr));
        if let Some(point) = marked {
            drawing.ring((x(point.lr), y(point.smoothed)), 5.0, STRONG);
        }
        let legend = "blue: the moving average of the loss · orange: the loss of each step";
        drawing.text(legend, (LEFT, TOP - 16.0), TextStyle::new(11.0, FAINT, Align::Left));
        drawing.text("learning rate", ((LEFT + RIGHT) / 2.0, BOTTOM + 40.0), below);
        drawing
    }

    fn subtitle(&self) -> String {
        let tenth = self
            .range
            .tenth()
            .map_or_else(String::new, |lr| format!(" · a tenth of the rate of the least loss: {lr:.2e}"));
        match self.range.steepest() {
            Some(lr) => format!("the loss falls steepest at {lr:.2e}{tenth}"),
            None => format!("the loss does not fall{tenth}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::tests::{pixels, rendered};

    #[test]
    fn rates_stand_in_decades_and_the_steepest_is_marked() {
        let points = (0..=16).map(|i| {
            let smoothed = if i < 8 { 2.3 } else { 2.3 - 0.2 * f64::from(i - 8) };
            LrPoint { lr: 1e-7 * 10.0_f64.powf(f64::from(i) / 2.0), loss: smoothed, smoothed }
        });
        let range = LrRange { points: points.collect(), exploded: false };
        let (svg, png) = rendered(&Rates { title: "lenet on stripes", range: &range }.draw());
        for text in
            ["lenet on stripes", "falls steepest at", "least loss: 1.00e0", ">1e-7<", ">1e0<", ">1e1<"]
        {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
        assert!(pixels(&png, STRONG) > 300);
        for points in [Vec::new(), vec![LrPoint { lr: 1.0, loss: 1e300, smoothed: 1e300 }]] {
            let (svg, _) = rendered(&Rates { title: "", range: &LrRange { points, exploded: true } }.draw());
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
