//! Snapshots and DUMP's payloads, in the format that Redis and Valkey share.
//!
//! ```text
//! snapshot   "REDIS" or "VALKEY" and the version, nine bytes in all
//!            [item] ...
//!            0xFF [CRC-64 of everything before: u64 LE; 0 = none]                       (before version 5 no sum)
//! item       0xFA [string] [string]          a name and what it says about the writer
//!            0xF5 [string]                   a library of functions, as its source
//!            0xFE [length]                   the number of the database that follows
//!            0xFB [length] [length]          how many keys it has, and how many with a deadline
//!            [property] ... [type: u8] [string: key] [value]                            (`read.rs` draws the values)
//! property   0xFC i64 LE                     the deadline in milliseconds since 1970; 0xFD i32 LE: in seconds
//!            0xF8 [length]                   seconds since the last access
//!            0xF9 u8                         how often it is used, under an LFU policy
//! payload    [type: u8] [value] [version: u16 LE] [CRC-64 of everything before: u64 LE]
//! ```
//!
//! [`Encoder`] writes version 10, in the encodings that Redis 7.0 writes itself where that is cheap. [`Decoder`] reads versions 1 to 12 and
//! Valkey's 80, with every encoding of strings, lists, sets, hashes and sorted sets. [`Scanner`] cuts a snapshot into chunks of whole items, which
//! any number of threads then read by a [`ChunkReader`] each. [`dump`] and [`restore`] are the same for one value.
//!
//! What is read may be hostile: no announced length reserves memory, nothing nests, and every error names the byte. An element that occurs twice, a score
//! that is no number and a packed block that contradicts itself are refused.
//!
//! Not here: files, keys that exist twice, databases that do not exist, what becomes of a deadline that has passed, and whether a wrong checksum
//! matters.

mod codes;
mod collect;
mod crc64;
mod cursor;
mod decoder;
mod encoder;
mod error;
mod functions;
mod intset;
mod items;
mod length;
mod listpack;
mod lzf;
mod payload;
mod read;
mod scan;
mod sink;
mod source;
mod stream;
#[cfg(test)]
mod tests;
mod write;
mod ziplist;
mod zipmap;

pub use codes::Version;
pub use decoder::{Checksum, Decoder, Entry, Item, Skipped};
pub use encoder::{Encoder, Options, Properties};
pub use error::RdbError;
pub use functions::{FunctionsError, dump_functions, restore_functions};
pub use items::{Found, Part};
pub use payload::{RestoreError, dump, restore};
pub use scan::{Chunk, ChunkReader, Scanner};

use crate::config::Live;
use crate::data::{hash, list, set, zset};

/// How large collections may be in their small forms: the settings of their families.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of hashes.
    pub hash: hash::Limits,
    /// Of the chunks of lists.
    pub list: list::Limits,
    /// Of sets.
    pub set: set::Limits,
    /// Of sorted sets.
    pub zset: zset::Limits,
}

impl Limits {
    /// What the settings are now.
    pub fn of(live: &Live) -> Self {
        Self {
            hash: hash::Limits {
                entries: live.hash_max_listpack_entries.get(),
                value_bytes: live.hash_max_listpack_value.get(),
            },
            list: list::Limits::from_setting(live.list_max_listpack_size.get()),
            set: set::Limits {
                integers: live.set_max_intset_entries.get(),
                entries: live.set_max_listpack_entries.get(),
                value_bytes: live.set_max_listpack_value.get(),
            },
            zset: zset::Limits {
                entries: live.zset_max_listpack_entries.get(),
                value_bytes: live.zset_max_listpack_value.get(),
            },
        }
    }
}

impl Default for Limits {
    /// What the settings are by default.
    fn default() -> Self {
        Self {
            hash: hash::Limits::DEFAULT,
            list: list::Limits::default(),
            set: set::Limits::DEFAULT,
            zset: zset::Limits::default(),
        }
    }
}
