//! The values: strings, hashes, sets, sorted sets, and the table that they and the keyspace share. No keys, no time, no protocol.

pub mod thin;
pub mod table;
pub mod member;
pub mod string;
pub mod hash;
pub mod set;
pub mod zset;
