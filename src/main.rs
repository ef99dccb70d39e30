//! The `tally` binary: arguments, logging, signals, exit codes.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tally::base::clock::{Clock, SystemClock};
use tally::config::{Config, Invocation};
use tally::net::Listeners;
use tally::persist::check;
use tally::persist::disk::RealDisk;
use tally::server::{Server, logging};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    match Config::from_arguments(std::env::args()) {
        Ok(Invocation::Print(text)) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Ok(Invocation::Check(files)) => check(&files),
        Ok(Invocation::Run(config)) => match run(*config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
        Err(error) => fail(&error.to_string()),
    }
}

/// Verifies and describes files; exit code 1 if any of them is bad.
fn check(files: &[PathBuf]) -> ExitCode {
    let (now, mut are_good) = (SystemClock::new().unix_millis(), true);
    for file in files {
        let report = check::file(&RealDisk, file, now);
        are_good &= report.is_good;
        print(&format!("{}\n  {}", file.display(), report.lines.join("\n  ")));
    }
    ExitCode::from(u8::from(!are_good))
}

fn run(config: Config) -> Result<(), String> {
    logging::start(&config).map_err(|error| error.to_string())?;
    let listeners = Listeners::bind(&config).map_err(|error| error.to_string())?;
    Server::new(config, listeners).run(terminated()).map_err(|error| format!("the server could not run: {error}"))
}

/// Ready at the first SIGTERM or SIGINT. From then on another of them ends the process at once.
async fn terminated() {
    let handlers = signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    let (mut term, mut int) = match handlers {
        Ok(handlers) => handlers,
        Err(error) => {
            tracing::error!("signals cannot be caught, so stopping will not be orderly: {error}");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = term.recv() => tracing::info!("SIGTERM received: running commands finish, then the server stops"),
        _ = int.recv() => tracing::info!("SIGINT received: running commands finish, then the server stops"),
    }
    // From here on the main thread waits for the workers and polls nothing, so the second signal gets its own thread.
    tally::server::exit_on_next_signal(term, int);
}

/// --help and --version answer on standard output. Whoever reads it may stop early (`tally --help | head`): that is no failure.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

#[expect(clippy::print_stderr, reason = "a start that failed says why in one line, whatever the log settings are")]
fn fail(error: &str) -> ExitCode {
    eprintln!("tally: {error}");
    ExitCode::from(1)
}
