//! Runs `forward` on images without numbers.

use std::fmt::Write;
use std::rc::Rc;

use super::entry::modules;
use crate::interp::{Interp, Result};
use crate::torch::{Kind, Leaf, Step, TapeId, Tensor, What};
use crate::value::{Instance, Value};

/// Images of the batch that is traced: not one, so that a batch that is lost is seen.
pub(super) const BATCH: usize = 2;

/// What a trace gives.
pub(super) struct Traced {
    pub(super) input: TapeId,
    pub(super) output: TapeId,
    /// Further outputs that training has, by the names of a named tuple or a dict.
    pub(super) auxiliary: Vec<(TapeId, Option<String>)>,
    pub(super) notes: Vec<String>,
}

/// Traces a network for images of channels, height and width.
pub(super) fn trace(interp: &mut Interp, root: &Rc<Instance>, input: [usize; 3]) -> Result<Traced> {
    let mut notes = Vec::new();
    let (evaluated, eval_outputs) = pass(interp, root, input, true)?;
    let output = first(interp, &eval_outputs)?.0;
    if eval_outputs.len() > 1 {
        notes
            .push(format!("forward gives {} tensors: the first is the network's output", eval_outputs.len()));
    }
    let dims = &interp.tape.step(output).dims;
    if dims.first() != Some(&BATCH) {
        let shown = crate::torch::told(dims, None);
        let message = format!("forward gives a tensor of {shown}, and a network gives a row for each image");
        return Err(interp.raise("RuntimeError", &message).teach(|t| t.code = "shape"));
    }
    let eval_end = interp.tape.steps.len();
    // Dropout, and the outputs that only training has, show in training mode.
    let training = pass(interp, root, input, false);
    if let Ok((start, outputs)) = training
        && let Some(&(trained, _)) = outputs.first()
        && same(interp, (evaluated, output), (start, trained))
    {
        let auxiliary = if outputs.len() > eval_outputs.len() { outputs[1..].to_vec() } else { Vec::new() };
        return Ok(Traced { input: start, output: trained, auxiliary, notes });
    }
    interp.tape.steps.truncate(eval_end);
    notes.push("forward computes something else in training: the network is that of evaluation".into());
    Ok(Traced { input: evaluated, output, auxiliary: Vec::new(), notes })
}

/// Runs `forward` once; gives the leaf of the images, and the tensors that it gave.
pub(super) fn pass(
    interp: &mut Interp,
    root: &Rc<Instance>,
    [channels, height, width]: [usize; 3],
    is_evaluating: bool,
) -> Result<(TapeId, Vec<Given>)> {
    for module in modules(interp, root) {
        if let Some(state) = &mut *module.module.borrow_mut() {
            state.is_evaluating = is_evaluating;
        }
    }
    let dims = vec![BATCH, channels, height, width];
    let step = Step {
        what: What::Leaf(Leaf::Input),
        inputs: Vec::new(),
        dims,
        parameters: Vec::new(),
        frame: None,
        sites: Rc::from([]),
        is_training: !is_evaluating,
    };
    interp.frame = None;
    let input = interp.tape.push(step);
    let images = Value::Tensor(Tensor::of(Kind::Traced(input)));
    let result = interp.call_with(&Value::Instance(root.clone()), vec![images])?;
    let mut outputs = Vec::new();
    gather(interp, &result, None, &mut outputs)?;
    Ok((input, outputs))
}

/// A tensor that forward gives, and what it is called there.
pub(super) type Given = (TapeId, Option<String>);

/// The traced tensors of a result: itself, or those of a tuple, a list or a dict.
fn gather(interp: &mut Interp, value: &Value, name: Option<String>, outputs: &mut Vec<Given>) -> Result<()> {
    interp.step()?;
    match value.plain() {
        Value::Tensor(tensor) => outputs.push((interp.traced(&tensor)?, name)),
        Value::Tuple(items) => {
            let fields = match value {
                Value::Instance(_) => interp.find_attr(value, "_fields")?,
                _ => None,
            };
            let fields = match fields {
                Some(fields) => interp.collect(&fields)?,
                None => Vec::new(),
            };
            for (i, item) in items.iter().enumerate() {
                let name = fields.get(i).and_then(text);
                gather(interp, item, name, outputs)?;
            }
        }
        Value::List(items) => {
            for item in items.borrow().clone() {
                gather(interp, &item, None, outputs)?;
            }
        }
        Value::Dict(dict) => {
            let pairs: Vec<(Value, Value)> =
                dict.borrow().keys().cloned().zip(dict.borrow().values().cloned()).collect();
            for (key, value) in pairs {
                let name = text(&key);
                gather(interp, &value, name, outputs)?;
            }
        }
        Value::Opaque(opaque) => return Err(interp.opaque_error(&opaque, "what forward gives")),
        _ => {}
    }
    Ok(())
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.to_string()),
        _ => None,
    }
}

