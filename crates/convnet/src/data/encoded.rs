//! Sets of images that are decoded: from files or from members of archives, brought to one size, kept or read anew.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::dataset::{Sizes, at_shape};
use super::decode::Header;
use super::disk::{DiskImages, Kept, Place};
use super::samples::{InMemory, Samples, reduced};
use super::transform::Chain;
use super::{CacheKind, DataError, Dataset, Image, MultiLabels, OpenOptions, Print, parallel};

/// Channels, height, width.
type Shape = (usize, usize, usize);

/// Images that are all of one size keep it up to so many pixels a side.
const MAX_KEPT: usize = 512;
/// Other images are cut to squares of at most so many pixels a side.
const MAX_SQUARE: usize = 256;
/// So many damaged images are looked for where they stop the work.
const MAX_ERRORS: usize = 1000;
/// Bytes of decoded images that wait to be written.
const WAITING: usize = 32 << 20;

/// The labelled images of a split, encoded.
pub(super) trait Encoded: Debug + Send + Sync + Sized + 'static {
    /// The class of each.
    fn labels(&self) -> &[u32];

    /// All classes of each, where an image may have several or none.
    fn multi_labels(&self) -> Option<&MultiLabels> {
        None
    }

    /// What it is called: its path below the set's folder.
    fn name(&self, index: usize) -> String;

    /// Its size and channels, without its pixels.
    fn header(&self, index: usize) -> Result<Header, DataError>;

    /// Decodes it, and does something with it before others may take its memory.
    fn decode<T>(&self, index: usize, then: impl FnOnce(Image<'static>) -> T) -> Result<T, DataError>;

    /// What tells it from others, by all of its bytes.
    fn print(&self, index: usize) -> Result<Print, DataError>;

    /// What tells the labels of some of the images from others, where their names do not.
    fn print_of_labels(&self, _indices: &[usize]) -> Option<Print> {
        None
    }

    /// Those at the given places, which rise.
    fn only(self, places: &[usize]) -> Self;
}

/// Splits that were opened.
#[derive(Debug)]
pub(super) struct Opened {
    /// In the order in which they were given.
    pub(super) sets: Vec<Dataset>,
    pub(super) sizes: Sizes,
    /// Height and width of each image that can be read.
    pub(super) each: Vec<[usize; 2]>,
    /// What is to be said: what is skipped, what is not kept.
    pub(super) notes: Vec<String>,
}

/// Opens splits of the same classes at one size.
///
/// Images that are all of one size (up to 512 × 512) keep it; others are resized to cover a square and cut to it, whose
/// side is the median of their shorter sides, at most 256. They are grey if all are.
///
/// # Errors
/// The images that cannot be decoded, all of them, unless they are to be skipped; a class that has no other image; no
/// image at all.
pub(super) fn open<E: Encoded>(
    origin: &str,
    classes: &[String],
    splits: Vec<E>,
    options: &OpenOptions,
) -> Result<Opened, DataError> {
    options.cache.check()?;
    let all: Vec<(usize, usize)> = splits
        .iter()
        .enumerate()
        .flat_map(|(split, of)| (0..of.labels().len()).map(move |i| (split, i)))
        .collect();
    let headers = parallel::map(&all, |&(split, index)| Ok::<_, DataError>(splits[split].header(index)))?;
    let known: Vec<Header> = headers.iter().filter_map(|header| header.as_ref().ok()).copied().collect();
    let each: Vec<[usize; 2]> = known.iter().map(size).collect();
    let Some(sizes) = Sizes::of(&each) else {
        DataError::all(headers.into_iter().filter_map(Result::err).take(MAX_ERRORS).collect())?;
        return Err(DataError::NoImages { origin: origin.to_owned() });
    };
    let shape = common_shape(&known);
    let problems = headers.into_iter().map(Result::err).collect();
    let mut work =
        Work { splits, shape, all, skip: options.skip_corrupt, headers: problems, notes: Vec::new() };
    let (kept, problems) = work.decoded(options)?;
    work.settle(origin, classes, kept, problems).map(|(sets, notes)| Opened { sets, sizes, each, notes })
}

/// What is kept of all splits; damaged images have a place too.
enum All {
    Memory(Vec<Vec<u8>>),
    Disk(DiskImages, Vec<Print>),
    Nothing,
}

struct Work<E> {
    splits: Vec<E>,
    shape: Shape,
    /// The split of each image and its place there.
    all: Vec<(usize, usize)>,
    skip: bool,
    /// What is wrong with the head of each image.
    headers: Vec<Option<DataError>>,
    notes: Vec<String>,
}

impl<E: Encoded> Work<E> {
    fn size(&self) -> usize {
        self.shape.0 * self.shape.1 * self.shape.2
    }

    /// Decodes what is to be kept; what is wrong with an image stands at its place.
    fn decoded(&mut self, options: &OpenOptions) -> Result<(All, Vec<Option<DataError>>), DataError> {
        let bytes = self.size() as u64 * self.all.len() as u64;
        let cache = &options.cache;
        match cache.kind {
            CacheKind::Memory if bytes <= cache.most() => {
                let (mut parts, mut problems) = (Vec::new(), Vec::new());
                for split in &self.splits {
                    let start = problems.len();
                    let mut pixels = vec![0; self.size() * split.labels().len()];
                    problems.extend(self.fill(start..start + split.labels().len(), &mut pixels));
                    parts.push(pixels);
                }
                return Ok((All::Memory(parts), problems));
            }
            CacheKind::Disk => {
                let prints = parallel::map(&self.all, |&(split, index)| self.splits[split].print(index))?;
                let place = Place::of(cache, &prints, self.shape)?;
                match place.open() {
                    // It was written when no image was damaged.
                    Kept::Whole(images) => return Ok((All::Disk(images, prints), Vec::new())),
                    Kept::None { damaged: true } => {
                        self.notes
                            .push("the file of decoded images was damaged, and is made anew".to_owned());
                    }
                    Kept::None { damaged: false } => {}
                }
                match place.admit(cache) {
                    Ok(()) => {
                        let written = self.written(&place, prints)?;
                        if self.skip && matches!(written.0, All::Nothing) {
                            let told = "images are decoded whenever they are asked for: a set with damaged ones is not kept \
                                        in a file";
                            self.notes.push(told.to_owned());
                        }
                        return Ok(written);
                    }
                    Err(reason) => {
                        self.notes.push(format!("images are decoded whenever they are asked for: {reason}"));
                    }
                }
            }
            CacheKind::Memory | CacheKind::None => {}
        }
        // Training images are all decoded before the first step, for their mean and deviation.
        let first = if self.skip { 0 } else { self.splits[0].labels().len() };
        let mut problems = std::mem::take(&mut self.headers);
        problems.truncate(first);
        problems.extend(self.fill(first..self.all.len(), &mut []));
        Ok((All::Nothing, problems))
    }

    /// Decodes into a file, a part at a time. With a damaged image there is none: it stays with the image.
    fn written(&self, place: &Place, prints: Vec<Print>) -> Result<(All, Vec<Option<DataError>>), DataError> {
        let (size, mut problems) = (self.size(), Vec::new());
        let count = (WAITING / size).max(1);
        let mut pixels = vec![0; size * count.min(self.all.len())];
        let result = place.write(|write| {
            for start in (0..self.all.len()).step_by(count) {
                let range = start..(start + count).min(self.all.len());
                let part = &mut pixels[..size * range.len()];
                problems.extend(self.fill(range, part));
                part.chunks_exact(size).try_for_each(&mut *write)?;
            }
            match problems.iter().any(Option::is_some) {
                true => Err(io::Error::other("an image is damaged")),
                false => Ok(()),
            }
        });
        match result {
            Ok(images) => Ok((All::Disk(images, prints), problems)),
            Err(_) if problems.iter().any(Option::is_some) => Ok((All::Nothing, problems)),
            Err(error) => Err(error),
        }
    }

    /// Decodes some of all images into `pixels`, or looks only whether they decode where that is empty.
    fn fill(&self, range: std::ops::Range<usize>, pixels: &mut [u8]) -> Vec<Option<DataError>> {
        let mut problems: Vec<Option<DataError>> = range.clone().map(|_| None).collect();
        let mut places: Vec<&mut [u8]> = match pixels.is_empty() {
            true => range.clone().map(|_| &mut [][..]).collect(),
            false => pixels.chunks_exact_mut(self.size()).collect(),
        };
        let transforms = at_shape(self.shape);
        let mut chains: Vec<Chain> =
            (0..parallel::threads(range.len())).map(|_| Chain::new(&transforms)).collect();
        let (found, skip) = (AtomicUsize::new(0), self.skip);
        let items = self.all[range].iter().zip(places.iter_mut().zip(&mut problems));
        let Ok(()) = parallel::for_each(&mut chains, items, |chain, (&(split, index), (out, problem))| {
            if !skip && found.load(Ordering::Relaxed) >= MAX_ERRORS {
                return Ok(());
            }
            let decoded = self.splits[split].decode(index, |image| {
                if !out.is_empty() {
                    copy(&chain.run(&image), out);
                }
            });
            if let Err(error) = decoded {
                found.fetch_add(1, Ordering::Relaxed);
                *problem = Some(error);
            }
            Ok::<(), std::convert::Infallible>(())
        });
        problems
    }

    /// The sets, without what is skipped.
    fn settle(
        self,
        origin: &str,
        classes: &[String],
        kept: All,
        problems: Vec<Option<DataError>>,
    ) -> Result<(Vec<Dataset>, Vec<String>), DataError> {
        let size = self.size();
        let mut notes = self.notes;
        let damaged: Vec<usize> = problems
            .iter()
            .enumerate()
            .filter_map(|(place, problem)| problem.as_ref().map(|_| place))
            .collect();
        if !damaged.is_empty() {
            if !self.skip {
                return DataError::all(problems.into_iter().flatten().collect())
                    .map(|()| (Vec::new(), notes));
            }
            notes.push(skipped(problems.iter().flatten(), damaged.len(), self.all.len()));
        }
        let mut sets = Vec::new();
        let mut base = 0;
        let (mut parts, disk) = match kept {
            All::Memory(parts) => (parts.into_iter(), None),
            All::Disk(images, prints) => (Vec::new().into_iter(), Some((Arc::new(images), prints))),
            All::Nothing => (Vec::new().into_iter(), None),
        };
        for encoded in self.splits {
            let count = encoded.labels().len();
            let own = |place: &usize| (base..base + count).contains(place);
            let good: Vec<usize> = match damaged.iter().any(own) {
                true => (0..count).filter(|index| damaged.binary_search(&(base + index)).is_err()).collect(),
                false => (0..count).collect(),
            };
            let before = encoded.labels().to_vec();
            let encoded = if good.len() < count { encoded.only(&good) } else { encoded };
            // The first of several labels tells nothing of a class.
            if encoded.multi_labels().is_none() {
                // What is learned from needs every class; a class that is not measured is told by the counts.
                if base == 0 {
                    emptied(origin, classes, &before, encoded.labels())?;
                }
            }
            let store = match (parts.next(), &disk) {
                (Some(pixels), _) => {
                    let pixels = picked(pixels, &good, count, size);
                    Store::Memory(InMemory::new(origin, pixels, encoded.labels().to_vec(), self.shape)?)
                }
                (_, Some((images, prints))) => {
                    let prints = prints[base..base + count].to_vec();
                    Store::Disk { images: Arc::clone(images), base, prints }
                }
                _ => Store::Nothing,
            };
            let skipped =
                problems[base.min(problems.len())..(base + count).min(problems.len())].iter().flatten();
            let skipped = skipped.map(DataError::told).collect();
            let decoded = Decoded { encoded, shape: self.shape, store, skipped };
            sets.push(Dataset::of(origin, decoded, classes.to_vec(), self.shape)?);
            base += count;
        }
        Ok((sets, notes))
    }
}

/// The pixels of some of the images.
fn picked(pixels: Vec<u8>, good: &[usize], count: usize, size: usize) -> Vec<u8> {
    match good.len() == count {
        true => pixels,
        false => good.iter().flat_map(|&index| &pixels[index * size..][..size]).copied().collect(),
    }
}

/// Refuses a class that lost all of its images.
fn emptied(origin: &str, classes: &[String], before: &[u32], after: &[u32]) -> Result<(), DataError> {
    let count = |labels: &[u32]| {
        let mut counts = vec![0usize; classes.len()];
        labels.iter().filter_map(|&label| usize::try_from(label).ok()).for_each(|label| {
            if let Some(count) = counts.get_mut(label) {
                *count += 1;
            }
        });
        counts
    };
    let (before, after) = (count(before), count(after));
    match before.iter().zip(&after).position(|(&before, &after)| before > 0 && after == 0) {
        None => Ok(()),
        Some(class) => Err(DataError::AllCorrupt {
            origin: origin.to_owned(),
            class: classes[class].clone(),
            images: before[class],
        }),
    }
}

/// So many skipped images are named.
const NAMED: usize = 1000;

fn skipped<'a>(problems: impl Iterator<Item = &'a DataError>, count: usize, of: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    let mut text = format!("{count} of {of} images {verb} skipped, which cannot be decoded:");
    for problem in problems.take(NAMED) {
        text.push_str("\n  ");
        text.push_str(&problem.told());
    }
    if count > NAMED {
        text.push_str(&format!("\n  and {} more", count - NAMED));
    }
    text
}

