//! Reads a settings file, in TOML or in Redis' form, into names and values with their lines.
//!
//! ```text
//! TOML (.toml)                      Redis' form (any other name)
//! port = 6380                       port 6380
//! proto-max-bulk-len = "64mb"       proto-max-bulk-len 64mb
//! bind = ["127.0.0.1", "-::1"]      bind 127.0.0.1 -::1
//! script-kill-writes = true         script-kill-writes yes
//!                                   include other.conf
//! ```
//! Not here: which names exist, and what values they take.

use super::error::{ConfigError, Origin};
use super::kind::Kind;
use super::words::split_words;
use super::{Given, find};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How deep files may include each other.
const INCLUDES_MAX: usize = 8;

/// What the file and the files that it includes say, in order.
///
/// # Errors
/// A file that cannot be read, or is not in its form.
pub(super) fn read(path: &Path) -> Result<Vec<Given>, ConfigError> {
    let mut given = Vec::new();
    read_into(path, &Origin::Flag, 0, &mut given)?;
    Ok(given)
}

/// `named` is where the file is asked for.
fn read_into(path: &Path, named: &Origin, depth: usize, given: &mut Vec<Given>) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        origin: named.clone(),
        path: path.to_owned(),
        source,
    })?;
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
        return read_toml(path, &text, given);
    }
    for (index, line) in text.lines().enumerate() {
        read_directive(line.trim(), &Origin::File { path: path.to_owned(), line: index + 1 }, depth, given)?;
    }
    Ok(())
}

fn read_directive(line: &str, origin: &Origin, depth: usize, given: &mut Vec<Given>) -> Result<(), ConfigError> {
    let wrong = |text: String| ConfigError::Syntax { origin: origin.clone(), text };
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let words = split_words(line.as_bytes())
        .ok_or_else(|| wrong("a quote is not closed, or not at a word's end".to_owned()))?;
    let (name, values) = words.split_first().expect("a line that is not empty has a word");
    let name = String::from_utf8_lossy(name).into_owned();
    if name.eq_ignore_ascii_case("include") {
        let [file] = values else { return Err(wrong("include: takes the path of one file".to_owned())) };
        if depth == INCLUDES_MAX {
            return Err(wrong(format!("include: files include each other more than {INCLUDES_MAX} deep")));
        }
        return read_into(Path::new(&*String::from_utf8_lossy(file)), origin, depth + 1, given);
    }
    // Before the number of values: one who asks for what does not exist should hear that first.
    let Some(setting) = find(name.as_bytes()) else { return Err(ConfigError::unknown(origin.clone(), name)) };
    let value = match values {
        [] => return Err(wrong(format!("{name}: needs a value; \"\" is the empty one"))),
        [value] => value.clone(),
        _ if takes_several(&setting.kind) => values.join(&b' '),
        _ => {
            let comment = values.iter().any(|word| word.starts_with(b"#"));
            let hint = if comment { "; a comment needs a line of its own" } else { "" };
            return Err(wrong(format!("{name}: takes one value, not {}{hint}", values.len())));
        }
    };
    let shown = quoted(&String::from_utf8_lossy(&value));
    given.push(Given { name, value, shown, origin: origin.clone() });
    Ok(())
}

/// `bind` is a list; so is `save`, whose points in time are several words.
fn takes_several(kind: &Kind) -> bool {
    matches!(kind, Kind::Addresses | Kind::SavePoints | Kind::Text)
}

fn read_toml(path: &Path, text: &str, given: &mut Vec<Given>) -> Result<(), ConfigError> {
    let origin = |at: usize| Origin::File { path: path.to_owned(), line: 1 + text[..at].matches('\n').count() };
    let document = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        origin: origin(error.span().map_or(0, |span| span.start.min(text.len()))),
        text: error.message().to_owned(),
    })?;
    let mut rows: Vec<(&Spanned<_>, &Spanned<DeValue<'_>>)> = document.get_ref().iter().collect();
    // The table is in order of names; errors should come in order of lines.
    rows.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in rows {
        let origin = origin(name.span().start);
        let Some(setting) = find(name.get_ref().as_bytes()) else {
            return Err(ConfigError::unknown(origin, name.get_ref().to_string()));
        };
        let shown = &text[value.span()];
        let value = toml_value(value.get_ref(), &setting.kind).ok_or_else(|| {
            let shown = if setting.is_secret() { "the password" } else { shown };
            ConfigError::Value {
                origin: origin.clone(),
                name: name.get_ref().to_string(),
                text: format!("{shown} is not of the right type; allowed: {}", setting.kind.describe()),
            }
        })?;
        let shown = if shown.contains('\n') { quoted(&value) } else { shown.to_owned() };
        given.push(Given { name: name.get_ref().to_string(), value: value.into_bytes(), shown, origin });
    }
    Ok(())
}

/// The value as Redis' form would have it. None if TOML's type cannot be meant.
fn toml_value(value: &DeValue<'_>, kind: &Kind) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Boolean(yes) if matches!(kind, Kind::Bool) => Some(if *yes { "yes" } else { "no" }.to_owned()),
        // 0o700 and 700 are the same permissions: their digits are octal in either spelling.
        DeValue::Integer(number) if matches!(kind, Kind::Octal { .. }) && matches!(number.radix(), 8 | 10) => {
            Some(number.as_str().to_owned())
        }
        DeValue::Integer(number) if matches!(kind, Kind::Integer { .. } | Kind::Bytes { .. }) => {
            // More than an i64 holds is out of every range; its digits let the range's error say so.
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            Some(parsed.map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()))
        }
        DeValue::Array(items) if matches!(kind, Kind::Addresses | Kind::SavePoints) => {
            let words: Option<Vec<&str>> = items.iter().map(|item| item.get_ref().as_str()).collect();
            Some(words?.join(" "))
        }
        _ => None,
    }
}

/// A value for a message: as it is, unless it could be overlooked.
pub(super) fn quoted(value: &str) -> String {
    let is_plain = !value.is_empty() && value.chars().all(|c| c.is_ascii_graphic());
    if is_plain { value.to_owned() } else { format!("{value:?}") }
}
