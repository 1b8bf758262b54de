//! `[parameters]`: which parameters are updated how.

use serde::{Deserialize, Serialize};

use super::super::TrainError;
use crate::graph::Graph;
use crate::ops::ParamSpec;
use crate::optim::{ParameterGroup, ParameterGroups, Select, layer_rates};

/// Which parameters are updated how; all alike by default.
///
/// ```toml
/// [parameters]
/// no_decay = true
/// layer_decay = 0.75
///
/// [[parameters.group]]
/// match = "features.*"
/// lr = 0.1
/// weight_decay = 0.0
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Biases and normalizations without weight decay, as timm has it, but those whose group gives them one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_decay: bool,
    /// What the rate of a layer is multiplied with for each layer behind it, see [`layer_rates`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_decay: Option<f32>,
    /// Groups by name: of several that hold a parameter the last one counts.
    #[serde(rename = "group", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<NamedGroup>,
}

/// Parameters whose name a pattern fits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedGroup {
    /// The pattern: `*` stands for any number of characters, `?` for one (`features.*.weight`).
    #[serde(rename = "match")]
    pub pattern: String,
    /// What the learning rate is multiplied with; 1 where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lr: Option<f32>,
    /// Their weight decay, instead of the optimizer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f32>,
}

/// The most groups of a recipe.
const MAX_GROUPS: usize = 1000;

impl Parameters {
    pub(super) fn check(&self) -> Result<(), TrainError> {
        if let Some(decay) = self.layer_decay.filter(|decay| !(*decay > 0.0 && *decay <= 1.0)) {
            let expected = "a number above 0, at most 1, such as 0.75";
            return Err(TrainError::setting("parameters.layer_decay", decay, expected));
        }
        if self.groups.len() > MAX_GROUPS {
            let found = format!("{} groups", self.groups.len());
            return Err(TrainError::setting("parameters.group", found, "at most 1000"));
        }
        for (i, group) in self.groups.iter().enumerate() {
            let of = format!("parameters.group[{i}]");
            for (name, value) in [("lr", group.lr), ("weight_decay", group.weight_decay)] {
                if let Some(found) = value.filter(|value| !(value.is_finite() && *value >= 0.0)) {
                    return Err(TrainError::setting(format!("{of}.{name}"), found, "a number from 0"));
                }
            }
            if group.lr.is_none() && group.weight_decay.is_none() {
                return Err(TrainError::setting(of, "without effect", "`lr` or `weight_decay` in it"));
            }
        }
        Ok(())
    }

    /// The groups of a network's parameters.
    ///
    /// # Errors
    /// If a pattern fits no parameter.
    pub fn of(&self, graph: &Graph, parameters: &[ParamSpec]) -> Result<ParameterGroups, TrainError> {
        let group = |named: &NamedGroup| {
            let group =
                ParameterGroup::new(Select::Name(named.pattern.clone())).rate(named.lr.unwrap_or(1.0));
            ParameterGroup { weight_decay: named.weight_decay, ..group }
        };
        let named: Vec<ParameterGroup> = self.groups.iter().map(group).collect();
        let mut groups = ParameterGroups::new(parameters, &named)?;
        if self.no_decay {
            groups = groups.without_decay_of_vectors(parameters);
        }
        if let Some(decay) = self.layer_decay {
            groups = groups.with_rates(&layer_rates(graph, decay));
        }
        Ok(groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo;

    fn read(text: &str) -> Parameters {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn groups_decays_and_layers_come_together() {
        let net = zoo::find("vgg11_bn").unwrap().model().build().unwrap();
        let specs: Vec<ParamSpec> =
            net.parameters().into_iter().filter(|spec| spec.kind.trainable()).collect();
        let parameters = read(
            "no_decay = true\nlayer_decay = 0.5\n[[group]]\nmatch = \"features.*\"\nlr = 0.5\n\
             [[group]]\nmatch = \"features.0.bias\"\nlr = 2.0\nweight_decay = 0.25\n",
        );
        parameters.check().unwrap();
        let groups = parameters.of(&net, &specs).unwrap();
        let of = |name: &str| {
            let setting = groups.setting(specs.iter().position(|spec| spec.name == name).unwrap());
            (setting.rate, setting.weight_decay)
        };
        // Eleven layers.
        assert_eq!(of("features.0.weight"), (0.5f32.powi(11), None));
        assert_eq!(of("features.1.weight"), (0.5f32.powi(11), Some(0.0)));
        assert_eq!(of("features.0.bias"), (2.0 * 0.5f32.powi(10), Some(0.25)));
        assert_eq!(of("classifier.6.weight"), (1.0, None));
        assert_eq!(of("classifier.6.bias"), (1.0, Some(0.0)));
        let counts = groups.counts();
        let elements: usize = counts.iter().map(|count| count.elements).sum();
        assert_eq!(elements, specs.iter().map(ParamSpec::elements).sum::<usize>());
        assert_eq!(counts.iter().map(|count| count.parameters).sum::<usize>(), specs.len());
        assert_eq!(Parameters::default().of(&net, &specs).unwrap(), ParameterGroups::uniform(&specs));
    }

    #[test]
    fn what_cannot_be_followed_is_named() {
        let told = |text: &str| read(text).check().unwrap_err().to_string();
        assert!(told("layer_decay = 0.0").contains("`parameters.layer_decay` is 0"));
        assert!(told("layer_decay = 1.5").contains("1.5"));
        let group = |rest: &str| told(&format!("[[group]]\nmatch = \"a\"\n{rest}"));
        assert!(group("lr = -1.0").contains("`parameters.group[0].lr` is -1"));
        assert!(group("weight_decay = nan").contains("NaN"));
        assert!(group("").contains("`parameters.group[0]` is without effect"));
        let net = zoo::lenet().build().unwrap();
        let none = read("[[group]]\nmatch = \"convv1.*\"\nlr = 0.5");
        let error = none.of(&net, &net.parameters()).unwrap_err().to_string();
        assert!(error.contains("`convv1.*`") && error.contains("`conv."), "{error}");
        assert!(toml::from_str::<Parameters>("[[group]]\nmatsch = \"a\"").is_err());
    }
}
