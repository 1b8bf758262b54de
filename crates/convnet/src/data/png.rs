//! Exif data of a PNG file that come behind its pixels. The standard allows it, and the decoder stops before.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use image::metadata::Orientation;

/// Bytes of the signature.
const SIGNATURE: i64 = 8;
/// Bytes of a chunk's length and kind, and of its checksum.
const HEAD: usize = 8;
const SUM: i64 = 4;
/// The most bytes of Exif data that are read: what turns an image is at their start.
const MOST: u64 = 64 << 10;
/// The most chunks that are passed: a file of the most pixels has fewer.
const CHUNKS: usize = 1 << 16;

/// What the first chunk of Exif data says, wherever it is; `None` if there is none.
///
/// # Errors
/// If the file ends before its last chunk.
pub(super) fn orientation(file: &mut (impl BufRead + Seek)) -> io::Result<Option<Orientation>> {
    file.seek(SeekFrom::Current(SIGNATURE))?;
    let mut found = None;
    for _ in 0..CHUNKS {
        let mut head = [0; HEAD];
        file.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        match &head[4..] {
            b"eXIf" if found.is_none() => {
                let mut bytes = Vec::new();
                let read = u64::from(length).min(MOST);
                file.take(read).read_to_end(&mut bytes)?;
                found = Some(Orientation::from_exif_chunk(&bytes));
                file.seek(SeekFrom::Current(i64::from(length) - read as i64 + SUM))?
            }
            b"IEND" => return Ok(found.flatten()),
            _ => file.seek(SeekFrom::Current(i64::from(length) + SUM))?,
        };
    }
    Ok(found.flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn chunk(kind: &[u8; 4], bytes: &[u8]) -> Vec<u8> {
        [&(bytes.len() as u32).to_be_bytes(), &kind[..], bytes, &[0; 4]].concat()
    }

    #[test]
    fn exif_data_are_found_before_and_behind_the_pixels() {
        let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let file = |chunks: &[Vec<u8>]| [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat();
        let read = |bytes: &[u8]| orientation(&mut Cursor::new(bytes));
        let found = |bytes: &[u8]| read(bytes).unwrap();
        let (pixels, end) = (chunk(b"IDAT", &[7; 99]), chunk(b"IEND", b""));
        for order in [[chunk(b"eXIf", exif), pixels.clone()], [pixels.clone(), chunk(b"eXIf", exif)]] {
            let whole = file(&[order.concat(), end.clone()]);
            assert_eq!(found(&whole), Some(Orientation::Rotate90));
            // But for the checksum at the very end, which nobody reads here.
            for cut in 8..whole.len() - 4 {
                assert!(read(&whole[..cut]).is_err(), "{cut}");
            }
        }
        assert_eq!(found(&file(&[pixels, end.clone(), chunk(b"eXIf", exif)])), None);
        assert_eq!(found(&file(&[chunk(b"eXIf", b"nonsense"), end])), None);
        // A length that leads far behind the end.
        assert!(read(&file(&[b"\xff\xff\xff\xffIDAT".to_vec()])).is_err());
    }
}
