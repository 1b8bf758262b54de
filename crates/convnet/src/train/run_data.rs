//! The fingerprint of a run's data in its directory.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::TrainError;
use super::run_dir::RunDir;
use crate::data::Fingerprint;

/// The most bytes of the file: some ten million images.
const MAX_BYTES: u64 = 1 << 30;

impl RunDir {
    /// What the data were when the run started: a line an image.
    pub const DATA: &'static str = "data.jsonl";

    /// The fingerprint of the run's data; `None` if it has none.
    ///
    /// # Errors
    /// If the file cannot be read, or is damaged.
    pub fn data(&self) -> Result<Option<Fingerprint>, TrainError> {
        let path = self.file(Self::DATA);
        let metadata = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata.map_err(TrainError::io("read", &path))?,
        };
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(damaged(path, "it is no regular file of at most 1 GiB".to_owned()));
        }
        let text = fs::read(&path).map_err(TrainError::io("read", &path))?;
        let text = String::from_utf8(text).map_err(|_| "it is not text in UTF-8".to_owned());
        text.and_then(|text| Fingerprint::from_text(&text)).map(Some).map_err(|reason| damaged(path, reason))
    }

    #[cfg(feature = "train")]
    pub(super) fn write_data(&self, data: &Fingerprint) -> Result<(), TrainError> {
        Ok(convnet_formats::atomic::write(&self.file(Self::DATA), data.to_text().as_bytes())?)
    }

    /// Refuses to go on with data that are not what they were.
    #[cfg(feature = "train")]
    pub(super) fn check_data(&self, now: &Fingerprint) -> Result<(), TrainError> {
        match self.data()? {
            Some(then) => match then.differences(now) {
                None => Ok(()),
                Some(differences) => Err(TrainError::OtherData {
                    path: self.path().to_owned(),
                    differences: Box::new(differences),
                }),
            },
            // Killed before it was written: nothing was trained yet.
            None if !self.file(Self::CHECKPOINT).exists() => self.write_data(now),
            None => {
                let reason = "it is missing, and nothing else tells what the run was started on".to_owned();
                Err(damaged(self.file(Self::DATA), reason))
            }
        }
    }
}

fn damaged(path: PathBuf, reason: String) -> TrainError {
    TrainError::Damaged { path, reason }
}
