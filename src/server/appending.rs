//! The append-only log while the server runs: turned on and off, rewritten when it has grown, and made anew when its file cannot be trusted any more.

use crate::base::clock::Ticks;
use crate::base::process;
use crate::command::Services;
use crate::config::FsyncPolicy;
use crate::keyspace::{Busy, Frozen, Keyspace, Patience, Plan};
use crate::persist::log::{Health, SegmentFile};
use crate::persist::snapshot::{self, Background, WriteOptions};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// After so many seconds a rewrite that nobody asked for is tried again; after twice as many the next time, and so on.
const RETRY_SECONDS: u64 = 5;
const RETRY_DOUBLINGS_MAX: u64 = 9;
/// How long something may be written and not synced under `everysec`.
const UNSYNCED_NANOS_MAX: u64 = 2_000_000_000;
/// Between two tries to own the whole keyspace.
const NAP: Duration = Duration::from_millis(1);

/// What the log is about to need, looked at now and then.
#[derive(Debug, Default)]
pub(super) struct Appending {
    /// Seconds of the server's life before which nothing is tried again by itself.
    not_before: u64,
    /// Since when a position has not been synced.
    behind: Option<(Ticks, u64)>,
    /// Whether that is so long that writes are refused.
    is_late: bool,
}

/// Does what takes time on a thread of its own.
fn start(services: &Arc<Services>, act: fn(&Services)) {
    let shared = Arc::clone(services);
    let started = std::thread::Builder::new().name("tally-rewrite".into()).spawn(move || act(&shared));
    if let Err(error) = started {
        ended(services, Err(error));
    }
}

impl Appending {
    /// Sees to it that the log is as the settings want it. What takes time is done by a thread of its own.
    pub(super) fn look(&mut self, services: &Arc<Services>) {
        let (aof, live) = (&services.aof, &services.config.live);
        if services.durability.is_loading() {
            return;
        }
        let wanted = live.appendonly.get();
        self.watch_syncs(services);
        if !wanted && aof.is_on() {
            // A rewrite that was asked for and has not begun is of no use any more.
            if aof.status.is_scheduled.swap(false, Ordering::AcqRel) {
                aof.status.is_rewriting.store(false, Ordering::Release);
            }
            if !aof.status.is_rewriting.swap(true, Ordering::AcqRel) {
                start(services, |services| {
                    end(services);
                    services.aof.status.is_rewriting.store(false, Ordering::Release);
                });
            }
            return;
        }
        let seconds = uptime_seconds(services);
        if self.not_before <= seconds && wanted && self.is_due(services) {
            let failures = aof.status.failures.load(Ordering::Relaxed).min(RETRY_DOUBLINGS_MAX);
            self.not_before = seconds + if failures == 0 { 0 } else { RETRY_SECONDS << failures };
            aof.ask_for_rewrite();
        }
        if aof.status.is_scheduled.swap(false, Ordering::AcqRel) {
            start(services, rewrite);
        }
    }

    /// Has writes refused while the disk does not sync: what is acknowledged meanwhile would not outlive a failure of the power.
    fn watch_syncs(&mut self, services: &Services) {
        let log = services.aof.log();
        let (now, [end, _, synced]) = (services.clock.ticks(), log.positions());
        let is_watched = services.aof.is_on() && log.policy() == FsyncPolicy::EverySecond;
        if self.behind.is_some_and(|(_, position)| synced >= position || !is_watched) {
            self.behind = None;
            if std::mem::take(&mut self.is_late) {
                tracing::info!("the append only file is synced again");
                services.durability.set_log_failed(log.health() != Health::Good);
            }
        }
        if is_watched && end > synced {
            let (since, _) = *self.behind.get_or_insert((now, end));
            if !self.is_late && now.since(since) > UNSYNCED_NANOS_MAX {
                self.is_late = true;
                tracing::error!("the append only file was not synced for two seconds, so writes are refused");
                services.durability.set_log_failed(true);
            }
        }
    }

    fn is_due(&self, services: &Services) -> bool {
        let (aof, live) = (&services.aof, &services.config.live);
        if !aof.is_on() || aof.log().health() == Health::Poisoned {
            return true;
        }
        let (bytes, base) = (aof.bytes(), aof.status.base_bytes.load(Ordering::Relaxed).max(1));
        let percentage = u128::from(live.auto_aof_rewrite_percentage.get());
        percentage != 0
            && bytes > live.auto_aof_rewrite_min_size.get()
            && 100 * u128::from(bytes) >= u128::from(base) * (100 + percentage)
    }
}

fn uptime_seconds(services: &Services) -> u64 {
    services.clock.ticks().since(services.started) / 1_000_000_000
}

