//! Classes: groups of one kind whose insides differ in numbers, or in a module that some of them do without.

use super::body::{Body, Item, Ref, What};
use super::params::{Column, Solution, solve};
use super::term::{Leaf, Role, Scalar, Term};

/// A class: what it has and does, with a text for each of its numbers.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) name: String,
    pub(super) body: Body,
    pub(super) solution: Solution,
}

/// Instances that one class can be written for.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    body: Body,
    /// Each instance's inside, and which of its items each of the cluster's is.
    instances: Vec<(Body, Vec<Option<usize>>)>,
    /// The number that each instance was given under.
    pub(super) members: Vec<usize>,
}

impl Cluster {
    /// Sorts bodies in as few clusters as can be.
    pub(super) fn sort(bodies: &[Body]) -> Vec<Self> {
        let mut alike: Vec<(String, Vec<usize>)> = Vec::new();
        for (i, body) in bodies.iter().enumerate() {
            let skeleton = body.skeleton();
            match alike.iter_mut().find(|(known, _)| *known == skeleton) {
                Some((_, members)) => members.push(i),
                None => alike.push((skeleton, vec![i])),
            }
        }
        // The largest first: the others may lack what they have.
        alike.sort_by_key(|(_, members)| std::cmp::Reverse(bodies[members[0]].items.len()));
        let mut sets: Vec<Vec<usize>> = Vec::new();
        let mut clusters: Vec<Self> = Vec::new();
        for (_, members) in alike {
            let joined = sets.iter_mut().zip(&mut clusters).any(|(set, cluster)| {
                let all: Vec<usize> = set.iter().chain(&members).copied().collect();
                let Some(merged) = Self::merge(bodies, &all) else { return false };
                (*set, *cluster) = (all, merged);
                true
            });
            if !joined && let Some(cluster) = Self::merge(bodies, &members) {
                sets.push(members);
                clusters.push(cluster);
            }
        }
        clusters.sort_by_key(|cluster| cluster.members.iter().min().copied());
        clusters
    }

    /// One class for bodies, the first of which has all that the others have.
    fn merge(bodies: &[Body], members: &[usize]) -> Option<Self> {
        let base = &bodies[*members.first()?];
        let maps: Vec<Vec<Option<usize>>> =
            members.iter().map(|&member| map(base, &bodies[member])).collect::<Option<_>>()?;
        let mut body = base.clone();
        let missing = |item: usize| maps.iter().any(|map| map[item].is_none());
        // What each instance reads, in the base's items.
        let read = |instance: usize, item: usize| -> Option<Vec<Ref>> {
            let own = &bodies[members[instance]].items[maps[instance][item]?];
            Some(own.reads.iter().map(|&read| back(&maps[instance], read)).collect())
        };
        for item in 0..base.items.len() {
            for operand in 0..base.items[item].reads.len() {
                let found: Vec<Option<Ref>> =
                    (0..members.len()).map(|i| read(i, item).map(|reads| reads[operand])).collect();
                let usual = base.items[item].reads[operand];
                let mut others: Vec<Ref> = found.iter().flatten().copied().filter(|&r| r != usual).collect();
                others.sort_unstable();
                others.dedup();
                let optional = match usual {
                    Ref::Item(before) if missing(before) => Some(before),
                    _ => None,
                };
                match optional {
                    None if others.is_empty() => {}
                    Some(before)
                        if (1..=2).contains(&others.len()) && base.uses().get(&usual) == Some(&1) =>
                    {
                        let What::Module(term) = &base.items[before].what else { return None };
                        if term.is_parameter() {
                            return None;
                        }
                        let absent = |i: usize| maps[i][before].is_none();
                        if (0..members.len()).any(|i| found[i].is_some_and(|r| (r != usual) != absent(i))) {
                            return None;
                        }
                        // The one that fewer read is told by a switch.
                        let count = |other: Ref| found.iter().filter(|r| **r == Some(other)).count();
                        others.sort_by_key(|&other| count(other));
                        let name = base.items[before].name.join(".");
                        let flag =
                            |place: String| Leaf { place, ..Leaf::new(Scalar::Bool(true), Role::Flag) };
                        let mut flags = vec![flag(name.clone())];
                        if let [Ref::Item(rare), _] = others[..] {
                            flags.push(flag(format!("{name}_from_{}", base.items[rare].name.join("_"))));
                        } else if others.len() == 2 {
                            flags.push(flag(format!("{name}_from_input")));
                        }
                        body.items[before].what = What::Optional(term.clone(), flags);
                        body.items[before].reads.truncate(1);
                        body.items[before].reads.extend(&others);
                    }
                    _ => return None,
                }
            }
        }
        let left = (0..base.items.len())
            .any(|item| missing(item) && !matches!(body.items[item].what, What::Optional(..)));
        let results = members.iter().zip(&maps).all(|(&member, map)| {
            bodies[member].results.iter().map(|&read| back(map, read)).eq(base.results.iter().copied())
        });
        let held = members.iter().all(|&member| bodies[member].containers == base.containers);
        let again = |item: usize| {
            let own = |i: usize| maps[i][item].map(|own| bodies[members[i]].items[own].what.clone());
            (0..members.len()).all(|i| match (&base.items[item].what, own(i)) {
                (What::Again(first), Some(What::Again(own))) => maps[i][*first] == Some(own),
                _ => true,
            })
        };
        if left || !results || !held || !(0..base.items.len()).all(again) {
            return None;
        }
        let instances =
            members.iter().zip(maps).map(|(&member, map)| (bodies[member].clone(), map)).collect();
        Some(Self { body, instances, members: members.to_vec() })
    }

