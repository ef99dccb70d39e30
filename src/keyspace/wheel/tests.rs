//! The wheel beside a map from deadlines to keys, under a clock that does what clocks do.

use super::{AHEAD_TICKS_MAX, TICK_MS, Wheel};
use crate::base::clock::UnixMillis;
use crate::data::table::Position;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const PREFIX: u64 = 0xA5 << 40;
const SECOND: i64 = 1000;
const YEAR: i64 = 365 * 24 * 3600 * SECOND;
const ALL: usize = usize::MAX;

/// Keys are numbers; some share a position.
fn position(key: u64) -> Position {
    Position::new(PREFIX | ((key / 2).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24)).expect("48 bits")
}

/// The naive twin, and what the owner of a wheel does: schedules what got an earlier deadline, and again what came too early.
#[derive(Default)]
struct Owner {
    wheel: Wheel,
    deadlines: HashMap<u64, UnixMillis>,
    order: BTreeMap<UnixMillis, BTreeSet<u64>>,
    now: UnixMillis,
    /// When the wheel was made anew: what was due already had to wait for the next tick.
    renewed: UnixMillis,
    /// Whether the clock was set back since, and the instant to which the wheel was turned before the last turn: then what is due may wait for it.
    is_set_back: bool,
    turned: UnixMillis,
    scheduled: usize,
    expired: usize,
}

impl Owner {
    fn at(now: UnixMillis) -> Self {
        Self { now, ..Self::default() }
    }

    fn wait(&mut self, ms: i64) {
        self.is_set_back |= ms < 0;
        self.now = self.now.saturating_add(ms).max(0);
    }

    fn schedule(&mut self, key: u64) {
        self.scheduled += 1;
        self.wheel.schedule(position(key), self.deadlines[&key], self.now);
    }

    fn forget(&mut self, key: u64) -> Option<UnixMillis> {
        let deadline = self.deadlines.remove(&key)?;
        let keys = self.order.get_mut(&deadline).expect("both maps agree");
        keys.remove(&key);
        if keys.is_empty() {
            self.order.remove(&deadline);
        }
        Some(deadline)
    }

    fn set(&mut self, key: u64, deadline: UnixMillis) {
        let before = self.forget(key);
        if deadline <= self.now {
            return;
        }
        self.deadlines.insert(key, deadline);
        self.order.entry(deadline).or_default().insert(key);
        if before.is_none_or(|before| deadline < before) {
            self.schedule(key);
        }
    }

    fn renew(&mut self) {
        self.wheel = Wheel::default();
        self.renewed = self.now;
        self.is_set_back = false;
        let keys: Vec<u64> = self.deadlines.keys().copied().collect();
        keys.into_iter().for_each(|key| self.schedule(key));
    }

    /// Yields whether all work was done.
    fn turn(&mut self, work: usize) -> bool {
        if self.wheel.is_astray(self.now) {
            self.renew();
        }
        self.turned = self.wheel.0.as_ref().map_or(0, |turning| turning.instant_of(turning.cursor));
        let mut left = work;
        while let Some(popped) = self.wheel.pop(self.now, &mut left) {
            let keys: Vec<u64> = self.deadlines.keys().copied().filter(|key| position(*key) == popped).collect();
            for key in keys {
                if self.now > self.deadlines[&key] {
                    self.forget(key);
                    self.expired += 1;
                } else {
                    self.schedule(key);
                }
            }
        }
        left > 0
    }

    /// After a turn that did all its work.
    fn check(&self) {
        let started = self.now / TICK_MS * TICK_MS;
        // A clock that was set back a little may find the wheel some ticks ahead.
        let ahead = if self.is_set_back { self.turned } else { 0 };
        let slack = AHEAD_TICKS_MAX as i64 * TICK_MS;
        assert!(ahead <= started.saturating_add(slack), "a wheel that is further ahead is made anew");
        if let Some((first, _)) = self.order.first_key_value() {
            let first = self.renewed.max(*first).max(ahead);
            assert!(first >= started, "{first} has passed at {}", self.now);
            let next = self.wheel.next().expect("who has keys to expire has something to do");
            let until = first.saturating_add(TICK_MS);
            let is_coming = next > self.now.min(i64::MAX - TICK_MS) || self.wheel.is_astray(self.now);
            assert!(is_coming && next <= until, "{next} is not between {} and {first}", self.now);
        }
        assert_eq!(self.wheel.due_len(), 0, "what was due has been yielded");
        assert!(self.wheel.len() <= self.scheduled, "an entry is made where one is asked for");
    }
}

#[derive(Clone, Debug)]
enum Op {
    Set(u64, i64),
    Forget(u64),
    Wait(i64),
    Turn(usize),
}

fn ttl() -> impl Strategy<Value = i64> {
    prop_oneof![0..20i64, 0..600i64, 0..20 * SECOND, 0..3 * 3600 * SECOND, 0..YEAR, 0..100 * YEAR, 0..i64::MAX / 2]
}

