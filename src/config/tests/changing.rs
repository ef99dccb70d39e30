//! CONFIG GET and CONFIG SET. The texts are those of redis-server 7.0.15, asked.

use super::value;
use crate::config::{Change, Config, SETTINGS, Setting};
use proptest::prelude::*;

fn set(config: &Config, pairs: &[(&str, &str)]) -> Result<Vec<&'static str>, String> {
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let changed = config.set(&pairs).map_err(|error| error.to_string())?;
    Ok(changed.into_iter().map(|setting| setting.name).collect())
}

fn names(config: &Config, patterns: &[&str]) -> Vec<&'static str> {
    let patterns: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
    config.get(&patterns).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn get_takes_patterns_and_replies_each_name_once() {
    let config = Config::default();
    assert_eq!(names(&config, &["port", "PORT", "[pq]ort"]), ["port"]);
    assert_eq!(names(&config, &["nothing"]), [""; 0]);
    assert_eq!(
        names(&config, &["HASH-max-*"]),
        ["hash-max-listpack-entries", "hash-max-ziplist-entries", "hash-max-listpack-value", "hash-max-ziplist-value"]
    );
    assert_eq!(names(&config, &["*"]).len(), SETTINGS.iter().flat_map(Setting::names).count());
}

#[test]
fn get_prints_values_as_redis_does() {
    let config =
        Config::from_pairs([("unixsocketperm", "770"), ("loglevel", "VERBOSE"), ("requirepass", "x y")]).unwrap();
    for (name, text) in [
        ("bind", "127.0.0.1 -::1"),
        ("proto-max-bulk-len", "536870912"),
        ("unixsocketperm", "770"),
        ("loglevel", "verbose"),
        ("requirepass", "x y"),
        ("save", "3600 1 300 100 60 10000"),
        ("appendonly", "no"),
        ("maxmemory", "0"),
        ("maxmemory-policy", "noeviction"),
        ("slowlog-log-slower-than", "10000"),
        ("busy-reply-threshold", "5000"),
    ] {
        assert_eq!(value(&config, name), text, "{name}");
    }
}

#[test]
fn set_changes_what_readers_see_and_tells_what_changed() {
    let config = Config::default();
    assert_eq!(
        set(&config, &[("TIMEOUT", "7"), ("maxclients", "5"), ("script-kill-writes", "yes")]).unwrap(),
        ["timeout", "maxclients", "script-kill-writes"]
    );
    assert_eq!(config.live.timeout_secs.get(), 7);
    assert_eq!(config.live.maxclients.get(), 5);
    assert!(config.live.script_kill_writes.get());
    set(&config, &[("requirepass", "secret"), ("slowlog-log-slower-than", "-1")]).unwrap();
    assert!(config.live.requirepass.is_set());
    assert_eq!(config.live.slowlog_log_slower_than_us.get(), -1);
}

#[test]
fn an_alias_sets_the_same_value_and_the_last_one_counts() {
    let config = Config::default();
    set(&config, &[("hash-max-ziplist-entries", "5"), ("hash-max-listpack-entries", "6")]).unwrap();
    assert_eq!(config.live.hash_max_listpack_entries.get(), 6);
    set(&config, &[("busy-reply-threshold", "9")]).unwrap();
    assert_eq!(value(&config, "lua-time-limit"), "9");
}

