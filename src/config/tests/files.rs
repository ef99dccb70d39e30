//! Settings files in both forms.

use super::value;
use crate::config::flags::by_group;
use crate::config::{Change, Config, Kind, SETTINGS, Setting, split_words};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that is gone when the test is over.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tally-config-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn load(name: &str, text: &str) -> Result<Config, String> {
    let directory = Directory::new();
    let path = directory.write(name, text);
    Config::from_file(&path).map_err(|error| error.to_string().replace(&format!("{}/", directory.0.display()), ""))
}

fn error(name: &str, text: &str) -> String {
    load(name, text).unwrap_err()
}

fn project_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// A default as TOML has it.
fn toml_value(setting: &Setting) -> String {
    match setting.kind {
        Kind::Bool => (setting.default == "yes").to_string(),
        Kind::Integer { .. } => setting.default.to_owned(),
        Kind::Bytes { .. } if setting.default == "0" => setting.default.to_owned(),
        Kind::Addresses => {
            let words: Vec<String> = setting.default.split(' ').map(|word| format!("{word:?}")).collect();
            format!("[{}]", words.join(", "))
        }
        _ => format!("{:?}", setting.default),
    }
}

/// What `config/server.toml` should be.
fn expected_toml() -> String {
    let mut text = "# Every setting of Tally with its default. A line may be left out; names are those of `tally --help`.\n\
                    # A flag of the same name beats this file. CONFIG SET changes the settings marked \"any time\" while the server runs.\n\
                    # Sizes may be written as \"64mb\" (1kb = 1024, 1k = 1000).\n"
        .to_owned();
    let mut group = None;
    for setting in by_group() {
        if group.replace(setting.group) != Some(setting.group) {
            let title = setting.group.title();
            text.push_str(&format!("\n# ---- {title} ----\n"));
        }
        let when = match setting.change() {
            Change::AtStart => format!("{}; at start", setting.kind.describe()),
            Change::AnyTime => format!("{}; any time", setting.kind.describe()),
            Change::Never => "fixed".to_owned(),
        };
        text.push_str(&format!("\n# {} [{when}]\n{} = {}\n", setting.why, setting.name, toml_value(setting)));
    }
    text
}

#[test]
fn the_file_of_all_settings_lists_exactly_the_table_with_its_defaults() {
    let text = std::fs::read_to_string(project_file("server.toml")).unwrap();
    let expected = expected_toml();
    assert!(text == expected, "config/server.toml should be:\n{expected}");
    let config = Config::from_file(&project_file("server.toml")).unwrap();
    assert_eq!(config.get(&[b"*"]), Config::default().get(&[b"*"]));
}

#[test]
fn the_example_in_the_form_of_redis_can_be_loaded() {
    let config = Config::from_file(&project_file("tally.conf")).unwrap();
    assert_eq!(config.file, Some(project_file("tally.conf")));
    assert_eq!(value(&config, "port"), "6379");
}

#[test]
fn both_forms_say_the_same() {
    let toml = load(
        "a.toml",
        "port = 6380\nbind = [\"127.0.0.1\", \"-::1\"]\nproto-max-bulk-len = \"64mb\"\nclient-query-buffer-limit = 2097152\n\
         script-kill-writes = true\nactive-expire = \"no\"\nunixsocketperm = 0o700\nslowlog-log-slower-than = -1\n\
         requirepass = \"a b\"\nsave = \"\"\ntimeout = 0x10\n",
    )
    .unwrap();
    let conf = load(
        "a.conf",
        "# comment\n\n  port 6380\r\nBIND 127.0.0.1 -::1\nproto-max-bulk-len 64mb\nclient-query-buffer-limit 2mb\n\
         script-kill-writes yes\nactive-expire no\nunixsocketperm 700\nslowlog-log-slower-than -1\n\
         requirepass \"a\\x20b\"\nsave ''\ntimeout 16",
    )
    .unwrap();
    assert_eq!(toml.get(&[b"*"]), conf.get(&[b"*"]));
    assert_eq!(toml.start.unixsocketperm, 0o700);
    assert_eq!(toml.live.requirepass.get().expose(), b"a b");
}

