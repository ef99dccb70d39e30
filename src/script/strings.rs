//! `string.find`, `match`, `gmatch` and `gsub` as Lua calls them: arguments, results and replacements, around [`super::pattern`]. And `sub`, `byte` and
//! `rep`, because LuaJIT takes large numbers otherwise: for Lua 5.1 `s:sub(5, 1e10)` goes to the end.
//!
//! Texts of errors and the treatment of odd arguments are Lua 5.1's. What `gsub` builds lies in a buffer of Lua's, so that it counts as the
//! script's memory and is freed when an error passes by. No function here owns anything with a destructor when it calls Lua.
#![expect(
    unsafe_code,
    reason = "functions that take Lua's arguments, call Lua back and raise its errors; the Lua C interface is unsafe throughout"
)]

use super::calls::{self, may_go_on};
use super::convert;
use super::machine::Machine;
use super::pattern::{self, Captured, Matcher, Problem, STEPS, Workspace};
use super::raw;
use mlua::ffi;
use mlua::lua_State;
use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the sandbox is given, by name; each with LuaJIT's own as upvalue.
pub(super) const FUNCTIONS: &[(&CStr, ffi::lua_CFunction)] = &[
    (c"find", find),
    (c"match", match_),
    (c"gmatch", gmatch),
    (c"gsub", gsub),
    (c"sub", sub),
    (c"byte", byte),
    (c"rep", rep),
    (c"format", super::format::format),
];

unsafe extern "C-unwind" fn find(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe { find_or_match(state, true) }
}

unsafe extern "C-unwind" fn match_(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua.
    unsafe { find_or_match(state, false) }
}

/// # Safety
/// Called by Lua.
unsafe fn find_or_match(state: *mut lua_State, finds: bool) -> c_int {
    // SAFETY: the caller's promise; subject and pattern stay in their slots, so that their bytes live until this function returns.
    unsafe {
        let subject = text(state, 1);
        let pattern = text(state, 2);
        let given = ffi::lua_gettop(state);
        let from = if given < 3 { 0 } else { start(integer(state, 3, 1.0), subject.len()) };
        if finds && (given > 3 && ffi::lua_toboolean(state, 4) != 0 || !pattern::has_specials(pattern)) {
            return match pattern::plain(subject, pattern, from) {
                Some(at) => push_range(state, at..at + pattern.len()),
                None => push_nil(state),
            };
        }
        let machine = Machine::of(state);
        let (pattern, anchored) = anchor(pattern);
        let go_on = || may_go_on(machine);
        let mut matcher = Matcher::new(subject, pattern, &go_on);
        let Some(whole) = search(state, machine, &mut matcher, from, anchored) else { return push_nil(state) };
        if finds {
            let first = push_range(state, whole.clone());
            first + push_values(state, machine, subject, &whole, work(machine).captures())
        } else {
            push_values(state, machine, subject, &whole, work(machine).values())
        }
    }
}

unsafe extern "C-unwind" fn gmatch(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua. The closure's upvalues are the two strings and the place to go on at.
    unsafe {
        text(state, 1);
        text(state, 2);
        ffi::lua_settop(state, 2);
        ffi::lua_pushinteger(state, 0);
        ffi::lua_pushcclosure(state, gmatch_next, 3);
        1
    }
}

unsafe extern "C-unwind" fn gmatch_next(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; the upvalues are as `gmatch` left them, and the strings live as long as the closure that runs.
    unsafe {
        let subject = text(state, ffi::lua_upvalueindex(1));
        let pattern = text(state, ffi::lua_upvalueindex(2));
        let from = ffi::lua_tointeger_(state, ffi::lua_upvalueindex(3)) as usize;
        let machine = Machine::of(state);
        let go_on = || may_go_on(machine);
        let mut matcher = Matcher::new(subject, pattern, &go_on);
        let Some(whole) = search(state, machine, &mut matcher, from, false) else { return 0 };
        // An empty match must not be found again.
        let next = whole.end + usize::from(whole.is_empty());
        ffi::lua_pushinteger(state, next as ffi::lua_Integer);
        ffi::lua_replace(state, ffi::lua_upvalueindex(3));
        push_values(state, machine, subject, &whole, work(machine).values())
    }
}

