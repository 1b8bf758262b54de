//! The library, from outside. One program: it is built and linked once.

mod accuracy;
mod onnx;
mod pictures;
mod published;
mod refused;
mod rooms;
mod shared;
mod zoo;
