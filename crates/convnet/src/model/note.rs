//! What opening a model did that its user should know.

use std::fmt;
use std::path::PathBuf;

use crate::graph::Shape;
use crate::io::LoadReport;

/// Something that was adapted, drawn or left out.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// Weights did not match the network one to one.
    Weights {
        /// Their file.
        path: PathBuf,
        /// What matched, and what was done about the rest.
        report: LoadReport,
    },
    /// A run that has the name of a network of the zoo.
    Shadowed {
        /// The run.
        path: PathBuf,
    },
    /// A network of the zoo whose name a folder or a file has too, which is not meant.
    Beside {
        /// The network.
        name: String,
    },
    /// A run of an older version: its files carry no checksums.
    Unchecked {
        /// The run.
        path: PathBuf,
    },
    /// An ONNX file takes its images with their channels last.
    ChannelsLast {
        /// The file.
        path: PathBuf,
        /// The name of its images.
        input: String,
    },
    /// The output of an ONNX file has other axes than a network's.
    OutputAxes {
        /// The file.
        path: PathBuf,
        /// The file's sizes for one image.
        axes: Vec<usize>,
        /// The network's.
        shape: Shape,
    },
    /// The weights' card is for another network, and was ignored.
    Card {
        /// Channels, height and width of the images that it tells of.
        input: [usize; 3],
        /// The number of classes that it tells of.
        classes: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights { path, report } => {
                write!(f, "of the weights of `{}`:\n{report}", path.display())
            }
            Self::Shadowed { path } => {
                let path = path.display();
                write!(f, "`{path}` is the run in that folder here, not the network of the zoo")
            }
            Self::Beside { name } => {
                write!(f, "`{name}` is the network of the zoo, not the folder or file of that name")
            }
            Self::Unchecked { path } => {
                let path = path.display();
                write!(
                    f,
                    "`{path}` is of an older version: its files carry no checksums and cannot be checked"
                )
            }
            Self::OutputAxes { path, axes, shape } => {
                let axes: Vec<String> = axes.iter().map(usize::to_string).collect();
                let own: Vec<String> = shape.dims().iter().map(usize::to_string).collect();
                write!(
                    f,
                    "`{}` gives ({}); the network gives the same numbers as (N, {})",
                    path.display(),
                    std::iter::once("N".to_owned()).chain(axes).collect::<Vec<_>>().join(", "),
                    own.join(", ")
                )
            }
            Self::ChannelsLast { path, input } => write!(
                f,
                "`{}` takes its images `{input}` as (N, H, W, C); the network takes them as (N, C, H, W), like all others",
                path.display()
            ),
            Self::Card { input, classes } => write!(
                f,
                "the weights' file tells of images of {input:?} and {classes} classes, which the network does not \
                 have: ignored"
            ),
        }
    }
}