unsafe extern "C-unwind" fn sub(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; the text stays in its slot.
    unsafe {
        let text = text(state, 1);
        let from = convert::truncate(ffi::luaL_checknumber(state, 2));
        raw::push_bytes(state, &text[part(text.len(), from, integer(state, 3, -1.0))]);
        1
    }
}

unsafe extern "C-unwind" fn byte(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; the text stays in its slot, and the stack is made large enough for all results.
    unsafe {
        let text = text(state, 1);
        let from = integer(state, 2, 1.0);
        let bytes = &text[part(text.len(), from, integer(state, 3, from as f64))];
        ffi::luaL_checkstack_(state, bytes.len().min(c_int::MAX as usize) as c_int, c"string slice too long".as_ptr());
        for byte in bytes {
            ffi::lua_pushinteger(state, ffi::lua_Integer::from(*byte));
        }
        bytes.len() as c_int
    }
}

/// The part of a text of so many bytes from one place to another, both inclusive. They count from 1, or from the end if they are negative.
fn part(len: usize, from: i64, to: i64) -> Range<usize> {
    let len = len as i64;
    let absolute = |at: i64| if at < 0 { (at + len + 1).max(0) } else { at };
    let (from, to) = (absolute(from).max(1), absolute(to).min(len));
    if from > to { 0..0 } else { from as usize - 1..to as usize }
}

unsafe extern "C-unwind" fn rep(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua, with the original as upvalue.
    unsafe {
        text(state, 1);
        // The low 32 bits of the whole number, as the conversion in C takes them.
        let times = convert::truncate(ffi::luaL_checknumber(state, 2)) as i32;
        ffi::lua_settop(state, 1);
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_pushinteger(state, times as ffi::lua_Integer);
        ffi::lua_call(state, 2, 1);
        1
    }
}

/// The slot of what `gsub` replaces with.
const REPLACEMENT: c_int = 3;

unsafe extern "C-unwind" fn gsub(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; subject, pattern and replacement stay in their slots. The buffer is a piece of this frame without a
    // destructor; while it is in use the stack's top is its own, and whatever is pushed above is taken off again.
    unsafe {
        let subject = text(state, 1);
        let pattern = text(state, 2);
        let most = integer(state, 4, subject.len() as f64 + 1.0) as i32;
        let kind = ffi::lua_type(state, REPLACEMENT);
        if !matches!(kind, ffi::LUA_TNUMBER | ffi::LUA_TSTRING | ffi::LUA_TFUNCTION | ffi::LUA_TTABLE) {
            ffi::luaL_argerror(state, REPLACEMENT, c"string/function/table expected".as_ptr());
        }
        let machine = Machine::of(state);
        calls::check_depth(state, machine);
        let replacement = match kind {
            ffi::LUA_TNUMBER | ffi::LUA_TSTRING => text(state, REPLACEMENT),
            _ => &[],
        };
        let (pattern, anchored) = anchor(pattern);
        let go_on = || may_go_on(machine);
        let mut matcher = Matcher::new(subject, pattern, &go_on);
        let mut buffer = MaybeUninit::<ffi::luaL_Buffer>::uninit();
        let buffer = buffer.as_mut_ptr();
        ffi::luaL_buffinit(state, buffer);
        let (mut at, mut count) = (0, 0);
        while count < most {
            let Some(whole) = search(state, machine, &mut matcher, at, anchored) else { break };
            count += 1;
            add(buffer, &subject[at..whole.start]);
            if matches!(kind, ffi::LUA_TFUNCTION | ffi::LUA_TTABLE) {
                add_looked_up(state, machine, buffer, subject, &whole, kind);
                // It may have been a native that worked on what is large.
                let worth = STEPS / (*machine).memory.large.step_interval();
                if let Err(problem) = matcher.spend(worth) {
                    fail(state, machine, problem);
                }
            } else {
                if let Err(problem) = matcher.spend(replacement.len()) {
                    fail(state, machine, problem);
                }
                add_replacement(state, machine, buffer, subject, &whole, replacement);
            }
            at = whole.end;
            if whole.is_empty() {
                let Some(byte) = subject.get(at) else { break };
                add(buffer, std::slice::from_ref(byte));
                at += 1;
            }
            if anchored {
                break;
            }
        }
        add(buffer, &subject[at..]);
        ffi::luaL_pushresult(buffer);
        ffi::lua_pushinteger(state, count as ffi::lua_Integer);
        2
    }
}

