//! From a file to a network: which of its networks, for which images, traced and put together.

mod assemble;
mod auxiliary;
mod entry;
mod hints;
pub(crate) mod lower;
mod registry;
mod trace;

pub(crate) use auxiliary::NAME as AUX_LOSS_WEIGHT;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use convnet::graph::Graph;

use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::interp::Interp;
use crate::session::{diagnose, interpreter, on_deep_stack, run};
use crate::source::FileId;
use crate::value::{Instance, Module};

/// What of a file is read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The network: a name of the file (`ResNet18`), or a call (`resnet(depth=20)`); `None` for the only one.
    pub entry: Option<String>,
    /// Channels, height and width of an image; `None` for what the file tells.
    pub input: Option<[usize; 3]>,
}

/// A network of a file.
#[derive(Clone, Debug)]
pub struct Network {
    /// The network.
    pub graph: Graph,
    /// What of the file it is.
    pub entry: String,
    /// What was assumed and what was left out, a line each.
    pub notes: Vec<String>,
    /// Where each layer stands: path → file and line.
    pub lines: BTreeMap<String, (PathBuf, usize)>,
}

/// What checking a file gives.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The network, if there is nothing wrong.
    pub network: Option<Network>,
    /// What is wrong, and the files that it points into.
    pub report: Report,
}

/// Reads a network of a file.
///
/// ```
/// use convnet_pytorch::{ReadOptions, read_text};
///
/// let code = "from torch import nn\nmodel = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Flatten())\n";
/// let options = ReadOptions { input: Some([1, 28, 28]), ..ReadOptions::default() };
/// let network = read_text("net.py", code, &options).unwrap();
/// assert_eq!(network.graph.parameters()[0].name, "0.weight");
/// ```
///
/// # Errors
/// What is wrong with the file or the network, each with its place.
pub fn read(path: &Path, options: &ReadOptions) -> Result<Network, Report> {
    let checked = check(path, options);
    checked.network.ok_or(checked.report)
}

/// Reads a network of a text that stands for a file of this name.
///
/// # Errors
/// As [`read`].
pub fn read_text(name: &str, text: &str, options: &ReadOptions) -> Result<Network, Report> {
    let checked = on_deep_stack(|| checked(Path::new(name), text, options));
    checked.network.ok_or(checked.report)
}

/// Reads a network of a file, and tells all that is to be told of it.
pub fn check(path: &Path, options: &ReadOptions) -> Checked {
    match crate::interp::read_file(path) {
        Ok(text) => on_deep_stack(|| checked(path, &text, options)),
        Err(error) => Checked { network: None, report: unreadable(path, &error) },
    }
}

/// The networks of a file that can be named without more: what [`ReadOptions::entry`] takes.
///
/// # Errors
/// What is wrong with the file.
pub fn entries(path: &Path) -> Result<Vec<String>, Report> {
    let text = crate::interp::read_file(path).map_err(|error| unreadable(path, &error))?;
    on_deep_stack(|| {
        let mut interp = interpreter(path, Box::new(|_| ()));
        let name = module_name(path);
        match run(&mut interp, path, &text, &name, true) {
            Ok(module) => Ok(entry::candidates(&mut interp, &module).into_iter().map(|c| c.name).collect()),
            Err(diagnostics) => Err(Report { sources: interp.sources, diagnostics }),
        }
    })
}

pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Report {
    let message = format!("{}: {error}", path.display());
    let mut diagnostic =
        Diagnostic { severity: Severity::Error, code: "file", message, ..Diagnostic::default() };
    let mut sources = crate::source::Sources::default();
    if error.kind() == std::io::ErrorKind::InvalidData
        && let Ok(bytes) = crate::interp::read_bytes(path)
    {
        diagnostic.helps.push("save the file as UTF-8, which is how Python reads it".to_owned());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let at = text.find(char::REPLACEMENT_CHARACTER);
        let file = sources.add(path, text.as_str(), false);
        if let Some(at) = at.filter(|_| !bytes.contains(&0)) {
            let end = at + char::REPLACEMENT_CHARACTER.len_utf8();
            diagnostic.span = Some(crate::source::Span { file, start: at as u32, end: end as u32 });
        }
    }
    Report { sources, diagnostics: vec![diagnostic] }
}

