//! The functions in ONNX, version 17: where it has no operator, what exporters write.

use super::{SELU, Unary};
use crate::ops::{Onnx, OnnxValue, Operand, Operator};

/// A chain of operators.
struct Chain(Vec<Operator>);

impl Chain {
    /// One that reads the layer's input.
    fn start(name: &'static str, result: &'static str) -> Self {
        Self(vec![Operator::reading(name, vec![Operand::Input(0)]).result(result)])
    }

    /// A constant that the last operator reads as well.
    fn with(mut self, name: &'static str, value: f32) -> Self {
        if let Some(last) = self.0.pop() {
            self.0.push(last.constant(name, OnnxValue::Float(value)));
        }
        self
    }

    /// An operator that reads the result before it, and something else.
    fn then(mut self, name: &'static str, other: Option<Operand>, result: &'static str) -> Self {
        let before = self.0.last().map_or("", |operator| operator.result);
        let operands = [Some(Operand::Result(before)), other].into_iter().flatten().collect();
        self.0.push(Operator::reading(name, operands).result(result));
        self
    }

    /// The first operator reads the input twice.
    fn squared(mut self) -> Self {
        self.0[0].operands.push(Operand::Input(0));
        self
    }

    fn end(self) -> Onnx {
        Onnx { operators: self.0, trailing: 0 }
    }
}

fn constant(name: &'static str, value: f32) -> Option<Operand> {
    Some(Operand::Constant(name, OnnxValue::Float(value)))
}

/// The operators of a function.
pub(super) fn operators(unary: &Unary) -> Result<Onnx, String> {
    let x = || Some(Operand::Input(0));
    Ok(match *unary {
        // An operator of its own from version 24 on; exporters write x · σ(x).
        Unary::Silu => Chain::start("Sigmoid", "gate").then("Mul", x(), "").end(),
        // One of its own from version 20 on.
        Unary::Gelu { tanh: false } => Chain::start("Mul", "scaled")
            .with("root", std::f32::consts::FRAC_1_SQRT_2)
            .then("Erf", None, "erf")
            .then("Add", constant("one", 1.0), "raised")
            .then("Mul", x(), "twice")
            .then("Mul", constant("half", 0.5), "")
            .end(),
        Unary::Gelu { tanh: true } => Chain::start("Mul", "square")
            .squared()
            .then("Mul", constant("cubic", 0.044_715), "scaled")
            .then("Add", constant("linear", 1.0), "raised")
            .then("Mul", x(), "polynomial")
            .then("Mul", constant("root", 0.797_884_6), "inner")
            .then("Tanh", None, "tanh")
            .then("Add", constant("one", 1.0), "above")
            .then("Mul", x(), "twice")
            .then("Mul", constant("half", 0.5), "")
            .end(),
        Unary::Hardswish => Operator::new("HardSwish").into(),
        Unary::Hardsigmoid { alpha, beta } => {
            Operator::new("HardSigmoid").float("alpha", alpha).float("beta", beta).into()
        }
        Unary::Elu { alpha } => Operator::new("Elu").float("alpha", alpha).into(),
        Unary::Selu => {
            Operator::new("Selu").float("alpha", SELU[1] as f32).float("gamma", SELU[0] as f32).into()
        }
        Unary::Celu { alpha } => Operator::new("Celu").float("alpha", alpha).into(),
        // Beyond 15 ln(1 + e^x) is x in single precision, whatever the threshold.
        Unary::Softplus { threshold, .. } if threshold < 15.0 => {
            return Err(format!(
                "ONNX's Softplus has no threshold, here {threshold}; use 20, which is usual"
            ));
        }
        Unary::Softplus { beta: 1.0, .. } => Operator::new("Softplus").into(),
        Unary::Softplus { beta, .. } => Chain::start("Mul", "scaled")
            .with("beta", beta)
            .then("Softplus", None, "soft")
            .then("Div", constant("back", beta), "")
            .end(),
        Unary::Softsign => Operator::new("Softsign").into(),
        // One of its own from version 18 on.
        Unary::Mish => Chain::start("Softplus", "soft").then("Tanh", None, "gate").then("Mul", x(), "").end(),
        Unary::Abs => Operator::new("Abs").into(),
        Unary::Exp => Operator::new("Exp").into(),
        Unary::Log => Operator::new("Log").into(),
        Unary::Sqrt => Operator::new("Sqrt").into(),
        Unary::Reciprocal => Operator::new("Reciprocal").into(),
        Unary::Erf => Operator::new("Erf").into(),
        Unary::Scale { factor } => Chain::start("Mul", "").with("factor", factor).end(),
        Unary::Power { exponent } => Chain::start("Pow", "").with("exponent", exponent).end(),
    })
}
