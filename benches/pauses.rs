//! How long a shard is held while millions of keys come, change and go; how long a frozen clone takes, and what it costs the writers after it; how long a worker takes at a time
//! for the keys whose time has come, before it serves others.
//!
//! ```text
//! cargo bench --bench pauses                        2 million keys
//! cargo bench --bench pauses -- --keys 20000000
//! cargo bench --bench pauses -- --members 10000000  the members of a sorted set, 2 million if not given
//! cargo bench --bench pauses -- --huge-pages        as a server with disable-thp no
//! cargo bench --bench pauses -- --cold              without the thread that touches memory ahead
//! cargo bench --bench pauses -- --runs 2            all of it twice, and what each operation took at least
//! ```
//! No sockets and no other threads, but for those of the allocator and the one that frees garbage. Every single operation is measured, from before its lock is taken until it
//! is given back, and the longest ones are what this is about. Each is measured twice: by the monotonic clock, which also counts what the system and a machine below it do to
//! the thread meanwhile, and by the CPU time of the thread, which leaves out where it was not running. For those that take long by the clock, the table also says how
//! often the system took the thread off its CPU (`out`) and how many pages it had to give it at first touch (`faults`).
//!
//! What the machine does to a thread that does nothing of the kind is measured in the same run. *Touch a page* writes to pages that nobody has touched before. And each
//! operation is followed by a loop that goes on for as long as the operation took, reads both clocks and, between two readings, writes to a few cache lines of *plain memory*: an
//! array as large as the data, at random, every page of which has been written to before. So that loop is exposed to interrupts, to other processes and to what the
//! host does exactly as long as the operations, and at the same time; and where the host below a virtual machine is slow to supply memory (it may have taken back
//! pages that the machine had freed before, or be changing its tables), which stops the machine for milliseconds and counts as CPU time of the thread, plain memory meets that too.
//! Its longest gap between two readings, by either clock, is what the second line of each row counts. What is over a limit there is not the operations' doing; what more of them are
//! over it is, and that is the third line: a quantile of the operations by themselves is within a limit if what is over it there is less than what the quantile leaves out.
//!
//! The other way to tell the two apart: several runs do the same operations in the same order, on memory that was given back to the system between them. What an operation has to do,
//! a split of a full segment say, it has to do in each of them, and what the machine does meets another one each time. So *at least* is the shortest time by the
//! clock that the first operation took in any of the runs, that of the second, and so on, and what is over a limit there is the operations' own. It leaves out what else
//! comes at no fixed place: the work that the allocator puts off, which the rows of the single runs have.

#![expect(clippy::print_stdout, clippy::disallowed_macros, reason = "a table for people")]

use std::cell::{Cell, RefCell};
use std::hint::black_box;
use tally::base::alloc::{collect, touch_ahead};
use tally::base::clock::{Clock, SystemClock};
use tally::base::hash::hash;
use tally::base::process::{Interruptions, disable_huge_pages, thread_cpu_nanos, thread_interruptions};
use tally::base::rng::Rng;
use tally::data::record::{NO_DEADLINE, Record};
use tally::data::table::Table;
use tally::data::zset::{Limits, ZSet};
use tally::keyspace::expire::{Rest, turn};
use tally::keyspace::{Frozen, Keys, Keyspace, Missing, Patience, Plan};

