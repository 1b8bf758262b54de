//! The zoo's networks against PyTorch's state dicts and the figures of the papers, and their page in docs/.
//!
//! `tools/torchvision_counts.py` writes `zoo/torchvision.tsv`, `zoo/state.tsv` and `zoo/listings.txt`; `zoo/published.tsv` is
//! collected by hand.

use std::collections::BTreeMap;
use std::fmt::Write;

use convnet::graph::Graph;
use convnet::inspect::torch_listing;
use convnet::ops::Op;
use convnet::zoo::{self, Entry, Variant};

const COUNTS: &str = include_str!("zoo/torchvision.tsv");
const STATE: &str = include_str!("zoo/state.tsv");
const LISTINGS: &str = include_str!("zoo/listings.txt");
const PUBLISHED: &str = include_str!("zoo/published.tsv");

/// The rows of a table, without its comments and its header.
fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().filter(|l| !l.starts_with('#')).skip(1).map(|l| l.split('\t').collect())
}

fn build(name: &str) -> Graph {
    zoo::find(name).expect("a name of the zoo").model().build().expect("its own size fits")
}

fn trainable(graph: &Graph) -> usize {
    graph.parameters().iter().filter(|p| p.kind.trainable()).map(convnet::ops::ParamSpec::elements).sum()
}

/// Trainable parameters that inference needs: those of auxiliary classifiers left out.
fn trainable_at_inference(graph: &Graph) -> usize {
    let live = graph.reachable(&[graph.output()]);
    let specs = graph.ids().filter(|id| live[id.index()]).flat_map(|id| graph.node_parameters(id));
    specs.filter(|p| p.kind.trainable()).map(|p| p.elements()).sum()
}

/// Multiply-accumulates of Conv2d and Linear on the way to the main output.
fn macs(graph: &Graph) -> usize {
    let live = graph.reachable(&[graph.output()]);
    let weighted = |id| {
        let weight = &graph.node_parameters(id)[0];
        graph.node(id).shape.elements() * weight.shape[1..].iter().product::<usize>()
    };
    let layers = graph.ids().filter(|id| live[id.index()]);
    layers.filter(|&id| matches!(graph.node(id).op, Op::Conv2d(_) | Op::Linear(_))).map(weighted).sum()
}

#[test]
fn state_dicts_are_pytorchs_by_name_and_shape() {
    let mut checked = 0;
    for section in STATE.split("\n# ").skip(1) {
        let (head, modules) = section.split_once('\n').unwrap();
        let (name, classes) = head.split_once(' ').unwrap();
        let mut expected = BTreeMap::new();
        for line in modules.lines() {
            let (module, tensors) = line.split_once('\t').unwrap();
            for group in tensors.split('\t') {
                let (leaves, shape) = group.split_once(' ').unwrap();
                let shape: Vec<usize> = shape.split('x').map(|d| d.parse().unwrap()).collect();
                for leaf in leaves.split(',') {
                    expected.insert(format!("{module}.{leaf}"), shape.clone());
                }
            }
        }
        let model = zoo::find(name).unwrap().model().classes(classes.parse().unwrap());
        let specs = model.build().unwrap().parameters();
        let found: BTreeMap<_, _> = specs.iter().map(|p| (p.name.clone(), p.shape.clone())).collect();
        assert_eq!(found.len(), specs.len(), "{name} has a name twice");
        assert_eq!(found, expected, "{name}");
        checked += 1;
    }
    // The tutorial's, those of the packages, and one of those for another number of classes.
    let theirs = |e: &&Entry| !matches!(e.variant, Variant::Paper | Variant::Small);
    assert_eq!(checked, zoo::entries().iter().filter(theirs).count() + 1);
}

#[test]
fn bare_networks_list_as_in_pytorch() {
    let mut listed = Vec::new();
    for section in LISTINGS.split("\n# ").skip(1) {
        let (name, lines) = section.split_once('\n').unwrap();
        assert_eq!(torch_listing(&build(name), 1).trim_end(), lines.trim_end(), "{name}");
        listed.push(name);
    }
    let tutorials = zoo::entries().iter().filter(|e| e.variant == Variant::Tutorial);
    assert!(tutorials.map(|e| e.name).eq(listed));
}

#[test]
fn counts_are_pytorchs() {
    let mut torchvisions = 0;
    for row in rows(COUNTS) {
        let [name, tensors, parameters, multiplies, documented, gmacs] = row[..] else { panic!("{row:?}") };
        let graph = build(name);
        assert_eq!(graph.parameters().len().to_string(), tensors, "{name}");
        assert_eq!(trainable(&graph).to_string(), parameters, "{name}");
        assert_eq!(macs(&graph).to_string(), multiplies, "{name}");
        if documented != "-" {
            torchvisions += 1;
            // GoogLeNet's auxiliary classifiers are not counted, Inception v3's is.
            let counted = if name == "inception_v3@torchvision" { trainable } else { trainable_at_inference };
            assert_eq!(counted(&graph).to_string(), documented, "{name}");
            let gmacs: f64 = gmacs.parse().unwrap();
            assert!((macs(&graph) as f64 / 1e9 - gmacs).abs() < 0.00051, "{name}: {gmacs} documented");
        }
    }
    assert_eq!(torchvisions, zoo::entries().iter().filter(|e| e.variant == Variant::Torchvision).count());
}

