//! Which numbers of a class are parameters: those that differ between its instances, each under one name.

use super::names;
use super::term::{Formal, Leaf, Role, Scalar};

/// A number of a class over all instances; `None` where an instance does not have it.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) role: Role,
    pub(super) place: String,
    pub(super) values: Vec<Option<(Scalar, bool)>>,
    /// Whether it is the channels that the module is given, and whether it is those that it returns.
    pub(super) is_input: bool,
    pub(super) is_result: bool,
}

impl Column {
    /// The column of leaves of all instances.
    pub(super) fn new(leaves: &[Option<&Leaf>]) -> Self {
        let first = leaves.iter().flatten().next();
        Self {
            role: first.map_or(Role::Count, |leaf| leaf.role),
            place: first.map_or_else(String::new, |leaf| leaf.place.clone()),
            values: leaves.iter().map(|leaf| leaf.map(|leaf| (leaf.value, leaf.classes))).collect(),
            is_input: false,
            is_result: false,
        }
    }

    /// Whether every instance has it.
    fn is_whole(&self) -> bool {
        !self.values.contains(&None)
    }

    fn constant(&self) -> Option<Scalar> {
        let mut values = self.values.iter().flatten();
        let &(first, classes) = values.next()?;
        (!classes && values.all(|value| *value == (first, false))).then_some(first)
    }
}

/// Parameters, and how the numbers are written with them.
#[derive(Clone, Debug, Default)]
pub(super) struct Solution {
    pub(super) formals: Vec<Formal>,
    /// A text for each column.
    pub(super) texts: Vec<String>,
    /// What each instance gives for the parameters.
    pub(super) given: Vec<Vec<Leaf>>,
}

struct Param {
    name: String,
    column: Column,
    default: Option<Scalar>,
}

/// Solves the columns of so many instances. With `open`, the channels that the module is given are a parameter even where
/// they are always the same.
pub(super) fn solve(columns: &[Column], instances: usize, open: bool) -> Solution {
    let mut params: Vec<Param> = Vec::new();
    let mut texts: Vec<Option<String>> = vec![None; columns.len()];
    // What the module is given comes first, so that it is the first parameter.
    let inputs = || (0..columns.len()).filter(|&i| columns[i].is_input);
    let input = inputs().find(|&i| columns[i].is_whole()).or_else(|| inputs().next());
    let mut order: Vec<usize> =
        input.into_iter().chain((0..columns.len()).filter(|&i| Some(i) != input)).collect();
    // Numbers that all instances have come first, so that each can give those that others are told by. Switches come last:
    // the numbers may tell of them.
    order.sort_by_key(|&i| (columns[i].role == Role::Flag, Some(i) != input && !columns[i].is_whole()));
    for i in order {
        let column = &columns[i];
        if column.role == Role::Flag
            && column.constant().is_none()
            && let Some(condition) = condition(columns, i, &texts)
        {
            texts[i] = Some(condition);
            continue;
        }
        let forced = open && (column.is_input || column.role == Role::Count);
        // What some instances do without is told by what all have, if it can be.
        let partial = !column.is_whole();
        let equal = params.iter().find_map(|param| equal(column, param));
        if let Some(value) = column.constant().filter(|_| !(forced || partial && equal.is_some())) {
            texts[i] = Some(value.text());
            continue;
        }
        let known = equal.or_else(|| params.iter().find_map(|param| expressed(column, param)));
        texts[i] = Some(known.unwrap_or_else(|| {
            let taken: Vec<&str> = params.iter().map(|param| param.name.as_str()).collect();
            let name = name(columns, i, &taken);
            let default = usual(column.role)
                .filter(|usual| column.values.iter().flatten().any(|value| *value == (*usual, false)));
            params.push(Param { name: name.clone(), column: column.clone(), default });
            name
        }));
    }
    params.sort_by_key(|param| (param.default.is_some(), param.column.role == Role::Count));
    let leaf = |param: &Param, instance: usize| {
        let value = param.column.values.get(instance).copied().flatten();
        let any = || param.column.values.iter().flatten().next().copied();
        let fallback = param.default.map(|default| (default, false)).or_else(any);
        let (value, classes) = value.or(fallback).unwrap_or((Scalar::Int(0), false));
        Leaf { value, role: param.column.role, classes, place: inner_place(&param.column, &param.name) }
    };
    let given = (0..instances).map(|i| params.iter().map(|param| leaf(param, i)).collect()).collect();
    Solution {
        formals: params.iter().map(|p| Formal { name: p.name.clone(), default: p.default }).collect(),
        texts: texts.into_iter().map(Option::unwrap_or_default).collect(),
        given,
    }
}

