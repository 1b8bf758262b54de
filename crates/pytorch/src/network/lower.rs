//! From steps of the tape to layers of the graph: what is a layer already, and what becomes one together with others.

use std::collections::HashSet;
use std::rc::Rc;

use convnet::graph::{Shape, Size2};
use convnet::ops::{
    AdaptiveAvgPool2d, AvgPool2d, ChannelShuffle, ConstantPad2d, LayerScale, Op, Reduce, Reduction, Slice,
    Span, Unary,
};

use crate::torch::{Draw, Leaf, Parameter, Step, Tape, TapeId, What};

/// What a step is in the graph.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Lowered {
    /// The images.
    Input,
    /// The same as another step.
    Same(TapeId),
    /// Layers one behind the other, the first of which reads these.
    Layers(Vec<Op>, Vec<TapeId>),
    /// A fixed scale and shift by channel of a step, and where their tensors are read.
    Affine { of: TapeId, weight: TapeId, bias: TapeId },
    /// What the graph has no layer for: what it is, in words.
    Refused(String),
}

/// What a step is.
pub(crate) fn lower(tape: &Tape, id: TapeId, input: TapeId) -> Lowered {
    if id == input {
        return Lowered::Input;
    }
    let step = tape.step(id);
    let only = step.inputs.first().copied();
    if let (Some(before), true) = (only, step.inputs.iter().any(|&input| is_last(tape, input))) {
        return with_channels_last(tape, step, before);
    }
    match (&step.what, only) {
        (What::Layer(op @ Op::Arithmetic(_)), _) => Lowered::Layers(vec![op.clone()], gates(tape, step)),
        (What::Layer(op), _) => Lowered::Layers(vec![op.clone()], step.inputs.clone()),
        (What::Leaf(leaf), _) => Lowered::Refused(match leaf {
            Leaf::Constant(x) => format!("a tensor of {x} that forward makes"),
            _ => "random numbers that forward draws".into(),
        }),
        (What::Scale { factor, offset }, Some(before)) if *factor == 1.0 && *offset == 0.0 => {
            Lowered::Same(before)
        }
        (What::Scale { factor, offset: 0.0 }, Some(before)) => scaled(*factor, before),
        (What::Scale { factor, offset }, _) => {
            Lowered::Refused(format!("multiplication by {factor} and addition of {offset}"))
        }
        (What::Reshape, Some(before)) => reshape(tape, id, before),
        (What::Permute(order), Some(before)) if keeps_map(order, false) => Lowered::Same(before),
        (What::Permute(order), _) => Lowered::Refused(format!("the permutation {order:?}")),
        (What::Last(Op::LayerNorm(_)), _) => Lowered::Refused("`layer_norm` over columns".into()),
        (What::Last(_), _) => Lowered::Refused("`linear over the last dimension of a map`".into()),
        (What::Narrow { dim, start, step: by }, Some(before)) => narrow(tape, id, before, *dim, *start, *by),
        (What::Mean { dims, keep }, Some(before)) => mean(tape, id, before, dims, *keep),
        (What::Missing(name), _) => affine(tape, id)
            .or_else(|| layer_scale(tape, id))
            .or_else(|| uneven_pool(tape, id))
            .unwrap_or_else(|| Lowered::Refused(format!("`{name}`"))),
        _ => Lowered::Refused("a step without an input".into()),
    }
}

/// The order of dimensions that puts channels last, and back.
const TO_LAST: [usize; 4] = [0, 2, 3, 1];
const TO_FIRST: [usize; 4] = [0, 3, 1, 2];

/// Whether the channels of a step were put last: [N, H, W, C]. In the graph they stay where they are.
pub(crate) fn is_last(tape: &Tape, id: TapeId) -> bool {
    let mut id = id;
    loop {
        let step = tape.step(id);
        let Some(&before) = step.inputs.first() else { return false };
        match &step.what {
            What::Permute(order) => return *order == TO_LAST,
            What::Layer(op) if is_by_element(op) => id = before,
            What::Last(_) | What::Scale { .. } => id = before,
            What::Layer(_)
            | What::Leaf(_)
            | What::Reshape
            | What::Narrow { .. }
            | What::Mean { .. }
            | What::Missing(_) => return false,
        }
    }
}

