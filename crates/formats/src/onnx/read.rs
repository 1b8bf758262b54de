//! Reading a model: its nodes and values, and where its constants lie.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::wire::{Field, Span, Window, Wire, malformed};
use crate::number::{Number, half};
use crate::source::{FileSource, Source};
use crate::{FormatError, Malformed};

/// The most of anything that a message repeats: nodes of a graph, values that enter it, tensors.
const MANY: usize = 1 << 14;
/// The most settings of a node.
const SETTINGS: usize = 64;
/// The longest name or text, in bytes.
const TEXT: u64 = 64 << 10;
/// The most numbers in a list.
const NUMBERS: usize = 1 << 12;
/// The most elements of a constant that is written number by number and not as bytes.
const LISTED: usize = 1 << 22;
/// What all names, texts and lists of numbers of a model may take in memory.
const ROOM: u64 = 48 << 20;

/// A model in a file.
pub struct Model {
    source: Box<dyn Source>,
    /// Files beside it that hold constants.
    beside: Vec<FileSource>,
    /// The versions of its sets of operators; ONNX's own has no name.
    pub opsets: Vec<(String, i64)>,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
    /// The program that wrote it; empty where it does not tell.
    pub producer: String,
    /// The graph's name.
    pub name: String,
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
    elements: Elements,
}

/// Where a constant's elements are.
#[derive(Clone, Debug, PartialEq)]
enum Elements {
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
        f.debug_struct("Model").field("name", &self.name).field("nodes, initializers", &counts).finish()
    }
}

impl Model {
    /// Opens a file; constants may lie in files beside it, in its folder or below.
    ///
    /// # Errors
    /// If a file cannot be read, is damaged, or lies elsewhere.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        let source = Box::new(FileSource::open(path)?);
        Self::new(source, path.parent()).map_err(FormatError::malformed(path, "ONNX"))
    }

    /// Reads a model; `folder` is where files of constants are looked for, if they are allowed.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn new(source: Box<dyn Source>, folder: Option<&Path>) -> Result<Self, Malformed> {
        let mut model = Self {
            source: Box::new(Vec::new()),
            beside: Vec::new(),
            opsets: Vec::new(),
            metadata: BTreeMap::new(),
            producer: String::new(),
            name: String::new(),
            nodes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            initializers: Vec::new(),
        };
        let mut parser = Parser {
            window: Window::new(&*source),
            folder,
            files: Vec::new(),
            beside: Vec::new(),
            room: ROOM,
        };
        parser.model(&mut model)?;
        model.beside = parser.beside;
        model.source = source;
        Ok(model)
    }

    /// Reads elements of one of its constants in row-major order, from number `first` on, as float32.
    ///
    /// # Errors
    /// If it has fewer elements, or a file cannot be read.
    pub fn read(&self, tensor: &Tensor, first: usize, out: &mut [f32]) -> io::Result<()> {
        let end = first.checked_add(out.len()).filter(|&end| end <= tensor.len());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let offset = (first * tensor.number.width()) as u64;
        match &tensor.elements {
            Elements::Here(start) => tensor.number.read(&*self.source, start + offset, out),
            Elements::Beside(file, start) => tensor.number.read(&self.beside[*file], start + offset, out),
            Elements::Listed(values) => {
                let bits = |x: i64| match tensor.number {
                    Number::F16 => half(x as u16),
                    Number::Bf16 => f32::from_bits(u32::from(x as u16) << 16),
                    _ => x as f32,
                };
                out.iter_mut().zip(&values[first..end]).for_each(|(out, &x)| *out = bits(x));
                Ok(())
            }
        }
    }

    /// The elements of a constant of whole numbers, at most `most`.
    ///
    /// # Errors
    /// If it is none, has more elements, or a file cannot be read.
    pub fn integers(&self, tensor: &Tensor, most: usize) -> io::Result<Vec<i64>> {
        let wrong = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
        if !tensor.is_whole() || tensor.len() > most {
            let found = format!(
                "{} elements of {:?}, expected at most {most} whole numbers",
                tensor.len(),
                tensor.number
            );
            return Err(wrong(found));
        }
        if let Elements::Listed(values) = &tensor.elements {
            return Ok(values.clone());
        }
        if tensor.number == Number::I64 {
            let mut bytes = vec![0; tensor.len() * 8];
            match &tensor.elements {
                Elements::Beside(file, start) => self.beside[*file].read_at(*start, &mut bytes)?,
                Elements::Here(start) => self.source.read_at(*start, &mut bytes)?,
                Elements::Listed(_) => {}
            }
            return Ok(bytes.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect());
        }
        // Narrower ones that matter here (axes, sizes) are exact in float32.
        let mut values = vec![0.0; tensor.len()];
        self.read(tensor, 0, &mut values)?;
        Ok(values.into_iter().map(|x| x as i64).collect())
    }
}

/// What reads a model's messages. Numbers of fields are those of `onnx.proto`.
struct Parser<'a> {
    window: Window<'a>,
    folder: Option<&'a Path>,
    /// The files beside the model that are open: their paths, and they themselves.
    files: Vec<PathBuf>,
    beside: Vec<FileSource>,
    /// Bytes of memory that names and numbers may still take.
    room: u64,
}