/// The name under which a file sees itself: not `__main__`, whose statements are a script's.
fn module_name(path: &Path) -> String {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("network").to_owned()
}

fn checked(path: &Path, text: &str, options: &ReadOptions) -> Checked {
    // What a file prints is no matter of its network.
    let mut interp = interpreter(path, Box::new(|_| ()));
    let result = network_of(&mut interp, path, text, options);
    let sources = std::mem::take(&mut interp.sources);
    match result {
        Ok(network) => {
            Checked { network: Some(network), report: Report { sources, diagnostics: Vec::new() } }
        }
        Err(diagnostics) => Checked { network: None, report: Report { sources, diagnostics } },
    }
}

fn network_of(
    interp: &mut Interp,
    path: &Path,
    text: &str,
    options: &ReadOptions,
) -> Result<Network, Vec<Diagnostic>> {
    let module = run(interp, path, text, &module_name(path), true)?;
    let file = FileId::default();
    let found = entry::find(interp, &module, options.entry.as_deref(), file)?;
    let mut notes: Vec<String> = Vec::new();
    let input = match options.input {
        Some(input) => input,
        None => {
            let (input, note) = hints::input(interp, &found, file)?;
            notes.push(note);
            input
        }
    };
    let traced =
        trace::trace(interp, &found.root, input).map_err(|thrown| vec![told(interp, *thrown, file)])?;
    notes.extend(traced.notes.iter().cloned());
    let name = graph_name(path, &found.name);
    let weights = auxiliary::weights(&module, traced.auxiliary.len(), &mut notes)?;
    let (graph, lines) = assemble::assemble(interp, &name, &found.root, &traced, &weights)?;
    notes.extend(remarks(interp));
    Ok(Network { graph, entry: found.name, notes, lines })
}

/// An error of the trace, with the layers before it.
fn told(interp: &mut Interp, thrown: crate::interp::Thrown, file: FileId) -> Diagnostic {
    let listing = trace::listing(interp);
    Diagnostic { listing, ..diagnose(interp, thrown, file) }
}

/// The name of a graph: the class or the call that made it.
fn graph_name(path: &Path, entry: &str) -> String {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("network");
    format!("{stem}.py:{entry}")
}

/// What was left out, in one line, and what was noted on the way.
pub(crate) fn remarks(interp: &Interp) -> Vec<String> {
    let mut notes = Vec::new();
    let left_out: Vec<_> =
        interp.left_out.iter().filter(|(span, _)| span.file == FileId::default()).collect();
    if !left_out.is_empty() {
        let lines: Vec<String> = left_out
            .iter()
            .map(|(span, _)| interp.sources.position(span.file, span.start).line.to_string())
            .collect();
        let (what, reason) = match lines.len() {
            1 => (format!("the statement in line {}", lines[0]), left_out[0].1.clone()),
            n if n <= 5 => (format!("the statements in lines {}", lines.join(", ")), left_out[0].1.clone()),
            n => (format!("{n} statements (the first in line {})", lines[0]), left_out[0].1.clone()),
        };
        notes.push(format!("left out: {what}, no part of the network: {reason}"));
    }
    // What files beside it leave out is no matter of this one.
    let own = interp.notes.iter().filter(|(span, _)| span.file == FileId::default());
    notes.extend(own.map(|(span, text)| {
        let at = interp.sources.position(span.file, span.start).line;
        format!("line {at}: {text}")
    }));
    notes
}

/// A network that was found in a file.
struct Found {
    /// The name or the call that gives it.
    name: String,
    root: Rc<Instance>,
    /// Where its definition starts, to choose among several input sizes.
    defined: u32,
}

/// The module of a file, as values of its names.
fn names_of(module: &Module) -> Vec<(crate::ast::Name, crate::value::Value)> {
    let scope = module.scope.borrow();
    scope.iter().flat_map(|scope| scope.vars.borrow().clone()).collect()
}