/// What tells the number apart in the class around: nothing for the usual ones, else the parameter's name.
fn inner_place(column: &Column, name: &str) -> String {
    match column.role {
        Role::InChannels => String::new(),
        Role::Flag => name.to_owned(),
        role if name == "out_channels" || usual(role).is_some() => String::new(),
        _ => name.to_owned(),
    }
}

/// Two numbers of an instance, and whether each is the number of classes.
type Pair = ((Scalar, bool), (Scalar, bool));

/// The numbers of the instances that have both.
fn pairs(column: &Column, param: &Param) -> Vec<Pair> {
    column.values.iter().zip(&param.column.values).filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect()
}

/// The column as a parameter that it is the same as.
fn equal(column: &Column, param: &Param) -> Option<String> {
    let pairs = pairs(column, param);
    let same = !pairs.is_empty() && pairs.iter().all(|(a, b)| a == b);
    (same && column.role.goes_with(param.column.role)).then(|| param.name.clone())
}

/// The column in terms of a parameter.
fn expressed(column: &Column, param: &Param) -> Option<String> {
    let pairs = pairs(column, param);
    let (name, together) = (&param.name, column.role.goes_with(param.column.role));
    if pairs.is_empty() {
        return None;
    }
    let ints: Vec<(usize, usize)> =
        pairs.iter().filter_map(|(a, b)| Some((a.0.int()?, b.0.int()?))).collect();
    if ints.len() < pairs.len() || pairs.iter().any(|(a, b)| a.1 || b.1) {
        return None;
    }
    let distinct = ints.iter().any(|pair| pair.1 != ints[0].1);
    let half = (column.role, param.column.role) == (Role::Padding, Role::Kernel);
    if half && ints.iter().all(|&(padding, kernel)| padding == kernel / 2) {
        return Some(format!("{name} // 2"));
    }
    if !together || !distinct || !matches!(column.role, Role::InChannels | Role::OutChannels) {
        return None;
    }
    let (a, b) = ints[0];
    if b > 0 && a % b == 0 && ints.iter().all(|&(x, y)| Some(x) == y.checked_mul(a / b)) {
        return Some(format!("{} * {name}", a / b));
    }
    if a > 0 && b % a == 0 && ints.iter().all(|&(x, y)| x.checked_mul(b / a) == Some(y)) {
        return Some(format!("{name} // {}", b / a));
    }
    None
}

/// When a switch is on, as the numbers tell: where the stride is not 1, or the channels change.
fn condition(columns: &[Column], index: usize, texts: &[Option<String>]) -> Option<String> {
    let switch = &columns[index];
    let written = |i: usize| {
        texts[i].clone().filter(|text| columns[i].constant().map(Scalar::text) != Some(text.clone()))
    };
    let stride = (0..columns.len()).find(|&i| columns[i].role == Role::Stride && written(i).is_some());
    let ends = columns.iter().position(|c| c.is_input).zip(columns.iter().position(|c| c.is_result));
    let value =
        |column: usize, instance: usize| columns[column].values[instance].and_then(|(value, _)| value.int());
    let mut tests: Vec<(String, Vec<bool>)> = Vec::new();
    let instances = 0..switch.values.len();
    if let Some(stride) = stride {
        let on = instances.clone().map(|i| value(stride, i).is_some_and(|stride| stride != 1)).collect();
        tests.push((format!("{} != 1", written(stride)?), on));
    }
    if let Some((input, result)) = ends
        && let (Some(from), Some(to)) = (&texts[input], &texts[result])
        && from != to
    {
        let on = instances.map(|i| value(input, i) != value(result, i)).collect();
        tests.push((format!("{from} != {to}"), on));
    }
    if let [(first, a), (second, b)] = &tests[..] {
        let both = a.iter().zip(b).map(|(a, b)| *a || *b).collect();
        tests.push((format!("{first} or {second}"), both));
    }
    let fits = |on: &[bool]| {
        let same = |(value, on): (&Option<(Scalar, bool)>, &bool)| {
            value.is_none_or(|(value, _)| value == Scalar::Bool(*on))
        };
        switch.values.iter().zip(on).all(same)
    };
    // The most telling first.
    tests.into_iter().rev().find(|(_, on)| fits(on)).map(|(text, _)| text)
}

