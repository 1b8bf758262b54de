//! `torch.nn.init`: how parameters are drawn, by PyTorch's formulas.

use super::Draw;
use super::parameter::{self, draw_parameter};
use crate::interp::{Args, Bound, Interp, Result};
use crate::value::{NativeFn, Value};

/// The native functions of `torch.nn.init`.
pub(crate) fn natives() -> Vec<(&'static str, NativeFn)> {
    vec![
        ("init_calculate_gain", calculate_gain),
        ("init_fans", |interp, args| {
            let mut bound = args.bind(interp, "_calculate_fan_in_and_fan_out", &["tensor"], 0)?;
            let (inputs, outputs) = fans(interp, &bound.required(0))?;
            Ok(Value::tuple(vec![Value::Int(inputs as i64), Value::Int(outputs as i64)]))
        }),
        ("init_uniform_", |interp, args| {
            let mut take = Take::new(interp, args, "uniform_", &["tensor", "a", "b", "generator"])?;
            let (low, high) = (take.number(interp, 1, 0.0)?, take.number(interp, 2, 1.0)?);
            take.draw(interp, Draw::Uniform { low, high })
        }),
        ("init_normal_", |interp, args| {
            let mut take = Take::new(interp, args, "normal_", &["tensor", "mean", "std", "generator"])?;
            let (mean, std) = (take.number(interp, 1, 0.0)?, take.number(interp, 2, 1.0)?);
            if std < 0.0 {
                return Err(
                    interp.raise("RuntimeError", &format!("normal_: std must be at least 0, got {std}"))
                );
            }
            take.draw(interp, Draw::Normal { mean, std })
        }),
        ("init_trunc_normal_", |interp, args| {
            let names = ["tensor", "mean", "std", "a", "b", "generator"];
            let mut take = Take::new(interp, args, "trunc_normal_", &names)?;
            let (mean, std) = (take.number(interp, 1, 0.0)?, take.number(interp, 2, 1.0)?);
            let (low, high) = (take.number(interp, 3, -2.0)?, take.number(interp, 4, 2.0)?);
            take.draw(interp, Draw::Truncated { mean, std, low, high })
        }),
        ("init_constant_", |interp, args| {
            let mut take = Take::new(interp, args, "constant_", &["tensor", "val"])?;
            let value = take.number(interp, 1, f64::NAN)?;
            take.draw(interp, Draw::Constant(value))
        }),
        ("init_ones_", |interp, args| {
            Take::new(interp, args, "ones_", &["tensor"])?.draw(interp, Draw::Constant(1.0))
        }),
        ("init_zeros_", |interp, args| {
            Take::new(interp, args, "zeros_", &["tensor"])?.draw(interp, Draw::Constant(0.0))
        }),
        ("init_kaiming_uniform_", |interp, args| kaiming(interp, args, "kaiming_uniform_", true)),
        ("init_kaiming_normal_", |interp, args| kaiming(interp, args, "kaiming_normal_", false)),
        ("init_xavier_uniform_", |interp, args| xavier(interp, args, "xavier_uniform_", true)),
        ("init_xavier_normal_", |interp, args| xavier(interp, args, "xavier_normal_", false)),
        ("init_orthogonal_", |interp, args| {
            let take = Take::new(interp, args, "orthogonal_", &["tensor", "gain", "generator"])?;
            take.draw(interp, Draw::Other("orthogonal_"))
        }),
        ("init_dirac_", |interp, args| {
            Take::new(interp, args, "dirac_", &["tensor", "groups"])?.draw(interp, Draw::Other("dirac_"))
        }),
        ("init_eye_", |interp, args| {
            Take::new(interp, args, "eye_", &["tensor"])?.draw(interp, Draw::Other("eye_"))
        }),
        ("init_sparse_", |interp, args| {
            let take = Take::new(interp, args, "sparse_", &["tensor", "sparsity", "std", "generator"])?;
            take.draw(interp, Draw::Other("sparse_"))
        }),
    ]
}

/// The arguments of one of these functions; its tensor is the first.
struct Take {
    function: &'static str,
    tensor: Value,
    bound: Bound,
}

impl Take {
    fn new(interp: &mut Interp, args: Args, function: &'static str, names: &[&str]) -> Result<Self> {
        let required = if function == "constant_" { 2 } else { 1 };
        let mut bound = args.bind(interp, function, names, names.len() - required)?;
        Ok(Self { function, tensor: bound.required(0), bound })
    }

