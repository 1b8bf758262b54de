//! CIFAR-10 and CIFAR-100 (Krizhevsky 2009) as they are distributed: folders of Python's or of binary files, and the
//! archives that hold them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use convnet_formats::cifar::{self, Batch, Kind, Names, SIDE};
use convnet_formats::{FileSource, FormatError, Malformed, read_file, tar};

use super::{DataError, DataSets, Dataset};

/// What makes a set of its twenty superclasses of CIFAR-100, behind its name or path.
const COARSE: &str = ":coarse";

/// The most bytes of a file, and of all of an archive: those of the sets are 154 MB of images, and their names.
const MAX_BYTES: u64 = 1 << 30;

/// A way in which one of the sets is distributed.
struct Form {
    kind: Kind,
    pickled: bool,
    /// The folder that its archive unpacks to.
    folder: &'static str,
    train: &'static [&'static str],
    test: &'static str,
    /// Where the names of its classes are, and of its superclasses.
    names: &'static [&'static str],
}

const FORMS: [Form; 4] = [
    Form {
        kind: Kind::Ten,
        pickled: true,
        folder: "cifar-10-batches-py",
        train: &["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"],
        test: "test_batch",
        names: &["batches.meta"],
    },
    Form {
        kind: Kind::Hundred,
        pickled: true,
        folder: "cifar-100-python",
        train: &["train"],
        test: "test",
        names: &["meta"],
    },
    Form {
        kind: Kind::Ten,
        pickled: false,
        folder: "cifar-10-batches-bin",
        train: &[
            "data_batch_1.bin",
            "data_batch_2.bin",
            "data_batch_3.bin",
            "data_batch_4.bin",
            "data_batch_5.bin",
        ],
        test: "test_batch.bin",
        names: &["batches.meta.txt"],
    },
    Form {
        kind: Kind::Hundred,
        pickled: false,
        folder: "cifar-100-binary",
        train: &["train.bin"],
        test: "test.bin",
        names: &["fine_label_names.txt", "coarse_label_names.txt"],
    },
];

/// A set that was found, and where.
pub(super) struct Found {
    form: &'static Form,
    files: Files,
    coarse: bool,
}

enum Files {
    /// In a folder.
    Folder(PathBuf),
    /// Those of an archive, which were unpacked in memory.
    Archive { path: PathBuf, files: HashMap<String, Vec<u8>> },
}

/// The set that a path names: a folder of its files, or one that holds such a folder, or an archive. Behind the path
/// `:coarse` asks for the superclasses.
///
/// # Errors
/// If it is an archive that cannot be read.
pub(super) fn find(spec: &str) -> Result<Option<Found>, DataError> {
    let (spec, coarse) = coarse(spec);
    let path = Path::new(spec);
    let found = match path.is_dir() {
        true => in_folder(path),
        false if is_archive(path) => {
            unpacked(path)?.map(|(form, files)| (form, Files::Archive { path: path.to_owned(), files }))
        }
        false => None,
    };
    Ok(found.map(|(form, files)| Found { form, files, coarse }))
}

/// Whether a folder holds the files of a set, or a folder of them.
pub(super) fn is_folder(folder: &Path) -> bool {
    in_folder(folder).is_some()
}

fn in_folder(path: &Path) -> Option<(&'static Form, Files)> {
    FORMS.iter().find_map(|form| {
        let inner = path.join(form.folder);
        let folder = [path, &inner].into_iter().find(|folder| form.is_in(folder))?;
        Some((form, Files::Folder(folder.to_owned())))
    })
}

/// A name or path, and whether the superclasses are asked for.
pub(super) fn coarse(spec: &str) -> (&str, bool) {
    match spec.strip_suffix(COARSE) {
        Some(base) if !Path::new(spec).exists() => (base, true),
        _ => (spec, false),
    }
}

fn is_archive(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    path.is_file() && [".tar.gz", ".tgz", ".tar"].iter().any(|ending| name.ends_with(ending))
}

/// The form of an archive's files, and they by their names.
type Unpacked = (&'static Form, HashMap<String, Vec<u8>>);

/// What an archive of CIFAR's holds; `None` where it holds something else.
fn unpacked(path: &Path) -> Result<Option<Unpacked>, DataError> {
    let form_of =
        |names: &[&str]| FORMS.iter().find(|form| names.iter().any(|name| form.is_name(name, form.train[0])));
    let extract = |forms: &[Form]| {
        let wanted = |name: &str| forms.iter().any(|form| form.files().any(|file| form.is_name(name, file)));
        tar::extract(path, MAX_BYTES, wanted)
    };
    // One that is not packed may be a shard of any size: its names are looked at first.
    if !tar::is_packed(path)? {
        let members = tar::index(&FileSource::open(path)?).map_err(FormatError::malformed(path, "tar"))?;
        let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
        if form_of(&names).is_none() {
            return Ok(None);
        }
    }
    let files = extract(&FORMS)?;
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let Some(form) = form_of(&names) else {
        let problem = "it is a packed archive, and not one of CIFAR's; unpack it".to_owned();
        return Err(DataError::NoSet { folder: path.to_owned(), problem });
    };
    let own = files.into_iter().filter(|(name, _)| form.files().any(|file| form.is_name(name, file)));
    let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(Some((form, own.map(|(name, bytes)| (base(&name), bytes)).collect())))
}

impl Form {
    /// Whether a folder has these files, and not others that are called alike.
    fn is_in(&self, folder: &Path) -> bool {
        let has = |name: &str| folder.join(name).is_file();
        has(self.train[0]) && (self.train.len() > 1 || has(self.test))
    }

    /// Whether a path in an archive is a file of this form: `train` is a name that others have too, and is looked for in
    /// the set's own folder alone.
    fn is_name(&self, path: &str, file: &str) -> bool {
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        name == file && (!self.pickled || self.train.len() > 1 || folder.ends_with(self.folder))
    }

    fn files(&self) -> impl Iterator<Item = &'static str> {
        self.train.iter().copied().chain([self.test]).chain(self.names.iter().copied())
    }
}

