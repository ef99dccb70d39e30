//! Replies that nobody reads: how many are kept, when reading stops, and when the connection is cut off.

use crate::support::{Client, Server, bulk, encode, error_text, status};
use redis_protocol::resp2::types::OwnedFrame;
use std::io::Write;

const MB: usize = 1024 * 1024;

/// More than the buffers of a loopback connection hold.
const BEYOND_SOCKETS: usize = 40 * MB;

fn get(count: usize) -> Vec<u8> {
    b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".repeat(count)
}

/// What clients do that write a whole pipeline before they read (redis-py does).
#[test]
fn a_pipeline_of_200_000_requests_written_before_anything_is_read_does_not_deadlock() {
    const REQUESTS: usize = 200_000;
    let server = Server::with(&["--threads", "1"]);
    let value = "v".repeat(100);
    // Long enough that neither the requests nor the replies fit into the sockets' buffers.
    let key = "k".repeat(200);
    let mut client = server.client();
    assert_eq!(client.call(&["SET", &key, &value]), status("OK"));
    client.send_raw(&encode(&["GET", &key]).repeat(REQUESTS));
    let replies = format!("$100\r\n{value}\r\n").repeat(REQUESTS);
    client.finish();
    assert!(client.read_to_end() == replies.as_bytes(), "each request has its reply, in order");
}

#[test]
fn a_client_that_does_not_read_is_not_read_from_past_the_soft_limit_and_goes_on_when_it_reads() {
    let server = Server::with(&["--threads", "1", "--output-buffer-soft-limit", "1mb"]);
    let value = vec![b'v'; MB];
    let requests = BEYOND_SOCKETS / MB;
    let mut client = server.client();
    assert_eq!(client.call(&[&b"SET"[..], b"k", &value]), status("OK"));
    client.send_raw(&get(requests));
    // A request behind the others, whose effect shows how far the server has got.
    client.send(&["SET", "done", "1"]);
    let mut other = server.client();
    for _ in 0..100 {
        assert_eq!(other.run("EXISTS done"), crate::support::integer(0), "the server has stopped reading");
    }
    assert!(server.info("used_memory") < 16 * MB as u64, "the replies are not made before they can be sent");
    for _ in 0..requests {
        assert!(client.read() == bulk(&value), "the replies are whole and in order");
    }
    assert_eq!(client.read(), status("OK"));
    assert_eq!(other.run("EXISTS done"), crate::support::integer(1));
}

#[test]
fn a_client_past_the_hard_limit_is_closed_and_the_server_lives() {
    let server =
        Server::with(&["--threads", "1", "--output-buffer-soft-limit", "16mb", "--output-buffer-hard-limit", "16mb"]);
    let value = vec![b'v'; MB];
    let mut other = server.client();
    assert_eq!(other.call(&[&b"SET"[..], b"k", &value]), status("OK"));
    let mut client = server.client();
    client.send_raw(&get(BEYOND_SOCKETS / MB));
    let replies = client.read_to_end();
    assert!(replies.len() < BEYOND_SOCKETS, "not every request was answered");
    assert_eq!(other.run("PING"), status("PONG"));
    assert!(server.info("used_memory") < 16 * MB as u64, "what was kept for it is free again");
}

#[test]
fn one_reply_past_the_hard_limit_closes_its_connection_without_a_part_of_it() {
    let server =
        Server::with(&["--threads", "1", "--output-buffer-soft-limit", "1mb", "--output-buffer-hard-limit", "1mb"]);
    let mut client = server.client();
    assert_eq!(client.call(&[&b"SET"[..], b"k", &vec![b'v'; 2 * MB]]), status("OK"));
    client.send_raw(b"PING\r\nGET k\r\nPING\r\n");
    assert_eq!(client.read_to_end(), b"+PONG\r\n");
    assert_eq!(server.client().run("STRLEN k"), crate::support::integer(2 * MB as i64));
}

/// The buffer of a connection that is always a bit behind once kept every reply that it had sent.
#[test]
fn a_client_that_is_always_behind_costs_only_what_it_has_not_read() {
    const ROUNDS: usize = 300;
    const BEHIND: usize = 24;
    let server = Server::with(&["--threads", "1"]);
    let value = vec![b'v'; MB];
    let mut client = server.client();
    assert_eq!(client.call(&[&b"SET"[..], b"k", &value]), status("OK"));
    client.send_raw(&get(BEHIND));
    for _ in 0..ROUNDS {
        assert!(client.read() == bulk(&value));
        client.send_raw(&get(1));
    }
    let used = server.info("used_memory");
    assert!(used < 128 * MB as u64, "{used} bytes are used for {BEHIND} replies of a megabyte");
    for _ in 0..BEHIND {
        assert!(client.read() == bulk(&value));
    }
}

#[test]
fn client_reply_off_and_skip_silence_what_they_say() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    client.send_raw(b"CLIENT REPLY SKIP\r\nPING\r\nECHO one\r\n");
    assert_eq!(client.read(), bulk("one"));
    client.send_raw(b"CLIENT REPLY OFF\r\nSET k 1\r\nINCR k\r\nNOSUCH\r\nCLIENT REPLY SKIP\r\nINCR k\r\n");
    client.send_raw(b"CLIENT REPLY ON\r\nGET k\r\n");
    assert_eq!(client.read(), status("OK"));
    assert_eq!(client.read(), bulk("3"));
    // An error is skipped like any reply, and only one is.
    client.send_raw(b"CLIENT REPLY SKIP\r\nNOSUCH\r\nNOSUCH\r\n");
    assert!(error_text(&client.read()).starts_with("ERR unknown command"));
    client.send_raw(b"CLIENT REPLY SKIP\r\nMULTI\r\nSET k 9\r\nEXEC\r\n");
    assert_eq!(client.read(), status("QUEUED"));
    assert_eq!(client.read(), crate::support::array(vec![status("OK")]));
}

/// Writes on one thread while another reads, far more than any buffer holds, in each direction.
#[test]
fn both_directions_flow_at_once() {
    const ROUNDS: usize = 60;
    let server = Server::with(&["--threads", "1"]);
    let value = vec![b'v'; MB];
    let mut client = server.client();
    let mut writer = client.writer();
    let request = [b"*2\r\n$4\r\nECHO\r\n$1048576\r\n".to_vec(), value.clone(), b"\r\n".to_vec()].concat();
    let sender = std::thread::spawn(move || {
        for _ in 0..ROUNDS {
            writer.write_all(&request).expect("the server reads on");
        }
    });
    for _ in 0..ROUNDS {
        assert!(client.read() == bulk(&value));
    }
    sender.join().expect("everything was written");
}

#[test]
fn a_client_that_never_reads_can_be_killed() {
    let server = Server::with(&["--threads", "1", "--output-buffer-soft-limit", "1mb"]);
    let mut client: Client = server.client();
    assert_eq!(client.call(&[&b"SET"[..], b"k", &vec![b'v'; MB]]), status("OK"));
    client.send_raw(&get(BEYOND_SOCKETS / MB));
    let mut other = server.client();
    let address = client.address().to_string();
    assert_eq!(other.call(&["CLIENT", "KILL", "ADDR", &address]), crate::support::integer(1));
    assert!(client.read_to_end().len() < BEYOND_SOCKETS);
    let OwnedFrame::BulkString(list) = other.run("CLIENT LIST") else { panic!("a list is a bulk") };
    assert!(!String::from_utf8_lossy(&list).contains(&format!("addr={address} ")));
}
