//! Convolutional networks over HTTP, in this process: a network that answers, and a run that is watched while it trains.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use convnet::{Model, model::OpenOptions};
//! use convnet_serve::{Batching, Served, Server, Settings, Stop};
//!
//! let mut model = Model::open("runs/lenet", &OpenOptions::default())?;
//! let weights = model.weights.take().ok_or("no weights")?;
//! let served = Served::new("lenet", model, Arc::new(weights), convnet::Options::default());
//! let server = Server::bind(&Settings::default())?;
//! println!("{}", server.url());
//! server.run(&served.site(&Batching::default())?, &Stop::new())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Served`] speaks KServe's Open Inference Protocol v2 (<https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol>)
//! with its binary tensors, and has a page on which one draws or drops an image. Requests that come at once are answered
//! as one batch. [`Live`] is a [`Callback`](convnet::train::Callback) whose page shows the run that calls it.
//!
//! What comes from outside is bounded before it takes memory: the number of connections, the bytes of a body, those of
//! all bodies at once, the requests that wait, and the time that a client may take. Without a token a server listens to
//! its own machine alone ([`Settings::token`]).

#![forbid(unsafe_code)]

mod aside;
mod batcher;
mod body;
mod error;
mod guard;
mod listen;
mod live;
mod metrics;
mod page;
mod problem;
mod protocol;
mod served;
mod server;
mod site;
mod stop;

pub use error::ServeError;
pub use live::{Ending, Live};
pub use served::{Batching, Served};
pub use server::{Background, Server, Settings};
pub use site::Site;
pub use stop::Stop;
