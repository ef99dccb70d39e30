//! Has memory touched before it is needed, so that no command waits for the system to give it a page under a lock.
//!
//! The first touch of a page is a trap into the system, which looks for a page and clears it; on a virtual machine whose host hands memory out late it may take
//! 100 us or more, once in some hundred times. jemalloc maps memory in stretches, and takes pieces from the beginning of the last one. It tells us which it takes (its hook *commit*), and a
//! thread of ours sees to it that the next [`AHEAD_BYTES`] behind the last piece have been touched.
//!
//! ```text
//! stretch   | in use ... | touched ahead | not touched        |
//!           start        used            ready                end
//! ```
//! Memory that was given back to the system and is used again counts as a stretch as well, whose end nobody knows: once two pieces follow each other, the next is
//! expected behind them. So at most two parts of that size for each worker are touched and not in use.
#![expect(unsafe_code, reason = "jemalloc calls us by pointers to functions, and memory is touched by a system call")]

use std::ffi::{CString, c_int, c_uint, c_void};
use std::io;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use tikv_jemalloc_sys::{extent_hooks_t, mallctl};

/// So much is touched ahead of what is in use. At a million inserted keys a second it lasts for some milliseconds, in which the thread has its turn.
const AHEAD_BYTES: usize = 256 << 10;
/// The thread is woken when less is left.
const LOW_BYTES: usize = AHEAD_BYTES / 2;
/// Touched by one system call.
const PIECE_BYTES: usize = 64 << 10;
/// The arenas of jemalloc that this can look after; there are four for each processor. Others work as always.
const ARENAS_MAX: usize = 512;
/// Linux' advice to give pages for writing now, since 5.14.
const POPULATE_WRITE: c_int = 23;

/// The memory of an arena.
struct Arena {
    /// The last stretch that it got.
    fresh: Stretch,
    /// Where it last used memory again.
    again: Stretch,
}

/// A stretch of memory. All fields are addresses; 0 if there is none.
struct Stretch {
    used: AtomicUsize,
    ready: AtomicUsize,
    end: AtomicUsize,
}

static ARENAS: [Arena; ARENAS_MAX] = [const { Arena { fresh: Stretch::none(), again: Stretch::none() } }; ARENAS_MAX];
/// The arenas below this number may have stretches.
static ARENAS_USED: AtomicUsize = AtomicUsize::new(0);
/// The thread that touches.
static THREAD: OnceLock<Thread> = OnceLock::new();
/// Set when the system does not know how.
static IS_REFUSED: AtomicBool = AtomicBool::new(false);
/// jemalloc's own hooks, and ours.
static HOOKS: OnceLock<(extent_hooks_t, extent_hooks_t)> = OnceLock::new();

/// Has memory that the calling thread will allocate touched ahead from now on, by a thread that the first caller starts. Other threads of the same arena profit.
///
/// # Errors
/// The thread could not be started, or jemalloc would not have it. Then everything works, but for the waiting.
pub fn touch_ahead() -> io::Result<()> {
    if THREAD.get().is_none() {
        let handle = thread::Builder::new().name("tally-touch".into()).spawn(work)?;
        // Who comes second lets the second thread sleep for good.
        let _ = THREAD.set(handle.thread().clone());
    }
    let (mut arena, mut bytes): (c_uint, usize) = (0, size_of::<c_uint>());
    // SAFETY: the number of a thread's arena is an unsigned int; nothing is written.
    refused(unsafe { mallctl(c"thread.arena".as_ptr(), (&raw mut arena).cast(), &raw mut bytes, ptr::null_mut(), 0) })?;
    if arena as usize >= ARENAS_MAX {
        return Ok(());
    }
    let name = CString::new(format!("arena.{arena}.extent_hooks")).expect("digits and letters");
    let hooks = match HOOKS.get() {
        Some(hooks) => hooks,
        None => {
            let (mut old, mut bytes): (*mut extent_hooks_t, usize) =
                (ptr::null_mut(), size_of::<*mut extent_hooks_t>());
            // SAFETY: what is read is a pointer to hooks.
            refused(unsafe { mallctl(name.as_ptr(), (&raw mut old).cast(), &raw mut bytes, ptr::null_mut(), 0) })?;
            // SAFETY: the hooks that an arena begins with are a static of jemalloc's.
            HOOKS.get_or_init(|| ours(unsafe { *old }))
        }
    };
    ARENAS_USED.fetch_max(arena as usize + 1, Ordering::Relaxed);
    let mut new = (&raw const hooks.1).cast_mut();
    // SAFETY: what is written is a pointer to hooks that live for ever, and that jemalloc does not change.
    refused(unsafe {
        mallctl(
            name.as_ptr(),
            ptr::null_mut(),
            ptr::null_mut(),
            (&raw mut new).cast(),
            size_of::<*mut extent_hooks_t>(),
        )
    })
}

