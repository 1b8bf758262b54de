//! Comparisons, choices and further functions of constants: what exporters write around shapes.

use super::call::{Call, axes, axis};
use super::constant::{Constant, FOLDED};
use super::fold::{broadcast, combined, place, real, whole};

/// What an operator gives that reads constants alone; `None` for one that is not computed here.
pub(super) fn fold_values(call: &Call<'_>, inputs: &[&Constant]) -> Result<Option<Constant>, String> {
    Ok(Some(match (call.op(), inputs) {
        ("Abs" | "Ceil" | "Floor" | "Round" | "Exp" | "Log" | "Erf" | "Sign" | "Not", &[x]) => {
            unary(call, x)?
        }
        ("Pow" | "Mod" | "Min" | "Max", &[a, b]) if a.is_whole() && b.is_whole() => {
            whole(call, (a, b), |a, b| match call.op() {
                "Pow" => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
                // The remainder has the divisor's sign, or with fmod the dividend's.
                "Mod" if call.int("fmod", 0).unwrap_or(0) != 0 => a.checked_rem(b),
                "Mod" => a.checked_rem(b).map(|r| if r != 0 && (r < 0) != (b < 0) { r + b } else { r }),
                "Min" => Some(a.min(b)),
                _ => Some(a.max(b)),
            })?
        }
        ("Pow" | "Min" | "Max", &[a, b]) => {
            let f: fn(f32, f32) -> f32 = match call.op() {
                "Pow" => f32::powf,
                "Min" => f32::min,
                _ => f32::max,
            };
            real(call, (a, b), f)?
        }
        ("Equal" | "Less" | "Greater" | "LessOrEqual" | "GreaterOrEqual" | "And" | "Or", &[a, b])
            if a.is_whole() && b.is_whole() =>
        {
            whole(call, (a, b), |a, b| {
                let holds = match call.op() {
                    "Equal" => a == b,
                    "Less" => a < b,
                    "Greater" => a > b,
                    "LessOrEqual" => a <= b,
                    "GreaterOrEqual" => a >= b,
                    "And" => a != 0 && b != 0,
                    _ => a != 0 || b != 0,
                };
                Some(holds.into())
            })?
        }
        ("Where", &[condition, a, b]) => chosen(call, condition, a, b)?,
        ("Range", &[start, end, step]) if [start, end, step].iter().all(|constant| constant.is_whole()) => {
            let one = |constant: &Constant| {
                let values = constant.integers(call.model)?;
                match values[..] {
                    [Some(value)] => Ok(value),
                    _ => Err("a start, an end or a step that is not known".to_string()),
                }
            };
            range(one(start)?, one(end)?, one(step)?)?
        }
        ("Range", &[start, end, step]) => {
            let one = |constant: &Constant| match constant.floats(call.model)?[..] {
                [value] => Ok(value),
                _ => Err("a start, an end or a step that is no number".to_string()),
            };
            let (start, end, step) = (one(start)?, one(end)?, one(step)?);
            let count = ((end - start) / step).ceil();
            if count.is_nan() || count > FOLDED as f32 {
                return Err(format!("from {start} to {end} by {step}, expected at most {FOLDED} elements"));
            }
            let values: Vec<f32> = (0..count.max(0.0) as usize).map(|i| start + i as f32 * step).collect();
            Constant::numbers(vec![values.len()], values)
        }
        ("Size", &[x]) => Constant::whole(Vec::new(), vec![Some(x.len() as i64)]),
        ("ReduceProd", &[x, ..]) if x.is_whole() && x.shape.len() == 1 => {
            let product = x
                .integers(call.model)?
                .into_iter()
                .try_fold(1i64, |product, value| product.checked_mul(value?));
            let shape = if call.int("keepdims", 1)? != 0 { vec![1] } else { Vec::new() };
            Constant::whole(shape, vec![Some(product.ok_or("a product that is not known, or too large")?)])
        }
        ("Clip", &[x, ref bounds @ ..]) if !x.is_whole() => {
            let bound = |at: usize, name: &str, usual: f32| -> Result<f32, String> {
                match bounds.get(at) {
                    Some(bound) if bound.len() == 1 => Ok(bound.floats(call.model)?[0]),
                    _ => call.float(name, usual),
                }
            };
            let (min, max) = (bound(0, "min", f32::NEG_INFINITY)?, bound(1, "max", f32::INFINITY)?);
            let values = x.floats(call.model)?.into_iter().map(|x| {
                if x < min {
                    min
                } else if x > max {
                    max
                } else {
                    x
                }
            });
            Constant::numbers(x.shape.clone(), values.collect())
        }
        (
            "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceSumSquare" | "ReduceL2",
            &[x, ..],
        ) if !x.is_whole() => reduced(call, x)?,
        ("BatchNormalization", &[x, scale, bias, mean, variance]) => {
            normalized(call, x, [scale, bias, mean, variance])?
        }
        ("ScatterND", &[data, indices, updates]) => scattered(call, data, indices, updates)?,
        _ => return Ok(None),
    }))
}