#[test]
fn counts_are_the_papers_up_to_named_differences_and_rounding() {
    for row in rows(PUBLISHED) {
        let [name, _, published, rounding, difference, _] = row[..] else { panic!("{row:?}") };
        let [published, rounding, difference] =
            [published, rounding, difference].map(|n| n.parse::<usize>().unwrap());
        let comparable = trainable_at_inference(&build(name)) - difference;
        assert!(comparable.abs_diff(published) <= rounding, "{name}: {comparable} and {published}");
    }
}

#[test]
fn googlenet_has_the_parameters_of_the_papers_table() {
    // Table 1 of Szegedy et al. 2015, column `params`, in K; its entries are weights over 1,024 (3a has 163,328
    // and is given as 159K), but for the first convolution, whose 9,408 weights are given as 2.7K.
    let table =
        2.7 + 112.0 + 159.0 + 380.0 + 364.0 + 437.0 + 463.0 + 580.0 + 840.0 + 1072.0 + 1388.0 + 1000.0;
    let ours = trainable_at_inference(&build("googlenet@paper")) as f64;
    // What is left is biases and rounding.
    assert!((ours / (table * 1024.0) - 1.0).abs() < 0.01, "{ours}");
}

/// The page that docs/zoo.md must be.
fn page() -> String {
    let mut text = String::from(
        "# The networks\n\n\
         Written by `UPDATE_DOCS=1 cargo test -p convnet --test main zoo`, which otherwise checks it. \"PyTorch\" is \
         counted on PyTorch's own modules by `tools/torchvision_counts.py`; \"published\" is what the paper gives, \
         with its source in `crates/convnet/tests/zoo/published.tsv`. Parameters are trainable ones, auxiliary \
         classifiers included; multiply-accumulates are those of Conv2d and Linear for one image, auxiliary \
         classifiers left out.\n\n\
         A bare name is the tutorial's network where the tutorial defines the family, torchvision's for all others. \
         `@torchvision` has torchvision's layers and parameter names, so that its weights load, `@timm` and `@cadene` those of \
         the packages timm and pretrainedmodels; `@paper` has the paper's layers where they differ; `@small` are networks of convnet's own, the family's idea at the size of images \
         of 28 to 64 pixels, for training within minutes (docs/results.md). `resnet18@torchvision` is `resnet18`, and a \
         name with one variant only may leave it out: `densenet121`.\n",
    );
    let pytorch: BTreeMap<_, _> = rows(COUNTS).map(|row| (row[0], row[2])).collect();
    let published: BTreeMap<_, _> = rows(PUBLISHED).map(|row| (row[0], row[1])).collect();
    let entries = zoo::entries();
    let mut families: Vec<&str> = entries.iter().map(|e| e.family).collect();
    families.dedup();
    for family in families {
        let members: Vec<&Entry> = entries.iter().filter(|e| e.family == family).collect();
        write!(text, "\n## {family}\n\n{}\n\n", members[0].taught).expect("text has room");
        text.push_str("| network | input | classes | parameters | PyTorch | published | MACs |\n");
        text.push_str("|---|---|---:|---:|---:|---:|---:|\n");
        for entry in &members {
            let graph = build(entry.name);
            let name = entry.name;
            // torchvision's networks with a bare name are counted under their full one.
            let full = format!("{}@{}", entry.base(), entry.variant);
            let counted = pytorch.get(name).or_else(|| pytorch.get(full.as_str()));
            let [c, h, w] = entry.input;
            writeln!(
                text,
                "| `{name}` | {c}×{h}×{w} | {} | {} | {} | {} | {} |",
                entry.classes,
                grouped(&trainable(&graph).to_string()),
                counted.map_or(String::new(), |n| grouped(n)),
                published.get(name).unwrap_or(&""),
                grouped(&macs(&graph).to_string()),
            )
            .expect("text has room");
        }
        text.push('\n');
        let mut notes: Vec<(&str, Vec<String>)> = Vec::new();
        for entry in members.iter().filter(|e| !e.note.is_empty()) {
            let name = format!("`{}`", entry.name);
            match notes.iter_mut().find(|(note, _)| *note == entry.note) {
                Some((_, names)) => names.push(name),
                None => notes.push((entry.note, vec![name])),
            }
        }
        for (note, names) in notes {
            writeln!(text, "- {}: {note}", names.join(", ")).expect("text has room");
        }
        let mut papers = Vec::new();
        for entry in &members {
            if !papers.contains(&entry.paper) {
                papers.push(entry.paper);
            }
        }
        text.push_str("\nPapers:\n\n");
        for paper in papers {
            let arxiv =
                paper.arxiv.map_or(String::new(), |id| format!(" [arXiv:{id}](https://arxiv.org/abs/{id})."));
            let (authors, title, venue, year) = (paper.authors, paper.title, paper.venue, paper.year);
            writeln!(text, "- {authors}. *{title}*. {venue}, {year}.{arxiv}").expect("text has room");
        }
    }
    text
}

/// A count with its digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn the_page_in_docs_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/zoo.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == page,
        "docs/zoo.md is out of date: run UPDATE_DOCS=1 cargo test -p convnet --test main zoo"
    );
}
