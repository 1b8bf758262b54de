//! A block of memory with random contents, and what it should hold after a list ran.

use convnet_gpu::{Bytes, Format, List, Vector, View, Words};

use super::{Machine, Report};

/// One comparison: a list's inputs and what it should write.
pub(crate) struct Case {
    pub(crate) memory: Vec<u8>,
    seed: u64,
    expected: Vec<(View, Vec<f64>, f64)>,
    exact: Vec<(usize, Vec<u8>)>,
    free: Vec<(usize, usize)>,
}

/// The nearest number of a format.
pub(crate) fn round(value: f64, format: Format) -> f64 {
    match format {
        Format::F32 => f64::from(value as f32),
        Format::Bf16 => {
            let bits = (value as f32).to_bits();
            f64::from(f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000))
        }
    }
}

/// The error that a result in this format may have, relative to the larger of it and the RMS.
pub(crate) fn tolerance(format: Format) -> f64 {
    match format {
        Format::F32 => 2e-5,
        Format::Bf16 => 8e-3,
    }
}

impl Case {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            memory: vec![0; 256],
            seed: seed * 7919 + 1,
            expected: Vec::new(),
            exact: Vec::new(),
            free: Vec::new(),
        }
    }

    /// A number in [-1, 1).
    pub(crate) fn number(&mut self) -> f64 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) as f64 / f64::from(1u32 << 30) - 1.0
    }

    fn grow(&mut self, bytes: usize) -> usize {
        let at = self.memory.len().next_multiple_of(256);
        self.memory.resize(at + bytes + 64, 0xaa);
        at
    }

    /// A random map whose pixels lie `before` elements into pixels that are `after` wider.
    pub(crate) fn map(
        &mut self,
        pixels: usize,
        channels: usize,
        format: Format,
        (before, after): (usize, usize),
    ) -> View {
        let stride = before + channels + after;
        let at = self.grow(pixels * stride * format.size());
        let all = View::dense(at, pixels, stride, format);
        let values: Vec<f64> = (0..pixels * stride).map(|_| self.number()).collect();
        self.set(all, &values);
        all.slice(before, channels)
    }

    pub(crate) fn vector(&mut self, len: usize, format: Format) -> Vector {
        let view = self.map(1, len, format, (0, 0));
        Vector { at: view.at, len, format }
    }

    pub(crate) fn floats(&mut self, len: usize) -> Vector {
        self.vector(len, Format::F32)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Bytes {
        Bytes { at: self.grow(len), len }
    }

    pub(crate) fn words(&mut self, values: &[u32]) -> Words {
        let at = self.grow(values.len() * 4);
        for (i, value) in values.iter().enumerate() {
            self.memory[at + 4 * i..][..4].copy_from_slice(&value.to_le_bytes());
        }
        Words { at, len: values.len() }
    }

    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.memory[at..][..bytes.len()].copy_from_slice(bytes);
    }

    /// Room for bytes.
    pub(crate) fn room(&mut self, bytes: usize) -> usize {
        self.grow(bytes)
    }

    pub(crate) fn set(&mut self, view: View, values: &[f64]) {
        for p in 0..view.pixels {
            for c in 0..view.channels {
                let value = round(values[p * view.channels + c], view.format) as f32;
                let at = view.at + (p * view.stride + c) * view.format.size();
                match view.format {
                    Format::F32 => self.memory[at..at + 4].copy_from_slice(&value.to_le_bytes()),
                    Format::Bf16 => self.memory[at..at + 2].copy_from_slice(&value.to_le_bytes()[2..]),
                }
            }
        }
    }

    pub(crate) fn get(&self, view: View) -> Vec<f64> {
        read(&self.memory, view)
    }

    pub(crate) fn values(&self, vector: Vector) -> Vec<f64> {
        self.get(View::dense(vector.at, 1, vector.len, vector.format))
    }

    /// The view should hold these values, within `tolerance` of the larger of them and their RMS.
    pub(crate) fn expect(&mut self, view: View, values: Vec<f64>, tolerance: f64) {
        assert_eq!(values.len(), view.pixels * view.channels);
        self.expected.push((view, values, tolerance));
    }

    pub(crate) fn expect_vector(&mut self, vector: Vector, values: Vec<f64>, tolerance: f64) {
        self.expect(View::dense(vector.at, 1, vector.len, vector.format), values, tolerance);
    }

    /// These bytes should be there exactly.
    pub(crate) fn expect_bytes(&mut self, at: usize, bytes: Vec<u8>) {
        self.exact.push((at, bytes));
    }

    /// These bytes may be anything.
    pub(crate) fn ignore(&mut self, at: usize, bytes: usize) {
        self.free.push((at, bytes));
    }

    pub(crate) fn list(&self) -> List {
        List::new(self.memory.len())
    }

    /// Runs the list and compares: what is expected, and that nothing else changed.
    pub(crate) fn run(self, machine: &mut dyn Machine, report: &mut Report, name: &str, list: &List) {
        let mut memory = self.memory.clone();
        if let Err(error) = machine.run(list, &mut memory) {
            report.failures.push(format!("{name}: {error}"));
            return;
        }
        for (view, values, tolerance) in &self.expected {
            report.compared += 1;
            let found = read(&memory, *view);
            let rms =
                (values.iter().map(|v| v * v).sum::<f64>() / values.len().max(1) as f64).sqrt().max(1e-30);
            let off = found.iter().zip(values).map(|(a, b)| (a - b).abs() / rms.max(b.abs()));
            let (at, error) = off.enumerate().fold((0, 0.0), |best: (usize, f64), (i, e)| {
                if e > best.1 || e.is_nan() { (i, if e.is_nan() { f64::INFINITY } else { e }) } else { best }
            });
            if error > *tolerance {
                let (p, c) = (at / view.channels, at % view.channels);
                report.failures.push(format!(
                    "{name}: off by {error:.1e} at pixel {p} channel {c} of {view:?}: {} for {}",
                    found[at], values[at]
                ));
            }
        }
        let mut written = vec![false; memory.len()];
        for (view, _, _) in &self.expected {
            for p in 0..view.pixels {
                let start = view.at + p * view.stride * view.format.size();
                written[start..start + view.channels * view.format.size()].fill(true);
            }
        }
        for (at, bytes) in &self.exact {
            report.compared += 1;
            written[*at..at + bytes.len()].fill(true);
            if let Some(i) = (0..bytes.len()).find(|&i| memory[at + i] != bytes[i]) {
                let found = memory[at + i];
                report.failures.push(format!(
                    "{name}: byte {i} of {} is {found}, not {}",
                    bytes.len(),
                    bytes[i]
                ));
            }
        }
        for (at, bytes) in &self.free {
            written[*at..at + bytes].fill(true);
        }
        if let Some(i) = (0..memory.len()).find(|&i| !written[i] && memory[i] != self.memory[i]) {
            report.failures.push(format!("{name}: byte {i} changed, which is not of the output"));
        }
    }
}

fn read(memory: &[u8], view: View) -> Vec<f64> {
    let mut values = Vec::with_capacity(view.pixels * view.channels);
    for p in 0..view.pixels {
        for c in 0..view.channels {
            let at = view.at + (p * view.stride + c) * view.format.size();
            let bits = match view.format {
                Format::F32 => {
                    u32::from_le_bytes([memory[at], memory[at + 1], memory[at + 2], memory[at + 3]])
                }
                Format::Bf16 => u32::from(u16::from_le_bytes([memory[at], memory[at + 1]])) << 16,
            };
            values.push(f64::from(f32::from_bits(bits)));
        }
    }
    values
}
