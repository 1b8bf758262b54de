//! `convnet data inspect`: what is in a data set, and what is wrong with it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use convnet::data::{
    self, Augment, DataError, DataSets, Dataset, Near, NearRepeats, OpenOptions, Preset, Sheet, Sizes,
};
use convnet::inspect::grouped;
use convnet::train::RecipePatch;
use convnet_formats::atomic;
use serde_json::{Value, json};

use crate::error::Failure;
use crate::output::{self, FAINT, STRONG};

/// The arguments of `data inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A data set's name, a folder, an archive, or shards (`train-{000..009}.tar`)
    #[arg(value_name = "PATH")]
    pub(super) spec: String,
    /// Print one object
    #[arg(long)]
    json: bool,
    /// Write a contact sheet as PNG: a row for each class, with some of its training images
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,
    /// On the sheet, show images as training changes them at random: a preset, or a recipe with `[augment]`
    #[arg(long, value_name = "PRESET|FILE.toml", requires = "sheet", value_parser = augment)]
    augment: Option<Augment>,
    /// Take images that cannot be decoded for none, and end without an error
    #[arg(long)]
    skip_corrupt: bool,
}

/// What is told of a set beside its images' counts.
struct Found {
    near: NearRepeats,
    modes: BTreeMap<&'static str, usize>,
    skipped: Vec<String>,
}

/// Counts and measures.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let options = OpenOptions { skip_corrupt: true, ..OpenOptions::default() };
    let sets = super::open_as(&args.spec, &options)?;
    sets.repeats()?.iter().for_each(|told| output::note(told));
    let found = Found { near: sets.near_repeats()?, modes: modes(&sets)?, skipped: sets.skipped() };
    near(&sets, &found.near).iter().for_each(|told| output::note(told));
    if let Some(path) = &args.sheet {
        let sheet = match &args.augment {
            Some(augment) => changed(&sets, augment)?,
            None => sheet(&sets)?,
        };
        atomic::write(path, &sheet.to_png()?)?;
        output::note(&format!("wrote {}", path.display()));
    }
    output::emit(&if args.json { object(&sets, &found)?.to_string() } else { report(&sets, &found)? })?;
    match found.skipped.len() {
        count if count > 0 && !args.skip_corrupt => Err(Failure::work(format!(
            "{} cannot be used; mend or remove them, or leave them out with `--skip-corrupt`",
            output::counted(count, "image")
        ))),
        _ => Ok(()),
    }
}

fn modes(sets: &DataSets) -> Result<BTreeMap<&'static str, usize>, DataError> {
    let mut modes = BTreeMap::new();
    for (_, set) in sets.splits() {
        for (mode, count) in set.modes()? {
            *modes.entry(mode).or_insert(0) += count;
        }
    }
    Ok(modes)
}

/// So many pairs are told by name.
const PAIRS: usize = 3;

/// What is said of images that show the same picture as one of another split.
fn near(sets: &DataSets, near: &NearRepeats) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(reason) = &near.left {
        told.push(reason.clone());
    }
    for (split, set) in sets.splits().skip(1) {
        let found: Vec<&Near> = near.found.iter().filter(|near| near.second.split == split).collect();
        if found.is_empty() {
            continue;
        }
        let pairs: Vec<String> = found
            .iter()
            .take(PAIRS)
            .map(|near| format!("`{}` is like `{}`", near.second.name, near.first.name))
            .collect();
        let more = match found.len() > PAIRS {
            true => format!(", and {} more", found.len() - PAIRS),
            false => String::new(),
        };
        let others = found.iter().filter(|near| near.first.label != near.second.label).count();
        let classes = match others {
            0 => String::new(),
            _ => format!("; {others} of another class"),
        };
        told.push(format!(
            "{} of the {} {split} images nearly {} one of another split ({}{more}{classes})",
            found.len(),
            set.len(),
            if found.len() == 1 { "repeats" } else { "repeat" },
            pairs.join(", ")
        ));
    }
    told
}

/// Images of a row.
const COLUMNS: usize = 8;

/// Some training images of each class, spread over it.
fn sheet(sets: &DataSets) -> Result<Sheet<'_>, DataError> {
    let set = &sets.train;
    let side = side(set, set.classes.len());
    let mut rows = Vec::new();
    for (class, name) in set.classes.iter().enumerate() {
        let own: Vec<usize> = (0..set.len()).filter(|&index| set.labels()[index] as usize == class).collect();
        let count = own.len().min(COLUMNS);
        let images =
            (0..count).map(|place| set.image(own[place * own.len() / count])).collect::<Result<_, _>>()?;
        rows.push((format!("{name} ({})", output::grouped(own.len())), images));
    }
    Ok(Sheet { columns: COLUMNS, cell: [side, side], rows })
}

/// The side of an image on a sheet of so many rows.
fn side(set: &Dataset, rows: usize) -> usize {
    let (_, height, width) = set.shape;
    match (height.max(width), rows) {
        (_, 61..) => 48,
        (..=36, _) => 2 * height.max(width),
        _ => 112,
    }
}

/// Rows of a sheet of changed images.
const CHANGED: usize = 12;