#[test]
fn set_fails_in_the_words_of_redis_and_changes_nothing() {
    let failed = |name: &str, why: &str| format!("CONFIG SET failed (possibly related to argument '{name}') - {why}");
    let unknown = "Unknown option or number of arguments for CONFIG SET - 'foo'".to_owned();
    let number = "argument couldn't be parsed into an integer";
    let immutable = "can't set immutable config";
    for (pairs, text) in [
        (&[("timeout", "9"), ("foo", "bar")] as &[_], unknown),
        (&[("timeout", "abc")], failed("timeout", number)),
        (&[("Timeout", "05")], failed("timeout", number)),
        (&[("timeout", "-1")], failed("timeout", "argument must be between 0 and 2147483647 inclusive")),
        (&[("timeout", "5"), ("TIMEOUT", "6")], failed("TIMEOUT", "duplicate parameter")),
        (&[("timeout", "9"), ("databases", "2")], failed("databases", immutable)),
        (&[("timeout", "xx"), ("databases", "2")], failed("databases", immutable)),
        (&[("databases", "1"), ("foo", "2")], failed("databases", immutable)),
        (&[("port", "6379")], failed("port", immutable)),
        (&[("dir", "/tmp")], failed("dir", "can't set protected config")),
        (&[("DBFILENAME", "x.rdb")], failed("DBFILENAME", "can't set protected config")),
        (
            &[("timeout", "9"), ("maxclients", "0")],
            failed("maxclients", "argument must be between 1 and 4294967295 inclusive"),
        ),
        (
            &[("loglevel", "foo")],
            failed("loglevel", "argument(s) must be one of the following: debug, verbose, notice, warning"),
        ),
        (&[("script-kill-writes", "maybe")], failed("script-kill-writes", "argument must be 'yes' or 'no'")),
        (&[("maxmemory", "10x")], failed("maxmemory", "argument must be a memory value")),
        (&[("maxmemory", "-1")], failed("maxmemory", "argument must be a memory value")),
        (&[("maxmemory", "1%")], failed("maxmemory", "argument must be a memory value")),
        (
            &[("maxmemory-samples", "0")],
            failed("maxmemory-samples", "argument must be between 1 and 2147483647 inclusive"),
        ),
        (
            &[("maxmemory-eviction-tenacity", "101")],
            failed("maxmemory-eviction-tenacity", "argument must be between 0 and 100 inclusive"),
        ),
        (&[("lfu-log-factor", "-1")], failed("lfu-log-factor", "argument must be between 0 and 2147483647 inclusive")),
        (
            &[("maxmemory-policy", "lru")],
            failed(
                "maxmemory-policy",
                "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, \
                 allkeys-lfu, allkeys-random, volatile-s3fifo, allkeys-s3fifo, noeviction",
            ),
        ),
        (
            &[("lua-time-limit", "-1")],
            failed("lua-time-limit", "argument must be between 0 and 9223372036854775807 inclusive"),
        ),
    ] {
        let config = Config::default();
        let before = config.get(&[b"*"]);
        assert_eq!(set(&config, pairs).unwrap_err(), text);
        assert_eq!(config.get(&[b"*"]), before, "{pairs:?} changed something");
    }
}

#[test]
fn a_fixed_setting_takes_its_value_and_refuses_others_with_the_reason() {
    let config = Config::default();
    for setting in SETTINGS.iter().filter(|setting| setting.change() == Change::Never) {
        set(&config, &[(setting.name, setting.default)]).unwrap();
    }
    assert_eq!(
        set(&config, &[("cluster-enabled", "yes")]).unwrap_err(),
        "CONFIG SET failed (possibly related to argument 'cluster-enabled') - cluster mode is not supported; this version accepts only 'no'"
    );
}

#[test]
fn the_password_stays_while_strangers_can_reach_the_server() {
    let config = Config::from_pairs([("bind", "0.0.0.0"), ("requirepass", "x")]).unwrap();
    let error = set(&config, &[("timeout", "1"), ("requirepass", "")]).unwrap_err();
    assert!(
        error.starts_with(
            "CONFIG SET failed (possibly related to argument 'requirepass') - other machines can reach 0.0.0.0"
        ),
        "{error}"
    );
    assert!(config.live.requirepass.is_set());
    assert_eq!(config.live.timeout_secs.get(), 0);
    set(&config, &[("requirepass", "y")]).unwrap();
}

#[test]
fn rules_are_checked_against_all_new_values_together() {
    let config = Config::default();
    assert!(set(&config, &[("output-buffer-soft-limit", "1gb")]).is_err());
    set(&config, &[("output-buffer-soft-limit", "1gb"), ("output-buffer-hard-limit", "2gb")]).unwrap();
}

#[test]
fn a_password_is_bytes() {
    let config = Config::default();
    config.set(&[(b"requirepass", b"\xff\0\r\n")]).unwrap();
    assert_eq!(config.live.requirepass.get().expose(), b"\xff\0\r\n");
    assert_eq!(config.get(&[b"requirepass"]), [("requirepass", b"\xff\0\r\n".to_vec())]);
    assert!(config.set(&[(b"timeout", b"\xff")]).is_err());
    assert!(config.set(&[(b"\xff", b"1")]).is_err());
}

proptest! {
    #[test]
    fn set_takes_any_bytes_without_a_panic_and_is_all_or_nothing(
        pairs in prop::collection::vec((0..SETTINGS.len(), prop::collection::vec(any::<u8>(), 0..12), any::<bool>()), 1..4)
    ) {
        let config = Config::default();
        let before = config.get(&[b"*"]);
        let pairs: Vec<(&[u8], &[u8])> = pairs
            .iter()
            .map(|(row, bytes, plain)| {
                let setting = &SETTINGS[*row];
                (setting.name.as_bytes(), if *plain { setting.default.as_bytes() } else { bytes.as_slice() })
            })
            .collect();
        match config.set(&pairs) {
            Ok(changed) => prop_assert_eq!(changed.len(), pairs.len()),
            Err(_) => prop_assert_eq!(config.get(&[b"*"]), before),
        }
    }
}