/// Whether a layer does the same to each element, wherever it is.
fn is_by_element(op: &Op) -> bool {
    matches!(
        op,
        Op::Relu
            | Op::LeakyRelu(_)
            | Op::Hardtanh(_)
            | Op::Sigmoid
            | Op::Tanh
            | Op::Unary(_)
            | Op::Dropout(_)
            | Op::StochasticDepth(_)
            | Op::Identity
            | Op::Add
    )
}

/// Whether a step only puts channels last or back.
pub(crate) fn is_turn(tape: &Tape, id: TapeId) -> bool {
    let step = tape.step(id);
    match &step.what {
        What::Permute(order) => keeps_map(order, step.inputs.iter().any(|&input| is_last(tape, input))),
        _ => false,
    }
}

/// Whether dimensions in this order are a map of the graph's as before; `last` tells that the channels were put last.
fn keeps_map(order: &[usize], last: bool) -> bool {
    if last { *order == TO_FIRST } else { *order == TO_LAST || order.iter().copied().eq(0..order.len()) }
}

/// A step times a number.
fn scaled(factor: f64, before: TapeId) -> Lowered {
    Lowered::Layers(vec![Unary::Scale { factor: factor as f32 }.into()], vec![before])
}

/// A step that reads channels that were put last: what a 1×1 convolution, LayerNorm and functions of an element compute.
fn with_channels_last(tape: &Tape, step: &Step, before: TapeId) -> Lowered {
    let all = step.inputs.iter().all(|&input| is_last(tape, input));
    let name = match &step.what {
        What::Permute(order) if keeps_map(order, true) => return Lowered::Same(before),
        What::Last(op) => return Lowered::Layers(vec![op.clone()], vec![before]),
        What::Layer(op) if all && is_by_element(op) => {
            return Lowered::Layers(vec![op.clone()], step.inputs.clone());
        }
        What::Scale { factor, offset: 0.0 } => return scaled(*factor, before),
        What::Layer(op) => op.name(),
        What::Permute(_) => "another order of the dimensions",
        What::Reshape => "a view",
        What::Narrow { .. } => "a slice",
        What::Mean { .. } => "a mean",
        What::Scale { .. } => "the addition of a number",
        What::Missing(name) => name,
        What::Leaf(_) => "a tensor that forward makes",
    };
    Lowered::Refused(format!("{name} of a map whose channels are put last"))
}

/// A parameter with a number for each channel that a map is multiplied with: (C, 1, 1).
fn layer_scale(tape: &Tape, id: TapeId) -> Option<Lowered> {
    let step = tape.step(id);
    let (What::Missing("multiplication by a parameter"), &[of]) = (&step.what, &step.inputs[..]) else {
        return None;
    };
    let [(_, parameter)] = &step.parameters[..] else { return None };
    let dims = &tape.step(of).dims;
    let &[_, channels, _, _] = &dims[..] else { return None };
    if *dims != step.dims || *parameter.dims.borrow() != [channels, 1, 1] || parameter.is_buffer {
        return None;
    }
    let initial = match *parameter.draw.borrow() {
        Some(Draw::Constant(value)) => value as f32,
        _ => 1.0,
    };
    Some(Lowered::Layers(vec![LayerScale { initial }.into()], vec![of]))
}

