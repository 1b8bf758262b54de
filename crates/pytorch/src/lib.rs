//! PyTorch model code as networks, and networks as PyTorch model code.

#![forbid(unsafe_code)]
