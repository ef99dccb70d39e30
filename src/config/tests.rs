//! The table as a whole, and each way in and out of it.

use super::cells::Value;
use super::setting::Place;
use super::*;
use std::collections::HashSet;

mod changing;
mod files;
mod flags;

/// The text of CONFIG GET for one name.
fn value(config: &Config, name: &str) -> String {
    let found = config.get(&[name.as_bytes()]);
    assert_eq!(found.len(), 1, "{name} is one setting");
    String::from_utf8(found[0].1.clone()).unwrap()
}

/// Values at the ends of a setting's range and in between, as a person writes them; and values just outside.
fn samples(setting: &Setting) -> (Vec<String>, Vec<String>) {
    let numbers = |min: i64, max: i64| {
        let outside = [min.checked_sub(1), max.checked_add(1)].into_iter().flatten().map(|n| n.to_string()).collect();
        (vec![min.to_string(), max.to_string()], outside)
    };
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    match setting.kind {
        _ if setting.change() == Change::Never => (texts(&[setting.default]), vec![]),
        Kind::Bool => (texts(&["yes", "no", "YES"]), texts(&["", "true", "1", "yes "])),
        Kind::Integer { min, max, .. } => numbers(min, max),
        Kind::Bytes { min, max } => {
            let (mut good, mut bad) = numbers(min, max);
            good.push(setting.default.to_uppercase());
            bad.extend(texts(&["", "mb", "1.5mb", "1 mb", "1tb", "-1mb", "99999999999gb"]));
            (good, bad)
        }
        Kind::Events => (texts(&["", "A", "KEA", "g$lshzxetdn", "m"]), texts(&["q", "K E", "a"])),
        Kind::Octal { max } => (vec!["0".to_owned(), format!("{max:o}")], texts(&["", "8", "-1", "+7", "7777"])),
        Kind::Choice(names) => (texts(names), texts(&["", "nonsense"])),
        Kind::Text => (texts(&["", "/a/path with spaces"]), texts(&["a\0b"])),
        Kind::Addresses => (texts(&["127.0.0.1", "-::1 localhost"]), texts(&["", "example.org", "1.2.3", "--1.2.3.4"])),
        Kind::SavePoints => (texts(&["", "3600 1", "60 1 30 0"]), texts(&["1", "0 1", "a b", "-1 1", "1 2147483648"])),
        Kind::Secret => (texts(&["", "pass \" word"]), vec!["x".repeat(5000)]),
    }
}

#[test]
fn every_name_and_alias_is_unique_and_spelled_for_files_and_flags() {
    let mut seen = HashSet::new();
    for name in SETTINGS.iter().flat_map(Setting::names) {
        assert!(seen.insert(name), "{name} is twice in the table");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
        assert!(!["config", "help", "version", "include"].contains(&name), "{name} means something else");
    }
}

#[test]
fn every_setting_says_in_one_sentence_what_it_decides() {
    for setting in SETTINGS {
        assert!(setting.why.ends_with('.') && !setting.why.starts_with(' '), "{}: {:?}", setting.name, setting.why);
        assert!(setting.why.len() < 120, "{}: more than a line", setting.name);
    }
}

#[test]
fn every_field_holds_every_value_of_its_range_and_gives_it_back() {
    for setting in SETTINGS {
        for text in samples(setting).0 {
            let parsed = setting.parse(text.as_bytes()).unwrap_or_else(|e| panic!("{} {text:?}: {e}", setting.name));
            let mut config = Config::default();
            match setting.place {
                Place::Start { put, .. } => put(&mut config.start, parsed.clone()),
                Place::Live { put, .. } => put(&config.live, parsed.clone()),
                Place::Fixed(_) => {}
            }
            assert_eq!(config.value(setting), parsed, "{} {text:?}", setting.name);
            let printed = setting.print(&parsed);
            assert_eq!(setting.parse(&printed).unwrap(), parsed, "{}: what is printed can be read", setting.name);
        }
    }
}

#[test]
fn no_setting_takes_a_value_outside_of_its_range() {
    for setting in SETTINGS {
        for text in samples(setting).1 {
            assert!(setting.parse(text.as_bytes()).is_err(), "{} takes {text:?}", setting.name);
        }
    }
}

#[test]
fn the_defaults_keep_every_rule() {
    let config = Config::from_pairs([]).unwrap();
    for setting in SETTINGS {
        assert_eq!(config.value(setting), setting.default_value(), "{}", setting.name);
    }
}

