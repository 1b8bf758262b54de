//! A model as it is read: its nodes and values, and where its constants lie.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::model::Elements;
pub use super::model::{Attribute, Model, Node, Size, Tensor, ValueInfo};
use super::parse::Parser;
use crate::number::{Number, half};
use crate::source::{FileSource, Source};
use crate::{FormatError, Malformed};

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
            nodes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            initializers: Vec::new(),
        };
        let mut parser = Parser::new(&*source, folder);
        parser.model(&mut model)?;
        model.beside = parser.into_files();
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
        if let Some((source, start)) = self.place(tensor) {
            return tensor.number.read(source, start + offset, out);
        }
        if let Elements::Listed(values) = &tensor.elements {
            let bits = |x: i64| match tensor.number {
                Number::F16 => half(x as u16),
                Number::Bf16 => f32::from_bits(u32::from(x as u16) << 16),
                _ => x as f32,
            };
            out.iter_mut().zip(&values[first..end]).for_each(|(out, &x)| *out = bits(x));
        }
        Ok(())
    }

    /// The file that holds a constant's elements, and where they start; `None` where they are listed.
    fn place(&self, tensor: &Tensor) -> Option<(&dyn Source, u64)> {
        match tensor.elements {
            Elements::Here(start) => Some((&*self.source, start)),
            Elements::Beside(file, start) => Some((&self.beside[file], start)),
            Elements::Listed(_) => None,
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
        if let (Number::I64, Some((source, start))) = (tensor.number, self.place(tensor)) {
            let mut bytes = vec![0; tensor.len() * 8];
            source.read_at(start, &mut bytes)?;
            return Ok(bytes.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect());
        }
        // Narrower ones that matter here (axes, sizes) are exact in float32.
        let mut values = vec![0.0; tensor.len()];
        self.read(tensor, 0, &mut values)?;
        Ok(values.into_iter().map(|x| x as i64).collect())
    }
}
