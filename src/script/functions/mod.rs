//! Libraries of functions: what FUNCTION LOAD brings, by name. Shared by all threads; no VM's state is in here.
//!
//! A [`Library`] never changes. A [`Catalog`] is a set of libraries whose functions have different names; a change makes another catalog, which
//! [`Libraries`] exchanges for the one before. Each VM loads a library when one of its functions is first called there, and forgets it when the
//! catalog does. So what a library keeps in its own variables is kept by each VM for itself.
//!
//! Names of libraries are compared as they are, names of functions without regard to case, as Redis does.

#[cfg(test)]
mod tests;

use super::ScriptError;
use super::source::{History, SourceFlags};
use crate::base::hash::HashState;
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicU64, Ordering};
use crate::config::split_words;
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Redis says this of functions as well.
pub(super) const BAD_NAME: &str =
    "ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long";

/// Whether a library or a function may be called so.
pub(super) fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// A function of a library: what it said when it was registered.
#[derive(Debug)]
pub struct Function {
    /// Its name, as it was registered.
    pub name: Box<[u8]>,
    /// What it says about itself.
    pub description: Option<Box<[u8]>>,
    /// What it needs and promises.
    pub flags: SourceFlags,
    /// What its runs have shown.
    pub history: History,
}

/// A library: its source, and the functions that this registers.
#[derive(Debug)]
pub struct Library {
    /// Another number for each library that was ever loaded, by which VMs know what they hold.
    pub(super) id: u64,
    /// Its name.
    pub name: Box<[u8]>,
    /// The whole source, first line included.
    pub source: Box<[u8]>,
    /// Its functions, in the order in which they were registered.
    pub functions: Box<[Function]>,
}

impl Library {
    pub(super) fn new(name: &[u8], source: &[u8], functions: Vec<Function>) -> Self {
        // A model's atomics cannot be static.
        static LIBRARIES: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let id = LIBRARIES.fetch_add(1, Ordering::Relaxed);
        Self { id, name: name.into(), source: source.into(), functions: functions.into() }
    }

    /// The text that is compiled: without the first line, whose end is kept so that line numbers stay.
    pub(super) fn code(&self) -> &[u8] {
        let end = self.source.iter().position(|byte| *byte == b'\n').unwrap_or(self.source.len());
        &self.source[end..]
    }

    /// The bytes that it takes, about.
    fn bytes(&self) -> usize {
        let texts =
            |function: &Function| function.name.len() + function.description.as_ref().map_or(0, |text| text.len());
        let functions: usize = self.functions.iter().map(|function| size_of::<Function>() + texts(function)).sum();
        size_of::<Self>() + self.name.len() + self.source.len() + functions
    }
}

/// A function, and the library that it belongs to.
#[derive(Clone, Debug)]
pub struct FunctionRef {
    pub(super) library: Arc<Library>,
    pub(super) index: usize,
}

impl FunctionRef {
    /// The function.
    pub fn function(&self) -> &Function {
        &self.library.functions[self.index]
    }

    /// The text of its library.
    pub fn text(&self) -> &[u8] {
        &self.library.source
    }
}

/// What the first line of a library's source says: `#!lua name=mylib`.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
}

impl Header {
    /// Reads it, in Redis' order of complaints.
    pub(super) fn parse(source: &[u8]) -> Result<Self, ScriptError> {
        let fail = |text: &str, what: &[u8], end: &str| {
            Err(ScriptError::Library([text.as_bytes(), what, end.as_bytes()].concat()))
        };
        if !source.starts_with(b"#!") {
            return fail("ERR Missing library metadata", b"", "");
        }
        let line = source.iter().position(|byte| matches!(*byte, b'\n' | 0)).filter(|at| source[*at] == b'\n');
        let words = line.and_then(|end| split_words(&source[..end]));
        let Some([engine, options @ ..]) = words.as_deref() else {
            return fail("ERR Invalid library metadata", b"", "");
        };
        let mut name = None;
        for option in options {
            match option.split_at_checked(5) {
                Some((word, _)) if word.eq_ignore_ascii_case(b"name=") && name.is_some() => {
                    return fail("ERR Invalid metadata value, name argument was given multiple times", b"", "");
                }
                Some((word, value)) if word.eq_ignore_ascii_case(b"name=") => name = Some(value.to_vec()),
                _ => return fail("ERR Invalid metadata value given: ", option, ""),
            }
        }
        let Some(name) = name else { return fail("ERR Library name was not given", b"", "") };
        if !is_name(&name) {
            return fail(BAD_NAME, b"", "");
        }
        let engine = engine.get(2..).unwrap_or_default();
        if !engine.eq_ignore_ascii_case(b"lua") {
            return fail("ERR Engine '", engine, "' not found");
        }
        Ok(Self { name })
    }
}

/// A set of libraries, and their functions by name.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    libraries: BTreeMap<Box<[u8]>, Arc<Library>>,
    /// By the name in lower case.
    functions: HashMap<Box<[u8]>, FunctionRef, HashState>,
    bytes: usize,
}

impl Catalog {
    /// Every library, in order of name.
    pub fn libraries(&self) -> impl ExactSizeIterator<Item = &Arc<Library>> {
        self.libraries.values()
    }

    /// How many functions all libraries have.
    pub fn functions_len(&self) -> usize {
        self.functions.len()
    }

