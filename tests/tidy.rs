//! The rules of the house that a compiler does not check: layers, homes of dependencies, file heads and lengths, loose ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the tree fails where it stands")]

use std::fs;
use std::path::{Path, PathBuf};

/// Past this, a file has two subjects.
const LINES_MAX: usize = 600;

/// Where a dependency may be named. A crate that is not listed may be used anywhere.
const HOMES: &[(&str, &[&str])] = &[
    ("tokio", &["net", "http", "persist", "server", "main.rs"]),
    ("mlua", &["script"]),
    ("prometheus", &["metrics"]),
    ("axum", &["http"]),
    ("hyper", &["http"]),
    ("clap", &["config"]),
    ("toml", &["config"]),
    ("serde", &["config", "http", "script"]),
    ("ahash", &["base"]),
    ("tikv_jemalloc_sys", &["base"]),
    ("libc", &["base", "net", "server"]),
    ("parking_lot", &["base"]),
    ("loom", &["base", "keyspace"]),
    ("socket2", &["net"]),
    ("std::fs", FILE_HOMES),
    ("fs", FILE_HOMES),
];

/// Who touches files. Those that hold data have one home.
const FILE_HOMES: &[&str] = &["base", "config", "net", "server", "persist/disk/real.rs", "persist/disk/tests.rs"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, extension: &str, into: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files_below(&path, extension, into);
        } else if path.extension().is_some_and(|found| found == extension) {
            into.push(path);
        }
    }
}

/// Every source file as (path below src, text).
fn sources() -> Vec<(String, String)> {
    let src = root().join("src");
    let mut files = Vec::new();
    files_below(&src, "rs", &mut files);
    assert!(files.len() > 50, "the sources were found");
    let name = |path: &Path| path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// The text without comments, so that a module may be named in prose.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

fn module_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

fn fail_if_any(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

#[test]
fn a_module_uses_only_modules_that_stand_above_it_in_lib_rs() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let order: Vec<&str> =
        lib.lines().filter_map(|line| line.trim().strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(order.len() > 8 && order[0] == "base", "lib.rs lists the layers, base first: {order:?}");
    let mut broken = Vec::new();
    for (file, text) in sources() {
        let own = module_of(&file);
        let Some(own_at) = order.iter().position(|module| *module == own) else { continue };
        for (number, line) in code(&text).lines().enumerate() {
            for part in line.split("crate::").skip(1) {
                let used: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if order.iter().position(|module| *module == used).is_some_and(|at| at > own_at) {
                    broken.push(format!("src/{file}:{}: {own} uses {used}, which stands below it", number + 1));
                }
            }
        }
    }
    fail_if_any(&broken, "layers");
}

#[test]
fn dependencies_are_named_only_in_their_homes() {
    let mut broken = Vec::new();
    for (file, text) in sources() {
        let text = code(&text);
        for (dependency, homes) in HOMES {
            let home = homes.iter().any(|home| module_of(&file) == *home || file == *home);
            let named = text.contains(&format!("use {dependency}::"))
                || text.match_indices(&format!("{dependency}::")).any(|(at, _)| {
                    let before = text[..at].chars().next_back();
                    before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
                });
            if named && !home {
                broken.push(format!("src/{file} names {dependency}, whose homes are {homes:?}"));
            }
        }
    }
    fail_if_any(&broken, "homes of dependencies");
}

#[test]
fn every_file_says_first_what_it_answers_and_has_one_subject() {
    let mut broken = Vec::new();
    for (file, text) in sources() {
        let head = text.lines().next().unwrap_or("");
        if !head.starts_with("//!") && !head.starts_with("#![doc") {
            broken.push(format!("src/{file} does not begin with a //! sentence"));
        }
        if text.lines().count() > LINES_MAX {
            broken.push(format!("src/{file} has more than {LINES_MAX} lines"));
        }
    }
    fail_if_any(&broken, "heads and lengths");
}

#[test]
fn nothing_is_left_for_later() {
    // Spelled apart, so that this file does not find itself.
    let loose = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("TO", "DO"), concat!("FIX", "ME")];
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "examples"] {
        files_below(&root().join(folder), "rs", &mut files);
    }
    let mut broken = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            if loose.iter().any(|word| line.contains(word)) || line.contains(concat!("#[", "ignore")) {
                broken.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    fail_if_any(&broken, "loose ends");
}

#[test]
fn unsafe_code_stands_only_in_files_that_say_why() {
    let mut broken = Vec::new();
    for (file, text) in sources() {
        let uses = code(&text)
            .lines()
            .any(|line| line.contains("unsafe {") || line.contains("unsafe fn") || line.contains("unsafe impl"));
        let squeezed: String = text.split_whitespace().collect();
        if uses && !(squeezed.contains("expect(unsafe_code,reason") || squeezed.contains("allow(unsafe_code,reason")) {
            broken.push(format!("src/{file}"));
        }
        // Who only declares what is unsafe says what it asks for, in its docs.
        if uses && !text.contains("SAFETY") && !text.contains("# Safety") {
            broken.push(format!("src/{file} has unsafe code without a SAFETY comment"));
        }
    }
    fail_if_any(&broken, "unsafe code");
}

#[test]
fn every_command_appears_in_a_transcript() {
    let mut files = Vec::new();
    files_below(&root().join("tests/transcripts"), "resp", &mut files);
    let transcripts: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let sent: Vec<String> = transcripts
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("> "))
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ").to_ascii_uppercase())
        .collect();
    let missing: Vec<String> = tally::engine::COMMANDS
        .rows()
        .iter()
        .filter(|row| {
            let full = format!("{} {}", row.name, row.subcommand);
            !sent.iter().any(|line| {
                if row.subcommand.is_empty() { line.split(' ').next() == Some(row.name) } else { *line == full }
            })
        })
        .map(|row| row.full_name())
        .collect();
    fail_if_any(&missing, "commands without a transcript");
}
