//! Operators on constants, computed while a model is imported: the arithmetic of shapes, and of small weights.

use std::ops::Range;

use super::call::{Call, axes, axis, end_axis, index};
use super::constant::{Constant, FOLDED};
use super::fold_values::fold_values;
use super::slices::slices;

/// What an operator gives that reads constants alone; `None` for one that is not computed here.
pub(super) fn fold(call: &Call<'_>, inputs: &[&Constant]) -> Result<Option<Constant>, String> {
    let first = || inputs.first().copied().ok_or_else(|| "it has no input".to_string());
    Ok(Some(match call.op() {
        "Constant" => constant(call)?,
        "ConstantOfShape" => filled(call, first()?)?,
        "Cast" => cast(call, first()?)?,
        "Identity" | "CastLike" => first()?.clone(),
        "Dropout" => {
            call.refuse_training()?;
            first()?.clone()
        }
        "Shape" => {
            let sizes: Vec<Option<i64>> = first()?.shape.iter().map(|&size| Some(size as i64)).collect();
            shape_of(call, &sizes)?
        }
        "Expand" => expanded(call, first()?)?,
        "Reshape" => {
            let target = call.integers(1)?.ok_or("it has no shape")?;
            let shape = reshaped(&first()?.shape, &target)?;
            first()?.clone().reshaped(&shape)
        }
        "Flatten" => {
            let shape = &first()?.shape;
            let at = end_axis(call.int("axis", 1)?, shape.len())?;
            let sizes = [shape[..at].iter().product(), shape[at..].iter().product()];
            first()?.clone().reshaped(&sizes)
        }
        "Squeeze" => {
            let shape = &first()?.shape;
            let dropped = match call.axes(1)? {
                Some(list) => axes(&list, shape.len())?,
                None => (0..shape.len()).filter(|&i| shape[i] == 1).collect(),
            };
            if dropped.iter().any(|&i| shape[i] != 1) {
                return Err(format!("axes {dropped:?} of shape {shape:?} are not all 1"));
            }
            let kept: Vec<usize> =
                (0..shape.len()).filter(|i| !dropped.contains(i)).map(|i| shape[i]).collect();
            first()?.clone().reshaped(&kept)
        }
        "Unsqueeze" => {
            let list = call.axes(1)?.ok_or("it has no axes")?;
            let new = axes(&list, first()?.shape.len() + list.len())?;
            let mut old = first()?.shape.iter().copied();
            let rank = first()?.shape.len() + new.len();
            let shape: Vec<usize> =
                (0..rank).map(|i| if new.contains(&i) { 1 } else { old.next().unwrap_or(1) }).collect();
            first()?.clone().reshaped(&shape)
        }
        "Transpose" => transposed(call, first()?)?,
        "Gather" => gather(call, first()?)?,
        "Slice" => slice(call, first()?)?,
        "Concat" => joined(call, inputs)?,
        "Add" | "Sub" | "Mul" | "Div" => {
            let &[a, b] = inputs else { return Err(format!("{} inputs, expected two", inputs.len())) };
            if a.is_whole() && b.is_whole() {
                whole(call, (a, b), |a, b| match call.op() {
                    "Add" => a.checked_add(b),
                    "Sub" => a.checked_sub(b),
                    "Mul" => a.checked_mul(b),
                    _ => a.checked_div(b),
                })?
            } else {
                let f: fn(f32, f32) -> f32 = match call.op() {
                    "Add" => |a, b| a + b,
                    "Sub" => |a, b| a - b,
                    "Mul" => |a, b| a * b,
                    _ => |a, b| a / b,
                };
                real(call, (a, b), f)?
            }
        }
        "Neg" | "Sqrt" | "Reciprocal" => {
            let f: fn(f32) -> f32 = match call.op() {
                "Neg" => |x| -x,
                "Sqrt" => f32::sqrt,
                _ => f32::recip,
            };
            let values = first()?.floats(call.model)?.into_iter().map(f).collect();
            Constant::numbers(first()?.shape.clone(), values)
        }
        _ => return fold_values(call, inputs),
    }))
}

/// Whether Cast gives real numbers.
pub(super) fn is_real(call: &Call<'_>) -> Result<bool, String> {
    // Of TensorProto's types: float, float16, double, bfloat16.
    Ok(matches!(call.int("to", 0)?, 1 | 10 | 11 | 16))
}

/// Whole numbers as real ones, or the other way round.
fn cast(call: &Call<'_>, constant: &Constant) -> Result<Constant, String> {
    match (is_real(call)?, constant.is_whole()) {
        (true, true) => Ok(Constant::numbers(constant.shape.clone(), constant.floats(call.model)?)),
        (false, false) => {
            let whole = constant.floats(call.model)?.into_iter().map(|x| Some(x as i64)).collect();
            Ok(Constant::whole(constant.shape.clone(), whole))
        }
        _ => Ok(constant.clone()),
    }
}

