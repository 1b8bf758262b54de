//! Functions that make tensors.

use std::rc::Rc;

use super::dims::elements;
use super::given::{Given, int_of, number_of};
use super::trace::value;
use super::{Kind, Leaf, Tensor, What, host};
use crate::interp::{Args, Interp, Result};
use crate::value::{NativeFn, Value};

pub(super) fn functions() -> Vec<(&'static str, NativeFn)> {
    vec![
        ("randn", |interp, args| sized(interp, args, "randn", Make::Normal)),
        ("rand", |interp, args| sized(interp, args, "rand", Make::Uniform)),
        ("zeros", |interp, args| sized(interp, args, "zeros", Make::Constant(0.0))),
        ("ones", |interp, args| sized(interp, args, "ones", Make::Constant(1.0))),
        ("empty", |interp, args| sized(interp, args, "empty", Make::Constant(0.0))),
        ("full", full),
        ("zeros_like", |interp, args| like(interp, args, "zeros_like", Make::Constant(0.0))),
        ("ones_like", |interp, args| like(interp, args, "ones_like", Make::Constant(1.0))),
        ("empty_like", |interp, args| like(interp, args, "empty_like", Make::Constant(0.0))),
        ("randn_like", |interp, args| like(interp, args, "randn_like", Make::Normal)),
        ("rand_like", |interp, args| like(interp, args, "rand_like", Make::Uniform)),
        ("full_like", full_like),
        ("tensor", tensor),
        ("as_tensor", tensor),
        ("from_numpy", |interp, _| Ok(interp.opaque("torch.from_numpy"))),
        ("arange", arange),
        ("linspace", linspace),
        ("eye", eye),
        ("randint", randint),
        ("randperm", randperm),
        ("manual_seed", manual_seed),
        ("is_tensor", |interp, args| {
            let items = args.positional(interp, "is_tensor", 1, 1)?;
            Ok(Value::Bool(matches!(items[0], Value::Tensor(_))))
        }),
        ("numel", |interp, args| {
            let mut given = Given::new(interp, args, "numel", &["input"], 0)?;
            let tensor = given.tensor(interp, 0)?;
            Ok(Value::Int(interp.dims(&tensor).iter().product::<usize>() as i64))
        }),
        ("grad_off", |interp, _| {
            interp.tape.autograd.off += 1;
            Ok(Value::None)
        }),
        ("grad_on", |interp, _| {
            interp.tape.autograd.off = interp.tape.autograd.off.saturating_sub(1);
            Ok(Value::None)
        }),
        ("missing", missing),
        ("is_grad_enabled", |interp, _| Ok(Value::Bool(interp.tape.autograd.off == 0))),
    ]
}

/// What a new tensor holds.
#[derive(Clone, Copy)]
enum Make {
    Normal,
    Uniform,
    Constant(f64),
}

/// Settings by name that do not change what a network is.
struct Settings {
    is_integer: Option<bool>,
    requires_grad: bool,
}

/// Takes the settings by name that all functions of this kind have.
fn settings(interp: &mut Interp, args: &mut Args) -> Result<Settings> {
    let mut settings = Settings { is_integer: None, requires_grad: false };
    let mut kept = Vec::new();
    let mut spans = Vec::new();
    let all = std::mem::take(&mut args.keywords);
    let mut places = std::mem::take(&mut args.keyword_spans).into_iter();
    for (name, value) in all {
        let span = places.next().flatten();
        match &*name {
            "requires_grad" => settings.requires_grad = interp.truth(&value)?,
            "dtype" => settings.is_integer = integer_type(interp, &value)?,
            "device" | "layout" | "pin_memory" | "generator" | "memory_format" | "out" => {}
            _ => {
                kept.push((name, value));
                spans.push(span);
            }
        }
    }
    (args.keywords, args.keyword_spans) = (kept, spans);
    Ok(settings)
}

