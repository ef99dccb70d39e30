//! `redis.register_function`: what a library says of its functions while it is loaded.
//!
//! The functions themselves stay in Lua: the sandbox keeps them, in the same order.

use super::Host;
use super::functions::{BAD_NAME, Function, is_name};
use super::library::{Raise, Session};
use super::raw::{Args, Kind, StackFull, View};
use super::source::{History, SourceFlags};
use std::collections::HashSet;

/// The most functions of a library.
const FUNCTIONS_MAX: usize = 10_000;

/// What has been registered so far.
#[derive(Debug, Default)]
pub(super) struct Registry {
    pub(super) functions: Vec<Function>,
    /// Their names in lower case.
    names: HashSet<Vec<u8>>,
    /// What their texts take.
    bytes: usize,
}

/// What the arguments of one call say.
#[derive(Default)]
struct Request {
    name: Option<Vec<u8>>,
    description: Option<Vec<u8>>,
    has_callback: bool,
    flags: SourceFlags,
}

/// Why it is refused.
struct Refusal(&'static str);

impl From<StackFull> for Refusal {
    fn from(_: StackFull) -> Self {
        Self("ERR stack overflow")
    }
}

/// Takes a function down, or fails as Redis does.
pub(super) fn register(session: &mut Session, _: &mut dyn Host, args: Args<'_>) -> Result<(), Raise> {
    if session.loading.is_none() {
        return Err(session.reply("ERR redis.register_function can only be called on FUNCTION LOAD command"));
    }
    let request = match args.len() {
        1 => named(args.get(0)),
        2 => positional(args),
        _ => Err(Refusal("ERR wrong number of arguments to redis.register_function")),
    };
    let taken = request.and_then(|request| {
        let name = request.name.expect("a request without a name was refused");
        if !is_name(&name) {
            return Err(Refusal(BAD_NAME));
        }
        let room = session.tape.room();
        let registry = session.loading.as_mut().expect("it was looked for above");
        if !registry.names.insert(name.to_ascii_lowercase()) {
            return Err(Refusal("ERR Function already exists in the library"));
        }
        if registry.functions.len() >= FUNCTIONS_MAX {
            return Err(Refusal("ERR too many functions in one library"));
        }
        registry.bytes += 2 * name.len() + request.description.as_ref().map_or(0, Vec::len) + size_of::<Function>();
        let fits = registry.bytes <= room;
        registry.functions.push(Function {
            name: name.into(),
            description: request.description.map(Vec::into_boxed_slice),
            flags: SourceFlags { declared: true, ..request.flags },
            history: History::default(),
        });
        Ok(fits)
    });
    match taken {
        Ok(true) => Ok(()),
        Ok(false) => Err(Raise::Memory),
        Err(Refusal(text)) => Err(session.reply(text)),
    }
}

fn positional(args: Args<'_>) -> Result<Request, Refusal> {
    let name = text(args.get(0)).ok_or(Refusal("ERR first argument to redis.register_function must be a string"))?;
    if args.get(1).kind() != Kind::Function {
        return Err(Refusal("ERR second argument to redis.register_function must be a function"));
    }
    Ok(Request { name: Some(name), has_callback: true, ..Request::default() })
}

fn named(table: View<'_>) -> Result<Request, Refusal> {
    if table.kind() != Kind::Table {
        return Err(Refusal(
            "ERR calling redis.register_function with a single argument is only applicable to Lua table (representing \
             named arguments).",
        ));
    }
    let mut request = Request::default();
    table.each(|key, value| {
        // A number is read as its digits, which no argument is called by.
        let Some(key) = key.bytes().or(key.number().map(|_| b"".as_slice())) else {
            return Err(Refusal("ERR named argument key given to redis.register_function is not a string"));
        };
        match key.to_ascii_lowercase().as_slice() {
            b"function_name" => {
                let refusal = Refusal("ERR function_name argument given to redis.register_function must be a string");
                request.name = Some(text(value).ok_or(refusal)?);
            }
            b"description" => {
                let refusal = Refusal("ERR description argument given to redis.register_function must be a string");
                request.description = Some(text(value).ok_or(refusal)?);
            }
            b"callback" if value.kind() == Kind::Function => request.has_callback = true,
            b"callback" => {
                return Err(Refusal("ERR callback argument given to redis.register_function must be a function"));
            }
            b"flags" if value.kind() == Kind::Table => request.flags = flags(value)?,
            b"flags" => {
                return Err(Refusal(
                    "ERR flags argument to redis.register_function must be a table representing function flags",
                ));
            }
            _ => return Err(Refusal("ERR unknown argument given to redis.register_function")),
        }
        Ok(())
    })?;
    if request.name.is_none() {
        return Err(Refusal("ERR redis.register_function must get a function name argument"));
    }
    if !request.has_callback {
        return Err(Refusal("ERR redis.register_function must get a callback argument"));
    }
    Ok(request)
}

/// The flags of a list, which ends at its first nil.
fn flags(list: View<'_>) -> Result<SourceFlags, Refusal> {
    let mut flags = SourceFlags::default();
    for index in 1.. {
        let is_known = list.at(index, |flag| match flag.kind() {
            Kind::Nil => None,
            _ => Some(flag.bytes().is_some_and(|name| flags.set(name))),
        })?;
        match is_known {
            None => break,
            Some(true) => {}
            Some(false) => return Err(Refusal("ERR unknown flag given")),
        }
    }
    Ok(flags)
}

/// A string, or the digits of a number.
fn text(value: View<'_>) -> Option<Vec<u8>> {
    if let Some(bytes) = value.bytes() {
        return Some(bytes.to_vec());
    }
    let number = value.number()?;
    let mut digits = Vec::new();
    crate::base::num::append_f64_14g(&mut digits, number);
    Some(digits)
}
