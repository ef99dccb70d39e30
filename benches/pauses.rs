//! How long a shard is held while millions of keys come, change and go; how long a frozen clone takes, and what it costs the writers after it.
//!
//! ```text
//! cargo bench --bench pauses                        2 million keys
//! cargo bench --bench pauses -- --keys 20000000
//! cargo bench --bench pauses -- --members 10000000  the members of a sorted set, 2 million if not given
//! cargo bench --bench pauses -- --huge-pages        as a server with disable-thp no
//! ```
//! No sockets and no other threads, but for the one that frees garbage. Every single operation is measured, from before its lock is taken until it is given
//! back, and the longest ones are what this is about. Each is measured twice: by the monotonic clock, which also counts what the system does to the
//! thread meanwhile, and by the CPU time of the thread, which survives a busy machine. Two rows are for comparison: *nothing* is what measuring costs, and
//! *read a byte* reads one anywhere in as much memory as the keys take: on a virtual machine even that takes long at times.

#![expect(clippy::print_stdout, clippy::disallowed_macros, reason = "a table for people")]

use std::hint::black_box;
use tally::base::clock::{Clock, SystemClock};
use tally::base::hash::hash;
use tally::base::process::{disable_huge_pages, thread_cpu_nanos};
use tally::base::rng::Rng;
use tally::data::record::{NO_DEADLINE, Record};
use tally::data::table::Table;
use tally::data::zset::{Limits, ZSet};
use tally::keyspace::{Frozen, Keys, Keyspace, Missing, Patience, Plan};

const KEYS: usize = 2_000_000;
const DATABASES: usize = 16;
const THREADS: usize = 2;
const FREEZES: usize = 20;
/// Writes after each freeze: enough to meet many segments for the first time.
const WRITES_PER_FREEZE: usize = 100_000;
const BYTES_PER_KEY: usize = 64;
const NOW: i64 = 1_700_000_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let given = |name| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].parse().expect("a number"));
    let (keys, members) = (given("--keys").unwrap_or(KEYS), given("--members").unwrap_or(KEYS));
    if !arguments.iter().any(|argument| argument == "--huge-pages") {
        disable_huge_pages();
    }
    println!("{keys} keys of 16 bytes with values of 16; microseconds\n");
    println!("{:<34}{:>10} |{:^39} |{:^39}", "", "", "clock", "CPU");
    let columns = format!("{:>9}{:>10}{:>10}{:>10}", "mean", "p99.9", "longest", "over 1 ms");
    println!("{:<34}{:>10} |{columns} |{columns}{:>10}", "operation", "times", "which");
    let clock = SystemClock::new();
    let mut times = Times::new(&clock);
    (0..100_000).for_each(|_| times.take(|| ()));
    times.show("nothing");
    let mut rng = Rng::seeded(3);
    let memory = vec![1u8; keys * BYTES_PER_KEY];
    let mut times = Times::new(&clock);
    (0..1_000_000).for_each(|_| times.take(|| memory[rng.below(memory.len())]));
    times.show("read a byte");
    drop(memory);
    a_table(&clock, keys);
    a_keyspace(&clock, keys);
    println!("\n{members} members of 20 bytes with random scores in one sorted set\n");
    a_board(&clock, members);
}

/// The table of one database in one shard, which nobody else splits the keys with.
fn a_table(clock: &SystemClock, keys: usize) {
    let mut table: Table<Record> = Table::new(0);
    let mut times = Times::new(clock);
    for number in 0..keys {
        let key = key(number);
        let (hash, record) = (hash(&key), Record::with_string(&key, &value(number), NO_DEADLINE, 0));
        times.take(|| table.insert_new(hash, record));
    }
    times.show("one table: insert");
    let clone = table.clone();
    let mut times = Times::new(clock);
    let mut rng = Rng::seeded(1);
    for _ in 0..WRITES_PER_FREEZE {
        let key = key(rng.below(keys));
        let hash = hash(&key);
        times.take(|| {
            let mut record = table.find_mut(hash, &key).expect("it was put there");
            record.set_string(b"another 16 bytes", NO_DEADLINE);
        });
    }
    times.show("one table: write after a clone");
    drop(clone);
    let mut times = Times::new(clock);
    for number in 0..keys {
        let key = key(number);
        let hash = hash(&key);
        times.take(|| table.remove(hash, &key));
    }
    times.show("one table: remove");
}

fn a_keyspace(clock: &SystemClock, keys: usize) {
    let keyspace = Keyspace::new(DATABASES, THREADS, THREADS);
    keyspace.free_in_background().expect("a thread");
    let mut rng = Rng::seeded(2);
    let mut times = Times::new(clock);
    (0..keys).for_each(|number| put(&keyspace, &mut times, number));
    times.show("keyspace: insert");
    let mut times = Times::new(clock);
    (0..keys.min(1_000_000)).for_each(|_| put(&keyspace, &mut times, rng.below(keys)));
    times.show("keyspace: overwrite");
    let (mut freezes, mut writes, mut drops) = (Times::new(clock), Times::new(clock), Times::new(clock));
    for _ in 0..FREEZES {
        let mut frozen: Option<Frozen> = None;
        freezes.take(|| {
            let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
            frozen = pass.freeze(Patience::Wait).ok();
        });
        let frozen = frozen.expect("nobody else has clones");
        (0..WRITES_PER_FREEZE).for_each(|_| put(&keyspace, &mut writes, rng.below(keys)));
        assert_eq!(frozen.len(0), keys);
        drops.take(|| drop(frozen));
    }
    freezes.show("keyspace: freeze");
    writes.show("keyspace: overwrite after a freeze");
    drops.show("keyspace: drop the frozen clone");
    let mut times = Times::new(clock);
    for number in 0..keys {
        let key = key(number);
        hold(&keyspace, &mut times, &key, |keys| {
            black_box(keys.delete(&key));
        });
    }
    times.show("keyspace: delete");
}

