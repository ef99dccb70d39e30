//! The scripts that the server knows, by digest. Shared by all threads; no VM's state is in here.

use super::ScriptError;
use super::derived::{Forms, Touched, Untold};
use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// The SHA-1 of a script's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Digest(pub [u8; 20]);

impl Digest {
    /// The digest of `body`.
    pub fn of(body: &[u8]) -> Self {
        Self(sha1_smol::Sha1::from(body).digest().bytes())
    }

    /// Reads 40 hexadecimal digits of either case. None for anything else.
    pub fn parse(hex: &[u8]) -> Option<Self> {
        let hex: &[u8; 40] = hex.try_into().ok()?;
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(bytes))
    }

    /// The 40 lower-case hexadecimal digits.
    pub fn hex(&self) -> [u8; 40] {
        let mut hex = [0; 40];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        hex
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Takes eight bytes of a digest as its hash: a digest is already uniform, and whoever could choose one could choose scripts.
#[derive(Debug, Default)]
pub(super) struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        let first = bytes.first_chunk().expect("a digest is longer than eight bytes");
        self.0 = u64::from_le_bytes(*first);
    }
    fn write_usize(&mut self, _: usize) {}
}

/// A map by digest.
pub(super) type ByDigest<T> = HashMap<Digest, T, BuildHasherDefault<DigestHasher>>;

/// What the first line of a script, `#!lua flags=...`, asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceFlags {
    /// Whether there was such a line at all: without one the script runs in compatibility mode.
    pub declared: bool,
    /// `no-writes`.
    pub no_writes: bool,
    /// `allow-oom`.
    pub allow_oom: bool,
    /// `allow-stale`.
    pub allow_stale: bool,
    /// `no-cluster`.
    pub no_cluster: bool,
    /// `allow-cross-slot-keys`.
    pub allow_cross_slot_keys: bool,
}

impl SourceFlags {
    /// Sets the flag of that name. False if there is none.
    pub(super) fn set(&mut self, name: &[u8]) -> bool {
        let flag = match name {
            b"no-writes" => &mut self.no_writes,
            b"allow-oom" => &mut self.allow_oom,
            b"allow-stale" => &mut self.allow_stale,
            b"no-cluster" => &mut self.no_cluster,
            b"allow-cross-slot-keys" => &mut self.allow_cross_slot_keys,
            _ => return false,
        };
        *flag = true;
        true
    }

    /// The names of the flags that are set, in Redis' order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let named = [
            (self.no_writes, "no-writes"),
            (self.allow_oom, "allow-oom"),
            (self.allow_stale, "allow-stale"),
            (self.no_cluster, "no-cluster"),
            (self.allow_cross_slot_keys, "allow-cross-slot-keys"),
        ];
        named.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name)
    }
}

/// Whether a script is known to touch keys that it did not declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Undeclared {
    /// It has not run yet.
    Unknown = 0,
    /// No run did so far.
    No = 1,
    /// A run did, and those that it touched look as if they could be told before a run.
    Learning = 2,
    /// A run did, and they can be told ([`History::forms`]), as far as is known.
    Told = 3,
    /// A run did, and nobody can tell which another one will touch.
    Yes = 4,
}

/// A run that takes so long is slow.
pub const SLOW_NANOS: u64 = 5_000_000;

/// What `History::pace` says of a script that is quick; of one that has not run to its end it is 0.
const QUICK: u8 = 1;
/// Of one that has just been slow. So many quick runs less one must follow before it is quick again.
const SLOW: u8 = 17;

/// What the runs of a script or a function have shown.
#[derive(Debug, Default)]
pub struct History {
    /// An [`Undeclared`], which only grows.
    undeclared: AtomicU8,
    /// How undeclared keys are made.
    forms: Mutex<Arc<Forms>>,
    /// From 0 to [`SLOW`].
    pace: AtomicU8,
}

impl History {
    /// Whether it is known to touch undeclared keys.
    pub fn undeclared(&self) -> Undeclared {
        match self.undeclared.load(Ordering::Relaxed) {
            0 => Undeclared::Unknown,
            1 => Undeclared::No,
            2 => Undeclared::Learning,
            3 => Undeclared::Told,
            _ => Undeclared::Yes,
        }
    }

    /// How its undeclared keys are made, as far as they can be told.
    pub fn forms(&self) -> Arc<Forms> {
        Arc::clone(&self.forms.lock())
    }

    /// Notes that a run touched no undeclared keys, or none but those that were told.
    #[inline]
    pub fn note_kept(&self) {
        if self.undeclared.load(Ordering::Relaxed) == Undeclared::Unknown as u8 {
            self.undeclared.fetch_max(Undeclared::No as u8, Ordering::Relaxed);
        }
    }

    /// Notes that a run touched undeclared keys, and will be started again.
    pub fn note_abandoned(&self) {
        self.undeclared.fetch_max(Undeclared::Learning as u8, Ordering::Relaxed);
    }

    /// Notes what undeclared keys a run of this text touched, but for those that were told. Believes that they can be told after a run that showed nothing new.
    #[cold]
    pub fn learn(&self, touched: &Touched, keys: &[&[u8]], argv: &[&[u8]], text: &[u8]) {
        let before = self.undeclared();
        if before == Undeclared::Yes {
            return;
        }
        let mut forms = self.forms.lock();
        let now = match Arc::make_mut(&mut forms).learn(touched, keys, argv, text) {
            Ok(false) if before >= Undeclared::Learning => Undeclared::Told,
            Ok(_) => Undeclared::Learning,
            Err(Untold) => Undeclared::Yes,
        };
        self.undeclared.fetch_max(now as u8, Ordering::Relaxed);
    }

