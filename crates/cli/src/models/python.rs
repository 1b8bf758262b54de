//! Networks that are written as PyTorch code: `net.py`, `net.py:ResNet18`, `net.py:resnet(depth=20)`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use convnet::model::{MakeGraph, OpenError};
use convnet_pytorch::diagnostic::{RenderStyle, Report};
use convnet_pytorch::{ReadOptions, read};

use crate::error::Failure;
use crate::output;

/// A file of PyTorch code, and which of its networks.
pub(crate) struct Python {
    pub(crate) path: PathBuf,
    /// What stands behind the colon.
    pub(crate) entry: Option<String>,
}

/// Where layers stand: path → `net.py:12`.
pub(crate) type Lines = BTreeMap<String, String>;

/// Code that gives no network.
#[derive(Debug)]
struct Unread(Report);

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(rendered(&self.0).trim_end())
    }
}

impl Error for Unread {}

/// Messages as they are shown in the terminal.
pub(crate) fn rendered(report: &Report) -> String {
    crate::wording::with_options(report).render(RenderStyle { colour: true, width: output::width() })
}

/// A file's name and a line of it, as it is shown.
fn place((path, line): &(PathBuf, usize)) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    format!("{}:{line}", name.to_string_lossy())
}

impl Python {
    /// What a MODEL names, if it is a `.py` file, with or without an entry.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let is_code = |path: &str| path.len() > 3 && path.ends_with(".py");
        match name.find(".py:") {
            Some(at) if at > 0 && !Path::new(name).is_file() => {
                let entry = name[at + 4..].trim();
                let entry = (!entry.is_empty()).then(|| entry.to_owned());
                Some(Self { path: name[..at + 3].into(), entry })
            }
            _ => is_code(name).then(|| Self { path: name.into(), entry: None }),
        }
    }

    /// How it is read for images of a size, or of the one that the file tells.
    pub(crate) fn options(&self, input: Option<[usize; 3]>) -> ReadOptions {
        ReadOptions { entry: self.entry.clone(), input }
    }

    /// Whether the file tells the size of its images.
    pub(super) fn tells_size(&self) -> bool {
        read(&self.path, &self.options(None)).is_ok()
    }

    /// Does something with the network, and tells where its layers stand; what was assumed of the code, or left out of it, is told.
    ///
    /// # Errors
    /// What is wrong with the code, with its lines; what `work` gives.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&MakeGraph<'_>) -> Result<T, OpenError>,
    ) -> Result<(T, Lines), Failure> {
        let notes: RefCell<Vec<String>> = RefCell::default();
        let lines: RefCell<Lines> = RefCell::default();
        let result = work(&|input| match read(&self.path, &self.options(input)) {
            Ok(network) => {
                notes.replace(network.notes);
                lines.replace(network.lines.into_iter().map(|(layer, at)| (layer, place(&at))).collect());
                Ok(network.graph)
            }
            Err(report) => Err(Box::new(Unread(report))),
        });
        for note in notes.borrow().iter() {
            output::note(&format!("{}: {note}", self.path.display()));
        }
        let done = result.map_err(|error| match error {
            OpenError::Made(error) => match error.downcast::<Unread>() {
                Ok(unread) => Failure::rendered(rendered(&unread.0)),
                Err(error) => Failure::work(error),
            },
            error => error.into(),
        })?;
        Ok((done, lines.into_inner()))
    }
}

#[cfg(test)]
mod tests {
    use super::Python;

    #[test]
    fn code_is_told_by_its_ending() {
        let named = |name| Python::named(name).map(|p| (p.path.display().to_string(), p.entry));
        assert_eq!(named("a/net.py"), Some(("a/net.py".into(), None)));
        assert_eq!(
            named("net.py:resnet(depth=20)"),
            Some(("net.py".into(), Some("resnet(depth=20)".into())))
        );
        assert_eq!((named("resnet18"), named(".py"), named("net.onnx")), (None, None, None));
    }
}
