//! `itertools`. Iterators that may go on without end are lazy; the others are made at once.

use super::super::functions::take_keyword;
use super::functions;
use crate::ast::BinaryOp;
use crate::interp::{Args, Interp, Result};
use crate::value::{Iter, Value};

pub(super) fn names() -> Vec<(&'static str, Value)> {
    functions([
        ("chain", |interp, args| {
            let items = args.positional(interp, "chain", 0, usize::MAX)?;
            chained(interp, items)
        }),
        ("product", product),
        ("repeat", repeat),
        ("islice", islice),
        ("count", count),
        ("cycle", |interp, args| {
            let items = args.positional(interp, "cycle", 1, 1)?;
            Ok(Value::iter(Iter::Cycle(interp.collect(&items[0])?, 0)))
        }),
        ("accumulate", accumulate),
        ("zip_longest", zip_longest),
        ("permutations", permutations),
        ("combinations", |i, a| combinations(i, a, "combinations", false)),
        ("combinations_with_replacement", |i, a| combinations(i, a, "combinations_with_replacement", true)),
        ("pairwise", |interp, args| {
            let items = args.positional(interp, "pairwise", 1, 1)?;
            let items = interp.collect(&items[0])?;
            made(items.windows(2).map(|pair| Value::tuple(pair.to_vec())).collect())
        }),
        ("starmap", starmap),
        ("takewhile", takewhile),
        ("dropwhile", dropwhile),
        ("filterfalse", filterfalse),
        ("compress", compress),
        ("groupby", groupby),
        ("tee", tee),
    ])
}

/// `chain.from_iterable`, which is an attribute of `chain`.
pub(super) fn chain_attr(name: &str) -> Option<Value> {
    (name == "from_iterable").then(|| {
        Value::native("from_iterable", |interp, args| {
            let items = args.positional(interp, "from_iterable", 1, 1)?;
            let items = interp.collect(&items[0])?;
            chained(interp, items)
        })
    })
}

fn made(items: Vec<Value>) -> Result {
    Ok(Value::iter(Iter::Items(items.into_iter())))
}

fn chained(interp: &mut Interp, sources: Vec<Value>) -> Result {
    let mut all = Vec::new();
    for source in sources {
        all.extend(interp.collect(&source)?);
    }
    made(all)
}

fn repeat(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "repeat", &["object", "times"], 1)?;
    let item = bound.required(0);
    match bound.take(1) {
        None => Ok(Value::iter(Iter::Cycle(vec![item], 0))),
        Some(times) => {
            let times = usize::try_from(interp.integer(&times)?).unwrap_or(0);
            interp.charge(times)?;
            made(vec![item; times])
        }
    }
}

fn count(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "count", &["start", "step"], 2)?;
    let mut numbers = [0, 1];
    for (at, number) in numbers.iter_mut().enumerate() {
        if let Some(value) = bound.take(at) {
            *number = interp.integer(&value)?;
        }
    }
    let [next, step] = numbers;
    Ok(Value::iter(Iter::Count { next, step }))
}

fn islice(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "islice", 2, 4)?;
    let mut bounds = [Some(0), None, Some(1)];
    let given = if items.len() == 2 { &mut bounds[1..2] } else { &mut bounds[..items.len() - 1] };
    for (bound, value) in given.iter_mut().zip(&items[1..]) {
        if !matches!(value, Value::None) {
            *bound = match interp.try_integer(value)?.map(usize::try_from) {
                Some(Ok(n)) => Some(n),
                _ => {
                    let message = "Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize.";
                    return Err(interp.raise("ValueError", message));
                }
            };
        }
    }
    let (start, stop, step) = (bounds[0].unwrap_or(0), bounds[1], bounds[2].unwrap_or(1));
    if step == 0 {
        return Err(interp.raise("ValueError", "Step for islice() must be a positive integer or None."));
    }
    let iterator = interp.iter(&items[0])?;
    let mut taken = Vec::new();
    let mut at = 0;
    while stop.is_none_or(|stop| at < stop) {
        let Some(item) = interp.next(&iterator)? else { break };
        if at >= start && (at - start) % step == 0 {
            interp.charge(1)?;
            taken.push(item);
        }
        at += 1;
    }
    made(taken)
}

fn accumulate(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "accumulate", &["iterable", "func", "initial"], 2)?;
    let (items, function) = (bound.required(0), bound.some(1));
    let mut total = bound.some(2);
    let mut sums: Vec<Value> = total.iter().cloned().collect();
    for item in interp.collect(&items)? {
        let next = match (total, &function) {
            (None, _) => item,
            (Some(total), None) => interp.binary(BinaryOp::Add, &total, &item)?,
            (Some(total), Some(function)) => interp.call_with(function, vec![total, item])?,
        };
        interp.charge(1)?;
        sums.push(next.clone());
        total = Some(next);
    }
    made(sums)
}

fn zip_longest(interp: &mut Interp, mut args: Args) -> Result {
    let fill = take_keyword(&mut args, "fillvalue").unwrap_or(Value::None);
    let mut columns = Vec::new();
    for source in args.positional(interp, "zip_longest", 0, usize::MAX)? {
        columns.push(interp.collect(&source)?);
    }
    let longest = columns.iter().map(Vec::len).max().unwrap_or(0);
    interp.charge(longest.saturating_mul(columns.len()))?;
    let row = |at: usize| columns.iter().map(|column| column.get(at).unwrap_or(&fill).clone()).collect();
    made((0..longest).map(|at| Value::tuple(row(at))).collect())
}

