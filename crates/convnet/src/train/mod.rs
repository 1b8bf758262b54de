//! Training: recipes, schedules, callbacks, and the directory that a run writes.
//!
//! ```
//! use convnet::train::{Recipe, RecipePatch, RunLength};
//! use convnet::zoo;
//!
//! let suiting = Recipe::for_graph(&zoo::lenet().build()?);
//! let recipe = suiting.with(&RecipePatch::of("lr", 0.001)?)?;
//! recipe.check()?;
//! let run = RunLength { steps_per_epoch: 157, total: 157 * recipe.epochs as u64 };
//! // One cycle climbs to its peak.
//! assert!(recipe.schedule.rate(recipe.lr, 0, run) < 0.0001);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Trainer`] runs it.

mod calibration;
#[cfg(feature = "train")]
mod callback;
#[cfg(feature = "train")]
mod charts;
#[cfg(feature = "train")]
mod checkpoint;
mod class_figures;
mod config;
mod confusion;
#[cfg(feature = "train")]
mod course;
mod divide;
mod error;
mod evaluate;
pub mod figures;
#[cfg(feature = "train")]
mod filter_history;
mod input_size;
#[cfg(feature = "train")]
mod joint;
#[cfg(feature = "train")]
mod judged;
#[cfg(feature = "train")]
mod kept;
#[cfg(feature = "train")]
mod lesson;
mod lock;
mod logs;
#[cfg(feature = "train")]
mod lr_find;
mod measures;
mod metrics;
mod new_run;
mod outcome;
#[cfg(feature = "train")]
mod progress;
mod recipe;
pub mod remarks;
mod run_data;
mod run_dir;
#[cfg(feature = "train")]
mod run_view;
mod schedule;
mod several;
#[cfg(feature = "train")]
mod sizes;
#[cfg(feature = "train")]
mod standing;
#[cfg(feature = "train")]
mod step_log;
#[cfg(feature = "train")]
mod steps;
#[cfg(feature = "train")]
mod summary;
#[cfg(feature = "train")]
mod supply;
#[cfg(feature = "train")]
#[cfg(test)]
mod supply_tests;
#[cfg(feature = "train")]
mod teacher;
#[cfg(feature = "train")]
mod tensorboard;
#[cfg(feature = "train")]
mod trace;
#[cfg(feature = "train")]
mod trainer;
#[cfg(feature = "train")]
mod training_loop;
#[cfg(feature = "train")]
mod unusual;
mod version;

#[cfg(feature = "train")]
#[cfg(test)]
mod freeze_tests;
#[cfg(feature = "train")]
#[cfg(test)]
mod joint_tests;
#[cfg(feature = "train")]
#[cfg(test)]
mod loss_tests;
#[cfg(feature = "train")]
#[cfg(test)]
mod tests;

pub use crate::optim::{Optimizer, OptimizerEntry};
pub use calibration::{Calibration, CalibrationBin, CalibrationTally, sigmoids, softmax};
#[cfg(feature = "train")]
pub use callback::{Callback, Control, Rate, RunStart, StepProgress};
#[cfg(feature = "train")]
pub use charts::{ComparedRun, draw_rates, draw_reliability, draw_runs, overlaid, reliability};
pub use class_figures::{Averages, ClassFigures};
pub use config::RunConfig;
pub use confusion::{Confusion, Mistake};
pub use divide::divide;
pub use error::TrainError;
pub use evaluate::{Evaluation, Seen, evaluate, evaluate_views, evaluate_with};
pub use input_size::training_input_size;
pub use logs::Log;
#[cfg(feature = "train")]
pub use lr_find::{LrFind, LrPoint, LrRange, lr_find};
pub use measures::{Measurements, Measures, Prediction, likeliest};
pub use metrics::EpochRecord;
pub use new_run::NewRun;
pub use outcome::{Measured, Outcome};
pub use recipe::{
    Balanced, Checkpoints, ClassWeights, Freeze, Initialization, Loss, LossKind, NamedGroup, Network,
    Parameters, Progressive, RECIPES, Recipe, RecipePatch, Regularize, ShippedRecipe, Split, TeacherSettings,
    Unfreeze,
};
pub use run_dir::RunDir;
#[cfg(feature = "train")]
pub use run_view::RunView;
pub use schedule::{RunLength, Schedule};
pub use several::{ClassFound, SeveralEvaluation, evaluate_several};
#[cfg(feature = "train")]
pub use step_log::{StepLog, StepRecord};
#[cfg(feature = "train")]
pub use summary::{RunState, RunSummary};
#[cfg(feature = "train")]
pub use teacher::Teacher;
#[cfg(feature = "train")]
pub use tensorboard::{LogFailure, TensorBoard};
#[cfg(feature = "train")]
pub use trace::Trace;
#[cfg(feature = "train")]
pub use trainer::{TrainReport, Trainer};
