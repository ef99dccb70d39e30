//! The order of a SORT: by number or by text, of the elements or of what a pattern finds for them.
//!
//! Equal weights: by number, the elements themselves decide; by text, they stay in the order in which they came. (Redis then leaves them in any.)

use super::Source;
use super::options::Options;
use super::pattern::Pattern;
use crate::base::num;
use crate::command::Keys;
use crate::data::list::Element;
use std::cmp::Ordering;
use std::ops::Range;

/// The elements at `range` of the order that was asked for; `None` if it is by numbers and something is none. An order that patterns lead to
/// other keys for needs `keys`.
pub(super) fn ordered<'s>(
    mut keys: Option<&mut Keys>,
    source: &'s Source,
    options: &Options<'_>,
    range: Range<usize>,
) -> Option<Vec<Element<'s>>> {
    if options.unsorted {
        return Some(source.stretch(range, options.desc));
    }
    let elements = source.stretch(0..source.len(), false);
    let compare_text = if options.store.is_some() { by_bytes } else { by_collation };
    let elements = match (options.alpha, options.by) {
        (false, by) => {
            let weights: Option<Vec<f64>> =
                elements.iter().map(|element| number(keys.as_deref_mut(), *element, by)).collect();
            sorted(weights?.into_iter().zip(elements), options.desc, |(one, element), (two, other)| {
                let by_number = one.partial_cmp(two).expect("no weight is NaN");
                by_number.then_with(|| by_bytes(&element.text(), &other.text()))
            })
        }
        (true, Some(by)) => {
            let weights: Vec<Option<Box<[u8]>>> = elements
                .iter()
                .map(|element| by.with_value(keys.as_deref_mut(), &element.text(), |value| value.map(Box::from)))
                .collect();
            sorted(weights.into_iter().zip(elements), options.desc, |(one, _), (two, _)| match (one, two) {
                (Some(one), Some(two)) => compare_text(one, two),
                // Nothing comes before everything.
                _ => one.is_some().cmp(&two.is_some()),
            })
        }
        (true, None) => {
            sorted(elements.into_iter().map(|element| ((), element)), options.desc, |(_, one), (_, two)| {
                compare_text(&one.text(), &two.text())
            })
        }
    };
    Some(elements.into_iter().skip(range.start).take(range.len()).collect())
}

fn sorted<'s, W>(
    weighed: impl Iterator<Item = (W, Element<'s>)>,
    desc: bool,
    compare: impl Fn(&(W, Element<'s>), &(W, Element<'s>)) -> Ordering,
) -> Vec<Element<'s>> {
    let mut weighed: Vec<(W, Element<'s>)> = weighed.collect();
    weighed.sort_by(|one, two| if desc { compare(two, one) } else { compare(one, two) });
    weighed.into_iter().map(|(_, element)| element).collect()
}

/// The weight of an element; 0 where the pattern finds nothing.
fn number(keys: Option<&mut Keys>, element: Element<'_>, by: Option<Pattern<'_>>) -> Option<f64> {
    match (by, element) {
        (None, Element::Integer(value)) => Some(value as f64),
        (None, Element::Text(text)) => weight(text),
        (Some(by), element) => by.with_value(keys, &element.text(), |value| value.map_or(Some(0.0), weight)),
    }
}

/// A text as a number, as C's `strtod` reads it: spaces may lead, nothing at all is 0, a NUL ends it. What is too large or too near zero is
/// refused, subnormals included.
fn weight(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or(text);
    if text.is_empty() {
        return Some(0.0);
    }
    // C's isspace in the C locale.
    let spaces = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    num::parse_f64(&text[spaces..]).filter(|value| !value.is_subnormal())
}

fn by_bytes(one: &[u8], two: &[u8]) -> Ordering {
    one.cmp(two)
}

/// As C's `strcoll` in the locale C: a NUL ends a text.
fn by_collation(one: &[u8], two: &[u8]) -> Ordering {
    let until_nul = |text: &[u8]| text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    one[..until_nul(one)].cmp(&two[..until_nul(two)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_read_as_c_reads_a_double() {
        for (text, value) in
            [("", 0.0), ("1", 1.0), (" \t\n1.5", 1.5), ("0x10", 16.0), ("-inf", f64::NEG_INFINITY), ("1\0x", 1.0)]
        {
            assert_eq!(weight(text.as_bytes()), Some(value), "{text:?}");
        }
        for text in ["a", "1 ", "  ", "1a", "nan", "1e400", "1e-400", "1e-310", "--1"] {
            assert_eq!(weight(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn collation_ends_at_a_nul_and_knows_no_language() {
        assert_eq!(by_collation(b"a\0b", b"a\0c"), Ordering::Equal);
        assert_eq!(by_collation(b"B", b"a"), Ordering::Less);
        assert_eq!(by_collation(b"\xc3\xa9", b"z"), Ordering::Greater);
    }
}
