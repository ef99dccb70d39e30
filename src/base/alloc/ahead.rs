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
//! expected behind them. Several such stretches may be in use by turns, for pieces of different sizes; the last [`FOLLOWED`] are known.
//!
//! While memory comes into use the thread looks by itself every now and then. To be woken costs whoever wakes it 20 to 60 us on a virtual machine, where it is an interrupt to
//! another processor, so that is left for the first piece after a rest, and for when the thread is late.
//!
//! What jemalloc keeps of its memory, some 128 bytes for each slab, lies in blocks of its own, of which it tells us nothing but where they are. They are used from the beginning, and what
//! was never used is 0; so the thread looks how far that is, and touches the next [`OWN_AHEAD_BYTES`]. (Of ten million members added to a sorted set, 10,500 met a page that nobody had
//! touched, and 9,500 of these pages were such.)
#![expect(unsafe_code, reason = "jemalloc calls us by pointers to functions, and memory is touched by a system call")]

use std::cell::RefCell;
use std::ffi::{c_int, c_uint, c_void};
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread::{self, Thread};
use std::time::Duration;
use tikv_jemalloc_sys::{extent_hooks_t, mallctl};

/// So much is touched ahead of what is in use. At a million inserted keys a second it lasts for some milliseconds, in which the thread has its turn.
const AHEAD_BYTES: usize = 256 << 10;
/// The thread is woken when less is left.
const LOW_BYTES: usize = AHEAD_BYTES / 2;
/// The same while it looks by itself: then it sleeps for longer than it meant to.
const TOO_LOW_BYTES: usize = AHEAD_BYTES / 4;
/// Touched by one system call.
const PIECE_BYTES: usize = 64 << 10;
/// The arenas of jemalloc that this can look after; there are four for each processor. Others work as always.
const ARENAS_MAX: usize = 512;
/// The same for jemalloc's own blocks: what describes two megabytes of slabs.
const OWN_AHEAD_BYTES: usize = 64 << 10;
const PAGE_BYTES: usize = 4096;
/// jemalloc's own blocks begin at multiples of this, and are multiples of it long.
const OWN_BYTES: usize = 2 << 20;
/// Linux' advice to give pages for writing now, since 5.14.
const POPULATE_WRITE: c_int = 23;

/// So many stretches of memory that is used again are known of an arena.
const FOLLOWED: usize = 4;
/// The thread looks again after so long, if it found something to do; after twice as long each time that it found nothing.
const LOOK_AGAIN: Duration = Duration::from_micros(250);
/// It waits to be woken after a sleep of so long for nothing: memory that comes into use at a megabyte a second keeps it looking.
const LOOK_AGAIN_MAX: Duration = Duration::from_millis(16);
/// It looks after jemalloc's own blocks once for so many other looks: they are used a hundred times more slowly.
const OWN_LOOKS: u32 = 8;

/// The memory of an arena.
struct Arena {
    /// The last stretch that it got.
    fresh: Stretch,
    /// Where it last used memory again.
    again: [Stretch; FOLLOWED],
    /// Which of these began last.
    last: AtomicUsize,
    own: Own,
}

/// The last block that jemalloc got for what it keeps of its memory.
struct Own {
    /// Where it begins, and in the bits that are 0 there, how long it is, in units of [`OWN_BYTES`]: one value, so that the thread never mixes two blocks.
    block: AtomicUsize,
    /// The block that the thread knows; it alone touches this and what follows.
    known: AtomicUsize,
    used: AtomicUsize,
    ready: AtomicUsize,
}

/// A stretch of memory. All fields are addresses; 0 if there is none.
struct Stretch {
    used: AtomicUsize,
    ready: AtomicUsize,
    end: AtomicUsize,
}

static ARENAS: [Arena; ARENAS_MAX] = [const {
    Arena {
        fresh: Stretch::none(),
        again: [const { Stretch::none() }; FOLLOWED],
        last: AtomicUsize::new(0),
        own: Own::none(),
    }
}; ARENAS_MAX];
/// The arenas below this number may have stretches.
static ARENAS_USED: AtomicUsize = AtomicUsize::new(0);
/// The thread that touches.
static THREAD: OnceLock<Thread> = OnceLock::new();
/// Set while it looks by itself what there is to do.
static IS_LOOKING: AtomicBool = AtomicBool::new(false);
/// jemalloc's own hooks, and ours.
static HOOKS: OnceLock<(extent_hooks_t, extent_hooks_t)> = OnceLock::new();

