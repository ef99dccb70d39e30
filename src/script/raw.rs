//! Reading and writing a Lua stack: [`View`] looks at a value and never raises; [`push`] makes values of a tape and may.
#![expect(
    unsafe_code,
    reason = "the Lua stack is a C interface; views of it are wrapped here so that the libraries are safe code"
)]

use super::slots::Slot;
use super::tape::{Tape, Token};
use mlua::ffi;
use mlua::lua_State;
use std::ffi::c_int;
use std::marker::PhantomData;

/// What kind of value a view shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// No value at all: an argument that was not given.
    None,
    Nil,
    Boolean,
    LightUserdata,
    Number,
    String,
    Table,
    Function,
    Userdata,
    Thread,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "no value",
            Self::Nil => "nil",
            Self::Boolean => "boolean",
            Self::LightUserdata | Self::Userdata => "userdata",
            Self::Number => "number",
            Self::String => "string",
            Self::Table => "table",
            Self::Function => "function",
            Self::Thread => "thread",
        }
    }
}

/// The Lua stack has no room for one more level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StackFull;

/// A value that holds no others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Number(f64),
    Bytes(&'a [u8]),
    Boolean(bool),
}

/// A value on the stack of a Lua state that is not running meanwhile.
///
/// # Invariants
/// `state` is live for `'a`, and `index` is an absolute index. The slot keeps its value for `'a`: whoever makes a view leaves the
/// slot alone as long, and every method here restores the height of the stack.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    state: *mut lua_State,
    index: c_int,
    live: PhantomData<&'a lua_State>,
}

impl<'a> View<'a> {
    /// A view of the slot `index`.
    ///
    /// # Safety
    /// The invariants of the type hold for `'a`.
    pub(super) unsafe fn new(state: *mut lua_State, index: c_int) -> Self {
        Self { state, index, live: PhantomData }
    }

    #[inline]
    pub(super) fn kind(self) -> Kind {
        // SAFETY: the invariant; lua_type never raises.
        match unsafe { ffi::lua_type(self.state, self.index) } {
            ffi::LUA_TNIL => Kind::Nil,
            ffi::LUA_TBOOLEAN => Kind::Boolean,
            ffi::LUA_TLIGHTUSERDATA => Kind::LightUserdata,
            ffi::LUA_TNUMBER => Kind::Number,
            ffi::LUA_TSTRING => Kind::String,
            ffi::LUA_TTABLE => Kind::Table,
            ffi::LUA_TFUNCTION => Kind::Function,
            ffi::LUA_TTHREAD => Kind::Thread,
            ffi::LUA_TNONE => Kind::None,
            _ => Kind::Userdata,
        }
    }

