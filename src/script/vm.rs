//! The machine: one LuaJIT state, the raw call path, the hook that stops it, and what a run needs.
#![expect(
    unsafe_code,
    reason = "the raw call path costs 0.6 of what safe callbacks cost; the Lua C interface is unsafe throughout"
)]

use super::control::{Control, Stop};
use super::library::{NATIVES, Native, Raise, Session};
use super::raw::{self, Args, Kind, View};
use super::source::{ByDigest, Digest, Source};
use super::tape::{LuaSink, Token};
use super::{Host, LogLevel, Outcome, Permission, ScriptError, VmConfig, convert, lexer};
use crate::resp::reply::ReplySink;
use mlua::ffi;
use mlua::lua_State;
use std::alloc::Layout;
use std::any::Any;
use std::ffi::{CStr, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// The name by which a script calls itself in errors.
const CHUNK: &CStr = c"@user_script";
/// Every block that Lua is given is aligned so.
const ALIGN: usize = 16;
/// A VM that compiled this many scripts starts afresh, so that a client that sends ever new texts cannot fill it.
const COMPILED_MAX: usize = 10_000;
/// The stack slots that hold the message handler and the functions to enter by; they are made once, because making them can raise.
const SLOT_HANDLER: c_int = 1;
const SLOT_RUN: c_int = 2;
const SLOT_COMPILE: c_int = 3;

/// A Lua virtual machine. It belongs to one thread.
pub struct Vm {
    config: VmConfig,
    machine: Box<Machine>,
    compiled: ByDigest<Compiled>,
    generation: u64,
    spent: bool,
}

impl std::fmt::Debug for Vm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vm").field("compiled", &self.compiled.len()).field("bytes", &self.bytes()).finish()
    }
}

/// A compiled script.
#[derive(Clone, Copy, Debug)]
struct Compiled {
    /// Where the registry keeps the function.
    function: c_int,
    /// Its environment is the one with the real tables.
    fast: bool,
    /// It has neither loop nor function, so that it ends without a hook.
    bounded: bool,
    /// The line of its last tail call: LuaJIT forgets the caller of a function that is called so.
    tail_line: c_int,
}

impl Vm {
    /// A new machine with nothing compiled.
    ///
    /// # Errors
    /// If the memory limit leaves no room for one, or LuaJIT would not be an interpreter.
    pub fn new(config: VmConfig) -> Result<Self, ScriptError> {
        let machine = Machine::start(config)?;
        Ok(Self { config, machine, compiled: ByDigest::default(), generation: 0, spent: false })
    }

    /// The bytes that its values take.
    pub fn bytes(&self) -> usize {
        self.machine.memory.used
    }

    /// Drops all compiled functions if the cache was flushed since: `generation` is [`super::Scripts::generation`].
    pub fn follow(&mut self, generation: u64) {
        if self.generation != generation {
            self.generation = generation;
            self.spent = true;
        }
    }

    /// Compiles a script unless it is compiled already.
    ///
    /// # Errors
    /// If the text does not compile, or a spent machine cannot be replaced.
    pub fn prepare(&mut self, source: &Source) -> Result<(), ScriptError> {
        self.compiled(source).map(drop)
    }

    fn compiled(&mut self, source: &Source) -> Result<Compiled, ScriptError> {
        if self.spent || self.compiled.len() >= COMPILED_MAX {
            self.compiled.clear();
            self.machine = Machine::start(self.config)?;
            self.spent = false;
        }
        if let Some(compiled) = self.compiled.get(&source.digest) {
            return Ok(*compiled);
        }
        let compiled = self.machine.compile(source.code())?;
        self.compiled.insert(source.digest, compiled);
        Ok(compiled)
    }

    /// Runs a script to its end and gives its reply, or its error, into `sink`; nothing if the host aborted it.
    ///
    /// # Panics
    /// Only if the host panics: the panic passes through here, and the machine is replaced before its next run.
    pub fn run(
        &mut self,
        source: &Arc<Source>,
        keys: &[&[u8]],
        argv: &[&[u8]],
        host: &mut dyn Host,
        sink: &mut dyn ReplySink,
        control: &Control,
    ) -> Outcome {
        let compiled = match self.compiled(source) {
            Ok(compiled) => compiled,
            Err(problem) => {
                sink.error(problem.reply());
                return Outcome::Failed;
            }
        };
        source.note_run();
        // The machine stays marked until the run is known to have left it whole, also if a panic passes by.
        self.spent = true;
        let outcome = self.machine.run(compiled, &source.digest, keys, argv, host, sink, control);
        self.spent = matches!(outcome, Outcome::Killed | Outcome::OutOfMemory);
        outcome
    }
}

