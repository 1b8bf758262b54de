//! Functions that PyTorch has and the graph has not: their dimensions are right, and a network with one is told of it.

use super::{Functions, give};
use crate::interp::{Args, Interp, Result};
use crate::torch::What;
use crate::torch::dims::broadcast;
use crate::torch::given::Given;
use crate::torch::host;
use crate::torch::trace::value;

/// Functions of each element, which keep the dimensions.
macro_rules! kept {
    ($($name:literal),+ $(,)?) => { vec![$(($name, |interp, args| kept(interp, args, $name))),+] };
}

pub(super) fn functions() -> Functions {
    let mut functions: Functions = kept![
        "tanhshrink",
        "softshrink",
        "hardshrink",
        "threshold",
        "rrelu",
        "logsigmoid",
        "softmin",
        "rsqrt",
        "sin",
        "cos",
        "sign",
        "floor",
        "ceil",
        "round",
        "square",
        "gumbel_softmax",
        "cumsum",
        "flip",
        "roll",
        "triu",
        "tril",
        "masked_fill",
    ];
    functions.extend([
        ("prelu", prelu as crate::value::NativeFn),
        ("glu", glu),
        ("repeat_interleave", repeat_interleave),
        ("matmul", matmul),
        ("bmm", matmul),
        ("mm", matmul),
        ("einsum", einsum),
        ("embedding", embedding),
        ("scaled_dot_product_attention", attention),
    ]);
    functions
}

fn kept(interp: &mut Interp, mut args: Args, name: &'static str) -> Result {
    let in_place = args.keywords.iter().find(|(key, _)| &**key == "inplace").map(|(_, value)| value.clone());
    let in_place = match in_place {
        Some(flag) => interp.truth(&flag)?,
        None => false,
    };
    let first = match args.keywords.iter().position(|(key, _)| &**key == "input") {
        Some(at) => args.keywords.remove(at).1,
        None if args.items.is_empty() => {
            return Err(interp.raise("TypeError", &format!("{name}() misses the argument 'input'")));
        }
        None => args.items.swap_remove(0),
    };
    let mut given = Given::new(interp, Args::of(vec![first]), name, &["input"], 0)?;
    let tensor = given.tensor(interp, 0)?;
    if let Some(known) = host::mapped(interp, &tensor, name, in_place || name.ends_with('_'))? {
        return Ok(known);
    }
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    let id = interp.push(What::Missing(name), &[input], dims)?;
    Ok(give(&tensor, id, in_place || name.ends_with('_')))
}

fn prelu(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "prelu", &["input", "weight"], 0)?;
    let tensor = given.tensor(interp, 0)?;
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    Ok(value(interp.push(What::Missing("prelu"), &[input], dims)?))
}

fn glu(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "glu", &["input", "dim"], 1)?;
    let tensor = given.tensor(interp, 0)?;
    let dim = given.int(interp, 1, -1)?;
    let input = interp.traced(&tensor)?;
    let mut dims = interp.tape.step(input).dims.clone();
    let Some(at) = crate::torch::dims::resolve(dim, dims.len()) else {
        return Err(interp.bad_dim(dim, dims.len()));
    };
    if !dims[at].is_multiple_of(2) {
        let text = format!("Halving dimension must be even, but dimension {at} is size {}", dims[at]);
        return Err(interp.shape_error(&text, input));
    }
    dims[at] /= 2;
    Ok(value(interp.push(What::Missing("glu"), &[input], dims)?))
}

fn repeat_interleave(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "repeat_interleave", &["input", "repeats", "dim"], 1)?;
    let tensor = given.tensor(interp, 0)?;
    let times = given.size(interp, 1, 1)?;
    let input = interp.traced(&tensor)?;
    let mut dims = interp.tape.step(input).dims.clone();
    if given.has(2) {
        let dim = given.int(interp, 2, 0)?;
        let Some(at) = crate::torch::dims::resolve(dim, dims.len()) else {
            return Err(interp.bad_dim(dim, dims.len()));
        };
        dims[at] = dims[at].saturating_mul(times);
    } else {
        dims = vec![dims.iter().product::<usize>().saturating_mul(times)];
    }
    Ok(value(interp.push(What::Missing("repeat_interleave"), &[input], dims)?))
}