/// Copies an image to its place; a grey one among RGB ones has its plane repeated.
fn copy(image: &Image<'_>, out: &mut [u8]) {
    for plane in out.chunks_exact_mut(image.pixels().len()) {
        plane.copy_from_slice(image.pixels());
    }
}

fn size(header: &Header) -> [usize; 2] {
    [header.height as usize, header.width as usize]
}

/// The shape that all images get: channels, height, width.
fn common_shape(headers: &[Header]) -> Shape {
    let channels = headers.iter().map(|header| header.channels).max().unwrap_or(1);
    let [height, width] = size(&headers[0]);
    if headers.iter().all(|header| size(header) == [height, width]) && width.max(height) <= MAX_KEPT {
        return (channels, height, width);
    }
    let mut shorter: Vec<usize> = headers.iter().map(size).map(|[height, width]| height.min(width)).collect();
    shorter.sort_unstable();
    let side = shorter[shorter.len() / 2].min(MAX_SQUARE);
    (channels, side, side)
}

/// The images of a split at the set's size.
#[derive(Debug)]
struct Decoded<E> {
    encoded: E,
    shape: Shape,
    store: Store,
    skipped: Vec<String>,
}

#[derive(Debug)]
enum Store {
    Memory(InMemory),
    /// The first image of the split is number `base` of the file, which is of the images that had these prints.
    Disk {
        images: Arc<DiskImages>,
        base: usize,
        prints: Vec<Print>,
    },
    Nothing,
}

