//! Softmax over dimension 1, and its logarithm.

pub(crate) mod naive;

#[cfg(test)]
mod tests;