/// As in redis.conf, where the points are often a line each.
#[test]
fn lines_of_save_add_up_and_an_empty_one_takes_away_those_before() {
    for (text, expected) in [
        ("", "3600 1 300 100 60 10000"),
        ("save 900 1\nport 7000\nsave 300 10 60 5", "900 1 300 10 60 5"),
        ("save 900 1\nsave \"\"", ""),
        ("save ''\nsave 5 1", "5 1"),
    ] {
        assert_eq!(value(&load("a.conf", text).unwrap(), "save"), expected, "{text}");
    }
    assert_eq!(value(&load("a.toml", "save = [\"900 1\", \"60 5\"]").unwrap(), "save"), "900 1 60 5");
}

#[test]
fn an_error_names_file_line_setting_value_and_range() {
    for (text, expected) in [
        ("\n\nport = 70000\n", "a.toml:3: port: 70000 is out of range, 0 to 65535"),
        (
            "timeout = 1\nport = 99999999999999999999\n",
            "a.toml:2: port: 99999999999999999999 is out of range, 0 to 65535",
        ),
        ("port = \"abc\"", "a.toml:1: port: \"abc\" is not an integer; allowed: 0 to 65535"),
        ("port = true", "a.toml:1: port: true is not of the right type; allowed: 0 to 65535"),
        ("port = [1]", "a.toml:1: port: [1] is not of the right type; allowed: 0 to 65535"),
        ("script-memory-limit = \"1kb\"", "a.toml:1: script-memory-limit: \"1kb\" is out of range, 1mb to 16gb"),
        ("active-expire = 1", "a.toml:1: active-expire: 1 is not of the right type; allowed: yes or no"),
        (
            "requirepass = 12345",
            "a.toml:1: requirepass: the password is not of the right type; allowed: text, kept secret",
        ),
        ("loglevel = \"loud\"", "a.toml:1: loglevel: \"loud\" is none of debug, verbose, notice, warning"),
        ("prot = 1", "a.toml:1: prot: there is no such setting; did you mean port?"),
        ("[port]\n", "a.toml:1: port: [port] is not of the right type; allowed: 0 to 65535"),
        (
            "maxmemory-policy = \"lru\"",
            "a.toml:1: maxmemory-policy: \"lru\" is none of volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, \
             allkeys-lfu, allkeys-random, volatile-s3fifo, allkeys-s3fifo, noeviction",
        ),
        ("save = \"900\"", "a.toml:1: save: \"900\" is no list of pairs of seconds and changes such as 3600 1 300 100"),
        (
            "timeout = 1\nbind = [\"0.0.0.0\"]",
            "a.toml:2: bind: other machines can reach 0.0.0.0, but there is no password: set requirepass, or bind only \
             loopback addresses such as 127.0.0.1",
        ),
    ] {
        assert_eq!(error("a.toml", text), expected);
    }
    for (text, expected) in [
        ("\nport 70000", "a.conf:2: port: 70000 is out of range, 0 to 65535"),
        ("port", "a.conf:1: port: needs a value; \"\" is the empty one"),
        ("port \"\"", "a.conf:1: port: \"\" is not an integer; allowed: 0 to 65535"),
        ("unixsocketperm 999", "a.conf:1: unixsocketperm: 999 is not an octal number; allowed: octal, 0 to 777"),
        (
            "script-memory-limit much",
            "a.conf:1: script-memory-limit: much is not a memory size such as 1048576, 100kb or 64mb; allowed: 1mb to 16gb",
        ),
        (
            "\ninclude /nowhere/b.conf",
            "a.conf:2: include: /nowhere/b.conf: cannot read the settings: No such file or directory (os error 2)",
        ),
        ("port 1 # mine", "a.conf:1: port: takes one value, not 3; a comment needs a line of its own"),
        ("port \"1", "a.conf:1: a quote is not closed, or not at a word's end"),
        (
            "save 900 0x1",
            "a.conf:1: save: \"900 0x1\" is no list of pairs of seconds and changes such as 3600 1 300 100",
        ),
        (
            "dbfilename a/b",
            "a.conf:1: dbfilename: dbfilename can't be a path, just a filename: the directory is the setting dir",
        ),
        ("bind example.org", "a.conf:1: bind: example.org is not an IP address; host names are not looked up"),
        ("tcp-keepalives 1", "a.conf:1: tcp-keepalives: there is no such setting; did you mean tcp-keepalive?"),
        ("timeout -1", "a.conf:1: timeout: -1 is out of range, 0 to 2147483647 (seconds)"),
    ] {
        assert_eq!(error("a.conf", text), expected);
    }
}

