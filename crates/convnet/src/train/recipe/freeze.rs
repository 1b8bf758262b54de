//! `[freeze]`: what stays as it is while the rest learns, and until when.

use serde::{Deserialize, Serialize};

use super::super::TrainError;
use crate::graph::Graph;
use crate::ops::ParamSpec;
use crate::optim::Frozen;

/// What stays as it is while the rest learns; nothing by default.
///
/// ```toml
/// [freeze]
/// until = "layer4"
/// unfreeze = [{ epoch = 3, match = ["layer3"] }]
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Freeze {
    /// Patterns of the names of parameters, with `*` and `?`; the name of a layer or a block stands for all of its.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matching: Vec<String>,
    /// All layers before this layer or block, in the order of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Whether frozen normalizations use their running statistics and keep them, as after PyTorch's `eval()`.
    pub keep_norms: bool,
    /// What learns again, and from when on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unfreeze: Vec<Unfreeze>,
    /// For so many epochs only the last layer learns; then all that is not frozen otherwise.
    #[serde(skip_serializing_if = "super::is_default")]
    pub head_epochs: usize,
}

/// Frozen parameters that learn again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unfreeze {
    /// The epoch at whose start they do, from 2.
    pub epoch: usize,
    /// Patterns, as of [`Freeze::matching`].
    #[serde(rename = "match")]
    pub matching: Vec<String>,
}

impl Default for Freeze {
    fn default() -> Self {
        Self { matching: Vec::new(), until: None, keep_norms: true, unfreeze: Vec::new(), head_epochs: 0 }
    }
}

impl Freeze {
    /// Whether anything is frozen at any time.
    pub fn is_any(&self) -> bool {
        !self.matching.is_empty() || self.until.is_some() || self.head_epochs > 0
    }

    /// What is frozen of a network in an epoch, from 0.
    ///
    /// # Errors
    /// If a pattern fits nothing, there is no such layer, or the network has no last layer.
    pub fn frozen(&self, graph: &Graph, epoch: usize) -> Result<Frozen, TrainError> {
        let specs = graph.parameters();
        let fitting = |key: &str, patterns: &[String]| {
            Frozen::matching(&specs, patterns).map_err(|error| TrainError::NoSuchLayer {
                name: format!("freeze.{key}"),
                found: error.pattern,
                near: error.near,
            })
        };
        let matching = fitting("match", &self.matching)?;
        let before = match &self.until {
            Some(layer) => before(graph, layer)?,
            None => Vec::new(),
        };
        let mut names: Vec<String> = trainable(&specs).map(|spec| spec.name.clone()).collect();
        if epoch >= self.head_epochs {
            names.retain(|name| matching.holds(name) || before.contains(name));
            for unfreeze in &self.unfreeze {
                let learns = fitting("unfreeze", &unfreeze.matching)?;
                if epoch + 1 >= unfreeze.epoch {
                    names.retain(|name| !learns.holds(name));
                }
            }
        } else {
            let heads = heads(graph);
            if heads.is_empty() {
                let expected = "a network that ends with a Conv2d or a Linear";
                return Err(TrainError::setting("freeze.head_epochs", self.head_epochs, expected));
            }
            names.retain(|name| !heads.contains(name));
        }
        Ok(Frozen::of(names).with_live_statistics(!self.keep_norms))
    }

    /// The epochs, from 0, at whose start something else is frozen than before, the first among them.
    pub fn changes(&self) -> Vec<usize> {
        let mut epochs = vec![0, self.head_epochs];
        epochs.extend(self.unfreeze.iter().map(|unfreeze| unfreeze.epoch.saturating_sub(1)));
        epochs.sort_unstable();
        epochs.dedup();
        epochs
    }

    pub(super) fn check_layers(&self, graph: &Graph) -> Result<(), TrainError> {
        let specs = graph.parameters();
        for epoch in self.changes() {
            if self.frozen(graph, epoch)?.holds_all(&specs) {
                let found = format!("such that every parameter is frozen in epoch {}", epoch + 1);
                return Err(TrainError::setting("freeze", found, "one that lets something learn"));
            }
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        let fail = |name: &str, found: String, expected: &'static str| {
            Err(TrainError::setting(format!("freeze.{name}"), found, expected))
        };
        if !self.unfreeze.is_empty() && self.matching.is_empty() && self.until.is_none() {
            let found = format!("for {} epochs, with nothing frozen", self.unfreeze.len());
            return fail("unfreeze", found, "`freeze.match` or `freeze.until` beside it");
        }
        for unfreeze in &self.unfreeze {
            if unfreeze.epoch < 2 {
                return fail("unfreeze", format!("epoch {}", unfreeze.epoch), "an epoch from 2");
            }
            if unfreeze.matching.is_empty() {
                return fail("unfreeze", "no pattern".to_owned(), "at least one");
            }
        }
        Ok(())
    }
}

