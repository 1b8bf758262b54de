//! ReLU, Sigmoid, Tanh and Identity.

pub(crate) mod naive;

#[cfg(test)]
mod tests;
