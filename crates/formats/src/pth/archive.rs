//! The zip archives that PyTorch writes since 1.6.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom};

use zip::{CompressionMethod, ZipArchive};

use super::inner::Inner;
use super::pickle::Pickle;
use super::place::{Storage, Storages};
use super::{Dict, read_pickle, state_dicts};
use crate::Malformed;
use crate::foreign::contents;
use crate::source::Source;

/// The most entries of an archive.
const MOST_ENTRIES: usize = 1 << 16;

/// A source as the zip crate wants it.
struct Cursor<'a> {
    source: &'a dyn Source,
    position: u64,
}

impl Read for Cursor<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.source.len().saturating_sub(self.position);
        let count = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.source.read_at(self.position, &mut out[..count])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Cursor<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.source.len().checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// The files in an archive: where each lies, and its bytes.
struct Parts {
    root: String,
    parts: HashMap<String, (u64, u64)>,
}

impl Storages for Parts {
    fn find(&self, key: &str, width: usize) -> Option<Storage> {
        let &(start, size) = self.parts.get(&format!("{}data/{key}", self.root))?;
        Some(Storage { start, elements: size / width as u64 })
    }
}

/// The state dicts of a zip archive, and the bytes that were decoded.
pub(super) fn read(source: &dyn Source) -> Result<(Vec<Dict>, Vec<u8>), Malformed> {
    let parts = parts(source)?;
    let root = &parts.root;
    if let Some(&(at, length)) = parts.parts.get(&format!("{root}byteorder")) {
        let mut order = vec![0; length.min(16) as usize];
        source.read_at(at, &mut order).map_err(|error| Malformed::new(at as usize, error.to_string()))?;
        if order != b"little" {
            return Err(Malformed::new(at as usize, "the numbers are big-endian, expected little-endian"));
        }
    }
    let (start, size) = parts.parts[&format!("{root}data.pkl")];
    let bytes = read_pickle(source, start, size)?;
    let mut pickle = Pickle::new(&bytes);
    let top = pickle.run()?;
    let inner = Inner::new(&pickle, start, source.len(), bytes.len());
    let dicts = state_dicts(&pickle, top, &parts, &inner)?;
    Ok((dicts, inner.into_decoded()))
}

fn parts(source: &dyn Source) -> Result<Parts, Malformed> {
    let broken = |error: zip::result::ZipError| {
        Malformed::new(0, format!("the archive is damaged: {error}; the file was cut short or changed"))
    };
    let mut zip = ZipArchive::new(Cursor { source, position: 0 }).map_err(broken)?;
    if zip.len() > MOST_ENTRIES {
        let problem = format!("the archive has {} entries, expected at most {MOST_ENTRIES}", zip.len());
        return Err(Malformed::new(0, problem));
    }
    let names: Vec<_> = zip.file_names().filter_map(Result::ok).collect();
    if let Some(found) = contents(&names) {
        return Err(Malformed::new(0, format!("it is {found}")));
    }
    let mut parts: HashMap<String, (u64, u64)> = HashMap::new();
    let mut root = None;
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(broken)?;
        let (name, size) = (entry.name().map_err(broken)?.into_owned(), entry.size());
        let start = entry.data_start().unwrap_or(u64::MAX);
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            let problem = format!(
                "`{name}` in the archive is compressed or encrypted, PyTorch's never are; if someone packed files in it, \
                 unpack them"
            );
            return Err(Malformed::new(0, problem));
        }
        if start.checked_add(size).is_none_or(|end| end > source.len()) {
            return Err(Malformed::new(0, format!("`{name}` in the archive reaches beyond the file")));
        }
        if let Some(folder) = name.strip_suffix("data.pkl") {
            root = Some(folder.to_owned());
        }
        parts.insert(name, (start, size));
    }
    match root {
        Some(root) => Ok(Parts { root, parts }),
        None => Err(Malformed::new(0, "the archive has no `data.pkl`; save the state dict with torch.save")),
    }
}