/// What Lua may allocate and has.
#[derive(Debug)]
struct Memory {
    used: usize,
    max: usize,
    /// An allocation was refused.
    refused: bool,
}

/// What the run in progress works on. Pointers, because Lua carries them through C frames.
struct Job {
    host: NonNull<dyn Host>,
    control: *const Control,
    keys: *const [&'static [u8]],
    argv: *const [&'static [u8]],
    function: c_int,
    environment: c_int,
}

/// A Lua state and what its C functions need.
///
/// # Invariants
/// It is boxed and never moves: the state's allocator carries its address, which is how C functions find it. `job` points to what is
/// borrowed by [`Machine::run`] and is None outside. C functions run on this thread and one at a time; none of them keeps a
/// reference to the machine across a call into Lua that runs Lua code.
struct Machine {
    memory: Memory,
    state: *mut lua_State,
    session: Session,
    job: Option<Job>,
    /// What [`enter_compile`] works on, and its answer.
    text: *const [u8],
    compiled: Option<Compiled>,
    compile: c_int,
    fast: c_int,
    base: c_int,
    hook_instructions: c_int,
    hooked: bool,
    stopped: Option<Stop>,
    aborted: bool,
    /// A panic on its way to the top.
    panic: Option<Box<dyn Any + Send>>,
    /// The arguments of the command being called; their lifetime ends with the call.
    argv: Vec<&'static [u8]>,
    /// The digits of the arguments that were numbers.
    digits: Vec<u8>,
    /// Where the last error that reached the top was raised.
    error_source: Vec<u8>,
    error_line: c_int,
}

/// The most bytes that a number takes as an argument.
const DIGITS_MAX: usize = 32;

impl Drop for Machine {
    fn drop(&mut self) {
        if !self.state.is_null() {
            // SAFETY: the state was made by `start` and is closed once, here. Nothing of Lua's runs any more.
            unsafe { ffi::lua_close(self.state) };
        }
    }
}

impl Machine {
    fn start(config: VmConfig) -> Result<Box<Self>, ScriptError> {
        let max = if config.memory_bytes_max == 0 { usize::MAX } else { config.memory_bytes_max };
        let mut machine = Box::new(Self {
            memory: Memory { used: 0, max, refused: false },
            state: ptr::null_mut(),
            session: Session::default(),
            job: None,
            text: ptr::slice_from_raw_parts(NonNull::dangling().as_ptr(), 0),
            compiled: None,
            compile: 0,
            fast: 0,
            base: 0,
            hook_instructions: config.hook_instructions.max(1),
            hooked: false,
            stopped: None,
            aborted: false,
            panic: None,
            argv: Vec::new(),
            digits: Vec::new(),
            error_source: Vec::new(),
            error_line: 0,
        });
        let this: *mut Self = &raw mut *machine;
        // SAFETY: the box is not moved out of; the allocator's user data is its address and outlives the state, which the machine
        // closes when it is dropped. `open` runs in a protected call and leaves three slots on the stack.
        unsafe {
            let state = ffi::lua_newstate(allocate, this.cast());
            if state.is_null() {
                return Err(ScriptError::Start("the memory limit leaves no room for a machine".into()));
            }
            (*this).state = state;
            if ffi::lua_cpcall(state, open, ptr::null_mut()) != ffi::LUA_OK {
                let why = View::new(state, ffi::lua_gettop(state)).bytes().unwrap_or(b"no memory");
                return Err(ScriptError::Start(String::from_utf8_lossy(why).into_owned()));
            }
            let root = ffi::lua_cpcall(state, leave_slots, ptr::null_mut());
            assert!(root == ffi::LUA_OK, "a fresh machine has room for three functions");
            ffi::lua_settop(state, 0);
            for slot in [SLOT_HANDLER, SLOT_RUN, SLOT_COMPILE] {
                ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, SLOTS_KEY + slot);
            }
        }
        Ok(machine)
    }

    fn compile(&mut self, text: &[u8]) -> Result<Compiled, ScriptError> {
        let fail = |why: &[u8]| {
            Err(ScriptError::Compile([b"ERR Error compiling script (new function): ".as_slice(), why].concat()))
        };
        if let Some(refusal) = lexer::refuse(text) {
            return fail(&super::library::refusal_text(&refusal, b"user_script"));
        }
        let this: *mut Self = self;
        // SAFETY: `text` outlives the protected call that reads it; slots are as `start` left them; the error value is looked at
        // before the stack is cut.
        unsafe {
            (*this).text = ptr::from_ref(text);
            (*this).compiled = None;
            let state = (*this).state;
            ffi::lua_pushvalue(state, SLOT_COMPILE);
            let status = ffi::lua_pcall(state, 0, 1, 0);
            let answer = match (*this).compiled.take() {
                Some(compiled) if status == ffi::LUA_OK => Ok(compiled),
                _ => fail(View::new(state, ffi::lua_gettop(state)).bytes().unwrap_or(b"not enough memory")),
            };
            ffi::lua_settop(state, SLOT_COMPILE);
            answer
        }
    }

    #[expect(clippy::too_many_arguments, reason = "they are Vm::run's, which names each")]
    fn run(
        &mut self,
        compiled: Compiled,
        digest: &Digest,
        keys: &[&[u8]],
        argv: &[&[u8]],
        host: &mut dyn Host,
        sink: &mut dyn ReplySink,
        control: &Control,
    ) -> Outcome {
        self.session.reset();
        self.stopped = None;
        self.aborted = false;
        self.memory.refused = false;
        self.error_line = 0;
        self.set_hook(!compiled.bounded);
        let this: *mut Self = self;
        // SAFETY: lifetimes are erased for the job only, which is taken away again before this function ends, whichever way the
        // protected call ended: it returns, since panics are caught inside. Until then `host`, `keys`, `argv` and `control` are
        // borrowed by this call, so they live; `host` is used by nobody else meanwhile.
        let (state, status) = unsafe {
            (*this).job = Some(Job {
                host: std::mem::transmute::<NonNull<dyn Host + '_>, NonNull<dyn Host + 'static>>(NonNull::from(host)),
                control,
                keys: std::mem::transmute::<*const [&[u8]], *const [&'static [u8]]>(ptr::from_ref(keys)),
                argv: std::mem::transmute::<*const [&[u8]], *const [&'static [u8]]>(ptr::from_ref(argv)),
                function: compiled.function,
                environment: if compiled.fast { (*this).fast } else { (*this).base },
            });
            let state = (*this).state;
            ffi::lua_pushvalue(state, SLOT_RUN);
            let status = ffi::lua_pcall(state, 0, 1, SLOT_HANDLER);
            (*this).job = None;
            (state, status)
        };
        if let Some(panic) = self.panic.take() {
            resume_unwind(panic);
        }
        if self.aborted || self.stopped.is_some() {
            // What `end` installed raises at every instruction.
            self.hooked = true;
            self.set_hook(false);
        }
        if self.aborted {
            // SAFETY: the slots below stay as `start` left them.
            unsafe { ffi::lua_settop(state, SLOT_COMPILE) };
            return Outcome::Aborted;
        }
        // SAFETY: the protected call left one value; nobody else uses the stack until it is cut below.
        let value = unsafe { View::new(state, ffi::lua_gettop(state)) };
        let outcome = if let Some(stop) = self.stopped {
            let reason: &[u8] = match stop {
                Stop::Killed => b"ERR Error running script (user_script): Script killed by user with SCRIPT KILL.",
                Stop::TimedOut => b"ERR Error running script (user_script): Script killed by script-max-time.",
            };
            sink.error(&self.error_text(reason.to_vec(), digest, compiled.tail_line));
            Outcome::Killed
        } else if status == ffi::LUA_OK {
            convert::reply(value, self.session.resp3, sink);
            Outcome::Replied
        } else if self.memory.refused {
            let reason = b"ERR script memory limit reached".to_vec();
            sink.error(&self.error_text(reason, digest, compiled.tail_line));
            Outcome::OutOfMemory
        } else {
            let mut message = message_of(value);
            if self.error_line == 0 && value.kind() == Kind::String && compiled.tail_line > 0 {
                let position = format!("user_script:{}: ", compiled.tail_line);
                message.splice(4..4, position.into_bytes());
            }
            sink.error(&self.error_text(message, digest, compiled.tail_line));
            Outcome::Failed
        };
        // SAFETY: the slots below stay as `start` left them.
        unsafe { ffi::lua_settop(state, SLOT_COMPILE) };
        outcome
    }

    /// `message`, and which script and line it came from.
    fn error_text(&self, mut message: Vec<u8>, digest: &Digest, tail_line: c_int) -> Vec<u8> {
        message.extend_from_slice(b" script: ");
        message.extend_from_slice(&digest.hex());
        message.extend_from_slice(b", on ");
        let (source, line) = match self.error_line {
            0 => (CHUNK.to_bytes(), tail_line.max(1)),
            line => (self.error_source.as_slice(), line),
        };
        message.extend_from_slice(source);
        message.extend_from_slice(format!(":{line}.").as_bytes());
        message
    }

    fn set_hook(&mut self, wanted: bool) {
        if wanted != self.hooked {
            self.hooked = wanted;
            // SAFETY: the state is live and runs nothing now.
            unsafe {
                if wanted {
                    ffi::lua_sethook(self.state, Some(watch), ffi::LUA_MASKCOUNT, self.hook_instructions);
                } else {
                    ffi::lua_sethook(self.state, None, 0, 0);
                }
            }
        }
    }

    /// The machine of a running state.
    ///
    /// # Safety
    /// `state` was made by [`Machine::start`].
    #[inline]
    unsafe fn of(state: *mut lua_State) -> *mut Self {
        let mut user_data = ptr::null_mut();
        // SAFETY: the caller's promise; the allocator's user data is the machine.
        unsafe { ffi::lua_getallocf(state, &raw mut user_data) };
        user_data.cast()
    }
}

/// The text for the client of an error that reached the top.
fn message_of(value: View<'_>) -> Vec<u8> {
    let mut text = b"ERR ".to_vec();
    match value.kind() {
        Kind::String => text.extend_from_slice(value.bytes().expect("a string has bytes")),
        Kind::Number => crate::base::num::append_f64_14g(&mut text, value.number().expect("a number has a value")),
        Kind::Boolean => text.extend_from_slice(if value.truth() { b"true" } else { b"false" }),
        Kind::Nil | Kind::None => text.extend_from_slice(b"nil"),
        Kind::Table => match value.field(b"err", |err| err.bytes().map(<[u8]>::to_vec)) {
            Ok(Some(Some(err))) => text = err,
            _ => text.extend_from_slice(b"unknown error (a table without a text in err)"),
        },
        kind => text.extend_from_slice(format!("{}: 0x{:014x}", kind.name(), value.address()).as_bytes()),
    }
    text
}

/// Lua's allocator: the process's own, with a limit.
unsafe extern "C" fn allocate(user_data: *mut c_void, block: *mut c_void, old: usize, new: usize) -> *mut c_void {
    // SAFETY: the user data is the machine, whose memory field nobody else borrows while Lua allocates. `block` and `old` are what
    // an earlier call returned and was asked for, as Lua promises.
    unsafe {
        let memory = &mut (*user_data.cast::<Machine>()).memory;
        let old = if block.is_null() { 0 } else { old };
        if new > old && new - old > memory.max.saturating_sub(memory.used) {
            memory.refused = true;
            return ptr::null_mut();
        }
        let layout = |size| Layout::from_size_align_unchecked(size, ALIGN);
        let made = match (old, new) {
            (0, 0) => ptr::null_mut(),
            (0, _) => std::alloc::alloc(layout(new)),
            (_, 0) => {
                std::alloc::dealloc(block.cast(), layout(old));
                ptr::null_mut()
            }
            _ => std::alloc::realloc(block.cast(), layout(old), new),
        };
        if new > 0 && made.is_null() {
            memory.refused = true;
            return ptr::null_mut();
        }
        memory.used = memory.used - old + new;
        made.cast()
    }
}

/// Registry numbers from here on hold the functions of the fixed slots.
const SLOTS_KEY: c_int = 1 << 20;

/// Opens the libraries and runs the sandbox's own code.
unsafe extern "C-unwind" fn open(state: *mut lua_State) -> c_int {
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
        ffi::lua_call(state, 1, 3);
        let machine = Machine::of(state);
        (*machine).base = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        (*machine).fast = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        (*machine).compile = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        0
    }
}

unsafe extern "C-unwind" fn leave_slots(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua in a protected call; owns nothing.
    unsafe {
        let functions: [(c_int, ffi::lua_CFunction); 3] =
            [(SLOT_HANDLER, note_position), (SLOT_RUN, enter_run), (SLOT_COMPILE, enter_compile)];
        for (slot, function) in functions {
            ffi::lua_pushcfunction(state, function);
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
        for library in [c"redis", c"cjson", c"cmsgpack", c"struct"] {
            ffi::lua_createtable(state, 0, 16);
            ffi::lua_setfield(state, -2, library.as_ptr());
        }
        for (index, (library, name, _)) in NATIVES.iter().enumerate() {
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

unsafe extern "C-unwind" fn enter_compile(state: *mut lua_State) -> c_int {
    // SAFETY: called by `Machine::compile` in a protected call; the text lives until that returns. Owns nothing.
    unsafe {
        let machine = Machine::of(state);
        ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, (*machine).compile);
        raw::push_bytes(state, &*(*machine).text);
        ffi::lua_pushstring_(state, CHUNK.as_ptr());
        ffi::lua_call(state, 2, 4);
        if ffi::lua_type(state, 1) == ffi::LUA_TNIL {
            ffi::lua_settop(state, 2);
            return 1;
        }
        let fast = ffi::lua_toboolean(state, 2) != 0;
        let bounded = ffi::lua_toboolean(state, 3) != 0;
        let tail_line = ffi::lua_tointeger_(state, 4) as c_int;
        ffi::lua_settop(state, 1);
        let function = ffi::luaL_ref(state, ffi::LUA_REGISTRYINDEX);
        (*machine).compiled = Some(Compiled { function, fast, bounded, tail_line });
        0
    }
}

unsafe extern "C-unwind" fn enter_run(state: *mut lua_State) -> c_int {
    // SAFETY: called by `Machine::run` in a protected call, which set the job and keeps what it points to alive. Owns nothing.
    unsafe {
        let machine = Machine::of(state);
        let job = (*machine).job.as_ref().expect("a run has a job");
        let (keys, argv, function) = (job.keys, job.argv, job.function);
        ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, job.environment);
        push_list(state, &*keys);
        ffi::lua_setfield(state, 1, c"KEYS".as_ptr());
        push_list(state, &*argv);
        ffi::lua_setfield(state, 1, c"ARGV".as_ptr());
        ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, function);
        ffi::lua_call(state, 0, 1);
        1
    }
}

unsafe fn push_list(state: *mut lua_State, list: &[&[u8]]) {
    // SAFETY: as for `enter_run`, which calls it.
    unsafe {
        ffi::lua_createtable(state, list.len().min(c_int::MAX as usize) as c_int, 0);
        for (index, item) in list.iter().enumerate() {
            raw::push_bytes(state, item);
            ffi::lua_rawseti_(state, -2, (index + 1) as c_int);
        }
    }
}

/// The message handler: notes where the error was raised and lets it pass.
unsafe extern "C-unwind" fn note_position(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua with one argument. lua_getstack and lua_getinfo with "Sl" raise nothing; the vector is the machine's.
    unsafe {
        let machine = &mut *Machine::of(state);
        machine.error_line = 0;
        let mut frame: ffi::lua_Debug = std::mem::zeroed();
        let mut level = 1;
        while level < 16 && ffi::lua_getstack(state, level, &raw mut frame) != 0 {
            level += 1;
            ffi::lua_getinfo(state, c"Sl".as_ptr(), &raw mut frame);
            if frame.source.is_null() || frame.currentline <= 0 {
                continue;
            }
            let source = CStr::from_ptr(frame.source).to_bytes();
            if source != b"=sandbox" {
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
unsafe extern "C-unwind" fn watch(state: *mut lua_State, _: *mut ffi::lua_Debug) {
    // SAFETY: called by Lua between two instructions; owns nothing when it raises.
    unsafe {
        let machine = Machine::of(state);
        if !has_ended(machine) {
            let Some(job) = (*machine).job.as_ref() else { return };
            match (*job.control).poll() {
                None => return,
                Some(stop) => (*machine).stopped = Some(stop),
            }
        }
        end(state, machine);
    }
}

/// Whether this run is only to be unwound any more.
unsafe fn has_ended(machine: *mut Machine) -> bool {
    // SAFETY: the caller's machine is live.
    unsafe { (*machine).stopped.is_some() || (*machine).aborted || (*machine).panic.is_some() }
}

/// Raises, and makes every further instruction raise, so that nothing that catches errors goes on.
unsafe fn end(state: *mut lua_State, machine: *mut Machine) -> ! {
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
        if let Some(stop) = (*job.control).stopped() {
            (*machine).stopped = Some(stop);
        }
        if has_ended(machine) {
            end(state, machine);
        }
        match gather(state, &mut *machine) {
            Ok(()) => {}
            Err(text) => return raise(state, text, raises),
        }
        let host = job.host;
        let ran = {
            let Machine { session, argv, .. } = &mut *machine;
            session.tape.clear();
            let mut sink = LuaSink { tape: &mut session.tape, resp3: session.resp3 };
            catch_unwind(AssertUnwindSafe(|| {
                let host = &mut *host.as_ptr();
                host.call(argv, &mut sink);
                host.aborted()
            }))
        };
        match ran {
            Ok(false) => {}
            Ok(true) => (*machine).aborted = true,
            Err(panic) => (*machine).panic = Some(panic),
        }
        if has_ended(machine) {
            end(state, machine);
        }
        let tape = &(*machine).session.tape;
        if raises && let Some(Token::Error(_)) = tape.tokens().first() {
            raw::push(state, tape, 0);
            ffi::lua_error(state);
        }
        raw::push(state, tape, 0);
        1
    }
}

/// Borrows the arguments of a call from the stack.
unsafe fn gather(state: *mut lua_State, machine: &mut Machine) -> Result<(), &'static [u8]> {
    machine.argv.clear();
    machine.digits.clear();
    // SAFETY: as for `call_command`: the slots are arguments, their strings stay.
    unsafe {
        let count = ffi::lua_gettop(state);
        if count == 0 {
            return Err(b"ERR Please specify at least one argument for this redis lib call");
        }
        for index in 1..=count {
            match ffi::lua_type(state, index) {
                ffi::LUA_TSTRING => {
                    let mut len = 0;
                    let start = ffi::lua_tolstring(state, index, &raw mut len);
                    machine.argv.push(std::slice::from_raw_parts(start.cast(), len));
                }
                ffi::LUA_TNUMBER => {
                    // Once, for all arguments: the slices below must not move.
                    if machine.digits.is_empty() {
                        machine.digits.reserve(count as usize * DIGITS_MAX);
                    }
                    let start = machine.digits.len();
                    convert::append_argument(&mut machine.digits, ffi::lua_tonumber(state, index));
                    let len = machine.digits.len() - start;
                    assert!(len <= DIGITS_MAX, "a number prints within its reserve");
                    machine.argv.push(std::slice::from_raw_parts(machine.digits.as_ptr().add(start), len));
                }
                _ => return Err(b"ERR Lua redis lib command arguments must be strings or integers"),
            }
        }
    }
    Ok(())
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
        let native: Native = NATIVES[index].2;
        let ran = {
            let session = &mut (*machine).session;
            session.tape.clear();
            let args = Args::new(state);
            let host = (*machine).job.as_ref().map(|job| job.host);
            catch_unwind(AssertUnwindSafe(|| match host {
                Some(host) => native(session, &mut *host.as_ptr(), args),
                None => native(session, &mut Nobody, args),
            }))
        };
        match ran {
            Err(panic) => {
                (*machine).panic = Some(panic);
                end(state, machine)
            }
            Ok(Ok(())) => push_results(state, &*machine),
            Ok(Err(Raise::Reply)) => raise(state, &(*machine).session.text, true),
            Ok(Err(Raise::Argument(number))) => {
                // Copied to Lua's side first: luaL_argerror wants a C string.
                raw::push_bytes(state, &(*machine).session.text);
                ffi::luaL_argerror(state, number, ffi::lua_tolstring(state, -1, ptr::null_mut()))
            }
            Ok(Err(Raise::Positioned)) => {
                ffi::luaL_where(state, 1);
                raw::push_bytes(state, &(*machine).session.text);
                ffi::lua_concat(state, 2);
                ffi::lua_error(state)
            }
        }
    }
}

unsafe fn push_results(state: *mut lua_State, machine: &Machine) -> c_int {
    // SAFETY: as for `call_native`.
    unsafe {
        let tape = &machine.session.tape;
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
