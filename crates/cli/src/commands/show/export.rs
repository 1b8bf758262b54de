//! The figures of a network for other programs.

use convnet::inspect::{Row, Summary, Trace, rows};
use serde::Serialize;

use crate::error::Failure;

#[derive(Serialize)]
struct Network<'a> {
    model: &'a str,
    input: Vec<usize>,
    output: Vec<usize>,
    batch: usize,
    params: u64,
    trainable: u64,
    inference_params: u64,
    /// Of layers that the network registers and never calls.
    #[serde(skip_serializing_if = "is_none")]
    unused_params: u64,
    macs: u64,
    training_macs: u64,
    activation_bytes: u64,
    peak_bytes: u64,
    peak_layer: &'a str,
    training_bytes: Training,
    layers: Vec<Layer>,
    /// The output of a run, row-major in the shape `output`.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a [f32]>,
}

#[derive(Serialize)]
struct Training {
    parameters: u64,
    gradients: u64,
    momentum: u64,
    saved: u64,
    total: u64,
}

#[derive(Serialize)]
struct Layer {
    path: String,
    op: String,
    settings: String,
    depth: usize,
    output: Vec<usize>,
    params: u64,
    buffers: u64,
    macs: u64,
    activation_bytes: u64,
    receptive_field: Field,
    intensity: f64,
    auxiliary: bool,
}

#[derive(Serialize)]
struct Field {
    size: [u64; 2],
    stride: [f64; 2],
    start: [f64; 2],
    center: [f64; 2],
    whole: bool,
}

/// All layers, or with a depth the layers down to it and the scopes at it.
fn listed(summary: &Summary, depth: Option<usize>) -> Vec<Row> {
    let rows = rows(summary, depth.unwrap_or(usize::MAX), false);
    let open = convnet::inspect::ScopeRow::Open;
    rows.into_iter().filter(|row| row.scope != Some(open)).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// One object: totals, then `layers`, then the result of a run.
pub(super) fn json(
    model: &str,
    summary: &Summary,
    depth: Option<usize>,
    trial: Option<&Trace>,
) -> Result<String, Failure> {
    let graph = &summary.graph;
    let training = summary.training;
    let layers = listed(summary, depth).into_iter().map(|row| layer(row, summary.batch)).collect();
    let network = Network {
        model,
        input: graph.input_shape().with_batch(summary.batch),
        output: graph.node(graph.output()).shape.with_batch(summary.batch),
        batch: summary.batch,
        params: summary.params,
        trainable: summary.params,
        inference_params: summary.inference_params,
        unused_params: summary.unused_params,
        macs: summary.macs,
        training_macs: summary.training_macs,
        activation_bytes: summary.activation_bytes,
        peak_bytes: summary.peak.bytes,
        peak_layer: &graph.node(summary.peak.node).path,
        training_bytes: Training {
            parameters: training.parameters,
            gradients: training.gradients,
            momentum: training.momentum,
            saved: training.saved,
            total: training.total(),
        },
        layers,
        result: trial.map(|trial| trial.output.data.as_slice()),
    };
    Ok(serde_json::to_string_pretty(&network)?)
}

fn layer(row: Row, batch: usize) -> Layer {
    let figures = row.figures;
    let field = figures.receptive_field;
    let (height, width) = (field.height, field.width);
    Layer {
        path: row.path,
        op: row.op,
        settings: row.settings,
        depth: row.depth,
        output: figures.output.with_batch(batch),
        params: figures.params,
        buffers: figures.buffers,
        macs: figures.macs,
        activation_bytes: figures.activation_bytes,
        receptive_field: Field {
            size: [height.size, width.size],
            stride: [height.stride, width.stride],
            start: [height.start, width.start],
            center: [height.center(), width.center()],
            whole: field.whole(),
        },
        intensity: figures.intensity,
        auxiliary: figures.auxiliary,
    }
}

/// A heading and a line a layer; no value has a comma or a quote but settings, which are quoted.
pub(super) fn csv(summary: &Summary, depth: Option<usize>) -> String {
    let mut text = String::from(
        "path,op,settings,depth,output,params,buffers,macs,activation_bytes,field_height,field_width,\
         stride_height,stride_width,intensity,auxiliary\n",
    );
    for row in listed(summary, depth) {
        let figures = &row.figures;
        let field = figures.receptive_field;
        let output: Vec<String> =
            figures.output.with_batch(summary.batch).iter().map(ToString::to_string).collect();
        let cells = [
            quoted(&row.path),
            quoted(&row.op),
            quoted(&row.settings),
            row.depth.to_string(),
            output.join("x"),
            figures.params.to_string(),
            figures.buffers.to_string(),
            figures.macs.to_string(),
            figures.activation_bytes.to_string(),
            field.height.size.to_string(),
            field.width.size.to_string(),
            field.height.stride.to_string(),
            field.width.stride.to_string(),
            format!("{:.4}", figures.intensity),
            figures.auxiliary.to_string(),
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

/// A value as RFC 4180 wants it: in quotes where it needs them.
fn quoted(value: &str) -> String {
    if value.contains([',', '"', '\n']) {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.into()
    }
}
