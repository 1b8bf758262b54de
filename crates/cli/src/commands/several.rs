//! What `eval` tells of images that have several classes.

use convnet::train::{ClassFound, SeveralEvaluation, figures};
use serde_json::{Value, json};

use crate::output::{self, STRONG};

/// Figures as one JSON object.
pub(crate) fn json(model: &str, names: &[String], found: &SeveralEvaluation) -> Value {
    let class = |(name, class): (&String, &ClassFound)| {
        json!({
            "class": name,
            "images": class.images,
            "average_precision": class.average_precision,
            "precision": class.precision(),
            "recall": class.recall(),
            "f1": class.f1(),
        })
    };
    json!({
        "model": model,
        "images": found.images,
        "loss": found.loss,
        "map": found.mean_average_precision,
        "f1_macro": found.f1_macro,
        "f1_micro": found.f1_micro,
        "classes": names.iter().zip(&found.classes).map(class).collect::<Vec<_>>(),
    })
}

/// Figures for people: all of them together, then each class.
pub(crate) fn text(heading: &str, names: &[String], found: &SeveralEvaluation) -> String {
    let percent = |share: f64| figures::percent(share, 2);
    let mut text = format!(
        "{heading}\n\n  mean average precision  {STRONG}{}{STRONG:#}\n  F1 at 0.5               {} (mean of classes), {} (of all)\n  loss                    {}\n\n",
        percent(found.mean_average_precision),
        percent(found.f1_macro),
        percent(found.f1_micro),
        figures::loss(found.loss),
    );
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for (name, class) in names.iter().zip(&found.classes) {
        let precision = class.average_precision.map_or_else(|| "-".to_owned(), percent);
        let images = output::counted(class.images, "image");
        text.push_str(&format!(
            "  {name:<width$}  average precision {precision:>7}  F1 {:>7}  {images}\n",
            percent(class.f1())
        ));
    }
    text
}
