//! A layer as ONNX has it, as plain data: whoever writes models turns it into nodes.

use crate::shape::{Shape, Size2};

/// The operators that a layer is in ONNX (<https://onnx.ai/onnx/operators/>, version 17).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Onnx {
    /// In order; the last gives the layer's output. None where the layer does nothing in inference: who reads it
    /// reads its input.
    pub(crate) operators: Vec<Operator>,
    /// Dimensions of size 1 behind those of each parameter, so that it is applied to maps by channel.
    pub(crate) trailing: usize,
}

impl Onnx {
    /// Operators whose parameters are vectors by channel.
    pub(crate) fn by_channel(operators: Vec<Operator>, output: Shape) -> Self {
        let trailing = match output {
            Shape::Map { .. } => 2,
            Shape::Vector { .. } => 0,
        };
        Self { operators, trailing }
    }

    /// A layer that does nothing in inference.
    pub(crate) fn nothing() -> Self {
        Self { operators: Vec::new(), trailing: 0 }
    }
}

impl From<Operator> for Onnx {
    fn from(operator: Operator) -> Self {
        Self { operators: vec![operator], trailing: 0 }
    }
}

/// One operator.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operator {
    /// `Conv`.
    pub(crate) name: &'static str,
    /// What it reads, in order.
    pub(crate) operands: Vec<Operand>,
    /// Its attributes by name.
    pub(crate) attributes: Vec<(&'static str, OnnxValue)>,
    /// The name of its result after the layer's; that of the last operator is not used.
    pub(crate) result: &'static str,
}

/// What an operator reads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    /// All inputs of the layer, then all its parameters.
    Layer,
    /// An input of the layer.
    Input(usize),
    /// A parameter of the layer, by its name in it (`weight`).
    Parameter(&'static str),
    /// The result of an operator before it, by [`Operator::result`].
    Result(&'static str),
    /// A constant, which is called so after the layer.
    Constant(&'static str, OnnxValue),
    /// Nothing, where it may be left out.
    Absent,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OnnxValue {
    Int(usize),
    Ints(Vec<usize>),
    Float(f32),
    Floats(Vec<f32>),
    Text(&'static str),
}

impl Operator {
    /// An operator that reads the layer's inputs and parameters.
    pub(crate) fn new(name: &'static str) -> Self {
        Self::reading(name, vec![Operand::Layer])
    }

    /// An operator that reads these.
    pub(crate) fn reading(name: &'static str, operands: Vec<Operand>) -> Self {
        Self { name, operands, attributes: Vec::new(), result: "" }
    }

    /// Names its result.
    pub(crate) fn result(mut self, name: &'static str) -> Self {
        self.result = name;
        self
    }

    pub(crate) fn int(self, name: &'static str, value: usize) -> Self {
        self.attribute(name, OnnxValue::Int(value))
    }

    pub(crate) fn ints(self, name: &'static str, values: &[usize]) -> Self {
        self.attribute(name, OnnxValue::Ints(values.to_vec()))
    }

    pub(crate) fn pair(self, name: &'static str, size: Size2) -> Self {
        self.ints(name, &[size.h, size.w])
    }

    pub(crate) fn float(self, name: &'static str, value: f32) -> Self {
        self.attribute(name, OnnxValue::Float(value))
    }

    pub(crate) fn text(self, name: &'static str, value: &'static str) -> Self {
        self.attribute(name, OnnxValue::Text(value))
    }

    fn attribute(mut self, name: &'static str, value: OnnxValue) -> Self {
        self.attributes.push((name, value));
        self
    }

    /// Adds a constant to what it reads.
    pub(crate) fn constant(mut self, name: &'static str, value: OnnxValue) -> Self {
        self.operands.push(Operand::Constant(name, value));
        self
    }
}
