//! The end of a connection: killed, idle for too long, left by its client.

use crate::support::{Server, bulk, error, integer, number, status};

#[test]
fn an_idle_connection_is_killed_by_its_id_and_by_its_address() {
    let server = Server::with(&["--threads", "2"]);
    let mut killer = server.client();
    let mut first = server.client();
    let id = number(&first.run("CLIENT ID")).to_string();
    assert_eq!(killer.call(&["CLIENT", "KILL", "ID", &id]), integer(1));
    assert_eq!(first.read_to_end(), b"");
    assert_eq!(killer.call(&["CLIENT", "KILL", "ID", &id]), integer(0));

    let mut second = server.client();
    assert_eq!(second.run("PING"), status("PONG"));
    let address = second.address().to_string();
    assert_eq!(killer.call(&["CLIENT", "KILL", &address]), status("OK"));
    assert_eq!(second.read_to_end(), b"");
    assert_eq!(killer.call(&["CLIENT", "KILL", &address]), error("ERR No such client"));
}

#[test]
fn a_connection_that_kills_itself_gets_the_reply_first() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    client.send_raw(b"CLIENT KILL TYPE normal SKIPME no\r\nPING\r\n");
    assert_eq!(client.read_to_end(), b":1\r\n");
}

/// A script is the command of a connection; killing the connection does not undo or cut short what it does.
#[test]
fn a_connection_that_is_killed_in_the_middle_of_a_script_ends_after_it() {
    let server = Server::with(&["--threads", "1", "--lua-time-limit", "60000"]);
    let mut busy = server.client();
    assert_eq!(busy.run("CLIENT SETNAME busy"), status("OK"));
    busy.send(&["EVAL", "while true do end", "1", "k"]);
    server.wait_for_command("busy", "eval");
    assert_eq!(server.ask(&["CLIENT", "KILL", &busy.address().to_string()]), status("OK"));
    server.kill_script();
    // The reply of the killed script may or may not be sent before the end.
    busy.read_to_end();
    let mut next = server.client();
    assert_eq!(next.run("PING"), status("PONG"));
}

#[test]
fn a_connection_that_waits_for_a_script_can_be_killed() {
    let server = Server::with(&["--threads", "1", "--lua-time-limit", "60000"]);
    let mut busy = server.client();
    assert_eq!(busy.run("CLIENT SETNAME busy"), status("OK"));
    // It is known to be quick, so it runs on the worker.
    let script = "if ARGV[1] then while true do end end return redis.call('EXISTS', KEYS[1])";
    assert_eq!(busy.call(&["EVAL", script, "1", "k"]), integer(0));
    busy.send(&["EVAL", script, "1", "k", "loop"]);
    server.wait_for_command("busy", "eval");
    let mut waiting = server.client();
    waiting.send_raw(b"CLIENT SETNAME waiting\r\nSET k 1\r\n");
    assert_eq!(waiting.read(), status("OK"));
    server.wait_for_command("waiting", "set");
    assert_eq!(server.ask(&["CLIENT", "KILL", &waiting.address().to_string()]), status("OK"));
    assert_eq!(waiting.read_to_end(), b"", "it ends without a reply while the script still runs");
    server.kill_script();
    assert_eq!(server.client().run("EXISTS k"), integer(0), "its command was never executed");
}

#[test]
fn an_idle_connection_is_closed_after_the_timeout() {
    let server = Server::with(&["--threads", "1", "--timeout", "1"]);
    let mut client = server.client();
    assert_eq!(client.run("PING"), status("PONG"));
    assert_eq!(client.read_to_end(), b"");
    assert_eq!(server.client().run("PING"), status("PONG"));
}

#[test]
fn what_a_client_sent_before_it_closed_its_direction_is_answered() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    client.send_raw(b"SET k 1\r\nINCR k\r\nGET k\r\nGET");
    client.finish();
    assert_eq!(client.read_to_end(), b"+OK\r\n:2\r\n$1\r\n2\r\n");
}

#[test]
fn a_watch_and_a_transaction_end_with_their_connection() {
    let server = Server::with(&["--threads", "2"]);
    for _ in 0..100 {
        let mut client = server.client();
        client.send_raw(b"WATCH k\r\nMULTI\r\nSET k lost\r\n");
        assert_eq!(client.read(), status("OK"));
        assert_eq!(client.read(), status("OK"));
        assert_eq!(client.read(), status("QUEUED"));
    }
    let mut client = server.client();
    assert_eq!(client.run("SET k kept"), status("OK"));
    assert_eq!(client.run("GET k"), bulk("kept"));
}
