//! What the dashboard shows.

use convnet::train::RunView;

/// A run on the screen.
#[derive(Default)]
pub(super) struct State {
    pub(super) run: RunView,
    /// Bytes that the process has in memory, where the system tells.
    pub(super) memory: Option<u64>,
    pub(super) paused: bool,
    /// Whether the run is to end after the step under way.
    pub(super) stopping: bool,
    pub(super) help: bool,
}

impl State {
    pub(super) fn new(heading: &str) -> Self {
        Self { run: RunView::new(heading), ..Self::default() }
    }
}
