//! TIME, ROLE, LOLWUT.

use crate::base::num;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply};

const ANY_TIME: Flags = Flags::LOADING.or(Flags::STALE).or(Flags::FAST);
const OPERATORS: &[&str] = &["@admin", "@dangerous"];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("TIME", time)
        .flag(ANY_TIME)
        .since("2.6.0")
        .tips(&["nondeterministic_output"])
        .says("Replies the time: seconds since 1970, and microseconds."),
    CommandSpec::new("ROLE", role)
        .flag(ANY_TIME.or(Flags::NOSCRIPT))
        .categories(OPERATORS)
        .since("2.8.12")
        .says("Replies the part that the server plays in replication: master, without replicas."),
    CommandSpec::new("LOLWUT [VERSION version]", lolwut)
        .readonly()
        .fast()
        .since("5.0.0")
        .says("Shows the version, without the art."),
];

fn time(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    let clock = || ctx.services.clock.unix_micros();
    // In a script time stands still, but at a microsecond of its own: scripts make unique members of it.
    let is_in_script = ctx.scripts.is_none();
    let micros = if is_in_script { *ctx.session.script_micros.get_or_insert_with(clock) } else { clock() };
    let mut pair = reply.array(2);
    pair.bulk(itoa::Buffer::new().format(micros.div_euclid(1_000_000)).as_bytes());
    pair.bulk(itoa::Buffer::new().format(micros.rem_euclid(1_000_000)).as_bytes());
    Ok(pair.end())
}

fn role(_: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    let mut role = reply.array(3);
    role.bulk(b"master");
    role.integer(0);
    let _ = role.element().array(0).end();
    Ok(role.end())
}

fn lolwut(_: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if args.is(1, "VERSION")
        && let Some(version) = args.get(2)
    {
        num::parse_i64(version).ok_or(CommandError::NotAnInteger)?;
    }
    Ok(reply.verbatim(concat!("Tally ver. ", env!("CARGO_PKG_VERSION"), "\n").as_bytes()))
}
