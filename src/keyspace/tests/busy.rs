//! Who cannot have what it needs is told so after a bounded wait, and holds nothing then.
//!
//! One thread plays several: a slot is not bound to a thread.

use super::in_different_shards;
use crate::keyspace::{Busy, Held, Keyspace, Pass, Patience, Plan, ShardIndex};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

fn enter(keyspace: &Keyspace, slot: usize) -> Pass<'_> {
    keyspace.enter(slot, Patience::Wait).expect("nobody owns the whole")
}

fn several(shards: &[ShardIndex]) -> Plan {
    Plan::Several(shards.iter().copied().collect())
}

fn is_busy(pass: &mut Pass<'_>, plan: &Plan) -> bool {
    match pass.lock(plan, Patience::Wait) {
        Err(Busy) => true,
        Ok(held) => {
            pass.unlock(held);
            false
        }
    }
}

#[test]
fn a_shard_has_one_holder() {
    let keyspace = Keyspace::new(1, 2, 1);
    let (mut first, mut second) = (enter(&keyspace, 0), enter(&keyspace, 1));
    let held = first.lock(&Plan::One(7), Patience::Wait).expect("nobody holds it");
    assert!(is_busy(&mut second, &Plan::One(7)));
    assert!(!is_busy(&mut second, &Plan::One(8)));
    first.unlock(held);
    assert!(!is_busy(&mut second, &Plan::One(7)));
}

#[test]
fn of_several_shards_all_are_held_or_none() {
    let keyspace = Keyspace::new(1, 3, 1);
    let (mut first, mut second, mut third) = (enter(&keyspace, 0), enter(&keyspace, 1), enter(&keyspace, 2));
    for taken in [1, 2, 3] {
        let held = first.lock(&Plan::One(taken), Patience::Wait).expect("nobody holds it");
        assert!(is_busy(&mut second, &several(&[1, 2, 3])));
        let others: Vec<ShardIndex> = [1, 2, 3].into_iter().filter(|shard| *shard != taken).collect();
        assert!(!is_busy(&mut third, &several(&others)), "a failed try leaves nothing locked");
        first.unlock(held);
    }
    let held = second.lock(&several(&[3, 1, 2]), Patience::Wait).expect("nobody holds them");
    assert!([1, 2, 3].iter().all(|shard| is_busy(&mut first, &Plan::One(*shard))));
    second.unlock(held);
}

#[test]
fn the_whole_is_not_to_be_had_while_somebody_is_inside() {
    let keyspace = Keyspace::new(1, 2, 1);
    let (mut first, mut second) = (enter(&keyspace, 0), enter(&keyspace, 1));
    assert!(is_busy(&mut first, &Plan::Whole));
    // The gate that was given up for it is taken again by the next lock.
    assert!(!is_busy(&mut first, &Plan::One(1)));
    assert!(is_busy(&mut second, &Plan::Whole));
    drop(second);
    assert!(!is_busy(&mut first, &Plan::Whole));
}

#[test]
fn nobody_enters_while_somebody_owns_the_whole_and_the_owner_stays_inside_after_it() {
    let keyspace = Keyspace::new(1, 3, 1);
    for slot in 0..3 {
        let others: Vec<usize> = (0..3).filter(|other| *other != slot).collect();
        let mut owner = enter(&keyspace, slot);
        let held = owner.lock(&Plan::Whole, Patience::Wait).expect("nobody else is inside");
        assert!(others.iter().all(|other| keyspace.enter(*other, Patience::Wait).is_err()));
        owner.unlock(held);
        assert!(keyspace.enter(slot, Patience::Wait).is_err(), "the owner's gate is still held");
        let mut other = enter(&keyspace, others[0]);
        assert!(is_busy(&mut other, &Plan::Whole));
        drop(owner);
        assert!(!is_busy(&mut other, &Plan::Whole));
    }
}

