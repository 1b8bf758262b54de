//! `convnet compare A B -o FILE.html`: two runs on one page.

use std::path::{Path, PathBuf};

use convnet::data::{ClassMatch, Dataset, Image, TestSet};
use convnet::exec::Options;
use convnet::inspect::{Summary, scaled};
use convnet::io::Loaded;
use convnet::model::{Model, OpenOptions};
use convnet::train::{RunDir, RunSummary, overlaid};
use convnet_explain::{Side, ToldOfTwo, Versus};
use convnet_formats::atomic;

use super::super::{data, images};
use super::{Args, COLUMNS, Difference, compared, names, row, told};
use crate::error::Failure;
use crate::models;
use crate::output::{self, counted};
use crate::waiting::Waiting;

/// Writes the page of two runs.
pub(super) fn write(
    path: &Path,
    args: &Args,
    runs: &[RunSummary],
    differences: &[Difference],
) -> Result<(), Failure> {
    let [first, second] = runs else {
        return Err(Failure::usage(format!(
            "a page is of two runs, {} given; the curves of more go into a picture (`-o curves.svg`)",
            runs.len()
        )));
    };
    let (models, directories) = ([open(first)?, open(second)?], [&first.path, &second.path]);
    let directories = [RunDir::open(directories[0])?, RunDir::open(directories[1])?];
    let own = models[0].0.data.as_deref();
    let (set, _) = data::open_measured(args.data.as_deref(), own, Some(&directories[0]))?;
    data::note_seen(Some(&directories[1]), &set)?;
    let classes = models.each_ref().map(|(model, _)| model.class_names());
    let (images, note) = common(&set, &classes)?;
    if let Some(images) = images.as_ref().filter(|images| images.is_empty()) {
        return Err(Failure::work(format!(
            "`{}` has {} to measure the runs on",
            set.name,
            counted(images.len(), "image")
        )));
    }
    let photos = photos(args)?;
    let side = |at: usize| Side {
        name: names(runs)[at].clone(),
        graph: &models[at].0.graph,
        weights: &models[at].1,
        preprocess: &models[at].0.preprocess,
        names: &classes[at],
        several: models[at].0.card.as_ref().is_some_and(|card| card.several),
    };
    let versus = Versus {
        sides: [side(0), side(1)],
        images: images.as_ref(),
        photos: &photos,
        told: ToldOfTwo {
            about: match &images {
                Some(images) => {
                    format!(
                        "Both are measured on the same {} of {}.",
                        counted(images.len(), "image"),
                        set.name
                    )
                }
                None => String::new(),
            },
            notes: note.into_iter().collect(),
            facts: facts(runs, &models),
            settings: differences
                .iter()
                .map(|(key, values)| [key.clone(), told(&values[0]), told(&values[1])])
                .collect(),
            curves: match runs.iter().all(|run| run.records.is_empty()) {
                true => String::new(),
                false => overlaid(&compared(runs, &names(runs))).svg(),
            },
        },
        options: Options { threads: args.threads.count(), ..Options::default() },
    };
    let waiting = Waiting::of(versus.looked_at(), "image");
    let text = versus.html(&mut |done| waiting.done(done))?;
    drop(waiting);
    Ok(atomic::write(path, text.as_bytes())?)
}

/// A run's network with its weights.
fn open(run: &RunSummary) -> Result<(Model, Loaded), Failure> {
    let name = run.path.display().to_string();
    let mut model = models::open(&name, &OpenOptions::default())?;
    model.notes.iter().for_each(|note| output::note(&note.to_string()));
    let weights = model.weights.take();
    let weights = weights.ok_or_else(|| Failure::work(format!("`{name}` has no weights yet")))?;
    Ok((model, weights))
}

/// The images by whose classes both answer; else why there are none, which the page tells.
fn common(set: &TestSet, classes: &[Vec<String>; 2]) -> Result<(Option<Dataset>, Option<String>), Failure> {
    let without = |why: &str| {
        let note = format!("{why}: what the two make of the same images is not counted");
        output::note(&note);
        Ok((None, Some(format!("{note}."))))
    };
    if classes[0] != classes[1] {
        return without("the runs have other classes, or in another order");
    }
    if set.images.multi_labels().is_some() {
        return without("an image may have several of the classes");
    }
    let matched = ClassMatch::by_name(&classes[0], &set.images.classes, &set.name)?;
    matched.told().iter().for_each(|told| output::note(told));
    Ok((Some(set.images.among(&classes[0], &matched)?), None))
}

fn photos(args: &Args) -> Result<Vec<(String, Image<'static>)>, Failure> {
    let read = |(name, path): (String, PathBuf)| Ok((name, Image::open(&path)?));
    images::called(&args.images)?.into_iter().map(read).collect()
}

/// What is known of each: the columns of the table, but for the number and the name, and what an image takes.
fn facts(runs: &[RunSummary], models: &[(Model, Loaded); 2]) -> Vec<[String; 3]> {
    let rows = [row((0, &runs[0])), row((1, &runs[1]))];
    let mut facts: Vec<[String; 3]> = COLUMNS
        .iter()
        .enumerate()
        .skip(2)
        .map(|(at, column)| [column.heading().to_owned(), rows[0][at].clone(), rows[1][at].clone()])
        .collect();
    let of = |name: &str, fact: &dyn Fn(&Model) -> String| {
        [name.to_owned(), fact(&models[0].0), fact(&models[1].0)]
    };
    facts.insert(1, of("input", &|model| model.graph.input_shape().to_string()));
    facts.insert(
        3,
        of("multiply-accumulates of an image", &|model| scaled(Summary::new(&model.graph, 1).macs)),
    );
    facts
}
