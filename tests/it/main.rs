//! The integration tests, in one binary: a server of their own each, spoken to over sockets.

mod connections;
mod examples;
mod limits;
mod malformed;
mod output;
mod scripts;
mod support;
mod transcripts;
