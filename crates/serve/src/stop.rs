//! How a server is told to end.

use tokio::sync::watch;

/// Ends a server: it takes no more connections, answers what it has, and is done. Clones are the same flag.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// A flag that is not raised.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Raises it, from any thread.
    pub fn raise(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is raised.
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it is raised.
    pub(crate) async fn raised(&self) {
        // The sender lives as long as this.
        let _ = self.0.subscribe().wait_for(|raised| *raised).await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}
