//! A run's figures for TensorBoard.
//!
//! The step of an event is how many steps the weights have seen: the loss of the first step, which drawn weights have,
//! lies at 0, the figures of an epoch at the number of steps done by its end. A run that goes on from a checkpoint after
//! *n* steps starts a file of its own that takes back what lies at *n* and beyond, so that each figure is there once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use convnet_formats::FormatError;
use convnet_formats::tensorboard::EventFile;

use super::{Callback, Control, EpochRecord, RunStart, StepProgress};

/// The most bytes of a picture.
const MAX_PICTURE: u64 = 16 << 20;

/// What kept a log from being written, if anything: a run goes on without its logs.
#[derive(Clone, Debug, Default)]
pub struct LogFailure(Arc<Mutex<Option<FormatError>>>);

impl LogFailure {
    /// The first error, once.
    pub fn take(&self) -> Option<FormatError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps the first error. Tells whether there was none.
    pub(super) fn keep<T>(&self, result: Result<T, FormatError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                None
            }
        }
    }
}

/// A [`Callback`] that writes event files which TensorBoard reads.
///
/// ```no_run
/// use convnet::train::{TensorBoard, Trainer};
/// use convnet::{data, zoo};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let net = zoo::lenet().build()?;
/// let board = TensorBoard::new("logs/lenet").every(50);
/// let failure = board.failure();
/// Trainer::new(&net, data::open("fashion-mnist")?).callback(board).run("runs/lenet")?;
/// failure.take().map_or(Ok(()), Err)?;
/// # Ok(())
/// # }
/// ```
pub struct TensorBoard {
    folder: PathBuf,
    every: u64,
    text: Option<PathBuf>,
    pictures: Vec<Picture>,
    file: Option<EventFile>,
    failure: LogFailure,
}

/// A PNG file, and what it held when it was last shown.
struct Picture {
    tag: String,
    path: PathBuf,
    shown: Vec<u8>,
}

impl TensorBoard {
    /// Event files in a folder, which is made when the run starts.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            every: 10,
            text: None,
            pictures: Vec::new(),
            file: None,
            failure: LogFailure::default(),
        }
    }

    /// The loss and the rate of each step whose number, counted from 0, is a multiple of this; of none for 0. 10 unless told
    /// otherwise.
    pub fn every(mut self, steps: u64) -> Self {
        self.every = steps;
        self
    }

    /// A text file that is shown with the run: its settings.
    pub fn text(mut self, path: impl Into<PathBuf>) -> Self {
        self.text = Some(path.into());
        self
    }

    /// A PNG file that is shown under a tag after each epoch that has changed it.
    pub fn picture(mut self, tag: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.pictures.push(Picture { tag: tag.into(), path: path.into(), shown: Vec::new() });
        self
    }

    /// Where to ask afterwards what could not be written. After an error nothing more is.
    pub fn failure(&self) -> LogFailure {
        self.failure.clone()
    }

    /// Writes, if nothing went wrong so far.
    fn write(&mut self, write: impl FnOnce(&mut EventFile) -> Result<(), FormatError>) {
        if let Some(mut file) = self.file.take()
            && self.failure.keep(write(&mut file)).is_some()
        {
            self.file = Some(file);
        }
    }

    fn record(&mut self, record: &EpochRecord) {
        let mut scalars = vec![
            ("loss/train", record.train_loss),
            ("accuracy/train", record.train_top1),
            ("rate/epoch", record.lr),
            ("speed/images_per_second", record.images_per_second),
        ];
        let measured = [
            ("loss/validation", record.val_loss),
            ("accuracy/validation", record.val_top1),
            ("accuracy/validation_top5", record.val_top5),
        ];
        scalars.extend(measured.into_iter().filter_map(|(tag, value)| Some((tag, value?))));
        self.write(|file| file.scalars(record.steps as i64, &scalars));
    }

    fn pictures(&mut self, step: i64) {
        for mut picture in std::mem::take(&mut self.pictures) {
            if let Some((bytes, size)) = png(&picture.path)
                && bytes != picture.shown
            {
                self.write(|file| file.picture(step, &picture.tag, size, &bytes));
                picture.shown = bytes;
            }
            self.pictures.push(picture);
        }
    }
}

impl Callback for TensorBoard {
    fn start(&mut self, start: &RunStart, _: &mut Control<'_>) {
        let done = start.records.last().map_or(0, |record| record.steps) + start.steps_done as u64;
        let file = EventFile::create(&self.folder, done as i64);
        self.file = self.failure.keep(file);
        if let Some(text) = self.text.as_ref().and_then(|path| fs::read_to_string(path).ok()) {
            // Four blanks make it what Markdown shows as it is.
            let shown: String = text.lines().map(|line| format!("    {line}\n")).collect();
            self.write(|file| file.text(done as i64, "settings", &shown));
        }
        // What lies at the step that the run goes on from was taken back.
        if let Some(last) = start.records.last().filter(|_| start.steps_done == 0) {
            self.record(last);
        }
    }

    fn step(&mut self, step: &StepProgress, _: &mut Control<'_>) {
        let before = step.total_steps - 1;
        if self.every > 0 && before.is_multiple_of(self.every) {
            let scalars = [("loss/step", step.batch_loss), ("rate/step", step.lr)];
            self.write(|file| file.scalars(before as i64, &scalars));
        }
    }

    fn epoch(&mut self, record: &EpochRecord, _best: bool, _: &mut Control<'_>) {
        self.record(record);
        self.pictures(record.steps as i64);
    }
}

/// The bytes of a PNG file, its width and its height; `None` if it is not there or none.
fn png(path: &Path) -> Option<(Vec<u8>, (u32, u32))> {
    let length = fs::metadata(path).ok()?.len();
    let bytes = (length <= MAX_PICTURE).then(|| fs::read(path).ok()).flatten()?;
    let side = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (width, height) = (side(16)?, side(20)?);
    bytes.starts_with(b"\x89PNG\r\n\x1a\n").then_some((bytes, (width, height)))
}