fn op(steps_back: bool) -> impl Strategy<Value = Op> {
    let back = if steps_back { 1 } else { 0 };
    prop_oneof![
        8 => (0..40u64, ttl()).prop_map(|(key, ttl)| Op::Set(key, ttl)),
        2 => (0..40u64).prop_map(Op::Forget),
        4 => prop_oneof![0..10i64, 0..600i64, 0..20 * SECOND, 0..3600 * SECOND].prop_map(Op::Wait),
        1 => prop_oneof![0..YEAR, 0..900 * YEAR].prop_map(Op::Wait),
        back => prop_oneof![0..20i64, 0..600 * SECOND, 0..10 * YEAR].prop_map(|ms| Op::Wait(-ms)),
        3 => (1..50usize).prop_map(Op::Turn),
        4 => Just(Op::Turn(ALL)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_key_is_yielded_in_its_time_whatever_the_clock_does(
        start in prop_oneof![0..1000i64, 0..60 * YEAR, (1i64 << 44) - 5000..(1i64 << 44)],
        ops in prop::collection::vec(op(true), 1..200),
    ) {
        let mut owner = Owner::at(start);
        for op in ops {
            match op {
                Op::Set(key, ttl) => owner.set(key, owner.now.saturating_add(ttl)),
                Op::Forget(key) => drop(owner.forget(key)),
                Op::Wait(ms) => owner.wait(ms),
                Op::Turn(work) => if owner.turn(work) {
                    owner.check();
                },
            }
        }
        // At last everything that a clock can reach is due.
        for _ in 0..64 {
            if owner.turn(ALL) {
                owner.check();
            }
            owner.now = owner.now.saturating_mul(2).saturating_add(1000);
        }
        owner.turn(ALL);
        prop_assert!(owner.order.keys().all(|deadline| *deadline > i64::MAX - 2 * TICK_MS));
    }

    #[test]
    fn nothing_is_late_by_more_than_a_tick_and_nobody_looks_in_vain_too_often(
        ttls in prop::collection::vec(ttl(), 1..100), start in 0..60 * YEAR,
    ) {
        let mut owner = Owner::at(start);
        for (key, ttl) in ttls.iter().enumerate() {
            owner.set(2 * key as u64, start + ttl.min(&(400 * YEAR)));
        }
        let mut looks = 0;
        while let Some(next) = owner.wheel.next() {
            prop_assert!(next > owner.now);
            owner.now = next - 1;
            let before = owner.expired;
            prop_assert!(owner.turn(ALL) && owner.expired == before, "nothing is to do before the next instant");
            owner.now = next;
            prop_assert!(owner.turn(ALL), "no deadline here is too far ahead");
            owner.check();
            looks += 1;
        }
        prop_assert!(looks <= 8 * ttls.len(), "each look moves some entry down");
        prop_assert!(owner.order.is_empty());
    }
}

#[test]
fn a_key_whose_deadline_goes_back_and_forth_keeps_few_entries() {
    let mut owner = Owner::at(1_000_000);
    for round in 0..100_000i64 {
        owner.set(7, owner.now + if round % 2 == 0 { 60 * SECOND } else { 100 * SECOND });
        owner.now += i64::from(round % 10 == 0);
        if round % 1000 == 0 {
            owner.turn(ALL);
        }
    }
    assert!(owner.wheel.len() <= 4, "{} entries", owner.wheel.len());
}

#[test]
fn a_key_that_is_deleted_and_made_again_keeps_few_entries() {
    let mut owner = Owner::at(1_000_000);
    for _ in 0..100_000 {
        owner.set(7, owner.now + 30 * SECOND);
        owner.forget(7);
        owner.now += 1;
        owner.turn(ALL);
    }
    assert!(owner.wheel.len() <= 2, "{} entries", owner.wheel.len());
}

#[test]
fn a_wheel_without_entries_has_no_memory() {
    let mut owner = Owner::at(5);
    for key in 0..10_000u64 {
        owner.set(2 * key, 5 + 1 + (key as i64 * 7919) % (3600 * SECOND));
    }
    let bytes = owner.wheel.allocated_bytes();
    assert!(bytes > 0 && bytes < 10_000 * 10, "{bytes} bytes");
    owner.now += 3601 * SECOND;
    assert!(owner.turn(ALL) && owner.expired == 10_000);
    assert_eq!((owner.wheel.len(), owner.wheel.allocated_bytes()), (0, 0));
}

#[test]
fn memory_per_entry_stays_near_eight_bytes() {
    for (ttl_ms, spread, limit) in
        [(3600 * SECOND, 1, 9.1), (SECOND, 3600 * SECOND, 11.6), (SECOND, YEAR, 11.6), (60 * SECOND, 10 * SECOND, 11.6)]
    {
        let mut wheel = Wheel::default();
        let mut worst = 0.0f64;
        for (count, key) in (0..8_000u64).enumerate() {
            let deadline = 1_700_000_000_000 + ttl_ms + (key as i64).wrapping_mul(0x9E37_79B9_7F4A) % spread;
            wheel.schedule(position(2 * key), deadline, 1_700_000_000_000);
            if count >= 4_000 {
                worst = worst.max(wheel.allocated_bytes() as f64 / (count + 1) as f64);
            }
        }
        assert!(worst < limit, "{worst} bytes for each of some thousand keys, {ttl_ms} + {spread}");
    }
}

#[test]
fn the_wheels_of_different_shards_turn_their_great_slots_at_different_times() {
    let mut next = BTreeSet::new();
    for shard in 0..256u64 {
        let mut wheel = Wheel::default();
        wheel.schedule(
            Position::new(shard << 40).expect("48 bits"),
            1_700_000_000_000 + 10 * 3600 * SECOND,
            1_700_000_000_000,
        );
        next.insert(wheel.next());
    }
    assert!(next.len() > 200, "{} different instants", next.len());
}
