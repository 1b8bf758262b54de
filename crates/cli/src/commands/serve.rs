//! `convnet serve`: a network that answers over HTTP.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use convnet::exec::Precision;
use convnet_serve::{Batching, ServeError, Served, Server, Settings, Stop};

use super::trained::TrainedArgs;
use crate::args::{EngineArgs, positive};
use crate::error::Failure;
use crate::models;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  convnet serve runs/lenet                           a page to draw on, and an address for programs
  convnet serve resnet18 --weights r18.pth --batch 16 --listen 127.0.0.1:9000
  convnet serve runs/photos --listen 0.0.0.0:8080    for other machines: a token is drawn and told

For programs: KServe's Open Inference Protocol v2 over HTTP, with binary tensors.
  GET  /v2/health/live, /v2/health/ready, /v2/models/NAME, /v2/models/NAME/ready
  POST /v2/models/NAME/infer                         input `input`, FP32 (N, C, H, W), preprocessed; output `output`
  POST /api/predict?top=5                            the bytes of an image file: classes with their probabilities
  GET  /metrics                                      for Prometheus
The first Ctrl-C answers what has come and ends, the second leaves at once.";

/// The arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    trained: TrainedArgs,

    /// Address to listen on: HOST:PORT, or a port of this machine alone
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = address)]
    listen: SocketAddr,

    /// Token that clients must know [default: none for this machine alone, else a drawn one]
    #[arg(long, value_name = "TOKEN", env = "CONVNET_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// What the protocol calls the network [default: the name of the run or file]
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,

    /// Images to classify at once, of requests that come together
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = positive, help_heading = "Computation")]
    batch: usize,

    /// Milliseconds that a request waits for others, while there are others
    #[arg(long, value_name = "MS", default_value_t = 2, value_parser = wait, help_heading = "Computation")]
    wait: u64,

    /// Requests that may wait; further ones are refused with 503
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = positive, help_heading = "Limits")]
    queue: usize,

    /// MiB of a request, at most
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = mebibytes, help_heading = "Limits")]
    max_body: usize,

    /// MiB of memory for all requests at once
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = mebibytes, help_heading = "Limits")]
    memory: usize,

    /// Connections at once; further ones wait until one closes
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = positive, help_heading = "Limits")]
    connections: usize,

    #[command(flatten)]
    engine: EngineArgs,
}

/// The settings of a server at an address; one that other machines reach gets a token.
pub(super) fn settings(listen: SocketAddr, token: Option<String>) -> Result<Settings, Failure> {
    let token = match token {
        None if !listen.ip().is_loopback() => Some(Server::drawn_token().map_err(Failure::work)?),
        token => token,
    };
    Ok(Settings { listen, token, ..Settings::default() })
}

/// Takes an address.
pub(super) fn bind(settings: &Settings) -> Result<Server, Failure> {
    Server::bind(settings).map_err(|error| match &error {
        ServeError::Listen { cause, .. } if cause.kind() == std::io::ErrorKind::AddrInUse => {
            Failure::work(format!("{error}; another port may be free, and port 0 always is"))
        }
        ServeError::Token { .. } => Failure::usage(format!("`--token` or CONVNET_TOKEN: {error}")),
        _ => Failure::work(error),
    })
}

/// Where to listen: a host and a port, or a port of this machine alone.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let found = text.to_socket_addrs().map(|mut addresses| addresses.next());
    found.ok().flatten().ok_or_else(|| "expected HOST:PORT or a port, for example 127.0.0.1:8080".to_owned())
}

fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match !text.is_empty() && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err("expected letters, digits, -, _ and .".to_owned()),
    }
}

/// The longest wait, in milliseconds.
const MOST_WAIT: u64 = 10_000;

fn wait(text: &str) -> Result<u64, String> {
    let expected = || format!("expected a whole number from 0 to {MOST_WAIT}");
    text.parse().ok().filter(|wait| *wait <= MOST_WAIT).ok_or_else(expected)
}

/// The most MiB that can be given.
const MOST_MEBIBYTES: usize = 1 << 20;

fn mebibytes(text: &str) -> Result<usize, String> {
    let expected = || format!("expected a whole number from 1 to {MOST_MEBIBYTES}");
    text.parse().ok().filter(|count| (1..=MOST_MEBIBYTES).contains(count)).ok_or_else(expected)
}

/// Serves until it is told to end.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (model, weights) = args.trained.load()?;
    let options = args.engine.options(Precision::F32)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => models::stem(args.trained.target()).replace(|c: char| name(&c.to_string()).is_err(), "-"),
    };
    let settings = settings(args.listen, args.token.clone())?;
    let server = bind(&Settings { connections: args.connections, ..settings })?;
    let batching = Batching {
        images: args.batch,
        wait: Duration::from_millis(args.wait),
        queue: args.queue,
        most_bytes: args.max_body << 20,
        memory: args.memory << 20,
    };
    let about = format!("{}, input {}", model.graph.name(), model.graph.input_shape());
    let site = Served::new(name.as_str(), model, Arc::new(weights), options).site(&batching);
    let site = site.map_err(|error| match error {
        ServeError::Setting { .. } => Failure::usage(format!("{error}: see `--memory` and `--max-body`")),
        error => Failure::work(error),
    })?;
    let stop = Stop::new();
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.is_raised() {
            std::process::exit(1);
        }
        output::note("\nanswering what has come; once more to leave at once");
        flag.raise();
    })?;
    // The first line is there once it answers: who started it may read it.
    output::emit(&format!("{}\n", server.url()))?;
    output::note(&format!("{about}; for programs: /v2/models/{name}; Ctrl-C ends it"));
    server.run(&site, &stop).map_err(Failure::work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        let this = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        assert_eq!((address("8080"), address(":9")), (Ok(this(8080)), Ok(this(9))));
        assert_eq!(address("0.0.0.0:1"), Ok(SocketAddr::from(([0; 4], 1))));
        for wrong in ["", "localhost", "127.0.0.1", "70000", "a b:1"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
