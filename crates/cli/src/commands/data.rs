//! `convnet data`: the data sets, where they are, and what is in them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use convnet::data::{
    self, DataError, DataSets, Dataset, Fingerprint, Place, Progress, Sizes, Source, TestSet,
};
use convnet::inspect::grouped;
use convnet::train::{self, RunDir};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::args::positive;
use crate::error::Failure;
use crate::output::{self, FAINT, STRONG};

const EXAMPLES: &str = "\
Examples:
  convnet data list                        the data sets that have a name, and where they are
  convnet data fetch fashion-mnist         bring one here
  convnet data inspect fashion-mnist-mini  how many images a class has, mean, deviation
  convnet data inspect photos              the same of a folder of IDX files, or of images as
                                           train/CLASS/… and test/CLASS/…, or as CLASS/…
  convnet data export fashion-mnist-mini samples
                                           images to predict on: samples/Bag/001.png …

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
    /// Write images of a data set as PNG files, in a folder a class
    Export {
        /// A data set's name, or a folder
        #[arg(value_name = "PATH")]
        spec: String,
        /// Folder to write, which must be new or empty
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// Images of each class
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive)]
        count: usize,
        /// Which images
        #[arg(long, value_name = "SPLIT", value_parser = ["test", "train", "validation"], default_value = "test")]
        split: String,
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
            sets.repeats()?.iter().for_each(|told| output::note(told));
            output::emit(&if *json { object(&sets)?.to_string() } else { report(&sets)? })
        }
        Action::Export { spec, folder, count, split } => {
            let sets = open(spec)?;
            let none = || Failure::work(format!("`{}` has no {split} images", sets.name));
            let named = |(name, _): &(&str, _)| name.starts_with(split.as_str());
            let (_, set) = sets.splits().find(named).ok_or_else(none)?;
            let written = data::export(set, folder, *count)?;
            output::emit(&format!("wrote {} to {}", output::counted(written, "image"), folder.display()))
        }
    }
}

/// Opens a data set, with a bar on standard error where it has to be fetched.
pub(crate) fn open(spec: &str) -> Result<DataSets, Failure> {
    let sets = with_bar(|progress| data::open_with(spec, progress)).map_err(classified)?;
    sets.notes.iter().for_each(|note| output::note(note));
    Ok(sets)
}

/// Opens the images to measure on: those of the data set that was asked for, else of the run's own, else of the bundled
/// one. Tells whether the run's data have changed, and how many of the images it was trained on.
pub(crate) fn open_test(
    asked: Option<&str>,
    own: Option<&str>,
    run: Option<&RunDir>,
) -> Result<TestSet, Failure> {
    let spec = asked.or(own).unwrap_or(data::DEFAULT);
    let then = run.map(RunDir::data).transpose()?.flatten();
    let set = if own.is_some_and(|own| is_same(own, spec)) {
        let mut sets = open(spec)?;
        if let Some(run) = run {
            sets = train::divide(sets, &run.config().recipe)?;
        }
        if let Some(then) = &then
            && let Some(differences) = then.differences(&Fingerprint::of(&sets)?)
        {
            output::note(&format!("the data have changed since the run was started: {differences}"));
        }
        let (split, images) = sets.measured().unwrap_or(("training", &sets.train));
        if split != "test" {
            output::note(&format!("`{}` has no test images: the {split} images are measured", sets.name));
        }
        TestSet {
            name: sets.name.clone(),
            images: images.clone(),
            sizes: sets.sizes,
            notes: sets.notes.clone(),
        }
    } else {
        let set = with_bar(|progress| data::open_test(spec, progress)).map_err(classified)?;
        set.notes.iter().for_each(|note| output::note(note));
        set
    };
    match (&then, run) {
        (Some(then), _) => {
            let seen = then.trained_on(&set.images.prints()?);
            if !seen.is_empty() {
                output::note(&format!(
                    "{} of the {} images to measure on were trained on ({}): the figures promise too much",
                    seen.len(),
                    set.images.len(),
                    data::some_names(&seen)
                ));
            }
        }
        (None, Some(_)) => output::note(&format!(
            "the run keeps no `{}`: whether its data have changed, and whether it was trained on these images, is not \
             known",
            RunDir::DATA,
        )),
        (None, None) => {}
    }
    Ok(set)
}

/// Whether two names of data sets are of the same one.
fn is_same(one: &str, other: &str) -> bool {
    let folder = |name: &str| Path::new(name).canonicalize().ok();
    one == other || folder(one).is_some_and(|one| folder(other) == Some(one))
}

/// A name that nothing has is wrong usage.
fn classified(error: DataError) -> Failure {
    match error {
        DataError::Unknown { .. } => {
            Failure::usage(format!("{error}; `convnet data list` tells where they are"))
        }
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

/// What images of these sizes become, if they are not of the set's size already.
fn sizes(sets: &DataSets) -> Option<String> {
    let (_, height, width) = sets.train.shape;
    let Sizes { smallest, largest } = sets.sizes?;
    if smallest == largest && largest == [height, width] {
        return None;
    }
    let text = |[height, width]: [usize; 2]| format!("{height} × {width}");
    let range = match smallest == largest {
        true => format!("{} pixels", text(largest)),
        false => format!("{} to {} pixels", text(smallest), text(largest)),
    };
    Some(format!(
        "images of {range} (height × width) become {}: resized to cover it, and their middle is kept",
        size(sets.train.shape)
    ))
}

/// The longest bar of a class.
const BAR: usize = 30;

fn report(sets: &DataSets) -> Result<String, DataError> {
    let splits: Vec<(&str, Vec<usize>)> = sets.splits().map(|(name, set)| (name, set.histogram())).collect();
    let mut text = String::new();
    let counts: Vec<String> =
        sets.splits().map(|(name, set)| format!("{} {name}", grouped(set.len() as u64))).collect();
    let _ = writeln!(
        text,
        "{STRONG}{}{STRONG:#}  {} images, {}, {} classes",
        sets.name,
        counts.join(", "),
        size(sets.train.shape),
        sets.classes().len()
    );
    if let Some(sizes) = sizes(sets) {
        let _ = writeln!(text, "  {sizes}");
    }
    let wide = sets.classes().iter().map(|name| name.chars().count()).max().unwrap_or(0).max("class".len());
    let most = splits[0].1.iter().copied().max().unwrap_or(0).max(1);
    let columns: String = splits.iter().map(|(name, _)| format!("  {name:>10}")).collect();
    let _ = writeln!(text, "\n  {FAINT}{:<wide$}{columns}{FAINT:#}", "class");
    for (class, name) in sets.classes().iter().enumerate() {
        let bar = "━".repeat((BAR * splits[0].1[class]).div_ceil(most));
        let columns: String =
            splits.iter().map(|(_, counts)| format!("  {:>10}", grouped(counts[class] as u64))).collect();
        let _ = writeln!(text, "  {name:<wide$}{columns}  {FAINT}{bar}{FAINT:#}");
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
        "sizes": sets.sizes.map(|Sizes { smallest, largest }| json!({ "smallest": smallest, "largest": largest })),
        "notes": sets.notes,
        "classes": sets.classes(),
        "train": split(&sets.train)?,
        "validation": sets.validation.as_ref().map(split).transpose()?,
        "test": sets.test.as_ref().map(split).transpose()?,
    }))
}
