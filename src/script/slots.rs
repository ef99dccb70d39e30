//! What lies in a slot of the Lua stack, read where it lies.
//!
//! The C interface takes a call for each question about a slot: is it a text, where is it, how long. A command's arguments and a short reply are a
//! dozen slots and more per script, and these calls were a tenth of what a limiter takes. LuaJIT is built from the source that the lock file names, so the layout is
//! known; [`agrees`] compares it with the interface when a machine starts, and a machine that does not agree asks the interface as ever.
//!
//! ```text
//! state   ... 32: base 40: top                      slot   a double; or its kind in the 17 highest bits, and an address in the others
//! text    ... 20: length (4 bytes) 24: bytes        table  ... 16: array ... 32: metatable ... 48: slots of the array, the first is for key 0 (4 bytes) 52: mask of the hash (4 bytes)
//! ```
#![expect(unsafe_code, reason = "reads LuaJIT's own structures; what it finds is compared with the C interface first")]

use super::convert;
use super::machine::Machine;
use super::raw::Scalar;
use mlua::ffi;
use mlua::lua_State;
use std::ffi::c_int;

/// The most bytes that a number takes as an argument.
const DIGITS_MAX: usize = 32;

const BASE_AT: usize = 32;
const TOP_AT: usize = 40;
const TEXT_LEN_AT: usize = 20;
const TEXT_AT: usize = 24;
const ARRAY_AT: usize = 16;
const METATABLE_AT: usize = 32;
const ARRAY_LEN_AT: usize = 48;
const HASH_MASK_AT: usize = 52;
const KIND_SHIFT: u32 = 47;
const ADDRESS: u64 = (1 << KIND_SHIFT) - 1;
const NIL: u32 = !0;
const FALSE: u32 = !1;
const TRUE: u32 = !2;
const TEXT: u32 = !4;
const TABLE: u32 = !11;
/// Doubles have kinds below this.
const NUMBERS_END: u32 = !13;

/// A slot's content.
#[derive(Clone, Copy)]
pub(super) struct Slot(u64);

impl Slot {
    /// What lies in the slot of this index, which starts at 1.
    ///
    /// # Safety
    /// [`agrees`] said yes of this machine, and the index is at most the top's.
    #[inline]
    pub(super) unsafe fn at(state: *mut lua_State, index: c_int) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self((*state.byte_add(BASE_AT).cast::<*const u64>()).add(index as usize - 1).read()) }
    }

    #[inline]
    fn kind(self) -> u32 {
        (self.0.cast_signed() >> KIND_SHIFT) as u32
    }

    #[inline]
    fn object(self) -> *const u8 {
        std::ptr::with_exposed_provenance((self.0 & ADDRESS) as usize)
    }

    /// The number that it is.
    #[inline]
    pub(super) fn number(self) -> Option<f64> {
        (self.kind() < NUMBERS_END).then(|| f64::from_bits(self.0))
    }

    /// The text that it is.
    ///
    /// # Safety
    /// Something holds it for `'a`.
    #[inline]
    pub(super) unsafe fn bytes<'a>(self) -> Option<&'a [u8]> {
        // SAFETY: the caller's promise, and the layout is the one above.
        (self.kind() == TEXT).then(|| unsafe {
            let text = self.object();
            let len = text.add(TEXT_LEN_AT).cast::<u32>().read();
            std::slice::from_raw_parts(text.add(TEXT_AT), len as usize)
        })
    }

    /// Whether it is a table with exactly `len` places in its array, and nothing else: no other key, no metatable.
    ///
    /// # Safety
    /// Something holds the table, and nobody changes it meanwhile.
    #[inline]
    pub(super) unsafe fn is_list_of(self, len: usize) -> bool {
        if self.kind() != TABLE {
            return false;
        }
        let table = self.object();
        // SAFETY: the caller's promise, and the layout is the one above.
        unsafe {
            table.add(ARRAY_LEN_AT).cast::<u32>().read() as usize == len + 1
                && table.add(HASH_MASK_AT).cast::<u32>().read() == 0
                && table.add(METATABLE_AT).cast::<u64>().read() == 0
                && table.add(ARRAY_AT).cast::<*const Slot>().read().read().kind() == NIL
        }
    }

    /// The values of a table as [`Self::scalars`] gives them, if all of them are numbers: as integers.
    ///
    /// # Safety
    /// As for [`Self::scalars`].
    #[inline]
    pub(super) unsafe fn integers(self, room: &mut [i64]) -> Option<&[i64]> {
        if self.kind() != TABLE {
            return None;
        }
        let table = self.object();
        // SAFETY: the caller's promise, and the layout is the one above.
        unsafe {
            let slots = table.add(ARRAY_LEN_AT).cast::<u32>().read() as usize;
            if table.add(HASH_MASK_AT).cast::<u32>().read() != 0 || slots == 0 || slots > room.len() {
                return None;
            }
            let slots = std::slice::from_raw_parts(table.add(ARRAY_AT).cast::<*const Slot>().read(), slots);
            if slots[0].kind() != NIL {
                return None;
            }
            // There is room for as many as there are slots.
            let mut len = 0;
            while len + 1 < slots.len()
                && let Some(number) = slots[len + 1].number()
            {
                room[len] = convert::truncate(number);
                len += 1;
            }
            slots[1 + len..].iter().all(|slot| slot.kind() == NIL).then(|| &room[..len])
        }
    }

    /// The values of a table whose only keys are 1, 2, ..., all of them in its array, if they fit into `room` and none holds others.
    ///
    /// # Safety
    /// Something holds the table, and nobody changes it, for `'a`.
    #[inline]
    pub(super) unsafe fn scalars<'r, 'a>(self, room: &'r mut [Scalar<'a>]) -> Option<&'r [Scalar<'a>]> {
        if self.kind() != TABLE {
            return None;
        }
        let table = self.object();
        // SAFETY: the caller's promise, and the layout is the one above.
        unsafe {
            let slots = table.add(ARRAY_LEN_AT).cast::<u32>().read() as usize;
            if table.add(HASH_MASK_AT).cast::<u32>().read() != 0 || slots > 2 * room.len() {
                return None;
            }
            let array = table.add(ARRAY_AT).cast::<*const Slot>().read();
            let mut len = 0;
            let mut has_ended = false;
            for index in 1..slots {
                let slot = array.add(index).read();
                let value = match slot.kind() {
                    NIL => {
                        has_ended = true;
                        continue;
                    }
                    FALSE => Scalar::Boolean(false),
                    TRUE => Scalar::Boolean(true),
                    TEXT => Scalar::Bytes(slot.bytes()?),
                    _ => Scalar::Number(slot.number()?),
                };
                if has_ended {
                    return None;
                }
                *room.get_mut(len)? = value;
                len += 1;
            }
            let is_zero_free = slots == 0 || array.read().kind() == NIL;
            is_zero_free.then(|| &room[..len])
        }
    }
}

