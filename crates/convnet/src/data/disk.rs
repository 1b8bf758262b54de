//! Decoded images in a file: a head, and each image's pixels with a checksum.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use convnet_formats::checksum::Checksum;
use convnet_formats::{FileSource, FormatError, Source, atomic};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::fingerprint::hexadecimal;
use super::{Cache, DataError, Print, cache_folder};

/// The folder of the files, in that of all that is kept.
const FOLDER: &str = "images";
const ENDING: &str = "pixels";
/// Bytes of the head, which is filled up with blanks.
const HEAD: usize = 512;
/// Bytes of an image's checksum.
const SUM: usize = size_of::<u32>();
const VERSION: u32 = 1;

/// What a file is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
    /// Of the images' names and contents.
    key: String,
    shape: [usize; 3],
    images: usize,
}

/// Images of one shape in a file.
#[derive(Debug)]
pub(super) struct DiskImages {
    path: PathBuf,
    source: FileSource,
    /// Bytes of an image.
    size: usize,
}

/// What there is in the place of a file.
pub(super) enum Kept {
    /// The images.
    Whole(DiskImages),
    /// No such file, or one that was damaged.
    None { damaged: bool },
}

/// A file that holds images, or will.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    head: Head,
}

impl Place {
    /// The place of the images that have these prints, brought to a shape.
    ///
    /// # Errors
    /// If there is no folder to keep anything in.
    pub(super) fn of(
        cache: &Cache,
        prints: &[Print],
        (channels, height, width): (usize, usize, usize),
    ) -> Result<Self, DataError> {
        let folder = match &cache.dir {
            Some(dir) => dir.clone(),
            None => cache_folder::folder().ok_or(DataError::NoCache { set: "decoded images" })?.join(FOLDER),
        };
        let mut hasher = Sha256::new();
        for Print { name, bytes, digest } in prints {
            hasher.update(format!("{}:{name}:{bytes}:{digest};", name.len()));
        }
        let shape = [channels, height, width];
        hasher.update(format!("{VERSION}:{shape:?}"));
        let key = hexadecimal(&hasher.finalize()[..16]);
        let path = folder.join(&key).with_extension(ENDING);
        Ok(Self { path, head: Head { version: VERSION, key, shape, images: prints.len() } })
    }

    fn size(&self) -> usize {
        self.head.shape.iter().product()
    }

    /// Bytes of the whole file.
    fn bytes(&self) -> u64 {
        HEAD as u64 + self.head.images as u64 * (self.size() + SUM) as u64
    }

    /// The images, if the file is there and has the right head and length. What is within is checked when it is read.
    pub(super) fn open(&self) -> Kept {
        let Ok(source) = FileSource::open(&self.path) else { return Kept::None { damaged: false } };
        let mut head = [0; HEAD];
        let whole = source.len() == self.bytes()
            && source.read_at(0, &mut head).is_ok()
            && serde_json::from_slice::<Head>(&head).is_ok_and(|head| head == self.head);
        match whole {
            true => Kept::Whole(DiskImages { path: self.path.clone(), source, size: self.size() }),
            false => Kept::None { damaged: true },
        }
    }

    /// Whether the file may be written: within the cache's limit, and within half of what is free on the disk. Older
    /// files of the folder are removed where the limit asks for it.
    ///
    /// # Errors
    /// Why it may not; or if the folder cannot be made.
    pub(super) fn admit(&self, cache: &Cache) -> Result<(), String> {
        let (bytes, most) = (self.bytes(), cache.most());
        if bytes > most {
            return Err(format!("the images take {bytes} bytes, and the cache's limit is {most}"));
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let failed = |error: &io::Error| format!("`{}` cannot be written: {error}", folder.display());
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        let free = fs4::available_space(folder).map_err(|error| failed(&error))?;
        if bytes > free / 2 {
            return Err(format!(
                "the images take {bytes} bytes, more than half of the {free} that are free in `{}`",
                folder.display()
            ));
        }
        make_room(folder, &self.path, most - bytes);
        Ok(())
    }

    /// Writes the file: `image` gives the pixels of one image after the other.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(
        &self,
        fill: impl FnOnce(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>,
    ) -> Result<DiskImages, DataError> {
        atomic::write_with(&self.path, |file| {
            let mut head = serde_json::to_vec(&self.head)?;
            head.resize(HEAD, b' ');
            file.write_all(&head)?;
            fill(&mut |pixels| {
                file.write_all(pixels)?;
                file.write_all(&Checksum::of(pixels).value().to_le_bytes())
            })
        })?;
        match self.open() {
            Kept::Whole(images) => Ok(images),
            Kept::None { .. } => {
                let source =
                    io::Error::other("it is not there as it was written; another program changed it");
                Err(FormatError::Io { action: "read", path: self.path.clone(), source }.into())
            }
        }
    }
}

/// Removes the files that were written longest ago until the others take no more than `most` bytes.
fn make_room(folder: &Path, own: &Path, most: u64) {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| {
        let (path, data) = (entry.path(), entry.metadata().ok()?);
        let is_ours =
            path.extension().is_some_and(|ending| ending == ENDING) && data.is_file() && path != own;
        is_ours.then(|| (data.modified().ok(), data.len(), path))
    });
    let mut files: Vec<_> = files.collect();
    files.sort();
    let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in files {
        if total <= most {
            return;
        }
        // One that cannot be removed takes its room; the disk's free bytes are looked at all the same.
        if fs::remove_file(path).is_ok() {
            total -= bytes;
        }
    }
}

