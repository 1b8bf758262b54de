//! Weights of a file matched with a network's parameters.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::fmt;

use super::fits::fits;
use super::names::{self, Aligned, is_idle};
use super::settings::{self, Compared};
use super::{IoError, ModelCard, WeightsFile};
use crate::graph::{Graph, NodeId};
use crate::ops::{Op, ParamKind, ParamSpec};
use crate::state::{ReadError, StateDict, Tensor, TensorSource, initialize_some};
use crate::zoo;

/// How strictly weights must match.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadOptions {
    /// Whether missing and mismatched parameters are drawn at random instead of being an error, which is for training.
    pub draw: bool,
    /// Whether tensors that the network lacks are left out instead of being an error.
    pub ignore: bool,
    /// Whether the last layer is drawn, which is for training.
    pub head: Head,
    /// Whether the network may have other settings than the one that the file is known to hold the weights of, which is
    /// for training: they are told.
    pub other_settings: bool,
    /// The seed of what is drawn.
    pub seed: u64,
}

/// What becomes of the layer that gives the classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Head {
    /// It is the file's.
    #[default]
    Kept,
    /// It is the file's if that has as many classes, else it is drawn.
    Resized,
    /// It is drawn: the classes are others.
    Drawn,
}

/// What of a file matched, by the network's names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadReport {
    /// Where in the file the weights are, if it holds others too, and what is left out of their names.
    pub found: Vec<String>,
    /// Parameters found in the file.
    pub matched: usize,
    /// Parameters that were adapted to the network's input, and how.
    pub adapted: Vec<(String, String)>,
    /// Parameters drawn at random by leave: of a new head, or of auxiliary outputs that the file does without.
    pub drawn: Vec<String>,
    /// Parameters that the file does not have: name and shape.
    pub missing: Vec<(String, Vec<usize>)>,
    /// Tensors that the network does not have: name and shape.
    pub unexpected: Vec<(String, Vec<usize>)>,
    /// Parameters of another shape: name, the file's shape, the network's.
    pub mismatched: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Tensors of layers that the network's code registers and never calls, which the file has: they are kept, not used.
    pub unused: Vec<String>,
    /// Such tensors that the file does without.
    pub absent: Vec<String>,
    /// Settings that the file's network has otherwise, or that could not be compared with it.
    pub settings: Vec<String>,
}

impl LoadReport {
    /// Whether every parameter was found, and nothing else.
    pub fn is_exact(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.mismatched.is_empty()
    }

    /// Whether there is nothing to tell: every parameter was found as it is, under its own name.
    pub fn is_plain(&self) -> bool {
        let told = [&self.found, &self.drawn, &self.unused, &self.absent, &self.settings];
        self.is_exact() && self.adapted.is_empty() && told.iter().all(|lines| lines.is_empty())
    }
}

/// Names of a kind that a report lists before it only counts.
const LISTED: usize = 12;

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {} parameters match", self.matched)?;
        let mut list = |title: &str, lines: Vec<String>| {
            for (i, line) in lines.iter().enumerate() {
                if i == LISTED {
                    return write!(f, "\n  {title}: and {} more", lines.len() - LISTED);
                }
                write!(f, "\n  {title}: {line}")?;
            }
            Ok(())
        };
        let named = |(name, shape): &(String, Vec<usize>)| format!("`{name}` {shape:?}");
        list("found", self.found.clone())?;
        list("adapted", self.adapted.iter().map(|(name, how)| format!("`{name}`, {how}")).collect())?;
        list("drawn at random", self.drawn.iter().map(|name| format!("`{name}`")).collect())?;
        list("missing in the file", self.missing.iter().map(named).collect())?;
        list("not in the network", self.unexpected.iter().map(named).collect())?;
        let shapes = |(name, found, expected): &(String, Vec<usize>, Vec<usize>)| {
            format!("`{name}` has {found:?}, the network expects {expected:?}")
        };
        list("of another shape", self.mismatched.iter().map(shapes).collect())?;
        let quoted = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect();
        list(
            &format!("in the file for layers that are never called ({})", self.unused.len()),
            quoted(&self.unused),
        )?;
        list(
            &format!("not in the file, of layers that are never called ({})", self.absent.len()),
            quoted(&self.absent),
        )?;
        list("settings", self.settings.clone())
    }
}

