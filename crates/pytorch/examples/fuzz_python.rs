//! Damaged files of PyTorch code: `cargo run --release -p convnet-pytorch --example fuzz_python -- [SECONDS] [seed=N]`.
//!
//! Files of the tests and the examples get bytes, tokens, numbers and lines changed for so many seconds (10 by default).
//! Each must be answered with a network or an error, rendered: an input that makes the reader panic, or takes longer
//! than 20 seconds, is kept. The input at hand is always in the file that is named first: what ends the process lies there.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use convnet_pytorch::diagnostic::RenderStyle;
use convnet_pytorch::{ReadOptions, check};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The largest input.
const LARGEST: usize = 1 << 16;
/// How long an input may take.
const SLOW: Duration = Duration::from_secs(20);

/// Texts that mean something to the reader of a file.
const TOKENS: &[&str] = &[
    "self",
    "super().__init__()",
    "nn.",
    "torch.",
    "F.",
    "x",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ".",
    "=",
    "+",
    "-",
    "*",
    "**",
    "/",
    "//",
    "%",
    "@",
    "<<",
    "==",
    "!=",
    "<",
    "and",
    "or",
    "not",
    "in",
    "is",
    "None",
    "True",
    "lambda x:",
    "if ",
    "else:",
    "for i in ",
    "while ",
    "try:",
    "except:",
    "finally:",
    "raise ",
    "return ",
    "yield ",
    "break",
    "del ",
    "class A:",
    "def f(x):",
    "import ",
    "from . import ",
    "*args",
    "**kwargs",
    "f'{x}'",
    "'",
    "\"\"\"",
    "#",
    "\\",
    "\n",
    "\n    ",
    "\n\t",
    "range(",
    "len(",
    "list(",
    "dict(",
    "zip(",
    "sorted(",
    "getattr(",
    "setattr(",
    "sum(",
    "print(",
    "nn.Sequential(",
    "nn.ModuleList(",
    "nn.Conv2d(3, 8, 3)",
    "nn.Linear(4, 2)",
    "torch.cat([x, x], 1)",
    "x.view(-1)",
    "x.size(0)",
    "x.shape",
    "forward",
    "__init__",
    "[::-1]",
    "[1:]",
    " for _ in range(9)",
    "10**9",
    "é",
    "😀",
    "\0",
];

/// Numbers at which sizes and counts go wrong.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "16",
    "255",
    "65536",
    "2147483648",
    "9223372036854775807",
    "18446744073709551616",
    "1e400",
    "0.5",
    "-0.0",
    "1e-9",
    "10**12",
    "True",
    "None",
    "99999999999999999999999999",
    "0x",
    "1_000",
    "1j",
];

/// A file that inputs are made of.
struct Sample {
    /// The folder of the copy: files that it imports lie there.
    folder: PathBuf,
    text: Vec<u8>,
}

fn main() -> ExitCode {
    let (mut seconds, mut seed) = (10, 0);
    for argument in std::env::args().skip(1) {
        match (argument.parse(), argument.strip_prefix("seed=").and_then(|seed| seed.parse().ok())) {
            (Ok(number), _) => seconds = number,
            (_, Some(number)) => seed = number,
            _ => {
                eprintln!("expected SECONDS and seed=N, found `{argument}`");
                return ExitCode::from(2);
            }
        }
    }
    let place = tempfile::tempdir().expect("a temporary folder");
    let samples = samples(place.path());
    let kept = std::env::temp_dir().join(format!("fuzz-pytorch-{seed}.py"));
    println!("{} files; the input at hand is {}", samples.len(), kept.display());
    match fuzz(&samples, &kept, Duration::from_secs(seconds), seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("{what}: {}", kept.display());
            ExitCode::FAILURE
        }
    }
}

/// All `.py` files of the tests and the examples, copied folder by folder.
fn samples(place: &Path) -> Vec<Sample> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![here.join("tests"), here.join("../../examples")];
    let mut samples = Vec::new();
    while let Some(folder) = folders.pop() {
        let copy = place.join(samples.len().to_string());
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "py") {
                let text = fs::read(&path).expect("a sample");
                fs::create_dir_all(&copy).expect("a temporary folder");
                fs::write(copy.join(path.file_name().unwrap_or_default()), &text).expect("a temporary file");
                samples.push(Sample { folder: copy.clone(), text });
            }
        }
    }
    assert!(!samples.is_empty(), "no files to start from");
    samples
}

