//! Optimizers: the rules that turn gradients into updates, with their settings.
//!
//! ```
//! use convnet::optim::Optimizer;
//!
//! let optimizer = Optimizer::adamw().with_weight_decay(0.05);
//! assert!(optimizer.check().is_ok());
//! let error = Optimizer::sgd().with_weight_decay(-1.0).check().unwrap_err();
//! assert_eq!(error.to_string(), "optimizer: `weight_decay` is -1, expected a number from 0");
//! ```

mod frozen;
mod groups;

use serde::{Deserialize, Serialize};

pub use frozen::{Frozen, NoMatch};
pub(crate) use groups::Setting;
pub use groups::{GroupError, ParameterGroup, ParameterGroups, Select};

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

/// The rule that turns gradients into updates, as PyTorch's optimizers of the same names define it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum.
    Sgd {
        /// What is kept of the last update.
        #[serde(default = "momentum")]
        momentum: f32,
        /// Nesterov's momentum: the gradient is looked up ahead (Sutskever et al. 2013).
        #[serde(default)]
        nesterov: bool,
        /// L2 penalty, added to the gradient.
        #[serde(default)]
        weight_decay: f32,
    },
    /// Adam (Kingma and Ba 2015).
    Adam {
        /// Decay of the gradient's mean.
        #[serde(default = "beta1")]
        beta1: f32,
        /// Decay of the squared gradient's mean.
        #[serde(default = "beta2")]
        beta2: f32,
        /// Added to the root of the squared gradient's mean.
        #[serde(default = "eps")]
        eps: f32,
        /// L2 penalty, added to the gradient.
        #[serde(default)]
        weight_decay: f32,
    },
    /// Adam with the weight decay apart from the gradient (Loshchilov and Hutter 2019).
    Adamw {
        /// Decay of the gradient's mean.
        #[serde(default = "beta1")]
        beta1: f32,
        /// Decay of the squared gradient's mean.
        #[serde(default = "beta2")]
        beta2: f32,
        /// Added to the root of the squared gradient's mean.
        #[serde(default = "eps")]
        eps: f32,
        /// What a step at a learning rate of 1 takes off each weight.
        #[serde(default = "decoupled_decay")]
        weight_decay: f32,
    },
}

fn momentum() -> f32 {
    0.9
}

fn beta1() -> f32 {
    0.9
}

fn beta2() -> f32 {
    0.999
}

fn eps() -> f32 {
    1e-8
}

fn decoupled_decay() -> f32 {
    0.01
}

impl Optimizer {
    /// The names of the buffers that it keeps for each parameter, as PyTorch calls them.
    pub(crate) fn buffers(self) -> &'static [&'static str] {
        match self {
            Self::Sgd { momentum: 0.0, .. } => &[],
            Self::Sgd { .. } => &["momentum_buffer"],
            Self::Adam { .. } | Self::Adamw { .. } => &["exp_avg", "exp_avg_sq"],
        }
    }

    /// SGD with momentum 0.9.
    pub fn sgd() -> Self {
        Self::Sgd { momentum: momentum(), nesterov: false, weight_decay: 0.0 }
    }

    /// Adam with PyTorch's defaults.
    pub fn adam() -> Self {
        Self::Adam { beta1: beta1(), beta2: beta2(), eps: eps(), weight_decay: 0.0 }
    }

    /// AdamW with PyTorch's defaults.
    pub fn adamw() -> Self {
        Self::Adamw { beta1: beta1(), beta2: beta2(), eps: eps(), weight_decay: decoupled_decay() }
    }

    /// The optimizer of a name: `sgd`, `adam`, `adamw`, with the settings above.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "sgd" => Some(Self::sgd()),
            "adam" => Some(Self::adam()),
            "adamw" => Some(Self::adamw()),
            _ => None,
        }
    }

    /// The names that [`Optimizer::named`] knows.
    pub const NAMES: [&'static str; 3] = ["sgd", "adam", "adamw"];

    /// The same rule with another weight decay.
    pub fn with_weight_decay(mut self, decay: f32) -> Self {
        let (Self::Sgd { weight_decay, .. }
        | Self::Adam { weight_decay, .. }
        | Self::Adamw { weight_decay, .. }) = &mut self;
        *weight_decay = decay;
        self
    }

    /// A peak learning rate to start from where none is given.
    pub fn usual_lr(&self) -> f64 {
        match self {
            Self::Sgd { .. } => 0.05,
            Self::Adam { .. } | Self::Adamw { .. } => 0.002,
        }
    }

    /// Whether both are of one kind, whatever their settings.
    pub fn same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Refuses settings that no optimizer can follow.
    ///
    /// # Errors
    /// The first setting out of its range.
    pub fn check(&self) -> Result<(), OptimizerError> {
        let number = |name, value: f32, ok: bool, expected| {
            if ok && value.is_finite() {
                Ok(())
            } else {
                Err(OptimizerError { name, found: value.to_string(), expected })
            }
        };
        let decay = |value: f32| number("weight_decay", value, value >= 0.0, "a number from 0");
        let below_one =
            |name, value: f32| number(name, value, (0.0..1.0).contains(&value), "a number from 0, below 1");
        match *self {
            Self::Sgd { momentum, nesterov, weight_decay } => {
                below_one("momentum", momentum)?;
                if nesterov && momentum == 0.0 {
                    return Err(OptimizerError {
                        name: "nesterov",
                        found: nesterov.to_string(),
                        expected: "a momentum above 0 with it",
                    });
                }
                decay(weight_decay)
            }
            Self::Adam { beta1, beta2, eps, weight_decay }
            | Self::Adamw { beta1, beta2, eps, weight_decay } => {
                below_one("beta1", beta1)?;
                below_one("beta2", beta2)?;
                number("eps", eps, eps > 0.0, "a number above 0")?;
                decay(weight_decay)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        for name in Optimizer::NAMES {
            let optimizer = Optimizer::named(name).unwrap();
            optimizer.check().unwrap();
            let error = optimizer.with_weight_decay(-1.0).check().unwrap_err().to_string();
            assert!(error.contains("`weight_decay`") && error.contains("-1"), "{error}");
        }
        let still = Optimizer::Sgd { momentum: 0.0, nesterov: true, weight_decay: 0.0 };
        assert!(still.check().unwrap_err().to_string().contains("`nesterov`"));
    }
}
