//! What a machine's Lua may allocate, and has.
//!
//! Lua's collector goes on by a small step at each allocation, by as much for a table of a megabyte as for an empty one. A script that makes large
//! values and drops them would meet its limit with next to nothing alive. So the limit has a soft part before it: who comes into it collects all of
//! his garbage at the next instruction, and has half of what is free then before he does so again.
#![expect(unsafe_code, reason = "Lua's allocator is a C interface")]

use super::blocks::Blocks;
use super::looks::{LARGE_BYTES, LargeBlocks};
use super::machine::Machine;
use mlua::ffi;
use mlua::lua_State;
use std::ffi::{c_int, c_void};
use std::ptr;

/// A run whose limit leaves it less than this part free, when it has collected its garbage, is not to do so again.
const CROWDED_PART: usize = 16;

/// What Lua may allocate and has.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) used: usize,
    /// What native functions hold besides, on its way to Lua.
    pub(super) outside: usize,
    max: usize,
    /// Once this much is taken the run collects its garbage before it goes on; see [`Memory::soften`].
    soft: usize,
    /// The run is to do so at its next instruction.
    pub(super) crowded: bool,
    /// An allocation was refused.
    pub(super) refused: bool,
    /// The large ones among the blocks that are used.
    pub(super) large: LargeBlocks,
    /// Blocks that are free; they are not among what is used.
    blocks: Blocks,
}

impl Memory {
    /// Nothing yet, and at most `max` bytes.
    pub(super) const fn new(max: usize) -> Self {
        Self {
            used: 0,
            outside: 0,
            max,
            soft: max / 2,
            crowded: false,
            refused: false,
            large: LargeBlocks::new(),
            blocks: Blocks::new(),
        }
    }

    /// Whether also a script that ends by itself is to be looked at.
    #[inline]
    pub(super) fn want_hook(&self) -> bool {
        self.crowded || self.large.want_hook()
    }

    /// How many instructions there may be between two looks, of `most`.
    pub(super) fn interval(&self, most: c_int) -> c_int {
        if self.crowded { 1 } else { self.large.interval(most) }
    }

    /// What may still be taken.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.max.saturating_sub(self.used).saturating_sub(self.outside)
    }

    /// Whether so much more may be taken, when that is past what is soft.
    #[cold]
    fn crowd(&mut self, more: usize) -> bool {
        let fits = more <= self.room();
        if fits {
            self.soft = self.max;
            self.crowded = true;
        } else {
            self.refused = true;
        }
        fits
    }

    /// Sets how much may be taken before the next collection: half of what is free after this one, unless that is so little that
    /// collections would be most of what the run does.
    fn soften(&mut self) {
        self.crowded = false;
        let free = self.room();
        self.soft = if free >= self.max / CROWDED_PART { self.max - free / 2 } else { self.max };
    }
}

impl Machine {
    /// Collects what is garbage, if the run came into the soft part of its limit.
    ///
    /// # Safety
    /// Called on the thread of the run, from a C function that owns nothing: the collection may raise.
    #[inline]
    pub(super) unsafe fn make_room(this: *mut Self, state: *mut lua_State) {
        // SAFETY: the caller's promise.
        unsafe {
            if (*this).memory.crowded {
                ffi::lua_gc(state, ffi::LUA_GCCOLLECT, 0);
                (*this).memory.soften();
            }
        }
    }
}

/// Lua's allocator: the process's own, with a limit.
pub(super) unsafe extern "C" fn allocate(
    user_data: *mut c_void,
    block: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: the user data is the machine, whose memory field nobody else borrows while Lua allocates. `block` and `old` are what
    // an earlier call returned and was asked for, as Lua promises.
    unsafe {
        let memory = &mut (*user_data.cast::<Machine>()).memory;
        if new == 0 {
            if !block.is_null() {
                memory.blocks.give(block.cast(), old);
                memory.used -= old;
                if old >= LARGE_BYTES {
                    Machine::note_block(user_data.cast(), old, 0);
                }
            }
            return ptr::null_mut();
        }
        let old = if block.is_null() { 0 } else { old };
        let more = new.saturating_sub(old);
        let is_crowding = more > memory.soft.saturating_sub(memory.used).saturating_sub(memory.outside);
        if is_crowding && !memory.crowd(more) {
            return ptr::null_mut();
        }
        let made = if old == 0 { memory.blocks.take(new) } else { memory.blocks.resize(block.cast(), old, new) };
        if made.is_null() {
            memory.refused = true;
            return ptr::null_mut();
        }
        memory.used = memory.used - old + new;
        // A power of two, so that this asks about both.
        if (old | new) >= LARGE_BYTES || is_crowding {
            Machine::note_block(user_data.cast(), old, new);
        }
        made.cast()
    }
}
