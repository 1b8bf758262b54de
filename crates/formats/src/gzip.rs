//! Gzip with a bound on what comes out.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;

use crate::Malformed;

/// The first two bytes of a gzip file (RFC 1952).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// No byte of deflate gives more than this many: a match of 258 bytes takes at least two bits.
const MAX_RATIO: usize = 1032;

/// Whether the bytes are gzip's.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// The most bytes that `compressed` bytes can unpack to.
pub(crate) fn bound(compressed: usize) -> usize {
    compressed.saturating_mul(MAX_RATIO)
}

/// The content of a gzip file, which must be of `size` bytes.
pub fn unpack(bytes: &[u8], size: usize) -> Result<Vec<u8>, Malformed> {
    let mut content = Vec::with_capacity(size.min(bound(bytes.len())));
    let mut reader = Reader::new(bytes);
    reader.read(size, &mut content)?;
    if content.len() < size {
        let problem = format!("the content ends after {} bytes, expected {size}", content.len());
        return Err(Malformed::new(content.len(), problem));
    }
    reader.finish()?;
    Ok(content)
}

/// A gzip stream that is read in parts.
pub(crate) struct Reader<'a> {
    decoder: GzDecoder<&'a [u8]>,
    place: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { decoder: GzDecoder::new(bytes), place: 0 }
    }

    /// Appends up to `count` bytes; fewer if the stream ends before, and its checksum is right.
    pub(crate) fn read(&mut self, count: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let before = out.len();
        let result = self.decoder.by_ref().take(count as u64).read_to_end(out);
        self.place += out.len() - before;
        result.map(|_| ()).map_err(|error| self.broken(&error))
    }

    /// Checks that the stream and the file end here.
    pub(crate) fn finish(mut self) -> Result<(), Malformed> {
        let mut rest = Vec::new();
        self.read(1, &mut rest)?;
        if !rest.is_empty() {
            return Err(Malformed::new(self.place - 1, "data goes on after the last element"));
        }
        match self.decoder.into_inner().len() {
            0 => Ok(()),
            extra => {
                Err(Malformed::new(self.place, format!("{extra} bytes follow the end of the gzip data")))
            }
        }
    }

    fn broken(&self, error: &io::Error) -> Malformed {
        let problem = match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the gzip data ends too early; the file was cut short, fetch or copy it again".to_string()
            }
            _ => format!("the gzip data is damaged ({error}); fetch or copy the file again"),
        };
        Malformed::new(self.place, problem)
    }
}
