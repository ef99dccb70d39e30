//! The command line.

use super::value;
use crate::config::{Config, Invocation, SETTINGS, Setting};

fn invoke(arguments: &[&str]) -> Result<Invocation, String> {
    let arguments = std::iter::once("tally").chain(arguments.iter().copied()).map(str::to_owned);
    Config::from_arguments(arguments).map_err(|error| error.to_string())
}

fn run(arguments: &[&str]) -> Config {
    match invoke(arguments) {
        Ok(Invocation::Run(config)) => *config,
        other => panic!("{arguments:?} should run, but: {other:?}"),
    }
}

fn print(arguments: &[&str]) -> String {
    match invoke(arguments) {
        Ok(Invocation::Print(text)) => text,
        other => panic!("{arguments:?} should print, but: {other:?}"),
    }
}

#[test]
fn files_can_be_checked_instead() {
    let words = |words: &[&str]| Config::from_arguments(words.iter().map(ToString::to_string));
    assert!(matches!(words(&["tally", "check", "a", "b"]), Ok(Invocation::Check(files)) if files.len() == 2));
    assert!(words(&["tally", "check"]).is_err());
}

#[test]
fn every_setting_is_a_flag_and_help_lists_it_with_its_default_and_its_meaning() {
    let help = print(&["--help"]);
    for setting in SETTINGS {
        assert!(help.contains(setting.why), "{} is not explained", setting.name);
        assert!(help.contains(setting.default), "{} has no default", setting.name);
        for name in setting.names() {
            assert!(help.contains(&format!("--{name}")) || help.contains(name), "{name} is not listed");
            let config = run(&[&format!("--{name}"), setting.default]);
            assert_eq!(value(&config, name).as_bytes(), setting.print(&setting.default_value()));
        }
    }
    let groups: Vec<usize> =
        SETTINGS.iter().map(|setting: &Setting| help.find(setting.group.title()).unwrap()).collect();
    assert!(groups.iter().all(|at| *at > 0));
}

#[test]
fn flags_come_in_both_forms_and_the_last_one_counts() {
    let config =
        run(&["--port=6380", "--timeout", "5", "--timeout", "6", "--slowlog-log-slower-than", "-1", "--save", ""]);
    assert_eq!(config.start.port, 6380);
    assert_eq!(config.live.timeout_secs.get(), 6);
    assert_eq!(config.live.slowlog_log_slower_than_us.get(), -1);
    assert_eq!(run(&["--bind", "-::1 127.0.0.1"]).start.bind.len(), 2);
    assert_eq!(run(&["--hash-max-ziplist-value=7"]).live.hash_max_listpack_value.get(), 7);
}

#[test]
fn no_arguments_are_the_defaults() {
    assert_eq!(run(&[]).get(&[b"*"]), Config::default().get(&[b"*"]));
}

#[test]
fn a_flag_beats_the_file_however_it_is_named() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/config/server.toml");
    for arguments in [[file, "--port", "1"].as_slice(), &["--port=1", file], &["--config", file, "--port", "1"]] {
        let config = run(arguments);
        assert_eq!((config.start.port, config.live.timeout_secs.get()), (1, 0));
        assert_eq!(config.file.unwrap().to_str(), Some(file));
    }
    assert!(invoke(&[file, "--config", file]).unwrap_err().contains("cannot be used with"));
}

#[test]
fn errors_name_the_flag() {
    assert_eq!(invoke(&["--port", "70000"]).unwrap_err(), "--port: 70000 is out of range, 0 to 65535");
    assert_eq!(invoke(&["--prot", "1"]).unwrap_err(), "--prot: there is no such setting; did you mean port?");
    assert_eq!(
        invoke(&["--bind", "0.0.0.0"]).unwrap_err(),
        "--bind: other machines can reach 0.0.0.0, but there is no password: set requirepass, or bind only loopback \
         addresses such as 127.0.0.1"
    );
    assert!(invoke(&["--port"]).unwrap_err().contains("--port"));
    assert!(invoke(&["/nowhere/x.conf"]).unwrap_err().starts_with("/nowhere/x.conf: cannot read the settings"));
}

#[test]
fn version_is_printed() {
    for flag in ["--version", "-v", "-V"] {
        assert_eq!(print(&[flag]), format!("tally {}\n", env!("CARGO_PKG_VERSION")));
    }
}
