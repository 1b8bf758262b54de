//! The state dicts in what a file holds: one, or several in a checkpoint.

use std::collections::{BTreeMap, HashSet};

use super::inner::array;
use super::pickle::{Id, Pickle, Value};

/// How deep a state dict may lie in a checkpoint's dictionaries.
const DEPTH: usize = 6;
/// How deep modules may lie in one another.
const NESTED: usize = 64;
/// The most tensors and modules of a file.
const MOST_TENSORS: usize = 1 << 16;
/// The most bytes of their names.
const MOST_NAMES: usize = 8 << 20;
/// The longest key of a state dict.
const LONGEST_KEY: usize = 256;
/// The most tensors of several state dicts that are joined.
const MOST_JOINED: usize = 1 << 13;
/// The most items of a list that are searched.
const MOST_LISTED: usize = 1 << 12;

/// Tensors with names.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Where it lies: keys, joined by dots, and a `*` for all that lie there.
    pub(super) key: String,
    /// Names and tensors, or what stands in a tensor's place.
    pub(super) tensors: Vec<(String, Id)>,
}

/// All state dicts that can be reached by names, the one that is most likely meant first; last, what several of them are
/// together.
pub(super) fn state_dicts(pickle: &Pickle<'_>, top: Id) -> Result<Vec<Found>, String> {
    let mut search = Search { pickle, seen: HashSet::new(), found: Vec::new(), named: 0, bytes: 0 };
    search.visit(top, "", DEPTH)?;
    let mut found = search.found;
    // A stable sort: of equals, the first in the file stays first.
    found.sort_by_key(|dict| {
        (is_optimizer(&dict.key), std::cmp::Reverse(dict.weights()), is_average(&dict.key))
    });
    let joined = joined(&found);
    found.extend(joined);
    Ok(found)
}

/// The dictionaries that hold several state dicts, as one: a network that was saved in parts.
fn joined(found: &[Found]) -> Vec<Found> {
    let mut groups: BTreeMap<&str, Vec<&Found>> = BTreeMap::new();
    for dict in found.iter().filter(|dict| !dict.key.is_empty() && !is_optimizer(&dict.key)) {
        let parents = dict.key.match_indices('.').map(|(at, _)| &dict.key[..at]);
        parents.chain([""]).for_each(|parent| groups.entry(parent).or_default().push(dict));
    }
    let join = |(parent, dicts): (&str, Vec<&Found>)| {
        let named = |dict: &Found| {
            let inside = dict.key[parent.len()..].trim_start_matches('.');
            dict.tensors.iter().map(|(name, id)| (format!("{inside}.{name}"), *id)).collect::<Vec<_>>()
        };
        let tensors = dicts.iter().flat_map(|dict| named(dict)).collect();
        Found { key: format!("{parent}.*").trim_start_matches('.').to_owned(), tensors }
    };
    let tensors = |dicts: &[&Found]| dicts.iter().map(|dict| dict.tensors.len()).sum::<usize>();
    groups
        .into_iter()
        .filter(|(_, dicts)| dicts.len() > 1 && tensors(dicts) <= MOST_JOINED)
        .map(join)
        .collect()
}

/// Whether a key names what an optimizer keeps.
fn is_optimizer(key: &str) -> bool {
    key.split('.').any(|part| part.starts_with("optim") || part.ends_with("optimizer") || part == "opt")
}

/// Whether a key names a moving average of weights, or another copy of the network.
fn is_average(key: &str) -> bool {
    let is_word = |part: &str| {
        ["ema", "average", "averaged", "avg", "swa", "shadow", "teacher", "target"].contains(&part)
    };
    key.to_ascii_lowercase().split(['.', '_']).any(is_word)
}

impl Found {
    /// Tensors that are called as layers call theirs, and those that are no counters.
    fn weights(&self) -> (usize, usize) {
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let names: Vec<String> = self.tensors.iter().map(|(name, _)| last(name)).collect();
        let is_weight =
            |name: &&String| ["weight", "bias", "running_"].iter().any(|start| name.starts_with(start));
        let counts = |name: &&String| ["num_batches_tracked", "n_averaged"].contains(&name.as_str());
        (names.iter().filter(is_weight).count(), names.iter().filter(|name| !counts(name)).count())
    }
}

struct Search<'p, 'a> {
    pickle: &'p Pickle<'a>,
    seen: HashSet<Id>,
    found: Vec<Found>,
    /// Names that were kept, and their bytes.
    named: usize,
    bytes: usize,
}

