//! A network in words: what its paper taught, what happens block by block and why, where its cost sits, and what differs
//! from its predecessor. Figures are computed, what a paper taught stands in the zoo.

mod against;
mod blocks;

use convnet::graph::Graph;
use convnet::inspect::{Summary, bytes, grouped, scaled};
use convnet::zoo::Entry;

pub use against::Against;
pub use blocks::Block;

/// A network in words.
#[derive(Clone, Debug)]
pub struct Story {
    /// The network's name, and that of its paper where it is known.
    pub title: String,
    /// Who wrote about it, where and when; empty for what is not of the zoo.
    pub source: String,
    /// What it taught, and how this definition differs.
    pub taught: Vec<String>,
    /// Parameters, multiply-accumulates and memory.
    pub figures: String,
    /// From an image to the classes.
    pub blocks: Vec<Block>,
    /// Where parameters, compute and memory sit.
    pub shares: Vec<String>,
    /// What differs from the network before it.
    pub against: Option<Against>,
}

impl Story {
    /// A network's story; `entry` is what the zoo knows of it.
    pub fn of(graph: &Graph, entry: Option<&'static Entry>) -> Self {
        let summary = Summary::new(graph, 1);
        let blocks = blocks::blocks(graph, &summary);
        let title = entry
            .map_or_else(|| graph.name().to_owned(), |entry| format!("{}: {}", graph.name(), entry.title));
        let source = entry.map(|entry| {
            let paper = &entry.paper;
            let arxiv = paper.arxiv.map(|id| format!(", arXiv {id}")).unwrap_or_default();
            format!("{}: “{}”, {}, {}{arxiv}.", paper.authors, paper.title, paper.venue, paper.year)
        });
        let taught = entry.map_or_else(Vec::new, |entry| {
            let said = [entry.taught, entry.note].into_iter().filter(|text| !text.is_empty());
            said.map(str::to_owned).collect()
        });
        let figures = format!(
            "{} parameters, {} multiply-accumulates for an image of {}, {} of outputs in all; {} classes.",
            grouped(summary.inference_params),
            scaled(summary.macs),
            graph.input_shape(),
            bytes(summary.activation_bytes),
            grouped(graph.classes() as u64)
        );
        Self {
            title,
            source: source.unwrap_or_default(),
            taught,
            figures,
            shares: blocks::shares(&blocks),
            against: entry.and_then(|entry| against::against(graph, &summary, entry)),
            blocks,
        }
    }

    /// The story as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n", self.title);
        self.said().for_each(|paragraph| text.push_str(&format!("{paragraph}\n\n")));
        text.push_str(&format!("{}\n\n## From an image to classes\n\n", self.figures));
        text.push_str("| block | gives | what happens | parameters | MACs |\n|---|---|---|---:|---:|\n");
        for block in &self.blocks {
            text.push_str(&format!(
                "| `{}` | {} | {} | {} | {} |\n",
                block.path,
                block.output,
                block.told(),
                grouped(block.params),
                scaled(block.macs)
            ));
        }
        text.push_str("\n## Where it sits\n\n");
        self.shares.iter().for_each(|line| text.push_str(&format!("- {line}\n")));
        if let Some(against) = &self.against {
            text.push_str(&format!("\n## Beside {}\n\n", against.title));
            against.lines.iter().for_each(|line| text.push_str(&format!("- {line}\n")));
        }
        text
    }

    /// What its paper and the zoo say.
    fn said(&self) -> impl Iterator<Item = &String> {
        [&self.source].into_iter().filter(|text| !text.is_empty()).chain(&self.taught)
    }

    /// The story in paragraphs, each a line that may be wrapped; the first of a part is its heading.
    pub fn parts(&self) -> Vec<(String, Vec<String>)> {
        let first = self.said().chain([&self.figures]).cloned().collect();
        let mut parts = vec![(self.title.clone(), first)];
        let line = |block: &Block| format!("{} → {}: {}", block.path, block.output, block.told());
        parts.push(("From an image to classes".to_owned(), self.blocks.iter().map(line).collect()));
        parts.push(("Where it sits".to_owned(), self.shares.clone()));
        if let Some(against) = &self.against {
            parts.push((format!("Beside {}", against.title), against.lines.clone()));
        }
        parts
    }
}
