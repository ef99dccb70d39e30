//! The manifest: which files the append-only log consists of. What it does not name does not count, so replacing it is the only commit there is.
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b      a snapshot; at most one, first
//! file appendonly.aof.4.incr.aof seq 4 type i      effects since; in ascending order
//! file appendonly.aof.1.incr.aof seq 1 type h      not part of it any more, and to be removed
//! ```
//! A name with blanks or odd bytes is quoted. The format is Redis' of version 7.0.

use crate::config::split_words;
use std::fmt::{self, Write};

/// What a file of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Everything up to a moment.
    Base,
    /// Effects after it.
    Incremental,
    /// Nothing any more.
    History,
}

impl FileKind {
    const fn letter(self) -> char {
        match self {
            Self::Base => 'b',
            Self::Incremental => 'i',
            Self::History => 'h',
        }
    }
}

/// A file of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Its name, without a path.
    pub name: String,
    /// Its number among those of its kind.
    pub sequence: u64,
    /// What it is.
    pub kind: FileKind,
}

/// The files of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The snapshot.
    pub base: Option<LogFile>,
    /// Effects, the oldest first.
    pub incremental: Vec<LogFile>,
    /// What may be removed.
    pub history: Vec<LogFile>,
}

/// A manifest that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the manifest: {}", self.line, self.what)
    }
}

impl std::error::Error for ManifestError {}

/// The longest line.
const LINE_BYTES_MAX: usize = 1024;

impl LogFile {
    /// The incremental file with the next number.
    pub fn after(&self, prefix: &str) -> Self {
        let sequence = self.sequence + 1;
        Self { name: format!("{prefix}.{sequence}.incr.aof"), sequence, kind: FileKind::Incremental }
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong with which line.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let mut manifest = Self::default();
        for (index, line) in text.lines().enumerate() {
            let refused = |what| ManifestError { line: index + 1, what };
            if line.starts_with('#') {
                continue;
            }
            if line.len() > LINE_BYTES_MAX {
                return Err(refused("it is too long"));
            }
            let file = file(line).map_err(refused)?;
            match file.kind {
                FileKind::Base if manifest.base.is_some() => return Err(refused("a second base file")),
                FileKind::Base => manifest.base = Some(file),
                FileKind::Incremental => {
                    if manifest.incremental.last().is_some_and(|before| before.sequence >= file.sequence) {
                        return Err(refused("an incremental file out of order"));
                    }
                    manifest.incremental.push(file);
                }
                FileKind::History => manifest.history.push(file),
            }
        }
        if manifest.base.is_none() && manifest.incremental.is_empty() && manifest.history.is_empty() {
            return Err(ManifestError { line: 1, what: "it names no file" });
        }
        Ok(manifest)
    }

    /// The file that comes after the last incremental one.
    pub fn next_incremental(&self, prefix: &str) -> LogFile {
        let sequence = self.incremental.iter().chain(&self.history).map(|file| file.sequence).max().unwrap_or(0) + 1;
        LogFile { name: format!("{prefix}.{sequence}.incr.aof"), sequence, kind: FileKind::Incremental }
    }

    /// The base that comes after this one.
    pub fn next_base(&self, prefix: &str) -> LogFile {
        let is_base = |file: &&LogFile| file.name.contains(".base.");
        let before = self.base.iter().chain(self.history.iter().filter(is_base)).map(|file| file.sequence).max();
        let sequence = before.unwrap_or(0) + 1;
        LogFile { name: format!("{prefix}.{sequence}.base.rdb"), sequence, kind: FileKind::Base }
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in self.base.iter().chain(&self.history).chain(&self.incremental) {
            let LogFile { name, sequence, kind } = file;
            f.write_str("file ")?;
            put_name(name, f)?;
            writeln!(f, " seq {sequence} type {}", kind.letter())?;
        }
        Ok(())
    }
}

