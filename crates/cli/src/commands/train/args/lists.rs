use std::path::{Path, PathBuf};

use convnet::train::RecipePatch;

use super::given;
use crate::error::Failure;

/// Lists of images, and the names of the classes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Training")]
pub(in crate::commands::train) struct Lists {
    /// List of the training images in place of a folder: CSV or TSV with a file and a label in each line, or lines `path
    /// label`; a column `split` divides it. Paths start at the list's folder, or at --data DIR
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,

    /// List of the images that choose the best epoch
    #[arg(long, value_name = "FILE")]
    val_list: Option<PathBuf>,

    /// List of the images that are measured once, at the end
    #[arg(long, value_name = "FILE")]
    test_list: Option<PathBuf>,

    /// Names of the classes and their order: one a line, or a JSON list; labels that are numbers are their places from 0 on
    #[arg(long, value_name = "FILE")]
    class_names: Option<PathBuf>,
}

impl Lists {
    /// With a list the data folder that was named is where its paths start.
    pub(super) fn set(&self, data: Option<&str>, patch: &mut RecipePatch) -> Result<(), Failure> {
        given(patch, "lists.train", self.list.as_ref())?;
        given(patch, "lists.validation", self.val_list.as_ref())?;
        given(patch, "lists.test", self.test_list.as_ref())?;
        given(patch, "lists.class_names", self.class_names.as_ref())?;
        let root =
            data.filter(|_| self.list.is_some() || self.val_list.is_some() || self.test_list.is_some());
        if let Some(root) = root.filter(|root| !Path::new(root).is_dir()) {
            return Err(Failure::usage(format!(
                "`--data {root}` is no folder; beside lists it is the folder that their paths start from"
            )));
        }
        given(patch, "lists.root", root)
    }
}
