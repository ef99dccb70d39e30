//! What comes to the log: in the order of execution, a unit in one piece, and all of it before the locks are given back.

use super::{lent, one, whole};
use crate::data::string::Str;
use crate::keyspace::effects::EffectLog;
use crate::keyspace::{Keys, Keyspace, Missing, Patience, Plan};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const THREADS: usize = 3;
const ROUNDS: usize = 3_000;

/// Keeps what it is given, a unit in each entry: its commands, and the position behind them.
#[derive(Default)]
struct Kept(Mutex<Vec<(String, usize, usize)>>, AtomicU64);

impl EffectLog for Kept {
    fn append(&self, commands: &[u8], first_db: usize, last_db: usize) -> u64 {
        let mut kept = self.0.lock().unwrap();
        kept.push((String::from_utf8(commands.to_vec()).unwrap(), first_db, last_db));
        kept.len() as u64
    }

    fn end(&self) -> u64 {
        self.0.lock().unwrap().len() as u64
    }

    fn synced(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }
}

impl Kept {
    fn sync(&self) {
        self.1.store(self.end(), Ordering::Relaxed);
    }

    /// Everything so far, words apart by blanks.
    fn text(&self) -> Vec<String> {
        let words = |commands: &str| {
            let lines = commands.split("\r\n").filter(|line| !line.starts_with(['*', '$']));
            lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
        };
        self.0.lock().unwrap().iter().map(|(commands, ..)| words(commands)).collect()
    }
}

fn logged(slots: usize) -> (Keyspace, Arc<Kept>) {
    with_log(Keyspace::with_shards(2, 4, slots, slots))
}

fn with_log(keyspace: Keyspace) -> (Keyspace, Arc<Kept>) {
    let log = Arc::new(Kept::default());
    assert!(keyspace.attach_log(Arc::<Kept>::clone(&log)));
    whole(&keyspace, 0, (0, 0), |keys| {
        let keyspace = keys.keyspace();
        keyspace.log_effects(keys.held(), true);
    });
    (keyspace, log)
}

/// Counts the key up and says so.
fn count(keys: &mut Keys<'_, '_>, key: &[u8]) -> i64 {
    let counted = keys.edit::<Str, _>(key, Missing::Create, |text| {
        let next = text.as_i64().unwrap_or(0) + 1;
        **text = Str::from_i64(next);
        next
    });
    let next = counted.unwrap().unwrap();
    keys.log(&[b"SET", key, next.to_string().as_bytes()]);
    next
}

/// Threads count one key up. If an effect came to the log after its lock was given back, another thread's could come before it.
#[test]
fn the_order_of_the_log_is_the_order_of_execution() {
    let (keyspace, log) = logged(THREADS);
    std::thread::scope(|scope| {
        for slot in 0..THREADS {
            let keyspace = &keyspace;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    one(keyspace, slot, b"key", (0, 0), |keys| count(keys, b"key"));
                }
            });
        }
    });
    let expected: Vec<String> = (1..=THREADS * ROUNDS).map(|number| format!("SET key {number}")).collect();
    assert!(log.text() == expected, "the log has another order");
}

/// Whoever owns the whole keyspace sees what the log says, no more and no less: a snapshot taken there with the log's position is neither ahead nor behind.
#[test]
fn a_frozen_clone_holds_just_what_the_log_says_up_to_its_position() {
    let (keyspace, log) = logged(THREADS);
    std::thread::scope(|scope| {
        for slot in 1..THREADS {
            let keyspace = &keyspace;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let key = format!("key:{}", round % 7);
                    one(keyspace, slot, key.as_bytes(), (0, 0), |keys| count(keys, key.as_bytes()));
                }
            });
        }
        for _ in 0..200 {
            let mut pass = loop {
                if let Ok(pass) = keyspace.enter(0, Patience::Wait) {
                    break pass;
                }
            };
            let Ok((frozen, position)) = pass.freeze_and(Patience::Wait, |_| log.end()) else { continue };
            drop(pass);
            let said = log.text();
            for key in 0..7 {
                let key = format!("key:{key}");
                let says = |text: &&String| text.starts_with(&format!("SET {key} "));
                let last =
                    said[..position as usize].iter().rev().find(says).map(|text| text[4 + key.len() + 1..].to_owned());
                let held = frozen.get(0, key.as_bytes()).map(|entry| match entry.value() {
                    crate::keyspace::ValueRef::Str(text) => {
                        text.with_bytes(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
                    }
                    _ => unreachable!("only strings are put here"),
                });
                assert_eq!(held, last, "{key} at position {position}");
            }
        }
    });
}

#[test]
fn a_unit_of_several_effects_stands_between_multi_and_exec() {
    let (keyspace, log) = logged(1);
    lent(&keyspace, 0, &Plan::Whole, (0, 0), |keys| {
        count(keys, b"a");
        keys.end_unit();
        count(keys, b"a");
        count(&mut keys.in_db(2), b"b");
        keys.end_unit();
        keys.end_unit();
        count(&mut keys.in_db(2), b"b");
    });
    assert_eq!(log.text(), ["SET a 1 MULTI SET a 2 SELECT 2 SET b 1 EXEC SET b 2"]);
    let (first, last) = log.0.lock().unwrap().first().map(|(_, first, last)| (*first, *last)).unwrap();
    assert_eq!((first, last), (0, 2), "the log says SELECT itself where the first is another than the last before");
}

