//! LCS: the longest common subsequence of two strings, by the textbook table of all prefixes.
//!
//! The table takes 4 bytes for each pair of positions. It is refused when it would exceed `proto-max-bulk-len`, which bounds the time as well.

use crate::command::{Access, Args, CommandError, CommandSpec, Ctx, Replied, Reply};
use crate::data::string::{IntBuf, Str};
use crate::family::long::{self, Answer, Computed};
use crate::keyspace::{FrozenEntry, ValueRef};
use crate::resp::long::Stop;

pub(super) const COMMANDS: &[CommandSpec] =
    &[CommandSpec::new("LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]", lcs)
        .string()
        .readonly()
        .keys(1, 2, 1, Access::READ)
        .since("7.0.0")
        .says("Finds the longest common subsequence of two strings.")
        .costs("O(N*M), N and M being the lengths of the strings")];

const NOT_STRINGS: CommandError = CommandError::text("ERR The specified keys must contain string values");
const LEN_AND_IDX: CommandError =
    CommandError::text("ERR If you want both the length and indexes, please just use IDX.");
const TABLE_TOO_LARGE: CommandError =
    CommandError::text("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
const NO_MEMORY: CommandError =
    CommandError::text("ERR Insufficient memory, failed allocating transient memory for LCS");

/// A cell of the table takes one or two nanoseconds.
const CELLS_PER_STEP: usize = 16;
/// A longer string is not copied.
const COPIED_BYTES_MAX: usize = 4 * 1024;

/// What the options said.
#[derive(Clone, Copy, Default)]
struct Options {
    len: bool,
    idx: bool,
    match_len_min: usize,
    with_match_len: bool,
}

impl Options {
    fn parse(args: Args) -> Result<Self, CommandError> {
        let mut options = Self::default();
        let mut at = 3;
        while at < args.len() {
            if args.is(at, "IDX") {
                options.idx = true;
            } else if args.is(at, "LEN") {
                options.len = true;
            } else if args.is(at, "WITHMATCHLEN") {
                options.with_match_len = true;
            } else if args.is(at, "MINMATCHLEN") && at + 1 < args.len() {
                at += 1;
                options.match_len_min = usize::try_from(args.integer(at)?).unwrap_or(0);
            } else {
                return Err(CommandError::Syntax);
            }
            at += 1;
        }
        if options.idx && options.len { Err(LEN_AND_IDX) } else { Ok(options) }
    }
}

fn lcs(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let table_bytes_max = ctx.services.config.live.proto_max_bulk_len.get();
    let keyspace = ctx.keys.keyspace();
    // Two keys cannot be borrowed at once, so short strings are copied. Both types are judged before the options, as in Redis.
    let (a, b) = (Text::of(ctx, &args[1])?, Text::of(ctx, &args[2])?);
    let options = Options::parse(args)?;
    let steps = (a.len() + 1) * (b.len() + 1) / CELLS_PER_STEP;
    if steps > long::STEPS_MAX {
        return Ok(reply.later(Computed::new(keyspace, steps, move |stop| {
            let found = find(&a, &b, options, table_bytes_max, stop)?;
            Ok(Answer::Short(Box::new(move |reply| give(found, options, reply))))
        }))?);
    }
    Ok(give(find(&a, &b, options, table_bytes_max, &Stop::default())?, options, reply))
}

/// What was found: the length of the subsequence, and as far as it was asked for the subsequence and the stretches that it is made of.
struct Found {
    len: usize,
    text: Vec<u8>,
    runs: Vec<Run>,
}

fn find(a: &Text, b: &Text, options: Options, table_bytes_max: usize, stop: &Stop) -> Result<Found, CommandError> {
    let (mut one, mut two) = (IntBuf::new(), IntBuf::new());
    let table = Table::new(a.bytes(&mut one), b.bytes(&mut two), table_bytes_max, stop)?;
    let len = table.len();
    let (text, runs) = if options.len { Default::default() } else { table.trace() };
    Ok(Found { len, text, runs })
}

fn give(Found { len, text, runs }: Found, options: Options, reply: Reply) -> Replied {
    if options.len {
        return reply.count(len);
    }
    if !options.idx {
        return reply.bulk(&text);
    }
    let runs: Vec<&Run> = runs.iter().filter(|run| run.len >= options.match_len_min).collect();
    let mut map = reply.map(2);
    map.bulk(b"matches");
    let mut matches = map.element().array(runs.len());
    for run in runs {
        let mut one = matches.element().array(2 + usize::from(options.with_match_len));
        for start in [run.a, run.b] {
            let mut ends = one.element().array(2);
            ends.integer(start as i64);
            ends.integer((start + run.len - 1) as i64);
            let _ = ends.end();
        }
        if options.with_match_len {
            one.integer(run.len as i64);
        }
        let _ = one.end();
    }
    let _ = matches.end();
    map.bulk(b"len");
    map.integer(len as i64);
    map.end()
}

/// A string of its own: a copy if it is short, else frozen.
enum Text {
    Copied(Vec<u8>),
    Frozen(FrozenEntry),
}

impl Text {
    /// The string under a key, empty if that is missing.
    fn of(ctx: &mut Ctx, key: &[u8]) -> Result<Self, CommandError> {
        let keyspace = ctx.keys.keyspace();
        match ctx.keys.lookup(key).map(|entry| (entry, entry.value())) {
            None => Ok(Self::Copied(Vec::new())),
            Some((entry, ValueRef::Str(text))) => {
                Ok(match long::freeze(keyspace, entry, text.len() > COPIED_BYTES_MAX) {
                    Some(entry) => Self::Frozen(entry),
                    None => Self::Copied(text.bytes(&mut IntBuf::new()).to_vec()),
                })
            }
            Some(_) => Err(NOT_STRINGS),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Copied(bytes) => bytes.len(),
            Self::Frozen(entry) => entry.get::<Str>().len(),
        }
    }

    fn bytes<'a>(&'a self, digits: &'a mut IntBuf) -> &'a [u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Frozen(entry) => entry.get::<Str>().bytes(digits),
        }
    }
}

