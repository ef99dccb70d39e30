//! SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their ends. Each name is confirmed by a reply of its own.

use crate::command::pubsub::{Kind, SUBSCRIPTIONS_MAX};
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Group, Handler, Replied, Reply, Services, Session};
use crate::resp::reply::Elements;

const TOO_MANY: CommandError = CommandError::text("ERR too many subscriptions of one client");

pub(super) const COMMANDS: &[CommandSpec] = &[
    row("SUBSCRIBE channel [channel ...]", subscribe)
        .since("2.0.0")
        .says("Listens to channels.")
        .costs("O(N) where N is the number of channels to subscribe to."),
    row("UNSUBSCRIBE [channel [channel ...]]", unsubscribe)
        .since("2.0.0")
        .says("Stops listening to channels, or to all.")
        .costs("O(N) where N is the number of channels to unsubscribe."),
    row("PSUBSCRIBE pattern [pattern ...]", psubscribe)
        .since("2.0.0")
        .says("Listens to all channels whose names match patterns.")
        .costs("O(N) where N is the number of patterns to subscribe to."),
    row("PUNSUBSCRIBE [pattern [pattern ...]]", punsubscribe)
        .since("2.0.0")
        .says("Stops listening to patterns, or to all.")
        .costs("O(N) where N is the number of patterns to unsubscribe."),
    row("SSUBSCRIBE shardchannel [shardchannel ...]", ssubscribe)
        .since("7.0.0")
        .says("Listens to shard channels.")
        .costs("O(N) where N is the number of shard channels to subscribe to."),
    row("SUNSUBSCRIBE [shardchannel [shardchannel ...]]", sunsubscribe)
        .since("7.0.0")
        .says("Stops listening to shard channels, or to all.")
        .costs("O(N) where N is the number of shard channels to unsubscribe."),
];

const fn row(syntax: &'static str, handler: Handler) -> CommandSpec {
    CommandSpec::new(syntax, handler)
        .group(Group::PubSub)
        .flag(Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::LISTENER))
}

fn subscribe(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    begin(ctx, args, Kind::Channel, reply)
}

fn psubscribe(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    begin(ctx, args, Kind::Pattern, reply)
}

fn ssubscribe(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    begin(ctx, args, Kind::Shard, reply)
}

fn unsubscribe(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    end(ctx, args, Kind::Channel, reply)
}

fn punsubscribe(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    end(ctx, args, Kind::Pattern, reply)
}

fn sunsubscribe(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    end(ctx, args, Kind::Shard, reply)
}

fn begin(ctx: &mut Ctx, args: Args, kind: Kind, reply: Reply) -> Result<Replied, CommandError> {
    let names = args.from(1);
    let client = &ctx.session.client;
    if client.mailbox.count(kind) + names.len() > SUBSCRIPTIONS_MAX {
        return Err(TOO_MANY);
    }
    let mut frames = reply.frames(names.len());
    for name in names {
        ctx.services.channels.subscribe(client, kind, name);
        confirm(&mut frames, kind.subscribed(), Some(name), client.mailbox.told(kind));
    }
    ctx.session.listens = true;
    Ok(frames.end())
}

fn end(ctx: &mut Ctx, args: Args, kind: Kind, reply: Reply) -> Result<Replied, CommandError> {
    let client = &ctx.session.client;
    let all = if args.len() == 1 { client.mailbox.names(kind) } else { Vec::new() };
    let names: Vec<&[u8]> =
        if args.len() == 1 { all.iter().map(|name| &**name).collect() } else { args.from(1).to_vec() };
    let mut frames = reply.frames(names.len().max(1));
    for name in &names {
        ctx.services.channels.unsubscribe(client, kind, name);
        confirm(&mut frames, kind.unsubscribed(), Some(name), client.mailbox.told(kind));
    }
    if names.is_empty() {
        confirm(&mut frames, kind.unsubscribed(), None, client.mailbox.told(kind));
    }
    ctx.session.listens = client.mailbox.listens();
    Ok(frames.end())
}

fn confirm(frames: &mut Elements<'_>, word: &str, name: Option<&[u8]>, count: usize) {
    let mut frame = frames.element().push(3);
    frame.bulk(word.as_bytes());
    frame.bulk_or_null(name);
    frame.integer(count as i64);
    let _ = frame.end();
}

/// Ends every subscription, as RESET does.
pub fn forget_all(services: &Services, session: &mut Session) {
    services.channels.forget(&session.client);
    session.listens = false;
}
