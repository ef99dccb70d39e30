//! MONITOR: what a client is told of all others.

use crate::support::{Client, Server, array, error, error_text, integer, status};
use redis_protocol::resp2::types::OwnedFrame;

/// A connection that watches, and one that acts.
fn start(arguments: &[&str]) -> (Server, Client, Client) {
    let server = Server::with(arguments);
    let (mut monitor, actor) = (server.client(), server.client());
    assert_eq!(monitor.run("MONITOR"), status("OK"));
    (server, monitor, actor)
}

/// The next `count` lines, their times cut off and the actor's address replaced by a word.
fn lines(monitor: &mut Client, count: usize, actor: &Client) -> Vec<String> {
    (0..count).map(|_| line(monitor, actor)).collect()
}

fn line(monitor: &mut Client, actor: &Client) -> String {
    let OwnedFrame::SimpleString(text) = monitor.read() else { panic!("a line is a simple string") };
    let text = String::from_utf8(text).expect("a line is ASCII");
    let (time, rest) = text.split_once(' ').expect("a line begins with a time");
    let (secs, micros) = time.split_once('.').expect("a time has a fraction");
    assert!(
        secs.len() >= 10 && micros.len() == 6 && (secs.to_owned() + micros).bytes().all(|b| b.is_ascii_digit()),
        "{time}"
    );
    rest.replace(&actor.address().to_string(), "actor")
}

#[test]
fn a_monitor_sees_what_ran_in_its_order_and_quoted() {
    let (_server, mut monitor, mut actor) = start(&[]);
    actor.call(&[&b"SET"[..], b"k", b"a \"q\"\r\n\x00\xff"]);
    actor.run("get k");
    // What is refused before it runs is not shown, what fails is.
    actor.run("NOSUCH x");
    actor.run("GET");
    actor.run("INCR k");
    actor.run("SELECT 3");
    actor.run("BLPOP list 0.001");
    let shown = [
        r#"[0 actor] "SET" "k" "a \"q\"\r\n\x00\xff""#,
        r#"[0 actor] "get" "k""#,
        r#"[0 actor] "INCR" "k""#,
        r#"[3 actor] "SELECT" "3""#,
        r#"[3 actor] "BLPOP" "list" "0.001""#,
    ];
    assert_eq!(lines(&mut monitor, 5, &actor), shown);
}

#[test]
fn the_commands_of_a_transaction_come_before_its_exec_and_those_of_a_script_after_it() {
    let (_server, mut monitor, mut actor) = start(&[]);
    for line in ["MULTI", "SET a 1", "GET a", "EXEC", "MULTI", "DISCARD"] {
        actor.run(line);
    }
    let script = "redis.pcall('INCR', KEYS[1]) redis.pcall('NOSUCH') return redis.call('GET', 'b')";
    actor.call(&["EVAL", script, "1", "a"]);
    actor.run("MULTI");
    actor.call(&["EVAL", "return redis.call('GET', 'a')", "0"]);
    actor.run("PING");
    actor.run("EXEC");
    let shown = [
        r#"[0 actor] "MULTI""#,
        r#"[0 actor] "SET" "a" "1""#,
        r#"[0 actor] "GET" "a""#,
        r#"[0 actor] "EXEC""#,
        r#"[0 actor] "MULTI""#,
        r#"[0 actor] "DISCARD""#,
        r#"[0 actor] "EVAL" "redis.pcall('INCR', KEYS[1]) redis.pcall('NOSUCH') return redis.call('GET', 'b')" "1" "a""#,
        r#"[0 lua] "INCR" "a""#,
        r#"[0 lua] "GET" "b""#,
        r#"[0 actor] "MULTI""#,
        r#"[0 actor] "EVAL" "return redis.call('GET', 'a')" "0""#,
        r#"[0 lua] "GET" "a""#,
        r#"[0 actor] "PING""#,
        r#"[0 actor] "EXEC""#,
    ];
    assert_eq!(lines(&mut monitor, shown.len(), &actor), shown);
}

