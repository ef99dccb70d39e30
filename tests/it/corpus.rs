//! Plays the corpus of real-world scripts, `tests/corpus`, and compares each reply with the one that redis-server gave.
//!
//! Each play runs by EVAL, by EVALSHA as clients send it, in transactions and in one pipeline. The format is described in `tests/corpus/README.md`;
//! `scripts/corpus` reads it too, records the replies, and compares the data that a play leaves with a real server's.

use crate::support::Server;
use crate::transcripts::format::{self, Action, Entry, Transcript};
use crate::transcripts::wire::Connection;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// There are at least so many, so that a folder that was not found does not pass for one without differences.
const PLAYS_MIN: usize = 60;

#[test]
fn the_corpus_replies_as_recorded_by_eval() {
    play_all(Mode::Eval);
}

#[test]
fn the_corpus_replies_as_recorded_by_evalsha() {
    play_all(Mode::Evalsha);
}

#[test]
fn the_corpus_replies_as_recorded_in_transactions() {
    play_all(Mode::Multi);
}

#[test]
fn the_corpus_replies_as_recorded_in_one_pipeline() {
    play_all(Mode::Pipeline);
}

/// How the scripts of a play are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Eval,
    /// By digest first; the script is loaded when the server does not know it.
    Evalsha,
    /// What the main connection does between two steps of others, in one transaction.
    Multi,
    /// The same in one write.
    Pipeline,
}

/// The scripts of one product's shape, and the steps that use them.
struct Play {
    scripts: HashMap<Vec<u8>, Vec<u8>>,
    transcript: Transcript,
}

impl Play {
    fn read(path: &Path) -> Self {
        let text = std::fs::read(path.with_extension("lua")).expect("a play has scripts");
        let text = String::from_utf8(text).expect("scripts are UTF-8");
        let parts = text.split("\n--- ").skip(1).map(|part| {
            let (name, script) = part.split_once('\n').expect("a script follows its name");
            (name.as_bytes().to_vec(), script.trim_end_matches('\n').as_bytes().to_vec())
        });
        Self { scripts: parts.collect(), transcript: Transcript::read(path) }
    }

    /// The script that a step runs, if it runs one.
    fn script(&self, entry: &Entry) -> Option<&Vec<u8>> {
        let argv = argv(entry);
        let runs = argv[0] == b"RUN" || argv[0] == b"RUN_RO";
        runs.then(|| self.scripts.get(&argv[1]).unwrap_or_else(|| panic!("{}: no such script", entry.text)))
    }

    /// What is sent for a step: RUN becomes EVAL, or EVALSHA with the digest that is given.
    fn request(&self, entry: &Entry, digest: Option<&[u8]>) -> Vec<Vec<u8>> {
        let argv = argv(entry);
        let Some(script) = self.script(entry) else { return argv.to_vec() };
        let name = if digest.is_some() { "EVALSHA" } else { "EVAL" };
        let name = if argv[0] == b"RUN_RO" { format!("{name}_RO") } else { name.to_owned() };
        let mut request = vec![name.into_bytes(), digest.unwrap_or(script).to_vec()];
        request.extend_from_slice(&argv[2..]);
        request
    }
}

fn argv(entry: &Entry) -> &[Vec<u8>] {
    match &entry.action {
        Action::Command(argv) => argv,
        Action::Raw(_) => panic!("{}: a play has no raw steps", entry.text),
    }
}

fn play_all(mode: Mode) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let files = std::fs::read_dir(&folder).expect("the corpus stands in tests/corpus");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a folder can be listed").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "resp"));
    paths.sort();
    assert!(paths.len() >= PLAYS_MIN, "the plays were found");
    let server = Server::start();
    let mut failures = Vec::new();
    for path in &paths {
        let play = Play::read(path);
        for protocol in [2, 3] {
            Run::new(&play, server.addr(), protocol, mode).all(&mut failures);
        }
    }
    assert!(failures.is_empty(), "{} replies differ:\n{}", failures.len(), failures.join("\n"));
}

/// One play on a server that was emptied.
struct Run<'p> {
    play: &'p Play,
    address: SocketAddr,
    protocol: u8,
    mode: Mode,
    clients: HashMap<String, Connection>,
    loaded: HashSet<Vec<u8>>,
}

impl<'p> Run<'p> {
    fn new(play: &'p Play, address: SocketAddr, protocol: u8, mode: Mode) -> Self {
        let mut client = Connection::open(address, 2);
        for words in [&["FLUSHALL"][..], &["SCRIPT", "FLUSH"]] {
            assert_eq!(client.command(&bytes(words)).expect("a server can be emptied"), ["+OK"]);
        }
        Self { play, address, protocol, mode, clients: HashMap::new(), loaded: HashSet::new() }
    }

