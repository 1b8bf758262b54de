//! The `convnet` command.
fn main() {}
