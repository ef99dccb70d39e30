//! Commands that wait: the locks of those who may serve them, the serving, and what is left to do when a wait has ended.

use super::call;
use super::execute::{Batch, UnderLocks};
use crate::command::blocking::Outcome;
use crate::command::{Blocked, CommandSpec, Flags, Session, slowlog};
use crate::keyspace::{Busy, Held, Patience, Plan};

/// How often the locks of a unit are widened before it takes all of them: each time somebody has begun to wait meanwhile.
const WIDENINGS_MAX: usize = 4;

/// Whether a command may make a key that somebody waits for.
#[inline]
pub(super) fn may_serve(spec: &CommandSpec) -> bool {
    spec.flags.any(Flags::WRITE.or(Flags::SCRIPT).or(Flags::ENGINE))
}

impl<'w> Batch<'w> {
    /// Adds to `held`, which covers `plan`, the shards that those who wait in it may need to be served. What is returned covers `plan` as well; `in_window`
    /// becomes false if it is no longer what was locked ahead.
    ///
    /// # Errors
    /// [`Busy`] if they could not be had within the bounded wait. Nothing is held then.
    #[cold]
    pub(super) fn reach(&mut self, mut held: Held<'w>, plan: &Plan, in_window: &mut bool) -> Result<Held<'w>, Busy> {
        let mut plan = plan.clone();
        for widening in 0..=WIDENINGS_MAX {
            let Err(wider) = held.reach(false) else { return Ok(held) };
            // Nobody waits for a shard while holding another: all is given back, and locked anew together.
            self.pass.as_mut().expect("locks are taken inside the keyspace").unlock(held);
            if !std::mem::take(in_window) {
                plan.union(&wider);
            }
            if widening == WIDENINGS_MAX {
                plan = Plan::Whole;
            }
            held = self.lock(&plan)?;
        }
        Ok(held)
    }

    /// Serves those who wait for what a unit has made, gives its locks back, and then wakes them.
    #[cold]
    pub(super) fn serve(&mut self, mut held: Held<'w>) {
        let under_locks = UnderLocks;
        let served = held.serve(self.now);
        drop(under_locks);
        self.pass.as_mut().expect("locks are taken inside the keyspace").unlock(held);
        served.iter().for_each(|waits| waits.wake());
    }

    /// Keeps how long a command ran that has the client wait now.
    pub(super) fn note_blocked(session: &Session, nanos: u64) {
        if let Some(blocked) = &session.blocked {
            blocked.note_nanos(nanos);
        }
    }

    /// Gives up the places of a client whose wait has ended, so that the queues of keys hold nobody but those who wait.
    ///
    /// # Errors
    /// [`Busy`] if somebody holds a shard for longer than the bounded wait: the caller tries again when somebody leaves the keyspace.
    pub fn withdraw(&mut self, blocked: &Blocked) -> Result<(), Busy> {
        use crate::keyspace::Waits;
        let keyspace = &self.services.keyspace;
        if !blocked.waiter().has_places() {
            return Ok(());
        }
        let pass = match &mut self.pass {
            Some(pass) => pass,
            none => none.insert(keyspace.enter(self.parts.slot, Patience::Wait)?),
        };
        let _under_locks = UnderLocks;
        let withdrawn = keyspace.withdraw(pass, blocked.waiter(), Patience::Wait);
        if withdrawn.is_err() {
            self.pass = None;
        }
        withdrawn
    }

    /// Counts a wait that has ended, and keeps its command in the slow log if it was slow without the wait.
    pub fn account_for(&mut self, session: &Session, blocked: &Blocked, outcome: &Outcome) {
        let recorder = &self.parts.recorder;
        if let Some(code) = &outcome.error_code {
            recorder.failed_after_wait(blocked.command());
            recorder.error_code(code);
        }
        if !outcome.is_served {
            return;
        }
        let spec = super::table::COMMANDS.row(blocked.command());
        if call::is_slow(self.services, spec, blocked.nanos()) {
            let argv: Vec<&[u8]> = blocked.argv().iter().map(|argument| &**argument).collect();
            call::keep_slow(self.services, session, self.now, slowlog::shorten(&argv), blocked.nanos());
        }
    }
}
