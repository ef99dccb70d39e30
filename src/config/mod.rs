//! The settings: one table, and everything that is derived from it.
//!
//! [`SETTINGS`] lists every setting once (the rows are in `table`). The settings file in either form, the command line, `--help`,
//! CONFIG GET and CONFIG SET go through the table and know no setting by name. Readers do not go through the table: they read a field
//! of [`Start`] or a cell of [`Live`], in the type they want.
//!
//! Later beats earlier: defaults, then the file, then the command line, then CONFIG SET.
//!
//! Invariants: a value is in its range before it is held, and every rule about several settings (`rules`) holds before the server starts and
//! after each CONFIG SET. A CONFIG SET takes effect whole or not at all. Nothing is accepted in silence: a setting that this version
//! cannot honour is either unknown or refuses all values but the one that it has.
//! Not here: what a setting does. Whoever must act on a change is told by [`Config::set`] what changed.

mod address;
mod cells;
mod choices;
mod error;
mod file;
mod flags;
mod kind;
mod points;
mod rules;
mod setting;
mod table;
mod words;
#[cfg(test)]
mod tests;

pub use address::BindAddress;
pub use cells::{Changeable, ChangeablePoints, ChangeableSecret, Secret, Word};
pub use choices::{DebugCommand, EvictionPolicy, FsyncPolicy, LogFormat, LogLevel};
pub use error::{ConfigError, Origin, SetError};
pub use flags::Invocation;
pub use kind::{Kind, Problem};
pub use points::SavePoint;
pub use setting::{Change, Group, Setting};
pub use table::{Live, SETTINGS, Start};
pub use words::split_words;

use crate::base::glob;
use crate::base::sync::Mutex;
use cells::Value;
use setting::Place;
use std::path::{Path, PathBuf};

/// The value of every setting.
#[derive(Debug, Default)]
pub struct Config {
    /// What holds from start to stop.
    pub start: Start,
    /// What CONFIG SET may change.
    pub live: Live,
    /// The file that the settings were read from.
    pub file: Option<PathBuf>,
    /// Held during a CONFIG SET, so that each checks the rules against what the one before left.
    changing: Mutex<()>,
}

/// Finds a setting by its name or an alias, in any case.
pub fn find(name: &[u8]) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.names().any(|known| name.eq_ignore_ascii_case(known.as_bytes())))
}

