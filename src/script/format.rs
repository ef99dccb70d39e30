//! `string.format` as Lua 5.1 has it: LuaJIT's own formats, once the arguments are what Lua 5.1 takes.
//!
//! LuaJIT's takes any value for `%s`, by way of `tostring` and so of a `__tostring` that may format again; Lua 5.1's wants a text or a number.
#![expect(
    unsafe_code,
    reason = "a function that takes Lua's arguments and raises its errors; the Lua C interface is unsafe throughout"
)]

use super::calls;
use mlua::ffi;
use mlua::lua_State;
use std::ffi::c_int;

/// What an item of a format wants of its argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    Number,
    Text,
    /// There is no such item in Lua 5.1, but perhaps in LuaJIT.
    Nothing(u8),
}

/// The next item of a format, and what follows it; none if there is none, or the rest is not well formed: LuaJIT's own will say so.
fn next_item(format: &[u8]) -> Option<(Wants, &[u8])> {
    let mut rest = format;
    loop {
        let at = rest.iter().position(|byte| *byte == b'%')?;
        rest = &rest[at + 1..];
        match rest {
            [b'%', after @ ..] => rest = after,
            _ => break,
        }
    }
    let skip = |rest: &[u8], is_part: fn(u8) -> bool| rest.iter().take_while(|byte| is_part(**byte)).count();
    rest = &rest[skip(rest, |byte| b"-+ #0".contains(&byte))..];
    rest = &rest[skip(rest, |byte| byte.is_ascii_digit())..];
    if let [b'.', after @ ..] = rest {
        rest = &after[skip(after, |byte| byte.is_ascii_digit())..];
    }
    let (option, rest) = rest.split_first()?;
    let wants = match option {
        b'c' | b'd' | b'i' | b'o' | b'u' | b'x' | b'X' | b'e' | b'E' | b'f' | b'g' | b'G' => Wants::Number,
        b'q' | b's' => Wants::Text,
        other => Wants::Nothing(*other),
    };
    Some((wants, rest))
}

/// For the sandbox, with the original as upvalue.
pub(super) unsafe extern "C-unwind" fn format(state: *mut lua_State) -> c_int {
    // SAFETY: called by Lua; owns nothing. The format stays in its slot.
    unsafe {
        let mut len = 0;
        let start = ffi::luaL_checklstring(state, 1, &raw mut len);
        let mut rest: &[u8] = std::slice::from_raw_parts(start.cast(), len);
        let given = ffi::lua_gettop(state);
        let mut argument = 1;
        while let Some((wants, after)) = next_item(rest) {
            argument += 1;
            if argument > given {
                ffi::luaL_argerror(state, argument, c"no value".as_ptr());
            }
            match wants {
                Wants::Number => _ = ffi::luaL_checknumber(state, argument),
                // A number is not made a text in its slot, as LuaJIT's own would find another value there.
                Wants::Text if ffi::lua_isstring(state, argument) != 0 => {}
                Wants::Text => _ = ffi::luaL_checklstring(state, argument, std::ptr::null_mut()),
                Wants::Nothing(option) if option.is_ascii_graphic() => {
                    let mut text = *b"invalid option '%?' to 'format'";
                    text[17] = option;
                    calls::raise_at(state, std::str::from_utf8(&text).expect("printable ASCII"));
                }
                Wants::Nothing(_) => break,
            }
            rest = after;
        }
        ffi::lua_pushvalue(state, ffi::lua_upvalueindex(1));
        ffi::lua_insert(state, 1);
        ffi::lua_call(state, given, 1);
        1
    }
}

#[cfg(test)]
mod tests {
    use super::{Wants, next_item};

    #[test]
    fn items_are_found_with_what_they_want() {
        let all = |mut rest: &'static [u8]| {
            let mut found = Vec::new();
            while let Some((wants, after)) = next_item(rest) {
                found.push(wants);
                rest = after;
            }
            found
        };
        assert_eq!(all(b"no item, 100%%"), []);
        assert_eq!(all(b"%s%%%-+ #05.2d%q%"), [Wants::Text, Wants::Number, Wants::Text]);
        assert_eq!(all(b"%5.3f%y%."), [Wants::Number, Wants::Nothing(b'y')]);
    }
}
