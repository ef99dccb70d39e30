//! SORT and SORT_RO: the elements of a list, a set or a sorted set, ordered by themselves or by what other keys hold, with what other keys
//! hold in their place.
//!
//! ```text
//! options ──> source (a clone of the value) ──> order (weights, LIMIT) ──> reply, or a list under another key
//!                                                   └── pattern: which key an element means ──┘
//! ```
//! The keys that patterns lead to cannot be declared, so a request with such patterns owns the whole keyspace.
//!
//! Text is compared byte by byte, as a server does whose locale is C or C.UTF-8.

mod options;
mod order;
mod pattern;

use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Flags, Group, KeySpec, Keys, Replied, Reply};
use crate::data::list::{Element, End, List, Text};
use crate::data::set::{Element as Member, Set};
use crate::data::zset::ZSet;
use crate::family::lists;
use crate::family::long::{self, Answer, Computed, Shape, Store};
use crate::keyspace::{Bin, Keyspace, Value, ValueRef};
use crate::resp::long::{LongReply, Stop};
use options::Options;
use pattern::Pattern;
use std::ops::Range;

/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[COMMANDS];

const COMMANDS: &[CommandSpec] = &[
    row(CommandSpec::new(
        "SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] [STORE destination]",
        sort,
    )
        .tells("sortstore"))
    .write()
    .deny_oom()
    .spec(KeySpec::AfterWord {
        word: "STORE",
        from: 2,
        skipped: options::SKIPPED,
        access: Access::OVERWRITE,
        note: "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array",
    })
    .since("1.0.0")
    .says("Sorts the elements of a list, a set or a sorted set, and perhaps stores them as a list."),
    row(CommandSpec::new(
        "SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA]",
        sort_ro,
    )
        .tells("sortstore"))
    .readonly()
    .since("7.0.0")
    .says("Returns the elements of a list, a set or a sorted set in order."),
];

const fn row(row: CommandSpec) -> CommandSpec {
    row.group(Group::Sorting)
        .categories(&["@set", "@sortedset", "@list"])
        .flag(Flags::DANGEROUS.or(Flags::MOVABLE_KEYS))
        .key(1, Access::READ)
        .spec(KeySpec::Hidden {
            access: Access::READ,
            note: "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the \
                   key we sort",
        })
        .whole_if(options::may_need_more_than_declared)
        .costs("O(N + M log M); N is the number of elements, M the number of elements sorted")
}

const NOT_NUMBERS: CommandError = CommandError::text("ERR One or more scores can't be converted into double");

/// What it takes to find the place of an element, in steps.
const STEPS_PER_ELEMENT: usize = 8;

fn sort(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    run(ctx, args, Options::parse(args, true)?, reply)
}

fn sort_ro(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    run(ctx, args, Options::parse(args, false)?, reply)
}

fn run(ctx: &mut Ctx, args: Args, mut options: Options<'_>, reply: Reply) -> Result<Replied, CommandError> {
    // A clone, so that other keys can be read while its elements are at hand. A large list's or set's costs O(1).
    let keyspace = ctx.keys.keyspace();
    let source = Source::of(&mut ctx.keys, &args[1])?;
    // The order of a set is no order; what is stored, and what a script sees, does not depend on it.
    if matches!(source, Source::Set(_)) && options.unsorted && (options.store.is_some() || ctx.scripts.is_none()) {
        (options.unsorted, options.alpha, options.by) = (false, true, None);
    }
    let range = options.range(source.len());
    if source.len() > long::ELEMENTS_MAX
        && let Some(own) = options.by_itself()
    {
        let steps = if own.unsorted { range.len() } else { STEPS_PER_ELEMENT * source.len() };
        let Some(destination) = options.store else {
            return Ok(reply.later(order_later(keyspace, source, own, range, steps))?);
        };
        match long::store(ctx, &reply, steps) {
            Store::Ready(made) => {
                source.discard(&keyspace.bin());
                return Ok(put(ctx, destination, made, reply));
            }
            Store::Away(tries) => {
                let (limits, keys) = (lists::limits(ctx), [&args[1], destination]);
                let bin = keyspace.bin();
                // Whether there is anything that is no number is found here, for that is an error.
                let make = move |_: &Stop| {
                    let mut list = List::new();
                    let ordered = order::ordered(None, &source, &own, range);
                    let is_ordered = ordered.is_some();
                    ordered.into_iter().flatten().for_each(|element| list.push(End::Right, &element.text(), &limits));
                    source.discard(&bin);
                    if is_ordered { Some(Value::List(list)) } else { None }
                };
                return Ok(long::store_later(ctx, reply, keys.into_iter(), (tries, steps), make));
            }
            Store::Here => {}
        }
    }
    let elements = order::ordered(Some(&mut ctx.keys), &source, &options, range).ok_or(NOT_NUMBERS)?;
    let replied = match options.store {
        Some(destination) => store(ctx, destination, &elements, &options, reply),
        None => give(ctx, &elements, &options, reply),
    };
    drop(elements);
    // It may be the last, if the result took the place of what was sorted.
    source.discard(&keyspace.bin());
    Ok(replied)
}