impl Found {
    /// Reads the set, under a name.
    ///
    /// # Errors
    /// If a file is missing or damaged, or superclasses are asked for of a set without any.
    pub(super) fn open(mut self, name: &str) -> Result<DataSets, DataError> {
        let form = self.form;
        if self.coarse && form.kind == Kind::Ten {
            let problem = "CIFAR-10 has no superclasses".to_owned();
            return Err(DataError::NoSet { folder: PathBuf::from(name), problem });
        }
        let mut notes = Vec::new();
        let names = match self.names()? {
            Some(names) => names,
            None => {
                notes.push(format!(
                    "`{}` has no `{}`: classes are called by their numbers",
                    self.files.path().display(),
                    form.names[0]
                ));
                let numbers = |count: usize| (0..count).map(|class| class.to_string()).collect();
                Names { fine: numbers(form.kind.classes()), coarse: numbers(form.kind.superclasses()) }
            }
        };
        let mut train = Batch::default();
        for file in form.train {
            train.append(self.batch(file)?);
        }
        let test = self.batch(form.test)?;
        let classes = if self.coarse { names.coarse } else { names.fine };
        let set = |batch: Batch, split: &str| {
            let labels = if self.coarse { batch.coarse } else { batch.labels };
            let origin = format!("the {split} images of `{}`", self.files.path().display());
            let labels = labels.into_iter().map(u32::from).collect();
            Dataset::new(&origin, batch.pixels, labels, classes.clone(), (3, SIDE, SIDE))
        };
        let sets = DataSets::new(name, set(train, "training")?, set(test, "test")?);
        Ok(DataSets { notes, ..sets })
    }

    fn batch(&mut self, file: &str) -> Result<Batch, DataError> {
        let Some(bytes) = self.files.take(file)? else {
            return Err(DataError::Incomplete {
                place: self.files.path().to_owned(),
                missing: file.to_owned(),
            });
        };
        let parsed = match self.form.pickled {
            true => cifar::parse_pickle(&bytes, self.form.kind),
            false => cifar::parse_binary(&bytes, self.form.kind),
        };
        parsed.map_err(self.files.malformed(file))
    }

    fn names(&mut self) -> Result<Option<Names>, DataError> {
        let form = self.form;
        let mut texts = Vec::new();
        for file in form.names {
            let Some(bytes) = self.files.take(file)? else { return Ok(None) };
            texts.push(bytes);
        }
        let parsed = match (form.pickled, &texts[..]) {
            (true, [names, ..]) => cifar::parse_names(names, form.kind),
            (false, [fine, more @ ..]) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let coarse = more.first().map(|coarse| text(coarse)).unwrap_or_default();
                Names::of_lines(&text(fine), &coarse, form.kind)
            }
            (_, []) => return Ok(None),
        };
        parsed.map(Some).map_err(self.files.malformed(form.names[0]))
    }
}

impl Files {
    fn path(&self) -> &Path {
        match self {
            Self::Folder(path) | Self::Archive { path, .. } => path,
        }
    }

