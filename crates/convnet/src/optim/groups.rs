//! Parameter groups: which parameters are updated how.

use std::collections::HashMap;
use std::fmt;

use super::Frozen;
use crate::ops::{ParamKind, ParamSpec};

/// Which parameters a group holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Select {
    /// Every parameter.
    All,
    /// Those whose name a pattern fits: `*` stands for any number of characters, `?` for one (`features.*.weight`).
    Name(String),
    /// Those of a kind.
    Kind(ParamKind),
    /// Every bias, of normalizations too (β).
    Biases,
    /// γ and β of normalizations, and the other factors that a channel has alone: PReLU's and LayerScale's.
    Norms,
}

impl Select {
    /// Whether the group holds a parameter.
    pub fn holds(&self, parameter: &ParamSpec) -> bool {
        match self {
            Self::All => true,
            Self::Name(pattern) => matches(pattern.as_bytes(), parameter.name.as_bytes()),
            Self::Kind(kind) => parameter.kind == *kind,
            Self::Biases => {
                matches!(parameter.kind, ParamKind::ConvBias | ParamKind::LinearBias | ParamKind::NormBias)
            }
            Self::Norms => matches!(
                parameter.kind,
                ParamKind::NormWeight | ParamKind::NormBias | ParamKind::Slope | ParamKind::Gain
            ),
        }
    }
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all parameters"),
            Self::Name(pattern) => write!(f, "`{pattern}`"),
            Self::Kind(kind) => write!(f, "parameters of kind {kind:?}"),
            Self::Biases => f.write_str("biases"),
            Self::Norms => f.write_str("normalizations"),
        }
    }
}

/// Whether a name fits a pattern with `*` and `?`.
pub(super) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where the last `*` stands, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match (pattern.get(p), star) {
            (Some(b'*'), _) => {
                star = Some((p, n));
                p += 1;
            }
            (Some(&c), _) if c == b'?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            (_, Some((at, taken))) => {
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// How some parameters are updated.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterGroup {
    /// Which.
    pub select: Select,
    /// What a step's learning rate is multiplied with.
    pub rate: f32,
    /// Their weight decay; `None` for the optimizer's.
    pub weight_decay: Option<f32>,
    /// Whether they stay as they are.
    pub frozen: bool,
}

impl ParameterGroup {
    /// A group at the step's rate and the optimizer's decay.
    pub fn new(select: Select) -> Self {
        Self { select, rate: 1.0, weight_decay: None, frozen: false }
    }

    /// Multiplies the learning rate.
    pub fn rate(mut self, rate: f32) -> Self {
        self.rate = rate;
        self
    }

    /// Sets the weight decay.
    pub fn weight_decay(mut self, weight_decay: f32) -> Self {
        self.weight_decay = Some(weight_decay);
        self
    }

    /// Leaves the parameters as they are.
    pub fn frozen(mut self) -> Self {
        self.frozen = true;
        self
    }
}

/// How one parameter is updated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Setting {
    pub(crate) rate: f32,
    pub(crate) weight_decay: Option<f32>,
    pub(crate) frozen: bool,
}

/// Groups that cannot be followed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// A group that holds nothing.
    #[error("parameter group {select} holds no parameter of the network, which has {}", listed(near))]
    Empty {
        /// Which parameters it asks for.
        select: String,
        /// The parameters that the network has, those first whose names are near.
        near: Vec<String>,
    },
    /// A rate or a decay that is no finite number from 0.
    #[error("parameter group {select}: `{name}` is {found}, expected a finite number from 0")]
    Setting {
        /// Which parameters it asks for.
        select: String,
        /// `rate` or `weight_decay`.
        name: &'static str,
        /// Its value.
        found: f32,
    },
}

/// Names in a sentence.
fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The most names that an error lists.
const MOST_NEAR: usize = 3;

/// The names that are nearest to a pattern's letters, the nearest first.
fn near(pattern: &str, names: &[String]) -> Vec<String> {
    let letters: String = pattern.chars().filter(|c| !matches!(c, '*' | '?')).collect();
    let mut ranked: Vec<(f64, &String)> =
        names.iter().map(|name| (strsim::jaro_winkler(&letters, name), name)).collect();
    ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    ranked.into_iter().take(MOST_NEAR).map(|(_, name)| name.clone()).collect()
}

