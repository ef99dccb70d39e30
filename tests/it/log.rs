//! The append-only log, from outside: what a start after SIGKILL makes of it, and how it is turned on, off and made anew.

use crate::support::{Client, Server, TempDir, bulk, elements, error_text, integer, status};
use redis_protocol::resp2::types::OwnedFrame;
use std::path::PathBuf;

const ON: &[&str] = &["--appendonly", "yes"];

fn start(dir: &TempDir, more: &[&str]) -> Server {
    let dir = dir.path().to_str().expect("the path is text");
    Server::with(&[&["--dir", dir], more].concat())
}

/// Ends a server as a crash does, once all that was asked of it was answered.
fn kill(server: Server) {
    server.signal("KILL");
    assert_eq!(server.wait(), None, "it was killed");
}

fn file(dir: &TempDir, sequence: u32) -> PathBuf {
    dir.path().join(format!("appendonlydir/appendonly.aof.{sequence}.incr.aof"))
}

fn until(server: &Server, name: &str, wanted: u64) {
    while server.info(name) != wanted {
        std::thread::yield_now();
    }
}

#[test]
fn what_was_acknowledged_is_there_after_sigkill_under_every_policy() {
    for policy in ["always", "everysec", "no"] {
        let dir = TempDir::new();
        let server = start(&dir, &[ON, &["--appendfsync", policy]].concat());
        let mut client = server.client();
        for line in [
            "SET a 1",
            "INCR a",
            "SET e v PX 100000000",
            "RPUSH l x y z",
            "BLPOP l 0",
            "MULTI",
            "INCR m",
            "INCR m",
            "EXEC",
        ] {
            assert_eq!(error_text(&client.run(line)), "", "{line}");
        }
        let script = "redis.call('SET',KEYS[1],'s')return(redis.call('PEXPIRE',KEYS[1],90000000))";
        assert_eq!(client.call(&["EVAL", script, "1", "script"]), integer(1));
        client.run("SELECT 7");
        client.run("ZADD z 1.5 m");
        kill(server);
        let server = start(&dir, ON);
        let mut client = server.client();
        assert_eq!((client.run("GET a"), client.run("GET m")), (bulk("2"), bulk("2")), "{policy}");
        assert_eq!(elements(client.run("LRANGE l 0 -1")).len(), 2);
        for key in ["e", "script"] {
            assert!(matches!(client.run(&format!("PTTL {key}")), OwnedFrame::Integer(left) if left > 80_000_000));
        }
        client.run("SELECT 7");
        assert_eq!(client.run("ZSCORE z m"), bulk("1.5"));
    }
}

/// A key's time comes while the server is down. The log spoke of it as it was then, so nothing before the end of the replay may take it away.
#[test]
fn a_key_that_expired_while_the_server_was_down_is_replayed_and_then_goes() {
    let dir = TempDir::new();
    let server = start(&dir, &[ON, &["--active-expire", "no"]].concat());
    let mut client = server.client();
    client.run("SET short 5 PX 1");
    // Met when its time has come, it is gone, and counts from nothing.
    while client.run("GET short") != OwnedFrame::Null {}
    assert_eq!(client.run("INCR short"), integer(1));
    client.run("SET k 1 PXAT 1");
    kill(server);
    let text = String::from_utf8_lossy(&std::fs::read(file(&dir, 1)).expect("it is there")).into_owned();
    assert!(text.contains("DEL\r\n$5\r\nshort"), "{text}");
    let server = start(&dir, ON);
    let mut client = server.client();
    assert_eq!((client.run("GET short"), client.run("EXISTS k")), (bulk("1"), integer(0)));
}

