//! From a command to the locks that it needs, before it runs.

use super::script::{Beginning, Runner};
use super::table::COMMANDS;
use crate::base::hash::Known;
use crate::command::{CommandSpec, Flags, KeySpec, Locks, Services, Session};
use crate::keyspace::Plan;
use crate::script::Forms;

/// The locks that a command needs with these arguments.
#[inline(always)]
pub(super) fn of(
    services: &Services,
    session: &Session,
    scripts: Option<&mut Runner>,
    spec: &CommandSpec,
    argv: &[&[u8]],
    known: &Known,
) -> Plan {
    match spec.locks {
        Locks::Walk => return Plan::Walk,
        Locks::Whole => return Plan::Whole,
        Locks::LateWhole => return Plan::Nothing,
        Locks::KeysOrWhole(is_whole) if is_whole(argv) => return Plan::Whole,
        Locks::KeysOrWhole(_) => {}
        Locks::Keys => {}
    }
    if spec.flags.any(Flags::SCRIPT.or(Flags::ENGINE)) {
        return special(services, session, scripts, spec, argv, known);
    }
    of_keys(services, spec, argv, known)
}

/// The only key that the command declares, if that is all that it needs and can be told at a glance.
#[inline]
pub(super) fn single<'a>(spec: &CommandSpec, argv: &[&'a [u8]]) -> Option<&'a [u8]> {
    if !matches!(spec.locks, Locks::Keys) || spec.flags.any(Flags::SCRIPT.or(Flags::ENGINE)) {
        return None;
    }
    match spec.keys {
        [Some(KeySpec::Range { first, last, .. }), None, _] if last == first as isize => argv.get(first).copied(),
        _ => None,
    }
}

/// The locks of the keys that the command declares.
#[inline(always)]
fn of_keys(services: &Services, spec: &CommandSpec, argv: &[&[u8]], known: &Known) -> Plan {
    let keyspace = &services.keyspace;
    let one = |key: &&[u8]| Plan::One(keyspace.shard_of_hash(known.hash_of(key)));
    match spec.keys {
        [None, ..] => Plan::Nothing,
        [Some(KeySpec::Range { first, last, .. }), None, _] if last == first as isize => {
            argv.get(first).map_or(Plan::Nothing, one)
        }
        // A script with one key.
        [Some(KeySpec::Counted { count, first, .. }), None, _]
            if argv.get(count).is_some_and(|count| **count == *b"1") =>
        {
            argv.get(first).map_or(Plan::Nothing, one)
        }
        _ => of_several(services, spec, argv, known),
    }
}

fn of_several(services: &Services, spec: &CommandSpec, argv: &[&[u8]], known: &Known) -> Plan {
    let mut plan = Plan::Nothing;
    for index in spec.key_indices(argv) {
        plan.add(services.keyspace.shard_of_hash(known.hash_of(argv[index])));
    }
    plan
}

#[cold]
fn transaction(services: &Services, session: &Session) -> Plan {
    let mut plan = Plan::for_keys(&services.keyspace, session.watches.iter().map(|ticket| ticket.key()));
    for (id, argv) in session.transaction.iter().flat_map(|transaction| &transaction.queue) {
        let spec = COMMANDS.row(*id);
        // What a script touches beyond its keys cannot be locked late once the commands before it have written, nor can anything else.
        if spec.flags.has(Flags::SCRIPT) || matches!(spec.locks, Locks::LateWhole) {
            return Plan::Whole;
        }
        let argv: Vec<&[u8]> = argv.iter().map(|argument| &**argument).collect();
        plan.union(&of(services, session, None, spec, &argv, &Known::NONE));
    }
    plan
}

#[inline(never)]
fn special(
    services: &Services,
    session: &Session,
    scripts: Option<&mut Runner>,
    spec: &CommandSpec,
    argv: &[&[u8]],
    known: &Known,
) -> Plan {
    if spec.flags.has(Flags::ENGINE) {
        return transaction(services, session);
    }
    match scripts.map(|runner| runner.beginning(services, spec, argv)) {
        Some(Beginning::Declared) => of_keys(services, spec, argv, known),
        Some(Beginning::Told(forms)) => of_told(services, spec, argv, &forms),
        Some(Beginning::Whole) | None => Plan::Whole,
    }
}

/// The locks of a script's declared keys and of others that can be told.
#[inline(never)]
fn of_told(services: &Services, spec: &CommandSpec, argv: &[&[u8]], forms: &Forms) -> Plan {
    let mut plan = of_keys(services, spec, argv, &Known::NONE);
    let declared = spec.key_indices(argv).count();
    let (keys, argv) = argv[3..].split_at(declared);
    forms.each(keys, argv, |key| plan.add(services.keyspace.shard_of(key)));
    plan
}
