//! What cluster clients ask first: the answer is that this server is not part of one.

use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Group, Replied, Reply};

const FAST: Flags = Flags::LOADING.or(Flags::STALE).or(Flags::FAST);
const CONNECTION: &[&str] = &["@connection"];
const VARIES: &[&str] = &["nondeterministic_output"];

const fn row(syntax: &'static str) -> CommandSpec {
    CommandSpec::new(syntax, disabled).group(Group::Cluster).since("3.0.0")
}

const fn stale(syntax: &'static str) -> CommandSpec {
    row(syntax).flag(Flags::STALE)
}

pub(super) const COMMANDS: &[CommandSpec] = &[
    row("READONLY").flag(FAST).categories(CONNECTION).says("Refused: for replicas of a cluster."),
    row("READWRITE").flag(FAST).categories(CONNECTION).says("Refused: for replicas of a cluster."),
    row("ASKING").fast().categories(CONNECTION).says("Refused: for redirections within a cluster."),
    stale("CLUSTER INFO").tips(VARIES).says("Refused: there is no cluster."),
    stale("CLUSTER NODES").tips(VARIES).says("Refused: there is no cluster."),
    stale("CLUSTER SLOTS").tips(VARIES).says("Refused: there is no cluster."),
    stale("CLUSTER SHARDS").since("7.0.0").tips(VARIES).says("Refused: there is no cluster."),
    stale("CLUSTER LINKS").since("7.0.0").tips(VARIES).says("Refused: there is no cluster."),
    stale("CLUSTER MYID").says("Refused: there is no cluster."),
    stale("CLUSTER KEYSLOT key").says("Refused: there is no cluster."),
    stale("CLUSTER COUNTKEYSINSLOT slot").says("Refused: there is no cluster."),
    stale("CLUSTER GETKEYSINSLOT slot count").tips(VARIES).says("Refused: there is no cluster."),
    stale("CLUSTER RESET [HARD | SOFT]").flag(Flags::ADMIN.or(Flags::NOSCRIPT)).says("Refused: there is no cluster."),
    stale("CLUSTER HELP").flag(Flags::LOADING).since("5.0.0").says("Refused: there is no cluster."),
];

fn disabled(_: &mut Ctx, _: Args, _: Reply) -> Result<Replied, CommandError> {
    Err(CommandError::text("ERR This instance has cluster support disabled"))
}
