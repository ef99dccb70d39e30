//! Which key an element means: the pattern of BY and GET.
//!
//! The first `*` stands for the element. A `->` behind it, with something to follow, divides the key from the field of a hash. `#` alone is
//! the element itself. All three are looked for up to the first NUL, for Redis reads them as C strings.

use crate::command::Keys;
use crate::data::hash::Hash;
use crate::data::string::Str;

/// A pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// `#`.
    Itself,
    /// Without `*`: no key at all.
    Constant,
    /// The key of a string, or of a hash with a field.
    Key { before: &'a [u8], after: &'a [u8], field: Option<&'a [u8]> },
}

impl<'a> Pattern<'a> {
    pub(super) fn new(pattern: &'a [u8]) -> Self {
        let text = pattern.split(|byte| *byte == 0).next().unwrap_or(pattern);
        if text == b"#" {
            return Self::Itself;
        }
        let Some(star) = text.iter().position(|byte| *byte == b'*') else { return Self::Constant };
        let (before, after) = (&pattern[..star], &pattern[star + 1..]);
        let arrow = text[star + 1..].windows(2).position(|pair| pair == b"->");
        match arrow {
            Some(arrow) if star + 1 + arrow + 2 < text.len() => {
                Self::Key { before, after: &after[..arrow], field: Some(&after[arrow + 2..]) }
            }
            _ => Self::Key { before, after, field: None },
        }
    }

    /// Whether it leads from elements to keys.
    pub(super) fn finds_keys(&self) -> bool {
        matches!(self, Self::Key { .. })
    }

    /// What `visit` makes of the value that the pattern leads to from `element`; of nothing if the key, the field, or a value of the right
    /// type is missing. A pattern that finds keys needs them.
    pub(super) fn with_value<R>(
        &self,
        keys: Option<&mut Keys>,
        element: &[u8],
        visit: impl FnOnce(Option<&[u8]>) -> R,
    ) -> R {
        match *self {
            Self::Itself => visit(Some(element)),
            Self::Constant => visit(None),
            Self::Key { before, after, field } => {
                let keys = keys.expect("an order that other keys have a part in is made under their locks");
                let key = [before, element, after].concat();
                match field {
                    Some(field) => visit(keys.read::<Hash>(&key).ok().flatten().and_then(|hash| hash.get(field))),
                    None => match keys.read::<Str>(&key) {
                        Ok(Some(text)) => text.with_bytes(|bytes| visit(Some(bytes))),
                        _ => visit(None),
                    },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_star_is_the_element_and_an_arrow_behind_it_names_a_field() {
        let key = |before: &'static str, after: &'static str, field: Option<&'static str>| Pattern::Key {
            before: before.as_bytes(),
            after: after.as_bytes(),
            field: field.map(str::as_bytes),
        };
        assert_eq!(Pattern::new(b"w_*"), key("w_", "", None));
        assert_eq!(Pattern::new(b"*"), key("", "", None));
        assert_eq!(Pattern::new(b"a*b*c"), key("a", "b*c", None));
        assert_eq!(Pattern::new(b"a*b->f"), key("a", "b", Some("f")));
        assert_eq!(Pattern::new(b"a*->f->g"), key("a", "", Some("f->g")));
        assert_eq!(Pattern::new(b"a*->"), key("a", "->", None));
        assert_eq!(Pattern::new(b"x->y*"), key("x->y", "", None));
        assert_eq!(Pattern::new(b"#"), Pattern::Itself);
        assert_eq!(Pattern::new(b"##"), Pattern::Constant);
        assert_eq!(Pattern::new(b""), Pattern::Constant);
    }

    #[test]
    fn what_stands_behind_a_nul_counts_only_as_bytes() {
        assert_eq!(Pattern::new(b"#\0x"), Pattern::Itself);
        assert_eq!(Pattern::new(b"a\0*"), Pattern::Constant);
        assert_eq!(Pattern::new(b"a*\0->f"), Pattern::Key { before: b"a", after: b"\0->f", field: None });
        assert_eq!(Pattern::new(b"a*->\0f"), Pattern::Key { before: b"a", after: b"->\0f", field: None });
        assert_eq!(Pattern::new(b"a*->f\0g"), Pattern::Key { before: b"a", after: b"", field: Some(b"f\0g") });
    }
}
