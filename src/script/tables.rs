//! `table.sort` and `table.insert`: Lua 5.1's, but they can be stopped.
//!
//! The original of `sort` takes quadratic time on arrays made for it and runs no instruction of Lua's meanwhile; that of `insert` makes
//! room as far down as it is told to. Order of comparisons, order of equal elements and texts are the original's, so that a script gets
//! the same order here.
#![expect(
    unsafe_code,
    reason = "functions that take Lua's arguments, call Lua back and raise its errors; the Lua C interface is unsafe throughout"
)]

use super::calls::{self, may_go_on};
use super::convert;
use super::machine::Machine;
use mlua::ffi;
use mlua::lua_State;
use std::ffi::{CStr, c_int};

/// What the sandbox is given, by name.
pub(super) const FUNCTIONS: &[(&CStr, ffi::lua_CFunction)] = &[(c"sort", sort), (c"insert", insert)];

/// Slots of the arguments.
const TABLE: c_int = 1;
const ORDER: c_int = 2;

/// Ranges that wait to be sorted: each is larger than the one sorted first, so that they are no more than an index has bits.
const WAITING_MAX: usize = 32;

/// Work done since it was last asked whether to go on.
struct Work {
    machine: *mut Machine,
    steps: usize,
    /// How many there may be: a step may be a call of a native on what is large.
    most: usize,
}

impl Work {
    /// # Safety
    /// As for [`Self::step`].
    unsafe fn new(machine: *mut Machine) -> Self {
        // SAFETY: the caller's promise.
        let most = unsafe { (*machine).memory.large.step_interval() };
        Self { machine, steps: 0, most }
    }

    /// # Safety
    /// Called on the thread of the run, from a C function that owns nothing.
    #[inline]
    unsafe fn step(&mut self, state: *mut lua_State) {
        self.steps += 1;
        if self.steps >= self.most {
            // SAFETY: the caller's promise.
            unsafe {
                *self = Self::new(self.machine);
                if !may_go_on(self.machine) {
                    calls::end(state, self.machine);
                }
            }
        }
    }
}

unsafe extern "C-unwind" fn insert(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; the stack has room for the few slots used, and nothing is owned.
    unsafe {
        ffi::luaL_checktype(state, TABLE, ffi::LUA_TTABLE);
        let end = ffi::lua_objlen(state, TABLE) as c_int + 1;
        let at = match ffi::lua_gettop(state) {
            2 => end,
            3 => convert::truncate(ffi::luaL_checknumber(state, 2)) as c_int,
            _ => calls::raise_at(state, "wrong number of arguments to 'insert'"),
        };
        let mut work = Work::new(Machine::of(state));
        let mut hole = end.max(at);
        while hole > at {
            work.step(state);
            ffi::lua_rawgeti_(state, TABLE, hole - 1);
            ffi::lua_rawseti_(state, TABLE, hole);
            hole -= 1;
        }
        ffi::lua_rawseti_(state, TABLE, at);
        0
    }
}

unsafe extern "C-unwind" fn sort(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; nothing is owned. Between ranges the stack holds the arguments only, within one at most eight slots more.
    unsafe {
        ffi::luaL_checktype(state, TABLE, ffi::LUA_TTABLE);
        if ffi::lua_type(state, ORDER) > ffi::LUA_TNIL {
            ffi::luaL_checktype(state, ORDER, ffi::LUA_TFUNCTION);
        }
        ffi::lua_settop(state, ORDER);
        let machine = Machine::of(state);
        calls::check_depth(state, machine);
        let mut work = Work::new(machine);
        let mut waiting = [(0, 0); WAITING_MAX];
        let mut waits = 0;
        let mut range = (1, ffi::lua_objlen(state, TABLE) as c_int);
        loop {
            let Some((smaller, larger)) = split(state, &mut work, range.0, range.1) else {
                if waits == 0 {
                    return 0;
                }
                waits -= 1;
                range = waiting[waits];
                continue;
            };
            waiting[waits] = larger;
            waits += 1;
            range = smaller;
        }
    }
}

