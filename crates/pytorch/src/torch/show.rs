//! Tensors as text, exactly as PyTorch prints them: four digits, or exponents where numbers differ much; columns of one
//! width; the ends alone of more than a thousand numbers; lines of 80 columns.

use std::rc::Rc;

use super::{Kind, Tensor};
use crate::interp::{Interp, Result};

/// Digits behind the point.
const PRECISION: usize = 4;
/// Above how many numbers only the ends are shown.
const THRESHOLD: usize = 1000;
/// How many items are shown of each end.
const EDGE: usize = 3;
/// Columns of a line.
const WIDTH: usize = 80;

/// The text of a tensor of float32, with what is told behind the numbers: `grad_fn=<SoftmaxBackward0>`.
pub(crate) fn floats(values: &[f32], dims: &[usize], suffix: Option<&str>) -> String {
    let values: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
    text(&values, dims, false, suffix)
}

/// The text of a tensor of float32, or of integers.
fn text(values: &[f64], dims: &[usize], is_integer: bool, suffix: Option<&str>) -> String {
    let mut suffixes: Vec<String> = Vec::new();
    let prefix = "tensor(";
    let shown = if values.is_empty() {
        if dims.len() != 1 {
            let sizes: Vec<String> = dims.iter().map(ToString::to_string).collect();
            suffixes.push(format!("size=({})", sizes.join(", ")));
        }
        if is_integer {
            suffixes.push("dtype=torch.int64".to_owned());
        }
        "[]".to_owned()
    } else {
        let summarize = values.len() > THRESHOLD;
        let mut seen = Vec::new();
        visit(values, dims, summarize, &mut seen);
        let format = Format::of(&seen, is_integer);
        nested(values, dims, prefix.len(), summarize, &format)
    };
    suffixes.extend(suffix.map(str::to_owned));
    let mut out = format!("{prefix}{shown}");
    let mut last_line = match out.rfind('\n') {
        Some(at) => out.len() - at + 1,
        None => out.len() + 2,
    };
    for suffix in suffixes {
        if last_line + suffix.len() + 2 > WIDTH {
            out.push_str(&format!(",\n{}{suffix}", " ".repeat(prefix.len())));
            last_line = prefix.len() + suffix.len();
        } else {
            out.push_str(&format!(", {suffix}"));
            last_line += suffix.len() + 2;
        }
    }
    out.push(')');
    out
}

/// Which places of a dimension are shown; `None` stands for those between.
fn shown_places(size: usize, summarize: bool) -> Vec<Option<usize>> {
    if summarize && size > 2 * EDGE {
        (0..EDGE).map(Some).chain([None]).chain((size - EDGE..size).map(Some)).collect()
    } else {
        (0..size).map(Some).collect()
    }
}

/// Collects the numbers that are shown.
fn visit(values: &[f64], dims: &[usize], summarize: bool, seen: &mut Vec<f64>) {
    let Some((&size, rest)) = dims.split_first() else {
        seen.extend(values.first());
        return;
    };
    let stride: usize = rest.iter().product();
    for place in shown_places(size, summarize).into_iter().flatten() {
        visit(&values[place * stride..(place + 1) * stride], rest, summarize, seen);
    }
}

/// How the numbers of a tensor are written.
struct Format {
    is_integer: bool,
    /// All are whole: `3.`.
    is_whole: bool,
    /// With exponents.
    is_scientific: bool,
    width: usize,
}

impl Format {
    fn of(values: &[f64], is_integer: bool) -> Self {
        let mut format = Self { is_integer, is_whole: false, is_scientific: false, width: 1 };
        if is_integer {
            format.width = values.iter().map(|&x| format.bare(x).len()).max().unwrap_or(1);
            return format;
        }
        let real: Vec<f64> = values.iter().copied().filter(|x| x.is_finite() && *x != 0.0).collect();
        if real.is_empty() {
            format.is_whole = true;
            return format;
        }
        format.is_whole = real.iter().all(|x| x.fract() == 0.0);
        let largest = real.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        let least = real.iter().fold(f64::INFINITY, |m, x| m.min(x.abs()));
        format.is_scientific =
            largest / least > 1000.0 || largest > 1e8 || (!format.is_whole && least < 1e-4);
        format.width = real.iter().map(|&x| format.bare(x).len()).max().unwrap_or(1).max(1);
        format
    }

