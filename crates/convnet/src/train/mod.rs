//! Training: recipes, schedules, and the directory that a run writes.

mod callback;
mod canvas;
mod checkpoint;
mod config;
mod confusion;
mod curves;
mod error;
mod evaluate;
mod input_size;
mod metrics;
mod progress;
mod recipe;
mod run_dir;
mod schedule;
mod trainer;
mod training_loop;

#[cfg(test)]
mod tests;

pub use crate::optim::Optimizer;
pub use callback::{Callback, Control, Rate, RunStart, StepProgress};
pub use config::RunConfig;
pub use confusion::Confusion;
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate};
pub use input_size::training_input_size;
pub use metrics::EpochRecord;
pub use recipe::{AugmentSettings, RECIPES, Recipe, RecipePatch};
pub use run_dir::RunDir;
pub use schedule::{RunLength, Schedule};
pub use trainer::{TrainReport, Trainer};
