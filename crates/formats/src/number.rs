//! Types of tensor elements, read as float32.

use std::io;

use crate::source::Source;

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of a binary32.
    Bf16,
    /// Signed, 64 bits.
    I64,
    /// Signed, 32 bits.
    I32,
    /// Signed, 16 bits.
    I16,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 64 bits.
    U64,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 8 bits, or a boolean.
    U8,
}

impl Number {
    /// Bytes of an element.
    pub fn width(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 => 1,
        }
    }

    /// The type that NumPy calls by a letter and a number of bytes.
    pub(crate) fn of_numpy(name: &str) -> Option<Self> {
        Some(match name {
            "f4" => Self::F32,
            "f8" => Self::F64,
            "f2" => Self::F16,
            "i8" => Self::I64,
            "i4" => Self::I32,
            "i2" => Self::I16,
            "i1" => Self::I8,
            "u8" => Self::U64,
            "u4" => Self::U32,
            "u2" => Self::U16,
            "u1" | "b1" => Self::U8,
            _ => return None,
        })
    }

    /// Little-endian elements as float32, rounded where it has fewer digits; `bytes` holds one for each of `out`.
    pub fn decode(self, bytes: &[u8], out: &mut [f32]) {
        macro_rules! each {
            ($convert:expr) => {{
                for (x, &bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
                    *x = $convert(bytes);
                }
            }};
        }
        match self {
            Self::F32 => each!(f32::from_le_bytes),
            Self::F64 => each!(|b| f64::from_le_bytes(b) as f32),
            Self::F16 => each!(|b| half(u16::from_le_bytes(b))),
            Self::Bf16 => each!(|b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)),
            Self::I64 => each!(|b| i64::from_le_bytes(b) as f32),
            Self::I32 => each!(|b| i32::from_le_bytes(b) as f32),
            Self::I16 => each!(|b| f32::from(i16::from_le_bytes(b))),
            Self::I8 => each!(|b| f32::from(i8::from_le_bytes(b))),
            Self::U64 => each!(|b| u64::from_le_bytes(b) as f32),
            Self::U32 => each!(|b| u32::from_le_bytes(b) as f32),
            Self::U16 => each!(|b| f32::from(u16::from_le_bytes(b))),
            Self::U8 => each!(|b| f32::from(u8::from_le_bytes(b))),
        }
    }

    /// Reads elements that follow one another from `position` on, through a small buffer.
    ///
    /// # Errors
    /// If the bytes end before, or the system refuses.
    pub fn read(self, source: &dyn Source, position: u64, out: &mut [f32]) -> io::Result<()> {
        let mut buffer = vec![0; (out.len() * self.width()).min(BUFFER)];
        let mut at = position;
        for part in out.chunks_mut(BUFFER / self.width()) {
            let bytes = &mut buffer[..part.len() * self.width()];
            source.read_at(at, bytes)?;
            self.decode(bytes, part);
            at += bytes.len() as u64;
        }
        Ok(())
    }
}

/// A tensor to write, as [`Number::F32`] or [`Number::I64`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// The type of its elements.
    pub number: Number,
}

/// Bytes that are read at a time: they stay in the second-level cache.
const BUFFER: usize = 256 << 10;

/// The float32 of an IEEE 754 binary16.
pub(crate) fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        // Subnormal: fraction · 2⁻²⁴, exact in float32.
        0 => f32::from_bits(sign | (fraction as f32 * (-24f32).exp2()).to_bits()),
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13),
    }
}
