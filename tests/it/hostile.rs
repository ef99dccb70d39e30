//! Scripts that mean harm, of `tests/hostile`: each ends as it says, and neither the server nor the next script notices.

use crate::support::{Client, Server, error_text, status};
use redis_protocol::resp2::types::OwnedFrame;

const ENDLESS: &str = include_str!("../hostile/endless.lua");
const MEMORY: &str = include_str!("../hostile/memory.lua");
const ATTEMPTS: &str = include_str!("../hostile/attempts.lua");

/// `script-memory-limit` of the servers here, and what their machines may take beyond it: one more machine that is idle.
const MEMORY_LIMIT: u64 = 32 * 1024 * 1024;
const MEMORY_SLACK: u64 = 1024 * 1024;

/// Answers otherwise than redis-server 7.0.15, each with the reason.
const DIFFERENCES: &[(&str, &str)] = &[
    ("os.execute", "os is there, for os.clock; execute is not"),
    ("coroutine.resume of nonsense", "a function of our own knows its name also where pcall called it"),
    ("a jump", "LuaJIT reads goto and then meets what is refused; both are errors"),
    ("a deep reply", "a reply nests 128 deep, then there is an error in its place"),
];

/// A script and how it ends.
struct Part {
    name: &'static str,
    end: &'static str,
    script: &'static str,
}

fn parts(text: &'static str) -> Vec<Part> {
    let parts: Vec<Part> = text
        .split("\n--- ")
        .skip(1)
        .map(|part| {
            let (head, script) = part.split_once('\n').expect("a part has a script");
            let (name, end) = head.split_once(" => ").expect("a part says how it ends");
            Part { name, end, script: script.trim_end() }
        })
        .collect();
    assert!(parts.len() > 20, "the parts were found");
    parts
}

/// Runs a script and prints its reply as it stands on the wire, in one line; the digest in an error is shortened.
fn answer(client: &mut Client, script: &str) -> String {
    let text = printed(&client.call(&["EVAL", script, "1", "k"]));
    match text.split_once(" script: ") {
        Some((before, after)) if after.len() > 40 => format!("{before} script: <sha>{}", &after[40..]),
        _ => text,
    }
}

