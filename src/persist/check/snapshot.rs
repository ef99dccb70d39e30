//! A snapshot: its version, what it says about its writer, how many keys of which types its databases have, and its checksum.
//!
//! Whether a key stands in it twice is not found, for that would take as much memory as the keys.

use super::Report;
use crate::base::clock::UnixMillis;
use crate::persist::rdb::{Checksum, Decoder, Entry, Item, Limits, RdbError, Skipped};
use std::collections::BTreeMap;
use std::io::Read;

/// More characters than this of what a file says about its writer are not shown.
const SHOWN_MAX: usize = 80;

/// What a database has.
#[derive(Debug, Default)]
struct Contents {
    /// By the name of the type, or of why a key has no value.
    kinds: BTreeMap<&'static str, u64>,
    volatile: u64,
    expired: u64,
}

/// Returns where the snapshot ends, if it does.
pub(super) fn check(reader: impl Read, bytes: u64, now: UnixMillis, report: &mut Report) -> Option<u64> {
    let mut decoder = match Decoder::new(reader, Limits::default()) {
        Ok(decoder) => decoder,
        Err(error) => {
            report.fail(error);
            return None;
        }
    };
    let whose = if decoder.version().is_valkey() { "Valkey's" } else { "Redis'" };
    report.say(format!("snapshot in {whose} format, version {}, {bytes} bytes", decoder.version().number()));
    let mut databases: BTreeMap<u64, Contents> = BTreeMap::new();
    let mut functions = 0;
    let checked = read(&mut decoder, now, report, &mut databases, &mut functions);
    for (db, contents) in &databases {
        let keys: u64 = contents.kinds.values().sum();
        let kinds: Vec<String> = contents.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let Contents { volatile, expired, .. } = contents;
        report.say(format!(
            "database {db}: {keys} keys, {volatile} with a deadline, {expired} expired: {}",
            kinds.join(", ")
        ));
    }
    if functions > 0 {
        report.say(format!("{functions} libraries of functions"));
    }
    match checked {
        Ok(Checksum::Right) => report.say("the checksum is right".to_owned()),
        Ok(Checksum::Absent) => report.say("this version has no checksum".to_owned()),
        Ok(Checksum::Disabled) => report.say("it was written without a checksum".to_owned()),
        Ok(Checksum::Wrong { found, computed }) => {
            report.fail(format!("the checksum is {found:016x}, but that of what was read is {computed:016x}"));
        }
        Err(error) => {
            report.fail(error);
            return None;
        }
    }
    Some(decoder.offset())
}

fn read(
    decoder: &mut Decoder<impl Read>,
    now: UnixMillis,
    report: &mut Report,
    databases: &mut BTreeMap<u64, Contents>,
    functions: &mut u64,
) -> Result<Checksum, RdbError> {
    let mut db = 0;
    loop {
        let Some(item) = decoder.next()? else { unreachable!("the end is an item") };
        let mut count = |kind| *databases.entry(db).or_default().kinds.entry(kind).or_default() += 1;
        match item {
            Item::Aux(name, text) => report.say(format!("{}: {}", shown(&name), shown(&text))),
            Item::Function(_) => *functions += 1,
            Item::SelectDb(number) => db = number,
            Item::ResizeDb(..) => {}
            Item::Skipped(_, Skipped::Empty) => count("without elements, which are left out when it is loaded"),
            Item::Entry(Entry { value, properties, .. }) => {
                count(value.lend().type_name());
                let contents = databases.entry(db).or_default();
                if let Some(deadline) = properties.deadline_ms {
                    contents.volatile += 1;
                    contents.expired += u64::from(deadline < now);
                }
            }
            Item::End(checksum) => return Ok(checksum),
        }
    }
}

/// As much of it as fits on a line.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.chars().filter(|character| !character.is_control()).take(SHOWN_MAX).collect()
}
