//! `curves.svg` and `curves.png`: loss and accuracy over the epochs.

use super::axis::{Axis, epoch_ticks, outliers_above};
use super::{SUBTITLE, TITLE};
use crate::drawing::{Align, Colour, Drawing, FAINT, GRID, INK, Label, PALE, Point, STRONG, TextStyle};
use crate::train::EpochRecord;
use crate::train::figures::{loss, percent};
use crate::train::metrics::best;

/// The chart of a run's records.
pub(in crate::train) struct Curves<'a> {
    /// `lenet on fashion-mnist`.
    pub(in crate::train) title: String,
    /// One or more epochs.
    pub(in crate::train) records: &'a [EpochRecord],
}

const WIDTH: f64 = 1112.0;
const HEIGHT: f64 = 436.0;
/// The top of the panels' plots, and their bottom.
const TOP: f64 = 122.0;
const BOTTOM: f64 = 376.0;
/// The horizontal extent of each panel's plot.
const PANELS: [(f64, f64); 2] = [(72.0, 452.0), (616.0, 996.0)];
/// The least distance of two labels, in units.
const LABEL_DISTANCE: f64 = 17.0;
/// How far a tick's text keeps from the best epoch's.
const TICK_DISTANCE: f64 = 40.0;

/// A quantity of each epoch.
type Quantity = fn(&EpochRecord) -> f64;

/// One of the two curves of a panel.
struct Curve {
    name: &'static str,
    quantity: Quantity,
    colour: Colour,
}

/// One of the two plots.
struct Panel {
    name: &'static str,
    extent: (f64, f64),
    curves: [Curve; 2],
    /// How a value is written.
    text: fn(f64) -> String,
    /// Whether it shows fractions as per cents.
    fraction: bool,
}

/// Where the values of a panel lie on paper.
struct Frame {
    axis: Axis,
    extent: (f64, f64),
    epochs: (usize, usize),
    /// Values above this one lie beyond the axis.
    top: Option<f64>,
}

impl Frame {
    fn x(&self, epoch: usize) -> f64 {
        let (first, last) = self.epochs;
        let (left, right) = self.extent;
        if first == last {
            return (left + right) / 2.0;
        }
        left + (epoch - first) as f64 / (last - first) as f64 * (right - left)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (value - self.axis.from) / (self.axis.to - self.axis.from) * (BOTTOM - TOP)
    }

    fn is_beyond(&self, value: f64) -> bool {
        self.top.is_some_and(|top| value > top)
    }
}

