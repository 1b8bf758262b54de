//! NumPy's `.npy`, versions 1 to 3. Source: NumPy Enhancement Proposal 1 and `numpy.lib.format`.

use std::path::Path;

use crate::number::{Number, half};
use crate::safetensors::write_floats;
use crate::source::{FileSource, Source};
use crate::{FormatError, Malformed, atomic, foreign};

const MAGIC: &[u8] = b"\x93NUMPY";
/// Where the header's length starts, after the magic and two bytes of version.
const LENGTH_AT: usize = 8;
/// The longest header that is read: a shape takes far less.
const MAX_HEADER: usize = 1 << 16;
/// The writer pads the header so that the elements start at a multiple of this.
const ALIGNMENT: usize = 64;

/// An array, row-major whatever the file's order was.
#[derive(Clone, Debug, PartialEq)]
pub struct Npy {
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: Values,
}

/// Elements by a type that holds all of the file's, whatever the order of its bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Booleans and unsigned bytes: `b1`, `u1`.
    U8(Vec<u8>),
    /// `i4`, and `i1`, `i2` and `u2`.
    I32(Vec<i32>),
    /// `i8`, NumPy's default of whole numbers, and `u4`.
    I64(Vec<i64>),
    /// `u8`.
    U64(Vec<u64>),
    /// `f4`, and `f2`, whose numbers are all float32's too.
    F32(Vec<f32>),
    /// `f8`, NumPy's default of real numbers.
    F64(Vec<f64>),
}

impl Values {
    /// The elements as float32, rounded where it has fewer digits.
    pub fn into_f32(self) -> Vec<f32> {
        match self {
            Self::U8(values) => values.into_iter().map(f32::from).collect(),
            Self::I32(values) => values.into_iter().map(|x| x as f32).collect(),
            Self::I64(values) => values.into_iter().map(|x| x as f32).collect(),
            Self::U64(values) => values.into_iter().map(|x| x as f32).collect(),
            Self::F32(values) => values,
            Self::F64(values) => values.into_iter().map(|x| x as f32).collect(),
        }
    }

    /// The elements as class indices; `None` if one is negative, above 32 bits, or no whole number.
    pub fn to_indices(&self) -> Option<Vec<u32>> {
        let real =
            |x: f64| (x.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&x)).then_some(x as u32);
        match self {
            Self::U8(values) => Some(values.iter().map(|&x| u32::from(x)).collect()),
            Self::I32(values) => values.iter().map(|&x| x.try_into().ok()).collect(),
            Self::I64(values) => values.iter().map(|&x| x.try_into().ok()).collect(),
            Self::U64(values) => values.iter().map(|&x| x.try_into().ok()).collect(),
            Self::F32(values) => values.iter().map(|&x| real(x.into())).collect(),
            Self::F64(values) => values.iter().map(|&x| real(x)).collect(),
        }
    }
}

/// Reads a file of booleans, integers, or floats of 16, 32 or 64 bits, little- or big-endian, in C or Fortran order.
///
/// # Errors
/// If it cannot be read, is no such file, or does not have the length that its header tells.
pub fn read(path: &Path) -> Result<Npy, FormatError> {
    let source = FileSource::open(path)?;
    parse_source(&source).map_err(FormatError::malformed(path, ".npy"))
}

/// Writes float32 values in C order, version 1, atomically (see [`atomic`]).
///
/// # Panics
///
/// If `shape` does not have as many elements as `data`.
pub fn write(path: &Path, shape: &[usize], data: &[f32]) -> Result<(), FormatError> {
    assert_eq!(shape.iter().product::<usize>(), data.len(), "shape {shape:?}");
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let sizes = if shape.len() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}");
    let start = LENGTH_AT + 2;
    let padded = (start + header.len() + 1).next_multiple_of(ALIGNMENT) - start;
    header.extend(std::iter::repeat_n(' ', padded - 1 - header.len()));
    header.push('\n');
    atomic::write_with(path, |out| {
        out.write_all(MAGIC)?;
        out.write_all(&[1, 0])?;
        out.write_all(&(header.len() as u16).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        write_floats(out, data)
    })
}

/// As [`read`], from bytes.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8]) -> Result<Npy, Malformed> {
    parse_source(&bytes.to_vec())
}

