//! Functions that make the `nn.Sequential`s of a network which differ in numbers, or in how often a part is repeated.

use super::body::{Body, What};
use super::names;
use super::params::{Column, solve};
use super::term::{Leaf, Role, Scalar, Term};
use super::text::{Doc, Lines};

/// A sequence of modules as its first part, the same part with other numbers so many times, and what comes last.
#[derive(Clone, Debug)]
struct Stack {
    first: Vec<Term>,
    /// The repeated part; `None` if it is there once.
    rest: Option<Vec<Term>>,
    count: usize,
    last: Vec<Term>,
}

impl Stack {
    /// The most of a sequence that is a repeated part of up to three modules.
    fn of(parts: &[Term]) -> Option<Self> {
        let mut best: Option<Self> = None;
        for size in 1..=3.min(parts.len() / 2) {
            let shape = shape(&parts[..size]);
            let count = parts.chunks_exact(size).take_while(|unit| self::shape(unit) == shape).count();
            let unit = |i: usize| &parts[i * size..(i + 1) * size];
            let even = (1..count).all(|i| same(unit(i), unit(1)));
            let covers = |stack: &Self| stack.count * stack.first.len();
            if count >= 2 && even && best.as_ref().is_none_or(|best| covers(best) < count * size) {
                let last = parts[count * size..].to_vec();
                best = Some(Self { first: unit(0).to_vec(), rest: Some(unit(1).to_vec()), count, last });
            }
        }
        best
    }

    /// A sequence that has the repeated part of another stack once.
    fn once(parts: &[Term], other: &Self) -> Option<Self> {
        let size = other.first.len();
        let first = parts.get(..size)?;
        let last = &parts[size..];
        (shape(first) == shape(&other.first) && shape(last) == shape(&other.last)).then(|| Self {
            first: first.to_vec(),
            rest: None,
            count: 1,
            last: last.to_vec(),
        })
    }

    fn fits(&self, other: &Self) -> bool {
        shape(&self.first) == shape(&other.first) && shape(&self.last) == shape(&other.last)
    }

    /// The numbers: how often, the first part's, the repeated part's, the last part's.
    fn leaves(&self) -> Vec<Option<Leaf>> {
        let all = |terms: &[Term]| -> Vec<Option<Leaf>> {
            terms.iter().flat_map(Term::leaves).cloned().map(Some).collect()
        };
        let first = all(&self.first);
        let rest = self.rest.as_deref().map_or_else(|| vec![None; first.len()], all);
        let count = Leaf::new(Scalar::Int(self.count), Role::Count);
        let count = (self.count > 0).then_some(Some(count));
        [count.into_iter().collect(), first, rest, all(&self.last)].concat()
    }
}

fn shape(terms: &[Term]) -> Vec<String> {
    terms.iter().map(Term::skeleton).collect()
}

/// Whether terms have the same numbers, wherever they stand.
fn same(a: &[Term], b: &[Term]) -> bool {
    let numbers = |terms: &[Term]| -> Vec<(Scalar, bool)> {
        terms.iter().flat_map(Term::leaves).map(|leaf| (leaf.value, leaf.classes)).collect()
    };
    shape(a) == shape(b) && numbers(a) == numbers(b)
}

/// Writes functions for the sequences of a body, and calls them.
pub(super) fn extract(body: &mut Body, taken: &mut Vec<String>, lines: &mut Lines) {
    let names: Vec<String> = body.items.iter().map(|item| item.name.join("_")).collect();
    let mut terms: Vec<&mut Term> = Vec::new();
    let mut own: Vec<String> = Vec::new();
    for (item, name) in body.items.iter_mut().zip(names) {
        if let What::Module(term) = &mut item.what {
            terms.push(term);
            own.push(name);
        }
    }
    extract_terms(&mut terms, &own, "make_block", taken, lines);
}

/// The name of a function for the parts of a network without names.
pub(super) fn block_name(network: &str) -> String {
    let stem = std::path::Path::new(network).file_stem().and_then(|stem| stem.to_str()).unwrap_or("net");
    let letters: String = stem.chars().take_while(char::is_ascii_alphabetic).collect();
    names::snake(&format!("{letters}_block"))
}

/// The fewest layers that a function is written for.
const LEAST: usize = 3;

