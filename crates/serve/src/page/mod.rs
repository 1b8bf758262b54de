//! The page of a served network: one draws or drops an image and sees what it makes of it.

mod kept;
mod look;

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use convnet::data::Image;
use convnet::inspect::{Summary, grouped, scaled};
use convnet::train::likeliest;
use convnet_explain::{ELEMENTS, data_uri, escaped, filled, in_script, maps, network_view};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use self::look::Looks;
use self::look::Method;
use crate::aside::apart;
use crate::problem::Problem;
use crate::served::App;
use crate::site::{CSS, HTML, JS, file};

const TEMPLATE: &str = include_str!("web/page.html");
const STYLE: &str = include_str!("web/page.css");

/// The page's script, its parts in their order.
fn script() -> String {
    [
        ELEMENTS,
        include_str!("web/script/begin.js"),
        include_str!("web/script/ask.js"),
        include_str!("web/script/look.js"),
        include_str!("web/script/draw.js"),
        include_str!("web/script/pen.js"),
        include_str!("web/script/stage.js"),
        include_str!("web/script/photo.js"),
        include_str!("web/script/camera.js"),
        include_str!("web/script/answers.js"),
        include_str!("web/script/why.js"),
        include_str!("web/script/inside.js"),
        include_str!("web/script/programs.js"),
        include_str!("web/script/start.js"),
    ]
    .concat()
}

/// Answers that are given, if nobody says how many, and at most.
const ANSWERS: usize = 5;
const MOST_ANSWERS: usize = 1000;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(index))
        .route("/page.css", get(|| async { file(CSS, STYLE) }))
        .route("/page.js", get(|| async { file(JS, script()) }))
        .route("/api/predict", post(predict))
        .route("/api/heat", post(heat))
        .route("/api/explain", post(explain))
        .route("/explained/{id}", get(explained))
}

type Shared = State<Arc<App>>;

async fn index(State(app): Shared) -> Response {
    let served = &app.served;
    let [channels, height, width] = served.graph.input_size();
    let summary = Summary::new(&served.graph, 1);
    let model = json!({
        "name": served.name,
        "about": format!(
            "{}: input {}, {} parameters, {} multiply-accumulates an image",
            served.graph.name(),
            served.graph.input_shape(),
            grouped(summary.inference_params),
            scaled(summary.macs)
        ),
        "classes": served.names,
        "channels": channels,
        "height": height,
        "width": width,
        "grey": channels != 3,
        "preprocess": served.preprocess.to_string(),
        "several": served.several,
        "hasMaps": !maps(&served.graph).is_empty() && served.names.len() > 1,
        "mostBytes": app.budget.most(),
        "notes": served.notes,
        "v2": format!("v2/models/{}", served.name),
    });
    let parts = [("TITLE", &escaped(&served.name)[..]), ("MODEL", &in_script(&model.to_string()))];
    file(HTML, filled(TEMPLATE, &parts))
}

/// An image as the network reads it.
fn input(app: &App, bytes: &[u8]) -> Result<Vec<f32>, Problem> {
    if app.served.names.is_empty() {
        return Err(Problem::request("the network gives maps and no classes; ask it by the v2 protocol"));
    }
    let image = Image::from_bytes(bytes).map_err(|error| Problem::request(format!("the image: {error}")))?;
    Ok(app.served.preprocess.apply_image(&image))
}

/// What stands behind the `?` of an address.
type Asked<T> = Result<Query<T>, QueryRejection>;

fn asked_for<T>(asked: Asked<T>) -> Result<T, Problem> {
    let Query(asked) = asked.map_err(|error| Problem::request(error.body_text()))?;
    Ok(asked)
}

#[derive(Deserialize)]
struct Top {
    top: Option<usize>,
}

async fn predict(
    State(app): Shared,
    asked: Asked<Top>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let Top { top } = asked_for(asked)?;
    let held = app.budget.read(&headers, body).await?;
    let started = Instant::now();
    let reader = Arc::clone(&app);
    let (input, seen) = apart(move || {
        // With what it holds of the budget, should the client go away meanwhile; so it is below.
        let held = held;
        let input = input(&reader, &held.bytes)?;
        let seen = network_view(&reader.served.preprocess, &input);
        Ok((input, data_uri(&seen).map_err(Problem::inside)?))
    })
    .await?;
    let read = started.elapsed();
    let started = Instant::now();
    let hold = app.budget.take(input.len())?;
    let output = app.batcher.run(input, 1, hold, None).await?;
    let computed = started.elapsed();
    if let Some(value) = output.iter().find(|value| !value.is_finite()) {
        return Err(Problem::inside(format!("the network gives {value}, which is no probability")));
    }
    let probabilities = app.served.probabilities(&output);
    let top = top.unwrap_or(ANSWERS).clamp(1, MOST_ANSWERS);
    let answers: Vec<Value> = likeliest(&probabilities, top)
        .into_iter()
        .map(|(class, p)| json!({ "class": class, "name": app.served.names[class], "probability": p }))
        .collect();
    let [_, height, width] = app.served.graph.input_size();
    let milliseconds = json!({ "image": 1e3 * read.as_secs_f64(), "network": 1e3 * computed.as_secs_f64() });
    Ok(Json(json!({
        "answers": answers, "seen": seen, "width": width, "height": height, "milliseconds": milliseconds,
    })))
}

#[derive(Deserialize)]
struct Why {
    class: Option<usize>,
    #[serde(default)]
    method: Method,
}

async fn heat(
    State(app): Shared,
    asked: Asked<Why>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let why = asked_for(asked)?;
    let held = app.budget.read(&headers, body).await?;
    let place = app.looks.place()?.await;
    let worker = Arc::clone(&app);
    let told = apart(move || {
        let (_place, held) = (place, held);
        let input = input(&worker, &held.bytes)?;
        worker.looks.heat(&worker.served, &input, why.class, why.method)
    });
    Ok(Json(told.await?))
}

async fn explain(State(app): Shared, headers: HeaderMap, body: Body) -> Result<Json<Value>, Problem> {
    let held = app.budget.read(&headers, body).await?;
    let place = app.looks.place()?.await;
    let worker = Arc::clone(&app);
    let id = apart(move || {
        let (_place, held) = (place, held);
        let input = input(&worker, &held.bytes)?;
        worker.looks.page(&worker.served, input)
    });
    Ok(Json(json!({ "page": format!("explained/{}", id.await?) })))
}

/// What a page of its own may do: it has its script and its pictures in itself.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; \
     frame-ancestors 'self'; base-uri 'none'; form-action 'none'; sandbox allow-scripts allow-downloads",
);

async fn explained(State(app): Shared, Path(id): Path<String>) -> Response {
    let Some(page) = app.looks.kept(&id) else {
        return Problem::missing("the page is not kept any more: ask for it again").into_response();
    };
    let mut response = file(HTML, page);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}
