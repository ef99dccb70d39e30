//! Every order in which threads can pass the gates, the shards' locks and the parking, tried by loom.
//!
//! ```text
//! cargo test --lib --features loom keyspace::tests::model
//! ```
//! The code is the real one; [`crate::base::sync`] hands it loom's locks and atomics. Time does not pass here, so each model runs at both ends
//! of a bounded wait: [`Patience::Try`] is a wait that was over at once, [`Patience::Wait`] one without a bound. What deadlocks, or sleeps when
//! nobody is left to wake it, fails. A run has at most 2 preemptions, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
//!
//! Not promised, and so not here: two vain tries for the whole can each meet the gate that the other has for a moment, and both go to sleep. A
//! connection sleeps for a bounded time only, for that among others.

mod eviction;
mod log;

use crate::data::list::{End, Limits, List};
use crate::keyspace::{
    Awaited, Busy, EntryRef, Frozen, Held, Keys, Keyspace, Missing, Parking, Patience, Plan, ShardIndex, ValueRef,
    Waiter, Waits, add,
};
use loom::cell::UnsafeCell;
use loom::sync::Notify;
use loom::thread;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};

const PREEMPTIONS_MAX: usize = 2;
const SHARDS: usize = 2;

/// What a model's threads share (an `Rc` will do: loom runs them all on one): the keyspace, and for each shard a cell. Two
/// threads that touch a cell without an order between them fail the model.
struct World {
    keyspace: Keyspace,
    cells: [UnsafeCell<()>; SHARDS],
}

impl World {
    fn new(slots: usize) -> Rc<Self> {
        Rc::new(Self {
            keyspace: Keyspace::with_shards(SHARDS, 1, slots, slots),
            cells: std::array::from_fn(|_| UnsafeCell::new(())),
        })
    }

    fn touch(&self, shards: impl IntoIterator<Item = ShardIndex>) {
        shards.into_iter().for_each(|shard| self.cells[usize::from(shard)].with_mut(|_| ()));
    }

    /// Touches what is held and counts one change.
    fn work(&self, slot: usize, plan: &Plan) {
        match plan {
            Plan::One(shard) => self.touch([*shard]),
            Plan::Several(shards) => self.touch(shards.iter().copied()),
            Plan::Whole => self.touch(0..SHARDS as ShardIndex),
            Plan::Nothing | Plan::Walk => {}
        }
        add(&self.keyspace.counts[slot].0.changes, 1);
    }

    fn execute(&self, slot: usize, plan: &Plan, patience: Patience) -> Result<(), Busy> {
        let mut pass = self.keyspace.enter(slot, patience)?;
        let held = pass.lock(plan, patience)?;
        self.work(slot, plan);
        pass.unlock(held);
        Ok(())
    }

    /// Executes as a connection does: who meets a lock parks, tries once more, and sleeps until it is woken.
    fn execute_at_last(&self, slot: usize, plan: &Plan, patience: Patience) {
        let sleeper = Arc::new(Sleeper(Notify::new()));
        let waker = Waker::from(Arc::clone(&sleeper));
        let mut place: Option<Parking> = None;
        while self.execute(slot, plan, patience).is_err() {
            place = Some(self.keyspace.park(&waker, place));
            if self.execute(slot, plan, patience).is_ok() {
                return;
            }
            sleeper.0.wait();
        }
    }
}

struct Sleeper(Notify);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

fn several(shards: [ShardIndex; 2]) -> Plan {
    Plan::Several(shards.into_iter().collect())
}

fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS_MAX);
    builder.check(run);
}

fn spawn<R: 'static>(world: &Rc<World>, run: impl FnOnce(&World) -> R + 'static) -> thread::JoinHandle<R> {
    let world = Rc::clone(world);
    thread::spawn(move || run(&world))
}

fn join<R>(thread: thread::JoinHandle<R>) -> R {
    thread.join().expect("a model's thread does not panic")
}

/// Each plan by a thread with a slot of its own, the last by the model's own thread. Those that are not [`Busy`] have had what they locked to
/// themselves; with waits that have no bound nobody is.
fn meet(plans: &[Plan], patience: Patience) {
    let plans = plans.to_vec();
    model(move || {
        let world = World::new(plans.len());
        let (last, others) = plans.split_last().expect("a model has threads");
        let threads: Vec<_> = (0..)
            .zip(others.to_vec())
            .map(|(slot, plan)| spawn(&world, move |world| world.execute(slot, &plan, patience)))
            .collect();
        let mut done = vec![world.execute(others.len(), last, patience)];
        done.extend(threads.into_iter().map(join));
        let changes = done.iter().filter(|done| done.is_ok()).count();
        assert_eq!(world.keyspace.totals().changes, changes as u64);
        assert!(patience == Patience::Try || changes == plans.len());
        assert_eq!(world.execute(0, &Plan::Whole, Patience::Try), Ok(()), "who was busy has left nothing locked");
    });
}