impl DiskImages {
    /// The pixels of an image; `None` if they are not as they were written. Such a file is removed, so that the next run
    /// makes it anew.
    pub(super) fn pixels(&self, index: usize) -> Option<Vec<u8>> {
        let mut pixels = vec![0; self.size + SUM];
        let place = HEAD as u64 + index as u64 * pixels.len() as u64;
        let read = self.source.read_at(place, &mut pixels);
        let sum = pixels.split_off(self.size);
        if read.is_ok() && Checksum::of(&pixels).value().to_le_bytes() == sum[..] {
            return Some(pixels);
        }
        // Another thread may have removed it already.
        let _ = fs::remove_file(&self.path);
        None
    }

    #[cfg(test)]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::CacheKind;

    fn cache(dir: &Path, limit: u64) -> Cache {
        Cache { kind: CacheKind::Disk, dir: Some(dir.to_owned()), limit: Some(limit) }
    }

    fn place(dir: &Path, name: &str) -> Place {
        let print = |name: &str| Print { name: name.into(), bytes: 9, digest: "d".into() };
        Place::of(&cache(dir, 1), &[print(name), print("b")], (1, 2, 3)).unwrap()
    }

    fn write(place: &Place) -> DiskImages {
        place.write(|image| [1u8, 2].iter().try_for_each(|&level| image(&[level; 6]))).unwrap()
    }

    #[test]
    fn images_come_back_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path(), "a");
        assert!(matches!(place.open(), Kept::None { damaged: false }));
        place.admit(&cache(folder.path(), 1 << 20)).unwrap();
        let images = write(&place);
        assert_eq!((images.pixels(0), images.pixels(1)), (Some(vec![1; 6]), Some(vec![2; 6])));
        let whole = fs::read(images.path()).unwrap();
        assert_eq!(whole.len() as u64, place.bytes());
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(images.path(), &bytes).unwrap();
            let found = match place.open() {
                Kept::Whole(images) => [images.pixels(0), images.pixels(1)],
                Kept::None { damaged } => {
                    assert!(damaged);
                    [None, None]
                }
            };
            let right = [Some(vec![1; 6]), Some(vec![2; 6])];
            assert!(found != right, "byte {at}");
            assert!(
                found.iter().zip(&right).all(|(found, right)| found.is_none() || found == right),
                "byte {at}"
            );
        }
        fs::write(images.path(), &whole[..whole.len() - 1]).unwrap();
        assert!(matches!(place.open(), Kept::None { damaged: true }));
    }

    #[test]
    fn limits_hold_and_old_files_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (place(folder.path(), "a"), place(folder.path(), "b"));
        assert_ne!(a.path, b.path);
        let bytes = a.bytes();
        let told = a.admit(&cache(folder.path(), bytes - 1)).unwrap_err();
        assert!(told.contains("the cache's limit is"), "{told}");
        write(&a);
        b.admit(&cache(folder.path(), 2 * bytes)).unwrap();
        assert!(a.path.exists());
        b.admit(&cache(folder.path(), 2 * bytes - 1)).unwrap();
        assert!(!a.path.exists());
        let huge = Place { head: Head { images: usize::MAX >> 8, ..a.head.clone() }, path: a.path.clone() };
        let told = huge.admit(&cache(folder.path(), u64::MAX)).unwrap_err();
        assert!(told.contains("more than half of the"), "{told}");
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(
            place(&file.join("x"), "a")
                .admit(&cache(folder.path(), u64::MAX))
                .unwrap_err()
                .contains("cannot be written")
        );
    }
}
