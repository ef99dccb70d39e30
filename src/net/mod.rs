//! Sockets: listeners, the acceptor, one worker thread per core, and the connections that live on it.
//!
//! ```text
//! acceptor ── a new connection goes to the worker with the fewest that is not stuck ──> inbox ──> worker thread
//!                                                                                                 └ a task per connection
//! ```
//! A connection stays on its worker. Its task reads, executes every complete request in order, and writes all replies with one write: of a pipeline of dear requests after the
//! other connections that were ready have had their turn.
//! Buffers of the worker serve all of its connections; a connection has some of its own only while part of a request or of a reply is left
//! over, so an idle one costs next to nothing.

pub mod acceptor;
mod aside;
mod blocked;
mod busy;
mod confined;
pub mod connection;
mod deferring;
mod inbox;
pub mod listen;
mod local;
mod outcome;
mod place;
mod settling;
mod skipping;
mod streaming;
mod window;
pub mod worker;

pub use acceptor::Acceptor;
pub use listen::{ListenError, Listeners};
pub use worker::{Accepted, DRAIN_DEADLINE, WorkerHandle};
