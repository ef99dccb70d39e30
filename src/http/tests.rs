//! Requests as bytes over a pipe, and the responses they get.

use super::*;
use crate::base::sync::Mutex;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A source of a fixed text, ready or not as the test says.
struct Fixed {
    text: String,
    ready: Mutex<Result<(), String>>,
}

impl Source for Fixed {
    fn metrics(&self) -> String {
        self.text.clone()
    }
    fn ready(&self) -> Result<(), String> {
        self.ready.lock().clone()
    }
}

fn fixed(text: &str) -> Arc<Fixed> {
    Arc::new(Fixed { text: text.to_owned(), ready: Mutex::new(Ok(())) })
}

/// A listener on loopback, and what ends it.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(source: Arc<dyn Source>) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(serve(listener, source, async {
            stopped.await.unwrap();
        }));
        Running { address, stop, task }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `request` on a connection of its own and returns all that comes back.
    async fn ask(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }

    async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
    }

    async fn finish(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

/// Everything until the other side closes.
async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

/// One response with `content-length`, on a connection that stays open.
async fn response(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut text = String::new();
    loop {
        text.push(char::from(stream.read_u8().await.unwrap()));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            return text;
        }
    }
}

/// A connection in memory, served in a task; dropping the sender drains it. `room` is what the "network" buffers.
fn in_memory(source: Arc<dyn Source>, room: usize) -> (DuplexStream, watch::Sender<()>, JoinHandle<()>) {
    let (client, server) = duplex(room);
    let (draining, drain) = watch::channel(());
    let task = tokio::spawn(connection::serve(server, routes::router(source), drain));
    (client, draining, task)
}

fn status(response: &str) -> &str {
    response.split(' ').nth(1).expect("a status line")
}

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").expect("a head").1
}

const KEPT_ALIVE: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn metrics_are_served_as_prometheus_wants_them() {
    let server = Running::start(fixed("tally_x 1\n")).await;
    let response = server.get("/metrics").await;
    assert_eq!((status(&response), body(&response)), ("200", "tally_x 1\n"));
    assert!(response.contains("\r\ncontent-type: text/plain; version=0.0.4\r\n"), "{response}");
    server.finish().await;
}

#[tokio::test]
async fn health_is_constant_and_readiness_follows_the_source() {
    let source = fixed("");
    let server = Running::start(Arc::clone(&source) as Arc<dyn Source>).await;
    let ready = server.get("/readyz").await;
    assert_eq!((status(&ready), body(&ready)), ("200", "ready\n"));
    *source.ready.lock() = Err("loading the snapshot".to_owned());
    let loading = server.get("/readyz").await;
    assert_eq!((status(&loading), body(&loading)), ("503", "loading the snapshot\n"));
    let health = server.get("/healthz").await;
    assert_eq!((status(&health), body(&health)), ("200", "ok\n"));
    server.finish().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_what_there_is() {
    let server = Running::start(fixed("")).await;
    let unknown = server.get("/").await;
    assert_eq!(status(&unknown), "404");
    assert!(["/metrics", "/healthz", "/readyz"].iter().all(|path| body(&unknown).contains(path)));
    let posted =
        server.ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status(&posted), "405");
    assert!(posted.contains("\r\nallow: GET,HEAD\r\n"), "{posted}");
    let head = server.ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert_eq!((status(&head), body(&head)), ("200", ""));
    server.finish().await;
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = Running::start(fixed("tally_x 1\n")).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(KEPT_ALIVE).await.unwrap();
        assert_eq!(body(&response(&mut stream).await), "ok\n");
    }
    server.finish().await;
}

#[tokio::test]
async fn an_oversized_head_is_refused() {
    let server = Running::start(fixed("")).await;
    let start = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ";
    let end = "\r\n\r\n";
    let fill = |bytes: usize| "y".repeat(bytes - start.len() - end.len());
    let fits = server.ask(&format!("{start}{}{end}", fill(HEAD_BYTES_MAX - 1))).await;
    assert_eq!(status(&fits), "200");
    // Exactly the limit and still no end: all of it is read, so the close loses no response.
    let endless = server.ask(&format!("{start}{}", "y".repeat(HEAD_BYTES_MAX - start.len()))).await;
    assert_eq!(status(&endless), "431");
    server.finish().await;
}