#[test]
fn a_password_is_not_repeated_in_an_error() {
    let long = "hunter2".repeat(1000);
    let error = error("a.conf", &format!("requirepass {long}"));
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_malformed_toml_file_is_reported_with_its_line() {
    for text in ["port = 1\nport = 2\n", "port = 1\ntimeout =\n", "port = 1\n= 3", "port = 1\nx = \"\u{e9}"] {
        let error = error("a.toml", text);
        assert!(error.starts_with("a.toml:2: "), "{error}");
    }
}

#[test]
fn the_last_of_a_directive_counts() {
    assert_eq!(load("a.conf", "port 1\nport 2\n").unwrap().start.port, 2);
}

#[test]
fn a_file_includes_another_but_not_without_end() {
    let directory = Directory::new();
    let other = directory.write("other.conf", "port 7\n");
    let first =
        directory.write("first.conf", &format!("port 5\ninclude {:?}\ntimeout 3\n", other.display().to_string()));
    let config = Config::from_file(&first).unwrap();
    assert_eq!((config.start.port, config.live.timeout_secs.get()), (7, 3));

    let endless = directory.0.join("endless.conf");
    directory.write("endless.conf", &format!("include {}\n", endless.display()));
    let error = Config::from_file(&endless).unwrap_err().to_string();
    assert!(error.ends_with("include: files include each other more than 8 deep"), "{error}");
}

#[test]
fn a_missing_file_is_reported_with_its_path() {
    let error = Config::from_file(Path::new("/nowhere/tally.toml")).unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/tally.toml: cannot read the settings: "), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn every_setting_can_be_written_in_either_form() {
    for setting in SETTINGS {
        let toml = load("a.toml", &format!("{} = {}\n", setting.name, toml_value(setting)));
        assert!(toml.is_ok(), "{}: {:?}", setting.name, toml.err());
        for name in setting.names() {
            let conf = load("a.conf", &format!("{name} {:?}\n", setting.default));
            assert!(conf.is_ok(), "{name}: {:?}", conf.err());
        }
    }
}

#[test]
fn words_are_split_as_redis_splits_them() {
    let split = |line: &str| {
        split_words(line.as_bytes())
            .map(|words| words.into_iter().map(|word| String::from_utf8_lossy(&word).into_owned()).collect::<Vec<_>>())
    };
    let words = |list: &[&str]| Some(list.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(split(""), words(&[]));
    assert_eq!(split("  a\t b  "), words(&["a", "b"]));
    assert_eq!(split(r#"a "b c" '' "" 'd\'e' "\n\x41\q\"""#), words(&["a", "b c", "", "", "d'e", "\nAq\""]));
    assert_eq!(split(r#""\x4""#), words(&["x4"]));
    assert_eq!(split(r#"a"b c""#), words(&["ab c"]));
    for broken in [r#""a"#, r#""a"b"#, "'a", "'a'b", r#""a\""#, "a 'b"] {
        assert_eq!(split(broken), None, "{broken}");
    }
}
