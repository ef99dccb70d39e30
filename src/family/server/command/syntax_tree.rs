//! Reads the arguments of COMMAND DOCS out of a syntax line.
//!
//! ```text
//! SET key value [NX | XX] [EX seconds | PX milliseconds]
//!     key value one of    one of: token EX before seconds, token PX before milliseconds
//! ```
//! Words in capitals are tokens, `[ ]` is optional, `< >` mandatory, `|` separates alternatives. `a [a ...]` is one `a`, repeated.

use crate::command::CommandSpec;

/// One argument, or a group of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) form: Form,
    /// The word that stands before it.
    pub(super) token: Option<&'static str>,
    pub(super) optional: bool,
    pub(super) multiple: bool,
}

/// What an argument is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    /// A key, and which key specification of the command finds it.
    Key { spec: Option<usize> },
    /// A value of this type.
    Value(&'static str),
    /// Its token, nothing else.
    Token,
    /// One of these.
    OneOf(Vec<Argument>),
    /// All of these, in order.
    Block(Vec<Argument>),
}

/// The names of arguments that are no plain strings.
const TYPES: &[(&str, &[&str])] = &[
    (
        "integer",
        &[
            "bit",
            "client-id",
            "count",
            "cursor",
            "destination-db",
            "end",
            "importance",
            "index",
            "len",
            "limit",
            "maxage",
            "milliseconds",
            "numkeys",
            "offset",
            "protover",
            "seconds",
            "slot",
            "version",
        ],
    ),
    ("double", &["score"]),
    ("pattern", &["pattern"]),
    ("unix-time", &["unix-time-milliseconds", "unix-time-seconds"]),
];
const KEYS: &[&str] = &["destination", "key", "key1", "key2", "newkey", "source"];

/// The arguments of a command, its name left out.
pub(super) fn parse(row: &CommandSpec) -> Vec<Argument> {
    let mut words = words(row.syntax);
    words.drain(..if row.subcommand.is_empty() { 1 } else { 2 });
    let mut words = words.as_slice();
    let mut alternatives = alternatives(&mut words);
    assert!(words.is_empty() && alternatives.len() == 1, "a syntax line is one sequence with balanced brackets");
    let mut arguments = arguments(&alternatives.remove(0));
    number_keys(&mut arguments, row, &mut 0);
    arguments
}

/// A piece of the line.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Word(&'static str),
    Group {
        optional: bool,
        alternatives: Vec<Vec<Node>>,
    },
    /// Once or more.
    Multiple(Vec<Node>),
    /// The dots, until they are understood.
    Dots,
}

