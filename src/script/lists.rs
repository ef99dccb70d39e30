//! How a script is entered, and comes to its KEYS and ARGV.
#![expect(unsafe_code, reason = "functions that Lua calls; the Lua C interface is unsafe throughout")]

use super::machine::Machine;
use super::raw;
use mlua::ffi;
use mlua::lua_State;
use std::ffi::c_int;

/// Enters a script with two new tables.
pub(super) unsafe extern "C-unwind" fn enter_run(state: *mut lua_State) -> c_int {
    // SAFETY: called by `Machine::run` in a protected call, which set the job and keeps what it points to alive. Owns nothing.
    unsafe {
        let machine = Machine::of(state);
        let job = (*machine).job.as_ref().expect("a run has a job");
        let (keys, argv, function) = (job.keys, job.argv, job.function);
        // Above the names of the two tables. Nothing stands in the way of writing to the environment.
        ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, job.environment);
        ffi::lua_pushvalue(state, 1);
        push_list(state, &*keys);
        ffi::lua_rawset(state, 3);
        ffi::lua_pushvalue(state, 2);
        push_list(state, &*argv);
        ffi::lua_rawset(state, 3);
        ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, function);
        ffi::lua_call(state, 0, 1);
        1
    }
}

/// As [`enter_run`], but the two tables are there, in the environment as well, and as long as they should be.
pub(super) unsafe extern "C-unwind" fn enter_run_again(state: *mut lua_State) -> c_int {
    // SAFETY: as for `enter_run`. The arguments are the two tables.
    unsafe {
        let machine = Machine::of(state);
        let job = (*machine).job.as_ref().expect("a run has a job");
        let (keys, argv, function) = (job.keys, job.argv, job.function);
        fill_list(state, 1, &*keys);
        fill_list(state, 2, &*argv);
        ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, function);
        ffi::lua_call(state, 0, 1);
        1
    }
}

/// Writes texts to the places from 1 on of the table at `index`.
///
/// # Safety
/// As for [`push_list`].
#[inline]
unsafe fn fill_list(state: *mut lua_State, index: c_int, list: &[&[u8]]) {
    // SAFETY: the caller's promise.
    unsafe {
        for (place, item) in list.iter().enumerate() {
            raw::push_bytes(state, item);
            ffi::lua_rawseti_(state, index, (place + 1) as c_int);
        }
    }
}

/// Pushes a table of texts.
///
/// # Safety
/// `state` is live and in a protected call, whose frames own nothing with a destructor.
pub(super) unsafe fn push_list(state: *mut lua_State, list: &[&[u8]]) {
    // SAFETY: the caller's promise.
    unsafe {
        ffi::lua_createtable(state, list.len().min(c_int::MAX as usize) as c_int, 0);
        fill_list(state, ffi::lua_gettop(state), list);
    }
}
