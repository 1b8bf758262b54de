//! The fingerprint of a run's data in its directory.

use std::path::PathBuf;

use convnet_formats::{atomic, read_text};

use super::TrainError;
use super::run_dir::RunDir;
use crate::data::Fingerprint;

/// The most bytes of the file: some ten million images.
const MAX_BYTES: u64 = 1 << 30;

impl RunDir {
    /// What the data were when the run started: a line an image.
    pub const DATA: &'static str = "data.jsonl";

    /// The fingerprint of the run's data; `None` in a run of a version that kept none.
    ///
    /// # Errors
    /// If the file is lost, cannot be read, or is not as it was written.
    pub fn data(&self) -> Result<Option<Fingerprint>, TrainError> {
        let path = self.file(Self::DATA);
        if path.symlink_metadata().is_err() {
            if self.is_sealed() {
                let why = "nothing else tells what the run was started on";
                return Err(TrainError::Missing { path, why: why.into() });
            }
            return Ok(None);
        }
        let text = read_text(&path, MAX_BYTES)?;
        Fingerprint::from_text(&text).map(Some).map_err(|reason| damaged(path, reason))
    }

    pub(super) fn write_data(&self, data: &Fingerprint) -> Result<(), TrainError> {
        Ok(atomic::write(&self.file(Self::DATA), data.to_text().as_bytes())?)
    }

    /// Refuses to go on with data that are not what they were.
    #[cfg(feature = "train")]
    pub(super) fn check_data(&self, now: &Fingerprint) -> Result<(), TrainError> {
        match self.data()?.and_then(|then| then.differences(now)) {
            None => Ok(()),
            Some(differences) => Err(TrainError::OtherData {
                path: self.path().to_owned(),
                differences: Box::new(differences),
            }),
        }
    }
}

fn damaged(path: PathBuf, reason: String) -> TrainError {
    TrainError::Damaged { path, reason }
}
