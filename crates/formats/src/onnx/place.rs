//! Where a constant's elements are: in the model, in a file beside it, or written number by number.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::model::{Elements, Tensor};
use super::wire::{Field, Span, malformed};
use crate::Malformed;
use crate::number::Number;
use crate::source::{FileSource, Source};

/// The most elements of a constant that is written number by number and not as bytes.
pub(super) const LISTED: usize = 1 << 22;

/// A `TensorProto` as it is read.
#[derive(Default)]
pub(super) struct Raw {
    pub(super) name: String,
    pub(super) dims: Vec<i64>,
    pub(super) kind: u64,
    pub(super) bytes: Option<Span>,
    /// Real numbers in a row, and their type.
    pub(super) packed: Option<(Number, Span)>,
    pub(super) listed: Vec<i64>,
    pub(super) external: BTreeMap<String, String>,
    pub(super) outside: bool,
}

impl Raw {
    pub(super) fn put(&mut self, number: Number, span: Span) -> Result<(), Malformed> {
        if self.packed.replace((number, span)).is_some() {
            return Err(malformed(span.start, "the elements of a constant in several parts, expected one"));
        }
        Ok(())
    }

    pub(super) fn list(&mut self, field: Field, values: &[u64]) -> Result<(), Malformed> {
        if self.listed.len() + values.len() > LISTED {
            let problem =
                format!("more than {LISTED} elements written number by number; write them as raw data");
            return Err(malformed(field.place, problem));
        }
        self.listed.extend(values.iter().map(|&bits| bits as i64));
        Ok(())
    }

    /// Finds a constant's elements, and checks that there are as many as its shape tells.
    pub(super) fn placed(self, beside: &mut Beside<'_>) -> Result<Tensor, String> {
        let number = match self.kind {
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
        let shape = self.dims.iter().map(size).collect::<Result<Vec<_>, _>>()?;
        let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        let needed = count.and_then(|count| count.checked_mul(number.width())).map(|bytes| bytes as u64);
        let (Some(count), Some(needed)) = (count, needed) else {
            return Err(format!("its shape {shape:?} has more elements than can be addressed"));
        };
        let holds = |found: u64| match found == needed {
            true => Ok(()),
            false => Err(format!("{found} bytes of elements, its shape {shape:?} needs {needed}")),
        };
        let elements = if self.outside {
            let (file, start, len) = beside.find(&self.external, needed)?;
            holds(len)?;
            Elements::Beside(file, start)
        } else if let Some(span) = self.bytes.filter(|span| span.len() > 0 || needed == 0) {
            holds(span.len())?;
            Elements::Here(span.start)
        } else if let Some((kind, span)) = self.packed {
            if kind != number {
                return Err(format!("elements of type {kind:?} under the heading {number:?}"));
            }
            holds(span.len())?;
            Elements::Here(span.start)
        } else {
            if self.listed.len() != count {
                return Err(format!("{} elements, its shape {shape:?} needs {count}", self.listed.len()));
            }
            Elements::Listed(self.listed)
        };
        Ok(Tensor { name: self.name, shape, number, elements })
    }
}

/// The files beside a model that hold constants.
#[derive(Default)]
pub(super) struct Beside<'a> {
    /// Where they are looked for, if they are allowed.
    pub(super) folder: Option<&'a Path>,
    paths: Vec<PathBuf>,
    pub(super) files: Vec<FileSource>,
}

impl<'a> Beside<'a> {
    pub(super) fn new(folder: Option<&'a Path>) -> Self {
        Self { folder, ..Self::default() }
    }

    /// The file beside the model that holds a constant, where its bytes start, and how many they are.
    fn find(&mut self, told: &BTreeMap<String, String>, needed: u64) -> Result<(usize, u64, u64), String> {
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
        let shown = location.escape_debug();
        let below = Path::new(location)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !below || location.is_empty() {
            return Err(format!(
                "its elements are in `{shown}`, expected a file in the model's folder or below"
            ));
        }
        let file = match self.paths.iter().position(|path| path == Path::new(location)) {
            Some(file) => file,
            None => {
                let path = folder.join(location);
                let path = inside(folder, &path)
                    .map_err(|error| format!("its elements are in `{}`: {error}", path.display()))?;
                self.files.push(FileSource::open(&path).map_err(|error| error.to_string())?);
                self.paths.push(location.into());
                self.files.len() - 1
            }
        };
        if self.files.len() > 256 {
            return Err("its elements are in more than 256 files".into());
        }
        let size = self.files[file].len();
        if start.checked_add(len).is_none_or(|end| end > size) {
            return Err(format!("{len} bytes from byte {start} on of `{shown}`, which has {size}"));
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