#[test]
fn shards_locked_in_opposite_orders_are_had_by_one_at_a_time() {
    for patience in [Patience::Try, Patience::Wait] {
        meet(&[several([0, 1]), several([1, 0])], patience);
    }
}

#[test]
fn two_may_want_the_whole_at_once() {
    for patience in [Patience::Try, Patience::Wait] {
        meet(&[Plan::Whole, Plan::Whole], patience);
    }
}

#[test]
fn who_owns_the_whole_is_alone_among_those_who_lock_shards() {
    for patience in [Patience::Try, Patience::Wait] {
        meet(&[several([0, 1]), several([1, 0]), Plan::Whole], patience);
    }
}

/// The sleeper's last try and the leave cross: either the leaver sees that somebody is parked, or the try finds the lock free.
fn sleepers_are_woken(held: &Plan, wanted: &[Plan]) {
    let (held, wanted) = (held.clone(), wanted.to_vec());
    model(move || {
        let world = World::new(1 + wanted.len());
        let mut pass = world.keyspace.enter(0, Patience::Try).expect("nobody else is inside");
        let guards = pass.lock(&held, Patience::Try).expect("nobody else is inside");
        let sleepers: Vec<_> = (1..)
            .zip(wanted.clone())
            .map(|(slot, plan)| spawn(&world, move |world| world.execute_at_last(slot, &plan, Patience::Try)))
            .collect();
        world.work(0, &held);
        pass.unlock(guards);
        drop(pass);
        sleepers.into_iter().for_each(join);
        assert_eq!(world.keyspace.totals().changes, 1 + wanted.len() as u64);
    });
}

#[test]
fn who_is_parked_is_woken_by_the_holder_that_leaves() {
    for held in [Plan::One(0), several([0, 1]), Plan::Whole] {
        for wanted in [Plan::One(0), several([1, 0]), Plan::Whole] {
            sleepers_are_woken(&held, &[wanted]);
        }
    }
}

#[test]
fn all_who_are_parked_are_woken() {
    for held in [Plan::One(0), Plan::Whole] {
        sleepers_are_woken(&held, &[Plan::One(0), Plan::One(0)]);
    }
}

/// Two scripts that have written each want the other's shard. One waits with the token, the other is refused; both end.
#[test]
fn two_units_that_want_a_late_shard_of_each_other_do_not_wait_for_each_other() {
    model(|| {
        let world = World::new(3);
        let script = |slot: usize, own: ShardIndex, late: ShardIndex| {
            spawn(&world, move |world| {
                let mut pass = world.keyspace.enter(slot, Patience::Wait).expect("a wait without bound");
                let mut held: Held<'_> = pass.lock(&Plan::One(own), Patience::Wait).expect("a wait without bound");
                world.touch([own]);
                let extended = held.extend(&Plan::One(late), true).is_ok();
                if extended {
                    world.touch([own, late]);
                }
                pass.unlock(held);
                extended
            })
        };
        let scripts = [script(0, 0, 1), script(1, 1, 0)];
        assert_eq!(world.execute(2, &several([1, 0]), Patience::Wait), Ok(()));
        assert!(scripts.map(join).contains(&true), "only the token refuses, and one has it");
    });
}

/// A worker's plan to sleep and a deadline that comes before it cross: either the worker sees the deadline, or it is woken.
#[test]
fn a_worker_that_goes_to_sleep_is_woken_for_an_earlier_deadline() {
    model(|| {
        let world = World::new(2);
        let worker = spawn(&world, |world| {
            let sleeper = Arc::new(Sleeper(Notify::new()));
            let waker = Waker::from(Arc::clone(&sleeper));
            while world.keyspace.alarms.next(0) > 5 {
                if world.keyspace.may_sleep(0, 10, &waker) {
                    sleeper.0.wait();
                }
            }
        });
        let mut pass = world.keyspace.enter(1, Patience::Try).expect("nobody else is inside");
        let held = pass.lock(&Plan::One(0), Patience::Try).expect("nobody else is inside");
        world.keyspace.alarms.no_later(0, 5);
        pass.unlock(held);
        join(worker);
    });
}

/// A key in each of the shards.
fn keys_of_shards(keyspace: &Keyspace) -> [Vec<u8>; SHARDS] {
    std::array::from_fn(|shard| {
        let names = (0..).map(|number: u32| number.to_string().into_bytes());
        let mut of_shard = names.filter(|name| usize::from(keyspace.shard_of(name)) == shard);
        of_shard.next().expect("every shard has keys")
    })
}

fn number_of(frozen: &Frozen, key: &[u8]) -> Option<i64> {
    match frozen.get(0, key).map(EntryRef::value)? {
        ValueRef::Str(text) => text.as_i64(),
        _ => None,
    }
}