impl<E: Encoded> Decoded<E> {
    /// Brought to the set's size at once: large images do not wait in memory for what is done to them next.
    fn decoded(&self, index: usize) -> Result<Image<'static>, DataError> {
        self.encoded.decode(index, |image| {
            let mut chain = Chain::new(&at_shape(self.shape));
            let image = chain.run(&image);
            let mut pixels = vec![0; self.shape.0 * self.shape.1 * self.shape.2];
            copy(&image, &mut pixels);
            Image::owned(self.shape, pixels)
        })
    }
}

impl<E: Encoded> Samples for Decoded<E> {
    fn labels(&self) -> &[u32] {
        self.encoded.labels()
    }

    fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
        match &self.store {
            Store::Memory(images) => images.image(index),
            Store::Disk { images, base, .. } => match images.pixels(base + index) {
                Some(pixels) => Ok(Image::owned(self.shape, pixels)),
                None => self.decoded(index),
            },
            Store::Nothing => self.decoded(index),
        }
    }

    fn original(&self, index: usize) -> Result<Image<'_>, DataError> {
        self.encoded.decode(index, |image| image)
    }

    fn reduced(&self, index: usize, shorter: usize) -> Result<Image<'_>, DataError> {
        self.encoded.decode(index, |image| reduced(image, shorter))
    }

    fn in_memory(&self) -> bool {
        matches!(self.store, Store::Memory(_))
    }

    fn prints_of(&self, indices: &[usize]) -> Result<Vec<Print>, DataError> {
        let mut found = match &self.store {
            Store::Disk { prints, .. } => indices.iter().map(|&index| prints[index].clone()).collect(),
            _ => parallel::map(indices, |&index| self.encoded.print(index))?,
        };
        found.extend(self.encoded.print_of_labels(indices));
        Ok(found)
    }

    fn multi_labels(&self) -> Option<&MultiLabels> {
        self.encoded.multi_labels()
    }

    fn name(&self, index: usize) -> Option<String> {
        Some(self.encoded.name(index))
    }

    fn skipped(&self) -> &[String] {
        &self.skipped
    }

    fn mode(&self, index: usize) -> Result<&'static str, DataError> {
        Ok(self.encoded.header(index)?.mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Cache, DataSets, Fingerprint, open_as};
    use std::fs;
    use std::path::{Path, PathBuf};

    /// Twelve photos of two classes, of several sizes, three of them grey.
    fn photos(folder: &Path) {
        for number in 0..12u32 {
            let path = folder.join(["a", "b"][number as usize % 2]).join(format!("{number:02}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let level = |x, y| (x * 7 + y * 5 + 20 * number) as u8;
            let (width, height) = (20 + number * 3, 40 - number * 2);
            match number % 4 {
                0 => image::GrayImage::from_fn(width, height, |x, y| image::Luma([level(x, y)])).save(path),
                _ => {
                    image::RgbImage::from_fn(width, height, |x, y| image::Rgb([level(x, y), level(y, x), 9]))
                        .save(path)
                }
            }
            .unwrap();
        }
    }

    fn cut(path: &Path) {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() / 2]).unwrap();
    }

    fn opened(folder: &Path, options: &OpenOptions) -> Result<DataSets, DataError> {
        open_as(folder.to_str().unwrap(), options, &mut |_| {})
    }

    fn pixels(sets: &DataSets) -> Vec<u8> {
        let of = |set: &Dataset, index: usize| set.image(index).unwrap().pixels().to_vec();
        sets.splits().flat_map(|(_, set)| (0..set.len()).flat_map(|index| of(set, index))).collect()
    }

    fn disk(dir: &Path) -> OpenOptions {
        let cache = Cache { kind: CacheKind::Disk, dir: Some(dir.to_owned()), limit: None };
        OpenOptions { cache, ..OpenOptions::default() }
    }

    fn file(dir: &Path) -> Option<PathBuf> {
        fs::read_dir(dir).unwrap().next().map(|entry| entry.unwrap().path())
    }

    #[test]
    fn images_are_the_same_wherever_they_are_kept() {
        let (folder, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        photos(folder.path());
        let memory = opened(folder.path(), &OpenOptions::default()).unwrap();
        assert!(memory.train.in_memory());
        let none = Cache { kind: CacheKind::None, ..Cache::default() };
        let none = opened(folder.path(), &OpenOptions { cache: none, ..OpenOptions::default() }).unwrap();
        let small = Cache { limit: Some(100), ..Cache::default() };
        let small = opened(folder.path(), &OpenOptions { cache: small, ..OpenOptions::default() }).unwrap();
        assert!(!none.train.in_memory() && !small.train.in_memory());
        let print = Fingerprint::of(&memory).unwrap();
        for sets in [
            none,
            small,
            opened(folder.path(), &disk(dir.path())).unwrap(),
            opened(folder.path(), &disk(dir.path())).unwrap(),
        ] {
            assert!(pixels(&sets) == pixels(&memory));
            assert_eq!(Fingerprint::of(&sets).unwrap(), print);
            assert_eq!(sets.train.original(0).unwrap(), memory.train.original(0).unwrap());
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_file_is_used_and_damage_to_it_changes_nothing() {
        let (folder, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        photos(folder.path());
        let right = pixels(&opened(folder.path(), &disk(dir.path())).unwrap());
        let path = file(dir.path()).unwrap();
        let whole = fs::read(&path).unwrap();
        for at in [600, whole.len() - 3] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            let sets = opened(folder.path(), &disk(dir.path())).unwrap();
            assert!(pixels(&sets) == right);
            assert!(!path.exists());
            // The next one makes it anew.
            assert!(pixels(&opened(folder.path(), &disk(dir.path())).unwrap()) == right);
            assert!(fs::read(&path).unwrap() == whole);
        }
        fs::write(&path, &whole[..700]).unwrap();
        let sets = opened(folder.path(), &disk(dir.path())).unwrap();
        assert!(
            sets.notes.iter().any(|note| note.contains("was damaged, and is made anew")),
            "{:?}",
            sets.notes
        );
        assert!(fs::read(&path).unwrap() == whole);
        // Another image is another file.
        fs::copy(folder.path().join("a/00.png"), folder.path().join("a/02.png")).unwrap();
        opened(folder.path(), &disk(dir.path())).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_limit_of_the_file_is_kept_and_told() {
        let (folder, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        photos(folder.path());
        let mut options = disk(dir.path());
        options.cache.limit = Some(1000);
        let sets = opened(folder.path(), &options).unwrap();
        assert!(sets.notes.iter().any(|note| note.contains("the cache's limit is 1000")), "{:?}", sets.notes);
        assert_eq!(file(dir.path()), None);
        assert!(pixels(&sets) == pixels(&opened(folder.path(), &OpenOptions::default()).unwrap()));
    }

    #[test]
    fn damaged_images_stop_the_work_or_are_skipped_by_name() {
        let (folder, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        photos(folder.path());
        let whole = opened(folder.path(), &OpenOptions::default()).unwrap();
        cut(&folder.path().join("b/05.png"));
        fs::write(folder.path().join("a/04.png"), "text").unwrap();
        let none = Cache { kind: CacheKind::None, ..Cache::default() };
        let caches = [Cache::default(), none, disk(dir.path()).cache];
        let mut found = Vec::new();
        for cache in caches {
            if cache.kind != CacheKind::None {
                let told =
                    opened(folder.path(), &OpenOptions { cache: cache.clone(), ..OpenOptions::default() })
                        .unwrap_err()
                        .to_string();
                assert!(
                    told.starts_with("2 images cannot be used") && told.contains("b/05.png`: the file ends"),
                    "{told}"
                );
            }
            let sets =
                opened(folder.path(), &OpenOptions { cache, skip_corrupt: true, ..OpenOptions::default() })
                    .unwrap();
            let told = sets.notes.join("\n");
            assert!(told.contains("2 of 12 images are skipped, which cannot be decoded:"), "{told}");
            assert!(
                told.contains("a/04.png`: by its first bytes") && told.contains("b/05.png`: the file ends"),
                "{told}"
            );
            assert_eq!(sets.splits().map(|(_, set)| set.len()).sum::<usize>(), 10);
            let print = Fingerprint::of(&sets).unwrap();
            let names: Vec<&str> =
                print.train.iter().chain(&print.test).map(|print| print.name.as_str()).collect();
            assert!(names.len() == 10 && !names.contains(&"a/04.png") && !names.contains(&"b/05.png"));
            // An image that is mended is new to the run.
            let differences = print.differences(&Fingerprint::of(&whole).unwrap()).unwrap();
            assert_eq!(differences.added, ["a/04.png", "b/05.png"]);
            found.push(pixels(&sets));
        }
        assert!(found.iter().all(|pixels| *pixels == found[0]));
    }

    #[test]
    fn a_class_of_damaged_images_alone_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        photos(folder.path());
        for number in [0, 2, 4, 6, 8, 10] {
            cut(&folder.path().join(format!("a/{number:02}.png")));
        }
        let options = OpenOptions { skip_corrupt: true, ..OpenOptions::default() };
        let told = opened(folder.path(), &options).unwrap_err().to_string();
        assert!(told.contains("images of class `a` can be decoded"), "{told}");
    }
}