/// For each pair of prefixes of `a` and `b` the length of their longest common subsequence.
struct Table<'s> {
    a: &'s [u8],
    b: &'s [u8],
    /// Rows for the prefixes of `a`, in each a cell for those of `b`.
    cells: Vec<u32>,
}

/// A stretch that both strings have: where it begins in each, and its length.
struct Run {
    a: usize,
    b: usize,
    len: usize,
}

impl<'s> Table<'s> {
    fn new(a: &'s [u8], b: &'s [u8], bytes_max: usize, stop: &Stop) -> Result<Self, CommandError> {
        let row = b.len() + 1;
        // Strings of at most 2^29 bytes: the product fits.
        let len = (a.len() + 1) * row;
        if len > bytes_max / size_of::<u32>() {
            return Err(TABLE_TOO_LARGE);
        }
        let mut cells: Vec<u32> = Vec::new();
        cells.try_reserve_exact(len).map_err(|_| NO_MEMORY)?;
        cells.resize(len, 0);
        for (i, byte) in a.iter().enumerate().take_while(|_| !stop.is_stopped()) {
            let (above, current) = cells[i * row..(i + 2) * row].split_at_mut(row);
            let mut left = 0;
            for ((other, pair), cell) in b.iter().zip(above.windows(2)).zip(&mut current[1..]) {
                left = if byte == other { pair[0] + 1 } else { left.max(pair[1]) };
                *cell = left;
            }
        }
        Ok(Self { a, b, cells })
    }

    fn cell(&self, i: usize, j: usize) -> u32 {
        self.cells[i * (self.b.len() + 1) + j]
    }

    fn len(&self) -> usize {
        self.cell(self.a.len(), self.b.len()) as usize
    }

    /// Walks back from the end: the subsequence, and the stretches that it is made of, the last first. Where both ways are as good, `b` is
    /// stepped over first, as in Redis.
    fn trace(&self) -> (Vec<u8>, Vec<Run>) {
        let mut text = Vec::with_capacity(self.len());
        let mut runs: Vec<Run> = Vec::new();
        let mut in_run = false;
        let (mut i, mut j) = (self.a.len(), self.b.len());
        while i > 0 && j > 0 {
            if self.a[i - 1] == self.b[j - 1] {
                i -= 1;
                j -= 1;
                text.push(self.a[i]);
                match runs.last_mut() {
                    Some(run) if in_run => *run = Run { a: i, b: j, len: run.len + 1 },
                    _ => runs.push(Run { a: i, b: j, len: 1 }),
                }
                in_run = true;
            } else {
                in_run = false;
                if self.cell(i - 1, j) > self.cell(i, j - 1) { i -= 1 } else { j -= 1 }
            }
        }
        text.reverse();
        (text, runs)
    }
}
