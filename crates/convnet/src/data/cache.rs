//! Where decoded images are kept: in memory, in a file, or nowhere.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::DataError;

/// What is kept of images that were decoded and brought to their set's size. What is not kept is decoded whenever it is
/// asked for; the images are the same.
///
/// ```
/// use convnet::data::{Cache, CacheKind};
///
/// let cache = Cache { kind: CacheKind::Disk, ..Cache::default() };
/// assert!(cache.check().is_ok());
/// assert!(Cache { limit: Some(0), ..cache }.check().is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Where they are kept.
    pub kind: CacheKind,
    /// The folder of the files; by default `images` in `$CONVNET_CACHE`, else in the user's cache folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// The most bytes: 2 GiB of memory by default, or 32 GiB of all files in the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Where decoded images are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheKind {
    /// In memory, if they fit.
    #[default]
    Memory,
    /// In a file, if it fits.
    Disk,
    /// Nowhere.
    None,
}

/// The most bytes that images take in memory.
const MEMORY: u64 = 2 << 30;
/// The most bytes that files take.
const DISK: u64 = 32 << 30;

impl Cache {
    /// Whether the settings can be meant.
    ///
    /// # Errors
    /// If the limit is 0, or a folder is named where nothing is written.
    pub fn check(&self) -> Result<(), DataError> {
        let wrong = |problem: String| Err(DataError::Cache { problem });
        if self.limit == Some(0) {
            return wrong(
                "`cache.limit` is 0, expected bytes; to keep nothing, `cache.kind` is `none`".to_owned(),
            );
        }
        match (&self.dir, self.kind) {
            (Some(dir), kind @ (CacheKind::Memory | CacheKind::None)) => wrong(format!(
                "`cache.dir` is `{}`, but `cache.kind` is `{kind}`, expected `disk`",
                dir.display()
            )),
            _ => Ok(()),
        }
    }

    /// The most bytes that are kept.
    pub(super) fn most(&self) -> u64 {
        match self.kind {
            CacheKind::Memory => self.limit.unwrap_or(MEMORY),
            CacheKind::Disk => self.limit.unwrap_or(DISK),
            CacheKind::None => 0,
        }
    }
}

impl CacheKind {
    /// All, with what they are called.
    const ALL: [(&'static str, Self); 3] =
        [("memory", Self::Memory), ("disk", Self::Disk), ("none", Self::None)];
}

impl fmt::Display for CacheKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, kind)| kind == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for CacheKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text).map(|&(_, kind)| kind);
        found.ok_or_else(|| {
            format!("`{text}` is no place to keep images in, expected `memory`, `disk` or `none`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_checked() {
        let read = |text: &str| toml::from_str::<Cache>(text);
        assert_eq!(read("").unwrap(), Cache::default());
        let disk = read("kind = \"disk\"\ndir = \"/big\"\nlimit = 7").unwrap();
        assert_eq!(disk, Cache { kind: CacheKind::Disk, dir: Some("/big".into()), limit: Some(7) });
        assert_eq!(read(&toml::to_string(&disk).unwrap()).unwrap(), disk);
        assert!(read("kind = \"tape\"").is_err() && read("size = 1").is_err());
        assert!(disk.check().is_ok());
        let told = |cache: Cache| cache.check().unwrap_err().to_string();
        assert!(
            told(Cache { kind: CacheKind::None, ..disk.clone() })
                .contains("`cache.kind` is `none`, expected `disk`")
        );
        assert!(told(Cache { limit: Some(0), ..disk }).contains("`cache.limit` is 0"));
        for (name, kind) in CacheKind::ALL {
            assert_eq!((name.parse(), kind.to_string().as_str()), (Ok(kind), name));
        }
        assert!("ram".parse::<CacheKind>().unwrap_err().contains("expected `memory`"));
    }
}
