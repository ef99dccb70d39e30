//! The end of what runs too long: SCRIPT KILL and FUNCTION KILL, and what FUNCTION STATS says of it.

use crate::command::{CommandError, Ctx};
use crate::script::{Control, Kind, Run, SlowCall};

const UNKILLABLE: CommandError = CommandError::text(
    "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the \
     script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
);

const NOTHING_RUNS: CommandError = CommandError::text("NOTBUSY No scripts in execution right now.");

/// So often it is looked again for runs if the one that was to end had ended, or written, in between.
const LOOKS_MAX: usize = 1000;

/// Every run that goes on.
fn runs<'c>(ctx: &Ctx<'c, '_>) -> Vec<(&'c Control, Run)> {
    let controls = ctx.services.running.iter();
    controls.filter_map(|control| control.running().map(|run| (control, run))).collect()
}

/// Ends every run of that kind that is past `lua-time-limit`; if nothing is, the one that has run longest.
///
/// # Errors
/// There is none; or what there is may not be ended, or not by this command.
pub(super) fn end_runs(ctx: &Ctx, kind: Kind) -> Result<(), CommandError> {
    let mut was_slow = false;
    (0..LOOKS_MAX).find_map(|_| try_end_runs(ctx, kind, &mut was_slow)).unwrap_or(Err(NOTHING_RUNS))
}

/// The same, unless what was to end had changed when it came to that. If that was past its time, nothing that is not is ended in its place.
fn try_end_runs(ctx: &Ctx, kind: Kind, was_slow: &mut bool) -> Option<Result<(), CommandError>> {
    let runs = runs(ctx);
    let is_any_slow = runs.iter().any(|(_, run)| run.is_slow);
    if *was_slow && !is_any_slow {
        return Some(Err(NOTHING_RUNS));
    }
    *was_slow = is_any_slow;
    let longest = runs.iter().map(|(_, run)| run.started).min();
    let condemned = runs.iter().filter(|(_, run)| run.is_slow || (!is_any_slow && Some(run.started) == longest));
    let kill_writes = ctx.services.config.live.script_kill_writes.get();
    let (mut killed, mut spared, mut others, mut missed) = (0, 0, 0, 0);
    for (control, run) in condemned {
        if run.wrote && !kill_writes {
            spared += 1;
        } else if run.kind != kind {
            others += usize::from(run.is_slow);
        } else if control.kill(*run) {
            killed += 1;
        } else {
            missed += 1;
        }
    }
    if killed == 0 && missed > 0 {
        return None;
    }
    Some(match (killed, spared, others) {
        (0, 0, 0) => Err(NOTHING_RUNS),
        (0, 0, _) => Err(CommandError::busy_running(if kind == Kind::Script { Kind::Function } else { Kind::Script })),
        (0, _, _) => Err(UNKILLABLE),
        _ => Ok(()),
    })
}

/// The function that has run longest past `lua-time-limit`, and for how many milliseconds.
///
/// # Errors
/// A script has, and no function: one is told of it as by other commands.
pub(super) fn slow_function(ctx: &Ctx) -> Result<Option<(SlowCall, i64)>, CommandError> {
    let mut slow = runs(ctx);
    slow.retain(|(_, run)| run.is_slow);
    slow.sort_by_key(|(_, run)| run.started);
    let now = ctx.services.clock.ticks();
    let mut shown = slow.iter().filter_map(|(control, run)| Some((control.slow_call(*run)?, run)));
    if let Some((call, run)) = shown.next() {
        let millis = now.since(run.started) / 1_000_000;
        return Ok(Some((call, millis as i64)));
    }
    match slow.iter().any(|(_, run)| run.kind == Kind::Script) {
        true => Err(CommandError::busy_running(Kind::Script)),
        false => Ok(None),
    }
}