/// A product of matrices: the last two dimensions, those before them broadcast.
fn matmul(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "matmul", &["input", "other"], 0)?;
    let (left, right) = (given.tensor(interp, 0)?, given.tensor(interp, 1)?);
    let (a, b) = (interp.traced(&left)?, interp.traced(&right)?);
    let (mut x, mut y) = (interp.tape.step(a).dims.clone(), interp.tape.step(b).dims.clone());
    let (is_row, is_column) = (x.len() == 1, y.len() == 1);
    if is_row {
        x.insert(0, 1);
    }
    if is_column {
        y.push(1);
    }
    let fits = x.len() >= 2 && y.len() >= 2 && x[x.len() - 1] == y[y.len() - 2];
    let lead = if fits { broadcast(&x[..x.len() - 2], &y[..y.len() - 2]).ok() } else { None };
    let Some(mut out) = lead else {
        let text =
            format!("mat1 and mat2 shapes cannot be multiplied ({} and {})", interp.told(a), interp.told(b));
        let (left, right) =
            (x.last().copied().unwrap_or(1), y.get(y.len().wrapping_sub(2)).copied().unwrap_or(1));
        let rows = crate::torch::dims::told_first(right, interp.tape.batch(a));
        return Err(interp.shape_error(&text, a).teach(|t| {
            t.notes.push(format!(
                "the rows of the right one must be as many as the columns of the left one: {rows} ≠ {left}"
            ));
            t.helps.push("`*` multiplies element by element; `nn.Linear` multiplies by a weight".to_owned());
        }));
    };
    if !is_row {
        out.push(x[x.len() - 2]);
    }
    if !is_column {
        out.push(y[y.len() - 1]);
    }
    Ok(value(interp.push(What::Missing("matmul"), &[a, b], out)?))
}

fn einsum(interp: &mut Interp, args: Args) -> Result {
    let mut items = args.items.into_iter();
    let Some(crate::value::Value::Str(equation)) = items.next() else {
        return Err(interp
            .raise("TypeError", "einsum(): the first argument must be an equation, as in 'bchw,c->bhw'"));
    };
    let mut operands: Vec<crate::value::Value> = items.collect();
    if let [only @ (crate::value::Value::List(_) | crate::value::Value::Tuple(_))] = &*operands {
        operands = interp.collect(&only.clone())?;
    }
    let mut inputs = Vec::new();
    for operand in operands {
        let tensor =
            Given::new(interp, Args::of(vec![operand]), "einsum", &["operand"], 0)?.tensor(interp, 0)?;
        inputs.push(interp.traced(&tensor)?);
    }
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (terms, result) = match equation.split_once("->") {
        Some((terms, result)) => (terms, Some(result.to_owned())),
        None => (&*equation, None),
    };
    let terms: Vec<&str> = terms.split(',').collect();
    let mut sizes: std::collections::BTreeMap<char, usize> = std::collections::BTreeMap::new();
    let fits = terms.len() == inputs.len()
        && terms.iter().zip(&inputs).all(|(term, &input)| {
            let dims = &interp.tape.step(input).dims;
            term.chars().count() == dims.len()
                && term
                    .chars()
                    .zip(dims)
                    .all(|(c, &d)| c.is_ascii_alphabetic() && *sizes.entry(c).or_insert(d) == d)
        });
    let result =
        result.unwrap_or_else(|| sizes.keys().filter(|c| equation.matches(**c).count() == 1).collect());
    let out: Option<Vec<usize>> = result.chars().map(|c| sizes.get(&c).copied()).collect();
    match out.filter(|_| fits) {
        Some(out) => Ok(value(interp.push(What::Missing("einsum"), &inputs, out)?)),
        None => Err(interp
            .raise("RuntimeError", &format!("einsum(): the operands do not fit the equation '{equation}'"))),
    }
}

fn embedding(interp: &mut Interp, args: Args) -> Result {
    const NAMES: [&str; 7] =
        ["input", "weight", "padding_idx", "max_norm", "norm_type", "scale_grad_by_freq", "sparse"];
    let mut given = Given::new(interp, args, "embedding", &NAMES, 5)?;
    let (tensor, weight) = (given.tensor(interp, 0)?, given.tensor(interp, 1)?);
    let input = interp.traced(&tensor)?;
    let mut dims = interp.tape.step(input).dims.clone();
    dims.extend(interp.dims(&weight).get(1));
    Ok(value(interp.push(What::Missing("embedding"), &[input], dims)?))
}

fn attention(interp: &mut Interp, args: Args) -> Result {
    const NAMES: [&str; 8] =
        ["query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa"];
    let mut given = Given::new(interp, args, "scaled_dot_product_attention", &NAMES, 5)?;
    let (query, _, values) = (given.tensor(interp, 0)?, given.tensor(interp, 1)?, given.tensor(interp, 2)?);
    let input = interp.traced(&query)?;
    let mut dims = interp.tape.step(input).dims.clone();
    if let (Some(last), Some(&size)) = (dims.last_mut(), interp.dims(&values).last()) {
        *last = size;
    }
    Ok(value(interp.push(What::Missing("scaled_dot_product_attention"), &[input], dims)?))
}