impl Curves<'_> {
    /// Draws it.
    pub(in crate::train) fn draw(&self) -> Drawing {
        let mut drawing = Drawing::new((WIDTH, HEIGHT), &self.title);
        let title = Label::fitted(&self.title, (WIDTH - 48.0) / TITLE.size);
        drawing.text(title, (24.0, 34.0), TITLE);
        drawing.text(self.subtitle(), (24.0, 63.0), SUBTITLE);
        let curve = |name, quantity, colour| Curve { name, quantity, colour };
        let panels = [
            Panel {
                name: "Loss",
                extent: PANELS[0],
                curves: [
                    curve("train", |r| r.train_loss, PALE),
                    curve("validation", |r| r.val_loss.unwrap_or(f64::NAN), STRONG),
                ],
                text: loss,
                fraction: false,
            },
            Panel {
                name: "Accuracy",
                extent: PANELS[1],
                curves: [
                    curve("train", |r| r.train_top1, PALE),
                    curve("validation", |r| r.val_top1.unwrap_or(f64::NAN), STRONG),
                ],
                text: |value| percent(value, 2),
                fraction: true,
            },
        ];
        for panel in &panels {
            self.panel(&mut drawing, panel);
        }
        drawing
    }

    /// The best epoch, and what its figure is worth.
    fn subtitle(&self) -> String {
        let Some(best) = best(self.records) else { return String::new() };
        let Some(top1) = best.val_top1 else {
            return format!("no validation images: the weights of epoch {} are the last ones", best.epoch);
        };
        let figure = percent(top1, 2);
        if self.records.len() == 1 {
            return format!("validation accuracy {figure} after epoch {}", best.epoch);
        }
        format!("best validation accuracy {figure}, after epoch {}, whose weights are kept", best.epoch)
    }

    fn panel(&self, drawing: &mut Drawing, panel: &Panel) {
        let (left, right) = panel.extent;
        drawing.text(panel.name, (left, TOP - 22.0), TextStyle::new(14.0, INK, Align::Left));
        let (Some(first), Some(last)) = (self.records.first(), self.records.last()) else { return };
        let values = || {
            let all = self.records.iter().flat_map(|r| panel.curves.iter().map(|curve| (curve.quantity)(r)));
            all.filter(|value| value.is_finite())
        };
        let top = if panel.fraction { None } else { outliers_above(values()) };
        let on_axis = values().filter(|&value| top.is_none_or(|top| value <= top));
        let axis = Axis::over(on_axis, panel.fraction);
        let frame = Frame { axis, extent: panel.extent, epochs: (first.epoch, last.epoch), top };

        for tick in frame.axis.ticks() {
            let y = frame.y(tick);
            drawing.line(vec![(left, y), (right, y)], GRID, 1.0);
            drawing.text(frame.axis.text(tick), (left - 10.0, y), TextStyle::new(12.0, FAINT, Align::Right));
        }
        self.epochs(drawing, &frame);
        for curve in &panel.curves {
            self.curve(drawing, &frame, curve);
        }
        if let Some(best) = self.marked() {
            let test = &panel.curves[1];
            let value = (test.quantity)(best);
            if value.is_finite() && !frame.is_beyond(value) {
                drawing.ring((frame.x(best.epoch), frame.y(value)), 5.0, test.colour);
            }
        }
        self.ends(drawing, panel, &frame);
        self.beyond(drawing, panel, &frame);
    }

    /// The epoch to mark as the best: there must be others.
    fn marked(&self) -> Option<&EpochRecord> {
        best(self.records).filter(|best| self.records.len() > 1 && best.val_top1.is_some())
    }

    /// The epochs' numbers, the best one among them, and a line upwards from it.
    fn epochs(&self, drawing: &mut Drawing, frame: &Frame) {
        let below = TextStyle::new(12.0, FAINT, Align::Centre);
        let marked = self.marked().map(|best| frame.x(best.epoch));
        for epoch in epoch_ticks(frame.epochs.0, frame.epochs.1) {
            let x = frame.x(epoch);
            if marked.is_none_or(|marked| (marked - x).abs() >= TICK_DISTANCE) {
                drawing.text(epoch.to_string(), (x, BOTTOM + 18.0), below);
            }
        }
        if let Some(best) = self.marked() {
            let x = frame.x(best.epoch);
            drawing.dashed((x, TOP), (x, BOTTOM), STRONG.towards(GRID, 0.6), 1.0);
            let style = TextStyle { colour: STRONG, ..below };
            drawing.text(format!("best: {}", best.epoch), (x, BOTTOM + 18.0), style);
        }
        let middle = (frame.extent.0 + frame.extent.1) / 2.0;
        drawing.text("epoch", (middle, BOTTOM + 38.0), below);
    }

    /// A curve: what lies beyond the axis is cut off at its top.
    fn curve(&self, drawing: &mut Drawing, frame: &Frame, curve: &Curve) {
        let values = self.records.iter().map(|r| (r.epoch, (curve.quantity)(r)));
        let values: Vec<_> = values.filter(|(_, value)| value.is_finite()).collect();
        let mut part: Vec<Point> = Vec::new();
        let mut parts = Vec::new();
        for (i, &(epoch, value)) in values.iter().enumerate() {
            if !frame.is_beyond(value) {
                part.push((frame.x(epoch), frame.y(value)));
                continue;
            }
            let crossing = |&(other, inside): &(usize, f64)| {
                let along = (frame.axis.to - inside) / (value - inside);
                (frame.x(other) + (frame.x(epoch) - frame.x(other)) * along, TOP)
            };
            let inside = |neighbour: &&(usize, f64)| !frame.is_beyond(neighbour.1);
            if let Some(before) = i.checked_sub(1).and_then(|i| values.get(i)).filter(inside) {
                part.push(crossing(before));
            }
            parts.push(std::mem::take(&mut part));
            if let Some(after) = values.get(i + 1).filter(inside) {
                part.push(crossing(after));
            }
            let x = frame.x(epoch);
            drawing.polygon(vec![(x - 5.0, TOP + 1.0), (x + 5.0, TOP + 1.0), (x, TOP - 7.0)], curve.colour);
        }
        parts.push(part);
        for part in parts.into_iter().filter(|part| part.len() > 1) {
            drawing.line(part, curve.colour, 2.5);
        }
        if let Some(&(epoch, value)) = values.last()
            && !frame.is_beyond(value)
        {
            drawing.dot((frame.x(epoch), frame.y(value)), 4.0, curve.colour);
        }
    }

    /// The last values, beside the curves' ends.
    fn ends(&self, drawing: &mut Drawing, panel: &Panel, frame: &Frame) {
        let Some(last) = self.records.last() else { return };
        let mut ends: Vec<(f64, String, Colour)> = Vec::new();
        let measured = |curve: &&Curve| curve.name == "train" || last.val_loss.is_some();
        for curve in panel.curves.iter().filter(measured) {
            let value = (curve.quantity)(last);
            let finite = self.records.iter().map(curve.quantity).rfind(|v| v.is_finite());
            let height = finite.map_or(BOTTOM, |v| if frame.is_beyond(v) { TOP } else { frame.y(v) });
            let value = if value.is_finite() { (panel.text)(value) } else { "diverged".to_owned() };
            ends.push((height, format!("{} {value}", curve.name), curve.colour));
        }
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let heights = apart(ends.iter().map(|end| end.0).collect());
        let x = frame.x(last.epoch) + 12.0;
        for ((_, text, colour), y) in ends.into_iter().zip(heights) {
            drawing.text(text, (x, y), TextStyle::new(13.0, colour, Align::Left));
        }
    }

    /// What the triangles at the top stand for.
    fn beyond(&self, drawing: &mut Drawing, panel: &Panel, frame: &Frame) {
        let values = self
            .records
            .iter()
            .flat_map(|r| panel.curves.iter().map(move |curve| (r.epoch, curve.name, (curve.quantity)(r))));
        let beyond: Vec<_> = values.filter(|(.., v)| v.is_finite() && frame.is_beyond(*v)).collect();
        let Some(&(epoch, name, value)) = beyond.iter().max_by(|a, b| a.2.total_cmp(&b.2)) else { return };
        let value = (panel.text)(value);
        let text = match beyond.len() {
            1 => format!("beyond the axis: {name} {value}, epoch {epoch}"),
            count => format!("beyond the axis: {count} values, up to {name} {value}, epoch {epoch}"),
        };
        // On the line of the panel's name, which is short.
        drawing.text(text, (panel.extent.1, TOP - 22.0), TextStyle::new(12.0, FAINT, Align::Right));
    }
}

