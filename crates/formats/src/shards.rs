//! Safetensors in several files with an index: `model.safetensors.index.json`.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path};

use serde::Deserialize;

use crate::error::{FormatError, Malformed, read_file};
use crate::safetensors::Reader;

/// The longest index that is read: names of forty thousand tensors take less.
const MAX_INDEX: u64 = 4 << 20;

/// Tensors that lie in several files of one folder.
#[derive(Debug)]
pub struct Shards {
    files: Vec<Reader>,
    /// Name → file.
    index: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Shards {
    /// Opens an index and the files that it names, which lie beside it.
    ///
    /// # Errors
    /// If a file cannot be read or is damaged, lies elsewhere, or does not hold what the index promises.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        let malformed =
            |problem: String| FormatError::malformed(path, "safetensors index")(Malformed::new(0, problem));
        let index: Index = serde_json::from_slice(&read_file(path, MAX_INDEX)?)
            .map_err(|error| malformed(error.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut names: Vec<&String> = index.weight_map.values().collect();
        names.sort_unstable();
        names.dedup();
        let mut files = Vec::with_capacity(names.len());
        for name in &names {
            let mut parts = Path::new(name).components();
            if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
                return Err(malformed(format!(
                    "it names `{name}`, expected a file beside it without a folder"
                )));
            }
            files.push(Reader::open(&folder.join(name))?);
        }
        let mut places = BTreeMap::new();
        for (tensor, file) in &index.weight_map {
            let at = names.binary_search(&file).unwrap_or_default();
            if files[at].shape(tensor).is_none() {
                return Err(malformed(format!("it promises tensor `{tensor}` in `{file}`, which has none")));
            }
            places.insert(tensor.clone(), at);
        }
        Ok(Self { files, index: places })
    }

    /// The tensors' names, in order, and their shapes.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.index.iter().filter_map(|(name, &file)| Some((name.as_str(), self.files[file].shape(name)?)))
    }

    /// The shape of a tensor; `None` where there is none of that name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.files[*self.index.get(name)?].shape(name)
    }

    /// As [`Reader::read`].
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn read(&self, name: &str, first: usize, out: &mut [f32]) -> io::Result<()> {
        let file = *self.index.get(name).ok_or(io::ErrorKind::NotFound)?;
        self.files[file].read(name, first, out)
    }

    /// Free text by key, of the first file that has any.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        self.files.iter().map(Reader::metadata).find(|m| !m.is_empty()).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::safetensors::{File, write};

    #[test]
    fn tensors_come_from_the_files_beside_the_index_and_from_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, value: f32| {
            let tensors = BTreeMap::from([(name.to_owned(), (vec![2], vec![value; 2]))]);
            write(&folder.path().join(format!("{name}.safetensors")), &File { tensors, ..File::default() })
                .unwrap();
        };
        file("a", 1.0);
        file("b", 2.0);
        let index = folder.path().join("model.safetensors.index.json");
        std::fs::write(
            &index,
            r#"{"metadata": {}, "weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}"#,
        )
        .unwrap();
        let shards = Shards::open(&index).unwrap();
        let mut out = [0.0; 1];
        shards.read("b", 1, &mut out).unwrap();
        assert_eq!((out, shards.shape("a")), ([2.0], Some(&[2][..])));
        let problem = |map: &str| {
            std::fs::write(&index, format!("{{\"weight_map\": {map}}}")).unwrap();
            Shards::open(&index).unwrap_err().to_string()
        };
        for name in ["../a.safetensors", "/etc/passwd", "x/../a.safetensors", ".", ""] {
            assert!(problem(&format!("{{\"a\": {name:?}}}")).contains("expected a file beside it"), "{name}");
        }
        assert!(problem(r#"{"c": "a.safetensors"}"#).contains("promises tensor `c`"));
        assert!(problem(r#"{"c": 3}"#).contains("index"));
    }
}
