//! `confusion.svg` and `confusion.png`: which classes are taken for which.
//!
//! Up to 12 classes are a matrix with names and counts, up to 32 one of per cents with the most common mistakes
//! beside it, and more are bars by class with those mistakes.

use super::names::Names;
use super::{SUBTITLE, TITLE, classes, matrix};
use crate::drawing::{Align, Drawing, FAINT, Label, Mark, TextStyle};
use crate::train::Confusion;
use crate::train::figures::{grouped, percent};

/// The most classes whose cells have room for names and counts.
const NAMED: usize = 12;
/// The most classes that are shown as a matrix.
const NUMBERED: usize = 32;

/// The chart of a confusion matrix.
pub(in crate::train) struct ConfusionChart<'a> {
    /// `lenet on fashion-mnist`.
    pub(in crate::train) title: String,
    /// The epoch whose weights it shows.
    pub(in crate::train) epoch: usize,
    /// The images that were measured on: `test`.
    pub(in crate::train) images: &'a str,
    /// A name for each class.
    pub(in crate::train) names: &'a [String],
    /// What to draw.
    pub(in crate::train) matrix: &'a Confusion,
}

/// A drawing under way: its marks, and the corner below them.
pub(super) struct Sheet {
    pub(super) drawing: Drawing,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// The top of what stands below the title.
pub(super) const TOP: f64 = 98.0;
/// The margin around everything.
pub(super) const MARGIN: f64 = 24.0;

impl ConfusionChart<'_> {
    /// Draws it.
    pub(in crate::train) fn draw(&self) -> Drawing {
        let names = Names(self.names);
        let mut sheet = Sheet { drawing: Drawing::new((0.0, 0.0), &self.title), right: 0.0, bottom: 0.0 };
        let draw = match self.matrix.classes() {
            n if n <= NAMED => matrix::named,
            n if n <= NUMBERED => matrix::numbered,
            _ => classes::bars,
        };
        draw(&mut sheet, self.matrix, &names);
        let subtitle = self.subtitle();
        let width = sheet.right.max(crate::font::width(&subtitle) * SUBTITLE.size + MARGIN);
        let title = Label::fitted(&self.title, (width - MARGIN) / TITLE.size);
        let mut drawing = sheet.drawing;
        drawing.text(title, (MARGIN, 34.0), TITLE);
        drawing.text(subtitle, (MARGIN, 63.0), SUBTITLE);
        let mut bottom = sheet.bottom;
        if drawing.marks.iter().any(|mark| matches!(mark, Mark::Text { label, .. } if label.is_numbered())) {
            bottom += 24.0;
            let key = "names that this picture's font lacks are numbers: confusion.svg shows them, confusion.csv lists them";
            let label = Label { shown: String::new(), drawn: key.to_owned() };
            drawing.text(label, (MARGIN, bottom), TextStyle::new(12.0, FAINT, Align::Left));
            drawing.size.0 = crate::font::width(key) * 12.0 + MARGIN;
        }
        drawing.size = (width.max(drawing.size.0) + MARGIN, bottom + MARGIN);
        drawing
    }

    /// How many images are right, and of which epoch.
    fn subtitle(&self) -> String {
        let classes = 0..self.matrix.classes();
        let sum = |count: &dyn Fn(usize) -> u32| classes.clone().map(|c| u64::from(count(c))).sum::<u64>();
        let images = sum(&|class| self.matrix.images(class));
        let right = sum(&|class| self.matrix.count(class, class));
        format!(
            "{} of {} {} images right, {}, after epoch {}",
            grouped(right),
            grouped(images),
            self.images,
            percent(right as f64 / images.max(1) as f64, 2),
            self.epoch
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::tests::{pixels, rendered};
    use crate::drawing::{PALE, STRONG};

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

    fn chart(names: &[String], matrix: &Confusion) -> Drawing {
        ConfusionChart { title: "lenet on stripes".into(), epoch: 3, images: "test", names, matrix }.draw()
    }

    fn texts(drawing: &Drawing, form: fn(&Label) -> &String) -> Vec<String> {
        let label = |mark: &Mark| match mark {
            Mark::Text { label, .. } => Some(form(label).clone()),
            _ => None,
        };
        drawing.marks.iter().filter_map(label).collect()
    }

    #[test]
    fn few_classes_show_per_cents_and_counts() {
        let names: Vec<String> = (0..10).map(|i| format!("a rather long class name {i}")).collect();
        let (svg, png) = rendered(&chart(&names, &matrix(10)));
        for text in ["lenet on stripes", "a rather", "360 of 400 test images right, 90.00%, after epoch 3"] {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
        // 36 of 40, beside the per cents.
        assert_eq!((svg.matches(">90.0<").count(), svg.matches(">36<").count()), (10, 10), "{svg}");
        assert!(pixels(&png, STRONG) < png.pixels().len() / 10);
    }

    #[test]
    fn any_number_of_classes_has_its_worst_pairs() {
        for classes in [13, 32, 33, 100, 1000] {
            let mut matrix = matrix(classes);
            for _ in 0..9 {
                matrix.add(11, 4);
            }
            let names: Vec<String> = (0..classes).map(|i| format!("class {i}")).collect();
            let drawing = chart(&names, &matrix);
            let texts = texts(&drawing, |label| &label.drawn);
            for text in ["class 11", "class 4", "9 of 49", "18.4%"] {
                assert!(texts.iter().any(|t| t == text), "{classes} classes lack {text}: {texts:?}");
            }
            assert!(drawing.size.0 < 1700.0 && drawing.size.1 < 1100.0, "{:?}", drawing.size);
            let (_, png) = rendered(&drawing);
            assert!(pixels(&png, PALE) > 100 || classes <= 32, "{classes} classes");
        }
    }

    #[test]
    fn names_of_any_script_are_in_the_svg_and_numbers_with_a_key_in_the_png() {
        let names = ["猫", "собака", "قطة", "🐱", ""].map(String::from);
        let drawing = chart(&names, &matrix(5));
        let shown = texts(&drawing, |label| &label.shown);
        let drawn = texts(&drawing, |label| &label.drawn);
        for (class, name) in ["猫", "собака", "قطة\u{200f}", "🐱", "#4"].into_iter().enumerate() {
            assert!(shown.iter().any(|t| t == name), "{name} is missing in {shown:?}");
            let name = if class == 1 { "собака".to_owned() } else { format!("#{class}") };
            assert!(drawn.contains(&name), "{name} is missing in {drawn:?}");
        }
        let has_key = |texts: &[String]| texts.iter().any(|t| t.contains("confusion.csv"));
        assert!(has_key(&drawn) && !has_key(&shown));
        assert!(chart(&names, &Confusion::new(5)).size.0 > 600.0, "the key has room");
        let plain = ["cat", "dog"].map(String::from);
        assert!(!has_key(&texts(&chart(&plain, &matrix(2)), |label| &label.drawn)));
    }

    #[test]
    fn odd_matrices_can_be_drawn() {
        for classes in [0, 1, 2, 13, 40] {
            let (svg, _) = rendered(&chart(&[], &Confusion::new(classes)));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            let mut right = Confusion::new(classes);
            (0..classes).for_each(|class| right.add(class, class));
            rendered(&chart(&[], &right));
        }
    }
}
