//! The memory limit: makes room before a command that may need more, and says when there is none.
//!
//! A limit that holds needs no luck: what a command brings (its arguments) is counted before it runs, and where the rest was more than expected the next command makes
//! up for it. Whoever finds memory short evicts a little more than is missing, so that the next few hundred commands need not.

use super::execute::{Batch, UnderLocks};
use super::table::COMMANDS;
use super::window::first_key;
use super::worker::{Parts, Worker};
use crate::base::alloc;
use crate::base::clock::UnixMillis;
use crate::command::table::Found;
use crate::command::{CommandError, CommandSpec, Flags, Services, Session};
use crate::config::EvictionPolicy;
use crate::keyspace::evict::Room;
use crate::keyspace::{Busy, Pass, Patience, ShardIndex};

/// The reply to a command that finds no room.
pub(super) const OUT_OF_MEMORY: CommandError =
    CommandError::text("OOM command not allowed when used memory > 'maxmemory'.");

/// Arguments of fewer bytes are not counted ahead: what they add, the next command sees.
const BYTES_AHEAD_MIN: usize = 4 * 1024;
/// Who makes room makes so much more, or 1/256 of the limit if that is less.
const SPARE_BYTES_MAX: usize = 64 * 1024;
const SPARE_SHARE: usize = 256;
/// While writers have to make room, background turns keep so much free for them, or 1/128 of the limit if that is less.
const AHEAD_BYTES_MAX: usize = 1024 * 1024;
const AHEAD_SHARE: usize = 128;
/// How long eviction may keep a command, for each of the first ten units of `maxmemory-eviction-tenacity`; each one more makes it 15 % longer.
const TENACITY_UNIT_NANOS: u64 = 50_000;

/// Whether more is in use than the limit allows, if so many bytes come on top. What is kept only by frozen clones does not count.
fn is_short(services: &Services, limit: usize, on_top: usize, now: UnixMillis) -> bool {
    let used = alloc::allocated_bytes_here() as usize;
    used.saturating_add(on_top) > limit
        && used.saturating_add(on_top) - services.keyspace.not_counted_for_eviction(now) > limit
}

fn tenacity_nanos(tenacity: u32) -> u64 {
    match tenacity {
        0..=10 => u64::from(tenacity) * TENACITY_UNIT_NANOS,
        11..100 => (10.0 * TENACITY_UNIT_NANOS as f64 * 1.15f64.powi(tenacity as i32 - 10)) as u64,
        _ => u64::MAX,
    }
}

/// Evicts until `spare` bytes are free beside those that are `on_top`, or time is up. False if memory is short and nothing can be done about it.
fn make_room(
    services: &Services,
    parts: &mut Parts,
    pass: &mut Pass<'_>,
    first: Option<ShardIndex>,
    (on_top, spare): (usize, usize),
    now: UnixMillis,
) -> Room {
    let live = &services.config.live;
    let limit = live.maxmemory.get();
    let (began, nanos_max) = (services.clock.ticks(), tenacity_nanos(live.maxmemory_eviction_tenacity.get()));
    let (room, evicted) = {
        let _under_locks = UnderLocks;
        parts.evictor.make_room(
            pass,
            now,
            first,
            || is_short(services, limit, on_top + spare, now),
            || services.clock.ticks().since(began) > nanos_max,
        )
    };
    parts.recorder.evicted(evicted as u64);
    alloc::settle();
    let is_within = !is_short(services, limit, 0, now);
    services.keyspace.pressure().note(is_within, now);
    // What there was to evict made room, if not as much as was wished.
    if room == Room::Nothing && !is_short(services, limit, on_top, now) { Room::Made } else { room }
}

/// Why a command may not run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Short {
    /// There is no memory, and nothing may go.
    Denied,
    /// There may be some once somebody gives the keyspace back.
    Busy,
    /// There is none, but much is being freed in the background: better to wait than to evict what is new.
    Freeing,
}