fn refused(error: c_int) -> io::Result<()> {
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}

fn ours(theirs: extent_hooks_t) -> (extent_hooks_t, extent_hooks_t) {
    (theirs, extent_hooks_t { alloc: Some(alloc), commit: Some(commit), decommit: Some(decommit), ..theirs })
}

/// A new stretch. Who asks for committed memory is about to use all of it; others will commit it piece by piece.
unsafe extern "C" fn alloc(
    hooks: *mut extent_hooks_t,
    wanted: *mut c_void,
    bytes: usize,
    alignment: usize,
    is_zero: *mut bool,
    is_committed: *mut bool,
    arena: c_uint,
) -> *mut c_void {
    // SAFETY: jemalloc lends both flags for the call.
    let committed_asked = unsafe { *is_committed };
    let theirs =
        HOOKS.get().and_then(|(theirs, _)| theirs.alloc).expect("jemalloc has our hooks because they were made");
    // SAFETY: the request is passed on.
    let memory = unsafe { theirs(hooks, wanted, bytes, alignment, is_zero, is_committed, arena) };
    if !memory.is_null() && !committed_asked {
        // SAFETY: as above. The memory is committed as far as the system is concerned, but jemalloc will tell us of each piece that it takes.
        unsafe { *is_committed = false };
        if let Some(arena) = ARENAS.get(arena as usize) {
            arena.fresh.begin(memory.addr(), bytes);
        }
    }
    memory
}

/// A piece comes into use.
unsafe extern "C" fn commit(
    _: *mut extent_hooks_t,
    memory: *mut c_void,
    _: usize,
    offset: usize,
    bytes: usize,
    arena: c_uint,
) -> bool {
    if let Some(arena) = ARENAS.get(arena as usize) {
        let from = memory.addr() + offset;
        if !arena.fresh.take(from, from + bytes) {
            arena.again.follow(from, from + bytes);
        }
    }
    false
}

/// A piece is given back.
unsafe extern "C" fn decommit(
    _: *mut extent_hooks_t,
    memory: *mut c_void,
    _: usize,
    offset: usize,
    bytes: usize,
    _: c_uint,
) -> bool {
    // SAFETY: jemalloc says that nobody uses this part of its memory, whose pages come back cleared.
    unsafe { libc::madvise(memory.byte_add(offset), bytes, libc::MADV_DONTNEED) != 0 }
}

impl Stretch {
    const fn none() -> Self {
        Self { used: AtomicUsize::new(0), ready: AtomicUsize::new(0), end: AtomicUsize::new(0) }
    }

    fn begin(&self, start: usize, bytes: usize) {
        self.end.store(0, Ordering::Relaxed);
        self.used.store(start, Ordering::Relaxed);
        self.ready.store(start, Ordering::Relaxed);
        self.end.store(start + bytes, Ordering::Relaxed);
    }

    /// Notes that a piece is in use, if it is one that follows in this stretch, and says whether it is.
    fn take(&self, from: usize, to: usize) -> bool {
        let end = self.end.load(Ordering::Relaxed);
        if to > end || from < self.used.load(Ordering::Relaxed) {
            return false;
        }
        self.used.store(to, Ordering::Relaxed);
        if self.ready.load(Ordering::Relaxed) < end.min(to + LOW_BYTES)
            && let Some(thread) = THREAD.get()
        {
            thread.unpark();
        }
        true
    }

    /// Notes that a piece is used again. What follows the one before is expected to be followed by more; any other begins anew.
    fn follow(&self, from: usize, to: usize) {
        if from == self.used.load(Ordering::Relaxed) {
            self.end.store(to + AHEAD_BYTES, Ordering::Relaxed);
            self.take(from, to);
        } else {
            self.begin(to, 0);
        }
    }

