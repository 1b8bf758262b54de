//! Lists run on a CPU, for tests without a card: kernels compiled by g++ behind `emulation.h`, convolutions and products by plain
//! loops.

mod products;

use std::collections::HashMap;
use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use convnet_gpu::{
    Argument, COUNTERS, Conv, Convolution, Family, Format, Fused, KernelLaunch, Lane, List, Matrix, Pass,
    Product, Work,
};
use libloading::Library;

pub use products::each_product;

/// Threads and shared memory of the emulation are globals of each compiled file of kernels, which all emulators load: one list at a
/// time compiles and runs.
static RUNNING: Mutex<()> = Mutex::new(());

type Run = unsafe extern "C" fn(u32, u32, u32, u32, *mut *mut c_void);

/// A machine that emulates a GPU.
#[derive(Debug)]
pub struct Emulator {
    /// Where compiled kernels are kept.
    folder: PathBuf,
    families: HashMap<Family, Library>,
}

/// A block at a multiple of 256 bytes.
struct Block {
    words: Vec<[u64; 32]>,
    skip: usize,
}

impl Block {
    fn new(bytes: usize) -> Self {
        let words = vec![[0u64; 32]; bytes / 256 + 2];
        let skip = (256 - words.as_ptr() as usize % 256) % 256;
        Self { words, skip }
    }

    fn pointer(&mut self) -> *mut u8 {
        // SAFETY: less than 256 bytes into a block of at least 512.
        unsafe { self.words.as_mut_ptr().cast::<u8>().add(self.skip) }
    }
}

impl Emulator {
    /// An emulator that keeps what it compiles in a folder; none where there is no g++.
    ///
    /// # Panics
    /// If there is none although `CONVNET_EMULATION_REQUIRED` is set.
    pub fn new(folder: &Path) -> Option<Self> {
        if Command::new("g++").arg("--version").output().is_err() {
            let required = std::env::var_os("CONVNET_EMULATION_REQUIRED").is_some();
            assert!(!required, "no g++ to compile the kernels with");
            return None;
        }
        Some(Self { folder: folder.to_owned(), families: HashMap::new() })
    }

    /// Runs a list on a block and leaves what it holds then.
    ///
    /// # Panics
    /// If the block is smaller than the list's, or g++ or a kernel fails.
    pub fn run(&mut self, list: &List, memory: &mut [u8]) {
        assert!(list.memory() <= memory.len());
        let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut block = Block::new(memory.len());
        let constants = 8 * COUNTERS;
        let scratch = constants + (4 * list.constants().len()).next_multiple_of(256);
        let second = scratch + list.scratch(Lane::Main).next_multiple_of(256);
        let total = second + list.scratch(Lane::Side);
        let mut own = Block::new(total);
        let (base, mine) = (block.pointer(), own.pointer());
        // SAFETY: both blocks are as long as said, and nothing else uses them.
        unsafe {
            base.copy_from(memory.as_ptr(), memory.len());
            // Scratch holds anything at first.
            mine.add(scratch).write_bytes(0xaa, total - scratch);
            for (i, word) in list.constants().iter().enumerate() {
                mine.add(constants + 4 * i).cast::<u32>().write(*word);
            }
        }
        for launch in list.launches() {
            let lane = launch.lane.index_of();
            let place = |argument: Argument| match argument {
                Argument::Memory(at) => base as u64 + at as u64,
                Argument::Scratch(at) => mine as u64 + ([scratch, second][lane] + at) as u64,
                Argument::Counters => mine as u64 + (4 * COUNTERS * lane) as u64,
                Argument::Constants(at) => mine as u64 + (constants + 4 * at) as u64,
                Argument::Null => 0,
                Argument::Int(value) => u64::from(value.cast_unsigned()),
                Argument::Long(value) => value,
                Argument::Float(value) => u64::from(value.to_bits()),
            };
            match &launch.work {
                Work::Kernel(kernel) => self.kernel(kernel, &place),
                Work::Convolution(convolution) => {
                    convolve(convolution, &place);
                    for kernel in &convolution.after {
                        self.kernel(kernel, &place);
                    }
                }
                Work::Product(product) => multiply(product, base),
                Work::Fork | Work::Join => {}
            }
        }
        for counter in 0..2 * COUNTERS {
            // SAFETY: the counters lie at the start of our block.
            let value = unsafe { mine.cast::<u32>().add(counter).read() };
            assert_eq!(value, 0, "counter {counter} after the list");
        }
        // SAFETY: the block is as long as the memory.
        unsafe { memory.as_mut_ptr().copy_from(base, memory.len()) };
    }

    fn kernel(&mut self, launch: &KernelLaunch, place: &dyn Fn(Argument) -> u64) {
        let library = self.families.entry(launch.family).or_insert_with(|| {
            let file = compile(launch.family, &self.folder);
            // SAFETY: kernels of ours, without initializers that need anything.
            unsafe { Library::new(file) }.expect("a library that g++ made")
        });
        let symbol = format!("run_{}", launch.name);
        // SAFETY: `emulation.h` defines such a function for each kernel.
        let run = unsafe { library.get::<Run>(symbol.as_bytes()) };
        let run = run.unwrap_or_else(|_| panic!("{} has no kernel {}", launch.family.name(), launch.name));
        let mut words: Vec<u64> = launch.arguments.iter().map(|&argument| place(argument)).collect();
        let mut pointers: Vec<*mut c_void> =
            words.iter_mut().map(|word| std::ptr::from_mut(word).cast()).collect();
        let [x, y, z] = launch.grid;
        // SAFETY: the list's operations give each kernel its arguments, whose addresses lie in our blocks; the lock that `run` holds
        // lets no other thread use the emulation's globals.
        unsafe { run(x, y, z, launch.threads, pointers.as_mut_ptr()) };
    }
}

