//! The integration tests, in one binary: a server of their own each, spoken to over sockets.

mod examples;
mod support;
mod transcripts;