    /// A number without padding.
    fn bare(&self, x: f64) -> String {
        if self.is_integer {
            return (x as i64).to_string();
        }
        if x.is_nan() {
            return "nan".to_owned();
        }
        if x.is_infinite() {
            return if x > 0.0 { "inf" } else { "-inf" }.to_owned();
        }
        if self.is_scientific {
            return scientific(x);
        }
        if self.is_whole { format!("{x:.0}.") } else { format!("{x:.PRECISION$}") }
    }

    fn padded(&self, x: f64) -> String {
        format!("{:>width$}", self.bare(x), width = self.width)
    }
}

/// `1.5000e-05`.
fn scientific(x: f64) -> String {
    let text = format!("{x:.PRECISION$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

fn nested(values: &[f64], dims: &[usize], indent: usize, summarize: bool, format: &Format) -> String {
    let Some((&size, rest)) = dims.split_first() else {
        return values.first().map_or_else(String::new, |&x| format.padded(x));
    };
    let places = shown_places(size, summarize);
    if rest.is_empty() {
        let items: Vec<String> = places
            .into_iter()
            .map(|place| place.map_or_else(|| " ...".to_owned(), |i| format.padded(values[i])))
            .collect();
        let a_line = (WIDTH.saturating_sub(indent) / (format.width + 2)).max(1);
        let lines: Vec<String> = items.chunks(a_line).map(|line| line.join(", ")).collect();
        return format!("[{}]", lines.join(&format!(",\n{}", " ".repeat(indent + 1))));
    }
    let stride: usize = rest.iter().product();
    let slices: Vec<String> = places
        .into_iter()
        .map(|place| match place {
            Some(i) => nested(&values[i * stride..(i + 1) * stride], rest, indent + 1, summarize, format),
            None => "...".to_owned(),
        })
        .collect();
    let between = format!(",{}{}", "\n".repeat(dims.len() - 1), " ".repeat(indent + 1));
    format!("[{}]", slices.join(&between))
}

impl Interp {
    /// A tensor as `print` shows it.
    ///
    /// # Errors
    /// When the numbers cannot be computed.
    pub(crate) fn tensor_repr(&mut self, tensor: &Rc<Tensor>) -> Result<String> {
        match tensor.kind() {
            Kind::Host { dims, data, is_integer } => {
                self.charge(data.len())?;
                Ok(text(&data, &dims, is_integer, None))
            }
            Kind::Parameter(parameter) => {
                let dims = super::dims::told(&parameter.dims.borrow(), None);
                let sizes = dims.trim_start_matches('[').trim_end_matches(']').to_owned();
                let grad = if parameter.requires_grad.get() { ", requires_grad=True" } else { "" };
                let text = format!("tensor(..., size=({sizes}){grad})");
                Ok(if parameter.is_buffer { text } else { format!("Parameter containing:\n{text}") })
            }
            // A network's own tensors have no numbers; a script's are computed when they are looked at.
            Kind::Traced(id) if !self.computes => {
                let dims = self.told(id);
                let sizes = dims.trim_start_matches('[').trim_end_matches(']');
                Ok(format!("tensor(..., size=({sizes}))"))
            }
            Kind::Traced(id) => {
                let values = self.values(id)?;
                let suffix = self.tape.grad_text(id);
                Ok(floats(&values, &self.tape.step(id).dims.clone(), suffix.as_deref()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PyTorch printed for tensors of many kinds: see tools/pytorch_prints.py.
    #[test]
    fn tensors_print_as_pytorchs_do() {
        let golden = include_str!("../../tests/torch/prints.json");
        let cases: Vec<serde_json::Value> = serde_json::from_str(golden).unwrap();
        assert!(cases.len() > 300);
        for case in cases {
            let dims: Vec<usize> = serde_json::from_value(case["dims"].clone()).unwrap();
            let bits: Vec<i64> = serde_json::from_value(case["values"].clone()).unwrap();
            let suffix = case["suffix"].as_str();
            let found = if case["is_integer"] == true {
                let values: Vec<f64> = bits.iter().map(|&n| n as f64).collect();
                text(&values, &dims, true, suffix)
            } else {
                let values: Vec<f32> = bits.iter().map(|&n| f32::from_bits(n as u32)).collect();
                floats(&values, &dims, suffix)
            };
            assert_eq!(found, case["text"].as_str().unwrap(), "{dims:?} {bits:?}");
        }
    }
}
