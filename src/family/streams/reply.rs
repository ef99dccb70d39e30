//! Entries as they are replied: each an array of its id and of an array of fields and values.

use crate::command::{Replied, Reply};
use crate::data::stream::Entry;
use crate::resp::reply::{Aggregate, Elements, ReplySink};

/// Gives an entry; yields the bytes of its fields and values.
pub(super) fn give(entry: &Entry<'_>, sink: &mut dyn ReplySink) -> usize {
    let mut bytes = 0;
    sink.begin(Aggregate::Array, 2);
    sink.bulk(entry.id.text().as_bytes());
    sink.begin(Aggregate::Array, 2 * entry.len());
    for (field, value) in entry.pairs() {
        sink.bulk(&field);
        sink.bulk(&value);
        bytes += field.len() + value.len();
    }
    bytes
}

/// Replies so many entries.
pub(super) fn entries<'a>(len: usize, entries: impl Iterator<Item = Entry<'a>>, reply: Reply<'_>) -> Replied {
    let mut array = reply.array(len);
    entries.take(len).for_each(|entry| element(&entry, &mut array));
    array.end()
}

/// Gives an entry as the next element.
pub(super) fn element(entry: &Entry<'_>, array: &mut Elements<'_>) {
    let _given: Replied = array.element().relay(|sink| {
        give(entry, sink);
    });
}