fn parse_source(source: &dyn Source) -> Result<Npy, Malformed> {
    let mut bytes = vec![0; source.len().min((LENGTH_AT + 4 + MAX_HEADER) as u64) as usize];
    source.read_at(0, &mut bytes).map_err(|error| Malformed::new(0, error.to_string()))?;
    if !bytes.starts_with(MAGIC) {
        let found = foreign::array(source).unwrap_or_else(|| {
            "not an array: the first bytes are not `\\x93NUMPY`; save it with numpy.save".to_owned()
        });
        return Err(Malformed::new(0, format!("it is {found}")));
    }
    let cut = || Malformed::new(bytes.len(), "the file ends in its header");
    let version = *bytes.get(MAGIC.len()).ok_or_else(cut)?;
    let (start, length) = match version {
        1 => (LENGTH_AT + 2, little(bytes.get(LENGTH_AT..LENGTH_AT + 2).ok_or_else(cut)?)),
        2 | 3 => (LENGTH_AT + 4, little(bytes.get(LENGTH_AT..LENGTH_AT + 4).ok_or_else(cut)?)),
        _ => return Err(Malformed::new(MAGIC.len(), format!("version is {version}, expected 1, 2 or 3"))),
    };
    if length > MAX_HEADER {
        let problem = format!("the header has {length} bytes, expected at most {MAX_HEADER}");
        return Err(Malformed::new(LENGTH_AT, problem));
    }
    let header = bytes.get(start..start + length).ok_or_else(cut)?;
    let header = Header::parse(header, start)?;
    header
        .values(source, (start + length) as u64)
        .map(|values| Npy { shape: header.shape, values })
        .map_err(|problem| Malformed::new(start + length, problem))
}

fn little(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte))
}

/// The Python dictionary before the elements.
struct Header {
    descr: String,
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    fn parse(bytes: &[u8], start: usize) -> Result<Self, Malformed> {
        let text = str::from_utf8(bytes)
            .map_err(|error| Malformed::new(start + error.valid_up_to(), "the header is not UTF-8"))?;
        let mut cursor = Cursor { text, at: 0 };
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        let parsed = cursor.dictionary(|cursor, key| match key {
            "descr" => cursor.string().map(|value| descr = Some(value.to_string())),
            "fortran_order" => cursor.boolean().map(|value| fortran = Some(value)),
            "shape" => cursor.tuple().map(|value| shape = Some(value)),
            _ => None,
        });
        match (parsed, descr, fortran, shape) {
            (Some(()), Some(descr), Some(fortran), Some(shape)) => Ok(Self { descr, fortran, shape }),
            _ => Err(Malformed::new(
                start + cursor.at,
                "the header is not `{'descr': …, 'fortran_order': …, 'shape': (…)}` of a plain array; \
                 save float32 values with numpy.save",
            )),
        }
    }

    fn values(&self, source: &dyn Source, start: u64) -> Result<Values, String> {
        let (big, name) = match self.descr.split_at_checked(1) {
            Some((">", name)) => (true, name),
            Some(("<" | "|" | "=", name)) => (false, name),
            _ => (false, ""),
        };
        let elements = Elements { source, start, big, count: self.count(name, source.len() - start)? };
        macro_rules! read {
            ($kind:ident, $convert:expr) => {
                Values::$kind(self.in_order(elements.read($convert)?))
            };
        }
        Ok(match name {
            "b1" | "u1" => read!(U8, u8::from_le_bytes),
            "i1" => read!(I32, |bytes| i8::from_le_bytes(bytes).into()),
            "i2" => read!(I32, |bytes| i16::from_le_bytes(bytes).into()),
            "u2" => read!(I32, |bytes| u16::from_le_bytes(bytes).into()),
            "i4" => read!(I32, i32::from_le_bytes),
            "u4" => read!(I64, |bytes| u32::from_le_bytes(bytes).into()),
            "i8" => read!(I64, i64::from_le_bytes),
            "u8" => read!(U64, u64::from_le_bytes),
            "f2" => read!(F32, |bytes| half(u16::from_le_bytes(bytes))),
            "f4" => read!(F32, f32::from_le_bytes),
            _ => read!(F64, f64::from_le_bytes),
        })
    }

    /// The number of elements, if the file has as many bytes as they need.
    fn count(&self, name: &str, found: u64) -> Result<usize, String> {
        let Some(number) = Number::of_numpy(name) else {
            return Err(format!(
                "elements are of type `{}`, expected float16, float32, float64, a boolean or an integer; convert with \
                 .astype('float32')",
                self.descr
            ));
        };
        let count = self.shape.iter().try_fold(1, |count: usize, &size| count.checked_mul(size));
        let expected = count.and_then(|count| count.checked_mul(number.width()));
        match count {
            Some(count) if expected.is_some_and(|bytes| bytes as u64 == found) => Ok(count),
            _ => {
                let expected = expected.map_or("more than can be addressed".to_owned(), |n| n.to_string());
                Err(format!(
                    "{found} bytes of elements, the header promises {expected} (shape {:?} of `{}`)",
                    self.shape, self.descr
                ))
            }
        }
    }

