//! A pickled dictionary of plain things: texts, numbers, lists of them, and NumPy's arrays of small numbers.

use std::borrow::Cow;

use super::inner::array;
use super::pickle::{Escapes, Id, Pickle, Value};
use crate::Malformed;
use crate::number::Number;

/// A dictionary as `pickle.dump` writes it, in any protocol, from Python 2 or 3. Nothing in it is called.
#[derive(Debug)]
pub struct Plain<'a> {
    pickle: Pickle<'a>,
    top: Id,
}

/// An array of bytes: its sizes, and its elements in row-major order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes<'a> {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Elements.
    pub data: Cow<'a, [u8]>,
}

impl<'a> Plain<'a> {
    /// Runs the pickle.
    ///
    /// # Errors
    /// If it is none, builds far more than a data set does, or refers to what is there to run code.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(Malformed::new(0, format!("it has {} bytes, expected fewer than 2³²", bytes.len())));
        }
        let mut pickle = Pickle::new(bytes);
        let top = pickle.run()?;
        match pickle.value(top) {
            Value::Dict(_) => Ok(Self { pickle, top }),
            _ => Err(Malformed::new(0, "the pickle holds no dictionary")),
        }
    }

    /// The keys that are texts, in the order of the file.
    pub fn keys(&self) -> Vec<&str> {
        self.pickle.pairs(self.top).iter().filter_map(|&(key, _)| self.pickle.name_of(key)).collect()
    }

    /// A list of texts. What is not UTF-8 is read as Latin-1, as programs of Python 2 wrote it.
    ///
    /// # Errors
    /// If there is no such key, or something else under it.
    pub fn texts(&self, key: &str) -> Result<Vec<String>, Malformed> {
        let (pickle, id) = (&self.pickle, self.entry(key)?);
        let text = |&id: &Id| {
            let bytes = self.content(id)?;
            let latin = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect();
            Some(String::from_utf8(bytes.into_owned()).unwrap_or_else(|error| latin(error.as_bytes())))
        };
        let texts = pickle.list(id).and_then(|list| list.iter().map(text).collect::<Option<Vec<_>>>());
        texts.ok_or_else(|| wrong(key, "no list of texts"))
    }

    /// A list, or an array of one dimension, of whole numbers.
    ///
    /// # Errors
    /// If there is no such key, or something else under it.
    pub fn numbers(&self, key: &str) -> Result<Vec<i64>, Malformed> {
        let id = self.entry(key)?;
        let found = match self.pickle.list(id) {
            Some(list) => list.iter().map(|&id| self.number(id)).collect(),
            None => self.array(id).and_then(|(number, shape, data)| match shape[..] {
                [_] => integers(number, &data),
                _ => None,
            }),
        };
        found.ok_or_else(|| wrong(key, "no list of whole numbers"))
    }

    /// An array of unsigned bytes.
    ///
    /// # Errors
    /// If there is no such key, or something else under it.
    pub fn bytes(&self, key: &str) -> Result<Bytes<'a>, Malformed> {
        match self.array(self.entry(key)?) {
            Some((Number::U8, shape, data)) => Ok(Bytes { shape, data }),
            _ => Err(wrong(key, "no array of unsigned bytes in row-major order")),
        }
    }

    fn entry(&self, key: &str) -> Result<Id, Malformed> {
        self.pickle.entry(self.top, key).ok_or_else(|| {
            let keys: Vec<&str> = self.keys().into_iter().take(KEYS).collect();
            Malformed::new(0, format!("there is no `{key}` in it (found the keys {keys:?})"))
        })
    }

    /// A number, as an integer or as a scalar of NumPy's.
    fn number(&self, id: Id) -> Option<i64> {
        match self.pickle.value(id) {
            Value::Object(object) => {
                let function = self.pickle.foreign(object.class)?;
                if !matches!(
                    function.as_str(),
                    "numpy.core.multiarray.scalar" | "numpy._core.multiarray.scalar"
                ) {
                    return None;
                }
                let &[dtype, data] = &object.arguments[..] else { return None };
                let numbers = integers(super::inner::dtype_of(&self.pickle, dtype)?, &self.content(data)?)?;
                numbers.first().copied()
            }
            _ => self.pickle.int(id),
        }
    }

    /// An array whose elements are there as one text.
    fn array(&self, id: Id) -> Option<(Number, Vec<usize>, Cow<'a, [u8]>)> {
        let array = array(&self.pickle, id)?;
        let size = |&id: &Id| self.pickle.int(id).and_then(|size| usize::try_from(size).ok());
        let shape: Vec<usize> = array.shape.iter().map(size).collect::<Option<_>>()?;
        let data = self.content(array.data)?;
        let count = shape.iter().try_fold(array.number.width(), |count, &size| count.checked_mul(size))?;
        let in_rows = !array.is_fortran || shape.len() < 2;
        (in_rows && count == data.len()).then_some((array.number, shape, data))
    }

    /// The bytes of a text, also of one that an older protocol writes in characters.
    fn content(&self, id: Id) -> Option<Cow<'a, [u8]>> {
        match self.pickle.value(id) {
            &Value::Text(span) => Some(Cow::Borrowed(self.pickle.bytes(span))),
            &Value::Escaped(span, Escapes::Bytes) => unescaped(self.pickle.bytes(span)).map(Cow::Owned),
            &Value::Escaped(span, Escapes::Unicode) => {
                raw_unicode(self.pickle.bytes(span)).map(|text| Cow::Owned(text.into_bytes()))
            }
            // `_codecs.encode(TEXT, "latin1")`.
            Value::Object(object) => {
                let (&text, _) = object.arguments.split_first()?;
                let function = self.pickle.foreign(object.class)?;
                // What Python 2 wrote as an empty `bytes`, and a `bytearray` of a text.
                if function != "_codecs.encode" || matches!(self.pickle.value(text), Value::Object(_)) {
                    return None;
                }
                let text = self.content(text)?;
                let text = str::from_utf8(&text).ok()?;
                text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<u8>>>().map(Cow::Owned)
            }
            _ => None,
        }
    }
}

