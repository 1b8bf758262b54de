//! C × H × W to a vector, in that order.

pub(crate) mod naive;

#[cfg(test)]
mod tests;
