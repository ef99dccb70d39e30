//! CLIENT LIST and CLIENT INFO: a line for each connection.

use crate::base::num;
use crate::base::sync::atomic::Ordering;
use crate::command::args::is_word;
use crate::command::pubsub::Kind;
use crate::command::{Args, Client, CommandError, Ctx, Replied, Reply, Session};
use crate::family::server::client_bytes;
use std::io::Write;
use std::sync::Arc;

/// The type of a client, as LIST and KILL filter by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientType {
    /// Those that listen to no channel.
    Normal,
    /// Those that listen to channels.
    PubSub,
    /// Master or replica, of which this server has none.
    Absent,
}

impl ClientType {
    pub(super) fn parse(word: &[u8]) -> Result<Self, CommandError> {
        if is_word(word, "NORMAL") {
            return Ok(Self::Normal);
        }
        if is_word(word, "PUBSUB") {
            return Ok(Self::PubSub);
        }
        if ["SLAVE", "REPLICA", "MASTER"].iter().any(|name| is_word(word, name)) {
            return Ok(Self::Absent);
        }
        Err(CommandError::repeating("ERR Unknown client type '", word, "'"))
    }
}

impl ClientType {
    /// Whether a client is of this type.
    pub(super) fn includes(self, client: &Client) -> bool {
        match self {
            Self::Normal => !client.mailbox.listens(),
            Self::PubSub => client.mailbox.listens(),
            Self::Absent => false,
        }
    }
}

pub(super) fn info(ctx: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    publish(ctx.session);
    let mut text = Vec::new();
    line(ctx, &ctx.session.client, &mut text);
    Ok(reply.verbatim(&text))
}

pub(super) fn list(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let clients = &ctx.services.clients;
    let listed = match args.from(2) {
        [] => clients.all(),
        [option, name] if is_word(option, "TYPE") => {
            let wanted = ClientType::parse(name)?;
            clients.all().into_iter().filter(|client| wanted.includes(client)).collect()
        }
        [option, ids @ ..] if is_word(option, "ID") && !ids.is_empty() => {
            let ids: Option<Vec<i64>> = ids.iter().map(|id| num::parse_i64(id)).collect();
            let ids = ids.ok_or(CommandError::text("ERR Invalid client ID"))?;
            ids.into_iter().filter_map(|id| clients.get(u64::try_from(id).ok()?)).collect::<Vec<Arc<Client>>>()
        }
        _ => return Err(CommandError::Syntax),
    };
    publish(ctx.session);
    let mut text = Vec::new();
    for client in listed {
        line(ctx, &client, &mut text);
    }
    Ok(reply.verbatim(&text))
}

/// What others know of the caller is of its last batch; in its own list it stands as it is now.
fn publish(session: &Session) {
    let client = &session.client;
    client.db.store(session.db as u32, Ordering::Relaxed);
    client.watching.store(session.watches.len() as u32, Ordering::Relaxed);
}

fn line(ctx: &Ctx, client: &Client, text: &mut Vec<u8>) {
    let age_secs = (ctx.now - client.connected_at).max(0) / 1000;
    let idle_secs = ctx.services.clock.ticks().since(client.last_active()) / 1_000_000_000;
    let names = client.names.lock().clone();
    let number = |cell: &std::sync::atomic::AtomicUsize| cell.load(Ordering::Relaxed);
    let (query, free) = (number(&client.query_bytes), number(&client.query_free_bytes));
    let (unsent, output, queued) =
        (number(&client.output_bytes), number(&client.output_memory_bytes), number(&client.multi_bytes));
    let command = match client.last_command.load(Ordering::Relaxed) {
        u32::MAX => "NULL".to_owned(),
        id => ctx.services.commands.row(id as usize).full_name(),
    };
    write!(text, "id={} addr={} laddr={} fd={} name=", client.id, client.address, client.local_address, client.fd)
        .and_then(|()| text.write_all(&names.name))
        .and_then(|()| {
            write!(
                text,
                " age={age_secs} idle={idle_secs} flags={} db={} sub={} psub={} ssub={} multi={} watch={} qbuf={query} \
                 qbuf-free={free} argv-mem=0 multi-mem={queued} rbs=0 rbp=0 obl={unsent} oll=0 omem={output} tot-mem={} events=r \
                 cmd={command} user=default redir=-1 resp={} lib-name=",
                flags(client),
                client.db.load(Ordering::Relaxed),
                client.mailbox.count(Kind::Channel),
                client.mailbox.count(Kind::Pattern),
                client.mailbox.count(Kind::Shard),
                client.multi.load(Ordering::Relaxed),
                client.watching.load(Ordering::Relaxed),
                client_bytes(client),
                client.resp.load(Ordering::Relaxed),
            )
        })
        .and_then(|()| text.write_all(&names.lib_name))
        .and_then(|()| text.write_all(b" lib-ver="))
        .and_then(|()| text.write_all(&names.lib_version))
        .and_then(|()| text.write_all(b"\n"))
        .expect("writing to memory does not fail");
}

fn flags(client: &Client) -> String {
    let all = [
        (client.is_monitor.load(Ordering::Relaxed), 'O'),
        (client.mailbox.listens(), 'P'),
        (client.multi.load(Ordering::Relaxed) >= 0, 'x'),
        (client.is_blocked(), 'b'),
        (client.is_killed(), 'A'),
        (client.is_unix, 'U'),
        (client.no_evict.load(Ordering::Relaxed), 'e'),
    ];
    let flags: String = all.into_iter().filter_map(|(is_set, flag)| is_set.then_some(flag)).collect();
    if flags.is_empty() { "N".to_owned() } else { flags }
}