impl Config {
    /// The settings of a command line: `arguments` begins with the program's name, as `std::env::args` does. Reads the settings
    /// file, if one is named.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Invocation, ConfigError> {
        flags::read(arguments)
    }

    /// The settings of a file: TOML if its name ends in `.toml`, else in Redis' form.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        Self::assemble(Some(path.to_owned()), file::read(path)?)
    }

    /// The defaults, but for these names and values. For those who embed a server, and tests.
    ///
    /// # Errors
    /// What is wrong with a value.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ConfigError> {
        let given = pairs.into_iter().map(|(name, value)| Given {
            name: name.to_owned(),
            value: value.as_bytes().to_vec(),
            shown: file::quoted(value),
            origin: Origin::Program,
        });
        Self::assemble(None, given)
    }

    /// The defaults, then what is given, the last of each name, then the rules.
    fn assemble(file: Option<PathBuf>, given: impl IntoIterator<Item = Given>) -> Result<Self, ConfigError> {
        let mut config = Self { file, ..Self::default() };
        let mut origins: Vec<(&'static str, Origin)> = Vec::new();
        for Given { name, value, shown, origin } in given {
            let Some(setting) = find(name.as_bytes()) else {
                return Err(ConfigError::unknown(origin, name));
            };
            let mut value = setting.parse(&value).map_err(|problem| {
                let shown = if setting.is_secret() { "the password" } else { shown.as_str() };
                ConfigError::Value { origin: origin.clone(), name, text: problem.about(shown, &setting.kind) }
            })?;
            let in_a_file = |origin: &Origin| matches!(origin, Origin::File { .. });
            let has_line = |(name, from): &(&str, Origin)| *name == setting.name && in_a_file(from);
            if let Value::SavePoints(points) = &mut value
                && in_a_file(&origin)
                && origins.iter().any(has_line)
            {
                more_points(points, config.value(setting));
            }
            match setting.place {
                Place::Start { put, .. } => put(&mut config.start, value),
                Place::Live { put, .. } => put(&config.live, value),
                Place::Fixed(_) => {}
            }
            origins.push((setting.name, origin));
        }
        rules::check(&|setting| config.value(setting)).map_err(|broken| {
            // The settings that a rule is about stand in the order in which they are to blame.
            let given = |concern| origins.iter().rev().find(|(name, _)| name == concern);
            let culprit = broken.concerns.iter().find_map(given);
            let origin = culprit.map_or(Origin::Program, |(_, origin)| origin.clone());
            let name = culprit.map_or(broken.concerns[0], |(name, _)| name).to_owned();
            ConfigError::Value { origin, name, text: broken.text }
        })?;
        Ok(config)
    }

    /// CONFIG GET: the names that match one of the patterns, each once, and their values.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(&'static str, Vec<u8>)> {
        let named = SETTINGS.iter().flat_map(|setting| setting.names().map(move |name| (name, setting)));
        named
            .filter(|(name, _)| patterns.iter().any(|pattern| glob::matches_nocase(pattern, name.as_bytes())))
            .map(|(name, setting)| (name, setting.print(&self.value(setting))))
            .collect()
    }

    /// CONFIG SET: all of these names and values, or none. Replies which settings were set, so that whoever holds something derived from one
    /// can act.
    ///
    /// # Errors
    /// The reply that Redis gives.
    pub fn set(&self, pairs: &[(&[u8], &[u8])]) -> Result<Vec<&'static Setting>, SetError> {
        let settings = settable(pairs)?;
        let mut pending = Vec::with_capacity(pairs.len());
        for (&(name, given), setting) in pairs.iter().zip(settings) {
            let value =
                setting.parse(given).map_err(|problem| SetError::failed(&name.to_ascii_lowercase(), problem))?;
            pending.push((setting, value));
        }

        let _changing = self.changing.lock();
        rules::check(&|setting| {
            let new = pending.iter().rev().find(|(changed, _)| std::ptr::eq(*changed, setting));
            new.map_or_else(|| self.value(setting), |(_, value)| value.clone())
        })
        .map_err(|broken| {
            let culprit = pending.iter().map(|(setting, _)| setting.name).find(|name| broken.concerns.contains(name));
            SetError::failed(culprit.unwrap_or(broken.concerns[0]).as_bytes(), Problem::Together(broken.text))
        })?;

        let changed = pending.iter().map(|(setting, _)| *setting).collect();
        for (setting, value) in pending {
            if let Place::Live { put, .. } = setting.place {
                put(&self.live, value);
            }
        }
        Ok(changed)
    }

    /// How many threads execute commands: `threads`, or one per core.
    pub fn worker_threads(&self) -> usize {
        match self.start.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    fn value(&self, setting: &Setting) -> Value {
        match setting.place {
            Place::Start { value, .. } => value(&self.start),
            Place::Live { value, .. } => value(&self.live),
            Place::Fixed(_) => setting.default_value(),
        }
    }
}

/// Each further line of `save` in a file adds points; one without any takes away those before.
fn more_points(points: &mut Vec<SavePoint>, before: Value) {
    if let Value::SavePoints(before) = before
        && !points.is_empty()
    {
        points.splice(0..0, before);
    }
}

/// Settings of where files are, which Redis protects by another one.
const PATHS: [&[u8]; 2] = [b"dir", b"dbfilename"];

/// The settings that a CONFIG SET names. Redis checks all names before any value, and so in this order.
fn settable(pairs: &[(&[u8], &[u8])]) -> Result<Vec<&'static Setting>, SetError> {
    let mut settings = Vec::with_capacity(pairs.len());
    for (index, (name, _)) in pairs.iter().enumerate() {
        let setting = find(name).ok_or_else(|| SetError::unknown(name))?;
        if setting.change() == Change::AtStart {
            let is_path = PATHS.iter().any(|path| name.eq_ignore_ascii_case(path));
            return Err(SetError::failed(name, if is_path { Problem::Protected } else { Problem::Immutable }));
        }
        // An alias is another name: to set both at once is allowed, and the last one counts.
        if pairs[..index].iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
            return Err(SetError::failed(name, Problem::Duplicate));
        }
        settings.push(setting);
    }
    Ok(settings)
}

/// A name and a value that somebody wrote somewhere.
struct Given {
    name: String,
    value: Vec<u8>,
    /// The value as it was written, for messages.
    shown: String,
    origin: Origin,
}
