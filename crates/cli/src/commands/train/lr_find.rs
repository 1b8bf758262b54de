//! `train --lr-find`: which peak of the learning rate suits a network and its data. Nothing is trained for keeps.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use convnet::exec::Options;
use convnet::train::{LrFind, LrRange, Trainer, draw_rates, lr_find};
use convnet_formats::atomic;

use super::{Args, Given, Start, listen};
use crate::error::Failure;
use crate::models;
use crate::output::{self, FAINT, STRONG, counted};
use crate::waiting::Waiting;

/// Runs the range test, and draws it.
pub(super) fn run(args: &Args, options: &Options, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let (recipe, start) = args.begin(&[])?;
    let Start { graph, data, given: Given { preprocess, weights, teacher, .. }, .. } = start;
    let steps = recipe.limit_steps.map_or(LrFind::default().steps, |limit| limit as usize);
    let rates = LrFind { steps, ..LrFind::default() };
    let title = format!("{} on {}", graph.name(), data.name);
    listen(stop)?;
    let mut trainer = Trainer::new(&graph, data).recipe(recipe).options(*options).stop(Arc::clone(stop));
    if let Some((origin, weights)) = weights {
        trainer = trainer.weights(origin, weights);
    }
    if let Some(preprocess) = preprocess {
        trainer = trainer.preprocess(preprocess);
    }
    if let Some(teacher) = teacher {
        trainer = trainer.teacher(teacher);
    }
    let waiting = Waiting::of(rates.steps, "step");
    let mut done = 0;
    let range = lr_find(trainer, rates, &mut |_| {
        done += 1;
        waiting.done(done);
    })?;
    drop(waiting);
    if stop.load(Ordering::Relaxed) {
        return Err(Failure::work("interrupted: nothing is written"));
    }
    let chart =
        args.chart.clone().unwrap_or_else(|| PathBuf::from(format!("{}-lr.png", models::stem(args.name()))));
    let [png, svg, csv] = ["png", "svg", "csv"].map(|ending| chart.with_extension(ending));
    draw_rates(&png, &title, &range)?;
    draw_rates(&svg, &title, &range)?;
    atomic::write(&csv, range.to_csv().as_bytes())?;
    let files = format!("{}, {} and {}", png.display(), svg.display(), csv.display());
    output::emit(&format!("{}{FAINT}{files}{FAINT:#}\n", told(&range)))
}

fn told(range: &LrRange) -> String {
    let last = range.points.last().map_or(0.0, |point| point.lr);
    let end = match range.exploded {
        true => format!("the loss exploded at {last:.2e}"),
        false => format!("the last rate was {last:.2e}"),
    };
    let steps = counted(range.points.len(), "step");
    let mut said = match range.steepest() {
        Some(lr) => format!("{STRONG}--lr {lr:.2e}{STRONG:#}  where the loss falls steepest\n"),
        None => {
            "the loss does not fall at any rate: look at the data, or take more steps with --limit-steps\n"
                .to_owned()
        }
    };
    if let Some(lr) = range.tenth() {
        said.push_str(&format!("--lr {lr:.2e}  a tenth of the rate at which the loss is least\n"));
    }
    said.push_str(&format!("{FAINT}{steps}; {end}; the weights are dropped{FAINT:#}\n"));
    said
}