#[test]
fn a_monitor_sees_no_secrets_and_no_commands_of_operators() {
    let (_server, mut monitor, mut actor) = start(&[]);
    for line in [
        "AUTH secret",
        "AUTH default secret",
        "HELLO 2 AUTH default secret",
        "CONFIG SET maxmemory 0",
        "CLIENT LIST",
        "SLOWLOG GET",
        "DEBUG JMAP",
        "ECHO end",
        "QUIT",
    ] {
        actor.run(line);
    }
    let shown = [
        r#"[0 actor] "AUTH" "(redacted)""#,
        r#"[0 actor] "AUTH" "(redacted)" "(redacted)""#,
        r#"[0 actor] "HELLO" "2" "AUTH" "(redacted)" "(redacted)""#,
        r#"[0 actor] "ECHO" "end""#,
    ];
    assert_eq!(lines(&mut monitor, shown.len(), &actor), shown);
    // Nothing came of QUIT: the next is what this connection does itself, behind its reply.
    assert_eq!(monitor.run("PING"), status("PONG"));
    assert!(line(&mut monitor, &actor).ends_with(r#""PING""#));
}

#[test]
fn a_monitor_touches_no_keys_until_reset() {
    let (server, mut monitor, _) = start(&[]);
    let refused = "ERR Replica can't interact with the keyspace";
    for line in ["GET k", "SET k v", "PUBLISH a b", "EVAL return 0"] {
        assert_eq!(error_text(&monitor.run(line)), refused, "{line}");
    }
    let list = |kind: &str| match server.ask(&["CLIENT", "LIST", "TYPE", kind]) {
        OwnedFrame::BulkString(text) => String::from_utf8(text).expect("CLIENT LIST is text"),
        other => panic!("{other:?}"),
    };
    assert!(list("normal").contains(" flags=O "));
    assert_eq!(monitor.run("RESET"), status("RESET"));
    assert!(!list("normal").contains(" flags=O "));
    assert_eq!(monitor.run("GET k"), OwnedFrame::Null);
    monitor.run("MULTI");
    assert_eq!(monitor.run("MONITOR"), status("QUEUED"));
    assert_eq!(monitor.run("EXEC"), array(vec![error("ERR MONITOR isn't allowed for DENY BLOCKING client")]));
    assert_eq!(
        error_text(&monitor.call(&["EVAL", "return redis.pcall('MONITOR')", "0"])),
        "ERR This Redis command is not allowed from script"
    );
}

#[test]
fn a_monitor_that_takes_nothing_is_disconnected_and_the_others_go_on() {
    let (server, mut slow, mut actor) =
        start(&["--pubsub-output-hard-limit", "1mb", "--pubsub-output-soft-limit", "0"]);
    let value = vec![b'x'; 256 * 1024];
    let mut sets = 0;
    while is_watched(&server) {
        assert_eq!(actor.call(&[&b"SET"[..], b"k", &value]), status("OK"));
        sets += 1;
        assert!(sets < 1000, "a monitor that takes nothing is cut off");
    }
    slow.read_to_end();
    // A unit that would fill a mailbox by itself does so at once.
    let mut monitor = server.client();
    assert_eq!(monitor.run("MONITOR"), status("OK"));
    actor.run("MULTI");
    for _ in 0..6 {
        actor.call(&[&b"SET"[..], b"k", &value]);
    }
    actor.run("EXEC");
    monitor.read_to_end();
    assert_eq!(actor.run("STRLEN k"), integer(256 * 1024));
}

fn is_watched(server: &Server) -> bool {
    match server.ask(&["CLIENT", "LIST"]) {
        OwnedFrame::BulkString(text) => String::from_utf8_lossy(&text).contains(" flags=O"),
        other => panic!("{other:?}"),
    }
}

/// A run that meets a key it did not declare, and that is busy, is abandoned and started again owning everything. Its lines are told once.
#[test]
fn a_script_that_had_to_start_again_is_shown_once() {
    let (server, mut monitor, mut actor) = start(&["--threads", "2"]);
    let reads = "redis.call('GET', KEYS[1]) if ARGV[1] then return redis.call('GET', ARGV[1]) end";
    let holds = "local began = os.clock() while os.clock() - began < tonumber(ARGV[1]) do end return redis.call('INCR', KEYS[1])";
    // The first run of a script owns everything; from then on these are known to keep to their keys.
    actor.call(&["EVAL", reads, "1", "a"]);
    let mut holder = server.client();
    holder.call(&["EVAL", holds, "1", "b", "0"]);
    lines(&mut monitor, 4, &actor);
    holder.run("CLIENT SETNAME holder");
    holder.send(&["EVAL", holds, "1", "b", "0.1"]);
    server.wait_for_command("holder", "eval");
    actor.call(&["EVAL", reads, "1", "a", "b"]);
    holder.read();
    actor.run("ECHO end");
    let mut seen = Vec::new();
    while seen.last().is_none_or(|last: &String| !last.ends_with(r#""ECHO" "end""#)) {
        seen.push(line(&mut monitor, &actor));
    }
    let count = |end: &str| seen.iter().filter(|line| line.ends_with(end)).count();
    assert_eq!(count(r#"[0 lua] "GET" "a""#), 1, "{seen:?}");
    assert_eq!(count(r#""1" "a" "b""#), 1, "{seen:?}");
}