/// Has memory that the calling thread will allocate touched ahead from now on, by a thread that the first caller starts. The calling
/// thread has an arena for itself from then on, which another gets when it ends.
///
/// # Errors
/// The thread could not be started, or jemalloc would not have it. Then everything works, but for the waiting.
pub fn touch_ahead() -> io::Result<()> {
    if THREAD.get().is_none() {
        let handle = thread::Builder::new().name("tally-touch".into()).spawn(work)?;
        // Who comes second lets the second thread sleep for good.
        let _ = THREAD.set(handle.thread().clone());
    }
    LEASE.with_borrow_mut(|lease| match lease {
        Some(_) => Ok(()),
        None => {
            *lease = Some(Lease::begin(hooks()?)?);
            Ok(())
        }
    })
}

/// An arena that one thread has for itself, until it ends. It is made with our hooks, because those that it gets later are not asked for jemalloc's own blocks.
struct Lease(c_uint);

thread_local! {
    static LEASE: RefCell<Option<Lease>> = const { RefCell::new(None) };
}
/// Arenas of threads that have ended, for others: an arena is for ever, and there are not many.
static FREE: Mutex<Vec<c_uint>> = Mutex::new(Vec::new());

impl Lease {
    fn begin(hooks: &'static extent_hooks_t) -> io::Result<Self> {
        let free = FREE.lock().expect("nobody panics with the list").pop();
        let arena = match free {
            Some(arena) => arena,
            None => create(hooks)?,
        };
        let lease = Self(arena);
        let mut new = arena;
        // SAFETY: the number of a thread's arena is an unsigned int.
        refused(unsafe {
            let new = (&raw mut new).cast();
            mallctl(c"thread.arena".as_ptr(), ptr::null_mut(), ptr::null_mut(), new, size_of::<c_uint>())
        })?;
        ARENAS_USED.fetch_max(ARENAS_MAX.min(arena as usize + 1), Ordering::Relaxed);
        Ok(lease)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        FREE.lock().expect("nobody panics with the list").push(self.0);
    }
}

/// A new arena with these hooks.
fn create(hooks: &'static extent_hooks_t) -> io::Result<c_uint> {
    let (mut arena, mut bytes): (c_uint, usize) = (0, size_of::<c_uint>());
    let mut hooks = ptr::from_ref(hooks).cast_mut();
    // SAFETY: an arena's number is an unsigned int, and what is written is a pointer to hooks that live for ever, and that jemalloc does not change.
    refused(unsafe {
        let new = (&raw mut hooks).cast();
        mallctl(c"arenas.create".as_ptr(), (&raw mut arena).cast(), &raw mut bytes, new, size_of_val(&hooks))
    })?;
    Ok(arena)
}