    /// Whether its last runs were quick. Not before the first has ended.
    #[inline]
    pub fn is_quick(&self) -> bool {
        self.pace.load(Ordering::Relaxed) == QUICK
    }

    /// Notes that a run is slow, which may go on.
    pub fn note_slow(&self) {
        self.pace.store(SLOW, Ordering::Relaxed);
    }

    /// Notes how long a run took that has ended. Runs on several threads may each miss what another notes, which matters to nobody.
    #[inline]
    pub fn note_nanos(&self, nanos: u64) {
        let pace = self.pace.load(Ordering::Relaxed);
        if nanos >= SLOW_NANOS {
            self.note_slow();
        } else if pace != QUICK {
            self.pace.store(pace.saturating_sub(1).max(QUICK), Ordering::Relaxed);
        }
    }
}

/// A script's text and what is known about it.
#[derive(Debug)]
pub struct Source {
    /// The whole text, first line included.
    pub body: Box<[u8]>,
    /// The text's digest.
    pub digest: Digest,
    /// What its first line asks for.
    pub flags: SourceFlags,
    /// What its runs have shown.
    pub history: History,
}

impl Source {
    /// A source of `body`.
    ///
    /// # Errors
    /// If the first line begins `#!` and is not one we can follow.
    pub fn new(body: &[u8]) -> Result<Self, ScriptError> {
        Ok(Self { flags: shebang(body)?, digest: Digest::of(body), body: body.into(), history: History::default() })
    }

    /// The text that is compiled: the `#!` line is left out, its line end is kept so that line numbers stay.
    pub(super) fn code(&self) -> &[u8] {
        if !self.flags.declared {
            return &self.body;
        }
        let end = self.body.iter().position(|b| *b == b'\n').unwrap_or(self.body.len());
        &self.body[end..]
    }
}

fn shebang(body: &[u8]) -> Result<SourceFlags, ScriptError> {
    let mut flags = SourceFlags::default();
    if !body.starts_with(b"#!") {
        return Ok(flags);
    }
    let fail = |text: &str, what: &[u8]| Err(ScriptError::Shebang([text.as_bytes(), what].concat()));
    let Some(end) = body.iter().position(|b| *b == b'\n') else {
        return fail("ERR Invalid script shebang", b"");
    };
    flags.declared = true;
    let mut words = body[..end].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    match words.next() {
        Some(b"#!lua") => {}
        Some(engine) => return fail("ERR Unexpected engine in script shebang: ", engine),
        None => return fail("ERR Invalid script shebang", b""),
    }
    for word in words {
        let Some(list) = word.strip_prefix(b"flags=") else {
            return fail("ERR Unknown lua shebang option: ", word);
        };
        for flag in list.split(|b| *b == b',') {
            if !list.is_empty() && !flags.set(flag) {
                return fail("ERR Unexpected flag in script shebang: ", flag);
            }
        }
    }
    Ok(flags)
}

/// The script cache: from digest to source, until SCRIPT FLUSH.
///
/// A worker meets the lock once per EVALSHA; it is held for one lookup. It guards the map and the sum of bytes.
#[derive(Debug, Default)]
pub struct Scripts {
    known: Mutex<Known>,
    generation: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    by_digest: ByDigest<Arc<Source>>,
    bytes: usize,
}

impl Scripts {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// Caches `body` and returns its source; the same one if it was there.
    ///
    /// # Errors
    /// If the first line begins `#!` and is not one we can follow.
    pub fn load(&self, body: &[u8]) -> Result<Arc<Source>, ScriptError> {
        let digest = Digest::of(body);
        if let Some(source) = self.get(&digest) {
            return Ok(source);
        }
        let made = Arc::new(Source::new(body)?);
        let mut known = self.known.lock();
        // Another thread may have been faster; all must share one source, for its history.
        if let Some(source) = known.by_digest.get(&digest) {
            return Ok(Arc::clone(source));
        }
        known.bytes += size_of::<Source>() + body.len();
        known.by_digest.insert(digest, Arc::clone(&made));
        Ok(made)
    }

    /// The source with that digest.
    pub fn get(&self, digest: &Digest) -> Option<Arc<Source>> {
        self.known.lock().by_digest.get(digest).cloned()
    }

    /// Whether that digest is cached.
    pub fn exists(&self, digest: &Digest) -> bool {
        self.known.lock().by_digest.contains_key(digest)
    }

    /// Takes a script out again, as EVAL does with one that did not compile.
    pub fn forget(&self, digest: &Digest) {
        let mut known = self.known.lock();
        if let Some(source) = known.by_digest.remove(digest) {
            known.bytes -= size_of::<Source>() + source.body.len();
        }
    }

    /// Forgets every script. Each VM drops its compiled functions before its next run.
    pub fn flush(&self) {
        let old = std::mem::take(&mut *self.known.lock());
        self.generation.fetch_add(1, Ordering::Release);
        drop(old);
    }

    /// A number that moves with every flush.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// How many scripts are cached.
    pub fn len(&self) -> usize {
        self.known.lock().by_digest.len()
    }

    /// Whether none is cached.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that the cached texts take.
    pub fn bytes(&self) -> usize {
        self.known.lock().bytes
    }
}
