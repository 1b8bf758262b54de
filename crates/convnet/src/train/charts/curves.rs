//! `curves.svg` and `curves.png`: loss and accuracy over the epochs.

use plotters::prelude::DrawingBackend;
use plotters::style::RGBColor;

use super::canvas::{Align, Canvas, Chart, FAINT, GRID, INK, PALE, STRONG, TextStyle};
use crate::train::EpochRecord;

/// The chart of a run's records.
pub(in crate::train) struct Curves<'a> {
    /// `lenet on fashion-mnist`.
    pub(in crate::train) title: String,
    /// One or more epochs.
    pub(in crate::train) records: &'a [EpochRecord],
}

const WIDTH: f64 = 1080.0;
const HEIGHT: f64 = 436.0;
/// The top of the panels' plots, and their bottom.
const TOP: f64 = 118.0;
const BOTTOM: f64 = 372.0;
/// The horizontal extent of each panel's plot.
const PANELS: [(f64, f64); 2] = [(64.0, 452.0), (592.0, 980.0)];
/// The least distance of two labels, in units.
const LABEL_DISTANCE: f64 = 16.0;

/// A quantity of each epoch.
type Quantity = fn(&EpochRecord) -> f64;

/// One of the two plots.
struct Panel {
    name: &'static str,
    extent: (f64, f64),
    train: Quantity,
    test: Quantity,
    /// Whether it shows fractions as per cents.
    fraction: bool,
}

impl Chart for Curves<'_> {
    const OVERSAMPLING: u32 = 2;

    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, HEIGHT as u32)
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Result<(), String> {
        let left = TextStyle::new(21.0, INK, Align::Left);
        canvas.text(&self.title, (24.0, 34.0), left)?;
        if let Some(best) = best(self.records) {
            let text =
                format!("best test accuracy {} after epoch {}", percent(best.test_top1, 2), best.epoch);
            canvas.text(&text, (24.0, 62.0), TextStyle::new(14.0, FAINT, Align::Left))?;
        }
        let [loss, accuracy] = PANELS;
        self.panel(
            canvas,
            &Panel {
                name: "Loss",
                extent: loss,
                train: |r| r.train_loss,
                test: |r| r.test_loss,
                fraction: false,
            },
        )?;
        self.panel(
            canvas,
            &Panel {
                name: "Accuracy",
                extent: accuracy,
                train: |r| r.train_top1,
                test: |r| r.test_top1,
                fraction: true,
            },
        )
    }
}

impl Curves<'_> {
    fn panel<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>, panel: &Panel) -> Result<(), String> {
        let (left, right) = panel.extent;
        canvas.text(panel.name, (left, TOP - 20.0), TextStyle::new(14.0, INK, Align::Left))?;
        let values = self.records.iter().flat_map(|r| [(panel.train)(r), (panel.test)(r)]);
        let axis = Axis::over(values.filter(|v| v.is_finite()), panel.fraction);
        let height = |value: f64| BOTTOM - (value - axis.from) / (axis.to - axis.from) * (BOTTOM - TOP);
        for tick in axis.ticks() {
            let y = height(tick);
            canvas.line(&[(left, y), (right, y)], GRID, 1.0)?;
            let text =
                if panel.fraction { percent(tick, axis.decimals) } else { decimal(tick, axis.decimals) };
            canvas.text(&text, (left - 10.0, y), TextStyle::new(12.0, FAINT, Align::Right))?;
        }

        let (Some(first), Some(last)) = (self.records.first(), self.records.last()) else { return Ok(()) };
        let epochs = (last.epoch - first.epoch).max(1) as f64;
        let across = |epoch: usize| left + (epoch - first.epoch) as f64 / epochs * (right - left);
        let below = TextStyle::new(12.0, FAINT, Align::Centre);
        for epoch in epoch_ticks(first.epoch, last.epoch) {
            canvas.text(&epoch.to_string(), (across(epoch), BOTTOM + 18.0), below)?;
        }
        canvas.text("epoch", ((left + right) / 2.0, BOTTOM + 38.0), below)?;

        let lines = [("train", panel.train, PALE), ("test", panel.test, STRONG)];
        let mut ends: Vec<(f64, String, RGBColor)> = Vec::new();
        for (name, quantity, colour) in lines {
            let points: Vec<_> = self
                .records
                .iter()
                .filter(|r| quantity(r).is_finite())
                .map(|r| (across(r.epoch), height(quantity(r))))
                .collect();
            if points.len() > 1 {
                canvas.line(&points, colour, 2.5)?;
            }
            if let Some(&end) = points.last() {
                canvas.dot(end, 4.0, colour)?;
                let value = quantity(last);
                let value = match (value.is_finite(), panel.fraction) {
                    (false, _) => "diverged".to_string(),
                    (true, true) => percent(value, 1),
                    (true, false) => decimal(value, 3),
                };
                ends.push((end.1, format!("{name} {value}"), colour));
            }
        }
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let heights = apart(ends.iter().map(|end| end.0).collect());
        let end_x = across(last.epoch) + 12.0;
        for ((_, text, colour), y) in ends.into_iter().zip(heights) {
            canvas.text(&text, (end_x, y), TextStyle::new(13.0, colour, Align::Left))?;
        }
        Ok(())
    }
}