/// Real numbers over some of their axes.
fn reduced(call: &Call<'_>, constant: &Constant) -> Result<Constant, String> {
    let rank = constant.shape.len();
    let over = match call.axes(1)? {
        Some(list) if !list.is_empty() => axes(&list, rank)?,
        _ => (0..rank).collect(),
    };
    let shape: Vec<usize> = constant
        .shape
        .iter()
        .enumerate()
        .map(|(i, &size)| if over.contains(&i) { 1 } else { size })
        .collect();
    let first = match call.op() {
        "ReduceMax" => f64::NEG_INFINITY,
        "ReduceMin" => f64::INFINITY,
        _ => 0.0,
    };
    let mut totals = vec![first; shape.iter().product()];
    for (i, x) in constant.floats(call.model)?.into_iter().enumerate() {
        let (at, x) = (place(&shape, &constant.shape, i), f64::from(x));
        totals[at] = match call.op() {
            "ReduceMax" => totals[at].max(x),
            "ReduceMin" => totals[at].min(x),
            "ReduceSumSquare" | "ReduceL2" => totals[at] + x * x,
            _ => totals[at] + x,
        };
    }
    let count = (constant.len() / totals.len().max(1)) as f64;
    let end = |total: f64| match call.op() {
        "ReduceMean" => total / count,
        "ReduceL2" => total.sqrt(),
        _ => total,
    };
    let values = totals.into_iter().map(|total| end(total) as f32).collect();
    let kept = constant.shape.iter().enumerate().filter(|(i, _)| !over.contains(i)).map(|(_, &size)| size);
    let shape = if call.int("keepdims", 1)? != 0 { shape } else { kept.collect() };
    Ok(Constant::numbers(shape, values))
}

/// Weights that are normalized by channel, the second axis: by their own numbers in training mode, by given ones else.
fn normalized(
    call: &Call<'_>,
    x: &Constant,
    [scale, bias, mean, variance]: [&Constant; 4],
) -> Result<Constant, String> {
    let &[_, channels, ref rest @ ..] = &x.shape[..] else {
        return Err(format!("of shape {:?}, expected two axes at least", x.shape));
    };
    let pixels: usize = rest.iter().product();
    let vectors = [scale, bias, mean, variance].map(|vector| vector.floats(call.model));
    let [scale, bias, mean, variance] = vectors;
    let (scale, bias, mut mean, mut variance) = (scale?, bias?, mean?, variance?);
    if [&scale, &bias, &mean, &variance].iter().any(|vector| vector.len() != channels) {
        return Err(format!("its vectors are not as long as its {channels} channels"));
    }
    let mut values = x.floats(call.model)?;
    let channel = |i: usize| i / pixels.max(1) % channels.max(1);
    if call.int("training_mode", 0)? != 0 {
        let count = (values.len() / channels.max(1)) as f64;
        let mut sums = vec![0.0f64; channels];
        values.iter().enumerate().for_each(|(i, x)| sums[channel(i)] += f64::from(*x));
        let means: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
        let mut squares = vec![0.0f64; channels];
        values
            .iter()
            .enumerate()
            .for_each(|(i, x)| squares[channel(i)] += (f64::from(*x) - means[channel(i)]).powi(2));
        mean = means.iter().map(|mean| *mean as f32).collect();
        variance = squares.iter().map(|square| (square / count) as f32).collect();
    }
    let eps = call.float("epsilon", 1e-5)?;
    for (i, x) in values.iter_mut().enumerate() {
        let c = channel(i);
        *x = (*x - mean[c]) / (variance[c] + eps).sqrt() * scale[c] + bias[c];
    }
    Ok(Constant::numbers(x.shape.clone(), values))
}

