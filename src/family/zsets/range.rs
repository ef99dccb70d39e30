//! ZRANGE and the older commands that it took over: one parser, one reply.

use super::long::Members;
use super::span::{By, Span};
use crate::command::args::is_word;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::zset::ZSet;
use crate::family::long;
use std::ops::Range;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]", zrange)
        .sorted_set()
        .readonly()
        .key(1, Access::READ)
        .since("1.2.0")
        .says("Returns the members in a range of ranks, scores or names.")
        .costs("O(log N + M); N is the size of the set, M the number of members returned"),
    CommandSpec::new("ZREVRANGE key start stop [WITHSCORES]", zrevrange)
        .sorted_set()
        .readonly()
        .key(1, Access::READ)
        .since("1.2.0")
        .says("Returns the members in a range of ranks, highest score first.")
        .costs("O(log N + M); N is the size of the set, M the number of members returned"),
    CommandSpec::new("ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]", zrangebyscore)
        .sorted_set()
        .readonly()
        .key(1, Access::READ)
        .since("1.0.5")
        .says("Returns the members whose scores lie in a range.")
        .costs("O(log N + M); N is the size of the set, M the number of members returned"),
    CommandSpec::new("ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]", zrevrangebyscore)
        .sorted_set()
        .readonly()
        .key(1, Access::READ)
        .since("2.2.0")
        .says("Returns the members whose scores lie in a range, highest score first.")
        .costs("O(log N + M); N is the size of the set, M the number of members returned"),
    CommandSpec::new("ZRANGEBYLEX key min max [LIMIT offset count]", zrangebylex)
        .sorted_set()
        .readonly()
        .key(1, Access::READ)
        .since("2.8.9")
        .says("Returns the members whose names lie in a range; all scores have to be equal.")
        .costs("O(log N + M); N is the size of the set, M the number of members returned"),
    CommandSpec::new("ZREVRANGEBYLEX key max min [LIMIT offset count]", zrevrangebylex)
        .sorted_set()
        .readonly()
        .key(1, Access::READ)
        .since("2.8.9")
        .says("Returns the members whose names lie in a range, last name first; all scores have to be equal.")
        .costs("O(log N + M); N is the size of the set, M the number of members returned"),
];

const LIMIT_OF_RANKS: CommandError =
    CommandError::text("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
const SCORES_OF_NAMES: CommandError =
    CommandError::text("ERR syntax error, WITHSCORES not supported in combination with BYLEX");

/// The order in which members are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// What a command's name says already; its options may not say it again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed {
    by: Option<By>,
    order: Option<Order>,
    /// Whether the result is stored, with its scores, so that WITHSCORES means nothing.
    stored: bool,
}

impl Fixed {
    /// ZRANGE: nothing is said yet.
    pub(super) const NOTHING: Fixed = Fixed { by: None, order: None, stored: false };
    /// ZRANGESTORE.
    pub(super) const STORED: Fixed = Fixed { stored: true, ..Fixed::NOTHING };

    const fn in_order(by: By, order: Order) -> Self {
        Self { by: Some(by), order: Some(order), stored: false }
    }
}

/// LIMIT: how many members of the stretch are left out, then how many are given.
#[derive(Clone, Copy, Debug)]
struct Limit {
    offset: i64,
    /// Negative: all.
    count: i64,
}

impl Limit {
    const NONE: Limit = Limit { offset: 0, count: -1 };

    /// What is left of `ranks`, taken from the end at which `order` begins. A negative offset leaves nothing.
    fn cut(self, ranks: Range<usize>, order: Order) -> Range<usize> {
        let Ok(offset) = usize::try_from(self.offset) else { return 0..0 };
        let left = ranks.len().saturating_sub(offset);
        let count = usize::try_from(self.count).map_or(left, |count| count.min(left));
        if count == 0 {
            return 0..0;
        }
        match order {
            Order::Ascending => ranks.start + offset..ranks.start + offset + count,
            Order::Descending => ranks.end - offset - count..ranks.end - offset,
        }
    }
}

/// A range as a request describes it.
#[derive(Debug)]
pub(super) struct Query<'a> {
    span: Span<'a>,
    order: Order,
    limit: Limit,
    with_scores: bool,
}

