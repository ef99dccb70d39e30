//! ACL WHOAMI and CAT: the questions about rights that have an answer with one user.

use crate::acl::{CATEGORIES, DEFAULT_USER};
use crate::command::{Args, CommandError, CommandSpec, Ctx, Flags, Replied, Reply};

const FLAGS: Flags = Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE);

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("ACL WHOAMI", who_am_i).flag(FLAGS).since("6.0.0").says("Replies the user of the connection."),
    CommandSpec::new("ACL CAT [category]", categories)
        .flag(FLAGS)
        .since("6.0.0")
        .says("Lists the categories of commands, or the commands of one."),
    CommandSpec::help("ACL HELP").since("6.0.0"),
];

fn who_am_i(_: &mut Ctx, _: Args, reply: Reply) -> Result<Replied, CommandError> {
    Ok(reply.bulk(DEFAULT_USER.as_bytes()))
}

fn categories(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    if args.len() > 3 {
        return Err(CommandError::text("ERR unknown subcommand or wrong number of arguments for 'CAT'. Try ACL HELP."));
    }
    let Some(asked) = args.get(2) else {
        let mut names = reply.array(CATEGORIES.len());
        CATEGORIES.iter().for_each(|category| names.bulk(&category.as_bytes()[1..]));
        return Ok(names.end());
    };
    let category = CATEGORIES.iter().find(|category| category.as_bytes()[1..].eq_ignore_ascii_case(asked));
    let Some(category) = category else {
        return Err(CommandError::repeating("ERR Unknown category '", asked, "'"));
    };
    let rows: Vec<_> = ctx.services.commands.rows().iter().filter(|row| row.is_in_category(category)).collect();
    let mut names = reply.array(rows.len());
    rows.iter().for_each(|row| names.bulk(row.full_name().as_bytes()));
    Ok(names.end())
}
