//! The values: strings, hashes, sorted sets, and the table that they and the keyspace share. No keys, no time, no protocol.

pub mod thin;
pub mod table;
pub mod member;
pub mod string;
pub mod hash;
pub mod zset;