impl Search<'_, '_> {
    fn visit(&mut self, id: Id, key: &str, depth: usize) -> Result<(), String> {
        let pickle = self.pickle;
        if depth == 0 || !self.seen.insert(id) {
            return Ok(());
        }
        let inside = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
        if is_module(pickle, id) {
            let mut tensors = Vec::new();
            self.module(id, "", NESTED, &mut tensors)?;
            return self.add(key, tensors);
        }
        let attributes = pickle.attributes(id);
        let attributes = attributes.iter().flat_map(|&attributes| pickle.pairs(attributes));
        let named: Vec<(&str, Id)> = pickle
            .pairs(id)
            .iter()
            .chain(attributes)
            .filter_map(|&(name, value)| Some((pickle.name_of(name)?, value)))
            .chain(paired(pickle, id))
            .collect();
        let mut tensors = Vec::new();
        for &(name, value) in named.iter().filter(|&&(_, value)| is_tensor(pickle, value)) {
            self.count(name.len())?;
            tensors.push((name.to_owned(), value));
        }
        self.add(key, tensors)?;
        for (name, value) in named {
            if key.len() + name.len() <= LONGEST_KEY {
                self.visit(value, &inside(name), depth - 1)?;
            }
        }
        let list = pickle.list(id).unwrap_or_default();
        for (i, &value) in list.iter().enumerate().take(MOST_LISTED) {
            self.visit(value, &inside(&i.to_string()), depth - 1)?;
        }
        Ok(())
    }

    /// Counts a name that is kept, or a module that is searched: they may hold one another over and over.
    fn count(&mut self, length: usize) -> Result<(), String> {
        self.named += 1;
        self.bytes += length;
        match self.named > MOST_TENSORS || self.bytes > MOST_NAMES {
            true => Err(format!(
                "it holds more than {MOST_TENSORS} tensors, or names of more than {MOST_NAMES} bytes"
            )),
            false => Ok(()),
        }
    }

    fn add(&mut self, key: &str, tensors: Vec<(String, Id)>) -> Result<(), String> {
        if !tensors.is_empty() {
            self.found.push(Found { key: key.to_owned(), tensors });
        }
        Ok(())
    }

    /// The tensors of a module's state dict, by the names that it gives them.
    fn module(
        &mut self,
        id: Id,
        prefix: &str,
        depth: usize,
        tensors: &mut Vec<(String, Id)>,
    ) -> Result<(), String> {
        let pickle = self.pickle;
        let Some(attributes) = pickle.attributes(id).filter(|_| depth > 0) else { return Ok(()) };
        let entries =
            |key: &str| pickle.entry(attributes, key).map_or(&[][..], |entries| pickle.pairs(entries));
        let transient = pickle.entry(attributes, "_non_persistent_buffers_set");
        let transient = transient.and_then(|set| set_items(pickle, set)).unwrap_or_default();
        for (key, passing) in [("_parameters", false), ("_buffers", true)] {
            for &(name, value) in entries(key) {
                let Some(name) = pickle.name_of(name).filter(|_| is_tensor(pickle, value)) else { continue };
                if passing && transient.iter().any(|&id| pickle.name_of(id) == Some(name)) {
                    continue;
                }
                self.count(prefix.len() + name.len())?;
                tensors.push((format!("{prefix}{name}"), value));
            }
        }
        for &(name, value) in entries("_modules") {
            let Some(name) = pickle.name_of(name) else { continue };
            self.count(prefix.len() + name.len())?;
            self.module(value, &format!("{prefix}{name}."), depth - 1, tensors)?;
        }
        Ok(())
    }
}

/// A tensor, or what is made by a function that makes tensors.
fn is_tensor(pickle: &Pickle<'_>, id: Id) -> bool {
    let rebuilds = |name: String| name.starts_with("torch.") && name.contains("._rebuild_");
    match pickle.value(id) {
        Value::Tensor(_) => true,
        Value::Object(object) => {
            pickle.foreign(object.class).is_some_and(rebuilds) || array(pickle, id).is_some()
        }
        _ => false,
    }
}

/// The pairs of a list of names and tensors.
fn paired<'a>(pickle: &Pickle<'a>, id: Id) -> Vec<(&'a str, Id)> {
    let pair = |&item: &Id| match pickle.list(item)? {
        &[name, value] if is_tensor(pickle, value) => Some((pickle.name_of(name)?, value)),
        _ => None,
    };
    let list = pickle.list(id).unwrap_or_default();
    list.iter().map(pair).collect::<Option<_>>().unwrap_or_default()
}

/// Whether it is a module that was saved as a whole.
fn is_module(pickle: &Pickle<'_>, id: Id) -> bool {
    let Some(attributes) = pickle.attributes(id) else { return false };
    ["_parameters", "_buffers", "_modules"].iter().all(|key| pickle.entry(attributes, key).is_some())
}

/// The items of a set: a list, or a call of `set` with one.
fn set_items<'p>(pickle: &'p Pickle<'_>, id: Id) -> Option<&'p [Id]> {
    match pickle.value(id) {
        Value::Object(object) => pickle.list(*object.arguments.first()?),
        _ => pickle.list(id),
    }
}
