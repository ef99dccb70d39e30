//! Those who wait: order, one claim, what makes a key ready, where their places go.

use super::{in_different_shards, lent, one, whole};
use crate::data::list::{End, Limits, List};
use crate::data::zset::{self, ZSet};
use crate::keyspace::{Awaited, Held, Keys, Keyspace, Missing, Patience, Plan, Value, Waiter, Waits};
use std::sync::{Arc, Mutex};

fn limits() -> Limits {
    Limits::from_setting(-2)
}
const DB: (usize, i64) = (0, 0);

/// Takes the first element of the key that is ready, or moves it.
#[derive(Debug)]
struct Taker {
    waiter: Waiter,
    to: Option<Vec<u8>>,
    got: Mutex<Option<(Vec<u8>, Vec<u8>)>>,
}

impl Waits for Taker {
    fn waiter(&self) -> &Waiter {
        &self.waiter
    }

    fn is_due(&self, _: &mut Keys<'_, '_>, _: &[u8]) -> bool {
        true
    }

    fn give(&self, keys: &mut Keys<'_, '_>, key: &[u8]) {
        let element = keys.edit::<List, _>(key, Missing::Skip, |list| {
            let element = list.at_end(End::Left).expect("a list has an element").text().to_vec();
            list.pop(End::Left, &limits());
            element
        });
        let element = element.expect("a list").expect("it is there");
        if let Some(to) = &self.to {
            push(keys, to, &element);
        }
        let before = self.got.lock().unwrap().replace((key.to_vec(), element));
        assert!(before.is_none(), "it is served once");
    }

    fn wake(&self) {}
}

impl Taker {
    fn got(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.got.lock().unwrap().clone()
    }
}

fn push(keys: &mut Keys<'_, '_>, key: &[u8], element: &[u8]) {
    keys.edit::<List, _>(key, Missing::Create, |list| list.push(End::Right, element, &limits())).expect("a list");
}

fn wait(keyspace: &Keyspace, names: &[&[u8]], to: Option<&[u8]>) -> Arc<Taker> {
    let plan = Plan::for_keys(keyspace, names.iter().copied().chain(to));
    lent(keyspace, 0, &plan, DB, |keys| {
        let waiter = keys.waiter(Awaited::List, names.iter().copied(), to, false);
        let taker = Arc::new(Taker { waiter, to: to.map(<[u8]>::to_vec), got: Mutex::new(None) });
        let waits: Arc<dyn Waits> = Arc::<Taker>::clone(&taker);
        keys.wait(&waits);
        taker
    })
}

/// Runs a unit as the engine does: with the locks that those who wait may need, and with their service at its end.
fn unit<R>(keyspace: &Keyspace, plan: &Plan, act: impl FnOnce(&mut Keys<'_, '_>) -> R) -> (R, usize) {
    let mut pass = keyspace.enter(1, Patience::Wait).expect("nobody else is inside");
    let mut held: Held<'_> = pass.lock(plan, Patience::Wait).expect("nobody else is inside");
    assert_eq!(held.reach(false), Ok(()), "nobody else holds a shard");
    let result = act(&mut Keys::new(&mut held, 0, 0));
    let served = if held.has_ready() { held.serve(0).len() } else { 0 };
    assert!(!held.has_ready());
    pass.unlock(held);
    (result, served)
}

fn unit_on(keyspace: &Keyspace, key: &[u8], act: impl FnOnce(&mut Keys<'_, '_>)) -> usize {
    unit(keyspace, &Plan::for_keys(keyspace, std::iter::once(key)), act).1
}

fn queues(keyspace: &Keyspace) -> usize {
    whole(keyspace, 0, DB, |keys| (0..keyspace.shards()).map(|index| keys.shard_at(index).waiting.len()).sum())
}

fn withdraw(keyspace: &Keyspace, taker: &Taker) {
    let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
    keyspace.withdraw(&mut pass, taker.waiter(), Patience::Wait).expect("nobody else holds a shard");
    assert!(!taker.waiter().has_places());
}

#[test]
fn the_longest_waiting_is_served_first_and_the_queue_goes_with_the_last() {
    let keyspace = Keyspace::new(2, 2, 1);
    let takers: Vec<_> = (0..5).map(|_| wait(&keyspace, &[b"k"], None)).collect();
    assert_eq!((keyspace.waiting(), queues(&keyspace)), (5, 1));
    let served = unit_on(&keyspace, b"k", |keys| (b'0'..b'3').for_each(|element| push(keys, b"k", &[element])));
    assert_eq!(served, 3);
    let got: Vec<_> = takers.iter().map(|taker| taker.got().map(|(_, element)| element)).collect();
    assert_eq!(got, [Some(b"0".to_vec()), Some(b"1".to_vec()), Some(b"2".to_vec()), None, None]);
    unit_on(&keyspace, b"k", |keys| (b'3'..b'9').for_each(|element| push(keys, b"k", &[element])));
    assert_eq!((keyspace.waiting(), queues(&keyspace)), (0, 0));
    assert_eq!(one(&keyspace, 0, b"k", DB, |keys| keys.read::<List>(b"k").expect("a list").map(List::len)), Some(4));
}