fn unary(call: &Call<'_>, constant: &Constant) -> Result<Constant, String> {
    if constant.is_whole() {
        let f: fn(i64) -> Option<i64> = match call.op() {
            "Abs" => i64::checked_abs,
            "Sign" => |x| Some(x.signum()),
            "Not" => |x| Some(i64::from(x == 0)),
            _ => return Err("of whole numbers".into()),
        };
        let values = constant.integers(call.model)?.into_iter().map(|x| x.and_then(f)).collect();
        return Ok(Constant::whole(constant.shape.clone(), values));
    }
    let f: fn(f32) -> f32 = match call.op() {
        "Abs" => f32::abs,
        "Ceil" => f32::ceil,
        "Floor" => f32::floor,
        "Round" => f32::round_ties_even,
        "Exp" => f32::exp,
        "Log" => f32::ln,
        "Erf" => |x| libm::erf(x.into()) as f32,
        "Sign" => |x| if x == 0.0 { 0.0 } else { x.signum() },
        _ => return Err("of real numbers".into()),
    };
    let values = constant.floats(call.model)?.into_iter().map(f).collect();
    Ok(Constant::numbers(constant.shape.clone(), values))
}

/// Elements of one of two constants, by a third.
fn chosen(call: &Call<'_>, condition: &Constant, a: &Constant, b: &Constant) -> Result<Constant, String> {
    let shape = broadcast(&broadcast(&condition.shape, &a.shape)?, &b.shape)?;
    let condition_values = condition.integers(call.model)?;
    let picks = |i: usize| -> Result<bool, String> {
        condition_values
            .get(i)
            .copied()
            .flatten()
            .map(|x| x != 0)
            .ok_or_else(|| "by what is not known".into())
    };
    let places: Vec<usize> = (0..condition_values.len()).collect();
    let at = combined((&places, &condition.shape), (&[0], &[]), &shape, |i, _| Ok(i))?;
    if a.is_whole() && b.is_whole() {
        let (x, y) = (a.integers(call.model)?, b.integers(call.model)?);
        let pairs = combined((&x, &a.shape), (&y, &b.shape), &shape, |a, b| Ok((a, b)))?;
        let values = pairs.iter().zip(&at).map(|(&(a, b), &i)| Ok(if picks(i)? { a } else { b }));
        return Ok(Constant::whole(shape, values.collect::<Result<_, String>>()?));
    }
    let (x, y) = (a.floats(call.model)?, b.floats(call.model)?);
    let pairs = combined((&x, &a.shape), (&y, &b.shape), &shape, |a, b| Ok((a, b)))?;
    let values = pairs.iter().zip(&at).map(|(&(a, b), &i)| Ok(if picks(i)? { a } else { b }));
    Ok(Constant::numbers(shape, values.collect::<Result<_, String>>()?))
}

fn range(start: i64, end: i64, step: i64) -> Result<Constant, String> {
    if step == 0 {
        return Err("a step of 0".into());
    }
    let mut values = Vec::new();
    let mut at = start;
    while if step > 0 { at < end } else { at > end } {
        if values.len() == FOLDED {
            return Err(format!("from {start} to {end} by {step}, expected at most {FOLDED} elements"));
        }
        values.push(Some(at));
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    Ok(Constant::whole(vec![values.len()], values))
}

/// Whole numbers of which some are replaced by others, one by one.
fn scattered(
    call: &Call<'_>,
    data: &Constant,
    indices: &Constant,
    updates: &Constant,
) -> Result<Constant, String> {
    let (&[size], &[count, 1]) = (&data.shape[..], &indices.shape[..]) else {
        return Err(format!(
            "of shapes {:?} and {:?}, expected a list and numbers in it",
            data.shape, indices.shape
        ));
    };
    let (mut values, places) = (data.integers(call.model)?, indices.integers(call.model)?);
    let updates = updates.integers(call.model)?;
    if updates.len() != count {
        return Err(format!("{} updates for {count} indices", updates.len()));
    }
    for (place, update) in places.into_iter().zip(updates) {
        let place = axis(place.ok_or("an index that is not known")?, size)?;
        values[place] = update;
    }
    Ok(Constant::whole(vec![size], values))
}
