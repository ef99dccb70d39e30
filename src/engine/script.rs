//! stub
use crate::command::{CommandError, CommandSpec, Ctx, Replied, Reply, ScriptCall, ScriptRunner, Services};
#[derive(Debug)]
pub(super) struct Runner;
impl Runner {
    pub(super) fn new(_: &Services, _: usize) -> Self { Runner }
    pub(super) fn knows_its_keys(&mut self, _: &CommandSpec, _: &[&[u8]]) -> bool { false }
}
pub(super) fn is_any_slow(_: &Services) -> bool { false }
impl ScriptRunner for Runner {
    fn run(&mut self, _: &mut Ctx<'_, '_>, _: ScriptCall<'_>, _: Reply<'_>) -> Result<Replied, CommandError> { todo!() }
}