/// The record with the best top-1 accuracy on the test images; the earliest of equals.
pub(in crate::train) fn best(records: &[EpochRecord]) -> Option<&EpochRecord> {
    records.iter().rev().max_by(|a, b| a.test_top1.total_cmp(&b.test_top1))
}

/// The extent of an axis and the distance of its ticks.
struct Axis {
    from: f64,
    to: f64,
    step: f64,
    decimals: usize,
}

impl Axis {
    /// An axis over some values, from and to a tick: one at zero for losses, within 0 to 1 for fractions.
    fn over(values: impl Iterator<Item = f64>, fraction: bool) -> Self {
        let (mut low, mut high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if !fraction {
            low = 0.0;
        }
        // Also where there are no values, or all are alike.
        if high <= low || !low.is_finite() {
            (low, high) = (0.0, if high > 0.0 { high } else { 1.0 });
        }
        let step = round_step((high - low) / 4.0);
        // Guard against 0.30000000000000004 / 0.1 being above 3.
        let from = ((low / step) + 1e-9).floor() * step;
        let to = ((high / step) - 1e-9).ceil() * step;
        let smallest = if fraction { step * 100.0 } else { step };
        let decimals = (-smallest.log10().floor()).max(0.0) as usize;
        Self { from, to, step, decimals }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let (from, step) = (self.from, self.step);
        let count = ((self.to - from) / step).round() as usize;
        (0..=count).map(move |i| from + i as f64 * step)
    }
}

/// The least of 1, 2, 5, 10, 20, … (and their tenths, hundredths) that is not below a number above 0.
fn round_step(at_least: f64) -> f64 {
    let power = 10.0_f64.powf(at_least.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|m| m * power)
        .find(|&s| s >= at_least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// Epochs to write below the axis: the first, and some eight more.
fn epoch_ticks(first: usize, last: usize) -> impl Iterator<Item = usize> {
    let step = (round_step((last - first).max(1) as f64 / 8.0).round() as usize).max(1);
    let next = if step == 1 { first + 1 } else { (first / step + 1) * step };
    std::iter::once(first).chain((next..=last).step_by(step))
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

fn decimal(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}")
}

fn percent(fraction: f64, decimals: usize) -> String {
    format!("{:.decimals$}%", 100.0 * fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::train::charts::canvas::tests::rendered;
    use crate::train::metrics::tests::record;

    #[test]
    fn both_forms_show_the_run() {
        let records: Vec<_> = (1..=12).map(|e| record(e, 0.9 - 0.4 / e as f64)).collect();
        let (svg, png) = rendered(&Curves { title: "lenet on stripes".into(), records: &records });
        for text in
            ["lenet on stripes", "best test accuracy 86.67% after epoch 12", "Loss", "Accuracy", "epoch"]
        {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
        let blue = png.pixels().filter(|p| p.0 == [STRONG.0, STRONG.1, STRONG.2]).count();
        assert!(blue > 500, "the test curve has {blue} pixels");
    }

    #[test]
    fn odd_runs_can_be_drawn() {
        let mut diverged = vec![record(1, 0.1), record(2, 0.1)];
        diverged[1].train_loss = f64::NAN;
        diverged[1].test_loss = f64::INFINITY;
        let perfect =
            vec![EpochRecord { train_top1: 1.0, test_loss: 0.0, train_loss: 0.0, ..record(1, 1.0) }];
        for records in [diverged, perfect, Vec::new()] {
            let (svg, _) = rendered(&Curves { title: "odd".into(), records: &records });
            let diverged = records.iter().any(|r| r.test_loss.is_infinite());
            assert_eq!(svg.contains("test diverged"), diverged, "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn the_earliest_of_equals_is_best() {
        let records = [record(1, 0.5), record(2, 0.75), record(3, 0.75)];
        assert_eq!(best(&records).unwrap().epoch, 2);
    }

    proptest! {
        #[test]
        fn axes_hold_their_values(values in prop::collection::vec(1e-6..50.0_f64, 1..20)) {
            let (low, high) = values.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), &v| (l.min(v), h.max(v)));
            let axis = Axis::over(values.iter().copied(), false);
            prop_assert!(axis.from <= low && axis.to >= high * (1.0 - 1e-6));
            let ticks = axis.ticks().count();
            prop_assert!((2..=6).contains(&ticks), "{} ticks", ticks);
        }

        #[test]
        fn epochs_are_few_and_within(first in 1..3_usize, more in 0..500_usize) {
            let ticks: Vec<_> = epoch_ticks(first, first + more).collect();
            prop_assert!(ticks.len() <= 11, "{:?}", ticks);
            prop_assert!(ticks.windows(2).all(|w| w[0] < w[1]) && *ticks.last().unwrap() <= first + more);
        }
    }
}
