//! The class folders of a split, and what lies there beside images.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use convnet_formats::FormatError;

use super::super::DataError;
use super::super::decode::{self, ENDINGS};

/// A class's name, its folder and its images: those of the folder, then those of each folder below it, sorted by the
/// folders' paths and by their own names, as torchvision's ImageFolder has them.
pub(super) struct Class {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) images: Vec<PathBuf>,
}

/// What was not read, counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Images beside the class folders.
    pub(super) beside: usize,
    /// Files by their endings.
    endings: BTreeMap<String, usize>,
    hidden: usize,
    dead_links: usize,
    /// Devices, pipes and sockets.
    special: usize,
    /// Links to a folder that was read already.
    loops: usize,
    /// Files and folders that systems put beside one's own.
    clutter: usize,
}

/// What macOS, Windows and Synology's servers leave in folders, in lower case.
const CLUTTER: [&str; 11] = [
    ".ds_store",
    ".localized",
    "icon\r",
    "__macosx",
    ".spotlight-v100",
    ".trashes",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "$recycle.bin",
    "@eadir",
];

/// What an entry of a folder is.
enum Entry {
    Folder(PathBuf),
    Image(PathBuf),
}

/// The classes of a split: its folders. Where all of them are numbers they are in the order of these, else in the order
/// of their names' bytes, which is torchvision's.
pub(super) fn classes(split: &Path, left_out: &mut LeftOut) -> Result<Vec<Class>, DataError> {
    let mut classes = Vec::new();
    for entry in entries(split, left_out)? {
        match entry {
            Entry::Image(_) => left_out.beside += 1,
            Entry::Folder(folder) => {
                let images = images(&folder, left_out)?;
                classes.push(Class { name: name(&folder), folder, images });
            }
        }
    }
    let number = |class: &Class| -> Option<u64> {
        class.name.bytes().all(|byte| byte.is_ascii_digit()).then(|| class.name.parse().ok()).flatten()
    };
    match classes.iter().all(|class| number(class).is_some()) {
        true => classes.sort_by(|a, b| (number(a), &a.name).cmp(&(number(b), &b.name))),
        false => classes.sort_by(|a, b| a.name.cmp(&b.name)),
    }
    Ok(classes)
}

/// The images in a folder and in those below it, sorted by folder and name.
pub(super) fn images(folder: &Path, left_out: &mut LeftOut) -> Result<Vec<PathBuf>, DataError> {
    let mut images = Vec::new();
    gather(folder, &mut HashSet::new(), &mut images, left_out)?;
    images.sort_by(|a: &PathBuf, b: &PathBuf| {
        let place = |path: &PathBuf| path.parent().map(|folder| folder.as_os_str().to_owned());
        place(a).cmp(&place(b)).then_with(|| a.file_name().cmp(&b.file_name()))
    });
    Ok(images)
}

/// A folder's own name.
pub(in crate::data) fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The folders in a folder, in the order of their names.
pub(in crate::data) fn folders(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    folders_beside(folder, &mut LeftOut::default())
}

/// The same, and what lies beside them.
pub(super) fn folders_beside(folder: &Path, left_out: &mut LeftOut) -> Result<Vec<PathBuf>, DataError> {
    let mut folders = Vec::new();
    for entry in entries(folder, left_out)? {
        match entry {
            Entry::Folder(path) => folders.push(path),
            Entry::Image(_) => left_out.beside += 1,
        }
    }
    Ok(folders)
}

/// The images in a folder and in those below it; links are followed, but no folder is read twice.
fn gather(
    folder: &Path,
    seen: &mut HashSet<PathBuf>,
    images: &mut Vec<PathBuf>,
    left_out: &mut LeftOut,
) -> Result<(), DataError> {
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        if !seen.insert(fs::canonicalize(&folder).map_err(read(&folder))?) {
            left_out.loops += 1;
            continue;
        }
        for entry in entries(&folder, left_out)? {
            match entry {
                Entry::Image(path) => images.push(path),
                Entry::Folder(path) => waiting.push(path),
            }
        }
    }
    Ok(())
}

/// The folders and images in a folder, sorted; what else is there is counted.
fn entries(folder: &Path, left_out: &mut LeftOut) -> Result<Vec<Entry>, DataError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(read(folder))? {
        paths.push(entry.map_err(read(folder))?.path());
    }
    paths.sort();
    let mut entries = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if CLUTTER.contains(&name.as_str()) {
            left_out.clutter += 1;
            continue;
        }
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let is_image = ending.as_ref().is_some_and(|ending| ENDINGS.contains(&ending.as_str()));
        if hidden {
            left_out.hidden += usize::from(is_image);
            continue;
        }
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => entries.push(Entry::Folder(path)),
            Ok(metadata) if !metadata.is_file() => left_out.special += 1,
            Ok(_) if is_image || ending.is_none() && decode::is_known(&path) => {
                entries.push(Entry::Image(path));
            }
            Ok(_) => {
                let ending = ending.map_or("no ending".to_owned(), |ending| format!(".{ending}"));
                *left_out.endings.entry(ending).or_default() += 1;
            }
            // A link that leads nowhere, or round in a circle.
            Err(_) if path.is_symlink() => left_out.dead_links += 1,
            Err(error) => return Err(read(&path)(error).into()),
        }
    }
    Ok(entries)
}

fn read(path: &Path) -> impl FnOnce(std::io::Error) -> FormatError {
    let path = path.to_owned();
    move |source| FormatError::Io { action: "read", path, source }
}

impl LeftOut {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.beside += other.beside;
        self.hidden += other.hidden;
        self.dead_links += other.dead_links;
        self.special += other.special;
        self.loops += other.loops;
        self.clutter += other.clutter;
        for (ending, count) in other.endings {
            *self.endings.entry(ending).or_default() += count;
        }
    }
}

/// So many endings are named.
const NAMED: usize = 6;

/// `1 image beside the class folders, 3 files of other kinds (.txt 2, .heic 1)`.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let mut part = |count: usize, one: &str, many: &str| {
            if count > 0 {
                parts.push(format!("{count} {}", if count == 1 { one } else { many }));
            }
        };
        part(self.beside, "image beside the class folders", "images beside the class folders");
        part(self.hidden, "hidden image", "hidden images");
        part(self.dead_links, "link that leads nowhere", "links that lead nowhere");
        part(self.special, "device, pipe or socket", "devices, pipes or sockets");
        part(self.loops, "link to a folder read already", "links to folders read already");
        part(self.clutter, "leftover of macOS or Windows", "leftovers of macOS or Windows");
        let files: usize = self.endings.values().sum();
        if files > 0 {
            let mut endings: Vec<(&String, &usize)> = self.endings.iter().collect();
            endings.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
            let mut named: Vec<String> =
                endings.iter().take(NAMED).map(|(ending, count)| format!("{ending} {count}")).collect();
            if endings.len() > NAMED {
                named.push("…".to_owned());
            }
            let kind = if files == 1 { "file of another kind" } else { "files of other kinds" };
            parts.push(format!("{files} {kind} ({})", named.join(", ")));
        }
        f.write_str(&parts.join(", "))
    }
}
