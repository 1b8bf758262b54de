//! Borders.

use convnet::ops::{ConstantPad2d, Op};

use super::Functions;
use crate::interp::{Args, Interp, Result};
use crate::torch::What;
use crate::torch::given::Given;
use crate::torch::trace::value;

pub(super) fn functions() -> Functions {
    vec![("pad", pad)]
}

/// `pad(input, (left, right, top, bottom), mode, value)`: pairs from the last dimension on.
fn pad(interp: &mut Interp, args: Args) -> Result {
    let mut given = Given::new(interp, args, "pad", &["input", "pad", "mode", "value"], 2)?;
    let tensor = given.tensor(interp, 0)?;
    let pads = given.ints(interp, 1)?.unwrap_or_default();
    let mode = given.text(interp, 2, "constant")?;
    let number = given.float(interp, 3, 0.0)? as f32;
    let input = interp.traced(&tensor)?;
    let dims = interp.tape.step(input).dims.clone();
    if pads.len() % 2 == 1 {
        return Err(interp.shape_error("Padding length must be divisible by 2", input));
    }
    if pads.len() / 2 > dims.len() {
        let text = format!(
            "Padding length should be less than or equal to two times the input dimension but got padding length {} and \
             input of dimension {}",
            pads.len(),
            dims.len()
        );
        return Err(interp.shape_error(&text, input));
    }
    let missing = match &*mode {
        "constant" if pads.iter().any(|&n| n < 0) => "pad by a negative number, which cuts off",
        "constant" if dims.len() == 4 && pads.iter().skip(6).all(|&n| n == 0) => "pad of channels",
        "constant" => "pad of what is no map",
        "reflect" => "pad(mode='reflect')",
        "replicate" => "pad(mode='replicate')",
        "circular" => "pad(mode='circular')",
        _ => {
            let error = interp.raise("NotImplementedError", &format!("Unrecognised padding mode {mode}"));
            return Err(given.at(interp, 2, error));
        }
    };
    let mut out = dims.clone();
    for (i, ends) in pads.chunks(2).enumerate() {
        let at = dims.len() - 1 - i;
        let size = (dims[at] as i64).saturating_add(ends[0]).saturating_add(ends[1]);
        if size < 1 {
            let text = format!(
                "The input size {}, plus negative padding {} and {}, resulted in a negative output size, which is invalid. \
                 Check dimension {at} of your input.",
                dims[at], ends[0], ends[1]
            );
            return Err(interp.shape_error(&text, input));
        }
        out[at] = size as usize;
    }
    let at = |i: usize| pads.get(i).copied().unwrap_or(0);
    let is_plain = pads.iter().all(|&n| n >= 0) && pads.iter().skip(4).all(|&n| n == 0);
    if &*mode == "constant" && is_plain && dims.len() == 4 {
        let side = |i: usize| at(i) as usize;
        let op =
            ConstantPad2d { left: side(0), right: side(1), top: side(2), bottom: side(3), value: number };
        return Ok(value(interp.push(What::Layer(Op::from(op)), &[input], out)?));
    }
    Ok(value(interp.push(What::Missing(missing), &[input], out)?))
}