/// Weights for a network: from a file, adapted or drawn where that was allowed.
#[derive(Debug)]
pub struct Loaded {
    file: WeightsFile,
    origins: BTreeMap<String, Origin>,
    /// Other names of the state dict for some of them.
    aliases: BTreeMap<String, String>,
    /// Tensors that no layer reads.
    unused: BTreeMap<String, Origin>,
    drawn: StateDict,
    /// What matched.
    pub report: LoadReport,
}

/// Where a parameter's elements are in the file.
#[derive(Debug)]
struct Origin {
    name: String,
    shape: Vec<usize>,
    /// Its shape in the file.
    found: Vec<usize>,
    /// Input channels that are summed to one, and elements of each.
    summed: Option<(usize, usize)>,
}

/// A tensor of the file that another one must be equal to, since both are one parameter.
#[derive(Debug)]
struct Twin {
    /// Its name in the network, and in the file.
    name: String,
    origin: String,
    shape: Vec<usize>,
}

/// Matches a file with a network, and the settings of its layers with the file's network if that is known. Of several state dicts in it the one that fits best is taken, unless one was chosen.
///
/// # Errors
/// If a parameter of the main output is missing or of another shape, or a tensor is unknown, unless the options
/// allow it; if the file's network has other settings.
pub fn load(graph: &Graph, mut file: WeightsFile, options: LoadOptions) -> Result<Loaded, IoError> {
    let mut best = matched(graph, &file, options);
    if !file.is_chosen() {
        let mut place = file.dict();
        for other in others(&file) {
            if best.report.is_exact() {
                break;
            }
            // One that cannot be read is not what is looked for.
            if file.take_dict(other).is_ok() {
                let found = matched(graph, &file, options);
                if found.fit() > best.fit() {
                    (best, place) = (found, other);
                }
            }
        }
        file.take_dict(place)?;
    }
    let Matched { mut report, origins, twins, unused, wanted } = best;
    if file.network().is_some() {
        // Runs and models keep what they compute with.
        report.absent.clear();
    }
    report.found.splice(..0, file.told());
    let lacks = !report.missing.is_empty() || !report.mismatched.is_empty();
    let allowed = (options.draw || !lacks) && (options.ignore || report.unexpected.is_empty());
    // Where nothing fits, nothing would be left of the file.
    if !allowed || (report.matched == 0 && !report.is_exact()) {
        let (path, model) = (file.path().to_owned(), graph.name().to_owned());
        let fits = fits(&file);
        return Err(IoError::Mismatch { path, model, report: Box::new(report), fits });
    }
    if let Some(network) = file.network() {
        let origin = |name: &str| origins.get(name).map(|origin| origin.name.as_str());
        let Compared { differences, untold } = settings::compare(graph, network, &origin);
        if !differences.is_empty() && !options.other_settings {
            let (path, model) = (file.path().to_owned(), graph.name().to_owned());
            return Err(IoError::Settings { path, model, differences });
        }
        report.settings = differences.into_iter().chain(untold).collect();
    }
    for (name, twin) in &twins {
        same(&file, name, &origins[name], twin)?;
    }
    let drawn = initialize_some(graph, options.seed, |name| wanted.contains(name));
    let aliases = graph.aliases().map(|alias| (alias.name.clone(), alias.first.clone())).collect();
    Ok(Loaded { file, origins, aliases, unused, drawn, report })
}

/// Elements that are compared at a time.
const PART: usize = 1 << 16;

