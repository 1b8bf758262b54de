//! Gzip with a bound on what comes out.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use crate::Malformed;

/// The first two bytes of a gzip file (RFC 1952).
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// No byte of deflate gives more than this many: a match of 258 bytes takes at least two bits.
const MAX_RATIO: usize = 1032;
/// A set of images gives fewer for each byte, MNIST five.
const SANE_RATIO: u64 = 16;
/// What may be unpacked whatever the ratio.
const SMALL: u64 = 64 << 20;

/// Whether the bytes are gzip's.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// The most bytes that are unpacked from a file of `compressed` bytes: a small file that would fill the memory is none that
/// anyone has data in.
pub(crate) fn bound(compressed: u64) -> u64 {
    compressed.saturating_mul(SANE_RATIO).max(SMALL.min(compressed.saturating_mul(MAX_RATIO as u64)))
}

/// The content of a gzip file, which must be of `size` bytes.
pub fn unpack(bytes: &[u8], size: usize) -> Result<Vec<u8>, Malformed> {
    let mut content = Vec::with_capacity(size.min(bytes.len().saturating_mul(MAX_RATIO)));
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
pub(crate) struct Reader<R> {
    decoder: GzDecoder<R>,
    place: usize,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { decoder: GzDecoder::new(source), place: 0 }
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
        let extra = io::copy(&mut self.decoder.into_inner(), &mut io::sink());
        match extra.map_err(|error| Malformed::new(self.place, error.to_string()))? {
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
