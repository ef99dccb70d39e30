//! What reading as a consumer does to its group, and how the log is told.

use crate::base::clock::UnixMillis;
use crate::base::event::Classes;
use crate::base::num::I64Text;
use crate::data::stream::{Entry, Group, IdText, Stream, StreamId};
use crate::keyspace::{Event, Keys};

pub(super) const CONSUMER_CREATED: Event = Event::new(Classes::STREAM, "xgroup-createconsumer");

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) key: &'a [u8],
    pub(super) group: &'a [u8],
    pub(super) consumer: &'a [u8],
}

/// An effect on a group. Each is a command that means the same whenever it is executed.
#[derive(Debug)]
pub(super) enum Effect {
    /// The consumer was made.
    Created,
    /// An entry is pending to the consumer, since when, and given how often.
    Given(StreamId, UnixMillis, u64),
    /// An entry is pending to nobody any more.
    Gone(StreamId),
    /// How far the group is.
    At(StreamId, Option<u64>),
}

/// Says effects of a reader, in order. The command has no other.
pub(super) fn log(keys: &mut Keys, reader: Reader, effects: &[Effect]) {
    keys.log_nothing();
    if !keys.logs() {
        return;
    }
    let Reader { key, group, consumer } = reader;
    for effect in effects {
        match effect {
            Effect::Created => keys.log(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]),
            Effect::Given(id, time, deliveries) => {
                let (id, time): (IdText, _) = (id.text(), I64Text::new(*time));
                let deliveries = I64Text::new(i64::try_from(*deliveries).unwrap_or(i64::MAX));
                let (id, time, deliveries) = (id.as_bytes(), time.as_bytes(), deliveries.as_bytes());
                keys.log(&[
                    b"XCLAIM",
                    key,
                    group,
                    consumer,
                    b"0",
                    id,
                    b"TIME",
                    time,
                    b"RETRYCOUNT",
                    deliveries,
                    b"FORCE",
                    b"JUSTID",
                ]);
            }
            Effect::Gone(id) => keys.log(&[b"XACK", key, group, id.text().as_bytes()]),
            Effect::At(id, read) => {
                let read = I64Text::new(read.and_then(|read| i64::try_from(read).ok()).unwrap_or(-1));
                let id = id.text();
                keys.log(&[b"XGROUP", b"SETID", key, group, id.as_bytes(), b"ENTRIESREAD", read.as_bytes()]);
            }
        }
    }
}

/// Moves a group on to an entry that it is given. Who knows how many entries it has read counts on, unless further ones were deleted.
pub(super) fn advance(stream: &Stream, group: &mut Group, id: StreamId) {
    if id <= group.last {
        return;
    }
    match group.read {
        Some(read) if !stream.has_gaps_from(id) => group.read = Some(read + 1),
        _ if stream.added() > 0 => group.read = stream.distance_to(id),
        _ => {}
    }
    group.last = id;
}

/// Notes that entries were given to a consumer, which has to acknowledge them unless `no_ack`. `stream` is a clone from before.
pub(super) fn deliver<'s>(
    (stream, group): (&'s Stream, &mut Group),
    consumer: &[u8],
    entries: impl Iterator<Item = Entry<'s>>,
    no_ack: bool,
    now: UnixMillis,
    effects: &mut Vec<Effect>,
) {
    for entry in entries {
        advance(stream, group, entry.id);
        if !no_ack {
            group.give(entry.id, consumer, now, 1);
            effects.push(Effect::Given(entry.id, now, 1));
        }
    }
    effects.push(Effect::At(group.last, group.read));
}
