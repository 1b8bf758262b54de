//! Which networks of the zoo weights are for, if not for the one that they were given to.

use std::fmt;

use super::WeightsFile;
use super::load::{LoadOptions, matched};
use crate::zoo;

/// A network of the zoo that all of some weights fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Its name.
    pub model: &'static str,
    /// The number of classes, if it is not the network's own.
    pub classes: Option<usize>,
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.model)?;
        self.classes.map_or(Ok(()), |classes| write!(f, " with {classes} classes"))
    }
}

/// The networks that every tensor of the file has its place in.
pub(super) fn fits(file: &WeightsFile) -> Vec<Fit> {
    zoo::entries()
        .iter()
        .filter_map(|entry| {
            let graph = entry.model().build().ok()?;
            let report = matched(&graph, file, LoadOptions::default()).report;
            let model = entry.name;
            if report.is_exact() && report.matched > 0 {
                return Some(Fit { model, classes: None });
            }
            // Where only heads are of another size, the file may be for another number of classes.
            if !report.missing.is_empty() || !report.unexpected.is_empty() {
                return None;
            }
            let (_, found, _) = report.mismatched.first()?;
            let classes = *found.first()?;
            let graph = entry.model().classes(classes).build().ok()?;
            let report = matched(&graph, file, LoadOptions::default()).report;
            (report.is_exact() && report.matched > 0).then_some(Fit { model, classes: Some(classes) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::{IoError, load, save};
    use crate::state;

    fn told(weights_of: &str, classes: usize, given_to: &str) -> Vec<Fit> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let graph = zoo::find(weights_of).unwrap().model().classes(classes).build().unwrap();
        save(&state::initialize(&graph, 0), None, &path).unwrap();
        let other = zoo::find(given_to).unwrap().model().build().unwrap();
        match load(&other, WeightsFile::open(&path).unwrap(), LoadOptions::default()) {
            Err(IoError::Mismatch { fits, .. }) => fits,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn weights_given_to_another_network_tell_whose_they_are() {
        let fit = |model, classes| Fit { model, classes };
        assert_eq!(told("alexnet@torchvision", 1000, "alexnet"), [fit("alexnet@torchvision", None)]);
        assert_eq!(told("googlenet@torchvision", 1000, "googlenet"), [fit("googlenet@torchvision", None)]);
        assert_eq!(told("resnet18", 7, "resnet18"), [fit("resnet18", Some(7))]);
        assert_eq!(told("densenet121", 3, "lenet"), [fit("densenet121@torchvision", Some(3))]);
    }
}