/// Checks that a tensor which is there under another name too is the same there.
fn same(file: &WeightsFile, name: &str, origin: &Origin, twin: &Twin) -> Result<(), IoError> {
    let differ = |values: Option<(Vec<usize>, [f32; 2])>| IoError::Twins {
        path: file.path().to_owned(),
        name: twin.name.clone(),
        first: name.to_owned(),
        values,
    };
    if twin.shape != origin.found {
        return Err(differ(None));
    }
    let count: usize = twin.shape.iter().product();
    let mut parts = [0, 1].map(|_| vec![0.0f32; count.min(PART)]);
    for first in (0..count).step_by(PART) {
        let len = PART.min(count - first);
        for (part, tensor) in parts.iter_mut().zip([&twin.origin, &origin.name]) {
            file.read(tensor, first, &mut part[..len])?;
        }
        let [here, there] = [&parts[0][..len], &parts[1][..len]];
        let unlike = |(a, b): (&f32, &f32)| a.to_bits() != b.to_bits() && a != b;
        if let Some(at) = here.iter().zip(there).position(unlike) {
            return Err(differ(Some((index(&twin.shape, first + at), [here[at], there[at]]))));
        }
    }
    Ok(())
}

/// The places of state dicts that are tried beside the first: what several are together before single ones.
fn others(file: &WeightsFile) -> Vec<usize> {
    let dicts = file.dicts();
    let (together, alone): (Vec<usize>, Vec<usize>) = (0..dicts.len())
        .filter(|&place| place != file.dict())
        .partition(|&place| dicts[place].0.ends_with('*'));
    together.into_iter().take(MOST_TRIED).chain(alone.into_iter().take(MOST_TRIED)).collect()
}

/// State dicts of each kind that are tried.
const MOST_TRIED: usize = 16;

/// How the tensors of a file match a network.
pub(super) struct Matched {
    pub(super) report: LoadReport,
    origins: BTreeMap<String, Origin>,
    /// By the parameter that they must be equal to.
    twins: Vec<(String, Twin)>,
    unused: BTreeMap<String, Origin>,
    /// Parameters to draw.
    wanted: BTreeSet<String>,
}

impl Matched {
    fn fit(&self) -> (bool, usize, Reverse<usize>) {
        let report = &self.report;
        (report.is_exact(), report.matched, Reverse(report.unexpected.len() + report.mismatched.len()))
    }
}

pub(super) fn matched(graph: &Graph, file: &WeightsFile, options: LoadOptions) -> Matched {
    let tensors = file.tensors();
    let names: Vec<&str> = tensors.iter().map(|&(name, _)| name).collect();
    let parameters: HashSet<String> = graph.parameters().into_iter().map(|spec| spec.name).collect();
    let in_file: HashSet<&str> = names.iter().copied().collect();
    let shared = graph.shared_weights().iter().map(|shared| shared.name.clone());
    let unused = graph.unused().iter().map(|tensor| tensor.name.clone());
    let known: HashSet<String> = parameters.iter().cloned().chain(shared).chain(unused).collect();
    // An imported network's parameters have the file's names, whatever they are.
    if parameters.iter().all(|name| in_file.contains(name.as_str())) {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        return with_names(graph, &tensors, &Aligned { names, ..Aligned::default() }, options);
    }
    let is_wanted = |name: &str| known.contains(name);
    let aligned = names::without_prefix(&names, &is_wanted);
    let plain = with_names(graph, &tensors, &aligned, options);
    if plain.report.is_exact() {
        return plain;
    }
    let parts = with_names(graph, &tensors, &names::without_parts(&aligned, &is_wanted), options);
    // What is left out of a part of the names is a guess, unless all fits then.
    let better = parts.report.is_exact() || (options.draw || options.ignore) && parts.fit() > plain.fit();
    if better { parts } else { plain }
}

/// A tensor of a file: its name in the network, in the file, and its shape.
type Named<'a> = (&'a str, &'a str, &'a [usize]);

