//! PUBLISH and SPUBLISH.

use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Group, Replied, Reply};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("PUBLISH channel message", publish)
        .group(Group::PubSub)
        .flag(Flags::LOADING.or(Flags::STALE).or(Flags::MAY_REPLICATE))
        .fast()
        .since("2.0.0")
        .says("Sends a message to a channel, and replies how many got it.")
        .costs("O(N+M) where N is the number of listeners and M the number of patterns that anybody listens to."),
    CommandSpec::new("SPUBLISH shardchannel message", spublish)
        .group(Group::PubSub)
        .flag(Flags::LOADING.or(Flags::STALE).or(Flags::MAY_REPLICATE))
        .fast()
        .since("7.0.0")
        .says("Sends a message to a shard channel, and replies how many got it.")
        .costs("O(N) where N is the number of listeners."),
];

fn publish(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let services = ctx.services;
    let now = services.clock.ticks();
    Ok(reply.count(services.channels.publish(&args[1], &args[2], services.mail_limits(), now)))
}

fn spublish(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let services = ctx.services;
    let now = services.clock.ticks();
    Ok(reply.count(services.channels.publish_to_shard(&args[1], &args[2], services.mail_limits(), now)))
}