    /// The bytes of a file; `None` if there is none of that name.
    fn take(&mut self, file: &str) -> Result<Option<Vec<u8>>, DataError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(file);
                if !path.exists() {
                    return Ok(None);
                }
                Ok(Some(read_file(&path, MAX_BYTES)?))
            }
            Self::Archive { files, .. } => Ok(files.remove(file)),
        }
    }

    fn malformed(&self, file: &str) -> impl FnOnce(Malformed) -> DataError {
        let path = self.path().join(file);
        move |malformed| FormatError::Malformed { path, format: "CIFAR", malformed }.into()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::data;
    use crate::data::shards::tests::archive;
    use std::fs;

    const PIXELS: usize = 3 * SIDE * SIDE;

    fn sample(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/samples/cifar");
        fs::read(folder.join(name)).unwrap()
    }

    fn record(head: &[u8]) -> Vec<u8> {
        [head.to_vec(), (0..PIXELS).map(|i| i as u8 ^ head[0]).collect()].concat()
    }

    fn names(count: usize) -> String {
        (0..count).map(|i| format!("name {i}\n")).collect()
    }

    /// The files of a form, of one or two images each.
    fn files(form: &Form) -> Vec<(String, Vec<u8>)> {
        let content = |file: &str| match (form.pickled, form.kind) {
            (true, Kind::Ten) if file == "batches.meta" => sample("names-2.pickle"),
            (true, Kind::Ten) => sample("two-2.pickle"),
            (true, Kind::Hundred) => sample("hundred-2.pickle"),
            (false, _) if file.starts_with("coarse") => names(20).into_bytes(),
            (false, kind) if file.ends_with(".txt") => names(kind.classes()).into_bytes(),
            (false, Kind::Ten) => record(&[7]),
            (false, Kind::Hundred) => record(&[3, 42]),
        };
        form.files()
            .filter(|file| *file != "meta")
            .map(|file| (format!("{}/{file}", form.folder), content(file)))
            .collect()
    }

    #[test]
    fn folders_archives_and_what_holds_them_are_read() {
        for form in &FORMS {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path();
            fs::create_dir(root.join(form.folder)).unwrap();
            let files = files(form);
            files.iter().for_each(|(name, content)| fs::write(root.join(name), content).unwrap());
            let path = root.join("set.tar");
            fs::write(&path, archive(&files)).unwrap();
            for place in [root.join(form.folder), root.to_owned(), path] {
                let sets = data::open(place.to_str().unwrap())
                    .unwrap_or_else(|error| panic!("{}: {error}", place.display()));
                let test = sets.test.clone().unwrap();
                assert_eq!(sets.train.shape, (3, 32, 32));
                let each = if form.pickled { 2 } else { 1 };
                assert_eq!((sets.train.len(), test.len()), (form.train.len() * each, each));
                let labels: &[u32] = match (form.pickled, form.kind) {
                    (true, Kind::Ten) => &[6, 9],
                    (true, Kind::Hundred) => &[99, 19],
                    (false, Kind::Ten) => &[7],
                    (false, Kind::Hundred) => &[42],
                };
                assert_eq!(test.labels(), labels);
                assert_eq!(sets.classes().len(), form.kind.classes());
                let told = sets.notes.join("\n");
                assert_eq!(told.contains("called by their numbers"), form.names == ["meta"], "{told}");
                if form.pickled && form.kind == Kind::Ten {
                    assert_eq!(sets.classes()[9], "Lkw-Größe");
                    let image = test.image(1).unwrap();
                    assert_eq!(image.pixels()[5], ((PIXELS + 5) * 37 + (PIXELS + 5) / 256 * 11) as u8);
                }
            }
        }
    }

    #[test]
    fn superclasses_come_on_request() {
        let folder = tempfile::tempdir().unwrap();
        for form in &FORMS {
            fs::create_dir(folder.path().join(form.folder)).unwrap();
            files(form)
                .iter()
                .for_each(|(name, content)| fs::write(folder.path().join(name), content).unwrap());
        }
        let open = |name: &str| data::open(&format!("{}:coarse", folder.path().join(name).display()));
        let sets = open("cifar-100-binary").unwrap();
        assert_eq!(
            (sets.classes().len(), sets.classes()[3].as_str(), sets.test.as_ref().unwrap().labels()),
            (20, "name 3", &[3][..])
        );
        assert_eq!(open("cifar-100-python").unwrap().test.unwrap().labels(), [13, 0]);
        assert!(open("cifar-10-batches-bin").unwrap_err().to_string().contains("no superclasses"));
    }

    #[test]
    fn what_is_missing_or_damaged_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("cifar-10-batches-bin");
        fs::create_dir(&place).unwrap();
        files(&FORMS[2])
            .iter()
            .for_each(|(name, content)| fs::write(folder.path().join(name), content).unwrap());
        let told = || data::open(place.to_str().unwrap()).unwrap_err().to_string();
        fs::remove_file(place.join("data_batch_4.bin")).unwrap();
        assert!(told().contains("has no `data_batch_4.bin`"), "{}", told());
        fs::write(place.join("data_batch_4.bin"), &record(&[7])[..3000]).unwrap();
        assert!(told().contains("data_batch_4.bin` is not a valid CIFAR file: at byte 0"), "{}", told());
        fs::write(place.join("data_batch_4.bin"), record(&[10])).unwrap();
        assert!(told().contains("the label is 10, expected 0 to 9"), "{}", told());
        fs::write(place.join("data_batch_4.bin"), record(&[1])).unwrap();
        fs::write(place.join("batches.meta.txt"), "cat\ndog\n").unwrap();
        assert!(told().contains("it names 2 classes"), "{}", told());
        // A pickle that would run code is refused by name.
        let python = folder.path().join("cifar-10-batches-py");
        fs::create_dir(&python).unwrap();
        files(&FORMS[0])
            .iter()
            .for_each(|(name, content)| fs::write(folder.path().join(name), content).unwrap());
        fs::write(python.join("test_batch"), b"cposix\nsystem\n(S'touch /tmp/x'\ntR.").unwrap();
        let error = data::open(python.to_str().unwrap()).unwrap_err().to_string();
        assert!(
            error.contains("test_batch` is not a valid CIFAR file") && error.contains("nothing was run"),
            "{error}"
        );
    }
}
