//! Compares networks on a GPU with the CPU, and times their steps there.
//!
//! `gpu_parity [--precision fp32|tf32|bf16] [--batch N] [NETWORK[:SIDE]…]`; every network of the zoo at its own size without
//! one. For each a line: the worst error of logits, gradients and weights after two steps over their RMS, the losses,
//! whether a second run has the same bits, and the card's time of a step.

use std::time::Instant;

use convnet::exec::{Device, Engine, Options, Precision, TrainingStep, describe_gpu};
use convnet::optim::Optimizer;
use convnet::state::{self, StateDict};
use convnet::zoo;

type Failure = Box<dyn std::error::Error>;

/// Numbers in ±1 that depend on their index alone.
fn noise(len: usize, seed: u32) -> Vec<f32> {
    let number = |i: usize| {
        let mut x = (i as u32).wrapping_mul(0x9E37_79B9) ^ seed.wrapping_mul(0x85EB_CA6B);
        x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
        x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
        ((x ^ (x >> 16)) >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..len).map(number).collect()
}

/// The largest difference over the RMS, and the RMS of the difference over it.
fn errors(found: &[f32], expected: &[f32]) -> (f64, f64) {
    let n = expected.len() as f64;
    let rms = (expected.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / n).sqrt() + 1e-30;
    let differences = found.iter().zip(expected).map(|(a, b)| f64::from(a - b).abs());
    let worst = differences.clone().fold(0.0, |m: f64, d| if d.is_nan() { f64::INFINITY } else { m.max(d) });
    (worst / rms, (differences.map(|d| d * d).sum::<f64>() / n).sqrt() / rms)
}

/// The tensor that is farthest off, by the RMS of its difference over its own RMS, or over a thousandth of the largest one's.
fn worst(found: &StateDict, expected: &StateDict) -> (f64, String) {
    let rms = |v: &[f32]| (v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / v.len() as f64).sqrt();
    let largest = expected.values().map(|t| rms(&t.data)).fold(0.0, f64::max);
    let off = |(name, tensor): (&String, &state::Tensor)| {
        let difference: Vec<f32> = found[name].data.iter().zip(&tensor.data).map(|(a, b)| a - b).collect();
        let error = rms(&difference) / rms(&tensor.data).max(1e-3 * largest).max(1e-30);
        (if error.is_nan() { f64::INFINITY } else { error }, name.clone())
    };
    expected.iter().map(off).fold((0.0, String::new()), |a, b| if b.0 > a.0 { b } else { a })
}

fn bits(state: &StateDict) -> Vec<u32> {
    state.values().flat_map(|tensor| tensor.data.iter().map(|x| x.to_bits())).collect()
}

fn compare(name: &str, side: Option<usize>, batch: usize, precision: Precision) -> Result<bool, Failure> {
    let mut net = zoo::find(name)?.model();
    if let Some(side) = side {
        let channels = net.clone().build()?.input_size()[0];
        net = net.input(channels, side, side);
    }
    let net = net.build()?;
    let cpu = Options { exact: true, ..Options::default() };
    let gpu = Options { device: Device::Gpu(0), precision, ..Options::default() };
    let weights = state::initialize(&net, 3);
    let images = noise(batch * net.input_shape().elements(), 1);
    let labels: Vec<u32> = (0..batch).map(|i| (i * 7 % net.classes()) as u32).collect();

    let expected = Engine::compile(&net, &weights, batch, &cpu)?.logits(&images)?;
    let started = Instant::now();
    let engine = Engine::compile(&net, &weights, batch, &gpu)?;
    let found = engine.logits(&images)?;
    let first = started.elapsed();
    let logits = errors(found.as_slice(), expected.as_slice());
    let again = engine.logits(&images)?;
    let mut same = again == found;
    let forward = engine.device_time(batch, 20)?;

    let optimizer = Optimizer::sgd();
    let training = |options: &Options| TrainingStep::compile(&net, &weights, batch, optimizer, 5, options);
    let mut reference = training(&cpu)?;
    let (expected_report, expected_gradients) = reference.gradients(&images, &labels)?;
    // Where a maximum or a ReLU is close, rounding chooses another path: how far the CPU's own kernels err by that.
    let (_, other) = training(&Options::default())?.gradients(&images, &labels)?;
    let yardstick = worst(&other, &expected_gradients);
    let mut steps = training(&gpu)?;
    let (report, gradients) = steps.gradients(&images, &labels)?;
    let gradient = worst(&gradients, &expected_gradients);
    let groups = steps.uniform_groups();
    let norms = [reference.gradient_norm(&groups)?, steps.gradient_norm(&groups)?];
    let mut update = 0.0f64;
    let mut at = String::new();
    for _ in 0..2 {
        reference.step(&images, &labels, &groups, 0.01)?;
        steps.step(&images, &labels, &groups, 0.01)?;
    }
    let (moved, expected_moved) = (steps.state_dict(), reference.state_dict());
    let change = |state: &StateDict| -> StateDict {
        let mut change = state.clone();
        for (name, tensor) in &mut change {
            tensor.data.iter_mut().zip(&weights[name].data).for_each(|(x, w)| *x -= w);
        }
        change
    };
    let off = worst(&change(&moved), &change(&expected_moved));
    if off.0 > update {
        (update, at) = off;
    }
    let mut second = training(&gpu)?;
    for _ in 0..2 {
        second.step(&images, &labels, &groups, 0.01)?;
    }
    same &= bits(&second.state_dict()) == bits(&moved);
    let step = steps.device_time(batch, 10)?.unwrap_or_default();
    // The worst single element; in 16 bits one of many may be far off.
    let limit = match precision {
        Precision::F32 => 1e-3,
        Precision::Bf16 => 1.0,
        _ => 0.2,
    };
    let good = same
        && logits.0 < limit
        && gradient.0 < limit.max(3.0 * yardstick.0)
        && (report.loss - expected_report.loss).abs() < limit * expected_report.loss.abs();
    println!(
        "{} {name} b{batch} {:?} {precision}: logits {:.1e} (rms {:.1e}), loss {:.6} / {:.6}, right {} / {}, gradient {:.1e} ({}; by Winograd on the CPU {:.1e}), \
         norm {:.5} / {:.5}, update {update:.1e} ({at}), same bits {same}, forward {:.3} ms, step {:.3} ms, first run {first:.1?}",
        if good { "ok  " } else { "FAIL" },
        net.input_size(),
        logits.0,
        logits.1,
        report.loss,
        expected_report.loss,
        report.correct,
        expected_report.correct,
        gradient.0,
        gradient.1,
        yardstick.0,
        norms[1],
        norms[0],
        forward.unwrap_or_default().0 / 1e3,
        step.0 / 1e3,
    );
    Ok(good)
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).peekable();
    let (mut precision, mut batch) = (Precision::F32, 2);
    let mut names = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--precision" => precision = arguments.next().unwrap_or_default().parse()?,
            "--batch" => batch = arguments.next().unwrap_or_default().parse()?,
            name => names.push(name.to_owned()),
        }
    }
    if names.is_empty() {
        names = zoo::entries().iter().map(|entry| entry.name.to_string()).collect();
    }
    println!("{}", describe_gpu(0)?);
    let mut failed = Vec::new();
    for name in names {
        let (net, side) = match name.split_once(':') {
            Some((net, side)) => (net, Some(side.parse()?)),
            None => (name.as_str(), None),
        };
        match compare(net, side, batch, precision) {
            Ok(true) => {}
            Ok(false) => failed.push(name),
            Err(error) => {
                println!("FAIL {name}: {error}");
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("off: {}", failed.join(", ")).into())
}
