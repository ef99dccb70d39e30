//! The paths and what each answers.

use super::{BODY_BYTES_MAX, Source};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::map_request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

/// Prometheus' text format as a media type.
const METRICS_TYPE: &str = "text/plain; version=0.0.4";

/// The whole site.
pub(super) fn router(source: Arc<dyn Source>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(map_request(refuse_large_body))
        .with_state(source)
}

async fn metrics(State(source): State<Arc<dyn Source>>) -> Response {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], source.metrics()).into_response()
}

/// Answering at all is the answer.
async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(source): State<Arc<dyn Source>>) -> Response {
    match source.ready() {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "not found; there is /metrics, /healthz and /readyz\n")
}

async fn method_not_allowed() -> (StatusCode, &'static str) {
    (StatusCode::METHOD_NOT_ALLOWED, "method not allowed; use GET\n")
}

/// Refuses an announced body past the limit before anything reads it. A body of unknown length meets the limit where it is read.
async fn refuse_large_body(request: Request) -> Result<Request, (StatusCode, &'static str)> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match announced {
        Some(bytes @ 0u64..) if bytes > BODY_BYTES_MAX as u64 => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n"))
        }
        _ => Ok(request),
    }
}
