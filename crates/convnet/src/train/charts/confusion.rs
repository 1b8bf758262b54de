//! `confusion.svg` and `confusion.png`: which classes are taken for which.

use plotters::prelude::DrawingBackend;
use plotters::style::RGBColor;

use super::canvas::{Align, Canvas, Chart, FAINT, INK, PALE, STRONG, TextStyle};
use crate::train::Confusion;

/// The most classes that a chart can show.
pub(in crate::train) const MAX_CHART: usize = 32;
/// The most classes whose columns have room for a name.
const NAMED_COLUMNS: usize = 12;
/// The left edge and the top of the cells.
const ORIGIN: (f64, f64) = (148.0, 124.0);

/// The chart of a confusion matrix of at most [`MAX_CHART`] classes.
pub(in crate::train) struct ConfusionChart<'a> {
    /// `lenet on fashion-mnist`.
    pub(in crate::train) title: String,
    /// A name for each class.
    pub(in crate::train) names: &'a [String],
    /// What to draw.
    pub(in crate::train) matrix: &'a Confusion,
}

impl ConfusionChart<'_> {
    /// Width and height of a cell.
    fn cell(&self) -> (f64, f64) {
        if self.matrix.classes() <= NAMED_COLUMNS { (72.0, 40.0) } else { (34.0, 26.0) }
    }
}

impl Chart for ConfusionChart<'_> {
    const OVERSAMPLING: u32 = 1;

    fn size(&self) -> (u32, u32) {
        let (wide, high) = self.cell();
        let n = self.matrix.classes() as f64;
        // The title needs some width whatever the number of classes.
        ((ORIGIN.0 + n * wide + 24.0).max(520.0) as u32, (ORIGIN.1 + n * high + 24.0) as u32)
    }

    fn draw<DB: DrawingBackend>(&self, canvas: &Canvas<'_, DB>) -> Result<(), String> {
        let (wide, high) = self.cell();
        canvas.text(&self.title, (24.0, 34.0), TextStyle::new(21.0, INK, Align::Left))?;
        let subtitle = "rows: the true class, columns: the predicted one; per cent of the row";
        canvas.text(subtitle, (24.0, 62.0), TextStyle::new(14.0, FAINT, Align::Left))?;
        let row_name = TextStyle::new(13.0, INK, Align::Right);
        let column_name = TextStyle::new(12.0, FAINT, Align::Centre);
        for truth in 0..self.matrix.classes() {
            let y = ORIGIN.1 + truth as f64 * high;
            let name = self.names.get(truth).map_or_else(|| truth.to_string(), |name| shorten(name, 17));
            canvas.text(&name, (ORIGIN.0 - 12.0, y + high / 2.0), row_name)?;
            let x = ORIGIN.0 + truth as f64 * wide;
            let name = self.names.get(truth).filter(|_| self.matrix.classes() <= NAMED_COLUMNS);
            let name = name.map_or_else(|| truth.to_string(), |name| shorten(name, 11));
            canvas.text(&name, (x + wide / 2.0, ORIGIN.1 - 16.0), column_name)?;
            let images = self.matrix.images(truth);
            for predicted in 0..self.matrix.classes() {
                let x = ORIGIN.0 + predicted as f64 * wide;
                let share = f64::from(self.matrix.count(truth, predicted)) / f64::from(images.max(1));
                let (fill, text) = shade(share, truth == predicted);
                canvas.rectangle((x + 1.0, y + 1.0), (x + wide - 1.0, y + high - 1.0), fill)?;
                if share >= 0.0005 {
                    let style = TextStyle::new(12.0, text, Align::Centre);
                    let decimals = usize::from(share < 0.0995);
                    let label = format!("{:.decimals$}", 100.0 * share);
                    canvas.text(&label, (x + wide / 2.0, y + high / 2.0), style)?;
                }
            }
        }
        Ok(())
    }
}

/// A name of at most some characters.
fn shorten(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    name.chars().take(most - 1).chain(['…']).collect()
}

/// The colours of a cell and of its text: right answers go to blue, wrong ones to orange.
fn shade(share: f64, right: bool) -> (RGBColor, RGBColor) {
    const EMPTY: RGBColor = RGBColor(246, 248, 250);
    const WHITE: RGBColor = RGBColor(255, 255, 255);
    // Mistakes are rare: their shades spread over the first third of the scale.
    let (full, depth) = if right { (STRONG, share) } else { (PALE, (3.0 * share).min(1.0).sqrt()) };
    let mix = |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * depth).round() as u8;
    let fill = RGBColor(mix(EMPTY.0, full.0), mix(EMPTY.1, full.1), mix(EMPTY.2, full.2));
    (fill, if right && depth > 0.5 { WHITE } else { INK })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::charts::canvas::tests::rendered;

    fn matrix(classes: usize) -> Confusion {
        let mut matrix = Confusion::new(classes);
        for truth in 0..classes {
            for image in 0..40 {
                let slip = image % 7 == 6;
                matrix.add(truth, if slip { (truth + image / 7) % classes } else { truth });
            }
        }
        matrix
    }

    #[test]
    fn both_forms_show_the_matrix() {
        let names: Vec<String> = (0..10).map(|i| format!("a rather long class name {i}")).collect();
        let chart = ConfusionChart { title: "lenet on stripes".into(), names: &names, matrix: &matrix(10) };
        let (svg, png) = rendered(&chart);
        assert!(svg.contains("lenet on stripes") && svg.contains("a rather long cl…"), "{svg}");
        let right = shade(f64::from(matrix(10).count(0, 0)) / 40.0, true).0;
        let blue = png.pixels().filter(|p| p.0 == [right.0, right.1, right.2]).count();
        assert!(blue > 10 * 5_000, "the diagonal has {blue} pixels");
        let (svg, _) =
            rendered(&ConfusionChart { title: "many".into(), names: &[], matrix: &matrix(MAX_CHART) });
        assert!(svg.contains("\n31\n"), "classes without names have numbers");
    }
}
