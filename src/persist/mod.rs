//! How data outlives the process: the formats that Tally shares with Redis and Valkey.
//!
//! [`rdb`] reads and writes snapshots and DUMP's payloads. It knows neither files nor the time: readers and writers are passed in.

pub mod rdb;