const KEYS: usize = 2_000_000;
const DATABASES: usize = 16;
const THREADS: usize = 2;
const FREEZES: usize = 20;
/// Writes after each freeze: enough to meet many segments for the first time.
const WRITES_PER_FREEZE: usize = 100_000;
/// Keys with a far deadline, and keys that are due at once, so many times over.
const FAR_KEYS: usize = 900_000;
const DUE_KEYS: usize = 100_000;
const BURSTS: usize = 20;
/// The turns that this takes, at most.
const TURNS_MAX: usize = 1_000_000;
/// Pages that *touch a page* writes to.
const PAGES: usize = 100_000;
const PAGE_BYTES: usize = 4096;
/// Of an operation that takes longer by the clock, what held it up is kept.
const LONG_NANOS: u32 = 20_000;
/// What is counted over.
const LIMITS: [(u32, &str); 3] = [(LONG_NANOS, "20 us"), (100_000, "100 us"), (1_000_000, "1 ms")];
/// A line of the caches, which is about what a key takes, and how many of them are written to between two readings of the clocks: as an insertion meets in as long.
const WORDS_OF_LINE: usize = 8;
const LINES_PER_TOUCH: usize = 4;
/// So many of the longest are told of.
const LONGEST: usize = 3;
const NOW: i64 = 1_700_000_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let given = |name| arguments.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1].parse().expect("a number"));
    let (keys, members) = (given("--keys").unwrap_or(KEYS), given("--members").unwrap_or(KEYS));
    let runs = given("--runs").unwrap_or(1);
    if !arguments.iter().any(|argument| argument == "--huge-pages") {
        disable_huge_pages();
    }
    if !arguments.iter().any(|argument| argument == "--cold") {
        touch_ahead().expect("a thread");
    }
    println!("{keys} keys of 16 bytes with values of 16; microseconds\n");
    println!("{:<36}{:>10} |{:^55} |{:^55}", "", "", "clock", "CPU");
    let over: String = LIMITS.iter().map(|(_, name)| format!("{:>9}", format!("> {name}"))).collect();
    let heads = format!("{:>9}{:>9}{:>10}{over}", "mean", "p99.9", "longest");
    println!("{:<36}{:>10} |{heads} |{heads}", "operation", "times");
    let plain = Plain::new(keys.max(members));
    let machine = Machine { clock: SystemClock::new(), plain, least: RefCell::default() };
    for run in 1..=runs {
        if runs > 1 {
            println!("\nrun {run} of {runs}\n");
        }
        touch_pages(&machine);
        if keys > 0 {
            a_table(&machine, keys);
            a_keyspace(&machine, keys);
            an_expiry(&machine);
        }
        if members > 0 {
            println!("\n{members} members of 20 bytes with random scores in one sorted set\n");
            a_board(&machine, members);
        }
        collect();
    }
    if runs > 1 {
        println!("\nat least, of {runs} runs\n");
        for (name, least) in machine.least.borrow().iter().filter(|(_, least)| !least.is_empty()) {
            println!("{name:<36}{:>10} |{} |", least.len(), columns(least));
        }
    }
}

/// What operations are compared with.
struct Machine {
    clock: SystemClock,
    plain: Plain,
    /// How long each operation of a row took by the clock in the run that was quickest with it, in nanoseconds.
    least: RefCell<Vec<(&'static str, Vec<u32>)>>,
}

/// Memory as large as the data, with nothing in it.
struct Plain {
    lines: Vec<Cell<[u64; WORDS_OF_LINE]>>,
    rng: Cell<u64>,
}

impl Plain {
    fn new(items: usize) -> Self {
        Self { lines: (0..items).map(|item| Cell::new([item as u64; WORDS_OF_LINE])).collect(), rng: Cell::new(5) }
    }

