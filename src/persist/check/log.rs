//! The files of the append-only log: the manifest with all that it names, and one of its files by itself.

use super::Report;
use crate::base::clock::UnixMillis;
use crate::persist::aof::{AofError, Reader};
use crate::persist::disk::Disk;
use crate::persist::manifest::{FileKind, Manifest};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// The most commands that are told by name, and the most names that are counted apart.
const SHOWN_MAX: usize = 10;
const NAMES_MAX: usize = 1_000;
/// The longest manifest.
const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;

/// A manifest, and every file that it names.
pub(super) fn check_manifest(disk: &dyn Disk, path: &Path, now: UnixMillis, report: &mut Report) {
    let mut text = String::new();
    let read = disk.open(path).and_then(|file| file.take(MANIFEST_BYTES_MAX).read_to_string(&mut text));
    if let Err(error) = read {
        return report.fail(error);
    }
    let manifest = match Manifest::parse(&text) {
        Ok(manifest) => manifest,
        Err(error) => return report.fail(error),
    };
    let files: Vec<_> = manifest.base.iter().chain(&manifest.incremental).collect();
    report.say(format!(
        "manifest of an append only log: {} files, {} of the past",
        files.len(),
        manifest.history.len()
    ));
    for file in files {
        let kind = if file.kind == FileKind::Base { "base" } else { "incremental" };
        let part = super::file(disk, &path.with_file_name(&file.name), now);
        report.say(format!("{} ({kind} {}):", file.name, file.sequence));
        report.lines.extend(part.lines.iter().map(|line| format!("  {line}")));
        report.is_good &= part.is_good;
    }
}

/// The commands of a file from `offset` on.
pub(super) fn check_commands(reader: impl Read, offset: u64, report: &mut Report) {
    let mut reader = Reader::new(reader, offset);
    let (mut argv, mut commands, mut transactions) = (Vec::new(), 0u64, 0u64);
    let mut names: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    let ended = loop {
        match reader.next(&mut argv) {
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
            Ok(true) => {
                commands += 1;
                let name = argv[0].to_ascii_uppercase();
                transactions += u64::from(name == b"EXEC");
                if names.len() < NAMES_MAX || names.contains_key(&name) {
                    *names.entry(name).or_default() += 1;
                }
            }
        }
    };
    report.say(format!("commands up to byte {}: {commands}, with {transactions} transactions", reader.whole()));
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let shown = names.iter().take(SHOWN_MAX).map(|(name, count)| format!("{count} {}", String::from_utf8_lossy(name)));
    let shown: Vec<String> = shown.collect();
    if !shown.is_empty() {
        report.say(shown.join(", "));
    }
    match ended {
        Ok(()) => {}
        Err(error @ AofError::Truncated { whole, end }) => {
            let torn = end - whole;
            report.fail(format!(
                "{error}; as the last file of a log it is loaded, and its last {torn} bytes are cut off"
            ));
        }
        Err(error) => report.fail(error),
    }
}
