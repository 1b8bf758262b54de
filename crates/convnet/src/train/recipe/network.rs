//! `[network]`: what training does to the network: dropout, stochastic depth, and how its weights are drawn.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::super::TrainError;
use crate::graph::{Graph, Init};
use crate::state::{self, Rule, StateDict};
use crate::zoo;

/// What training does to the network; as it is by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// The probability of every dropout layer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f32>,
    /// The probability with which an image leaves out the last residual branch; that of branch l of L is l/L of it (Huang et
    /// al. 2016).
    #[serde(skip_serializing_if = "super::is_default")]
    pub stochastic_depth: f32,
    /// How weights are drawn.
    #[serde(skip_serializing_if = "super::is_default")]
    pub init: Initialization,
    /// Whether the normalization that ends a residual branch starts with γ = 0, so that the branch starts as nothing.
    #[serde(skip_serializing_if = "super::is_default")]
    pub zero_init_residual: bool,
    /// Whether batch normalizations of several ranks take mean and variance of the whole batch, as one process does, in place
    /// of those of each rank's part.
    #[serde(skip_serializing_if = "super::is_default")]
    pub sync_batch_norm: bool,
}

/// How weights are drawn before training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initialization {
    /// As the network says ([`Graph::init`]).
    #[default]
    Default,
    /// As PyTorch draws Conv2d and Linear.
    Pytorch,
    /// [`Rule::KaimingNormal`].
    KaimingNormal,
    /// [`Rule::KaimingUniform`].
    KaimingUniform,
    /// [`Rule::XavierNormal`].
    XavierNormal,
    /// [`Rule::XavierUniform`].
    XavierUniform,
    /// [`Rule::Orthogonal`].
    Orthogonal,
    /// [`Rule::TruncNormal`].
    TruncNormal,
    /// As the paper of the network, or of its family, tells.
    Paper,
}

impl Initialization {
    /// The names that a recipe gives them.
    pub const NAMES: [&'static str; 9] = [
        "default",
        "pytorch",
        "kaiming-normal",
        "kaiming-uniform",
        "xavier-normal",
        "xavier-uniform",
        "orthogonal",
        "trunc-normal",
        "paper",
    ];

    fn rule(self) -> Option<Rule> {
        match self {
            Self::Default | Self::Pytorch | Self::Paper => None,
            Self::KaimingNormal => Some(Rule::KaimingNormal),
            Self::KaimingUniform => Some(Rule::KaimingUniform),
            Self::XavierNormal => Some(Rule::XavierNormal),
            Self::XavierUniform => Some(Rule::XavierUniform),
            Self::Orthogonal => Some(Rule::Orthogonal),
            Self::TruncNormal => Some(Rule::TruncNormal),
        }
    }
}

impl Network {
    /// The network as it is trained: with the layers that only training knows. Its parameters are the same.
    ///
    /// # Errors
    /// If it has no layer that a setting is for.
    pub fn trained<'a>(&self, graph: &'a Graph) -> Result<Cow<'a, Graph>, TrainError> {
        let mut graph = Cow::Borrowed(graph);
        if let Some(p) = self.dropout {
            let (changed, layers) = graph.with_dropout(p);
            if layers == 0 {
                return Err(lacks("dropout", p, "a network with dropout layers"));
            }
            graph = Cow::Owned(changed);
        }
        if self.stochastic_depth > 0.0 {
            let (changed, branches) = graph.with_stochastic_depth(self.stochastic_depth);
            if branches == 0 {
                return Err(lacks(
                    "stochastic_depth",
                    self.stochastic_depth,
                    "a network with residual branches",
                ));
            }
            graph = Cow::Owned(changed);
        }
        Ok(graph)
    }

    /// The weights before training.
    ///
    /// # Errors
    /// If the network's paper tells no initialization, or it has no residual branch that ends with a normalization where
    /// such are to start as nothing.
    pub fn initialize(&self, graph: &Graph, seed: u64) -> Result<StateDict, TrainError> {
        let mut weights = match (self.init.rule(), self.init) {
            (Some(rule), _) => state::initialize_by(graph, rule, seed),
            (None, Initialization::Pytorch) => with_init(graph, Init::Default, seed),
            (None, Initialization::Paper) => with_init(graph, paper(graph)?, seed),
            (None, _) => state::initialize(graph, seed),
        };
        if self.zero_init_residual && state::zero_residuals(graph, &mut weights).is_empty() {
            return Err(no_branches());
        }
        Ok(weights)
    }

    /// Whether weights are drawn otherwise than the network says.
    pub fn draws_otherwise(&self) -> bool {
        self.init != Initialization::Default || self.zero_init_residual
    }

    pub(super) fn check_layers(&self, graph: &Graph) -> Result<(), TrainError> {
        self.trained(graph)?;
        if self.init == Initialization::Paper {
            paper(graph)?;
        }
        if self.zero_init_residual && graph.last_norms().is_empty() {
            return Err(no_branches());
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), TrainError> {
        let values = [("dropout", self.dropout), ("stochastic_depth", Some(self.stochastic_depth))];
        for (name, value) in values {
            if let Some(p) = value.filter(|p| !(0.0..1.0).contains(p)) {
                return Err(lacks(name, p, "a probability from 0 up to, not including, 1"));
            }
        }
        Ok(())
    }
}

