//! The messages of a model, field by field.

use std::path::Path;

use super::model::{Attribute, Model, Node, Size, Tensor, ValueInfo};
use super::place::{Beside, LISTED, Raw};
use super::wire::{Field, Span, Window, Wire, malformed};
use crate::Malformed;
use crate::number::Number;
use crate::source::{FileSource, Source};

/// The most of anything that a message repeats: nodes of a graph, values that enter it, tensors.
const MANY: usize = 1 << 14;
/// The most settings of a node.
const SETTINGS: usize = 64;
/// The longest name or text, in bytes.
const TEXT: u64 = 64 << 10;
/// The most numbers in a list.
const NUMBERS: usize = 1 << 12;
/// What all names, texts and lists of numbers of a model may take in memory.
const ROOM: u64 = 48 << 20;

/// What reads a model's messages. Numbers of fields are those of `onnx.proto`.
pub(super) struct Parser<'a> {
    window: Window<'a>,
    beside: Beside<'a>,
    /// Bytes of memory that names and numbers may still take.
    room: u64,
}

impl<'a> Parser<'a> {
    /// A parser of a source; `folder` is where files of constants are looked for, if they are allowed.
    pub(super) fn new(source: &'a dyn Source, folder: Option<&'a Path>) -> Self {
        Self { window: Window::new(source), beside: Beside::new(folder), room: ROOM }
    }

    /// The files beside the model that its constants lie in.
    pub(super) fn into_files(self) -> Vec<FileSource> {
        self.beside.files
    }

    /// Takes from the room for what is kept in memory.
    fn take(&mut self, bytes: u64, place: u64) -> Result<(), Malformed> {
        self.room = self.room.checked_sub(bytes).ok_or_else(|| {
            malformed(place, format!("names and settings take more than {} MiB", ROOM >> 20))
        })?;
        Ok(())
    }

    fn text(&mut self, field: Field) -> Result<String, Malformed> {
        let span = bytes(field)?;
        self.take(span.len() + 32, span.start)?;
        String::from_utf8(self.window.bytes(span, TEXT)?)
            .map_err(|_| malformed(span.start, "a name that is not UTF-8"))
    }

    /// One more of what a message repeats.
    fn push<T>(&mut self, list: &mut Vec<T>, item: T, place: u64) -> Result<(), Malformed> {
        if list.len() == MANY {
            return Err(malformed(place, format!("more than {MANY} of one kind in a list")));
        }
        list.push(item);
        Ok(())
    }

    /// Reads a whole model.
    pub(super) fn model(&mut self, model: &mut Model) -> Result<(), Malformed> {
        let mut rest = self.window.whole();
        let mut graph = None;
        while let Some(field) = self.window.next(&mut rest)? {
            match field.number {
                7 => graph = Some(bytes(field)?),
                8 => {
                    let opset = self.opset(bytes(field)?)?;
                    self.push(&mut model.opsets, opset, field.place)?;
                }
                14 => {
                    let (key, value) = self.property(bytes(field)?)?;
                    model.metadata.insert(key, value);
                }
                _ => {}
            }
        }
        let graph = graph.ok_or_else(|| malformed(0, "there is no graph; is it an ONNX model?"))?;
        self.graph(graph, model)
    }

    fn opset(&mut self, span: Span) -> Result<(String, i64), Malformed> {
        let (mut domain, mut version) = (String::new(), 0);
        let mut rest = span;
        while let Some(field) = self.window.next(&mut rest)? {
            match field.number {
                1 => domain = self.text(field)?,
                2 => version = integer(field)?,
                _ => {}
            }
        }
        Ok((domain, version))
    }

    fn property(&mut self, span: Span) -> Result<(String, String), Malformed> {
        let (mut key, mut value) = (String::new(), String::new());
        let mut rest = span;
        while let Some(field) = self.window.next(&mut rest)? {
            match field.number {
                1 => key = self.text(field)?,
                2 => value = self.text(field)?,
                _ => {}
            }
        }
        Ok((key, value))
    }

