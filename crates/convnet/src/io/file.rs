//! A file of weights, by its content.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use convnet_formats::{FileSource, FormatError, Source, foreign, pth, safetensors, shards};

use super::ModelCard;
use super::error::{IoError, Known};
use super::onnx::{self, Imported};
use crate::graph::Graph;
use crate::state::{ReadError, StateDict, Tensor, TensorSource};

/// Tensors in a file, read as they are asked for.
#[derive(Debug)]
pub struct WeightsFile {
    path: PathBuf,
    reader: Reader,
    card: Option<ModelCard>,
    /// The network that they are the weights of, where that is known.
    network: Option<Box<Graph>>,
    /// Whether the caller chose among the state dicts.
    is_chosen: bool,
    /// What the names of the tensors that were chosen start with.
    prefix: String,
}

#[derive(Debug)]
enum Reader {
    Safetensors(safetensors::Reader),
    Shards(shards::Shards),
    Pth(pth::Reader),
    Onnx(Imported),
}

impl WeightsFile {
    /// Opens a file of safetensors, an index of several, a state dict of PyTorch's, or an ONNX model; its content tells
    /// which.
    ///
    /// # Errors
    /// If it cannot be read, is none of them, or has a card that is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, IoError> {
        let path = path.as_ref();
        let source = FileSource::open(path)?;
        let mut start = [0; 9];
        let known = source.read_at(0, &mut start).is_ok();
        let is_ours = known && (is_index(&start) || is_header(&start));
        if let Some(found) = foreign::kind(&source).filter(|_| !is_ours) {
            return Err(IoError::Foreign { path: path.to_owned(), found });
        }
        if !(is_pytorch(&start) || known && is_index(&start)) && is_model(path, &start) {
            let (graph, imported) = onnx::read(path, None)?;
            return Self::imported(path, &graph, imported);
        }
        let reader = if is_pytorch(&start) {
            Reader::Pth(pth::Reader::open(path)?)
        } else if known && is_index(&start) {
            Reader::Shards(shards::Shards::open(path)?)
        } else {
            Reader::Safetensors(safetensors::Reader::open(path)?)
        };
        Self::new(path, reader)
    }

    /// The weights of an imported model.
    pub(super) fn imported(path: &Path, graph: &Graph, imported: Imported) -> Result<Self, IoError> {
        Ok(Self::new(path, Reader::Onnx(imported))?.of_network(graph.clone()))
    }

    /// The same, known to be the weights of this network: another one takes them only if its settings are the same.
    #[must_use]
    pub fn of_network(self, network: Graph) -> Self {
        Self { network: Some(Box::new(network)), ..self }
    }

    /// The network that they are the weights of: an ONNX file's, or the one that was told.
    pub fn network(&self) -> Option<&Graph> {
        self.network.as_deref()
    }

    fn new(path: &Path, reader: Reader) -> Result<Self, IoError> {
        let metadata = match &reader {
            Reader::Safetensors(reader) => reader.metadata().clone(),
            Reader::Shards(shards) => shards.metadata(),
            Reader::Pth(_) => BTreeMap::new(),
            Reader::Onnx(imported) => imported.metadata().clone(),
        };
        let card = ModelCard::from_metadata(&metadata)
            .map_err(|reason| IoError::Card { path: path.to_owned(), reason })?;
        let (path, prefix) = (path.to_owned(), String::new());
        let file = Self { path, reader, card, network: None, is_chosen: false, prefix };
        // A network may do without weights, a file of them does not.
        if !matches!(file.reader, Reader::Onnx(_)) && file.all_tensors().is_empty() {
            return Err(IoError::Foreign {
                path: file.path,
                found: "a file of weights that holds none".into(),
            });
        }
        Ok(file)
    }

    /// The keys under which the file has state dicts (empty: it is one itself), and how many tensors each holds; a file of
    /// one state dict has one.
    pub fn dicts(&self) -> Vec<(&str, usize)> {
        match &self.reader {
            Reader::Pth(reader) => reader.keys().collect(),
            _ => vec![("", self.all_tensors().len())],
        }
    }

    /// The place of the state dict that is read.
    pub(super) fn dict(&self) -> usize {
        match &self.reader {
            Reader::Pth(reader) => reader.chosen(),
            _ => 0,
        }
    }

    /// Reads another state dict of the file.
    pub(super) fn take_dict(&mut self, place: usize) -> Result<(), IoError> {
        let Reader::Pth(reader) = &mut self.reader else { return Ok(()) };
        let malformed =
            |malformed| FormatError::Malformed { path: self.path.clone(), format: "PyTorch", malformed };
        Ok(reader.choose(place).map_err(malformed)?)
    }

    /// Whether the caller chose what is read.
    pub(super) fn is_chosen(&self) -> bool {
        self.is_chosen
    }

    /// Chooses the state dict under a key (`model_ema`, or the last part of a longer one), or the tensors whose names
    /// start with it and a dot.
    ///
    /// # Errors
    /// If there are none, or several.
    pub fn choose(&mut self, key: &str) -> Result<(), IoError> {
        let dicts = self.dicts();
        let ends = |name: &str| name == key || name.strip_suffix(key).is_some_and(|rest| rest.ends_with('.'));
        let exact = dicts.iter().position(|&(name, _)| name == key);
        let places: Vec<usize> = (0..dicts.len()).filter(|&i| ends(dicts[i].0)).collect();
        let prefix = format!("{key}.");
        if let Some(place) = exact.or(places.first().copied().filter(|_| places.len() == 1)) {
            self.take_dict(place)?;
        } else if places.is_empty() && self.all_tensors().iter().any(|(name, _)| name.starts_with(&prefix)) {
            self.prefix = prefix;
        } else {
            let known =
                dicts.iter().map(|&(name, _)| name.to_owned()).filter(|name| !name.is_empty()).collect();
            return Err(IoError::Key { path: self.path.clone(), key: key.to_owned(), known: Known(known) });
        }
        self.is_chosen = true;
        Ok(())
    }

    /// Which state dict is read, where the file holds others: what was not asked for is told.
    pub fn told(&self) -> Option<String> {
        /// Keys that are told before they are only counted.
        const LISTED: usize = 6;
        let (dicts, chosen) = (self.dicts(), self.dict());
        let together = dicts[chosen].0.strip_suffix('*');
        let is_told = |&(i, (name, _)): &(usize, (&str, usize))| {
            i != chosen && !name.ends_with('*') && !together.is_some_and(|folder| name.starts_with(folder))
        };
        let others: Vec<_> = dicts.iter().copied().enumerate().filter(is_told).collect();
        if others.is_empty() || self.is_chosen {
            return None;
        }
        let named = |name: &str, count: usize| {
            let of = if count == 1 { "1 tensor".to_owned() } else { format!("{count} tensors") };
            if name.is_empty() { format!("the file's own {of}") } else { format!("`{name}` ({of})") }
        };
        let mut listed: Vec<String> =
            others.iter().take(LISTED).map(|&(_, (name, count))| named(name, count)).collect();
        if others.len() > LISTED {
            listed.push(format!("{} more", others.len() - LISTED));
        }
        let (name, count) = dicts[chosen];
        Some(format!("{}; left aside: {}", named(name, count), listed.join(", ")))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file tells of itself; `None` for one that another program wrote.
    pub fn card(&self) -> Option<&ModelCard> {
        self.card.as_ref()
    }

    /// The tensors' names, in order, and their shapes.
    pub fn tensors(&self) -> Vec<(&str, &[usize])> {
        let mut tensors = self.all_tensors();
        if !self.prefix.is_empty() {
            tensors.retain(|(name, _)| name.starts_with(&self.prefix));
            tensors.iter_mut().for_each(|(name, _)| *name = &name[self.prefix.len()..]);
        }
        tensors
    }

    fn all_tensors(&self) -> Vec<(&str, &[usize])> {
        match &self.reader {
            Reader::Safetensors(reader) => reader.tensors().collect(),
            Reader::Shards(shards) => shards.tensors().collect(),
            Reader::Pth(reader) => reader.tensors().collect(),
            Reader::Onnx(imported) => imported.tensors().collect(),
        }
    }

    /// All tensors, in memory.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn state_dict(&self) -> Result<StateDict, IoError> {
        let mut state = StateDict::new();
        for (name, shape) in self.tensors() {
            let mut data = vec![0.0; shape.iter().product()];
            self.read(name, 0, &mut data)?;
            state.insert(name.to_owned(), Tensor { shape: shape.to_vec(), data });
        }
        Ok(state)
    }

    /// The name in the file of a tensor that was chosen.
    fn whole<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if self.prefix.is_empty() { name.into() } else { format!("{}{name}", self.prefix).into() }
    }

    fn read_part(&self, name: &str, first: usize, out: &mut [f32]) -> io::Result<()> {
        let name = &*self.whole(name);
        match &self.reader {
            Reader::Safetensors(reader) => reader.read(name, first, out),
            Reader::Shards(shards) => shards.read(name, first, out),
            Reader::Pth(reader) => reader.read(name, first, out),
            Reader::Onnx(imported) => imported.read(name, first, out),
        }
    }
}

