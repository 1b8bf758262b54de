//! The plain implementation of whole networks in f64: the oracle of the fast one.
