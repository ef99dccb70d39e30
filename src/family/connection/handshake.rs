//! HELLO and AUTH: who a client is, and which protocol it speaks.

use super::client::{INVALID_NAME, is_printable};
use crate::acl::DEFAULT_USER;
use crate::base::num;
use crate::base::sync::atomic::Ordering;
use crate::command::args::is_word;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Group, Replied, Reply};
use crate::resp::writer::Protocol;

const FLAGS: Flags = Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::NO_AUTH).or(Flags::ALLOW_BUSY);

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("HELLO [protover [AUTH username password] [SETNAME clientname]]", hello)
        .group(Group::Connection)
        .flag(FLAGS)
        .fast()
        .since("6.0.0")
        .says("Chooses the protocol and introduces client and server to each other."),
    CommandSpec::new("AUTH [username] password", auth)
        .group(Group::Connection)
        .flag(FLAGS)
        .fast()
        .says("Gives the password."),
];

/// What INFO and HELLO call the version: that of the Redis whose replies these are.
pub(crate) const REDIS_VERSION: &str = "7.0.15";

const WRONG_PASSWORD: CommandError =
    CommandError::text("WRONGPASS invalid username-password pair or user is disabled.");
const NO_PASSWORD: CommandError = CommandError::text(
    "ERR AUTH <password> called without any password configured for the default user. \
     Are you sure your configuration is correct?",
);
const HELLO_NEEDS_AUTH: CommandError = CommandError::text(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> \
     option can be used to authenticate the client and select the RESP protocol version at the same time",
);

fn auth(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let (user, password) = match args.len() {
        2 if !ctx.services.acl.needs_password() => return Err(NO_PASSWORD),
        2 => (DEFAULT_USER.as_bytes(), &args[1]),
        3 => (&args[1], &args[2]),
        _ => return Err(CommandError::Syntax),
    };
    authenticate(ctx, user, password)?;
    Ok(reply.ok())
}

/// A failure leaves the session as authenticated as it was.
fn authenticate(ctx: &mut Ctx, user: &[u8], password: &[u8]) -> Result<(), CommandError> {
    if !ctx.services.acl.admits(user, password) {
        return Err(WRONG_PASSWORD);
    }
    ctx.session.authenticated = true;
    Ok(())
}

#[derive(Default)]
struct Introduction<'a> {
    protocol: Option<Protocol>,
    credentials: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn hello(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let given = introduction(args)?;
    if let Some((user, password)) = given.credentials {
        authenticate(ctx, user, password)?;
    }
    if !ctx.session.authenticated && ctx.services.acl.needs_password() {
        return Err(HELLO_NEEDS_AUTH);
    }
    if let Some(name) = given.name {
        ctx.session.client.names.lock().name = name.to_vec();
    }
    let protocol = given.protocol.unwrap_or(ctx.session.protocol);
    let version = if protocol == Protocol::Resp3 { 3 } else { 2 };
    ctx.session.protocol = protocol;
    ctx.session.client.resp.store(version, Ordering::Relaxed);
    let mut map = reply.in_protocol(protocol).map(7);
    map.bulk(b"server");
    map.bulk(b"redis");
    map.bulk(b"version");
    map.bulk(REDIS_VERSION.as_bytes());
    map.bulk(b"proto");
    map.integer(version.into());
    map.bulk(b"id");
    map.integer(ctx.session.client.id as i64);
    map.bulk(b"mode");
    map.bulk(b"standalone");
    map.bulk(b"role");
    map.bulk(b"master");
    map.bulk(b"modules");
    let _ = map.element().array(0).end();
    Ok(map.end())
}

fn introduction(args: Args<'_>) -> Result<Introduction<'_>, CommandError> {
    let mut given = Introduction::default();
    let Some(version) = args.get(1) else { return Ok(given) };
    given.protocol = Some(match num::parse_i64(version) {
        None => return Err(CommandError::text("ERR Protocol version is not an integer or out of range")),
        Some(2) => Protocol::Resp2,
        Some(3) => Protocol::Resp3,
        Some(_) => return Err(CommandError::text("NOPROTO unsupported protocol version")),
    });
    let mut rest = args.from(2);
    loop {
        match rest {
            [] => return Ok(given),
            [option, user, password, tail @ ..] if is_word(option, "AUTH") => {
                given.credentials = Some((user, password));
                rest = tail;
            }
            [option, name, tail @ ..] if is_word(option, "SETNAME") => {
                if !is_printable(name) {
                    return Err(INVALID_NAME);
                }
                given.name = Some(name);
                rest = tail;
            }
            [option, ..] => {
                return Err(CommandError::repeating("ERR Syntax error in HELLO option '", option, "'"));
            }
        }
    }
}
