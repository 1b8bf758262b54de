//! PyTorch's vocabulary, written in Python.

/// The text of one of the crate's modules.
pub(crate) fn file(_: &str) -> Option<&'static str> {
    None
}
/// Whether PyTorch has this name (`torch.nn.LSTM`), which convnet lacks.
pub(crate) fn is_known(_: &str) -> bool {
    false
}
/// The names of a module of PyTorch's.
pub(crate) fn known(_: &str) -> &'static [&'static str] {
    &[]
}
/// Packages that no network depends on, of which nothing need be told: `os`, `time`, `argparse`.
pub(crate) fn is_plain(_: &str) -> bool {
    false
}