/// Whether a type is one of integers; `None` for none.
fn integer_type(interp: &mut Interp, dtype: &Value) -> Result<Option<bool>> {
    if matches!(dtype, Value::None) {
        return Ok(None);
    }
    let name = interp.str_of(dtype)?;
    let name = name.trim_start_matches("torch.");
    Ok(Some(name.contains("int") || matches!(name, "long" | "short" | "bool")))
}

/// Sizes given one by one, as one sequence, or by the name `size`.
fn sizes(interp: &mut Interp, args: &mut Args, name: &'static str) -> Result<Vec<usize>> {
    if let Some(at) = args.keywords.iter().position(|(key, _)| &**key == "size") {
        args.items.push(args.keywords[at].1.clone());
        args.keywords.remove(at);
    }
    if let Some((key, _)) = args.keywords.first() {
        let text = format!("{name}() got an unexpected keyword argument '{key}'");
        return Err(interp.raise("TypeError", &text));
    }
    let items = std::mem::take(&mut args.items);
    let whole = match &items[..] {
        [one] => one.clone(),
        _ => Value::tuple(items.clone()),
    };
    let spans = vec![args.spans.first().copied().flatten().filter(|_| items.len() == 1)];
    let given = Args { items: vec![whole], spans, ..Args::default() };
    let mut given = Given::new(interp, given, name, &["size"], 0)?;
    let ints = given.ints(interp, 0)?.unwrap_or_default();
    let dims: Option<Vec<usize>> = ints.iter().map(|&n| usize::try_from(n).ok()).collect();
    match dims {
        Some(dims) => {
            interp.check_elements(&dims)?;
            Ok(dims)
        }
        None => {
            let n = ints.iter().find(|&&n| n < 0).copied().unwrap_or(0);
            Err(interp.raise(
                "RuntimeError",
                &format!("Trying to create tensor with negative dimension {n}: {ints:?}"),
            ))
        }
    }
}

/// A tensor of these dimensions.
fn made(interp: &mut Interp, make: Make, dims: Vec<usize>, settings: &Settings) -> Result {
    let count = elements(&dims).unwrap_or(usize::MAX);
    if let Make::Constant(x) = make
        && dims.len() < 4
        && count <= host::MOST_KNOWN
    {
        interp.charge(count)?;
        let is_integer = settings.is_integer == Some(true);
        return Ok(host::tensor(dims, vec![host::rounded(x, is_integer); count].into(), is_integer));
    }
    interp.drawn += 1;
    let leaf = match make {
        Make::Normal => Leaf::Normal(interp.drawn),
        Make::Uniform => Leaf::Uniform(interp.drawn),
        Make::Constant(x) => Leaf::Constant(host::rounded(x, false)),
    };
    let id = interp.push(What::Leaf(leaf), &[], dims)?;
    if settings.requires_grad {
        interp.tape.autograd.asked.insert(id);
    }
    Ok(value(id))
}

fn sized(interp: &mut Interp, mut args: Args, name: &'static str, make: Make) -> Result {
    let settings = settings(interp, &mut args)?;
    let dims = sizes(interp, &mut args, name)?;
    made(interp, make, dims, &settings)
}

fn full(interp: &mut Interp, mut args: Args) -> Result {
    let mut settings = settings(interp, &mut args)?;
    let mut given = Given::new(interp, args, "full", &["size", "fill_value"], 0)?;
    let size = given.value(0).unwrap_or(Value::None);
    let fill = given.value(1).unwrap_or(Value::None);
    let Some(x) = number_of(&fill) else { return Err(given.wrong(interp, 1, &fill, "Number")) };
    settings.is_integer.get_or_insert(int_of(&fill).is_some());
    let dims = sizes(interp, &mut Args::of(vec![size]), "full")?;
    made(interp, Make::Constant(x), dims, &settings)
}

fn like(interp: &mut Interp, mut args: Args, name: &'static str, make: Make) -> Result {
    let mut settings = settings(interp, &mut args)?;
    let mut given = Given::new(interp, args, name, &["input"], 0)?;
    let tensor = given.tensor(interp, 0)?;
    let is_integer = matches!(tensor.kind(), Kind::Host { is_integer: true, .. });
    settings.is_integer.get_or_insert(is_integer);
    let dims = interp.dims(&tensor);
    made(interp, make, dims, &settings)
}

