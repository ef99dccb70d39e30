//! Classes of keyspace events, and the letters by which `notify-keyspace-events` chooses among them.

use std::fmt;

/// A set of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Classes(u32);

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $bit:expr, $letter:expr;)*) => {
        impl Classes {
            $($(#[$doc])* pub const $name: Classes = Classes(1 << $bit);)*
            /// Each class with its letter, in the order in which Redis prints them.
            const LETTERS: &'static [(Classes, char)] = &[$((Classes::$name, $letter)),*];
        }
    };
}

classes! {
    /// Commands on keys of any type.
    GENERIC = 0, 'g';
    /// Strings.
    STRING = 1, '$';
    /// Lists.
    LIST = 2, 'l';
    /// Sets.
    SET = 3, 's';
    /// Hashes.
    HASH = 4, 'h';
    /// Sorted sets.
    SORTED_SET = 5, 'z';
    /// A key's time came.
    EXPIRED = 6, 'x';
    /// A key went because memory was short.
    EVICTED = 7, 'e';
    /// Streams.
    STREAM = 8, 't';
    /// Modules, which this server has none of.
    MODULE = 9, 'd';
    /// A key that was not there is.
    NEW = 10, 'n';
    /// Published to `__keyspace@<db>__:<key>`, with the event as the message.
    KEYSPACE = 11, 'K';
    /// Published to `__keyevent@<db>__:<event>`, with the key as the message.
    KEYEVENT = 12, 'E';
    /// A key that was read was not there.
    MISSED = 13, 'm';
}

/// What the letter `A` stands for: every class but [`Classes::NEW`], [`Classes::MISSED`], and the two ways to publish.
const ALL: u32 = (1 << 10) - 1;

impl Classes {
    /// No class.
    pub const NONE: Self = Self(0);

    /// The classes of these letters; `None` if one is unknown.
    pub fn parse(letters: &str) -> Option<Self> {
        letters.chars().try_fold(Self::NONE, |sum, letter| match letter {
            'A' => Some(Self(sum.0 | ALL)),
            _ => Self::LETTERS.iter().find(|(_, known)| *known == letter).map(|(class, _)| sum.or(*class)),
        })
    }

    /// The classes of both.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any class of `other` is here.
    #[inline]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// As a number.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Back from [`Classes::bits`].
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Whether anything is published for these classes: a kind of event is chosen, and a way.
    #[inline]
    pub const fn publishes(self) -> bool {
        self.any(Self::KEYSPACE.or(Self::KEYEVENT)) && self.0 & !Self::KEYSPACE.or(Self::KEYEVENT).0 != 0
    }
}

/// As Redis prints them, `A` instead of the letters that it stands for; but where Redis then leaves out `n` too, it stays: what is printed can be
/// read again.
impl fmt::Display for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0 & ALL == ALL;
        if all {
            f.write_str("A")?;
        }
        let abbreviated = if all { ALL } else { 0 };
        let letters = Self::LETTERS.iter().filter(|(class, _)| self.any(*class) && class.0 & abbreviated == 0);
        letters.map(|(_, letter)| *letter).try_for_each(|letter| write!(f, "{letter}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Classes;

    /// Recorded from redis-server 7.0.15.
    #[test]
    fn classes_print_as_redis_prints_them() {
        let told = [("AKE", "AKE"), ("KEA", "AKE"), ("gKnE", "gnKE"), ("K$l", "$lK"), ("", "")];
        for (given, printed) in told {
            assert_eq!(Classes::parse(given).map(|classes| classes.to_string()).as_deref(), Some(printed), "{given}");
        }
        let spelled_out = Classes::parse("Egxlshzet$dmn").map(|classes| classes.to_string());
        assert_eq!(spelled_out.as_deref(), Some("AnEm"), "Redis leaves out the n");
        assert_eq!(Classes::parse("q"), None);
    }

    #[test]
    fn nothing_is_published_without_both_a_class_and_a_way() {
        for (letters, publishes) in [("", false), ("g", false), ("K", false), ("KE", false), ("gK", true), ("mE", true)]
        {
            assert_eq!(Classes::parse(letters).map(Classes::publishes), Some(publishes), "{letters}");
        }
    }
}