impl<'a> Query<'a> {
    /// Reads a range whose two ends stand at `first` and behind it, its options after them.
    #[inline]
    pub(super) fn parse(args: Args<'a>, first: usize, fixed: Fixed) -> Result<Self, CommandError> {
        let argv = args.all();
        let (mut by, mut order, mut limit, mut with_scores) = (fixed.by, fixed.order, Limit::NONE, false);
        let mut at = first + 2;
        while let Some(&word) = argv.get(at) {
            at += 1;
            if !fixed.stored && is_word(word, "WITHSCORES") {
                with_scores = true;
            } else if is_word(word, "LIMIT") && argv.len() - at >= 2 {
                limit = Limit { offset: args.integer(at)?, count: args.integer(at + 1)? };
                at += 2;
            } else if order.is_none() && is_word(word, "REV") {
                order = Some(Order::Descending);
            } else if by.is_none() && is_word(word, "BYLEX") {
                by = Some(By::Name);
            } else if by.is_none() && is_word(word, "BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        let (by, order) = (by.unwrap_or(By::Rank), order.unwrap_or(Order::Ascending));
        if by == By::Rank {
            // Any LIMIT that gives all members passes, whatever its offset, and means nothing.
            if limit.count != Limit::NONE.count {
                return Err(LIMIT_OF_RANKS);
            }
            limit = Limit::NONE;
        }
        if with_scores && by == By::Name {
            return Err(SCORES_OF_NAMES);
        }
        let (mut min, mut max) = (argv[first], argv[first + 1]);
        if order == Order::Descending && by != By::Rank {
            std::mem::swap(&mut min, &mut max);
        }
        Ok(Self { span: Span::parse(by, min, max)?, order, limit, with_scores })
    }

    /// The ascending ranks of what is asked for.
    #[inline]
    pub(super) fn ranks(&self, set: &ZSet) -> Range<usize> {
        let ranks = self.span.ranks(set);
        match (self.span, self.order) {
            // Ranks count from the end at which the order begins.
            (Span::Ranks(..), Order::Descending) => set.len() - ranks.end..set.len() - ranks.start,
            (Span::Ranks(..), Order::Ascending) => ranks,
            _ => self.limit.cut(ranks, self.order),
        }
    }
}

fn zrange(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    range(ctx, args, Fixed::NOTHING, reply)
}

fn zrevrange(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    range(ctx, args, Fixed::in_order(By::Rank, Order::Descending), reply)
}

fn zrangebyscore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    range(ctx, args, Fixed::in_order(By::Score, Order::Ascending), reply)
}

fn zrevrangebyscore(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    range(ctx, args, Fixed::in_order(By::Score, Order::Descending), reply)
}

fn zrangebylex(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    range(ctx, args, Fixed::in_order(By::Name, Order::Ascending), reply)
}

fn zrevrangebylex(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    range(ctx, args, Fixed::in_order(By::Name, Order::Descending), reply)
}

fn range(ctx: &mut Ctx, args: Args, fixed: Fixed, reply: Reply) -> Result<Replied, CommandError> {
    let query = Query::parse(args, 2, fixed)?;
    let keyspace = ctx.keys.keyspace();
    let Some((set, entry)) = ctx.keys.read_entry::<ZSet>(&args[1])? else { return Ok(reply.array(0).end()) };
    let ranks = query.ranks(set);
    if let Some(frozen) = long::freeze(keyspace, entry, ranks.len() > long::ELEMENTS_MAX) {
        return Ok(reply.later(Members::new(frozen, ranks, query.order, query.with_scores))?);
    }
    let members = set.iter(ranks);
    Ok(match query.order {
        Order::Ascending => give(members, query.with_scores, reply),
        Order::Descending => give(members.rev(), query.with_scores, reply),
    })
}

/// Replies members, with their scores or without.
#[inline]
pub(super) fn give<'a>(
    members: impl ExactSizeIterator<Item = (&'a [u8], f64)>,
    with_scores: bool,
    reply: Reply,
) -> Replied {
    let len = members.len();
    if with_scores {
        let mut pairs = reply.pairs(len);
        members.for_each(|(member, score)| pairs.pair(member, score));
        pairs.end()
    } else {
        let mut elements = reply.array(len);
        members.for_each(|(member, _)| elements.bulk(member));
        elements.end()
    }
}
