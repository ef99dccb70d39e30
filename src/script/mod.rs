//! Lua scripts: virtual machines, sandbox, cache. It knows no command; it calls the server through [`Host`].
//!
//! A [`Vm`] belongs to one thread. It runs LuaJIT as an interpreter only, because compiled traces ignore hooks and could not be
//! stopped. A [`Source`] is a script's text and digest, shared by all threads through [`Scripts`]; each VM keeps its own map from
//! digest to compiled function and drops it when the generation of the cache moves on.
//!
//! Shape of one call: `redis.call` borrows its arguments from the Lua stack, the host replies into the VM's reusable [`tape`], and
//! the tape is then pushed as Lua values. **No Rust value with a destructor lives across a call that can raise a Lua error**; a panic
//! of the host is caught before it can meet a Lua frame, carried to the top and resumed there.
//!
//! The libraries (`cjson`, `cmsgpack`, `struct`, `redis`) are safe code: they read arguments through [`raw::View`], which never
//! raises, and write results to the tape. Only [`raw`], [`slots`], [`machine`], [`calls`], [`catches`], [`loading`], [`looks`], [`pieces`],
//! [`strings`] and [`tables`] are unsafe, and `blocks`.
//!
//! Not here: keys, locks, rights, propagation, what a command does, the texts of a command's errors.

mod blocks;
mod calls;
mod catches;
mod cjson;
mod cmsgpack;
mod control;
mod convert;
mod derived;
mod drand;
mod format;
mod functions;
mod lexer;
mod library;
mod lists;
mod loading;
mod looks;
mod machine;
mod memory;
mod numerals;
mod pattern;
mod pieces;
mod raw;
mod register;
mod slots;
mod source;
mod strings;
mod structs;
mod tables;
mod tape;
mod vm;

#[cfg(test)]
mod tests;

pub use control::{Control, Kind, Run, SlowCall};
pub use derived::{Forms, Touched};
pub use functions::{Catalog, Function, FunctionRef, Libraries, Library, RestorePolicy};
pub use machine::STACK_BYTES;
pub use source::{Digest, History, SLOW_NANOS, Scripts, Source, SourceFlags, Undeclared};
pub use vm::{Vm, inspect, machines_bytes};

use crate::resp::reply::ReplySink;
use std::fmt;

/// How loud `redis.log` wants a line to be. The numbers are Lua's `redis.LOG_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// `redis.LOG_DEBUG`.
    Debug = 0,
    /// `redis.LOG_VERBOSE`.
    Verbose = 1,
    /// `redis.LOG_NOTICE`.
    Notice = 2,
    /// `redis.LOG_WARNING`.
    Warning = 3,
}

/// What `redis.acl_check_cmd` is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// The user may run it.
    Granted,
    /// The user may not.
    Denied,
    /// There is no such command, or it does not take that many arguments.
    Invalid,
}

/// A run that takes longer than this should keep from others only what it must.
pub const LONG_NANOS: u64 = 2_000_000;

/// What a running script can ask of the server.
pub trait Host {
    /// Runs one command and gives exactly one reply into `sink`; a failure is `sink.error`.
    fn call(&mut self, argv: &[&[u8]], sink: &mut dyn ReplySink);
    /// Writes a line to the server's log.
    fn log(&mut self, level: LogLevel, text: &[u8]);
    /// The script asked for RESP2 or RESP3 shapes from here on; the sink already acts on it.
    fn set_resp(&mut self, version: u8);
    /// Whether the script's user may run a command.
    fn may_call(&mut self, argv: &[&[u8]]) -> Permission;
    /// True once this run is to be abandoned invisibly and started again: nothing more is run for it, and [`Vm::run`] answers
    /// [`Outcome::Aborted`] without having touched the sink.
    fn aborted(&self) -> bool;
    /// The script's reply is or holds this error. `is_counted`: a command answered with it, which was counted then.
    fn replied_error(&mut self, text: &[u8], is_counted: bool) {
        let _ = (text, is_counted);
    }
    /// Asked now and then by what takes long without an instruction of Lua's: false if the run is to end.
    fn may_go_on(&mut self) -> bool {
        true
    }
    /// The run is past [`LONG_NANOS`]. Said once.
    fn went_long(&mut self) {}
    /// The run is past `lua-time-limit`, so that others are told of it. Said once.
    fn went_slow(&mut self) {}
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The script returned; its reply is in the sink.
    Replied,
    /// The script ended with an error; the error is in the sink. Effects before it stay.
    Failed,
    /// It was killed, or ran out of its time; the error is in the sink. The VM was thrown away.
    Killed,
    /// It met the memory limit; the error is in the sink. The VM was thrown away.
    OutOfMemory,
    /// The host asked for an invisible restart; nothing is in the sink.
    Aborted,
}

/// What a VM is made with.
#[derive(Clone, Copy, Debug)]
pub struct VmConfig {
    /// The most memory that one VM may hold, in bytes (`script-memory-limit`). 0 = no limit.
    pub memory_bytes_max: usize,
    /// Instructions between two looks at the kill flag and the clock, in scripts that contain a loop or a function.
    pub hook_instructions: i32,
}

impl Default for VmConfig {
    fn default() -> Self {
        Self { memory_bytes_max: 32 * 1024 * 1024, hook_instructions: 10_000 }
    }
}

/// A script that cannot run, or a VM that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptError {
    /// The text does not compile. Holds the whole reply, code included.
    Compile(Vec<u8>),
    /// The first line begins `#!` but is not one we can follow. Holds the whole reply, code included.
    Shebang(Vec<u8>),
    /// No library comes of the text, or there is no place for it. Holds the whole reply, code included.
    Library(Vec<u8>),
    /// No memory for a VM, or its own start-up code failed.
    Start(String),
}

impl ScriptError {
    /// The reply for the client, code included.
    pub fn reply(&self) -> &[u8] {
        match self {
            Self::Compile(text) | Self::Shebang(text) | Self::Library(text) => text,
            Self::Start(_) => b"ERR the script machine cannot start",
        }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compile(text) | Self::Shebang(text) | Self::Library(text) => {
                f.write_str(&String::from_utf8_lossy(text))
            }
            Self::Start(why) => write!(f, "cannot start a script machine: {why}"),
        }
    }
}

impl std::error::Error for ScriptError {}