/// Checks damaged samples until the time is over.
///
/// # Errors
/// What went wrong with the input that is at `kept`.
fn fuzz(samples: &[Sample], kept: &Path, time: Duration, seed: u64) -> Result<(), String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (start, mut inputs, mut taken, mut slowest) = (Instant::now(), 0u64, 0u64, Duration::ZERO);
    while start.elapsed() < time {
        let sample = &samples[rng.random_range(0..samples.len())];
        let input = damaged(&mut rng, sample, samples);
        let path = sample.folder.join("fuzzed.py");
        fs::write(&path, &input).expect("a temporary file");
        fs::write(kept, &input).expect("a temporary file");
        let size = [[3, 32, 32], [1, 28, 28], [1, 1, 1], [3, 224, 224]][rng.random_range(0..4)];
        let one = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let checked = check(&path, &ReadOptions { input: Some(size), ..ReadOptions::default() });
            let text = checked.report.render(RenderStyle { colour: false, width: 80 });
            let is_told = checked.report.messages().len() == checked.report.diagnostics.len();
            (checked.network.is_some(), is_told && !text.contains('\x1b'))
        }));
        let took = one.elapsed();
        slowest = slowest.max(took);
        inputs += 1;
        match result {
            Err(_) => return Err(format!("a panic, input {size:?}")),
            Ok(_) if took > SLOW => return Err(format!("{took:?}, input {size:?}")),
            Ok((_, false)) => return Err(format!("a message that is not clean, input {size:?}")),
            Ok((is_network, true)) => taken += u64::from(is_network),
        }
    }
    println!("{inputs} inputs, {taken} taken, slowest {:.0} ms", slowest.as_secs_f64() * 1e3);
    Ok(())
}

/// A sample with one to four changes.
fn damaged(rng: &mut impl Rng, sample: &Sample, samples: &[Sample]) -> Vec<u8> {
    let mut bytes = sample.text.clone();
    for _ in 0..rng.random_range(1..5) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..10) {
            0 => flip(rng, &mut bytes, at),
            1 => {
                let end = rng.random_range(at..=bytes.len().min(at + 40));
                bytes.drain(at..end);
            }
            2 => {
                let token = TOKENS[rng.random_range(0..TOKENS.len())];
                let (start, end) = word(&bytes, at);
                let start = if rng.random() { start } else { end };
                bytes.splice(start..end, token.bytes());
            }
            3 | 4 => number(rng, &mut bytes, at),
            5 => lines(&mut bytes, |lines| {
                let (a, b) = (rng.random_range(0..lines.len()), rng.random_range(0..lines.len()));
                lines.swap(a, b);
            }),
            6 => lines(&mut bytes, |lines| {
                let from = rng.random_range(0..lines.len());
                let part = lines[from..lines.len().min(from + 8)].to_vec();
                let to = rng.random_range(0..=lines.len());
                lines.splice(to..to, part);
            }),
            7 => lines(&mut bytes, |lines| {
                let other = &samples[rng.random_range(0..samples.len())].text;
                let other: Vec<Vec<u8>> = other.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
                let from = rng.random_range(0..other.len());
                let to = rng.random_range(0..=lines.len());
                lines.splice(to..to, other[from..other.len().min(from + 12)].iter().cloned());
            }),
            8 => lines(&mut bytes, |lines| {
                let line = rng.random_range(0..lines.len());
                match rng.random_range(0..3) {
                    0 => drop(lines.remove(line)),
                    1 => drop(lines[line].splice(0..0, *b"    ")),
                    _ => {
                        let cut = lines[line].len().min(4);
                        lines[line].drain(..cut);
                    }
                }
            }),
            // Words exchanged: names that exist, in places where they were not meant.
            _ => {
                let (start, end) = word(&bytes, at);
                let (from, to) = word(&bytes, rng.random_range(0..=bytes.len()));
                let other = bytes[from..to].to_vec();
                bytes.splice(start..end, other);
            }
        }
        bytes.truncate(LARGEST);
    }
    bytes
}

fn flip(rng: &mut impl Rng, bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = if rng.random() { rng.random() } else { *byte ^ (1 << rng.random_range(0..8)) };
    }
}

/// The word at a place, empty where there is none.
fn word(bytes: &[u8], at: usize) -> (usize, usize) {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let start = bytes[..at].iter().rposition(|byte| !is_word(byte)).map_or(0, |end| end + 1);
    let end = bytes[at..].iter().position(|byte| !is_word(byte)).map_or(bytes.len(), |length| at + length);
    (start, end)
}

/// Replaces the first number behind a place.
fn number(rng: &mut impl Rng, bytes: &mut Vec<u8>, at: usize) {
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|offset| at + offset) else {
        return;
    };
    let end = bytes[start..].iter().position(|byte| !byte.is_ascii_digit());
    let end = end.map_or(bytes.len(), |length| start + length);
    let number = NUMBERS[rng.random_range(0..NUMBERS.len())];
    bytes.splice(start..end, number.bytes());
}

/// Changes a file line by line.
fn lines(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    change(&mut lines);
    *bytes = lines.join(&b'\n');
}
