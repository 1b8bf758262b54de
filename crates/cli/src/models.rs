//! What a MODEL argument is: the one place where all commands ask for a network by its name.
//!
//! The library knows networks of the zoo, ONNX files, runs and files of weights; PyTorch code is read by a crate of its own.

mod python;

use std::path::Path;

use convnet::data::Preprocess;
use convnet::graph::Graph;
use convnet::io::WeightsFile;
use convnet::model::{self, Model, OpenOptions, is_onnx};
use convnet::zoo::{self, UnknownModel};

pub(crate) use self::python::{Lines, Python, rendered};

use crate::error::Failure;

/// Opens a model with its weights, see [`Model::open`].
pub(crate) fn open(name: &str, options: &OpenOptions) -> Result<Model, Failure> {
    match Python::named(name) {
        Some(python) => Ok(python.with(|make| Model::made(make, options))?.0),
        None => Ok(Model::open(name, options)?),
    }
}

/// The network of a name, and the weights that come with it, see [`model::network`].
pub(crate) fn network(name: &str, options: &OpenOptions) -> Result<(Graph, Option<WeightsFile>), Failure> {
    match Python::named(name) {
        Some(python) => Ok((python.with(|make| model::made(make, options))?.0, None)),
        None => Ok(model::network(name, options)?),
    }
}

/// The network of a name, and where its layers stand if it is code.
pub(crate) fn with_lines(name: &str, options: &OpenOptions) -> Result<(Graph, Lines), Failure> {
    match Python::named(name) {
        Some(python) => python.with(|make| model::made(make, options)),
        None => Ok((model::network(name, options)?.0, Lines::new())),
    }
}

/// How images became input for weights that training shall start from, see [`model::preprocess_of`].
pub(crate) fn preprocess_of(
    name: &str,
    weights: &WeightsFile,
    input: [usize; 3],
) -> Result<Option<Preprocess>, Failure> {
    if Python::named(name).is_some() {
        return Ok(weights.card().and_then(|card| card.preprocess.for_size(input)));
    }
    Ok(model::preprocess_of(name, weights, input)?)
}

/// Whether a name is that of a file that holds a network, which may leave the size of its images to whoever reads it.
pub(crate) fn is_network_file(name: impl AsRef<Path>) -> bool {
    let name = name.as_ref();
    is_onnx(name) || name.to_str().is_some_and(|name| Python::named(name).is_some())
}

/// Whether a name is a file or a run, whose network has a size of its own, and not the zoo's.
pub(crate) fn has_own_size(name: &str) -> bool {
    if let Some(python) = Python::named(name) {
        return python.tells_size();
    }
    is_network_file(name) || (Path::new(name).exists() && zoo::find(name).is_err())
}

/// Why a name means nothing; `None` where there is a file, a folder or a network of that name.
pub(crate) fn unknown(name: &str) -> Option<UnknownModel> {
    if is_network_file(name) || Path::new(name).exists() {
        return None;
    }
    zoo::find(name).err()
}

/// What the zoo tells of the network of a name.
pub(crate) fn remark(name: &str) -> &'static str {
    zoo::find(name).map_or("", |entry| entry.note)
}

/// A name for what is made of a model: a file's without its ending, any other as it is.
pub(crate) fn stem(name: &str) -> &str {
    if let Some((file, entry)) = name.split_once(".py:") {
        let entry = entry.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        return if entry.is_empty() { file.rsplit(['/', '\\']).next().unwrap_or(file) } else { entry };
    }
    let path = Path::new(name);
    let stem = if path.exists() { path.file_stem().and_then(|stem| stem.to_str()) } else { None };
    stem.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_networks_of_the_zoo_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.b.safetensors");
        std::fs::write(&file, "").expect("the folder can be written");
        let file = file.to_str().expect("its name is UTF-8");
        assert!(has_own_size(file) && has_own_size("none.ONNX") && !has_own_size("lenet"));
        assert_eq!((stem(file), stem("lenet"), stem("none.onnx")), ("a.b", "lenet", "none.onnx"));
        assert!(unknown(file).is_none() && unknown("lenet").is_none() && unknown("none.onnx").is_none());
        assert_eq!(unknown("lenett").map(|unknown| unknown.nearest.contains(&"lenet")), Some(true));
        assert!(remark("lenett").is_empty() && !remark("lenet").is_empty());
    }
}