/// What Shape gives of these sizes: all of them, or some in a row.
pub(super) fn shape_of(call: &Call<'_>, sizes: &[Option<i64>]) -> Result<Constant, String> {
    let range = clipped(call.int("start", 0)?, call.int("end", i64::MAX)?, sizes.len());
    Ok(list(sizes[range].to_vec()))
}

/// A list of whole numbers as a constant.
fn list(values: Vec<Option<i64>>) -> Constant {
    Constant::whole(vec![values.len()], values)
}

/// A range of a list; negative ends count from its end.
fn clipped(start: i64, end: i64, len: usize) -> Range<usize> {
    let clip =
        |at: i64| (if at < 0 { at.saturating_add(len as i64) } else { at }).clamp(0, len as i64) as usize;
    let start = clip(start);
    start..clip(end).max(start)
}

/// A constant repeated to a larger shape.
fn expanded(call: &Call<'_>, constant: &Constant) -> Result<Constant, String> {
    let target = call.integers(1)?.ok_or("it has no shape")?;
    let target = sizes(&target)?;
    let shape = broadcast(&constant.shape, &target)?;
    if constant.is_whole() {
        let values = constant.integers(call.model)?;
        let repeated = combined((&values, &constant.shape), (&[None], &[]), &shape, |a, _| Ok(a))?;
        return Ok(Constant::whole(shape, repeated));
    }
    let values = constant.floats(call.model)?;
    if let [value] = values[..] {
        return Ok(Constant::fill(shape, value));
    }
    let repeated = combined((&values, &constant.shape), (&[0.0], &[]), &shape, |a, _| Ok(a))?;
    Ok(Constant::numbers(shape, repeated))
}

/// The sizes of a shape.
fn sizes(list: &[Option<i64>]) -> Result<Vec<usize>, String> {
    let size = |size: &Option<i64>| size.and_then(|size| usize::try_from(size).ok());
    list.iter()
        .map(size)
        .collect::<Option<_>>()
        .ok_or_else(|| "its shape has sizes that are not known".into())
}

fn constant(call: &Call<'_>) -> Result<Constant, String> {
    if let Some(tensor) = call.tensor("value")? {
        return Ok(Constant::stored(tensor.clone()));
    }
    if let Some(values) = call.ints("value_ints")? {
        return Ok(list(values.iter().copied().map(Some).collect()));
    }
    if let Some(values) = call.floats("value_floats")? {
        return Ok(Constant::numbers(vec![values.len()], values.to_vec()));
    }
    if call.has("value_int") {
        return Ok(Constant::whole(Vec::new(), vec![Some(call.int("value_int", 0)?)]));
    }
    if call.has("value_float") {
        return Ok(Constant::numbers(Vec::new(), vec![call.float("value_float", 0.0)?]));
    }
    Err("it has no value that is a tensor, a number or a list of numbers".into())
}

fn filled(call: &Call<'_>, shape: &Constant) -> Result<Constant, String> {
    let shape = sizes(&shape.integers(call.model)?)?;
    if shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size)).is_none() {
        return Err(format!("its shape {shape:?} has more elements than can be addressed"));
    }
    let Some(value) = call.tensor("value")? else { return Ok(Constant::fill(shape, 0.0)) };
    if value.len() != 1 {
        return Err(format!("its value has {} elements, expected one", value.len()));
    }
    let value = Constant::stored(value.clone());
    if value.is_whole() && shape.iter().product::<usize>() <= FOLDED >> 10 {
        let number = value.integers(call.model)?[0];
        return Ok(Constant::whole(shape.clone(), vec![number; shape.iter().product()]));
    }
    Ok(Constant::fill(shape, value.floats(call.model)?[0]))
}

/// The shape that a constant is reshaped to: 0 keeps a size, −1 is what is left.
fn reshaped(shape: &[usize], target: &[Option<i64>]) -> Result<Vec<usize>, String> {
    let count: usize = shape.iter().product();
    let wrong = || format!("from shape {shape:?} to {target:?}");
    let mut sizes = Vec::with_capacity(target.len());
    let mut free = None;
    for (i, size) in target.iter().enumerate() {
        sizes.push(match size {
            Some(0) => *shape.get(i).ok_or_else(wrong)?,
            Some(-1) if free.is_none() => {
                free = Some(i);
                1
            }
            Some(size) => usize::try_from(*size).map_err(|_| wrong())?,
            None => return Err("to the number of images, which is not known".into()),
        });
    }
    let known = sizes.iter().try_fold(1usize, |count, &size| count.checked_mul(size)).ok_or_else(wrong)?;
    if let Some(free) = free.filter(|_| known > 0) {
        sizes[free] = count / known;
    }
    match sizes.iter().try_fold(1usize, |count, &size| count.checked_mul(size)) {
        Some(found) if found == count => Ok(sizes),
        _ => Err(wrong()),
    }
}