fn first(interp: &mut Interp, outputs: &[Given]) -> Result<Given> {
    match outputs.first() {
        Some(output) => Ok(output.clone()),
        None => Err(interp.raise("RuntimeError", "forward gives no tensor")),
    }
}

/// Whether two passes compute the same, dropout aside.
fn same(interp: &Interp, (a_in, a): (TapeId, TapeId), (b_in, b): (TapeId, TapeId)) -> bool {
    summary(interp, a_in, a) == summary(interp, b_in, b)
}

/// The steps that an output is computed by, as text, dropout left out.
fn summary(interp: &Interp, start: TapeId, output: TapeId) -> Vec<String> {
    let mut live = vec![false; output.0 as usize + 1];
    live[output.0 as usize] = true;
    for at in (start.0..=output.0).rev() {
        if live[at as usize] {
            for input in &interp.tape.step(TapeId(at)).inputs {
                live[input.0 as usize] = true;
            }
        }
    }
    let mut numbers = vec![0_usize; live.len()];
    let mut lines = Vec::new();
    for at in start.0..=output.0 {
        if !live[at as usize] {
            continue;
        }
        let step = interp.tape.step(TapeId(at));
        if is_dropout(&step.what)
            && let Some(input) = step.inputs.first()
        {
            numbers[at as usize] = numbers[input.0 as usize];
            continue;
        }
        let inputs: Vec<usize> = step.inputs.iter().map(|input| numbers[input.0 as usize]).collect();
        numbers[at as usize] = lines.len() + 1;
        lines.push(format!("{:?} {inputs:?} {:?}", step.what, step.dims));
    }
    lines
}

fn is_dropout(what: &What) -> bool {
    use convnet::ops::Op;
    matches!(what, What::Layer(Op::Dropout(_) | Op::Dropout1d(_) | Op::StochasticDepth(_) | Op::Identity))
}

/// Layers that are listed before one that fails.
const LISTED: usize = 12;

/// The last layers that were traced, as text.
pub(super) fn listing(interp: &Interp) -> String {
    let start = interp.tape.steps.iter().rposition(|step| matches!(step.what, What::Leaf(Leaf::Input)));
    let Some(start) = start else { return String::new() };
    let steps = &interp.tape.steps[start..];
    let skipped = steps.len().saturating_sub(LISTED);
    let mut text = String::new();
    if skipped > 0 {
        let _ = writeln!(text, "… {skipped} before");
    }
    let mut rows: Vec<[String; 3]> = Vec::new();
    for step in &steps[skipped..] {
        let name = match &step.what {
            What::Leaf(_) => "images".to_owned(),
            What::Layer(op) => op.name().to_owned(),
            What::Last(convnet::ops::Op::Conv2d(_)) => "Linear".to_owned(),
            What::Last(op) => op.name().to_owned(),
            What::Reshape => "reshape".to_owned(),
            What::Permute(_) => "permute".to_owned(),
            What::Narrow { .. } => "slice".to_owned(),
            What::Mean { .. } => "mean".to_owned(),
            What::Scale { .. } => "scale".to_owned(),
            What::Missing(name) => (*name).to_owned(),
        };
        let made = step.frame.as_ref().and_then(|frame| frame.module.made.get());
        let made = made.filter(|span| interp.sources.is_users(*span) && !span.is_empty());
        let line = step.sites.first().copied().or(made).map(|span| interp.sources.line(span));
        let line = line.map(|line| format!("line {line}")).unwrap_or_default();
        rows.push([line, name, crate::torch::told(&step.dims, Some(BATCH))]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (lines, names) = (width(0), width(1));
    for [line, name, dims] in &rows {
        let _ = match lines {
            0 => writeln!(text, "{name:<names$}  {dims}"),
            _ => writeln!(text, "{line:<lines$}  {name:<names$}  {dims}"),
        };
    }
    text
}
