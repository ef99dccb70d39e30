//! The C functions by which Lua calls back: starting up, entering a script, `redis.call`, the libraries, the hook.
//!
//! Each owns nothing with a destructor when it calls what can raise; what could panic is caught before a Lua frame sees it.
#![expect(
    unsafe_code,
    reason = "the raw call path costs 0.6 of what safe callbacks cost; the Lua C interface is unsafe throughout"
)]

use super::library::{NATIVES, Native, Raise};
use super::lists::{enter_run, enter_run_again};
use super::loading::{enter_call, enter_load};
use super::looks::CHARGED_BYTES_MAX;
use super::machine::{
    Chunk, Compiled, Machine, NESTING_BYTES_MAX, SLOT_ARGV, SLOT_CALL, SLOT_COMPILE, SLOT_HANDLER, SLOT_KEYS,
    SLOT_LOAD, SLOT_RUN, SLOT_RUN_AGAIN,
};
use super::raw::{self, Args};
use super::slots;
use super::tape::{LuaSink, Tape, Token};
use super::{Host, LONG_NANOS, LogLevel, Permission, catches, pieces, strings, tables};
use crate::resp::reply::ReplySink;
use mlua::ffi;
use mlua::lua_State;
use std::any::Any;
use std::ffi::{CStr, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// The most bytes that all arguments of a command take: one text may stand in many places.
const ARGUMENT_BYTES_MAX: usize = 512 * 1024 * 1024;
/// So many arguments are not weighed.
const FEW_ARGUMENTS: usize = 16;

/// Registry numbers from here on hold the functions of the fixed slots.
pub(super) const SLOTS_KEY: c_int = 1 << 20;

/// Opens the libraries and runs the sandbox's own code.
pub(super) unsafe extern "C-unwind" fn open(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua in a protected call; owns nothing. The machine is touched by plain stores only.
    unsafe {
        let libraries: [(ffi::lua_CFunction, &CStr); 7] = [
            (ffi::luaopen_base, c""),
            (ffi::luaopen_table, c"table"),
            (ffi::luaopen_string, c"string"),
            (ffi::luaopen_math, c"math"),
            (ffi::luaopen_os, c"os"),
            (ffi::luaopen_bit, c"bit"),
            (ffi::luaopen_jit, c"jit"),
        ];
        for (function, name) in libraries {
            ffi::lua_pushcfunction(state, function);
            ffi::lua_pushstring_(state, name.as_ptr());
            ffi::lua_call(state, 1, 0);
        }
        let sandbox = include_str!("lua/sandbox.lua");
        if ffi::luaL_loadbuffer(state, sandbox.as_ptr().cast(), sandbox.len(), c"=sandbox".as_ptr()) != ffi::LUA_OK {
            ffi::lua_error(state);
        }
        push_natives(state);
        ffi::lua_call(state, 1, 5);
        let machine = Machine::of(state);
        (*machine).peeks = slots::agrees(state);
        (*machine).end_load = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        (*machine).begin_load = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        (*machine).base = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        (*machine).fast = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        (*machine).compile = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        0
    }
}

pub(super) unsafe extern "C-unwind" fn leave_slots(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua in a protected call; owns nothing.
    unsafe {
        let functions: [(c_int, ffi::lua_CFunction); 6] = [
            (SLOT_HANDLER, note_position),
            (SLOT_RUN, enter_run),
            (SLOT_RUN_AGAIN, enter_run_again),
            (SLOT_COMPILE, enter_compile),
            (SLOT_LOAD, enter_load),
            (SLOT_CALL, enter_call),
        ];
        for (slot, function) in functions {
            ffi::lua_pushcfunction(state, function);
            ffi::lua_rawseti_(state, ffi::LUA_REGISTRYINDEX, SLOTS_KEY + slot);
        }
        for (slot, name) in [(SLOT_KEYS, c"KEYS"), (SLOT_ARGV, c"ARGV")] {
            ffi::lua_pushstring_(state, name.as_ptr());
            ffi::lua_rawseti_(state, ffi::LUA_REGISTRYINDEX, SLOTS_KEY + slot);
        }
        0
    }
}

/// Pushes a table of all native functions: by library, or at its top.
unsafe fn push_natives(state: *mut lua_State) {
    // SAFETY: as for `open`, which calls it.
    unsafe {
        ffi::lua_createtable(state, 0, 16);
        for library in [c"redis", c"cjson", c"cmsgpack", c"struct", c"string", c"table"] {
            ffi::lua_createtable(state, 0, 16);
            ffi::lua_setfield(state, -2, library.as_ptr());
        }
        for (index, Native { library, name, .. }) in NATIVES.iter().enumerate() {
            if library.is_empty() {
                ffi::lua_pushvalue(state, -1);
            } else {
                ffi::lua_getfield_(state, -1, library.as_ptr());
            }
            ffi::lua_pushinteger(state, index as ffi::lua_Integer);
            ffi::lua_pushcclosure(state, call_native, 1);
            ffi::lua_setfield(state, -2, name.as_ptr());
            ffi::lua_settop(state, -2);
        }
        for (library, functions) in [(c"string", strings::FUNCTIONS), (c"table", tables::FUNCTIONS)] {
            ffi::lua_getfield_(state, -1, library.as_ptr());
            ffi::lua_getfield_(state, ffi::LUA_GLOBALSINDEX, library.as_ptr());
            for (name, function) in functions {
                ffi::lua_getfield_(state, -1, name.as_ptr());
                ffi::lua_pushcclosure(state, *function, 1);
                ffi::lua_setfield(state, -3, name.as_ptr());
            }
            ffi::lua_settop(state, -3);
        }
        ffi::lua_pushcfunction(state, look);
        ffi::lua_setfield(state, -2, c"look".as_ptr());
        ffi::lua_pushcfunction(state, pieces::load);
        ffi::lua_setfield(state, -2, c"load".as_ptr());
        for (name, function) in catches::FUNCTIONS {
            ffi::lua_pushcfunction(state, *function);
            ffi::lua_setfield(state, -2, name.as_ptr());
        }
        ffi::lua_getfield_(state, -1, c"redis".as_ptr());
        ffi::lua_pushcfunction(state, call);
        ffi::lua_setfield(state, -2, c"call".as_ptr());
        ffi::lua_pushcfunction(state, pcall);
        ffi::lua_setfield(state, -2, c"pcall".as_ptr());
        ffi::lua_settop(state, -2);
        ffi::lua_pushcfunction(state, jit_util);
        ffi::lua_setfield(state, -2, c"jit_util".as_ptr());
        ffi::lua_pushlightuserdata(state, ptr::null_mut());
        ffi::lua_setfield(state, -2, c"null".as_ptr());
    }
}

/// The functions by which the sandbox reads bytecode. Reachable from the sandbox's own code only.
unsafe extern "C-unwind" fn jit_util(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; owns nothing. luaopen_jit left the loader there.
    unsafe {
        ffi::lua_getfield_(state, ffi::LUA_REGISTRYINDEX, c"_PRELOAD".as_ptr());
        ffi::lua_getfield_(state, -1, c"jit.util".as_ptr());
        ffi::lua_call(state, 0, 1);
        1
    }
}

pub(super) unsafe extern "C-unwind" fn enter_compile(state: *mut lua_State) -> c_int {
    // SAFETY: called by `Machine::compile` in a protected call; the text lives until that returns. Owns nothing.
    unsafe {
        let machine = Machine::of(state);
        ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, (*machine).compile);
        raw::push_bytes(state, &*(*machine).text);
        ffi::lua_pushstring_(state, (*machine).chunk.source().as_ptr());
        ffi::lua_pushboolean(state, c_int::from((*machine).chunk == Chunk::Library));
        ffi::lua_call(state, 3, 4);
        if ffi::lua_type(state, 1) == ffi::LUA_TNIL {
            ffi::lua_settop(state, 2);
            return 1;
        }
        let fast = ffi::lua_toboolean(state, 2) != 0;
        let bounded = ffi::lua_toboolean(state, 3) != 0;
        let tail_line = ffi::lua_tointeger_(state, 4) as c_int;
        ffi::lua_settop(state, 1);
        let function = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        let chunk = (*machine).chunk;
        (*machine).compiled = Some(Compiled { function, fast, bounded, tail_line, chunk });
        0
    }
}

