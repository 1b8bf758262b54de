//! What a device tells the plan of its kernels.

/// What the kernel of a stage needs beside its inputs and its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// A buffer of its own, pixels × channels for each image, from the forward pass to the backward pass.
    pub(crate) workspace: Option<(usize, usize)>,
    /// Whether its backward pass reads the inputs, the output and the workspace.
    pub(crate) reads_inputs: bool,
    /// See [`Needs::reads_inputs`].
    pub(crate) reads_output: bool,
    /// See [`Needs::reads_inputs`].
    pub(crate) reads_workspace: bool,
    /// Whether the gradient that it gives its inputs reaches every element.
    pub(crate) reaches_all: bool,
    /// Whether nobody writes its output, nor that one's gradient: the only stage that reads it computes it on the way.
    pub(crate) absent: bool,
    /// The stage in whose forward pass its own is done: what it reads stays so long.
    pub(crate) late: Option<usize>,
    /// The stage on whose backward pass its own is done: its output, if read, and that one's gradient stay so long.
    pub(crate) until: Option<usize>,
}