    fn all(mut self, failures: &mut Vec<String>) {
        let mut group = Vec::new();
        for entry in &self.play.transcript.entries {
            if entry.client.is_empty() && matches!(self.mode, Mode::Multi | Mode::Pipeline) {
                group.push(entry);
                continue;
            }
            self.flush(&mut group, failures);
            let actual = self.single(entry);
            self.judge(entry, &actual, failures);
        }
        self.flush(&mut group, failures);
        // The next play counts those who hear what it publishes.
        self.clients.into_values().for_each(Connection::leave);
    }

    fn client(&mut self, name: &str) -> &mut Connection {
        let (address, protocol) = (self.address, self.protocol);
        self.clients.entry(name.to_owned()).or_insert_with(|| Connection::open(address, protocol))
    }

    fn send(&mut self, name: &str, request: &[Vec<u8>]) -> Vec<String> {
        self.client(name).command(request).expect("a command is replied to")
    }

    fn single(&mut self, entry: &Entry) -> Vec<String> {
        let name = &entry.client;
        if argv(entry)[0] == b"HEAR" {
            return self.client(name).hear().expect("a message comes");
        }
        let play = self.play;
        let Some(script) = play.script(entry).filter(|_| self.mode == Mode::Evalsha) else {
            return self.send(name, &play.request(entry, None));
        };
        let digest = digest(script);
        let reply = self.send(name, &play.request(entry, Some(&digest)));
        if self.loaded.contains(script) || !reply[0].starts_with("-NOSCRIPT ") {
            return reply;
        }
        self.loaded.insert(script.clone());
        let loaded = self.send(name, &[b"SCRIPT".to_vec(), b"LOAD".to_vec(), script.clone()]);
        if loaded[0].starts_with('-') {
            // What does not compile is not kept; EVAL says the same.
            return self.send(name, &play.request(entry, None));
        }
        assert_eq!(loaded, [format!("\"{}\"", String::from_utf8_lossy(&digest))]);
        self.send(name, &play.request(entry, Some(&digest)))
    }

    /// Runs steps of the main connection together.
    fn flush(&mut self, group: &mut Vec<&Entry>, failures: &mut Vec<String>) {
        if group.is_empty() {
            return;
        }
        let in_transaction = self.mode == Mode::Multi;
        let mut requests: Vec<_> = group.iter().map(|entry| self.play.request(entry, None)).collect();
        if in_transaction {
            requests.insert(0, bytes(&["MULTI"]));
            requests.push(bytes(&["EXEC"]));
        }
        let client = self.client("");
        client.send(&requests).expect("a pipeline is taken");
        let mut replies: Vec<_> = requests.iter().map(|_| client.hear().expect("each command is replied to")).collect();
        if in_transaction {
            replies = elements(&replies.pop().expect("EXEC was replied to"));
        }
        assert_eq!(replies.len(), group.len(), "{}: each step is replied to", self.play.transcript.name);
        for (entry, actual) in group.drain(..).zip(replies) {
            self.judge(entry, &actual, failures);
        }
    }

    fn judge(&self, entry: &Entry, actual: &[String], failures: &mut Vec<String>) {
        let expected = &entry.expected[usize::from(self.protocol) - 2];
        if !format::matches(expected, actual, entry.unordered) {
            failures.push(format!(
                "{}:{} (RESP{}, {:?}) {}\n  recorded\n    {}\n  actual\n    {}",
                self.play.transcript.name,
                entry.number,
                self.protocol,
                self.mode,
                entry.text,
                expected.join("\n    "),
                actual.join("\n    ")
            ));
        }
    }
}

fn bytes(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn digest(script: &[u8]) -> Vec<u8> {
    sha1_smol::Sha1::from(script).digest().to_string().into_bytes()
}

/// The replies within the reply to EXEC: each begins a level deeper.
fn elements(lines: &[String]) -> Vec<Vec<String>> {
    assert!(lines[0].starts_with('*'), "EXEC gave {}", lines[0]);
    let mut elements: Vec<Vec<String>> = Vec::new();
    for line in &lines[1..] {
        let line = line.strip_prefix("  ").expect("an element is indented");
        if line.starts_with(' ') {
            elements.last_mut().expect("an element begins with its first line").push(line.to_owned());
        } else {
            elements.push(vec![line.to_owned()]);
        }
    }
    elements
}
