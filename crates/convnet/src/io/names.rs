//! Names of tensors that differ from a network's own for the same thing.

use std::collections::{BTreeMap, HashSet};

use crate::zoo;

/// Parts of a name before which, or in which, others are looked for.
const MOST_PARTS: usize = 16;

/// Names of a file as a network's: what a wrapper puts before or between is found by what is left.
#[derive(Debug, Default)]
pub(super) struct Aligned {
    /// For each name of the file, the network's or, where it has none, what it would be.
    pub(super) names: Vec<String>,
    /// What was left out of the names: how they start in the file, and in the network.
    pub(super) shortened: Vec<(String, String)>,
}

/// Reads names without the start that leaves the most of them a name of the network, the shortest of those.
pub(super) fn without_prefix(names: &[&str], is_wanted: &dyn Fn(&str) -> bool) -> Aligned {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        for at in starts(name) {
            if wanted(&name[at..], is_wanted).is_some() {
                *votes.entry(&name[..at]).or_default() += 1;
            }
        }
    }
    let best = votes.iter().max_by_key(|&(prefix, count)| (*count, std::cmp::Reverse(prefix.len())));
    let prefix = best.map_or("", |(prefix, _)| *prefix);
    let own = |name: &&str| match name.strip_prefix(prefix) {
        Some(bare) => wanted(bare, is_wanted).unwrap_or_else(|| bare.to_owned()),
        None => (*name).to_owned(),
    };
    let shortened = if prefix.is_empty() { Vec::new() } else { vec![(prefix.to_owned(), String::new())] };
    Aligned { names: names.iter().map(own).collect(), shortened }
}

/// Reads names that are still no name of the network without parts at their start or in them: the parts that make the
/// most names fit come first, and no name of the network is given twice.
pub(super) fn without_parts(aligned: &Aligned, is_wanted: &dyn Fn(&str) -> bool) -> Aligned {
    // Kept start and left out parts → file's names by index, and what they become.
    let mut groups: BTreeMap<(&str, &str), Vec<(usize, String)>> = BTreeMap::new();
    let mut given: HashSet<String> = aligned.names.iter().filter(|name| is_wanted(name)).cloned().collect();
    let open = aligned.names.iter().enumerate().filter(|(_, name)| !is_wanted(name) && !is_idle(name));
    for (i, name) in open {
        for from in starts(name) {
            for to in starts(name).filter(|&to| to > from) {
                let short = format!("{}{}", &name[..from], &name[to..]);
                if let Some(found) = wanted(&short, is_wanted) {
                    groups.entry((&name[..from], &name[from..to])).or_default().push((i, found));
                }
            }
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|((_, left), members)| (std::cmp::Reverse(members.len()), left.len()));
    let (mut names, mut shortened) = (aligned.names.clone(), aligned.shortened.clone());
    let mut done = vec![false; names.len()];
    for ((kept, left), members) in &groups {
        let mut used = false;
        for (i, found) in members {
            if !done[*i] && given.insert(found.clone()) {
                names[*i].clone_from(found);
                (done[*i], used) = (true, true);
            }
        }
        if used {
            shortened.push((format!("{kept}{left}"), (*kept).to_owned()));
        }
    }
    Aligned { names, shortened }
}

/// Where the parts of a name start, none for a name of very many.
fn starts(name: &str) -> impl Iterator<Item = usize> {
    let parts = name.matches('.').count() + 1;
    let dots = name.match_indices('.').map(|(at, _)| at + 1);
    std::iter::once(0).chain(dots).take(if parts > MOST_PARTS { 1 } else { parts })
}

/// The network's name for one of a file; `None` if it has none.
fn wanted(name: &str, is_wanted: &dyn Fn(&str) -> bool) -> Option<String> {
    if is_wanted(name) {
        return Some(name.to_owned());
    }
    zoo::current_name(name).filter(|name| is_wanted(name))
}

/// Whether a tensor counts training steps, which weights do not depend on.
pub(super) fn is_counter(name: &str) -> bool {
    matches!(last(name), "num_batches_tracked" | "n_averaged")
}

/// Whether no layer reads a tensor: a counter, or what the profiler thop leaves in each module.
pub(super) fn is_idle(name: &str) -> bool {
    is_counter(name) || matches!(last(name), "total_ops" | "total_params")
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: [&str; 4] = ["features.0.weight", "features.3.weight", "fc.weight", "fc.bias"];

    fn is_wanted(name: &str) -> bool {
        NETWORK.contains(&name)
    }

    fn told(aligned: &Aligned) -> Vec<(&str, &str)> {
        aligned.shortened.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect()
    }

    #[test]
    fn what_stands_before_all_names_is_left_out() {
        for prefix in ["module.", "module.densenet121.", "_orig_mod.module.", "a.b.c.d."] {
            let names: Vec<String> = NETWORK.iter().map(|name| format!("{prefix}{name}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let aligned = without_prefix(&names, &is_wanted);
            assert_eq!(aligned.names, NETWORK);
            assert_eq!(told(&aligned), [(prefix, "")]);
        }
        let aligned = without_prefix(&NETWORK, &is_wanted);
        assert_eq!((aligned.names.len(), told(&aligned).len()), (4, 0));
        assert!(without_prefix(&[], &is_wanted).names.is_empty());
        let aligned = without_prefix(&["n_averaged", "module.fc.weight"], &is_wanted);
        assert_eq!(aligned.names, ["n_averaged", "fc.weight"]);
    }

    #[test]
    fn what_stands_in_a_part_of_the_names_is_left_out() {
        let names = ["features.module.0.weight", "features.module.3.weight", "fc.weight", "head.fc.bias"];
        let aligned = without_parts(&without_prefix(&names, &is_wanted), &is_wanted);
        assert_eq!(aligned.names, NETWORK);
        assert_eq!(told(&aligned), [("features.module.", "features."), ("head.", "")]);
        // What another tensor has already is not given again.
        let names = ["fc.weight", "teacher.fc.weight"];
        let aligned = without_parts(&without_prefix(&names, &is_wanted), &is_wanted);
        assert_eq!(aligned.names, names);
    }

    #[test]
    fn names_without_end_are_left_as_they_are() {
        let name = "a.".repeat(100_000) + "fc.weight";
        let aligned = without_parts(&without_prefix(&[&name], &is_wanted), &is_wanted);
        assert_eq!(aligned.names, [name]);
    }

    #[test]
    fn counters_are_known() {
        assert!(
            is_counter("bn1.num_batches_tracked") && is_counter("n_averaged") && !is_counter("bn1.weight")
        );
        assert!(is_idle("layer1.0.total_ops") && !is_counter("total_params") && !is_idle("fc.weight"));
    }
}
