//! What a model's name means.

use std::error::Error;
use std::path::{Path, PathBuf};

use super::{Note, OpenError, OpenOptions};
use crate::graph::Graph;
use crate::io::{self, Import, ImportOptions, WeightsFile};
use crate::train::{RunDir, TrainError};
use crate::zoo::{self, Entry};

/// A network that is made elsewhere, as from code that another crate reads: gives it for images of channels, height and
/// width, or for those of its own where none are asked for.
pub type MakeGraph<'a> = dyn Fn(Option<[usize; 3]>) -> Result<Graph, Box<dyn Error + Send + Sync>> + 'a;

/// What there is of a name.
pub(super) enum Named<'a> {
    /// A network that is made elsewhere.
    Made(&'a MakeGraph<'a>),
    /// An ONNX file.
    Onnx(PathBuf),
    /// The directory of a run; `shadows` if a network of the zoo has the name too. The weights are one of its files, if
    /// that was named.
    Run { run: Box<RunDir>, weights: Option<PathBuf>, shadows: bool },
    /// A file of weights whose card names a network of the zoo.
    Weights { path: PathBuf, entry: &'static Entry },
    /// A network of the zoo; `beside` if a folder has the name too.
    Zoo { entry: &'static Entry, beside: bool },
}

/// Whether a name is that of an ONNX file.
pub fn is_onnx(name: impl AsRef<Path>) -> bool {
    name.as_ref().extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))
}

impl Named<'_> {
    pub(super) fn find(name: &str) -> Result<Self, OpenError> {
        let path = Path::new(name);
        if is_onnx(name) {
            return Ok(Self::Onnx(path.to_owned()));
        }
        if path.is_dir() {
            return match (RunDir::open(path), zoo::find(name)) {
                (Ok(run), known) => {
                    Ok(Self::Run { run: Box::new(run), weights: None, shadows: known.is_ok() })
                }
                // A folder that is no run does not keep the network of its name from being meant.
                (Err(_), Ok(entry)) if !RunDir::is_run(path) => Ok(Self::Zoo { entry, beside: true }),
                (Err(error), _) => Err(error.into()),
            };
        }
        match zoo::find(name) {
            Ok(entry) => Ok(Self::Zoo { entry, beside: path.exists() }),
            Err(_) if path.exists() => Self::weights_of(path),
            Err(unknown) => Err(unknown.into()),
        }
    }

    /// A file of weights as a model: of the run that it lies in, else of the network that its card names.
    fn weights_of(path: &Path) -> Result<Self, OpenError> {
        let folder =
            path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
        if let Some(folder) = folder.filter(|folder| RunDir::is_run(folder)) {
            let (run, weights) = (Box::new(RunDir::open(folder)?), Some(path.to_owned()));
            return Ok(Self::Run { run, weights, shadows: false });
        }
        let file = WeightsFile::open(path)?;
        let entry = file.card().and_then(|card| zoo::find(&card.model).ok());
        let entry = entry.ok_or_else(|| OpenError::Nameless {
            path: path.to_owned(),
            model: file.card().map(|card| card.model.clone()),
        })?;
        Ok(Self::Weights { path: path.to_owned(), entry })
    }

    /// The ONNX file, if it is one.
    pub(super) fn onnx(&self) -> Option<&Path> {
        if let Self::Onnx(path) = self { Some(path) } else { None }
    }

    /// The weights that come with it, but for an ONNX file's.
    pub(super) fn weights(&self) -> Result<Option<PathBuf>, OpenError> {
        Ok(match self {
            Self::Made(_) | Self::Onnx(_) | Self::Zoo { .. } => None,
            Self::Run { weights: Some(path), .. } | Self::Weights { path, .. } => Some(path.clone()),
            Self::Run { run, weights: None, .. } => Some(run.weights()?),
        })
    }

    /// The input that it was trained for, where no card tells.
    pub(super) fn input(&self) -> Option<[usize; 3]> {
        if let Self::Run { run, .. } = self { Some(run.config().input) } else { None }
    }

    /// The data set that it was trained on.
    pub(super) fn data(&self) -> Option<String> {
        if let Self::Run { run, .. } = self { Some(run.config().recipe.data.clone()) } else { None }
    }

    /// The network in the zoo.
    pub(super) fn entry(&self) -> Option<&'static Entry> {
        match self {
            Self::Weights { entry, .. } | Self::Zoo { entry, .. } => Some(entry),
            Self::Made(_) | Self::Onnx(_) | Self::Run { .. } => None,
        }
    }

    /// What of the name a user might not expect.
    pub(super) fn note(&self) -> Option<Note> {
        match self {
            Self::Run { run, shadows: true, .. } => Some(Note::Shadowed { path: run.path().to_owned() }),
            Self::Zoo { entry, beside: true } => Some(Note::Beside { name: entry.name.to_owned() }),
            _ => None,
        }
    }

    /// That nothing of a run can be checked, if it is of an older version.
    pub(super) fn unchecked(&self) -> Option<Note> {
        match self {
            Self::Run { run, .. } if !run.is_sealed() => {
                Some(Note::Unchecked { path: run.path().to_owned() })
            }
            _ => None,
        }
    }

    /// The network, if it is no ONNX file: the run's own, or the zoo's.
    pub(super) fn graph(&self, options: &OpenOptions) -> Result<Graph, OpenError> {
        match self {
            Self::Made(make) => {
                let graph = make(options.input).map_err(OpenError::Made)?;
                adapted(graph, options)
            }
            Self::Onnx(path) => Ok(onnx(path, options)?.graph),
            Self::Weights { entry, .. } | Self::Zoo { entry, .. } => built(entry, options),
            Self::Run { run, .. } => match run.graph()? {
                Some(graph) => adapted(graph, options),
                None if is_onnx(&run.config().model) => {
                    Ok(onnx(Path::new(&run.config().model), options)?.graph)
                }
                None => match zoo::find(&run.config().model) {
                    Ok(entry) => built(entry, options),
                    Err(_) => {
                        let why = format!("its network `{}` is not in the zoo", run.config().model);
                        Err(TrainError::Missing { path: run.file(RunDir::GRAPH), why }.into())
                    }
                },
            },
        }
    }
}

