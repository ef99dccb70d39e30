//! How data outlives the process: the files, and the formats that Tally shares with Redis and Valkey.
//!
//! [`disk`] is the only way to data files. [`rdb`] reads and writes snapshots and DUMP's payloads; it knows neither files nor the time: readers and
//! writers are passed in. [`snapshot`] brings the two together with the keyspace,
//! and [`Durability`] is what the server knows of it all.

pub mod check;
pub mod disk;
mod durability;
pub mod rdb;
pub mod snapshot;

pub use durability::{Claim, Durability, Figures, Job, Load, Save, State, Unclaimed};
