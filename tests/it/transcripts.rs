//! Replays `tests/transcripts/*.resp` over TCP: in RESP2, in RESP3, and each command again from inside a script.
//!
//! With `ORACLE=host:port` the server there is asked instead of Tally. It is emptied, and steps marked `!differs` are not held
//! against it. The format is described in `tests/transcripts/README.md`; `scripts/oracle` reads it too.
//!
//! Replies are printed as lines by a reader of our own, because comparing digits and nulls exactly needs the bytes, and a decoder
//! for clients (`redis-protocol`) has made numbers of them.

pub mod format;
pub mod wire;

use crate::support::Server;
use format::{Action, Entry, Transcript};
use std::collections::HashMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use wire::Connection;

#[test]
fn every_transcript_replays_in_resp2() {
    replay_all(2);
}

#[test]
fn every_transcript_replays_in_resp3() {
    replay_all(3);
}

/// A command replies to `redis.pcall` what it replies to a client, but for a null array, which Lua cannot tell from a null.
#[test]
fn every_command_of_a_transcript_replies_alike_inside_a_script() {
    let target = Target::start();
    let mut failures = Vec::new();
    for transcript in transcripts().iter().filter(|transcript| transcript.in_lua && transcript.protocols.contains(&2)) {
        target.empty();
        let mut client = Connection::open(target.address, 2);
        for entry in &transcript.entries {
            let Action::Command(argv) = &entry.action else { continue };
            let expected: Vec<String> =
                entry.expected[0].iter().map(|line| line.replace("(nil-array)", "(nil)")).collect();
            // A script is told in other words that a command does not exist or lacks an argument.
            if expected.iter().any(|line| line.starts_with("-ERR wrong number") || line.starts_with("-ERR unknown")) {
                continue;
            }
            // Lua's numbers are doubles.
            let integers = expected.iter().filter_map(|line| line.trim_start().strip_prefix(':')?.parse::<i64>().ok());
            if integers.map(i64::unsigned_abs).any(|integer| integer > 1 << f64::MANTISSA_DIGITS) {
                continue;
            }
            // A SELECT inside a script ends with it.
            if argv[0].eq_ignore_ascii_case(b"SELECT") {
                let actual = client.command(argv);
                target.judge(transcript, entry, "RESP2", &expected, actual, &mut failures);
                continue;
            }
            let mut script: Vec<Vec<u8>> =
                [&b"EVAL"[..], b"return redis.pcall(unpack(ARGV))", b"0"].map(<[u8]>::to_vec).to_vec();
            script.extend(argv.iter().cloned());
            let actual = client.command(&script);
            target.judge(transcript, entry, "Lua", &expected, actual, &mut failures);
        }
    }
    report(&failures);
}

fn replay_all(protocol: u8) {
    let target = Target::start();
    let mut failures = Vec::new();
    for transcript in transcripts().iter().filter(|transcript| transcript.protocols.contains(&protocol)) {
        target.empty();
        let mut clients: HashMap<String, Connection> = HashMap::new();
        for entry in &transcript.entries {
            let expected = &entry.expected[usize::from(protocol) - 2];
            let client =
                clients.entry(entry.client.clone()).or_insert_with(|| Connection::open(target.address, protocol));
            let actual = match &entry.action {
                Action::Command(argv) => client.command(argv),
                Action::Raw(writes) => client.raw(writes, expected),
            };
            let lost = match &actual {
                Ok(lines) => lines.last().is_some_and(|line| line == format::CLOSED),
                Err(_) => true,
            };
            if lost {
                clients.remove(&entry.client);
            }
            target.judge(transcript, entry, &format!("RESP{protocol}"), expected, actual, &mut failures);
        }
        // The next transcript counts the clients, and those who hear what it publishes.
        clients.into_values().for_each(Connection::leave);
    }
    report(&failures);
}

fn report(failures: &[String]) {
    assert!(failures.is_empty(), "{} replies differ from their transcripts:\n{}", failures.len(), failures.join("\n"));
}

fn transcripts() -> Vec<Transcript> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the transcripts stand in tests/transcripts")
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "resp"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "there is at least one transcript");
    paths.iter().map(|path| Transcript::read(path)).collect()
}

/// Held while the server that `ORACLE` names is in use: there is only one, and each test empties it.
static ORACLE_TURN: Mutex<()> = Mutex::new(());

/// The server that is asked: one of our own, ended with the test, or the one that `ORACLE` names.
struct Target {
    address: SocketAddr,
    own: Option<Server>,
    _turn: Option<MutexGuard<'static, ()>>,
}

impl Target {
    fn start() -> Self {
        if let Ok(oracle) = std::env::var("ORACLE") {
            let address = oracle.to_socket_addrs().ok().and_then(|mut all| all.next());
            // A test that failed left nothing that the next one does not empty.
            let turn = ORACLE_TURN.lock().unwrap_or_else(PoisonError::into_inner);
            return Self { address: address.expect("ORACLE is host:port"), own: None, _turn: Some(turn) };
        }
        let server = Server::start();
        Self { address: server.addr(), own: Some(server), _turn: None }
    }

    fn empty(&self) {
        let mut client = Connection::open(self.address, 2);
        for words in [&["FLUSHALL"][..], &["SCRIPT", "FLUSH"], &["FUNCTION", "FLUSH"]] {
            let argv: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
            assert_eq!(client.command(&argv).expect("a server can be emptied"), ["+OK"]);
        }
    }

    fn judge(
        &self,
        transcript: &Transcript,
        entry: &Entry,
        mode: &str,
        expected: &[String],
        actual: std::io::Result<Vec<String>>,
        failures: &mut Vec<String>,
    ) {
        if self.own.is_none() && entry.differs {
            return;
        }
        let actual = actual.unwrap_or_else(|error| vec![format!("({error})")]);
        if !format::matches(expected, &actual, entry.unordered) {
            failures.push(format!(
                "{}:{} ({mode}) {}\n  expected\n    {}\n  actual\n    {}",
                transcript.name,
                entry.number,
                entry.text,
                expected.join("\n    "),
                actual.join("\n    ")
            ));
        }
    }
}
