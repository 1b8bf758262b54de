//! Where the files are that a list names.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::super::decode::ENDINGS;

/// Finds files below some folders.
#[derive(Debug)]
pub(super) struct Finder {
    /// Relative paths start at one of these: at the first that has the file.
    bases: Vec<PathBuf>,
    /// Or at one of these: at the only one that has it.
    more: Vec<PathBuf>,
    /// Whether paths may lead out of the folders.
    leaves: bool,
    folders: HashMap<PathBuf, Option<Folder>>,
}

/// Why there is no file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotFound {
    /// No file is called so.
    Missing,
    /// Several are.
    Several(PathBuf, PathBuf),
    /// The path leads out of the folders.
    Outside,
}

/// The names of the files in a folder.
#[derive(Debug, Default)]
struct Folder {
    names: HashSet<String>,
    /// Made when a name is not among them: names of images by what is left of them without their ending and without
    /// regard to case; several are in the order of their bytes.
    alike: Option<HashMap<String, Vec<String>>>,
}

impl Finder {
    /// For a list that the user names: paths start at `root` and may lead anywhere.
    pub(super) fn at(root: &Path) -> Self {
        Self { bases: vec![root.to_owned()], more: Vec::new(), leaves: true, folders: HashMap::new() }
    }

    /// For a list that lies in a folder with images: files may be in the folder, in `first` below it, or in any other
    /// folder in it, and nowhere else.
    pub(super) fn within(folder: &Path, first: Vec<PathBuf>, more: Vec<PathBuf>) -> Self {
        let bases = [vec![folder.to_owned()], first].concat();
        Self { bases, more, leaves: false, folders: HashMap::new() }
    }

    /// The file that a list calls so. Its ending may be missing, letters may be of another case, and `\` may stand for
    /// `/`, where one file alone fits.
    pub(super) fn find(&mut self, name: &str) -> Result<PathBuf, NotFound> {
        let found = self.find_as(name);
        match found {
            Err(NotFound::Missing) if name.contains('\\') => self.find_as(&name.replace('\\', "/")),
            found => found,
        }
    }

    fn find_as(&mut self, name: &str) -> Result<PathBuf, NotFound> {
        let path = Path::new(name);
        let leads_out = path.is_absolute() || path.components().any(|part| part == Component::ParentDir);
        if leads_out && !self.leaves {
            return Err(NotFound::Outside);
        }
        for base in 0..self.bases.len() {
            match self.look(&self.bases[base].join(path)) {
                Err(NotFound::Missing) => {}
                found => return found,
            }
        }
        let mut taken: Option<PathBuf> = None;
        for base in 0..self.more.len() {
            match (self.look(&self.more[base].join(path)), taken.take()) {
                (Ok(second), Some(first)) => return Err(NotFound::Several(first, second)),
                (Ok(found), None) => taken = Some(found),
                (Err(NotFound::Missing), before) => taken = before,
                (Err(other), _) => return Err(other),
            }
        }
        taken.ok_or(NotFound::Missing)
    }

    /// The file of that path, or the only one like it in the same folder.
    fn look(&mut self, path: &Path) -> Result<PathBuf, NotFound> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
        else {
            return Err(NotFound::Missing);
        };
        let folder = self.folders.entry(parent.to_owned()).or_insert_with(|| Folder::read(parent));
        let Some(folder) = folder else { return Err(NotFound::Missing) };
        match folder.find(name)? {
            Some(name) => Ok(parent.join(name)),
            None => Err(NotFound::Missing),
        }
    }

    /// The folders that were looked in, and how many images lie in each.
    pub(super) fn images(&self) -> impl Iterator<Item = (&Path, usize)> {
        let is_image = |name: &&String| !name.starts_with('.') && without_ending(name).is_some();
        self.folders.iter().filter_map(move |(path, folder)| {
            Some((path.as_path(), folder.as_ref()?.names.iter().filter(is_image).count()))
        })
    }
}

