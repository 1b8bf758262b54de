//! A server: an address, a token, and the threads that answer there.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread::{self, JoinHandle};
use std::{io, panic};

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::error::ServeError;
use crate::guard::Guard;
use crate::listen::accept;
use crate::site::Site;
use crate::stop::Stop;

/// Where a server listens, and what it takes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it listens; port 0 is any that is free.
    pub listen: SocketAddr,
    /// What a client must know: as `Authorization: Bearer TOKEN`, or once as `?token=TOKEN`. Needed where other machines
    /// can come from.
    pub token: Option<String>,
    /// Connections at once; further ones wait until one closes.
    pub connections: usize,
}

impl Default for Settings {
    /// Any free port of this machine alone.
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), token: None, connections: 4096 }
    }
}

/// Characters of a token, at least.
const SHORTEST: usize = 8;
/// Bytes of a token that is drawn.
const DRAWN: usize = 16;
/// Threads that read and write.
const THREADS: usize = 2;
/// Threads for what takes long: reading numbers, decoding images, explanations.
const LONG: usize = 4;

/// A server that has an address.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
    token: Option<String>,
    connections: usize,
}

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    /// If it is taken or none of this machine's, or can be reached from others and there is no token.
    pub fn bind(settings: &Settings) -> Result<Self, ServeError> {
        let address = settings.listen;
        match &settings.token {
            None if !address.ip().is_loopback() => return Err(ServeError::Open { address }),
            None => {}
            Some(token) => check(token)?,
        }
        if settings.connections == 0 {
            return Err(ServeError::Setting {
                what: "the number of connections",
                found: "0".to_owned(),
                expected: "1 or more".to_owned(),
            });
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(LONG)
            .thread_name("serve")
            .enable_io()
            .enable_time()
            .build()?;
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .map_err(|cause| ServeError::Listen { address, cause })?;
        let address = listener.local_addr()?;
        Ok(Self {
            runtime,
            listener,
            address,
            token: settings.token.clone(),
            connections: settings.connections,
        })
    }

    /// A token that nobody guesses: 128 random bits.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn drawn_token() -> Result<String, ServeError> {
        let mut bytes = [0; DRAWN];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to open in a browser, with the token.
    pub fn url(&self) -> String {
        let address = match self.address.ip().is_unspecified() {
            true => SocketAddr::from((Ipv4Addr::LOCALHOST, self.address.port())),
            false => self.address,
        };
        match &self.token {
            Some(token) => format!("http://{address}/?token={token}"),
            None => format!("http://{address}/"),
        }
    }

    /// Answers until the flag is raised, and then what has come before.
    ///
    /// # Errors
    /// None so far: what fails later fails for one client alone.
    pub fn run(self, site: &Site, stop: &Stop) -> Result<(), ServeError> {
        let guard = Guard::new(self.token, self.address);
        let router = site.guarded(guard);
        self.runtime.block_on(accept(self.listener, router, self.connections, site.metrics(), stop));
        // What computes for clients that are gone is not waited for.
        self.runtime.shutdown_background();
        Ok(())
    }

    /// Answers on a thread of its own until what is returned is dropped.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn spawn(self, site: Site) -> Result<Background, ServeError> {
        let stop = Stop::new();
        let flag = stop.clone();
        let thread =
            thread::Builder::new().name("server".to_owned()).spawn(move || self.run(&site, &flag))?;
        Ok(Background { stop, thread: Some(thread) })
    }
}

/// A server on a thread of its own; it ends when this is dropped.
#[derive(Debug)]
pub struct Background {
    stop: Stop,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop.raise();
        if let Some(Err(cause)) = self.thread.take().map(JoinHandle::join)
            && !thread::panicking()
        {
            panic::resume_unwind(cause);
        }
    }
}

fn check(token: &str) -> Result<(), ServeError> {
    const EXPECTED: &str = "8 letters, digits, - or _ or more";
    let found = match token.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_')) {
        Some(other) => format!("{other:?} in it"),
        None if token.len() < SHORTEST => format!("{} characters", token.len()),
        None => return Ok(()),
    };
    Err(ServeError::Token { found, expected: EXPECTED })
}