type Bounds = (c_int, c_int);

/// Moves the elements of a range so that those before a pivot are not above it and those behind not below, and answers both parts, the
/// smaller one first; None if the range is sorted.
///
/// # Safety
/// As in [`sort`], which calls it.
unsafe fn split(state: *mut lua_State, work: &mut Work, low: c_int, high: c_int) -> Option<(Bounds, Bounds)> {
    if low >= high {
        return None;
    }
    // SAFETY: the caller's promise; each step leaves the stack as it says.
    unsafe {
        order_pair(state, work, low, high);
        if high - low == 1 {
            return None;
        }
        let middle = low + (high - low) / 2;
        // Median of three: after this the middle is between both ends.
        get(state, middle);
        get(state, low);
        if less(state, work, -2, -1) {
            swap(state, middle, low);
        } else {
            ffi::lua_settop(state, -2);
            get(state, high);
            if less(state, work, -1, -2) {
                swap(state, middle, high);
            } else {
                ffi::lua_settop(state, -3);
            }
        }
        if high - low == 2 {
            return None;
        }
        get(state, middle);
        ffi::lua_pushvalue(state, -1);
        get(state, high - 1);
        swap(state, middle, high - 1);
        // The pivot lies on the stack and at `high - 1`.
        let (mut up, mut down) = (low, high - 1);
        loop {
            up += 1;
            get(state, up);
            while less(state, work, -1, -2) {
                if up > high {
                    calls::raise_at(state, "invalid order function for sorting");
                }
                ffi::lua_settop(state, -2);
                up += 1;
                get(state, up);
            }
            down -= 1;
            get(state, down);
            while less(state, work, -3, -1) {
                if down < low {
                    calls::raise_at(state, "invalid order function for sorting");
                }
                ffi::lua_settop(state, -2);
                down -= 1;
                get(state, down);
            }
            if down < up {
                ffi::lua_settop(state, -4);
                break;
            }
            swap(state, up, down);
        }
        get(state, high - 1);
        get(state, up);
        swap(state, high - 1, up);
        let (before, behind) = ((low, up - 1), (up + 1, high));
        Some(if up - low < high - up { (before, behind) } else { (behind, before) })
    }
}

/// Puts the elements at `low` and `high` in order.
unsafe fn order_pair(state: *mut lua_State, work: &mut Work, low: c_int, high: c_int) {
    // SAFETY: as for `split`, which calls it.
    unsafe {
        get(state, low);
        get(state, high);
        if less(state, work, -1, -2) {
            swap(state, low, high);
        } else {
            ffi::lua_settop(state, -3);
        }
    }
}

/// Pushes the element at `index`, without metamethods.
#[inline]
unsafe fn get(state: *mut lua_State, index: c_int) {
    // SAFETY: as for `split`, which calls it.
    unsafe { ffi::lua_rawgeti_(state, TABLE, index) }
}

/// Takes two elements off the stack: the top goes to `first`, the one below to `second`.
#[inline]
unsafe fn swap(state: *mut lua_State, first: c_int, second: c_int) {
    // SAFETY: as for `split`, which calls it.
    unsafe {
        ffi::lua_rawseti_(state, TABLE, first);
        ffi::lua_rawseti_(state, TABLE, second);
    }
}

/// Whether the value at slot `left` comes before that at `right`; both count from the top.
#[inline]
unsafe fn less(state: *mut lua_State, work: &mut Work, left: c_int, right: c_int) -> bool {
    // SAFETY: as for `split`, which calls it.
    unsafe {
        work.step(state);
        if ffi::lua_type(state, ORDER) == ffi::LUA_TNIL {
            return ffi::lua_lessthan(state, left, right) != 0;
        }
        ffi::lua_pushvalue(state, ORDER);
        ffi::lua_pushvalue(state, left - 1);
        ffi::lua_pushvalue(state, right - 2);
        ffi::lua_call(state, 2, 1);
        let answer = ffi::lua_toboolean(state, -1) != 0;
        ffi::lua_settop(state, -2);
        answer
    }
}
