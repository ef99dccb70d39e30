//! Replay: executes what a log says, before anybody else may touch a key.
//!
//! Time stands before all deadlines: whatever a log's keys were when its commands ran they are now, and a key whose time has come meanwhile goes when the replay is
//! over. A transaction runs when its EXEC is there; what the log does not end does not begin.

use super::call::{self, Called};
use super::execute::unknown;
use super::table::COMMANDS;
use super::worker::Worker;
use crate::base::clock::UnixMillis;
use crate::command::client::Origin;
use crate::command::table::Found;
use crate::command::{CommandError, Ctx, Session};
use crate::keyspace::{Busy, Keys, Patience, Plan};
use crate::resp::reply::{Aggregate, ReplySink};

/// Commands under one hold of the keyspace; then others may look in.
const COMMANDS_PER_HOLD: usize = 256;

/// What handlers take for the present. Every deadline is later.
const BEFORE_ALL: UnixMillis = 1;

/// What a replay came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Commands that were executed.
    pub commands: u64,
    /// Those that failed.
    pub failed: u64,
}

/// Why a replay ended before its time.
#[derive(Debug)]
pub enum ReplayError<E> {
    /// The log cannot be read on.
    Read(E),
    /// It has what is no command here.
    Unknown(String),
}

/// A command of a log.
type Argv = Vec<Vec<u8>>;

impl Worker {
    /// Executes commands as long as `next` puts one into what it is given. `result` counts them, also if it fails.
    ///
    /// # Errors
    /// Those of `next`; or a command is unknown. What was executed before stays.
    pub fn replay<E>(
        &mut self,
        result: &mut Replayed,
        mut next: impl FnMut(&mut Argv) -> Result<bool, E>,
    ) -> Result<(), ReplayError<E>> {
        let clock = &self.services.clock;
        let client = self.services.clients.connect(Origin::default(), clock.unix_millis(), clock.ticks());
        self.services.clients.disconnect(client.id);
        let mut session = Session::new(client, true);
        let (mut argv, mut queue) = (Argv::new(), None::<Vec<Argv>>);
        loop {
            let mut commands = Vec::new();
            let mut ended = None;
            while commands.len() < COMMANDS_PER_HOLD {
                match next(&mut argv) {
                    Ok(true) => {}
                    Ok(false) => {
                        ended = Some(Ok(()));
                        break;
                    }
                    // What came before it is executed all the same.
                    Err(error) => {
                        ended = Some(Err(ReplayError::Read(error)));
                        break;
                    }
                }
                let is = |name: &[u8]| argv.len() == 1 && argv[0].eq_ignore_ascii_case(name);
                if is(b"MULTI") {
                    queue = Some(Vec::new());
                } else if is(b"EXEC") {
                    commands.extend(queue.take().unwrap_or_default());
                } else {
                    queue.as_mut().unwrap_or(&mut commands).push(std::mem::take(&mut argv));
                }
            }
            self.replay_some(&mut session, &commands, result).map_err(ReplayError::Unknown)?;
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    fn replay_some(&mut self, session: &mut Session, commands: &[Argv], result: &mut Replayed) -> Result<(), String> {
        let (services, parts) = (&*self.services, &mut self.parts);
        let now = services.clock.unix_millis();
        let mut pass = loop {
            if let Ok(pass) = services.keyspace.enter(parts.slot, Patience::Wait) {
                break pass;
            }
        };
        let mut held = loop {
            match pass.lock(&Plan::Whole, Patience::Wait) {
                Ok(held) => break held,
                Err(Busy) => std::thread::yield_now(),
            }
        };
        for argv in commands {
            let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
            let spec = match COMMANDS.find(&argv) {
                Found::Command(id) if COMMANDS.row(id).accepts(argv.len()) => COMMANDS.row(id),
                Found::Command(id) => return Err(CommandError::WrongArity(COMMANDS.row(id).full_name()).to_string()),
                other => return Err(unknown(other, &argv).to_string()),
            };
            let mut ctx = Ctx {
                keys: Keys::new(&mut held, session.db, now).timeless(),
                session,
                services,
                recorder: &parts.recorder,
                now: BEFORE_ALL,
                rng: &mut parts.rng,
                scripts: Some(&mut parts.scripts),
            };
            let mut sink = Errors::default();
            let called = call::run(&mut ctx, spec, &argv, &mut sink);
            result.commands += 1;
            if called != Called::Ok {
                result.failed += 1;
                let text = String::from_utf8_lossy(&sink.0).into_owned();
                // What follows would go to another database.
                if spec.name == "SELECT" {
                    return Err(text);
                }
                tracing::warn!("a command of the append only file failed: {}: {text}", spec.full_name());
            }
        }
        pass.unlock(held);
        Ok(())
    }
}

/// Takes replies that nobody reads; keeps the last error.
#[derive(Debug, Default)]
struct Errors(Vec<u8>);

impl ReplySink for Errors {
    fn status(&mut self, _: &[u8]) {}
    fn error(&mut self, text: &[u8]) {
        self.0 = text.to_vec();
    }
    fn integer(&mut self, _: i64) {}
    fn double(&mut self, _: f64) {}
    fn bulk(&mut self, _: &[u8]) {}
    fn null(&mut self) {}
    fn null_array(&mut self) {}
    fn boolean(&mut self, _: bool) {}
    fn verbatim(&mut self, _: [u8; 3], _: &[u8]) {}
    fn begin(&mut self, _: Aggregate, _: usize) {}
}