impl Batch<'_> {
    /// Makes room for a command that needs memory, by evicting keys as the policy says. Remembers for scripts how it went.
    ///
    /// # Errors
    /// If there is none.
    #[inline]
    pub(super) fn find_room(&mut self, session: &Session, spec: &CommandSpec, argv: &[&[u8]]) -> Result<(), Short> {
        if session.is_cut {
            return Err(Short::Denied);
        }
        if self.services.config.live.maxmemory.get() == 0 {
            self.parts.scripts.is_out_of_memory = false;
            return Ok(());
        }
        self.find_limited_room(session, spec, argv)
    }

    fn find_limited_room(&mut self, session: &Session, spec: &CommandSpec, argv: &[&[u8]]) -> Result<(), Short> {
        let queues = session.transaction.is_some() && !spec.flags.has(Flags::NOT_QUEUED);
        let executes = session.transaction.is_some() && spec.flags.has(Flags::ENGINE);
        if !queues && !executes && !spec.flags.any(Flags::DENY_OOM.or(Flags::SCRIPT)) {
            return Ok(());
        }
        let limit = self.services.config.live.maxmemory.get();
        let bytes: usize = argv.iter().map(|argument| argument.len()).sum();
        let on_top = if bytes < BYTES_AHEAD_MIN { 0 } else { bytes };
        self.parts.scripts.is_out_of_memory = is_short(self.services, limit, on_top, self.now)
            && match self.make_room(spec, argv, on_top) {
                Ok(room) => room == Room::Nothing,
                // Somebody owns everything, for which the command would wait as well.
                Err(Busy) => return Err(Short::Busy),
            };
        if !self.parts.scripts.is_out_of_memory {
            return Ok(());
        }
        if self.services.keyspace.is_freeing() {
            return Err(Short::Freeing);
        }
        let needs_memory = |id: usize| COMMANDS.row(id).flags.has(Flags::DENY_OOM);
        let is_denied = queues
            || spec.flags.has(Flags::DENY_OOM)
            || executes
                && session.transaction.iter().flat_map(|waiting| &waiting.queue).any(|(id, _)| needs_memory(*id))
            || spec.flags.has(Flags::SCRIPT) && self.parts.scripts.denies_oom(self.services, spec, argv);
        if is_denied { Err(Short::Denied) } else { Ok(()) }
    }

    /// Evicts, beginning where the command will write: there the queues have grown.
    #[cold]
    fn make_room(&mut self, spec: &CommandSpec, argv: &[&[u8]], on_top: usize) -> Result<Room, Busy> {
        let keyspace = &self.services.keyspace;
        let limit = self.services.config.live.maxmemory.get();
        if keyspace.eviction_rules().policy == EvictionPolicy::NoEviction || keyspace.is_freeing() {
            alloc::settle();
            keyspace.pressure().note(!is_short(self.services, limit, 0, self.now), self.now);
            return Ok(Room::Nothing);
        }
        self.look_back();
        let pass = match &mut self.pass {
            Some(pass) => pass,
            none => none.insert(keyspace.enter(self.parts.slot, Patience::Try)?),
        };
        let first = first_key(spec, argv).map(|key| keyspace.shard_of(key));
        let spare = SPARE_BYTES_MAX.min(limit / SPARE_SHARE);
        let room = make_room(self.services, self.parts, pass, first, (on_top, spare), self.now);
        // What eviction took is not the command's time.
        self.ticks = self.services.clock.ticks();
        Ok(room)
    }
}

impl Worker {
    /// Makes room for `growth` bytes more of a request that begins with `argv`. False if its command would find no room once all that was announced is here,
    /// which then takes `on_top` bytes.
    pub fn may_receive(&mut self, argv: &[&[u8]], growth: usize, on_top: usize) -> bool {
        let services = &*self.services;
        let limit = services.config.live.maxmemory.get();
        if limit == 0 || services.durability.is_loading() {
            return true;
        }
        if services.keyspace.eviction_rules().policy != EvictionPolicy::NoEviction {
            // What does not fit is made room for here, or by the next command.
            self.keep_room(growth);
            return true;
        }
        let now = services.clock.unix_millis();
        if services.keyspace.is_freeing() || !is_short(services, limit, on_top, now) {
            return true;
        }
        let Found::Command(id) = services.commands.find(argv) else { return true };
        !COMMANDS.row(id).flags.has(Flags::DENY_OOM)
    }

    /// Takes a turn at keeping memory within its limit, with `on_top` bytes more than are in use now. True if more is to do.
    pub fn keep_room(&mut self, on_top: usize) -> bool {
        let services = &*self.services;
        let limit = services.config.live.maxmemory.get();
        if limit == 0 || services.durability.is_loading() {
            return false;
        }
        let now = services.clock.unix_millis();
        let pressure = services.keyspace.pressure();
        let ahead = if pressure.is_lasting(now) { AHEAD_BYTES_MAX.min(limit / AHEAD_SHARE) } else { 0 };
        if !is_short(services, limit, ahead + on_top, now) {
            pressure.relax(now);
            return false;
        }
        if services.keyspace.eviction_rules().policy == EvictionPolicy::NoEviction || services.keyspace.is_freeing() {
            // Another worker may have looked at an earlier limit and say so only now: the next turn puts it right.
            pressure.note_state(!is_short(services, limit, 0, now), now);
            return false;
        }
        let Ok(mut pass) = services.keyspace.enter(self.parts.slot, Patience::Try) else { return true };
        make_room(services, &mut self.parts, &mut pass, None, (on_top, ahead), now) == Room::Soon
    }
}
