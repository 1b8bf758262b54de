//! What stands beside one another in a box, and how it is wired: entities in ranks, values as nets.

use std::collections::{BTreeMap, HashMap};

use crate::tree::{ItemId, Kind, Tree};

/// The most places that values take beside boxes which they pass. A drawing of more is no help to anyone.
pub(crate) const MOST_LANES: usize = 8_000;

/// What stands in a level.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entity {
    /// Where values enter.
    In(Vec<usize>),
    /// A box.
    Item(ItemId),
    /// Where values leave, as they are known outside.
    Out(Vec<usize>),
    /// A result of the network, by its number.
    Result(usize),
    /// Where a net passes a rank.
    Lane(usize),
}

/// A value, or several that go the same way, from where it arises to where it is read.
#[derive(Clone, Debug)]
pub(crate) struct Net {
    pub(crate) source: usize,
    pub(crate) targets: Vec<usize>,
    /// The nodes that give the values.
    pub(crate) tensors: Vec<usize>,
    /// Whether the shape is written beside it: not of values that enter or only leave.
    pub(crate) labelled: bool,
}

/// The inside of a box.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    pub(crate) entities: Vec<Entity>,
    pub(crate) nets: Vec<Net>,
    /// Entities by rank, from one side to the other.
    pub(crate) ranks: Vec<Vec<usize>>,
    /// Connections between neighbouring ranks: the net, the entity above, the one below.
    pub(crate) links: Vec<(usize, usize, usize)>,
    /// Readers of a net that are too far to be drawn: net and target.
    pub(crate) left_out: usize,
}

/// A node that is read outside of a box, with the node that it stands for there.
type Leaving = (usize, usize);

impl Level {
    /// The inside of a scope, or of a run with all its blocks.
    pub(crate) fn of(tree: &Tree<'_>, item: ItemId) -> Self {
        let whole = &tree.items[item];
        let root = item == tree.root();
        let leaving: Vec<Leaving> = match root {
            true => Vec::new(),
            false => leaving(tree, &whole.nodes).into_iter().map(|node| (node, node)).collect(),
        };
        Self::new(tree, &whole.children, &leaving, root)
    }

    /// The inside of a run of which the first block alone is drawn: what the last one gives leaves it.
    pub(crate) fn of_first(tree: &Tree<'_>, run: ItemId, blocks: &[Vec<ItemId>]) -> Self {
        let Some((first, last)) = blocks.first().zip(blocks.last()) else { return Self::of(tree, run) };
        let (inner, outer) = (block_nodes(tree, first), block_nodes(tree, last));
        let leaving: Vec<Leaving> = leaving(tree, &tree.items[run].nodes)
            .into_iter()
            .filter_map(|node| Some((inner[outer.binary_search(&node).ok()?], node)))
            .collect();
        Self::new(tree, first, &leaving, false)
    }

    fn new(tree: &Tree<'_>, members: &[ItemId], leaving: &[Leaving], root: bool) -> Self {
        let of: HashMap<usize, usize> = members
            .iter()
            .enumerate()
            .flat_map(|(place, &member)| tree.items[member].nodes.iter().map(move |&node| (node, place)))
            .collect();
        // Who reads each value: members by their place, then what leaves, then results.
        let mut routes: BTreeMap<usize, Vec<Target>> = BTreeMap::new();
        for (place, &member) in members.iter().enumerate() {
            for &node in &tree.items[member].nodes {
                for from in tree.inputs(node).filter(|from| of.get(from) != Some(&place)) {
                    routes.entry(from).or_default().push(Target::Member(place));
                }
            }
        }
        let mut outside: HashMap<usize, usize> = HashMap::new();
        for &(inner, outer) in leaving {
            outside.insert(inner, outer);
            routes.entry(inner).or_default().push(Target::Out);
        }
        if root {
            for (k, output) in tree.graph.outputs().iter().enumerate() {
                routes.entry(output.node.index()).or_default().push(Target::Result(k));
            }
        }
        let mut grouped: Vec<(Option<usize>, Vec<Target>, Vec<usize>)> = Vec::new();
        let mut known: HashMap<(Option<usize>, Vec<Target>), usize> = HashMap::new();
        for (tensor, mut targets) in routes {
            targets.sort_unstable();
            targets.dedup();
            let source = of.get(&tensor).copied();
            let place = *known.entry((source, targets.clone())).or_insert_with(|| {
                grouped.push((source, targets, Vec::new()));
                grouped.len() - 1
            });
            grouped[place].2.push(tensor);
        }
        let mut level = Self {
            entities: Vec::new(),
            nets: Vec::new(),
            ranks: Vec::new(),
            links: Vec::new(),
            left_out: 0,
        };
        for (source, _, tensors) in &grouped {
            if source.is_none() {
                level.entities.push(Entity::In(tensors.clone()));
            }
        }
        let entering = level.entities.len();
        level.entities.extend(members.iter().map(|&member| Entity::Item(member)));
        let mut ins = 0..entering;
        for (source, targets, tensors) in grouped {
            let source_entity = match source {
                Some(place) => entering + place,
                None => ins.next().unwrap_or_default(),
            };
            let mut to = Vec::with_capacity(targets.len());
            for target in &targets {
                match target {
                    Target::Member(place) => to.push(entering + place),
                    Target::Out => {
                        let outer =
                            tensors.iter().filter_map(|tensor| outside.get(tensor).copied()).collect();
                        to.push(level.add(Entity::Out(outer)));
                    }
                    Target::Result(k) => to.push(level.add(Entity::Result(*k))),
                }
            }
            let labelled = source.is_some() && targets != [Target::Out];
            level.nets.push(Net { source: source_entity, targets: to, tensors, labelled });
        }
        level.rank();
        level
    }

