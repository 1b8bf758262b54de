//! The page of a run while it trains.

mod judged;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Path, State as Held};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use convnet::data::Dataset;
use convnet::graph::Graph;
use convnet::train::{Callback, Control, EpochRecord, Measured, RunStart, Seen, StepProgress};
use convnet_explain::{ELEMENTS, escaped, filled, first_filters};
use serde_json::Value;

use self::judged::Answers;
use self::state::State;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::site::{CSS, HTML, JS, PNG, Site, file};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is done: a sentence of what it came to.
    Done(String),
    /// It was interrupted, and can go on.
    Interrupted,
    /// It failed: why.
    Failed(String),
}

/// A run that is watched: a callback that keeps what its page shows. Clones are the same run.
#[derive(Clone)]
pub struct Live(Arc<Run>);

struct Run {
    state: Mutex<State>,
    /// What the network answered for the validation images of the epoch under way.
    answers: Mutex<Answers>,
    graph: Graph,
    /// The images that choose the best epoch.
    validation: Option<Dataset>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a run that has ended waits for pages to see it, where somebody looked lately.
const LINGER: Duration = Duration::from_secs(3);

impl Live {
    /// A run of a network that is about to start: `heading` is what is told of it, a line each.
    pub fn new(heading: &str, graph: &Graph, validation: Option<Dataset>) -> Self {
        let classes = validation.as_ref().map_or_else(Vec::new, |images| images.classes.clone());
        let several = validation.as_ref().is_some_and(|images| images.multi_labels().is_some());
        Self(Arc::new(Run {
            state: Mutex::new(State::new(heading, classes.clone())),
            answers: Mutex::new(Answers::new(classes.len(), several)),
            graph: graph.clone(),
            validation,
        }))
    }

    /// What a server answers with.
    pub fn site(&self) -> Site {
        let router = Router::new()
            .route("/", get(index))
            .route("/live.css", get(|| async { file(CSS, STYLE) }))
            .route("/live.js", get(|| async { file(JS, script()) }))
            .route("/api/run", get(run))
            .route("/api/judged", get(judged))
            .route("/api/filters/{file}", get(filters))
            .with_state(self.clone());
        Site::new(router, Arc::new(Metrics::new()))
    }

    /// Tells how the run ended, and gives pages that are open the time to see it.
    pub fn ended(&self, ending: Ending) {
        let mut state = locked(&self.0.state);
        let ended = Instant::now();
        state.ending = Some(ending);
        while state.was_seen_since(ended.checked_sub(LINGER)) && !state.was_seen_since(Some(ended)) {
            if ended.elapsed() > LINGER {
                break;
            }
            drop(state);
            std::thread::sleep(Duration::from_millis(20));
            state = locked(&self.0.state);
        }
    }

    /// Keeps the first filters as they are now.
    fn keep_filters(&self, epoch: usize, run: &Control<'_>) {
        if !self.0.has_filters() {
            return;
        }
        // A picture that cannot be made is one that the page has not.
        let picture = first_filters(&self.0.graph, &run.weights()).ok().flatten();
        if let Some(bytes) = picture.as_ref().and_then(state::png) {
            locked(&self.0.state).keep_filters(epoch, bytes);
        }
    }
}

impl Run {
    /// Whether the network has filters that can be shown: only then its weights are copied.
    fn has_filters(&self) -> bool {
        matches!(self.graph.input_size()[0], 1 | 3)
    }
}

impl Callback for Live {
    fn start(&mut self, start: &RunStart, run: &mut Control<'_>) {
        locked(&self.0.state).run.start(start);
        self.keep_filters(start.epochs_done, run);
    }

    fn step(&mut self, step: &StepProgress, _: &mut Control<'_>) {
        locked(&self.0.state).step(step);
    }

    fn answered(&mut self, seen: Seen<'_>, on: Measured) {
        let images = self.0.validation.as_ref().filter(|_| on == Measured::Validation);
        if let Some(images) = images {
            locked(&self.0.answers).add(seen, images.len());
        }
    }

    fn evaluated(&mut self, images: usize, of: usize) {
        locked(&self.0.state).run.evaluated = Some((images, of));
    }

    fn epoch(&mut self, record: &EpochRecord, best: bool, run: &mut Control<'_>) {
        self.keep_filters(record.epoch, run);
        let judged = self
            .0
            .validation
            .as_ref()
            .and_then(|images| locked(&self.0.answers).judged(record.epoch, images));
        locked(&self.0.state).epoch(record, best, judged);
    }
}

const TEMPLATE: &str = include_str!("web/live.html");
const STYLE: &str = include_str!("web/live.css");

/// The page's script, its parts in their order.
fn script() -> String {
    [
        ELEMENTS,
        include_str!("web/script/begin.js"),
        include_str!("web/script/axis.js"),
        include_str!("web/script/chart.js"),
        include_str!("web/script/head.js"),
        include_str!("web/script/curves.js"),
        include_str!("web/script/epochs.js"),
        include_str!("web/script/confusion.js"),
        include_str!("web/script/samples.js"),
        include_str!("web/script/filters.js"),
        include_str!("web/script/sections.js"),
        include_str!("web/script/start.js"),
    ]
    .concat()
}

async fn index(Held(live): Held<Live>) -> Response {
    file(HTML, filled(TEMPLATE, &[("TITLE", &escaped(live.0.graph.name()))]))
}

async fn run(Held(live): Held<Live>) -> Json<Value> {
    Json(locked(&live.0.state).told())
}

async fn judged(Held(live): Held<Live>) -> Result<Response, Problem> {
    let json = locked(&live.0.state).judged.clone().map(|(_, json)| json);
    let json = json.ok_or_else(|| Problem::missing("no epoch was measured yet"))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response())
}

async fn filters(Held(live): Held<Live>, Path(name): Path<String>) -> Result<Response, Problem> {
    let epoch = name.strip_suffix(".png").and_then(|epoch| epoch.parse().ok());
    let picture = epoch.and_then(|epoch| locked(&live.0.state).filters_of(epoch));
    picture
        .map(|bytes| file(PNG, bytes))
        .ok_or_else(|| Problem::missing(format!("there is no picture `{name}`")))
}
