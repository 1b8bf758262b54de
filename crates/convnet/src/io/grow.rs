//! A deeper network that starts from a shallower one of its family.

use std::fmt;

use crate::graph::Graph;
use crate::state::{ReadError, StateDict, Tensor, TensorSource};
use crate::zoo;

/// Weights of a deeper network, those of a shallower one among them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Grown {
    /// All weights of the deeper network.
    pub weights: StateDict,
    /// Layers whose weights were copied: the deeper network's, and the shallower one's.
    pub copied: Vec<(String, String)>,
    /// Layers with weights that are as they were drawn.
    pub drawn: Vec<String>,
}

impl Grown {
    /// What was copied from where, and what was drawn, a line each.
    pub fn lines(&self) -> Vec<String> {
        let copied = self.copied.iter().map(|(to, from)| format!("`{to}` is `{from}`"));
        copied.chain(self.drawn.iter().map(|layer| format!("`{layer}` is drawn"))).collect()
    }
}

impl fmt::Display for Grown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = self.copied.len() + self.drawn.len();
        write!(f, "{} of {layers} layers start from those of the same role:", self.copied.len())?;
        self.lines().iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Puts the weights of a shallower network in the place of `drawn` ones of a deeper one, where their layers have the same role
/// ([`zoo::grown`]) and size; the layer that gives the classes only if `head`. `None` where no paper starts such a network
/// from such another.
///
/// # Errors
/// If a weight cannot be read.
pub fn grow(
    (shallow, weights): (&Graph, &dyn TensorSource),
    (deep, drawn): (&Graph, StateDict),
    head: bool,
) -> Result<Option<Grown>, ReadError> {
    let Some(pairs) = zoo::grown(shallow, deep) else { return Ok(None) };
    let mut grown = Grown { weights: drawn, copied: Vec::new(), drawn: Vec::new() };
    for id in deep.ids() {
        let specs = deep.node_parameters(id);
        if specs.is_empty() {
            continue;
        }
        let path = deep.node(id).path.clone();
        let other = pairs.iter().find(|(new, _)| *new == id).map(|(_, old)| *old);
        let fits = |old: &crate::graph::NodeId| {
            let theirs = shallow.node_parameters(*old);
            theirs.iter().map(|spec| &spec.shape).eq(specs.iter().map(|spec| &spec.shape))
                && (head || deep.head() != Some(id))
        };
        let Some(old) = other.filter(fits) else {
            grown.drawn.push(path);
            continue;
        };
        for (spec, theirs) in specs.iter().zip(shallow.node_parameters(old)) {
            let mut data = vec![0.0; spec.elements()];
            weights.read(&theirs.name, 0, &mut data)?;
            grown.weights.insert(spec.name.clone(), Tensor { shape: spec.shape.clone(), data });
        }
        grown.copied.push((path, shallow.node(old).path.clone()));
    }
    Ok(Some(grown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::initialize;

    #[test]
    fn layers_of_a_role_are_copied_and_all_others_drawn() {
        let built = |name: &str, classes| {
            zoo::find(name).unwrap().model().input(1, 32, 32).classes(classes).build().unwrap()
        };
        let (shallow, deep) = (built("vgg11", 10), built("vgg13", 10));
        let (from, drawn) = (initialize(&shallow, 1), initialize(&deep, 2));
        let grow =
            |deep: &Graph, head| grow((&shallow, &from), (deep, initialize(deep, 2)), head).unwrap().unwrap();
        let grown = grow(&deep, true);
        assert_eq!((grown.copied.len(), grown.drawn.len()), (11, 2));
        for (to, old) in &grown.copied {
            assert_eq!(grown.weights[&format!("{to}.weight")], from[&format!("{old}.weight")]);
        }
        for layer in &grown.drawn {
            assert_eq!(grown.weights[&format!("{layer}.bias")], drawn[&format!("{layer}.bias")]);
            assert_eq!(grown.weights[&format!("{layer}.weight")], drawn[&format!("{layer}.weight")]);
        }
        assert!(grown.to_string().starts_with("11 of 13 layers"), "{grown}");
        // Another head is drawn.
        let other = grow(&built("vgg13", 4), true);
        assert_eq!((other.copied.len(), other.drawn.len()), (10, 3));
        assert_eq!(grow(&deep, false).copied.len(), 10);
        let backwards = super::grow((&deep, &drawn), (&shallow, from.clone()), true).unwrap();
        assert_eq!(backwards, None);
    }
}