/// A network of the zoo for the sizes that are asked for.
fn built(entry: &'static Entry, options: &OpenOptions) -> Result<Graph, OpenError> {
    let mut network = entry.model();
    if let Some([channels, height, width]) = options.input {
        network = network.input(channels, height, width);
    }
    if let Some(classes) = options.classes {
        network = network.classes(classes);
    }
    Ok(network.build()?)
}

/// A network of a run or a file for the input and the classes in the options.
///
/// # Errors
/// The first layer that the input does not fit, or a last layer that cannot give as many classes.
pub fn adapted(graph: Graph, options: &OpenOptions) -> Result<Graph, OpenError> {
    let graph = match options.input {
        Some(input) if input != graph.input_size() => graph.with_input(input)?,
        _ => graph,
    };
    match options.classes {
        Some(classes) if classes != graph.classes() => graph
            .with_classes(classes)
            .ok_or_else(|| OpenError::Head { model: graph.name().to_owned(), classes }),
        _ => Ok(graph),
    }
}

/// The network and the weights of an ONNX file, for the sizes and the output that are asked for.
pub(super) fn onnx(path: &Path, options: &OpenOptions) -> Result<Import, OpenError> {
    let asked = ImportOptions { input: options.input, output: options.output.clone() };
    let import = io::import_with(path, &asked)?;
    let graph = adapted(import.graph, &OpenOptions { input: None, ..options.clone() })?;
    Ok(Import { graph, ..import })
}

/// Opens weights: a file, or the best of a run. An ONNX file is read for images of the network's size. Those of a run, or
/// of an ONNX file, are known to be their network's.
///
/// # Errors
/// If they cannot be read.
pub fn weights_file(path: &Path, graph: Option<&Graph>) -> Result<WeightsFile, OpenError> {
    if path.is_dir() {
        let run = RunDir::open(path)?;
        return Ok(of_run(WeightsFile::open(run.weights()?)?, &run));
    }
    if is_onnx(path) {
        return Ok(io::import(path, graph.map(Graph::input_size))?.1);
    }
    let file = WeightsFile::open(path)?;
    let folder = path.parent().filter(|folder| RunDir::is_run(folder));
    Ok(match folder.and_then(|folder| RunDir::open(folder).ok()) {
        Some(run) => of_run(file, &run),
        None => file,
    })
}

/// Weights in a run's directory, known to be those of its network.
fn of_run(file: WeightsFile, run: &RunDir) -> WeightsFile {
    match run.graph() {
        Ok(Some(graph)) if file.network().is_none() => file.of_network(graph),
        _ => file,
    }
}