    /// Touches the next piece, if it is time. Another stretch may begin meanwhile, so the addresses may be of two: then pages are touched for nothing, at worst.
    fn touch(&self) -> bool {
        let end = self.end.load(Ordering::Relaxed);
        let (used, ready) = (self.used.load(Ordering::Relaxed), self.ready.load(Ordering::Relaxed));
        let from = used.max(ready);
        let to = end.min(used + AHEAD_BYTES).min(from + PIECE_BYTES);
        if from >= to || IS_REFUSED.load(Ordering::Relaxed) {
            return false;
        }
        let memory = ptr::without_provenance_mut(from);
        // SAFETY: the advice changes nothing that memory holds, wherever it is; where there is none, it is refused.
        let error = unsafe { libc::madvise(memory, to - from, POPULATE_WRITE) };
        if error != 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL) {
            IS_REFUSED.store(true, Ordering::Relaxed);
        }
        // Unless a stretch has begun meanwhile.
        let _ = self.ready.compare_exchange(ready, to, Ordering::Relaxed, Ordering::Relaxed);
        true
    }
}

fn work() {
    loop {
        let arenas = &ARENAS[..ARENAS_USED.load(Ordering::Relaxed)];
        // One piece for each, in turn.
        let touched = arenas.iter().flat_map(|arena| [&arena.fresh, &arena.again]).filter(|stretch| stretch.touch());
        if touched.count() == 0 {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_touched_when_too_little_is_left_behind_what_is_in_use() {
        let memory = vec![0u8; 4 * AHEAD_BYTES];
        let start = memory.as_ptr().addr().next_multiple_of(4096);
        let stretch = Stretch::none();
        assert!(!stretch.touch(), "there is no memory yet");
        stretch.begin(start, 3 * AHEAD_BYTES);
        let pieces = (0..100).take_while(|_| stretch.touch()).count();
        assert_eq!(pieces, AHEAD_BYTES / PIECE_BYTES);
        assert_eq!(stretch.ready.load(Ordering::Relaxed), start + AHEAD_BYTES);
        assert!(stretch.take(start, start + PIECE_BYTES));
        assert!(stretch.touch() && !stretch.touch());
        // Beyond all that was touched: what is used already is left alone.
        assert!(stretch.take(start + 2 * AHEAD_BYTES, start + 2 * AHEAD_BYTES + PIECE_BYTES));
        assert!(stretch.touch());
        assert_eq!(stretch.ready.load(Ordering::Relaxed), start + 2 * AHEAD_BYTES + 2 * PIECE_BYTES);
        assert_eq!((0..100).take_while(|_| stretch.touch()).count(), AHEAD_BYTES / PIECE_BYTES - 2, "up to the end");
        assert!(!stretch.take(start, start + PIECE_BYTES), "memory that was in use before is not its business");
        assert!(!stretch.take(start + 3 * AHEAD_BYTES, start + 4 * AHEAD_BYTES), "nor is memory beyond it");
    }

    #[test]
    fn memory_used_again_is_touched_ahead_once_two_pieces_follow_each_other() {
        let memory = vec![0u8; 4 * AHEAD_BYTES];
        let start = memory.as_ptr().addr().next_multiple_of(4096);
        let stretch = Stretch::none();
        stretch.follow(start, start + PIECE_BYTES);
        assert!(!stretch.touch());
        stretch.follow(start + PIECE_BYTES, start + 2 * PIECE_BYTES);
        assert_eq!((0..100).take_while(|_| stretch.touch()).count(), AHEAD_BYTES / PIECE_BYTES);
        stretch.follow(start + PIECE_BYTES, start + 2 * PIECE_BYTES);
        assert!(!stretch.touch(), "a piece elsewhere is no reason to expect another");
    }

    #[test]
    fn a_thread_that_has_memory_touched_ahead_gets_and_gives_back_what_it_asks_for() {
        let work = || {
            touch_ahead().expect("a thread and an arena");
            touch_ahead().expect("a second time changes nothing");
            let mut blocks: Vec<Vec<u8>> = Vec::new();
            for round in 0..4000usize {
                blocks.push(vec![round as u8; 16 + round * 37 % 20_000]);
                if round % 3 == 0 {
                    blocks.swap_remove(round * 31 % blocks.len());
                }
            }
            assert!(blocks.iter().all(|block| block.iter().all(|byte| *byte == block[0])));
            drop(blocks);
            super::super::collect();
            let again = vec![0u8; 8 << 20];
            assert!(again.iter().all(|byte| *byte == 0), "memory comes back cleared");
        };
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(work)).collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no thread panicked"));
    }
}
