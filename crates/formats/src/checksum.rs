//! Checksums that tell whether a file is as it was written.

use std::fmt;
use std::io::{self, Write};

use flate2::Crc;

/// A running CRC-32, the checksum of gzip and PNG: every change of up to 32 neighbouring bits is seen.
///
/// It guards against damage, not against someone who makes the file say what they want.
#[derive(Debug, Default)]
pub struct Checksum(Crc);

impl Checksum {
    /// The checksum of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut sum = Self::default();
        sum.add(bytes);
        sum
    }

    /// Goes on with more bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The sum.
    pub fn value(&self) -> u32 {
        self.0.sum()
    }

    /// Goes on with a part of its own: its length too is part of the sum.
    pub(crate) fn add_part(&mut self, bytes: &[u8]) {
        self.add(&(bytes.len() as u64).to_le_bytes());
        self.add(bytes);
    }
}

/// As files hold it: `crc32:9a3b01cf`.
impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crc32:{:08x}", self.0.sum())
    }
}

/// What is written is added.
impl Write for Checksum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_gzip() {
        // The check value of CRC-32/ISO-HDLC in the catalogue of parametrised CRC algorithms.
        assert_eq!(Checksum::of(b"123456789").to_string(), "crc32:cbf43926");
        let mut parts = Checksum::of(b"1234");
        parts.write_all(b"56789").unwrap();
        assert_eq!(parts.to_string(), "crc32:cbf43926");
        assert_eq!(Checksum::default().to_string(), "crc32:00000000");
    }

    #[test]
    fn parts_do_not_run_into_one_another() {
        let sum = |parts: [&[u8]; 2]| {
            let mut sum = Checksum::default();
            parts.into_iter().for_each(|part| sum.add_part(part));
            sum.to_string()
        };
        assert_ne!(sum([b"ab", b"c"]), sum([b"a", b"bc"]));
    }
}
