//! What a slow script, a fault or the end of the server does to others, and what it must not.

use crate::support::{Server, array, bulk, error_text, integer, status};

/// Runs for ever if its argument says so, holding its key; the first two runs tell the server that it keeps to its keys.
const HOLDER: &str = "redis.call('GET', KEYS[1]) if ARGV[1] == 'stay' then while true do end end return 1";
/// Declares no key, and meets one only if its argument says so.
const ROVER: &str = "if ARGV[1] == 'stay' then redis.call('GET', 'met') while true do end end return 1";

/// SCAN waited without bound for the shard of a script, and with it every connection of its worker.
#[test]
fn a_scan_that_waits_for_a_script_does_not_stop_its_worker() {
    let server = Server::with(&["--threads", "2", "--lua-time-limit", "60000"]);
    let mut holder = server.client();
    assert_eq!(holder.call(&["EVAL", HOLDER, "1", "k", "go"]), integer(1));
    assert_eq!(holder.run("CLIENT SETNAME holder"), status("OK"));
    holder.send(&["EVAL", HOLDER, "1", "k", "stay"]);
    server.wait_for_command("holder", "eval");
    let mut scanner = server.client();
    assert_eq!(scanner.run("CLIENT SETNAME scanner"), status("OK"));
    let mut beside: Vec<_> = (0..3).map(|_| server.client()).collect();
    beside.iter_mut().for_each(|client| assert_eq!(client.run("PING"), status("PONG")));
    scanner.send(&["SCAN", "0", "COUNT", "100000"]);
    server.wait_for_command("scanner", "scan");
    beside.iter_mut().for_each(|client| assert_eq!(client.run("PING"), status("PONG")));
    assert_eq!(server.client().run("SCRIPT KILL"), status("OK"));
    assert_eq!(scanner.read(), array(vec![bulk("0"), array(vec![])]));
}

/// A script without keys ran outside the keyspace, and locked what it met there: FLUSHALL believed to own everything, and waited for it.
#[test]
fn nobody_owns_everything_while_a_script_without_keys_runs() {
    let server = Server::with(&["--threads", "2", "--lua-time-limit", "1"]);
    let mut rover = server.client();
    assert_eq!(rover.call(&["EVAL", ROVER, "0", "go"]), integer(1));
    rover.send(&["EVAL", ROVER, "0", "stay"]);
    let mut flushed = server.client().run("FLUSHALL");
    while flushed == status("OK") {
        flushed = server.client().run("FLUSHALL");
    }
    assert!(error_text(&flushed).starts_with("BUSY "));
    // One of them may lie in the shard that the script holds.
    assert!(["a", "b", "c"].iter().any(|key| server.client().call(&["SET", key, "1"]) == status("OK")));
    assert_eq!(server.client().run("SCRIPT KILL"), status("OK"));
    assert!(error_text(&rover.read()).starts_with("ERR Script killed"));
    assert_eq!(server.client().run("FLUSHALL"), status("OK"));
}

#[test]
fn an_endless_script_does_not_keep_the_server_from_stopping() {
    let server = Server::with(&["--threads", "2", "--lua-time-limit", "1"]);
    let mut holder = server.client();
    holder.send(&["EVAL", "while true do end", "1", "k"]);
    server.wait_for_busy("k");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

/// Half-changed data must not be served: a fault under a lock ends the process, and what the log holds is loaded again.
#[test]
fn a_fault_in_a_command_that_holds_locks_ends_the_server() {
    let server = Server::with(&["--threads", "1", "--enable-debug-command", "yes"]);
    let mut client = server.client();
    client.send(&["DEBUG", "PANIC"]);
    assert_eq!(client.read_to_end(), b"");
    assert_eq!(server.wait(), None, "it was ended by a signal, of its own");
}

/// Arguments without bytes take memory as well.
#[test]
fn a_transaction_of_empty_arguments_has_a_limit() {
    let server = Server::with(&["--threads", "1", "--client-query-buffer-limit", "1mb"]);
    let mut client = server.client();
    assert_eq!(client.run("MULTI"), status("OK"));
    let argv: Vec<&str> = std::iter::once("MGET").chain(std::iter::repeat_n("", 20_000)).collect();
    assert_eq!(client.call(&argv), status("QUEUED"));
    assert!(error_text(&client.call(&argv)).contains("client-query-buffer-limit"));
    assert!(error_text(&client.run("EXEC")).starts_with("EXECABORT "));
}
