//! Libraries against a toy host: what they register, what their functions see, and what they cannot do while they are loaded.

use super::super::{Control, Host, Kind, LogLevel, Outcome, Permission, Vm, VmConfig, inspect};
use super::*;
use crate::base::clock::{Clock, ManualClock, Ticks};
use crate::resp::reply::ReplySink;
use crate::resp::writer::{Protocol, Writer};

/// Knows one command, which replies with its arguments; counts what it is told.
#[derive(Default)]
struct Echo {
    calls: usize,
    lines: usize,
    went_slow: usize,
}

impl Host for Echo {
    fn call(&mut self, argv: &[&[u8]], sink: &mut dyn ReplySink) {
        self.calls += 1;
        sink.bulk(&argv.concat());
    }
    fn log(&mut self, _: LogLevel, _: &[u8]) {
        self.lines += 1;
    }
    fn set_resp(&mut self, _: u8) {}
    fn may_call(&mut self, _: &[&[u8]]) -> Permission {
        Permission::Granted
    }
    fn aborted(&self) -> bool {
        false
    }
    fn went_slow(&mut self) {
        self.went_slow += 1;
    }
}

/// A clock on which 50 microseconds pass whenever somebody looks.
#[derive(Debug, Default)]
struct Hasty(AtomicU64);

impl Clock for Hasty {
    fn unix_micros(&self) -> i64 {
        0
    }
    fn ticks(&self) -> Ticks {
        Ticks(50_000 * self.0.fetch_add(1, Ordering::Relaxed))
    }
}

fn load(source: &str) -> Result<Arc<Library>, String> {
    load_within(source, VmConfig::default())
}

fn load_within(source: &str, config: VmConfig) -> Result<Arc<Library>, String> {
    let clock = Arc::new(Hasty::default());
    inspect(source.as_bytes(), config, clock, 500, &mut Echo::default())
        .map(Arc::new)
        .map_err(|error| String::from_utf8_lossy(error.reply()).into_owned())
}

fn library(body: &str) -> Arc<Library> {
    load(&format!("#!lua name=lib\n{body}")).expect("the library loads")
}

fn refusal(body: &str) -> String {
    load(&format!("#!lua name=lib\n{body}")).expect_err("the library does not load")
}

fn control() -> Control {
    let control = Control::new(Arc::new(ManualClock::at(0)));
    control.begin(Kind::Function, 0, 0);
    control
}

/// Calls a library's first function, with a key and an argument.
fn call(vm: &mut Vm, library: &Arc<Library>) -> (Outcome, String) {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, Protocol::Resp2, usize::MAX);
    let function = FunctionRef { library: Arc::clone(library), index: 0 };
    let outcome = vm.call(&function, &[b"k"], &[b"v"], &mut Echo::default(), &mut writer, &control());
    (outcome, String::from_utf8_lossy(&out).escape_default().to_string())
}

fn vm() -> Vm {
    Vm::new(VmConfig::default()).unwrap()
}

#[test]
fn a_function_gets_keys_and_arguments_and_nothing_of_scripts_before_it() {
    let mut vm = vm();
    let source = Arc::new(super::super::Source::new(b"return KEYS").unwrap());
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, Protocol::Resp2, usize::MAX);
    vm.run(&source, &[b"x"], &[], &mut Echo::default(), &mut writer, &control());
    let seen = library("redis.register_function('f', function(a, b) return a[1] .. b[1] .. redis.call('x', a[1]) end)");
    assert_eq!(call(&mut vm, &seen), (Outcome::Replied, "$4\\r\\nkvxk\\r\\n".into()));
    for globals in ["KEYS", "ARGV", "_G.KEYS", "loadstring('return KEYS')()"] {
        let asks = library(&format!("redis.register_function('f', function() return {globals} end)"));
        let (outcome, answer) = call(&mut vm, &asks);
        assert_eq!(outcome, Outcome::Failed, "{globals}");
        assert!(answer.contains("nonexistent global variable"), "{globals}: {answer}");
    }
}

