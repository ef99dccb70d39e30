//! Loading a library into a machine, and entering its functions.
//!
//! While a library is loaded its globals are those of loading, few; the sandbox exchanges them for those of running when it has ended. A machine on which
//! that failed is thrown away by its owner, for it was left in between.
#![expect(
    unsafe_code,
    reason = "the raw call path costs 0.6 of what safe callbacks cost; the Lua C interface is unsafe throughout"
)]

use super::control::{Control, Stop};
use super::functions::Function;
use super::lists::push_list;
use super::machine::{Call, Chunk, Compiled, Machine, Owned, SLOT_LOAD, SLOTS_TOP, message_of};
use super::raw::View;
use super::register::Registry;
use super::{Host, Outcome};
use mlua::ffi;
use mlua::lua_State;
use std::ffi::c_int;
use std::panic::resume_unwind;

/// What a loaded library consists of: what each function said, and where it is. Both in order of registration.
pub(super) struct Loaded {
    pub(super) functions: Vec<Function>,
    pub(super) compiled: Vec<Compiled>,
}

/// Why a library was not loaded. The text is the whole reply.
#[derive(Debug)]
pub(super) struct LoadFailure {
    pub(super) text: Vec<u8>,
    pub(super) outcome: Outcome,
}

impl Owned {
    /// Compiles and runs the text of a library. After a failure the machine must be thrown away.
    pub(super) fn load(&mut self, text: &[u8], host: &mut dyn Host, control: &Control) -> Result<Loaded, LoadFailure> {
        // SAFETY: this keeps the machine alive, and `&mut self` that nothing runs on it.
        unsafe { Machine::load(self.get(), text, host, control) }
    }

    /// Gives the functions of a library back to the collector.
    pub(super) fn forget(&mut self, compiled: &[Compiled]) {
        // SAFETY: the machine is live and runs nothing. The registry holds these numbers, so that giving one back writes to slots that are there.
        unsafe {
            let state = (*self.get()).state;
            for Compiled { function, .. } in compiled {
                ffi::luaL_unref(state, ffi::LUA_REGISTRYINDEX, *function);
            }
        }
    }
}

impl Machine {
    /// See [`Owned::load`].
    ///
    /// # Safety
    /// `this` is a live machine that runs nothing.
    unsafe fn load(
        this: *mut Self,
        text: &[u8],
        host: &mut dyn Host,
        control: &Control,
    ) -> Result<Loaded, LoadFailure> {
        // SAFETY: the caller's promise. Nothing runs on the machine after `enter` has returned; the value that it left is looked at before
        // the stack is cut.
        unsafe {
            let chunk = Self::compile(this, text, Chunk::Library)
                .map_err(|error| LoadFailure { text: error.reply().to_vec(), outcome: Outcome::Failed })?;
            (*this).session.loading = Some(Registry::default());
            let call = Call { compiled: chunk, slot: SLOT_LOAD, keys: &[], argv: &[] };
            let (state, status) = Self::enter(this, &call, host, control);
            let registry = (*this).session.loading.take().expect("it was put there above");
            if let Some(panic) = (*this).panic.take() {
                resume_unwind(panic);
            }
            let fail = |reason: &[u8], outcome| {
                let text = [b"ERR Error registering functions: ".as_slice(), reason].concat();
                Err(LoadFailure { text, outcome })
            };
            let answer = match (*this).stopped {
                Some(Stop::TimedOut) => fail(b"ERR FUNCTION LOAD timeout", Outcome::Killed),
                Some(Stop::Killed) => fail(b"ERR Script killed by user with SCRIPT KILL...", Outcome::Killed),
                None if status == ffi::LUA_OK => {
                    Ok(Loaded { functions: registry.functions, compiled: std::mem::take(&mut (*this).loaded) })
                }
                None if (*this).memory.refused => fail(b"ERR script memory limit reached", Outcome::OutOfMemory),
                None => fail(&message_of(View::new(state, ffi::lua_gettop(state))), Outcome::Failed),
            };
            ffi::lua_settop(state, SLOTS_TOP);
            ffi::luaL_unref(state, ffi::LUA_REGISTRYINDEX, chunk.function);
            answer
        }
    }
}

/// Runs a library's text between the sandbox's preparations, and keeps the functions that were registered.
pub(super) unsafe extern "C-unwind" fn enter_load(state: *mut lua_State) -> c_int {
    // SAFETY: called by `Machine::enter` in a protected call, which set the job and keeps what it points to alive. Owns nothing: the list of what was
    // loaded is the machine's.
    unsafe {
        let machine = Machine::of(state);
        let function = (*machine).job.as_ref().expect("a run has a job").function;
        ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, (*machine).begin_load);
        ffi::lua_call(state, 0, 0);
        ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, function);
        ffi::lua_call(state, 0, 0);
        ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, (*machine).end_load);
        ffi::lua_call(state, 0, 1);
        (*machine).loaded.clear();
        let count = (*machine).session.loading.as_ref().map_or(0, |registry| registry.functions.len());
        for index in 0..count as c_int {
            // Each function is followed by whether it ends by itself, and the line of its last tail call.
            ffi::lua_rawgeti_(state, 1, 3 * index + 2);
            let bounded = ffi::lua_toboolean(state, -1) != 0;
            ffi::lua_rawgeti_(state, 1, 3 * index + 3);
            let tail_line = ffi::lua_tointeger_(state, -1) as c_int;
            ffi::lua_rawgeti_(state, 1, 3 * index + 1);
            let function = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
            ffi::lua_settop(state, 1);
            let compiled = Compiled { function, fast: false, bounded, tail_line, chunk: Chunk::Library };
            (*machine).loaded.push(compiled);
        }
        0
    }
}

/// Calls a library's function with its keys and its other arguments.
pub(super) unsafe extern "C-unwind" fn enter_call(state: *mut lua_State) -> c_int {
    // SAFETY: as for `enter_load`.
    unsafe {
        let machine = Machine::of(state);
        let job = (*machine).job.as_ref().expect("a run has a job");
        let (keys, argv, function) = (job.keys, job.argv, job.function);
        ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, function);
        push_list(state, &*keys);
        push_list(state, &*argv);
        ffi::lua_call(state, 2, 1);
        1
    }
}
