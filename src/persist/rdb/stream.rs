//! Streams, which are passed over: their form tells where they end.
//!
//! ```text
//! [length] ([string: the first entry's id] [string: a listpack]) ...
//! [length: entries] [id]
//! since 19: [id: first] [id: greatest deleted] [length: entries ever added]
//! [length] groups:     [string: name] [id] (since 19: [length: entries read])
//!                      [length] pending:    [16 bytes: id] [8 bytes: delivered at] [length: deliveries]
//!                      [length] consumers:  [string: name] [8 bytes: seen at] (since 21: [8 bytes: active at])
//!                                           [length] [16 bytes: id of a pending entry] ...
//! id = [length: milliseconds] [length: sequence]
//! ```

use super::codes::kind;
use super::error::RdbError;
use super::source::{Source, Spill};
use std::io::Read;

const ID_BYTES: u64 = 16;

/// Passes a stream over.
pub(super) fn skip<R: Read>(source: &mut Source<R>, kind: u8, spill: &mut Spill) -> Result<(), RdbError> {
    let lengths = |source: &mut Source<R>, count: usize| (0..count).try_for_each(|_| source.length().map(drop));
    for _ in 0..source.length()? {
        source.string(spill)?;
        source.string(spill)?;
    }
    let has_groups_with_counts = kind != kind::STREAM_LISTPACKS;
    let has_active_times = kind == kind::STREAM_LISTPACKS_3;
    lengths(source, 3 + if has_groups_with_counts { 5 } else { 0 })?;
    for _ in 0..source.length()? {
        source.string(spill)?;
        lengths(source, 2 + usize::from(has_groups_with_counts))?;
        for _ in 0..source.length()? {
            source.skip(ID_BYTES + 8)?;
            source.length()?;
        }
        for _ in 0..source.length()? {
            source.string(spill)?;
            source.skip(8 + if has_active_times { 8 } else { 0 })?;
            for _ in 0..source.length()? {
                source.skip(ID_BYTES)?;
            }
        }
    }
    Ok(())
}
