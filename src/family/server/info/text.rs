//! The form of INFO: `# Section`, then `name:value` lines, each ended by CR LF, an empty line between sections.

use std::fmt::{Display, Write};

/// INFO's text while it is being written.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a section.
    pub(super) fn section(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push_str("\r\n");
        }
        self.write(format_args!("# {title}"));
    }

    /// A line.
    pub(super) fn line(&mut self, name: &str, value: impl Display) {
        self.write(format_args!("{name}:{value}"));
    }

    /// A number of bytes, and a second line that says it for people.
    pub(super) fn bytes(&mut self, name: &str, bytes: u64) {
        self.line(name, bytes);
        self.line(&format!("{name}_human"), human(bytes));
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn write(&mut self, line: std::fmt::Arguments<'_>) {
        write!(self.0, "{line}\r\n").expect("writing to memory does not fail");
    }
}

/// Two digits and a unit, as Redis prints sizes.
pub(super) fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.2}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_apart_by_one_empty_line() {
        let mut text = Text::default();
        text.section("One");
        text.line("a", 1);
        text.section("Two");
        text.bytes("b", 1536);
        assert_eq!(text.0, "# One\r\na:1\r\n\r\n# Two\r\nb:1536\r\nb_human:1.50K\r\n");
    }

    #[test]
    fn sizes_for_people_have_two_decimals_and_a_unit() {
        assert_eq!(human(0), "0B");
        assert_eq!(human(1023), "1023B");
        assert_eq!(human(1024 * 1024), "1.00M");
        assert_eq!(human(u64::MAX), "16384.00P");
    }
}
