//! Operations, a file a family: methods of [`List`](crate::List) that check their views and add launches.

mod arithmetic;
mod batch_norm;
mod by_channel;
mod call;
mod convolution;
mod cut;
mod elementwise;
mod extremum;
mod function;
mod images;
mod join;
mod layout;
mod linear;
mod local_response;
mod loss;
mod optimizer;
mod pooling;
mod products;
mod separable;
mod small_linear;
mod stem;
mod tensors;
mod thin;

pub use arithmetic::{Arithmetic, Maps, SideBackward};
pub use batch_norm::{BatchNorm, BatchNormBackward, Gradient};
pub use by_channel::{Factors, GroupNorm, GroupNormBackward, Groups};
pub use convolution::Epilogue;
pub use elementwise::{Activation, Addend, Affine, Dropout};
pub use function::Function;
pub use images::{Blend, Entry, ImageSet, Line};
pub use layout::Border;

pub use local_response::LocalResponse;
pub use optimizer::{Adagrad, Adam, Clock, Lion, Nadam, Parameters, RmsProp, Sgd};
pub use pooling::{Before, PoolWindow};
pub use separable::{Order, Separable, Taps};
pub use small_linear::is_small_linear;
pub use stem::Stem;
pub use tensors::{Lamb, Lars, Muon, MuonRoom};