    fn graph(&mut self, span: Span, model: &mut Model) -> Result<(), Malformed> {
        let mut rest = span;
        while let Some(field) = self.window.next(&mut rest)? {
            match field.number {
                1 => {
                    let node = self.node(bytes(field)?)?;
                    self.push(&mut model.nodes, node, field.place)?;
                }
                5 => {
                    let tensor = self.tensor(bytes(field)?)?;
                    self.push(&mut model.initializers, tensor, field.place)?;
                }
                11 => {
                    let value = self.value(bytes(field)?)?;
                    self.push(&mut model.inputs, value, field.place)?;
                }
                12 => {
                    let value = self.value(bytes(field)?)?;
                    self.push(&mut model.outputs, value, field.place)?;
                }
                15 => return Err(malformed(field.place, "a sparse constant, which is not supported")),
                _ => {}
            }
        }
        Ok(())
    }

    fn node(&mut self, span: Span) -> Result<Node, Malformed> {
        let mut node = Node::default();
        let mut rest = span;
        self.take(size_of::<Node>() as u64, span.start)?;
        while let Some(field) = self.window.next(&mut rest)? {
            match field.number {
                1 => {
                    let name = self.text(field)?;
                    self.push(&mut node.inputs, name, field.place)?;
                }
                2 => {
                    let name = self.text(field)?;
                    self.push(&mut node.outputs, name, field.place)?;
                }
                3 => node.name = self.text(field)?,
                4 => node.op = self.text(field)?,
                5 => {
                    if node.attributes.len() == SETTINGS {
                        return Err(malformed(
                            field.place,
                            format!("a node of more than {SETTINGS} settings"),
                        ));
                    }
                    let (name, attribute) = self.attribute(bytes(field)?)?;
                    node.attributes.insert(name, attribute);
                }
                7 => node.domain = self.text(field)?,
                _ => {}
            }
        }
        Ok(node)
    }

