//! What catches errors, `pcall` and `xpcall`, and how deep it nests; and what coroutines share with it.
//!
//! Lua 5.1 counts the calls that go through C: 200 of them end in `C stack overflow`, and the room above that is left to handlers of errors. No
//! script in the field can have had more. LuaJIT has no such count: a script could nest protected calls by the thousand in each of thousands of
//! coroutines, and every one of them catches a kill again on its way out. So they are counted here as Lua 5.1 counts them, which bounds that way.
//! Callbacks of natives nest by `calls::check_depth`: they catch nothing.
//!
//! A protected call is a C function here as well, so that positions, and what may yield, are Lua 5.1's.
#![expect(
    unsafe_code,
    reason = "functions that take Lua's arguments, call Lua back and raise its errors; the Lua C interface is unsafe throughout"
)]

use super::calls::{self, may_go_on};
use super::machine::Machine;
use mlua::ffi;
use mlua::lua_State;
use std::ffi::{CStr, c_int};

unsafe extern "C-unwind" {
    /// Whether a coroutine may yield from here. It is LuaJIT's, but not among what `mlua` declares for it.
    fn lua_isyieldable(state: *mut lua_State) -> c_int;
}

/// What the sandbox is given, by name.
pub(super) const FUNCTIONS: &[(&CStr, ffi::lua_CFunction)] = &[
    (c"pcall", pcall),
    (c"xpcall", xpcall),
    (c"yield", yield_),
    (c"begin_resume", begin_resume),
    (c"end_resume", end_resume),
];

/// The call that would be as deep as this is refused. A script itself is the first.
const DEEPEST: c_int = 200;
/// So deep even a handler is refused.
const DEEPEST_OF_HANDLERS: c_int = DEEPEST + DEEPEST / 8;
const OVERFLOW: &CStr = c"C stack overflow";
const OVERFLOW_OF_HANDLERS: &CStr = c"error in error handling";

/// Why a call one deeper than `nested` calls below the script is refused, if it is.
fn refusal(nested: c_int) -> Option<&'static CStr> {
    // Only that very depth is refused, as in Lua 5.1: above it are handlers.
    match nested + 1 {
        DEEPEST => Some(OVERFLOW),
        DEEPEST_OF_HANDLERS.. => Some(OVERFLOW_OF_HANDLERS),
        _ => None,
    }
}

/// Calls what stands on the stack under its `count` arguments, at a depth of `nested`. False if that failed, or was refused; then the error is on the stack.
///
/// # Safety
/// Called by Lua, from a function that owns nothing.
unsafe fn call_at(state: *mut lua_State, nested: c_int, count: c_int, results: c_int) -> bool {
    // SAFETY: the caller's promise. Whoever catches an error puts the depth back to what was his, so that one that passes here leaves no trace.
    unsafe {
        if let Some(text) = refusal(nested) {
            ffi::lua_settop(state, -count - 2);
            ffi::lua_pushstring_(state, text.as_ptr());
            return false;
        }
        let machine = Machine::of(state);
        let before = (*machine).nested;
        (*machine).nested = nested;
        let status = ffi::lua_pcall(state, count, results, 0);
        (*machine).nested = before;
        if status == ffi::LUA_OK {
            return true;
        }
        // The hook has no room to run where the stack is all but full, and a script that catches one overflow after the other never leaves that place.
        if !may_go_on(machine) {
            calls::end(state, machine);
        }
        false
    }
}

/// As Redis has it: the caught error of a command is its text, not its table.
unsafe extern "C-unwind" fn pcall(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; owns nothing. The first slot is the first result.
    unsafe {
        let count = ffi::lua_gettop(state);
        if count == 0 {
            // It calls its own first result.
            ffi::lua_pushboolean(state, 1);
        }
        ffi::lua_pushboolean(state, 1);
        ffi::lua_insert(state, 1);
        if call_at(state, (*Machine::of(state)).nested + 1, (count - 1).max(0), ffi::LUA_MULTRET) {
            return ffi::lua_gettop(state);
        }
        if ffi::lua_type(state, -1) == ffi::LUA_TTABLE {
            ffi::lua_getfield_(state, -1, c"err".as_ptr());
            if ffi::lua_isstring(state, -1) != 0 {
                ffi::lua_replace(state, -2);
            }
        }
        ffi::lua_pushboolean(state, 0);
        ffi::lua_replace(state, 1);
        ffi::lua_gettop(state)
    }
}

/// The handler runs after the unwinding, not during it: the machine runs no hook inside a real handler, so an endless one could not be
/// killed. Scripts have nothing by which to see the difference. One that fails is called again with its own error, one deeper, as in Lua 5.1.
unsafe extern "C-unwind" fn xpcall(state: *mut lua_State) -> c_int {
    const HANDLER: c_int = 2;
    // SAFETY: called by Lua; owns nothing. Above body and handler stand the results.
    unsafe {
        ffi::luaL_checkany(state, HANDLER);
        ffi::lua_settop(state, HANDLER);
        ffi::lua_pushboolean(state, 1);
        ffi::lua_pushvalue(state, 1);
        let mut nested = (*Machine::of(state)).nested + 1;
        if call_at(state, nested, 0, ffi::LUA_MULTRET) {
            return ffi::lua_gettop(state) - HANDLER;
        }
        let is_last = |nested| refusal(nested) == Some(OVERFLOW_OF_HANDLERS);
        // A body refused so deep has no handler.
        while !is_last(nested) {
            nested += 1;
            if ffi::lua_type(state, HANDLER) != ffi::LUA_TFUNCTION {
                ffi::lua_settop(state, -2);
                ffi::lua_pushstring_(state, OVERFLOW_OF_HANDLERS.as_ptr());
                break;
            }
            ffi::lua_pushvalue(state, HANDLER);
            ffi::lua_insert(state, -2);
            if call_at(state, nested, 1, 1) {
                break;
            }
        }
        ffi::lua_pushboolean(state, 0);
        ffi::lua_replace(state, HANDLER + 1);
        2
    }
}

unsafe extern "C-unwind" fn yield_(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; owns nothing.
    unsafe {
        if lua_isyieldable(state) == 0 {
            ffi::lua_pushstring_(state, c"attempt to yield across metamethod/C-call boundary".as_ptr());
            ffi::lua_error(state);
        }
        ffi::lua_yield(state, ffi::lua_gettop(state))
    }
}

/// Before a coroutine is resumed: the depth to come back to, or nil if it is too deep. Each takes its part of the thread's stack, beside what callbacks take.
unsafe extern "C-unwind" fn begin_resume(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; owns nothing.
    unsafe {
        let machine = Machine::of(state);
        let nested = (*machine).nested;
        if nested + 1 >= DEEPEST || calls::has_nested(machine) {
            return 0;
        }
        (*machine).nested = nested + 1;
        ffi::lua_pushinteger(state, nested as ffi::lua_Integer);
        1
    }
}

/// After it: the depth from before, and whether it yielded or returned.
unsafe extern "C-unwind" fn end_resume(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua, by the sandbox's own code; owns nothing.
    unsafe {
        let machine = Machine::of(state);
        (*machine).nested = ffi::lua_tointeger_(state, 1) as c_int;
        if ffi::lua_toboolean(state, 2) == 0 && !may_go_on(machine) {
            calls::end(state, machine);
        }
        0
    }
}