    fn number(&mut self, interp: &mut Interp, index: usize, default: f64) -> Result<f64> {
        match self.bound.some(index) {
            None => Ok(default),
            Some(Value::Float(x)) => Ok(x),
            Some(Value::Int(n)) => Ok(n as f64),
            Some(Value::Bool(b)) => Ok(f64::from(u8::from(b))),
            Some(other) => {
                let (function, found) = (self.function, interp.type_name(&other));
                let span = self.bound.spans[index];
                let error =
                    interp.raise("TypeError", &format!("{function}: a number is expected, got {found}"));
                Err(error.teach(|t| {
                    t.code = "argument";
                    t.span = span;
                }))
            }
        }
    }

    fn draw(self, interp: &mut Interp, draw: Draw) -> Result {
        draw_parameter(interp, self.function, &self.tensor, draw)?;
        Ok(self.tensor)
    }
}

/// The inputs and outputs of one number of the result.
fn fans(interp: &mut Interp, tensor: &Value) -> Result<(usize, usize)> {
    let dims = match tensor {
        Value::Tensor(tensor) => parameter::dims(interp, tensor),
        _ => Vec::new(),
    };
    let [outputs, inputs, field @ ..] = dims.as_slice() else {
        let message = "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions";
        let error = interp.raise("ValueError", message);
        return Err(error.teach(|t| {
            t.code = "argument";
            t.notes
                .push(format!("its dimensions are {dims:?}: a bias, or the weight of a BatchNorm, has one"));
            t.helps.push(
                "give it weights of Conv2d and Linear alone; for others take constant_ or normal_".into(),
            );
        }));
    };
    let field = field.iter().fold(1usize, |n, d| n.saturating_mul(*d));
    Ok((inputs.saturating_mul(field), outputs.saturating_mul(field)))
}

/// Nonlinearities with a gain.
const NONLINEARITIES: [&str; 12] = [
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "selu",
];

/// The gain of a nonlinearity; `slope` is that of `leaky_relu`.
fn gain(interp: &mut Interp, nonlinearity: &str, slope: Option<f64>) -> Result<f64> {
    Ok(match nonlinearity {
        "tanh" => 5.0 / 3.0,
        "relu" => 2f64.sqrt(),
        "leaky_relu" => (2.0 / (1.0 + slope.unwrap_or(0.01).powi(2))).sqrt(),
        "selu" => 0.75,
        known if NONLINEARITIES.contains(&known) => 1.0,
        other => {
            let near = crate::nearest::nearest(other, NONLINEARITIES).map(str::to_owned);
            let error = interp.raise("ValueError", &format!("Unsupported nonlinearity {other}"));
            return Err(error.teach(|t| {
                t.code = "argument";
                t.notes.push(format!("known are {}", NONLINEARITIES.join(", ")));
                t.helps.extend(near.map(|near| format!("did you mean '{near}'?")));
            }));
        }
    })
}

fn calculate_gain(interp: &mut Interp, args: Args) -> Result {
    let mut bound = args.bind(interp, "calculate_gain", &["nonlinearity", "param"], 1)?;
    let nonlinearity = bound.required(0);
    let nonlinearity = interp.str_of(&nonlinearity)?;
    let slope = match bound.some(1) {
        Some(Value::Float(x)) => Some(x),
        Some(Value::Int(n)) => Some(n as f64),
        _ => None,
    };
    Ok(Value::Float(gain(interp, &nonlinearity, slope)?))
}

/// Kaiming He's: the variance is that of the inputs, or of the gradients.
fn kaiming(interp: &mut Interp, args: Args, function: &'static str, uniform: bool) -> Result {
    let mut take = Take::new(interp, args, function, &["tensor", "a", "mode", "nonlinearity", "generator"])?;
    let slope = take.number(interp, 1, 0.0)?;
    let mode = match take.bound.some(2) {
        Some(value) => interp.str_of(&value)?.to_lowercase(),
        None => "fan_in".to_owned(),
    };
    let nonlinearity = match take.bound.some(3) {
        Some(value) => interp.str_of(&value)?,
        None => "leaky_relu".to_owned(),
    };
    if matches!(take.tensor, Value::None | Value::Instance(_) | Value::Opaque(_)) {
        return take.draw(interp, Draw::Other(function));
    }
    let (inputs, outputs) = fans(interp, &take.tensor)?;
    let fan = match mode.as_str() {
        "fan_in" => inputs,
        "fan_out" => outputs,
        _ => {
            let message = format!("Mode {mode} not supported, please use one of ['fan_in', 'fan_out']");
            let span = take.bound.spans[2];
            let error = interp.raise("ValueError", &message);
            return Err(error.teach(|t| {
                t.code = "argument";
                t.span = span;
            }));
        }
    };
    let std = gain(interp, &nonlinearity, Some(slope))? / (fan as f64).sqrt();
    take.draw(interp, spread(std, uniform))
}

