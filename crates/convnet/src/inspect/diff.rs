//! What differs between two networks.

use crate::graph::{Graph, NodeId};

/// One step of the alignment of two networks' layers.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The same layer in both: op, settings and parameter shapes.
    Same(NodeId, NodeId),
    /// The same op with other settings or parameter shapes.
    Changed(NodeId, NodeId, Vec<SettingChange>),
    /// A layer of the first network alone.
    Removed(NodeId),
    /// A layer of the second network alone.
    Added(NodeId),
}

/// A setting that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    /// `stride`, `bias`, `weight`.
    pub name: String,
    /// Its value in the first network; `None` where it has none.
    pub before: Option<String>,
    /// Its value in the second.
    pub after: Option<String>,
}

/// Aligns the layers of two networks so that as many as possible are paired with an equal one, and others
/// with one of the same op; inputs are left out. The pairs keep the order of both networks.
pub fn diff(first: &Graph, second: &Graph) -> Vec<Change> {
    let left: Vec<Described> = first.ids().skip(1).map(|id| Described::new(first, id)).collect();
    let right: Vec<Described> = second.ids().skip(1).map(|id| Described::new(second, id)).collect();
    // The best score of aligning what follows position i of the one and j of the other.
    let stride = right.len() + 1;
    let mut best = vec![0u32; (left.len() + 1) * stride];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            let skip = best[(i + 1) * stride + j].max(best[i * stride + j + 1]);
            let pair = left[i].likeness(&right[j]).map_or(0, |s| s + best[(i + 1) * stride + j + 1]);
            best[i * stride + j] = skip.max(pair);
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut changes = Vec::new();
    while i < left.len() || j < right.len() {
        let here = best[i * stride + j];
        let pair = match (left.get(i), right.get(j)) {
            (Some(a), Some(b)) => {
                a.likeness(b).filter(|s| s + best[(i + 1) * stride + j + 1] == here).map(|_| (a, b))
            }
            _ => None,
        };
        if let Some((a, b)) = pair {
            changes.push(a.compare(b));
            i += 1;
            j += 1;
        } else if i < left.len() && (j == right.len() || best[(i + 1) * stride + j] == here) {
            changes.push(Change::Removed(left[i].id));
            i += 1;
        } else {
            changes.push(Change::Added(right[j].id));
            j += 1;
        }
    }
    changes
}

struct Described<'a> {
    id: NodeId,
    op: &'static str,
    path: &'a str,
    settings: Vec<(String, String)>,
}

impl<'a> Described<'a> {
    fn new(graph: &'a Graph, id: NodeId) -> Self {
        let node = graph.node(id);
        let mut settings: Vec<(String, String)> =
            node.op.properties().into_iter().map(|(name, value)| (name.into(), value)).collect();
        for spec in graph.node_parameters(id) {
            let shape: Vec<String> = spec.shape.iter().map(ToString::to_string).collect();
            let name = spec.name.rsplit('.').next().unwrap_or(&spec.name).to_string();
            let own = format!("{}.{name}", node.path);
            let shared = if own == spec.name || node.path.is_empty() {
                String::new()
            } else {
                format!(" (that of `{}`)", spec.name)
            };
            settings.push((name, shape.join("×") + &shared));
        }
        Self { id, op: node.op.name(), path: &node.path, settings }
    }

    /// How well two layers pair: `None` for other ops; an equal layer is worth more than one of the same op
    /// alone, and one of the same name a little more.
    fn likeness(&self, other: &Self) -> Option<u32> {
        if self.op != other.op {
            return None;
        }
        let equal = if self.settings == other.settings { 6 } else { 2 };
        Some(equal + u32::from(self.path == other.path))
    }

    fn compare(&self, other: &Self) -> Change {
        let value = |settings: &[(String, String)], name: &str| {
            settings.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone())
        };
        let mut names: Vec<&String> = self.settings.iter().map(|(name, _)| name).collect();
        names.extend(other.settings.iter().map(|(n, _)| n).filter(|n| value(&self.settings, n).is_none()));
        let settings: Vec<SettingChange> = names
            .into_iter()
            .map(|name| SettingChange {
                name: name.clone(),
                before: value(&self.settings, name),
                after: value(&other.settings, name),
            })
            .filter(|setting| setting.before != setting.after)
            .collect();
        if settings.is_empty() {
            Change::Same(self.id, other.id)
        } else {
            Change::Changed(self.id, other.id, settings)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Builder;
    use crate::ops::{Conv2d, Linear, MaxPool2d};

    fn network(stride: usize, pool: bool, bias: bool) -> Graph {
        let net = Builder::image("net", 1, 16, 16);
        let conv = Conv2d::new(4, 3).stride(stride).padding(1);
        let mut x = net.input().conv2d(if bias { conv } else { conv.no_bias() }).relu();
        if pool {
            x = x.max_pool2d(MaxPool2d::new(2));
        }
        net.build(x.conv2d(Conv2d::new(8, 1)).relu().flatten().linear(Linear::new(10))).unwrap()
    }

    #[test]
    fn a_network_does_not_differ_from_itself() {
        let graph = network(1, true, true);
        let changes = diff(&graph, &graph);
        assert_eq!(changes.len(), graph.nodes().len() - 1);
        assert!(changes.iter().all(|change| matches!(change, Change::Same(a, b) if a == b)));
    }

    #[test]
    fn settings_parameters_and_layers_that_differ_are_named() {
        let (first, second) = (network(1, true, true), network(2, false, false));
        let changes = diff(&first, &second);
        let Change::Changed(_, _, settings) = &changes[0] else { panic!("{changes:?}") };
        let named: Vec<_> = settings.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(named, ["stride", "bias"]);
        assert_eq!(settings[1].before.as_deref(), Some("4"));
        assert_eq!(settings[1].after, None);
        let removed: Vec<_> = changes.iter().filter(|c| matches!(c, Change::Removed(_))).collect();
        assert_eq!(removed, [&Change::Removed(NodeId(3))], "the pool");
        // Stride 2 and pooling by 2 leave the same features, so that Linear is the same.
        assert!(matches!(changes.last(), Some(Change::Same(..))));
    }

    #[test]
    fn alignment_keeps_the_order_and_all_layers_of_both() {
        let (first, second) = (network(1, false, true), network(3, true, true));
        let changes = diff(&first, &second);
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Same(a, b) | Change::Changed(a, b, _) => {
                    left.push(a);
                    right.push(b);
                }
                Change::Removed(a) => left.push(a),
                Change::Added(b) => right.push(b),
            }
        }
        assert_eq!(left, first.ids().skip(1).collect::<Vec<_>>());
        assert_eq!(right, second.ids().skip(1).collect::<Vec<_>>());
    }
}