    fn add(&mut self, entity: Entity) -> usize {
        self.entities.push(entity);
        self.entities.len() - 1
    }

    /// Puts every entity one rank below the last one that it reads from, and lanes into the ranks that nets pass.
    fn rank(&mut self) {
        let entering = self.entities.iter().filter(|e| matches!(e, Entity::In(_))).count();
        let mut at: Vec<usize> =
            self.entities.iter().map(|e| usize::from(entering > 0 && !matches!(e, Entity::In(_)))).collect();
        let mut of_source: Vec<Vec<usize>> = vec![Vec::new(); self.entities.len()];
        for (n, net) in self.nets.iter().enumerate() {
            of_source[net.source].push(n);
        }
        // Entities stand in an order in which none reads from one behind it.
        for entity in 0..self.entities.len() {
            for &n in &of_source[entity] {
                for &target in &self.nets[n].targets {
                    at[target] = at[target].max(at[entity] + 1);
                }
            }
        }
        let bottom = (0..self.entities.len())
            .filter(|&e| !matches!(self.entities[e], Entity::Out(_)))
            .map(|e| at[e])
            .max()
            .unwrap_or(0);
        for (entity, kind) in self.entities.iter().enumerate() {
            if matches!(kind, Entity::Out(_)) {
                at[entity] = bottom + 1;
            }
        }
        let count = at.iter().max().map_or(0, |last| last + 1);
        self.ranks = vec![Vec::new(); count];
        for (entity, &rank) in at.iter().enumerate() {
            self.ranks[rank].push(entity);
        }
        self.connect(&at);
    }

    /// Makes lanes and links.
    fn connect(&mut self, at: &[usize]) {
        let mut lanes = 0;
        for n in 0..self.nets.len() {
            let Net { source, targets, .. } = &self.nets[n];
            let (source, start) = (*source, at[*source]);
            let mut targets = targets.clone();
            targets.sort_by_key(|&target| at[target]);
            let passed = targets.last().map_or(0, |&last| at[last] - start - 1);
            if lanes + passed > MOST_LANES {
                let before = targets.len();
                targets.retain(|&target| at[target] == start + 1);
                self.left_out += before - targets.len();
            }
            let mut above = source;
            let mut rank = start;
            for target in targets {
                while rank + 1 < at[target] {
                    rank += 1;
                    let lane = self.add(Entity::Lane(n));
                    self.ranks[rank].push(lane);
                    self.links.push((n, above, lane));
                    above = lane;
                    lanes += 1;
                }
                self.links.push((n, above, target));
            }
        }
    }
}

/// Who reads a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Target {
    Member(usize),
    Out,
    Result(usize),
}

/// All nodes of a block, in the order of the graph.
fn block_nodes(tree: &Tree<'_>, block: &[ItemId]) -> Vec<usize> {
    let mut nodes: Vec<usize> = block.iter().flat_map(|&item| tree.items[item].nodes.clone()).collect();
    nodes.sort_unstable();
    nodes
}

/// The nodes of a box whose values are read outside of it, or are outputs of the network.
pub(crate) fn leaving(tree: &Tree<'_>, nodes: &[usize]) -> Vec<usize> {
    let mut nodes = nodes.to_vec();
    nodes.sort_unstable();
    let inside = |node: &usize| nodes.binary_search(node).is_ok();
    nodes.iter().copied().filter(|&n| tree.is_output[n] || !tree.readers[n].iter().all(inside)).collect()
}

/// The inside of a box, as it is drawn when it is open; `None` for what is never open. A run of one box each has the
/// inside of that box.
pub(crate) fn inside(tree: &Tree<'_>, item: ItemId) -> Option<Level> {
    match &tree.items[item].kind {
        Kind::Stack => None,
        Kind::Scope(_) => Some(Level::of(tree, item)),
        Kind::Run(blocks) => Some(Level::of_first(tree, item, blocks)),
    }
}