    /// The class, with a text for each number of its body.
    pub(super) fn class(self, name: String, open: bool) -> Class {
        let mut columns = Vec::new();
        for (at, item) in self.body.items.iter().enumerate() {
            let width = item.what.leaves().len();
            let rows: Vec<Vec<Option<Leaf>>> =
                self.instances.iter().map(|(body, map)| self.row(item, at, body, map, width)).collect();
            let first = columns.len();
            for i in 0..width {
                let leaves: Vec<Option<&Leaf>> = rows.iter().map(|row| row[i].as_ref()).collect();
                columns.push(Column::new(&leaves));
            }
            if self.has_input_channels(item.reads.first().copied())
                && let Some(column) = columns[first..].iter_mut().find(|c| c.role == Role::InChannels)
            {
                column.is_input = true;
            }
        }
        if let Some(result) = self.result_column() {
            columns[result].is_result = true;
        }
        let solution = solve(&columns, self.instances.len(), open);
        Class { name, body: self.body, solution }
    }

    /// Whether a value has the channels that the module is given: it is its input, or nothing before it changes them.
    fn has_input_channels(&self, mut value: Option<Ref>) -> bool {
        while let Some(Ref::Item(at)) = value {
            let item = &self.body.items[at];
            let keeps = match &item.what {
                What::Module(Term::Layer { .. }) => {
                    item.what.leaves().iter().all(|leaf| leaf.role != Role::OutChannels)
                }
                What::Again(_) => true,
                _ => false,
            };
            value = item.reads.first().copied().filter(|_| keeps);
        }
        value == Some(Ref::Input(0))
    }

    /// The numbers of an instance's item.
    fn row(
        &self,
        item: &Item,
        at: usize,
        body: &Body,
        map: &[Option<usize>],
        width: usize,
    ) -> Vec<Option<Leaf>> {
        let own = map[at].map(|own| &body.items[own]);
        let leaves = own.map_or_else(Vec::new, |own| own.what.leaves());
        let mut row: Vec<Option<Leaf>> = leaves.into_iter().cloned().map(Some).collect();
        if let What::Optional(_, flags) = &item.what {
            let switch = |flag: &Leaf, on: bool| Some(Leaf { value: Scalar::Bool(on), ..flag.clone() });
            let mut front = vec![switch(&flags[0], own.is_some())];
            if let Some(flag) = flags.get(1) {
                // Where the module is there, nothing is said.
                front.push(own.is_none().then(|| switch(flag, self.is_rare(at, body, map))).flatten());
            }
            row.splice(0..0, front);
        }
        row.resize(width, None);
        row
    }

    /// Whether an instance's consumer of a missing item reads the first alternative where that item's output would stand.
    fn is_rare(&self, at: usize, body: &Body, map: &[Option<usize>]) -> bool {
        let item = &self.body.items[at];
        self.body.items.iter().enumerate().any(|(i, other)| {
            let operand = other.reads.iter().position(|&read| read == Ref::Item(at));
            operand
                .zip(map[i])
                .is_some_and(|(operand, own)| back(map, body.items[own].reads[operand]) == item.reads[1])
        })
    }

    /// The column of the channels that the class returns.
    fn result_column(&self) -> Option<usize> {
        let mut result = *self.body.results.first()?;
        for _ in 0..=self.body.items.len() {
            let Ref::Item(at) = result else { return None };
            let item = &self.body.items[at];
            let before: usize = self.body.items[..at].iter().map(|item| item.what.leaves().len()).sum();
            let last = item.what.leaves().iter().rposition(|leaf| leaf.role == Role::OutChannels);
            match (&item.what, last) {
                (What::Module(_) | What::Optional(..), Some(last)) => return Some(before + last),
                (What::Module(_) | What::Again(_), None)
                | (What::Function(super::layers::Function::Add), _) => {
                    result = item.reads[0];
                }
                _ => return None,
            }
        }
        None
    }
}

/// Which items of `other` the items of `base` are, if `other` has no others and they stand in the same order.
fn map(base: &Body, other: &Body) -> Option<Vec<Option<usize>>> {
    let mut next = 0;
    let mut found = Vec::new();
    for item in &base.items {
        let same = other.items.get(next).filter(|own| own.name == item.name && alike(&own.what, &item.what));
        found.push(same.map(|_| next));
        next += usize::from(same.is_some());
    }
    (next == other.items.len() && base.inputs == other.inputs).then_some(found)
}

fn alike(a: &What, b: &What) -> bool {
    match (a, b) {
        (What::Module(a), What::Module(b)) => a.skeleton() == b.skeleton(),
        (What::Again(_), What::Again(_)) => true,
        (What::Function(a), What::Function(b)) => a == b,
        (What::Loop(a), What::Loop(b)) => {
            let shape = |run: &super::body::Loop| {
                (
                    run.prefix.clone(),
                    run.first,
                    run.container.clone(),
                    run.function,
                    run.module_first,
                    run.term.skeleton(),
                )
            };
            shape(a) == shape(b)
        }
        _ => false,
    }
}

/// An instance's value as the base's.
fn back(map: &[Option<usize>], read: Ref) -> Ref {
    match read {
        Ref::Input(_) => read,
        Ref::Item(own) => map.iter().position(|item| *item == Some(own)).map_or(read, Ref::Item),
    }
}
