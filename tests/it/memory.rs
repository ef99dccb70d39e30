//! The memory limit, from the outside: a flood of writes stays below it under every policy.

use crate::support::{Client, Server, error, error_text, integer, status};
use redis_protocol::resp2::types::OwnedFrame;

const LIMIT: u64 = 16 << 20;
/// Long enough for a worker to do what it has to.
const ASKED_MAX: usize = 100_000;
const OUT_OF_MEMORY: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// The value of a line of INFO.
fn info(client: &mut Client, section: &str, name: &str) -> u64 {
    let reply = client.call(&["INFO", section]);
    let OwnedFrame::BulkString(text) = reply else { panic!("INFO replies text, not {reply:?}") };
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("INFO {section} has {name}")).parse().expect("a number")
}

/// Asks until a line of INFO is as it should be.
fn until(client: &mut Client, section: &str, name: &str, is_so: impl Fn(u64) -> bool) {
    assert!((0..ASKED_MAX).any(|_| is_so(info(client, section, name))), "{name} became as it should be");
}

/// Sets `keys` keys of `bytes`, most of them with a TTL, and says how much memory was in use at most, and how often there was no room.
fn flood(client: &mut Client, watcher: &mut Client, keys: usize, bytes: usize) -> (u64, usize) {
    let (mut highest, mut refused) = (0, 0);
    let value = "v".repeat(bytes);
    for from in (0..keys).step_by(20) {
        let batch = from..(from + 20).min(keys);
        for number in batch.clone() {
            let key = format!("key:{number}");
            let ttl = ["EX", "10000"];
            let mut argv = vec!["SET", &key, &value];
            argv.extend(if number % 50 == 0 { &ttl[..0] } else { &ttl[..] });
            client.send(&argv);
        }
        for _ in batch {
            let reply = client.read();
            if reply != status("OK") {
                assert_eq!(error_text(&reply), OUT_OF_MEMORY);
                refused += 1;
            }
        }
        highest = highest.max(info(watcher, "memory", "used_memory"));
    }
    (highest, refused)
}

#[test]
fn memory_in_use_stays_within_two_percent_of_the_limit_under_every_policy() {
    let server = Server::with(&["--threads", "2"]);
    let (mut client, mut watcher) = (server.client(), server.client());
    for (policy, values) in [
        ("noeviction", (9_000, 2_000)),
        ("allkeys-lru", (9_000, 2_000)),
        ("allkeys-lfu", (30_000, 600)),
        ("allkeys-random", (9_000, 2_000)),
        ("allkeys-s3fifo", (40_000, 500)),
        ("volatile-lru", (9_000, 2_000)),
        ("volatile-lfu", (9_000, 2_000)),
        ("volatile-random", (9_000, 2_000)),
        ("volatile-ttl", (30_000, 600)),
        ("volatile-s3fifo", (9_000, 2_000)),
        ("noeviction", (60, 1_000_000)),
        ("allkeys-lru", (60, 1_000_000)),
        ("allkeys-s3fifo", (60, 1_000_000)),
    ] {
        client.run("CONFIG SET maxmemory 0");
        client.run("FLUSHALL");
        client.run("CONFIG RESETSTAT");
        assert_eq!(client.run(&format!("CONFIG SET maxmemory-policy {policy} maxmemory {LIMIT}")), status("OK"));
        let (highest, refused) = flood(&mut client, &mut watcher, values.0, values.1);
        assert!(highest * 100 <= LIMIT * 102, "{policy} {values:?}: {highest} of {LIMIT} bytes");
        // Room is made before a value comes, and for whole values, so all but two of them are in use.
        let least = LIMIT - LIMIT / 10 - 2 * values.1 as u64;
        assert!(highest >= least, "{policy} {values:?}: what may be used is used: {highest} of {LIMIT} bytes");
        let evicted = info(&mut client, "stats", "evicted_keys");
        match policy {
            "noeviction" => assert!(evicted == 0 && refused > 0, "{evicted} evicted, {refused} refused"),
            _ => assert!(evicted > 0 && refused == 0, "{policy}: {evicted} evicted, {refused} refused"),
        }
    }
}

#[test]
fn a_lower_limit_evicts_by_itself_and_what_is_past_it_is_told() {
    let server = Server::with(&["--threads", "2", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-s3fifo"]);
    let (mut client, mut watcher) = (server.client(), server.client());
    flood(&mut client, &mut watcher, 10_000, 2_000);
    assert_eq!(client.run("DBSIZE"), integer(10_000));
    assert_eq!(info(&mut client, "stats", "total_eviction_exceeded_time"), 0);
    assert_eq!(client.run("CONFIG SET maxmemory 10mb"), status("OK"));
    // Nobody writes: the workers do it.
    until(&mut client, "memory", "used_memory", |bytes| bytes <= 10 << 20);
    assert!(info(&mut client, "stats", "evicted_keys") > 4_000);
    client.run("CONFIG SET maxmemory-policy noeviction");
    client.run("CONFIG SET maxmemory 1");
    assert_eq!(client.run("SET k v"), error(OUT_OF_MEMORY));
    until(&mut client, "stats", "current_eviction_exceeded_time", |millis| millis > 0);
    client.run("CONFIG SET maxmemory 0");
    assert_eq!(client.run("SET k v"), status("OK"));
}

/// Values that find no room are not kept while they come. The requests behind them are understood all the same, and so are large ones that need no memory of the data.
#[test]
fn a_large_value_that_finds_no_room_is_read_and_refused() {
    let server = Server::with(&["--threads", "2", "--maxmemory", "8mb", "--maxmemory-policy", "noeviction"]);
    let (mut client, mut watcher) = (server.client(), server.client());
    let (large, text) = ("v".repeat(20 << 20), "t".repeat(1 << 20));
    let mut call = |argv: &[&str]| {
        client.send(argv);
        client.send(&["CLIENT", "ID"]);
        let reply = client.read();
        let next = client.read();
        // Which of the two connections a worker takes first is not said.
        assert!([integer(1), integer(2), status("QUEUED")].contains(&next), "{next:?}");
        reply
    };
    assert_eq!(call(&["SET", "k", &text]), status("OK"));
    assert_eq!(call(&["SET", "k", &large]), error(OUT_OF_MEMORY));
    assert_eq!(call(&["SET", &large, "v"]), error(OUT_OF_MEMORY));
    assert_eq!(call(&["MSET", "a", &large, "b", "1", "c", &large]), error(OUT_OF_MEMORY));
    assert_eq!(call(&["SET", "k"]), error("ERR wrong number of arguments for 'set' command"));
    assert_eq!(call(&["HSET", "h", &large]), error("ERR wrong number of arguments for 'hset' command"));
    assert_eq!(call(&["MULTI"]), status("OK"));
    assert_eq!(call(&["SET", "k", &large]), error(OUT_OF_MEMORY));
    assert_eq!(call(&["EXEC"]), error("EXECABORT Transaction discarded because of previous errors."));
    assert_eq!(call(&["EXISTS", "a", "b", "c", "h"]), integer(0));
    assert_eq!(call(&["STRLEN", "k"]), integer(1 << 20));
    let highest = info(&mut watcher, "memory", "used_memory_peak");
    assert!(highest <= 8 << 20, "{highest} bytes");
    assert_eq!(call(&["DEL", &large]), integer(0));
}
