//! SLOWLOG: reads and clears the slow log, which the engine writes.

use crate::command::slowlog::SlowEntry;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply};

const FLAGS: Flags = Flags::ADMIN.or(Flags::LOADING).or(Flags::STALE);
/// What GET replies if it is not told how many.
const COUNT_DEFAULT: usize = 10;

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("SLOWLOG GET [count]", get)
        .flag(FLAGS)
        .since("2.2.12")
        .tips(&["request_policy:all_nodes", "nondeterministic_output"])
        .says("Replies the newest entries, newest first; -1 = all.")
        .costs("O(N); N is the number of entries replied"),
    CommandSpec::new("SLOWLOG LEN", len)
        .flag(FLAGS)
        .since("2.2.12")
        .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"])
        .says("Replies how many entries there are."),
    CommandSpec::new("SLOWLOG RESET", reset)
        .flag(FLAGS)
        .since("2.2.12")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .says("Forgets all entries.")
        .costs("O(N); N is the number of entries"),
    CommandSpec::help("SLOWLOG HELP").since("6.2.0"),
];

const INVALID_COUNT: CommandError = CommandError::text("ERR count should be greater than or equal to -1");

const TOO_MANY: CommandError =
    CommandError::text("ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.");

fn get(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let count = match args.len() {
        2 => COUNT_DEFAULT,
        3 => match args.integer(2).map_err(|_| INVALID_COUNT)? {
            -1 => usize::MAX,
            count => usize::try_from(count).map_err(|_| INVALID_COUNT)?,
        },
        _ => return Err(TOO_MANY),
    };
    let entries = ctx.services.slowlog.newest(count);
    let mut list = reply.array(entries.len());
    for entry in &entries {
        let _ = give(entry, list.element());
    }
    Ok(list.end())
}

fn give(entry: &SlowEntry, reply: Reply) -> Replied {
    let mut fields = reply.array(6);
    fields.integer(entry.id as i64);
    fields.integer(entry.at_secs);
    fields.integer(entry.micros as i64);
    let mut argv = fields.element().array(entry.argv.len());
    for argument in &entry.argv {
        argv.bulk(argument);
    }
    let _ = argv.end();
    fields.bulk(entry.client_address.as_bytes());
    fields.bulk(&entry.client_name);
    fields.end()
}

fn len(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.count(ctx.services.slowlog.len()))
}

fn reset(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    ctx.services.slowlog.reset();
    Ok(reply.ok())
}
