//! Sums over all threads, as INFO reads them.

use super::histogram::Latency;
use super::recorder::Event;
use std::collections::BTreeMap;

/// What all threads together have done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    pub(super) events: [u64; Event::ALL.len()],
    /// Script runs and their durations.
    pub scripts: Latency,
    /// By command id; only commands that were called or rejected.
    pub commands: BTreeMap<usize, CommandTotals>,
    /// Error replies by code.
    pub errors: BTreeMap<String, u64>,
}

/// What became of one command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommandTotals {
    /// Its calls and their durations.
    pub latency: Latency,
    /// Calls that replied an error.
    pub failed: u64,
    /// Refused before they ran; these are no calls.
    pub rejected: u64,
}

impl Totals {
    /// How often something happened.
    pub fn count(&self, event: Event) -> u64 {
        self.events[event as usize]
    }

    /// Commands that ran, also those that failed.
    pub fn commands_processed(&self) -> u64 {
        self.commands.values().map(CommandTotals::calls).sum()
    }

    /// Error replies of all codes.
    pub fn error_replies(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Takes `baseline` away; what is then zero and listed by name disappears.
    pub(super) fn subtract(&mut self, baseline: &Totals) {
        for (sum, n) in self.events.iter_mut().zip(&baseline.events) {
            *sum = sum.saturating_sub(*n);
        }
        self.scripts.subtract(&baseline.scripts);
        for (id, before) in &baseline.commands {
            if let Some(sums) = self.commands.get_mut(id) {
                sums.latency.subtract(&before.latency);
                sums.failed = sums.failed.saturating_sub(before.failed);
                sums.rejected = sums.rejected.saturating_sub(before.rejected);
            }
        }
        self.commands.retain(|_, sums| sums.calls() + sums.rejected > 0);
        for (code, before) in &baseline.errors {
            if let Some(count) = self.errors.get_mut(code) {
                *count = count.saturating_sub(*before);
            }
        }
        self.errors.retain(|_, count| *count > 0);
    }
}

impl CommandTotals {
    /// How often it ran, also when it failed.
    pub fn calls(&self) -> u64 {
        self.latency.count()
    }

    /// How long it ran in all, in microseconds.
    pub fn usec(&self) -> u64 {
        self.latency.nanos() / 1000
    }

    /// How long it ran on average, in microseconds; 0 if it never ran.
    pub fn usec_per_call(&self) -> f64 {
        match self.calls() {
            0 => 0.0,
            calls => self.latency.nanos() as f64 / 1000.0 / calls as f64,
        }
    }

    /// The duration that the fraction `quantile` (0 to 1) of the calls did not exceed, in microseconds.
    pub fn quantile_usec(&self, quantile: f64) -> f64 {
        self.latency.quantile_nanos(quantile) as f64 / 1000.0
    }
}
