//! Tar archives: where their files lie, and those of a packed archive in turn. Nothing is written to the disk.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

use crate::source::{Source, open_regular};
use crate::{FormatError, Malformed, gzip};

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its path in the archive, parts separated by `/`.
    pub name: String,
    /// Where its bytes start in the archive.
    pub offset: u64,
    /// How many there are.
    pub size: u64,
}

/// Bytes of a block.
const BLOCK: usize = 512;
/// The most files of an archive.
const MOST: usize = 1 << 22;
/// The most bytes of all their names.
const MOST_NAMES: usize = 1 << 28;
/// The most bytes of one file's headers, which a long name is part of.
const MOST_HEADER: u64 = 1 << 20;

/// The regular files of an archive that is not packed, in their order. Of the files no byte is read.
///
/// # Errors
/// If it is no tar archive, is cut short, is packed, or holds far more files than shards of a data set do.
pub fn index(source: &dyn Source) -> Result<Vec<Member>, Malformed> {
    check_start(source)?;
    let reader = Reader { source, at: 0, left: MOST_HEADER };
    let mut archive = Archive::new(reader);
    let entries = archive.entries_with_seek().map_err(|error| broken(0, &error))?;
    let (mut members, mut names) = (Vec::new(), 0);
    let mut end = 0;
    for entry in entries {
        let entry = entry.map_err(|error| broken(end, &error))?;
        let (offset, size) = (entry.raw_file_position(), entry.size());
        end = offset.saturating_add(size);
        if end > source.len() {
            let problem = format!(
                "`{}` has {size} bytes, and the archive ends after {}; it was cut short",
                name(&entry.path_bytes()),
                source.len().saturating_sub(offset)
            );
            return Err(Malformed::new(offset as usize, problem));
        }
        if entry.header().entry_type() == EntryType::GNUSparse {
            let problem =
                format!("`{}` is a file with holes; pack it as a plain file", name(&entry.path_bytes()));
            return Err(Malformed::new(offset as usize, problem));
        }
        if !matches!(entry.header().entry_type(), EntryType::Regular | EntryType::Continuous) {
            continue;
        }
        let name = name(&entry.path_bytes());
        names += name.len();
        if members.len() == MOST || names > MOST_NAMES {
            let problem = format!("it has more than {MOST} files, or names of more than {MOST_NAMES} bytes");
            return Err(Malformed::new(offset as usize, problem));
        }
        members.push(Member { name, offset, size });
    }
    // An archive that was cut between two files would pass for a smaller one.
    let (at, mut block) = (end.next_multiple_of(BLOCK as u64), [1; BLOCK]);
    match source.read_at(at, &mut block) {
        Ok(()) if block == [0; BLOCK] => Ok(members),
        _ => Err(Malformed::new(
            at as usize,
            "the block of zeros that ends an archive is missing; it was cut short",
        )),
    }
}

/// Whether a file is packed by gzip.
///
/// # Errors
/// If it cannot be read.
pub fn is_packed(path: &Path) -> Result<bool, FormatError> {
    let (mut file, _) = open_regular(path).map_err(FormatError::read(path))?;
    let mut start = [0; 2];
    Ok(file.read(&mut start).map_err(FormatError::read(path))? == 2 && gzip::is_gzip(&start))
}

