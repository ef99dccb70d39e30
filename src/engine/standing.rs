//! What the files that hold data keep from running: nothing that needs keys while they are loaded, no write after they could not be written.

use super::execute::Batch;
use super::table::COMMANDS;
use crate::command::{CommandError, CommandSpec, Flags, Services, Session};
use crate::persist::State;

const LOADING: CommandError = CommandError::text("LOADING Redis is loading the dataset in memory");
const SAVE_FAILED: CommandError = CommandError::text(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may \
     modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
     snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.",
);

const LOG_FAILED: CommandError =
    CommandError::text("MISCONF Errors writing to the AOF file. Please check the logs for details about the error.");

/// Why no command may write now, if that is so.
#[cold]
fn writes_are_refused(services: &Services, state: State) -> Option<CommandError> {
    let live = &services.config.live;
    let is_refused =
        state.has(State::SAVE_FAILED) && live.stop_writes_on_bgsave_error.get() && !live.save.get().is_empty();
    if state.has(State::LOG_FAILED) && services.aof.is_on() {
        return Some(LOG_FAILED);
    }
    is_refused.then_some(SAVE_FAILED)
}

/// Why a script's command may not write now, if that is so.
#[inline]
pub(super) fn refusal_in_script(services: &Services) -> Option<CommandError> {
    let state = services.durability.state();
    if state.is_clear() { None } else { writes_are_refused(services, state) }
}

impl Batch<'_> {
    /// Why a command may not run in this state, if that is so. Of EXEC the commands that it will run are asked.
    #[cold]
    pub(super) fn refusal(&self, state: State, session: &Session, spec: &CommandSpec) -> Option<CommandError> {
        let executes = session.transaction.is_some() && spec.flags.has(Flags::ENGINE);
        let queued = session.transaction.iter().flat_map(|waiting| &waiting.queue).map(|(id, _)| COMMANDS.row(*id));
        let mut all = std::iter::once(spec).chain(queued.filter(|_| executes));
        if state.has(State::LOADING) {
            return if all.all(|row| row.flags.has(Flags::LOADING)) { None } else { Some(LOADING) };
        }
        // PING tells those who look after a server how it is.
        let writes = |row: &CommandSpec| row.flags.has(Flags::WRITE) || row.name == "PING";
        if all.any(writes) { writes_are_refused(self.services, state) } else { None }
    }
}