/// Turns the log on at the start: behind the files that were replayed, or with a new base.
///
/// # Errors
/// Those of the disk.
pub(super) fn begin(services: &Services, is_replayed: bool) -> Result<(), String> {
    if !is_replayed {
        rewrite(services);
        let is_on = services.aof.is_on();
        return is_on.then_some(()).ok_or_else(|| "there is no append only file, and none can be made".into());
    }
    services.aof.resume().map_err(|error| format!("the append only file cannot be appended to: {error}"))?;
    whole(&services.keyspace, services.background_slot(), |pass| {
        let held = pass.lock(&Plan::Whole, Patience::Wait)?;
        services.keyspace.log_effects(&held, true);
        pass.unlock(held);
        Ok(())
    });
    Ok(())
}

/// Writes the log anew, and turns it on if it was off. Returns when that is done.
pub(super) fn rewrite(services: &Services) {
    let (aof, was_on) = (&services.aof, services.aof.is_on());
    aof.status.is_rewriting.store(true, Ordering::Release);
    let began = services.clock.ticks();
    aof.status.begun_seconds.store(uptime_seconds(services), Ordering::Relaxed);
    let progress = aof.begin_progress();
    let options = services.snapshot_options(true);
    let rewritten = if !services.config.live.appendonly.get() && !was_on {
        let frozen = whole(&services.keyspace, services.background_slot(), |pass| {
            pass.freeze_and(Patience::Wait, |_| services.libraries.sources())
        });
        aof.write_base(|file| snapshot::write(&frozen.0, &frozen.1, file, &options, &progress).map(drop))
    } else {
        aof.rewrite(
            |segment| Ok(freeze(services, segment)),
            |(frozen, functions), file| {
                // By a thread that gives way: this one goes on to hold what writers wait for.
                let options =
                    WriteOptions { background: Some(Background(Arc::clone(&services.clock))), ..options.clone() };
                std::thread::scope(|scope| {
                    let write = || {
                        process::give_way();
                        snapshot::write(frozen, functions, file, &options, &progress).map(drop)
                    };
                    let writing =
                        std::thread::Builder::new().name("tally-rewrite".into()).spawn_scoped(scope, write)?;
                    writing.join().unwrap_or_else(|_| Err(io::Error::other("the thread that wrote the base panicked")))
                })
            },
        )
    };
    if rewritten.is_err() && services.keyspace.logs_effects() && !was_on {
        end(services);
    }
    let seconds = services.clock.ticks().since(began) / 1_000_000_000;
    aof.status.last_seconds.store(i64::try_from(seconds).unwrap_or(i64::MAX), Ordering::Relaxed);
    ended(services, rewritten);
}

fn ended(services: &Services, rewritten: io::Result<()>) {
    let status = &services.aof.status;
    status.was_rewritten.store(rewritten.is_ok(), Ordering::Relaxed);
    match &rewritten {
        Ok(()) => {
            status.failures.store(0, Ordering::Relaxed);
            tracing::info!("the append only file was rewritten: {} bytes", services.aof.bytes());
        }
        Err(error) => {
            status.failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!("the append only file could not be rewritten: {error}");
        }
    }
    status.is_rewriting.store(false, Ordering::Release);
    // Whoever sees that one more is done may ask for the next.
    status.rewrites.fetch_add(u64::from(rewritten.is_ok()), Ordering::Release);
}

/// Freezes everything, and has the log go on in another file from that moment.
fn freeze(services: &Services, segment: SegmentFile) -> ((Frozen, Vec<Vec<u8>>), u64) {
    let (keyspace, log) = (&services.keyspace, services.aof.log());
    let mut segment = Some(segment);
    whole(keyspace, services.background_slot(), |pass| {
        pass.freeze_and(Patience::Wait, |held| {
            let position = log.rotate(segment.take().expect("there is one such moment"));
            keyspace.log_effects(held, true);
            // Who changes libraries owns everything as well.
            (services.libraries.sources(), position)
        })
        .map(|(frozen, (libraries, position))| ((frozen, libraries), position))
    })
}

/// Turns the log off, and lets go of its files.
fn end(services: &Services) {
    whole(&services.keyspace, services.background_slot(), |pass| {
        let held = pass.lock(&Plan::Whole, Patience::Wait)?;
        services.keyspace.log_effects(&held, false);
        pass.unlock(held);
        Ok(())
    });
    match services.aof.end() {
        Ok(()) => tracing::info!("the append only file is off"),
        Err(error) => tracing::error!("the end of the append only file may not be on the disk: {error}"),
    }
}

/// Enters the keyspace and does what needs all of it, as often as it takes.
pub(super) fn whole<R>(
    keyspace: &Keyspace,
    slot: usize,
    mut act: impl FnMut(&mut crate::keyspace::Pass<'_>) -> Result<R, Busy>,
) -> R {
    loop {
        if let Ok(mut pass) = keyspace.enter(slot, Patience::Wait)
            && let Ok(result) = act(&mut pass)
        {
            return result;
        }
        std::thread::sleep(NAP);
    }
}