#[test]
fn who_waits_for_several_keys_is_served_once_and_leaves_all_queues() {
    let keyspace = Keyspace::new(1, 2, 1);
    let names = in_different_shards(&keyspace, 3);
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let taker = wait(&keyspace, &[names[0], names[1], names[2], names[0]], None);
    assert_eq!(queues(&keyspace), 3);
    assert_eq!(unit_on(&keyspace, names[1], |keys| push(keys, names[1], b"x")), 1);
    assert_eq!(taker.got(), Some((names[1].to_vec(), b"x".to_vec())));
    assert_eq!(queues(&keyspace), 2, "the other shards were not held");
    assert_eq!(unit_on(&keyspace, names[0], |keys| push(keys, names[0], b"y")), 0, "it does not wait any more");
    withdraw(&keyspace, &taker);
    assert_eq!(queues(&keyspace), 0);
}

#[test]
fn whose_wait_was_ended_otherwise_is_passed_over() {
    let keyspace = Keyspace::new(1, 2, 1);
    let [first, second] = [(); 2].map(|()| wait(&keyspace, &[b"k"], None));
    assert!(first.waiter().claim());
    assert!(!first.waiter().claim(), "a wait ends once");
    assert_eq!(keyspace.waiting(), 1);
    assert_eq!(unit_on(&keyspace, b"k", |keys| push(keys, b"k", b"x")), 1);
    assert_eq!((first.got(), second.got()), (None, Some((b"k".to_vec(), b"x".to_vec()))));
    withdraw(&keyspace, &first);
    assert_eq!(queues(&keyspace), 0);
}

#[test]
fn a_key_that_is_gone_or_of_another_kind_at_the_end_of_the_unit_serves_nobody() {
    let keyspace = Keyspace::new(1, 2, 1);
    let taker = wait(&keyspace, &[b"k"], None);
    let served = unit_on(&keyspace, b"k", |keys| {
        push(keys, b"k", b"x");
        keys.delete(b"k");
    });
    let set = unit_on(&keyspace, b"k", |keys| {
        let limits = zset::Limits { entries: 8, value_bytes: 8 };
        keys.edit::<ZSet, _>(b"k", Missing::Create, |set| set.insert(b"m", 1.0, &limits)).expect("a set");
    });
    assert_eq!((served, set, keyspace.waiting()), (0, 0, 1));
    let served = unit_on(&keyspace, b"k", |keys| {
        let mut list = List::new();
        list.push(End::Left, b"x", &limits());
        keys.put(b"k", Value::List(list), None);
    });
    assert_eq!((served, taker.got()), (1, Some((b"k".to_vec(), b"x".to_vec()))), "a value put over another one");
}

#[test]
fn those_who_wait_in_another_database_are_not_served() {
    let keyspace = Keyspace::new(2, 2, 1);
    let taker = wait(&keyspace, &[b"k"], None);
    assert_eq!(unit_on(&keyspace, b"k", |keys| push(&mut keys.in_db(1), b"k", b"x")), 0);
    let (_, served) = unit(&keyspace, &Plan::Whole, |keys| keys.swap_databases(0, 1));
    assert_eq!((served, taker.got().is_some()), (1, true), "what was swapped in is ready");
}

#[test]
fn a_unit_holds_the_shards_to_which_those_who_wait_would_move() {
    let keyspace = Keyspace::new(1, 2, 1);
    let names = in_different_shards(&keyspace, 4);
    let movers: Vec<_> = names.windows(2).map(|pair| wait(&keyspace, &[&pair[0]], Some(&pair[1]))).collect();
    assert!(keyspace.any_moves_wait());
    assert_eq!(
        unit_on(&keyspace, &names[0], |keys| push(keys, &names[0], b"x")),
        3,
        "one after another, along the chain"
    );
    assert!(movers.iter().all(|mover| mover.got().is_some_and(|(_, element)| element == b"x")));
    assert!(one(&keyspace, 0, &names[3], DB, |keys| keys.exists(&names[3])));
    assert!(!keyspace.any_moves_wait());
    assert_eq!(queues(&keyspace), 0);
}

#[test]
fn a_shard_that_another_holds_is_not_waited_for_but_named() {
    let keyspace = Keyspace::new(1, 3, 1);
    let names = in_different_shards(&keyspace, 2);
    let _mover = wait(&keyspace, &[&names[0]], Some(&names[1]));
    let [from, to] = [0, 1].map(|at: usize| keyspace.shard_of(&names[at]));
    let mut other = keyspace.enter(2, Patience::Try).expect("a gate of its own");
    let theirs = other.lock(&Plan::One(to), Patience::Try).expect("it is free");
    let mut pass = keyspace.enter(1, Patience::Try).expect("a gate of its own");
    let mut held = pass.lock(&Plan::One(from), Patience::Try).expect("it is free");
    let mut wanted = Plan::One(to);
    wanted.add(from);
    assert_eq!(held.reach(false), Err(wanted));
    other.unlock(theirs);
    assert_eq!(held.reach(false), Ok(()));
    pass.unlock(held);
}
