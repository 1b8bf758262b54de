//! Dropout and its kin.

use convnet::ops::{Dropout, Dropout1d, Op, StochasticDepth};

use super::{Functions, give, layer_or};
use crate::interp::{Args, Interp, Result};
use crate::torch::What;
use crate::torch::given::Given;

pub(super) fn functions() -> Functions {
    vec![
        ("dropout", |interp, args| dropout(interp, args, "dropout")),
        ("dropout_", |interp, args| dropout(interp, args, "dropout_")),
        ("dropout1d", |interp, args| dropout(interp, args, "dropout1d")),
        ("dropout2d", |interp, args| dropout(interp, args, "dropout2d")),
        ("feature_dropout", |interp, args| dropout(interp, args, "dropout2d")),
        ("dropout3d", |interp, args| dropout(interp, args, "dropout3d")),
        ("stochastic_depth", |interp, args| dropout(interp, args, "stochastic_depth")),
        ("alpha_dropout", |interp, args| dropout(interp, args, "alpha_dropout")),
    ]
}

fn dropout(interp: &mut Interp, args: Args, name: &'static str) -> Result {
    let mut given = Given::new(interp, args, name, &["input", "p", "training", "inplace"], 3)?;
    let tensor = given.tensor(interp, 0)?;
    let p = given.float(interp, 1, 0.5)?;
    let is_training = given.flag(interp, 2, true)?;
    let in_place = name.ends_with('_') || given.flag(interp, 3, false)?;
    if !(0.0..=1.0).contains(&p) {
        let text = format!("dropout probability has to be between 0 and 1, but got {p}");
        let error = interp.raise("ValueError", &text);
        return Err(given.at(interp, 1, error));
    }
    let input = interp.traced(&tensor)?;
    let p = p as f32;
    let dims = interp.tape.step(input).dims.clone();
    let rank = dims.len();
    // A map of one pixel falls out as a number does.
    let is_pixel = rank == 2 || rank == 4 && dims[2..] == [1, 1];
    let op = match name {
        "dropout" | "dropout_" if p < 1.0 => Some(Op::from(Dropout { p })),
        "dropout2d" if p < 1.0 && is_pixel => Some(Op::from(Dropout { p })),
        "dropout1d" if p < 1.0 && rank == 2 => Some(Dropout1d { p }.into()),
        "stochastic_depth" if p < 1.0 => Some(StochasticDepth { p }.into()),
        _ => None,
    };
    let id = match op {
        Some(op) => layer_or(interp, op, input, "dropout of a tensor without a batch", is_training)?,
        None => {
            let what = What::Missing(if p < 1.0 { name } else { "dropout of everything (p=1)" });
            interp.push_with(what, &[input], dims, Vec::new(), is_training)?
        }
    };
    Ok(give(&tensor, id, in_place))
}
