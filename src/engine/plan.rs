//! From a command to the locks that it needs, before it runs.

use super::script;
use super::table::COMMANDS;
use crate::command::{CommandSpec, Flags, Locks, Services, Session};
use crate::keyspace::Plan;

/// The locks that a command needs with these arguments.
#[inline]
pub(super) fn of(services: &Services, session: &Session, spec: &CommandSpec, argv: &[&[u8]]) -> Plan {
    match spec.locks {
        Locks::Walk => return Plan::Walk,
        Locks::Whole => return Plan::Whole,
        Locks::Keys => {}
    }
    if spec.flags.any(Flags::SCRIPT.or(Flags::ENGINE)) {
        return special(services, session, spec, argv);
    }
    of_keys(services, spec, argv)
}

/// The locks of the keys that the command declares.
#[inline]
pub(super) fn of_keys(services: &Services, spec: &CommandSpec, argv: &[&[u8]]) -> Plan {
    if spec.keys[0].is_none() {
        return Plan::Nothing;
    }
    let mut plan = Plan::Nothing;
    for index in spec.key_indices(argv) {
        plan.add(services.keyspace.shard_of(argv[index]));
    }
    plan
}

#[cold]
fn transaction(services: &Services, session: &Session) -> Plan {
    let mut plan = Plan::for_keys(&services.keyspace, session.watches.iter().map(|ticket| ticket.key()));
    for (id, argv) in session.transaction.iter().flat_map(|transaction| &transaction.queue) {
        let spec = COMMANDS.row(*id);
        // What a script touches beyond its keys cannot be locked late once the commands before it have written.
        if spec.flags.has(Flags::SCRIPT) {
            return Plan::Whole;
        }
        let argv: Vec<&[u8]> = argv.iter().map(|argument| &**argument).collect();
        plan.union(&of(services, session, spec, &argv));
    }
    plan
}

fn special(services: &Services, session: &Session, spec: &CommandSpec, argv: &[&[u8]]) -> Plan {
    if spec.flags.has(Flags::ENGINE) {
        return transaction(services, session);
    }
    if script::knows_its_keys(services, spec, argv) { of_keys(services, spec, argv) } else { Plan::Whole }
}
