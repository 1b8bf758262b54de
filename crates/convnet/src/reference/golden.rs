//! The oracle and the fast engine against PyTorch: logits, losses, gradients and running statistics of the
//! zoo's networks on weights that `recipe` and `tools/golden.py` make alike.

use super::*;
use crate::exec::{Engine, Options, TrainingStep};
use crate::ops::{Dropout, Dropout1d, Op, ParamKind};
use crate::optim::{Optimizer, Sgd};
use crate::state::Tensor;
use crate::zoo;

/// A golden file.
struct Golden {
    name: &'static str,
    input: [usize; 3],
    batch: usize,
    classes: usize,
    logits: Vec<f64>,
    loss: f64,
    gradients: BTreeMap<String, Digest>,
    running: BTreeMap<String, Digest>,
}

/// Largest errors, relative to the RMS.
#[derive(Clone, Copy)]
struct Tolerance {
    /// Of logits, the loss and running statistics.
    values: f64,
    /// Of gradients. In f32 some of the many ReLUs and maxima decide otherwise, on values that differ by
    /// rounding alone; one of them moves all gradients before it by some 1/√active units. Random small
    /// networks, where that is rare, are compared more closely.
    gradients: f64,
}

/// A tensor's norm, sum, and evenly spread elements.
struct Digest {
    norm: f64,
    sum: f64,
    samples: Vec<f64>,
}

impl Golden {
    fn parse(name: &'static str, text: &str) -> Self {
        let rows = |kind: &str| -> Vec<Vec<String>> {
            let fields = text.lines().map(|line| line.split('\t').map(String::from).collect::<Vec<_>>());
            fields.filter(|fields| fields[0] == kind).map(|fields| fields[1..].to_vec()).collect()
        };
        let numbers = |fields: &[String]| -> Vec<f64> { fields.iter().map(|f| f.parse().unwrap()).collect() };
        let summaries = |kind: &str| {
            let summary = |row: Vec<String>| {
                let values = numbers(&row[1..]);
                let (norm, sum, samples) = (values[0], values[1], values[2..].to_vec());
                (row[0].clone(), Digest { norm, sum, samples })
            };
            rows(kind).into_iter().map(summary).collect()
        };
        let only = |kind: &str| numbers(&rows(kind)[0]);
        let input = only("input");
        Self {
            name,
            input: [0, 1, 2].map(|i| input[i] as usize),
            batch: only("batch")[0] as usize,
            classes: only("classes")[0] as usize,
            logits: only("logits"),
            loss: only("loss")[0],
            gradients: summaries("gradient"),
            running: summaries("running"),
        }
    }

    /// The network of the zoo, its dropout layers keeping everything.
    fn graph(&self) -> Graph {
        let [channels, height, width] = self.input;
        let model = zoo::find(self.name).unwrap().model().input(channels, height, width);
        let mut graph = model.classes(self.classes).build().unwrap();
        for node in &mut graph.nodes {
            if let Op::Dropout(Dropout { p }) | Op::Dropout1d(Dropout1d { p }) = &mut node.op {
                *p = 0.0;
            }
        }
        graph
    }

    fn images(&self) -> Vec<f32> {
        recipe("input", self.batch * self.input.iter().product::<usize>(), -1.0, 1.0)
    }

    fn labels(&self) -> Vec<u32> {
        (0..self.batch).map(|i| ((7 * i + 3) % self.classes) as u32).collect()
    }

    /// Asserts that logits are within `tolerance` of their RMS.
    fn check_logits(&self, logits: &[f64], tolerance: Tolerance) {
        assert_eq!(logits.len(), self.batch * self.classes, "{}", self.name);
        let rms = (self.logits.iter().map(|x| x * x).sum::<f64>() / logits.len() as f64).sqrt();
        for (found, expected) in logits.iter().zip(&self.logits) {
            let error = (found - expected).abs();
            assert!(error <= tolerance.values * rms, "{}: logit {found} against {expected}", self.name);
        }
    }

    /// Asserts that a step's loss, gradients and running statistics are within `tolerance`: of the loss, of
    /// each tensor's RMS. A gradient that is 0 but for rounding (a bias before BatchNorm2d) may be off by
    /// that much of the whole network's RMS, over a thousand.
    fn check_step(&self, loss: f64, gradients: &ArrayDict, running: &ArrayDict, tolerance: Tolerance) {
        assert!((loss - self.loss).abs() <= tolerance.values * self.loss, "{}: {loss}", self.name);
        assert_eq!(names(gradients), self.gradients.keys().collect::<Vec<_>>(), "{}", self.name);
        assert_eq!(names(running), self.running.keys().collect::<Vec<_>>(), "{}", self.name);
        let elements: usize = gradients.values().map(|g| g.data.len()).sum();
        let squares: f64 = self.gradients.values().map(|s| s.norm.powi(2)).sum();
        let floor = 1e-3 * (squares / elements as f64).sqrt();
        for (name, array) in gradients {
            let what = format!("{}: gradient of {name}", self.name);
            self.gradients[name].check(&what, &array.data, tolerance.gradients, floor);
        }
        for (name, array) in running {
            let what = format!("{}: {name}", self.name);
            self.running[name].check(&what, &array.data, tolerance.values, 0.0);
        }
    }
}