    /// The elements in row-major order.
    fn in_order<T: Copy>(&self, elements: Vec<T>) -> Vec<T> {
        if !self.fortran || self.shape.len() < 2 {
            return elements;
        }
        let mut index = vec![0; self.shape.len()];
        let mut out = Vec::with_capacity(elements.len());
        while out.len() < elements.len() {
            let place = index.iter().zip(&self.shape).rev().fold(0, |place, (&i, &size)| place * size + i);
            out.push(elements[place]);
            for (i, &size) in index.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < size {
                    break;
                }
                *i = 0;
            }
        }
        out
    }
}

/// The elements of a file.
struct Elements<'a> {
    source: &'a dyn Source,
    start: u64,
    /// Whether their bytes are big-endian.
    big: bool,
    count: usize,
}

impl Elements<'_> {
    /// Reads all, through a small buffer.
    fn read<const WIDTH: usize, T>(&self, number: impl Fn([u8; WIDTH]) -> T) -> Result<Vec<T>, String> {
        /// Bytes that are read at a time.
        const BUFFER: usize = 64 << 10;
        let mut out = Vec::with_capacity(self.count);
        let mut buffer = vec![0; BUFFER.min(self.count * WIDTH)];
        let mut at = self.start;
        while out.len() < self.count {
            let length = buffer.len().min((self.count - out.len()) * WIDTH);
            let part = &mut buffer[..length];
            self.source.read_at(at, part).map_err(|error| error.to_string())?;
            at += length as u64;
            let elements = part.as_chunks().0;
            match self.big {
                true => out.extend(elements.iter().map(|&(mut bytes): &[u8; WIDTH]| {
                    bytes.reverse();
                    number(bytes)
                })),
                false => out.extend(elements.iter().map(|&bytes| number(bytes))),
            }
        }
        Ok(out)
    }
}