/// The message handler: notes where the error was raised and lets it pass.
unsafe extern "C-unwind" fn note_position(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua with one argument. lua_getstack and lua_getinfo with "Sl" raise nothing; the vector is the machine's.
    unsafe {
        let machine = &mut *Machine::of(state);
        machine.error_line = 0;
        machine.error_in_sandbox = false;
        let mut frame: ffi::lua_Debug = std::mem::zeroed();
        let mut level = 1;
        while level < 16 && ffi::lua_getstack(state, level, &raw mut frame) != 0 {
            level += 1;
            ffi::lua_getinfo(state, c"Sl".as_ptr(), &raw mut frame);
            if frame.source.is_null() || frame.currentline <= 0 {
                continue;
            }
            let source = CStr::from_ptr(frame.source).to_bytes();
            if source == b"=sandbox" {
                machine.error_in_sandbox = true;
            } else {
                machine.error_source.clear();
                machine.error_source.extend_from_slice(&source[..source.len().min(64)]);
                machine.error_line = frame.currentline;
                break;
            }
        }
        1
    }
}

/// The count hook: looks at the kill flag and the clock.
pub(super) unsafe extern "C-unwind" fn watch(state: *mut lua_State, _: *mut ffi::lua_Debug) {
    // SAFETY: called by Lua between two instructions; owns nothing when it raises.
    unsafe {
        let machine = Machine::of(state);
        if !may_go_on(machine) {
            end(state, machine);
        }
        Machine::make_room(machine, state);
        (*machine).count_anew();
    }
}