/// What an argument usually is.
fn usual(role: Role) -> Option<Scalar> {
    match role {
        Role::Stride | Role::Dilation | Role::Groups => Some(Scalar::Int(1)),
        Role::Padding => Some(Scalar::Int(0)),
        Role::Bias => Some(Scalar::Bool(true)),
        Role::Flag => Some(Scalar::Bool(false)),
        Role::InChannels | Role::OutChannels | Role::Kernel | Role::Count | Role::Step | Role::Other(_) => {
            None
        }
    }
}

/// What a parameter is called.
fn name(columns: &[Column], index: usize, taken: &[&str]) -> String {
    let column = &columns[index];
    let place = plain_place(&column.place);
    let all_classes = column.values.iter().flatten().all(|(_, classes)| *classes);
    let mut choices: Vec<String> = Vec::new();
    match column.role {
        _ if all_classes => choices.push("num_classes".into()),
        Role::InChannels if column.is_input => choices.push("in_channels".into()),
        Role::InChannels | Role::OutChannels => {
            let is_result = columns.iter().any(|other| other.is_result && agree(other, column));
            if is_result {
                choices.push("out_channels".into());
            }
            let others = channel_widths(columns);
            if others.len() == 1 && !is_result {
                choices.push("mid_channels".into());
            }
            choices.extend(branch_name(columns, index));
        }
        Role::Kernel => choices.push("kernel_size".into()),
        Role::Stride => choices.push("stride".into()),
        Role::Padding => choices.push("padding".into()),
        Role::Dilation => choices.push("dilation".into()),
        Role::Groups => choices.push("groups".into()),
        Role::Bias => choices.push("bias".into()),
        Role::Count => choices.push("depth".into()),
        Role::Step => choices.push("growth_rate".into()),
        // The switch of a class inside has its name there.
        Role::Flag => {
            let parts = column.place.rsplit('.').map(names::cleaned);
            choices.extend(parts.filter(|part| names::is_variable(part)).take(1));
            choices.push(place.clone());
        }
        Role::Other(name) => choices.push(name.into()),
    }
    if let Some(last) = choices.last().cloned() {
        choices.push(format!("{place}_{last}"));
    }
    let free = |name: &String| names::is_variable(name) && !taken.contains(&name.as_str());
    let base =
        choices.iter().find(|name| names::is_variable(name)).cloned().unwrap_or_else(|| "number".into());
    choices
        .iter()
        .find(|name| free(name))
        .cloned()
        .or_else(|| (2..).map(|i| format!("{base}{i}")).find(free))
        .unwrap_or(base)
}

/// Whether two columns are the same where both have a number.
fn agree(a: &Column, b: &Column) -> bool {
    let mut pairs = a.values.iter().zip(&b.values).filter(|(a, b)| a.is_some() && b.is_some()).peekable();
    pairs.peek().is_some() && pairs.all(|(a, b)| a == b)
}

/// Channels that differ and that are neither given nor returned.
fn channel_widths(columns: &[Column]) -> Vec<&Column> {
    let mut widths: Vec<&Column> = Vec::new();
    for column in
        columns.iter().filter(|column| column.role == Role::OutChannels && column.constant().is_none())
    {
        let of_result = columns.iter().any(|other| other.is_result && agree(other, column));
        if !of_result && !widths.iter().any(|known| agree(known, column)) {
            widths.push(column);
        }
    }
    widths
}

/// A place without numbers that only count.
fn plain_place(place: &str) -> String {
    let parts: Vec<String> =
        place.split('.').filter(|part| part.parse::<usize>().is_err()).map(names::cleaned).collect();
    let text = parts.join("_");
    match text.chars().next() {
        None => "out".into(),
        Some(first) if first.is_ascii_digit() => format!("ch{text}"),
        Some(_) => text,
    }
}

/// The name of a branch's width: the branch's, with `_reduce` for the first of two.
fn branch_name(columns: &[Column], index: usize) -> Vec<String> {
    let place = plain_place(&columns[index].place);
    let alike = |column: &&Column| {
        column.role == Role::OutChannels && column.constant().is_none() && plain_place(&column.place) == place
    };
    let later = columns[index + 1..].iter().filter(alike).count();
    let before = columns[..index].iter().filter(alike).count();
    match (before, later) {
        (0, 1) => vec![format!("{place}_reduce")],
        (_, 0) => vec![place],
        (before, _) => vec![format!("{place}_{before}")],
    }
}
