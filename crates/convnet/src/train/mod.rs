//! Training: recipes, schedules, and the directory that a run writes.

mod config;
mod error;
mod metrics;
mod optimizer;
mod recipe;
mod run_dir;
mod schedule;

pub use config::RunConfig;
pub use error::TrainError;
pub use metrics::EpochRecord;
pub use optimizer::Optimizer;
pub use recipe::{AugmentSettings, Overrides, RECIPES, Recipe};
pub use run_dir::RunDir;
pub use schedule::{Schedule, Span};
