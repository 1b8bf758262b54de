//! Training under mpirun: one process leads, shows and writes, the others do its steps.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use convnet::exec::Options;
use convnet::ranks::Ranks;
use convnet::train::{Recipe, Trainer};

use super::super::joined::Joined;
use super::{Args, Carried, Start, carry_out, finish, listen};
use crate::error::Failure;
use crate::output;

/// Trains as one of several processes.
pub(super) fn run(args: &Args, joined: Joined) -> Result<(), Failure> {
    let carried = joined.run(|joined| match joined.mpi.rank() {
        0 => match lead(args, joined)? {
            Carried { result: Err(error), directory, classes } => {
                finish(Err(error), &directory, classes).map(|()| None)
            }
            carried => Ok(Some(carried)),
        },
        _ => follow(args, joined).map(|()| None),
    })?;
    carried.map_or(Ok(()), |Carried { result, directory, classes }| finish(result, &directory, classes))
}

fn options(args: &Args, joined: &Joined) -> Result<Options, Failure> {
    if !args.sweep.is_empty() || args.folds.is_some() || args.lr_find {
        return Err(Failure::usage(
            "--sweep, --folds and --lr-find train in one process: start them without mpirun",
        ));
    }
    joined.options(&args.threads, &args.device)
}

/// What the first process does.
fn lead(args: &Args, joined: &Joined) -> Result<Carried, Failure> {
    let options = options(args, joined)?;
    let mut plan = match &args.resume {
        Some(place) => args.resumed(place, &options, None)?,
        None => args.fresh(&[], args.out.as_deref())?,
    };
    let size = joined.mpi.size();
    if args.settings.scales() {
        let Recipe { batch, lr, .. } = plan.recipe;
        plan.recipe = plan.recipe.scaled_to(size);
        let (all, rate) = (plan.recipe.batch, output::small(plan.recipe.lr));
        output::note(&format!(
            "batch {batch} × {size} = {all}, learning rate {} × {size} = {rate}",
            output::small(lr)
        ));
    }
    let stop = Arc::<AtomicBool>::default();
    listen(&stop)?;
    let threads = output::counted(options.threads, "thread");
    output::note(&format!("{size} processes by {}, {threads} each", joined.mpi.library()));
    carry_out(args, plan, &options, &stop, Some(joined.mpi.clone()))
}

/// What the others do.
fn follow(args: &Args, joined: &Joined) -> Result<(), Failure> {
    let options = options(args, joined)?;
    let (mut recipe, start) = match &args.resume {
        Some(place) => args.resumed(place, &options, None).map(|plan| (plan.recipe, plan.start))?,
        None => args.begin(&[])?,
    };
    if args.settings.scales() {
        recipe = recipe.scaled_to(joined.mpi.size());
    }
    let stop = Arc::<AtomicBool>::default();
    listen(&stop)?;
    let Start { graph, data, given, .. } = start;
    let trainer = Trainer::new(&graph, data).recipe(recipe).options(options).stop(stop);
    Ok(given.to(trainer).ranks(joined.mpi.clone()).follow()?)
}
