//! The options of `train` that set keys of the recipe, a file a section.

mod augment;
mod checkpoints;
mod images;
mod lists;
mod log;
mod loss;
mod network;
mod optimizer;
mod progressive;
mod regularize;
mod schedule;
mod split;
mod training;

use std::path::Path;

use convnet::train::{Recipe, RecipePatch, TrainError};

use crate::commands::recipes;
use crate::error::Failure;

/// A key of a recipe, and what it is set to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: toml::Value,
}

/// All of them.
#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    #[command(flatten)]
    pub(super) training: training::Training,
    #[command(flatten)]
    lists: lists::Lists,
    #[command(flatten)]
    optimizer: optimizer::Optimizer,
    #[command(flatten)]
    schedule: schedule::Schedule,
    #[command(flatten)]
    split: split::Split,
    #[command(flatten)]
    augment: augment::Augment,
    #[command(flatten)]
    loss: loss::Loss,
    #[command(flatten)]
    network: network::Network,
    #[command(flatten)]
    progressive: progressive::Progressive,
    #[command(flatten)]
    regularize: regularize::Regularize,
    #[command(flatten)]
    checkpoints: checkpoints::Checkpoints,
    #[command(flatten)]
    images: images::Images,
    #[command(flatten)]
    log: log::Log,
}

impl Settings {
    /// The recipe with the named recipe or the recipe file, what was given on the command line, and the settings of one of
    /// several runs laid over it.
    pub(super) fn over(&self, recipe: &Recipe, own: &[Setting]) -> Result<Recipe, Failure> {
        let mut patch = self.patch()?;
        for Setting { key, value } in own {
            patch.set(key, value)?;
        }
        let recipe = recipe.with(&self.recipe()?)?;
        recipe.with(&patch).map_err(|error| match (error, own) {
            // The settings of a sweep are arguments, whatever their types.
            (error @ TrainError::Recipe { .. }, [_, ..]) => Failure::usage(error),
            (error, _) => error.into(),
        })
    }

    /// Whether batch and rate are to grow with the number of processes.
    pub(super) fn scales(&self) -> bool {
        self.training.scale_to_ranks
    }

    /// Whether the learning rate is the user's own.
    pub(super) fn has_rate(&self) -> bool {
        self.training.lr.is_some() || self.training.recipe.is_some()
    }

    /// What was given on the command line.
    fn patch(&self) -> Result<RecipePatch, Failure> {
        let mut patch = RecipePatch::default();
        self.training.set(&mut patch)?;
        self.lists.set(self.training.data.as_deref(), &mut patch)?;
        self.optimizer.set(&mut patch)?;
        self.schedule.set(&mut patch)?;
        self.split.set(&mut patch)?;
        self.augment.set(&mut patch)?;
        self.loss.set(&mut patch)?;
        self.network.set(&mut patch)?;
        self.progressive.set(&mut patch)?;
        self.regularize.set(&mut patch)?;
        self.checkpoints.set(&mut patch)?;
        self.images.set(&mut patch)?;
        self.log.set(&mut patch)?;
        Ok(patch)
    }

    /// Whether nothing was said of what is frozen.
    pub(super) fn leaves_freezing(&self) -> bool {
        self.training.recipe.is_none() && !self.network.freezes()
    }

    /// The named recipe, or that of a file.
    fn recipe(&self) -> Result<RecipePatch, Failure> {
        let Some(name) = self.training.recipe.as_deref() else { return Ok(RecipePatch::default()) };
        match RecipePatch::named(name) {
            Some(named) => Ok(named),
            None if Path::new(name).extension().is_some_and(|e| e == "toml") => {
                Ok(RecipePatch::read(Path::new(name))?)
            }
            None => Err(recipes::unknown(name)),
        }
    }
}

/// Sets a key that was given.
fn given<T: serde::Serialize>(patch: &mut RecipePatch, key: &str, value: Option<T>) -> Result<(), Failure> {
    if let Some(value) = value {
        patch.set(key, value).map_err(Failure::usage)?;
    }
    Ok(())
}