/// Whether a file starts as an archive or a pickle, and not as safetensors with a header of 640 bytes or another such
/// length.
fn is_pytorch(start: &[u8; 9]) -> bool {
    let pickle = start[0] == 0x80 && (2..=5).contains(&start[1]);
    (start.starts_with(b"PK") || pickle) && !is_header(start)
}

/// Whether a file starts as safetensors: the length of a header, and its first character.
fn is_header(start: &[u8; 9]) -> bool {
    start[4..] == *b"\0\0\0\0{"
}

/// Whether a file starts as a JSON text, and not as the header of safetensors.
fn is_index(start: &[u8; 9]) -> bool {
    start[0] == b'{' && start[8] != b'{'
}

/// Whether a file is an ONNX model by its ending, or by its start: the first field, its version, and no header of
/// safetensors behind it.
fn is_model(path: &Path, start: &[u8; 9]) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))
        || (start[0] == 8 && start[8] != b'{')
}

impl TensorSource for WeightsFile {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let name = &*self.whole(name);
        let shape = match &self.reader {
            Reader::Safetensors(reader) => reader.shape(name),
            Reader::Shards(shards) => shards.shape(name),
            Reader::Pth(reader) => reader.shape(name),
            Reader::Onnx(imported) => imported.shape(name),
        };
        shape.map(<[usize]>::to_vec)
    }

    fn read(&self, name: &str, first: usize, out: &mut [f32]) -> Result<(), ReadError> {
        self.read_part(name, first, out).map_err(|source| ReadError::File { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_any_length_is_one_of_safetensors() {
        // 0x0280 to 0x0580 begin as pickles do, 0x4b50 as archives, 8 as ONNX models, 0x7b as JSON.
        for length in [0x280_u32, 0x380, 0x480, 0x580, 0x4b50, 8, 0x7b, 0x10_0280] {
            let mut start = *b"\0\0\0\0\0\0\0\0{";
            start[..4].copy_from_slice(&length.to_le_bytes());
            assert!(is_header(&start), "{length}");
            let others = [is_pytorch(&start), is_index(&start), is_model(Path::new("a.safetensors"), &start)];
            assert_eq!(others, [false; 3], "{length}");
        }
        // As torch.save wrote before its archives, and as pickles of protocol 4 begin.
        let torch =
            [b"\x80\x02\x8a\x0al\xfc\x9cF\xf9", b"\x80\x04\x95\x10\0\0\0\0\0", b"PK\x03\x04\0\0\0\0\0"];
        assert!(torch.into_iter().all(is_pytorch));
    }
}
