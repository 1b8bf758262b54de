//! Damaged files for every parser: `cargo run --release --example fuzz -- [SECONDS] [PARSER…] [seed=N]`.
//!
//! Each parser gets its samples cut, overwritten, repeated and mixed for so many seconds (10 by default). It must answer
//! each with a value or an error: an input that makes it panic is written to a file, and one that takes longer than a
//! second is told. The table at the end says how many inputs were run.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use convnet::data::Image;
use convnet::inspect::Summary;
use convnet::io;
use convnet::state::TensorSource;
use convnet_formats::{cifar, idx, npy, pth, safetensors, tar};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A parser, the files it starts from, and what is done with an input: whether it was taken.
struct Target {
    name: &'static str,
    samples: Vec<Vec<u8>>,
    parse: Parse,
}

type Parse = Box<dyn Fn(&[u8]) -> bool>;

/// The largest input.
const LARGEST: usize = 1 << 16;
/// How long an honest input may take.
const SLOW: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let mut seconds = 10;
    let mut seed = 0;
    let mut names = Vec::new();
    for argument in std::env::args().skip(1) {
        match (argument.parse(), argument.strip_prefix("seed=").and_then(|seed| seed.parse().ok())) {
            (Ok(number), _) => seconds = number,
            (_, Some(number)) => seed = number,
            _ => names.push(argument),
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let targets = targets(folder.path());
    if let Some(name) = names.iter().find(|name| targets.iter().all(|target| target.name != **name)) {
        let known: Vec<&str> = targets.iter().map(|target| target.name).collect();
        eprintln!("no parser is called `{name}`, expected one of {}", known.join(", "));
        return ExitCode::from(2);
    }
    println!(
        "| parser | inputs | taken | seconds | slowest | most memory so far |\n|---|---|---|---|---|---|"
    );
    for target in targets.iter().filter(|t| names.is_empty() || names.iter().any(|name| name == t.name)) {
        if let Err(path) = fuzz(target, Duration::from_secs(seconds), seed) {
            eprintln!("{} panicked, or took more than {SLOW:?}, on {}", target.name, path.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn targets(folder: &Path) -> Vec<Target> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = |folder: PathBuf, ending: &str| -> Vec<Vec<u8>> {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|e| e == ending));
        paths.sort();
        paths.iter().filter_map(|path| fs::read(path).ok()).collect()
    };
    let weights = folder.join("w.safetensors");
    let tensors =
        BTreeMap::from([("a.weight".into(), (vec![2, 3], vec![0.5; 6])), ("b".into(), (vec![], vec![1.0]))]);
    let metadata = BTreeMap::from([("format".into(), "pt".into())]);
    safetensors::write(&weights, &safetensors::File { tensors, metadata }).expect("a temporary file");
    let array = folder.join("x.npy");
    npy::write(&array, &[2, 3], &[0.5; 6]).expect("a temporary file");
    let images = idx::Idx { dims: vec![2, 3, 3], data: vec![7; 18] };
    let model = folder.join("m.onnx");
    vec![
        Target {
            name: "idx",
            samples: vec![images.to_bytes()],
            parse: Box::new(|bytes| idx::parse::<3>(bytes).is_ok()),
        },
        Target {
            name: "npy",
            samples: [
                vec![fs::read(array).unwrap_or_default()],
                files(crates.join("convnet/tests/onnx"), "npy"),
            ]
            .concat(),
            parse: Box::new(|bytes| npy::parse(bytes).is_ok()),
        },
        Target {
            name: "safetensors",
            samples: vec![fs::read(weights).unwrap_or_default()],
            parse: Box::new(|bytes| {
                let Ok(reader) = safetensors::Reader::new(Box::new(bytes.to_vec())) else { return false };
                let tensors: Vec<(String, usize)> =
                    reader.tensors().map(|(name, shape)| (name.into(), shape.iter().product())).collect();
                tensors.iter().all(|(name, count)| reader.read(name, 0, &mut vec![0.0; *count]).is_ok())
            }),
        },
        Target {
            name: "pth",
            samples: files(crates.join("formats/samples"), "pth"),
            parse: Box::new(|bytes| {
                let Ok(reader) = pth::Reader::new(Box::new(bytes.to_vec())) else { return false };
                let tensors: Vec<(String, usize)> =
                    reader.tensors().map(|(name, shape)| (name.into(), shape.iter().product())).collect();
                tensors
                    .iter()
                    .all(|(name, count)| reader.read(name, 0, &mut vec![0.0; (*count).min(99)]).is_ok())
            }),
        },
        Target {
            name: "cifar",
            samples: [
                files(crates.join("formats/samples/cifar"), "pickle"),
                vec![vec![1; 3073], vec![1; 2 * 3074]],
            ]
            .concat(),
            parse: Box::new(|bytes| {
                let kinds = [cifar::Kind::Ten, cifar::Kind::Hundred];
                let parsed = kinds.map(|kind| {
                    cifar::parse_pickle(bytes, kind).is_ok()
                        | cifar::parse_names(bytes, kind).is_ok()
                        | cifar::parse_binary(bytes, kind).is_ok()
                });
                parsed.contains(&true)
            }),
        },
        Target {
            name: "tar",
            samples: vec![shard()],
            parse: Box::new(|bytes| match tar::index(&bytes.to_vec()) {
                Ok(members) => members.iter().all(|member| member.offset + member.size <= bytes.len() as u64),
                Err(_) => false,
            }),
        },
        Target {
            name: "images",
            samples: ["png", "jpg", "webp", "bmp", "tiff", "gif", "qoi", "ppm"]
                .iter()
                .flat_map(|ending| files(crates.join("convnet/tests/pictures"), ending))
                .collect(),
            parse: Box::new(|bytes| Image::from_bytes(bytes).is_ok()),
        },
        Target {
            name: "onnx",
            samples: [
                files(crates.join("convnet/tests/onnx"), "onnx"),
                files(crates.join("convnet/tests/onnx/refused"), "onnx"),
            ]
            .concat(),
            parse: Box::new(move |bytes| {
                fs::write(&model, bytes).expect("a temporary file");
                let Ok((graph, weights)) = io::import(&model, None) else { return false };
                Summary::new(&graph, 1);
                weights.tensors().iter().all(|(name, shape)| {
                    let count = shape.iter().product::<usize>().min(99);
                    weights.read(name, 0, &mut vec![0.0; count]).is_ok()
                })
            }),
        },
    ]
}

/// A tar archive of a few small files, one of them with a long name.
fn shard() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut add = |kind: u8, name: &[u8], content: &[u8]| {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name);
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = kind;
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        bytes.extend(header);
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    };
    add(b'0', b"x/1.jpg", &[7; 700]);
    add(b'L', b"././@LongLink", &[b'a'; 300]);
    add(b'0', b"aaaa", b"3");
    add(b'x', b"pax", b"18 path=y/3.jpg\n\n");
    add(b'0', b"short", &[9; 40]);
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// Runs a parser on damaged samples; an input that it cannot stand is written to the file that is returned.
fn fuzz(target: &Target, time: Duration, seed: u64) -> Result<(), PathBuf> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (start, mut inputs, mut taken, mut slowest) = (Instant::now(), 0u64, 0u64, Duration::ZERO);
    while start.elapsed() < time {
        let input = damaged(&mut rng, &target.samples);
        let one = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| (target.parse)(&input)));
        let took = one.elapsed();
        slowest = slowest.max(took);
        inputs += 1;
        match result {
            Ok(ok) if took < SLOW => taken += u64::from(ok),
            _ => {
                let path = std::env::temp_dir().join(format!("fuzz-{}-{seed}-{inputs}", target.name));
                fs::write(&path, input).expect("a temporary file");
                return Err(path);
            }
        }
    }
    println!(
        "| {} | {inputs} | {taken} | {:.0} | {:.1} ms | {} |",
        target.name,
        start.elapsed().as_secs_f64(),
        slowest.as_secs_f64() * 1e3,
        peak().map_or("?".into(), |kib| format!("{} MiB", kib >> 10)),
    );
    Ok(())
}

