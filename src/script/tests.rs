//! Scripts against a toy host: what `redis-server` 7.0.15 answered is in `oracle.txt`, and the rules that it cannot show are below.

use super::*;
use crate::base::clock::ManualClock;
use crate::resp::reply::Aggregate;
use crate::resp::writer::{Protocol, Writer};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Fields and values in order of insertion.
type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A server of a dozen commands, for one script at a time.
#[derive(Default)]
struct Toy {
    strings: HashMap<Vec<u8>, Vec<u8>>,
    hashes: HashMap<Vec<u8>, Fields>,
    sets: HashMap<Vec<u8>, BTreeSet<Vec<u8>>>,
    log: Vec<(LogLevel, Vec<u8>)>,
    calls: usize,
    /// Abandons the run at this many calls.
    abort_at: Option<usize>,
    /// And has SCRIPT KILL come in that moment.
    killed_then: Option<Arc<Control>>,
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
            b"digits" => sink.double_as(2.5, b"2.500"),
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
        let aborted = self.abort_at.is_some_and(|at| self.calls >= at);
        if aborted && let Some(control) = &self.killed_then {
            control.kill(control.running().expect("it runs"));
        }
        aborted
    }
}

fn vm() -> Vm {
    Vm::new(VmConfig::default()).unwrap()
}