/// The steps that some are computed from, themselves included, in order; steps that are looked through stand among them.
/// `at_refused` tells what is read by a step that the graph has no layer for.
///
/// # Errors
/// What `at_refused` gives.
pub(crate) fn order<E>(
    tape: &Tape,
    mut waiting: Vec<TapeId>,
    is_source: impl Fn(TapeId) -> bool,
    at_refused: impl Fn(TapeId, String) -> Result<Vec<TapeId>, E>,
) -> Result<Vec<TapeId>, E> {
    let mut live: HashSet<TapeId> = HashSet::new();
    while let Some(id) = waiting.pop() {
        if !live.insert(id) || is_source(id) {
            continue;
        }
        match lower(tape, id, TapeId(u32::MAX)) {
            Lowered::Same(of) | Lowered::Affine { of, .. } => waiting.push(of),
            Lowered::Layers(_, inputs) => waiting.extend(inputs),
            Lowered::Refused(what) => waiting.extend(at_refused(id, what)?),
            Lowered::Input => {}
        }
    }
    let mut order: Vec<TapeId> = live.into_iter().collect();
    order.sort_unstable();
    Ok(order)
}

/// The tensors of a fixed scale and shift, under the names that the layer gives them.
pub(crate) fn affine_parameters(
    tape: &Tape,
    weight: TapeId,
    bias: TapeId,
) -> Vec<(&'static str, Rc<Parameter>)> {
    let reads = [("weight", weight), ("bias", bias)].into_iter();
    let parameters = reads.filter_map(|(name, at)| Some((name, tape.step(at).parameters.first()?.1.clone())));
    parameters.collect()
}

/// The factors of a product. A number for each channel that is spread over a map first is one without that.
fn gates(tape: &Tape, step: &Step) -> Vec<TapeId> {
    let mut inputs = step.inputs.clone();
    for at in 0..inputs.len() {
        let spread = tape.step(inputs[at]);
        if let (What::Missing("expand"), Some(&gate)) = (&spread.what, spread.inputs.first())
            && spread.dims == step.dims
            && let ([n, c, ..], [m, d, 1, 1]) = (&spread.dims[..], &tape.step(gate).dims[..])
            && (n, c) == (m, d)
            && inputs.iter().enumerate().any(|(i, &other)| i != at && tape.step(other).dims == step.dims)
        {
            inputs[at] = gate;
        }
    }
    inputs
}

/// A view: Flatten, or a vector as maps of one pixel, or nothing; seen through views before it.
fn reshape(tape: &Tape, id: TapeId, before: TapeId) -> Lowered {
    if let Some(shuffle) = shuffled(tape, id, before) {
        return shuffle;
    }
    let mut from = before;
    while let (What::Reshape, Some(&earlier)) = (&tape.step(from).what, tape.step(from).inputs.first()) {
        from = earlier;
    }
    let (old, new) = (&tape.step(from).dims, &tape.step(id).dims);
    // A vector that is a view itself keeps its layer: others may read it.
    if let ([n, c], [m, d, 1, 1]) = (&tape.step(before).dims[..], &new[..])
        && (n, c) == (m, d)
    {
        return Lowered::Layers(vec![Op::Unflatten], vec![before]);
    }
    if old == new {
        return Lowered::Same(from);
    }
    if old.first() == new.first() {
        match (&old[1..], &new[1..]) {
            ([_, _, _], [_]) => return Lowered::Layers(vec![Op::Flatten], vec![from]),
            ([_], [_, 1, 1]) => return Lowered::Layers(vec![Op::Unflatten], vec![from]),
            ([_, _, _], [_, 1, 1]) => return Lowered::Layers(vec![Op::Flatten, Op::Unflatten], vec![from]),
            _ => {}
        }
    }
    let shown = |dims: &[usize]| {
        let dims: Vec<String> = dims.iter().skip(1).map(ToString::to_string).collect();
        format!("[N, {}]", dims.join(", "))
    };
    Lowered::Refused(format!("a view of {} as {}", shown(old), shown(new)))
}

/// A shuffle of channels: a view of them in groups, groups and channels changed, and a view as the map again.
fn shuffled(tape: &Tape, id: TapeId, before: TapeId) -> Option<Lowered> {
    let turned = tape.step(before);
    let (What::Permute(order), &[apart]) = (&turned.what, &turned.inputs[..]) else { return None };
    let (What::Reshape, &[from]) = (&tape.step(apart).what, &tape.step(apart).inputs[..]) else {
        return None;
    };
    let [_, groups, of_group, height, width] = tape.step(apart).dims[..] else { return None };
    let map = &tape.step(from).dims;
    let fits = *order == [0, 2, 1, 3, 4]
        && *map == tape.step(id).dims
        && map[1..] == [groups * of_group, height, width];
    fits.then(|| Lowered::Layers(vec![ChannelShuffle { groups }.into()], vec![from]))
}

