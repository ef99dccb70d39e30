//! The integration tests, in one binary: a server of their own each, spoken to over sockets.

mod support;
mod transcripts;
