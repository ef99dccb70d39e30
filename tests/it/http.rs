//! The HTTP listener of a running server.

use crate::support::{Server, bulk, integer, status};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// The status code and the body of a GET.
fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("the HTTP port listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("the server reads");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("the response is text");
    let code = response.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line has a code");
    let (_, body) = response.split_once("\r\n\r\n").expect("a head ends");
    (code, body.to_owned())
}

/// The value of the line of /metrics that begins with `series`.
fn metric(server: &Server, series: &str) -> f64 {
    let (code, text) = get(server.http(), "/metrics");
    assert_eq!(code, 200);
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{series} is in\n{text}"))
}

#[test]
fn the_metrics_count_what_was_called() {
    let server = Server::with(&["--threads", "2"]);
    let mut client = server.client();
    for _ in 0..3 {
        assert_eq!(client.run("SET k v"), status("OK"));
        assert_eq!(client.run("GET k"), bulk("v"));
    }
    client.run("GET missing");
    client.run("INCR k");
    client.run("GET");
    assert_eq!(client.call(&["EVAL", "return redis.call('HSET', KEYS[1], 'f', 1)", "1", "h"]), integer(1));
    assert_eq!(client.run("SELECT 3"), status("OK"));
    assert_eq!(client.run("SET volatile v EX 1000"), status("OK"));
    assert_eq!(client.run("SET gone v PXAT 1"), status("OK"));
    assert_eq!(client.run("EXISTS gone"), integer(0));
    for (series, value) in [
        ("tally_commands_total{command=\"set\"}", 5.0),
        ("tally_commands_total{command=\"get\"}", 4.0),
        ("tally_commands_total{command=\"hset\"}", 1.0),
        ("tally_commands_total{command=\"eval\"}", 1.0),
        ("tally_command_errors_total{command=\"incr\"}", 1.0),
        ("tally_command_rejections_total{command=\"get\"}", 1.0),
        ("tally_command_duration_seconds_count{command=\"get\"}", 4.0),
        ("tally_error_replies_total{code=\"ERR\"}", 2.0),
        ("tally_keys{db=\"0\"}", 2.0),
        ("tally_keys{db=\"3\"}", 1.0),
        ("tally_keys_with_ttl{db=\"3\"}", 1.0),
        ("tally_keyspace_hits_total", 3.0),
        ("tally_script_runs_total", 1.0),
        ("tally_connections", 1.0),
    ] {
        assert_eq!(metric(&server, series), value, "{series}");
    }
    assert!(metric(&server, "tally_keyspace_misses_total") >= 1.0);
    assert!(metric(&server, "tally_memory_used_bytes") > 0.0);
    assert!(metric(&server, "tally_net_input_bytes_total") > 0.0);
}

#[test]
fn keys_whose_time_came_are_counted_as_expired() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    assert_eq!(client.run("SET k v PX 1"), status("OK"));
    while client.run("DBSIZE") != integer(0) {}
    assert_eq!(metric(&server, "tally_expired_keys_total"), 1.0);
    assert_eq!(metric(&server, "tally_keys_with_ttl{db=\"0\"}"), 0.0);
}

#[test]
fn health_checks_answer_and_other_paths_are_not_found() {
    let server = Server::with(&["--threads", "1"]);
    assert_eq!(get(server.http(), "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(get(server.http(), "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(get(server.http(), "/").0, 404);
    assert_eq!(get(server.http(), "/metrics/").0, 404);
}

#[test]
fn health_checks_and_metrics_answer_while_a_script_holds_every_key() {
    let server = Server::with(&["--threads", "1", "--lua-time-limit", "20", "--script-kill-writes", "yes"]);
    let mut looping = server.client();
    let script = "redis.call('SET', KEYS[1], 1) redis.call('MGET', 'a', 'b', 'c', 'd', 'e') while true do end";
    looping.send(&["EVAL", script, "1", "held"]);
    server.wait_for_busy("k");
    assert_eq!(get(server.http(), "/healthz").0, 200);
    assert_eq!(get(server.http(), "/readyz").0, 200);
    assert!(metric(&server, "tally_connections") >= 1.0);
    server.kill_script();
    looping.read();
}

#[test]
fn port_0_serves_no_http() {
    // The last of several flags holds; with this one the server would not start, for the port is taken.
    let taken = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let server = Server::with(&["--threads", "1", "--http-port", &port, "--http-port", "0"]);
    assert_eq!(server.client().run("PING"), status("PONG"));
}
