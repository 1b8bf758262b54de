//! Writing a model whose weights need not be in memory.

use std::io::{self, Write};
use std::path::Path;

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::schema::{Graph, Model, Tensor};
use crate::number::Entry;
use crate::{FormatError, atomic};

/// Numbers of fields in the schema.
const MODEL_GRAPH: u32 = 7;
const GRAPH_INITIALIZER: u32 = 5;
const TENSOR_RAW_DATA: u32 = 9;
/// `TensorProto.FLOAT`.
const FLOAT: i32 = 1;
/// The longest message that readers of protocol buffers take.
const MOST: u64 = (1 << 31) - 1;

/// Writes a model and its weights as float32 initializers, atomically (see [`atomic`]); `fill` writes the
/// little-endian elements of one.
///
/// # Errors
/// If it cannot be written, `fill` fails, or the model takes more than the 2 GiB that a message may have.
pub fn write(
    path: &Path,
    model: &Model,
    weights: &[Entry],
    mut fill: impl FnMut(&Entry, &mut dyn Write) -> io::Result<()>,
) -> Result<(), FormatError> {
    let graph = model.graph.clone().unwrap_or_default();
    let rest = Model { graph: None, ..model.clone() };
    let heads: Vec<Head> = weights.iter().map(Head::new).collect();
    let graph_len = graph.encoded_len() as u64 + heads.iter().map(Head::len).sum::<u64>();
    atomic::write_with(path, |out| {
        if graph_len + rest.encoded_len() as u64 > MOST {
            let problem = format!("the model takes {graph_len} bytes, an ONNX file at most {MOST}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        out.write_all(&rest.encode_to_vec())?;
        out.write_all(&prefix(MODEL_GRAPH, graph_len))?;
        out.write_all(&Graph::encode_to_vec(&graph))?;
        for (head, entry) in heads.iter().zip(weights) {
            out.write_all(&prefix(GRAPH_INITIALIZER, head.inner()))?;
            out.write_all(&head.fields)?;
            fill(entry, out)?;
        }
        Ok(())
    })
}

/// The key and the length of a part.
fn prefix(field: u32, len: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(field, WireType::LengthDelimited, &mut bytes);
    encode_varint(len, &mut bytes);
    bytes
}

/// A tensor up to its elements.
struct Head {
    fields: Vec<u8>,
    elements: u64,
}

impl Head {
    fn new(entry: &Entry) -> Self {
        let tensor = Tensor {
            dims: entry.shape.iter().map(|&size| size as i64).collect(),
            data_type: Some(FLOAT),
            name: Some(entry.name.clone()),
            raw_data: None,
        };
        let elements = entry.shape.iter().product::<usize>() as u64 * size_of::<f32>() as u64;
        let mut fields = tensor.encode_to_vec();
        fields.extend(prefix(TENSOR_RAW_DATA, elements));
        Self { fields, elements }
    }

    /// Bytes of the tensor.
    fn inner(&self) -> u64 {
        self.fields.len() as u64 + self.elements
    }

    /// Bytes with its own key and length.
    fn len(&self) -> u64 {
        prefix(GRAPH_INITIALIZER, self.inner()).len() as u64 + self.inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Number;
    use crate::onnx::{Node, OperatorSet};

    #[test]
    fn parts_make_the_same_message_as_a_whole() {
        let entry = |name: &str, shape: &[usize]| Entry {
            name: name.into(),
            shape: shape.to_vec(),
            number: Number::F32,
        };
        let weights = [entry("a", &[2, 3]), entry("b", &[300])];
        let node = Node { input: vec!["x".into()], op_type: Some("Relu".into()), ..Node::default() };
        let graph = Graph { node: vec![node], name: Some("g".into()), ..Graph::default() };
        let opset_import = vec![OperatorSet { domain: None, version: Some(17) }];
        let model = Model { ir_version: Some(8), graph: Some(graph), opset_import, ..Model::default() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.onnx");
        let bytes = |entry: &Entry| {
            let count: usize = entry.shape.iter().product();
            (0..count).flat_map(|i| (i as f32).to_le_bytes()).collect::<Vec<u8>>()
        };
        write(&path, &model, &weights, |entry, out| out.write_all(&bytes(entry))).unwrap();
        let read = Model::decode(&std::fs::read(&path).unwrap()[..]).unwrap();
        let mut expected = model.clone();
        expected.graph.as_mut().unwrap().initializer = weights
            .iter()
            .map(|entry| Tensor {
                dims: entry.shape.iter().map(|&size| size as i64).collect(),
                data_type: Some(FLOAT),
                name: Some(entry.name.clone()),
                raw_data: Some(bytes(entry)),
            })
            .collect();
        assert_eq!(read, expected);
    }
}