/// A handler that panics drops what it held without unlocking it.
#[test]
fn what_is_dropped_without_being_unlocked_is_free() {
    let keyspace = Keyspace::new(1, 2, 1);
    for plan in [Plan::One(1), several(&[1, 2]), Plan::Whole] {
        let mut first = enter(&keyspace, 0);
        drop(first.lock(&plan, Patience::Wait).expect("nobody else is inside"));
        drop(first);
        assert!(!is_busy(&mut enter(&keyspace, 1), &Plan::Whole));
    }
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn who_is_parked_is_woken_once_by_the_next_who_leaves() {
    let keyspace = Keyspace::new(1, 2, 1);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let woken = || count.0.load(Ordering::SeqCst);
    let (mut first, mut second) = (enter(&keyspace, 0), enter(&keyspace, 1));

    let held = first.lock(&Plan::One(1), Patience::Wait).expect("nobody holds it");
    keyspace.park(&waker, None);
    let place = keyspace.park(&waker, None);
    assert_eq!(keyspace.park(&waker, Some(place)), place, "who has a place keeps it");
    assert_eq!(woken(), 0);
    first.unlock(held);
    assert_eq!(woken(), 2, "each parked waker is called");
    assert!(!is_busy(&mut first, &Plan::One(1)));
    assert_eq!(woken(), 2, "and forgotten");

    let again = keyspace.park(&waker, Some(place));
    assert_ne!(again, place, "who was woken gets a new place");
    assert!(is_busy(&mut first, &Plan::Whole));
    assert_eq!(woken(), 3, "who gives up its gate for the whole has left for a moment");
    assert!(!is_busy(&mut second, &Plan::One(1)));
    keyspace.park(&waker, Some(again));
    drop(second);
    assert_eq!(woken(), 4, "so has who leaves for good");
}

/// Two connections that waited for what a slow script held woke each other for as long, because a vain try ended with a leave.
#[test]
fn a_vain_try_wakes_nobody() {
    let keyspace = Keyspace::new(1, 2, 1);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let mut first = enter(&keyspace, 0);
    let held = first.lock(&Plan::One(1), Patience::Wait).expect("nobody holds it");
    keyspace.park(&Waker::from(Arc::clone(&count)), None);
    for plan in [Plan::One(1), several(&[2, 1]), Plan::Whole] {
        let mut second = enter(&keyspace, 1);
        assert_eq!(second.lock(&plan, Patience::Try).map(drop), Err(Busy));
        drop(second);
    }
    assert_eq!(count.0.load(Ordering::SeqCst), 0);
    first.unlock(held);
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
}

#[test]
fn a_leave_wakes_a_few_and_the_next_leave_the_next_few() {
    let keyspace = Keyspace::new(1, 1, 1);
    let counts: Vec<_> = (0..40).map(|_| Arc::new(Count(AtomicUsize::new(0)))).collect();
    for count in &counts {
        keyspace.park(&Waker::from(Arc::clone(count)), None);
    }
    let woken = || counts.iter().map(|count| count.0.load(Ordering::SeqCst)).collect::<Vec<_>>();
    let mut pass = enter(&keyspace, 0);
    for expected in [16, 32, 40, 40] {
        let held = pass.lock(&Plan::One(1), Patience::Wait).expect("nobody else is inside");
        pass.unlock(held);
        let (first, rest) = (vec![1; expected], vec![0; counts.len() - expected]);
        assert_eq!(woken(), [first, rest].concat());
    }
}

/// SCAN waited without bound for the shard of a script, and its worker with it.
#[test]
fn a_walk_does_not_wait_for_a_shard_that_stays_held() {
    let keyspace = Keyspace::new(1, 2, 1);
    let (mut first, mut second) = (enter(&keyspace, 0), enter(&keyspace, 1));
    let theirs = first.lock(&Plan::One(7), Patience::Wait).expect("nobody holds it");
    let mut walk = second.lock(&Plan::Walk, Patience::Wait).expect("a walk begins with nothing");
    let mut scan = || crate::keyspace::Keys::new(&mut walk, 0, 0).scan(0, 10, |_| ());
    assert_eq!(scan(), Err(Busy));
    first.unlock(theirs);
    assert_eq!(scan(), Ok(0));
    second.unlock(walk);
}

fn extend(held: &mut Held<'_>, shard: ShardIndex, wait: bool) -> Result<(), Busy> {
    held.extend(&Plan::One(shard), wait)
}

#[test]
fn a_unit_gets_further_shards_that_are_free() {
    let keyspace = Keyspace::new(1, 2, 1);
    let keys = in_different_shards(&keyspace, 3);
    let shards: Vec<ShardIndex> = keys.iter().map(|key| keyspace.shard_of(key)).collect();
    let (mut first, mut second) = (enter(&keyspace, 0), enter(&keyspace, 1));
    let mut held = first.lock(&Plan::One(shards[0]), Patience::Wait).expect("nobody holds it");
    assert_eq!(held.extend(&Plan::Nothing, false), Ok(()));
    assert_eq!(held.extend(&several(&shards), false), Ok(()));
    assert_eq!(held.extend(&several(&shards), false), Ok(()), "what is held already is no obstacle");
    assert!(held.covers(&several(&shards)));
    assert_eq!(held.extend(&Plan::Walk, true), Err(Busy));
    assert_eq!(held.extend(&Plan::Whole, true), Err(Busy));
    let mut lent = crate::keyspace::Keys::new(&mut held, 0, 0);
    keys.iter().for_each(|key| lent.put_string(key, b"x", None));
    assert!(shards.iter().all(|shard| is_busy(&mut second, &Plan::One(*shard))));
    first.unlock(held);
    assert!(!is_busy(&mut second, &several(&shards)));
}

#[test]
fn a_unit_that_may_not_wait_keeps_what_it_has_when_a_further_shard_is_busy() {
    let keyspace = Keyspace::new(1, 2, 1);
    let (mut first, mut second) = (enter(&keyspace, 0), enter(&keyspace, 1));
    let mut mine = first.lock(&Plan::One(1), Patience::Wait).expect("nobody holds it");
    let theirs = second.lock(&Plan::One(3), Patience::Wait).expect("nobody holds it");
    assert_eq!(mine.extend(&several(&[2, 3, 4]), false), Err(Busy));
    assert!(mine.covers(&several(&[1, 2])), "the free one before it was added");
    assert!(!mine.covers(&Plan::One(3)) && !mine.covers(&Plan::One(4)));
    second.unlock(theirs);
    assert_eq!(extend(&mut mine, 3, false), Ok(()));
    first.unlock(mine);
}

/// Two units that both waited while holding could wait for each other. There is one token, so only one of them waits.
#[test]
fn only_one_unit_waits_while_holding() {
    let keyspace = Keyspace::new(1, 3, 1);
    let (mut first, mut second, mut third) = (enter(&keyspace, 0), enter(&keyspace, 1), enter(&keyspace, 2));
    let mut one = first.lock(&Plan::One(1), Patience::Wait).expect("nobody holds it");
    let mut two = second.lock(&Plan::One(2), Patience::Wait).expect("nobody holds it");
    let three = third.lock(&Plan::One(3), Patience::Wait).expect("nobody holds it");
    assert_eq!(extend(&mut one, 3, true), Err(Busy), "the wait ends although nobody lets go");
    // The first keeps the token until it is done, so the second does not wait, not even for a shard that comes free.
    assert_eq!(extend(&mut two, 3, true), Err(Busy));
    third.unlock(three);
    assert_eq!(extend(&mut one, 3, true), Ok(()));
    assert_eq!(extend(&mut two, 4, true), Ok(()), "a free shard needs no token");
    first.unlock(one);
    let three = third.lock(&Plan::One(3), Patience::Wait).expect("the first has left it");
    assert_eq!(extend(&mut two, 3, true), Err(Busy), "with the token this time");
    third.unlock(three);
    second.unlock(two);
}

#[test]
fn a_unit_that_owns_the_whole_may_go_on_with_less() {
    let keyspace = Keyspace::new(1, 2, 1);
    let mut second = enter(&keyspace, 1);
    for plan in [Plan::Nothing, Plan::One(3), several(&[3, 5])] {
        second = {
            drop(second);
            let mut first = enter(&keyspace, 0);
            let mut held = first.lock(&Plan::Whole, Patience::Wait).expect("nobody else is inside");
            assert_eq!(keyspace.enter(1, Patience::Try).err(), Some(Busy));
            assert!(!held.narrow(&Plan::Whole) && !held.narrow(&Plan::Walk));
            assert!(held.narrow(&plan) && held.covers(&plan));
            assert!(!held.narrow(&plan), "there is nothing more to give back");
            let mut second = enter(&keyspace, 1);
            assert!(!is_busy(&mut second, &Plan::One(4)));
            assert_eq!(is_busy(&mut second, &Plan::One(3)), plan != Plan::Nothing);
            assert!(is_busy(&mut second, &Plan::Whole), "it is still inside");
            assert_eq!(extend(&mut held, 7, false), Ok(()));
            first.unlock(held);
            let held = first.lock(&Plan::One(3), Patience::Try).expect("it kept its gate");
            first.unlock(held);
            drop(first);
            second
        };
    }
    assert!(!is_busy(&mut second, &Plan::Whole));
}

#[test]
fn a_unit_that_waits_gets_the_shard_when_its_holder_lets_go() {
    let keyspace = Keyspace::new(1, 2, 1);
    let mut first = enter(&keyspace, 0);
    let mut mine = first.lock(&Plan::One(1), Patience::Wait).expect("nobody holds it");
    std::thread::scope(|scope| {
        let (ready, is_ready) = std::sync::mpsc::channel();
        let keyspace = &keyspace;
        scope.spawn(move || {
            let mut second = enter(keyspace, 1);
            let theirs = second.lock(&Plan::One(2), Patience::Wait).expect("nobody holds it");
            ready.send(()).expect("the other end waits");
            second.unlock(theirs);
        });
        is_ready.recv().expect("the other end sends");
        assert_eq!(extend(&mut mine, 2, true), Ok(()));
    });
    first.unlock(mine);
}

#[test]
fn a_unit_that_holds_a_shard_may_come_to_own_the_whole() {
    let keyspace = Keyspace::new(1, 3, 1);
    let (mut first, mut second, third) = (enter(&keyspace, 0), enter(&keyspace, 1), enter(&keyspace, 2));
    let mut mine = first.lock(&Plan::One(1), Patience::Wait).expect("nobody holds it");
    assert_eq!(mine.widen(), Err(Busy), "two others are inside");
    assert!(mine.covers(&Plan::One(1)) && mine.may_wait());
    let mut theirs = second.lock(&Plan::One(2), Patience::Wait).expect("nobody holds it");
    assert_eq!(theirs.widen(), Err(Busy), "and two units that wait for each other would stand still");
    assert!(!theirs.may_wait());
    second.unlock(theirs);
    drop((second, third));
    assert_eq!(mine.widen(), Ok(()));
    assert_eq!(mine.widen(), Ok(()), "it has all that there is");
    assert!(!mine.narrow(&Plan::One(1)), "this is for who began with everything");
    for slot in [1, 2] {
        assert_eq!(keyspace.enter(slot, Patience::Try).err(), Some(Busy));
    }
    first.unlock(mine);
    let mut second = enter(&keyspace, 1);
    assert!(!is_busy(&mut second, &Plan::One(1)));
    assert!(is_busy(&mut second, &Plan::Whole), "the first has its gate, and only that");
    let mut second = enter(&keyspace, 1);
    assert_eq!(first.lock(&Plan::One(1), Patience::Wait).map(|held| first.unlock(held)), Ok(()));
    drop(first);
    assert!(!is_busy(&mut second, &Plan::Whole));
}

#[test]
fn a_unit_that_went_on_with_less_may_own_the_whole_again() {
    let keyspace = Keyspace::new(1, 2, 1);
    let mut first = enter(&keyspace, 0);
    let mut held = first.lock(&Plan::Whole, Patience::Wait).expect("nobody else is inside");
    assert!(held.narrow(&Plan::One(3)));
    assert_eq!(held.widen(), Ok(()));
    assert_eq!(keyspace.enter(1, Patience::Try).err(), Some(Busy));
    first.unlock(held);
    let mut second = enter(&keyspace, 1);
    assert!(is_busy(&mut second, &Plan::Whole), "the first kept its gate");
    drop(first);
    let mut second = enter(&keyspace, 1);
    assert!(!is_busy(&mut second, &Plan::Whole));
}
