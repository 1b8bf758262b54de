//! Several runs in one picture: loss and accuracy over the epochs, a curve a run.
//!
//! Runs differ in colour, and in the shape of the marks on their curves, so that they can be told apart in black and
//! white.

use super::axis::{Axis, epoch_ticks, outliers_above};
use super::{SUBTITLE, TITLE};
use crate::drawing::{Align, Colour, Drawing, FAINT, GRID, INK, Label, Mark, Point, TextStyle, WHITE};
use crate::train::EpochRecord;
use crate::train::figures::{loss, percent};
use crate::train::metrics::best;

/// A run of several.
#[derive(Clone, Copy, Debug)]
pub struct ComparedRun<'a> {
    /// What it is called in the picture.
    pub name: &'a str,
    /// Its epochs.
    pub records: &'a [EpochRecord],
}

/// The chart of several runs.
pub(in crate::train) struct Overlay<'a> {
    pub(in crate::train) runs: &'a [ComparedRun<'a>],
}

const WIDTH: f64 = 1112.0;
const TOP: f64 = 122.0;
const BOTTOM: f64 = 416.0;
const PANELS: [(f64, f64); 2] = [(72.0, 516.0), (612.0, 1056.0)];
/// The first line of the legend, and how far its lines are apart.
const LEGEND: f64 = 488.0;
const LINE: f64 = 24.0;
/// About so many marks lie on a curve.
const MARKS: usize = 9;

/// Colours that those tell apart who see few, and that differ in brightness (Okabe and Ito).
const COLOURS: [Colour; 7] = [
    Colour(0, 114, 178),
    Colour(213, 94, 0),
    Colour(0, 130, 95),
    Colour(204, 121, 167),
    Colour(31, 41, 51),
    Colour(200, 140, 0),
    Colour(86, 180, 233),
];

/// What marks a run's curve.
#[derive(Clone, Copy)]
enum Shape {
    Disc,
    Square,
    Triangle,
    Diamond,
    Ring,
    Frame,
}

const SHAPES: [Shape; 6] =
    [Shape::Disc, Shape::Square, Shape::Triangle, Shape::Diamond, Shape::Ring, Shape::Frame];

/// How a run is drawn.
#[derive(Clone, Copy)]
struct Look {
    colour: Colour,
    shape: Shape,
    dashed: bool,
}

impl Look {
    /// That of a run: numbers of colours and shapes have no common divisor, so that 42 runs look differently, and twice
    /// as many by their lines.
    fn of(run: usize) -> Self {
        let dashed = run / (COLOURS.len() * SHAPES.len()) % 2 == 1;
        Self { colour: COLOURS[run % COLOURS.len()], shape: SHAPES[run % SHAPES.len()], dashed }
    }

    fn line(self, drawing: &mut Drawing, points: Vec<Point>) {
        let Self { colour, dashed, .. } = self;
        drawing.marks.push(Mark::Line { points, colour, width: 2.0, dashed });
    }

    fn mark(self, drawing: &mut Drawing, (x, y): Point) {
        let colour = self.colour;
        let square = |drawing: &mut Drawing, r: f64, colour| {
            drawing.rectangle((x - r, y - r), (x + r, y + r), 0.0, colour);
        };
        match self.shape {
            Shape::Disc => drawing.dot((x, y), 4.0, colour),
            Shape::Ring => drawing.ring((x, y), 4.5, colour),
            Shape::Square => square(drawing, 4.0, colour),
            Shape::Frame => {
                square(drawing, 4.5, colour);
                square(drawing, 2.5, WHITE);
            }
            Shape::Triangle => {
                drawing.polygon(vec![(x - 5.0, y + 4.0), (x + 5.0, y + 4.0), (x, y - 5.0)], colour);
            }
            Shape::Diamond => {
                drawing.polygon(vec![(x - 5.5, y), (x, y - 5.5), (x + 5.5, y), (x, y + 5.5)], colour);
            }
        }
    }
}

/// One of the two plots.
struct Panel {
    name: &'static str,
    extent: (f64, f64),
    quantity: fn(&EpochRecord) -> Option<f64>,
    /// Whether it shows fractions as per cents.
    fraction: bool,
}