/// Moves two heights, the lesser first, until their labels do not touch.
fn apart(mut heights: Vec<f64>) -> Vec<f64> {
    if let [a, b] = heights.as_mut_slice() {
        let missing = LABEL_DISTANCE - (*b - *a);
        if missing > 0.0 {
            *a -= missing / 2.0;
            *b += missing / 2.0;
        }
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::tests::{pixels, rendered};
    use crate::train::metrics::tests::record;

    fn draw(records: &[EpochRecord]) -> Drawing {
        Curves { title: "lenet on stripes".into(), records }.draw()
    }

    #[test]
    fn both_forms_show_the_run() {
        let records: Vec<_> = (1..=12).map(|e| record(e, 0.9 - 0.4 / e as f64)).collect();
        let (svg, png) = rendered(&draw(&records));
        for text in [
            "lenet on stripes",
            "best validation accuracy 86.67%, after epoch 12",
            "Loss",
            "Accuracy",
            "epoch",
        ] {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
        // The figures are those of the terminal: two decimals of per cents, four of losses.
        for text in [">validation 86.67%<", ">train 87.67%<", ">train 0.1917<", ">validation 0.2000<"] {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
        assert!(pixels(&png, STRONG) > 500, "the test curve has {} pixels", pixels(&png, STRONG));
    }

    #[test]
    fn the_epoch_that_the_validation_images_chose_is_marked_and_said() {
        let records: Vec<_> = [0.5, 0.8, 0.7].iter().zip(1..).map(|(&top1, e)| record(e, top1)).collect();
        let (svg, _) = rendered(&draw(&records));
        assert!(
            svg.contains("best validation accuracy 80.00%, after epoch 2, whose weights are kept"),
            "{svg}"
        );
        assert_eq!(svg.matches("stroke-dasharray").count(), 2, "a line in each panel: {svg}");
        assert_eq!(svg.matches(">best: 2<").count(), 2, "{svg}");
        // One epoch chooses nothing.
        let (svg, _) = rendered(&draw(&records[..1]));
        assert!(svg.contains("validation accuracy 50.00% after epoch 1") && !svg.contains("best"), "{svg}");
    }

    #[test]
    fn a_loss_far_off_does_not_flatten_the_others() {
        let mut records: Vec<_> = (1..=10).map(|e| record(e, 0.5)).collect();
        records[0].train_loss = 60.0;
        let (svg, _) = rendered(&draw(&records));
        assert!(svg.contains("beyond the axis: train 60.0000, epoch 1"), "{svg}");
        assert!(svg.contains("<polygon") && svg.contains(">3<") && !svg.contains(">20<"), "{svg}");
        records[4].val_loss = Some(99.0);
        let (svg, _) = rendered(&draw(&records));
        assert!(svg.contains("beyond the axis: 2 values, up to validation 99.0000, epoch 5"), "{svg}");
    }

    #[test]
    fn odd_runs_can_be_drawn() {
        let mut diverged = vec![record(1, 0.1), record(2, 0.1)];
        diverged[1].train_loss = f64::NAN;
        diverged[1].val_loss = Some(f64::INFINITY);
        let perfect =
            vec![EpochRecord { train_top1: 1.0, val_loss: Some(0.0), train_loss: 0.0, ..record(1, 1.0) }];
        let huge =
            vec![EpochRecord { val_loss: Some(1e300), train_loss: 1e-300, ..record(1, 0.1) }, record(2, 0.1)];
        let many: Vec<_> = (1..=3000).map(|e| record(e, 0.5)).collect();
        let without = |e| EpochRecord { val_loss: None, val_top1: None, val_top5: None, ..record(e, 0.5) };
        let without: Vec<_> = (1..=3).map(without).collect();
        for records in [diverged, perfect, huge, many, without, Vec::new()] {
            let (svg, _) = rendered(&draw(&records));
            let diverged = records.iter().any(|r| r.val_loss == Some(f64::INFINITY));
            assert_eq!(svg.contains("validation diverged"), diverged, "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
