//! Writers, the log of effects and who owns everything: where the log begins, what a clone and its position agree on, and what a reader depends on.
//!
//! Whether effects are logged and what was last written by who owned everything are read without an order of their own: loom tries all that such a load
//! may see, so what the gates and the shards' locks order is what is shown here.

use super::{World, join, keys_of_shards, model, number_of, several, spawn};
use crate::base::sync::Mutex;
use crate::keyspace::effects::EffectLog;
use crate::keyspace::{Keys, Patience, Plan, ShardIndex};
use std::ops::RangeTo;
use std::rc::Rc;
use std::sync::Arc;

/// The units that came to the log, as text.
#[derive(Default)]
struct Kept(Mutex<Vec<String>>);

impl EffectLog for Kept {
    fn append(&self, commands: &[u8], _: usize, _: usize) -> u64 {
        let mut kept = self.0.lock();
        kept.push(String::from_utf8(commands.to_vec()).expect("effects of these models are text"));
        kept.len() as u64
    }

    fn end(&self) -> u64 {
        self.0.lock().len() as u64
    }

    fn synced(&self) -> u64 {
        0
    }
}

impl Kept {
    /// The numbers that a key was set to up to a position, in the order of the log.
    fn of_key(&self, up_to: RangeTo<u64>, key: &[u8]) -> Vec<i64> {
        let kept = self.0.lock();
        let words = kept[..up_to.end as usize].iter().flat_map(|unit| unit.split("\r\n"));
        let words: Vec<&str> = words.filter(|word| !word.starts_with(['*', '$']) && !word.is_empty()).collect();
        let is_set = |words: &&[&str]| words[0] == "SET" && words[1].as_bytes() == key;
        words.windows(3).filter(is_set).map(|words| words[2].parse().expect("keys are set to numbers")).collect()
    }
}

/// A world with a log that is not on yet.
fn logged(slots: usize) -> (Rc<World>, Arc<Kept>) {
    let (world, log) = (World::new(slots), Arc::<Kept>::default());
    assert!(world.keyspace.attach_log(Arc::<Kept>::clone(&log)));
    (world, log)
}

fn turn_on(world: &World, slot: usize) {
    let mut pass = world.keyspace.enter(slot, Patience::Wait).expect("a wait without bound");
    let held = pass.lock(&Plan::Whole, Patience::Wait).expect("a wait without bound");
    world.keyspace.log_effects(&held, true);
    pass.unlock(held);
}

/// Sets keys to a number in one unit, and says so.
fn set(world: &World, slot: usize, plan: &Plan, names: &[&[u8]], number: i64) {
    let mut pass = world.keyspace.enter(slot, Patience::Wait).expect("a wait without bound");
    let mut held = pass.lock(plan, Patience::Wait).expect("a wait without bound");
    let mut keys = Keys::new(&mut held, 0, 0);
    let number = number.to_string();
    for name in names {
        keys.put_string(name, number.as_bytes(), None);
        keys.log(&[b"SET", name, number.as_bytes()]);
    }
    keys.end_unit();
    pass.unlock(held);
}

/// A writer of each shard sets its key to 1, then 2.
fn writers(world: &Rc<World>, names: &[Vec<u8>; 2]) -> [loom::thread::JoinHandle<()>; 2] {
    [0, 1].map(|slot: usize| {
        let name = names[slot].clone();
        spawn(world, move |world| {
            (1..=2).for_each(|number| set(world, slot, &Plan::One(slot as ShardIndex), &[&name], number));
        })
    })
}

/// A clone taken behind all gates has a prefix of what each writer did, and the log's position of that moment is the end of just these.
#[test]
fn a_frozen_clone_is_a_prefix_of_each_writer_and_its_position_agrees() {
    model(|| {
        let (world, log) = logged(3);
        turn_on(&world, 2);
        let names = keys_of_shards(&world.keyspace);
        let writers = writers(&world, &names);
        let mut pass = world.keyspace.enter(2, Patience::Wait).expect("a wait without bound");
        let (frozen, position) = pass.freeze_and(Patience::Wait, |_| log.end()).expect("a wait without bound");
        drop(pass);
        for writer in writers {
            join(writer);
        }
        for name in &names {
            let numbers = log.of_key(..position, name);
            assert!([1, 2].starts_with(&numbers), "a prefix: {numbers:?}");
            assert_eq!(number_of(&frozen, name), numbers.last().copied());
            assert_eq!(log.of_key(..log.end(), name), [1, 2], "nothing is lost, and nothing comes twice");
        }
    });
}

/// The log is turned on where a clone is taken: what the clone has not is in the log, and nothing that it has.
#[test]
fn a_log_begins_where_the_clone_ends() {
    model(|| {
        let (world, log) = logged(3);
        let names = keys_of_shards(&world.keyspace);
        let writers = writers(&world, &names);
        let mut pass = world.keyspace.enter(2, Patience::Wait).expect("a wait without bound");
        let begin = |held: &crate::keyspace::Held<'_>| world.keyspace.log_effects(held, true);
        let (frozen, ()) = pass.freeze_and(Patience::Wait, begin).expect("a wait without bound");
        drop(pass);
        for writer in writers {
            join(writer);
        }
        for name in &names {
            let first = number_of(&frozen, name).unwrap_or(0) + 1;
            assert_eq!(log.of_key(..log.end(), name), (first..=2).collect::<Vec<_>>());
        }
    });
}

/// Where reads are followed, who sees what another wrote knows the position on which that depends, whether the writer held a shard or everything.
#[test]
fn who_reads_what_another_wrote_depends_on_its_position() {
    for plan in [Plan::One(0), several([0, 1]), Plan::Whole] {
        model(move || {
            let (world, _log) = logged(2);
            turn_on(&world, 1);
            world.keyspace.follow_reads(true);
            let name = keys_of_shards(&world.keyspace)[0].clone();
            let writer = {
                let (name, plan) = (name.clone(), plan.clone());
                spawn(&world, move |world| set(world, 0, &plan, &[&name], 1))
            };
            assert_knows_what_it_read(&world, &name);
            join(writer);
        });
    }
}

/// Reads a key, alone: what is there is there by the first entry of the log, on which the reader then depends.
fn assert_knows_what_it_read(world: &World, name: &[u8]) {
    let mut pass = world.keyspace.enter(1, Patience::Wait).expect("a wait without bound");
    let mut held = pass.lock(&Plan::One(0), Patience::Wait).expect("a wait without bound");
    let is_there = Keys::new(&mut held, 0, 0).exists(name);
    pass.unlock(held);
    drop(pass);
    assert_eq!(world.keyspace.take_dependency(1), u64::from(is_there));
}

/// While a writer is at work reads come to be followed, or stop and begin again: whoever reads from then on what he wrote knows the position.
#[test]
fn who_reads_after_reads_came_to_be_followed_depends_on_what_was_written_before() {
    for was_followed in [false, true] {
        model(move || {
            let (world, _log) = logged(2);
            turn_on(&world, 1);
            world.keyspace.follow_reads(was_followed);
            let name = keys_of_shards(&world.keyspace)[0].clone();
            let writer = {
                let name = name.clone();
                spawn(&world, move |world| set(world, 0, &Plan::One(0), &[&name], 1))
            };
            world.keyspace.follow_reads(false);
            world.keyspace.follow_reads(true);
            assert_knows_what_it_read(&world, &name);
            join(writer);
        });
    }
}