    /// Whether there is a library of that name.
    pub fn has(&self, name: &[u8]) -> bool {
        self.libraries.contains_key(name)
    }

    /// The numbers of its libraries.
    pub(super) fn ids(&self) -> HashSet<u64> {
        self.libraries.values().map(|library| library.id).collect()
    }

    /// The error of a source whose library would collide with one of the same name.
    ///
    /// # Errors
    /// If it would, or its first line cannot be followed.
    pub fn check_name(&self, source: &[u8]) -> Result<(), ScriptError> {
        let Header { name } = Header::parse(source)?;
        if !self.has(&name) {
            return Ok(());
        }
        Err(ScriptError::Library([b"ERR Library '".as_slice(), &name, b"' already exists"].concat()))
    }

    /// Adds a library, in place of one of the same name if there is one. O(number of its functions).
    ///
    /// # Errors
    /// If another library has a function of the same name as one of its; then the catalog must not be used any more.
    pub fn put(&mut self, library: Arc<Library>) -> Result<(), ScriptError> {
        self.remove(&library.name);
        for (index, function) in library.functions.iter().enumerate() {
            let name = function.name.to_ascii_lowercase().into_boxed_slice();
            let made = FunctionRef { library: Arc::clone(&library), index };
            if self.functions.insert(name, made).is_some() {
                let text = [b"ERR Function ".as_slice(), &function.name, b" already exists"].concat();
                return Err(ScriptError::Library(text));
            }
        }
        self.bytes += library.bytes();
        self.libraries.insert(library.name.clone(), library);
        Ok(())
    }

    fn remove(&mut self, name: &[u8]) -> bool {
        let Some(library) = self.libraries.remove(name) else { return false };
        for function in &library.functions {
            self.functions.remove(function.name.to_ascii_lowercase().as_slice());
        }
        self.bytes -= library.bytes();
        true
    }
}

/// What becomes of libraries that are there when others are restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestorePolicy {
    /// They stay, and a collision is an error.
    Append,
    /// Those of the same name go.
    Replace,
    /// All go.
    Flush,
}

/// The libraries that the server knows.
///
/// A worker meets the lock once per FCALL, for one lookup. Whoever changes them owns the whole keyspace, so that no function runs meanwhile.
#[derive(Debug, Default)]
pub struct Libraries {
    current: Mutex<Arc<Catalog>>,
    generation: AtomicU64,
}

impl Libraries {
    /// What there is now.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.current.lock())
    }

    /// The function of that name.
    pub fn find(&self, name: &[u8]) -> Option<FunctionRef> {
        let mut lower: SmallVec<[u8; 64]> = SmallVec::from_slice(name);
        lower.make_ascii_lowercase();
        self.current.lock().functions.get(lower.as_slice()).cloned()
    }

    /// A number that moves with every change.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The sources of all libraries, for a snapshot.
    pub fn sources(&self) -> Vec<Vec<u8>> {
        self.catalog().libraries().map(|library| library.source.to_vec()).collect()
    }

    /// The bytes that all of them take, about.
    pub fn bytes(&self) -> usize {
        self.current.lock().bytes
    }

    /// Adds a library.
    ///
    /// # Errors
    /// If there is one of the same name and `replace` is not said, or another has a function of the same name. Nothing changes then.
    pub fn put(&self, library: Arc<Library>, replace: bool) -> Result<(), ScriptError> {
        self.change(|catalog| {
            if !replace {
                catalog.check_name(&library.source)?;
            }
            catalog.put(library)
        })
    }

    /// Removes a library. False if there is none of that name.
    pub fn delete(&self, name: &[u8]) -> bool {
        let mut deleted = false;
        let changed = self.change(|catalog| {
            deleted = catalog.remove(name);
            Ok(())
        });
        assert!(changed.is_ok(), "a deletion does not fail");
        deleted
    }

    /// Removes every library.
    pub fn flush(&self) {
        let changed = self.change(|catalog| {
            *catalog = Catalog::default();
            Ok(())
        });
        assert!(changed.is_ok(), "a flush does not fail");
    }

    /// Adds the libraries of another catalog.
    ///
    /// # Errors
    /// As `policy` says, and if two libraries have functions of the same name. Nothing changes then.
    pub fn join(&self, other: &Catalog, policy: RestorePolicy) -> Result<(), ScriptError> {
        self.change(|catalog| {
            if policy == RestorePolicy::Flush {
                *catalog = Catalog::default();
            }
            if policy == RestorePolicy::Append
                && let Some(library) = other.libraries().find(|library| catalog.has(&library.name))
            {
                let text = [b"ERR Library ".as_slice(), &library.name, b" already exists"].concat();
                return Err(ScriptError::Library(text));
            }
            // All of them first: a function may move from one library to another.
            for library in other.libraries() {
                catalog.remove(&library.name);
            }
            other.libraries().try_for_each(|library| catalog.put(Arc::clone(library)))
        })
    }

    /// Exchanges the catalog for a changed one. O(number of all functions).
    fn change(&self, change: impl FnOnce(&mut Catalog) -> Result<(), ScriptError>) -> Result<(), ScriptError> {
        let mut current = self.current.lock();
        let mut changed = Catalog::clone(&current);
        change(&mut changed)?;
        let old = std::mem::replace(&mut *current, Arc::new(changed));
        self.generation.fetch_add(1, Ordering::Release);
        drop(current);
        drop(old);
        Ok(())
    }
}