/// A unit writes to both shards, again and again, while another thread freezes: the clone has a unit as a whole or not at all, and what is written
/// after the freeze does not come into it. (loom sees the locks and the counts of keys. The references of records and segments are std's atomics, as
/// in the server; that they are counted right under threads is for a sanitizer to say.)
#[test]
fn a_frozen_clone_has_whole_units_and_stays_as_it_was_while_others_write() {
    model(|| {
        let world = World::new(2);
        let names = keys_of_shards(&world.keyspace);
        let write = |world: &World, names: &[Vec<u8>; SHARDS], value: &[u8]| {
            let mut pass = world.keyspace.enter(0, Patience::Wait).expect("a wait without bound");
            let mut held = pass.lock(&several([0, 1]), Patience::Wait).expect("a wait without bound");
            let mut keys = Keys::new(&mut held, 0, 0);
            names.iter().for_each(|name| keys.put_string(name, value, None));
            pass.unlock(held);
        };
        write(&world, &names, b"1");
        let its_names = names.clone();
        let writer = spawn(&world, move |world| [b"2", b"3"].iter().for_each(|value| write(world, &its_names, *value)));
        let mut pass = world.keyspace.enter(1, Patience::Wait).expect("a wait without bound");
        let frozen = pass.freeze(Patience::Wait).expect("a wait without bound");
        let seen = names.each_ref().map(|name| number_of(&frozen, name));
        drop(pass);
        join(writer);
        assert!(seen[0] == seen[1] && matches!(seen[0], Some(1..=3)), "one moment: {seen:?}");
        assert_eq!(names.each_ref().map(|name| number_of(&frozen, name)), seen);
    });
}

/// Takes an element of the list that is ready.
#[derive(Debug)]
struct Taker {
    waiter: Waiter,
    served: loom::sync::atomic::AtomicUsize,
}

impl Waits for Taker {
    fn waiter(&self) -> &Waiter {
        &self.waiter
    }

    fn is_due(&self, _: &mut Keys<'_, '_>, _: &[u8]) -> bool {
        true
    }

    fn give(&self, keys: &mut Keys<'_, '_>, key: &[u8]) {
        let limits = Limits::from_setting(-2);
        let taken = keys.edit::<List, _>(key, Missing::Skip, |list| list.pop(End::Left, &limits));
        taken.expect("a list").expect("it is there");
        self.served.fetch_add(1, loom::sync::atomic::Ordering::Relaxed);
    }

    fn wake(&self) {}
}

/// Two writers make a key each, in shards of their own, while one who waits for both may lose patience: the wait ends once, and no element is lost.
#[test]
fn who_waits_in_two_shards_is_claimed_once() {
    model(|| {
        let world = World::new(3);
        let names = keys_of_shards(&world.keyspace);
        let taker = {
            let mut pass = world.keyspace.enter(2, Patience::Wait).expect("a wait without bound");
            let mut held = pass.lock(&several([0, 1]), Patience::Wait).expect("a wait without bound");
            let mut keys = Keys::new(&mut held, 0, 0);
            let waiter = keys.waiter(Awaited::List, names.iter().map(Vec::as_slice), None, true);
            let taker = Arc::new(Taker { waiter, served: loom::sync::atomic::AtomicUsize::new(0) });
            let waits: Arc<dyn Waits> = Arc::<Taker>::clone(&taker);
            keys.wait(&waits);
            pass.unlock(held);
            taker
        };
        let writers = [0, 1].map(|slot: usize| {
            let name = names[slot].clone();
            spawn(&world, move |world| {
                let mut pass = world.keyspace.enter(slot, Patience::Wait).expect("a wait without bound");
                let plan = Plan::One(slot as ShardIndex);
                let mut held = pass.lock(&plan, Patience::Wait).expect("a wait without bound");
                let limits = Limits::from_setting(-2);
                let mut keys = Keys::new(&mut held, 0, 0);
                let push = |list: &mut crate::keyspace::Edit<'_, List>| list.push(End::Left, b"x", &limits);
                keys.edit::<List, _>(&name, Missing::Create, push).expect("a list");
                let served = if held.has_ready() { held.serve(0).len() } else { 0 };
                pass.unlock(held);
                served
            })
        });
        let expired = taker.waiter().claim();
        let mut pass = world.keyspace.enter(2, Patience::Wait).expect("a wait without bound");
        if expired {
            world.keyspace.withdraw(&mut pass, taker.waiter(), Patience::Wait).expect("a wait without bound");
        }
        drop(pass);
        let served: usize = writers.map(join).iter().sum();
        assert_eq!(served + usize::from(expired), 1, "one ends the wait");
        assert_eq!(taker.served.load(loom::sync::atomic::Ordering::Relaxed), served);
        assert_eq!((world.keyspace.waiting(), world.keyspace.waiting_for_a_time()), (0, 0));
        assert_eq!(world.keyspace.len(0), 2 - served, "the other element is there");
    });
}
