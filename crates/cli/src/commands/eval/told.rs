//! What `eval` tells: a JSON object, or a table for people.

use convnet::train::{Averages, Calibration, CalibrationBin, ClassFigures, Measurements, figures};
use serde_json::{Value, json};

use crate::output::{self, FAINT, STRONG};

/// What was measured, and on what.
pub(super) struct Told<'a> {
    pub(super) model: &'a str,
    pub(super) data: &'a str,
    /// The names of the classes.
    pub(super) names: &'a [String],
    pub(super) measured: &'a Measurements,
    /// What the images of the worst mistakes are called.
    pub(super) mistaken: Vec<String>,
}

/// So many classes are listed, the worst first, unless all are asked for.
const LISTED: usize = 5;

impl Told<'_> {
    /// One object.
    pub(super) fn json(&self) -> Value {
        let Measurements { evaluation, classes, macro_average, weighted_average, calibration, worst } =
            self.measured;
        let count = evaluation.confusion.classes();
        let class = |(index, class): (usize, &ClassFigures)| {
            json!({
                "name": self.names[index],
                "index": index,
                "images": class.images,
                "predicted": class.predicted,
                "precision": class.precision,
                "recall": class.recall,
                "f1": class.f1,
            })
        };
        let averages = |Averages { precision, recall, f1 }: &Averages| json!({ "precision": precision, "recall": recall, "f1": f1 });
        let bin = |&CalibrationBin { from, to, images, confidence, accuracy }: &CalibrationBin| json!({ "from": from, "to": to, "images": images, "confidence": confidence, "accuracy": accuracy });
        let mut confusion = vec![vec![0_u32; count]; count];
        for (truth, predicted, images) in evaluation.confusion.counts() {
            confusion[truth][predicted] = images;
        }
        let Calibration { ece, mce, brier, nll, bins } = calibration;
        let mistakes = worst.iter().zip(&self.mistaken).map(|(mistake, image)| {
            json!({
                "image": image,
                "index": mistake.index,
                "class": self.names[mistake.label],
                "predicted": self.names[mistake.predicted],
                "probability": mistake.confidence(),
            })
        });
        json!({
            "model": self.model,
            "data": self.data,
            "images": evaluation.images,
            "top1": evaluation.top1,
            "top5": evaluation.top5,
            "loss": evaluation.loss,
            "classes": classes.iter().enumerate().map(class).collect::<Vec<_>>(),
            "macro": averages(macro_average),
            "weighted": averages(weighted_average),
            "confusion": confusion,
            "calibration": {
                "ece": ece,
                "mce": mce,
                "brier": brier,
                "nll": nll,
                "bins": bins.iter().map(bin).collect::<Vec<_>>(),
            },
            "mistakes": mistakes.collect::<Vec<_>>(),
        })
    }

    /// A table: all classes, or the worst ones.
    pub(super) fn text(&self, all: bool) -> String {
        let Measurements { evaluation, macro_average, weighted_average, calibration, .. } = self.measured;
        let percent = |fraction: f64| figures::percent(fraction, 2);
        let mut text = format!(
            "{} on {} of {}\n\n  top-1 accuracy  {STRONG}{}{STRONG:#}\n",
            self.model,
            output::counted(evaluation.images, "test image"),
            self.data,
            percent(evaluation.top1),
        );
        // Of five classes the right one is always among the five likeliest.
        if self.names.len() > 5 {
            text.push_str(&format!("  top-5 accuracy  {}\n", percent(evaluation.top5)));
        }
        text.push_str(&format!("  loss            {}\n", figures::loss(evaluation.loss)));
        text.push_str(&format!(
            "  F1              {} {FAINT}mean of the classes; {} weighted by their images{FAINT:#}\n",
            percent(macro_average.f1),
            percent(weighted_average.f1),
        ));
        text.push_str(&format!(
            "  calibration     off by {} {FAINT}(ECE of {} bins; {} at most; Brier {}){FAINT:#}\n",
            percent(calibration.ece),
            calibration.bins.len(),
            percent(calibration.mce),
            figures::loss(calibration.brier),
        ));
        text.push_str(&self.classes(all));
        if let Some((truth, predicted, count)) = evaluation.confusion.worst() {
            let name = |class: usize| &self.names[class];
            text.push_str(&format!(
                "\nmost common mistake: {} taken for {} ({count} of {})\n",
                name(truth),
                name(predicted),
                output::counted(evaluation.confusion.images(truth) as usize, "image"),
            ));
        }
        if let (Some(mistake), Some(image)) = (self.measured.worst.first(), self.mistaken.first()) {
            text.push_str(&format!(
                "surest mistake: {image}, a {} taken for {} with {}\n",
                self.names[mistake.label],
                self.names[mistake.predicted],
                figures::percent(mistake.confidence(), 1),
            ));
        }
        text
    }

    /// The classes, the worst first by their F1; those that are not there at all come last.
    fn classes(&self, all: bool) -> String {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        let f1 = |class: usize| self.measured.classes[class].f1.unwrap_or(2.0);
        // The sort is stable: the order of classes decides between equal ones.
        order.sort_by(|&a, &b| f1(a).total_cmp(&f1(b)));
        let listed = if all { order.len() } else { LISTED.min(order.len()) };
        let wide = order[..listed].iter().map(|&class| self.names[class].chars().count()).max();
        let wide = wide.unwrap_or(0).max("class".len());
        let head = if listed < order.len() { "worst classes" } else { "classes, the worst first" };
        let mut text = format!(
            "\n{head}\n  {FAINT}{:<wide$}  {:>8}  {:>9}  {:>8}  {:>8}{FAINT:#}\n",
            "class", "images", "precision", "recall", "F1"
        );
        for &class in &order[..listed] {
            let ClassFigures { images, precision, recall, f1, .. } = self.measured.classes[class];
            let told = |figure: Option<f64>| figure.map_or("–".to_owned(), |f| figures::percent(f, 2));
            text.push_str(&format!(
                "  {:<wide$}  {:>8}  {:>9}  {:>8}  {:>8}\n",
                self.names[class],
                output::grouped(images as usize),
                told(precision),
                told(recall),
                told(f1),
            ));
        }
        if listed < order.len() {
            text.push_str(&format!(
                "  {FAINT}… and {}: `--per-class` lists all{FAINT:#}\n",
                output::counted(order.len() - listed, "better class")
            ));
        }
        text
    }
}