fn product(interp: &mut Interp, mut args: Args) -> Result {
    let times = match take_keyword(&mut args, "repeat") {
        Some(times) => usize::try_from(interp.integer(&times)?).unwrap_or(0),
        None => 1,
    };
    let mut pools = Vec::new();
    for source in args.positional(interp, "product", 0, usize::MAX)? {
        pools.push(interp.collect(&source)?);
    }
    interp.charge(pools.len().saturating_mul(times))?;
    let pools: Vec<Vec<Value>> = std::iter::repeat_n(pools, times).flatten().collect();
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for pool in &pools {
        interp.charge(rows.len().saturating_mul(pool.len()).saturating_mul(pools.len()))?;
        let longer = rows
            .iter()
            .flat_map(|row| pool.iter().map(|item| [&row[..], std::slice::from_ref(item)].concat()));
        rows = longer.collect();
    }
    made(rows.into_iter().map(Value::tuple).collect())
}

fn permutations(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "permutations", &["iterable", "r"], 1)?;
    let items = bound.required(0);
    let items = interp.collect(&items)?;
    let size = match bound.some(1) {
        Some(size) => usize::try_from(interp.integer(&size)?).unwrap_or(0),
        None => items.len(),
    };
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for length in 0..size {
        let left = items.len().saturating_sub(length);
        interp.charge(rows.len().saturating_mul(left).saturating_mul(length + 1))?;
        let longer = rows.iter().flat_map(|row| {
            (0..items.len()).filter(|at| !row.contains(at)).map(|at| [&row[..], &[at]].concat())
        });
        rows = longer.collect();
        if rows.is_empty() {
            break;
        }
    }
    pick(interp, &items, &rows)
}

fn combinations(interp: &mut Interp, args: Args, name: &str, again: bool) -> Result {
    let mut bound = args.bind(interp, name, &["iterable", "r"], 0)?;
    let (items, size) = (bound.required(0), bound.required(1));
    let items = interp.collect(&items)?;
    let size = usize::try_from(interp.integer(&size)?).unwrap_or(0);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for length in 0..size {
        interp.charge(rows.len().saturating_mul(items.len()).saturating_mul(length + 1))?;
        let longer = rows.iter().flat_map(|row| {
            let first = row.last().map_or(0, |&last| if again { last } else { last + 1 });
            (first..items.len()).map(|at| [&row[..], &[at]].concat())
        });
        rows = longer.collect();
        if rows.is_empty() {
            break;
        }
    }
    pick(interp, &items, &rows)
}

fn pick(interp: &mut Interp, items: &[Value], rows: &[Vec<usize>]) -> Result {
    interp.charge(rows.iter().map(Vec::len).sum())?;
    made(rows.iter().map(|row| Value::tuple(row.iter().map(|&at| items[at].clone()).collect())).collect())
}

fn starmap(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "starmap", 2, 2)?;
    let mut results = Vec::new();
    for row in interp.collect(&items[1])? {
        let row = interp.collect(&row)?;
        results.push(interp.call_with(&items[0], row)?);
    }
    made(results)
}

fn takewhile(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "takewhile", 2, 2)?;
    let iterator = interp.iter(&items[1])?;
    let mut taken = Vec::new();
    while let Some(item) = interp.next(&iterator)? {
        let holds = interp.call_with(&items[0], vec![item.clone()])?;
        if !interp.truth(&holds)? {
            break;
        }
        interp.charge(1)?;
        taken.push(item);
    }
    made(taken)
}

fn dropwhile(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "dropwhile", 2, 2)?;
    let mut rest = Vec::new();
    for item in interp.collect(&items[1])? {
        if rest.is_empty() {
            let holds = interp.call_with(&items[0], vec![item.clone()])?;
            if interp.truth(&holds)? {
                continue;
            }
        }
        rest.push(item);
    }
    made(rest)
}

fn filterfalse(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "filterfalse", 2, 2)?;
    let mut kept = Vec::new();
    for item in interp.collect(&items[1])? {
        let holds = match &items[0] {
            Value::None => item.clone(),
            function => interp.call_with(function, vec![item.clone()])?,
        };
        if !interp.truth(&holds)? {
            kept.push(item);
        }
    }
    made(kept)
}

fn compress(interp: &mut Interp, args: Args) -> Result {
    let items = args.positional(interp, "compress", 2, 2)?;
    let (data, selectors) = (interp.collect(&items[0])?, interp.collect(&items[1])?);
    let mut kept = Vec::new();
    for (item, selector) in data.into_iter().zip(&selectors) {
        if interp.truth(selector)? {
            kept.push(item);
        }
    }
    made(kept)
}

fn groupby(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "groupby", &["iterable", "key"], 1)?;
    let (items, key) = (bound.required(0), bound.some(1));
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for item in interp.collect(&items)? {
        let by = match &key {
            Some(key) => interp.call_with(key, vec![item.clone()])?,
            None => item.clone(),
        };
        let same = match groups.last() {
            Some((known, _)) => interp.same(known, &by)?,
            None => false,
        };
        match groups.last_mut() {
            Some((_, group)) if same => group.push(item),
            _ => groups.push((by, vec![item])),
        }
    }
    let pair = |(by, group): (Value, Vec<Value>)| {
        Value::tuple(vec![by, Value::iter(Iter::Items(group.into_iter()))])
    };
    made(groups.into_iter().map(pair).collect())
}

fn tee(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "tee", &["iterable", "n"], 1)?;
    let items = bound.required(0);
    let n = match bound.take(1) {
        Some(n) => usize::try_from(interp.integer(&n)?).unwrap_or(0),
        None => 2,
    };
    let items = interp.collect(&items)?;
    interp.charge(items.len().saturating_mul(n))?;
    Ok(Value::tuple((0..n).map(|_| Value::iter(Iter::Items(items.clone().into_iter()))).collect()))
}