/// `x * weight + bias` with a buffer's number for each channel: what is left of a normalization that is not trained.
fn affine(tape: &Tape, id: TapeId) -> Option<Lowered> {
    let (scaled, bias) = by_channel(tape, id, BY_CHANNEL[0])?;
    let (of, weight) = by_channel(tape, scaled, BY_CHANNEL[1])?;
    Some(Lowered::Affine { of, weight, bias })
}

/// Average pooling whose padding differs on opposite sides: a pooled padded map, divided by the pooled padding of ones.
fn uneven_pool(tape: &Tape, id: TapeId) -> Option<Lowered> {
    let step = tape.step(id);
    let (What::Missing("division by a tensor"), &[sums, counts]) = (&step.what, &step.inputs[..]) else {
        return None;
    };
    let pooled = |id: TapeId| {
        let (What::Layer(Op::AvgPool2d(pool)), &[padded]) = (&tape.step(id).what, &tape.step(id).inputs[..])
        else {
            return None;
        };
        let (What::Layer(Op::ConstantPad2d(pad)), &[of]) =
            (&tape.step(padded).what, &tape.step(padded).inputs[..])
        else {
            return None;
        };
        Some((pool.clone(), pad.clone(), of))
    };
    let ((pool, pad, of), (counted, ones_pad, ones)) = (pooled(sums)?, pooled(counts)?);
    let is_one = matches!(tape.step(ones).what, What::Leaf(Leaf::Constant(1.0)));
    let alike = pool == counted && ConstantPad2d { value: pad.value, ..ones_pad.clone() } == pad;
    let (image, shape) = (&tape.step(of).dims, &tape.step(ones).dims);
    let is_plain = pad.value == 0.0 && pool.padding == Size2 { h: 0, w: 0 } && pool.padding_end.is_none();
    let counts_all = ones_pad.value == 1.0;
    if !is_one
        || !alike
        || !is_plain
        || image.get(2..) != shape.get(2..)
        || (!counts_all && ones_pad.value != 0.0)
    {
        return None;
    }
    let pool = AvgPool2d {
        padding: Size2 { h: pad.top, w: pad.left },
        padding_end: Some(Size2 { h: pad.bottom, w: pad.right }),
        count_include_pad: counts_all,
        ..pool
    };
    Some(Lowered::Layers(vec![pool.into()], vec![of]))
}

/// What a sum and a product with a tensor of other dimensions are called.
const BY_CHANNEL: [&str; 2] = ["an addition that broadcasts", "a multiplication that broadcasts"];

/// The two sides of an operation: a step, and where a buffer with a number for each of its channels is read.
fn by_channel(tape: &Tape, id: TapeId, operation: &str) -> Option<(TapeId, TapeId)> {
    let step = tape.step(id);
    let (What::Missing(name), &[a, b]) = (&step.what, &step.inputs[..]) else { return None };
    if *name != operation {
        return None;
    }
    [(a, b), (b, a)].into_iter().find_map(|(values, side)| {
        let mut read = side;
        while let (What::Reshape, Some(&before)) = (&tape.step(read).what, tape.step(read).inputs.first()) {
            read = before;
        }
        let [(_, buffer)] = &tape.step(read).parameters[..] else { return None };
        let dims = &tape.step(values).dims;
        let mut shape = vec![1; dims.len()];
        *shape.get_mut(1)? = *dims.get(1)?;
        let given = &tape.step(side).dims;
        let is_by_channel = given.len() <= shape.len() && shape.ends_with(given) && given.contains(&shape[1]);
        let is_one = *buffer.dims.borrow() == [shape[1]];
        (buffer.is_buffer && is_by_channel && is_one && *dims == step.dims).then_some((values, read))
    })
}

