//! COMMAND LIST: names, perhaps filtered.

use crate::acl::CATEGORIES;
use crate::base::glob;
use crate::command::{Args, CommandError, CommandSpec, Ctx, Replied, Reply};

pub(super) fn list(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    let names = match args.len() {
        2 => names(ctx, |_, _| true),
        // There are no modules.
        5 if args.is(2, "FILTERBY") && args.is(3, "MODULE") => Vec::new(),
        5 if args.is(2, "FILTERBY") && args.is(3, "ACLCAT") => {
            let asked = &args[4];
            match CATEGORIES.iter().find(|category| category.as_bytes()[1..].eq_ignore_ascii_case(asked)) {
                Some(category) => {
                    names(ctx, |row, _| row.map_or(*category == "@slow", |row| row.is_in_category(category)))
                }
                None => Vec::new(),
            }
        }
        5 if args.is(2, "FILTERBY") && args.is(3, "PATTERN") => {
            names(ctx, |_, name| glob::matches_nocase(&args[4], name.as_bytes()))
        }
        _ => return Err(CommandError::Syntax),
    };
    let mut list = reply.array(names.len());
    names.iter().for_each(|name| list.bulk(name.as_bytes()));
    Ok(list.end())
}

/// The names for which `wanted` holds. A container without a row of its own comes before its subcommands, with no row.
fn names(ctx: &Ctx, wanted: impl Fn(Option<&CommandSpec>, &str) -> bool) -> Vec<String> {
    let rows = ctx.services.commands.rows();
    let mut names = Vec::new();
    for (id, row) in rows.iter().enumerate() {
        let is_first = id == 0 || rows[id - 1].name != row.name;
        let container = row.name.to_ascii_lowercase();
        if is_first && !row.subcommand.is_empty() && wanted(None, &container) {
            names.push(container);
        }
        let name = row.full_name();
        if wanted(Some(row), &name) {
            names.push(name);
        }
    }
    names
}