    /// The bytes of a string; None for every other kind, numbers included.
    #[inline]
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        if self.kind() != Kind::String {
            return None;
        }
        let mut len = 0;
        // SAFETY: the slot holds a string, so nothing is converted and nothing raised; the string lives as long as the slot holds it.
        unsafe {
            let start = ffi::lua_tolstring(self.state, self.index, &raw mut len);
            Some(std::slice::from_raw_parts(start.cast(), len))
        }
    }

    /// The value of a number; None for every other kind.
    #[inline]
    pub(super) fn number(self) -> Option<f64> {
        // SAFETY: the invariant; the slot holds a number, so nothing is converted.
        (self.kind() == Kind::Number).then(|| unsafe { ffi::lua_tonumber(self.state, self.index) })
    }

    /// The value of a number, or of a string that reads as one.
    pub(super) fn number_like(self) -> Option<f64> {
        // SAFETY: the invariant; lua_isnumber and lua_tonumber leave the slot as it is and do not raise.
        unsafe { (ffi::lua_isnumber(self.state, self.index) != 0).then(|| ffi::lua_tonumber(self.state, self.index)) }
    }

    /// Lua's idea of truth: everything but nil and false.
    pub(super) fn truth(self) -> bool {
        // SAFETY: the invariant; lua_toboolean never raises.
        unsafe { ffi::lua_toboolean(self.state, self.index) != 0 }
    }

    /// The address that `tostring` shows, and that tells `cjson.null` from others.
    pub(super) fn address(self) -> usize {
        // SAFETY: the invariant; lua_topointer never raises.
        unsafe { ffi::lua_topointer(self.state, self.index) as usize }
    }

    /// Lets `look` see the value at `key` of a table, read without metamethods.
    ///
    /// # Errors
    /// If the stack is full.
    pub(super) fn at<T>(self, key: usize, look: impl FnOnce(View<'_>) -> T) -> Result<T, StackFull> {
        assert!(self.kind() == Kind::Table, "only tables have elements");
        let key = c_int::try_from(key).map_err(|_| StackFull)?;
        // SAFETY: room was made; a raw read of a table by integer does not raise. The view dies before the slot is popped.
        unsafe {
            self.make_room(2)?;
            ffi::lua_rawgeti_(self.state, self.index, key);
            let top = ffi::lua_gettop(self.state);
            let seen = look(View::new(self.state, top));
            ffi::lua_settop(self.state, top - 1);
            Ok(seen)
        }
    }

    /// Lets `look` see each key and value of a table, without metamethods, until it fails.
    ///
    /// # Errors
    /// If the stack is full, or whatever `look` answers.
    pub(super) fn each<E: From<StackFull>>(
        self,
        mut look: impl FnMut(View<'_>, View<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        assert!(self.kind() == Kind::Table, "only tables have elements");
        // SAFETY: room was made. lua_next raises only for a key that is not in the table; the key comes from the call before, and a
        // view changes neither keys nor tables. The views die before their slots are popped.
        unsafe {
            self.make_room(4)?;
            let top = ffi::lua_gettop(self.state);
            ffi::lua_pushnil(self.state);
            while ffi::lua_next(self.state, self.index) != 0 {
                let looked = look(View::new(self.state, top + 1), View::new(self.state, top + 2));
                if let Err(problem) = looked {
                    ffi::lua_settop(self.state, top);
                    return Err(problem);
                }
                ffi::lua_settop(self.state, top + 1);
            }
        }
        Ok(())
    }

    /// The values of a table whose only keys are 1, 2, ... and come in this order, if they fit into `room` and none holds others. None
    /// for every other table; metamethods are not asked.
    ///
    /// # Errors
    /// If the stack is full.
    pub(super) fn scalars<'r>(self, room: &'r mut [Scalar<'a>]) -> Result<Option<&'r [Scalar<'a>]>, StackFull> {
        assert!(self.kind() == Kind::Table, "only tables have elements");
        // SAFETY: room was made. lua_next raises only for a key that is not in the table; the key comes from the call before. The kinds
        // are looked at first, so nothing is converted. A text's bytes live as long as the table, which the slot keeps for 'a, holds it:
        // nobody changes the table meanwhile.
        unsafe {
            self.make_room(4)?;
            let (state, top) = (self.state, ffi::lua_gettop(self.state));
            let mut len = 0;
            let mut is_plain = true;
            ffi::lua_pushnil(state);
            while ffi::lua_next(state, self.index) != 0 {
                let value = match ffi::lua_type(state, -1) {
                    ffi::LUA_TNUMBER => Some(Scalar::Number(ffi::lua_tonumber(state, -1))),
                    ffi::LUA_TBOOLEAN => Some(Scalar::Boolean(ffi::lua_toboolean(state, -1) != 0)),
                    ffi::LUA_TSTRING => View::new(state, top + 2).bytes().map(Scalar::Bytes),
                    _ => None,
                };
                let in_turn =
                    ffi::lua_type(state, -2) == ffi::LUA_TNUMBER && ffi::lua_tonumber(state, -2) == (len + 1) as f64;
                let (true, Some(value), Some(slot)) = (in_turn, value, room.get_mut(len)) else {
                    is_plain = false;
                    break;
                };
                *slot = value;
                len += 1;
                ffi::lua_settop(state, top + 1);
            }
            ffi::lua_settop(state, top);
            Ok(is_plain.then(|| &room[..len]))
        }
    }

    /// The same, read where it lies if `peeks` says that it may be. None also for what [`View::scalars`] has to look at more closely.
    #[inline]
    pub(super) fn peeked_scalars<'r>(self, peeks: bool, room: &'r mut [Scalar<'a>]) -> Option<&'r [Scalar<'a>]> {
        // SAFETY: the machine said so; the slot keeps its table for 'a, and nobody changes it.
        if peeks { unsafe { Slot::at(self.state, self.index).scalars(room) } } else { None }
    }

    /// As [`View::peeked_scalars`], of integers alone.
    #[inline]
    pub(super) fn peeked_integers(self, peeks: bool, room: &mut [i64]) -> Option<&[i64]> {
        // SAFETY: as for `peeked_scalars`.
        if peeks { unsafe { Slot::at(self.state, self.index).integers(room) } } else { None }
    }

    /// Lets `look` see the value at a text key of a table, without metamethods. O(n): the key is compared, not interned, because
    /// interning can raise.
    pub(super) fn field<T>(self, name: &[u8], look: impl FnOnce(View<'_>) -> T) -> Result<Option<T>, StackFull> {
        let mut look = Some(look);
        let mut found = None;
        let ended: Result<(), Option<StackFull>> = self.each(|key, value| {
            if key.bytes() == Some(name) {
                found = look.take().map(|look| look(value));
                return Err(None);
            }
            Ok(())
        });
        match ended {
            Err(Some(full)) => Err(full),
            Ok(()) | Err(None) => Ok(found),
        }
    }

    fn make_room(self, slots: c_int) -> Result<(), StackFull> {
        // SAFETY: the invariant; lua_checkstack answers 0 rather than raise.
        if unsafe { ffi::lua_checkstack(self.state, slots) } == 0 { Err(StackFull) } else { Ok(()) }
    }
}

/// A native function's arguments.
#[derive(Clone, Copy)]
pub(super) struct Args<'a> {
    state: *mut lua_State,
    len: usize,
    live: PhantomData<&'a lua_State>,
}

impl<'a> Args<'a> {
    /// The whole stack of a C function that was just entered.
    ///
    /// # Safety
    /// `state` is live for `'a` and nobody changes the slots that it holds now.
    pub(super) unsafe fn new(state: *mut lua_State) -> Self {
        // SAFETY: the caller's promise.
        let len = usize::try_from(unsafe { ffi::lua_gettop(state) }).expect("a stack's height is not negative");
        Self { state, len, live: PhantomData }
    }

    pub(super) fn len(self) -> usize {
        self.len
    }

    /// The argument at `index`, which starts at 0; beyond the last, a view of no value.
    pub(super) fn get(self, index: usize) -> View<'a> {
        // One past the top Lua answers "no value"; every C function is given more free slots than that.
        let index = c_int::try_from(index.min(self.len) + 1).expect("a stack is far smaller than 2^31");
        // SAFETY: the promise of `new`.
        unsafe { View::new(self.state, index) }
    }
}

/// Pushes the value that begins at token `at` and returns the position after it.
///
/// # Safety
/// `state` is live and in a protected call: memory may run out, which raises. `tape` must outlive that. The caller's frames up to the
/// protected call own nothing with a destructor.
pub(super) unsafe fn push(state: *mut lua_State, tape: &Tape, at: usize) -> usize {
    // SAFETY: the caller's promise; this function owns nothing, each level makes room for its own slots.
    unsafe {
        match tape.tokens()[at] {
            Token::Nil => ffi::lua_pushnil(state),
            Token::Boolean(value) => ffi::lua_pushboolean(state, c_int::from(value)),
            Token::Number(value) => ffi::lua_pushnumber(state, value),
            Token::NullPointer => ffi::lua_pushlightuserdata(state, std::ptr::null_mut()),
            Token::Bytes(span) => push_bytes(state, tape.text(span)),
            Token::Status(span) => push_named(state, c"ok", |state| push_bytes(state, tape.text(span))),
            Token::Error(span) => push_named(state, c"err", |state| push_bytes(state, tape.text(span))),
            Token::CommandError(span) => {
                push_named(state, c"err", |state| push_bytes(state, tape.text(span)));
                ffi::lua_pushboolean(state, 1);
                ffi::lua_setfield(state, -2, c"ignore_error_stats_update".as_ptr());
            }
            Token::Double(value) => push_named(state, c"double", |state| ffi::lua_pushnumber(state, value)),
            Token::Verbatim(format, span) => push_named(state, c"verbatim_string", |state| {
                ffi::lua_createtable(state, 0, 2);
                push_bytes(state, &format);
                ffi::lua_setfield(state, -2, c"format".as_ptr());
                push_bytes(state, tape.text(span));
                ffi::lua_setfield(state, -2, c"string".as_ptr());
            }),
            Token::Array(len) => {
                // Every C function is given more room than the first level needs.
                if at > 0 {
                    make_room(state);
                }
                ffi::lua_createtable(state, hint(len), 0);
                let mut next = at + 1;
                for index in 1..=len {
                    next = push(state, tape, next);
                    ffi::lua_rawseti_(state, -2, index as c_int);
                }
                return next;
            }
            Token::Record(len) => {
                make_room(state);
                return push_record(state, tape, at + 1, len);
            }
            Token::Map(len) => {
                make_room(state);
                ffi::lua_createtable(state, 0, 1);
                let next = push_record(state, tape, at + 1, len);
                ffi::lua_setfield(state, -2, c"map".as_ptr());
                return next;
            }
            Token::Set(len) => {
                make_room(state);
                ffi::lua_createtable(state, 0, 1);
                ffi::lua_createtable(state, 0, hint(len));
                let mut next = at + 1;
                for _ in 0..len {
                    next = push(state, tape, next);
                    ffi::lua_pushboolean(state, 1);
                    store(state);
                }
                ffi::lua_setfield(state, -2, c"set".as_ptr());
                return next;
            }
        }
        at + 1
    }
}

/// Pushes bytes as a string.
///
/// # Safety
/// As for [`push`].
#[inline]
pub(super) unsafe fn push_bytes(state: *mut lua_State, bytes: &[u8]) {
    // SAFETY: the caller's promise; Lua copies the bytes.
    unsafe { ffi::lua_pushlstring_(state, bytes.as_ptr().cast(), bytes.len()) }
}

/// A table's size hint. A lying one costs memory at once, so it is capped; the table grows as it is filled.
fn hint(len: u32) -> c_int {
    len.min(65_536) as c_int
}

unsafe fn make_room(state: *mut lua_State) {
    // SAFETY: the caller's promise; raises if the stack is full.
    unsafe { ffi::luaL_checkstack_(state, 8, c"a value is nested too deeply".as_ptr()) }
}

unsafe fn push_named(state: *mut lua_State, name: &std::ffi::CStr, value: impl Fn(*mut lua_State)) {
    // SAFETY: the caller's promise.
    unsafe {
        make_room(state);
        ffi::lua_createtable(state, 0, 1);
        value(state);
        ffi::lua_setfield(state, -2, name.as_ptr());
    }
}

unsafe fn push_record(state: *mut lua_State, tape: &Tape, at: usize, len: u32) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        ffi::lua_createtable(state, 0, hint(len));
        let mut next = at;
        for _ in 0..len {
            next = push(state, tape, next);
            next = push(state, tape, next);
            store(state);
        }
        next
    }
}

/// Takes key and value off the stack into the table below. A key that no table takes (nil, NaN) is dropped with its value.
unsafe fn store(state: *mut lua_State) {
    // SAFETY: the caller's promise: three slots, the lowest a table.
    unsafe {
        let kind = ffi::lua_type(state, -2);
        let is_nan = kind == ffi::LUA_TNUMBER && ffi::lua_tonumber(state, -2).is_nan();
        if kind == ffi::LUA_TNIL || is_nan {
            ffi::lua_settop(state, -3);
        } else {
            ffi::lua_rawset(state, -3);
        }
    }
}