impl Overlay<'_> {
    /// Draws it.
    pub(in crate::train) fn draw(&self) -> Drawing {
        let height = LEGEND + LINE * self.runs.len() as f64;
        let title = match self.runs {
            [one] => one.name.to_owned(),
            runs => format!("{} runs", runs.len()),
        };
        let mut drawing = Drawing::new((WIDTH, height), &title);
        drawing.text(Label::fitted(&title, (WIDTH - 48.0) / TITLE.size), (24.0, 34.0), TITLE);
        drawing.text("loss and accuracy on the validation images, by epoch", (24.0, 63.0), SUBTITLE);
        let panels = [
            Panel { name: "Loss", extent: PANELS[0], quantity: |r| r.val_loss, fraction: false },
            Panel { name: "Accuracy", extent: PANELS[1], quantity: |r| r.val_top1, fraction: true },
        ];
        let last = self.runs.iter().filter_map(|run| Some(run.records.last()?.epoch)).max().unwrap_or(1);
        for panel in &panels {
            self.panel(&mut drawing, panel, last);
        }
        self.legend(&mut drawing);
        drawing
    }

    fn panel(&self, drawing: &mut Drawing, panel: &Panel, last: usize) {
        let (left, right) = panel.extent;
        drawing.text(panel.name, (left, TOP - 22.0), TextStyle::new(14.0, INK, Align::Left));
        let values = || {
            let records = self.runs.iter().flat_map(|run| run.records);
            records.filter_map(panel.quantity).filter(|value| value.is_finite())
        };
        let top = if panel.fraction { None } else { outliers_above(values()) };
        let axis = Axis::over(values().filter(|&value| top.is_none_or(|top| value <= top)), panel.fraction);
        let x = |epoch: usize| match last {
            1 => (left + right) / 2.0,
            _ => left + (epoch.max(1) - 1) as f64 / (last - 1) as f64 * (right - left),
        };
        // What lies beyond the axis is drawn at its top.
        let y = |value: f64| BOTTOM - ((value - axis.from) / (axis.to - axis.from)).min(1.0) * (BOTTOM - TOP);
        for tick in axis.ticks() {
            drawing.line(vec![(left, y(tick)), (right, y(tick))], GRID, 1.0);
            drawing.text(axis.text(tick), (left - 10.0, y(tick)), TextStyle::new(12.0, FAINT, Align::Right));
        }
        let below = TextStyle::new(12.0, FAINT, Align::Centre);
        for epoch in epoch_ticks(1, last) {
            drawing.text(epoch.to_string(), (x(epoch), BOTTOM + 18.0), below);
        }
        drawing.text("epoch", ((left + right) / 2.0, BOTTOM + 38.0), below);
        let beyond = values().filter(|value| top.is_some_and(|top| *value > top)).count();
        if beyond > 0 {
            let text = format!("{beyond} beyond the axis, drawn at its top");
            drawing.text(text, (right, TOP - 22.0), TextStyle::new(12.0, FAINT, Align::Right));
        }
        for (number, run) in self.runs.iter().enumerate() {
            let look = Look::of(number);
            let values = run.records.iter().filter_map(|r| Some((r.epoch, (panel.quantity)(r)?)));
            let finite = values.filter(|(_, value)| value.is_finite());
            let points: Vec<Point> = finite.map(|(epoch, value)| (x(epoch), y(value))).collect();
            if points.len() > 1 {
                look.line(drawing, points.clone());
            }
            // Marks of different runs lie at different epochs, and the last point always has one.
            let every = points.len().div_ceil(MARKS).max(1);
            for (i, &point) in points.iter().enumerate() {
                if (points.len() - 1 - i).is_multiple_of(every) || points.len() <= MARKS {
                    look.mark(drawing, point);
                }
            }
        }
    }

    /// A line a run: its look, its name, its best epoch.
    fn legend(&self, drawing: &mut Drawing) {
        for (number, run) in self.runs.iter().enumerate() {
            let y = LEGEND + LINE * number as f64 - 8.0;
            let look = Look::of(number);
            look.line(drawing, vec![(72.0, y), (112.0, y)]);
            look.mark(drawing, (92.0, y));
            let room = 440.0 / 13.0;
            drawing.text(Label::fitted(run.name, room), (124.0, y), TextStyle::new(13.0, INK, Align::Left));
            let told = match best(run.records).map(|best| (best.epoch, best.val_top1, best.val_loss)) {
                None => "no epoch".to_owned(),
                Some((epoch, Some(top1), Some(value))) => format!(
                    "best {} after epoch {epoch} of {} · loss {}",
                    percent(top1, 2),
                    run.records.len(),
                    loss(value)
                ),
                Some((epoch, ..)) => format!("epoch {epoch}, without validation images"),
            };
            drawing.text(told, (612.0, y), TextStyle::new(13.0, FAINT, Align::Left));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::tests::{pixels, rendered};
    use crate::train::metrics::tests::record;

    #[test]
    fn each_run_has_a_curve_and_a_line() {
        let all: Vec<Vec<EpochRecord>> = (0..3)
            .map(|run| (1..=12 + run).map(|e| record(e, 0.9 - 0.1 * run as f64 - 0.4 / e as f64)).collect())
            .collect();
        let runs: Vec<ComparedRun<'_>> =
            all.iter().zip(["a", "b", "c"]).map(|(records, name)| ComparedRun { name, records }).collect();
        let (svg, png) = rendered(&Overlay { runs: &runs }.draw());
        assert!(svg.contains("3 runs") && svg.contains("best 86.67% after epoch 12 of 12"), "{svg}");
        for (number, colour) in COLOURS.iter().enumerate().take(3) {
            assert!(svg.contains(&format!(">{}<", runs[number].name)), "{svg}");
            assert!(pixels(&png, *colour) > 500, "run {number} has {} pixels", pixels(&png, *colour));
        }
    }

    #[test]
    fn many_runs_look_differently() {
        let looks: Vec<_> = (0..84)
            .map(Look::of)
            .map(|l| ([l.colour.0, l.colour.1, l.colour.2], l.shape as u8, l.dashed))
            .collect();
        let mut apart = looks.clone();
        apart.sort_unstable();
        apart.dedup();
        assert_eq!(apart.len(), looks.len());
    }

    #[test]
    fn odd_runs_can_be_drawn() {
        let mut diverged = vec![record(1, 0.1), record(2, 0.1), record(3, 0.2)];
        diverged[1].val_loss = Some(f64::NAN);
        diverged[2].val_loss = Some(1e30);
        let one = [record(1, 0.5)];
        let runs = [
            ComparedRun { name: "", records: &[] },
            ComparedRun { name: "diverged", records: &diverged },
            ComparedRun { name: "one", records: &one },
        ];
        let blind = [EpochRecord { val_loss: None, val_top1: None, ..record(1, 0.5) }];
        let runs = [&runs[..], &[ComparedRun { name: "blind", records: &blind }]].concat();
        for runs in [&runs[..], &runs[..1], &runs[2..], &[]] {
            let (svg, _) = rendered(&Overlay { runs }.draw());
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
