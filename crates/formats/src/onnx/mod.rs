//! ONNX: the messages of a model, and writing one part by part.
//!
//! Source: `onnx/onnx.proto` of <https://github.com/onnx/onnx>. The messages hold the fields that image networks
//! use, under the schema's numbers; others are skipped when read.

mod schema;
mod write;

pub use schema::{
    Attribute, AttributeKind, Dimension, DimensionSize, Graph, Model, Node, OperatorSet, Property, Shape,
    Tensor, TensorType, ValueInfo, ValueType,
};
pub use write::write;
