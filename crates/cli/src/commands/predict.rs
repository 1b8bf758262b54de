//! `convnet predict`: what a trained network takes images for.

use std::path::{Path, PathBuf};

use convnet::data::Image;
use convnet::exec::{Engine, Precision};
use convnet::model::Model;
use serde_json::{Value, json};

use super::trained::{TrainedArgs, ViewsArg};
use crate::args::{EngineArgs, positive};
use crate::error::Failure;
use crate::output::{self, FAINT, STRONG};

const EXAMPLES: &str = "\
Examples:
  convnet predict runs/lenet shirt.png boot.jpg
  convnet predict runs/lenet --top 3 --json *.png

Images are PNG, JPEG, WebP, BMP, TIFF, GIF, QOI or PNM of any size: they are resized and turned to grey or RGB as the
network was trained. Fashion-MNIST shows bright clothes on black; `convnet data export` writes some of its images.";

/// The arguments of `predict`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    trained: TrainedArgs,

    /// Image files (PNG, JPEG, WebP, BMP, TIFF, GIF, QOI, PNM)
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<PathBuf>,

    #[command(flatten)]
    views: ViewsArg,

    /// Classes to print for each image, the likeliest first
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = positive)]
    top: usize,

    /// Print a JSON array, an object an image
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,
}

/// A class and its probability.
type Guess = (usize, f64);

/// Classifies the images; one that cannot be read does not keep the others from it.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (model, weights) = args.trained.load()?;
    let count = model.graph.classes();
    let names = match model.classes() {
        Some(names) => names.to_vec(),
        None => (0..count).map(|class| format!("class {class}")).collect(),
    };
    let several = model.card.as_ref().is_some_and(|card| card.several);
    if several {
        output::note("an image may have several of the classes: each has a probability of its own");
    }
    let Model { graph, preprocess, .. } = model;
    let options = args.engine.options(Precision::F32)?;
    let engine = Engine::compile(&graph, &weights, 1, &options)?;
    let classify = |path: &Path| -> Result<Vec<Guess>, Box<dyn std::error::Error>> {
        if path.is_dir() {
            return Err(format!("`{0}` is a folder: give its images, `{0}/*`", path.display()).into());
        }
        let image = Image::open(path)?;
        let views = args.views.views();
        let mut logits = vec![0.0; count];
        for input in views.inputs(&preprocess, &image) {
            let seen = engine.logits(&input)?;
            logits.iter_mut().zip(seen.as_slice()).for_each(|(sum, x)| *sum += x / views.count() as f32);
        }
        if !logits.iter().all(|x| x.is_finite()) {
            return Err(format!("`{}`: the network's logits are no finite numbers", path.display()).into());
        }
        let probabilities = if several { sigmoids(&logits) } else { softmax(&logits) };
        Ok(likeliest(probabilities, args.top))
    };
    let mut failed = 0;
    let mut objects = Vec::new();
    for path in &args.images {
        let result = classify(path).map_err(|error| error.to_string());
        if let Err(error) = &result {
            failed += 1;
            Failure::work(error.as_str()).report();
        }
        if args.json {
            objects.push(object(path, &result, &names));
        } else if let Ok(guesses) = result {
            output::emit(&listing(path, &guesses, &names))?;
        }
    }
    if args.json {
        output::emit(&Value::Array(objects).to_string())?;
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::work(format!("{failed} of {} images could not be classified", args.images.len()))),
    }
}

fn object(path: &Path, result: &Result<Vec<Guess>, String>, names: &[String]) -> Value {
    let image = path.display().to_string();
    match result {
        Ok(guesses) => {
            let guess =
                |&(class, p): &Guess| json!({ "class": names[class], "index": class, "probability": p });
            json!({ "image": image, "predictions": guesses.iter().map(guess).collect::<Vec<_>>() })
        }
        Err(error) => json!({ "image": image, "error": error }),
    }
}

/// The image's name and a bar for each class.
fn listing(path: &Path, guesses: &[Guess], names: &[String]) -> String {
    let width = guesses.iter().map(|&(class, _)| names[class].chars().count()).max().unwrap_or(0);
    let mut text = format!("{STRONG}{}{STRONG:#}\n", path.display());
    for (place, &(class, p)) in guesses.iter().enumerate() {
        let style = if place == 0 { STRONG } else { FAINT };
        let name = &names[class];
        let line = format!("  {style}{name:<width$}  {:>6.2}%{style:#}  {}", 100.0 * p, bar(p));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A bar of up to 24 characters, in eighths.
fn bar(fraction: f64) -> String {
    const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
    let eighths = (fraction.clamp(0.0, 1.0) * 24.0 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8 - 1]);
    }
    bar
}

/// Probabilities from logits.
fn softmax(logits: &[f32]) -> Vec<f64> {
    let max = logits.iter().fold(f64::NEG_INFINITY, |max, &x| max.max(f64::from(x)));
    let exponentials: Vec<f64> = logits.iter().map(|&x| (f64::from(x) - max).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|e| e / sum).collect()
}

/// The probability of each class by itself.
fn sigmoids(logits: &[f32]) -> Vec<f64> {
    logits.iter().map(|&x| 1.0 / (1.0 + (-f64::from(x)).exp())).collect()
}

/// The likeliest classes, at most `top`, the likeliest first.
fn likeliest(probabilities: Vec<f64>, top: usize) -> Vec<Guess> {
    let mut guesses: Vec<Guess> = probabilities.into_iter().enumerate().collect();
    guesses.sort_by(|a, b| b.1.total_cmp(&a.1));
    guesses.truncate(top);
    guesses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_come_in_order_and_sum_to_one() {
        let all = likeliest(softmax(&[1.0, 900.0, 901.0, -3.0]), 9);
        assert_eq!(all.iter().map(|g| g.0).collect::<Vec<_>>(), [2, 1, 0, 3]);
        assert!((all.iter().map(|g| g.1).sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((all[0].1 - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-12);
        assert_eq!(likeliest(softmax(&[0.0, 1.0]), 1).len(), 1);
    }

    #[test]
    fn bars_have_eighths() {
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(1.0).chars().count(), 24);
        assert_eq!(bar(0.5 + 1.0 / 192.0), "████████████▏");
    }
}
