//! Wiring: builds what the server owns, starts its threads, and stops them in order.
//!
//! Threads: `threads` workers and one standby worker, which gets connections only while all others are stuck in a slow script; a few for scripts
//! that are not known to be quick; one for HTTP; and the caller's, which accepts connections and waits for signals.

mod appending;
pub mod logging;
mod persistence;
mod replaying;

use crate::acl::Acl;
use crate::base::clock::{Clock, SystemClock};
use crate::base::rng::Rng;
use crate::base::{alloc, process};
use crate::command::aside::Aside;
use crate::command::away::Away;
use crate::command::monitor::Monitors;
use crate::command::pubsub::Channels;
use crate::command::slowlog::Slowlog;
use crate::command::{Clients, Services, StopRequest, StopRequests};
use crate::config::Config;
use crate::engine::{COMMANDS, script_threads, start_script_thread};
use crate::http;
use crate::keyspace::Keyspace;
use crate::keyspace::evict::Rules;
use crate::metrics::{DatabaseGauges, Event, Gauges, Metrics, OpsSampler};
use crate::net::{Acceptor, DRAIN_DEADLINE, Listeners, WorkerHandle};
use crate::persist::Durability;
use crate::persist::aof::Aof;
use crate::persist::disk::RealDisk;
use crate::persist::log::{Health, Log, Syncer};
use crate::script::{Control, Libraries, Scripts};
use appending::Appending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, oneshot};

/// How often idle connections are looked for and rates are sampled.
const HOUSEKEEPING: Duration = Duration::from_millis(100);

/// The most threads that load data.
const LOADERS_MAX: usize = 8;

/// Files that the server itself has open: listeners, the log, and what its threads' runtimes need.
const FILES_OF_SERVER: u64 = 96;
/// Files that a thread's runtime needs.
const FILES_OF_THREAD: u64 = 8;

/// A server that is bound but not running yet.
#[derive(Debug)]
pub struct Server {
    services: Arc<Services>,
    listeners: Listeners,
    stop: Stop,
}

/// Stops a running server from another thread, as SIGTERM does.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    bell: Arc<Notify>,
    requests: Arc<StopRequests>,
    /// Whether a signal has asked for it, and it was not called off.
    is_signalled: Arc<AtomicBool>,
}

impl Stop {
    /// Saves a snapshot if there are save points, lets running commands finish, then ends the server. If the snapshot cannot be saved, the server goes on.
    pub fn stop(&self) {
        self.request(StopRequest::default());
    }

    /// The same for an operator, who may lose patience. False if one has asked before, and the server has neither ended nor called it off.
    pub fn stop_by_signal(&self) -> bool {
        let is_first = !self.is_signalled.swap(true, Ordering::AcqRel);
        if is_first {
            self.stop();
        }
        is_first
    }

    fn request(&self, request: StopRequest) {
        self.requests.push(request);
        self.bell.notify_one();
    }

    /// The next request.
    async fn requested(&self) -> StopRequest {
        loop {
            if let Some(request) = self.requests.pop() {
                return request;
            }
            self.bell.notified().await;
        }
    }
}

impl Server {
    /// A server with these settings on these listeners.
    pub fn new(config: Config, listeners: Listeners) -> Self {
        if config.start.disable_thp {
            process::disable_huge_pages();
        }
        let stop = Stop::default();
        let stopper = stop.clone();
        let services =
            services(config, Arc::new(SystemClock::new()), Box::new(move |request| stopper.request(request)));
        Self { services: Arc::new(services), listeners, stop }
    }

