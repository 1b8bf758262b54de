//! The figures of a network, and how they are printed.

use std::fmt::Write as _;

use convnet::exec::Rehearsed;
use serde::Serialize;

use super::Mode;
use crate::output::counted;

/// One network's figures.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) model: String,
    pub(super) mode: Mode,
    pub(super) batch: usize,
    pub(super) threads: usize,
    pub(super) ms_median: f64,
    pub(super) ms_min: f64,
    pub(super) ms_max: f64,
    pub(super) runs: usize,
    pub(super) gflop: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gflops_peak: Option<f64>,
    pub(super) peak_rss_bytes: Option<u64>,
    pub(super) isa: String,
    /// Milliseconds of a GPU's work alone, the least and the median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device_ms: Option<[f64; 2]>,
    /// Of the least time, where threads were rehearsed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rehearsal: Option<Rehearsal>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) layers: Vec<Layer>,
}

/// A run on one thread, and what threads would have made of it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Rehearsal {
    /// Of the threads.
    pub(super) ms: f64,
    /// On the one thread that did it.
    ms_alone: f64,
    /// The speed of the threads, as a part of one's times their number.
    of_linear: f64,
    /// How often they would have waited for the last of them.
    calls: u64,
}

impl Rehearsal {
    pub(super) fn new(ms_alone: f64, before: Rehearsed, after: Rehearsed, threads: usize) -> Self {
        let saved = (after.saved - before.saved).as_secs_f64() * 1e3;
        let ms = ms_alone - saved;
        let of_linear = ms_alone / ms / threads as f64;
        Self { ms, ms_alone, of_linear, calls: after.calls - before.calls }
    }
}

/// One step of the plan.
#[derive(Debug, Serialize)]
pub(super) struct Layer {
    pub(super) layers: String,
    pub(super) kernel: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) winograd_cost: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) kernel_backward: String,
    pub(super) output: Vec<usize>,
    pub(super) ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ms_backward: Option<f64>,
    pub(super) gflops: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) peak_share: Option<f64>,
    pub(super) bytes: u64,
}

pub(super) fn text(report: &Report) -> String {
    let mode = if report.mode == Mode::Train { "training step" } else { "inference" };
    let speed = report.gflop / report.ms_min * 1e3;
    let mut text = format!(
        "{}: {mode}, batch {}, {}, {}: {:.3} ms least, {:.3} median, {:.3} most of {}; {:.1} images/s, \
         {:.0} GFLOP/s",
        report.model,
        report.batch,
        counted(report.threads, "thread"),
        report.isa,
        report.ms_min,
        report.ms_median,
        report.ms_max,
        counted(report.runs, "run"),
        report.batch as f64 / report.ms_min * 1e3,
        speed,
    );
    if let Some(peak) = report.gflops_peak {
        let _ = write!(text, ", {:.0}% of the {peak:.0} GFLOP/s peak", 100.0 * speed / peak);
    }
    if let Some(Rehearsal { ms_alone, of_linear, calls, .. }) = report.rehearsal {
        let _ = write!(
            text,
            "; rehearsed on one thread in {ms_alone:.3} ms: at most {:.0}% of linear by how the work is cut, {} shared",
            100.0 * of_linear,
            counted(calls as usize, "call"),
        );
    }
    if let Some([least, median]) = report.device_ms {
        let _ = write!(text, "; the card alone {least:.4} ms least, {median:.4} median");
    }
    if let Some(rss) = report.peak_rss_bytes {
        let _ = write!(text, "; {:.0} MB at most", rss as f64 / 1e6);
    }
    if report.layers.is_empty() {
        return text;
    }
    let width = report.layers.iter().map(|l| l.layers.chars().count()).max().unwrap_or(0).min(44);
    let _ = write!(
        text,
        "\n{:>10} {:>10} {:>8} {:>6} {:>9} {:>7} {:>6}  {:<width$}  kernel",
        "ms", "backward", "GFLOP/s", "peak", "MB", "GB/s", "model", "layers"
    );
    for layer in &report.layers {
        let name: String = layer.layers.chars().take(width).collect();
        let backward = layer.ms_backward.map_or(String::new(), |ms| format!("{ms:.3}"));
        let cost = layer.winograd_cost.map_or(String::new(), |cost| format!("{cost:.2}"));
        let share = layer.peak_share.map_or(String::new(), |share| format!("{:.0}%", 100.0 * share));
        let kernels = match layer.kernel_backward.as_str() {
            "" => layer.kernel.clone(),
            backward => format!("{}; {backward}", layer.kernel),
        };
        let _ = write!(
            text,
            "\n{:>10.3} {backward:>10} {:>8.1} {share:>6} {:>9.2} {:>7.1} {cost:>6}  {name:<width$}  {kernels}",
            layer.ms,
            layer.gflops,
            layer.bytes as f64 / 1e6,
            layer.bytes as f64 / 1e6 / layer.ms.max(1e-6),
        );
    }
    text
}
