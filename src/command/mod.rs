//! What a command *is*: its declaration ([`CommandSpec`]), its arguments ([`Args`]), what it is lent ([`Ctx`]), how it fails ([`CommandError`]).
//!
//! The commands themselves stand in `family`; the table of all of them and their execution in `engine`.

pub mod args;
pub mod aside;
pub mod away;
pub mod blocking;
pub mod category;
pub mod client;
pub mod ctx;
pub mod error;
pub mod help;
pub mod keyspec;
pub mod monitor;
pub mod pubsub;
pub mod saving;
pub mod slowlog;
pub mod spec;
pub mod syntax;
pub mod table;

pub use args::Args;
pub use blocking::{Blocked, Serving, Wish};
pub use client::{Client, Clients};
pub use ctx::{Ctx, Program, ReplyMode, ScriptCall, ScriptRunner, Services, Session, Transaction};
pub use error::CommandError;
pub use keyspec::{Access, KeySpec};
pub use saving::{StopRequest, StopRequests};
pub use spec::{CommandSpec, Flags, Group, Handler, Locks};
pub use table::CommandTable;

pub use crate::keyspace::{Keys, Missing};
pub use crate::resp::reply::{Replied, Reply};
