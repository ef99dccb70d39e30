//! The log: text for people or JSON lines for programs, to standard output or a file, at a level that CONFIG SET may change.

use crate::config::{Config, LogFormat, LogLevel};
use std::fs::OpenOptions;
use std::io;
use std::sync::Mutex;
use std::sync::OnceLock;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

static LEVEL: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Starts logging as the settings say. Later calls change nothing.
///
/// # Errors
/// The log file cannot be opened.
pub fn start(config: &Config) -> io::Result<()> {
    let (filter, handle) = reload::Layer::new(filter(config.live.loglevel.get()));
    let layer = tracing_subscriber::fmt::layer().with_target(false);
    let json = config.start.log_format == LogFormat::Json;
    let output = match &config.start.logfile {
        None => {
            let layer = layer.with_writer(io::stdout).with_ansi(false);
            if json { layer.json().boxed() } else { layer.boxed() }
        }
        Some(path) => {
            let open = OpenOptions::new().create(true).append(true).open(path);
            let file = open.map_err(|error| {
                io::Error::new(error.kind(), format!("the log file {} cannot be opened: {error}", path.display()))
            })?;
            let layer = layer.with_writer(Mutex::new(file)).with_ansi(false);
            if json { layer.json().boxed() } else { layer.boxed() }
        }
    };
    if tracing_subscriber::registry().with(output.with_filter(filter)).try_init().is_ok() {
        let _ = LEVEL.set(handle);
    }
    Ok(())
}

/// Follows a change of `loglevel`.
pub fn set_level(level: LogLevel) {
    if let Some(handle) = LEVEL.get() {
        // Fails only if the subscriber is gone, and then nothing is logged anyway.
        let _ = handle.modify(|current| *current = filter(level));
    }
}

/// Redis' four levels: `debug` shows commands, `verbose` connections, `notice` changes of state, `warning` what is wrong.
fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
    }
}