/// Some training images of each class, and beside each what chance makes of it in the first epochs of a run.
fn changed<'a>(sets: &DataSets, augment: &Augment) -> Result<Sheet<'a>, DataError> {
    let rows = data::changed(&sets.train, augment, CHANGED, COLUMNS, 0)?;
    let side = side(&sets.train, rows.len());
    Ok(Sheet { columns: COLUMNS + 1, cell: [side, side], rows })
}

/// A preset's name, or the `[augment]` of a recipe file.
fn augment(text: &str) -> Result<Augment, String> {
    let patch = match Path::new(text).extension().is_some_and(|ending| ending == "toml") {
        true => RecipePatch::read(Path::new(text)),
        false if Preset::NAMES.contains(&text) => RecipePatch::of("augment.preset", text),
        false => {
            return Err(format!(
                "expected one of {}, or a recipe that ends in .toml",
                Preset::NAMES.join(", ")
            ));
        }
    };
    patch.and_then(|patch| patch.augment()).map_err(|error| error.to_string())
}

/// What images of these sizes become, if they are not of the set's size already.
fn sizes(sets: &DataSets) -> Option<String> {
    let (_, height, width) = sets.train.shape;
    let Sizes { smallest, median, largest } = sets.sizes?;
    if smallest == largest && largest == [height, width] {
        return None;
    }
    let text = |[height, width]: [usize; 2]| format!("{height} × {width}");
    let range = match smallest == largest {
        true => format!("{} pixels", text(largest)),
        false => format!("{} to {} pixels", text(smallest), text(largest)),
    };
    Some(format!(
        "images of {range} (height × width) become {}: resized to cover it, and their middle is kept; the median is {}",
        super::size(sets.train.shape),
        text(median)
    ))
}

/// The longest bar of a class.
const BAR: usize = 30;

fn report(sets: &DataSets, found: &Found) -> Result<String, DataError> {
    let splits: Vec<(&str, Vec<usize>)> = sets.splits().map(|(name, set)| (name, set.histogram())).collect();
    let mut text = String::new();
    let counts: Vec<String> =
        sets.splits().map(|(name, set)| format!("{} {name}", grouped(set.len() as u64))).collect();
    let _ = writeln!(
        text,
        "{STRONG}{}{STRONG:#}  {} images, {}, {} classes",
        sets.name,
        counts.join(", "),
        super::size(sets.train.shape),
        sets.classes().len()
    );
    if let Some(sizes) = sizes(sets) {
        let _ = writeln!(text, "  {sizes}");
    }
    if found.modes.len() > 1 {
        let modes: Vec<String> =
            found.modes.iter().map(|(mode, &count)| format!("{} {mode}", output::grouped(count))).collect();
        let _ = writeln!(text, "  files: {}", modes.join(", "));
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
    for (name, counts) in &splits {
        if let Some(told) = imbalance(name, counts) {
            let _ = writeln!(text, "\n  {told}");
        }
    }
    let (mean, std) = sets.train.statistics()?;
    let figures = |values: &[f32]| values.iter().map(|x| format!("{x:.4}")).collect::<Vec<_>>().join(", ");
    let _ =
        writeln!(text, "\n  training pixels (0 to 1)  mean {}  deviation {}", figures(&mean), figures(&std));
    Ok(text)
}

/// How many times as many images the largest class has as the smallest from which it is told.
const UNLIKE: f64 = 1.5;

fn balance(counts: &[usize]) -> Option<f64> {
    let (least, most) = (counts.iter().min()?, counts.iter().max()?);
    (*least > 0).then(|| *most as f64 / *least as f64)
}

fn imbalance(split: &str, counts: &[usize]) -> Option<String> {
    let (least, most) = (counts.iter().min()?, counts.iter().max()?);
    match balance(counts) {
        Some(ratio) if ratio < UNLIKE => None,
        Some(ratio) => Some(format!("{split} classes have {least} to {most} images, 1 to {ratio:.1}")),
        None => {
            let empty = counts.iter().filter(|count| **count == 0).count();
            Some(format!(
                "{} no {split} image",
                if empty == 1 { "1 class has".into() } else { format!("{empty} classes have") }
            ))
        }
    }
}

fn object(sets: &DataSets, found: &Found) -> Result<Value, DataError> {
    let split = |set: &Dataset| -> Result<Value, DataError> {
        let (mean, std) = set.statistics()?;
        let histogram = set.histogram();
        let balance = balance(&histogram);
        Ok(
            json!({ "images": set.len(), "histogram": histogram, "balance": balance, "mean": mean, "std": std }),
        )
    };
    let pair = |near: &Near| {
        let of = |seen: &convnet::data::Seen| json!({ "split": seen.split, "name": seen.name, "index": seen.index, "class": seen.label });
        json!({ "first": of(&near.first), "second": of(&near.second), "bits": near.bits, "likeness": near.likeness })
    };
    Ok(json!({
        "name": sets.name,
        "shape": sets.train.shape,
        "sizes": sets.sizes.map(|Sizes { smallest, median, largest }| {
            json!({ "smallest": smallest, "median": median, "largest": largest })
        }),
        "modes": found.modes,
        "notes": sets.notes,
        "corrupt": found.skipped,
        "near": found.near.found.iter().map(pair).collect::<Vec<_>>(),
        "near_left": found.near.left,
        "classes": sets.classes(),
        "train": split(&sets.train)?,
        "validation": sets.validation.as_ref().map(split).transpose()?,
        "test": sets.test.as_ref().map(split).transpose()?,
    }))
}