#[test]
fn while_it_is_loaded_a_library_sees_nothing_but_the_way_to_register() {
    let names = include_str!("../surface.txt").split_whitespace();
    for name in names.map(|name| name.split('.').next().unwrap()).filter(|name| !["redis", "server"].contains(name)) {
        assert!(refusal(&format!("return {name}")).contains("nonexistent global variable"), "{name}");
    }
    for name in ["call", "pcall", "sha1hex", "setresp", "error_reply", "acl_check_cmd", "breakpoint"] {
        assert!(refusal(&format!("return redis.{name}")).contains("nonexistent global variable"), "{name}");
        // The same where the library cannot be given the real tables.
        assert!(refusal(&format!("local r = redis return r.{name}")).contains("nonexistent global variable"), "{name}");
    }
    for write in ["x = 1", "redis.x = 1", "local r = redis r.x = 1", "redis.log = 1"] {
        assert!(refusal(write).contains("user_function:2: Attempt to modify a readonly table"), "{write}");
    }
}

#[test]
fn what_was_taken_while_loading_is_of_no_use_later() {
    let mut vm = vm();
    for (body, wanted) in [
        (
            "local r = redis redis.register_function('f', function() return r.call('x') end)",
            "nonexistent global variable",
        ),
        ("local r = redis.register_function r('f', function() r('g', r) end)", "can only be called on FUNCTION LOAD"),
        ("redis.register_function('f', function() return redis.register_function() end)", "a nil value"),
    ] {
        let (outcome, answer) = call(&mut vm, &library(body));
        assert_eq!(outcome, Outcome::Failed);
        assert!(answer.contains(wanted), "{answer}");
    }
}

#[test]
fn a_library_keeps_its_variables_on_each_machine_until_it_is_replaced() {
    let body = "local n = 0 redis.register_function('f', function() n = n + 1 return n end)";
    let (mut one, mut other) = (vm(), vm());
    let libraries = Libraries::default();
    let first = library(body);
    libraries.put(Arc::clone(&first), false).unwrap();
    for vm in [&mut one, &mut other] {
        for wanted in [":1\\r\\n", ":2\\r\\n"] {
            vm.follow_libraries(&libraries);
            assert_eq!(call(vm, &first).1, wanted);
        }
    }
    let bytes = one.bytes();
    for _ in 0..200 {
        let next = library(body);
        libraries.put(Arc::clone(&next), true).unwrap();
        one.follow_libraries(&libraries);
        assert_eq!(call(&mut one, &next).1, ":1\\r\\n");
    }
    assert!(one.bytes() < 4 * bytes, "a library that is no more is forgotten: {bytes} became {}", one.bytes());
}

#[test]
fn a_hostile_library_ends_and_harms_no_machine() {
    let small = VmConfig { memory_bytes_max: 2 * 1024 * 1024, ..VmConfig::default() };
    let bombs = [
        ("while true do end", "FUNCTION LOAD timeout"),
        ("local function f() return f() end f()", "FUNCTION LOAD timeout"),
        ("local s = 'x' while true do s = s .. s end", "script memory limit reached"),
        ("('x'):rep(1e9)", "script memory limit reached"),
        ("local t = {} for i = 1, 1e9 do t[i] = {} end", "script memory limit reached"),
        ("local function f() return 1 + f() end f()", "stack overflow"),
        ("('x'):rep(3000):find(('x*'):rep(300) .. 'y')", "FUNCTION LOAD timeout"),
        ("for i = 1, 1e9 do redis.register_function('f' .. i, redis.log) end", "too many functions"),
        (
            "for i = 1, 1e9 do redis.register_function{function_name='f' .. i, callback=redis.log, description=('x'):rep(1e5)} end",
            "script memory limit reached",
        ),
    ];
    for (body, wanted) in bombs {
        let answer = load_within(&format!("#!lua name=lib\n{body}"), small).expect_err(body);
        assert!(answer.contains(wanted), "{body}: {answer}");
    }
    // On a worker's machine: what may be called there and never was.
    let mut vm = vm();
    let honest = library("redis.register_function('f', function() return 1 end)");
    let functions = vec![Function {
        name: (*b"f").into(),
        description: None,
        flags: SourceFlags::default(),
        history: History::default(),
    }];
    let liar = Arc::new(Library::new(b"lib", b"#!lua name=lib\nlocal t = nil t.x = 1", functions));
    assert_eq!(call(&mut vm, &liar).0, Outcome::Failed);
    assert_eq!(call(&mut vm, &honest).1, ":1\\r\\n");
}

