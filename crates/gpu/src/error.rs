//! What can fail between a list of launches and a GPU.

use std::path::PathBuf;

/// Why there is no GPU, or why it did not do what it was told.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The driver's library is not there.
    #[error(
        "no NVIDIA driver: libcuda.so.1 cannot be loaded ({reason}); install NVIDIA's driver, or run on the CPU"
    )]
    NoDriver {
        /// What the loader says.
        reason: String,
    },
    /// The driver is there and does not start.
    #[error("the NVIDIA driver does not start: {reason}; see `nvidia-smi`, or run on the CPU")]
    DriverDoesNotStart {
        /// What it says.
        reason: String,
    },
    /// The driver knows no CUDA that we can use.
    #[error(
        "the NVIDIA driver supports CUDA {found}, convnet needs {needed} or later; install a newer driver"
    )]
    OldDriver {
        /// The CUDA version that it supports.
        found: String,
        /// The one that is needed.
        needed: String,
    },
    /// There is no GPU with this number.
    #[error("no GPU {index}: the NVIDIA driver shows {count}; choose one below {count}, or run on the CPU")]
    NoDevice {
        /// The number asked for.
        index: usize,
        /// GPUs that there are.
        count: usize,
    },
    /// A library is not there.
    #[error(
        "{library} was not found ({tried}); install it with `pip install {package}` and activate that environment, or \
         name its folder in CONVNET_CUDA_LIBS"
    )]
    NoLibrary {
        /// Its file's name.
        library: String,
        /// The package of PyPI that holds it.
        package: String,
        /// What was tried, and what the loader said.
        tried: String,
    },
    /// A library lacks a function.
    #[error("{} has no function {symbol}: it is too old, or not what its name says", path.display())]
    NoFunction {
        /// The library.
        path: PathBuf,
        /// The function.
        symbol: String,
    },
    /// A call of a library failed.
    #[error("{call}: {reason} ({library} error {code})")]
    Call {
        /// The library.
        library: &'static str,
        /// The function, and on what.
        call: String,
        /// Its status.
        code: i32,
        /// The status in words.
        reason: String,
    },
    /// A kernel's source does not compile.
    #[error("kernels {family} do not compile for {architecture}: {log}")]
    Compile {
        /// The source's name.
        family: &'static str,
        /// The target.
        architecture: String,
        /// The compiler's words.
        log: String,
    },
    /// The device's memory does not suffice.
    #[error("no room for {bytes} bytes on the GPU, {free} are free; use a smaller batch")]
    Memory {
        /// Bytes asked for.
        bytes: usize,
        /// Bytes free.
        free: usize,
    },
    /// No engine of cuDNN computes a convolution.
    #[error("cuDNN {version} has no deterministic engine for the convolution {problem}")]
    NoEngine {
        /// cuDNN's version.
        version: String,
        /// The problem.
        problem: String,
    },
}
