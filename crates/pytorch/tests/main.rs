//! PyTorch code, from outside. One program: it is built and linked once.

mod lowered;
mod python;
mod roundtrip;
mod torch;
mod wrong;