/// Our hooks, which pass on to those that an arena begins with.
fn hooks() -> io::Result<&'static extent_hooks_t> {
    if let Some(hooks) = HOOKS.get() {
        return Ok(&hooks.1);
    }
    let (mut old, mut bytes): (*mut extent_hooks_t, usize) = (ptr::null_mut(), size_of::<*mut extent_hooks_t>());
    // SAFETY: what is read is a pointer to hooks.
    refused(unsafe {
        let old = (&raw mut old).cast();
        mallctl(c"arena.0.extent_hooks".as_ptr(), old, &raw mut bytes, ptr::null_mut(), 0)
    })?;
    // SAFETY: the hooks that an arena begins with are a static of jemalloc's.
    Ok(&HOOKS.get_or_init(|| ours(unsafe { *old })).1)
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
    } else if !memory.is_null()
        && alignment == OWN_BYTES
        && let Some(arena) = ARENAS.get(arena as usize)
    {
        arena.own.begin(memory.addr(), bytes);
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
            arena.follow(from, from + bytes);
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

impl Arena {
    /// Notes that a piece is used again. What follows an earlier one is expected to be followed by more; any other is a new beginning.
    fn follow(&self, from: usize, to: usize) {
        match self.again.iter().find(|stretch| stretch.used.load(Ordering::Relaxed) == from) {
            Some(stretch) => stretch.go_on(from, to),
            None => {
                let next = (self.last.load(Ordering::Relaxed) + 1) % FOLLOWED;
                self.last.store(next, Ordering::Relaxed);
                self.again[next].begin(to, 0);
            }
        }
    }
}

impl Own {
    const fn none() -> Self {
        let [block, known, used, ready] = [const { AtomicUsize::new(0) }; 4];
        Self { block, known, used, ready }
    }

    /// Notes a new block. Blocks of this kind are never given back.
    fn begin(&self, start: usize, bytes: usize) {
        let units = bytes / OWN_BYTES;
        if start.is_multiple_of(OWN_BYTES) && units < OWN_BYTES {
            self.block.store(start | units, Ordering::Release);
        }
    }

    /// Touches the next part, if it is time.
    fn touch(&self) -> bool {
        let block = self.block.load(Ordering::Acquire);
        let (start, bytes) = (block & !(OWN_BYTES - 1), block % OWN_BYTES * OWN_BYTES);
        if block == 0 {
            return false;
        }
        if self.known.swap(block, Ordering::Relaxed) != block {
            self.used.store(start, Ordering::Relaxed);
            self.ready.store(start, Ordering::Relaxed);
        }
        let (used, ready) = (self.used.load(Ordering::Relaxed), self.ready.load(Ordering::Relaxed));
        let pages = (used..ready).step_by(PAGE_BYTES).rev();
        // SAFETY: the pages lie in the block that is known, which is never given back, and were touched.
        let used = pages.into_iter().find(|page| unsafe { !is_clear(*page) }).map_or(used, |page| page + PAGE_BYTES);
        self.used.store(used, Ordering::Relaxed);
        let to = (start + bytes).min(used + OWN_AHEAD_BYTES);
        if to < ready + OWN_AHEAD_BYTES / 4 {
            return false;
        }
        populate(ready, to);
        self.ready.store(to, Ordering::Relaxed);
        true
    }
}

/// Whether a page holds nothing but zeros.
///
/// # Safety
/// The page is readable. Others may write to it meanwhile: then either answer will do.
unsafe fn is_clear(page: usize) -> bool {
    let words = ptr::with_exposed_provenance::<u64>(page);
    // SAFETY: the caller's promise; each word is read once, as it happens to be.
    (0..PAGE_BYTES / size_of::<u64>()).all(|at| unsafe { words.add(at).read_volatile() } == 0)
}

/// Has the system give pages to a part of memory, wherever that is, and says whether it did. It does not where nobody may write: what is expected behind the last piece may be
/// another's.
fn populate(from: usize, to: usize) -> bool {
    let memory = ptr::without_provenance_mut(from);
    // SAFETY: the advice changes nothing that memory holds, wherever it is; where there is none, it is refused.
    unsafe { libc::madvise(memory, to - from, POPULATE_WRITE) == 0 }
}

/// Whether the system knows how, asked with memory that surely may be written.
fn is_known() -> bool {
    let page = vec![0u8; 2 * PAGE_BYTES];
    let from = page.as_ptr().addr().next_multiple_of(PAGE_BYTES);
    populate(from, from + PAGE_BYTES)
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
        let low = if IS_LOOKING.load(Ordering::Relaxed) { TOO_LOW_BYTES } else { LOW_BYTES };
        if self.ready.load(Ordering::Relaxed) < end.min(to + low)
            && let Some(thread) = THREAD.get()
        {
            thread.unpark();
        }
        true
    }

    /// Notes that a piece behind the last one is used again.
    fn go_on(&self, from: usize, to: usize) {
        self.end.store(to + AHEAD_BYTES, Ordering::Relaxed);
        self.take(from, to);
    }

    /// Touches the next piece, if it is time. Another stretch may begin meanwhile, so the addresses may be of two: then pages are touched for nothing, at worst.
    fn touch(&self) -> bool {
        let end = self.end.load(Ordering::Relaxed);
        let (used, ready) = (self.used.load(Ordering::Relaxed), self.ready.load(Ordering::Relaxed));
        let from = used.max(ready);
        let to = end.min(used + AHEAD_BYTES).min(from + PIECE_BYTES);
        let is_little = from + PIECE_BYTES / 2 > to && to < end;
        if from >= to || is_little {
            return false;
        }
        populate(from, to);
        // Unless a stretch has begun meanwhile.
        let _ = self.ready.compare_exchange(ready, to, Ordering::Relaxed, Ordering::Relaxed);
        true
    }
}

