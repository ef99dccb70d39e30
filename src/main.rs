//! The `tally` binary: arguments, logging, signals, exit codes.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tally::base::clock::{Clock, SystemClock};
use tally::config::{Config, Invocation};
use tally::net::Listeners;
use tally::persist::check;
use tally::persist::disk::RealDisk;
use tally::server::{Server, logging, stop_by_signals};

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
    let server = Server::new(config, listeners);
    if let Err(error) = stop_by_signals(server.stopper()) {
        tracing::error!("signals cannot be caught, so stopping will not be orderly: {error}");
    }
    server.run().map_err(|error| format!("the server could not run: {error}"))
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
