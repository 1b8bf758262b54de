//! Equal blocks in a row, of which one is drawn with `× n`.
//!
//! Blocks are equal if their layers have the same settings, wiring and map sizes; channels that grow from block to block,
//! as in a DenseNet, do not make them different. Each block but the first must read from the one before it what that one
//! reads from its own, or what all of them read; and of all but the last nothing may be read elsewhere. So the picture of
//! one block tells how all are wired.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::tree::{Item, ItemId, Kind, Tree};

/// The most boxes that one block is made of.
const LONGEST: usize = 4;

/// Replaces equal blocks in a row by runs.
pub(crate) fn fold(tree: &mut Tree<'_>, children: &[ItemId], depth: usize) -> Vec<ItemId> {
    let hashes: Vec<u64> = children.iter().map(|&child| hash(tree, child)).collect();
    let mut folded = Vec::with_capacity(children.len());
    let mut at = 0;
    while at < children.len() {
        let best = (1..=LONGEST)
            .filter_map(|period| {
                let count = repeats(&hashes[at..], period);
                let count =
                    if count > 1 { verified(tree, &children[at..at + count * period], period) } else { 1 };
                let scopes = children[at..].iter().take(period).any(|&c| tree.items[c].kind != Kind::Stack);
                (count >= if scopes { 2 } else { 3 }).then_some((count * period, Reverse(period)))
            })
            .max();
        let Some((length, Reverse(period))) = best else {
            folded.push(children[at]);
            at += 1;
            continue;
        };
        let members = children[at..at + length].to_vec();
        let mut nodes: Vec<usize> = members.iter().flat_map(|&m| tree.items[m].nodes.clone()).collect();
        nodes.sort_unstable();
        let blocks = members.chunks(period).map(<[ItemId]>::to_vec).collect();
        folded.push(tree.push(Item { kind: Kind::Run(blocks), nodes, children: members, depth }));
        at += length;
    }
    folded
}

/// How many times in a row the first `period` hashes stand there.
fn repeats(hashes: &[u64], period: usize) -> usize {
    if hashes.len() < period {
        return 0;
    }
    let block = &hashes[..period];
    hashes.chunks_exact(period).take_while(|other| *other == block).count()
}

/// What must be equal in any case.
fn hash(tree: &Tree<'_>, item: ItemId) -> u64 {
    let mut hasher = DefaultHasher::new();
    let Item { kind, nodes, .. } = &tree.items[item];
    match kind {
        Kind::Scope(scope) => tree.graph.scopes()[*scope].kind.hash(&mut hasher),
        Kind::Stack | Kind::Run(_) => {}
    }
    for &node in nodes {
        let node = &tree.graph.nodes()[node];
        (format!("{:?}", node.op), node.shape.spatial(), node.inputs.len()).hash(&mut hasher);
    }
    hasher.finish()
}

/// Where a layer of a block reads from.
#[derive(Debug, PartialEq)]
enum Read {
    /// A layer of the block, by its position.
    Own(usize),
    /// The value from outside with this number.
    Outside(usize),
}

/// How a block is wired.
struct Wiring {
    nodes: Vec<usize>,
    reads: Vec<Vec<Read>>,
    outside: Vec<usize>,
}

fn wiring(tree: &Tree<'_>, block: &[ItemId]) -> Wiring {
    let mut nodes: Vec<usize> = block.iter().flat_map(|&item| tree.items[item].nodes.clone()).collect();
    nodes.sort_unstable();
    let place: HashMap<usize, usize> = nodes.iter().enumerate().map(|(i, &node)| (node, i)).collect();
    let mut outside: Vec<usize> = Vec::new();
    let mut read = |from: usize| match place.get(&from) {
        Some(&own) => Read::Own(own),
        None => Read::Outside(outside.iter().position(|&known| known == from).unwrap_or_else(|| {
            outside.push(from);
            outside.len() - 1
        })),
    };
    let reads = nodes.iter().map(|&node| tree.inputs(node).map(&mut read).collect()).collect();
    Wiring { nodes, reads, outside }
}

/// How many of the blocks, from the first, are one block repeated.
fn verified(tree: &Tree<'_>, members: &[ItemId], period: usize) -> usize {
    let blocks: Vec<Wiring> = members.chunks(period).map(|block| wiring(tree, block)).collect();
    let first = &blocks[0];
    let mut count = 1;
    // For each value from outside: the position in the block before that gives it, `None` where all read the same.
    let mut carried: Option<Vec<Option<usize>>> = None;
    for pair in blocks.windows(2) {
        let (before, block) = (&pair[0], &pair[1]);
        if block.reads != first.reads || block.outside.len() != first.outside.len() {
            break;
        }
        let from: Option<Vec<Option<usize>>> = (0..first.outside.len())
            .map(|k| match before.nodes.binary_search(&block.outside[k]) {
                Ok(position) => Some(Some(position)),
                Err(_) => (block.outside[k] == first.outside[k]).then_some(None),
            })
            .collect();
        let Some(from) = from.filter(|from| from.iter().any(Option::is_some)) else { break };
        if carried.get_or_insert_with(|| from.clone()) != &from {
            break;
        }
        count += 1;
    }
    // Of every block but the last, only the next one reads.
    let closed = |i: usize| {
        let reads_it = |reader: &usize| {
            blocks[i].nodes.binary_search(reader).is_ok() || blocks[i + 1].nodes.binary_search(reader).is_ok()
        };
        blocks[i].nodes.iter().all(|&node| tree.readers[node].iter().all(reads_it) && !tree.is_output[node])
    };
    (1..count).find(|&i| !closed(i - 1)).unwrap_or(count)
}
