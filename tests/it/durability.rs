//! The files that hold data, from outside: what is saved when the process ends, and what a start makes of it.

use crate::support::{Client, Server, TempDir, bulk, elements, error_text, status};
use redis_protocol::resp2::types::OwnedFrame;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

fn start(dir: &TempDir, more: &[&str]) -> Server {
    let dir = dir.path().to_str().expect("the path is text");
    Server::with(&[&["--dir", dir], more].concat())
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("the folder is there");
    entries.map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned()).collect()
}

const POINTS: &[&str] = &["--save", "3600 1"];

#[test]
fn sigterm_saves_where_there_are_save_points_and_the_next_start_has_it_all() {
    let dir = TempDir::new();
    let server = start(&dir, POINTS);
    let mut client = server.client();
    for line in ["SET a 1", "RPUSH l x y z", "SET e v PX 100000000", "SELECT 5", "ZADD z 1.5 m"] {
        assert_eq!(error_text(&client.run(line)), "", "{line}");
    }
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert_eq!(names(dir.path()), ["dump.rdb"]);
    // No process has such a number.
    std::fs::write(dir.path().join("temp-999999999-1.rdb"), "REDIS").expect("it is ours");
    let server = start(&dir, POINTS);
    assert_eq!(names(dir.path()), ["dump.rdb"], "what a killed process left is gone");
    let mut client = server.client();
    assert_eq!(client.run("GET a"), bulk("1"));
    assert_eq!(elements(client.run("LRANGE l 0 -1")).len(), 3);
    assert!(matches!(client.run("PTTL e"), OwnedFrame::Integer(left) if left > 90_000_000));
    client.run("SELECT 5");
    assert_eq!(client.run("ZSCORE z m"), bulk("1.5"));
    assert_eq!(server.info("rdb_last_load_keys_loaded"), 4);
    assert_eq!(server.info("rdb_changes_since_last_save"), 0);
}

#[test]
fn without_save_points_nothing_is_saved_unless_shutdown_says_so() {
    let dir = TempDir::new();
    let server = start(&dir, &[]);
    server.client().run("SET a 1");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert_eq!(names(dir.path()), [""; 0]);
    let server = start(&dir, &[]);
    let mut client = server.client();
    client.run("SET a 1");
    client.send(&["SHUTDOWN", "SAVE"]);
    assert_eq!(client.read_to_end(), b"", "the end of the connection is the answer");
    assert_eq!(server.wait(), Some(0));
    assert_eq!(names(dir.path()), ["dump.rdb"]);
    let server = start(&dir, POINTS);
    let mut client = server.client();
    assert_eq!(client.run("SET a 2"), status("OK"));
    client.send(&["SHUTDOWN", "NOSAVE"]);
    client.read_to_end();
    assert_eq!(server.wait(), Some(0));
    assert_eq!(start(&dir, &[]).client().run("GET a"), bulk("1"));
}

#[test]
fn a_server_that_cannot_save_says_so_goes_on_reading_and_does_not_stop() {
    let dir = TempDir::new();
    let server = start(&dir, POINTS);
    let mut client = server.client();
    client.run("SET a 1");
    // Where the directory was, a save cannot make a file.
    std::fs::remove_dir_all(dir.path()).expect("it is ours");
    assert!(error_text(&client.run("SAVE")).starts_with("ERR creating "));
    for line in ["SET a 2", "EVAL return(redis.call('set','a',1)) 0", "PING"] {
        let reply = client.run(line);
        assert!(error_text(&reply).starts_with("MISCONF "), "{line}: {reply:?}");
    }
    assert_eq!(client.run("GET a"), bulk("1"));
    assert_eq!(client.run("SHUTDOWN"), crate::support::error("ERR Errors trying to SHUTDOWN. Check logs."));
    assert_eq!(client.run("GET a"), bulk("1"));
    assert_eq!(client.run("CONFIG SET stop-writes-on-bgsave-error no"), status("OK"));
    assert_eq!(client.run("SET a 2"), status("OK"));
    client.run("CONFIG SET stop-writes-on-bgsave-error yes");
    std::fs::create_dir(dir.path()).expect("it was there before");
    assert_eq!(client.run("SAVE"), status("OK"));
    assert_eq!(client.run("SET a 3"), status("OK"));
    std::fs::remove_dir_all(dir.path()).expect("it is ours");
    // A signal whose save fails is forgotten: the next one is no second one. SHUTDOWN is answered when that has happened.
    server.signal("TERM");
    while error_text(&client.run("SET a 4")).is_empty() {}
    assert_eq!(client.run("SHUTDOWN"), crate::support::error("ERR Errors trying to SHUTDOWN. Check logs."));
    std::fs::create_dir(dir.path()).expect("it was there before");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let server = start(&dir, POINTS);
    let mut client = server.client();
    assert!(matches!(client.run("GET a"), OwnedFrame::BulkString(a) if a == b"3" || a == b"4"), "it was saved");
    client.run("SET a 5");
    std::fs::remove_dir_all(dir.path()).expect("it is ours");
    client.send(&["SHUTDOWN", "FORCE"]);
    client.read_to_end();
    assert_eq!(server.wait(), Some(0));
}

