//! Protocol buffers' wire format, read where its parts lie.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>. A decoder of whole messages would hold every weight in
//! memory; here a part is a range of the file until somebody asks for it.

use std::cell::RefCell;

use crate::Malformed;
use crate::source::Source;

/// A range of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Span {
    pub(super) fn len(self) -> u64 {
        self.end - self.start
    }
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wire {
    Varint(u64),
    Fixed64(u64),
    Bytes(Span),
    Fixed32(u32),
}

/// A field of a message: its number in the schema, its value, and where it starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) number: u64,
    pub(super) wire: Wire,
    pub(super) place: u64,
}

/// The bytes that are kept around the place that was read last.
const BLOCK: u64 = 64 << 10;

/// A source, of which the block read last is kept.
pub(super) struct Window<'a> {
    source: &'a dyn Source,
    block: RefCell<Block>,
}

#[derive(Default)]
struct Block {
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(super) fn new(source: &'a dyn Source) -> Self {
        Self { source, block: RefCell::default() }
    }

    /// All of the source.
    pub(super) fn whole(&self) -> Span {
        Span { start: 0, end: self.source.len() }
    }

    fn byte(&self, at: u64) -> Result<u8, Malformed> {
        let mut block = self.block.borrow_mut();
        let inside = at.checked_sub(block.start).and_then(|i| block.bytes.get(usize::try_from(i).ok()?));
        if let Some(byte) = inside {
            return Ok(*byte);
        }
        let len = self.source.len().saturating_sub(at).min(BLOCK);
        let mut bytes = std::mem::take(&mut block.bytes);
        bytes.resize(len as usize, 0);
        self.source.read_at(at, &mut bytes).map_err(|error| malformed(at, error.to_string()))?;
        let first = bytes.first().copied();
        *block = Block { start: at, bytes };
        first.ok_or_else(|| malformed(at, "the file ends here"))
    }

    /// The bytes of a range of at most `most` bytes.
    pub(super) fn bytes(&self, span: Span, most: u64) -> Result<Vec<u8>, Malformed> {
        if span.len() > most {
            let problem = format!("a part of {} bytes, expected at most {most}", span.len());
            return Err(malformed(span.start, problem));
        }
        let mut bytes = vec![0; span.len() as usize];
        self.source.read_at(span.start, &mut bytes).map_err(|e| malformed(span.start, e.to_string()))?;
        Ok(bytes)
    }

    /// The next field of the message in a range, which then starts behind it; `None` at the end.
    pub(super) fn next(&self, rest: &mut Span) -> Result<Option<Field>, Malformed> {
        let place = rest.start;
        if place >= rest.end {
            return Ok(None);
        }
        let key = self.varint(rest)?;
        let wire = match key & 7 {
            0 => Wire::Varint(self.varint(rest)?),
            1 => Wire::Fixed64(self.fixed(rest, 8)?),
            2 => {
                let len = self.varint(rest)?;
                Wire::Bytes(skip(rest, len)?)
            }
            5 => Wire::Fixed32(self.fixed(rest, 4)? as u32),
            other => {
                let problem = format!("a field of wire type {other}, expected 0, 1, 2 or 5");
                return Err(malformed(place, problem));
            }
        };
        Ok(Some(Field { number: key >> 3, wire, place }))
    }

    /// The packed varints in a range, at most `most`.
    pub(super) fn varints(&self, span: Span, most: usize) -> Result<Vec<u64>, Malformed> {
        let mut rest = span;
        let mut values = Vec::new();
        while rest.len() > 0 {
            if values.len() == most {
                return Err(malformed(span.start, format!("a list of more than {most} numbers")));
            }
            values.push(self.varint(&mut rest)?);
        }
        Ok(values)
    }

    fn fixed(&self, rest: &mut Span, width: u64) -> Result<u64, Malformed> {
        let span = skip(rest, width)?;
        (span.start..span.end).rev().try_fold(0, |value, at| Ok(value << 8 | u64::from(self.byte(at)?)))
    }

    /// Seven bits a byte, the lowest first; the eighth tells that more follow.
    fn varint(&self, rest: &mut Span) -> Result<u64, Malformed> {
        let place = rest.start;
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(skip(rest, 1)?.start)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(malformed(place, "a number of more than 10 bytes"))
    }
}

/// Cuts the first bytes off a range.
fn skip(rest: &mut Span, len: u64) -> Result<Span, Malformed> {
    let start = rest.start;
    match start.checked_add(len).filter(|&end| end <= rest.end) {
        Some(end) => {
            rest.start = end;
            Ok(Span { start, end })
        }
        None => {
            let left = rest.len();
            let problem =
                format!("a part of {len} bytes where {left} are left; the file was cut short or changed");
            Err(malformed(start, problem))
        }
    }
}

pub(super) fn malformed(place: u64, problem: impl Into<String>) -> Malformed {
    Malformed { place, problem: problem.into() }
}
