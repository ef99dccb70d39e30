//! XTRIM, and the options by which XADD trims as well.

use super::{ids, limits};
use crate::base::num::I64Text;
use crate::command::args::is_word;
use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Missing, Replied, Reply};
use crate::data::stream::{Keep, Limits, Rest, Stream, Trim};
use crate::keyspace::{Keys, Value};

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("XTRIM key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]", xtrim)
        .tells("xtrim")
        .stream()
        .write()
        .key(1, Access::DELETE)
        .since("5.0.0")
        .tips(&["nondeterministic_output"])
        .says("Deletes entries from the beginning of a stream.")
        .costs("O(N); N is the number of blocks that go, and the entries of one")];

const TWO_STRATEGIES: CommandError =
    CommandError::text("ERR syntax error, MAXLEN and MINID options at the same time are not compatible");
const NEGATIVE_LENGTH: CommandError = CommandError::text("ERR The MAXLEN argument must be >= 0.");
const NEGATIVE_LIMIT: CommandError = CommandError::text("ERR The LIMIT argument must be >= 0.");
const LIMIT_OF_NOTHING: CommandError =
    CommandError::text("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy");
const NO_STRATEGY: CommandError =
    CommandError::text("ERR syntax error, XTRIM must be called with either MAXLEN or MINID");
const LIMIT_OF_EXACT: CommandError =
    CommandError::text("ERR syntax error, LIMIT cannot be used without the special ~ option");
/// The blocks that an approximate trim removes at most, unless it is told otherwise.
const BLOCKS_MAX: u64 = 100;
/// The entries that it removes at most where blocks have no limit, or a very high one.
const ENTRIES_WITHOUT_LIMIT: u64 = 10_000;
const ENTRIES_MAX: u64 = 1_000_000;

/// A trim as it is read, option by option.
#[derive(Debug, Default)]
pub(super) struct Options {
    keep: Option<Keep>,
    is_approximate: bool,
    limit: Option<u64>,
}

impl Options {
    /// Reads the option at `at`, if it is one of a trim; yields where the next one stands.
    pub(super) fn read(&mut self, args: Args, at: usize) -> Result<Option<usize>, CommandError> {
        let (word, more) = (&args[at], args.len() - 1 - at);
        let is_len = is_word(word, "MAXLEN");
        if more > 0 && (is_len || is_word(word, "MINID")) {
            if self.keep.is_some() {
                return Err(TWO_STRATEGIES);
            }
            let sign = &args[at + 1];
            let signs = usize::from(more >= 2 && (sign == b"~" || sign == b"="));
            self.is_approximate = signs == 1 && sign == b"~";
            let threshold = at + 1 + signs;
            self.keep = Some(if is_len {
                Keep::Last(u64::try_from(args.integer(threshold)?).map_err(|_| NEGATIVE_LENGTH)?)
            } else {
                Keep::From(ids::id(&args[threshold], 0)?)
            });
            return Ok(Some(threshold + 1));
        }
        if more > 0 && is_word(word, "LIMIT") {
            self.limit = Some(u64::try_from(args.integer(at + 1)?).map_err(|_| NEGATIVE_LIMIT)?);
            return Ok(Some(at + 2));
        }
        Ok(None)
    }

    /// The trim that they come to, if they name one.
    pub(super) fn finish(self, limits: &Limits) -> Result<Option<Trim>, CommandError> {
        if self.limit.is_some_and(|limit| limit > 0) && self.keep.is_none() {
            return Err(LIMIT_OF_NOTHING);
        }
        if self.limit.is_some() && !self.is_approximate {
            return Err(LIMIT_OF_EXACT);
        }
        let usual = match limits.entries as u64 {
            0 => ENTRIES_WITHOUT_LIMIT,
            entries => entries.saturating_mul(BLOCKS_MAX).min(ENTRIES_MAX),
        };
        let limit = if self.is_approximate { self.limit.unwrap_or(usual) } else { 0 };
        Ok(self.keep.map(|keep| Trim { keep, is_approximate: self.is_approximate, limit }))
    }
}

/// Frees what was taken out, elsewhere if it is much.
pub(super) fn discard(keys: &Keys, rest: Rest) {
    if !rest.is_empty() {
        keys.discard(Value::Stream(rest.into_stream()));
    }
}

fn xtrim(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (mut options, mut at) = (Options::default(), 2);
    while at < args.len() {
        at = options.read(args, at)?.ok_or(CommandError::Syntax)?;
    }
    let has_strategy = options.keep.is_some();
    if !has_strategy && options.limit.is_none_or(|limit| limit == 0) {
        return Err(NO_STRATEGY);
    }
    let trim = options.finish(&limits(ctx))?.ok_or(NO_STRATEGY)?;
    let trimmed = ctx.keys.edit::<Stream, _>(&args[1], Missing::Skip, |stream| {
        let (removed, rest) = stream.trim(&trim);
        if removed == 0 {
            stream.unchanged();
        }
        (removed, rest, stream.len())
    })?;
    let Some((removed, rest, len)) = trimmed else { return Ok(reply.integer(0)) };
    discard(&ctx.keys, rest);
    if removed > 0 && trim.is_approximate {
        ctx.keys.log(&[b"XTRIM", &args[1], b"MAXLEN", b"=", I64Text::new(len as i64).as_bytes()]);
    }
    Ok(reply.integer(removed as i64))
}
