//! One save at a time; when one is due; what is known of it afterwards.

use super::*;
use crate::base::clock::ManualClock;
use crate::keyspace::{Keyspace, Patience};
use crate::persist::disk::{Failure, OperationKind, SimulatedDisk};
use crate::persist::rdb;
use crate::persist::snapshot::{Access, WriteOptions};

const START: UnixMillis = 1_700_000_000_000;

struct Bench {
    clock: Arc<ManualClock>,
    disk: SimulatedDisk,
    keyspace: Keyspace,
    durability: Arc<Durability>,
}

impl Bench {
    fn new() -> Self {
        let disk = SimulatedDisk::new();
        let durability = Arc::new(Durability::new(Arc::new(disk.clone()), vec![0], START));
        Self { clock: Arc::new(ManualClock::at(START)), disk, keyspace: Keyspace::new(2, 1, 1), durability }
    }

    fn job(&self, changes: u64) -> Job {
        let frozen = self.keyspace.enter(0, Patience::Wait).unwrap().freeze(Patience::Wait).unwrap();
        let options = WriteOptions {
            format: rdb::Options::default(),
            is_base: false,
            incremental_sync: false,
            pace: None,
            background: None,
            access: Access::Untold,
            now: self.clock.unix_millis(),
        };
        let (clock, name) = (Arc::clone(&self.clock) as _, "dump.rdb".into());
        Job { frozen, functions: Vec::new(), changes, dir: "/".into(), name, options, clock }
    }

    fn save(&self, changes: u64) -> bool {
        self.durability.claim(true, &*self.clock).unwrap().run(self.job(changes)).is_ok()
    }

    fn is_due(&self, changes: u64) -> bool {
        let points = [SavePoint { seconds: 10, changes: 1 }, SavePoint { seconds: 1, changes: 100 }];
        self.durability.is_due(&points, changes, &*self.clock)
    }
}

#[test]
fn one_save_runs_at_a_time_and_none_while_loading() {
    let bench = Bench::new();
    let claim = bench.durability.claim(false, &*bench.clock).unwrap();
    assert_eq!(bench.durability.claim(true, &*bench.clock).unwrap_err(), Unclaimed::InProgress);
    assert!(bench.durability.save().is_some());
    drop(claim);
    assert!(bench.durability.save().is_none());
    bench.durability.begin_loading(10, &*bench.clock);
    assert!(bench.durability.is_loading());
    assert_eq!(bench.durability.claim(true, &*bench.clock).unwrap_err(), Unclaimed::Loading);
    bench.durability.end_loading(&Loaded { keys: 3, expired: 2, ..Loaded::default() }, 0);
    assert!(bench.durability.state().is_clear());
    assert_eq!((bench.durability.figures().loaded, bench.durability.figures().load_expired), (3, 2));
}

#[test]
fn a_save_is_due_once_a_point_is_reached_and_not_again_before_there_are_changes() {
    let bench = Bench::new();
    assert!(!bench.is_due(0));
    bench.clock.advance(11_000);
    assert!(!bench.is_due(0), "nothing changed");
    assert!(bench.is_due(1));
    assert!(bench.save(1));
    assert!(!bench.is_due(1));
    bench.clock.advance(2_000);
    assert!(!bench.is_due(100) && bench.is_due(101));
    bench.durability.schedule();
    assert!(bench.is_due(1), "it was asked for");
    bench.disk.fail_call(bench.disk.count() + 1, Failure::NoSpace);
    assert!(!bench.save(1));
    assert!(!bench.is_due(1), "not at once again");
    bench.clock.advance(5_000);
    assert!(bench.is_due(1), "but it is still wanted");
    let claim = bench.durability.claim(true, &*bench.clock).unwrap();
    let job = bench.job(1);
    bench.durability.schedule();
    assert!(claim.run(job).is_ok());
    assert!(bench.is_due(1), "what was asked for after the clone was taken is another");
    assert!(bench.save(1));
    assert!(!bench.is_due(1));
    assert_eq!(bench.durability.figures().saves, 3);
    assert_eq!(bench.durability.figures().last_save_at, START + 18_000);
}

#[test]
fn after_a_failure_writes_are_stopped_and_it_is_tried_again_some_seconds_later() {
    let bench = Bench::new();
    bench.disk.fail_kind(OperationKind::Sync, Some(Failure::NoSpace));
    bench.clock.advance(11_000);
    assert!(!bench.save(5));
    assert!(bench.durability.state().has(State::SAVE_FAILED));
    let figures = bench.durability.figures();
    assert!(figures.last_failed && figures.saved_changes == 0 && figures.last_save_at == START);
    assert!(!bench.is_due(5));
    bench.clock.advance(5_000);
    assert!(bench.is_due(5));
    bench.disk.fail_kind(OperationKind::Sync, None);
    assert!(bench.save(5));
    assert!(bench.durability.state().is_clear());
    assert!(!bench.durability.figures().last_failed);
}

#[test]
fn a_save_in_the_background_can_be_stopped_and_that_is_no_failure() {
    let bench = Bench::new();
    let claim = bench.durability.claim(true, &*bench.clock).unwrap();
    bench.durability.save().unwrap().progress.stop();
    claim.run_in_background(bench.job(1)).unwrap();
    bench.durability.stop_saving();
    assert!(bench.durability.save().is_none());
    assert!(!bench.durability.figures().last_failed);
    assert!(bench.durability.state().is_clear());
}
