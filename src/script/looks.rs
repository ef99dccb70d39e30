//! How often a run is looked at: the more it may work on with one instruction, the oftener.
//!
//! Kill flag and clock are looked at after a number of Lua's instructions. One of them may call a function of LuaJIT's that works on megabytes
//! (`s:upper()`, `tonumber(s)`, `next(t)`), or do so itself (`s < t`, `s + 0`), and nothing in LuaJIT counts that; nor does it need memory for it every time, because a
//! text that is made again is found again. But whatever it works on lies somewhere: the largest block of memory that a machine
//! has bounds what one instruction does, but for what goes through many small tables, which is charged by those functions themselves. So large
//! blocks are counted by size as they come and go, and the largest one sets the number of instructions between two looks.
#![expect(unsafe_code, reason = "the hook is set by way of the Lua C interface")]

use super::calls;
use super::machine::Machine;
use super::pattern::STEPS;
use mlua::ffi;
use std::ffi::c_int;

/// Blocks from this size on are counted, by powers of two.
pub(super) const LARGE_BYTES: usize = 1 << LARGE_BITS;
const LARGE_BITS: u32 = 13;
const CLASSES: usize = (usize::BITS - LARGE_BITS) as usize;
/// What may be worked on between two looks: some milliseconds, as few instructions do nothing but work.
const WORK_BYTES: usize = 32 * 1024 * 1024;
/// A script that ends by itself is looked at only if it has a block as large as this.
const HOOKED_BYTES: usize = 64 * 1024;
/// What natives of ours may go through or make between two looks.
pub(super) const CHARGED_BYTES_MAX: usize = 1024 * 1024;

/// The large blocks that a machine has, by size.
#[derive(Debug)]
pub(super) struct LargeBlocks {
    counts: [u32; CLASSES],
    /// A bit for each class that has some.
    present: u64,
}

fn class(bytes: usize) -> usize {
    (bytes.ilog2() - LARGE_BITS) as usize
}

impl LargeBlocks {
    pub(super) const fn new() -> Self {
        Self { counts: [0; CLASSES], present: 0 }
    }

    /// A block of `old` bytes has `new` ones now; 0 is none.
    pub(super) fn replace(&mut self, old: usize, new: usize) {
        if old >= LARGE_BYTES {
            let class = class(old);
            self.counts[class] -= 1;
            if self.counts[class] == 0 {
                self.present &= !(1 << class);
            }
        }
        if new >= LARGE_BYTES {
            let class = class(new);
            self.counts[class] += 1;
            self.present |= 1 << class;
        }
    }

    /// The size of the largest block, rounded down to a power of two; 0 if there is none.
    fn largest(&self) -> usize {
        self.present.checked_ilog2().map_or(0, |class| 1 << (class + LARGE_BITS))
    }

    /// How many instructions there may be between two looks, of `most`.
    pub(super) fn interval(&self, most: c_int) -> c_int {
        let fitting = WORK_BYTES.checked_div(self.largest()).unwrap_or(usize::MAX).max(1);
        most.min(c_int::try_from(fitting).unwrap_or(c_int::MAX))
    }

    /// The same for the steps of a native that may call another one in each, which is as much as some instructions.
    pub(super) fn step_interval(&self) -> usize {
        (self.interval(STEPS as c_int) / 4).max(1) as usize
    }

    /// Whether there is one for which also a script that ends by itself is to be looked at.
    pub(super) fn want_hook(&self) -> bool {
        self.largest() >= HOOKED_BYTES
    }
}

impl Machine {
    /// A large block came or went, or memory is crowded: if there are to be fewer instructions between two looks than there are, the next instruction looks, and
    /// sets the new number. To set it here would begin to count again, so that a script that makes blocks in turn would never be looked at.
    ///
    /// # Safety
    /// Called on the thread of the machine. Its state may be within an allocation: a hook may be set at any time.
    #[cold]
    pub(super) unsafe fn note_block(this: *mut Self, old: usize, new: usize) {
        // SAFETY: the caller's promise; nobody borrows these fields while Lua allocates.
        unsafe {
            let memory = &mut (*this).memory;
            memory.large.replace(old, new);
            let wanted = if (*this).hooked {
                memory.interval((*this).hook_instructions) < (*this).interval
            } else {
                (*this).job.is_some() && memory.want_hook()
            };
            if wanted {
                (*this).hooked = true;
                (*this).count_to(1);
            }
        }
    }

    /// Has the hook come again when it should, after a look.
    #[inline]
    pub(super) fn count_anew(&mut self) {
        let interval = self.memory.interval(self.hook_instructions);
        if interval != self.interval {
            self.count_to(interval);
        }
    }

    fn count_to(&mut self, instructions: c_int) {
        self.interval = instructions;
        // SAFETY: the state is live; to set a hook allocates and raises nothing, and it may be done at any time.
        unsafe { ffi::lua_sethook(self.state, Some(calls::watch), ffi::LUA_MASKCOUNT, instructions) };
    }

    /// Switches the hook on or off.
    pub(super) fn set_hook(&mut self, wanted: bool) {
        if wanted == self.hooked {
            return;
        }
        self.hooked = wanted;
        if wanted {
            self.count_to(self.memory.interval(self.hook_instructions));
        } else {
            // SAFETY: as for `count_to`.
            unsafe { ffi::lua_sethook(self.state, None, 0, 0) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LARGE_BYTES, LargeBlocks};

    #[test]
    fn the_largest_block_that_is_there_sets_the_interval() {
        let mut blocks = LargeBlocks::new();
        assert_eq!(blocks.interval(10_000), 10_000);
        blocks.replace(0, LARGE_BYTES - 1);
        assert_eq!(blocks.interval(10_000), 10_000, "small blocks are not counted");
        blocks.replace(0, LARGE_BYTES);
        assert_eq!(blocks.interval(10_000), 4096);
        assert!(!blocks.want_hook());
        blocks.replace(0, 9 << 20);
        blocks.replace(0, 8 << 20);
        assert_eq!(blocks.interval(10_000), 4);
        assert_eq!(blocks.interval(3), 3, "never more than otherwise");
        assert!(blocks.want_hook());
        blocks.replace(9 << 20, 1 << 30);
        assert_eq!((blocks.interval(10_000), blocks.step_interval()), (1, 1));
        blocks.replace(1 << 30, 0);
        assert_eq!(blocks.interval(10_000), 4, "one of this class is left");
        blocks.replace(8 << 20, 100);
        assert_eq!(blocks.interval(10_000), 4096);
        blocks.replace(LARGE_BYTES, 0);
        assert_eq!(blocks.interval(10_000), 10_000);
    }
}
