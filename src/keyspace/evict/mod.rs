//! Eviction: which entry goes when memory is short.
//!
//! ```text
//! rules     the settings, as one word that every access reads
//! access    what the 24 access bits of an entry mean, by policy
//! entries   what is asked of a table: a walk, a lookup by hash, access bits
//! choose    names a victim: by samples and a pool (LRU, LFU, TTL), by chance, by queues
//! queues    S3-FIFO: a small queue, a clock, and ghosts
//! ```
//! Choosing knows neither locks nor keys, so that `examples/eviction.rs` can run it on traces.

mod access;
mod choose;
mod entries;
mod ghosts;
mod queues;
mod rules;

pub use access::{idle_seconds, idle_since};
pub use choose::{Chooser, Part, Victim};
pub use entries::{Entries, Hand, Seen};
pub use queues::Queues;
pub use rules::{Meaning, Rules, SharedRules};
