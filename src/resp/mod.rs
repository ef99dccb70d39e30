//! The protocol, with no knowledge of commands: requests in ([`request`]), replies out ([`reply`], [`writer`]).
//!
//! A reply may also become a value ([`record`]) or JSON ([`json`]): both are sinks like the wire.

pub mod json;
pub mod long;
pub mod record;
pub mod reply;
pub mod request;
pub mod writer;