impl Parser<'_> {
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

    fn model(&mut self, model: &mut Model) -> Result<(), Malformed> {
        let mut rest = self.window.whole();
        let mut graph = None;
        while let Some(field) = self.window.next(&mut rest)? {
            match field.number {
                2 => model.producer = self.text(field)?,
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
                2 => model.name = self.text(field)?,
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
        self.placed(raw, span)
            .map_err(|problem| malformed(span.start, format!("constant `{name}`: {problem}")))
    }

    /// Finds a constant's elements, and checks that there are as many as its shape tells.
    fn placed(&mut self, raw: Raw, span: Span) -> Result<Tensor, String> {
        let number = match raw.kind {
            1 => Number::F32,
            2 | 9 => Number::U8,
            3 => Number::I8,
            4 => Number::U16,
            5 => Number::I16,
            6 => Number::I32,
            7 => Number::I64,
            10 => Number::F16,
            11 => Number::F64,
            12 => Number::U32,
            13 => Number::U64,
            16 => Number::Bf16,
            other => return Err(format!("elements of type {other}, expected numbers of 8 to 64 bits")),
        };
        let size = |&size: &i64| usize::try_from(size).map_err(|_| format!("it has a size of {size}"));
        let shape = raw.dims.iter().map(size).collect::<Result<Vec<_>, _>>()?;
        let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        let needed = count.and_then(|count| count.checked_mul(number.width())).map(|bytes| bytes as u64);
        let (Some(count), Some(needed)) = (count, needed) else {
            return Err(format!("its shape {shape:?} has more elements than can be addressed"));
        };
        let holds = |found: u64| match found == needed {
            true => Ok(()),
            false => Err(format!("{found} bytes of elements, its shape {shape:?} needs {needed}")),
        };
        let elements = if raw.outside {
            let (file, start, len) = self.external(&raw.external, needed)?;
            holds(len)?;
            Elements::Beside(file, start)
        } else if let Some(span) = raw.bytes.filter(|span| span.len() > 0 || needed == 0) {
            holds(span.len())?;
            Elements::Here(span.start)
        } else if let Some((kind, span)) = raw.packed {
            if kind != number {
                return Err(format!("elements of type {kind:?} under the heading {number:?}"));
            }
            holds(span.len())?;
            Elements::Here(span.start)
        } else {
            if raw.listed.len() != count {
                return Err(format!("{} elements, its shape {shape:?} needs {count}", raw.listed.len()));
            }
            self.take(8 * count as u64, span.start).map_err(|error| error.problem)?;
            Elements::Listed(raw.listed)
        };
        Ok(Tensor { name: raw.name, shape, number, elements })
    }

    /// The file beside the model that holds a constant, where its bytes start, and how many they are.
    fn external(
        &mut self,
        told: &BTreeMap<String, String>,
        needed: u64,
    ) -> Result<(usize, u64, u64), String> {
        let folder = self.folder.ok_or("its elements are in another file, which is not allowed here")?;
        let location =
            told.get("location").ok_or("its elements are in another file, which it does not name")?;
        let number = |key: &str, default: u64| match told.get(key) {
            None => Ok(default),
            Some(text) => {
                text.parse::<u64>().map_err(|_| format!("its {key} is `{text}`, expected a whole number"))
            }
        };
        let (start, len) = (number("offset", 0)?, number("length", needed)?);
        let below = Path::new(location)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !below || location.is_empty() {
            return Err(format!(
                "its elements are in `{location}`, expected a file in the model's folder or below"
            ));
        }
        let file = match self.files.iter().position(|path| path == Path::new(location)) {
            Some(file) => file,
            None => {
                let path = folder.join(location);
                let path = inside(folder, &path)
                    .map_err(|error| format!("its elements are in `{}`: {error}", path.display()))?;
                self.beside.push(FileSource::open(&path).map_err(|error| error.to_string())?);
                self.files.push(location.into());
                self.files.len() - 1
            }
        };
        if self.files.len() > 256 {
            return Err("its elements are in more than 256 files".into());
        }
        let size = self.beside[file].len();
        if start.checked_add(len).is_none_or(|end| end > size) {
            return Err(format!("{len} bytes from byte {start} on of `{location}`, which has {size}"));
        }
        Ok((file, start, len))
    }
}

/// The real path of a file, if links do not lead it out of the folder.
fn inside(folder: &Path, path: &Path) -> io::Result<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (folder, path) = (fs::canonicalize(folder)?, fs::canonicalize(path)?);
    if !path.starts_with(&folder) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "a link leads out of the model's folder",
        ));
    }
    Ok(path)
}

/// A `TensorProto` as it is read.
#[derive(Default)]
struct Raw {
    name: String,
    dims: Vec<i64>,
    kind: u64,
    bytes: Option<Span>,
    /// Real numbers in a row, and their type.
    packed: Option<(Number, Span)>,
    listed: Vec<i64>,
    external: BTreeMap<String, String>,
    outside: bool,
}

impl Raw {
    fn put(&mut self, number: Number, span: Span) -> Result<(), Malformed> {
        if self.packed.replace((number, span)).is_some() {
            return Err(malformed(span.start, "the elements of a constant in several parts, expected one"));
        }
        Ok(())
    }

    fn list(&mut self, field: Field, values: &[u64]) -> Result<(), Malformed> {
        if self.listed.len() + values.len() > LISTED {
            let problem =
                format!("more than {LISTED} elements written number by number; write them as raw data");
            return Err(malformed(field.place, problem));
        }
        self.listed.extend(values.iter().map(|&bits| bits as i64));
        Ok(())
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
