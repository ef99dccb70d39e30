//! INFO: what the server is and does, as text in sections, in the words of Redis that exporters read.
//!
//! A line is here only if it is true of this server: what it does not have (replicas, a cluster) stands with its fixed value where
//! exporters insist on the line, and is left out otherwise.

mod load;
mod machine;
mod memory;
mod persistence;
mod text;

use crate::command::args::is_word;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply};
use text::Text;

pub(super) const COMMANDS: &[CommandSpec] = &[CommandSpec::new("INFO [section [section ...]]", info)
    .flag(Flags::LOADING.or(Flags::STALE).or(Flags::DANGEROUS))
    .tips(&["nondeterministic_output", "request_policy:all_shards", "response_policy:special"])
    .says("Replies what the server is and does.")];

/// A section: its name as an argument, whether it is there by default, what writes it.
struct Section {
    name: &'static str,
    by_default: bool,
    write: fn(&Ctx, &mut Text),
}

/// In the order in which they are replied, however they were asked for.
const SECTIONS: &[Section] = &[
    Section { name: "SERVER", by_default: true, write: machine::server },
    Section { name: "CLIENTS", by_default: true, write: load::clients },
    Section { name: "MEMORY", by_default: true, write: memory::memory },
    Section { name: "PERSISTENCE", by_default: true, write: persistence::persistence },
    Section { name: "STATS", by_default: true, write: load::stats },
    Section { name: "REPLICATION", by_default: true, write: machine::replication },
    Section { name: "CPU", by_default: true, write: machine::cpu },
    Section { name: "MODULES", by_default: true, write: machine::modules },
    Section { name: "COMMANDSTATS", by_default: false, write: load::command_stats },
    Section { name: "ERRORSTATS", by_default: true, write: load::error_stats },
    Section { name: "LATENCYSTATS", by_default: false, write: load::latency_stats },
    Section { name: "CLUSTER", by_default: true, write: machine::cluster },
    Section { name: "KEYSPACE", by_default: true, write: load::keyspace },
];

fn info(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let asked = args.from(1);
    let asks_for = |word: &str| asked.iter().any(|argument| is_word(argument, word));
    let all = asks_for("ALL") || asks_for("EVERYTHING");
    let defaults = asked.is_empty() || asks_for("DEFAULT");
    let mut text = Text::default();
    for section in SECTIONS {
        if all || (defaults && section.by_default) || asks_for(section.name) {
            (section.write)(ctx, &mut text);
        }
    }
    Ok(reply.verbatim(text.as_bytes()))
}
