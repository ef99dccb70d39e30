//! One thread's means of execution.

use super::call;
use super::execute::{Batch, UnderLocks};
use super::script::{Runner, slow_kind};
use crate::base::clock::Ticks;
use crate::base::rng::Rng;
use crate::base::sync::atomic::Ordering;
use crate::command::{CommandError, Services, Session};
use crate::keyspace::evict::Evictor;
use crate::keyspace::expire::{self, Rest};
use crate::keyspace::{Busy, Patience, Plan};
use crate::metrics::{Outcome, Recorder};
use crate::resp::reply::ReplySink;
use crate::script::Kind;
use std::sync::Arc;

/// One thread's means of execution: its slot in the keyspace, its counters, its random numbers, its Lua.
#[derive(Debug)]
pub struct Worker {
    pub(super) services: Arc<Services>,
    pub(super) parts: Parts,
}

/// What of a worker changes while it executes.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) slot: usize,
    pub(super) recorder: Arc<Recorder>,
    pub(super) rng: Rng,
    pub(super) scripts: Runner,
    pub(super) evictor: Evictor,
    /// Until then locks are only tried, for the last wait was in vain.
    pub(super) impatient_until: Ticks,
}

impl Worker {
    /// The worker of `slot`, which no other thread uses.
    pub fn new(services: Arc<Services>, slot: usize) -> Self {
        let recorder = services.metrics.recorder();
        let scripts = Runner::new(&services, slot);
        let mut rng = Rng::from_process(slot as u64);
        let evictor = Evictor::seeded(rng.next_u64());
        Self { parts: Parts { slot, recorder, rng, scripts, evictor, impatient_until: Ticks(0) }, services }
    }

    /// What the server shares.
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// This thread's counters.
    pub fn recorder(&self) -> &Recorder {
        &self.parts.recorder
    }

    /// Begins a batch: reads the clocks once.
    #[inline]
    pub fn batch(&mut self) -> Batch<'_> {
        Batch::new(&self.services, &mut self.parts)
    }

    /// The position in the log on which what it has executed since the last call depends; 0 for none.
    #[inline]
    pub fn take_dependency(&self) -> u64 {
        self.services.keyspace.take_dependency(self.parts.slot)
    }

    /// Whether a script or a function runs past `lua-time-limit`, wherever.
    pub fn is_busy(&self) -> bool {
        slow_kind(&self.services, &Plan::Whole).is_some()
    }

    /// Refuses a script that waits for such a one.
    pub fn refuse_busy(&mut self, session: &Session, sink: &mut dyn ReplySink) {
        let error = CommandError::busy_running(slow_kind(&self.services, &Plan::Whole).unwrap_or(Kind::Script));
        let id = session.client.last_command.load(Ordering::Relaxed) as usize;
        self.parts.recorder.command(id, 0, Outcome::Rejected);
        call::reply_error(&self.parts.recorder, &error, sink);
    }

    /// Takes a turn at giving back the memory of expired keys.
    ///
    /// # Errors
    /// [`Busy`] if somebody owns the keyspace.
    pub fn expire(&mut self) -> Result<Rest, Busy> {
        let active = self.services.config.live.active_expire.get();
        // What is being loaded is not looked at before it is whole: a log may go on to speak of it.
        if self.services.durability.is_loading() {
            return Err(Busy);
        }
        let mut pass = self.services.keyspace.enter(self.parts.slot, Patience::Try)?;
        let _under_locks = UnderLocks;
        Ok(expire::turn(&mut pass, &*self.services.clock, active))
    }
}