#[test]
fn a_torn_end_is_cut_to_the_last_whole_unit_and_other_damage_ends_the_start() {
    let dir = TempDir::new();
    let server = start(&dir, ON);
    let mut client = server.client();
    // More than are replayed under one hold of the keyspace.
    (0..700).for_each(|_| drop(client.run("INCR a")));
    for line in ["MULTI", "INCR a", "INCR a", "EXEC"] {
        client.run(line);
    }
    kill(server);
    let path = file(&dir, 1);
    let whole = std::fs::read(&path).expect("it is there");
    std::fs::write(&path, &whole[..whole.len() - 1]).expect("it is ours");
    let server = start(&dir, ON);
    assert_eq!(server.client().run("GET a"), bulk("700"), "half of a transaction is none of it");
    assert_eq!(server.info("rdb_changes_since_last_save"), 0, "what was replayed is no change");
    kill(server);
    let cut = std::fs::read(&path).expect("it is there");
    assert!(whole.starts_with(&cut) && cut.len() < whole.len() - 60, "{} of {} bytes are left", cut.len(), whole.len());
    let mut broken = whole.clone();
    broken[cut.len() + 1] = b'!';
    std::fs::write(&path, &broken).expect("it is ours");
    let arguments = ["--dir", dir.path().to_str().expect("it is text"), "--appendonly", "yes"];
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tally"))
        .args(arguments)
        .args([
            "--port",
            "0",
            "--unixsocket",
            dir.path().join("socket").to_str().expect("it is text"),
            "--http-port",
            "0",
        ])
        .output()
        .expect("it can be started");
    assert!(!output.status.success());
    let said = [output.stdout, output.stderr].concat();
    assert!(String::from_utf8_lossy(&said).contains("at byte "), "{}", String::from_utf8_lossy(&said));
    assert_eq!(std::fs::read(&path).expect("it is there"), broken, "the file is as it was");
}

#[test]
fn a_log_is_turned_on_made_anew_and_turned_off_while_clients_write() {
    let dir = TempDir::new();
    let server = start(&dir, &[]);
    let mut client = server.client();
    let write =
        |client: &mut Client, from: u32| (from..from + 300).for_each(|n| drop(client.run(&format!("SET key:{n} {n}"))));
    write(&mut client, 0);
    assert_eq!(client.run("CONFIG SET appendonly yes"), status("OK"));
    write(&mut client, 300);
    until(&server, "aof_rewrites", 1);
    write(&mut client, 600);
    for rewrites in 2..4 {
        assert_eq!(client.run("BGREWRITEAOF"), status("Background append only file rewriting started"));
        write(&mut client, 300 * (rewrites + 1));
        until(&server, "aof_rewrites", rewrites.into());
    }
    assert_eq!(server.info("aof_enabled"), 1);
    kill(server);
    let server = start(&dir, ON);
    assert_eq!(server.client().run("DBSIZE"), integer(1_500));
    let mut client = server.client();
    // What was asked for and has not begun does not keep the log on.
    assert_eq!(client.run("BGREWRITEAOF"), status("Background append only file rewriting started"));
    assert_eq!(client.run("CONFIG SET appendonly no"), status("OK"));
    while matches!(server.ask(&["INFO", "persistence"]), OwnedFrame::BulkString(text) if text.windows(16).any(|w| w == b"aof_current_size"))
    {
    }
    until(&server, "aof_rewrite_in_progress", 0);
    client.run("SET later 1");
    kill(server);
    assert_eq!(start(&dir, ON).client().run("EXISTS later"), integer(0), "what came after the log is not in it");
}

/// A log that is turned on by the start begins with what was saved before.
#[test]
fn a_first_start_with_a_log_takes_over_the_snapshot() {
    let dir = TempDir::new();
    let server = start(&dir, &[]);
    let mut client = server.client();
    client.run("SET a 1");
    let library = "#!lua name=lib\nredis.register_function('f', function() return 'kept' end)";
    assert_eq!(client.call(&["FUNCTION", "LOAD", library]), bulk("lib"));
    assert_eq!(client.run("SAVE"), status("OK"));
    kill(server);
    let server = start(&dir, ON);
    let mut client = server.client();
    assert_eq!((client.run("GET a"), client.run("FCALL f 0")), (bulk("1"), bulk("kept")));
    assert_eq!(client.run("FUNCTION DELETE lib"), status("OK"));
    kill(server);
    let server = start(&dir, ON);
    let mut client = server.client();
    assert_eq!(error_text(&client.run("FCALL f 0")), "ERR Function not found");
}