/// A constant of `shape` whose elements are those of another at the places that `source` tells for their indices.
fn moved(
    call: &Call<'_>,
    constant: &Constant,
    shape: Vec<usize>,
    source: impl Fn(&[usize]) -> usize,
) -> Result<Constant, String> {
    let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
    let count = count.filter(|&count| count <= FOLDED);
    let count =
        count.ok_or_else(|| format!("a constant of shape {shape:?}, expected at most {FOLDED} elements"))?;
    let mut index = vec![0; shape.len()];
    let mut places = Vec::with_capacity(count);
    for _ in 0..count {
        places.push(source(&index));
        for (at, &size) in index.iter_mut().zip(&shape).rev() {
            *at += 1;
            if *at < size {
                break;
            }
            *at = 0;
        }
    }
    Ok(if constant.is_whole() {
        let values = constant.integers(call.model)?;
        Constant::whole(shape, places.into_iter().map(|place| values[place]).collect())
    } else {
        let values = constant.floats(call.model)?;
        Constant::numbers(shape, places.into_iter().map(|place| values[place]).collect())
    })
}

/// Elements from one step along each axis to the next.
fn strides(shape: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|i| shape[i + 1..].iter().product()).collect()
}

/// Axes in another order; real numbers are moved when they are read.
fn transposed(call: &Call<'_>, constant: &Constant) -> Result<Constant, String> {
    let order = call.permutation(constant.shape.len())?;
    if !constant.is_whole() {
        return Ok(constant.permuted(&order));
    }
    let steps: Vec<usize> = order.iter().map(|&axis| strides(&constant.shape)[axis]).collect();
    let shape = order.iter().map(|&axis| constant.shape[axis]).collect();
    moved(call, constant, shape, |index| index.iter().zip(&steps).map(|(i, step)| i * step).sum())
}

/// Some of a constant along one axis, by their numbers.
fn gather(call: &Call<'_>, constant: &Constant) -> Result<Constant, String> {
    let indices = call.constant(1).ok_or("its indices are no constant")?;
    let along = axis(call.int("axis", 0)?, constant.shape.len())?;
    let len = constant.shape[along];
    let pick = |at: Option<i64>| {
        at.and_then(|at| index(at, len)).ok_or_else(|| format!("an index outside of {len}"))
    };
    let picked = indices.integers(call.model)?.into_iter().map(pick).collect::<Result<Vec<_>, _>>()?;
    let (before, after) = (&constant.shape[..along], &constant.shape[along + 1..]);
    let shape = [before, &indices.shape, after].concat();
    let (strides, places, rank) = (strides(&constant.shape), strides(&indices.shape), indices.shape.len());
    moved(call, constant, shape, |index| {
        let (before, rest) = index.split_at(along);
        let (at, after) = rest.split_at(rank);
        let place: usize = at.iter().zip(&places).map(|(i, step)| i * step).sum();
        let own = before.iter().copied().chain([picked[place]]).chain(after.iter().copied());
        own.zip(&strides).map(|(i, step)| i * step).sum()
    })
}

/// A part of a constant.
fn slice(call: &Call<'_>, constant: &Constant) -> Result<Constant, String> {
    if constant.len() > FOLDED {
        return Err(format!("of a constant of {} elements, expected at most {FOLDED}", constant.len()));
    }
    let sizes: Vec<Option<usize>> = constant.shape.iter().copied().map(Some).collect();
    let mut shape = constant.shape.clone();
    let mut taken = vec![None; shape.len()];
    for (axis, indices) in slices(call, &sizes)? {
        if let Some(indices) = indices {
            shape[axis] = indices.len();
            taken[axis] = Some(indices);
        }
    }
    let strides = strides(&constant.shape);
    moved(call, constant, shape, |index| {
        let own = index.iter().zip(&taken).map(|(&i, taken)| taken.as_ref().map_or(i, |taken| taken[i]));
        own.zip(&strides).map(|(i, step)| i * step).sum()
    })
}

