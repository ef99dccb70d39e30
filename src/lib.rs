#![doc = include_str!("ARCHITECTURE.md")]

// The order of these lines is the layering: a module may use only what stands above it (tests/tidy.rs).
pub mod base;
pub mod config;
pub mod resp;
pub mod data;
pub mod metrics;
pub mod keyspace;
pub mod script;
pub mod acl;
pub mod persist;
pub mod command;
pub mod family;
pub mod engine;
pub mod net;
pub mod http;
pub mod server;

#[global_allocator]
static ALLOCATOR: base::alloc::Counting = base::alloc::Counting;