fn printed(frame: &OwnedFrame) -> String {
    match frame {
        OwnedFrame::SimpleString(text) => format!("+{}\\r\\n", escaped(text)),
        OwnedFrame::Error(text) => format!("-{}\\r\\n", escaped(text.as_bytes())),
        OwnedFrame::Integer(value) => format!(":{value}\\r\\n"),
        OwnedFrame::BulkString(bytes) => format!("${}\\r\\n{}\\r\\n", bytes.len(), escaped(bytes)),
        OwnedFrame::Array(frames) => {
            format!("*{}\\r\\n", frames.len()) + &frames.iter().map(printed).collect::<String>()
        }
        OwnedFrame::Null => "$-1\\r\\n".to_owned(),
    }
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

/// An honest script that notices whatever another may have left behind.
const HONEST: &str = "local names = {} for name, value in pairs(_G) do names[#names + 1] = name .. type(value)
    if type(value) == 'table' and name ~= '_G' then for inner in pairs(value) do names[#names + 1] = name .. '.' .. inner end end end
    table.sort(names)
    return {redis.call('PING').ok, string.format('%d', 3), ('x'):upper(), tostring(math.random()), cjson.encode({{1.25}}), #KEYS, #ARGV,
        string.gsub('a b', '%a', 'x'), tostring(redis.call('GET', 'nothing')), redis.sha1hex(table.concat(names, ' ')), #names}";

/// A server, its `script-max-time`, what the honest script answered at first, and what to ask with.
struct Bench {
    server: Server,
    client: Client,
    max_time_ms: &'static str,
    honest: String,
}

impl Bench {
    fn start(max_time_ms: &'static str) -> Self {
        let server = Server::with(&["--threads", "2", "--script-max-time", "0"]);
        let client = server.client();
        let mut bench = Self { server, client, max_time_ms, honest: String::new() };
        bench.honest = bench.honest_answer();
        assert!(bench.honest.starts_with("*11"), "{}", bench.honest);
        bench
    }

    /// What the honest script answers, however long that takes: the machine may be busy. The next one has the limit again.
    fn honest_answer(&mut self) -> String {
        self.limit_time("0");
        let honest = answer(&mut self.client, HONEST);
        self.limit_time(self.max_time_ms);
        honest
    }

    fn limit_time(&mut self, max_time_ms: &str) {
        let set = self.client.call(&["CONFIG", "SET", "script-max-time", max_time_ms]);
        assert_eq!(set, status("OK"));
    }

    /// The server lives, the machines are within their limit and the next script sees a clean world.
    fn check(&mut self, name: &str) {
        let bytes = self.server.info("used_memory_vm_total");
        assert!(bytes <= MEMORY_LIMIT + MEMORY_SLACK, "{name}: the machines take {bytes} bytes");
        assert_eq!(self.honest_answer(), self.honest, "after {name}");
        self.client.run("FLUSHALL");
    }
}

/// All that went wrong, so that one run shows it.
fn fail_if_any(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} end otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_script_without_an_end_is_ended_by_script_max_time() {
    let mut bench = Bench::start("300");
    let mut wrong = Vec::new();
    for Part { name, script, end } in parts(ENDLESS) {
        assert_eq!(end, "stops", "{name}");
        let answer = answer(&mut bench.client, script);
        if !answer.starts_with("-ERR Script killed by script-max-time") {
            wrong.push(format!("{name}: {answer:.300}"));
        }
        bench.check(name);
    }
    fail_if_any(&wrong);
}

#[test]
fn a_script_without_an_end_is_ended_by_script_kill() {
    let mut bench = Bench::start("0");
    // The other worker's.
    let mut killer = bench.server.client();
    let mut wrong = Vec::new();
    for Part { name, script, .. } in parts(ENDLESS) {
        bench.client.send(&["EVAL", script, "1", "k"]);
        // One that ends by itself is never there to be killed.
        while killer.run("SCRIPT KILL") != status("OK") && !bench.client.has_reply() {}
        let reply = bench.client.read();
        if !error_text(&reply).starts_with("ERR Script killed by user with SCRIPT KILL") {
            wrong.push(format!("{name}: {:.300}", printed(&reply)));
        }
        bench.check(name);
    }
    fail_if_any(&wrong);
}

#[test]
fn a_script_that_wants_too_much_ends_by_itself() {
    let mut bench = Bench::start("0");
    let mut wrong = Vec::new();
    for Part { name, script, end } in parts(MEMORY) {
        let expected = end.strip_prefix("error").expect("it ends with an error").trim_start();
        let answer = answer(&mut bench.client, script);
        if !answer.starts_with('-') || !answer.contains(expected) {
            wrong.push(format!("{name}: {answer:.300}"));
        }
        bench.check(name);
    }
    fail_if_any(&wrong);
}

/// Loads a library of one function with that body, and calls it.
fn answer_of_function(client: &mut Client, body: &str) -> String {
    let source = format!("#!lua name=hostile\nredis.register_function('hostile', function(KEYS, ARGV)\n{body}\nend)");
    let loaded = client.call(&["FUNCTION", "LOAD", "REPLACE", &source]);
    assert!(!matches!(loaded, OwnedFrame::Error(_)), "{body}: {loaded:?}");
    printed(&client.call(&["FCALL", "hostile", "1", "k"]))
}

#[test]
fn the_same_scripts_as_functions_end_as_well() {
    let mut bench = Bench::start("100");
    let mut wrong = Vec::new();
    for Part { name, script, end } in parts(ENDLESS).into_iter().chain(parts(MEMORY)) {
        let expected = end.strip_prefix("error").map_or("killed by script-max-time", str::trim_start);
        let answer = answer_of_function(&mut bench.client, script);
        if !answer.starts_with('-') || !answer.contains(expected) && !answer.contains("script-max-time") {
            wrong.push(format!("{name}: {answer:.300}"));
        }
        bench.check(name);
    }
    fail_if_any(&wrong);
}

#[test]
fn what_is_tried_is_answered_as_redis_does() {
    let mut bench = Bench::start("300");
    let mut wrong = Vec::new();
    for Part { name, script, end } in parts(ATTEMPTS) {
        let expected = end.strip_prefix("answers ").map(|text| text.replace("*-1", "$-1"));
        let answer = answer(&mut bench.client, script);
        let listed = DIFFERENCES.iter().any(|(start, _)| *start == name);
        let is_same = match &expected {
            Some(expected) => *expected == answer,
            None => answer.starts_with('-'),
        };
        if is_same == listed {
            wrong.push(format!("{name}:\n  redis {}\n  here  {answer:.600}", expected.unwrap_or_default()));
        }
        bench.check(name);
    }
    fail_if_any(&wrong);
}