#[tokio::test]
async fn an_oversized_body_is_refused_before_it_is_sent() {
    let server = Running::start(fixed("")).await;
    let announce = |bytes: usize| {
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {bytes}\r\n\r\n")
    };
    assert_eq!(status(&server.ask(&announce(BODY_BYTES_MAX + 1)).await), "413");
    assert_eq!(status(&server.ask(&announce(BODY_BYTES_MAX)).await), "200");
    server.finish().await;
}

#[tokio::test]
async fn rubbish_gets_400_and_costs_only_its_connection() {
    let server = Running::start(fixed("")).await;
    assert_eq!(status(&server.ask("\u{1}\u{2} nonsense\r\n\r\n").await), "400");
    assert_eq!(status(&server.get("/healthz").await), "200");
    server.finish().await;
}

#[tokio::test]
async fn connections_past_the_limit_wait_for_a_place() {
    let server = Running::start(fixed("")).await;
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut stream = server.connect().await;
        stream.write_all(KEPT_ALIVE).await.unwrap();
        response(&mut stream).await;
        held.push(stream);
    }
    let mut late = server.connect().await;
    late.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    // Those who have a place are served, the late one is not.
    for stream in &mut held {
        stream.write_all(KEPT_ALIVE).await.unwrap();
        response(stream).await;
    }
    let mut byte = [0];
    assert!(late.try_read(&mut byte).is_err(), "the late connection was served past the limit");
    held.pop();
    assert_eq!(body(&rest(&mut late).await), "ready\n");
    server.finish().await;
}

#[tokio::test]
async fn a_drain_ends_idle_connections_and_the_listener() {
    let server = Running::start(fixed("")).await;
    let mut idle = server.connect().await;
    idle.write_all(KEPT_ALIVE).await.unwrap();
    response(&mut idle).await;
    let address = server.address;
    server.finish().await;
    assert_eq!(rest(&mut idle).await, "");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn half_a_head_and_then_silence_is_closed_at_the_deadline() {
    let (mut client, _draining, task) = in_memory(fixed(""), 1024);
    let start = Instant::now();
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost:").await.unwrap();
    rest(&mut client).await;
    task.await.unwrap();
    let waited = start.elapsed();
    assert!(waited >= HEAD_DEADLINE && waited < HEAD_DEADLINE + Duration::from_secs(1), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_closed_at_the_same_deadline() {
    let (client, _draining, task) = in_memory(fixed(""), 1024);
    let start = Instant::now();
    let (mut reader, mut writer) = tokio::io::split(client);
    let drip = tokio::spawn(async move {
        while writer.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    rest(&mut reader).await;
    task.await.unwrap();
    assert!(start.elapsed() < HEAD_DEADLINE + Duration::from_secs(1), "{:?}", start.elapsed());
    drip.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_a_while() {
    let (mut client, _draining, task) = in_memory(fixed(""), 1024);
    client.write_all(KEPT_ALIVE).await.unwrap();
    response(&mut client).await;
    let start = Instant::now();
    assert_eq!(rest(&mut client).await, "");
    task.await.unwrap();
    let waited = start.elapsed();
    assert!(waited >= HEAD_DEADLINE && waited < HEAD_DEADLINE + Duration::from_secs(1), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_keeps_its_place_for_a_bounded_time() {
    let (mut client, _draining, task) = in_memory(fixed(&"x".repeat(100_000)), 64);
    let start = Instant::now();
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    task.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), (CONNECTION_LIFE + DRAIN_DEADLINE).as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_drain_lets_the_response_under_way_finish() {
    let (mut client, draining, task) = in_memory(fixed(&"x".repeat(100_000)), 64);
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let first = client.read_u8().await.unwrap();
    drop(draining);
    let rest = rest(&mut client).await;
    assert_eq!((first, body(&rest).len()), (b'H', 100_000));
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_a_client_that_does_not_read() {
    let (mut client, draining, task) = in_memory(fixed(&"x".repeat(100_000)), 64);
    client.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    client.read_u8().await.unwrap();
    let start = Instant::now();
    drop(draining);
    task.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), DRAIN_DEADLINE.as_secs());
}
