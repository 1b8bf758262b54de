//! Softmax over dimension 1.
