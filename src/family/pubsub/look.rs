//! PUBSUB: who listens to what.

use crate::command::pubsub::Kind;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Group, Handler, Replied, Reply};

pub(super) const COMMANDS: &[CommandSpec] = &[
    row("PUBSUB CHANNELS [pattern]", channels)
        .says("Lists channels that somebody listens to.")
        .costs("O(N) where N is the number of channels."),
    row("PUBSUB NUMSUB [channel [channel ...]]", numsub)
        .says("Counts the listeners of channels, those by pattern left out.")
        .costs("O(N) where N is the number of channels asked for."),
    row("PUBSUB NUMPAT", numpat).says("Counts the patterns that somebody listens to."),
    row("PUBSUB SHARDCHANNELS [pattern]", shard_channels)
        .since("7.0.0")
        .says("Lists shard channels that somebody listens to.")
        .costs("O(N) where N is the number of shard channels."),
    row("PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]]", shard_numsub)
        .since("7.0.0")
        .says("Counts the listeners of shard channels.")
        .costs("O(N) where N is the number of shard channels asked for."),
    CommandSpec::help("PUBSUB HELP").group(Group::PubSub).since("6.2.0"),
];

const fn row(syntax: &'static str, handler: Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler).group(Group::PubSub).flag(Flags::LOADING.or(Flags::STALE)).since("2.8.0")
}

fn channels(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    names(ctx, args, Kind::Channel, reply)
}

fn shard_channels(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    names(ctx, args, Kind::Shard, reply)
}

fn names(ctx: &mut Ctx, args: Args, kind: Kind, reply: Reply) -> Result<Replied, CommandError> {
    let pattern = match args.from(2) {
        [] => None,
        [pattern] => Some(*pattern),
        _ => {
            let text = "ERR unknown subcommand or wrong number of arguments for '";
            return Err(CommandError::repeating(text, &args[1], "'. Try PUBSUB HELP."));
        }
    };
    let names = ctx.services.channels.names(kind, pattern);
    let mut list = reply.array(names.len());
    names.iter().for_each(|name| list.bulk(name));
    Ok(list.end())
}

fn numsub(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    counts(ctx, args, Kind::Channel, reply)
}

fn shard_numsub(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    counts(ctx, args, Kind::Shard, reply)
}

fn counts(ctx: &mut Ctx, args: Args, kind: Kind, reply: Reply) -> Result<Replied, CommandError> {
    let names = args.from(2);
    let mut list = reply.array(2 * names.len());
    for name in names {
        list.bulk(name);
        list.integer(ctx.services.channels.listeners_of(kind, name) as i64);
    }
    Ok(list.end())
}

fn numpat(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.count(ctx.services.channels.len(Kind::Pattern)))
}
