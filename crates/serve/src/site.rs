//! What a server answers with: routes, what all of them count, and what is told where there is none.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, extract::DefaultBodyLimit};

use crate::guard::{Guard, guarded};
use crate::metrics::Metrics;
use crate::problem::Problem;

/// A network or a run, ready to be served.
#[derive(Clone, Debug)]
pub struct Site {
    router: Router,
    metrics: Arc<Metrics>,
}

impl Site {
    pub(crate) fn new(router: Router, metrics: Arc<Metrics>) -> Self {
        let told = Arc::clone(&metrics);
        let router = router
            .route("/metrics", get(move || async move { prometheus(&told) }))
            .fallback(|request: Request| async move {
                Problem::missing(format!("there is nothing at `{}`", request.uri().path()))
            })
            .method_not_allowed_fallback(|request: Request| async move {
                let text = format!("`{}` is not asked by {}", request.uri().path(), request.method());
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, text)
            })
            // Bodies have bounds of their own.
            .layer(DefaultBodyLimit::disable());
        Self { router, metrics }
    }

    pub(crate) fn guarded(&self, guard: Guard) -> Router {
        let router = self.router.clone().layer(middleware::from_fn_with_state(guard, guarded));
        // Also those who are not let in.
        router.layer(middleware::from_fn_with_state(self.metrics(), counted))
    }

    pub(crate) fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }
}

fn prometheus(metrics: &Metrics) -> Response {
    const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, HeaderValue::from_static(KIND))], text).into_response(),
        Err(error) => Problem::inside(error).into_response(),
    }
}

/// Counts a request once it is answered.
async fn counted(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let endpoint = path.as_ref().map_or("other", MatchedPath::as_str);
    metrics.answered(endpoint, response.status().as_u16(), started.elapsed());
    response
}

/// A file of a page.
pub(crate) fn file(kind: &'static str, text: impl Into<axum::body::Body>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], text.into()).into_response()
}

/// The kinds of a page's files.
pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const CSS: &str = "text/css; charset=utf-8";
pub(crate) const JS: &str = "text/javascript; charset=utf-8";
pub(crate) const PNG: &str = "image/png";
