//! COMMAND INFO: the ten elements that describe a command.

use super::Described;
use crate::command::{CommandSpec, CommandTable, Flags, KeySpec};
use crate::resp::reply::{Aggregate, ReplySink};

/// Why a command's key specification is broader than one would think, in the words of Redis.
const NOTES: &[(&str, &str)] = &[
    ("GETEX", "RW and UPDATE because it changes the TTL"),
    ("SET", "RW and ACCESS due to the optional `GET` argument"),
    ("BITFIELD", "This command allows both access and modification of the key"),
    ("EVAL", "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"),
    ("EVAL_RO", "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"),
    ("FCALL", "We cannot tell how the keys will be used so we assume the worst, RW and UPDATE"),
    ("FCALL_RO", "We cannot tell how the keys will be used so we assume the worst, RO and ACCESS"),
];

/// Writes the description of a command or a container.
pub(super) fn write(commands: &CommandTable, command: Described, sink: &mut dyn ReplySink) {
    match command {
        Described::Row(id) => {
            let row = commands.row(id);
            write_row(row, sink);
            // Only the plain row of a container has subcommands.
            let subcommands = if row.subcommand.is_empty() { commands.subcommands(id).count() } else { 0 };
            write_subcommands(commands, id, subcommands, sink);
        }
        Described::Container(id) => {
            sink.begin(Aggregate::Array, 10);
            sink.bulk(commands.row(id).name.to_ascii_lowercase().as_bytes());
            sink.integer(-2);
            sink.begin(Aggregate::Set, 0);
            (0..3).for_each(|_| sink.integer(0));
            sink.begin(Aggregate::Set, 1);
            sink.status(b"@slow");
            sink.begin(Aggregate::Set, 0);
            sink.begin(Aggregate::Set, 0);
            write_subcommands(commands, id, commands.subcommands(id).count(), sink);
        }
    }
}

fn write_subcommands(commands: &CommandTable, id: usize, count: usize, sink: &mut dyn ReplySink) {
    if count == 0 {
        // Redis has an empty set where others have an array.
        sink.begin(Aggregate::Set, 0);
        return;
    }
    sink.begin(Aggregate::Array, count);
    commands.subcommands(id).for_each(|(id, _)| write(commands, Described::Row(id), sink));
}

/// The first nine elements.
fn write_row(row: &CommandSpec, sink: &mut dyn ReplySink) {
    sink.begin(Aggregate::Array, 10);
    sink.bulk(row.full_name().as_bytes());
    sink.integer(row.arity.into());
    let flags = Flags::NAMED.iter().filter(|(flag, name)| !name.is_empty() && row.flags.has(*flag));
    write_statuses(flags.map(|(_, name)| *name), sink);
    let (first, last, step) = legacy_range(row);
    sink.integer(first);
    sink.integer(last);
    sink.integer(step);
    write_statuses(row.acl_categories(), sink);
    sink.begin(Aggregate::Set, row.tips.len());
    row.tips.iter().for_each(|tip| sink.bulk(tip.as_bytes()));
    sink.begin(Aggregate::Set, row.keys.iter().flatten().count());
    row.keys.iter().flatten().for_each(|spec| write_key_spec(row, spec, sink));
}

fn write_statuses<'a>(words: impl Iterator<Item = &'a str> + Clone, sink: &mut dyn ReplySink) {
    sink.begin(Aggregate::Set, words.clone().count());
    words.for_each(|word| sink.status(word.as_bytes()));
}

fn write_key_spec(row: &CommandSpec, spec: &KeySpec, sink: &mut dyn ReplySink) {
    let note = match *spec {
        KeySpec::AfterWord { note, .. } | KeySpec::Hidden { note, .. } => Some(note),
        _ => NOTES.iter().find(|(name, _)| *name == row.name).map(|(_, note)| *note),
    };
    sink.begin(Aggregate::Map, if note.is_some() { 4 } else { 3 });
    if let Some(note) = note {
        sink.bulk(b"notes");
        sink.bulk(note.as_bytes());
    }
    let access = spec.access();
    sink.bulk(b"flags");
    write_statuses(std::iter::once(access.mode).chain(access.also.iter().copied()), sink);
    let (begins_at, kind, numbers): (usize, &str, [(&str, i64); 3]) = match *spec {
        KeySpec::Range { first, last, step, .. } => {
            // Counted from the first key, unless it counts from the end.
            let last = if last < 0 { last as i64 } else { last as i64 - first as i64 };
            (first, "range", [("lastkey", last), ("keystep", step as i64), ("limit", 0)])
        }
        KeySpec::Counted { count, first, .. } => {
            (count, "keynum", [("keynumidx", 0), ("firstkey", first as i64 - count as i64), ("keystep", 1)])
        }
        KeySpec::Keyword { word, from, .. } | KeySpec::HalfAfterWord { word, from, .. } => {
            let is_half = matches!(spec, KeySpec::HalfAfterWord { .. });
            let (last, limit) = if is_half { (-1, 2) } else { (0, 0) };
            begin_step("begin_search", "keyword", 2, sink);
            sink.bulk(b"keyword");
            sink.bulk(word.as_bytes());
            sink.bulk(b"startfrom");
            sink.integer(from as i64);
            return write_step("find_keys", "range", &[("lastkey", last), ("keystep", 1), ("limit", limit)], sink);
        }
        KeySpec::AfterWord { .. } | KeySpec::Hidden { .. } => {
            write_step("begin_search", "unknown", &[], sink);
            return write_step("find_keys", "unknown", &[], sink);
        }
    };
    write_step("begin_search", "index", &[("index", begins_at as i64)], sink);
    write_step("find_keys", kind, &numbers, sink);
}

fn write_step(step: &str, kind: &str, numbers: &[(&str, i64)], sink: &mut dyn ReplySink) {
    begin_step(step, kind, numbers.len(), sink);
    for (name, number) in numbers {
        sink.bulk(name.as_bytes());
        sink.integer(*number);
    }
}

/// A step of this kind; so many names with their values follow.
fn begin_step(step: &str, kind: &str, len: usize, sink: &mut dyn ReplySink) {
    sink.bulk(step.as_bytes());
    sink.begin(Aggregate::Map, 2);
    sink.bulk(b"type");
    sink.bulk(kind.as_bytes());
    sink.bulk(b"spec");
    sink.begin(Aggregate::Map, len);
}

/// First key, last key and step, for clients from before key specifications. They cannot say everything: only ranges count, and of several
/// only those that adjoin and have no gaps.
fn legacy_range(row: &CommandSpec) -> (i64, i64, i64) {
    let mut ranges = row.keys.iter().flatten().filter_map(|spec| match *spec {
        KeySpec::Range { first, last, step, .. } => Some((first as i64, last as i64, step as i64)),
        _ => None,
    });
    if row.keys[1].is_none() {
        return ranges.next().unwrap_or((0, 0, 0));
    }
    let mut merged: Option<(i64, i64)> = None;
    for (first, last, step) in ranges {
        if step != 1 {
            continue;
        }
        merged = match merged {
            None => Some((first, last)),
            Some((start, end)) if end + 1 == first => Some((start, if last < 0 { last } else { end.max(last) })),
            adjoining_none => adjoining_none,
        };
    }
    merged.map_or((0, 0, 0), |(first, last)| (first, last, 1))
}
