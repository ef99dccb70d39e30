//! A log written to a simulated disk, cut off by a crash at each of its steps, and read back.
//!
//! The data is how many units there were: unit `n` is a command that says `n`, or a transaction of two that both do, and a base says how many came before. So what
//! was read back is right if it counts on from 1 without a gap, to no less than was durable and no more than was appended.

mod reading;

use super::*;
use crate::base::rng::Rng;
use crate::keyspace::EffectLog;
use crate::persist::disk::{Failure, OperationKind, SimulatedDisk, Torn};
use crate::persist::log::Health;
use crate::resp::request::put_command;

/// A log under test, with two oracles: what was appended, and what was promised.
struct Play {
    disk: SimulatedDisk,
    aof: Aof,
    appended: u64,
    /// Units with the position behind each, not durable yet.
    pending: Vec<(u64, u64)>,
    durable: u64,
    /// After so many operations of the disk, so many units were appended, and so many durable.
    history: Vec<(usize, u64, u64)>,
}

fn open(disk: &SimulatedDisk) -> Aof {
    Aof::new(Arc::new(disk.clone()), PathBuf::from("data/appendonlydir"), "appendonly.aof".into(), FsyncPolicy::No)
}

impl Play {
    fn new(disk: SimulatedDisk) -> Self {
        disk.create_dir(Path::new("data")).expect("the disk works");
        let aof = open(&disk);
        let mut play = Self { disk, aof, appended: 0, pending: Vec::new(), durable: 0, history: Vec::new() };
        play.note();
        play
    }

    fn note(&mut self) {
        let synced = self.aof.log().positions()[2];
        for (unit, _) in self.pending.extract_if(.., |(_, position)| *position <= synced) {
            self.durable = self.durable.max(unit);
        }
        self.history.push((self.disk.count(), self.appended, self.durable));
    }

    fn append(&mut self) {
        self.appended += 1;
        let mut unit = Vec::new();
        let number = self.appended.to_string();
        // Some are longer than what a torn tail keeps.
        let padding = vec![b'x'; if self.appended.is_multiple_of(7) { 700 } else { 3 }];
        let say: [&[u8]; 3] = [b"SET", number.as_bytes(), &padding];
        if self.appended.is_multiple_of(3) {
            put_command(&mut unit, &[b"MULTI"]);
            put_command(&mut unit, &say);
            put_command(&mut unit, &say);
            put_command(&mut unit, &[b"EXEC"]);
        } else {
            put_command(&mut unit, &say);
        }
        let position = self.aof.log().append(&unit, 0, 0);
        self.pending.push((self.appended, position));
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let (log, appended) = (Arc::clone(self.aof.log()), self.appended);
        self.aof.rewrite(
            |segment| Ok((appended, log.rotate(segment))),
            |appended, mut file| {
                let mut bytes = Vec::new();
                put_command(&mut bytes, &[b"BASE", appended.to_string().as_bytes()]);
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let count = file.write(rest)?;
                    rest = &rest[count..];
                }
                file.sync()
            },
        )
    }

    /// Some steps drawn at random.
    fn run(&mut self, steps: usize, rng: &mut Rng) {
        for _ in 0..steps {
            match rng.below(10) {
                0..=5 => self.append(),
                6 | 7 => drop(self.aof.log().flush()),
                8 => drop(self.aof.log().sync()),
                _ => drop(self.rewrite()),
            }
            self.note();
        }
    }

    /// What a crash after operation `number` may leave: at least the first, at most the second.
    fn bounds(&self, number: usize) -> (u64, u64) {
        let before = self.history.iter().rev().find(|(count, ..)| *count <= number);
        let after = self.history.iter().find(|(count, ..)| *count >= number);
        (before.map_or(0, |(.., durable)| *durable), after.map_or(self.appended, |(_, appended, _)| *appended))
    }
}