fn control() -> Control {
    let control = Control::new(Arc::new(ManualClock::at(0)));
    control.begin(Kind::Script, 0, 0);
    control
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

/// Scripts that are answered otherwise, each with the reason.
const DIFFERENCES: &[(&str, &str)] = &[
    ("return string.format('%q'", "LuaJIT writes a NUL as \\0, Lua 5.1 as \\000; both read either"),
    ("return tostring(redis.debug('x'))", "LuaJIT does not name a function that is called by a tail call"),
    ("return collectgarbage('foo')", "the same"),
    ("return string.char(256)", "the same"),
    ("return string.sub()", "the same"),
    ("return bit.band()", "the same"),
    ("return bit.tobit('x')", "the same"),
    ("local a,b=pcall(coroutine.resume)", "functions of our own know their names also where pcall called them"),
    ("local a,b=pcall(coroutine.wrap)", "the same"),
    ("return table.setn(", "LuaJIT forgets the caller of a tail call, so the text has no position"),
    ("local function f() return 1+f()", "the same"),
    ("return loadstring(string.dump(", "there is no string.dump"),
    ("return type(os)", "os.clock is offered"),
    ("return os.clock()", "the same"),
    ("assert(nil,{err=", "LuaJIT's assert raises any value"),
    ("cjson.encode_sparse_array(true) return", "the order in which a table is walked is LuaJIT's"),
    ("return cmsgpack.pack({[1]=1,[3]=3})", "the same"),
    ("return server and 1 or 0", "server is the alias of redis that newer servers have"),
    ("return \"\\400\"", "LuaJIT says \"invalid escape sequence\" and shows the digits"),
    ("return \"\\256\"", "the same"),
];

/// Every script of `oracle.txt` on one machine, in order, so that a script that leaves something behind is found out by a later one.
/// In a script `␊` stands for LF and `␍` for CR.
#[test]
fn scripts_answer_what_redis_7_0_15_answered() {
    let mut vm = vm();
    let mut wrong = Vec::new();
    let text = include_str!("oracle.txt");
    for entry in text.split("\n\n") {
        let (script, expected) = entry.trim().strip_prefix("> ").unwrap().split_once('\n').unwrap();
        let body = script.replace('␊', "\n").replace('␍', "\r");
        let (_, answer) = run_on(&mut vm, &mut Toy::default(), &body, &control());
        let listed = DIFFERENCES.iter().any(|(start, _)| script.starts_with(start));
        if (answer == expected) == listed {
            wrong.push(format!("{script}\n  redis {expected}\n  here  {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ, or are listed and do not:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_shapes_of_replies_follow_setresp() {
    assert_eq!(eval("return redis.call('double')"), "$3\\r\\n2.5\\r\\n");
    assert_eq!(eval("return redis.call('digits')"), "$5\\r\\n2.500\\r\\n");
    assert_eq!(eval("redis.setresp(3) return tostring(redis.call('digits').double)"), "$3\\r\\n2.5\\r\\n");
    assert_eq!(eval("return redis.call('true')"), ":1\\r\\n");
    assert_eq!(eval("return redis.call('pairs')"), "*2\\r\\n$1\\r\\nm\\r\\n$1\\r\\n1\\r\\n");
    assert_eq!(eval("redis.setresp(3) return tostring(redis.call('double').double)"), "$3\\r\\n2.5\\r\\n");
    assert_eq!(eval("redis.setresp(3) return tostring(redis.call('true'))"), "$4\\r\\ntrue\\r\\n");
    assert_eq!(eval("redis.setresp(3) return redis.call('text').verbatim_string.format"), "$3\\r\\ntxt\\r\\n");
    assert_eq!(eval("redis.setresp(3) return redis.call('pairs')[1][1]"), "$1\\r\\nm\\r\\n");
}

#[test]
fn keys_and_arguments_reach_the_script_and_not_the_next_one() {
    let mut vm = vm();
    for body in ["return {KEYS[1], ARGV[2], #ARGV}", "local g = _G return {g.KEYS[1], g.ARGV[2], #ARGV}"] {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, Protocol::Resp2, usize::MAX);
        vm.run(&source(body), &[b"k"], &[b"", b"a\0b"], &mut Toy::default(), &mut writer, &control());
        assert_eq!(escaped(&out), "*3\\r\\n$1\\r\\nk\\r\\n$3\\r\\na\\x00b\\r\\n:2\\r\\n");
        for probe in
            ["return #KEYS + #ARGV", "return #_G.KEYS + #_G.ARGV", "return loadstring('return #KEYS + #ARGV')()"]
        {
            assert_eq!(run_on(&mut vm, &mut Toy::default(), probe, &control()).1, ":0\\r\\n");
        }
    }
}

#[test]
fn keys_and_arguments_are_new_in_each_run_whatever_became_of_those_before() {
    let mut vm = vm();
    let mut run = |body: &str, keys: &[&[u8]], argv: &[&[u8]]| {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, Protocol::Resp2, usize::MAX);
        vm.run(&source(body), keys, argv, &mut Toy::default(), &mut writer, &control());
        escaped(&out)
    };
    let probe = "local n = 0 for _ in pairs(ARGV) do n = n + 1 end
        return {#KEYS, KEYS[1], #ARGV, ARGV[1], ARGV[2], n, tostring(ARGV[0]), tostring(ARGV[3]), tostring(ARGV.x), tostring(getmetatable(ARGV))}";
    let damages = [
        "return 1",
        "ARGV[1] = nil",
        "ARGV[1], ARGV[2] = nil, nil",
        "ARGV[0] = 1",
        "ARGV[3] = 1",
        "ARGV[3] = 1 ARGV[3] = nil",
        "ARGV.x = 1",
        "ARGV.x = 1 ARGV.x = nil",
        "for i = 1, 100 do ARGV[i] = i end for i = 3, 100 do ARGV[i] = nil end",
        "setmetatable(ARGV, {__index = function() return 'x' end})",
        "setmetatable(ARGV, {__newindex = error, __mode = 'kv'})",
        "local keep = coroutine.wrap(function(list) while true do coroutine.yield() list[3] = 'kept' end end) keep(ARGV) keep(ARGV)",
        "return redis.error_reply(ARGV[9])",
        "error(ARGV)",
        "return collectgarbage()",
        "local t = {} for i = 1, 10000 do t[i] = tostring(i) .. ARGV[1] end return #t",
    ];
    for damage in damages {
        for (first, second) in [("a", "b"), ("c", "")] {
            run(damage, &[b"k"], &[b"0", b"1"]);
            let (first_len, second_len) = (first.len(), second.len());
            let expected = format!(
                "*10\\r\\n:1\\r\\n$1\\r\\nk\\r\\n:2\\r\\n${first_len}\\r\\n{first}\\r\\n${second_len}\\r\\n{second}\\r\\n:2\\r\\n{}",
                "$3\\r\\nnil\\r\\n".repeat(4)
            );
            assert_eq!(run(probe, &[b"k"], &[first.as_bytes(), second.as_bytes()]), expected, "after {damage}");
        }
        assert_eq!(run("return {#KEYS, #ARGV, ARGV[1]}", &[], &[b"z"]), "*3\\r\\n:0\\r\\n:1\\r\\n$1\\r\\nz\\r\\n");
        assert_eq!(run("return {#KEYS, #ARGV, ARGV[1]}", &[b"k", b"l"], &[]), "*2\\r\\n:2\\r\\n:0\\r\\n");
    }
}

#[test]
fn nothing_that_one_script_plants_is_seen_by_another() {
    let mut vm = vm();
    let plants = [
        "table.insert(string, 'x')",
        "local s = string s.format = nil",
        "rawset(redis, 'call', nil)",
        "getmetatable('').__index = nil",
        "getmetatable(_G).x = 1",
        "for _, t in pairs(_G) do if type(t) == 'table' then pcall(rawset, t, 'x', 1) pcall(function() t.x = 1 end) end end",
        "for _, t in pairs(_G) do if type(t) == 'table' then pcall(setmetatable, t, {}) pcall(table.insert, t, 1) end end",
        "local n, t = next(_G) pcall(rawset, t, 'x', 1)",
        "math.randomseed(7)",
        "cjson.encode_max_depth(1) cjson.encode_sparse_array(true) cjson.encode_number_precision(1)",
        "redis.setresp(3)",
        "collectgarbage('stop')",
        "KEYS.x = 1",
        "loadstring('x = 1')()",
    ];
    let probe = "return {redis.call('ping').ok, string.format('%d', 3), ('x'):upper(), tostring(math.random()),
        cjson.encode({{1.25}}), tostring(rawget(_G, 'x')), tostring(KEYS.x), #string, #redis, tostring(string.x), redis.call('get', 'no')}";
    let (_, before) = run_on(&mut vm, &mut Toy::default(), probe, &control());
    assert!(before.starts_with("*11"), "{before}");
    for plant in plants {
        run_on(&mut vm, &mut Toy::default(), plant, &control());
        let (_, after) = run_on(&mut vm, &mut Toy::default(), probe, &control());
        assert_eq!(after, before, "after {plant}");
    }
}

/// The list is reviewed by whoever changes it: what is not on it cannot be reached.
#[test]
fn the_reachable_surface_is_this_list() {
    let walk = "local t = {} for name, value in pairs(_G) do if type(value) == 'table' and name ~= '_G' then
        for inner in pairs(value) do t[#t + 1] = name .. '.' .. inner end else t[#t + 1] = name end end
        table.sort(t) return table.concat(t, ' ')";
    let expected = include_str!("surface.txt").split_whitespace().collect::<Vec<_>>().join(" ");
    let answer = eval(walk);
    let answer = answer.split("\\r\\n").nth(1).unwrap();
    assert_eq!(answer, expected);
}

#[test]
fn literals_and_bytecode_of_luajit_are_refused() {
    for body in [
        "return 1LL",
        "return 0x1uLL",
        "x = 2I",
        "return .5i",
        "return 1e5i",
        "return 'a' .. 7ull",
        "return 1--[[]]..2i",
        "--\rreturn 1LL",
        "return '\\\r\n' .. 1LL --'",
        "return '\\z' .. 1LL --'",
    ] {
        assert!(eval(body).contains("malformed number"), "{body}");
    }
    for body in
        ["return '1LL'", "return [==[ 1LL ]==]", "--[[ 2i ]] return 1", "-- 2i\nreturn 1", "local x1LL = 1 return x1LL"]
    {
        assert!(!eval(body).starts_with('-'), "{body}: {}", eval(body));
    }
    assert!(eval("return loadstring('return 1LL')()").starts_with('-'));
    assert!(eval("return select(2, loadstring('\\27LJ'))").contains("wrong mode"));
    assert!(eval("\x1bLJ").contains("wrong mode"));
    assert!(eval("return '\\z \n' .. 1LL --'").contains("unfinished string"));
    assert!(eval("\r\n\r\rreturn 1LL").contains("user_script:4: malformed number near '1LL'"));
    for body in ["# [[\nreturn 1LL --]]", "\u{feff}# [[\nreturn 1LL --]]", "\u{feff}return 1"] {
        assert!(eval(body).contains("user_script:1: unexpected symbol near '"), "{body}: {}", eval(body));
    }
    assert!(eval("return select(2, loadstring('::a::', '@name'))").contains("name:1: unexpected symbol near ':'"));
}

#[test]
fn a_text_is_copied_only_to_drop_a_backslash() {
    use super::lexer::translate;
    use std::borrow::Cow;
    for body in ["", "return '\\n\\\\ \\065 \\' \\\"' -- '\\q'", "return [[\\q]] --[=[ '\\q' ]=]", "return 'a\\", "'"] {
        assert!(matches!(translate(body.as_bytes()), Ok(Cow::Borrowed(same)) if same == body.as_bytes()), "{body}");
    }
    assert_eq!(translate(b"x = '\\.\\\\.' .. \"\\\xff\\\0\"").unwrap(), b"x = '.\\\\.' .. \"\xff\0\"".as_slice());
    // Nothing behind an unfinished string reaches the compiler.
    assert_eq!(translate(b"'\\q\r\n1LL").unwrap(), b"'q\r".as_slice());
}

#[test]
fn a_kill_ends_whatever_tries_to_hide_from_it() {
    let loops = [
        "while true do end",
        "repeat until false",
        "for i = 1, math.huge do end",
        "local function f() return f() end f()",
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() while true do end end) end",
        "while true do coroutine.wrap(function() while true do end end)() end",
        "local c = coroutine.create(function() while true do end end) while true do coroutine.resume(c) end",
        "while true do redis.pcall('ping') end",
        "while true do pcall(redis.call, 'ping') end",
        "local t = {1} for i, v in ipairs(t) do t[i + 1] = 1 t[i] = nil end",
        "loadstring('while true do end')()",
        "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
    ];
    let mut vm = vm();
    for body in loops {
        let control = control();
        assert!(control.kill(control.running().unwrap()));
        let (outcome, answer) = run_on(&mut vm, &mut Toy::default(), body, &control);
        assert_eq!(outcome, Outcome::Killed, "{body}");
        assert!(answer.starts_with("-ERR Script killed by user with SCRIPT KILL... script: <sha>, on "), "{answer}");
        assert_eq!(run_on(&mut vm, &mut Toy::default(), "return 1", &super::tests::control()).1, ":1\\r\\n");
    }
}

#[test]
fn a_script_past_its_own_maximum_is_killed() {
    let clock = Arc::new(ManualClock::at(0));
    let control = Control::new(clock.clone());
    control.begin(Kind::Script, 50, 100);
    assert!(!control.is_slow());
    clock.advance(60);
    assert!(control.is_slow());
    clock.advance(60);
    let (outcome, answer) = run_on(&mut vm(), &mut Toy::default(), "while true do end", &control);
    assert_eq!(outcome, Outcome::Killed);
    assert!(answer.starts_with("-ERR Script killed by script-max-time..."), "{answer}");
}

#[test]
fn a_script_that_takes_too_much_memory_ends_and_its_machine_is_replaced() {
    let mut vm = Vm::new(VmConfig { memory_bytes_max: 4 << 20, ..VmConfig::default() }).unwrap();
    for body in [
        "local t = {} while true do t[#t + 1] = {} end",
        "return string.rep('x', 1e9)",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t[i] = 'k' .. i end",
    ] {
        let (outcome, answer) = run_on(&mut vm, &mut Toy::default(), body, &control());
        assert_eq!(outcome, Outcome::OutOfMemory, "{body}: {answer}");
        assert!(answer.starts_with("-ERR script memory limit reached script: <sha>"), "{answer}");
        assert_eq!(run_on(&mut vm, &mut Toy::default(), "return 1", &control()).1, ":1\\r\\n");
        assert!(vm.bytes() < 1 << 20);
    }
}

#[test]
fn a_run_that_is_killed_when_it_is_about_to_be_abandoned_is_not_started_again() {
    let (mut vm, control) = (vm(), Arc::new(control()));
    let mut host = Toy { abort_at: Some(1), killed_then: Some(Arc::clone(&control)), ..Toy::default() };
    let (outcome, answer) = run_on(&mut vm, &mut host, "redis.call('incr', 'n') while true do end", &control);
    assert_eq!((outcome, host.calls), (Outcome::Killed, 1));
    assert!(answer.starts_with("-ERR Script killed by user with SCRIPT KILL... script: <sha>, on "), "{answer}");
    assert_eq!(run_on(&mut vm, &mut Toy::default(), "return 1", &self::control()).1, ":1\\r\\n");
}

#[test]
fn an_abandoned_run_calls_nothing_more_and_replies_nothing() {
    let mut vm = vm();
    let body = "for i = 1, 100 do pcall(redis.call, 'incr', 'n') redis.pcall('incr', 'n') end return 'never'";
    let mut host = Toy { abort_at: Some(3), ..Toy::default() };
    let (outcome, answer) = run_on(&mut vm, &mut host, body, &control());
    assert_eq!((outcome, answer.as_str(), host.calls), (Outcome::Aborted, "", 3));
    let (outcome, answer) = run_on(&mut vm, &mut Toy::default(), body, &control());
    assert_eq!((outcome, answer.as_str()), (Outcome::Replied, "$5\\r\\nnever\\r\\n"));
}

#[test]
fn a_panic_of_the_host_passes_through_and_leaves_a_working_machine() {
    let mut vm = vm();
    let mut host = Toy { panics: true, ..Toy::default() };
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        run_on(&mut vm, &mut host, "pcall(redis.call, 'ping') return 1", &control())
    }));
    assert!(caught.is_err());
    assert_eq!(run_on(&mut vm, &mut Toy::default(), "return 1", &control()).1, ":1\\r\\n");
}

#[test]
fn log_and_acl_reach_the_host() {
    let mut host = Toy::default();
    run_on(&mut vm(), &mut host, "redis.log(redis.LOG_WARNING, 'a', 2)", &control());
    assert_eq!(host.log, [(LogLevel::Warning, b"a 2".to_vec())]);
    assert_eq!(eval("return tostring(redis.acl_check_cmd('set', 'k', 1))"), "$5\\r\\nfalse\\r\\n");
}

#[test]
fn errors_name_the_line() {
    assert!(eval("\n\nerror('x')").contains("user_script:3: x script: <sha>, on @user_script:3."));
    assert!(eval("#!lua\nerror('x')").contains("user_script:2: x script: <sha>, on @user_script:2."));
    assert!(eval("local x = 1\n\nlocal y = redis.call('nosuch')").contains("on @user_script:3."));
    assert!(eval("local x = 1\nreturn redis.call('nosuch')").contains("on @user_script:2."));
}

#[test]
fn the_cache_knows_scripts_by_digest_until_it_is_flushed() {
    let scripts = Scripts::new();
    let loaded = scripts.load(b"return 1").unwrap();
    let digest = Digest::parse(b"E0E1F9fabfc9d4800c877a703b823ac0578ff8db").unwrap();
    assert_eq!(loaded.digest, digest);
    assert_eq!(digest.hex(), *b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    assert!(Arc::ptr_eq(&scripts.load(b"return 1").unwrap(), &scripts.get(&digest).unwrap()));
    assert!(scripts.exists(&digest) && scripts.len() == 1 && scripts.bytes() > 8);
    let mut vm = vm();
    vm.follow(scripts.generation());
    vm.prepare(&loaded).unwrap();
    scripts.flush();
    vm.follow(scripts.generation());
    assert!(scripts.is_empty() && scripts.bytes() == 0 && !scripts.exists(&digest));
    assert_eq!(Digest::parse(b"e0e1"), None);
    assert_eq!(Digest::parse(&[b'g'; 40]), None);
}

#[test]
fn the_first_line_sets_flags() {
    let flags = Source::new(b"#!lua flags=no-writes,allow-stale\nreturn 1").unwrap().flags;
    assert!(flags.declared && flags.no_writes && flags.allow_stale && !flags.allow_oom);
    let problem = |body: &[u8]| String::from_utf8(Source::new(body).unwrap_err().reply().to_vec()).unwrap();
    assert_eq!(problem(b"#!lua flags=foo\nreturn 1"), "ERR Unexpected flag in script shebang: foo");
    assert!(Source::new(b"#!lua flags=\nreturn 1").is_ok_and(|source| source.flags.declared));
    for list in ["no-writes,", ",no-writes", ","] {
        let body = format!("#!lua flags={list}\nreturn 1");
        assert_eq!(problem(body.as_bytes()), "ERR Unexpected flag in script shebang: ", "{list}");
    }
    assert_eq!(problem(b"#!foo\nreturn 1"), "ERR Unexpected engine in script shebang: #!foo");
    assert_eq!(problem(b"#!lua x=1\nreturn 1"), "ERR Unknown lua shebang option: x=1");
    assert_eq!(problem(b"#!lua"), "ERR Invalid script shebang");
}

#[test]
fn a_script_is_quick_once_it_has_run_and_slow_for_some_runs_after_it_was() {
    let history = History::default();
    assert!(!history.is_quick(), "nobody knows yet");
    history.note_nanos(1);
    assert!(history.is_quick());
    history.note_nanos(SLOW_NANOS);
    let runs = (1..).find(|_| {
        history.note_nanos(1);
        history.is_quick()
    });
    assert_eq!(runs, Some(16));
    history.note_slow();
    assert!(!history.is_quick(), "already while it runs");
}

#[test]
fn undeclared_keys_are_told_after_two_runs_and_never_again_once_one_was_not() {
    let history = History::default();
    history.note_kept();
    assert_eq!(history.undeclared(), Undeclared::No);
    let text = b"KEYS[1] .. ':x'".as_slice();
    let mut touched = Touched::default();
    touched.note(b"a:x");
    history.learn(&touched, &[b"a"], &[], text);
    assert_eq!(history.undeclared(), Undeclared::Learning);
    history.learn(&touched, &[b"a"], &[], text);
    assert_eq!(history.undeclared(), Undeclared::Told);
    history.note_kept();
    assert_eq!(history.undeclared(), Undeclared::Told);
    let mut told = Vec::new();
    history.forms().each(&[b"b"], &[], |key| told.push(key.to_vec()));
    assert_eq!(told, [b"b:x"]);
    touched.note(b"beyond");
    history.learn(&touched, &[b"a"], &[], text);
    assert_eq!(history.undeclared(), Undeclared::Yes);
    history.learn(&Touched::default(), &[b"a"], &[], text);
    assert_eq!(history.undeclared(), Undeclared::Yes);
}
