//! Bytes that are no request, and requests that never end: the sender is told and cut off, and everybody else is served.

use crate::support::{Server, bulk, error_text, status};

/// What is sent, and everything that comes back before the connection is closed.
const BROKEN: &[(&[u8], &[u8])] = &[
    (b"*x\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
    (b"*1048577\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
    (b"*99999999999999999999\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
    (b"*2147483648\r\n", b"-ERR Protocol error: invalid multibulk length\r\n"),
    (b"*1\r\n$x\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
    (b"*1\r\n$-1\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
    (b"*1\r\n$1073741824\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
    (b"*1\r\n$9223372036854775808\r\n", b"-ERR Protocol error: invalid bulk length\r\n"),
    (b"*1\r\n:4\r\n", b"-ERR Protocol error: expected '$', got ':'\r\n"),
    (b"*1\r\n\r\nPING\r\n", b"-ERR Protocol error: expected '$', got '\r'\r\n"),
    (b"*2\r\n$4\r\nPING\r\nPING\r\n", b"-ERR Protocol error: expected '$', got 'P'\r\n"),
    // The length is short by one, so what follows the two bytes of its line end is no `$`.
    (b"*2\r\n$3\r\nPING\r\n$1\r\nx\r\n", b"-ERR Protocol error: expected '$', got '\n'\r\n"),
    (b"PING \"unbalanced\r\n", b"-ERR Protocol error: unbalanced quotes in request\r\n"),
    (b"PING 'a'b\r\n", b"-ERR Protocol error: unbalanced quotes in request\r\n"),
    (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b""),
    (b"Host: example.com\r\n", b""),
    // What came before the breach is still answered.
    (b"PING\r\n*1\r\n$-5\r\n", b"+PONG\r\n-ERR Protocol error: invalid bulk length\r\n"),
];

#[test]
fn a_malformed_request_is_answered_with_its_error_and_the_connection_is_closed() {
    let server = Server::with(&["--threads", "1"]);
    let mut other = server.client();
    for (sent, expected) in BROKEN {
        let mut client = server.client();
        client.send_raw(sent);
        let reply = client.read_to_end();
        // Redis replaces line ends in errors by spaces.
        let expected = match expected.strip_suffix(b"\r\n") {
            Some(text) if !text.contains(&b'+') => {
                let text: Vec<u8> = text.iter().map(|byte| if b"\r\n".contains(byte) { b' ' } else { *byte }).collect();
                [&text, &b"\r\n"[..]].concat()
            }
            _ => expected.to_vec(),
        };
        assert_eq!(
            String::from_utf8_lossy(&reply),
            String::from_utf8_lossy(&expected),
            "after {}",
            String::from_utf8_lossy(sent)
        );
        assert_eq!(other.run("PING"), status("PONG"), "others are served after {}", String::from_utf8_lossy(sent));
    }
}

#[test]
fn empty_requests_are_passed_over_without_a_reply() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    client.send_raw(b"\r\n\n*0\r\n*-1\r\n*-2147483648\r\n   \r\nPING\r\n");
    assert_eq!(client.read(), status("PONG"));
}

#[test]
fn a_get_of_a_browser_is_an_inline_request_like_others_until_its_host_line() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    client.send_raw(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nFLUSHALL\r\n");
    let reply = client.read_to_end();
    let expected = "-ERR wrong number of arguments for 'get' command\r\n";
    assert_eq!(String::from_utf8_lossy(&reply), expected);
}

#[test]
fn an_inline_request_may_hold_any_byte_that_is_quoted_or_no_white_space() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    client.send_raw(b"SET k \"\\x00\\xff\\r\\n\"\r\nGET k\r\nSET k \xfe\xfd\r\nGET k\r\n");
    assert_eq!(client.read(), status("OK"));
    assert_eq!(client.read(), bulk(b"\x00\xff\r\n"));
    assert_eq!(client.read(), status("OK"));
    assert_eq!(client.read(), bulk(b"\xfe\xfd"));
}

#[test]
fn a_line_that_does_not_end_is_too_big_at_64_kb() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    let longest = [b"PING ".to_vec(), vec![b'x'; 64 * 1024 - 100], b"\r\n".to_vec()].concat();
    client.send_raw(&longest);
    assert_eq!(client.read(), bulk(&longest[5..longest.len() - 2]));
    for (start, text) in
        [("x", "too big inline request"), ("*", "too big mbulk count string"), ("*1\r\n$", "too big bulk count string")]
    {
        let mut client = server.client();
        client.send_raw(start.as_bytes());
        client.try_send_raw(&vec![b'1'; 64 * 1024 + 1]);
        let reply = client.read_to_end();
        assert_eq!(String::from_utf8_lossy(&reply), format!("-ERR Protocol error: {text}\r\n"));
    }
}

#[test]
fn half_a_request_and_a_close_or_silence_leaves_others_served() {
    let server = Server::with(&["--threads", "1"]);
    let whole = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n";
    let mut silent = Vec::new();
    for end in 1..whole.len() {
        let mut gone = server.client();
        gone.send_raw(&whole[..end]);
        gone.finish();
        assert_eq!(gone.read_to_end(), b"", "half a request gets no reply");
        let mut waits = server.client();
        waits.send_raw(&whole[..end]);
        silent.push((waits, end));
    }
    let mut other = server.client();
    assert_eq!(error_text(&other.run("GET k")), "", "nothing was set");
    assert_eq!(other.run("EXISTS k"), crate::support::integer(0));
    for (client, end) in &mut silent {
        client.send_raw(&whole[*end..]);
        assert_eq!(client.read(), status("OK"), "a request cut after {end} bytes is executed once it is whole");
    }
}

#[test]
fn requests_that_come_byte_by_byte_are_answered_like_others() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    for byte in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\nGET k\r\n*2\r\n$4\r\nPING\r\n$0\r\n\r\n" {
        client.send_raw(&[*byte]);
    }
    assert_eq!(client.read(), status("OK"));
    assert_eq!(client.read(), bulk("\r\n"));
    assert_eq!(client.read(), bulk(""));
}

#[test]
fn memory_does_not_grow_by_what_was_only_announced() {
    let server = Server::with(&["--threads", "1"]);
    let before = server.info("used_memory");
    let mut silent = Vec::new();
    for _ in 0..100 {
        let mut client = server.client();
        client.send_raw(b"PING\r\n*1048576\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nbeginning");
        assert_eq!(client.read(), status("PONG"), "it has read what was announced behind");
        silent.push(client);
    }
    // More of each, so that it is read into the connection's own buffer.
    for client in &mut silent {
        client.send_raw(&[b'x'; 1000]);
    }
    let grown = server.info("used_memory").saturating_sub(before);
    assert!(grown < 100 * 64 * 1024, "{grown} bytes for 100 connections that announced 512 MB each");
}