#[test]
fn a_function_without_end_is_killed_and_the_next_one_runs() {
    let clock = Arc::new(ManualClock::at(0));
    let mut vm = vm();
    for body in [
        "redis.register_function('f', function() while true do end end)",
        "redis.register_function('f', function() while true do pcall(function() while true do end end) end end)",
        "local function f() return f() end redis.register_function('f', function() return f() end)",
        "local function f() return f() end redis.register_function('f', f)",
    ] {
        let control = Control::new(clock.clone());
        control.begin(Kind::Function, 10, 100);
        clock.advance(200);
        let mut out = Vec::new();
        let mut host = Echo::default();
        let mut writer = Writer::new(&mut out, Protocol::Resp2, usize::MAX);
        let function = FunctionRef { library: library(body), index: 0 };
        let outcome = vm.call(&function, &[], &[], &mut host, &mut writer, &control);
        assert_eq!(outcome, Outcome::Killed, "{body}");
        let honest = library("redis.register_function('f', function() return 1 end)");
        assert_eq!(call(&mut vm, &honest).1, ":1\\r\\n");
    }
}

#[test]
fn a_host_is_told_once_that_a_function_is_slow() {
    let clock = Arc::new(ManualClock::at(0));
    let control = Control::new(clock.clone());
    control.begin(Kind::Function, 10, 0);
    clock.advance(20);
    let mut out = Vec::new();
    let mut host = Echo::default();
    let mut writer = Writer::new(&mut out, Protocol::Resp2, usize::MAX);
    let body = "redis.register_function('f', function() local i = 0 while i < 100000 do i = i + 1 end end)";
    let function = FunctionRef { library: library(body), index: 0 };
    assert_eq!(vm().call(&function, &[], &[], &mut host, &mut writer, &control), Outcome::Replied);
    assert_eq!(host.went_slow, 1);
}

#[test]
fn a_catalog_that_would_have_two_functions_of_a_name_stays_as_it_was() {
    let make = |library: &str, function: &str| {
        load(&format!("#!lua name={library}\nredis.register_function('{function}', redis.log)")).unwrap()
    };
    let libraries = Libraries::default();
    libraries.put(make("a", "f"), false).unwrap();
    let generation = libraries.generation();
    for (library, replace) in [(make("b", "F"), false), (make("b", "f"), true), (make("a", "g"), false)] {
        assert!(libraries.put(library, replace).is_err());
    }
    assert_eq!(libraries.generation(), generation);
    assert_eq!(libraries.find(b"F").map(|found| found.function().name.to_vec()), Some(b"f".to_vec()));
    libraries.put(make("a", "g"), true).unwrap();
    assert!(libraries.find(b"f").is_none() && libraries.find(b"g").is_some());

    let mut other = Catalog::default();
    other.put(make("b", "g")).unwrap();
    other.put(make("a", "f")).unwrap();
    assert!(libraries.join(&other, RestorePolicy::Append).is_err());
    libraries.join(&other, RestorePolicy::Replace).unwrap();
    assert_eq!(libraries.find(b"g").map(|found| found.library.name.to_vec()), Some(b"b".to_vec()));
    libraries.put(make("c", "h"), false).unwrap();
    libraries.join(&other, RestorePolicy::Flush).unwrap();
    assert_eq!((libraries.catalog().libraries().len(), libraries.catalog().functions_len()), (2, 2));
    assert_eq!(libraries.sources().len(), 2);
    assert!(libraries.delete(b"a") && !libraries.delete(b"a"));
    libraries.flush();
    assert_eq!((libraries.bytes(), libraries.sources().len()), (0, 0));
}
