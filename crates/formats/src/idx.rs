//! IDX, the format of MNIST: big-endian magic `00 00 TYPE RANK`, a 32-bit size for each dimension, the
//! elements. Source: <http://yann.lecun.com/exdb/mnist/>, "The IDX file format".

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::source::open_regular;
use crate::{FormatError, Malformed, gzip};

/// TYPE of unsigned bytes, the only one that image sets use.
const UNSIGNED_BYTE: u8 = 0x08;
/// Bytes of magic, before the sizes.
const MAGIC_LEN: usize = 4;

/// An array of unsigned bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx {
    /// Sizes, outermost first: `[images, height, width]`, or `[labels]`.
    pub dims: Vec<usize>,
    /// Elements, the last dimension contiguous.
    pub data: Vec<u8>,
}

impl Idx {
    /// The array as a plain IDX file; sizes beyond 32 bits and ranks beyond 255 do not exist in the format.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAGIC_LEN * (1 + self.dims.len()) + self.data.len());
        bytes.extend([0, 0, UNSIGNED_BYTE, self.dims.len() as u8]);
        for &size in &self.dims {
            bytes.extend((size as u32).to_be_bytes());
        }
        bytes.extend(&self.data);
        bytes
    }
}

/// Reads an IDX file of unsigned bytes, plain or gzip (told by its first bytes), with `RANK` dimensions.
///
/// # Errors
/// If it cannot be read, is no such file, does not have the length that its header tells, or is gzip data that unpacks to
/// far more than images do.
pub fn read<const RANK: usize>(path: &Path) -> Result<Idx, FormatError> {
    let (file, length) = open_regular(path).map_err(FormatError::read(path))?;
    parse_from::<RANK>(BufReader::new(file), length).map_err(FormatError::malformed(path, "IDX"))
}

/// As [`read`], from bytes.
///
/// # Errors
/// As [`read`].
pub fn parse<const RANK: usize>(bytes: &[u8]) -> Result<Idx, Malformed> {
    parse_from::<RANK>(bytes, bytes.len() as u64)
}

fn parse_from<const RANK: usize>(mut source: impl BufRead, length: u64) -> Result<Idx, Malformed> {
    let start = source.fill_buf().map_err(|error| Malformed::new(0, error.to_string()))?;
    match gzip::is_gzip(start) {
        true => parse_gzip::<RANK>(source, length),
        false => parse_plain::<RANK>(source, length),
    }
}

fn parse_plain<const RANK: usize>(mut source: impl BufRead, length: u64) -> Result<Idx, Malformed> {
    let mut bytes = Vec::new();
    let mut read = |count: u64, out: &mut Vec<u8>| {
        source.by_ref().take(count).read_to_end(out).map_err(|error| Malformed::new(0, error.to_string()))
    };
    let header = header_len::<RANK>();
    read(header as u64, &mut bytes)?;
    let (dims, count) = parse_header::<RANK>(&bytes)?;
    let found = length.saturating_sub(header as u64);
    if found > count as u64 {
        let problem = format!("{} bytes follow the last element", found - count as u64);
        return Err(Malformed::new(header + count, problem));
    }
    let mut data = Vec::with_capacity(count.min(found as usize));
    read(count as u64, &mut data)?;
    if data.len() < count {
        return Err(short(header + data.len(), data.len(), &dims));
    }
    Ok(Idx { dims, data })
}

fn parse_gzip<const RANK: usize>(source: impl BufRead, length: u64) -> Result<Idx, Malformed> {
    let mut reader = gzip::Reader::new(source);
    let mut header = Vec::new();
    reader.read(header_len::<RANK>(), &mut header)?;
    let (dims, count) = parse_header::<RANK>(&header)?;
    let bound = gzip::bound(length);
    if count as u64 > bound {
        return Err(Malformed::new(
            MAGIC_LEN,
            format!(
                "sizes {dims:?} need {count} bytes, of {length} bytes of gzip data {bound} are unpacked at most; if they are \
                 right, unpack the file with gunzip"
            ),
        ));
    }
    let mut data = Vec::with_capacity(count);
    reader.read(count, &mut data)?;
    if data.len() < count {
        return Err(short(header.len() + data.len(), data.len(), &dims));
    }
    reader.finish()?;
    Ok(Idx { dims, data })
}

const fn header_len<const RANK: usize>() -> usize {
    MAGIC_LEN * (1 + RANK)
}

/// The sizes and their product.
fn parse_header<const RANK: usize>(bytes: &[u8]) -> Result<(Vec<usize>, usize), Malformed> {
    let expected = [0, 0, UNSIGNED_BYTE, RANK as u8];
    let found = &bytes[..bytes.len().min(MAGIC_LEN)];
    if found != expected {
        let found: Vec<String> = found.iter().map(|byte| format!("{byte:02x}")).collect();
        return Err(Malformed::new(
            0,
            format!(
                "the first bytes are `{}`, expected `00 00 08 {RANK:02x}` (unsigned bytes, {RANK} dimensions)",
                found.join(" ")
            ),
        ));
    }
    let sizes = bytes.get(MAGIC_LEN..header_len::<RANK>()).ok_or_else(|| {
        Malformed::new(bytes.len(), format!("the file ends in its header of {} bytes", header_len::<RANK>()))
    })?;
    let dims: Vec<usize> =
        sizes.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let count = dims.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    let count = count
        .ok_or_else(|| Malformed::new(MAGIC_LEN, format!("sizes {dims:?} are more than can be addressed")))?;
    Ok((dims, count))
}