/// The library of a family's kernels; made where it is not there.
fn compile(family: Family, folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).expect("a folder for compiled kernels, and g++ in it");
    let source = [include_str!("emulation.h"), &family.source()].join("\n");
    let hash = source
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let stem = folder.join(format!("{}-{hash:016x}", family.name()));
    let library = stem.with_extension("so");
    if library.exists() {
        return library;
    }
    let part = stem.with_extension(format!("{}.so", std::process::id()));
    let file = stem.with_extension(format!("{}.cc", std::process::id()));
    std::fs::write(&file, source).expect("a folder for compiled kernels, and g++ in it");
    let output = Command::new("g++")
        .args(["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-ffp-contract=off"])
        .args([file.as_os_str(), "-o".as_ref(), part.as_os_str()])
        .output()
        .expect("a folder for compiled kernels, and g++ in it");
    assert!(output.status.success(), "{}: {}", family.name(), String::from_utf8_lossy(&output.stderr));
    std::fs::rename(&part, &library).expect("a folder for compiled kernels, and g++ in it");
    std::fs::remove_file(&file).expect("a folder for compiled kernels, and g++ in it");
    library
}

/// The number of a lane.
trait Index {
    fn index_of(self) -> usize;
}

impl Index for Lane {
    fn index_of(self) -> usize {
        usize::from(self == Lane::Side)
    }
}

/// An element at an address.
///
/// # Safety
/// Element `index` behind `at` lies in memory of the format, which nothing else uses meanwhile.
unsafe fn get(at: u64, index: usize, format: Format) -> f64 {
    // SAFETY: the caller's address.
    unsafe {
        f64::from(match format {
            Format::F32 => (at as *const f32).add(index).read(),
            Format::Bf16 => f32::from_bits(u32::from((at as *const u16).add(index).read()) << 16),
        })
    }
}

/// Writes an element at an address.
///
/// # Safety
/// Element `index` behind `at` lies in memory of the format, which nothing else uses meanwhile.
unsafe fn set(at: u64, index: usize, format: Format, value: f64) {
    let bits = (value as f32).to_bits();
    // SAFETY: the caller's address.
    unsafe {
        match format {
            Format::F32 => (at as *mut u32).add(index).write(bits),
            Format::Bf16 => {
                (at as *mut u16).add(index).write(((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16);
            }
        }
    }
}

fn convolve(convolution: &Convolution, place: &dyn Fn(Argument) -> u64) {
    let problem = &convolution.plain;
    assert!(!matches!(problem.fused, Some(Fused { .. })), "the plain problem");
    let conv: &Conv = &problem.conv;
    let [x, y, w] = [convolution.input, convolution.output, convolution.weights].map(place);
    let (height, width) = conv.output();
    let weights = conv.weights();
    // Dense sums of what the pass computes.
    let target = match problem.pass {
        Pass::Forward => conv.batch * height * width * conv.channels.1,
        Pass::InputGradient => conv.batch * conv.input.0 * conv.input.1 * conv.channels.0,
        Pass::WeightGradient => weights,
    };
    let mut sums = vec![0.0; target];
    let spread = |i: usize, channels: usize, stride: usize| i / channels * stride + i % channels;
    let input = |i: usize| spread(i, conv.channels.0, problem.input.stride);
    let output = |o: usize| spread(o, conv.channels.1, problem.output.stride);
    // SAFETY: indices lie in the operands, whose views the operation checked.
    each_product(conv, &mut |o, i, k| unsafe {
        match problem.pass {
            Pass::Forward => {
                sums[o] += get(x, input(i), problem.input.format) * get(w, k, problem.weights.format);
            }
            Pass::InputGradient => {
                sums[i] += get(y, output(o), problem.output.format) * get(w, k, problem.weights.format);
            }
            Pass::WeightGradient => {
                sums[k] += get(y, output(o), problem.output.format) * get(x, input(i), problem.input.format);
            }
        }
    });
    for (i, sum) in sums.into_iter().enumerate() {
        // SAFETY: the element lies in the operand, whose view the operation checked.
        unsafe {
            match problem.pass {
                Pass::Forward => set(y, output(i), problem.output.format, sum),
                Pass::InputGradient => set(x, input(i), problem.input.format, sum),
                Pass::WeightGradient => set(w, i, problem.weights.format, sum),
            }
        }
    }
}

fn multiply(product: &Product, base: *mut u8) {
    // The address of a matrix.
    let start = |m: &Matrix, number: usize| base as u64 + (m.at + number * m.stride * m.format.size()) as u64;
    let element = |m: &Matrix, number: usize, row: usize, column: usize| {
        let index = if m.transposed { column * m.pitch + row } else { row * m.pitch + column };
        // SAFETY: the operation checked the matrices against the memory.
        unsafe { get(start(m, number), index, m.format) }
    };
    let out = &product.out;
    for number in 0..product.count {
        for row in 0..product.rows {
            for column in 0..product.columns {
                let mut sum = if product.accumulate { element(out, number, row, column) } else { 0.0 };
                for k in 0..product.depth {
                    sum +=
                        element(&product.left, number, row, k) * element(&product.right, number, k, column);
                }
                // SAFETY: the element lies in the result, which the operation checked against the memory.
                unsafe { set(start(out, number), row * out.pitch + column, out.format, sum) };
            }
        }
    }
}
