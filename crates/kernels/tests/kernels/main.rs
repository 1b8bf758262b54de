//! Every public kernel against a plain implementation in f64, on every instruction set of the machine and
//! with one, two and three threads.

mod activation;
mod arithmetic;
mod bands;
mod batch_norm;
mod column_sums;
mod common;
mod contracts;
mod criteria;
mod elementwise;
mod flat;
mod grouped;
mod igemm;
mod interleave;
mod layout;
mod linear;
mod local_response;
mod loss;
mod norms;
mod optimizer;
mod outer;
mod pixel_products;
mod pool;
mod pooling;
mod refusal;
mod scatter;
mod separable;
mod stem;
mod winograd;
mod winograd_gradient;