/// A sorted set: each step is what ZADD does under its lock.
fn a_board(clock: &SystemClock, members: usize) {
    const BOARD: &[u8] = b"board";
    const SCORES: usize = 1 << 30;
    let keyspace = Keyspace::new(DATABASES, THREADS, THREADS);
    keyspace.free_in_background().expect("a thread");
    let mut rng = Rng::seeded(4);
    let limits = Limits::default();
    let add = |times: &mut Times, number: usize, score: usize| {
        let mut member = [b'm'; 20];
        member[4..].copy_from_slice(&key(number));
        hold(&keyspace, times, BOARD, |keys| {
            let added = keys.edit::<ZSet, _>(BOARD, Missing::Create, |set| set.insert(&member, score as f64, &limits));
            assert!(added.is_ok(), "nobody else uses the key");
        });
    };
    let mut times = Times::new(clock);
    (0..members).for_each(|number| add(&mut times, number, rng.below(SCORES)));
    times.show("sorted set: add");
    let mut times = Times::new(clock);
    (0..members.min(1_000_000)).for_each(|_| add(&mut times, rng.below(members), rng.below(SCORES)));
    times.show("sorted set: change a score");
    let plan = Plan::One(keyspace.shard_of(BOARD));
    let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
    let mut held = pass.lock(&plan, Patience::Wait).expect("nobody else is inside");
    let frozen = Keys::new(&mut held, 0, NOW).peek(BOARD).map(|entry| keyspace.freeze_entry(entry));
    pass.unlock(held);
    drop(pass);
    let mut times = Times::new(clock);
    (0..members.min(1_000_000)).for_each(|_| add(&mut times, rng.below(members), rng.below(SCORES)));
    times.show("sorted set: change it beside a clone");
    drop(frozen);
    let mut times = Times::new(clock);
    hold(&keyspace, &mut times, BOARD, |keys| assert!(keys.delete(BOARD), "it was there"));
    times.show("sorted set: delete all of it");
}

fn put(keyspace: &Keyspace, times: &mut Times, number: usize) {
    let (key, value) = (key(number), value(number));
    hold(keyspace, times, &key, |keys| keys.put_string(&key, &value, None));
}

/// Runs `act` on a key as a command by itself does, and measures it from before its shard is locked until that is unlocked.
fn hold(keyspace: &Keyspace, times: &mut Times, key: &[u8], act: impl FnOnce(&mut Keys)) {
    let plan = Plan::One(keyspace.shard_of(key));
    let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
    times.take(|| {
        let mut held = pass.lock(&plan, Patience::Wait).expect("nobody else is inside");
        act(&mut Keys::new(&mut held, 0, NOW));
        pass.unlock(held);
    });
}

fn key(number: usize) -> [u8; 16] {
    text(b"key:", number)
}

fn value(number: usize) -> [u8; 16] {
    text(b"val:", number)
}

/// Four letters and twelve digits.
fn text(head: &[u8; 4], mut number: usize) -> [u8; 16] {
    let mut out = [b'0'; 16];
    out[..4].copy_from_slice(head);
    for digit in out[4..].iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out
}

/// How long each operation took, by two clocks, in nanoseconds.
struct Times<'c> {
    clock: &'c SystemClock,
    wall: Vec<u32>,
    cpu: Vec<u32>,
}

impl<'c> Times<'c> {
    fn new(clock: &'c SystemClock) -> Self {
        Self { clock, wall: Vec::new(), cpu: Vec::new() }
    }

    fn take<R>(&mut self, act: impl FnOnce() -> R) {
        let cpu = thread_cpu_nanos();
        let wall = self.clock.ticks();
        black_box(act());
        let wall = self.clock.ticks().since(wall);
        let cpu = thread_cpu_nanos() - cpu;
        self.wall.push(u32::try_from(wall).unwrap_or(u32::MAX));
        self.cpu.push(u32::try_from(cpu).unwrap_or(u32::MAX));
    }

    fn show(self, name: &str) {
        let columns = |mut times: Vec<u32>| {
            times.sort_unstable();
            let micros = |nanos: f64| nanos / 1000.0;
            let mean = times.iter().map(|nanos| f64::from(*nanos)).sum::<f64>() / times.len() as f64;
            let at = |share: f64| f64::from(times[((times.len() - 1) as f64 * share) as usize]);
            let long = times.len() - times.partition_point(|nanos| *nanos <= 1_000_000);
            format!("{:>9.2}{:>10.1}{:>10.1}{long:>10}", micros(mean), micros(at(0.999)), micros(at(1.0)))
        };
        let longest = self.cpu.iter().enumerate().max_by_key(|(_, nanos)| **nanos).map_or(0, |(number, _)| number);
        println!("{name:<34}{:>10} |{} |{}{longest:>10}", self.wall.len(), columns(self.wall), columns(self.cpu));
    }
}