fn work() {
    if !is_known() {
        return;
    }
    let (mut again, mut looks) = (LOOK_AGAIN, 0u32);
    loop {
        let arenas = &ARENAS[..ARENAS_USED.load(Ordering::Relaxed)];
        // One piece for each, in turn.
        let stretches = arenas.iter().flat_map(|arena| arena.again.iter().chain([&arena.fresh]));
        let mut touched = stretches.filter(|stretch| stretch.touch()).count();
        looks = looks.wrapping_add(1);
        if looks.is_multiple_of(OWN_LOOKS) || !IS_LOOKING.load(Ordering::Relaxed) {
            touched += arenas.iter().filter(|arena| arena.own.touch()).count();
        }
        if touched > 0 {
            again = LOOK_AGAIN;
        } else if again <= LOOK_AGAIN_MAX {
            IS_LOOKING.store(true, Ordering::Relaxed);
            thread::park_timeout(again);
            again *= 2;
        } else if IS_LOOKING.swap(false, Ordering::SeqCst) {
            // Once more: who had something to do did not wake this.
        } else {
            thread::park();
            again = LOOK_AGAIN;
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
        let arena = Arena {
            fresh: Stretch::none(),
            again: [const { Stretch::none() }; FOLLOWED],
            last: AtomicUsize::new(0),
            own: Own::none(),
        };
        let touched = || (0..100).take_while(|_| arena.again.iter().any(Stretch::touch)).count();
        arena.follow(start, start + PIECE_BYTES);
        assert_eq!(touched(), 0);
        // Another stretch is in use by turns with it.
        arena.follow(start + 3 * AHEAD_BYTES, start + 3 * AHEAD_BYTES + PIECE_BYTES);
        assert_eq!(touched(), 0, "a piece elsewhere is no reason to expect another");
        arena.follow(start + PIECE_BYTES, start + 2 * PIECE_BYTES);
        assert_eq!(touched(), AHEAD_BYTES / PIECE_BYTES);
        for elsewhere in 1..=FOLLOWED {
            arena.follow(
                start + 4 * AHEAD_BYTES + 2 * elsewhere * PIECE_BYTES,
                start + 4 * AHEAD_BYTES + (2 * elsewhere + 1) * PIECE_BYTES,
            );
        }
        arena.follow(start + 2 * PIECE_BYTES, start + 3 * PIECE_BYTES);
        assert_eq!(touched(), 0, "what was used long ago is forgotten");
    }

    #[test]
    fn memory_of_others_behind_a_stretch_changes_nothing_for_the_next() {
        let bytes = 2 * AHEAD_BYTES;
        // SAFETY: new memory wherever there is room, that nobody may read or write.
        let others =
            unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANON, -1, 0) };
        assert_ne!(others, libc::MAP_FAILED);
        assert!(!populate(others.addr(), others.addr() + PAGE_BYTES));
        assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::EINVAL), "as if the advice were unknown");
        let stretch = Stretch::none();
        stretch.begin(others.addr(), AHEAD_BYTES);
        assert_eq!((0..100).take_while(|_| stretch.touch()).count(), AHEAD_BYTES / PIECE_BYTES, "once each");
        assert!(is_known());
        // SAFETY: nobody else knows the memory.
        assert_eq!(unsafe { libc::munmap(others, bytes) }, 0);
    }

    #[test]
    fn a_block_of_the_allocators_own_is_touched_ahead_of_what_is_not_zero() {
        let mut memory = vec![0u64; 3 * OWN_BYTES / 8];
        let start = memory.as_mut_ptr().expose_provenance();
        let at = (start.next_multiple_of(OWN_BYTES) - start) / 8;
        let own = Own::none();
        assert!(!own.touch(), "there is no block yet");
        own.begin(start + 8 * at, OWN_BYTES);
        assert!(own.touch() && !own.touch());
        let ready = || own.ready.load(Ordering::Relaxed) - (start + 8 * at);
        assert_eq!(ready(), OWN_AHEAD_BYTES);
        memory[at + 5 * PAGE_BYTES / 8 + 1] = 1;
        assert!(own.touch() && !own.touch(), "six pages are used, whatever the first ones hold");
        assert_eq!(ready(), OWN_AHEAD_BYTES + 6 * PAGE_BYTES);
        memory[at..at + OWN_BYTES / 8].fill(1);
        assert!((0..1000).take_while(|_| own.touch()).count() > 1);
        assert_eq!(ready(), OWN_BYTES, "up to the end");
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
