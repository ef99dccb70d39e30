//! Reads transcripts and decides whether a reply is the expected one. The format: `tests/transcripts/README.md`.

use std::path::Path;

/// What stands for a reply when the server closed the connection.
pub const CLOSED: &str = "(closed)";

/// A file of steps.
pub struct Transcript {
    pub name: String,
    pub protocols: Vec<u8>,
    pub in_lua: bool,
    pub entries: Vec<Entry>,
}

/// One step and the lines expected: in RESP2, in RESP3.
pub struct Entry {
    pub number: usize,
    pub text: String,
    pub client: String,
    pub action: Action,
    pub unordered: bool,
    pub differs: bool,
    pub expected: [Vec<String>; 2],
}

/// What a step sends.
pub enum Action {
    Command(Vec<Vec<u8>>),
    Raw(Vec<Vec<u8>>),
}

impl Transcript {
    /// Reads a file. Panics with file and line if it is not a transcript.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a transcript is readable text");
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut this = Self { name, protocols: vec![2, 3], in_lua: true, entries: Vec::new() };
        let (mut unordered, mut differs) = (false, false);
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let place = || format!("{}:{number}", path.display());
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(action) = action(line).unwrap_or_else(|error| panic!("{}: {error}", place())) {
                let client = line.strip_prefix(">@").and_then(|rest| rest.split(' ').next()).unwrap_or("").to_owned();
                let expected = [Vec::new(), Vec::new()];
                let text = line.to_owned();
                this.entries.push(Entry { number, text, client, action, unordered, differs, expected });
                (unordered, differs) = (false, false);
            } else if let Some(protocol) = line.strip_prefix("!protocol ") {
                this.protocols = vec![protocol.trim().parse().unwrap_or_else(|_| panic!("{}: 2 or 3", place()))];
            } else if line == "!not-in-lua" {
                this.in_lua = false;
            } else if line == "!unordered" {
                unordered = true;
            } else if line.starts_with("!differs ") {
                differs = true;
            } else {
                assert!(!line.starts_with('!'), "{}: unknown directive", place());
                let entry = this.entries.last_mut().unwrap_or_else(|| panic!("{}: a reply without a command", place()));
                match (line.strip_prefix("2| "), line.strip_prefix("3| ")) {
                    (Some(line), _) => entry.expected[0].push(line.to_owned()),
                    (_, Some(line)) => entry.expected[1].push(line.to_owned()),
                    _ => entry.expected.iter_mut().for_each(|lines| lines.push(line.to_owned())),
                }
            }
        }
        this
    }
}

/// The action of a line that has one.
fn action(line: &str) -> Result<Option<Action>, String> {
    if let Some(rest) = line.strip_prefix("!raw ") {
        return words(rest).map(|writes| Some(Action::Raw(writes)));
    }
    let command = match (line.strip_prefix("> "), line.strip_prefix(">@")) {
        (Some(rest), _) => rest,
        (_, Some(rest)) => rest.split_once(' ').map_or("", |(_, command)| command),
        _ => return Ok(None),
    };
    let argv = words(command)?;
    if argv.is_empty() {
        return Err("a command is missing".to_owned());
    }
    Ok(Some(Action::Command(argv)))
}

/// The words of a typed line: bare, or in double quotes with escapes.
fn words(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut rest = line.as_bytes().iter().copied().peekable();
    let mut out = Vec::new();
    loop {
        while rest.next_if(|&byte| byte == b' ').is_some() {}
        let Some(&first) = rest.peek() else { return Ok(out) };
        let mut word = Vec::new();
        if first != b'"' {
            while let Some(byte) = rest.next_if(|&byte| byte != b' ') {
                word.push(byte);
            }
            out.push(word);
            continue;
        }
        rest.next();
        loop {
            match rest.next().ok_or("a quote is not closed")? {
                b'"' => break,
                b'\\' => word.push(match rest.next().ok_or("an escape is cut short")? {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'a' => 7,
                    b'b' => 8,
                    b'x' => {
                        let digits = [rest.next().unwrap_or(0), rest.next().unwrap_or(0)];
                        let text = std::str::from_utf8(&digits).map_err(|_| "\\x takes two digits")?;
                        u8::from_str_radix(text, 16).map_err(|_| "\\x takes two digits")?
                    }
                    plain @ (b'"' | b'\\' | b'\'') => plain,
                    other => return Err(format!("unknown escape \\{}", char::from(other))),
                }),
                byte => word.push(byte),
            }
        }
        out.push(word);
    }
}

/// Whether the lines of a reply are those expected.
pub fn matches(expected: &[String], actual: &[String], unordered: bool) -> bool {
    if unordered {
        return sorted(expected) == sorted(actual);
    }
    for (index, line) in expected.iter().enumerate() {
        if line.trim() == "..." {
            return true;
        }
        if !actual.get(index).is_some_and(|actual| line_matches(line, actual)) {
            return false;
        }
    }
    expected.len() == actual.len()
}

fn line_matches(expected: &str, actual: &str) -> bool {
    let body = expected.trim_start_matches(' ');
    let Some(pattern) = body.strip_prefix("? ") else { return expected == actual };
    let (indent, text) = actual.split_at((expected.len() - body.len()).min(actual.len()));
    if !indent.bytes().all(|byte| byte == b' ') {
        return false;
    }
    let mut parts = pattern.split('*');
    let Some(mut text) = text.strip_prefix(parts.next().unwrap_or("")) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return text.is_empty() };
    for part in parts {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

/// The lines of a reply with the elements of its outermost aggregate sorted; the pairs, if it is a map.
fn sorted(reply: &[String]) -> Vec<Vec<&str>> {
    let Some((head, rest)) = reply.split_first() else { return Vec::new() };
    let mut elements: Vec<Vec<&str>> = Vec::new();
    for line in rest {
        match elements.last_mut() {
            Some(element) if line.starts_with("   ") => element.push(line),
            _ => elements.push(vec![line]),
        }
    }
    if head.starts_with('%') {
        elements = elements.chunks(2).map(<[_]>::concat).collect();
    }
    elements.sort();
    elements.insert(0, vec![head]);
    elements
}
