//! What is wrong with a network, told so that it can be mended.

use std::fmt;

use super::{Graph, NodeId};
use crate::shape::ShapeIssue;

/// A network that cannot be: the part that is right, and the layer that is not.
#[derive(Clone, Debug)]
pub struct GraphError {
    /// The network up to, and without, the layer that fails.
    pub partial: Box<Graph>,
    /// The path of the layer that fails (`features.3`).
    pub path: String,
    /// The layer's op, as PyTorch names it.
    pub op: &'static str,
    /// The nodes that feed it.
    pub inputs: Vec<NodeId>,
    /// What is wrong.
    pub issue: Box<ShapeIssue>,
}

/// How many of the layers before the failing one its message lists.
const LISTED: usize = 12;

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partial, path, op, issue, .. } = self;
        let expected = &issue.expected;
        writeln!(
            f,
            "node `{path}` ({op}) of `{}`: got {}, expected {expected}",
            partial.name(),
            issue.found
        )?;
        let nodes: Vec<_> = partial.nodes().iter().collect();
        let skipped = nodes.len().saturating_sub(LISTED);
        if skipped > 0 {
            writeln!(f, "  … {skipped} layers before")?;
        }
        let width =
            nodes[skipped..].iter().map(|n| n.path.chars().count()).chain([path.chars().count()]).max();
        let width = width.unwrap_or(0);
        for node in &nodes[skipped..] {
            writeln!(f, "    {:<width$}  {:<18} {}", node.path, node.op.name(), node.shape)?;
        }
        write!(f, "  → {path:<width$}  {op:<18} ")?;
        match &issue.arithmetic {
            Some(arithmetic) => writeln!(f, "{arithmetic}")?,
            None => writeln!(f, "{} ≠ {expected}", issue.found)?,
        }
        write!(f, "  {}", issue.fix)
    }
}

impl std::error::Error for GraphError {}