/// Looks at the kill flag and the clock, and has the host told when the run has taken long.
///
/// # Safety
/// Called on the thread of the run, while no command of it and no native function that was lent the host goes on.
pub(super) unsafe fn may_go_on(machine: *mut Machine) -> bool {
    // SAFETY: the caller's promise.
    unsafe { may_call(machine) && ((*machine).told_slow || tell_of_time(machine)) }
}

/// Looks at the kill flag, and at the clock if there is a `script-max-time`.
///
/// # Safety
/// Called on the thread of the run.
#[inline]
unsafe fn may_call(machine: *mut Machine) -> bool {
    // SAFETY: the caller's promise; the job's control is borrowed by the run.
    unsafe {
        if has_ended(machine) {
            return false;
        }
        let Some(job) = (*machine).job.as_ref() else { return true };
        let stop = (*job.control).poll();
        (*machine).stopped = stop;
        stop.is_none()
    }
}

/// Has the host told once each when the run has taken long, and when it is past `lua-time-limit`. False if it panicked.
///
/// # Safety
/// As for [`may_go_on`], which calls it.
unsafe fn tell_of_time(machine: *mut Machine) -> bool {
    // SAFETY: the caller's promise; the host and the control are borrowed by the run.
    unsafe {
        let Some(job) = (*machine).job.as_ref() else { return true };
        let (host, control) = (job.host, &*job.control);
        let is_long = !(*machine).told_long && control.nanos() >= LONG_NANOS;
        let is_slow = control.is_slow();
        (*machine).told_long |= is_long;
        (*machine).told_slow = is_slow;
        if !is_long && !is_slow {
            return true;
        }
        let told = catch_unwind(AssertUnwindSafe(|| {
            if is_long {
                (*host.as_ptr()).went_long();
            }
            if is_slow {
                (*host.as_ptr()).went_slow();
            }
        }));
        (*machine).panic = told.err();
        (*machine).panic.is_none()
    }
}

/// Raises if the run is to end: for the sandbox's own code.
unsafe extern "C-unwind" fn look(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; owns nothing.
    unsafe {
        let machine = Machine::of(state);
        if !may_go_on(machine) {
            end(state, machine);
        }
        0
    }
}

/// Raises if the thread's stack would be taken too far by calling Lua from here.
///
/// # Safety
/// Called by Lua, from a function that owns nothing.
pub(super) unsafe fn check_depth(state: *mut lua_State, machine: *mut Machine) {
    // SAFETY: the caller's promise.
    unsafe {
        if has_nested(machine) {
            raise_at(state, "C stack overflow");
        }
    }
}

/// Whether the run has taken as much of the thread's stack as it may.
pub(super) unsafe fn has_nested(machine: *mut Machine) -> bool {
    let mark = 0u8;
    // SAFETY: the caller's machine is live.
    let start = unsafe { (*machine).stack_start };
    start.abs_diff(ptr::from_ref(&mark).addr()) > NESTING_BYTES_MAX
}