#[test]
fn a_command_is_its_own_effect_if_it_changed_something_and_said_nothing() {
    let (keyspace, log) = logged(1);
    let execute = |act: &dyn Fn(&mut Keys<'_, '_>), name: &[u8]| {
        whole(&keyspace, 0, (1, 1_000), |keys| {
            let begun = keys.begin_command();
            act(keys);
            keys.end_command(1, begun, &[name]);
        });
    };
    execute(&|keys| keys.put_string(b"k", b"v", None), b"CHANGES");
    execute(&|keys| assert!(keys.exists(b"k")), b"READS");
    execute(&|keys| assert_eq!(count(keys, b"n"), 1), b"SAYS");
    execute(&|keys| keys.put_string(b"k", b"v", Some(2_000)), b"EXPIRES");
    assert_eq!(log.text(), ["CHANGES", "SET n 1", "EXPIRES"]);
    whole(&keyspace, 0, (1, 2_001), |keys| assert!(!keys.exists(b"k")));
    assert_eq!(log.text().last().unwrap(), "DEL k", "who meets a key whose time has come says so");
}

#[test]
fn a_read_depends_on_what_was_last_written_to_its_key_where_that_is_wanted() {
    let (keyspace, log) = logged(2);
    let keys = super::in_different_shards(&keyspace, 2);
    let read = |slot: usize, key: &[u8]| {
        one(&keyspace, slot, key, (0, 0), |keys| keys.exists(key));
        keyspace.take_dependency(slot)
    };
    one(&keyspace, 0, &keys[0], (0, 0), |held| count(held, &keys[0]));
    assert_eq!(keyspace.take_dependency(0), 1);
    assert_eq!(keyspace.take_dependency(0), 0, "it is asked for once");
    assert_eq!(read(1, &keys[0]), 0, "reads are not followed");
    one(&keyspace, 0, b"short", (0, 0), |held| held.put_string(b"short", b"", Some(1)));
    one(&keyspace, 1, b"short", (0, 2), |held| assert!(!held.exists(b"short")));
    assert_eq!(keyspace.take_dependency(1), 0, "that a key's time had come is no news that could be lost");
    keyspace.follow_reads(true);
    assert_eq!((read(1, &keys[0]), read(1, &keys[1])), (1, 0));
    let neighbour = neighbour(&keyspace, &keys[0]);
    assert_eq!(read(1, &neighbour), 1, "before reads were followed nobody noted the keys");
    one(&keyspace, 0, &keys[0], (0, 0), |held| count(held, &keys[0]));
    assert_eq!((read(1, &keys[0]), read(1, &neighbour)), (3, 1), "another key of the shard is another key");
    one(&keyspace, 0, &neighbour, (0, 0), |held| {
        held.put_string(&neighbour, b"", None);
    });
    assert_eq!(read(1, &neighbour), 1, "what leaves nothing in the log can be relied on as far as what was before");
    one(&keyspace, 0, &keys[0], (0, 0), |held| {
        held.delete(&keys[0]);
        held.log(&[b"DEL", &keys[0]]);
    });
    assert_eq!(read(1, &keys[0]), 4, "that a key is gone is news as well");
    lent(&keyspace, 1, &Plan::Walk, (0, 0), |held| held.scan(0, 1_000, |_| ()).unwrap());
    assert_eq!(keyspace.take_dependency(1), 4, "who walks over a shard sees all of it");
    log.sync();
    whole(&keyspace, 0, (0, 0), |held| count(held, &keys[1]));
    assert_eq!(read(1, &keys[1]), 5, "what was written by who owned everything may be anywhere");
    assert_eq!(whole(&keyspace, 1, (0, 0), |held| held.len()), keyspace.len(0));
    assert_eq!(keyspace.take_dependency(1), 5, "and who counts keys sees all of them");
    one(&keyspace, 0, &keys[0], (0, 0), |held| count(held, &keys[0]));
    assert!(whole(&keyspace, 1, (0, 0), |held| held.exists(&keys[1])));
    assert_eq!(keyspace.take_dependency(1), 5, "who owns everything depends on the keys that it looks at");
    whole(&keyspace, 1, (0, 0), |held| held.for_each(|_| ()));
    assert_eq!(keyspace.take_dependency(1), 6);
}

/// Another key of the same shard.
fn neighbour(keyspace: &Keyspace, key: &[u8]) -> Vec<u8> {
    let names = (0..).map(|number| format!("other:{number}").into_bytes());
    names.into_iter().find(|name| keyspace.shard_of(name) == keyspace.shard_of(key)).expect("there are many")
}

