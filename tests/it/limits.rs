//! Limits of one client's input, and of how many clients there are.

use crate::support::{Client, Server, error, error_text, status};

/// An array with one argument too many, and the least length of one that is too long, for who has not authenticated.
const TOO_MANY: &[u8] = b"*11\r\n$4\r\nPING\r\n";
const TOO_LONG: &[u8] = b"*2\r\n$4\r\nPING\r\n$16385\r\n";

#[test]
fn who_has_not_authenticated_is_held_to_small_requests() {
    let server = Server::with(&["--threads", "1", "--requirepass", "secret"]);
    for (sent, text) in [(TOO_MANY, "unauthenticated multibulk length"), (TOO_LONG, "unauthenticated bulk length")] {
        let mut client = server.client();
        client.send_raw(sent);
        let reply = client.read_to_end();
        assert_eq!(String::from_utf8_lossy(&reply), format!("-ERR Protocol error: {text}\r\n"));
    }
    let mut client = server.client();
    assert_eq!(client.run("GET k"), error("NOAUTH Authentication required."));
    assert!(error_text(&client.run("AUTH wrong")).starts_with("WRONGPASS "));
    // In one write: the limits follow AUTH at once.
    client.send_raw(
        &[b"AUTH secret\r\n*2\r\n$4\r\nECHO\r\n$20000\r\n".to_vec(), vec![b'x'; 20000], b"\r\n".to_vec()].concat(),
    );
    assert_eq!(client.read(), status("OK"));
    assert_eq!(client.read(), crate::support::bulk(vec![b'x'; 20000]));
}

#[test]
fn without_a_password_nobody_is_held_to_small_requests() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    let argv: Vec<&str> = std::iter::once("EXISTS").chain(std::iter::repeat_n("k", 5000)).collect();
    assert_eq!(client.call(&argv), crate::support::integer(0));
}

#[test]
fn an_argument_past_proto_max_bulk_len_is_refused_when_it_is_announced() {
    let server = Server::with(&["--threads", "1", "--proto-max-bulk-len", "1mb"]);
    let mut client = server.client();
    client.send_raw(b"*2\r\n$4\r\nPING\r\n$1048577\r\n");
    assert_eq!(client.read_to_end(), b"-ERR Protocol error: invalid bulk length\r\n");
    let mut client = server.client();
    let longest = vec![b'x'; 1024 * 1024];
    assert_eq!(client.call(&[&b"PING"[..], &longest]), crate::support::bulk(&longest));
}

#[test]
fn a_request_that_outgrows_the_query_buffer_closes_its_connection_only() {
    let server = Server::with(&["--threads", "1", "--proto-max-bulk-len", "1mb", "--client-query-buffer-limit", "1mb"]);
    let mut other = server.client();
    let mut client = server.client();
    let argument = [b"$100000\r\n".to_vec(), vec![b'x'; 100_000], b"\r\n".to_vec()].concat();
    client.send_raw(b"*1000\r\n");
    let mut sent = 0;
    while sent < 1000 && client.try_send_raw(&argument) {
        sent += 1;
    }
    assert!(sent < 1000, "the server stopped reading before the 100 MB were through");
    assert_eq!(client.read_to_end(), b"");
    assert_eq!(other.run("PING"), status("PONG"));
    assert!(server.info("used_memory") < 64 * 1024 * 1024);
}

#[test]
fn a_transaction_that_outgrows_the_query_buffer_limit_is_aborted() {
    let server = Server::with(&["--threads", "1", "--client-query-buffer-limit", "1mb"]);
    let mut client = server.client();
    assert_eq!(client.run("MULTI"), status("OK"));
    let value = "x".repeat(100_000);
    let replies: Vec<_> = (0..20).map(|_| client.call(&["SET", "k", &value])).collect();
    assert_eq!(replies[0], status("QUEUED"));
    assert!(error_text(&replies[19]).contains("client-query-buffer-limit"), "{:?}", replies[19]);
    assert!(error_text(&client.run("EXEC")).starts_with("EXECABORT "));
    assert_eq!(client.run("EXISTS k"), crate::support::integer(0));
}

#[test]
fn one_client_more_than_maxclients_is_refused_in_words_and_a_place_is_free_again_when_one_leaves() {
    let server = Server::with(&["--threads", "2", "--maxclients", "3"]);
    let mut clients: Vec<Client> = (0..3).map(|_| server.client()).collect();
    for client in &mut clients {
        assert_eq!(client.run("PING"), status("PONG"));
    }
    for _ in 0..3 {
        assert_eq!(server.client().read_to_end(), b"-ERR max number of clients reached\r\n");
        let mut leaving = clients.remove(0);
        assert_eq!(leaving.run("QUIT"), status("OK"));
        assert_eq!(leaving.read_to_end(), b"");
        // Who has seen the end of one connection can count on its place.
        let mut next = server.client();
        assert_eq!(next.run("PING"), status("PONG"));
        clients.push(next);
    }
    assert_eq!(clients[0].run("CONFIG SET maxclients 4"), status("OK"));
    let mut fourth = server.client();
    assert_eq!(fourth.run("PING"), status("PONG"));
    assert_eq!(server.client().read_to_end(), b"-ERR max number of clients reached\r\n");
    drop(fourth);
}
