//! TensorBoard's event files: records of protocol buffers, each with checksums, one after another.
//!
//! A file is only appended to. A run that goes on writes a file of its own, which starts with the step that it goes on
//! from: TensorBoard forgets what the files before it tell of that step and later ones.

mod crc32c;
mod schema;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use self::schema::{
    Dimension, Event, Image, Metadata, STARTED, STRINGS, SessionLog, Shape, Summary, Tensor, Value,
};
use crate::FormatError;

/// What the name of every event file starts with.
const PREFIX: &str = "events.out.tfevents.";
/// The version of the format.
const VERSION: &str = "brain.Event:2";

/// An event file that is written.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// Starts a file in a folder, which is made if need be; it comes after those that are there already. What these
    /// tell of step `from` and later ones counts no more.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(folder: &Path, from: i64) -> Result<Self, FormatError> {
        fs::create_dir_all(folder).map_err(FormatError::write(folder))?;
        let before = last_second(folder).map_err(FormatError::write(folder))?;
        // Files are read in the order of their names: two of one second would come in any order.
        let second = before.map_or(0, |before| before + 1).max(now().max(0.0) as u64);
        let path = folder.join(format!("{PREFIX}{second:010}.convnet.{}", std::process::id()));
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(&path)
            .map_err(FormatError::write(&path))?;
        let mut events = Self { path, file };
        events.append(Event { file_version: Some(VERSION.to_owned()), ..Event::at(0) })?;
        if before.is_some() {
            let session_log = Some(SessionLog { status: STARTED });
            events.append(Event { session_log, ..Event::at(from) })?;
        }
        Ok(events)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Some quantities at a step.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn scalars(&mut self, step: i64, scalars: &[(&str, f64)]) -> Result<(), FormatError> {
        let value =
            |&(tag, value): &(&str, f64)| Value { simple_value: Some(value as f32), ..Value::of(tag) };
        self.summary(step, scalars.iter().map(value).collect())
    }

    /// A text, which is shown as Markdown.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn text(&mut self, step: i64, tag: &str, text: &str) -> Result<(), FormatError> {
        let tensor = Tensor {
            dtype: STRINGS,
            shape: Some(Shape { dimensions: vec![Dimension { size: 1 }] }),
            strings: vec![text.as_bytes().to_vec()],
        };
        self.summary(
            step,
            vec![Value { tensor: Some(tensor), metadata: Some(Metadata::of("text")), ..Value::of(tag) }],
        )
    }

    /// A picture: the bytes of a PNG file of that width and height.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn picture(
        &mut self,
        step: i64,
        tag: &str,
        (width, height): (u32, u32),
        png: &[u8],
    ) -> Result<(), FormatError> {
        let [height, width] = [height, width].map(|side| i32::try_from(side).unwrap_or(i32::MAX));
        let image = Some(Image { height, width, colours: 3, encoded: png.to_vec() });
        self.summary(step, vec![Value { image, ..Value::of(tag) }])
    }

    fn summary(&mut self, step: i64, values: Vec<Value>) -> Result<(), FormatError> {
        self.append(Event { summary: Some(Summary { values }), ..Event::at(step) })
    }

    /// Appends a record at once, so that what a killed process has told is there.
    fn append(&mut self, event: Event) -> Result<(), FormatError> {
        let record = framed(&Event { wall_time: now(), ..event }.encode_to_vec());
        self.file.write_all(&record).map_err(FormatError::write(&self.path))
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The latest second that the name of an event file in a folder tells.
fn last_second(folder: &Path) -> io::Result<Option<u64>> {
    let mut last = None;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let second =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('.').next()?.parse().ok());
        last = last.max(second);
    }
    Ok(last)
}

/// A record: its length, that one's checksum, the bytes, and theirs.
fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(bytes.len() + 16);
    record.extend(length);
    record.extend(masked(&length).to_le_bytes());
    record.extend(bytes);
    record.extend(masked(bytes).to_le_bytes());
    record
}

/// The checksum as TFRecord files have it: turned and shifted, so that one of bytes that hold checksums is no trivial
/// one.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::of(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of a file, its checksums compared.
    fn events(path: &Path) -> Vec<Event> {
        let bytes = fs::read(path).unwrap();
        let mut rest = &bytes[..];
        let mut events = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            assert_eq!(rest[8..12], masked(&rest[..8]).to_le_bytes());
            let (body, sum) = (&rest[12..][..length], &rest[12 + length..][..4]);
            assert_eq!(sum, masked(body).to_le_bytes());
            events.push(Event::decode(body).unwrap());
            rest = &rest[16 + length..];
        }
        events
    }

    #[test]
    fn a_record_is_framed_as_tensorflow_frames_it() {
        // What `RecordWriter` of `tensorboard.summary.writer.record_writer` writes of `b"abc"`.
        let expected =
            [3, 0, 0, 0, 0, 0, 0, 0, 0xb0, 0x99, 0x49, 0x0e, b'a', b'b', b'c', 0x6e, 0x57, 0xf1, 0x21];
        let record = framed(b"abc");
        assert_eq!(record.len(), expected.len());
        assert_eq!(record, expected, "{record:02x?}");
    }

    #[test]
    fn values_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = EventFile::create(&folder.path().join("a/b"), 0).unwrap();
        file.scalars(7, &[("loss", 0.5), ("rate", 1e-3)]).unwrap();
        file.text(0, "config", "    lr = 1").unwrap();
        file.picture(9, "curves", (2, 1), b"png").unwrap();
        let events = events(file.path());
        assert_eq!(events.len(), 4);
        assert_eq!(events[0].file_version.as_deref(), Some("brain.Event:2"));
        let values = &events[1].summary.as_ref().unwrap().values;
        assert_eq!(
            (events[1].step, values[0].simple_value, values[1].simple_value),
            (7, Some(0.5), Some(1e-3))
        );
        assert_eq!((values[0].tag.as_str(), values[1].tag.as_str()), ("loss", "rate"));
        let text = events[2].summary.as_ref().unwrap().values[0].tensor.as_ref().unwrap();
        assert_eq!((text.dtype, text.strings.as_slice()), (7, &[b"    lr = 1".to_vec()][..]));
        let image = events[3].summary.as_ref().unwrap().values[0].image.as_ref().unwrap();
        assert_eq!((image.width, image.height, image.encoded.as_slice()), (2, 1, &b"png"[..]));
        assert!(events.iter().all(|event| event.wall_time > 1e9));
    }

    #[test]
    fn a_file_that_goes_on_comes_later_and_tells_from_which_step() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [0, 40, 60].map(|step| EventFile::create(folder.path(), step).unwrap().path().to_owned());
        assert!(paths.windows(2).all(|pair| pair[0] < pair[1]), "{paths:?}");
        let started =
            |path: &Path| events(path).iter().find(|event| event.session_log.is_some()).map(|e| e.step);
        assert_eq!(paths.each_ref().map(|path| started(path)), [None, Some(40), Some(60)]);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = EventFile::create(&file, 0).unwrap_err().to_string();
        assert!(error.contains("file"), "{error}");
    }
}
