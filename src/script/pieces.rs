//! Compiling for a script: `loadstring` and `load` hand LuaJIT a text piece by piece, with a look between two, because it takes a second for some megabytes.
#![expect(unsafe_code, reason = "the compiler is reached by way of the Lua C interface")]

use super::calls::{self, may_go_on};
use super::machine::Machine;
use mlua::ffi;
use mlua::lua_State;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;

/// So much is compiled between two looks: less than a millisecond.
const PIECE_BYTES: usize = 16 * 1024;

/// A text that is being read.
struct Pieces {
    machine: *mut Machine,
    text: *const c_char,
    left: usize,
}

/// Compiles its first argument by the name of its second: a function, or nil and what is wrong.
pub(super) unsafe extern "C-unwind" fn load(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; text and name stay in their slots until this function returns. The reader is a piece of this frame without a destructor.
    unsafe {
        let mut left = 0;
        let text = ffi::luaL_checklstring(state, 1, &raw mut left);
        let name = ffi::luaL_checklstring(state, 2, ptr::null_mut());
        let machine = Machine::of(state);
        let mut pieces = Pieces { machine, text, left };
        let status = ffi::lua_load(state, read, (&raw mut pieces).cast(), name);
        if !may_go_on(machine) {
            calls::end(state, machine);
        }
        if status == ffi::LUA_OK {
            return 1;
        }
        ffi::lua_pushnil(state);
        ffi::lua_insert(state, -2);
        2
    }
}

/// The next piece; none once the run is to end.
unsafe extern "C-unwind" fn read(_: *mut lua_State, pieces: *mut c_void, len: *mut usize) -> *const c_char {
    // SAFETY: called by `load`, which lends the pieces; `len` is the compiler's. What is handed out lies within the text.
    unsafe {
        let Pieces { machine, text, left } = &mut *pieces.cast::<Pieces>();
        *len = (*left).min(PIECE_BYTES);
        if *len == 0 || !may_go_on(*machine) {
            *len = 0;
            return ptr::null();
        }
        let piece = *text;
        *text = text.add(*len);
        *left -= *len;
        piece
    }
}