/// Parameters that are updated alike.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GroupCount {
    /// What the step's learning rate is multiplied with.
    pub rate: f32,
    /// Their weight decay; `None` for the optimizer's.
    pub weight_decay: Option<f32>,
    /// Whether they stay as they are.
    pub frozen: bool,
    /// How many parameters they are.
    pub parameters: usize,
    /// How many numbers.
    pub elements: usize,
}

/// How each parameter of a network is updated.
///
/// ```
/// use convnet::ops::{ParamKind, ParamSpec};
/// use convnet::optim::{ParameterGroup, ParameterGroups, Select};
///
/// let net = convnet::zoo::lenet().build()?;
/// let groups = ParameterGroups::new(
///     &net.parameters(),
///     &[
///         ParameterGroup::new(Select::All).weight_decay(0.05),
///         ParameterGroup::new(Select::Biases).weight_decay(0.0),
///     ],
/// )?;
/// # let _ = groups;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterGroups {
    names: Vec<String>,
    settings: Vec<Setting>,
    elements: Vec<usize>,
}

impl ParameterGroups {
    /// All parameters at the step's rate and the optimizer's decay.
    pub fn uniform(parameters: &[ParamSpec]) -> Self {
        let trainable = parameters.iter().filter(|p| p.kind.trainable());
        let (names, elements): (Vec<_>, Vec<_>) = trainable.map(|p| (p.name.clone(), p.elements())).unzip();
        let setting = Setting { rate: 1.0, weight_decay: None, frozen: false };
        Self { settings: vec![setting; names.len()], names, elements }
    }

    /// The groups of a network with these parameters: of several that hold a parameter the last one counts; a parameter
    /// that none holds is updated at the step's rate and the optimizer's decay.
    ///
    /// # Errors
    /// If a group holds no parameter, or a rate or decay is negative or not finite.
    pub fn new(parameters: &[ParamSpec], groups: &[ParameterGroup]) -> Result<Self, GroupError> {
        let mut all = Self::uniform(parameters);
        let trainable: Vec<&ParamSpec> = parameters.iter().filter(|p| p.kind.trainable()).collect();
        for group in groups {
            let select = group.select.to_string();
            for (name, value) in [("rate", Some(group.rate)), ("weight_decay", group.weight_decay)] {
                if let Some(found) = value.filter(|v| !(v.is_finite() && *v >= 0.0)) {
                    return Err(GroupError::Setting { select, name, found });
                }
            }
            let mut held = 0;
            for (setting, _) in all.settings.iter_mut().zip(&trainable).filter(|(_, p)| group.select.holds(p))
            {
                let ParameterGroup { rate, weight_decay, frozen, .. } = *group;
                *setting = Setting { rate, weight_decay, frozen };
                held += 1;
            }
            if held == 0 {
                let pattern = if let Select::Name(pattern) = &group.select { pattern } else { "" };
                return Err(GroupError::Empty { near: near(pattern, &all.names), select });
            }
        }
        Ok(all)
    }

    /// The same groups, but what is frozen stays as it is.
    #[must_use]
    pub fn freezing(mut self, frozen: &Frozen) -> Self {
        for (setting, name) in self.settings.iter_mut().zip(&self.names) {
            setting.frozen |= frozen.holds(name);
        }
        self
    }

    /// Takes the weight decay off biases and normalizations, as timm does: off every parameter of one dimension that no
    /// group gives a decay of its own. `parameters` are the network's.
    #[must_use]
    pub fn without_decay_of_vectors(mut self, parameters: &[ParamSpec]) -> Self {
        let trainable = parameters.iter().filter(|p| p.kind.trainable());
        for (setting, parameter) in self.settings.iter_mut().zip(trainable) {
            if parameter.shape.len() <= 1 && setting.weight_decay.is_none() {
                setting.weight_decay = Some(0.0);
            }
        }
        self
    }