/// A sample with one to four changes.
fn damaged(rng: &mut impl Rng, samples: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = samples[rng.random_range(0..samples.len())].clone();
    for _ in 0..rng.random_range(1..5) {
        let at = rng.random_range(0..=bytes.len());
        let end = rng.random_range(at..=bytes.len().min(at + 64));
        match rng.random_range(0..8) {
            0 => bytes.truncate(at),
            1 => bytes[at..end].iter_mut().for_each(|byte| *byte = rng.random()),
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.random_range(0..8);
                }
            }
            3 => drop(bytes.drain(at..end)),
            4 => {
                let part = bytes[at..end].to_vec();
                let times = rng.random_range(1..40);
                bytes.splice(at..at, part.repeat(times));
            }
            5 => {
                let other = &samples[rng.random_range(0..samples.len())];
                let from = rng.random_range(0..=other.len());
                let part = other[from..other.len().min(from + rng.random_range(0..512))].to_vec();
                bytes.splice(at..end, part);
            }
            // The numbers at which lengths overflow, as bytes and as varints.
            6 => {
                let number =
                    [0, 1, 127, 128, 255, 1 << 31, u64::MAX >> 1, u64::MAX, 1 << 63][rng.random_range(0..9)];
                let width = [1, 2, 4, 8][rng.random_range(0..4)];
                let number = u64::to_le_bytes(number);
                bytes.splice(at..(at + width).min(bytes.len()), number[..width].iter().copied());
            }
            _ => {
                let count = rng.random_range(0..10);
                let varint = std::iter::repeat_n(0xff, count).chain([rng.random_range(0..0x80)]);
                bytes.splice(at..(at + 1).min(bytes.len()), varint);
            }
        }
        bytes.truncate(LARGEST);
    }
    bytes
}

/// The most memory that this process had, in KiB, where the system tells.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok())
}
