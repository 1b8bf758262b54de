//! ONNX: reading a model without its weights, and writing one part by part.
//!
//! Source: `onnx/onnx.proto` of <https://github.com/onnx/onnx>.

mod model;
mod parse;
mod place;
pub mod read;
mod schema;
mod wire;
mod write;

#[cfg(test)]
mod tests;

pub use schema::{
    Attribute, AttributeKind, Dimension, DimensionSize, Graph, Model, Node, OperatorSet, Property, Shape,
    Tensor, TensorType, ValueInfo, ValueType,
};
pub use write::write;
