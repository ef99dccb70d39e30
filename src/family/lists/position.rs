//! LPOS: where in a list an element stands.

use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::list::{Element, List};
use crate::family::long::{self, Answer, Computed, Shape};
use crate::keyspace::{FrozenEntry, Keyspace};
use crate::resp::long::LongReply;

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]", lpos)
        .list()
        .readonly()
        .key(1, Access::READ)
        .since("6.0.6")
        .says("Returns the indexes of the elements of a list that are equal to one.")
        .costs("O(N); N is the number of elements looked at")];

const NO_RANK: CommandError = CommandError::text(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end \
     of the list",
);
const NEGATIVE_COUNT: CommandError = CommandError::text("ERR COUNT can't be negative");
const NEGATIVE_MAXLEN: CommandError = CommandError::text("ERR MAXLEN can't be negative");

/// What is looked for.
struct Options {
    /// How many matches are passed over.
    skipped: u64,
    from_end: bool,
    /// The most matches; `None` asks for one, which is not replied as an array.
    count: Option<usize>,
    /// The most elements to look at.
    compared: usize,
}

impl Options {
    fn parse(args: Args) -> Result<Self, CommandError> {
        let mut options = Self { skipped: 0, from_end: false, count: None, compared: usize::MAX };
        for index in (3..args.len()).step_by(2) {
            let is_last = index + 1 == args.len();
            // 0 stands for no bound.
            let bound = |error: CommandError| {
                let given = args.integer(index + 1).ok().and_then(|given| usize::try_from(given).ok());
                given.map(|given| if given == 0 { usize::MAX } else { given }).ok_or(error)
            };
            if args.is(index, "RANK") && !is_last {
                let rank = args.integer(index + 1)?;
                options.from_end = rank < 0;
                // The lowest of all has no positive twin; to Redis it means -1.
                let rank = if rank == i64::MIN { 1 } else { rank.unsigned_abs() };
                options.skipped = rank.checked_sub(1).ok_or(NO_RANK)?;
            } else if args.is(index, "COUNT") && !is_last {
                options.count = Some(bound(NEGATIVE_COUNT)?);
            } else if args.is(index, "MAXLEN") && !is_last {
                options.compared = bound(NEGATIVE_MAXLEN)?;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }

    fn find(&self, list: &List, wanted: Element<'_>) -> Vec<usize> {
        let len = list.len();
        let most = self.count.unwrap_or(1);
        let mut elements = list.iter(0..len);
        let (mut found, mut skipped) = (Vec::new(), 0);
        for step in 0..self.compared.min(len) {
            let element = if self.from_end { elements.next_back() } else { elements.next() };
            if element != Some(wanted) {
                continue;
            }
            if skipped < self.skipped {
                skipped += 1;
                continue;
            }
            found.push(if self.from_end { len - 1 - step } else { step });
            if found.len() == most {
                break;
            }
        }
        found
    }
}

fn lpos(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let options = Options::parse(args)?;
    let keyspace = ctx.keys.keyspace();
    let list = ctx.keys.read_entry::<List>(&args[1])?;
    if let Some((list, entry)) = list {
        let steps = list.len().min(options.compared);
        if let Some(entry) = long::freeze(keyspace, entry, steps > long::STEPS_MAX) {
            return Ok(reply.later(find_later(keyspace, entry, steps, options, &args[2]))?);
        }
    }
    let found = list.map_or_else(Vec::new, |(list, _)| options.find(list, Element::of(&args[2])));
    if options.count.is_none() {
        return Ok(match found.first() {
            Some(index) => reply.count(*index),
            None => reply.null(),
        });
    }
    let mut array = reply.array(found.len());
    for index in found {
        let _given: Replied = array.element().count(index);
    }
    Ok(array.end())
}

/// The same, from a frozen list.
fn find_later(
    keyspace: &Keyspace,
    entry: FrozenEntry,
    steps: usize,
    options: Options,
    wanted: &[u8],
) -> Box<dyn LongReply> {
    let wanted: Box<[u8]> = wanted.into();
    Computed::new(keyspace, steps, move |_| {
        let found = options.find(entry.get::<List>(), Element::of(&wanted));
        if options.count.is_none() {
            return Ok(Answer::Short(Box::new(move |reply| match found.first() {
                Some(index) => reply.count(*index),
                None => reply.null(),
            })));
        }
        let mut digits = itoa::Buffer::new();
        let indexes = long::gather(|push| found.iter().for_each(|index| push(digits.format(*index).as_bytes())));
        Ok(Answer::Elements(indexes, Shape::Integers))
    })
}
