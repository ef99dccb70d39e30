//! LPOP, RPOP, LMPOP: the elements at one end are given and leave.
//!
//! The reply is written from the list itself, before they leave it, so nothing is copied in between. All that can fail has
//! been checked by then.

use super::{discard, end_at, limits, popped_from};
use crate::base::num::I64Text;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Keys, Missing, Replied, Reply};
use crate::data::list::{Element, End, Iter, Limits, List, Rest};
use crate::family::many::{Many, count_at};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("LPOP key [count]", lpop)
        .tells("lpop")
        .list()
        .write()
        .fast()
        .key(1, Access::ACCESS_DELETE)
        .since("1.0.0")
        .says("Removes and returns the first elements of a list.")
        .costs("O(N); N is the number of elements returned"),
    CommandSpec::new("RPOP key [count]", rpop)
        .tells("rpop")
        .list()
        .write()
        .fast()
        .key(1, Access::ACCESS_DELETE)
        .since("1.0.0")
        .says("Removes and returns the last elements of a list.")
        .costs("O(N); N is the number of elements returned"),
    CommandSpec::new("LMPOP numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", lmpop)
        .list()
        .write()
        .counted_keys(1, 2, Access::ACCESS_DELETE)
        .since("7.0.0")
        .says("Removes and returns elements from the first of several lists that is not empty.")
        .costs("O(K + N); K is the number of keys, N the number of elements returned"),
];

fn lpop(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    pop_of_one(ctx, args, End::Left, reply)
}

fn rpop(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    pop_of_one(ctx, args, End::Right, reply)
}

fn pop_of_one(ctx: &mut Ctx, args: Args, end: End, reply: Reply) -> Result<Replied, CommandError> {
    let count = match args.from(2) {
        [] => None,
        // Redis says so of any text that is no number, too.
        [_] => Some(count_at(args, 2, 0).ok_or(CommandError::MustBePositive)?),
        _ => return Err(CommandError::WrongArity(args[0].to_ascii_lowercase().escape_ascii().to_string())),
    };
    let limits = limits(ctx);
    let give = |reply: Reply, mut elements: Leaving| match count {
        Some(_) => array(reply, elements),
        None => reply.bulk(&elements.next().expect("a list has an element").text()),
    };
    let popped = pop(&mut ctx.keys, &limits, &args[1], end, count.unwrap_or(1), reply, give)?;
    popped.or_else(|reply| Ok(if count.is_some() { reply.null_array() } else { reply.null() }))
}

fn lmpop(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let many = Many::parse(args, 1)?;
    let limits = limits(ctx);
    let popped = many.pop(&mut ctx.keys, &limits, &args.all()[many.keys.clone()], reply)?;
    Ok(popped.unwrap_or_else(Reply::null_array))
}

impl Many<End> {
    /// Reads the arguments from the number of keys on, which stands at `index`.
    pub(super) fn parse(args: Args, index: usize) -> Result<Self, CommandError> {
        Self::read(args, index, end_at)
    }

    /// Replies with what the first of `names` has that is there; else the right to reply comes back.
    pub(super) fn pop<'r>(
        &self,
        keys: &mut Keys,
        limits: &Limits,
        names: &[&[u8]],
        mut reply: Reply<'r>,
    ) -> Result<Result<Replied, Reply<'r>>, CommandError> {
        keys.tell_as(popped_from(self.end));
        for name in names {
            let popped = pop(keys, limits, name, self.end, self.count, reply, |reply, elements| {
                let mut found = reply.array(2);
                found.bulk(name);
                let _given: Replied = array(found.element(), elements);
                found.end()
            })?;
            match popped {
                Ok(replied) => {
                    let count = I64Text::new(i64::try_from(self.count).unwrap_or(i64::MAX));
                    keys.log(&[name_of_pop(self.end), name, count.as_bytes()]);
                    return Ok(Ok(replied));
                }
                Err(unused) => reply = unused,
            }
        }
        Ok(Err(reply))
    }
}

/// Replies with a key and the element at one end of its list, which leaves; else the right to reply comes back.
pub(super) fn pop_with_key<'r>(
    keys: &mut Keys,
    limits: &Limits,
    name: &[u8],
    end: End,
    reply: Reply<'r>,
) -> Result<Result<Replied, Reply<'r>>, CommandError> {
    keys.tell_as(popped_from(end));
    let popped = pop(keys, limits, name, end, 1, reply, |reply, mut elements| {
        let mut found = reply.array(2);
        found.bulk(name);
        found.bulk(&elements.next().expect("a list has an element").text());
        found.end()
    })?;
    if popped.is_ok() {
        keys.log(&[name_of_pop(end), name]);
    }
    Ok(popped)
}

/// The command that pops from this end of one list and waits for nothing.
const fn name_of_pop(end: End) -> &'static [u8] {
    match end {
        End::Left => b"LPOP",
        End::Right => b"RPOP",
    }
}

fn array(reply: Reply, elements: Leaving) -> Replied {
    let mut array = reply.array(elements.elements.len());
    elements.for_each(|element| array.bulk(&element.text()));
    array.end()
}

/// The elements about to leave, in the order in which they are given.
struct Leaving<'a> {
    elements: Iter<'a>,
    end: End,
}

impl<'a> Iterator for Leaving<'a> {
    type Item = Element<'a>;
    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        match self.end {
            End::Left => self.elements.next(),
            End::Right => self.elements.next_back(),
        }
    }
}

/// Has `give` reply up to `count` elements of the key's list from `end` on, then removes them. Where the key is missing, the
/// right to reply comes back.
#[inline]
fn pop<'r>(
    keys: &mut Keys,
    limits: &Limits,
    key: &[u8],
    end: End,
    count: usize,
    reply: Reply<'r>,
    give: impl FnOnce(Reply<'r>, Leaving) -> Replied,
) -> Result<Result<Replied, Reply<'r>>, CommandError> {
    let mut unused = Some(reply);
    let popped = keys.edit::<List, _>(key, Missing::Skip, |list| {
        let len = list.len();
        let count = count.min(len);
        let range = match end {
            End::Left => 0..count,
            End::Right => len - count..len,
        };
        let reply = unused.take().expect("a key is edited once");
        let replied = give(reply, Leaving { elements: list.iter(range.clone()), end });
        let rest = if count > 0 { list.remove(range, limits) } else { Rest::default() };
        (replied, rest)
    })?;
    let Some((replied, rest)) = popped else {
        return Ok(Err(unused.expect("a key that is missing was not edited")));
    };
    discard(keys, rest);
    Ok(Ok(replied))
}