/// Reads a log back, as the server does, and cuts off a torn tail. How many units there are, and the log that goes on behind them.
fn recover(disk: &SimulatedDisk) -> (u64, Aof) {
    let aof = open(disk);
    let paths = aof.open().expect("there is a manifest, or none").unwrap_or_default();
    let mut units = 0;
    for (index, path) in paths.iter().enumerate() {
        let mut reader = Reader::new(disk.open(path).expect("what a manifest names is there"), 0);
        let mut argv = Vec::new();
        let mut unit = Vec::new();
        loop {
            match reader.next(&mut argv) {
                Ok(true) if argv[0] == b"BASE" => units = number(&argv),
                Ok(true) => {
                    if argv[0] == b"SET" {
                        unit.push(number(&argv));
                    }
                    if reader.whole() == reader.offset() {
                        let said = std::mem::take(&mut unit);
                        if argv[0] == b"SELECT" {
                            continue;
                        }
                        units += 1;
                        assert!(said.iter().all(|said| *said == units), "unit {units} says {said:?}");
                        assert_eq!(
                            said.len(),
                            if units.is_multiple_of(3) { 2 } else { 1 },
                            "a unit is whole or not there"
                        );
                    }
                }
                Ok(false) => break,
                Err(AofError::Truncated { whole, .. }) if aof.may_be_torn(&paths[index..]) => {
                    disk.truncate(path, whole).expect("the disk works");
                    break;
                }
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }
    (units, aof)
}

fn number(argv: &[Vec<u8>]) -> u64 {
    std::str::from_utf8(&argv[1]).expect("it is a number").parse().expect("it is a number")
}

/// Crash after every single operation of the disk, with what was not synced lost, kept or torn. What is read back is no less than was durable, no more than was
/// appended, and nothing between is missing. Then the log goes on, and what is appended is there as well.
#[test]
fn a_crash_at_any_step_loses_nothing_durable_and_leaves_no_gap() {
    for seed in 0..4 {
        let mut rng = Rng::seeded(seed);
        let mut play = Play::new(SimulatedDisk::new());
        play.disk.limit_writes((seed % 2 == 1).then_some(100));
        play.rewrite().expect("the disk works");
        play.note();
        play.run(24, &mut rng);
        for crash in 0..=play.disk.count() {
            for torn in Torn::ALL {
                let disk = play.disk.crash_at(crash, torn);
                let (units, aof) = recover(&disk);
                let (least, most) = play.bounds(crash);
                assert!(
                    (least..=most).contains(&units),
                    "seed {seed}, crash {crash}, {torn:?}: {units} of {least}..={most}"
                );
                if aof.open().expect("the manifest is sound").is_none() {
                    continue;
                }
                aof.resume().expect("the disk works");
                let mut again =
                    Play { disk, aof, appended: units, pending: Vec::new(), durable: 0, history: Vec::new() };
                again.append();
                again.aof.log().sync().expect("the disk works");
                assert_eq!(
                    recover(&again.disk.crash(Torn::ALL[0])).0,
                    units + 1,
                    "seed {seed}, crash {crash}, {torn:?}"
                );
            }
        }
    }
}

/// A disk that fails at one step, and a crash later on. What was promised is there.
#[test]
fn a_failure_at_any_step_breaks_no_promise() {
    for (seed, failure) in [(1, Failure::Io), (2, Failure::NoSpace)] {
        let steps = 30;
        let mut whole = Play::new(SimulatedDisk::new());
        whole.rewrite().expect("the disk works");
        let first = whole.disk.count();
        whole.run(steps, &mut Rng::seeded(seed));
        for fail in first..whole.disk.count() {
            let mut play = Play::new(SimulatedDisk::new());
            play.rewrite().expect("the disk works");
            play.disk.fail_call(fail, failure);
            play.run(steps, &mut Rng::seeded(seed));
            for torn in Torn::ALL {
                let units = recover(&play.disk.crash(torn)).0;
                let (least, most) = (play.durable, play.appended);
                assert!((least..=most).contains(&units), "failing {fail}, {torn:?}: {units} of {least}..={most}");
            }
        }
    }
}

#[test]
fn a_full_disk_is_tried_again_from_the_byte_at_which_it_was_full() {
    let mut play = Play::new(SimulatedDisk::new());
    play.rewrite().expect("the disk works");
    play.append();
    play.aof.log().flush().expect("the disk works");
    play.disk.fail_kind(OperationKind::Write, Some(Failure::NoSpace));
    (0..20).for_each(|_| play.append());
    assert!(play.aof.log().flush().is_err());
    assert_eq!(play.aof.log().health(), Health::Unwritable);
    assert_eq!(recover(&play.disk.crash(Torn::ALL[2])).0, 1);
    play.disk.fail_kind(OperationKind::Write, None);
    play.aof.log().flush().expect("the disk works again");
    assert_eq!(play.aof.log().health(), Health::Good);
    play.aof.log().sync().expect("the disk works again");
    assert_eq!(recover(&play.disk.crash(Torn::ALL[0])).0, 21);
}

/// After a sync that failed, nothing more is promised of that file: not even when a second sync would say that all is well.
#[test]
fn a_file_that_could_not_be_synced_is_not_trusted_until_it_was_rewritten() {
    let mut play = Play::new(SimulatedDisk::new());
    play.rewrite().expect("the disk works");
    play.append();
    play.aof.log().sync().expect("the disk works");
    play.append();
    play.disk.fail_kind(OperationKind::Sync, Some(Failure::Io));
    assert!(play.aof.log().sync().is_err());
    play.disk.fail_kind(OperationKind::Sync, None);
    assert!(play.aof.log().sync().is_err(), "the second call is not made");
    play.note();
    assert_eq!((play.aof.log().health(), play.durable), (Health::Poisoned, 1));
    play.rewrite().expect("the disk works again");
    play.note();
    assert_eq!((play.aof.log().health(), play.durable), (Health::Good, 2));
    assert_eq!(recover(&play.disk.crash(Torn::ALL[0])).0, 2);
    play.append();
    play.aof.log().sync().expect("the new file can be synced");
    assert_eq!(recover(&play.disk.crash(Torn::ALL[0])).0, 3);
}

#[test]
fn a_log_of_one_file_becomes_the_base() {
    let disk = SimulatedDisk::new();
    let mut play = Play::new(disk.clone());
    play.rewrite().expect("the disk works");
    (0..5).for_each(|_| play.append());
    play.aof.end().expect("the disk works");
    disk.rename(Path::new("data/appendonlydir/appendonly.aof.1.incr.aof"), Path::new("data/appendonly.aof"))
        .expect("it is there");
    disk.remove(Path::new("data/appendonlydir/appendonly.aof.manifest")).expect("it is there");
    let (units, aof) = recover(&disk);
    assert_eq!(units, 5);
    aof.resume().expect("the disk works");
    assert_eq!(disk.list(Path::new("data/appendonlydir")).expect("it is there").len(), 4);
    assert_eq!(disk.len(Path::new("data/appendonly.aof")).map_err(|error| error.kind()), Err(io::ErrorKind::NotFound));
}

/// The log was off for a time, in which the data changed, and is turned on again by a process that has not read the manifest. A crash at any step leaves the old log or the
/// new one: never the new base with the effects of old.
#[test]
fn a_log_that_is_turned_on_again_is_not_mixed_with_the_one_before() {
    let disk = SimulatedDisk::new();
    let mut before = Play::new(disk.clone());
    before.rewrite().expect("the disk works");
    (0..10).for_each(|_| before.append());
    before.aof.end().expect("the disk works");
    let mut after = Play::new(disk.clone());
    let first = disk.count();
    after.appended = 1_000;
    after.rewrite().expect("the disk works");
    (0..3).for_each(|_| after.append());
    after.aof.log().sync().expect("the disk works");
    for crash in first..=disk.count() {
        for torn in Torn::ALL {
            let units = recover(&disk.crash_at(crash, torn)).0;
            assert!(units == 10 || (1_000..=1_003).contains(&units), "crash {crash}, {torn:?}: {units}");
        }
    }
    assert_eq!(recover(&disk.crash(Torn::ALL[0])).0, 1_003);
    let names = disk.list(Path::new("data/appendonlydir")).expect("it is there");
    assert_eq!(names.len(), 3, "what was before is gone: {names:?}");
}

/// A rewrite meets a full disk, after it was decided at which position the next file begins. Once there is room the log goes on there, without another rewrite.
#[test]
fn a_rewrite_that_failed_on_a_full_disk_keeps_nobody_waiting_once_there_is_room() {
    let mut play = Play::new(SimulatedDisk::new());
    play.rewrite().expect("the disk works");
    play.append();
    let log = Arc::clone(play.aof.log());
    let failed = play.aof.rewrite(
        |segment| {
            play.disk.fail_kind(OperationKind::Write, Some(Failure::NoSpace));
            Ok(((), log.rotate(segment)))
        },
        |(), mut file| file.write(b"a base").map(drop),
    );
    assert!(failed.is_err());
    (0..5).for_each(|_| play.append());
    assert!(log.flush().is_err());
    play.disk.fail_kind(OperationKind::Write, None);
    log.sync().expect("there is room");
    let [end, written, synced] = log.positions();
    assert_eq!((written, synced, log.health()), (end, end, Health::Good));
    assert_eq!(recover(&play.disk.crash(Torn::ALL[0])).0, 6);
}

#[test]
fn a_log_that_is_off_has_nothing_to_sync() {
    let mut play = Play::new(SimulatedDisk::new());
    play.rewrite().expect("the disk works");
    play.append();
    play.aof.end().expect("the disk works");
    play.aof.log().sync().expect("there is nothing to do");
    assert_eq!(play.aof.log().health(), Health::Good);
}

/// A process is killed, with bytes written that only the system has, in a file that is not the last one. The next process goes on, and then the power fails: nothing
/// behind a gap was synced.
#[test]
fn what_a_killed_process_left_unsynced_is_synced_before_the_log_goes_on() {
    for fail in 0..12 {
        let mut play = Play::new(SimulatedDisk::new());
        play.rewrite().expect("the disk works");
        (0..4).for_each(|_| play.append());
        play.aof.log().flush().expect("the disk works");
        // The rewrite ends at some step, maybe with a new file that is named and empty.
        play.disk.fail_call(play.disk.count() + fail, Failure::NoSpace);
        let _ = play.rewrite();
        let disk = play.disk.clone();
        let (units, aof) = recover(&disk);
        assert_eq!(units, 4, "a kill loses nothing that was written");
        aof.resume().expect("the disk works");
        let mut again = Play { disk, aof, appended: units, pending: Vec::new(), durable: 0, history: Vec::new() };
        again.append();
        again.aof.log().sync().expect("the disk works");
        for torn in Torn::ALL {
            assert_eq!(recover(&again.disk.crash(torn)).0, 5, "failing {fail}, {torn:?}");
        }
    }
}

/// The file that a rewrite goes on in fails as well, while the base is written: the base does not heal that.
#[test]
fn a_base_does_not_heal_the_file_behind_it() {
    let mut play = Play::new(SimulatedDisk::new());
    play.rewrite().expect("the disk works");
    play.append();
    let log = Arc::clone(play.aof.log());
    let rewritten = play.aof.rewrite(
        |segment| Ok((1, log.rotate(segment))),
        |units: &u64, mut file| {
            log.append(b"*2\r\n$3\r\nSET\r\n$1\r\n2\r\n", 0, 0);
            play.disk.fail_kind(OperationKind::Sync, Some(Failure::Io));
            assert!(log.sync().is_err());
            play.disk.fail_kind(OperationKind::Sync, None);
            file.write(format!("*2\r\n$4\r\nBASE\r\n$1\r\n{units}\r\n").as_bytes())?;
            file.sync()
        },
    );
    rewritten.expect("the base could be written");
    assert_eq!(log.health(), Health::Poisoned);
    assert!(log.sync().is_err(), "it is not trusted again");
    assert_eq!(recover(&play.disk.crash(Torn::ALL[0])).0, 1);
    play.appended = 2;
    play.rewrite().expect("the disk works again");
    assert_eq!(log.health(), Health::Good);
    assert_eq!(recover(&play.disk.crash(Torn::ALL[0])).0, 2);
}
