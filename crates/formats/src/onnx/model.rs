//! An ONNX model as it is read: plain data, its elements still in their files.

use std::collections::BTreeMap;

use crate::number::Number;
use crate::source::{FileSource, Source};

/// A model in a file.
pub struct Model {
    pub(super) source: Box<dyn Source>,
    /// Files beside it that hold constants.
    pub(super) beside: Vec<FileSource>,
    /// The versions of its sets of operators; ONNX's own has no name.
    pub opsets: Vec<(String, i64)>,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
    /// The operators, as they are ordered in the file.
    pub nodes: Vec<Node>,
    /// What enters; in old files the constants too.
    pub inputs: Vec<ValueInfo>,
    /// What leaves.
    pub outputs: Vec<ValueInfo>,
    /// Constants.
    pub initializers: Vec<Tensor>,
}

/// One operator.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Its name; may be empty.
    pub name: String,
    /// The operator: `Conv`.
    pub op: String,
    /// The set that the operator is of; empty for ONNX's own.
    pub domain: String,
    /// Names of the values it reads; empty for an optional one that is left out.
    pub inputs: Vec<String>,
    /// Names of the values it gives.
    pub outputs: Vec<String>,
    /// Its settings.
    pub attributes: BTreeMap<String, Attribute>,
}

/// A setting of an operator.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A real number.
    Float(f32),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// A tensor.
    Tensor(Tensor),
    /// Real numbers.
    Floats(Vec<f32>),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// A graph, a sparse tensor, or a list of such.
    Other,
}

/// A value and its sizes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueInfo {
    /// The name.
    pub name: String,
    /// Its sizes, outermost first; a size may have a name, which is the same wherever the size is.
    pub shape: Option<Vec<Size>>,
}

/// A size of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// Known.
    Known(usize),
    /// Free, with its name.
    Free(String),
}

/// A constant; its elements stay in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The name; empty in an attribute.
    pub name: String,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The type of its elements.
    pub number: Number,
    pub(super) elements: Elements,
}

/// Where a constant's elements are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Elements {
    /// In the model, from a byte on.
    Here(u64),
    /// In a file beside it, by its index, from a byte on.
    Beside(usize, u64),
    /// Written number by number; of half precision their bits.
    Listed(Vec<i64>),
}

impl Tensor {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the elements are whole numbers.
    pub fn is_whole(&self) -> bool {
        !matches!(self.number, Number::F32 | Number::F64 | Number::F16 | Number::Bf16)
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = (self.nodes.len(), self.initializers.len());
        f.debug_struct("Model").field("nodes, initializers", &counts).finish_non_exhaustive()
    }
}
