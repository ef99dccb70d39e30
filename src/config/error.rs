//! What can go wrong with settings: at start ([`ConfigError`], for the person who starts the server), and in CONFIG SET ([`SetError`], for
//! a client, in Redis' words).

use super::kind::Problem;
use super::table::SETTINGS;
use std::fmt;
use std::path::PathBuf;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In a file.
    File {
        /// Its path, as it was named.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// On the command line.
    Flag,
    /// In the program: a default, or [`super::Config::from_pairs`].
    Program,
}

/// Why the settings cannot be used. Displayed, it says where, which setting, what was given and what would be right.
#[derive(Debug)]
pub enum ConfigError {
    /// A settings file cannot be read.
    Read {
        /// Where it is named: the line of an `include`, or the command line.
        origin: Origin,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A settings file is not in its form.
    Syntax {
        /// Where.
        origin: Origin,
        /// What is wrong.
        text: String,
    },
    /// A setting that does not exist.
    Unknown {
        /// Where.
        origin: Origin,
        /// The name as it was written.
        name: String,
        /// The setting that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A value that its setting cannot have.
    Value {
        /// Where.
        origin: Origin,
        /// The name as it was written.
        name: String,
        /// What is wrong.
        text: String,
    },
    /// The command line is malformed: a whole message for the person who wrote it.
    Usage(String),
}

impl ConfigError {
    pub(super) fn unknown(origin: Origin, name: String) -> Self {
        let nearest = nearest(&name);
        Self::Unknown { origin, name, nearest }
    }
}

impl fmt::Display for Origin {
    /// What stands before the name of a setting.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}: ", path.display()),
            Self::Flag => f.write_str("--"),
            Self::Program => Ok(()),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { origin, path, source } => {
                if let Origin::File { .. } = origin {
                    write!(f, "{origin}include: ")?;
                }
                write!(f, "{}: cannot read the settings: {source}", path.display())
            }
            Self::Syntax { origin, text } => write!(f, "{origin}{text}"),
            Self::Unknown { origin, name, nearest } => {
                write!(f, "{origin}{name}: there is no such setting")?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean {nearest}?"),
                    None => f.write_str("; --help lists all"),
                }
            }
            Self::Value { origin, name, text } => write!(f, "{origin}{name}: {text}"),
            Self::Usage(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Why a CONFIG SET changed nothing. Displayed, it is the text of the error reply, after its code `ERR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// There is no setting of this name.
    Unknown(String),
    /// A setting that did not take its value.
    Failed {
        /// Its name.
        name: String,
        /// Why.
        problem: Problem,
    },
}

impl SetError {
    pub(super) fn unknown(name: &[u8]) -> Self {
        Self::Unknown(String::from_utf8_lossy(name).into_owned())
    }

    pub(super) fn failed(name: &[u8], problem: Problem) -> Self {
        Self::Failed { name: String::from_utf8_lossy(name).into_owned(), problem }
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "Unknown option or number of arguments for CONFIG SET - '{name}'"),
            Self::Failed { name, problem } => {
                write!(f, "CONFIG SET failed (possibly related to argument '{name}') - {problem}")
            }
        }
    }
}

impl std::error::Error for SetError {}

/// The name that differs least, if it differs so little that it was probably meant.
fn nearest(name: &str) -> Option<&'static str> {
    // Longer than any name by more than the distance allowed; also bounds the work.
    if name.len() > 64 {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let candidates = SETTINGS.iter().flat_map(|setting| setting.names());
    let (distance, nearest) = candidates.map(|known| (distance(name.as_bytes(), known.as_bytes()), known)).min()?;
    (distance <= (name.len() / 3).max(1)).then_some(nearest)
}

/// How many letters must be changed, added, removed or swapped with their neighbour to make one of the other: the distance of
/// Damerau and Levenshtein, where no letter is touched twice. O(from x to), for names only.
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let changed = rows[i][j] + usize::from(a != b);
            let mut least = changed.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}
