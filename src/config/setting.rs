//! What a setting is: its names, its kind, its default, and where its value is held.
//!
//! A row of the table in [`super::table`] is a [`Setting`]. Everything that reads or writes settings (files, flags, CONFIG GET and
//! SET, `--help`) goes through its few methods and knows no setting by name.

use super::cells::{Secret, Value};
use super::kind::{Kind, Problem};
use super::table::{Live, Start};
use crate::base::event::Classes;

/// The heading under which `--help` and the settings file list a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Where the server listens.
    Network,
    /// Who may do what.
    Security,
    /// How many of what the server has.
    Server,
    /// How much the data may take, and what goes then.
    Memory,
    /// What one client may take.
    Limits,
    /// What is written where.
    Logging,
    /// Metrics and health checks.
    Http,
    /// Lua.
    Scripts,
    /// When a small collection becomes a large one.
    Encodings,
    /// What is written to disk, and to other servers.
    Persistence,
    /// Accepted with one value only.
    Fixed,
}

impl Group {
    /// The heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Network => "Network",
            Self::Security => "Security",
            Self::Server => "Server",
            Self::Memory => "Memory",
            Self::Limits => "Limits",
            Self::Logging => "Logging",
            Self::Http => "HTTP",
            Self::Scripts => "Scripts",
            Self::Encodings => "Encodings",
            Self::Persistence => "Persistence",
            Self::Fixed => "Fixed in this version (another value is refused)",
        }
    }
}

/// When a setting may take another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only before the server starts.
    AtStart,
    /// At any time, by CONFIG SET.
    AnyTime,
    /// Never: this version knows one value.
    Never,
}

/// One row of the table of settings.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The name in files, flags and CONFIG GET; Redis' where Redis has the setting.
    pub name: &'static str,
    /// Other names for the same value. CONFIG GET lists each.
    pub aliases: &'static [&'static str],
    /// The heading it stands under.
    pub group: Group,
    /// The type and range of its values.
    pub kind: Kind,
    /// The default, as one would write it in a file.
    pub default: &'static str,
    /// One sentence: what the value decides.
    pub why: &'static str,
    pub(super) place: Place,
}

/// Where a setting's value is held, and how to get at it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In a field of [`Start`].
    Start { put: fn(&mut Start, Value), value: fn(&Start) -> Value },
    /// In a cell of [`Live`].
    Live { put: fn(&Live, Value), value: fn(&Live) -> Value },
    /// Nowhere: the value is the default, for this reason.
    Fixed(&'static str),
}

impl Setting {
    pub(super) const fn new(name: &'static str, group: Group, kind: Kind, default: &'static str) -> Self {
        Self { name, aliases: &[], group, kind, default, why: "", place: Place::Fixed("") }
    }

    pub(super) const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(super) const fn says(mut self, why: &'static str) -> Self {
        // A doc comment's text begins with the space after its slashes.
        self.why = why.trim_ascii();
        self
    }

    pub(super) const fn held(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    pub(super) const fn because(mut self, reason: &'static str) -> Self {
        self.place = Place::Fixed(reason);
        self
    }

    /// The name and the aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// When the value may change.
    pub fn change(&self) -> Change {
        match self.place {
            Place::Start { .. } => Change::AtStart,
            Place::Live { .. } => Change::AnyTime,
            Place::Fixed(_) => Change::Never,
        }
    }

    /// Whether the value must not be printed where others may read it.
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret)
    }

    /// Understands a value as a person wrote it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(&self, given: &[u8]) -> Result<Value, Problem> {
        let value = self.kind.parse(given)?;
        match self.place {
            Place::Fixed(because) if value != self.default_value() => {
                Err(Problem::Fixed { only: self.default, because })
            }
            _ => Ok(value),
        }
    }

    /// The default.
    pub(super) fn default_value(&self) -> Value {
        self.kind.parse(self.default.as_bytes()).expect("the default of every setting is one of its values")
    }

    /// The value it has there, as CONFIG GET prints it.
    pub(super) fn print(&self, value: &Value) -> Vec<u8> {
        match (self.kind, value) {
            (Kind::Choice(names), Value::Choice(index)) => names[*index].as_bytes().to_vec(),
            (Kind::Events, Value::Integer(bits)) => {
                let bits = u32::try_from(*bits).expect("classes of events fit into 32 bits");
                Classes::from_bits(bits).to_string().into_bytes()
            }
            (Kind::Octal { .. }, Value::Integer(bits)) => format!("{bits:o}").into_bytes(),
            (_, Value::Integer(number)) => number.to_string().into_bytes(),
            (_, Value::Bool(yes)) => if *yes { b"yes" as &[u8] } else { b"no" }.to_vec(),
            (_, Value::Text(text)) => text.clone().into_bytes(),
            (_, Value::Secret(Secret(bytes))) => bytes.to_vec(),
            (_, Value::Addresses(list)) => {
                let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
                texts.join(" ").into_bytes()
            }
            (_, Value::SavePoints(points)) => {
                let texts: Vec<String> = points.iter().map(ToString::to_string).collect();
                texts.join(" ").into_bytes()
            }
            (_, Value::Choice(_)) => unreachable!("only a setting of kind Choice holds a choice"),
        }
    }
}
