//! Servers as clients see them, over real connections.

mod client;
mod guarded;
mod inference;
mod page;
mod run;
mod trouble;

use std::sync::Arc;

use convnet::exec::Options;
use convnet::model::{Model, OpenOptions};
use convnet::state::{self, StateDict};
use convnet_serve::{Background, Batching, Served, Server, Settings};

use self::client::Client;

/// LeNet with drawn weights.
fn lenet() -> (Model, StateDict) {
    let model = Model::open("lenet", &OpenOptions::default()).expect("LeNet");
    let weights = state::initialize(&model.graph, 7);
    (model, weights)
}

/// LeNet on a server of its own.
fn serve(batching: &Batching, settings: &Settings) -> (Background, Client) {
    let (model, weights) = lenet();
    let served = Served::new("lenet", model, Arc::new(weights), Options { threads: 1, ..Options::default() });
    let server = Server::bind(settings).expect("a server");
    let client = Client(server.address());
    (server.spawn(served.site(batching).expect("a site")).expect("a thread"), client)
}

fn plain() -> (Background, Client) {
    serve(&Batching::default(), &Settings::default())
}
