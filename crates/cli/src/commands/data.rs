//! `convnet data`: the data sets, where they are, and what is in them.

mod inspect;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use convnet::data::{self, DataError, DataSets, Fingerprint, OpenOptions, Place, Progress, Source, TestSet};
use convnet::inspect::grouped;
use convnet::train::{self, Recipe, RunDir};
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
  convnet data inspect photos              the same of a folder of IDX files, of CIFAR's, of tar shards, or of
                                           images as train/CLASS/… and test/CLASS/…, or as CLASS/…
  convnet data inspect photos --sheet s.png    some images of each class in one picture
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
    /// Count and measure the images of a data set, and tell what is wrong with them
    Inspect(Box<inspect::Args>),
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
        Action::Inspect(args) => inspect::run(args),
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
    open_as(spec, &OpenOptions::default())
}

/// The same in other ways than by default.
pub(crate) fn open_as(spec: &str, options: &OpenOptions) -> Result<DataSets, Failure> {
    let sets = with_bar(|progress| data::open_as(spec, options, progress)).map_err(classified)?;
    sets.notes.iter().for_each(|note| output::note(note));
    Ok(sets)
}

/// The data of a recipe, opened as it says.
pub(crate) fn open_recipe(recipe: &Recipe) -> Result<DataSets, Failure> {
    let result = with_bar(|progress| data::open_as(&recipe.data, &recipe.opening(), progress));
    let sets = result.map_err(|error| match error {
        DataError::Image { .. } | DataError::Images { .. } => {
            Failure::work(format!("{error}\nto train without what cannot be decoded, add `--skip-corrupt`"))
        }
        error => classified(error),
    })?;
    sets.notes.iter().for_each(|note| output::note(note));
    Ok(sets)
}

/// Images to measure on.
pub(crate) struct Opened {
    pub(crate) set: TestSet,
    /// All splits of the run's own data, where it is those that are measured.
    pub(crate) splits: Option<DataSets>,
    /// What was told of how far figures of them can be trusted.
    pub(crate) told: Vec<String>,
}

/// Opens the images to measure on, as [`open_measured`].
pub(crate) fn open_test(
    asked: Option<&str>,
    own: Option<&str>,
    run: Option<&RunDir>,
) -> Result<TestSet, Failure> {
    Ok(open_measured(asked, own, run)?.set)
}

/// Opens the images to measure on: those of the data set that was asked for, else of the run's own, else of the bundled
/// one. Tells whether the run's data have changed, and how many of the images it was trained on.
pub(crate) fn open_measured(
    asked: Option<&str>,
    own: Option<&str>,
    run: Option<&RunDir>,
) -> Result<Opened, Failure> {
    let spec = asked.or(own).unwrap_or(data::DEFAULT);
    let then = run.map(RunDir::data).transpose()?.flatten();
    let opening = run.map(|run| run.config().recipe.opening()).unwrap_or_default();
    // Lists are a run's own data, whatever set is named beside them.
    let is_own = match opening.lists.has_lists() {
        true => asked.is_none(),
        false => own.is_some_and(|own| is_same(own, spec)),
    };
    let mut told = Vec::new();
    let (set, splits) = if is_own {
        let mut sets = open_as(spec, &opening)?;
        if let Some(run) = run {
            sets = train::divide(sets, &run.config().recipe)?;
        }
        if let Some(then) = &then
            && let Some(differences) = then.differences(&Fingerprint::of(&sets)?)
        {
            told.push(format!("the data have changed since the run was started: {differences}"));
        }
        let (split, images) = sets.measured().unwrap_or(("training", &sets.train));
        if split != "test" {
            told.push(format!("`{}` has no test images: the {split} images are measured", sets.name));
        }
        let set = TestSet {
            name: sets.name.clone(),
            images: images.clone(),
            sizes: sets.sizes,
            notes: sets.notes.clone(),
        };
        (set, Some(sets))
    } else {
        let set = with_bar(|progress| data::open_test(spec, progress)).map_err(classified)?;
        set.notes.iter().for_each(|note| output::note(note));
        (set, None)
    };
    told.iter().for_each(|told| output::note(told));
    told.extend(note_seen(run, then, &set)?);
    Ok(Opened { set, splits, told })
}

/// Tells how many of the images to measure on a run was trained on, whose data were `then`; gives what was told.
pub(crate) fn note_seen(
    run: Option<&RunDir>,
    then: Option<Fingerprint>,
    set: &TestSet,
) -> Result<Option<String>, Failure> {
    let Some(run) = run else { return Ok(None) };
    let told = match then {
        None => Some(format!(
            "`{}` keeps no `{}`: whether its data have changed, and whether it was trained on these images, is not known",
            run.path().display(),
            RunDir::DATA,
        )),
        Some(then) => {
            let seen = then.trained_on(&set.images.prints()?);
            (!seen.is_empty()).then(|| {
                format!(
                    "`{}` was trained on {} of the {} images to measure on ({}): its figures promise too much",
                    run.path().display(),
                    seen.len(),
                    set.images.len(),
                    data::some_names(&seen)
                )
            })
        }
    };
    told.iter().for_each(|told| output::note(told));
    Ok(told)
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
        error => error.into(),
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
