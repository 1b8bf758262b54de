//! Operations, a file a family: methods of [`List`](crate::List) that check their views and add launches.

mod batch_norm;
mod call;
mod convolution;
mod elementwise;
mod layout;
mod linear;
mod local_response;
mod loss;
mod optimizer;
mod pooling;
mod stem;
mod thin;

pub use batch_norm::{BatchNorm, BatchNormBackward, Gradient};
pub use convolution::Epilogue;
pub use elementwise::{Activation, Addend, Affine, Dropout};
pub use layout::Border;

pub use local_response::LocalResponse;
pub use optimizer::{Adam, Clock, Parameters, Sgd};
pub use pooling::{Before, PoolWindow};
pub use stem::Stem;
