//! Whether a JPEG file is whole. The decoder fills what is missing with grey and tells nobody.

use std::io::{self, BufRead};

/// Markers (ISO/IEC 10918-1, table B.1) that are not followed by a length.
const BARE: [std::ops::RangeInclusive<u8>; 3] = [0x01..=0x01, 0xd0..=0xd7, SOI..=SOI];
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
/// Frames that are coded in several scans, whose coefficients are in memory at once.
const PROGRESSIVE: [u8; 4] = [0xc2, 0xc6, 0xca, 0xce];

/// What the markers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Markers {
    /// Whether the end-of-image marker is there. Where it is not, Pillow calls the file truncated.
    pub(super) ended: bool,
    /// Whether the image comes in several scans.
    pub(super) progressive: bool,
}

/// Goes from marker to marker up to the end of the image. Exif data, with a thumbnail in them, are one segment; what
/// follows the end is not looked at.
pub(super) fn markers(mut file: impl BufRead) -> io::Result<Markers> {
    let mut progressive = false;
    while let Some(marker) = next(&mut file)? {
        if marker == EOI {
            return Ok(Markers { ended: true, progressive });
        }
        if BARE.iter().any(|bare| bare.contains(&marker)) {
            continue;
        }
        progressive |= PROGRESSIVE.contains(&marker);
        let (Some(high), Some(low)) = (byte(&mut file)?, byte(&mut file)?) else { break };
        // The length counts itself.
        skip(&mut file, usize::from(u16::from_be_bytes([high, low])).saturating_sub(2))?;
    }
    Ok(Markers { ended: false, progressive })
}

/// The next marker; the bytes before it are coded pixels, in which 0xff is followed by 0.
fn next(file: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffer = file.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        let Some(at) = buffer.iter().position(|&byte| byte == 0xff) else {
            let count = buffer.len();
            file.consume(count);
            continue;
        };
        file.consume(at);
        let mut found = byte(file)?;
        while found == Some(0xff) {
            found = byte(file)?;
        }
        if found != Some(0) {
            return Ok(found);
        }
    }
}

fn byte(file: &mut impl BufRead) -> io::Result<Option<u8>> {
    let first = file.fill_buf()?.first().copied();
    if first.is_some() {
        file.consume(1);
    }
    Ok(first)
}

fn skip(file: &mut impl BufRead, mut count: usize) -> io::Result<()> {
    while count > 0 {
        let there = file.fill_buf()?.len().min(count);
        if there == 0 {
            return Ok(());
        }
        file.consume(there);
        count -= there;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn read(bytes: &[u8]) -> Markers {
        // A buffer of three bytes: every place is its end once.
        markers(BufReader::with_capacity(3, bytes)).unwrap()
    }

    #[test]
    fn the_end_is_found_behind_thumbnails_stuffed_bytes_and_fill() {
        let thumbnail = [0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9];
        let scan = [0xff, 0xda, 0, 3, 1, 7, 0xff, 0, 0xff, 0xd3, 9, 0xff, 0xff, 0];
        let whole = [&[0xff, 0xd8][..], &thumbnail, &scan, &[0xff, 0xff, 0xd9]].concat();
        assert_eq!(read(&whole), Markers { ended: true, progressive: false });
        for cut in 0..whole.len() {
            assert!(!read(&whole[..cut]).ended, "{cut}");
        }
        assert!(read(&[&whole[..], b"what follows \xff\xd8"].concat()).ended);
        let progressive = [&[0xff, 0xd8, 0xff, 0xc2, 0, 2][..], &scan, &[0xff, 0xd9]].concat();
        assert_eq!(read(&progressive), Markers { ended: true, progressive: true });
    }
}