fn full_like(interp: &mut Interp, mut args: Args) -> Result {
    let settings = settings(interp, &mut args)?;
    let mut given = Given::new(interp, args, "full_like", &["input", "fill_value"], 0)?;
    let tensor = given.tensor(interp, 0)?;
    let x = given.float(interp, 1, 0.0)?;
    let dims = interp.dims(&tensor);
    made(interp, Make::Constant(x), dims, &settings)
}

/// `torch.tensor(data)`: a number, or lists of lists of them.
fn tensor(interp: &mut Interp, mut args: Args) -> Result {
    let settings = settings(interp, &mut args)?;
    let mut given = Given::new(interp, args, "tensor", &["data"], 0)?;
    let data = given.value(0).unwrap_or(Value::None);
    match &data {
        Value::Tensor(tensor) => return Ok(Value::Tensor(Tensor::of(tensor.kind()))),
        Value::Opaque(opaque) => {
            let path = opaque.path.clone();
            return Ok(interp.opaque(&path));
        }
        _ => {}
    }
    let (mut dims, mut numbers, mut are_whole) = (Vec::new(), Vec::new(), true);
    gather(interp, &data, 0, &mut dims, &mut numbers, &mut are_whole)?;
    let is_integer = settings.is_integer.unwrap_or(are_whole && !numbers.is_empty());
    let data: Rc<[f64]> =
        numbers.iter().map(|&x| host::rounded(if is_integer { x.trunc() } else { x }, is_integer)).collect();
    Ok(host::tensor(dims, data, is_integer))
}

/// Collects numbers from lists of lists, all of one length at each depth.
fn gather(
    interp: &mut Interp,
    data: &Value,
    depth: usize,
    dims: &mut Vec<usize>,
    numbers: &mut Vec<f64>,
    are_whole: &mut bool,
) -> Result<()> {
    if let Some(x) = number_of(data) {
        if dims.len() != depth {
            return Err(interp.raise("ValueError", "torch.tensor(): the lists are not of one depth"));
        }
        interp.charge(1)?;
        *are_whole &= int_of(data).is_some();
        numbers.push(x);
        return Ok(());
    }
    if !matches!(data.plain(), Value::List(_) | Value::Tuple(_) | Value::Range(_)) || depth >= 64 {
        let name = interp.type_name(data);
        return Err(match data {
            Value::Opaque(opaque) => interp.opaque_error(opaque, "torch.tensor"),
            Value::Tensor(_) => interp.no_values("a list of tensors in torch.tensor"),
            _ => interp.raise(
                "TypeError",
                &format!("torch.tensor(): a number or a list of numbers is expected, not {name}"),
            ),
        });
    }
    let items = interp.collect(data)?;
    match dims.get(depth) {
        None if numbers.is_empty() => dims.push(items.len()),
        Some(&expected) if expected == items.len() => {}
        other => {
            let expected = other.copied().unwrap_or(0);
            let text = format!("expected sequence of length {expected} at dim {depth} (got {})", items.len());
            return Err(interp.raise("ValueError", &text));
        }
    }
    items.iter().try_for_each(|item| gather(interp, item, depth + 1, dims, numbers, are_whole))
}