    /// Multiplies the rates by those of the parameters' names; a name that is not there keeps its own.
    #[must_use]
    pub fn with_rates(mut self, rates: &HashMap<String, f32>) -> Self {
        for (setting, name) in self.settings.iter_mut().zip(&self.names) {
            setting.rate *= rates.get(name).copied().unwrap_or(1.0);
        }
        self
    }

    /// The parameters by how they are updated, in the order in which the network has the first of each.
    pub fn counts(&self) -> Vec<GroupCount> {
        let mut counts: Vec<GroupCount> = Vec::new();
        for (&Setting { rate, weight_decay, frozen }, &elements) in self.settings.iter().zip(&self.elements) {
            let alike =
                |c: &&mut GroupCount| (c.rate, c.weight_decay, c.frozen) == (rate, weight_decay, frozen);
            match counts.iter_mut().find(alike) {
                Some(count) => {
                    count.parameters += 1;
                    count.elements += elements;
                }
                None => counts.push(GroupCount { rate, weight_decay, frozen, parameters: 1, elements }),
            }
        }
        counts
    }

    /// Whether these are groups of parameters with these names, in this order.
    pub(crate) fn fit<'a>(&self, names: impl Iterator<Item = &'a str>) -> bool {
        self.names.iter().map(String::as_str).eq(names)
    }

    pub(crate) fn setting(&self, parameter: usize) -> Setting {
        self.settings[parameter]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let fits = |pattern: &str, name: &str| matches(pattern.as_bytes(), name.as_bytes());
        for (pattern, name) in [
            ("*", ""),
            ("*", "conv1.weight"),
            ("*.bias", "layer1.0.bn1.bias"),
            ("features.*.weight", "features.10.weight"),
            ("layer?.*", "layer4.1.conv2.weight"),
            ("*a*b*", "xxaxxbxx"),
            ("fc.weight", "fc.weight"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("", "x"), ("fc", "fc.weight"), ("*.bias", "bias.weight"), ("?", ""), ("a*b", "ac")]
        {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    fn parameters() -> Vec<ParamSpec> {
        let spec = |name: &str, kind| ParamSpec { name: name.into(), shape: vec![2], kind };
        vec![
            spec("conv.weight", ParamKind::ConvWeight),
            spec("conv.bias", ParamKind::ConvBias),
            spec("bn.weight", ParamKind::NormWeight),
            spec("bn.bias", ParamKind::NormBias),
            spec("bn.running_mean", ParamKind::RunningMean),
            spec("fc.weight", ParamKind::LinearWeight),
        ]
    }

    #[test]
    fn the_last_group_counts() {
        let groups = [
            ParameterGroup::new(Select::All).weight_decay(0.1),
            ParameterGroup::new(Select::Norms).weight_decay(0.0),
            ParameterGroup::new(Select::Biases).rate(2.0),
            ParameterGroup::new(Select::Name("fc.*".into())).frozen(),
        ];
        let groups = ParameterGroups::new(&parameters(), &groups).unwrap();
        let decays: Vec<_> = (0..5).map(|i| groups.setting(i).weight_decay).collect();
        assert_eq!(decays, [Some(0.1), None, Some(0.0), None, None]);
        assert_eq!(groups.setting(1).rate, 2.0);
        assert!(groups.setting(4).frozen && !groups.setting(0).frozen);
    }

    #[test]
    fn empty_groups_and_strange_settings_are_named() {
        let error = |group| ParameterGroups::new(&parameters(), &[group]).unwrap_err().to_string();
        let empty = error(ParameterGroup::new(Select::Name("conw.*".into())));
        assert!(empty.contains("`conw.*`") && empty.contains("which has `conv."), "{empty}");
        let strange = error(ParameterGroup::new(Select::Biases).rate(f32::NAN));
        assert!(strange.contains("biases: `rate` is NaN"), "{strange}");
        let decay = error(ParameterGroup::new(Select::All).weight_decay(-1.0));
        assert!(decay.contains("`weight_decay` is -1"), "{decay}");
    }
}