#[test]
fn readers_see_typed_values() {
    let config = Config::default();
    assert_eq!(config.start.port, 6379);
    assert_eq!(config.start.unixsocket, None);
    assert_eq!(config.start.script_memory_limit_bytes, 32 * 1024 * 1024);
    assert_eq!(config.start.enable_debug_command, DebugCommand::Local);
    assert_eq!(config.live.loglevel.get(), LogLevel::Notice);
    assert_eq!(config.live.slowlog_log_slower_than_us.get(), 10_000);
    assert!(config.live.active_expire.get());
    assert!(!config.live.requirepass.is_set());
    assert!(config.worker_threads() >= 1);
    assert_eq!(Config::from_pairs([("threads", "3")]).unwrap().worker_threads(), 3);
}

#[test]
fn a_number_is_plain_decimal_digits() {
    let parse = |text: &str| Kind::count(-5, 100).parse(text.as_bytes());
    assert_eq!(parse("0"), Ok(Value::Integer(0)));
    assert_eq!(parse("-5"), Ok(Value::Integer(-5)));
    for text in ["", "-", "+5", "05", "-0", " 5", "5 ", "5.0", "1kb", "0x10", "\u{661}"] {
        assert_eq!(parse(text), Err(Problem::NotInteger), "{text:?}");
    }
    assert_eq!(parse("99999999999999999999"), Err(Problem::OutOfRange { min: -5, max: 100 }));
}

#[test]
fn sizes_have_the_units_of_redis() {
    let parse = |text: &str| Kind::Bytes { min: 0, max: i64::MAX }.parse(text.as_bytes());
    for (text, bytes) in [
        ("7", 7),
        ("7b", 7),
        ("7k", 7000),
        ("7kb", 7 << 10),
        ("7m", 7_000_000),
        ("7Mb", 7 << 20),
        ("7g", 7_000_000_000),
        ("7GB", 7 << 30),
        ("007", 7),
    ] {
        assert_eq!(parse(text), Ok(Value::Integer(bytes)), "{text}");
    }
}

#[test]
fn an_address_tells_whether_strangers_reach_it() {
    for (text, is_loopback, is_optional) in [
        ("127.0.0.1", true, false),
        ("127.8.8.8", true, false),
        ("-::1", true, true),
        ("localhost", true, false),
        ("::ffff:127.0.0.1", true, false),
        ("0.0.0.0", false, false),
        ("*", false, false),
        ("-::*", false, true),
        ("::", false, false),
        ("10.0.0.1", false, false),
    ] {
        let address = BindAddress::parse(text).unwrap();
        assert_eq!((address.is_loopback(), address.is_optional), (is_loopback, is_optional), "{text}");
        assert_eq!(address.to_string(), text);
    }
}

#[test]
fn debug_output_never_holds_the_password() {
    let config = Config::from_pairs([("requirepass", "hunter2")]).unwrap();
    assert_eq!(config.live.requirepass.get().expose(), b"hunter2");
    let printed =
        format!("{config:?} {:?} {:?}", config.live.requirepass.get(), config.value(find(b"requirepass").unwrap()));
    assert!(!printed.contains("hunter2") && !printed.contains(&format!("{:?}", b"hunter2")), "{printed}");
}

#[test]
fn a_bind_that_strangers_reach_needs_a_password() {
    let error = Config::from_pairs([("bind", "127.0.0.1 0.0.0.0")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "bind: other machines can reach 0.0.0.0, but there is no password: set requirepass, or bind only loopback \
         addresses such as 127.0.0.1"
    );
    assert!(Config::from_pairs([("bind", "0.0.0.0"), ("requirepass", "x")]).is_ok());
    assert!(Config::from_pairs([("bind", "0.0.0.0"), ("port", "0")]).is_ok(), "nothing is bound");
}

#[test]
fn the_soft_limit_is_not_above_the_hard_limit() {
    let error = Config::from_pairs([("output-buffer-hard-limit", "1kb")]).unwrap_err().to_string();
    assert!(
        error.starts_with("output-buffer-hard-limit: the soft limit, 67108864, is above the hard limit, 1024"),
        "{error}"
    );
}

#[test]
fn a_misspelled_name_is_answered_with_the_nearest() {
    for (name, nearest) in
        [("prot", "port"), ("maxclient", "maxclients"), ("max-clients", "maxclients"), ("Require-pass", "requirepass")]
    {
        let error = Config::from_pairs([(name, "1")]).unwrap_err().to_string();
        assert_eq!(error, format!("{name}: there is no such setting; did you mean {nearest}?"));
    }
    let error = Config::from_pairs([("repl-diskless-sync", "yes")]).unwrap_err().to_string();
    assert_eq!(error, "repl-diskless-sync: there is no such setting; --help lists all");
}
