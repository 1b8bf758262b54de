//! Elements that lie in the pickle itself: NumPy's arrays, and storages that were pickled without torch.save.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;

use super::legacy;
use super::pickle::{Id, Pickle, Value};
use super::place::{Storage, Typed, persistent};
use crate::number::Number;
use crate::source::Source;

/// The bytes of a pickle, as part of a file and decoded where they are written as text.
pub(super) struct Inner<'p, 'a> {
    pickle: &'p Pickle<'a>,
    /// Where the pickle starts in the file.
    base: u64,
    /// Where the file ends, and the decoded bytes start.
    end: u64,
    /// The most bytes that are decoded.
    most: usize,
    decoded: RefCell<Vec<u8>>,
    known: RefCell<HashMap<Id, Part>>,
    storages: RefCell<HashMap<u64, Typed>>,
}

/// Bytes: where they start, behind the file's end if they were decoded, and how many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) start: u64,
    pub(super) length: u64,
}

/// An array of NumPy's.
pub(super) struct Array<'p> {
    pub(super) number: Number,
    pub(super) shape: &'p [Id],
    pub(super) is_fortran: bool,
    pub(super) data: Id,
}

/// A value as an array of numbers; `None` if it is none, or of a type that is not read.
pub(super) fn array<'p>(pickle: &'p Pickle<'_>, id: Id) -> Option<Array<'p>> {
    let Value::Object(object) = pickle.value(id) else { return None };
    let function = pickle.foreign(object.class)?;
    let (module, name) = function.rsplit_once('.')?;
    match (module, name) {
        ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => {
            let &[_, shape, dtype, fortran, data] = pickle.list(object.state?)? else { return None };
            let is_fortran = *pickle.value(fortran) == Value::Bool(true);
            Some(Array { number: dtype_of(pickle, dtype)?, shape: pickle.list(shape)?, is_fortran, data })
        }
        ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => {
            let &[data, dtype, shape, order] = &object.arguments[..] else { return None };
            let is_fortran = pickle.text(order) == Some("F");
            Some(Array { number: dtype_of(pickle, dtype)?, shape: pickle.list(shape)?, is_fortran, data })
        }
        _ => None,
    }
}

/// The type of `numpy.dtype('f4', …)` whose state tells its order of bytes.
pub(super) fn dtype_of(pickle: &Pickle<'_>, id: Id) -> Option<Number> {
    let Value::Object(object) = pickle.value(id) else { return None };
    let name = pickle.text(*object.arguments.first()?)?;
    let order = object.state.and_then(|state| pickle.text(*pickle.list(state)?.get(1)?));
    if pickle.foreign(object.class)? != "numpy.dtype" || order == Some(">") {
        return None;
    }
    Number::of_numpy(name)
}

impl<'p, 'a> Inner<'p, 'a> {
    /// The bytes of a pickle of `most` bytes that starts at `base` of a file of `end` bytes.
    pub(super) fn new(pickle: &'p Pickle<'a>, base: u64, end: u64, most: usize) -> Self {
        let (decoded, known, storages) = Default::default();
        Self { pickle, base, end, most, decoded, known, storages }
    }

    /// What was decoded: it belongs behind the file.
    pub(super) fn into_decoded(self) -> Vec<u8> {
        self.decoded.into_inner()
    }

    /// The bytes of a value: as they are, or as the text that older pickles write for them.
    pub(super) fn part(&self, id: Id) -> Option<Part> {
        match self.pickle.value(id) {
            &Value::Text((start, end)) => {
                Some(Part { start: self.base + u64::from(start), length: u64::from(end - start) })
            }
            Value::Object(object) => {
                if let Some(part) = self.known.borrow().get(&id) {
                    return Some(*part);
                }
                let (&text, _) = object.arguments.split_first()?;
                if self.pickle.foreign(object.class)? != "_codecs.encode" {
                    return None;
                }
                let mut decoded = self.decoded.borrow_mut();
                let (start, text) = (decoded.len(), self.pickle.text(text)?);
                // More than there is: the same text was encoded over and over.
                if start + text.len() > self.most {
                    return None;
                }
                for character in text.chars() {
                    decoded.push(u8::try_from(character).ok()?);
                }
                let length = (decoded.len() - start) as u64;
                let part = Part { start: self.end + start as u64, length };
                self.known.borrow_mut().insert(id, part);
                Some(part)
            }
            _ => None,
        }
    }

    /// A storage that is a file of PyTorch's inside of the pickle.
    pub(super) fn storage(&self, id: Id) -> Option<Typed> {
        let Value::Object(object) = self.pickle.value(id) else { return None };
        if self.pickle.foreign(object.class)? != "torch.storage._load_from_bytes" {
            return None;
        }
        let part = self.part(*object.arguments.first()?)?;
        if let Some(known) = self.storages.borrow().get(&part.start) {
            return Some(*known);
        }
        let decoded = self.decoded.borrow();
        let bytes = match part.start.checked_sub(self.end) {
            Some(start) => &decoded[start as usize..][..part.length as usize],
            None => {
                let start = (part.start - self.base) as u32;
                self.pickle.bytes((start, start + part.length as u32))
            }
        };
        let mut pickle = Pickle::new(bytes);
        let (top, storages) = legacy::parse(&Slice(bytes), &mut pickle).ok()?;
        let &Value::Persistent(name) = pickle.value(top) else { return None };
        let described = persistent(&pickle, name)?;
        let storage = storages.get(described.key)?;
        let storage = Storage { start: part.start + storage.start, ..*storage };
        let typed = Typed { number: described.number?, storage };
        self.storages.borrow_mut().insert(part.start, typed);
        Some(typed)
    }
}

/// Bytes in memory.
struct Slice<'a>(&'a [u8]);

impl Source for Slice<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, position: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(position).unwrap_or(usize::MAX);
        let part = self.0.get(start..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A file, and bytes behind it.
pub(super) struct Extended {
    pub(super) file: Box<dyn Source>,
    pub(super) more: Vec<u8>,
}

impl Source for Extended {
    fn len(&self) -> u64 {
        self.file.len() + self.more.len() as u64
    }

    fn read_at(&self, position: u64, out: &mut [u8]) -> io::Result<()> {
        match position.checked_sub(self.file.len()) {
            Some(start) => self.more.read_at(start, out),
            None => self.file.read_at(position, out),
        }
    }
}