/// The same where no other key has a part in it, once the command has given its locks back.
fn order_later(
    keyspace: &Keyspace,
    source: Source,
    options: Options<'static>,
    range: Range<usize>,
    steps: usize,
) -> Box<dyn LongReply> {
    let bin = keyspace.bin();
    Computed::new(keyspace, steps, move |_| {
        let ordered = order::ordered(None, &source, &options, range);
        let elements =
            ordered.map(|elements| long::gather(|push| elements.iter().for_each(|element| push(&element.text()))));
        source.discard(&bin);
        Ok(Answer::Elements(elements.ok_or(NOT_NUMBERS)?, Shape::Array))
    })
}

/// What is sorted.
enum Source {
    Nothing,
    List(List),
    Set(Set),
    ZSet(ZSet),
}

impl Source {
    fn of(keys: &mut Keys, key: &[u8]) -> Result<Self, CommandError> {
        let Some(entry) = keys.lookup(key) else { return Ok(Self::Nothing) };
        match entry.value() {
            ValueRef::List(list) => Ok(Self::List(list.clone())),
            ValueRef::Set(set) => Ok(Self::Set(set.clone())),
            ValueRef::ZSet(zset) => Ok(Self::ZSet(zset.clone())),
            _ => Err(CommandError::WrongType),
        }
    }

    fn discard(self, bin: &Bin) {
        match self {
            Self::Nothing => {}
            Self::List(list) => bin.discard(Value::List(list)),
            Self::Set(set) => bin.discard(Value::Set(set)),
            Self::ZSet(zset) => bin.discard(Value::ZSet(zset)),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::List(list) => list.len(),
            Self::Set(set) => set.len(),
            Self::ZSet(zset) => zset.len(),
        }
    }

    /// The elements in their own order, those of a list or a sorted set backwards with `desc`, cut to `range`.
    fn stretch(&self, range: Range<usize>, desc: bool) -> Vec<Element<'_>> {
        if let Self::Set(set) = self {
            let elements = set.iter().map(|member| match member {
                Member::Integer(value) => Element::Integer(value),
                Member::Bytes(bytes) => Element::Text(bytes),
            });
            return elements.skip(range.start).take(range.len()).collect();
        }
        // Where the stretch lies when it is counted from the other end.
        let len = self.len();
        let range = if desc { len - range.end..len - range.start } else { range };
        let mut elements: Vec<Element<'_>> = match self {
            Self::Nothing | Self::Set(_) => Vec::new(),
            Self::List(list) => list.iter(range).collect(),
            Self::ZSet(zset) => zset.iter(range).map(|(member, _)| Element::Text(member)).collect(),
        };
        if desc {
            elements.reverse();
        }
        elements
    }
}

/// Visits what is given for each element: itself, or what each GET finds for it (`None` where it finds nothing).
fn for_each_given(
    keys: &mut Keys,
    elements: &[Element<'_>],
    gets: &[Pattern<'_>],
    mut visit: impl FnMut(Option<&[u8]>),
) {
    for element in elements {
        let text: Text<'_> = element.text();
        if gets.is_empty() {
            visit(Some(&text));
        }
        for get in gets {
            get.with_value(Some(keys), &text, &mut visit);
        }
    }
}

fn given_len(elements: &[Element<'_>], options: &Options<'_>) -> usize {
    elements.len() * options.gets.len().max(1)
}

fn give(ctx: &mut Ctx, elements: &[Element<'_>], options: &Options<'_>, reply: Reply) -> Replied {
    let mut array = reply.array(given_len(elements, options));
    for_each_given(&mut ctx.keys, elements, &options.gets, |value| array.bulk_or_null(value));
    array.end()
}

fn store(ctx: &mut Ctx, destination: &[u8], elements: &[Element<'_>], options: &Options<'_>, reply: Reply) -> Replied {
    let limits = lists::limits(ctx);
    let mut list = List::new();
    for_each_given(&mut ctx.keys, elements, &options.gets, |value| {
        list.push(End::Right, value.unwrap_or_default(), &limits);
    });
    put(ctx, destination, Value::List(list), reply)
}

/// Puts a list in the place of whatever the key held, its deadline included; an empty one deletes the key.
fn put(ctx: &mut Ctx, destination: &[u8], list: Value, reply: Reply) -> Replied {
    let len = list.lend().elements();
    if len == 0 {
        ctx.keys.delete(destination);
    } else {
        ctx.keys.put(destination, list, None);
    }
    reply.count(len)
}
