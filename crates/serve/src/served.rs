//! A network that answers over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use convnet::data::Preprocess;
use convnet::exec::{Engine, Options};
use convnet::graph::Graph;
use convnet::model::Model;
use convnet::state::TensorSource;
use convnet::train::{sigmoids, softmax};
use serde_json::{Value, json};

use crate::aside::aside;
use crate::batcher::Batcher;
use crate::body::{Budget, EACH};
use crate::error::ServeError;
use crate::metrics::Metrics;
use crate::page::{self, Looks};
use crate::problem::Problem;
use crate::protocol::{self, Contract, JSON_LENGTH, VERSION};
use crate::site::Site;

/// A network with its weights, and what it is called.
pub struct Served {
    pub(crate) name: String,
    pub(crate) graph: Graph,
    pub(crate) weights: Arc<dyn TensorSource + Send + Sync>,
    pub(crate) preprocess: Preprocess,
    /// The names of its classes; empty for a network that gives maps.
    pub(crate) names: Vec<String>,
    /// Whether an image may have several of the classes.
    pub(crate) several: bool,
    /// What is to be known of it, a sentence each.
    pub(crate) notes: Vec<String>,
    pub(crate) options: Options,
}

/// How requests become batches, and how much of them there may be.
#[derive(Clone, Debug)]
pub struct Batching {
    /// Images of a batch, at most.
    pub images: usize,
    /// How long a request waits for others, while there are others.
    pub wait: Duration,
    /// Requests that may wait for the network; further ones are refused.
    pub queue: usize,
    /// Bytes of a request's body, at most.
    pub most_bytes: usize,
    /// Bytes of memory for all requests at once.
    pub memory: usize,
}

impl Default for Batching {
    fn default() -> Self {
        Self { images: 8, wait: Duration::from_millis(2), queue: 4096, most_bytes: 64 << 20, memory: 1 << 30 }
    }
}

/// The longest wait for others.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What answers requests.
pub(crate) struct App {
    pub(crate) served: Served,
    contract: Contract,
    pub(crate) batcher: Batcher,
    pub(crate) budget: Budget,
    pub(crate) looks: Looks,
}

impl Served {
    /// A network under a name, with weights that were taken from it or are its own.
    pub fn new(
        name: impl Into<String>,
        model: Model,
        weights: Arc<dyn TensorSource + Send + Sync>,
        options: Options,
    ) -> Self {
        let shape = model.graph.node(model.graph.output()).shape;
        let names = if shape.spatial() == (1, 1) { model.class_names() } else { Vec::new() };
        let several = model.card.as_ref().is_some_and(|card| card.several);
        let notes = model.notes.iter().map(ToString::to_string);
        let assumed = model.assumption.map(|assumption| format!("{assumption} ({})", model.preprocess));
        let notes = notes.chain(assumed).collect();
        let Model { graph, preprocess, .. } = model;
        Self { name: name.into(), graph, weights, preprocess, names, several, notes, options }
    }

    /// Compiles the network and starts the thread that runs it.
    ///
    /// # Errors
    /// If it cannot be compiled, the batching makes no sense, or the system gives no thread.
    pub fn site(self, batching: &Batching) -> Result<Site, ServeError> {
        let refused =
            |what, found: String, expected: String| Err(ServeError::Setting { what, found, expected });
        for (what, found) in [
            ("the batch", batching.images),
            ("the queue", batching.queue),
            ("the longest body", batching.most_bytes),
        ] {
            if found == 0 {
                return refused(what, found.to_string(), "1 or more".to_owned());
            }
        }
        if batching.memory / EACH < batching.most_bytes {
            let expected = format!("{EACH} times the longest body, {}, or more", batching.most_bytes);
            return refused("the memory for requests", batching.memory.to_string(), expected);
        }
        if batching.wait > LONGEST_WAIT {
            let expected = format!("{} s or less", LONGEST_WAIT.as_secs());
            return refused("the wait for others", format!("{:?}", batching.wait), expected);
        }
        let metrics = Arc::new(Metrics::new());
        let engine = Engine::compile(&self.graph, &*self.weights, batching.images, &self.options)?;
        let batcher = Batcher::start(&engine, batching.wait, batching.queue, Arc::clone(&metrics))?;
        let output = self.graph.node(self.graph.output()).shape;
        let contract = Contract {
            name: self.name.clone(),
            input: self.graph.input_shape().with_batch(1)[1..].to_vec(),
            output: output.with_batch(1)[1..].to_vec(),
            classes: self.names.clone(),
        };
        let app = App {
            contract,
            batcher,
            budget: Budget::new(batching.memory, batching.most_bytes),
            looks: Looks::new(),
            served: self,
        };
        Ok(Site::new(routes().merge(page::routes()).with_state(Arc::new(app)), metrics))
    }