/// In a pipeline the locks of what comes are taken together, and a PING between two SETs holds nothing. When that was let go, what the first SET had changed went to the
/// log as if it were the PING's, and whoever read the key did not know of the position.
#[test]
fn who_holds_nothing_appends_nothing_of_who_holds_something() {
    let (keyspace, log) = logged(2);
    keyspace.follow_reads(true);
    let mut pass = keyspace.enter(0, Patience::Wait).unwrap();
    let mut held = pass.lock(&Plan::One(keyspace.shard_of(b"key")), Patience::Wait).unwrap();
    count(&mut Keys::new(&mut held, 0, 0), b"key");
    drop(keyspace.hold_nothing(0));
    assert_eq!(log.end(), 0);
    pass.unlock(held);
    drop(pass);
    one(&keyspace, 1, b"key", (0, 0), |keys| assert!(keys.exists(b"key")));
    assert_eq!((keyspace.take_dependency(0), keyspace.take_dependency(1)), (1, 1));
}

/// What a thread does.
#[derive(Clone, Debug)]
enum Step {
    /// A unit that reads and writes keys, in this order, under the locks of just these or of everything.
    Unit {
        reads: Vec<u8>,
        writes: Vec<u8>,
        is_whole: bool,
    },
    /// A key's time comes.
    Expires(u8),
    /// Reads are followed from now on, or no more.
    Follow(bool),
    Sync,
    /// SCAN, all of it.
    Scan,
    Flush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let keys = |most| proptest::collection::vec(0u8..12, 0..most);
    let unit = |most| {
        (keys(3), keys(most), proptest::bool::weighted(0.1)).prop_map(|(reads, writes, is_whole)| Step::Unit {
            reads,
            writes,
            is_whole,
        })
    };
    let step = prop_oneof![
        12 => unit(1),
        12 => unit(4),
        2 => (0u8..12).prop_map(Step::Expires),
        1 => proptest::bool::weighted(0.7).prop_map(Step::Follow),
        3 => Just(Step::Sync),
        1 => Just(Step::Scan),
        1 => Just(Step::Flush),
    ];
    proptest::collection::vec(step, 1..80)
}

proptest! {
    /// The twin knows the last position of every key. Whoever reads one is told of that, or of one that is on the disk if that is; and where no unit owned everything
    /// and reads were followed all the time, of no later one.
    #[test]
    fn what_a_unit_depends_on_is_what_was_last_written_to_what_it_saw(steps in steps()) {
        let (keyspace, log) = with_log(Keyspace::new(1, 2, 2));
        keyspace.follow_reads(true);
        let names: Vec<_> = (0..).map(|n| format!("key:{n}").into_bytes()).filter(|name| keyspace.shard_of(name) < 2).take(12).collect();
        let name = |key: &u8| names[usize::from(*key)].clone();
        let (mut twin, mut is_followed, mut blurred) = (HashMap::<u8, u64>::new(), true, 0);
        for (at, step) in steps.into_iter().enumerate() {
            let slot = at % 2;
            let (needed, told) = match step {
                Step::Unit { reads, writes, is_whole } => {
                    let names: Vec<_> = reads.iter().chain(&writes).map(name).collect();
                    let plan = if is_whole { Plan::Whole } else { Plan::for_keys(&keyspace, names.iter().map(|name| &**name)) };
                    lent(&keyspace, slot, &plan, (0, 0), |keys| {
                        reads.iter().for_each(|key| _ = keys.exists(&name(key)));
                        writes.iter().for_each(|key| _ = count(keys, &name(key)));
                        keys.end_unit();
                    });
                    twin.extend(writes.iter().map(|key| (*key, log.end())));
                    if !writes.is_empty() && (is_whole || !is_followed) {
                        blurred = log.end();
                    }
                    let needed = reads.iter().chain(&writes).filter_map(|key| twin.get(key)).max().copied();
                    (needed.unwrap_or(0), keyspace.take_dependency(slot))
                }
                Step::Expires(key) => {
                    let key = name(&key);
                    one(&keyspace, slot, &key, (0, 0), |keys| keys.set_deadline(&key, Some(5)));
                    one(&keyspace, slot, &key, (0, 6), |keys| assert!(!keys.exists(&key)));
                    keyspace.take_dependency(slot);
                    continue;
                }
                Step::Follow(wanted) => {
                    keyspace.follow_reads(wanted);
                    is_followed = wanted;
                    continue;
                }
                Step::Sync => {
                    log.sync();
                    continue;
                }
                Step::Scan => {
                    lent(&keyspace, slot, &Plan::Walk, (0, 0), |keys| keys.scan(0, 1_000, |_| ()).unwrap());
                    let all = twin.values().max().copied().unwrap_or(0);
                    (all, keyspace.take_dependency(slot))
                }
                Step::Flush => {
                    whole(&keyspace, slot, (0, 0), |keys| {
                        keys.flush();
                        keys.log(&[b"FLUSHALL"]);
                    });
                    (0..12).for_each(|key| _ = twin.insert(key, log.end()));
                    blurred = log.end();
                    (log.end(), keyspace.take_dependency(slot))
                }
            };
            if is_followed {
                prop_assert!(told >= needed || needed <= log.synced(), "it saw {needed} and was told of {told}");
                prop_assert!(told <= needed.max(blurred).max(log.synced()), "it saw {needed}, and waits for {told}");
            }
        }
    }
}
