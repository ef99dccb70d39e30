//! What the server has done: counters and latency histograms, one set per thread, summed when somebody asks.
//!
//! Each thread that serves commands holds a [`Recorder`] and is its only writer, so counting is a load and a store on cache lines
//! of its own: no locked instruction, nothing shared. [`Metrics`] owns all recorders and sums them for INFO ([`Metrics::totals`])
//! and for Prometheus ([`Metrics::prometheus_text`]).
//!
//! Invariants: a recorder's numbers only grow. CONFIG RESETSTAT therefore moves a baseline that INFO subtracts; Prometheus, whose
//! counters must not go back, always sees the sums since the start.
//! A sum is not a snapshot: threads go on counting while it is made, so two numbers in it may be a few commands apart.
//! Not here: time (durations come as nanoseconds), the command table (names come as a list), sockets.

mod exposition;
mod histogram;
mod recorder;
mod sampler;
mod totals;

#[cfg(test)]
mod tests;

pub use exposition::{DatabaseGauges, Gauges};
pub use histogram::Latency;
pub use recorder::{ERROR_CODE_BYTES_MAX, ERROR_CODES_MAX, ERROR_CODES_OVERFLOW, Event, Outcome, Recorder};
pub use sampler::OpsSampler;
pub use totals::{CommandTotals, Totals};

use crate::base::sync::Mutex;
use std::sync::{Arc, OnceLock};

/// All recorders of a server and the names of the commands that they count.
#[derive(Debug)]
pub struct Metrics {
    command_names: Vec<&'static str>,
    state: Mutex<State>,
    nowhere: OnceLock<Recorder>,
}

/// Guarded by one lock that no recorder ever takes.
#[derive(Debug, Default)]
struct State {
    recorders: Vec<Arc<Recorder>>,
    /// The sums of recorders whose threads are gone.
    retired: Totals,
    /// What the sums were at the last reset.
    baseline: Totals,
}

impl State {
    fn since_start(&self) -> Totals {
        let mut totals = self.retired.clone();
        for recorder in &self.recorders {
            recorder.add_to(&mut totals);
        }
        totals
    }
}

impl Metrics {
    /// Metrics for commands whose dense ids are the indices of `command_names`.
    pub fn new(command_names: Vec<&'static str>) -> Self {
        Self { command_names, state: Mutex::new(State::default()), nowhere: OnceLock::new() }
    }

    /// The name of a command, as it was given to [`Metrics::new`].
    ///
    /// # Panics
    /// If there is no command of that id.
    pub fn command_name(&self, id: usize) -> &'static str {
        self.command_names[id]
    }

    /// Registers a recorder for one thread. Its numbers stay in the sums after the thread has dropped it.
    pub fn recorder(&self) -> Arc<Recorder> {
        let recorder = Arc::new(Recorder::new(self.command_names.len()));
        let mut state = self.state.lock();
        // Threads that come and go must not make the list grow: what nobody else holds any more is folded into one sum.
        for held in std::mem::take(&mut state.recorders) {
            match Arc::try_unwrap(held) {
                Ok(left) => left.add_to(&mut state.retired),
                Err(held) => state.recorders.push(held),
            }
        }
        state.recorders.push(Arc::clone(&recorder));
        recorder
    }

    /// A recorder of which nobody sums the numbers, for what was counted before. Several threads may write to it.
    pub fn nowhere(&self) -> &Recorder {
        self.nowhere.get_or_init(|| Recorder::new(self.command_names.len()))
    }

    /// The sums over all threads since the last [`Metrics::reset`]. Costs about a microsecond per thread and command in use.
    pub fn totals(&self) -> Totals {
        let state = self.state.lock();
        let mut totals = state.since_start();
        totals.subtract(&state.baseline);
        totals
    }

    /// The sums over all threads since the start, whatever was reset.
    pub fn totals_since_start(&self) -> Totals {
        self.state.lock().since_start()
    }

    /// Makes [`Metrics::totals`] begin again at zero, as CONFIG RESETSTAT does.
    pub fn reset(&self) {
        let mut state = self.state.lock();
        state.baseline = state.since_start();
    }

    /// Everything since the start in Prometheus' text format, version 0.0.4.
    pub fn prometheus_text(&self, gauges: &Gauges) -> String {
        exposition::text(&self.totals_since_start(), &self.command_names, gauges)
    }
}
