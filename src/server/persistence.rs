//! The files that hold data, over the life of the server: loaded at its start, saved now and then, and saved before it stops.

use super::{appending, replaying};
use crate::base::clock::{Clock, Ticks};
use crate::command::{Services, StopRequest};
use crate::keyspace::{Frozen, Patience, Twice};
use crate::persist::snapshot::{self, Expired, Loaded, Progress};
use crate::persist::{Durability, Unclaimed};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How often the log says how far a load or a save is, once it lasts longer than a second.
const REPORT_NANOS: [u64; 2] = [1_000_000_000, 5_000_000_000];
/// How long a save before the end waits for the whole keyspace, before scripts that have written nothing are ended. Others are waited for.
const FREEZE_PATIENCE_NANOS: u64 = 5_000_000_000;

/// What a load came to: nothing, or why the server cannot serve.
pub(super) type LoadOutcome = Result<(), String>;

fn snapshot_path(services: &Services) -> PathBuf {
    services.config.start.dir.join(&services.config.start.dbfilename)
}

/// What the data is loaded from.
enum Origin {
    Snapshot(PathBuf),
    /// The files of the log, in order.
    Log(Vec<PathBuf>),
    Nothing,
}

/// Where the data is, and how many bytes it has. A log that is on but was never begun begins with the snapshot, if there is one: nothing that was saved is passed over.
fn origin(services: &Services) -> Result<(Origin, u64), String> {
    let disk = services.durability.disk();
    let log = match services.config.live.appendonly.get() {
        true => services.aof.open().map_err(|error| error.to_string())?,
        false => None,
    };
    if let Some(paths) = log {
        let bytes = paths.iter().map(|path| disk.len(path).map_err(|error| format!("{}: {error}", path.display())));
        let bytes = bytes.sum::<Result<u64, String>>()?;
        return Ok((Origin::Log(paths), bytes));
    }
    let path = snapshot_path(services);
    match disk.len(&path) {
        Ok(bytes) => Ok((Origin::Snapshot(path), bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((Origin::Nothing, 0)),
        Err(error) => Err(format!("{} cannot be loaded: {error}", path.display())),
    }
}

/// Removes what a process that was killed while it saved has left: the temporary files of processes that are gone. Own ones are too, for nothing was saved yet.
fn remove_leftovers(services: &Services) {
    let (disk, dir) = (services.durability.disk(), &services.config.start.dir);
    let (own, proc) = (std::process::id(), Path::new("/proc"));
    // A directory that cannot be read is told of by whoever needs what is in it.
    let names = disk.list(dir).unwrap_or_default();
    for name in names.iter().filter(|name| snapshot::is_temporary(name)) {
        let process = name.split(['-', '.']).nth(1).unwrap_or_default();
        let is_gone = proc.join("self").exists() && !proc.join(process).exists();
        if (is_gone || process.parse() == Ok(own)) && disk.remove(&dir.join(name)).is_ok() {
            tracing::warn!("removed {name}, which a process left that was killed while it saved");
        }
    }
}

/// Begins to load what the files hold, on threads of its own; `None` if there is nothing to do. From here on commands that need keys are refused until it is loaded,
/// and the log goes on behind that if it is on.
pub(super) fn load_at_start(services: &Arc<Services>) -> Result<Option<oneshot::Receiver<LoadOutcome>>, String> {
    remove_leftovers(services);
    let (origin, bytes) = origin(services)?;
    let logs = services.config.live.appendonly.get();
    if matches!(origin, Origin::Nothing) && !logs {
        return Ok(None);
    }
    let progress = services.durability.begin_loading(bytes, &*services.clock);
    let (tell, outcome) = oneshot::channel();
    let services = Arc::clone(services);
    let load = move || {
        let loaded = match &origin {
            Origin::Nothing => Ok(Loaded::default()),
            Origin::Snapshot(path) => load_snapshot(&services, path, &progress)
                .map_err(|error| format!("{} cannot be loaded: {error}", path.display())),
            Origin::Log(paths) => replaying::load(&services, paths, &progress).map_err(|failure| failure.to_string()),
        };
        let ready = loaded.and_then(|loaded| {
            if logs {
                appending::begin(&services, matches!(origin, Origin::Log(_)))?;
            }
            services.durability.end_loading(&loaded, services.keyspace.totals().changes);
            Ok(())
        });
        // If nobody listens any more, the server is stopping.
        let _ = tell.send(ready);
    };
    let spawned = std::thread::Builder::new().name("tally-load".into()).spawn(load);
    spawned.map_err(|error| format!("no thread can be had to load {error}"))?;
    Ok(Some(outcome))
}

fn load_snapshot(services: &Services, path: &Path, progress: &Progress) -> Result<Loaded, String> {
    let durability = &services.durability;
    tracing::info!("loading {} ({} bytes)", path.display(), progress.bytes_total());
    let began = services.clock.ticks();
    let reader = durability.disk().open(path).map_err(|error| error.to_string())?;
    let options = services.load_options(Expired::Drop, Twice::Refuse);
    let loaded = snapshot::load(reader, &services.keyspace, durability.slots(), options, progress)
        .map_err(|error| error.to_string())?;
    let seconds = services.clock.ticks().since(began) as f64 / 1e9;
    let Loaded { keys, expired, empty, .. } = loaded;
    tracing::info!("loaded {keys} keys in {seconds:.3} s; left out: {expired} expired, {empty} empty");
    load_libraries(services, &loaded)?;
    Ok(loaded)
}

/// Makes the libraries of functions that a snapshot holds.
pub(super) fn load_libraries(services: &Services, loaded: &Loaded) -> Result<(), String> {
    let load = |source: &Vec<u8>| crate::engine::load_library(services, source);
    loaded
        .functions
        .iter()
        .try_for_each(load)
        .map_err(|error| format!("a library of functions cannot be loaded: {error}"))
}

/// Saves a snapshot in the background if one is due.
pub(super) fn save_if_due(services: &Services) {
    let (durability, clock) = (&services.durability, &*services.clock);
    let changes = services.keyspace.totals().changes;
    if !durability.is_due(&services.config.live.save.get(), changes, clock) {
        return;
    }
    let Some(frozen) = try_freeze(services) else { return };
    let Ok(claim) = durability.claim(true, clock) else { return };
    tracing::info!("{changes} changes since the start: saving a snapshot in the background");
    if let Err(error) = claim.run_in_background(services.snapshot_of(frozen, changes)) {
        tracing::error!("no thread can be had to save a snapshot: {error}");
    }
}

/// Everything as it is now, if nobody holds it for long.
fn try_freeze(services: &Services) -> Option<Frozen> {
    let slot = services.durability.slots()[0];
    services.keyspace.enter(slot, Patience::Wait).and_then(|mut pass| pass.freeze(Patience::Wait)).ok()
}

/// Whether a snapshot is to be saved before the server stops.
fn is_to_save(services: &Services, request: &StopRequest) -> bool {
    let wanted = request.save.unwrap_or_else(|| !services.config.live.save.get().is_empty());
    wanted && !services.durability.is_loading()
}

/// Saves a snapshot before the server stops, if one is to be saved; on a thread of its own, so that clients are served meanwhile.
pub(super) async fn save_before_stop(services: &Arc<Services>, request: &StopRequest) -> Result<(), String> {
    if !is_to_save(services, request) {
        return Ok(());
    }
    let (tell, outcome) = oneshot::channel();
    let shared = Arc::clone(services);
    let save = move || {
        shared.durability.stop_saving();
        let _ = tell.send(save_now(&shared));
    };
    std::thread::Builder::new().name("tally-save".into()).spawn(save).map_err(|error| error.to_string())?;
    let saved = outcome.await.unwrap_or_else(|_| Err("the thread that saved it panicked".to_owned()));
    match saved {
        Err(error) if request.force => {
            tracing::warn!("the server stops without a snapshot, as it was told to: {error}");
            Ok(())
        }
        saved => saved,
    }
}

/// Saves what clients changed since [`save_before_stop`]; nobody changes anything any more.
pub(super) fn save_the_rest(services: &Services, request: &StopRequest) -> Result<(), String> {
    services.durability.stop_saving();
    let is_saved = services.keyspace.totals().changes == services.durability.figures().saved_changes;
    if is_saved || !is_to_save(services, request) {
        return Ok(());
    }
    match save_now(services) {
        Err(_) if request.force => Ok(()),
        saved => saved,
    }
}

fn save_now(services: &Services) -> Result<(), String> {
    let clock = &*services.clock;
    let mut began = clock.ticks();
    loop {
        match services.durability.claim(false, clock) {
            Err(Unclaimed::Loading) => return Ok(()),
            // Somebody said SAVE just now, which is as good, or waits for the same.
            Err(Unclaimed::InProgress) => {}
            Ok(claim) => {
                let changes = services.keyspace.totals().changes;
                if let Some(frozen) = try_freeze(services) {
                    let saved = claim.run(services.snapshot_of(frozen, changes));
                    return saved.map(drop).map_err(|error| error.to_string());
                }
                if clock.ticks().since(began) > FREEZE_PATIENCE_NANOS {
                    began = clock.ticks();
                    super::end_scripts_that_may(services);
                }
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Says now and then in the log how far a long load or save is.
#[derive(Debug, Default)]
pub(super) struct Reporter {
    /// Of which load or save was said how much.
    reported: Option<(Ticks, u64)>,
}

impl Reporter {
    /// Looks whether there is something to say.
    pub(super) fn tick(&mut self, durability: &Durability, clock: &dyn Clock) {
        let going = durability.load().map(|load| ("loading", load.began, load.progress));
        let going = going.or_else(|| durability.save().map(|save| ("saving", save.began, save.progress)));
        let Some((what, began, progress)) = going else {
            self.reported = None;
            return;
        };
        let times = self.reported.filter(|(of, _)| *of == began).map_or(0, |(_, times)| times);
        let nanos = clock.ticks().since(began);
        if nanos < REPORT_NANOS[0] + times * REPORT_NANOS[1] {
            return;
        }
        self.reported = Some((began, times + 1));
        let (keys, bytes) = (progress.keys(), progress.bytes());
        let percent = match (progress.bytes_total(), progress.keys_total()) {
            (0, 0) => 0.0,
            (0, total) => 100.0 * keys as f64 / total as f64,
            (total, _) => 100.0 * bytes as f64 / total as f64,
        };
        tracing::info!("{what}: {percent:.0} %, {keys} keys, {bytes} bytes, {:.0} s", nanos as f64 / 1e9);
    }
}
