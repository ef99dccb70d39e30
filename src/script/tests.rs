//! Scripts against a toy host: what `redis-server` 7.0.15 answered is in `oracle.txt`, and the rules that it cannot show are below.

use super::*;
use crate::base::clock::{Clock, ManualClock, SystemClock};
use crate::resp::reply::Aggregate;
use crate::resp::writer::{Protocol, Writer};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A server of a dozen commands, for one script at a time.
#[derive(Default)]
struct Toy {
    strings: HashMap<Vec<u8>, Vec<u8>>,
    hashes: HashMap<Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>>,
    sets: HashMap<Vec<u8>, BTreeSet<Vec<u8>>>,
    log: Vec<(LogLevel, Vec<u8>)>,
    calls: usize,
    /// Abandons the run at this many calls.
    abort_at: Option<usize>,
    panics: bool,
}

impl Host for Toy {
    fn call(&mut self, argv: &[&[u8]], sink: &mut dyn ReplySink) {
        self.calls += 1;
        assert!(!self.panics, "the toy was told to panic");
        let name = argv[0].to_ascii_lowercase();
        let key = argv.get(1).copied().unwrap_or_default();
        let arity_wrong = match name.as_slice() {
            b"get" | b"incr" | b"hgetall" | b"smembers" | b"echo" => argv.len() != 2,
            b"lpush" | b"sadd" | b"pexpire" => argv.len() < 3,
            _ => false,
        };
        if arity_wrong {
            return sink.error(b"ERR Wrong number of args calling Redis command from script");
        }
        match name.as_slice() {
            b"ping" => sink.status(b"PONG"),
            b"echo" => sink.bulk(key),
            b"get" => match self.strings.get(key) {
                Some(value) => sink.bulk(value),
                None => sink.null(),
            },
            b"set" => {
                self.strings.insert(key.to_vec(), argv[2].to_vec());
                sink.status(b"OK");
            }
            b"incr" => {
                let old = self.strings.get(key).map_or(Some(0), |text| crate::base::num::parse_i64(text));
                match old {
                    Some(old) => {
                        self.strings.insert(key.to_vec(), (old + 1).to_string().into_bytes());
                        sink.integer(old + 1);
                    }
                    None => sink.error(b"ERR value is not an integer or out of range"),
                }
            }
            b"lpush" if self.strings.contains_key(key) => {
                sink.error(b"WRONGTYPE Operation against a key holding the wrong kind of value");
            }
            b"lpush" => sink.integer(1),
            b"lpop" => sink.null_array(),
            b"lrange" => sink.begin(Aggregate::Array, 0),
            b"hmset" => {
                let hash = self.hashes.entry(key.to_vec()).or_default();
                for pair in argv[2..].chunks_exact(2) {
                    match hash.iter_mut().find(|(field, _)| field == pair[0]) {
                        Some((_, value)) => *value = pair[1].to_vec(),
                        None => hash.push((pair[0].to_vec(), pair[1].to_vec())),
                    }
                }
                sink.status(b"OK");
            }
            b"hmget" => {
                let hash = self.hashes.get(key);
                sink.begin(Aggregate::Array, argv.len() - 2);
                for field in &argv[2..] {
                    match hash.and_then(|hash| hash.iter().find(|(name, _)| name == field)) {
                        Some((_, value)) => sink.bulk(value),
                        None => sink.null(),
                    }
                }
            }
            b"hgetall" => {
                let hash = self.hashes.get(key).map(Vec::as_slice).unwrap_or_default();
                sink.begin(Aggregate::Map, hash.len());
                for (field, value) in hash {
                    sink.bulk(field);
                    sink.bulk(value);
                }
            }
            b"sadd" => {
                self.sets.entry(key.to_vec()).or_default().insert(argv[2].to_vec());
                sink.integer(1);
            }
            b"smembers" => {
                let set = self.sets.entry(key.to_vec()).or_default();
                sink.begin(Aggregate::Set, set.len());
                set.iter().for_each(|member| sink.bulk(member));
            }
            b"time" => {
                sink.begin(Aggregate::Array, 2);
                sink.bulk(b"1700000000");
                sink.bulk(b"123456");
            }
            b"pexpire" => sink.integer(1),
            b"eval" => sink.error(b"ERR This Redis command is not allowed from script"),
            b"double" => sink.double(2.5),
            b"true" => sink.boolean(true),
            b"text" => sink.verbatim(*b"txt", b"some"),
            b"pairs" => {
                sink.begin(Aggregate::Pairs, 1);
                sink.begin(Aggregate::Pair, 2);
                sink.bulk(b"m");
                sink.double(1.0);
            }
            _ => sink.error(b"ERR Unknown Redis command called from script"),
        }
    }

    fn log(&mut self, level: LogLevel, text: &[u8]) {
        self.log.push((level, text.to_vec()));
    }

    fn set_resp(&mut self, _: u8) {}

    fn may_call(&mut self, argv: &[&[u8]]) -> Permission {
        match argv[0] {
            b"get" => Permission::Granted,
            b"set" => Permission::Denied,
            _ => Permission::Invalid,
        }
    }

    fn aborted(&self) -> bool {
        self.abort_at.is_some_and(|at| self.calls >= at)
    }
}

fn vm() -> Vm {
    Vm::new(VmConfig::default()).unwrap()
}

fn control() -> Control {
    Control::start(Arc::new(ManualClock::at(0)), 0, 0)
}

fn source(body: &str) -> Arc<Source> {
    Arc::new(Source::new(body.as_bytes()).unwrap())
}

/// Runs `body` on `vm` and returns the RESP2 bytes as text, with the digest shortened.
fn run_on(vm: &mut Vm, host: &mut Toy, body: &str, control: &Control) -> (Outcome, String) {
    let source = source(body);
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, Protocol::Resp2, usize::MAX);
    let outcome = vm.run(&source, &[], &[], host, &mut writer, control);
    let digest = String::from_utf8(source.digest.hex().to_vec()).unwrap();
    (outcome, escaped(&out).replace(&digest, "<sha>"))
}

fn eval(body: &str) -> String {
    run_on(&mut vm(), &mut Toy::default(), body, &control()).1
}

fn escaped(bytes: &[u8]) -> String {
    let escape = |byte: &u8| match byte {
        b'\\' => "\\\\".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\n' => "\\n".to_owned(),
        b' '..=b'~' => char::from(*byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    };
    bytes.iter().map(escape).collect()
}

/// Every script of `oracle.txt` on one machine, in order, so that a script that leaves something behind is found out by a later one.
#[test]
fn scripts_answer_what_redis_7_0_15_answered() {
    let mut vm = vm();
    let mut wrong = Vec::new();
    let text = include_str!("oracle.txt");
    for entry in text.split("\n\n") {
        let (script, expected) = entry.trim().strip_prefix("> ").unwrap().split_once('\n').unwrap();
        let (_, answer) = run_on(&mut vm, &mut Toy::default(), script, &control());
        if answer != expected {
            wrong.push(format!("{script}\n  redis {expected}\n  here  {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
