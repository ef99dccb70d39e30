//! The values: strings, hashes, lists, sets, sorted sets; the record that holds one with its key; and the table that they and the keyspace share.
//! And [`geo`], by which scores are places.
//! No time, no protocol.

pub mod thin;
pub mod table;
pub mod member;
pub mod string;
pub mod hash;
pub mod list;
pub mod set;
pub mod zset;
pub mod geo;
pub mod record;
