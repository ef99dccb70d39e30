//! Scripts that leave their worker: which do, and the threads that run them.
//!
//! A script runs on the worker of its connection once it has shown that it is quick: a hop between threads would cost more than it takes. One that has never
//! run to its end, or that was slow of late, goes to a script thread, which executes the whole request as a worker would, with a slot, a gate and a machine of its own. So what takes long,
//! or never ends, keeps none of the worker's other connections waiting. What stays on the worker: scripts within a transaction, those whose replies
//! nobody wants (CLIENT REPLY), and a quick one that for once is slow.

use super::execute::{Batch, Executed};
use super::worker::Worker;
use crate::command::aside::{Claim, Errand, Finished};
use crate::command::{Services, Session};
use crate::keyspace::Parking;
use crate::resp::writer::Writer;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

/// A request that met a lock is tried again after this even if nobody leaves the keyspace: by then it may have to be answered with BUSY.
const BUSY_RETRY: Duration = Duration::from_millis(20);

/// How many script threads a server with so many workers has.
pub fn script_threads(workers: usize) -> usize {
    workers.clamp(2, 4)
}

/// Starts a script thread with a slot that no other thread uses. It ends when [`crate::command::aside::Aside::close`] is called.
///
/// # Errors
/// The system has no thread to give.
pub fn start_script_thread(services: Arc<Services>, slot: usize) -> std::io::Result<JoinHandle<()>> {
    let builder = thread::Builder::new().name(format!("tally-script-{slot}")).stack_size(crate::script::STACK_BYTES);
    let shared = Arc::clone(&services);
    let thread = builder.spawn(move || {
        let mut worker = Worker::new(Arc::clone(&services), slot);
        while let Some((piece, errand)) = services.aside.next() {
            // It held no lock, or the process would have ended: only this request is lost.
            let finished = catch_unwind(AssertUnwindSafe(|| execute(&mut worker, &errand)));
            if finished.is_err() {
                worker = Worker::new(Arc::clone(&services), slot);
            }
            worker.parts.scripts.trim();
            piece.finish(finished.ok());
        }
    })?;
    shared.aside.open();
    Ok(thread)
}

/// Wakes a thread.
struct Sleeper(Thread);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Executes a request, for which it may have to wait.
fn execute(worker: &mut Worker, errand: &Errand) -> Finished {
    let services = Arc::clone(worker.services());
    let mut session = Session::new(Arc::clone(&errand.client), true);
    (session.db, session.protocol, session.no_touch) = (errand.db, errand.protocol, errand.no_touch);
    let argv: Vec<&[u8]> = errand.argv.iter().map(|argument| &**argument).collect();
    let mut reply = Vec::new();
    let waker = Waker::from(Arc::new(Sleeper(thread::current())));
    let mut place: Option<Parking> = None;
    loop {
        let mut writer = Writer::new(&mut reply, errand.protocol, errand.reply_bytes_max);
        let executed = worker.batch().execute(&mut session, &argv, &mut writer);
        let is_too_large = writer.overflowed();
        match executed {
            Executed::Done => {
                return Finished { reply, is_too_large, depends_on: worker.take_dependency() };
            }
            Executed::Busy => {
                // Who leaves after this wakes the thread; who has left before is found out by trying once more.
                if place.is_some() {
                    thread::park_timeout(BUSY_RETRY);
                }
                place = Some(services.keyspace.park(&waker, place));
            }
            other => unreachable!("a script neither waits nor replies later: {other:?}"),
        }
    }
}

impl Batch<'_> {
    /// Hands a script over to a script thread.
    #[cold]
    pub(super) fn hand_over(&mut self, session: &Session, argv: &[&[u8]]) -> Executed {
        self.aside = Some(self.services.aside.hand_in(Errand {
            argv: argv.iter().map(|&argument| argument.into()).collect(),
            client: Arc::clone(&session.client),
            db: session.db,
            protocol: session.protocol,
            no_touch: session.no_touch,
            reply_bytes_max: self.services.config.live.output_buffer_hard_limit.get(),
        }));
        Executed::Aside
    }

    /// The claim to what becomes of the last request, if that was [`Executed::Aside`].
    pub fn take_aside(&mut self) -> Option<Claim> {
        self.aside.take()
    }
}