/// A file that cannot be loaded ends the start, and stays as it is.
#[test]
fn a_failed_load_ends_the_process_and_never_leads_to_a_save() {
    let dir = TempDir::new();
    let path = dir.path().join("dump.rdb");
    let server = start(&dir, POINTS);
    let mut client = server.client();
    (0..100).for_each(|index| drop(client.run(&format!("SET key:{index} {index}"))));
    assert_eq!(client.run("SAVE"), status("OK"));
    drop(server);
    let mut bytes = std::fs::read(&path).expect("it was saved");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&path, &bytes).expect("it can be changed");
    let output = Command::new(env!("CARGO_BIN_EXE_tally"))
        .args(["--port", "0", "--http-port", "0", "--unixsocket"])
        .arg(dir.path().join("socket"))
        .arg("--dir")
        .arg(dir.path())
        .output()
        .expect("the tally binary was built with this test");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // What the changed byte was is another each time, for the order of keys is.
    assert!(said.contains("dump.rdb cannot be loaded: ") && said.contains("byte "), "{said}");
    assert_eq!(std::fs::read(&path).expect("it is still there"), bytes);
    let check = Command::new(env!("CARGO_BIN_EXE_tally")).arg("check").arg(&path).output().expect("it runs");
    assert_eq!(check.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&check.stdout).contains("BAD: "));
}

/// The file is a pipe, so the load lasts until the test ends it.
#[test]
fn while_the_data_is_loaded_clients_are_told_so() {
    let (from, to) = (TempDir::new(), TempDir::new());
    let server = start(&from, &[]);
    let mut client = server.client();
    client.run("SET a 1");
    client.run("SAVE");
    drop(server);
    let bytes = std::fs::read(from.path().join("dump.rdb")).expect("it was saved");
    let pipe = to.path().join("dump.rdb");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is on every Unix").success());
    let socket = to.path().join("socket");
    let mut child = Command::new(env!("CARGO_BIN_EXE_tally"))
        .args(["--port", "0", "--http-port", "0", "--save", "", "--unixsocket"])
        .arg(&socket)
        .arg("--dir")
        .arg(to.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("the tally binary was built with this test");
    // Opens once the server reads.
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).expect("the server opens it");
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).expect("it listens while it loads");
    let mut ask = |line: &str, until: &str| {
        use std::io::Write;
        stream.write_all(format!("{line}\r\n").as_bytes()).expect("it reads");
        let mut reply = String::new();
        while !reply.contains(until) {
            let mut chunk = [0; 4096];
            let count = stream.read(&mut chunk).expect("it replies");
            assert!(count > 0, "{line}: {reply}");
            reply.push_str(&String::from_utf8_lossy(&chunk[..count]));
        }
        reply
    };
    assert_eq!(ask("GET a", "\r\n"), "-LOADING Redis is loading the dataset in memory\r\n");
    assert_eq!(ask("SAVE", "\r\n"), "-LOADING Redis is loading the dataset in memory\r\n");
    assert!(ask("INFO persistence", "loading_eta_seconds").contains("loading:1\r\n"));
    std::io::Write::write_all(&mut writer, &bytes).expect("it reads");
    drop(writer);
    while ask("GET a", "\r\n").starts_with("-LOADING ") {}
    assert!(ask("INFO persistence", "aof_last_cow_size").contains("loading:0\r\n"));
    child.kill().expect("a child can be killed");
    child.wait().expect("a child can be waited for");
}