    /// Writes to some lines at random.
    #[inline]
    fn touch(&self) {
        for _ in 0..LINES_PER_TOUCH {
            // A multiplicative generator: an operation should not pay for a better one.
            let random = self.rng.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            self.rng.set(random);
            let at = (u128::from(random) * self.lines.len() as u128) >> 64;
            let line = &self.lines[at as usize];
            let mut words = line.get();
            words[0] = random;
            line.set(words);
        }
    }
}

fn touch_pages(machine: &Machine) {
    let mut times = Times::new(machine, PAGES);
    let mut memory: Vec<u8> = Vec::with_capacity(PAGES * PAGE_BYTES);
    let fresh = memory.spare_capacity_mut();
    for page in 0..PAGES {
        times.take(|| fresh[page * PAGE_BYTES].write(1));
    }
    times.show("touch a page");
}

/// The table of one database in one shard, which nobody else splits the keys with.
fn a_table(machine: &Machine, keys: usize) {
    let mut table: Table<Record> = Table::new(0);
    let mut times = Times::new(machine, keys);
    for number in 0..keys {
        let key = key(number);
        let (hash, record) = (hash(&key), Record::with_string(&key, &value(number), NO_DEADLINE, 0));
        times.take(|| table.insert_new(hash, record));
    }
    times.show("one table: insert");
    let clone = table.clone();
    let mut times = Times::new(machine, WRITES_PER_FREEZE);
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
    let mut times = Times::new(machine, keys);
    for number in 0..keys {
        let key = key(number);
        let hash = hash(&key);
        times.take(|| table.remove(hash, &key));
    }
    times.show("one table: remove");
}

fn a_keyspace(machine: &Machine, keys: usize) {
    let keyspace = Keyspace::new(DATABASES, THREADS, THREADS);
    keyspace.free_in_background().expect("a thread");
    let mut rng = Rng::seeded(2);
    let mut times = Times::new(machine, keys);
    (0..keys).for_each(|number| put(&keyspace, &mut times, number));
    times.show("keyspace: insert");
    let mut times = Times::new(machine, 1_000_000);
    (0..keys.min(1_000_000)).for_each(|_| put(&keyspace, &mut times, rng.below(keys)));
    times.show("keyspace: overwrite");
    let (mut freezes, mut writes, mut drops) =
        (Times::new(machine, FREEZES), Times::new(machine, FREEZES * WRITES_PER_FREEZE), Times::new(machine, FREEZES));
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
    let mut times = Times::new(machine, keys);
    for number in 0..keys {
        let key = key(number);
        hold(&keyspace, &mut times, &key, |keys| {
            black_box(keys.delete(&key));
        });
    }
    times.show("keyspace: delete");
}

/// A worker's turns while many keys are due at once among a million that have deadlines.
fn an_expiry(machine: &Machine) {
    let clock = &machine.clock;
    let keyspace = Keyspace::new(DATABASES, 1, 1);
    let put = |number: usize, deadline: i64| {
        let key = key(number);
        let plan = Plan::One(keyspace.shard_of(&key));
        let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
        let mut held = pass.lock(&plan, Patience::Wait).expect("nobody else is inside");
        Keys::new(&mut held, 0, clock.unix_millis()).put_string(&key, &value(number), Some(deadline));
        pass.unlock(held);
    };
    let far = clock.unix_millis() + 3_600_000;
    (0..FAR_KEYS).for_each(|number| put(number, far + number as i64));
    let mut times = Times::new(machine, TURNS_MAX);
    for _ in 0..BURSTS {
        let due = clock.unix_millis() + 1_000;
        (FAR_KEYS..FAR_KEYS + DUE_KEYS).for_each(|number| put(number, due));
        while clock.unix_millis() < due + 100 {
            std::hint::spin_loop();
        }
        while keyspace.len(0) > FAR_KEYS {
            let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
            let mut rest = Rest::More;
            times.take(|| rest = turn(&mut pass, clock, true));
            assert!(rest == Rest::More || keyspace.len(0) == FAR_KEYS, "turns go on until all are gone");
        }
    }
    times.show("a turn of expiry");
}

/// A sorted set: each step is what ZADD does under its lock.
fn a_board(machine: &Machine, members: usize) {
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
    let mut times = Times::new(machine, members);
    (0..members).for_each(|number| add(&mut times, number, rng.below(SCORES)));
    times.show("sorted set: add");
    let mut times = Times::new(machine, 1_000_000);
    (0..members.min(1_000_000)).for_each(|_| add(&mut times, rng.below(members), rng.below(SCORES)));
    times.show("sorted set: change a score");
    let plan = Plan::One(keyspace.shard_of(BOARD));
    let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
    let mut held = pass.lock(&plan, Patience::Wait).expect("nobody else is inside");
    let frozen = Keys::new(&mut held, 0, NOW).peek(BOARD).map(|entry| keyspace.freeze_entry(entry));
    pass.unlock(held);
    drop(pass);
    let mut times = Times::new(machine, 1_000_000);
    (0..members.min(1_000_000)).for_each(|_| add(&mut times, rng.below(members), rng.below(SCORES)));
    times.show("sorted set: change it beside a clone");
    drop(frozen);
    let mut times = Times::new(machine, 1);
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
struct Times<'m> {
    machine: &'m Machine,
    wall: Vec<u32>,
    cpu: Vec<u32>,
    /// The longest gaps where plain memory was written to for as long, by the one and by the other.
    gaps: Vec<u32>,
    cpu_gaps: Vec<u32>,
    long: Vec<Long>,
}

/// An operation that took long by the clock.
struct Long {
    number: usize,
    during: Interruptions,
}

impl<'m> Times<'m> {
    /// For so many operations, so that no memory is moved between them.
    fn new(machine: &'m Machine, operations: usize) -> Self {
        Self {
            machine,
            wall: Vec::with_capacity(operations),
            cpu: Vec::with_capacity(operations),
            gaps: Vec::with_capacity(operations),
            cpu_gaps: Vec::with_capacity(operations),
            long: Vec::with_capacity(operations.min(10_000)),
        }
    }

