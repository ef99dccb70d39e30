//! stub
use crate::command::*;
/// The tables of the family's files.
pub const TABLES: &[&[CommandSpec]] = &[COMMANDS];
const COMMANDS: &[CommandSpec] = &[
CommandSpec::new("GET key", get).string().readonly().fast().key(1, Access::READ).since("1.0.0").says("Returns the string value of a key."),
];
fn get(ctx: &mut Ctx, args: Args, reply: Reply) -> Result<Replied, CommandError> {
    match ctx.keys.read::<crate::data::string::Str>(&args[1])? {
        Some(text) => Ok(text.with_bytes(|bytes| reply.bulk(bytes))),
        None => Ok(reply.null()),
    }
}