/// Xavier Glorot's: between the inputs' and the outputs'.
fn xavier(interp: &mut Interp, args: Args, function: &'static str, uniform: bool) -> Result {
    let mut take = Take::new(interp, args, function, &["tensor", "gain", "generator"])?;
    let gain = take.number(interp, 1, 1.0)?;
    if matches!(take.tensor, Value::None | Value::Instance(_) | Value::Opaque(_)) {
        return take.draw(interp, Draw::Other(function));
    }
    let (inputs, outputs) = fans(interp, &take.tensor)?;
    let std = gain * (2.0 / (inputs as f64 + outputs as f64)).sqrt();
    take.draw(interp, spread(std, uniform))
}

/// A draw around zero of this standard deviation.
fn spread(std: f64, uniform: bool) -> Draw {
    if uniform {
        let high = 3f64.sqrt() * std;
        Draw::Uniform { low: -high, high }
    } else {
        Draw::Normal { mean: 0.0, std }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::session::{interpreter, on_deep_stack, run};
    use crate::torch::module::state;

    /// How the parameters of `net` are drawn.
    fn draws(text: &str) -> Vec<(String, Option<Draw>)> {
        let text = format!("import torch\nfrom torch import nn\n{text}");
        on_deep_stack(|| {
            let path = Path::new("net.py");
            let mut interp = interpreter(path, Box::new(|_| {}));
            let module = run(&mut interp, path, &text, "__main__", false).unwrap();
            let Some(Value::Instance(net)) = module.get("net") else { panic!("no net") };
            let all = state(&mut interp, &net).ok().unwrap();
            let parameters =
                all.into_iter().filter_map(|named| Some((named.path, parameter::of(&named.value)?)));
            parameters.map(|(path, parameter)| (path, parameter.draw.borrow().clone())).collect()
        })
    }

    fn of_weight(call: &str) -> Draw {
        let all = draws(&format!("net = nn.Conv2d(3, 8, 3)\n{call}\n"));
        all[0].1.clone().unwrap()
    }

    #[test]
    fn formulas() {
        let close = |draw: &Draw, std: f64, is_uniform: bool| match draw {
            Draw::Normal { mean, std: found } => !is_uniform && *mean == 0.0 && (found - std).abs() < 1e-12,
            Draw::Uniform { low, high } => is_uniform && (high - std).abs() < 1e-12 && *low == -high,
            _ => false,
        };
        let draw = of_weight("nn.init.kaiming_normal_(net.weight, mode='fan_out', nonlinearity='relu')");
        assert!(close(&draw, (2.0f64 / 72.0).sqrt(), false), "{draw:?}");
        let draw = of_weight("nn.init.kaiming_uniform_(net.weight, a=5 ** 0.5)");
        assert!(close(&draw, (1.0f64 / 27.0).sqrt(), true), "{draw:?}");
        let draw = of_weight("nn.init.xavier_uniform_(net.weight.data, gain=2)");
        assert!(close(&draw, 2.0 * (6.0f64 / (27.0 + 72.0)).sqrt(), true), "{draw:?}");
        let draw = of_weight("nn.init.xavier_normal(net.weight)");
        assert!(close(&draw, (2.0f64 / (27.0 + 72.0)).sqrt(), false), "{draw:?}");
    }

    #[test]
    fn draws_without_formulas() {
        assert_eq!(of_weight("nn.init.constant_(net.weight, 3)"), Draw::Constant(3.0));
        assert_eq!(of_weight("net.weight.data.normal_(0, 0.01)"), Draw::Normal { mean: 0.0, std: 0.01 });
        assert_eq!(of_weight("net.weight.data.fill_(1)"), Draw::Constant(1.0));
        assert_eq!(of_weight("nn.init.orthogonal_(net.weight)"), Draw::Other("orthogonal_"));
        let all = draws("net = nn.Module()\nnet.w = nn.Parameter(torch.ones(3) * 2)\n");
        assert_eq!(all, [("w".to_owned(), Some(Draw::Constant(2.0)))]);
        let all = draws("net = nn.Linear(2, 3)\nnn.init.zeros_(net.bias)\n");
        assert_eq!(all, [("weight".to_owned(), None), ("bias".to_owned(), Some(Draw::Constant(0.0)))]);
    }
}
