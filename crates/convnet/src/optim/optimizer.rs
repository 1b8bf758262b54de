//! The rules, listed once: names, defaults and all that is told of them come from the list.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::OptimizerError;
use super::rules::{Adagrad, Adam, Adamw, Lamb, Lars, Lion, Muon, Nadam, Rmsprop, Rule, Sgd};

/// A rule as it is listed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OptimizerEntry {
    /// Its name in recipes: `sgd`.
    pub name: &'static str,
    /// What it is, in a line.
    pub summary: &'static str,
    /// The rule with its defaults.
    pub optimizer: Optimizer,
    /// A peak learning rate to start from where none is given.
    pub usual_lr: f64,
}

macro_rules! optimizers {
    ($($(#[$doc:meta])* $rule:ident),* $(,)?) => {
        /// The rule that turns gradients into updates, as PyTorch's optimizers of the same names define it, or timm's where
        /// PyTorch has none.
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "kebab-case")]
        pub enum Optimizer {
            $($(#[$doc])* $rule($rule)),*
        }

        $(impl From<$rule> for Optimizer {
            fn from(settings: $rule) -> Self {
                Self::$rule(settings)
            }
        })*

        impl Optimizer {
            /// The names that [`Optimizer::named`] knows.
            pub const NAMES: [&'static str; [$($rule::NAME),*].len()] = [$($rule::NAME),*];

            /// All rules.
            pub fn entries() -> Vec<OptimizerEntry> {
                vec![$(OptimizerEntry {
                    name: $rule::NAME,
                    summary: $rule::SUMMARY,
                    optimizer: $rule::default().into(),
                    usual_lr: $rule::USUAL_LR,
                }),*]
            }

            /// Its name in recipes: `adamw`.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$rule(_) => $rule::NAME),*
                }
            }

            /// Its name in sentences: `AdamW`.
            pub fn title(&self) -> &'static str {
                match self {
                    $(Self::$rule(_) => $rule::TITLE),*
                }
            }

            /// A peak learning rate to start from where none is given.
            pub fn usual_lr(&self) -> f64 {
                match self {
                    $(Self::$rule(_) => $rule::USUAL_LR),*
                }
            }

            /// Refuses settings that no optimizer can follow.
            ///
            /// # Errors
            /// The first setting out of its range.
            pub fn check(&self) -> Result<(), OptimizerError> {
                match self {
                    $(Self::$rule(rule) => rule.check()),*
                }
            }

            /// The same rule with another weight decay.
            #[must_use]
            pub fn with_weight_decay(mut self, decay: f32) -> Self {
                *match &mut self {
                    $(Self::$rule(rule) => rule.weight_decay()),*
                } = decay;
                self
            }

            /// The names of the buffers that it keeps for each parameter, as PyTorch calls them.
            pub(crate) fn buffers(&self) -> &'static [&'static str] {
                match self {
                    $(Self::$rule(rule) => rule.buffers()),*
                }
            }

            /// The names of the numbers that it keeps for each parameter, as PyTorch calls them.
            pub(crate) fn scalars(&self) -> &'static [&'static str] {
                match self {
                    $(Self::$rule(rule) => rule.scalars()),*
                }
            }
        }
    };
}

optimizers! {
    /// Stochastic gradient descent with momentum.
    Sgd,
    /// Adam (Kingma and Ba 2015).
    Adam,
    /// Adam with the weight decay apart from the gradient (Loshchilov and Hutter 2019).
    Adamw,
    /// Adam with Nesterov's momentum (Dozat 2016).
    Nadam,
    /// The gradient over the root of its mean square (Hinton 2012).
    Rmsprop,
    /// The gradient over the root of the sum of its squares (Duchi, Hazan and Singer 2011).
    Adagrad,
    /// The sign of a mean of gradients (Chen et al. 2023).
    Lion,
    /// Adam at a rate by the norm of each tensor (You et al. 2020).
    Lamb,
    /// SGD at a rate by the norm of each tensor (You, Gitman and Ginsburg 2017).
    Lars,
    /// Momentum made orthogonal (Jordan 2024).
    Muon,
}

impl Optimizer {
    /// SGD with momentum 0.9.
    pub fn sgd() -> Self {
        Sgd::default().into()
    }

    /// Adam with PyTorch's defaults.
    pub fn adam() -> Self {
        Adam::default().into()
    }

    /// AdamW with PyTorch's defaults.
    pub fn adamw() -> Self {
        Adamw::default().into()
    }

    /// The optimizer of a name in [`Optimizer::NAMES`], with its defaults.
    pub fn named(name: &str) -> Option<Self> {
        Self::entries().into_iter().find(|entry| entry.name == name).map(|entry| entry.optimizer)
    }

    /// Its settings by their names in recipes, with their values as TOML writes them.
    pub fn settings(&self) -> Vec<(String, String)> {
        let text = toml::to_string(self).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once(" = "));
        lines.filter(|(name, _)| *name != "kind").map(|(name, value)| (name.into(), value.into())).collect()
    }

    /// Whether both are of one kind, whatever their settings.
    pub fn same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// The rule and how it goes: `SGD with momentum 0.9 (Nesterov)`.
impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = self.title();
        let momentum = |momentum: f32, nesterov: bool| match (momentum, nesterov) {
            (0.0, _) => "without momentum".to_owned(),
            (momentum, false) => format!("with momentum {momentum}"),
            (momentum, true) => format!("with Nesterov momentum {momentum}"),
        };
        match self {
            Self::Sgd(Sgd { momentum: m, nesterov, .. })
            | Self::Lars(Lars { momentum: m, nesterov, .. })
            | Self::Muon(Muon { momentum: m, nesterov, .. }) => {
                write!(f, "{title} {}", momentum(*m, *nesterov))
            }
            Self::Rmsprop(Rmsprop { momentum: m, .. }) if *m > 0.0 => {
                write!(f, "{title} {}", momentum(*m, false))
            }
            Self::Adam(Adam { amsgrad: true, .. }) | Self::Adamw(Adamw { amsgrad: true, .. }) => {
                write!(f, "{title} (AMSGrad)")
            }
            Self::Adam(_)
            | Self::Adamw(_)
            | Self::Nadam(_)
            | Self::Rmsprop(_)
            | Self::Adagrad(_)
            | Self::Lion(_)
            | Self::Lamb(_) => f.write_str(title),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        for entry in Optimizer::entries() {
            assert_eq!(Optimizer::named(entry.name), Some(entry.optimizer));
            assert_eq!(entry.optimizer.name(), entry.name);
            entry.optimizer.check().unwrap();
            let error = entry.optimizer.with_weight_decay(-1.0).check().unwrap_err().to_string();
            assert!(error.contains("`weight_decay`") && error.contains("-1"), "{error}");
        }
        assert_eq!(Optimizer::named("sdg"), None);
        let refused = |optimizer: Optimizer| optimizer.check().unwrap_err().name;
        assert_eq!(refused(Sgd { nesterov: true, ..Sgd::plain() }.into()), "nesterov");
        assert_eq!(refused(Sgd { nesterov: true, dampening: 0.1, ..Sgd::default() }.into()), "nesterov");
        assert_eq!(refused(Sgd { dampening: 1.5, ..Sgd::default() }.into()), "dampening");
        assert_eq!(refused(Adam { beta2: 1.0, ..Adam::default() }.into()), "beta2");
        assert_eq!(refused(Adamw { eps: 0.0, ..Adamw::default() }.into()), "eps");
        assert_eq!(refused(Nadam { momentum_decay: f32::NAN, ..Nadam::default() }.into()), "momentum_decay");
        assert_eq!(refused(Rmsprop { alpha: -0.1, ..Rmsprop::default() }.into()), "alpha");
        assert_eq!(refused(Adagrad { lr_decay: -1.0, ..Adagrad::default() }.into()), "lr_decay");
        assert_eq!(refused(Lion { beta1: 1.0, ..Lion::default() }.into()), "beta1");
        assert_eq!(refused(Lamb { max_grad_norm: -1.0, ..Lamb::default() }.into()), "max_grad_norm");
        assert_eq!(refused(Lars { trust_coeff: 0.0, ..Lars::default() }.into()), "trust_coeff");
        assert_eq!(refused(Muon { ns_steps: 100, ..Muon::default() }.into()), "ns_steps");
        assert_eq!(refused(Muon { adamw_beta2: 1.0, ..Muon::default() }.into()), "adamw_beta2");
    }

    #[test]
    fn every_rule_is_written_and_read() {
        for entry in Optimizer::entries() {
            let text = toml::to_string(&entry.optimizer).unwrap();
            assert_eq!(toml::from_str::<Optimizer>(&text).unwrap(), entry.optimizer);
            // A name alone brings the defaults.
            let short = format!("kind = \"{}\"", entry.name);
            assert_eq!(toml::from_str::<Optimizer>(&short).unwrap(), entry.optimizer);
            let error = toml::from_str::<Optimizer>(&format!("{short}\nmomentom = 1.0")).unwrap_err();
            assert!(error.to_string().contains("unknown field `momentom`"), "{error}");
            let names: Vec<String> = entry.optimizer.settings().into_iter().map(|(name, _)| name).collect();
            assert!(names.contains(&"weight_decay".to_owned()), "{names:?}");
        }
        let settings = Optimizer::sgd().settings();
        assert_eq!(settings[0], ("momentum".to_owned(), "0.9".to_owned()));
    }

    #[test]
    fn rules_in_sentences() {
        for (optimizer, told) in [
            (Optimizer::sgd(), "SGD with momentum 0.9"),
            (Sgd::plain().into(), "SGD without momentum"),
            (Adam { amsgrad: true, ..Adam::default() }.into(), "Adam (AMSGrad)"),
            (Optimizer::adamw(), "AdamW"),
            (Muon::default().into(), "Muon with Nesterov momentum 0.95"),
        ] {
            assert_eq!(optimizer.to_string(), told);
        }
    }
}
