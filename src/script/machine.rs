//! The machine: one LuaJIT state, its memory limit, and how a run enters and leaves it.
#![expect(
    unsafe_code,
    reason = "the raw call path costs 0.6 of what safe callbacks cost; the Lua C interface is unsafe throughout"
)]

use super::calls;
use super::control::{Control, Stop};
use super::library::Session;
use super::memory::{Memory, allocate};
use super::pattern::Workspace;
use super::raw::{Kind, View};
use super::slots::Slot;
use super::source::Digest;
use super::{Host, Outcome, ScriptError, VmConfig, convert, lexer};
use crate::resp::reply::ReplySink;
use mlua::ffi;
use mlua::lua_State;
use std::any::Any;
use std::ffi::{CStr, c_int};
use std::panic::resume_unwind;
use std::ptr::{self, NonNull};

/// What a text is compiled as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// A script.
    Script,
    /// A library of functions, or one of them.
    Library,
}

impl Chunk {
    /// The name by which it calls itself in errors.
    pub(super) fn source(self) -> &'static CStr {
        match self {
            Self::Script => c"@user_script",
            Self::Library => c"@user_function",
        }
    }

    /// The same before a line's number.
    fn name(self) -> &'static [u8] {
        &self.source().to_bytes()[1..]
    }

    /// What comes before the compiler's complaint.
    fn complaint(self) -> &'static [u8] {
        match self {
            Self::Script => b"ERR Error compiling script (new function): ",
            Self::Library => b"ERR Error compiling function: ",
        }
    }
}

/// A machine that uses less than this between runs may let garbage pile up.
const ROOMY_BYTES: usize = 4 * 1024 * 1024;
/// What a thread that runs scripts needs for a stack. Lua's own functions call each other on it, `string.format` a `__tostring` that formats for one:
/// up to 6,500 deep in a coroutine, 65,500 slots of Lua's stack, at about 500 bytes each.
pub const STACK_BYTES: usize = 16 * 1024 * 1024;
/// How much of that stack a script may have taken when a coroutine is resumed or a callback called; each of them could go on as deep again.
pub(super) const NESTING_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The stack slots that hold the message handler and the functions to enter by; they are made once, because making them can raise.
pub(super) const SLOT_HANDLER: c_int = 1;
pub(super) const SLOT_RUN: c_int = 2;
pub(super) const SLOT_COMPILE: c_int = 3;
pub(super) const SLOT_LOAD: c_int = 4;
pub(super) const SLOT_CALL: c_int = 5;
/// And the names of a script's two tables.
pub(super) const SLOT_KEYS: c_int = 6;
pub(super) const SLOT_ARGV: c_int = 7;
/// How a run begins that uses the two tables again, and these: what the fast environment has under both names.
pub(super) const SLOT_RUN_AGAIN: c_int = 8;
const SLOT_KEYS_LIST: c_int = 9;
const SLOT_ARGV_LIST: c_int = 10;
/// The height of the stack between runs.
pub(super) const SLOTS_TOP: c_int = SLOT_ARGV_LIST;

/// A compiled script.
#[derive(Clone, Copy, Debug)]
pub(super) struct Compiled {
    /// Where the registry keeps the function.
    pub(super) function: c_int,
    /// Its environment is the one with the real tables.
    pub(super) fast: bool,
    /// It has neither loop nor function, so that it ends without a hook.
    pub(super) bounded: bool,
    /// The line of its last tail call: LuaJIT forgets the caller of a function that is called so.
    pub(super) tail_line: c_int,
    pub(super) chunk: Chunk,
}

/// One entry into a machine.
pub(super) struct Call<'c> {
    pub(super) compiled: Compiled,
    /// The slot of the function to enter by.
    pub(super) slot: c_int,
    pub(super) keys: &'c [&'c [u8]],
    pub(super) argv: &'c [&'c [u8]],
}

