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

/// What the chunks of a PNG file tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chunks {
    /// What the first Exif data say, wherever they are.
    pub(super) orientation: Option<Orientation>,
    /// Whether the last chunk is there.
    pub(super) ended: bool,
}

/// Walks over the chunks up to the last one, or to where the file ends.
pub(super) fn chunks(file: &mut (impl BufRead + Seek)) -> io::Result<Chunks> {
    file.seek(SeekFrom::Current(SIGNATURE))?;
    let mut exif = None;
    for _ in 0..CHUNKS {
        let mut head = [0; HEAD];
        if file.read_exact(&mut head).is_err() {
            break;
        }
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let mut read = 0;
        match &head[4..] {
            b"IEND" => return Ok(Chunks { orientation: exif.flatten(), ended: true }),
            b"eXIf" if exif.is_none() => {
                let mut bytes = Vec::new();
                read = file.take(u64::from(length).min(MOST)).read_to_end(&mut bytes)?;
                exif = Some(Orientation::from_exif_chunk(&bytes));
            }
            _ => {}
        }
        file.seek(SeekFrom::Current(i64::from(length) - read as i64 + SUM))?;
    }
    Ok(Chunks { orientation: exif.flatten(), ended: false })
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
        let told = |bytes: &[u8]| chunks(&mut Cursor::new(bytes)).unwrap();
        let whole = |orientation| Chunks { orientation, ended: true };
        let (pixels, end) = (chunk(b"IDAT", &[7; 99]), chunk(b"IEND", b""));
        for order in [[chunk(b"eXIf", exif), pixels.clone()], [pixels.clone(), chunk(b"eXIf", exif)]] {
            let bytes = file(&[order.concat(), end.clone()]);
            assert_eq!(told(&bytes), whole(Some(Orientation::Rotate90)));
            // But for the checksum at the very end, which nobody reads here.
            for cut in 8..bytes.len() - 4 {
                let Chunks { orientation, ended } = told(&bytes[..cut]);
                assert!(matches!(orientation, None | Some(Orientation::Rotate90)) && !ended, "{cut}");
            }
        }
        assert_eq!(told(&file(&[pixels, end.clone(), chunk(b"eXIf", exif)])), whole(None));
        assert_eq!(told(&file(&[chunk(b"eXIf", b"nonsense"), end])), whole(None));
        // A length that leads far behind the end.
        let beyond = file(&[b"\xff\xff\xff\xffIDAT".to_vec()]);
        assert_eq!(told(&beyond), Chunks { orientation: None, ended: false });
    }
}
