//! What was found, as text and as data.

use convnet::inspect::{Summary, grouped, scaled};
use convnet_pytorch::diagnostic::Severity;
use convnet_pytorch::diagnostic::json::{Document, Network};
use convnet_pytorch::{Checked, Network as Found};

use super::{Findings, Subject};
use crate::models;
use crate::output::{self, FAINT, STRONG};
use crate::style::{ADDED, ERROR};

/// The networks that were made, in a few lines; empty where there is none.
pub(super) fn summary(subject: &Subject, findings: &Findings) -> String {
    match findings.checks.as_slice() {
        checks if findings.are_all => each(subject, checks),
        [(_, Checked { network: Some(network), report })] if !report.has_errors() => one(subject, network),
        _ => String::new(),
    }
}

fn one(subject: &Subject, network: &Found) -> String {
    let summary = Summary::new(&network.graph, 1);
    let graph = &network.graph;
    let figures = [
        ("input", graph.input_shape().to_string()),
        ("output", graph.node(graph.output()).shape.to_string()),
        ("layers", grouped(summary.layers.len() as u64)),
        ("parameters", grouped(summary.params)),
        ("MACs", scaled(summary.macs)),
    ];
    let path = subject.path.display();
    let mut text = format!("{STRONG}{path}:{}{STRONG:#}  {ADDED}no errors{ADDED:#}\n", network.entry);
    for (label, figure) in figures {
        text.push_str(&format!("{FAINT}{label:<13}{FAINT:#}{figure}\n"));
    }
    text
}

/// A line a network.
fn each(subject: &Subject, checks: &[(Option<String>, Checked)]) -> String {
    let names: Vec<&str> = checks.iter().map(|(entry, _)| entry.as_deref().unwrap_or_default()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let count = output::counted(checks.len(), "network");
    let mut text = format!("{STRONG}{}{STRONG:#}  {count}\n", subject.path.display());
    for (name, (_, checked)) in names.iter().zip(checks) {
        let told = match &checked.network {
            Some(Found { graph, .. }) if !checked.report.has_errors() => {
                let summary = Summary::new(graph, 1);
                let (input, output) = (graph.input_shape(), graph.node(graph.output()).shape);
                let shapes = format!("{input} → {output}");
                let layers = output::counted(summary.layers.len(), "layer");
                let (params, macs) = (grouped(summary.params), scaled(summary.macs));
                format!("{shapes:<18}  {layers:>10}  {params:>11} parameters  {macs:>7} MACs")
            }
            _ => {
                let errors = checked.report.diagnostics.iter().filter(|one| one.severity == Severity::Error);
                let first = errors.map(|error| error.message.as_str()).next().unwrap_or("no network");
                format!("{ERROR}error:{ERROR:#} {}", first.split_whitespace().collect::<Vec<_>>().join(" "))
            }
        };
        text.push_str(&format!("  {name:<width$}  {told}\n"));
    }
    text
}

/// The messages as text, each once, and what was assumed or left out, in a line each.
pub(super) fn messages(findings: &Findings) -> String {
    let mut texts: Vec<String> = Vec::new();
    for (_, checked) in &findings.checks {
        let text = models::rendered(&checked.report);
        if !text.is_empty() && !texts.contains(&text) {
            texts.push(text);
        }
    }
    let mut text = texts.join("\n");
    let mut notes: Vec<&str> = Vec::new();
    for note in
        findings.checks.iter().filter_map(|(_, checked)| checked.network.as_ref()).flat_map(|n| &n.notes)
    {
        if !notes.contains(&note.as_str()) {
            notes.push(note);
            text.push_str(&format!("{FAINT}{note}{FAINT:#}\n"));
        }
    }
    text
}

/// All that was found as data.
pub(super) fn document(subject: &Subject, findings: &Findings) -> Document {
    let networks: Vec<Network> =
        findings.checks.iter().filter_map(|(_, checked)| checked.network.as_ref()).map(network).collect();
    let mut diagnostics = Vec::new();
    for message in findings.checks.iter().flat_map(|(_, checked)| checked.report.messages()) {
        if !diagnostics.contains(&message) {
            diagnostics.push(message);
        }
    }
    Document {
        file: subject.path.display().to_string(),
        ok: !findings.has_errors(),
        network: if findings.are_all { None } else { networks.first().cloned() },
        networks,
        diagnostics,
    }
}

fn network(found: &Found) -> Network {
    let summary = Summary::new(&found.graph, 1);
    Network {
        entry: found.entry.clone(),
        input: found.graph.input_shape().dims(),
        layers: summary.layers.len(),
        parameters: summary.params,
    }
}
