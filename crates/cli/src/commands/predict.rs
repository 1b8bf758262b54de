//! `convnet predict`: what a trained network takes images for.

use std::io::{self, Write};
use std::panic;
use std::path::{Path, PathBuf};
use std::thread::{self, ScopedJoinHandle};

use convnet::data::{Image, Preprocess, Views};
use convnet::exec::{Engine, Precision, RunError};
use convnet::model::Model;
use convnet::train::{likeliest, sigmoids, softmax};
use convnet_formats::atomic;
use serde_json::{Value, json};

use super::images;
use super::predictions::Columns;
use super::trained::{TrainedArgs, ViewsArg};
use crate::args::{EngineArgs, positive};
use crate::error::Failure;
use crate::output::{self, FAINT, STRONG};
use crate::waiting::Waiting;

const EXAMPLES: &str = "\
Examples:
  convnet predict runs/lenet shirt.png boot.jpg
  convnet predict runs/lenet --top 3 --json *.png
  convnet predict runs/photos holiday --csv holiday.csv   all images of a folder and those below it

Images are PNG, JPEG, WebP, BMP, TIFF, GIF, QOI or PNM of any size: they are resized and turned to grey or RGB as the
network was trained. Fashion-MNIST shows bright clothes on black; `convnet data export` writes some of its images.";

/// The arguments of `predict`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    trained: TrainedArgs,

    /// Image files (PNG, JPEG, WebP, BMP, TIFF, GIF, QOI, PNM), and folders of them
    #[arg(value_name = "IMAGE|DIR", required = true)]
    images: Vec<PathBuf>,

    #[command(flatten)]
    views: ViewsArg,

    /// Classes to print for each image, the likeliest first
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = positive)]
    top: usize,

    /// Print a JSON array, an object an image
    #[arg(long)]
    json: bool,

    /// Write comma-separated values, a line an image: to a file, or to standard output
    #[arg(long, value_name = "FILE.csv", num_args = 0..=1, value_parser = csv_file, conflicts_with = "json")]
    csv: Option<Option<PathBuf>>,

    /// … and the probability of every class
    #[arg(long, requires = "csv")]
    probabilities: bool,

    /// Images to classify at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = positive, help_heading = "Computation")]
    batch: usize,

    #[command(flatten)]
    engine: EngineArgs,
}

/// An image behind `--csv` is not meant to be written over.
fn csv_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
        true => Ok(path),
        false => Err("expected a file that ends in .csv; images come before `--csv`".to_owned()),
    }
}

/// A class and its probability.
type Guess = (usize, f64);

/// An image as the network sees it, from each view.
type Looks = Vec<Vec<f32>>;

/// The probability of each class, or why an image has none.
type Answer = Result<Vec<f64>, String>;

/// Classifies the images; one that cannot be read does not keep the others from it.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (model, weights) = args.trained.load()?;
    let names = model.class_names();
    let several = model.card.as_ref().is_some_and(|card| card.several);
    if several {
        output::note("an image may have several of the classes: each has a probability of its own");
    }
    let Model { graph, preprocess, .. } = model;
    let options = args.engine.options(Precision::F32)?;
    let images = images::found(&args.images)?;
    let engine = Engine::compile(&graph, &weights, args.batch.min(images.len()).max(1), &options)?;
    let work = Work { engine, preprocess, images, views: args.views.views(), several };
    let failed = match &args.csv {
        None if args.json => {
            let mut objects = Vec::new();
            let failed = work.each(&mut |path, answer| {
                objects.push(object(path, &answer, args.top, &names));
                Ok(())
            })?;
            output::emit(&Value::Array(objects).to_string())?;
            failed
        }
        None => work.each(&mut |path, answer| {
            let Ok(probabilities) = answer else { return Ok(()) };
            let text = listing(path, &likeliest(&probabilities, args.top), &names);
            anstream::stdout().lock().write_all(text.as_bytes())
        })?,
        Some(file) => {
            let columns = Columns { names: &names, top: args.top, labelled: false, all: args.probabilities };
            let mut failed = Ok(0);
            let mut write = |out: &mut dyn Write| {
                out.write_all(columns.header().as_bytes())?;
                failed = work.each(&mut |path, answer| match answer {
                    Ok(probabilities) => {
                        let row = columns.row(&path.display().to_string(), None, &probabilities);
                        out.write_all(row.as_bytes())
                    }
                    Err(_) => Ok(()),
                });
                match &failed {
                    Ok(_) => out.flush(),
                    Err(error) => Err(io::Error::from(error.kind())),
                }
            };
            match file {
                Some(path) => atomic::write_with(path, write)?,
                None => write(&mut io::stdout().lock())?,
            }
            failed?
        }
    };
    match failed {
        0 => Ok(()),
        _ => Err(Failure::work(format!("{failed} of {} images could not be classified", work.images.len()))),
    }
}

