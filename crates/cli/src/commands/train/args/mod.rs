//! The options of `train` that set keys of the recipe, a file a section.

mod augment;
mod checkpoints;
mod images;
mod lists;
mod log;
mod loss;
mod network;
mod optimizer;
mod regularize;
mod schedule;
mod split;
mod training;

use std::path::Path;

use convnet::train::{RECIPES, Recipe, RecipePatch};

use crate::error::Failure;

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
    regularize: regularize::Regularize,
    #[command(flatten)]
    checkpoints: checkpoints::Checkpoints,
    #[command(flatten)]
    images: images::Images,
    #[command(flatten)]
    log: log::Log,
}

impl Settings {
    /// The recipe with the named recipe or the recipe file, and what was given on the command line, laid over it.
    pub(super) fn over(&self, recipe: &Recipe) -> Result<Recipe, Failure> {
        Ok(recipe.with(&self.recipe()?)?.with(&self.patch()?)?)
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
            None => {
                let names = RECIPES.map(|(name, _)| name).join(", ");
                Err(Failure::usage(format!(
                    "no recipe is called `{name}`, expected one of {names}, or a file that ends in .toml"
                )))
            }
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
