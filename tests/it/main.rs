//! The integration tests, in one binary: a server of their own each, spoken to over sockets.

mod atomicity;
mod blocking;
mod clients;
mod clock;
mod connections;
mod corpus;
mod durability;
mod events;
mod examples;
mod faults;
mod functions;
mod hostile;
mod http;
mod lifecycle;
mod limits;
mod long_replies;
mod malformed;
mod memory;
mod monitor;
mod output;
mod pubsub;
mod resp3;
mod scripts;
mod stored;
mod support;
mod transcripts;
