//! Optimizers: the rules that turn gradients into updates, with their settings.
//!
//! ```
//! use convnet::optim::{Optimizer, Sgd};
//!
//! let optimizer = Optimizer::adamw().with_weight_decay(0.05);
//! assert!(optimizer.check().is_ok());
//! let nesterov = Optimizer::from(Sgd { nesterov: true, ..Sgd::default() });
//! assert_eq!(nesterov.title(), "SGD");
//! let error = Optimizer::sgd().with_weight_decay(-1.0).check().unwrap_err();
//! assert_eq!(error.to_string(), "optimizer: `weight_decay` is -1, expected a number from 0");
//! ```

mod assign;
mod frozen;
mod groups;
mod layers;
mod optimizer;
#[cfg(test)]
pub(crate) mod plain;
mod rules;

pub(crate) use assign::Assigned;
pub use frozen::{Frozen, NoMatch};
pub(crate) use groups::Setting;
pub use groups::{GroupCount, GroupError, ParameterGroup, ParameterGroups, Select};
pub use layers::layer_rates;
pub use optimizer::{Optimizer, OptimizerEntry};
pub use rules::{Adagrad, Adam, Adamw, Adjust, Lamb, Lars, Lion, Muon, Nadam, Rmsprop, Sgd};

/// A setting that no optimizer can follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("optimizer: `{name}` is {found}, expected {expected}")]
#[non_exhaustive]
pub struct OptimizerError {
    /// The setting.
    pub name: &'static str,
    /// Its value.
    pub found: String,
    /// What would do.
    pub expected: &'static str,
}