/// Raises `text` behind the caller's position.
///
/// # Safety
/// Called by Lua, from a function that owns nothing.
pub(super) unsafe fn raise_at(state: *mut lua_State, text: &str) -> ! {
    // SAFETY: the caller's promise.
    unsafe {
        ffi::luaL_where(state, 1);
        raw::push_bytes(state, text.as_bytes());
        ffi::lua_concat(state, 2);
        ffi::lua_error(state)
    }
}

/// Ends the run and carries a panic to its top.
///
/// # Safety
/// Called by Lua, from a function that owns nothing else.
#[cold]
pub(super) unsafe fn end_by_panic(state: *mut lua_State, machine: *mut Machine, panic: Box<dyn Any + Send>) -> ! {
    // SAFETY: the caller's promise; the panic is the machine's from here on.
    unsafe {
        (*machine).panic = Some(panic);
        end(state, machine)
    }
}

/// Whether this run is only to be unwound any more.
unsafe fn has_ended(machine: *mut Machine) -> bool {
    // SAFETY: the caller's machine is live.
    unsafe { (*machine).stopped.is_some() || (*machine).aborted || (*machine).panic.is_some() }
}

/// Raises, and makes every further instruction raise, so that nothing that catches errors goes on.
///
/// # Safety
/// Called by Lua, from a function that owns nothing.
pub(super) unsafe fn end(state: *mut lua_State, machine: *mut Machine) -> ! {
    // SAFETY: called from C functions and hooks that own nothing.
    unsafe {
        (*machine).hooked = true;
        ffi::lua_sethook(state, Some(watch), ffi::LUA_MASKCOUNT, 1);
        // Nil needs no memory; the text is made at the top.
        ffi::lua_pushnil(state);
        ffi::lua_error(state)
    }
}

unsafe extern "C-unwind" fn call(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe { call_command(state, true) }
}

unsafe extern "C-unwind" fn pcall(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe { call_command(state, false) }
}

/// `redis.call` and `redis.pcall`.
///
/// # Safety
/// Called by Lua, on the thread of the run. Everything that has a destructor belongs to the machine.
#[inline]
unsafe fn call_command(state: *mut lua_State, raises: bool) -> c_int {
    // SAFETY: the caller's promise. Arguments point into strings that stay on the stack until this function returns, and into
    // `digits`, which is reserved in advance and so does not move. `host` is borrowed by the run.
    unsafe {
        let machine = Machine::of(state);
        let Some(job) = (*machine).job.as_ref() else {
            return raise(state, b"ERR redis.call is not possible now", raises);
        };
        let (host, control) = (job.host, job.control);
        // The clock as well: a function of Lua's own that is given this one to call runs no instruction between two calls.
        if !may_call(machine) {
            end(state, machine);
        }
        // Everything of ours that could panic is inside; a panic must not meet a Lua frame.
        let ran = catch_unwind(AssertUnwindSafe(|| {
            slots::gather(state, &mut *machine)?;
            let arguments = &(*machine).argv;
            if arguments.len() > FEW_ARGUMENTS
                && arguments.iter().map(|text| text.len()).sum::<usize>() > ARGUMENT_BYTES_MAX
            {
                return Err(b"ERR the arguments of the command take too many bytes".as_slice());
            }
            (*machine).empty_tape();
            let Machine { session, argv, .. } = &mut *machine;
            let mut sink = LuaSink { tape: &mut session.tape, resp3: session.resp3 };
            let host = &mut *host.as_ptr();
            host.call(argv, &mut sink);
            Ok((host.aborted(), (*control).stopped()))
        }));
        match ran {
            Ok(Ok((aborted, stopped))) => {
                (*machine).aborted = aborted;
                // The host does not write for a run that was asked to end meanwhile.
                (*machine).stopped = stopped;
            }
            Ok(Err(text)) => return raise(state, text, raises),
            Err(panic) => (*machine).panic = Some(panic),
        }
        if has_ended(machine) {
            end(state, machine);
        }
        let tape = charged_tape(state, machine);
        let is_error = matches!(tape.tokens().first(), Some(Token::CommandError(_)));
        raw::push(state, tape, 0);
        release_tape(machine);
        if raises && is_error {
            ffi::lua_error(state);
        }
        1
    }
}

