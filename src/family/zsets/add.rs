//! ZADD and ZINCRBY: one parser and one rule for both, for ZINCRBY is ZADD INCR under an older name.

use super::limits;
use crate::base::event::Classes;
use crate::base::num;
use crate::command::args::is_word;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::zset::{Change, ZSet};
use crate::keyspace::Event;
use smallvec::SmallVec;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]", zadd)
        .tells("zadd")
        .sorted_set()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::UPDATE)
        .element(-1)
        .since("1.2.0")
        .says("Adds members to a sorted set, or updates their scores.")
        .costs("O(log N) for each member; N is the size of the set"),
    CommandSpec::new("ZINCRBY key increment member", zincrby)
        .tells("zincr")
        .sorted_set()
        .write()
        .deny_oom()
        .fast()
        .key(1, Access::ACCESS_UPDATE)
        .element(-1)
        .since("1.2.0")
        .says("Increments a member's score, adding the member if it is missing.")
        .costs("O(log N); N is the size of the set"),
];

const NX_WITH_XX: CommandError = CommandError::text("ERR XX and NX options at the same time are not compatible");
const GT_LT_NX: CommandError = CommandError::text("ERR GT, LT, and/or NX options at the same time are not compatible");
const INCR_OF_SEVERAL: CommandError = CommandError::text("ERR INCR option supports a single increment-element pair");
const NOT_A_NUMBER: CommandError = CommandError::text("ERR resulting score is not a number (NaN)");

/// Most calls have few pairs; their scores need no allocation.
const SCORES_INLINE: usize = 8;

/// The options as they were written.
#[derive(Clone, Copy, Default)]
struct Options {
    /// Only add.
    nx: bool,
    /// Only update.
    xx: bool,
    /// Update only to a greater score.
    gt: bool,
    /// Update only to a lesser score.
    lt: bool,
    /// Reply how many changed, not how many are new.
    ch: bool,
    /// Add to the score and reply the sum.
    incr: bool,
}

impl Options {
    /// Takes one option; false if the word is none, so the pairs begin.
    fn take(&mut self, word: &[u8]) -> bool {
        let option = match word {
            _ if is_word(word, "NX") => &mut self.nx,
            _ if is_word(word, "XX") => &mut self.xx,
            _ if is_word(word, "GT") => &mut self.gt,
            _ if is_word(word, "LT") => &mut self.lt,
            _ if is_word(word, "CH") => &mut self.ch,
            _ if is_word(word, "INCR") => &mut self.incr,
            _ => return false,
        };
        *option = true;
        true
    }

    fn check(&self, pairs: usize) -> Result<(), CommandError> {
        if self.nx && self.xx {
            return Err(NX_WITH_XX);
        }
        if u8::from(self.nx) + u8::from(self.gt) + u8::from(self.lt) > 1 {
            return Err(GT_LT_NX);
        }
        if self.incr && pairs > 1 { Err(INCR_OF_SEVERAL) } else { Ok(()) }
    }

    /// What becomes of a member's score.
    #[inline]
    fn decide(&self, old: Option<f64>, given: f64) -> Verdict {
        let Some(old) = old else { return if self.xx { Verdict::Leave } else { Verdict::Set(given) } };
        if self.nx {
            return Verdict::Leave;
        }
        let score = if self.incr { old + given } else { given };
        if score.is_nan() {
            Verdict::NotANumber
        } else if (self.lt && score >= old) || (self.gt && score <= old) {
            Verdict::Leave
        } else {
            Verdict::Set(score)
        }
    }
}

/// What an option says of one member.
#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    /// It gets this score, which may be the one it has.
    Set(f64),
    /// It stays as it is, or missing.
    Leave,
    /// The sum of inf and -inf was asked for.
    NotANumber,
}

fn zadd(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    add(ctx, args, Options::default(), reply)
}

/// Options may stand before the increment here too, as in Redis: a first word that is one leaves no pair behind it, and is a syntax error.
fn zincrby(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    add(ctx, args, Options { incr: true, ..Options::default() }, reply)
}

fn add(ctx: &mut Ctx, args: Args, mut options: Options, reply: Reply) -> Result<Replied, CommandError> {
    let mut first = 2;
    while args.get(first).is_some_and(|word| options.take(word)) {
        first += 1;
    }
    let pairs = args.from(first);
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(CommandError::Syntax);
    }
    options.check(pairs.len() / 2)?;
    if options.incr {
        ctx.keys.tell_as(Event::new(Classes::SORTED_SET, "zincr"));
    }
    let mut scores = SmallVec::<[f64; SCORES_INLINE]>::with_capacity(pairs.len() / 2);
    for pair in pairs.chunks_exact(2) {
        scores.push(num::parse_f64(pair[0]).ok_or(CommandError::NotAFloat)?);
    }

    let limits = limits(ctx);
    let missing = if options.xx { Missing::Skip } else { Missing::Create };
    let (mut added, mut updated, mut last) = (0, 0, Verdict::Leave);
    ctx.keys.edit::<ZSet, _>(&args[1], missing, |set| {
        for (pair, &given) in pairs.chunks_exact(2).zip(&scores) {
            let change = set.update(pair[1], &limits, |old| {
                last = options.decide(old, given);
                if let Verdict::Set(score) = last { Some(score) } else { None }
            });
            match change {
                Change::Added => added += 1,
                Change::Updated => updated += 1,
                Change::Unchanged => {}
            }
        }
        if added + updated == 0 {
            set.unchanged();
        }
    })?;

    match last {
        Verdict::NotANumber => Err(NOT_A_NUMBER),
        _ if !options.incr => Ok(reply.count(if options.ch { added + updated } else { added })),
        // The sum as it is kept, where -0 is 0.
        Verdict::Set(score) => Ok(reply.double(score + 0.0)),
        Verdict::Leave => Ok(reply.null()),
    }
}
