//! The command line: a flag for each setting, and which file to read first.

use super::error::{ConfigError, Origin};
use super::setting::{Change, Group, Setting};
use super::table::SETTINGS;
use super::{Config, Given, file};
use clap::builder::NonEmptyStringValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use std::path::PathBuf;

/// What a command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// To run a server.
    Run(Box<Config>),
    /// To print this text and leave: `--help`, `--version`.
    Print(String),
    /// To verify and describe these files and leave.
    Check(Vec<PathBuf>),
}

const FILE: &str = "FILE";
/// The word that asks for [`Invocation::Check`]. (A settings file of that name is `./check`.)
const CHECK: &str = "check";
const CONFIG: &str = "config";
/// What a flag's value is called in `--help`, and the names of the flags that are no settings.
const VALUE: &str = "VALUE";

/// Understands a command line that begins with the program's name.
///
/// # Errors
/// What is wrong with it, or with the file that it names.
pub(super) fn read(arguments: impl Iterator<Item = String>) -> Result<Invocation, ConfigError> {
    let arguments: Vec<String> = arguments.collect();
    if arguments.get(1).is_some_and(|word| word == CHECK) {
        let files: Vec<PathBuf> = arguments[2..].iter().map(PathBuf::from).collect();
        return match files.is_empty() {
            true => Err(ConfigError::Usage("usage: tally check FILE...".to_owned())),
            false => Ok(Invocation::Check(files)),
        };
    }
    let matches = match command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return refused(&error),
    };
    let path = matches.get_one::<String>(CONFIG).or_else(|| matches.get_one::<String>(FILE)).map(PathBuf::from);
    let mut given = path.as_deref().map(file::read).transpose()?.unwrap_or_default();
    for setting in SETTINGS {
        if let Some(value) = matches.get_one::<String>(setting.name) {
            given.push(Given {
                name: setting.name.to_owned(),
                value: value.clone().into_bytes(),
                shown: file::quoted(value),
                origin: Origin::Flag,
            });
        }
    }
    Ok(Invocation::Run(Box::new(Config::assemble(path, given)?)))
}

fn refused(error: &clap::Error) -> Result<Invocation, ConfigError> {
    match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, _) => Ok(Invocation::Print(error.to_string())),
        (ErrorKind::UnknownArgument, Some(ContextValue::String(flag))) if flag.starts_with("--") => {
            Err(ConfigError::unknown(Origin::Flag, flag.trim_start_matches('-').to_owned()))
        }
        _ => Err(ConfigError::Usage(error.to_string())),
    }
}

fn command() -> Command {
    let file = Arg::new(FILE)
        .help("The settings file: TOML if its name ends in .toml, else in the form of redis.conf")
        .value_parser(NonEmptyStringValueParser::new());
    let config = Arg::new(CONFIG)
        .long(CONFIG)
        .value_name(FILE)
        .conflicts_with(FILE)
        .help("The same, as a flag")
        .value_parser(NonEmptyStringValueParser::new());
    let version = Arg::new("version").short('v').short_alias('V').long("version").action(ArgAction::Version);
    let command = Command::new("tally")
        .version(env!("CARGO_PKG_VERSION"))
        .about(env!("CARGO_PKG_DESCRIPTION"))
        .override_usage("tally [FILE] [--SETTING VALUE]...\n       tally check FILE...")
        .after_help("A flag beats the file. Sizes may be written as 64mb (1kb = 1024, 1k = 1000). `tally check` verifies and describes snapshots.")
        .disable_version_flag(true)
        // The last of several wins, as in a file.
        .args_override_self(true)
        .arg(file)
        .arg(config)
        .arg(version.help("Print the version"));
    by_group().into_iter().fold(command, |command, setting| command.arg(flag(setting)))
}

fn flag(setting: &'static Setting) -> Arg {
    Arg::new(setting.name)
        .long(setting.name)
        .visible_aliases(setting.aliases)
        .value_name(VALUE)
        .help(help(setting))
        .help_heading(setting.group.title())
        // -1 and -::1 are values.
        .allow_hyphen_values(true)
}

/// The line of `--help` about a setting.
fn help(setting: &Setting) -> String {
    let default = if setting.default.is_empty() { "empty" } else { setting.default };
    match setting.change() {
        Change::Never => format!("{} [only: {default}]", setting.why),
        _ => format!("{} [{}; default: {default}]", setting.why, setting.kind.describe()),
    }
}

/// The settings in the order in which they are listed for people.
pub(super) fn by_group() -> Vec<&'static Setting> {
    let mut settings: Vec<&'static Setting> = SETTINGS.iter().collect();
    settings.sort_by_key(|setting: &&Setting| -> Group { setting.group });
    settings
}