fn file(line: &str) -> Result<LogFile, &'static str> {
    let mut words = words(line)?.into_iter();
    let (mut name, mut sequence, mut kind) = (None, None, None);
    while let Some(word) = words.next() {
        let value = words.next().ok_or("a word without a value")?;
        match word.to_ascii_lowercase().as_str() {
            "file" => name = Some(value),
            "seq" => sequence = Some(value.parse::<u64>().map_err(|_| "the sequence is no number")?),
            "type" => {
                kind = Some(match value.as_str() {
                    "b" => FileKind::Base,
                    "i" => FileKind::Incremental,
                    "h" => FileKind::History,
                    _ => return Err("a type that is none of b, i and h"),
                });
            }
            // Later versions may say more.
            _ => {}
        }
    }
    let name = name.filter(|name| !name.is_empty()).ok_or("no file is named")?;
    if name.contains('/') || name == "." || name == ".." {
        return Err("the file's name is a path");
    }
    let (sequence, kind) = (sequence.filter(|seq| *seq > 0).ok_or("no sequence")?, kind.ok_or("no type")?);
    Ok(LogFile { name, sequence, kind })
}

/// The words of a line, which may be quoted.
fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let words = split_words(line.as_bytes()).ok_or("a quote that does not end, or ends within a word")?;
    let words: Result<Vec<String>, _> = words.into_iter().map(String::from_utf8).collect();
    let words = words.map_err(|_| "a word that is not UTF-8")?;
    if words.is_empty() { Err("it is empty") } else { Ok(words) }
}

/// A name as a manifest has it: in quotes, with escapes, if it would be something else without.
fn put_name(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'\'')) {
        return f.write_str(name);
    }
    f.write_char('"')?;
    for byte in name.bytes() {
        match byte {
            b'"' | b'\\' => write!(f, "\\{}", char::from(byte))?,
            b' ' | b'!'..=b'~' => f.write_char(char::from(byte))?,
            other => write!(f, "\\x{other:02x}")?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let text = "file a.aof.2.base.rdb seq 2 type b\nfile \"a b\\\"c.1.incr.aof\" seq 1 type h\nfile a.aof.4.incr.aof seq 4 type i\n";
        let manifest = Manifest::parse(text).expect("it is well formed");
        assert_eq!(manifest.history[0].name, "a b\"c.1.incr.aof");
        assert_eq!(manifest.to_string(), text);
        assert_eq!(manifest.next_incremental("a.aof").name, "a.aof.5.incr.aof");
        assert_eq!(manifest.next_base("a.aof").name, "a.aof.3.base.rdb");
    }

    #[test]
    fn names_are_quoted_as_redis_does() {
        let names = ["plain-1.aof", "a b", "it's", "line\nfeed\t\u{7f}", "gr\u{f6}\u{df}e", "back\\slash\"quote"];
        for name in names {
            let file = LogFile { name: name.into(), sequence: 1, kind: FileKind::Base };
            let text = Manifest { base: Some(file.clone()), ..Manifest::default() }.to_string();
            assert_eq!(text.lines().count(), 1, "{text}");
            assert_eq!(Manifest::parse(&text).expect("it was written so").base, Some(file));
        }
        let of_redis = "file \"a\\n\\x41 b.aof\" seq 1 type i\n";
        assert_eq!(Manifest::parse(of_redis).expect("Redis writes such").incremental[0].name, "a\nA b.aof");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let wrong = |text: &str| Manifest::parse(text).expect_err("it is not well formed").to_string();
        assert_eq!(wrong(""), "line 1 of the manifest: it names no file");
        assert_eq!(wrong("file a seq 1 type x"), "line 1 of the manifest: a type that is none of b, i and h");
        assert_eq!(wrong("file ../a seq 1 type b"), "line 1 of the manifest: the file's name is a path");
        assert_eq!(wrong("file a seq 1 type b\nfile b seq 2 type b"), "line 2 of the manifest: a second base file");
        let out_of_order = "file a seq 2 type i\nfile b seq 2 type i";
        assert_eq!(wrong(out_of_order), "line 2 of the manifest: an incremental file out of order");
    }
}