/// Matches tensors under the names that are theirs in the network.
fn with_names(
    graph: &Graph,
    tensors: &[(&str, &[usize])],
    aligned: &Aligned,
    options: LoadOptions,
) -> Matched {
    let mut report = LoadReport::default();
    for (from, to) in &aligned.shortened {
        report.found.push(match to.as_str() {
            "" => format!("names without `{from}`"),
            _ => format!("names with `{to}` for `{from}`"),
        });
    }
    let mut left: BTreeMap<&str, (&str, &[usize])> = BTreeMap::new();
    for (own, &(name, shape)) in aligned.names.iter().zip(tensors).filter(|(own, _)| !is_idle(own)) {
        // Of two for the same parameter one is too many, whichever it is.
        if let Some((other, shape)) = left.insert(own, (name, shape)) {
            report.unexpected.push((other.to_owned(), shape.to_vec()));
        }
    }
    let (mut origins, mut twins, mut wanted) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
    let live = graph.reachable(&[graph.output()]);
    let read = graph.ids().filter(|id| live[id.index()]).flat_map(|id| graph.node_parameters(id));
    let needed: HashSet<String> = read.map(|spec| spec.name).collect();
    // Other names of a parameter: one of them does for it.
    let mut others: BTreeMap<&str, VecDeque<Named<'_>>> = BTreeMap::new();
    for shared in graph.shared_weights() {
        if let Some((name, shape)) = left.remove(shared.name.as_str()) {
            others.entry(&shared.first).or_default().push_back((&shared.name, name, shape));
        }
    }
    let heads: Vec<Option<NodeId>> =
        graph.outputs().iter().map(|output| graph.head_of(output.node)).collect();
    for id in graph.ids() {
        let reads_image = graph.node(id).inputs.iter().any(|&input| graph.node(input).op == Op::Input);
        let is_head = heads.contains(&Some(id));
        for spec in graph.own_parameters(id) {
            let mut others = others.remove(spec.name.as_str()).unwrap_or_default();
            let first = left.remove(spec.name.as_str());
            let first = first.or_else(|| others.pop_front().map(|(_, name, shape)| (name, shape)));
            let Some((name, found)) = first else {
                wanted.insert(spec.name.clone());
                match needed.contains(&spec.name) {
                    true => report.missing.push((spec.name, spec.shape)),
                    false => report.drawn.push(spec.name),
                }
                continue;
            };
            if is_head && options.head == Head::Drawn {
                wanted.insert(spec.name.clone());
                report.drawn.push(spec.name);
                continue;
            }
            let summed = summed_channels(&spec, found).filter(|_| reads_image);
            if let Some((channels, _)) = summed {
                report
                    .adapted
                    .push((spec.name.clone(), format!("its {channels} input channels summed to one")));
            } else if is_flattened(&spec, found) {
                report.adapted.push((spec.name.clone(), format!("{found:?} read as {:?}", spec.shape)));
            } else if found != spec.shape {
                wanted.insert(spec.name.clone());
                match is_head && options.head == Head::Resized && found[1..] == spec.shape[1..] {
                    true => report.drawn.push(spec.name),
                    false => report.mismatched.push((spec.name, found.to_vec(), spec.shape)),
                }
                continue;
            }
            report.matched += 1;
            twins.extend(others.into_iter().map(|(other, origin, shape)| {
                let (name, origin) = (other.to_owned(), origin.to_owned());
                (spec.name.clone(), Twin { name, origin, shape: shape.to_vec() })
            }));
            let (name, found) = (name.to_owned(), found.to_vec());
            origins.insert(spec.name, Origin { name, shape: spec.shape, found, summed });
        }
    }
    let mut unused = BTreeMap::new();
    for tensor in graph.unused().iter().filter(|tensor| !is_idle(&tensor.name)) {
        match left.remove(tensor.name.as_str()) {
            Some((origin, found)) if found == tensor.shape => {
                report.unused.push(tensor.name.clone());
                let (name, shape) = (origin.to_owned(), tensor.shape.clone());
                let origin = Origin { name, found: shape.clone(), shape, summed: None };
                unused.insert(tensor.name.clone(), origin);
            }
            Some((_, found)) => {
                report.mismatched.push((tensor.name.clone(), found.to_vec(), tensor.shape.clone()));
            }
            None => report.absent.push(tensor.name.clone()),
        }
    }
    // Auxiliary outputs of a file are of no use to a network without them.
    left.retain(|name, _| !zoo::is_auxiliary(name));
    report.unexpected.extend(left.into_values().map(|(name, shape)| (name.to_owned(), shape.to_vec())));
    Matched { report, origins, twins, unused, wanted }
}

