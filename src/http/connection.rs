//! One HTTP connection, from accept to close, under its limits.

use super::{CONNECTION_LIFE, DRAIN_DEADLINE, HEAD_BYTES_MAX, HEAD_DEADLINE};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Answers the requests on `stream` one after the other, until the client leaves, breaks a limit, has been here for
/// [`CONNECTION_LIFE`], or the sender of `drain` is dropped. Takes at most `CONNECTION_LIFE` + `DRAIN_DEADLINE`.
///
/// Generic so that tests can give it a stream in memory, where paused time is exact.
pub(super) async fn serve<S>(stream: S, router: Router, mut drain: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_DEADLINE)
            // The one bounds what is read while a head is incomplete, the other a head that came whole at once.
            .max_buf_size(HEAD_BYTES_MAX)
            .max_header_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    );
    let told_to_end = async {
        tokio::select! {
            // Nothing is ever sent: it is the sender's end that says drain.
            _ = drain.changed() => {}
            () = sleep(CONNECTION_LIFE) => {}
        }
    };
    tokio::select! {
        ended = connection.as_mut() => return log(ended),
        () = told_to_end => connection.as_mut().graceful_shutdown(),
    }
    match timeout(DRAIN_DEADLINE, connection).await {
        Ok(ended) => log(ended),
        Err(_) => tracing::debug!("an HTTP connection was closed before its response was taken"),
    }
}

/// Clients leave in the middle, send rubbish or nothing: their affair, worth a line only per connection.
fn log(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}
