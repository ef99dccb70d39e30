//! CONFIG: reads and changes the settings.

use crate::base::glob;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply};
use crate::config::Setting;
use crate::keyspace::evict::Rules;

const FLAGS: Flags = Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE);

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("CONFIG GET parameter [parameter ...]", get)
        .flag(FLAGS)
        .since("2.0.0")
        .says("Replies the settings whose names match a pattern, and their values.")
        .costs("O(N); N is the number of settings"),
    CommandSpec::new("CONFIG SET parameter value [parameter value ...]", set)
        .flag(FLAGS)
        .since("2.0.0")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .says("Changes settings, all of them or none.")
        .costs("O(N); N is the number of settings given"),
    CommandSpec::new("CONFIG RESETSTAT", reset_stat)
        .flag(FLAGS)
        .since("2.0.0")
        .says("Makes the counters of INFO begin again at zero."),
    CommandSpec::new("CONFIG REWRITE", rewrite)
        .flag(FLAGS)
        .since("2.8.0")
        .says("Refused: the settings file belongs to who wrote it."),
    CommandSpec::help("CONFIG HELP"),
];

const NO_FILE: CommandError = CommandError::text("ERR The server is running without a config file");
const NO_REWRITE: CommandError =
    CommandError::text("ERR CONFIG REWRITE is not supported: the server never writes its settings file");

fn get(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let patterns = args.from(2);
    let found = ctx.services.config.get(patterns);
    let mut map = reply.map(found.len());
    for (name, value) in found {
        // A plain name comes back as it was asked for: `TIMEOUT`, not `timeout`.
        let asked = patterns.iter().find(|pattern| glob::matches_nocase(pattern, name.as_bytes()));
        let as_asked = asked.filter(|pattern| pattern.eq_ignore_ascii_case(name.as_bytes()));
        map.bulk(as_asked.map_or(name.as_bytes(), |pattern| pattern));
        map.bulk(&value);
    }
    Ok(map.end())
}

fn set(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (pairs, rest) = args.from(2).as_chunks::<2>();
    if !rest.is_empty() {
        return Err(CommandError::Syntax);
    }
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|[name, value]| (*name, *value)).collect();
    let changed = ctx.services.config.set(&pairs).map_err(|error| CommandError::owned(format!("ERR {error}")))?;
    for setting in changed {
        follow(ctx, setting);
    }
    Ok(reply.ok())
}

/// Tells whoever holds something derived from a setting. Everybody else reads the setting itself, each time.
fn follow(ctx: &Ctx, setting: &Setting) {
    let live = &ctx.services.config.live;
    match setting.name {
        "requirepass" => ctx.services.acl.follow(&live.requirepass),
        "appendfsync" => ctx.services.follow_log(),
        "notify-keyspace-events" => ctx.services.follow_events(),
        "maxmemory"
        | "maxmemory-policy"
        | "maxmemory-samples"
        | "lfu-log-factor"
        | "lfu-decay-time"
        | "lazyfree-lazy-eviction" => {
            ctx.services.keyspace.set_eviction_rules(Rules::of(live));
        }
        "loglevel" => (ctx.services.set_log_level)(live.loglevel.get()),
        _ => {}
    }
}

fn reset_stat(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    ctx.services.metrics.reset();
    ctx.services.keyspace.reset_totals();
    Ok(reply.ok())
}

fn rewrite(ctx: &mut Ctx, _: Args, _: Reply) -> Result<Replied, CommandError> {
    Err(if ctx.services.config.file.is_some() { NO_REWRITE } else { NO_FILE })
}
