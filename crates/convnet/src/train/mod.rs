//! Training: recipes, schedules, and the directory that a run writes.

mod canvas;
mod checkpoint;
mod config;
mod confusion;
mod curves;
mod error;
mod evaluate;
mod metrics;
mod observer;
mod progress;
mod recipe;
mod run_dir;
mod schedule;
mod session;
mod side;
mod trainer;

#[cfg(test)]
mod tests;

pub use crate::optim::Optimizer;
pub use config::RunConfig;
pub use confusion::Confusion;
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate};
pub use metrics::EpochRecord;
pub use observer::{Observer, Start, StepProgress};
pub use recipe::{AugmentSettings, Overrides, RECIPES, Recipe};
pub use run_dir::RunDir;
pub use schedule::{Schedule, Span};
pub use side::training_side;
pub use trainer::{TrainReport, Trainer};
