//! `convnet data`: the data sets, where they are, and what is in them.

use std::fmt::Write;

use convnet::data::{self, DataError, DataSets, Dataset, Place, Progress, Source};
use convnet::inspect::grouped;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::error::Failure;
use crate::output::{self, FAINT, STRONG};

const EXAMPLES: &str = "\
Examples:
  convnet data list                        the data sets that have a name, and where they are
  convnet data fetch fashion-mnist         bring one here
  convnet data inspect fashion-mnist-mini  how many images a class has, mean, deviation
  convnet data inspect photos              the same of a folder of IDX files, or of images as
                                           train/CLASS/… and test/CLASS/…, or as CLASS/…

Fetched files are kept in $CONVNET_CACHE, else in `convnet` in the user's cache folder. CONVNET_MIRROR names a
server to fetch from instead of the set's own.";

/// The arguments of `data`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the data sets that have a name
    List {
        /// Print one array of objects
        #[arg(long)]
        json: bool,
    },
    /// Fetch a data set, unless it is here already
    Fetch {
        /// The data set's name
        name: String,
    },
    /// Count and measure the images of a data set
    Inspect {
        /// A data set's name, or a folder
        #[arg(value_name = "PATH")]
        spec: String,
        /// Print one object
        #[arg(long)]
        json: bool,
    },
}

/// Does what is asked.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::List { json } => list(*json),
        Action::Fetch { name } => {
            let folder = with_bar(|progress| data::fetch(name, progress)).map_err(classified)?;
            output::emit(&format!("{}", folder.display()))
        }
        Action::Inspect { spec, json } => {
            let sets = open(spec)?;
            output::emit(&if *json { object(&sets)?.to_string() } else { report(&sets)? })
        }
    }
}

/// Opens a data set, with a bar on standard error where it has to be fetched.
pub(crate) fn open(spec: &str) -> Result<DataSets, Failure> {
    with_bar(|progress| data::open_with(spec, progress)).map_err(classified)
}

/// A name that nothing has is wrong usage.
fn classified(error: DataError) -> Failure {
    match error {
        DataError::Unknown { .. } => Failure::usage(error),
        error => Failure::work(error),
    }
}

/// Does work that may fetch files, under a bar that appears with the first byte.
fn with_bar<T>(work: impl FnOnce(&mut dyn FnMut(Progress)) -> T) -> T {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    let mut bar: Option<ProgressBar> = None;
    let result = work(&mut |progress: Progress| {
        let bar = bar.get_or_insert_with(|| {
            let bar = ProgressBar::no_length();
            match &style {
                Ok(style) => bar.with_style(style.clone()),
                Err(_) => bar,
            }
        });
        if bar.message() != progress.file {
            bar.set_message(progress.file.to_owned());
            bar.reset();
        }
        if let Some(total) = progress.total {
            bar.set_length(total);
        }
        bar.set_position(progress.done);
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    result
}

fn list(json: bool) -> Result<(), Failure> {
    let sources = data::list();
    if json {
        return output::emit(&Value::Array(sources.iter().map(listed).collect()).to_string());
    }
    let mut text = String::new();
    for source in &sources {
        let (train, test) = (grouped(source.images.0 as u64), grouped(source.images.1 as u64));
        let place = match &source.place {
            Place::Bundled => "bundled".to_owned(),
            Place::Folder(folder) => folder.display().to_string(),
            Place::Remote => format!("not here yet; `convnet data fetch {}` brings it", source.name),
        };
        let _ = writeln!(text, "{STRONG}{}{STRONG:#}  {}", source.name, source.summary);
        let _ = writeln!(
            text,
            "  {train} training and {test} test images, {}, {} classes",
            size(source.shape),
            source.classes
        );
        let _ = writeln!(text, "  {FAINT}{place}{FAINT:#}");
    }
    output::emit(&text)
}

fn listed(source: &Source) -> Value {
    let (place, folder) = match &source.place {
        Place::Bundled => ("bundled", None),
        Place::Folder(folder) => ("folder", Some(folder.display().to_string())),
        Place::Remote => ("remote", None),
    };
    json!({
        "name": source.name,
        "summary": source.summary,
        "train": source.images.0,
        "test": source.images.1,
        "shape": source.shape,
        "classes": source.classes,
        "place": place,
        "folder": folder,
    })
}

/// `28 × 28 grey`.
fn size((channels, height, width): (usize, usize, usize)) -> String {
    format!("{height} × {width} {}", if channels == 1 { "grey" } else { "RGB" })
}

/// The longest bar of a class.
const BAR: usize = 30;

fn report(sets: &DataSets) -> Result<String, DataError> {
    let (train, test) = (sets.train.histogram(), sets.test.histogram());
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{STRONG}{}{STRONG:#}  {} training and {} test images, {}, {} classes",
        sets.name,
        grouped(sets.train.len() as u64),
        grouped(sets.test.len() as u64),
        size(sets.train.shape),
        sets.classes().len()
    );
    let wide = sets.classes().iter().map(|name| name.chars().count()).max().unwrap_or(0).max("class".len());
    let most = train.iter().copied().max().unwrap_or(0).max(1);
    let _ = writeln!(text, "\n  {FAINT}{:<wide$}  {:>8}  {:>8}{FAINT:#}", "class", "training", "test");
    for ((name, &train), &test) in sets.classes().iter().zip(&train).zip(&test) {
        let bar = "━".repeat((BAR * train).div_ceil(most));
        let (train, test) = (grouped(train as u64), grouped(test as u64));
        let _ = writeln!(text, "  {name:<wide$}  {train:>8}  {test:>8}  {FAINT}{bar}{FAINT:#}");
    }
    let (mean, std) = sets.train.statistics()?;
    let figures = |values: &[f32]| values.iter().map(|x| format!("{x:.4}")).collect::<Vec<_>>().join(", ");
    let _ =
        writeln!(text, "\n  training pixels (0 to 1)  mean {}  deviation {}", figures(&mean), figures(&std));
    Ok(text)
}

fn object(sets: &DataSets) -> Result<Value, DataError> {
    let split = |set: &Dataset| -> Result<Value, DataError> {
        let (mean, std) = set.statistics()?;
        Ok(json!({ "images": set.len(), "histogram": set.histogram(), "mean": mean, "std": std }))
    };
    Ok(json!({
        "name": sets.name,
        "shape": sets.train.shape,
        "classes": sets.classes(),
        "train": split(&sets.train)?,
        "test": split(&sets.test)?,
    }))
}
