//! Libraries of functions on several workers: loaded by one, called on another, replaced meanwhile, ended.

use crate::support::{Client, Server, array, bulk, elements, error, error_text, integer, status};
use redis_protocol::resp2::types::OwnedFrame;

const KILLED: &str = "Script killed by user with SCRIPT KILL";

fn load(client: &mut Client, body: &str) {
    let source = format!("#!lua name=lib\n{body}");
    assert_eq!(client.call(&["FUNCTION", "LOAD", "REPLACE", &source]), bulk("lib"));
}

#[test]
fn what_one_connection_loads_all_workers_call_until_it_is_deleted() {
    let server = Server::with(&["--threads", "2"]);
    let mut clients: Vec<Client> = (0..6).map(|_| server.client()).collect();
    for round in 0..5 {
        load(&mut clients[round], &format!("redis.register_function('f', function() return {round} end)"));
        for client in &mut clients {
            assert_eq!(client.call(&["FCALL", "f", "0"]), integer(round as i64));
        }
    }
    assert_eq!(clients[5].run("FUNCTION DELETE lib"), status("OK"));
    for client in &mut clients {
        assert_eq!(client.call(&["FCALL", "f", "0"]), error("ERR Function not found"));
    }
}

/// Each version of the library writes its number to two keys. Who reads both never sees two versions, nor an older one after a newer.
#[test]
fn a_library_is_replaced_between_calls_and_never_within_one() {
    let server = Server::with(&["--threads", "2"]);
    let version = |n: i64| {
        format!(
            "local n = {n} redis.register_function('set', function(keys) redis.call('SET', keys[1], n) \
             redis.call('SET', 'second', n) return n end)"
        )
    };
    load(&mut server.client(), &version(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = server.client();
            (1..100).for_each(|n| load(&mut client, &version(n)));
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let (mut client, mut last) = (server.client(), 0);
                for _ in 0..200 {
                    let called = client.call(&["FCALL", "set", "1", "first"]);
                    let read = elements(client.run("MGET first second"));
                    assert_eq!(read[0], read[1], "one version wrote both");
                    let called = crate::support::number(&called);
                    assert!(called >= last, "{called} after {last}");
                    last = called;
                }
            });
        }
    });
}

#[test]
fn function_kill_ends_a_function_and_function_stats_names_it() {
    let server = Server::with(&["--threads", "1", "--lua-time-limit", "20"]);
    let mut client = server.client();
    load(
        &mut client,
        "redis.register_function('spin', function() while true do pcall(function() while true do end end) end end)",
    );
    client.send(&["FCALL", "spin", "1", "k", "arg"]);
    let stats = loop {
        let stats = elements(server.ask(&["FUNCTION", "STATS"]));
        if stats[1] != OwnedFrame::Null {
            break elements(stats[1].clone());
        }
    };
    assert_eq!(stats[1], bulk("spin"));
    assert_eq!(stats[3], array(["FCALL", "spin", "1", "k", "arg"].map(bulk).to_vec()));
    let busy = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
    assert_eq!(server.ask(&["SCRIPT", "KILL"]), error(busy));
    assert_eq!(server.ask(&["GET", "k"]), error(busy));
    assert_eq!(server.ask(&["FUNCTION", "KILL"]), status("OK"));
    assert!(error_text(&client.read()).contains(KILLED));
    assert_eq!(server.ask(&["FUNCTION", "KILL"]), error("NOTBUSY No scripts in execution right now."));
    client.send(&["EVAL", "while true do end", "1", "k"]);
    server.wait_for_busy("k");
    let busy = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
    assert_eq!(server.ask(&["FUNCTION", "KILL"]), error(busy));
    assert_eq!(server.ask(&["FUNCTION", "STATS"]), error(busy));
    server.kill_script();
    assert!(error_text(&client.read()).contains(KILLED));
}

#[test]
fn a_library_without_end_is_refused_and_others_are_served_meanwhile() {
    let server = Server::with(&["--threads", "2"]);
    let mut loading = server.client();
    loading.send(&["FUNCTION", "LOAD", "#!lua name=lib\nwhile true do end"]);
    for key in 0..100 {
        assert_eq!(server.ask(&["SET", &format!("k{key}"), "1"]), status("OK"));
    }
    assert_eq!(loading.read(), error("ERR Error registering functions: ERR FUNCTION LOAD timeout"));
}

/// A function that keeps to its keys holds no others from its second run on, and one that does not owns everything; in a transaction as well.
#[test]
fn functions_reach_undeclared_keys() {
    let server = Server::with(&["--threads", "2"]);
    let mut client = server.client();
    load(
        &mut client,
        "redis.register_function('add', function(keys, args) local sum = 0 \
         for at = 1, tonumber(args[1]) do sum = sum + redis.call('INCR', 'key:' .. at) end return sum end)",
    );
    assert_eq!(client.call(&["FCALL", "add", "0", "0"]), integer(0));
    assert_eq!(client.call(&["FCALL", "add", "0", "40"]), integer(40));
    assert_eq!(client.call(&["FCALL", "add", "0", "40"]), integer(80));
    client.run("MULTI");
    client.call(&["FCALL", "add", "0", "2"]);
    client.call(&[
        "FUNCTION",
        "LOAD",
        "REPLACE",
        "#!lua name=lib\nredis.register_function('one', function() return 1 end)",
    ]);
    client.call(&["FCALL", "one", "0"]);
    assert_eq!(client.run("EXEC"), array(vec![integer(6), bulk("lib"), integer(1)]));
}

/// A folder for one server after another.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tally-it-{}-functions-{test}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder for temporary files is writable");
        Self(path)
    }

    fn server(&self, appends: &str) -> Server {
        let dir = self.0.to_str().expect("the path is text");
        Server::with(&["--threads", "2", "--dir", dir, "--dbfilename", "functions.rdb", "--appendonly", appends])
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left lies among temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn libraries_are_there_after_a_restart_by_a_snapshot_and_by_a_log() {
    for appends in ["no", "yes"] {
        let folder = Folder::new(appends);
        let server = folder.server(appends);
        let mut client = server.client();
        load(&mut client, "redis.register_function('f', function() return 1 end)");
        for (name, value) in [("gone", 2), ("stays", 3)] {
            let source = format!("#!lua name={name}\nredis.register_function('{name}', function() return {value} end)");
            assert_eq!(client.call(&["FUNCTION", "LOAD", &source]), bulk(name));
        }
        let OwnedFrame::BulkString(dump) = client.run("FUNCTION DUMP") else { panic!("a dump is a bulk") };
        assert_eq!(client.run("FUNCTION FLUSH"), status("OK"));
        assert_eq!(client.call(&[b"FUNCTION".as_slice(), b"RESTORE", &dump]), status("OK"));
        assert_eq!(client.run("FUNCTION DELETE gone"), status("OK"));
        load(&mut client, "redis.register_function('f', function() return 4 end)");
        if appends == "no" {
            assert_eq!(client.run("SAVE"), status("OK"));
        }
        server.signal("KILL");
        server.wait();
        let server = folder.server(appends);
        let mut client = server.client();
        assert_eq!(client.call(&["FCALL", "f", "0"]), integer(4), "appendonly {appends}");
        assert_eq!(client.call(&["FCALL", "stays", "0"]), integer(3));
        assert_eq!(client.call(&["FCALL", "gone", "0"]), error("ERR Function not found"));
    }
}
