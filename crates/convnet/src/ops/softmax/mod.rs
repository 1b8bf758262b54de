//! Softmax over dimension 1.

pub(crate) mod naive;

#[cfg(test)]
mod tests;