/// What errors call that which runs.
#[derive(Clone, Copy)]
pub(super) enum Name<'n> {
    Script(&'n Digest),
    Function(&'n [u8]),
}

/// What the run in progress works on. Pointers, because Lua carries them through C frames.
pub(super) struct Job {
    pub(super) host: NonNull<dyn Host>,
    pub(super) control: *const Control,
    pub(super) keys: *const [&'static [u8]],
    pub(super) argv: *const [&'static [u8]],
    pub(super) function: c_int,
    pub(super) environment: c_int,
}

/// A Lua state and what its C functions need.
///
/// # Invariants
/// It never moves, and is reached through [`Owned`]'s pointer only: the state's allocator carries its address, which is how C
/// functions find it. `job` points to what is borrowed by [`Machine::run`] and is None outside. C functions run on this thread and
/// one at a time; none of them keeps a reference to the machine across a call into Lua that runs Lua code.
pub(super) struct Machine {
    pub(super) memory: Memory,
    pub(super) state: *mut lua_State,
    pub(super) session: Session,
    pub(super) job: Option<Job>,
    /// What [`calls::enter_compile`] works on, and its answer.
    pub(super) text: *const [u8],
    pub(super) chunk: Chunk,
    pub(super) compiled: Option<Compiled>,
    pub(super) compile: c_int,
    /// What the sandbox does before and after a library is loaded, and the functions that it brought.
    pub(super) begin_load: c_int,
    pub(super) end_load: c_int,
    pub(super) loaded: Vec<Compiled>,
    pub(super) fast: c_int,
    pub(super) base: c_int,
    /// The most instructions between two looks, and how many there are if the hook is on.
    pub(super) hook_instructions: c_int,
    /// Whether slots may be read where they lie.
    pub(super) peeks: bool,
    pub(super) interval: c_int,
    /// Whether the collector is set to wait long.
    roomy: bool,
    pub(super) hooked: bool,
    /// The host knows that the run is past [`super::LONG_NANOS`], and `lua-time-limit`.
    pub(super) told_long: bool,
    pub(super) told_slow: bool,
    pub(super) stopped: Option<Stop>,
    pub(super) aborted: bool,
    /// A panic on its way to the top.
    pub(super) panic: Option<Box<dyn Any + Send>>,
    /// The arguments of the command being called; their lifetime ends with the call.
    pub(super) argv: Vec<&'static [u8]>,
    /// What searches for patterns work on. Nothing in it is needed once a callback runs, so one search inside another's may use it.
    pub(super) patterns: Workspace,
    /// Where the thread's stack stood when the run began.
    pub(super) stack_start: usize,
    /// How many calls through C, as `catches` counts them, the run is in.
    pub(super) nested: c_int,
    /// The digits of the arguments that were numbers.
    pub(super) digits: Vec<u8>,
    /// Where the last error that reached the top was raised.
    pub(super) error_source: Vec<u8>,
    pub(super) error_line: c_int,
    /// The sandbox's own code was on the way to it.
    pub(super) error_in_sandbox: bool,
}

/// The owner of a machine.
///
/// A pointer and not a box: Lua's C functions reach the machine through the pointer that its state carries, which a box or a `&mut`
/// would claim not to happen.
pub(super) struct Owned(NonNull<Machine>);

impl Owned {
    /// A fresh machine.
    pub(super) fn start(config: VmConfig) -> Result<Self, ScriptError> {
        Machine::start(config)
    }

    /// Compiles `text` into the registry.
    pub(super) fn compile(&mut self, text: &[u8]) -> Result<Compiled, ScriptError> {
        // SAFETY: this keeps the machine alive, and `&mut self` that nothing runs on it.
        unsafe { Machine::compile(self.get(), text, Chunk::Script) }
    }

    /// Runs what this machine compiled; `name` is what errors call it.
    pub(super) fn run(
        &mut self,
        call: &Call<'_>,
        name: Name<'_>,
        host: &mut dyn Host,
        sink: &mut dyn ReplySink,
        control: &Control,
    ) -> Outcome {
        // SAFETY: this keeps the machine alive, and `&mut self` that nothing runs on it.
        unsafe { Machine::run(self.get(), call, name, host, sink, control) }
    }

    pub(super) fn get(&self) -> *mut Machine {
        self.0.as_ptr()
    }

    pub(super) fn bytes(&self) -> usize {
        // SAFETY: the machine is live, and Lua is not running while its owner is borrowed from outside.
        unsafe { (*self.get()).memory.used }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the state was made by `start` and is closed once, here, and after it the box that `start` leaked is taken back.
        // Nothing of Lua's runs any more; its allocator is used by lua_close for the last time.
        unsafe {
            let machine = self.get();
            if !(*machine).state.is_null() {
                ffi::lua_close((*machine).state);
            }
            drop(Box::from_raw(machine));
        }
    }
}

impl Machine {
    fn start(config: VmConfig) -> Result<Owned, ScriptError> {
        let max = if config.memory_bytes_max == 0 { usize::MAX } else { config.memory_bytes_max };
        let machine = Owned(NonNull::from(Box::leak(Box::new(Self {
            memory: Memory::new(max),
            state: ptr::null_mut(),
            session: Session::default(),
            job: None,
            text: ptr::slice_from_raw_parts(NonNull::dangling().as_ptr(), 0),
            chunk: Chunk::Script,
            compiled: None,
            compile: 0,
            begin_load: 0,
            end_load: 0,
            loaded: Vec::new(),
            fast: 0,
            base: 0,
            hook_instructions: config.hook_instructions.max(1),
            peeks: false,
            interval: 0,
            hooked: false,
            told_long: false,
            told_slow: false,
            roomy: false,
            stopped: None,
            aborted: false,
            panic: None,
            argv: Vec::new(),
            patterns: Workspace::default(),
            stack_start: 0,
            nested: 0,
            digits: Vec::new(),
            error_source: Vec::new(),
            error_line: 0,
            error_in_sandbox: false,
        }))));
        let this = machine.get();
        // SAFETY: the machine does not move; the allocator's user data is its address and outlives the state, which the machine
        // closes when it is dropped. `open` runs in a protected call and leaves its slots on the stack.
        unsafe {
            let state = ffi::lua_newstate(allocate, this.cast());
            if state.is_null() {
                return Err(ScriptError::Start("the memory limit leaves no room for a machine".into()));
            }
            (*this).state = state;
            if ffi::lua_cpcall(state, calls::open, ptr::null_mut()) != ffi::LUA_OK {
                let why = View::new(state, ffi::lua_gettop(state)).bytes().unwrap_or(b"no memory");
                return Err(ScriptError::Start(String::from_utf8_lossy(why).into_owned()));
            }
            let root = ffi::lua_cpcall(state, calls::leave_slots, ptr::null_mut());
            assert!(root == ffi::LUA_OK, "a fresh machine has room for a few functions");
            ffi::lua_settop(state, 0);
            for slot in SLOT_HANDLER..=SLOTS_TOP {
                // Nil for the lists, which are not there yet.
                ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, calls::SLOTS_KEY + slot);
            }
        }
        Ok(machine)
    }

    /// Compiles `text` into the registry.
    ///
    /// # Safety
    /// `this` is a live machine that runs nothing.
    pub(super) unsafe fn compile(this: *mut Self, text: &[u8], chunk: Chunk) -> Result<Compiled, ScriptError> {
        let fail = |why: &[u8]| Err(ScriptError::Compile([chunk.complaint(), why].concat()));
        let text = match lexer::translate(text) {
            Ok(text) => text,
            Err(refusal) => return fail(&super::library::refusal_text(&refusal, chunk.name())),
        };
        // SAFETY: `text` outlives the protected call that reads it, and no error passes that; slots are as `start` left them; the error
        // value is looked at before the stack is cut.
        unsafe {
            (*this).text = ptr::from_ref(text.as_ref());
            (*this).chunk = chunk;
            (*this).compiled = None;
            let state = (*this).state;
            ffi::lua_pushvalue(state, SLOT_COMPILE);
            let status = ffi::lua_pcall(state, 0, 1, 0);
            let answer = match (*this).compiled.take() {
                Some(compiled) if status == ffi::LUA_OK => Ok(compiled),
                _ => fail(View::new(state, ffi::lua_gettop(state)).bytes().unwrap_or(b"not enough memory")),
            };
            ffi::lua_settop(state, SLOTS_TOP);
            answer
        }
    }

    /// Enters what was compiled. Leaves its value or its error on the stack, and says how it ended.
    ///
    /// # Safety
    /// `this` is a live machine that runs nothing.
    pub(super) unsafe fn enter(
        this: *mut Self,
        call: &Call<'_>,
        host: &mut dyn Host,
        control: &Control,
    ) -> (*mut lua_State, c_int) {
        let mark = 0u8;
        let Call { compiled, slot, keys, argv } = *call;
        // SAFETY: lifetimes are erased for the job only, which is taken away again before this function ends, whichever way the
        // protected call ended: it returns, since panics are caught inside. Until then `host`, `keys`, `argv` and `control` are
        // borrowed by this call, so they live; `host` is used by nobody else meanwhile.
        unsafe {
            (*this).session.reset();
            (*this).stopped = None;
            (*this).aborted = false;
            (*this).told_long = false;
            (*this).told_slow = false;
            (*this).memory.refused = false;
            (*this).empty_tape();
            (*this).error_line = 0;
            (*this).stack_start = ptr::from_ref(&mark).addr();
            (*this).nested = 0;
            (*this).set_hook(!compiled.bounded || (*this).memory.want_hook());
            (*this).job = Some(Job {
                host: std::mem::transmute::<NonNull<dyn Host + '_>, NonNull<dyn Host + 'static>>(NonNull::from(host)),
                control,
                keys: std::mem::transmute::<*const [&[u8]], *const [&'static [u8]]>(ptr::from_ref(keys)),
                argv: std::mem::transmute::<*const [&[u8]], *const [&'static [u8]]>(ptr::from_ref(argv)),
                function: compiled.function,
                environment: if compiled.fast { (*this).fast } else { (*this).base },
            });
            let state = (*this).state;
            let (arguments, again) = match slot {
                SLOT_RUN => (2, compiled.fast && (*this).has_lists(keys.len(), argv.len())),
                _ => (0, false),
            };
            ffi::lua_pushvalue(state, if again { SLOT_RUN_AGAIN } else { slot });
            if arguments > 0 {
                ffi::lua_pushvalue(state, if again { SLOT_KEYS_LIST } else { SLOT_KEYS });
                ffi::lua_pushvalue(state, if again { SLOT_ARGV_LIST } else { SLOT_ARGV });
            }
            let status = ffi::lua_pcall(state, arguments, 1, SLOT_HANDLER);
            if arguments > 0 && compiled.fast && !again {
                (*this).note_lists();
            }
            (*this).job = None;
            (state, status)
        }
    }

    /// Whether the tables of the last run may be those of another, with as many keys and arguments. That is so for scripts in the fast environment only: they cannot
    /// write to it, nor to anything else that lives on, so nobody has the tables any more; and unless they were made something else they are as good as new once
    /// each of their places is written to.
    ///
    /// # Safety
    /// The machine is live and runs nothing.
    #[inline]
    unsafe fn has_lists(&self, keys: usize, argv: usize) -> bool {
        // SAFETY: the caller's promise; the slots are below the top, and keep their tables.
        self.peeks
            && unsafe {
                Slot::at(self.state, SLOT_KEYS_LIST).is_list_of(keys)
                    && Slot::at(self.state, SLOT_ARGV_LIST).is_list_of(argv)
            }
    }

    /// Keeps the tables at hand that a run has left in the fast environment.
    ///
    /// # Safety
    /// The machine is live, and a protected call has just ended: its value lies on top of the slots.
    unsafe fn note_lists(&mut self) {
        let state = self.state;
        // SAFETY: the caller's promise; the stack has room for two slots more, as every caller of Lua's functions has. To read a table without
        // metamethods raises nothing.
        unsafe {
            ffi::lua_rawgeti_(state, ffi::LUA_REGISTRYINDEX, self.fast);
            for (name, list) in [(SLOT_KEYS, SLOT_KEYS_LIST), (SLOT_ARGV, SLOT_ARGV_LIST)] {
                ffi::lua_pushvalue(state, name);
                ffi::lua_rawget(state, -2);
                ffi::lua_replace(state, list);
            }
            ffi::lua_settop(state, -2);
        }
    }

    /// Runs a compiled script, or a function of a library.
    ///
    /// # Safety
    /// `this` is a live machine that runs nothing.
    unsafe fn run(
        this: *mut Self,
        call: &Call<'_>,
        name: Name<'_>,
        host: &mut dyn Host,
        sink: &mut dyn ReplySink,
        control: &Control,
    ) -> Outcome {
        let compiled = call.compiled;
        // SAFETY: the caller's promise.
        let (state, status) = unsafe { Self::enter(this, call, host, control) };
        // SAFETY: nothing runs on the machine any more; views of its stack below do not reach its fields.
        let machine = unsafe { &mut *this };
        if let Some(panic) = machine.panic.take() {
            resume_unwind(panic);
        }
        if machine.aborted || machine.stopped.is_some() {
            // What `end` installed raises at every instruction.
            machine.hooked = true;
            machine.set_hook(false);
        }
        if machine.aborted {
            machine.stopped = control.end_unless_stopped();
        }
        if machine.aborted && machine.stopped.is_none() {
            // SAFETY: the slots below stay as `start` left them.
            unsafe { ffi::lua_settop(state, SLOTS_TOP) };
            return Outcome::Aborted;
        }
        // SAFETY: the protected call left one value; nobody else uses the stack until it is cut below.
        let value = unsafe { View::new(state, ffi::lua_gettop(state)) };
        let peeks = machine.peeks;
        let mut fail = |text: &[u8], is_counted| {
            sink.error(text);
            host.replied_error(text, is_counted);
        };
        let outcome = if let Some(stop) = machine.stopped {
            let reason: &[u8] = match stop {
                Stop::Killed => b"ERR Script killed by user with SCRIPT KILL...",
                Stop::TimedOut => b"ERR Script killed by script-max-time...",
            };
            fail(&machine.error_text(reason.to_vec(), name, compiled), false);
            Outcome::Killed
        } else if status == ffi::LUA_OK {
            convert::reply(value, (machine.session.resp3, peeks), sink, host);
            Outcome::Replied
        } else if machine.memory.refused {
            let reason = b"ERR script memory limit reached".to_vec();
            fail(&machine.error_text(reason, name, compiled), false);
            Outcome::OutOfMemory
        } else {
            let mut message = message_of(value);
            let caller_lost = machine.error_line == 0 && !machine.error_in_sandbox;
            if caller_lost && value.kind() == Kind::String && compiled.tail_line > 0 {
                let line = format!(":{}: ", compiled.tail_line);
                message.splice(4..4, [compiled.chunk.name(), line.as_bytes()].concat());
            }
            let is_counted = value.kind() == Kind::Table && convert::is_counted(value);
            fail(&machine.error_text(message, name, compiled), is_counted);
            Outcome::Failed
        };
        // SAFETY: the slots below stay as `start` left them.
        unsafe { ffi::lua_settop(state, SLOTS_TOP) };
        machine.set_pause();
        outcome
    }

    /// `message`, and which script and line it came from; of a function that is none of Lua's nobody knows.
    fn error_text(&self, mut message: Vec<u8>, name: Name<'_>, compiled: Compiled) -> Vec<u8> {
        if self.error_line == 0 && compiled.tail_line == 0 && compiled.chunk == Chunk::Library {
            return message;
        }
        message.extend_from_slice(b" script: ");
        match name {
            Name::Script(digest) => message.extend_from_slice(&digest.hex()),
            Name::Function(name) => message.extend_from_slice(name),
        }
        message.extend_from_slice(b", on ");
        let (source, line) = match self.error_line {
            0 => (compiled.chunk.source().to_bytes(), compiled.tail_line.max(1)),
            line => (self.error_source.as_slice(), line),
        };
        message.extend_from_slice(source);
        message.extend_from_slice(format!(":{line}.").as_bytes());
        message
    }

    /// Empties the tape for as much as memory has room for.
    #[inline]
    pub(super) fn empty_tape(&mut self) {
        self.memory.outside = 0;
        self.session.tape.clear(self.memory.room());
    }

    /// Has the collector wait until there is two and a half times what is alive, rather than twice, while that is next to nothing: a machine keeps about 150 KB
    /// alive, and to mark and sweep them takes time. To wait for four times as much took limiters some per cent more: their blocks had left the nearest caches
    /// by the time that they came back.
    fn set_pause(&mut self) {
        let roomy = self.memory.used < ROOMY_BYTES;
        if roomy != self.roomy {
            self.roomy = roomy;
            let percent = if roomy { 250 } else { 200 };
            // SAFETY: the state is live and runs nothing now; setting a number raises nothing.
            unsafe { ffi::lua_gc(self.state, ffi::LUA_GCSETPAUSE, percent) };
        }
    }

    /// The machine of a running state.
    ///
    /// # Safety
    /// `state` was made by [`Machine::start`].
    #[inline]
    pub(super) unsafe fn of(state: *mut lua_State) -> *mut Self {
        let mut user_data = ptr::null_mut();
        // SAFETY: the caller's promise; the allocator's user data is the machine.
        unsafe { ffi::lua_getallocf(state, &raw mut user_data) };
        user_data.cast()
    }
}

/// The text for the client of an error that reached the top.
pub(super) fn message_of(value: View<'_>) -> Vec<u8> {
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