/// The tape, which counts as the script's memory until it is released; raises if it had no room for all.
#[inline]
unsafe fn charged_tape<'a>(state: *mut lua_State, machine: *mut Machine) -> &'a Tape {
    // SAFETY: called from C functions that own nothing; nobody writes to the tape before it is released.
    unsafe {
        if (*machine).session.tape.has_overflowed() {
            out_of_memory(state, machine);
        }
        (*machine).memory.outside = (*machine).session.tape.size();
        &(*machine).session.tape
    }
}

#[inline]
unsafe fn release_tape(machine: *mut Machine) {
    // SAFETY: called from C functions that own nothing and use the tape no more.
    unsafe {
        (*machine).memory.outside = 0;
        (*machine).session.tape.give_back();
    }
}

/// Raises as Lua does when memory runs out.
#[cold]
unsafe fn out_of_memory(state: *mut lua_State, machine: *mut Machine) -> ! {
    // SAFETY: called from C functions that own nothing. What did not fit is given back first, so that there is room for a text.
    unsafe {
        (*machine).empty_tape();
        (*machine).memory.refused = true;
        raw::push_bytes(state, b"not enough memory");
        ffi::lua_error(state)
    }
}

/// Raises `{err=text}`, or returns it.
unsafe fn raise(state: *mut lua_State, text: &[u8], raises: bool) -> c_int {
    // SAFETY: called from C functions that own nothing.
    unsafe {
        ffi::lua_createtable(state, 0, 1);
        raw::push_bytes(state, text);
        ffi::lua_setfield(state, -2, c"err".as_ptr());
        if raises {
            ffi::lua_error(state);
        }
        1
    }
}

/// Every native function of the libraries comes through here; which one is its upvalue.
unsafe extern "C-unwind" fn call_native(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua. The native reads the stack through views and writes to the session; a panic in it is caught. Nothing is
    // owned here when values are pushed or errors raised.
    unsafe {
        let machine = Machine::of(state);
        let index = ffi::lua_tointeger_(state, ffi::lua_upvalueindex(1)) as usize;
        let native: &Native = &NATIVES[index];
        let ran = {
            (*machine).empty_tape();
            let session = &mut (*machine).session;
            let args = Args::new(state);
            let host = (*machine).job.as_ref().map(|job| job.host);
            catch_unwind(AssertUnwindSafe(|| match host {
                Some(host) => native.run(session, &mut *host.as_ptr(), args),
                None => native.run(session, &mut Nobody, args),
            }))
        };
        if ran.is_ok() {
            (*machine).session.charge_call(ran.as_ref().is_ok_and(Result::is_err));
            if (*machine).session.charged >= CHARGED_BYTES_MAX {
                (*machine).session.charged = 0;
                if !may_go_on(machine) {
                    end(state, machine);
                }
            }
        }
        match ran {
            Err(panic) => end_by_panic(state, machine, panic),
            // Whatever it says went wrong, the run has no use for it.
            Ok(Err(_)) if !may_call(machine) => end(state, machine),
            Ok(Ok(())) => {
                let tape = charged_tape(state, machine);
                let count = push_results(state, tape);
                release_tape(machine);
                count
            }
            Ok(Err(Raise::Memory)) => out_of_memory(state, machine),
            Ok(Err(Raise::Reply)) => raise(state, &(*machine).session.text, true),
            Ok(Err(Raise::Positioned | Raise::Argument(_))) => {
                ffi::luaL_where(state, 1);
                raw::push_bytes(state, &(*machine).session.text);
                ffi::lua_concat(state, 2);
                ffi::lua_error(state)
            }
        }
    }
}

unsafe fn push_results(state: *mut lua_State, tape: &Tape) -> c_int {
    // SAFETY: as for `call_native`.
    unsafe {
        let (mut at, mut count) = (0, 0);
        while at < tape.tokens().len() {
            ffi::luaL_checkstack_(state, 4, c"too many results".as_ptr());
            at = raw::push(state, tape, at);
            count += 1;
        }
        count
    }
}

/// The host of natives that run while the machine starts.
struct Nobody;

impl Host for Nobody {
    fn call(&mut self, _: &[&[u8]], sink: &mut dyn ReplySink) {
        sink.error(b"ERR redis.call is not possible now");
    }
    fn log(&mut self, _: LogLevel, _: &[u8]) {}
    fn set_resp(&mut self, _: u8) {}
    fn may_call(&mut self, _: &[&[u8]]) -> Permission {
        Permission::Invalid
    }
    fn aborted(&self) -> bool {
        false
    }
}