fn short(place: usize, found: usize, dims: &[usize]) -> Malformed {
    let expected: usize = dims.iter().product();
    Malformed::new(
        place,
        format!("the file ends after {found} elements, its header promises {expected} ({dims:?})"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write as _;

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn sample() -> Idx {
        Idx { dims: vec![2, 3, 4], data: (0..24).collect() }
    }

    fn problem(bytes: &[u8]) -> String {
        parse::<3>(bytes).unwrap_err().to_string()
    }

    #[test]
    fn labels_and_images_read_plain_and_gzip() {
        let images = sample();
        assert_eq!(parse::<3>(&images.to_bytes()).unwrap(), images);
        assert_eq!(parse::<3>(&gz(&images.to_bytes())).unwrap(), images);
        let labels = parse::<1>(&[0, 0, 8, 1, 0, 0, 0, 2, 7, 9]).unwrap();
        assert_eq!(labels, Idx { dims: vec![2], data: vec![7, 9] });
    }

    #[test]
    fn errors_tell_place_found_and_expected() {
        let bytes = sample().to_bytes();
        assert_eq!(
            problem(b"GIF89a"),
            "at byte 0: the first bytes are `47 49 46 38`, expected `00 00 08 03` (unsigned bytes, 3 dimensions)"
        );
        assert_eq!(
            problem(&bytes[..30]),
            "at byte 30: the file ends after 14 elements, its header promises 24 ([2, 3, 4])"
        );
        assert_eq!(problem(&bytes[..7]), "at byte 7: the file ends in its header of 16 bytes");
        assert_eq!(problem(&[&bytes[..], &[0; 3]].concat()), "at byte 40: 3 bytes follow the last element");
        assert!(problem(&[]).contains("the first bytes are ``"));
    }

    #[test]
    fn damaged_gzip_is_told() {
        let packed = gz(&sample().to_bytes());
        assert!(problem(&packed[..packed.len() - 9]).contains("the file was cut short"));
        assert!(problem(&packed[..5]).contains("the file was cut short"));
        let mut flipped = packed.clone();
        let crc = flipped.len() - 8;
        flipped[crc] ^= 1;
        assert!(problem(&flipped).contains("damaged"), "{}", problem(&flipped));
        assert!(
            problem(&[&packed[..], b"tail"].concat()).contains("4 bytes follow the end of the gzip data")
        );
        let longer = gz(&[&sample().to_bytes()[..], &[1]].concat());
        assert!(problem(&longer).contains("data goes on after the last element"));
        let shorter = gz(&sample().to_bytes()[..20]);
        assert!(problem(&shorter).contains("the file ends after 4 elements"));
    }

    #[test]
    fn sizes_beyond_the_bytes_are_refused_before_allocation() {
        let huge = [&[0, 0, 8, 3][..], &[0xff; 12]].concat();
        assert!(problem(&huge).contains("more than can be addressed"));
        let mut large = vec![0, 0, 8, 3];
        for size in [60_000u32, 28_000, 28] {
            large.extend(size.to_be_bytes());
        }
        assert!(problem(&gz(&large)).contains("at most"));
        // What its header asks for would be there: 100 MB of zeros in 0.4 MB.
        let mut bomb = vec![0, 0, 8, 3];
        for size in [100u32, 1000, 1000] {
            bomb.extend(size.to_be_bytes());
        }
        bomb.resize(16 + 100_000_000, 0);
        let bomb = gz(&bomb);
        assert!(problem(&bomb).contains("unpack the file with gunzip"), "{}", problem(&bomb));
        assert!(problem(&large).contains("the file ends after 0 elements"));
    }

    #[test]
    fn a_file_is_named_in_its_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels");
        std::fs::write(&path, b"text").unwrap();
        let error = read::<1>(&path).unwrap_err().to_string();
        assert!(error.contains("labels` is not a valid IDX file: at byte 0"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(dims in [0usize..6, 0usize..6, 0usize..6], fill: u8) {
            let count: usize = dims.iter().product();
            let array = Idx { dims: dims.to_vec(), data: vec![fill; count] };
            prop_assert_eq!(&parse::<3>(&array.to_bytes()).unwrap(), &array);
            prop_assert_eq!(&parse::<3>(&gz(&array.to_bytes())).unwrap(), &array);
        }

        #[test]
        fn damage_never_panics(at in 0usize..64, value: u8, cut in 0usize..64, packed: bool) {
            let mut bytes = sample().to_bytes();
            if packed {
                bytes = gz(&bytes);
            }
            let at = at % bytes.len();
            bytes[at] = value;
            bytes.truncate(cut.max(1));
            if let Ok(array) = parse::<3>(&bytes) {
                prop_assert_eq!(array.dims.iter().product::<usize>(), array.data.len());
            }
        }
    }
}