/// Writes functions for those of the terms that are alike, and makes calls of them.
pub(super) fn extract_terms(
    terms: &mut [&mut Term],
    names: &[String],
    usual: &str,
    taken: &mut Vec<String>,
    lines: &mut Lines,
) {
    let sequences: Vec<(usize, &[Term])> = terms
        .iter()
        .enumerate()
        .filter_map(|(i, term)| match &**term {
            Term::Container { class: "nn.Sequential", names: None, parts } => Some((i, &parts[..])),
            _ => None,
        })
        .collect();
    let mut sets: Vec<(Vec<usize>, Vec<Stack>)> = Vec::new();
    for (i, parts) in &sequences {
        if let Some(stack) = Stack::of(parts) {
            match sets.iter_mut().find(|(_, stacks)| stacks[0].fits(&stack)) {
                Some((members, stacks)) => {
                    members.push(*i);
                    stacks.push(stack);
                }
                None => sets.push((vec![*i], vec![stack])),
            }
        }
    }
    let known =
        |sets: &[(Vec<usize>, Vec<Stack>)], i: usize| sets.iter().any(|(members, _)| members.contains(&i));
    for (i, parts) in &sequences {
        if known(&sets, *i) {
            continue;
        }
        let found = sets
            .iter_mut()
            .find_map(|(members, stacks)| Some((Stack::once(parts, &stacks[0])?, members, stacks)));
        if let Some((stack, members, stacks)) = found {
            let at = members.partition_point(|member| member < i);
            members.insert(at, *i);
            stacks.insert(at, stack);
        }
    }
    // What is left, without repetition.
    sets.retain(|(_, stacks)| stacks.iter().filter(|stack| stack.rest.is_some()).count() > 1);
    for (i, parts) in &sequences {
        if known(&sets, *i) || parts.len() < LEAST {
            continue;
        }
        let stack = Stack { first: Vec::new(), rest: None, count: 0, last: parts.to_vec() };
        match sets.iter_mut().find(|(_, stacks)| stacks[0].count == 0 && stacks[0].fits(&stack)) {
            Some((members, stacks)) => {
                members.push(*i);
                stacks.push(stack);
            }
            None => sets.push((vec![*i], vec![stack])),
        }
    }
    sets.retain(|(members, _)| members.len() > 1);
    for (members, stacks) in sets {
        let own: Vec<&str> = members.iter().filter_map(|&i| names.get(i)).map(String::as_str).collect();
        let name = function_name(&own, usual, taken);
        let leaves = write_function(&name, &stacks, lines);
        for (i, term) in members.into_iter().zip(leaves) {
            *terms[i] = term;
        }
    }
}

/// A function's name: what its results are called, without their numbers.
fn function_name(own: &[&str], usual: &str, taken: &mut Vec<String>) -> String {
    let stem =
        |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_').to_owned();
    let first = own.first().map(|name| stem(name)).unwrap_or_default();
    let alike = !first.is_empty() && own.iter().all(|name| stem(name) == first);
    let base = if alike { names::snake(&format!("make_{first}")) } else { usual.to_owned() };
    let name = std::iter::once(base.clone())
        .chain((2..).map(|i| format!("{base}{i}")))
        .find(|name| !taken.contains(name))
        .unwrap_or(base);
    taken.push(name.clone());
    name
}

/// Writes a function for stacks that differ in numbers; its calls.
fn write_function(name: &str, stacks: &[Stack], lines: &mut Lines) -> Vec<Term> {
    // The one that has all parts tells how it is written.
    let model = stacks.iter().find(|stack| stack.rest.is_some()).unwrap_or(&stacks[0]);
    let rows: Vec<Vec<Option<Leaf>>> = stacks.iter().map(Stack::leaves).collect();
    let mut columns: Vec<Column> = (0..rows[0].len())
        .map(|i| Column::new(&rows.iter().map(|row| row[i].as_ref()).collect::<Vec<_>>()))
        .collect();
    if let Some(input) = columns.iter_mut().find(|column| column.role == Role::InChannels) {
        input.is_input = true;
    }
    // A class's parameter is what it returns only where it says so.
    let own = |place: &str| place.rsplit('.').next().is_some_and(|last| last.parse::<usize>().is_ok());
    if let Some(result) = columns.iter_mut().rfind(|column| column.role == Role::OutChannels) {
        result.is_result = own(&result.place);
    }
    let solution = solve(&columns, stacks.len(), true);
    let mut formals: Vec<String> = Vec::new();
    for formal in &solution.formals {
        formals.push(
            formal
                .default
                .map_or_else(|| formal.name.clone(), |default| format!("{}={}", formal.name, default.text())),
        );
    }
    let mut texts = solution.texts.iter().cloned();
    let count = if model.count > 0 { texts.next().unwrap_or_default() } else { String::new() };
    let mut docs = |terms: &[Term]| -> Vec<Doc> { terms.iter().map(|term| term.doc(&mut texts)).collect() };
    let (first, rest) = (docs(&model.first), docs(model.rest.as_deref().unwrap_or_default()));
    let last = docs(&model.last);
    lines.blank(2);
    lines.statement(0, "def ", &Doc::call(name, formals.into_iter().map(Doc::Text).collect()), ":");
    if model.rest.is_some() {
        lines.statement(1, "layers = ", &Doc::list(first, false), "");
        lines.line(1, &format!("for _ in range(1, {count}):"));
        match &rest[..] {
            [one] => lines.statement(2, "layers.append(", &closed(one.clone()), ""),
            _ => lines.statement(2, "layers += ", &Doc::list(rest, false), ""),
        }
        let parts = std::iter::once(Doc::text("*layers")).chain(last).collect();
        lines.statement(1, "return ", &Doc::call("nn.Sequential", parts), "");
    } else {
        lines.statement(1, "return ", &Doc::tall_call("nn.Sequential", last), "");
    }
    let call = |given: &Vec<Leaf>| Term::Block {
        name: name.to_owned(),
        formals: solution.formals.clone(),
        leaves: given.clone(),
    };
    solution.given.iter().map(call).collect()
}

fn closed(doc: Doc) -> Doc {
    match doc {
        Doc::Group { open, parts, close, tall } => Doc::Group { open, parts, close: close + ")", tall },
        other => Doc::Text(other.flat() + ")"),
    }
}