/// A range of a dimension: the whole, every n-th row and column, or a part.
fn narrow(tape: &Tape, id: TapeId, before: TapeId, dim: usize, start: usize, by: usize) -> Lowered {
    let (old, new) = (&tape.step(before).dims, &tape.step(id).dims);
    if old == new {
        return Lowered::Same(before);
    }
    // x[:, :, ::s, ::s]: a window of one pixel that steps, rows first.
    if by > 1 && start == 0 && old.len() == 4 && (dim == 2 || dim == 3) {
        let stride = if dim == 2 { (by, 1) } else { (1, by) };
        let pool = AvgPool2d::new(1).stride(stride);
        return Lowered::Layers(vec![pool.into()], vec![before]);
    }
    let size = new.get(dim).copied().unwrap_or(0);
    let shape = match old[..] {
        [_, channels, height, width] => Some(Shape::map(channels, height, width)),
        [_, features] => Some(Shape::vector(features)),
        _ => None,
    };
    if let Some(shape) = shape {
        let mut slice = Slice::channels(0..shape.channels(), shape);
        let span = Span { start, step: by, length: size };
        let part = match dim {
            1 => Some(&mut slice.channels),
            2 => Some(&mut slice.rows),
            3 => Some(&mut slice.columns),
            _ => None,
        };
        if let Some(part) = part {
            *part = span;
            return Lowered::Layers(vec![slice.into()], vec![before]);
        }
    }
    let names = ["images", "channels", "rows", "columns"];
    let name = names.get(dim).copied().unwrap_or("elements");
    Lowered::Refused(format!("a slice of {size} of {} {name}", old.get(dim).copied().unwrap_or(0)))
}

/// A mean: over rows and columns it is global average pooling.
fn mean(tape: &Tape, id: TapeId, before: TapeId, dims: &[usize], keep: bool) -> Lowered {
    let mut dims: Vec<usize> = dims.to_vec();
    dims.sort_unstable();
    let pool = || Op::from(AdaptiveAvgPool2d { height: 1, width: 1 });
    let old = &tape.step(before).dims;
    if old.len() == 4 && dims == [2, 3] {
        let layers = if keep { vec![pool()] } else { vec![pool(), Op::Flatten] };
        return Lowered::Layers(layers, vec![before]);
    }
    if old.len() == 4 && keep && !dims.is_empty() && dims.iter().all(|dim| (1..4).contains(dim)) {
        let over = |dim| dims.contains(&dim);
        let reduce =
            Reduce { reduction: Reduction::Mean, channels: over(1), height: over(2), width: over(3) };
        return Lowered::Layers(vec![reduce.into()], vec![before]);
    }
    // x.mean(3).mean(2), or the other way round.
    if let What::Mean { dims: earlier, keep: kept } = &tape.step(before).what
        && let [first] = earlier[..]
        && let [second] = dims[..]
        && let Some(&from) = tape.step(before).inputs.first()
        && tape.step(from).dims.len() == 4
        && *kept == keep
    {
        let both =
            if keep { [first, second] } else { [first, if second >= first { second + 1 } else { second }] };
        let mut both = both;
        both.sort_unstable();
        if both == [2, 3] {
            let layers = if keep { vec![pool()] } else { vec![pool(), Op::Flatten] };
            return Lowered::Layers(layers, vec![from]);
        }
    }
    // Of maps that are vectors spread over positions: [N, C, L] that a view made of [N, C, H, W].
    if let What::Reshape = tape.step(before).what
        && let Some(&from) = tape.step(before).inputs.first()
        && let [_, c, h, w] = tape.step(from).dims[..]
        && old[1..] == [c, h * w]
        && dims == [2]
    {
        let layers = vec![pool(), Op::Flatten];
        if tape.step(id).dims.len() == 2 {
            return Lowered::Layers(layers, vec![from]);
        }
    }
    Lowered::Refused(format!("the mean over dimensions {dims:?}"))
}
