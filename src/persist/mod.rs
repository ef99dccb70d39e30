//! How data outlives the process: the files, and the formats that Tally shares with Redis and Valkey.
//!
//! [`disk`] is the only way to data files. [`rdb`] reads and writes snapshots and DUMP's payloads; it knows neither files nor the time: readers and
//! writers are passed in. [`snapshot`] brings the two together with the keyspace. [`log`] is the effects of units on their way to a file, [`aof`] the files that
//! they make with a snapshot before them, which a [`manifest`] names. [`Durability`] is what the server knows of it all.

pub mod aof;
pub mod check;
pub mod disk;
mod durability;
pub mod log;
pub mod manifest;
pub mod rdb;
pub mod snapshot;

pub use durability::{Claim, Durability, Figures, Job, Load, Save, State, Unclaimed};