/// The input channels to sum where a convolution of a grey image gets weights for a coloured one, and the
/// elements of each.
fn summed_channels(spec: &ParamSpec, found: &[usize]) -> Option<(usize, usize)> {
    match (spec.kind, found, &spec.shape[..]) {
        (ParamKind::ConvWeight, &[o, 3, h, w], &[outputs, 1, height, width])
            if (o, h, w) == (outputs, height, width) =>
        {
            Some((3, h * w))
        }
        _ => None,
    }
}

/// Whether a linear layer's weight is that of a convolution over the whole map, or a 1×1 convolution's that of a linear
/// layer: the same elements in the same order.
fn is_flattened(spec: &ParamSpec, found: &[usize]) -> bool {
    match (spec.kind, found, &spec.shape[..]) {
        (ParamKind::LinearWeight, &[o, c, h, w], &[outputs, inputs]) => {
            o == outputs && c.checked_mul(h).and_then(|n| n.checked_mul(w)) == Some(inputs)
        }
        (ParamKind::ConvWeight, &[o, i], &[outputs, inputs, 1, 1])
        | (ParamKind::ConvWeight, &[o, i, 1, 1], &[outputs, inputs]) => (o, i) == (outputs, inputs),
        _ => false,
    }
}

impl Loaded {
    /// What the file tells of itself.
    pub fn card(&self) -> Option<&ModelCard> {
        self.file.card()
    }

    /// The names and shapes of tensors in the file that no layer reads, and that the network's code registers.
    pub fn unused(&self) -> Vec<(String, Vec<usize>)> {
        self.unused.iter().map(|(name, origin)| (name.clone(), origin.shape.clone())).collect()
    }

    /// All parameters, in memory, without those that no layer reads.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn state_dict(&self) -> Result<StateDict, IoError> {
        let mut state = self.drawn.clone();
        for (name, origin) in &self.origins {
            let mut data = vec![0.0; origin.shape.iter().product()];
            self.read(name, 0, &mut data)?;
            state.insert(name.clone(), Tensor { shape: origin.shape.clone(), data });
        }
        for (alias, first) in &self.aliases {
            if let Some(tensor) = state.get(first).cloned() {
                state.insert(alias.clone(), tensor);
            }
        }
        Ok(state)
    }
}

impl TensorSource for Loaded {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let name = self.first_of(name);
        self.origin(name).map(|origin| origin.shape.clone()).or_else(|| self.drawn.shape(name))
    }

    /// A weight that is no finite number is an error too.
    fn read(&self, name: &str, first: usize, out: &mut [f32]) -> Result<(), ReadError> {
        let name = self.first_of(name);
        let Some(origin) = self.origin(name) else { return self.drawn.read(name, first, out) };
        match origin.summed {
            None => self.file.read(&origin.name, first, out)?,
            Some(summed) => self.read_summed(origin, summed, first, out)?,
        }
        match out.iter().position(|x| !x.is_finite()) {
            None => Ok(()),
            Some(at) => Err(ReadError::NotFinite {
                path: self.file.path().to_owned(),
                name: name.to_owned(),
                index: index(&origin.shape, first + at),
                value: out[at],
            }),
        }
    }
}

impl Loaded {
    fn origin(&self, name: &str) -> Option<&Origin> {
        self.origins.get(name).or_else(|| self.unused.get(name))
    }

    /// The parameter that a name of the state dict is for.
    fn first_of<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.get(name).map_or(name, String::as_str)
    }

    fn read_summed(
        &self,
        origin: &Origin,
        (channels, elements): (usize, usize),
        first: usize,
        out: &mut [f32],
    ) -> Result<(), ReadError> {
        let mut whole = vec![0.0; channels * elements];
        for (at, x) in (first..).zip(out) {
            if at == first || at.is_multiple_of(elements) {
                self.file.read(&origin.name, at / elements * channels * elements, &mut whole)?;
            }
            *x = (0..channels).map(|c| whole[c * elements + at % elements]).sum();
        }
        Ok(())
    }
}

/// An element's index along each dimension.
fn index(shape: &[usize], element: usize) -> Vec<usize> {
    let mut rest = element;
    let mut index: Vec<usize> = shape
        .iter()
        .rev()
        .map(|&size| {
            let along = rest % size;
            rest /= size;
            along
        })
        .collect();
    index.reverse();
    index
}