impl Digest {
    fn check(&self, what: &str, data: &[f64], tolerance: f64, floor: f64) {
        let root = (data.len() as f64).sqrt();
        let allowed = tolerance * (self.norm / root + floor);
        let close = |found: f64, expected: f64, allowed: f64, part: &str| {
            assert!(
                (found - expected).abs() <= allowed,
                "{what}: {part} {found} against {expected} ± {allowed}"
            );
        };
        close(data.iter().map(|x| x * x).sum::<f64>().sqrt(), self.norm, allowed * root, "norm");
        close(data.iter().sum(), self.sum, allowed * root * root, "sum");
        let count = self.samples.len();
        for (k, expected) in self.samples.iter().enumerate() {
            let at = data.len() * (2 * k + 1) / (2 * count);
            // Single elements vary more than the RMS tells.
            close(data[at], *expected, 4.0 * allowed, &format!("element {at}"));
        }
    }
}

fn names(state: &ArrayDict) -> Vec<&String> {
    state.keys().collect()
}

/// Values in [low, high) that depend on the name and the element's index alone.
pub(super) fn recipe(name: &str, elements: usize, low: f64, high: f64) -> Vec<f32> {
    // FNV-1a.
    let key = name.bytes().fold(0x811C_9DC5_u32, |key, b| (key ^ u32::from(b)).wrapping_mul(0x0100_0193));
    let value = |i: usize| {
        // The finalizer of MurmurHash3.
        let mut h = (i as u32).wrapping_mul(0x9E37_79B9) ^ key;
        h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
        h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
        h ^= h >> 16;
        (low + (high - low) * (f64::from(h >> 8) / f64::from(1 << 24))) as f32
    };
    (0..elements).map(value).collect()
}

pub(super) fn state(graph: &Graph) -> StateDict {
    let tensor = |spec: ParamSpec| {
        let bound = (6.0 / spec.shape[1..].iter().product::<usize>() as f64).sqrt();
        let (low, high) = match spec.kind {
            ParamKind::ConvWeight | ParamKind::LinearWeight => (-bound, bound),
            ParamKind::NormWeight | ParamKind::RunningVar | ParamKind::Scale | ParamKind::Gain => (0.5, 1.5),
            ParamKind::Slope => (0.1, 0.4),
            ParamKind::ConvBias
            | ParamKind::LinearBias
            | ParamKind::NormBias
            | ParamKind::RunningMean
            | ParamKind::Shift => (-0.25, 0.25),
        };
        let data = recipe(&spec.name, spec.elements(), low, high);
        (spec.name, Tensor { shape: spec.shape, data })
    };
    graph.parameters().into_iter().map(tensor).collect()
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// PyTorch computes in f64 as the oracle does; the figures have 12 digits, and sums are taken in other orders.
const F64: Tolerance = Tolerance { values: 1e-8, gradients: 1e-8 };
/// Rounding of f32, amplified by the normalizations of deep networks.
const F32: Tolerance = Tolerance { values: 1e-3, gradients: 5e-2 };

fn check_oracle(golden: &Golden) {
    let (graph, labels) = (golden.graph(), golden.labels());
    let state = state(&graph);
    let shape = graph.input_shape().with_batch(golden.batch);
    let images = Array { shape, data: widen(&golden.images()) };
    let outputs = forward(&graph, &state, &images).unwrap();
    golden.check_logits(&outputs[graph.logits(graph.output()).index()].data, F64);
    let step = loss_and_gradients(&graph, &state, &images, &labels, &keep_all).unwrap();
    golden.check_step(step.loss, &step.gradients, &step.running, F64);
}

fn check_engine(golden: &Golden) {
    let (graph, images, labels) = (golden.graph(), golden.images(), golden.labels());
    let state = state(&graph);
    let options = Options { threads: 1, exact: true, ..Options::default() };
    let engine = Engine::compile(&graph, &state, golden.batch, &options).unwrap();
    golden.check_logits(&widen(engine.logits(&images).unwrap().as_slice()), F32);
    drop(engine);
    let optimizer = Optimizer::from(Sgd::plain());
    let mut training = TrainingStep::compile(&graph, &state, golden.batch, optimizer, 0, &options).unwrap();
    let (report, gradients) = training.gradients(&images, &labels).unwrap();
    let groups = training.uniform_groups();
    training.step(&images, &labels, &groups, 0.0).unwrap();
    let stepped = training.state_dict();
    let arrays = |dict: &StateDict, keys: &BTreeMap<String, Digest>| -> ArrayDict {
        dict.iter()
            .filter(|(name, _)| keys.contains_key(*name))
            .map(|(name, tensor)| {
                (name.clone(), Array { shape: tensor.shape.clone(), data: widen(&tensor.data) })
            })
            .collect()
    };
    let (gradients, running) = (arrays(&gradients, &golden.gradients), arrays(&stepped, &golden.running));
    golden.check_step(report.loss, &gradients, &running, F32);
}

macro_rules! golden {
    ($($test:ident $name:literal: $($check:ident)+;)+) => {$(
        #[test]
        fn $test() {
            let golden = Golden::parse($name, include_str!(concat!("golden/", $name, ".tsv")));
            $($check(&golden);)+
        }
    )+};
}

// The oracle takes too long on the largest networks of torchvision.
golden! {
    lenet "lenet": check_oracle check_engine;
    alexnet "alexnet": check_oracle check_engine;
    alexnet_plain "alexnet-plain": check_oracle check_engine;
    vgg11 "vgg11": check_oracle check_engine;
    nin "nin": check_oracle check_engine;
    googlenet "googlenet": check_oracle check_engine;
    densenet "densenet": check_oracle check_engine;
    torchvision_alexnet "alexnet@torchvision": check_engine;
    torchvision_googlenet "googlenet@torchvision": check_oracle check_engine;
    torchvision_resnet18 "resnet18@torchvision": check_oracle check_engine;
    torchvision_resnet50 "resnet50@torchvision": check_oracle check_engine;
    torchvision_densenet121 "densenet121@torchvision": check_oracle check_engine;
}