fn trainable(specs: &[ParamSpec]) -> impl Iterator<Item = &ParamSpec> {
    specs.iter().filter(|spec| spec.kind.trainable())
}

/// The parameters of the layers that give the classes, of auxiliary outputs too.
fn heads(graph: &Graph) -> Vec<String> {
    let heads = graph.outputs().iter().filter_map(|output| graph.head_of(output.node));
    heads.flat_map(|id| graph.node_parameters(id)).map(|spec| spec.name).collect()
}

/// The parameters of all layers before a layer or a block.
fn before(graph: &Graph, layer: &str) -> Result<Vec<String>, TrainError> {
    let inside =
        |path: &str| path.strip_prefix(layer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let Some(first) = graph.ids().skip(1).find(|&id| inside(&graph.node(id).path)) else {
        let mut names: Vec<&str> = graph.scopes().iter().map(|scope| scope.path.as_str()).collect();
        names.extend(graph.ids().map(|id| graph.node(id).path.as_str()));
        names.retain(|name| !name.is_empty());
        names.sort_by(|a, b| strsim::jaro_winkler(layer, b).total_cmp(&strsim::jaro_winkler(layer, a)));
        return Err(TrainError::NoSuchLayer {
            name: "freeze.until".to_owned(),
            found: layer.to_owned(),
            near: names.into_iter().take(2).map(str::to_owned).collect(),
        });
    };
    let names: Vec<String> = graph
        .ids()
        .take(first.index())
        .flat_map(|id| graph.own_parameters(id))
        .map(|spec| spec.name)
        .collect();
    if names.is_empty() {
        let expected = "a layer with others that have parameters before it";
        return Err(TrainError::setting("freeze.until", format!("\"{layer}\""), expected));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resnet() -> Graph {
        crate::zoo::resnet18().input(3, 32, 32).build().unwrap()
    }

    #[test]
    fn what_is_frozen_is_a_function_of_the_epoch() {
        let unfreeze = |epoch, pattern: &str| Unfreeze { epoch, matching: vec![pattern.to_owned()] };
        let freeze = Freeze {
            until: Some("layer4".into()),
            unfreeze: vec![unfreeze(3, "layer3"), unfreeze(5, "*")],
            head_epochs: 1,
            ..Freeze::default()
        };
        freeze.check().unwrap();
        assert_eq!(freeze.changes(), [0, 1, 2, 4]);
        let holds = |epoch: usize, name: &str| freeze.frozen(&resnet(), epoch).unwrap().holds(name);
        let first = |name: &str| (0..6).find(|&epoch| !holds(epoch, name));
        assert_eq!(first("fc.weight"), Some(0));
        assert_eq!(first("layer4.0.conv1.weight"), Some(1));
        assert_eq!(first("layer3.1.bn2.bias"), Some(2));
        assert_eq!(first("conv1.weight"), Some(4));
    }

    #[test]
    fn patterns_and_layers_that_fit_nothing_are_named() {
        let error = |freeze: Freeze| freeze.frozen(&resnet(), 0).unwrap_err().to_string();
        let told = error(Freeze { matching: vec!["layr1.*".into()], ..Freeze::default() });
        assert!(told.contains("`freeze.match` is \"layr1.*\", which fits nothing"), "{told}");
        assert!(told.contains("`layer1.0."), "{told}");
        let told = error(Freeze { until: Some("layer5".into()), ..Freeze::default() });
        assert!(told.contains("`freeze.until` is \"layer5\"") && told.contains("`layer"), "{told}");
        let told = error(Freeze { until: Some("conv1".into()), ..Freeze::default() });
        assert!(told.contains("before it"), "{told}");
        let alone =
            Freeze { unfreeze: vec![Unfreeze { epoch: 2, matching: vec!["*".into()] }], ..Freeze::default() };
        assert!(alone.check().unwrap_err().to_string().contains("`freeze.match` or `freeze.until`"));
        let early = Freeze {
            matching: vec!["*".into()],
            unfreeze: vec![Unfreeze { epoch: 1, matching: vec!["*".into()] }],
            ..Freeze::default()
        };
        assert!(early.check().unwrap_err().to_string().contains("an epoch from 2"));
    }
}