    /// What the server shares.
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// The means to stop it.
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// Loads the data, while clients are told so. Runs until stopped by [`Stop`]; then a snapshot is saved if there are save points, running commands finish and
    /// connections close.
    ///
    /// # Errors
    /// A thread or a runtime could not be created, the data could not be loaded, or what was changed last could not be saved.
    pub fn run(self) -> io::Result<()> {
        let Self { services, mut listeners, stop } = self;
        let threads = services.config.worker_threads();
        fit_connections(&services);
        services.keyspace.free_in_background()?;
        publish_events(&services);
        let syncer = start_log(&services)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // Before anybody can be served.
        let loading = persistence::load_at_start(&services).map_err(io::Error::other)?;
        let http_stop = Stop::default();
        let http = serve_http(&services, std::mem::take(&mut listeners.http), &http_stop)?;
        let workers = (0..=threads)
            .map(|slot| WorkerHandle::start(Arc::clone(&services), slot, threads))
            .collect::<io::Result<Vec<_>>>()?;
        let scripting = (0..script_threads(threads))
            .map(|number| start_script_thread(Arc::clone(&services), threads + 1 + number))
            .collect::<io::Result<Vec<_>>>()?;
        let acceptor = Acceptor::new(Arc::clone(&services), workers);
        alloc::mark_startup();
        let places = places(&listeners, &services);
        let ended = runtime.block_on(async {
            tokio::select! {
                result = acceptor.run(&listeners) => Err(result),
                () = housekeeping(&services) => Err(Ok(())),
                error = loaded(loading, &places) => Err(Err(error)),
                request = stopping(&services, &stop) => Ok(request),
            }
        });
        services.draining.store(true, Ordering::Release);
        if let Some(load) = services.durability.load() {
            load.progress.stop();
        }
        drop(listeners);
        // A connection that was handed over just now is woken as well: it registers before it first looks at `draining`.
        let workers = acceptor.into_workers();
        services.clients.all().iter().for_each(|client| client.wake());
        let (joined, watched) = std::sync::mpsc::channel();
        let is_hard = matches!(&ended, Ok(request) if request.save == Some(false));
        let end_scripts = Arc::clone(&services);
        // If no thread can be had, an endless script is ended by the second signal.
        let _ = std::thread::Builder::new().name("tally-drain".into()).spawn(move || {
            while watched.recv_timeout(DRAIN_DEADLINE) == Err(RecvTimeoutError::Timeout) {
                if end_scripts_that_may(&end_scripts) > 0 && is_hard {
                    abandon(&end_scripts);
                }
            }
        });
        workers.into_iter().for_each(WorkerHandle::join);
        services.aside.close();
        for thread in scripting {
            thread.join().expect("a script thread's panics are caught at its requests");
        }
        drop::<Sender<()>>(joined);
        services.aof.stop_rewrite();
        if services.aof.is_on()
            && let Err(error) = services.aof.end()
        {
            tracing::error!("the end of the append only file may not be on the disk: {error}");
        }
        syncer.end();
        http_stop.stop();
        if let Some(http) = http {
            http.join().expect("the HTTP thread's panics are caught at its connections");
        }
        match ended {
            Ok(request) => persistence::save_the_rest(&services, &request).map_err(io::Error::other),
            // A failed start never leads to a save.
            Err(result) => {
                services.durability.stop_saving();
                result
            }
        }
    }
}

/// Says that clients are served once the data is loaded. Ready only if it cannot be.
async fn loaded(loading: Option<oneshot::Receiver<persistence::LoadOutcome>>, places: &str) -> io::Error {
    if let Some(loading) = loading {
        match loading.await {
            Ok(Ok(())) => {}
            Ok(Err(text)) => return io::Error::other(text),
            Err(_) => return io::Error::other("the thread that loaded the data panicked"),
        }
    }
    tracing::info!("tally {} is ready to accept connections on {places}", env!("CARGO_PKG_VERSION"));
    std::future::pending().await
}

/// Ready when the server is to stop and what is to be saved before is saved.
async fn stopping(services: &Arc<Services>, stop: &Stop) -> StopRequest {
    loop {
        let request = stop.requested().await;
        let saved = persistence::save_before_stop(services, &request).await;
        if let Err(error) = &saved {
            tracing::error!("the server does not stop, for no snapshot could be saved: {error}");
            stop.is_signalled.store(false, Ordering::Release);
        }
        let is_saved = saved.is_ok();
        if let Some(outcome) = &request.outcome {
            // Who asked may have gone.
            let _ = outcome.send(saved);
        }
        if is_saved {
            return request;
        }
    }
}

/// Has effects come to the log, which is off, and starts the thread that syncs it.
fn start_log(services: &Arc<Services>) -> io::Result<Syncer> {
    let log = services.aof.log();
    services.keyspace.attach_log(Arc::<Log>::clone(log));
    services.follow_log();
    let durability = Arc::clone(&services.durability);
    log.tell_health(Box::new(move |health| durability.set_log_failed(health != Health::Good)));
    Syncer::start(Arc::clone(log), Arc::clone(&services.clock))
}

/// Has events on keys published to channels.
fn publish_events(services: &Arc<Services>) {
    let publisher = Arc::downgrade(services);
    services.keyspace.listen(Box::new(move |event, db, key| {
        if let Some(services) = publisher.upgrade() {
            services.publish_event(event, db, key);
        }
    }));
    services.follow_events();
}

/// Ends the scripts that have written nothing: the server stops and has waited for them long enough. How many are left: what they wrote is half of something, so
/// they are waited for.
fn end_scripts_that_may(services: &Services) -> usize {
    let may_end_any = services.config.live.script_kill_writes.get();
    let runs = services.running.iter().filter_map(|control| control.running().map(|run| (control, run)));
    let (may_not, may): (Vec<_>, Vec<_>) = runs.partition(|(_, run)| run.wrote && !may_end_any);
    for (control, run) in may {
        if control.kill(run) {
            tracing::warn!("a script did not end before the server stopped, and is killed");
        }
    }
    if !may_not.is_empty() {
        tracing::warn!(
            "the server waits for a script that has written, before it stops; another signal ends it at once"
        );
    }
    may_not.len()
}