/// Constants one after the other along an axis.
fn joined(call: &Call<'_>, inputs: &[&Constant]) -> Result<Constant, String> {
    let first = inputs.first().ok_or("it has no input")?;
    let along = axis(call.int("axis", 0)?, first.shape.len())?;
    let mut shape = first.shape.clone();
    shape[along] = 0;
    for input in inputs {
        let fits = |(i, size): (usize, &usize)| i == along || *size == first.shape[i];
        if input.shape.len() != shape.len() || !input.shape.iter().enumerate().all(fits) {
            return Err(format!("of constants of shapes {:?} and {:?}", first.shape, input.shape));
        }
        shape[along] = shape[along].saturating_add(input.shape[along]);
    }
    let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
    if count.is_none_or(|count| count > FOLDED) {
        return Err(format!("a constant of shape {shape:?}, expected at most {FOLDED} elements"));
    }
    let outer: usize = shape[..along].iter().product();
    // So many elements in a row are of one input.
    let rows = |input: &Constant| input.shape[along..].iter().product::<usize>();
    if inputs.iter().all(|input| input.is_whole()) {
        let parts = inputs.iter().map(|input| Ok((input.integers(call.model)?, rows(input))));
        return Ok(Constant::whole(shape, interleaved(&parts.collect::<Result<Vec<_>, String>>()?, outer)));
    }
    let parts = inputs.iter().map(|input| Ok((input.floats(call.model)?, rows(input))));
    Ok(Constant::numbers(shape, interleaved(&parts.collect::<Result<Vec<_>, String>>()?, outer)))
}

/// A row of each part in turn.
fn interleaved<T: Copy>(parts: &[(Vec<T>, usize)], count: usize) -> Vec<T> {
    let rows = (0..count).flat_map(|i| parts.iter().map(move |(values, len)| &values[i * len..][..*len]));
    rows.flatten().copied().collect()
}

/// The shape of two constants that are combined by NumPy's rule.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], i: usize| (i + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    let sizes = (0..rank).map(|i| match (size(a, i), size(b, i)) {
        (a, b) if a == b || b == 1 => Ok(a),
        (1, b) => Ok(b),
        _ => Err(format!("constants of shapes {a:?} and {b:?}")),
    });
    let shape = sizes.collect::<Result<Vec<_>, _>>()?;
    match shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size)) {
        Some(0..=FOLDED) => Ok(shape),
        _ => Err(format!("a constant of shape {shape:?}, expected at most {FOLDED} elements")),
    }
}

/// Combines the elements of two constants in row-major order.
pub(super) fn combined<T: Copy, U>(
    (a, a_shape): (&[T], &[usize]),
    (b, b_shape): (&[T], &[usize]),
    shape: &[usize],
    f: impl Fn(T, T) -> Result<U, String>,
) -> Result<Vec<U>, String> {
    let count: usize = shape.iter().product();
    (0..count).map(|i| f(a[place(a_shape, shape, i)], b[place(b_shape, shape, i)])).collect()
}

/// The place of what goes with an element of `shape` among elements whose last sizes are its or 1.
pub(super) fn place(own: &[usize], shape: &[usize], index: usize) -> usize {
    let (mut rest, mut at, mut step) = (index, 0, 1);
    for (i, &size) in shape.iter().enumerate().rev() {
        let along = rest % size;
        rest /= size;
        if let Some(own) = (i + own.len()).checked_sub(shape.len()).map(|i| own[i]) {
            at += if own == 1 { 0 } else { along * step };
            step *= own;
        }
    }
    at
}

/// A function of real numbers.
pub(super) fn real(
    call: &Call<'_>,
    (a, b): (&Constant, &Constant),
    f: fn(f32, f32) -> f32,
) -> Result<Constant, String> {
    let shape = broadcast(&a.shape, &b.shape)?;
    let (x, y) = (a.floats(call.model)?, b.floats(call.model)?);
    let values = combined((&x, &a.shape), (&y, &b.shape), &shape, |a, b| Ok(f(a, b)))?;
    Ok(Constant::numbers(shape, values))
}

/// A function of whole numbers, each of which is known.
pub(super) fn whole(
    call: &Call<'_>,
    (a, b): (&Constant, &Constant),
    f: impl Fn(i64, i64) -> Option<i64>,
) -> Result<Constant, String> {
    let shape = broadcast(&a.shape, &b.shape)?;
    let (x, y) = (a.integers(call.model)?, b.integers(call.model)?);
    let both = |a: Option<i64>, b: Option<i64>| match (a, b) {
        (Some(a), Some(b)) => {
            f(a, b).map(Some).ok_or_else(|| format!("{a} and {b} give no whole number of 64 bits"))
        }
        // Neither 0 nor −1 is a number of images.
        (None, Some(-1 | 0)) | (Some(-1 | 0), None) if call.op() == "Equal" => Ok(Some(0)),
        _ => Err("on the number of images, which is not known".into()),
    };
    let values = combined((&x, &a.shape), (&y, &b.shape), &shape, both)?;
    Ok(Constant::whole(shape, values))
}