    fn attribute(&mut self, span: Span) -> Result<(String, Attribute), Malformed> {
        let mut name = String::new();
        let mut value = Attribute::Other;
        let (mut floats, mut ints) = (Vec::new(), Vec::new());
        let mut rest = span;
        self.take(2 * size_of::<Attribute>() as u64, span.start)?;
        // The type is told by field 20; files of old writers have none, so that the field that is there tells.
        let mut kind = 0;
        while let Some(field) = self.window.next(&mut rest)? {
            match (field.number, field.wire) {
                (1, _) => name = self.text(field)?,
                (2, Wire::Fixed32(bits)) => value = Attribute::Float(f32::from_bits(bits)),
                (3, Wire::Varint(bits)) => value = Attribute::Int(bits as i64),
                (4, _) => value = Attribute::Text(self.text(field)?),
                (5, _) => value = Attribute::Tensor(self.tensor(bytes(field)?)?),
                (7, Wire::Fixed32(bits)) => floats.push(f32::from_bits(bits)),
                (7, Wire::Bytes(span)) => {
                    let bytes = self.window.bytes(span, 4 * NUMBERS as u64)?;
                    floats.extend(bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)));
                }
                (8, Wire::Varint(bits)) => ints.push(bits as i64),
                (8, Wire::Bytes(span)) => {
                    ints.extend(self.window.varints(span, NUMBERS)?.into_iter().map(|bits| bits as i64));
                }
                (20, Wire::Varint(number)) => kind = number,
                _ => {}
            }
            if floats.len() + ints.len() > NUMBERS {
                return Err(malformed(field.place, format!("a list of more than {NUMBERS} numbers")));
            }
        }
        self.take((4 * floats.len() + 8 * ints.len()) as u64, span.start)?;
        let value = match (kind, value) {
            (6, _) => Attribute::Floats(floats),
            (7, _) => Attribute::Ints(ints),
            (0, Attribute::Other) if !floats.is_empty() => Attribute::Floats(floats),
            (0, Attribute::Other) if !ints.is_empty() => Attribute::Ints(ints),
            // Zero is what a writer may leave out.
            (1, Attribute::Other) => Attribute::Float(0.0),
            (2, Attribute::Other) => Attribute::Int(0),
            (3, Attribute::Other) => Attribute::Text(String::new()),
            (_, value) => value,
        };
        Ok((name, value))
    }

    fn value(&mut self, span: Span) -> Result<ValueInfo, Malformed> {
        let mut value = ValueInfo::default();
        let mut rest = span;
        self.take(size_of::<ValueInfo>() as u64, span.start)?;
        while let Some(field) = self.window.next(&mut rest)? {
            match field.number {
                1 => value.name = self.text(field)?,
                2 => value.shape = self.value_type(bytes(field)?)?,
                _ => {}
            }
        }
        Ok(value)
    }

    /// The shape in a `TypeProto`; `None` where it is no tensor's or has none.
    fn value_type(&mut self, span: Span) -> Result<Option<Vec<Size>>, Malformed> {
        let Some(tensor) = self.part(span, 1)? else { return Ok(None) };
        let Some(shape) = self.part(tensor, 2)? else { return Ok(None) };
        let mut sizes = Vec::new();
        let mut rest = shape;
        while let Some(field) = self.window.next(&mut rest)? {
            if field.number == 1 {
                let size = self.size(bytes(field)?)?;
                self.push(&mut sizes, size, field.place)?;
            }
        }
        Ok(Some(sizes))
    }

    /// The last field of a number in a message, itself a message.
    fn part(&self, span: Span, number: u64) -> Result<Option<Span>, Malformed> {
        let mut part = None;
        let mut rest = span;
        while let Some(field) = self.window.next(&mut rest)? {
            if field.number == number {
                part = Some(bytes(field)?);
            }
        }
        Ok(part)
    }

    fn size(&mut self, span: Span) -> Result<Size, Malformed> {
        let mut size = Size::Free(String::new());
        let mut rest = span;
        self.take(size_of::<Size>() as u64, span.start)?;
        while let Some(field) = self.window.next(&mut rest)? {
            match field.number {
                // Old writers put 0 or −1 for a size that is free.
                1 => {
                    let free = || Size::Free(String::new());
                    size = usize::try_from(integer(field)?)
                        .ok()
                        .filter(|&n| n > 0)
                        .map_or_else(free, Size::Known);
                }
                2 => size = Size::Free(self.text(field)?),
                _ => {}
            }
        }
        Ok(size)
    }

    fn tensor(&mut self, span: Span) -> Result<Tensor, Malformed> {
        let mut raw = Raw::default();
        let mut rest = span;
        self.take(size_of::<Tensor>() as u64, span.start)?;
        while let Some(field) = self.window.next(&mut rest)? {
            match (field.number, field.wire) {
                (1, Wire::Varint(size)) => raw.dims.push(size as i64),
                (1, Wire::Bytes(span)) => {
                    raw.dims.extend(self.window.varints(span, NUMBERS)?.into_iter().map(|size| size as i64));
                }
                (2, Wire::Varint(kind)) => raw.kind = kind,
                (3, _) => {
                    return Err(malformed(field.place, "a constant in segments, which is not supported"));
                }
                (4, Wire::Bytes(span)) => raw.put(Number::F32, span)?,
                (10, Wire::Bytes(span)) => raw.put(Number::F64, span)?,
                (5 | 7 | 11, Wire::Bytes(span)) => raw.list(field, &self.window.varints(span, LISTED)?)?,
                (5 | 7 | 11, Wire::Varint(value)) => raw.list(field, &[value])?,
                (4 | 10, _) => {
                    let problem = "real numbers one by one, expected them packed; write them as raw data";
                    return Err(malformed(field.place, problem));
                }
                (8, _) => raw.name = self.text(field)?,
                (9, Wire::Bytes(span)) => raw.bytes = Some(span),
                (13, Wire::Bytes(span)) => {
                    let (key, value) = self.property(span)?;
                    raw.external.insert(key, value);
                }
                (14, Wire::Varint(location)) => raw.outside = location == 1,
                _ => {}
            }
            if raw.dims.len() > 16 {
                return Err(malformed(field.place, "a constant of more than 16 dimensions"));
            }
        }
        let name = raw.name.clone();
        self.take(8 * raw.listed.len() as u64, span.start)?;
        raw.placed(&mut self.beside).map_err(|problem| {
            malformed(span.start, format!("constant `{}`: {problem}", name.escape_debug()))
        })
    }
}

fn bytes(field: Field) -> Result<Span, Malformed> {
    match field.wire {
        Wire::Bytes(span) => Ok(span),
        other => Err(malformed(
            field.place,
            format!("field {} holds {other:?}, expected a part with a length", field.number),
        )),
    }
}

fn integer(field: Field) -> Result<i64, Malformed> {
    match field.wire {
        Wire::Varint(bits) => Ok(bits as i64),
        other => Err(malformed(
            field.place,
            format!("field {} holds {other:?}, expected a whole number", field.number),
        )),
    }
}