#[test]
fn a_save_point_saves_by_itself_and_bgsave_one_at_a_time() {
    let dir = TempDir::new();
    let server = start(&dir, &["--save", "1 3"]);
    let mut client = server.client();
    for index in 0..5 {
        client.run(&format!("SET key:{index} value"));
    }
    while server.info("rdb_saves") == 0 {
        std::thread::yield_now();
    }
    assert_eq!(server.info("rdb_changes_since_last_save"), 0);
    assert_eq!(names(dir.path()), ["dump.rdb"]);
    // So slow that it lasts.
    client.run("CONFIG SET rdb-save-rate-limit 1 rdbcompression no");
    client.call(&["SET", "long", &"x".repeat(300_000)]);
    assert_eq!(client.run("BGSAVE"), status("Background saving started"));
    assert_eq!(error_text(&client.run("BGSAVE")), "ERR Background save already in progress");
    assert_eq!(error_text(&client.run("SAVE")), "ERR Background save already in progress");
    assert_eq!(server.info("rdb_bgsave_in_progress"), 1);
}

/// A snapshot holds one moment: of transactions that write several keys while it is written it has all or nothing, up to one of them and none after it.
#[test]
fn a_snapshot_under_writes_is_of_one_moment() {
    let dir = TempDir::new();
    let server = start(&dir, &["--rdbcompression", "no", "--rdb-save-rate-limit", "1mb"]);
    let mut client = server.client();
    for index in 0..20 {
        client.call(&["SET", &format!("long:{index}"), &"x".repeat(100_000)]);
    }
    let mut count = 0;
    let mut write = |client: &mut Client| {
        count += 1;
        let index = count * 7 % 40;
        let lines = [
            "MULTI".to_owned(),
            format!("INCR a:{index}"),
            format!("HINCRBY hash:{index} field 1"),
            format!("ZINCRBY board 1 {index}"),
            "INCR all".to_owned(),
            "EXEC".to_owned(),
        ];
        lines.iter().for_each(|line| drop(client.run(line)));
        count
    };
    (0..100).for_each(|_| _ = write(&mut client));
    assert_eq!(client.run("BGSAVE"), status("Background saving started"));
    let mut last = 0;
    while server.info("rdb_saves") == 0 {
        last = write(&mut client);
    }
    assert!(last > 110, "there was no time to write: {last}");
    server.signal("KILL");
    server.wait();
    let server = start(&dir, &[]);
    let mut client = server.client();
    let text = |frame: OwnedFrame| match frame {
        OwnedFrame::BulkString(text) => {
            String::from_utf8(text).expect("it is a number").parse::<u64>().expect("it is a number")
        }
        _ => 0,
    };
    let all = text(client.run("GET all"));
    assert!((100..last).contains(&all), "{all} of {last}");
    for index in 0..40 {
        let wanted = (1..=all).filter(|count| count * 7 % 40 == index).count() as u64;
        for line in [format!("GET a:{index}"), format!("HGET hash:{index} field"), format!("ZSCORE board {index}")] {
            assert_eq!(text(client.run(&line)), wanted, "{line}, after {all}");
        }
    }
}

/// A snapshot of what a transaction has done so far would be none of a moment.
#[test]
fn a_save_asked_for_in_a_transaction_comes_after_it() {
    let dir = TempDir::new();
    let server = start(&dir, &[]);
    let mut client = server.client();
    for line in ["MULTI", "SET key value", "BGSAVE", "BGREWRITEAOF"] {
        client.run(line);
    }
    let replies = elements(client.run("EXEC"));
    let scheduled = [status("Background saving scheduled"), status("Background append only file rewriting scheduled")];
    assert_eq!(replies[1..], scheduled);
    while !names(dir.path()).contains(&"dump.rdb".to_owned()) {
        std::thread::yield_now();
    }
}
