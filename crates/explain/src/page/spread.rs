//! How values are distributed: of layers' outputs and of their weights.

use convnet::graph::{Graph, NodeId};
use convnet::state::TensorSource;

use super::data::{WeakData, WeightData};
use crate::ExplainError;

/// Steps of a histogram.
const BINS: usize = 24;
/// Weights that are read at once.
const PART: usize = 1 << 20;
/// The magnitude of a normalization's scale below which it counts as near 0: a hundredth of the 1 that training starts from.
const WEAK: f32 = 0.01;
/// Channels that are named.
const NAMED: usize = 32;

/// Counts of values in equal steps of a range.
pub(super) struct Histogram {
    pub(super) least: f32,
    pub(super) most: f32,
    pub(super) counts: Vec<u32>,
}

impl Histogram {
    /// Without any value yet; one that does not belong to the range counts at its nearer end.
    pub(super) fn new(least: f32, most: f32) -> Self {
        Self { least, most, counts: vec![0; BINS] }
    }

    pub(super) fn add(&mut self, values: &[f32]) {
        let range = if self.most > self.least { self.most - self.least } else { 1.0 };
        for value in values {
            let bin = ((value - self.least) / range * BINS as f32) as usize;
            self.counts[bin.min(BINS - 1)] += 1;
        }
    }
}

/// The weights of each layer that has some; of normalizations their scales, and which of these are near 0.
pub(super) fn weights(
    graph: &Graph,
    source: &dyn TensorSource,
    shown: &[NodeId],
) -> Result<Vec<WeightData>, ExplainError> {
    let mut found = Vec::new();
    for &id in shown {
        // The weights of every layer come before its bias.
        let Some(spec) = graph.own_parameters(id).into_iter().next() else { continue };
        let (mut least, mut most) = (f32::INFINITY, f32::NEG_INFINITY);
        let (mut sum, mut squares, mut zeros) = (0.0f64, 0.0f64, 0u64);
        let norm = graph.node(id).op.name().contains("Norm");
        let mut weak = WeakData { limit: WEAK, count: 0, channels: Vec::new() };
        in_parts(source, &spec, &mut |start, values| {
            for (at, &value) in values.iter().enumerate() {
                (least, most) = (least.min(value), most.max(value));
                sum += f64::from(value);
                squares += f64::from(value) * f64::from(value);
                zeros += u64::from(value == 0.0);
                if norm && value.abs() < WEAK {
                    weak.count += 1;
                    if weak.channels.len() < NAMED {
                        weak.channels.push(start + at);
                    }
                }
            }
        })?;
        let mut histogram = Histogram::new(least, most);
        in_parts(source, &spec, &mut |_, values| histogram.add(values))?;
        let count = spec.elements();
        let mean = sum / count as f64;
        found.push(WeightData {
            node: id.index(),
            count,
            mean: mean as f32,
            deviation: (squares / count as f64 - mean * mean).max(0.0).sqrt() as f32,
            zeros: zeros as f64 / count as f64,
            least,
            most,
            histogram: histogram.counts,
            weak: norm.then_some(weak),
        });
    }
    Ok(found)
}

/// A tensor part by part: each with where it starts.
fn in_parts(
    source: &dyn TensorSource,
    spec: &convnet::ops::ParamSpec,
    each: &mut dyn FnMut(usize, &[f32]),
) -> Result<(), ExplainError> {
    let mut part = vec![0.0; PART.min(spec.elements())];
    for start in (0..spec.elements()).step_by(PART) {
        let length = PART.min(spec.elements() - start);
        let part = &mut part[..length];
        source.read(&spec.name, start, part).map_err(|error| ExplainError::Weights(error.to_string()))?;
        each(start, part);
    }
    Ok(())
}
