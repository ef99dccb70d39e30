//! The commands themselves: a folder per type, a `COMMANDS` table in each. No I/O, no locks, no protocol.

pub mod connection;
pub mod expiry;
pub mod geo;
pub mod hashes;
pub mod increment;
pub mod keys;
mod leaving;
pub mod lists;
mod long;
mod many;
pub mod persistence;
pub mod pubsub;
mod ranks;
pub mod scan;
pub mod scripting;
pub mod server;
pub mod sets;
pub mod sorting;
pub mod streams;
pub mod strings;
mod timeout;
pub mod transactions;
pub mod zsets;
