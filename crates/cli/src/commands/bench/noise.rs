//! Random images and weights that are the same everywhere.

use std::collections::BTreeMap;

use convnet::graph::Graph;
use convnet::ops::{ParamKind, ParamSpec};
use convnet::state::{ReadError, TensorSource};

/// Reproducible values in ±1.
pub(super) fn noise(len: usize) -> Vec<f32> {
    (0..len).map(noise_at).collect()
}

/// A value in ±1 that depends on its index alone, by the finalizer of MurmurHash3 (Appleby 2011).
fn noise_at(index: usize) -> f32 {
    let mut hash = index as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
    ((hash ^ (hash >> 16)) >> 8) as f32 / 8_388_608.0 - 1.0
}

/// Random weights that are made as they are read, so that the memory measured is the engine's own.
pub(super) struct Noise(BTreeMap<String, ParamSpec>);

impl Noise {
    pub(super) fn new(graph: &Graph) -> Self {
        Self(graph.parameters().into_iter().map(|spec| (spec.name.clone(), spec)).collect())
    }
}

impl TensorSource for Noise {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.0.get(name).map(|spec| spec.shape.clone())
    }

    fn read(&self, name: &str, first: usize, out: &mut [f32]) -> Result<(), ReadError> {
        let spec = self.0.get(name).ok_or_else(|| ReadError::Missing { name: name.to_owned() })?;
        match spec.kind {
            ParamKind::NormWeight | ParamKind::RunningVar | ParamKind::Scale | ParamKind::Gain => {
                out.fill(1.0);
            }
            ParamKind::Slope => out.fill(0.25),
            ParamKind::NormBias
            | ParamKind::RunningMean
            | ParamKind::Shift
            | ParamKind::ConvBias
            | ParamKind::LinearBias => {
                out.fill(0.0);
            }
            ParamKind::ConvWeight | ParamKind::LinearWeight => {
                // He's rule, so that activations neither die out nor overflow.
                let fan: usize = spec.shape[1..].iter().product();
                let scale = (6.0 / fan.max(1) as f32).sqrt();
                out.iter_mut().enumerate().for_each(|(i, x)| *x = scale * noise_at(first + i));
            }
        }
        Ok(())
    }
}