/// Ends the process in the midst of a script, of which the log has nothing yet: SHUTDOWN NOSAVE promises to end whatever runs.
fn abandon(services: &Services) {
    tracing::warn!("a script that has written did not end before the server stopped; nothing that it wrote is kept");
    if services.aof.is_on()
        && let Err(error) = services.aof.log().sync()
    {
        tracing::error!("the end of the append only file may not be on the disk: {error}");
    }
    std::process::exit(0);
}

/// Sees to it that the process may have as many files open as `maxclients` promises connections; lowers `maxclients` if it may not. Returns the
/// `maxclients` that holds then.
fn fit_connections(services: &Services) -> u32 {
    let maxclients = services.config.live.maxclients.get();
    let own = FILES_OF_SERVER + FILES_OF_THREAD * services.config.worker_threads() as u64;
    let files = process::raise_open_files(own + u64::from(maxclients));
    let fitting = u32::try_from(files.saturating_sub(own).max(1)).unwrap_or(u32::MAX);
    if fitting >= maxclients {
        return maxclients;
    }
    tracing::warn!(
        "maxclients is {fitting} instead of {maxclients}: the process may open {files} files (ulimit -n), and needs {own} itself"
    );
    let set = services.config.set(&[(b"maxclients", fitting.to_string().as_bytes())]);
    set.expect("a smaller maxclients is as good a setting");
    fitting
}

