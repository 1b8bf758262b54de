//! CPU kernels of convnet: the only crate with unsafe code.
//!
//! Activations are NHWC float32 in an [`Arena`]; a [`View`] names a block of pixels × channels in it, which
//! may be a slice of wider pixels (a branch of a concatenation). Every public function checks its views
//! against the arena before the first unchecked access.

#![warn(missing_docs)]

mod activation;
mod ahead;
mod arena;
mod arithmetic;
mod batch_norm;
mod before;
mod column_sums;
mod criterion;
mod element;
mod elementwise;
mod extremum;
pub mod flat;
mod function;
mod geometry;
mod group_norm;
mod grouped;
mod igemm;
mod interleave;
mod isa;
mod layout;
mod linear;
mod local_response;
mod loss;
mod moments;
mod optimizer;
mod outer;
mod panels;
mod peak;
mod pixel_products;
mod pooling;
mod rearrange;
mod rectifier;
mod row_norm;
mod rows;
mod scatter;
mod separable;
mod sided;
mod simd;
mod stem;
mod sums;
mod threads;
mod tile;
mod tiling;
mod tuning;
mod winograd;

pub use activation::{Activation, activation, activation_backward, relu_backward};
pub use arena::{Arena, ArenaError, View};
pub use arithmetic::{Arithmetic, Maps, SideBackward, arithmetic, arithmetic_backward};
pub use batch_norm::{BatchNorm, BatchNormBackward, Join, batch_norm, batch_norm_backward};
pub use before::Before;
pub use column_sums::column_sums;
pub use criterion::{Binary, Comparison, Criterion, CrossEntropy, Reading, Teacher, Whole, compare};
pub use element::saturating_f16;
pub use elementwise::{Mask, accumulate, add, affine, affine_backward, copy, dropout, fill};
pub use extremum::{extremum, extremum_backward};
pub use geometry::{Geometry, Tap};
pub use group_norm::{GroupNorm, group_norm, group_norm_backward};
pub use grouped::{
    Bands, Expansion, Group, Grouped, GroupedGradient, Pointwise, bands, bands_scratch, bands_suit, grouped,
    grouped_gradient, grouped_taps,
};
pub use half::f16;
pub use igemm::{Igemm, Weights, igemm, igemm_groups};
pub use interleave::interleave;
pub use isa::Isa;
pub use layout::{
    Border, flatten, flatten_backward, from_nchw, from_nchw_padded, pad, pad_backward, to_nchw,
};
pub use linear::{LinearBackward, WeightGradient, linear_backward};
pub use local_response::{LocalResponse, local_response, local_response_backward};
pub use loss::{Targets, cross_entropy, log_softmax, log_softmax_backward, softmax, softmax_backward};
pub use moments::moments;
pub use optimizer::{
    Adagrad, Adam, Lamb, Lion, Muon, MuonMatrix, NEWTON_SCHULZ, Nadam, OrthogonalRoom, RmsProp, Sgd, Update,
    lamb, muon, orthogonalize, rest, trust_ratio,
};
pub use outer::{Outer, outer, outer_scratch};
pub use panels::{Panels, transpose};
pub use peak::peak;
pub use pixel_products::{pixel_products, pixel_products_backward};
pub use pooling::{PoolWindow, avg_pool, avg_pool_backward, max_pool, max_pool_backward};
pub use rearrange::{Rearrangement, rearrange};
pub use rectifier::Rectifier;
pub use row_norm::{row_norm, row_norm_backward};
pub use rows::{along_rows, rows_gradient, rows_product};
pub use scatter::{Scatter, scatter};
pub use separable::{Separable, Taps, separable};
pub use sided::{sided_scale, sided_scale_backward};
pub use stem::{Stem, stem, stem_suits};
pub use threads::{Clock, Pool, Rehearsed};
pub use winograd::{
    Filtering, Winograd, WinogradGradient, winograd, winograd_gradient, winograd_gradient_scratch,
    winograd_groups, winograd_groups_scratch, winograd_scratch, winograd_turned_weights, winograd_weights,
};