/// `arange(end)`, `arange(start, end, step)`.
fn arange(interp: &mut Interp, mut args: Args) -> Result {
    let settings = settings(interp, &mut args)?;
    if args.items.len() == 1 && args.keywords.iter().all(|(key, _)| &**key != "end") {
        args = args.with_first(Value::Int(0));
    }
    let mut given = Given::new(interp, args, "arange", &["start", "end", "step"], 1)?;
    let values: Vec<Value> =
        (0..3).map(|i| given.value(i).unwrap_or(Value::Int(i64::from(i == 2)))).collect();
    let mut numbers = Vec::new();
    for (i, value) in values.iter().enumerate() {
        match number_of(value) {
            Some(x) => numbers.push(x),
            None => return Err(given.wrong(interp, i, value, "Number")),
        }
    }
    let (start, end, step) = (numbers[0], numbers[1], numbers[2]);
    let count = ((end - start) / step).ceil();
    if step == 0.0 || count.is_nan() || count < 0.0 {
        return Err(interp.raise("RuntimeError", "upper bound and lower bound inconsistent with step sign"));
    }
    let count = if count > 1e15 { usize::MAX } else { count as usize };
    interp.charge(count)?;
    let is_integer = settings.is_integer.unwrap_or(values.iter().all(|value| int_of(value).is_some()));
    let data: Rc<[f64]> = (0..count).map(|i| host::rounded(start + i as f64 * step, is_integer)).collect();
    Ok(host::tensor(vec![count], data, is_integer))
}

fn linspace(interp: &mut Interp, mut args: Args) -> Result {
    settings(interp, &mut args)?;
    let mut given = Given::new(interp, args, "linspace", &["start", "end", "steps"], 0)?;
    let (start, end) = (given.float(interp, 0, 0.0)?, given.float(interp, 1, 0.0)?);
    let steps = given.size(interp, 2, 0)?;
    interp.charge(steps)?;
    // As PyTorch computes it: in float32, the second half from the end.
    let (from, to) = (start as f32, end as f32);
    let step = if steps > 1 { (to - from) / (steps - 1) as f32 } else { 0.0 };
    let at = |i: usize| {
        if i < steps / 2 || steps == 1 {
            step.mul_add(i as f32, from)
        } else {
            (-step).mul_add((steps - 1 - i) as f32, to)
        }
    };
    let data: Rc<[f64]> = (0..steps).map(|i| f64::from(at(i))).collect();
    Ok(host::tensor(vec![steps], data, false))
}

fn eye(interp: &mut Interp, mut args: Args) -> Result {
    settings(interp, &mut args)?;
    let mut given = Given::new(interp, args, "eye", &["n", "m"], 1)?;
    let n = given.size(interp, 0, 0)?;
    let m = given.size(interp, 1, n)?;
    interp.charge(n.saturating_mul(m))?;
    let data: Rc<[f64]> = (0..n * m).map(|i| f64::from(u8::from(i / m == i % m))).collect();
    Ok(host::tensor(vec![n, m], data, false))
}

/// `randint([low,] high, size)`: the numbers are not followed.
fn randint(interp: &mut Interp, mut args: Args) -> Result {
    settings(interp, &mut args)?;
    if args.items.len() == 2 {
        args = args.with_first(Value::Int(0));
    }
    let mut given = Given::new(interp, args, "randint", &["low", "high", "size"], 0)?;
    let size = given.value(2).unwrap_or(Value::None);
    let dims = sizes(interp, &mut Args::of(vec![size]), "randint")?;
    Ok(value(interp.push(What::Missing("randint"), &[], dims)?))
}

fn randperm(interp: &mut Interp, mut args: Args) -> Result {
    settings(interp, &mut args)?;
    let mut given = Given::new(interp, args, "randperm", &["n"], 0)?;
    let n = given.size(interp, 0, 0)?;
    Ok(value(interp.push(What::Missing("randperm"), &[], vec![n])?))
}

/// The draws that follow are those of this seed.
fn manual_seed(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "manual_seed", &["seed"], 0)?;
    let seed = given.int(interp, 0, 0)?;
    interp.drawn = (seed as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Ok(Value::None)
}

/// A step that the graph does not have and that keeps the dimensions, by a name: for functions of PyTorch's libraries.
fn missing(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "missing", &["input", "name"], 0)?;
    let tensor = given.tensor(interp, 0)?;
    let name = given.text(interp, 1, "")?;
    let known = ["stochastic_depth", "drop_block2d", "deform_conv2d", "roi_pool"];
    let name = known.into_iter().find(|known| **known == *name).unwrap_or("an operation of a library");
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    Ok(value(interp.push(What::Missing(name), &[input], dims)?))
}
