//! Connections: how many there are, how long they may be silent, and how they end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use crate::metrics::Metrics;
use crate::stop::Stop;

/// What a client may take until a request's head is there: the first, or the next of a connection that is kept.
const HEAD: Duration = Duration::from_secs(30);
/// How long a client may read nothing of its answer.
const SILENT: Duration = Duration::from_secs(60);
/// What is waited for at the end.
const GRACE: Duration = Duration::from_secs(10);
/// After an error of accepting, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);
/// Bytes that a connection reads ahead, at most.
const BUFFER: usize = 64 << 10;

/// A connection that is counted while it is open.
struct Open(Arc<Metrics>);

impl Open {
    fn new(metrics: &Arc<Metrics>) -> Self {
        metrics.connections.inc();
        Self(Arc::clone(metrics))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

/// Takes connections until the flag is raised, then lets those that are open end.
pub(crate) async fn accept(
    listener: TcpListener,
    router: Router,
    connections: usize,
    metrics: Arc<Metrics>,
    stop: &Stop,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(BUFFER);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            accepted = accepted => accepted,
            () = stop.raised() => break,
        };
        let (Ok(place), Ok((stream, _))) = (place, stream) else {
            sleep(PAUSE).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(timed(stream)), service);
        let connection = graceful.watch(connection);
        let open = Open::new(&metrics);
        tokio::spawn(async move {
            // A client that breaks off, or writes no HTTP, is its own affair.
            let _ = connection.await;
            drop((open, place));
        });
    }
    drop(listener);
    let _ = timeout(GRACE, graceful.shutdown()).await;
}

/// The connection, which fails once nothing is read at its other end for too long.
fn timed(stream: TcpStream) -> std::pin::Pin<Box<TimeoutStream<TcpStream>>> {
    // Answers are short: they are not kept back for more.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(SILENT));
    Box::pin(stream)
}
