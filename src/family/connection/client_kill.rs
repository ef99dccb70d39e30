//! CLIENT KILL, in its old form (an address) and its new one (filters).

use super::client_list::ClientType;
use crate::acl::DEFAULT_USER;
use crate::base::num;
use crate::command::args::is_word;
use crate::command::{Args, Client, CommandError, Ctx, Replied, Reply};

/// Which connections are meant; each filter that is given must hold.
#[derive(Debug)]
struct Filter<'a> {
    id: Option<u64>,
    client_type: Option<ClientType>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    max_age_secs: Option<i64>,
    skip_me: bool,
}

pub(super) fn kill(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if let [_, _, address] = args.all() {
        let filter = Filter { address: Some(address), skip_me: false, ..Filter::all() };
        return match kill_matching(ctx, &filter) {
            0 => Err(CommandError::text("ERR No such client")),
            _ => Ok(reply.ok()),
        };
    }
    let filter = parse(args.from(2))?;
    Ok(reply.count(kill_matching(ctx, &filter)))
}

impl Filter<'_> {
    fn all() -> Self {
        Self { id: None, client_type: None, address: None, local_address: None, max_age_secs: None, skip_me: true }
    }

    fn matches(&self, client: &Client, now: i64) -> bool {
        self.id.is_none_or(|id| client.id == id)
            && self.client_type.is_none_or(|client_type| client_type.includes(client))
            && self.address.is_none_or(|address| client.address.as_bytes() == address)
            && self.local_address.is_none_or(|address| client.local_address.as_bytes() == address)
            && self.max_age_secs.is_none_or(|age| (now - client.connected_at) / 1000 >= age)
    }
}

fn parse<'a>(mut rest: &[&'a [u8]]) -> Result<Filter<'a>, CommandError> {
    let mut filter = Filter::all();
    while let [option, value, tail @ ..] = rest {
        match option {
            _ if is_word(option, "ID") => {
                let id = num::parse_i64(value).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
                filter.id = Some(id.ok_or(CommandError::text("ERR client-id should be greater than 0"))?);
            }
            _ if is_word(option, "TYPE") => filter.client_type = Some(ClientType::parse(value)?),
            _ if is_word(option, "ADDR") => filter.address = Some(value),
            _ if is_word(option, "LADDR") => filter.local_address = Some(value),
            _ if is_word(option, "USER") => {
                if *value != DEFAULT_USER.as_bytes() {
                    return Err(CommandError::repeating("ERR No such user '", value, "'"));
                }
            }
            _ if is_word(option, "SKIPME") && is_word(value, "YES") => filter.skip_me = true,
            _ if is_word(option, "SKIPME") && is_word(value, "NO") => filter.skip_me = false,
            _ if is_word(option, "MAXAGE") => {
                let age =
                    num::parse_i64(value).ok_or(CommandError::text("ERR maxage is not an integer or out of range"))?;
                if age <= 0 {
                    return Err(CommandError::text("ERR maxage should be greater than 0"));
                }
                filter.max_age_secs = Some(age);
            }
            _ => return Err(CommandError::Syntax),
        }
        rest = tail;
    }
    if rest.is_empty() { Ok(filter) } else { Err(CommandError::Syntax) }
}

/// The caller, if it is meant, still gets this reply.
fn kill_matching(ctx: &mut Ctx, filter: &Filter) -> usize {
    let mut killed = 0;
    for client in ctx.services.clients.all().iter().filter(|client| filter.matches(client, ctx.now)) {
        if client.id != ctx.session.client.id {
            client.kill();
        } else if filter.skip_me {
            continue;
        } else {
            ctx.session.closing = true;
        }
        killed += 1;
    }
    killed
}
