//! ReLU, Sigmoid, Tanh and Identity.