impl Folder {
    /// The files of a folder; `None` if there is no such folder.
    fn read(folder: &Path) -> Option<Self> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mut names = HashSet::new();
        for entry in fs::read_dir(folder).ok()? {
            let Ok(entry) = entry else { continue };
            // A link may lead to a file.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if let Ok(name) = entry.file_name().into_string()
                && !is_folder
            {
                names.insert(name);
            }
        }
        Some(Self { names, alike: None })
    }

    fn find(&mut self, name: &str) -> Result<Option<String>, NotFound> {
        if self.names.contains(name) {
            return Ok(Some(name.to_owned()));
        }
        let names = &self.names;
        let alike = self.alike.get_or_insert_with(|| {
            let mut alike: HashMap<String, Vec<String>> = HashMap::new();
            for name in names {
                let lower = name.to_lowercase();
                if let Some(stem) = without_ending(&lower) {
                    alike.entry(stem.to_owned()).or_default().push(name.clone());
                }
                alike.entry(lower).or_default().push(name.clone());
            }
            alike.values_mut().for_each(|names| names.sort());
            alike
        });
        let Some(found) = alike.get(&name.to_lowercase()) else { return Ok(None) };
        // The case of the list's own letters decides, where that leaves one.
        let same_case: Vec<&String> = found.iter().filter(|other| other.starts_with(name)).collect();
        match (&found[..], &same_case[..]) {
            ([only], _) => Ok(Some(only.clone())),
            (_, [only]) => Ok(Some((*only).clone())),
            ([first, second, ..], _) => Err(NotFound::Several(first.into(), second.into())),
            _ => Ok(None),
        }
    }
}

/// The name of an image without its ending.
fn without_ending(name: &str) -> Option<&str> {
    let (stem, ending) = name.rsplit_once('.')?;
    ENDINGS.contains(&ending.to_ascii_lowercase().as_str()).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn paths_start_at_the_root_and_endings_and_case_may_differ() {
        let folder = folder(&[
            "a.png",
            "x/b.JPG",
            "x/c.tar.png",
            "x/d.jpg",
            "x/d.png",
            "x/E.png",
            "x/e.jpg",
            "x/n.txt",
        ]);
        let mut finder = Finder::at(folder.path());
        let mut find = |name: &str| {
            finder.find(name).map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string())
        };
        for (name, expected) in [
            ("a.png", "a.png"),
            ("./a.png", "a.png"),
            ("x/../a.png", "x/../a.png"),
            ("x/b.jpg", "x/b.JPG"),
            ("x/b", "x/b.JPG"),
            ("x\\B", "x/b.JPG"),
            ("x/c.tar", "x/c.tar.png"),
            ("x/d.jpg", "x/d.jpg"),
            ("x/E", "x/E.png"),
        ] {
            assert_eq!(find(name).as_deref(), Ok(expected), "{name}");
        }
        for name in
            ["", "x", "x/n", "y/a.png", "x/f", "a.png/b", ".", "..", "\0/a", "x/\0", &"a/".repeat(9000)]
        {
            assert_eq!(find(name), Err(NotFound::Missing), "{name:?}");
        }
        assert_eq!(find("x/d"), Err(NotFound::Several("d.jpg".into(), "d.png".into())));
        let absolute = folder.path().join("a.png");
        let mut elsewhere = Finder::at(Path::new("/nowhere"));
        assert_eq!(elsewhere.find(absolute.to_str().unwrap()), Ok(absolute));
    }

    #[test]
    fn a_list_that_was_found_names_nothing_outside() {
        let folder = folder(&["in/a.png", "in/one/b.png", "in/two/b.png", "in/two/c.png", "secret.png"]);
        let inside = folder.path().join("in");
        let more = vec![inside.join("one"), inside.join("two")];
        let mut finder = Finder::within(&inside, Vec::new(), more.clone());
        assert_eq!(finder.find("a"), Ok(inside.join("a.png")));
        assert_eq!(finder.find("c.png"), Ok(inside.join("two/c.png")));
        assert_eq!(finder.find("two/b.png"), Ok(inside.join("two/b.png")));
        assert_eq!(
            finder.find("b.png"),
            Err(NotFound::Several(more[0].join("b.png"), more[1].join("b.png")))
        );
        let secret = folder.path().join("secret.png");
        for name in ["../secret.png", "../../etc/passwd", secret.to_str().unwrap(), "one/../../secret.png"] {
            assert_eq!(finder.find(name), Err(NotFound::Outside), "{name}");
        }
        let mut first = Finder::within(&inside, vec![inside.join("two")], vec![inside.join("one")]);
        assert_eq!(first.find("b"), Ok(inside.join("two/b.png")));
        assert_eq!(first.images().map(|(_, count)| count).sum::<usize>(), 3);
    }
}