/// Adds what a function or a table has for a match, or the match itself if that is nothing.
///
/// # Safety
/// As in [`gsub`], which calls it.
unsafe fn add_looked_up(
    state: *mut lua_State,
    machine: *mut Machine,
    buffer: *mut ffi::luaL_Buffer,
    subject: &[u8],
    whole: &Range<usize>,
    kind: c_int,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if kind == ffi::LUA_TFUNCTION {
            ffi::lua_pushvalue(state, REPLACEMENT);
            let given = push_values(state, machine, subject, whole, work(machine).values());
            ffi::lua_call(state, given, 1);
        } else {
            push_values(state, machine, subject, whole, 1);
            ffi::lua_gettable_(state, REPLACEMENT);
        }
        if ffi::lua_toboolean(state, -1) == 0 {
            ffi::lua_settop(state, -2);
            add(buffer, &subject[whole.clone()]);
        } else if ffi::lua_isstring(state, -1) == 0 {
            ffi::luaL_where(state, 1);
            ffi::lua_pushstring_(state, c"invalid replacement value (a ".as_ptr());
            ffi::lua_pushstring_(state, ffi::lua_typename(state, ffi::lua_type(state, -3)));
            ffi::lua_pushstring_(state, c")".as_ptr());
            ffi::lua_concat(state, 4);
            ffi::lua_error(state);
        } else {
            ffi::luaL_addvalue(buffer);
        }
    }
}

/// Adds a replacement, in which `%0` stands for the match and `%1` to `%9` for its captures.
///
/// # Safety
/// As in [`gsub`], which calls it.
unsafe fn add_replacement(
    state: *mut lua_State,
    machine: *mut Machine,
    buffer: *mut ffi::luaL_Buffer,
    subject: &[u8],
    whole: &Range<usize>,
    replacement: &[u8],
) {
    let mut rest = replacement;
    // SAFETY: the caller's promise.
    unsafe {
        while let Some(escape) = memchr::memchr(b'%', rest) {
            add(buffer, &rest[..escape]);
            // Behind the last byte of a string Lua 5.1 sees a zero.
            let escaped = rest.get(escape + 1).copied().unwrap_or(0);
            rest = rest.get(escape + 2..).unwrap_or_default();
            match escaped {
                b'0' => add(buffer, &subject[whole.clone()]),
                b'1'..=b'9' => match work(machine).value(usize::from(escaped - b'1'), whole) {
                    Ok(Captured::Part(part)) => add(buffer, &subject[part]),
                    Ok(Captured::Position(at)) => {
                        ffi::lua_pushinteger(state, (at + 1) as ffi::lua_Integer);
                        ffi::luaL_addvalue(buffer);
                    }
                    Err(problem) => fail(state, machine, problem),
                },
                other => add(buffer, &[other]),
            }
        }
        add(buffer, rest);
    }
}

/// Adds bytes to a buffer.
///
/// # Safety
/// The buffer was made by `luaL_buffinit` and lies on top of its state's stack, in a protected call.
unsafe fn add(buffer: *mut ffi::luaL_Buffer, bytes: &[u8]) {
    let mut rest = bytes;
    // SAFETY: the caller's promise; `p` points into `buffer.buffer`, and no more is copied than fits behind it.
    unsafe {
        loop {
            let used = (*buffer).p.offset_from((*buffer).buffer.as_ptr()) as usize;
            let (now, later) = rest.split_at(rest.len().min(ffi::LUAL_BUFFERSIZE - used));
            std::ptr::copy_nonoverlapping(now.as_ptr(), (*buffer).p.cast(), now.len());
            (*buffer).p = (*buffer).p.add(now.len());
            if later.is_empty() {
                return;
            }
            rest = later;
            ffi::luaL_prepbuffer(buffer);
        }
    }
}