/// So many keys are told.
const KEYS: usize = 8;

fn wrong(key: &str, found: &str) -> Malformed {
    Malformed::new(0, format!("under `{key}` there is {found}"))
}

/// Whole numbers from their bytes in little-endian order.
fn integers(number: Number, bytes: &[u8]) -> Option<Vec<i64>> {
    let signed = match number {
        Number::I8 | Number::I16 | Number::I32 | Number::I64 => true,
        Number::U8 | Number::U16 | Number::U32 | Number::U64 => false,
        Number::F32 | Number::F64 | Number::F16 | Number::Bf16 => return None,
    };
    let one = |bytes: &[u8]| {
        let negative = signed && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut whole = [if negative { 0xff } else { 0 }; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        i64::from_le_bytes(whole)
    };
    Some(bytes.chunks_exact(number.width()).map(one).collect())
}

/// The bytes of what Python writes between quotes.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = text.get(at) {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let escape = *text.get(at)?;
        at += 1;
        out.push(match escape {
            b'\\' | b'\'' | b'"' => escape,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'a' => 7,
            b'b' => 8,
            b'v' => 11,
            b'f' => 12,
            b'x' => {
                let digits = str::from_utf8(text.get(at..at + 2)?).ok()?;
                at += 2;
                u8::from_str_radix(digits, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(out)
}

/// The text of Python's codec `raw-unicode-escape`.
fn raw_unicode(text: &[u8]) -> Option<String> {
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    while let Some(&byte) = text.get(at) {
        let digits = match (byte, text.get(at + 1)) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                out.push(char::from(byte));
                at += 1;
                continue;
            }
        };
        let code = str::from_utf8(text.get(at + 2..at + 2 + digits)?).ok()?;
        out.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
        at += 2 + digits;
    }
    Some(out)
}