    /// The probability of each class by an output of the network.
    pub(crate) fn probabilities(&self, output: &[f32]) -> Vec<f64> {
        match self.graph.logits(self.graph.output()) == self.graph.output() {
            false => output.iter().map(|&probability| f64::from(probability)).collect(),
            true if self.several => sigmoids(output),
            true => softmax(output),
        }
    }
}

type Shared = State<Arc<App>>;

fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2", get(|| async { Json(protocol::server()) }))
        .route("/v2/health/live", get(|| async { Json(json!({ "live": true })) }))
        .route("/v2/health/ready", get(healthy))
        .route("/v2/models/{name}", get(metadata))
        .route("/v2/models/{name}/versions/{version}", get(metadata))
        .route("/v2/models/{name}/ready", get(ready))
        .route("/v2/models/{name}/versions/{version}/ready", get(ready))
        .route("/v2/models/{name}/infer", post(infer))
        .route("/v2/models/{name}/versions/{version}/infer", post(infer))
}

/// The parts of an address that name a model.
#[derive(serde::Deserialize)]
struct Named {
    name: String,
    version: Option<String>,
}

impl App {
    fn check(&self, named: &Named) -> Result<(), Problem> {
        if named.name != self.contract.name {
            let text =
                format!("there is no model `{}`; this server has `{}`", named.name, self.contract.name);
            return Err(Problem::missing(text));
        }
        match named.version.as_deref() {
            None | Some(VERSION) => Ok(()),
            Some(version) => Err(Problem::missing(format!(
                "`{}` has no version `{version}`, expected {VERSION}",
                self.contract.name
            ))),
        }
    }

    fn check_ready(&self) -> Result<(), Problem> {
        match self.batcher.is_ready() {
            true => Ok(()),
            false => Err(Problem::busy("the network's thread has ended")),
        }
    }
}

async fn metadata(State(app): Shared, Path(named): Path<Named>) -> Result<Json<Value>, Problem> {
    app.check(&named)?;
    Ok(Json(app.contract.metadata()))
}

async fn healthy(State(app): Shared) -> Result<Json<Value>, Problem> {
    app.check_ready()?;
    Ok(Json(json!({ "ready": true })))
}

async fn ready(State(app): Shared, Path(named): Path<Named>) -> Result<Json<Value>, Problem> {
    app.check(&named)?;
    app.check_ready()?;
    Ok(Json(json!({ "name": app.contract.name, "ready": true })))
}

async fn infer(
    State(app): Shared,
    Path(named): Path<Named>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    app.check(&named)?;
    let arriving = app.batcher.arriving();
    let json_length = headers
        .get(JSON_LENGTH)
        .map(|value| value.to_str().ok().and_then(|text| text.parse::<usize>().ok()).ok_or(value))
        .transpose()
        .map_err(|value| {
            Problem::request(format!("Inference-Header-Content-Length is {value:?}, expected a number"))
        })?;
    let held = app.budget.read(&headers, body).await?;
    let reader = Arc::clone(&app);
    let (asked, hold) = aside(held.bytes.len(), move || {
        // With what it holds of the budget, should the client go away meanwhile.
        let held = held;
        Ok((protocol::parse(&reader.contract, json_length, &held.bytes)?, held.hold))
    })
    .await?;
    let output = app.batcher.run(asked.images, asked.count, hold, Some(arriving)).await?;
    let writer = Arc::clone(&app);
    aside(size_of_val(&output[..]), move || {
        protocol::answer(&writer.contract, asked.id.as_deref(), asked.wanted, asked.count, &output)
    })
    .await
}