fn lacks(key: &str, found: impl std::fmt::Display, expected: &'static str) -> TrainError {
    TrainError::setting(format!("network.{key}"), found, expected)
}

fn no_branches() -> TrainError {
    let expected = "a network whose residual branches end with a BatchNorm2d";
    lacks("zero_init_residual", true, expected)
}

fn with_init(graph: &Graph, init: Init, seed: u64) -> StateDict {
    let graph = graph.with_init(init);
    state::initialize(&graph, seed)
}

/// The rule of the paper of a network.
fn paper(graph: &Graph) -> Result<Init, TrainError> {
    let init = zoo::paper_init(graph.name());
    let init = init.ok_or_else(|| lacks("init", "paper", "a network of the zoo, whose paper is known"))?;
    if let Init::Normal { ones } = &init
        && !ones.iter().all(|one| graph.nodes().iter().any(|node| node.path == *one))
    {
        let expected = "the paper's own variant of the network: its rule tells layers apart by their places";
        return Err(lacks("init", "paper", expected));
    }
    Ok(init)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(name: &str) -> Graph {
        zoo::find(name).unwrap().model().build().unwrap()
    }

    #[test]
    fn every_name_is_a_rule_and_each_draws_its_own() {
        let lenet = net("lenet");
        let mut seen = Vec::new();
        for name in Initialization::NAMES {
            let network: Network = toml::from_str(&format!("init = \"{name}\"")).unwrap();
            let weights = network.initialize(&lenet, 1).unwrap();
            seen.push(weights["conv.0.weight"].data.clone());
        }
        for (i, a) in seen.iter().enumerate() {
            for (j, b) in seen.iter().enumerate().take(i) {
                // The tutorial's LeNet is drawn as PyTorch does.
                let same = (i, j) == (1, 0);
                assert_eq!(a == b, same, "{} {}", Initialization::NAMES[i], Initialization::NAMES[j]);
            }
        }
    }

    #[test]
    fn settings_without_a_layer_for_them_are_refused() {
        let told = |network: Network, name: &str| network.trained(&net(name)).unwrap_err().to_string();
        let dropout = Network { dropout: Some(0.1), ..Network::default() };
        assert!(told(dropout, "resnet18").contains("`network.dropout` is 0.1"));
        let depth = Network { stochastic_depth: 0.1, ..Network::default() };
        assert!(told(depth, "vgg11").contains("residual branches"));
        let zero = Network { zero_init_residual: true, ..Network::default() };
        assert!(zero.initialize(&net("lenet"), 0).unwrap_err().to_string().contains("zero_init_residual"));
        let paper = Network { init: Initialization::Paper, ..Network::default() };
        assert!(
            paper.initialize(&net("alexnet"), 0).unwrap_err().to_string().contains("paper's own variant")
        );
        assert_eq!(
            paper.initialize(&net("alexnet@paper"), 0).unwrap(),
            state::initialize(&net("alexnet@paper"), 0)
        );
        assert!(Network { stochastic_depth: 1.0, ..Network::default() }.check().is_err());
        assert!(Network { dropout: Some(f32::NAN), ..Network::default() }.check().is_err());
    }
}