/// Borrows the arguments of a call from the stack.
///
/// # Safety
/// Called from a C function on its own stack, whose arguments stay where they are until the machine's list of them is used no more.
#[inline]
pub(super) unsafe fn gather(state: *mut lua_State, machine: &mut Machine) -> Result<(), &'static [u8]> {
    // SAFETY: the caller's promise; the slots from the base up to the top are the arguments.
    unsafe {
        if !machine.peeks {
            return gather_asking(state, machine);
        }
        let base = state.byte_add(BASE_AT).cast::<*const Slot>().read();
        let top = state.byte_add(TOP_AT).cast::<*const Slot>().read();
        let slots = std::slice::from_raw_parts(base, top.offset_from_unsigned(base));
        let (argv, digits) = (&mut machine.argv, &mut machine.digits);
        argv.clear();
        digits.clear();
        if argv.capacity() < slots.len() {
            argv.reserve(slots.len());
        }
        let room = argv.as_mut_ptr();
        let mut at = 0;
        while at < slots.len() {
            let slot = *slots.get_unchecked(at);
            let bytes = match slot.bytes() {
                Some(bytes) => bytes,
                None => print(slot, slots.len(), digits)?,
            };
            room.add(at).write(bytes);
            at += 1;
        }
        // Every place was written to, or this was left.
        argv.set_len(slots.len());
        if slots.is_empty() { Err(NO_ARGUMENT) } else { Ok(()) }
    }
}

const NO_ARGUMENT: &[u8] = b"ERR Please specify at least one argument for this redis lib call";
const WRONG_KIND: &[u8] = b"ERR Lua redis lib command arguments must be strings or integers";

/// The digits of an argument that is a number. `count`: how many arguments there are; the digits of all stay where they are.
///
/// # Safety
/// They are used no more once `digits` is changed otherwise.
#[inline]
unsafe fn print<'a>(slot: Slot, count: usize, digits: &mut Vec<u8>) -> Result<&'a [u8], &'static [u8]> {
    let number = slot.number().ok_or(WRONG_KIND)?;
    // Once, for all arguments: what was printed before must not move.
    if digits.is_empty() {
        digits.reserve(count * DIGITS_MAX);
    }
    let start = digits.len();
    convert::append_argument(digits, number);
    let len = digits.len() - start;
    assert!(len <= DIGITS_MAX, "a number prints within its reserve");
    // SAFETY: the caller's promise; the bytes were just written.
    Ok(unsafe { std::slice::from_raw_parts(digits.as_ptr().add(start), len) })
}

