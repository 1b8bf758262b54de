//! The images that a command is given.

use std::path::PathBuf;

use convnet::data::images_below;

use crate::error::Failure;
use crate::output;

/// The images that are named, and those below the folders that are; tells what else is in these.
pub(super) fn found(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut images = Vec::new();
    for path in named {
        if !path.is_dir() {
            images.push(path.clone());
            continue;
        }
        let (below, left_out) = images_below(path)?;
        if let Some(left_out) = left_out {
            output::note(&format!("`{}`: left out {left_out}", path.display()));
        }
        if below.is_empty() {
            return Err(Failure::work(format!("`{}` is a folder without an image", path.display())));
        }
        images.extend(below);
    }
    Ok(images)
}

/// The same, each with what it is called: its file's name, or its path where another has the same.
pub(super) fn called(named: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, Failure> {
    let paths = found(named)?;
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let names: Vec<Option<String>> = paths.iter().map(name).collect();
    let apart = |(path, name): (PathBuf, &Option<String>)| match name {
        Some(own) if names.iter().filter(|other| *other == name).count() == 1 => (own.clone(), path),
        _ => (path.display().to_string(), path),
    };
    Ok(paths.into_iter().zip(&names).map(apart).collect())
}
