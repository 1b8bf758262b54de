//! `convnet compare A B -o FILE.html`: two runs on one page.

use std::path::{Path, PathBuf};

use convnet::data::{ClassMatch, Dataset, Image};
use convnet::exec::Options;
use convnet::inspect::{Summary, scaled};
use convnet::io::Loaded;
use convnet::model::Model;
use convnet::train::{RunDir, RunSummary, overlaid};
use convnet_explain::{Side, ToldOfTwo, Versus};
use convnet_formats::atomic;

use super::super::trained::TrainedArgs;
use super::super::{data, images};
use super::{Args, COLUMNS, Difference, compared, names, row, told};
use crate::error::Failure;
use crate::output::{self, counted};
use crate::waiting::Waiting;

/// Writes the page of two runs.
pub(super) fn write(
    path: &Path,
    args: &Args,
    runs: &[RunSummary],
    differences: &[Difference],
    mut notes: Vec<String>,
) -> Result<(), Failure> {
    let [first, second] = runs else {
        return Err(Failure::usage(format!(
            "a page is of two runs, {} given; the curves of more go into a picture (`-o curves.svg`)",
            runs.len()
        )));
    };
    let named = images::called(&args.images)?;
    if named.len() > Versus::MOST {
        return Err(Failure::usage(format!(
            "{} photos for one page, expected at most {}",
            named.len(),
            Versus::MOST
        )));
    }
    let load = |run: &RunSummary| TrainedArgs::of_run(&run.path).load();
    let models = [load(first)?, load(second)?];
    let classes = models.each_ref().map(|(model, _)| model.class_names());
    let measured = match classes[0] == classes[1] {
        true => common(args, [first, second], &models[0].0, &classes[0], &mut notes)?,
        false => not_counted("the runs have other classes, or in another order", &mut notes),
    };
    let (images, name) = measured.unzip();
    let read = |(name, path): (String, PathBuf)| Ok::<_, Failure>((name, Image::open(&path)?));
    let photos = named.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
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
            about: match (&images, name) {
                (Some(images), Some(name)) => {
                    format!("Both are measured on the same {} of {name}.", counted(images.len(), "image"))
                }
                _ => String::new(),
            },
            notes: notes.iter().map(|note| output::sentence(note)).collect(),
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

/// The images by whose classes both answer, and the name of their set; `notes` are what a reader must know of them.
fn common(
    args: &Args,
    runs: [&RunSummary; 2],
    first: &Model,
    classes: &[String],
    notes: &mut Vec<String>,
) -> Result<Option<(Dataset, String)>, Failure> {
    let [one, two] = runs.each_ref().map(|run| RunDir::open(&run.path));
    let (one, two) = (one?, two?);
    let opened = data::open_measured(args.data.as_deref(), first.data.as_deref(), Some(&one))?;
    notes.extend(opened.told);
    notes.extend(data::note_seen(Some(&two), two.data()?, &opened.set)?);
    let set = opened.set;
    if set.images.multi_labels().is_some() {
        return Ok(not_counted("an image may have several of the classes", notes));
    }
    let matched = ClassMatch::by_name(classes, &set.images.classes, &set.name)?;
    matched.told().iter().for_each(|told| output::note(told));
    notes.extend(matched.told());
    let images = set.images.among(classes, &matched)?;
    match images.is_empty() {
        true => Err(Failure::work(format!("`{}` has no image to measure the runs on", set.name))),
        false => Ok(Some((images, set.name))),
    }
}

/// No images, and why.
fn not_counted(why: &str, notes: &mut Vec<String>) -> Option<(Dataset, String)> {
    let note = format!("{why}: what the two make of the same images is not counted");
    output::note(&note);
    notes.push(note);
    None
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
