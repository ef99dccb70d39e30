//! The integration tests, in one binary: a server of their own each, spoken to over sockets.

mod atomicity;
mod clients;
mod clock;
mod connections;
mod examples;
mod faults;
mod http;
mod lifecycle;
mod limits;
mod malformed;
mod output;
mod pubsub;
mod resp3;
mod scripts;
mod support;
mod transcripts;
