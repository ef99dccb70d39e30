//! What is counted of scripts: calls, errors, the slow log. `tests/statistics.txt` holds what redis-server 7.0.15 counted.

use crate::support::{Client, Server};
use redis_protocol::resp2::types::OwnedFrame;

const RECORDED: &str = include_str!("../statistics.txt");

fn bulk_text(frame: &OwnedFrame) -> String {
    let OwnedFrame::BulkString(bytes) = frame else { panic!("no bulk string: {frame:?}") };
    String::from_utf8(bytes.clone()).expect("it is text")
}

fn words(line: &str) -> Vec<String> {
    line.split('\t').map(|word| word.replace("\\n", "\n")).collect()
}

/// What INFO says was counted since CONFIG RESETSTAT, but for these two.
fn counted(client: &mut Client) -> String {
    let text = bulk_text(&client.run("INFO commandstats")) + &bulk_text(&client.run("INFO errorstats"));
    let mut counts: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("cmdstat_").or_else(|| line.strip_prefix("errorstat_")))
        .filter(|line| !line.starts_with("info:") && !line.starts_with("config|resetstat:"))
        .map(|line| {
            let (name, fields) = line.split_once(':').expect("a line has a name");
            let wanted = ["calls", "count", "rejected_calls", "failed_calls"];
            let numbers = fields.split(',').filter_map(|field| field.split_once('='));
            numbers.filter(|(field, _)| wanted.contains(field)).fold(name.to_owned(), |sum, (_, n)| sum + " " + n)
        })
        .collect();
    counts.sort();
    counts.join(", ")
}

#[test]
fn errors_in_scripts_are_counted_as_redis_does() {
    let server = Server::start();
    let mut client = server.client();
    let mut wrong = Vec::new();
    let mut name = "";
    let mut begins = true;
    for line in RECORDED.lines().skip_while(|line| !line.starts_with("# ")) {
        if let Some(case) = line.strip_prefix("# ") {
            (name, begins) = (case, true);
            client.run("FLUSHALL");
        } else if let Some(words_of) = line.strip_prefix("before\t").or_else(|| line.strip_prefix("after\t")) {
            client.call(&words(words_of));
        } else if let Some(words_of) = line.strip_prefix(">\t") {
            if std::mem::take(&mut begins) {
                client.run("CONFIG RESETSTAT");
            }
            client.call(&words(words_of));
        } else if let Some(expected) = line.strip_prefix("= ") {
            let counted = counted(&mut client);
            if counted != expected {
                wrong.push(format!("{name}\n  redis {expected}\n  here  {counted}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} are counted otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

/// The first run of a script is abandoned when it is about to write, and so is one that meets a key that somebody holds. Its commands ran twice then.
#[test]
fn an_abandoned_run_leaves_nothing_behind_in_what_is_counted() {
    let server = Server::start();
    let mut client = server.client();
    client.run("SET text x");
    client.run("CONFIG SET slowlog-log-slower-than 0");
    client.run("SLOWLOG RESET");
    client.run("CONFIG RESETSTAT");
    let script = "redis.call('GET', 'a') redis.pcall('GET') redis.pcall('NOSUCH') redis.call('GET', 'b') redis.pcall('LLEN', 'text')
        redis.pcall('INCR', 'text') redis.call('SET', 'c', 1) return redis.call('GET', 'c')";
    client.call(&["EVAL", script, "0"]);
    let expected = "ERR 3, WRONGTYPE 1, eval 1 0 0, get 3 1 0, incr 1 0 1, llen 1 0 1, set 1 0 0";
    assert_eq!(counted(&mut client), expected);
    let stats = bulk_text(&client.run("INFO stats"));
    let looked_up: Vec<&str> = stats.lines().filter(|line| line.starts_with("keyspace_")).collect();
    assert_eq!(looked_up, ["keyspace_hits:2", "keyspace_misses:2"]);
    let OwnedFrame::Array(entries) = client.run("SLOWLOG GET 100") else { panic!("the slow log is a list") };
    let named = |name: &str| {
        let is_named = |entry: &OwnedFrame| {
            let OwnedFrame::Array(fields) = entry else { panic!("an entry is a list") };
            matches!(&fields[3], OwnedFrame::Array(argv) if bulk_text(&argv[0]) == name)
        };
        entries.iter().filter(|entry| is_named(entry)).count()
    };
    assert_eq!((named("GET"), named("LLEN"), named("SET"), named("EVAL")), (3, 1, 1, 1));
}
