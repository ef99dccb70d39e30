//! What threads share of eviction: the bell that tells of a change of its rules, and the words that say how memory stands.

use super::{Sleeper, World, join, model, spawn};
use crate::config::EvictionPolicy;
use crate::keyspace::evict::{Pressure, Rules};
use loom::sync::Notify;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The rules change while somebody is about to wait for that: it is woken, and sees the last of them.
#[test]
fn who_waits_for_a_change_of_the_rules_is_woken_and_sees_it() {
    model(|| {
        let world = World::new(1);
        let waiters = [(); 2].map(|()| {
            spawn(&world, |world| {
                let sleeper = Arc::new(Sleeper(Notify::new()));
                let waker = Waker::from(Arc::clone(&sleeper));
                let mut known = 0;
                while world.keyspace.eviction_rules().policy != EvictionPolicy::AllkeysRandom {
                    match world.keyspace.poll_eviction(known, &mut Context::from_waker(&waker)) {
                        Poll::Ready(changes) => known = changes,
                        Poll::Pending => sleeper.0.wait(),
                    }
                }
            })
        });
        for policy in [EvictionPolicy::AllkeysLru, EvictionPolicy::AllkeysRandom] {
            world.keyspace.set_eviction_rules(Rules { policy, ..Rules::default() });
        }
        waiters.into_iter().for_each(join);
    });
}

/// Two threads notice that the last clone is gone, while a third evicts: what the clone held is taken off once, so that the next clone's is counted in full.
#[test]
fn what_a_gone_clone_held_is_taken_off_once() {
    const LATER: i64 = 1_000_000;
    model(|| {
        let pressure = Rc::new(Pressure::default());
        pressure.retain(100, 0);
        let lookers = [(); 2].map(|()| {
            let pressure = Rc::clone(&pressure);
            loom::thread::spawn(move || pressure.retained(false, LATER))
        });
        pressure.retain(7, LATER);
        let seen = lookers.map(join);
        assert!(seen.iter().all(|bytes| [0, 100, 107, 7].contains(bytes)), "{seen:?}");
        assert!([7, 107].contains(&pressure.retained(true, LATER)));
    });
}
