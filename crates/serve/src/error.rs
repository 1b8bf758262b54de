//! Why there is no server.

use std::io;
use std::net::SocketAddr;

use convnet::exec::CompileError;

/// Why a network or a run cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address is taken, or is none of this machine's.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// A server of other machines has no token.
    #[error("{address} can be reached from other machines: a token is needed there")]
    Open {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// A token that no header can hold, or that is guessed soon.
    #[error("the token has {found}, expected {expected}")]
    Token {
        /// What is wrong with it.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// A setting that makes no sense.
    #[error("{what} is {found}, expected {expected}")]
    Setting {
        /// The setting.
        what: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
    /// The network cannot be run.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The system gives no thread, or no random numbers.
    #[error("the system refuses: {0}")]
    System(#[from] io::Error),
}
