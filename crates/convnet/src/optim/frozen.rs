//! What of a network does not learn.

use std::collections::BTreeSet;

use super::groups::matches;
use crate::ops::ParamSpec;

/// The parameters of a network that stay as they are, known before it is compiled, so that nothing is computed for them.
///
/// A normalization all of whose parameters are frozen uses its running statistics and keeps them, as in PyTorch after
/// `eval()` of that module, unless [`Frozen::with_live_statistics`] says otherwise.
///
/// ```
/// use convnet::optim::Frozen;
///
/// let net = convnet::zoo::lenet().build()?;
/// let frozen = Frozen::matching(&net.parameters(), &["conv"])?;
/// assert!(frozen.holds("conv.0.weight") && !frozen.holds("linear.5.weight"));
/// let error = Frozen::matching(&net.parameters(), &["cnov.*"]).unwrap_err();
/// assert!(error.to_string().starts_with("the pattern `cnov.*` fits no parameter of the network; similar names: `conv.0."));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frozen {
    names: BTreeSet<String>,
    live_statistics: bool,
}

/// A pattern that fits nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern `{pattern}` fits no parameter of the network{}", similar(near))]
#[non_exhaustive]
pub struct NoMatch {
    /// The pattern.
    pub pattern: String,
    /// Names that are most like it, best first.
    pub near: Vec<String>,
}

fn similar(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => {
            let names: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
            format!("; similar names: {}", names.join(", "))
        }
    }
}

/// Names that are like a pattern, at most so many.
const SIMILAR: usize = 2;
/// How like they must be, of 1.
const LIKE: f64 = 0.7;

impl Frozen {
    /// The trainable parameters that a pattern fits: `*` stands for any number of characters, `?` for one. The name of a
    /// layer or a block stands for all of its parameters (`layer1` for `layer1.*`).
    ///
    /// # Errors
    /// If a pattern fits none.
    pub fn matching(parameters: &[ParamSpec], patterns: &[impl AsRef<str>]) -> Result<Self, NoMatch> {
        let mut frozen = Self::default();
        for pattern in patterns {
            frozen.names.extend(fitting(parameters, pattern.as_ref())?);
        }
        Ok(frozen)
    }

    /// These parameters, by their names.
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        Self { names: names.into_iter().collect(), live_statistics: false }
    }

    /// Frozen normalizations go on to normalize with the batch's statistics, and to track them.
    pub fn with_live_statistics(mut self, live: bool) -> Self {
        self.live_statistics = live;
        self
    }

    /// Without the parameters that a pattern fits, as [`Frozen::matching`] takes it.
    ///
    /// # Errors
    /// If it fits no parameter.
    pub fn without(mut self, parameters: &[ParamSpec], pattern: &str) -> Result<Self, NoMatch> {
        for name in fitting(parameters, pattern)? {
            self.names.remove(&name);
        }
        Ok(self)
    }

    /// Whether everything learns.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether a parameter is frozen.
    pub fn holds(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// # Panics
    /// If a moving average of when this was frozen is to be used while something else is.
    pub(crate) fn check_average(&self, now: &Self) {
        assert!(self == now, "a moving average of when something else was frozen");
    }

    /// Whether a layer's parameters are all frozen; not where it has none.
    pub(crate) fn holds_all(&self, parameters: &[ParamSpec]) -> bool {
        let mut trainable = parameters.iter().filter(|spec| spec.kind.trainable()).peekable();
        trainable.peek().is_some() && trainable.all(|spec| self.holds(&spec.name))
    }

    /// Whether a normalization with these parameters uses its running statistics.
    pub(crate) fn keeps_statistics(&self, parameters: &[ParamSpec]) -> bool {
        !self.live_statistics && self.holds_all(parameters)
    }
}

/// The trainable parameters that a pattern fits.
fn fitting(parameters: &[ParamSpec], pattern: &str) -> Result<Vec<String>, NoMatch> {
    let block = format!("{pattern}.*");
    let fits =
        |name: &str| [pattern, &block].iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()));
    let trainable = || parameters.iter().filter(|spec| spec.kind.trainable()).map(|spec| &spec.name);
    let held: Vec<String> = trainable().filter(|name| fits(name)).cloned().collect();
    if !held.is_empty() {
        return Ok(held);
    }
    let letters: String = pattern.chars().filter(|c| !matches!(c, '*' | '?')).collect();
    // The name of a layer or a block may have been meant.
    let likeness = |name: &str| {
        let blocks = name.match_indices('.').map(|(end, _)| &name[..end]);
        blocks.chain([name]).map(|part| strsim::jaro_winkler(&letters, part)).fold(0.0, f64::max)
    };
    let mut near: Vec<(f64, &String)> = trainable().map(|name| (likeness(name), name)).collect();
    near.retain(|(likeness, _)| *likeness >= LIKE);
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near = near.into_iter().take(SIMILAR).map(|(_, name)| name.clone()).collect();
    Err(NoMatch { pattern: pattern.to_owned(), near })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::ParamKind;

    fn parameters() -> Vec<ParamSpec> {
        [
            ("conv.weight", ParamKind::ConvWeight),
            ("bn.weight", ParamKind::NormWeight),
            ("bn.bias", ParamKind::NormBias),
            ("bn.running_mean", ParamKind::RunningMean),
            ("fc.weight", ParamKind::LinearWeight),
        ]
        .map(|(name, kind)| ParamSpec { name: name.into(), shape: vec![2], kind })
        .to_vec()
    }

    #[test]
    fn patterns_names_of_layers_and_exceptions() {
        let all = parameters();
        let frozen = Frozen::matching(&all, &["bn", "c*"]).unwrap();
        assert!(["conv.weight", "bn.weight", "bn.bias"].iter().all(|name| frozen.holds(name)));
        assert!(!frozen.holds("fc.weight") && !frozen.holds("bn.running_mean"));
        let thawed = frozen.clone().without(&all, "conv.*").unwrap();
        assert!(!thawed.holds("conv.weight") && thawed.holds("bn.bias"));
        assert_eq!(frozen.without(&all, "con.*").unwrap_err().near[0], "conv.weight");
    }

    #[test]
    fn a_normalization_keeps_its_statistics_when_all_of_it_is_frozen() {
        let (all, keeps) = (parameters(), |frozen: Frozen| frozen.keeps_statistics(&parameters()[1..4]));
        assert!(keeps(Frozen::matching(&all, &["bn"]).unwrap()));
        assert!(!keeps(Frozen::matching(&all, &["bn.bias"]).unwrap()));
        assert!(!keeps(Frozen::matching(&all, &["bn"]).unwrap().with_live_statistics(true)));
        assert!(!Frozen::default().holds_all(&[]));
    }
}