fn words(line: &'static str) -> Vec<&'static str> {
    let mut words = Vec::new();
    for word in line.split_ascii_whitespace() {
        let inner = word.trim_matches(['[', ']', '<', '>']);
        let start = word.find(inner).unwrap_or(0);
        words.extend(word[..start].split_inclusive(['[', '<', ']', '>']));
        if !inner.is_empty() {
            words.push(inner);
        }
        words.extend(word[start + inner.len()..].split_inclusive(['[', '<', ']', '>']));
    }
    words
}

/// Sequences up to the end of the group, which is taken.
fn alternatives(words: &mut &[&'static str]) -> Vec<Vec<Node>> {
    let mut all = vec![Vec::new()];
    while let [word, rest @ ..] = *words {
        *words = rest;
        let last = all.last_mut().expect("there is always a sequence being read");
        match *word {
            "]" | ">" => break,
            "|" => all.push(Vec::new()),
            "..." => last.push(Node::Dots),
            "[" => last.push(Node::Group { optional: true, alternatives: alternatives(words) }),
            "<" => last.push(Node::Group { optional: false, alternatives: alternatives(words) }),
            word => last.push(Node::Word(word)),
        }
    }
    all.into_iter().map(join_repetitions).collect()
}

/// Makes `a [a ...]` one node, and `a ...` as well.
fn join_repetitions(nodes: Vec<Node>) -> Vec<Node> {
    let mut joined: Vec<Node> = Vec::new();
    for node in nodes {
        match node {
            Node::Dots => joined = vec![Node::Multiple(joined)],
            Node::Group { optional: true, ref alternatives } => match alternatives.as_slice() {
                [only] if matches!(only.as_slice(), [Node::Multiple(body)] if joined.ends_with(body)) => {
                    let [Node::Multiple(body)] = only.as_slice() else { unreachable!("the pattern above") };
                    joined.truncate(joined.len() - body.len());
                    joined.push(Node::Multiple(body.clone()));
                }
                _ => joined.push(node),
            },
            node => joined.push(node),
        }
    }
    joined
}

fn arguments(nodes: &[Node]) -> Vec<Argument> {
    let mut arguments: Vec<Argument> = Vec::new();
    let mut token = None;
    for node in nodes {
        let mut argument = match node {
            Node::Word(word) if is_token(word) => {
                arguments.extend(token.replace(*word).map(pure_token));
                continue;
            }
            Node::Word(word) => value(word),
            Node::Multiple(body) => Argument { multiple: true, ..single(body) },
            Node::Group { optional, alternatives } => match alternatives.as_slice() {
                [only] => Argument { optional: *optional, ..single(only) },
                several => {
                    let parts: Vec<Argument> = several.iter().map(|nodes| single(nodes)).collect();
                    Argument { optional: *optional, ..group(parts, Form::OneOf) }
                }
            },
            Node::Dots => unreachable!("dots were joined with what they repeat"),
        };
        // A token belongs to the mandatory argument behind it; before anything else it stands for itself.
        match token.take() {
            Some(word) if argument.token.is_none() && !argument.optional => argument.token = Some(word),
            before => arguments.extend(before.map(pure_token)),
        }
        arguments.push(argument);
    }
    arguments.extend(token.map(pure_token));
    arguments
}

/// A sequence as one argument. A token at its head stands before all of it.
fn single(nodes: &[Node]) -> Argument {
    if let [Node::Word(token), Node::Word(second), Node::Word(_), ..] = nodes
        && is_token(token)
        && !is_token(second)
    {
        return Argument { token: Some(token), ..group(arguments(&nodes[1..]), Form::Block) };
    }
    let mut arguments = arguments(nodes);
    if arguments.len() == 1 { arguments.remove(0) } else { group(arguments, Form::Block) }
}

fn is_token(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_uppercase()) && !word.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn pure_token(word: &'static str) -> Argument {
    let name = word.to_ascii_lowercase();
    Argument { name, form: Form::Token, token: Some(word), optional: false, multiple: false }
}

fn value(name: &'static str) -> Argument {
    let kind = TYPES.iter().find(|(_, names)| names.contains(&name)).map_or("string", |(kind, _)| kind);
    let form = if KEYS.contains(&name) { Form::Key { spec: None } } else { Form::Value(kind) };
    Argument { name: name.to_owned(), form, token: None, optional: false, multiple: false }
}

fn group(parts: Vec<Argument>, form: fn(Vec<Argument>) -> Form) -> Argument {
    let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    Argument { name: names.join("_"), form: form(parts), token: None, optional: false, multiple: false }
}

/// Says of each key which key specification finds it: the first key the first one, and so on. What is called a key but is found by
/// none is a string.
fn number_keys(arguments: &mut [Argument], row: &CommandSpec, next: &mut usize) {
    let specs = row.keys.iter().flatten().count();
    for argument in arguments {
        match &mut argument.form {
            Form::Key { .. } if specs == 0 => argument.form = Form::Value("string"),
            Form::Key { spec } => {
                *spec = Some((*next).min(specs - 1));
                *next += 1;
            }
            Form::OneOf(parts) | Form::Block(parts) => number_keys(parts, row, next),
            Form::Value(_) | Form::Token => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Access, Args, CommandError, Ctx, Replied, Reply};

    fn refuse(_: &mut Ctx, _: Args, _: Reply) -> Result<Replied, CommandError> {
        Err(CommandError::Syntax)
    }

    /// The arguments in short: `?` optional, `+` multiple, `TOKEN:`, `(a|b)` one of, `{a b}` block, `*` key.
    fn short(arguments: &[Argument], separator: &str) -> String {
        let one = |argument: &Argument| {
            let inner = match &argument.form {
                Form::Key { spec } => format!("{}*{}", argument.name, spec.unwrap()),
                Form::Value(_) => argument.name.clone(),
                Form::Token => String::new(),
                Form::OneOf(parts) => format!("({})", short(parts, "|")),
                Form::Block(parts) => format!("{{{}}}", short(parts, " ")),
            };
            let token = argument.token.map_or(String::new(), |token| format!("{token}:"));
            let marks = [(argument.optional, "?"), (argument.multiple, "+")];
            let marks: String = marks.iter().filter(|(is_set, _)| *is_set).map(|(_, mark)| *mark).collect();
            format!("{token}{inner}{marks}")
        };
        arguments.iter().map(one).collect::<Vec<_>>().join(separator)
    }

    fn check(syntax: &'static str, expected: &str) {
        let row = CommandSpec::new(syntax, refuse).key(1, Access::READ);
        assert_eq!(short(&parse(&row), " "), expected, "{syntax}");
    }

    #[test]
    fn options_alternatives_and_repetitions_are_told_apart() {
        check("TIME", "");
        check("MGET key [key ...]", "key*0+");
        check("PING [message]", "message?");
        check("INFO [section [section ...]]", "section?+");
        check("QUIT [argument ...]", "argument?+");
        check(
            "SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]",
            "key*0 value (NX:|XX:)? GET:? (EX:seconds|PX:milliseconds|KEEPTTL:)?",
        );
        check("ZADD key [NX | XX] score member [score member ...]", "key*0 (NX:|XX:)? {score member}+");
        check("ZRANGE key start [LIMIT offset count] [WITHSCORES]", "key*0 start LIMIT:{offset count}? WITHSCORES:?");
        check("ZUNION numkeys key [key ...] [AGGREGATE <SUM | MIN>]", "numkeys key*0+ AGGREGATE:(SUM:|MIN:)?");
        check("SORT key [GET pattern [GET pattern ...]]", "key*0 GET:pattern?+");
        check("CLIENT REPLY <ON | OFF>", "(ON:|OFF:)");
        check(
            "HELLO [protover [AUTH username password] [SETNAME clientname]]",
            "{protover AUTH:{username password}? SETNAME:clientname?}?",
        );
    }

    #[test]
    fn groups_are_named_after_their_parts() {
        let row = CommandSpec::new("SHUTDOWN [NOSAVE | SAVE]", refuse);
        assert_eq!(parse(&row)[0].name, "nosave_save");
    }
}