/// The bytes of those regular files of an archive, plain or packed by gzip, that are `wanted` by their paths. Other files
/// are passed over.
///
/// # Errors
/// If it cannot be read, is no such archive, or if what is wanted has more than `most` bytes together.
pub fn extract(
    path: &Path,
    most: u64,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<(String, Vec<u8>)>, FormatError> {
    let packed = is_packed(path)?;
    let (file, length) = open_regular(path).map_err(FormatError::read(path))?;
    let file = BufReader::with_capacity(1 << 16, file);
    let found = match packed {
        // Whatever is passed over, an archive that unpacks to far more than images do is left.
        true => gather(GzDecoder::new(file).take(gzip::bound(length)), most, wanted),
        false => gather(file, most, wanted),
    };
    found.map_err(FormatError::malformed(path, "tar"))
}

fn gather(
    reader: impl Read,
    most: u64,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<(String, Vec<u8>)>, Malformed> {
    let mut archive = Archive::new(reader);
    let (mut found, mut left) = (Vec::new(), most);
    let mut end = 0;
    for entry in archive.entries().map_err(|error| broken(0, &error))?.take(MOST) {
        let mut entry = entry.map_err(|error| broken(end, &error))?;
        let name = name(&entry.path_bytes());
        let (offset, size) = (entry.raw_file_position(), entry.size());
        end = offset.saturating_add(size);
        if entry.header().entry_type() != EntryType::Regular || !wanted(&name) {
            continue;
        }
        left = left.checked_sub(size).ok_or_else(|| {
            let problem =
                format!("`{name}` has {size} bytes, expected at most {most} in all files of the set");
            Malformed::new(offset as usize, problem)
        })?;
        let mut bytes = Vec::new();
        let count = entry.read_to_end(&mut bytes).map_err(|error| broken(offset, &error))?;
        if count as u64 != size {
            let problem = format!("`{name}` ends after {count} of {size} bytes; the archive was cut short");
            return Err(Malformed::new(offset as usize, problem));
        }
        found.push((name, bytes));
    }
    Ok(found)
}

/// A path in an archive, without what only says that it starts here.
fn name(bytes: &[u8]) -> String {
    let name = String::from_utf8_lossy(bytes);
    name.trim_start_matches("./").to_owned()
}

/// Tells what is packed, and what is something else, before its bytes are taken for a header.
fn check_start(source: &dyn Source) -> Result<(), Malformed> {
    let mut start = [0; 2];
    if source.read_at(0, &mut start).is_err() {
        return Err(Malformed::new(
            0,
            "it is empty or nearly so; the download or the copy that made it failed",
        ));
    }
    if gzip::is_gzip(&start) {
        let problem = "it is packed by gzip, so that no image in it can be read alone; unpack it with gunzip";
        return Err(Malformed::new(0, problem));
    }
    Ok(())
}

fn broken(place: u64, error: &io::Error) -> Malformed {
    let problem = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the archive ends too early; it was cut short".to_owned(),
        _ => format!("the archive is damaged or was cut short ({error})"),
    };
    Malformed::new(usize::try_from(place).unwrap_or(usize::MAX), problem)
}

/// A source as the crate reads it: headers alone, so that each part that is skipped renews what may be read.
struct Reader<'a> {
    source: &'a dyn Source,
    at: u64,
    left: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let there = self.source.len().saturating_sub(self.at).min(out.len() as u64);
        self.left = self.left.checked_sub(there).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, format!("headers of more than {MOST_HEADER} bytes"))
        })?;
        self.source.read_at(self.at, &mut out[..there as usize])?;
        self.at += there;
        Ok(there as usize)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.source.len().checked_add_signed(by),
        };
        self.at = place.ok_or(io::ErrorKind::InvalidInput)?;
        self.left = MOST_HEADER;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn files_are_found_where_they_lie() {
        let long = format!("a/{}/b.jpg", "long".repeat(60));
        let bytes = archive(&[("x/1.jpg", b"one"), (&long, b"two"), ("x/1.cls", b"")]);
        let members = index(&bytes).unwrap();
        let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["x/1.jpg", long.as_str(), "x/1.cls"]);
        for (member, content) in members.iter().zip([&b"one"[..], b"two", b""]) {
            let mut found = vec![0; member.size as usize];
            bytes.read_at(member.offset, &mut found).unwrap();
            assert_eq!(found, content);
        }
    }

    #[test]
    fn damage_is_told() {
        let bytes = archive(&[("1.jpg", &[7; 600]), ("2.jpg", &[8; 600])]);
        let problem = |bytes: &[u8]| index(&bytes.to_vec()).unwrap_err().to_string();
        assert!(
            problem(&bytes[..2100]).contains("`2.jpg` has 600 bytes, and the archive ends after 52"),
            "{}",
            problem(&bytes[..2100])
        );
        for cut in (512..bytes.len() - 1024).step_by(256) {
            assert!(problem(&bytes[..cut]).contains("cut short"), "{cut}: {}", problem(&bytes[..cut]));
        }
        let mut wrong = bytes.clone();
        wrong[130] = b'7';
        assert!(problem(&wrong).contains("damaged"), "{}", problem(&wrong));
        assert!(problem(&packed(&bytes)).contains("unpack it with gunzip"));
        assert!(problem(b"").contains("empty"));
        assert!(problem(&[b'x'; 2048]).contains("damaged"));
    }

    #[test]
    fn sizes_that_lie_take_no_memory() {
        for size in [u64::MAX, 1 << 40, 1 << 33] {
            let mut header = tar::Header::new_gnu();
            header.set_path("1.jpg").unwrap();
            header.set_size(size);
            header.set_cksum();
            let bytes = header.as_bytes().to_vec();
            assert!(index(&bytes).is_err());
            // A name of that length.
            header.set_entry_type(EntryType::GNULongName);
            header.set_cksum();
            let bytes = [header.as_bytes().to_vec(), vec![b'a'; 3 << 20]].concat();
            assert!(index(&bytes).is_err());
        }
    }

    #[test]
    fn wanted_files_come_from_plain_and_packed_archives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        let bytes = archive(&[("set/data", &[7; 600]), ("set/readme", b"text"), ("set/meta", b"names")]);
        for content in [bytes.clone(), packed(&bytes)] {
            fs::write(&path, &content).unwrap();
            let found = extract(&path, 1000, |name| name != "set/readme").unwrap();
            assert_eq!(
                found,
                [("set/data".to_owned(), vec![7; 600]), ("set/meta".to_owned(), b"names".to_vec())]
            );
            let error = extract(&path, 600, |name| name != "set/readme").unwrap_err().to_string();
            assert!(error.contains("`set/meta` has 5 bytes, expected at most 600"), "{error}");
            fs::write(&path, &content[..content.len() / 4]).unwrap();
            assert!(extract(&path, 1000, |_| true).is_err());
        }
        // Zeros that pack to less than a hundredth.
        fs::write(&path, packed(&[archive(&[("a", &vec![0; 80 << 20])])].concat())).unwrap();
        assert!(extract(&path, 1000, |name| name == "b").is_err());
    }
}
