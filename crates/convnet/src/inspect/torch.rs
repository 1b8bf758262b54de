//! The listing that the tutorial's `showModel` prints.

use super::tree::{Branch, Item, tree};
use crate::graph::{Graph, NodeId, Shape};

/// One line of the listing: a layer, or a block that is no `Sequential`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TorchLine {
    /// PyTorch's class name.
    pub class: String,
    /// The node whose output is shown.
    pub node: NodeId,
}

impl TorchLine {
    /// The line with dimensions as PyTorch prints them, the class name right-aligned to 20 columns.
    pub fn text(&self, dims: &[usize]) -> String {
        let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
        format!("{:>20} output shape : torch.Size([{}])", self.class, dims.join(", "))
    }
}

/// The lines of `showModel`: every `Sequential` is opened, every other block is one line.
pub fn torch_lines(graph: &Graph) -> Vec<TorchLine> {
    let mut lines = Vec::new();
    list(graph, &tree(graph), &mut lines);
    lines
}

/// The whole listing for a batch, from inferred shapes.
pub fn torch_listing(graph: &Graph, batch: usize) -> String {
    let shape = |node: NodeId| -> Shape { graph.node(node).shape };
    torch_lines(graph).iter().map(|line| line.text(&shape(line.node).with_batch(batch)) + "\n").collect()
}

fn list(graph: &Graph, branches: &[Branch], lines: &mut Vec<TorchLine>) {
    for branch in branches {
        match branch.item {
            Item::Layer(node) => lines.push(TorchLine { class: graph.node(node).op.name().into(), node }),
            Item::Scope(id) => {
                let scope = graph.scope(id);
                if scope.kind == "Sequential" {
                    list(graph, &branch.children, lines);
                } else {
                    lines.push(TorchLine { class: scope.kind.clone(), node: scope.result });
                }
            }
        }
    }
}
