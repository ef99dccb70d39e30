//! How data outlives the process: the files, and the formats that Tally shares with Redis and Valkey.
//!
//! [`disk`] is the only way to data files. [`rdb`] reads and writes snapshots and DUMP's payloads; it knows neither files nor the time: readers and
//! writers are passed in. [`snapshot`] brings the two together with the keyspace.

pub mod disk;
pub mod rdb;
pub mod snapshot;