/// A network and the images that it classifies.
struct Work {
    engine: Engine,
    preprocess: Preprocess,
    images: Vec<PathBuf>,
    views: Views,
    /// Whether an image may have several of the classes.
    several: bool,
}

impl Work {
    /// Classifies all images, gives `see` each in its order, and tells how many could not be classified, each of which is
    /// told at once.
    fn each(&self, see: &mut dyn FnMut(&Path, Answer) -> io::Result<()>) -> io::Result<usize> {
        let waiting = Waiting::of(self.images.len(), "image");
        let (mut done, mut failed) = (0, 0);
        for paths in self.images.chunks(self.engine.batch()) {
            for (path, answer) in paths.iter().zip(self.answers(paths)) {
                if let Err(error) = &answer {
                    failed += 1;
                    waiting.aside(|| {
                        Failure::work(error.as_str()).report();
                    });
                }
                see(path, answer)?;
            }
            done += paths.len();
            waiting.done(done);
        }
        Ok(failed)
    }

    /// The logits of the images that could be read: the mean over the views.
    fn logits(&self, inputs: &[Result<Looks, String>]) -> Result<Vec<f32>, RunError> {
        let mut sum: Vec<f32> = Vec::new();
        for view in 0..self.views.count() {
            let batch: Vec<f32> = inputs.iter().flatten().flat_map(|looks| &looks[view]).copied().collect();
            if batch.is_empty() {
                return Ok(sum);
            }
            let logits = self.engine.logits(&batch)?.into_vec();
            match sum.is_empty() {
                true => sum = logits,
                false => sum.iter_mut().zip(logits).for_each(|(sum, x)| *sum += x),
            }
        }
        let share = 1.0 / self.views.count() as f32;
        sum.iter_mut().for_each(|sum| *sum *= share);
        Ok(sum)
    }

    /// What a batch of images is taken for.
    fn answers(&self, paths: &[PathBuf]) -> Vec<Answer> {
        let inputs = self.inputs(paths);
        let logits = self.logits(&inputs).map_err(|error| error.to_string());
        let read = inputs.iter().filter(|input| input.is_ok()).count();
        let classes = logits.as_ref().map_or(1, |logits| (logits.len() / read.max(1)).max(1));
        let mut place = 0;
        let answer = |(input, path): (Result<Looks, String>, &PathBuf)| {
            input?;
            place += 1;
            let logits = logits.as_ref().map_err(Clone::clone)?;
            let row = &logits[(place - 1) * classes..][..classes];
            if !row.iter().all(|x| x.is_finite()) {
                return Err(format!("`{}`: the network's logits are no finite numbers", path.display()));
            }
            Ok(if self.several { sigmoids(row) } else { softmax(row) })
        };
        inputs.into_iter().zip(paths).map(answer).collect()
    }

    /// The network's input for each image of a batch, by as many threads as the machine has.
    fn inputs(&self, paths: &[PathBuf]) -> Vec<Result<Looks, String>> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let input = |path: &PathBuf| {
            let image = Image::open(path).map_err(|error| error.to_string())?;
            Ok(self.views.inputs(&self.preprocess, &image))
        };
        thread::scope(|scope| {
            let parts = paths.chunks(paths.len().div_ceil(threads).max(1));
            let parts: Vec<_> =
                parts.map(|part| scope.spawn(move || part.iter().map(input).collect::<Vec<_>>())).collect();
            let joined = parts.into_iter().map(ScopedJoinHandle::join);
            joined.flat_map(|part| part.unwrap_or_else(|cause| panic::resume_unwind(cause))).collect()
        })
    }
}

fn object(path: &Path, answer: &Answer, top: usize, names: &[String]) -> Value {
    let image = path.display().to_string();
    match answer {
        Ok(probabilities) => {
            let guess =
                |&(class, p): &Guess| json!({ "class": names[class], "index": class, "probability": p });
            let guesses = likeliest(probabilities, top);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_have_eighths() {
        assert_eq!(bar(0.0), "");
        assert_eq!(bar(1.0).chars().count(), 24);
        assert_eq!(bar(0.5 + 1.0 / 192.0), "████████████▏");
    }

    #[test]
    fn an_image_is_no_file_to_write() {
        assert_eq!(csv_file("a.CSV"), Ok("a.CSV".into()));
        assert!(csv_file("boot.png").unwrap_err().contains("before `--csv`"));
    }
}