/// The argument at `index` as bytes; a number is made a string.
///
/// # Safety
/// Called by Lua; the slot must keep its string for as long as the bytes are used.
unsafe fn text<'a>(state: *mut lua_State, index: c_int) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: the caller's promise; raises if the argument is neither.
    unsafe {
        let start = ffi::luaL_checklstring(state, index, &raw mut len);
        std::slice::from_raw_parts(start.cast(), len)
    }
}

/// The argument at `index` as an integer, or `default` if it is not given.
///
/// # Safety
/// Called by Lua.
unsafe fn integer(state: *mut lua_State, index: c_int, default: f64) -> i64 {
    // SAFETY: the caller's promise; raises if the argument is no number.
    convert::truncate(unsafe { ffi::luaL_optnumber(state, index, default) })
}

/// Where a search begins that is told to begin at `init`, which counts from 1, or from the end if it is negative.
fn start(init: i64, len: usize) -> usize {
    let from = if init < 0 { init + len as i64 } else { init - 1 };
    usize::try_from(from).unwrap_or(0).min(len)
}

fn anchor(pattern: &[u8]) -> (&[u8], bool) {
    match pattern {
        [b'^', rest @ ..] => (rest, true),
        _ => (pattern, false),
    }
}

/// The next match; raises if there is none for a reason.
///
/// # Safety
/// Called by Lua on the thread of the run, from a function that owns nothing.
#[inline]
unsafe fn search(
    state: *mut lua_State,
    machine: *mut Machine,
    matcher: &mut Matcher<'_>,
    from: usize,
    anchored: bool,
) -> Option<Range<usize>> {
    // SAFETY: the caller's promise. Nothing else of the machine is touched meanwhile but by `may_go_on`, which leaves the workspace alone; a
    // panic is caught before it can meet a Lua frame.
    unsafe {
        let work = &mut (*machine).patterns;
        match catch_unwind(AssertUnwindSafe(|| matcher.search(from, anchored, work))) {
            Ok(Ok(found)) => found,
            Ok(Err(problem)) => fail(state, machine, problem),
            Err(panic) => calls::end_by_panic(state, machine, panic),
        }
    }
}

/// The captures of the match found last. A callback may search as well, so they are used before one is called.
///
/// # Safety
/// As for [`search`]; nothing is searched for while it is used.
#[inline]
unsafe fn work<'a>(machine: *mut Machine) -> &'a Workspace {
    // SAFETY: the caller's promise.
    unsafe { &(*machine).patterns }
}

/// # Safety
/// As for [`search`].
#[cold]
unsafe fn fail(state: *mut lua_State, machine: *mut Machine, problem: Problem) -> ! {
    // SAFETY: the caller's promise.
    unsafe {
        if problem == Problem::Halted {
            calls::end(state, machine);
        }
        calls::raise_at(state, problem.text());
    }
}

/// # Safety
/// As for [`search`].
unsafe fn push_nil(state: *mut lua_State) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { ffi::lua_pushnil(state) };
    1
}

/// Pushes both ends of a match as `find` gives them.
///
/// # Safety
/// As for [`search`].
unsafe fn push_range(state: *mut lua_State, range: Range<usize>) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        ffi::lua_pushinteger(state, (range.start + 1) as ffi::lua_Integer);
        ffi::lua_pushinteger(state, range.end as ffi::lua_Integer);
    }
    2
}

/// Pushes the first `count` values of a match.
///
/// # Safety
/// As for [`search`].
unsafe fn push_values(
    state: *mut lua_State,
    machine: *mut Machine,
    subject: &[u8],
    whole: &Range<usize>,
    count: usize,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        let pushed = count as c_int;
        ffi::luaL_checkstack_(state, pushed + 2, c"too many captures".as_ptr());
        for index in 0..count {
            match work(machine).value(index, whole) {
                Ok(Captured::Part(part)) => super::raw::push_bytes(state, &subject[part]),
                Ok(Captured::Position(at)) => ffi::lua_pushinteger(state, (at + 1) as ffi::lua_Integer),
                Err(problem) => fail(state, machine, problem),
            }
        }
        pushed
    }
}