/// A reader of the few Python literals that a header has; `None` at what is none of them.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Calls `entry` after each `'key':`, until the closing brace and the end.
    fn dictionary(&mut self, mut entry: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.take("{").then_some(())?;
        while !self.take("}") {
            let key = self.string()?;
            self.take(":").then_some(())?;
            entry(self, key)?;
            if !self.take(",") {
                self.take("}").then_some(())?;
                break;
            }
        }
        self.rest().is_empty().then_some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        let quote = self.rest().chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let inner = &self.text[self.at + 1..];
        let end = inner.find(quote)?;
        self.at += end + 2;
        Some(&inner[..end])
    }

    fn boolean(&mut self) -> Option<bool> {
        if self.take("True") { Some(true) } else { self.take("False").then_some(false) }
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        self.take("(").then_some(())?;
        let mut sizes = Vec::new();
        while !self.take(")") {
            let rest = self.rest();
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            sizes.push(rest[..digits].parse().ok()?);
            self.at += digits;
            // Python 2 wrote long integers as `3L`.
            self.take("L");
            if !self.take(",") {
                self.take(")").then_some(())?;
                break;
            }
        }
        Some(sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
        let length = header.len() as u32;
        let length = &length.to_le_bytes()[..if version == 1 { 2 } else { 4 }];
        [MAGIC, &[version, 0], length, header.as_bytes(), data].concat()
    }

    fn problem(bytes: &[u8]) -> String {
        parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn every_version_and_type_is_read() {
        for version in 1..=3 {
            let bytes =
                file(version, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }  \n", &[1, 2, 3]);
            assert_eq!(parse(&bytes).unwrap(), Npy { shape: vec![3], values: Values::U8(vec![1, 2, 3]) });
        }
        let one = |descr: &str, data: &[u8]| {
            let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ()}}\n");
            parse(&file(1, &header, data)).unwrap().values
        };
        assert_eq!(one("<f8", &(-0.5f64).to_le_bytes()), Values::F64(vec![-0.5]));
        assert_eq!(one("<f4", &2.5f32.to_le_bytes()), Values::F32(vec![2.5]));
        assert_eq!(one("<f2", &0xc100u16.to_le_bytes()), Values::F32(vec![-2.5]));
        assert_eq!(one("<i8", &(-7i64).to_le_bytes()), Values::I64(vec![-7]));
        assert_eq!(one("<i4", &9i32.to_le_bytes()), Values::I32(vec![9]));
        assert_eq!(one("|b1", &[1]), Values::U8(vec![1]));
        // numpy.array(-300, dtype).tobytes() and the like.
        assert_eq!(one("|i1", &[0xd6]), Values::I32(vec![-42]));
        assert_eq!(one("<i2", &[0xd4, 0xfe]), Values::I32(vec![-300]));
        assert_eq!(one(">i2", &[0xfe, 0xd4]), Values::I32(vec![-300]));
        assert_eq!(one("<u2", &[0xff, 0xff]), Values::I32(vec![65535]));
        assert_eq!(one(">u4", &[0xff, 0xff, 0xff, 0xfe]), Values::I64(vec![4_294_967_294]));
        assert_eq!(one("<u8", &[0xff; 8]), Values::U64(vec![u64::MAX]));
        assert_eq!(one(">i8", &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf9]), Values::I64(vec![-7]));
        assert_eq!(one(">f4", &[0x40, 0x20, 0, 0]), Values::F32(vec![2.5]));
        assert_eq!(one(">f2", &[0xc1, 0]), Values::F32(vec![-2.5]));
        assert_eq!(one(">f8", &[0xbf, 0xe0, 0, 0, 0, 0, 0, 0]), Values::F64(vec![-0.5]));
        assert_eq!(one("=i4", &9i32.to_le_bytes()), Values::I32(vec![9]));
    }

    #[test]
    fn fortran_order_becomes_row_major() {
        // numpy.save of numpy.asfortranarray([[0, 1, 2], [3, 4, 5]], dtype=uint8).
        let bytes =
            file(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", &[0, 3, 1, 4, 2, 5]);
        assert_eq!(parse(&bytes).unwrap().values, Values::U8(vec![0, 1, 2, 3, 4, 5]));
        let bytes = file(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 0), }\n", &[]);
        assert_eq!(parse(&bytes).unwrap().values, Values::U8(vec![]));
    }

    #[test]
    fn labels_are_whole_numbers_from_zero() {
        assert_eq!(Values::I64(vec![0, 9]).to_indices(), Some(vec![0, 9]));
        assert_eq!(Values::F32(vec![0.0, 3.0]).to_indices(), Some(vec![0, 3]));
        assert_eq!(Values::I64(vec![-1]).to_indices(), None);
        assert_eq!(Values::F64(vec![0.5]).to_indices(), None);
        assert_eq!(Values::F64(vec![f64::NAN]).to_indices(), None);
        assert_eq!(Values::U8(vec![3]).into_f32(), [3.0]);
    }

    #[test]
    fn errors_tell_place_found_and_expected() {
        assert!(problem(b"\x01\x02").contains("numpy.save"));
        assert!(problem(b"PK\x03\x04 and so on").contains("an .npz"));
        assert!(problem(b"\x89PNG\r\n\x1a\n").contains("it is a PNG picture"));
        assert!(problem(&file(9, "", &[])).contains("version is 9, expected 1, 2 or 3"));
        let promised = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
        assert!(
            problem(&file(1, promised, &[0; 20])).contains("20 bytes of elements, the header promises 24")
        );
        let objects = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n";
        assert!(problem(&file(1, objects, &[0; 20])).contains("type `|O`, expected float16"));
        let records = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n";
        assert!(problem(&file(1, records, &[0; 4])).contains("of a plain array"));
        let endless = [MAGIC, &[2, 0], &[0xff; 4]].concat();
        assert!(problem(&endless).contains("expected at most"));
        let huge = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({0}, {0}), }}", usize::MAX);
        assert!(problem(&file(1, &huge, &[])).contains("more than can be addressed"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(shape in proptest::collection::vec(0usize..5, 0..5), seed: f32) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.npy");
            let data: Vec<f32> = (0..shape.iter().product()).map(|i: usize| seed + i as f32).collect();
            write(&path, &shape, &data).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            prop_assert_eq!((bytes.len() - 4 * data.len()) % ALIGNMENT, 0);
            let array = read(&path).unwrap();
            prop_assert_eq!(array.shape, shape);
            let same = |a: &[f32], b: &[f32]| a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits()));
            prop_assert!(same(&array.values.into_f32(), &data));
        }

        #[test]
        fn damage_never_panics(at in 0usize..90, value: u8, cut in 0usize..90) {
            let mut bytes = file(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 1), }\n", &[7; 8]);
            let at = at % bytes.len();
            bytes[at] = value;
            bytes.truncate(cut.max(1));
            if let Ok(array) = parse(&bytes) {
                prop_assert_eq!(array.shape.iter().product::<usize>(), array.values.into_f32().len());
            }
        }
    }
}