    fn take<R>(&mut self, act: impl FnOnce() -> R) {
        let clock = &self.machine.clock;
        let before = thread_interruptions();
        let cpu = thread_cpu_nanos();
        let wall = clock.ticks();
        black_box(act());
        let wall = clock.ticks().since(wall);
        let cpu = thread_cpu_nanos() - cpu;
        let wall = u32::try_from(wall).unwrap_or(u32::MAX);
        if wall > LONG_NANOS {
            let after = thread_interruptions();
            let during = Interruptions {
                preemptions: after.preemptions - before.preemptions,
                faults: after.faults - before.faults,
            };
            self.long.push(Long { number: self.wall.len(), during });
        }
        self.wall.push(wall);
        let [gap, cpu_gap] = self.longest_gaps(wall);
        self.gaps.push(gap);
        self.cpu_gaps.push(cpu_gap);
        self.cpu.push(u32::try_from(cpu).unwrap_or(u32::MAX));
    }

    /// Reads the clocks and writes to plain memory for so long.
    fn longest_gaps(&self, nanos: u32) -> [u32; 2] {
        let Machine { clock, plain, .. } = self.machine;
        let begin = clock.ticks();
        let (mut last, mut last_cpu, mut longest) = (begin, thread_cpu_nanos(), [0; 2]);
        while last.since(begin) < u64::from(nanos) {
            plain.touch();
            let (now, now_cpu) = (clock.ticks(), thread_cpu_nanos());
            longest = [longest[0].max(now.since(last)), longest[1].max(now_cpu - last_cpu)];
            (last, last_cpu) = (now, now_cpu);
        }
        longest.map(|gap| u32::try_from(gap).unwrap_or(u32::MAX))
    }

    /// Prints a row, and remembers what each operation of it took at least.
    fn show(mut self, name: &'static str) {
        println!("{name:<36}{:>10} |{} |{}", self.wall.len(), columns(&self.wall), columns(&self.cpu));
        println!("{:<46} |{} |{}", "    plain memory, for as long", columns(&self.gaps), columns(&self.cpu_gaps));
        println!("{}", own(&self.wall, &self.gaps));
        self.long.sort_unstable_by_key(|long| std::cmp::Reverse(self.wall[long.number]));
        for Long { number, during: Interruptions { preemptions, faults } } in self.long.iter().take(LONGEST) {
            let (wall, cpu) = (micros(self.wall[*number]), micros(self.cpu[*number]));
            println!("    no. {number:<12} {wall:>8.1} us, {cpu:>8.1} of CPU, out {preemptions}, faults {faults}");
        }
        if !self.long.is_empty() {
            let count = |is: fn(&Interruptions) -> bool| self.long.iter().filter(|long| is(&long.during)).count();
            let (out, faults) =
                (count(|during| during.preemptions > 0), count(|during| during.preemptions == 0 && during.faults > 0));
            let neither = self.long.len() - out - faults;
            println!(
                "    {} took more than {} us: {out} were out, {faults} had faults, {neither} neither",
                self.long.len(),
                LONG_NANOS / 1000
            );
        }
        let mut rows = self.machine.least.borrow_mut();
        match rows.iter_mut().find(|(row, _)| *row == name) {
            None => rows.push((name, self.wall)),
            Some((_, least)) if least.len() == self.wall.len() => {
                least.iter_mut().zip(&self.wall).for_each(|(least, nanos)| *least = (*least).min(*nanos));
            }
            // How many turns expiry takes is not the same each time: there is no telling which of them are.
            Some((_, least)) => least.clear(),
        }
    }
}

/// The share of the operations that took longer than each limit and of which the machine is not the reason: those over it beyond as many as
/// there are where plain memory was written to.
fn own(times: &[u32], alone: &[u32]) -> String {
    let over = |times: &[u32], limit| times.iter().filter(|nanos| **nanos > limit).count();
    let share = |limit| 100.0 * over(times, limit).saturating_sub(over(alone, limit)) as f64 / times.len() as f64;
    let shares: Vec<String> =
        LIMITS.iter().map(|(limit, name)| format!("{:.4} % over {name}", share(*limit))).collect();
    format!("    beyond that, by the clock: {}", shares.join(", "))
}

fn micros(nanos: u32) -> f64 {
    f64::from(nanos) / 1000.0
}

fn columns(times: &[u32]) -> String {
    let mut times = times.to_vec();
    times.sort_unstable();
    let mean = times.iter().map(|nanos| micros(*nanos)).sum::<f64>() / times.len() as f64;
    let at = |share: f64| micros(times[((times.len() - 1) as f64 * share) as usize]);
    let over = |limit| times.len() - times.partition_point(|nanos| *nanos <= limit);
    let over: String = LIMITS.iter().map(|(limit, _)| format!("{:>9}", over(*limit))).collect();
    format!("{mean:>9.2}{:>9.1}{:>10.1}{over}", at(0.999), at(1.0))
}
