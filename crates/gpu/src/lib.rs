//! GPU kernels of convnet, for NVIDIA's cards: beside `convnet-kernels` the only crate with unsafe code.
//!
//! Operations are methods of a [`List`]: they check [`View`]s of one block of memory and add launches, which are plain data
//! that can be printed. Activations are NHWC; a view may be a slice of wider pixels (a branch of a concatenation). A
//! [`Device`] binds a list to a block as a [`Program`], which runs launch by launch or as one captured [`Graph`].
//!
//! Building needs no CUDA: driver, NVRTC, cuBLAS and cuDNN are found when a device is opened, and what is missing is an [`Error`]
//! that says how to get it; NCCL is found when a [`Communicator`] is asked for. Convolutions are cuDNN's (its graph API) where it
//! is good at them, products cuBLAS's, everything else our own kernels, compiled at run time. Reductions have a fixed order and
//! engines are deterministic: the same card and libraries give the same bits.
//!
//! ```no_run
//! use convnet_gpu::{Device, Format, List, View};
//!
//! let mut list = List::new(1 << 20);
//! let map = |at| View::dense(at, 100, 64, Format::F32);
//! list.add([map(0), map(1 << 18)], map(1 << 19), true);
//! println!("{list}");
//!
//! let device = Device::open(0)?;
//! let memory = device.memory(list.memory())?;
//! let program = std::sync::Arc::new(device.bind(&list, &memory)?);
//! let step = program.capture(1)?;
//! step.replay()?;
//! # Ok::<(), convnet_gpu::Error>(())
//! ```

mod device;
mod dnn;
mod error;
mod kernels;
mod linear;
mod list;
mod load;
mod ops;
mod view;

pub use device::{Communicator, Description, Device, Feed, Graph, Memory, Program};
pub use dnn::{Conv, Convolution, Fused, Pass, Precision, Problem, Tensor, finalize_graphs};
pub use error::Error;
pub use kernels::Family;
pub use linear::{Matrix, Product};
pub use list::{Argument, COUNTERS, KernelLaunch, Lane, Launch, List, Work};
pub use load::LibraryFound;
pub use load::nvrtc::{Compiled, compile_all};
pub use ops::{
    Activation, Adagrad, Adam, Addend, Affine, Arithmetic, BatchNorm, BatchNormBackward, Before, Blend,
    Border, Clock, Dropout, Entry, Epilogue, Factors, Function, Gradient, GroupNorm, GroupNormBackward,
    Groups, ImageSet, Lamb, Lars, Line, Lion, LocalResponse, Maps, Muon, MuonRoom, Nadam, Order, Parameters,
    PoolWindow, RmsProp, Separable, Sgd, SideBackward, Stem, Taps, is_small_linear,
};
pub use view::{Bytes, Format, Vector, View, Words};
