//! Execution: every gate that a command passes, in order; transactions; scripts' commands.
//!
//! A [`Worker`] is one thread's means of execution. A [`Batch`] is a run of requests of one connection under one reading of the wall clock; it
//! enters the keyspace when the first command needs a key and leaves it when dropped, before replies are written. The engine locks what a
//! command declares before its handler runs, so no handler takes a lock.

mod aside;
mod blocking;
pub mod call;
pub mod execute;
mod hosting;
pub mod later;
mod libraries;
pub mod plan;
pub mod replay;
pub mod script;
mod standing;
pub mod table;
pub mod transaction;
mod room;
mod window;
pub mod worker;

pub use aside::{script_threads, start_script_thread};
pub use execute::{Batch, Executed};
pub use later::Later;
pub use libraries::load as load_library;
pub use replay::{ReplayError, Replayed};
pub use table::COMMANDS;
pub use worker::Worker;
