//! Snapshots: a frozen clone of all keys written to a file, and a file loaded into an empty keyspace.
//!
//! ```text
//! save   freeze ─> temp-<pid>-<n>.rdb ─ written, synced ─> renamed to dump.rdb ─> its directory synced
//! load   dump.rdb ─> a scanner cuts it into chunks of whole items ─> threads read chunks and put the entries in, shard by shard
//! ```
//! After a crash at any moment there is the old file or the new one, whole. A file that cannot be loaded changes nothing on the disk.
//!
//! Not here: when to save, who waits for it, and what became of it ([`super::Durability`]).

mod load;
mod progress;
mod save;
mod standing;
#[cfg(test)]
mod tests;
mod write;

pub use load::{Expired, LoadError, LoadOptions, Loaded, load, load_within};
pub use progress::Progress;
pub use save::{SaveError, is_temporary, save};
pub use write::{Access, Background, Pace, WriteOptions, Written, write};
