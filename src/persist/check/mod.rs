//! `tally check`: verifies files that hold data, and says what is in them. It changes nothing, and no server is needed.
//!
//! Each file is known by how it begins; a manifest, which may be empty by mistake, by its name as well. What is said of it are lines for people; whether it is good, for programs.

mod log;
mod snapshot;
#[cfg(test)]
mod tests;

use super::disk::Disk;
use crate::base::clock::UnixMillis;
use std::io::{self, Read};
use std::path::Path;

/// What a file turned out to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines for people.
    pub lines: Vec<String>,
    /// Whether a server can load it.
    pub is_good: bool,
}

impl Report {
    fn say(&mut self, line: String) {
        self.lines.push(line);
    }

    fn fail(&mut self, why: impl std::fmt::Display) {
        self.is_good = false;
        self.lines.push(format!("BAD: {why}"));
    }
}

/// How many bytes tell what a file is.
const HEAD_BYTES: usize = 6;

/// Verifies a file. Deadlines are compared with `now`. O(bytes); memory as for the largest value.
pub fn file(disk: &dyn Disk, path: &Path, now: UnixMillis) -> Report {
    let mut report = Report { lines: Vec::new(), is_good: true };
    let checked = (|| -> io::Result<()> {
        let bytes = disk.len(path)?;
        let mut head = Vec::new();
        disk.open(path)?.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        if head.starts_with(b"REDIS") || head.starts_with(b"VALKEY") {
            let end = snapshot::check(disk.open(path)?, bytes, now, &mut report);
            if let Some(end) = end.filter(|end| *end < bytes) {
                // The log of one file, as servers before 7.0 had it, may begin with a snapshot.
                let mut rest = disk.open(path)?;
                io::copy(&mut rest.by_ref().take(end), &mut io::sink())?;
                log::check_commands(rest, end, &mut report);
            }
        } else if head.starts_with(b"file ") || path.extension().is_some_and(|extension| extension == "manifest") {
            log::check_manifest(disk, path, now, &mut report);
        } else if head.starts_with(b"*") || head.starts_with(b"#") || head.is_empty() {
            report.say(format!("commands of an append only log, {bytes} bytes"));
            log::check_commands(disk.open(path)?, 0, &mut report);
        } else {
            report.fail("it is no snapshot, no append only log, and no manifest of one");
        }
        Ok(())
    })();
    if let Err(error) = checked {
        report.fail(error);
    }
    report
}