/// Has SIGTERM and SIGINT stop the server in order, and another of them while it stops end the process at once, for an operator who will not wait. On a thread of its own, so
/// that they are heard whatever the server waits for.
///
/// # Errors
/// They cannot be caught, or there is no thread to be had.
pub fn stop_by_signals(stop: Stop) -> io::Result<()> {
    let (heard, ready) = std::sync::mpsc::channel();
    let listen = async move {
        let signals = signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
        let (mut term, mut int) = match signals {
            Ok(signals) => signals,
            Err(error) => return drop(heard.send(Err(error))),
        };
        let _ = heard.send(Ok(()));
        loop {
            let name = tokio::select! {
                _ = term.recv() => "SIGTERM",
                _ = int.recv() => "SIGINT",
            };
            if !stop.stop_by_signal() {
                tracing::warn!("second signal: stopping at once");
                std::process::exit(1);
            }
            tracing::info!("{name} received: running commands finish, then the server stops");
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    std::thread::Builder::new().name("tally-signals".into()).spawn(move || runtime.block_on(listen))?;
    ready.recv().unwrap_or(Ok(()))
}

/// Everything that the server shares, before any thread runs.
pub fn services(mut config: Config, clock: Arc<dyn Clock>, stop: Box<dyn Fn(StopRequest) + Send + Sync>) -> Services {
    let threads = config.worker_threads();
    // As clients are told it, it must mean something to them.
    if let Ok(dir) = std::path::absolute(&config.start.dir) {
        config.start.dir = dir;
    }
    // A slot for each worker, the standby and each script thread, and those of who freezes and loads.
    let scripting = threads + 1 + script_threads(threads);
    let slots: Vec<usize> = (scripting..).take(threads.clamp(1, LOADERS_MAX)).collect();
    let durability = Durability::new(Arc::new(RealDisk), slots.clone(), clock.unix_millis());
    let names = COMMANDS.counted_names().into_iter().map(|name| &*name.leak()).collect();
    let mut rng = Rng::from_process(clock.unix_micros() as u64);
    let keyspace = Keyspace::new(config.start.databases, scripting + slots.len(), threads);
    keyspace.set_eviction_rules(Rules::of(&config.live));
    let start = &config.start;
    let log_dir = start.dir.join(&start.appenddirname);
    let aof =
        Aof::new(Arc::clone(durability.disk()), log_dir, start.appendfilename.clone(), config.live.appendfsync.get());
    let run_id = (0..40).map(|_| char::from(b"0123456789abcdef"[rng.below(16)])).collect();
    Services {
        keyspace,
        aof: Arc::new(aof),
        metrics: Metrics::new(names),
        ops: OpsSampler::new(),
        net_input: OpsSampler::new(),
        net_output: OpsSampler::new(),
        acl: Acl::new(&config.live.requirepass),
        clients: Clients::default(),
        channels: Channels::default(),
        monitors: Monitors::default(),
        slowlog: Slowlog::default(),
        away: Away::default(),
        aside: Aside::default(),
        scripts: Scripts::default(),
        libraries: Libraries::default(),
        running: (0..scripting).map(|_| Control::new(Arc::clone(&clock))).collect(),
        commands: &COMMANDS,
        run_id,
        started_at: clock.unix_millis(),
        started: clock.ticks(),
        draining: AtomicBool::new(false),
        durability: Arc::new(durability),
        stop,
        set_log_level: Box::new(logging::set_level),
        clock,
        config,
    }
}

/// Where clients can connect.
fn places(listeners: &Listeners, services: &Services) -> String {
    let mut places: Vec<String> =
        listeners.tcp.iter().filter_map(|listener| Some(listener.local_addr().ok()?.to_string())).collect();
    places.extend(services.config.start.unixsocket.iter().map(|path| path.display().to_string()));
    places.join(", ")
}

/// Closes connections that were idle for too long, follows changes of `maxclients`, samples rates, and saves snapshots when they are due.
async fn housekeeping(services: &Arc<Services>) {
    let mut appending = Appending::default();
    let mut ticker = tokio::time::interval(HOUSEKEEPING);
    ticker.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut maxclients = services.config.live.maxclients.get();
    let mut reporter = persistence::Reporter::default();
    loop {
        ticker.tick().await;
        persistence::save_if_due(services);
        reporter.tick(&services.durability, &*services.clock);
        if services.config.live.maxclients.get() != maxclients {
            maxclients = fit_connections(services);
        }
        appending.look(services);
        let now = services.clock.ticks();
        let totals = services.metrics.totals_since_start();
        services.ops.tick(now, totals.commands_processed());
        services.net_input.tick(now, totals.count(Event::NetInputByte));
        services.net_output.tick(now, totals.count(Event::NetOutputByte));
        let timeout_secs = services.config.live.timeout_secs.get();
        if timeout_secs != 0 {
            let timeout_nanos = timeout_secs.saturating_mul(1_000_000_000);
            let idle = services.clients.all().into_iter().filter(|client| {
                // Who listens, watches or waits is silent by nature.
                let is_silent =
                    client.mailbox.listens() || client.is_monitor.load(Ordering::Relaxed) || client.is_blocked();
                now.since(client.last_active()) > timeout_nanos && !is_silent
            });
            idle.for_each(|client| client.kill());
        }
    }
}

/// What the HTTP listener tells.
#[derive(Debug)]
struct Observed(Arc<Services>);

impl http::Source for Observed {
    fn metrics(&self) -> String {
        let services = &self.0;
        let keyspace = &services.keyspace;
        let totals = keyspace.totals();
        let gauges = Gauges {
            version: env!("CARGO_PKG_VERSION").into(),
            uptime_seconds: (services.clock.ticks().since(services.started) / 1_000_000_000) as f64,
            connections: services.clients.len() as u64,
            memory_used_bytes: alloc::allocated_bytes(),
            memory_resident_bytes: alloc::resident_bytes(),
            keyspace_hits: totals.hits,
            keyspace_misses: totals.misses,
            expired_keys: totals.expired,
            databases: (0..keyspace.databases())
                .map(|db| DatabaseGauges {
                    index: db,
                    keys: keyspace.len(db) as u64,
                    keys_with_ttl: keyspace.volatile(db) as u64,
                })
                .collect(),
        };
        services.metrics.prometheus_text(&gauges)
    }

    fn ready(&self) -> Result<(), String> {
        match self.0.durability.load() {
            _ if self.0.is_draining() => Err("the server is stopping".into()),
            Some(load) => {
                let (done, all) = (load.progress.bytes(), load.progress.bytes_total());
                Err(format!("the data is being loaded: {done} of {all} bytes"))
            }
            None => Ok(()),
        }
    }
}

fn serve_http(
    services: &Arc<Services>,
    listeners: Vec<std::net::TcpListener>,
    stop: &Stop,
) -> io::Result<Option<std::thread::JoinHandle<()>>> {
    if listeners.is_empty() {
        return Ok(None);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let source = Arc::new(Observed(Arc::clone(services)));
    let stop = stop.clone();
    let serve = move || {
        let local = tokio::task::LocalSet::new();
        runtime.block_on(local.run_until(async {
            let stopped = Arc::new(Notify::new());
            let mut servers = tokio::task::JoinSet::new();
            for listener in listeners {
                let (source, stopped) = (Arc::clone(&source), Arc::clone(&stopped));
                match tokio::net::TcpListener::from_std(listener) {
                    Ok(listener) => {
                        servers.spawn_local(async move {
                            http::serve(listener, source, async move { stopped.notified().await }).await;
                        });
                    }
                    Err(error) => tracing::error!("the HTTP listener cannot be served: {error}"),
                }
            }
            stop.requested().await;
            stopped.notify_waiters();
            while servers.join_next().await.is_some() {}
        }));
    };
    std::thread::Builder::new().name("tally-http".into()).spawn(serve).map(Some)
}