/// The same by way of the C interface.
///
/// # Safety
/// As for [`gather`].
#[cold]
unsafe fn gather_asking(state: *mut lua_State, machine: &mut Machine) -> Result<(), &'static [u8]> {
    machine.argv.clear();
    machine.digits.clear();
    // SAFETY: the caller's promise; the indices are those of arguments.
    unsafe {
        let count = ffi::lua_gettop(state);
        if count == 0 {
            return Err(NO_ARGUMENT);
        }
        for index in 1..=count {
            let (bytes, number) = asked(state, index);
            let bytes = match (bytes, number) {
                (Some(bytes), _) => bytes,
                (None, Some(number)) => print(Slot(number.to_bits()), count as usize, &mut machine.digits)?,
                (None, None) => return Err(WRONG_KIND),
            };
            machine.argv.push(bytes);
        }
    }
    Ok(())
}

/// What the C interface says of a slot: the text or the number that it is.
///
/// # Safety
/// The slot is an argument, which keeps its text for `'a`.
unsafe fn asked<'a>(state: *mut lua_State, index: c_int) -> (Option<&'a [u8]>, Option<f64>) {
    // SAFETY: the caller's promise. The kind is looked at first, so nothing is converted.
    unsafe {
        match ffi::lua_type(state, index) {
            ffi::LUA_TSTRING => {
                let mut len = 0;
                let start = ffi::lua_tolstring(state, index, &raw mut len);
                (Some(std::slice::from_raw_parts(start.cast(), len)), None)
            }
            ffi::LUA_TNUMBER => (None, Some(ffi::lua_tonumber(state, index))),
            _ => (None, None),
        }
    }
}

/// Whether the C interface sees the same in this state. Leaves the stack as it was.
///
/// # Safety
/// `state` is live and in a protected call, with room for some slots.
pub(super) unsafe fn agrees(state: *mut lua_State) -> bool {
    if cfg!(not(all(target_arch = "x86_64", target_endian = "little"))) {
        return false;
    }
    // SAFETY: the caller's promise. No address is followed before the interface has named the same.
    unsafe {
        let before = ffi::lua_gettop(state);
        ffi::lua_pushnumber(state, -1.5);
        ffi::lua_pushnumber(state, 7.0);
        ffi::lua_pushlstring_(state, c"a text".as_ptr(), 6);
        ffi::lua_pushboolean(state, 1);
        ffi::lua_createtable(state, 2, 0);
        for index in 1..=2 {
            ffi::lua_pushvalue(state, before + 1 + index);
            ffi::lua_rawseti_(state, -2, index);
        }
        let base = state.byte_add(BASE_AT).cast::<*const u64>().read().addr();
        let top = state.byte_add(TOP_AT).cast::<*const u64>().read().addr();
        let height = ffi::lua_gettop(state) as usize;
        let mut agree = top.wrapping_sub(base) == height * size_of::<u64>();
        if agree {
            let slot = |index| Slot::at(state, before + index);
            let is_there = |index| slot(index).object().cast() == ffi::lua_topointer(state, before + index);
            let mut room = [Scalar::Boolean(false); 2];
            agree = slot(1).number() == Some(-1.5)
                && slot(2).number() == Some(7.0)
                && slot(4).kind() == TRUE
                && slot(3).kind() == TEXT
                && slot(5).kind() == TABLE
                && is_there(5)
                && slot(3).object().wrapping_add(TEXT_AT).cast()
                    == ffi::lua_tolstring(state, before + 3, std::ptr::null_mut())
                && slot(3).bytes() == Some(b"a text".as_slice())
                && slot(5).scalars(&mut room) == Some(&[Scalar::Number(7.0), Scalar::Bytes(b"a text")])
                && slot(5).is_list_of(2)
                && !slot(5).is_list_of(1);
        }
        if agree {
            // Other keys than those of the array, and a metatable, are seen.
            for change in 0..3 {
                ffi::lua_createtable(state, 2, 0);
                let index = ffi::lua_gettop(state);
                agree &= Slot::at(state, index).is_list_of(2);
                match change {
                    0 => {
                        ffi::lua_createtable(state, 0, 0);
                        ffi::lua_setmetatable(state, index);
                    }
                    key => {
                        ffi::lua_pushboolean(state, 1);
                        ffi::lua_rawseti_(state, index, if key == 1 { 0 } else { -1 });
                    }
                }
                agree &= !Slot::at(state, index).is_list_of(2);
            }
        }
        ffi::lua_settop(state, before);
        agree
    }
}
