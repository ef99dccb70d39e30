//! Lists: giving and taking at both ends, and work by index.
//!
//! Not here: how elements are kept (`data::list`), which keys are locked, the removal of an emptied key, who waits for elements
//! (`keyspace`).

mod blocking;
mod change;
mod look;
mod moving;
mod pop;
mod position;
mod push;

use crate::base::event::Classes;
use crate::command::args::is_word;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Keys};
use crate::data::list::{End, Limits, Rest};
use crate::keyspace::{Event, Value};

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[
    push::COMMANDS,
    pop::COMMANDS,
    look::COMMANDS,
    position::COMMANDS,
    change::COMMANDS,
    moving::COMMANDS,
    blocking::COMMANDS,
];

/// How long a chunk may become, by the settings now.
#[inline]
pub(super) fn limits(ctx: &Ctx) -> Limits {
    Limits::from_setting(ctx.services.config.live.list_max_listpack_size.get())
}

/// Frees what was cut out of a list.
fn discard(keys: &Keys, rest: Rest) {
    rest.into_lists().for_each(|list| keys.discard(Value::List(list)));
}

/// The end of a list that the argument at `index` names.
fn end_at(args: Args, index: usize) -> Result<End, CommandError> {
    match args.get(index) {
        Some(word) if is_word(word, "LEFT") => Ok(End::Left),
        Some(word) if is_word(word, "RIGHT") => Ok(End::Right),
        _ => Err(CommandError::Syntax),
    }
}

/// The index that a request means in a list of `len` elements, if it is one: a negative one counts from the end.
#[inline]
fn index_in(index: i64, len: usize) -> Option<usize> {
    let index = match usize::try_from(index) {
        Ok(index) => index,
        Err(_) => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
    };
    (index < len).then_some(index)
}

/// What a pop from an end is told as.
fn popped_from(end: End) -> Event {
    let name = match end {
        End::Left => "lpop",
        End::Right => "rpop",
    };
    Event::new(Classes::LIST, name)
}

/// What a push to an end is told as.
fn pushed_to(end: End) -> Event {
    let name = match end {
        End::Left => "lpush",
        End::Right => "rpush",
    };
    Event::new(Classes::LIST, name)
}
