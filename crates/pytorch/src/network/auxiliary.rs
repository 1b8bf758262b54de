//! What the losses of auxiliary outputs weigh.

use crate::diagnostic::{Diagnostic, Severity};
use crate::value::{Module, Value};

/// The name by which a file tells it: PyTorch code leaves it to its training loop.
pub(crate) const NAME: &str = "AUX_LOSS_WEIGHT";
/// What it is where the file does not tell: GoogLeNet's paper's.
const USUAL: f32 = 0.3;

/// The weights of so many auxiliary outputs: one number for all, or one for each.
pub(super) fn weights(
    module: &Module,
    count: usize,
    notes: &mut Vec<String>,
) -> Result<Vec<f32>, Vec<Diagnostic>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let Some(told) = module.get(NAME) else {
        let outputs = if count == 1 { "one output".to_owned() } else { format!("{count} outputs") };
        notes.push(format!(
            "forward gives {outputs} more in training: the loss counts {USUAL} of them; `{NAME} = …` in the file tells another weight"
        ));
        return Ok(vec![USUAL; count]);
    };
    let number = |value: &Value| match value {
        Value::Int(n) => Some(*n as f32),
        Value::Float(x) => Some(*x as f32),
        _ => None,
    };
    let weights: Option<Vec<f32>> = match &told {
        Value::Tuple(items) => items.iter().map(number).collect(),
        Value::List(items) => items.borrow().iter().map(number).collect(),
        one => number(one).map(|weight| vec![weight; count]),
    };
    match weights {
        Some(weights) if weights.len() == count && weights.iter().all(|weight| weight.is_finite()) => {
            Ok(weights)
        }
        _ => Err(vec![Diagnostic {
            severity: Severity::Error,
            code: "structure",
            message: format!("`{NAME}` is not what the losses of {count} auxiliary outputs weigh"),
            helps: vec![format!("write one number, or {count} of them: `{NAME} = {USUAL}`")],
            ..Diagnostic::default()
        }]),
    }
}
