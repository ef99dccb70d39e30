//! The settings that are one of a few words.

use super::cells::{Typed, Value, Word};

/// Declares an enum whose variants are spelled as in the settings. The index of a variant is its place in `NAMES`.
macro_rules! choices {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        impl $name {
            /// All of them, in that order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// The words, in the order of the variants.
            pub const NAMES: &'static [&'static str] = &[$($text),*];

            /// The word.
            pub const fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }
        }

        impl Typed for $name {
            fn from_value(value: Value) -> Self {
                let Value::Choice(index) = value else { unreachable!("an enum field is for a setting of choices") };
                Self::ALL[index]
            }
            fn to_value(&self) -> Value {
                Value::Choice(*self as usize)
            }
        }

        impl Word for $name {
            #[inline]
            fn to_word(self) -> u64 {
                self as u64
            }
            #[inline]
            fn from_word(word: u64) -> Self {
                Self::ALL[word as usize]
            }
        }
    };
}

choices! {
    /// How much is logged: each level includes those after it.
    LogLevel {
        /// Each command.
        Debug = "debug",
        /// Each connection.
        Verbose = "verbose",
        /// Changes of state.
        Notice = "notice",
        /// What is unexpected or lost.
        Warning = "warning",
    }
}

choices! {
    /// The form of a log line.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

choices! {
    /// Who may use DEBUG.
    DebugCommand {
        /// Nobody.
        No = "no",
        /// Connections from this machine.
        Local = "local",
        /// Everybody who may use commands of its category.
        Yes = "yes",
    }
}

choices! {
    /// What goes when memory is short. The order is that of Redis' error text.
    EvictionPolicy {
        /// Among keys with a TTL, what was not used for longest.
        VolatileLru = "volatile-lru",
        /// Among keys with a TTL, what is used least often.
        VolatileLfu = "volatile-lfu",
        /// Any key with a TTL.
        VolatileRandom = "volatile-random",
        /// The key whose time comes first.
        VolatileTtl = "volatile-ttl",
        /// What was not used for longest.
        AllkeysLru = "allkeys-lru",
        /// What is used least often.
        AllkeysLfu = "allkeys-lfu",
        /// Any key.
        AllkeysRandom = "allkeys-random",
        /// Among keys with a TTL, what was not asked for again, by queues.
        VolatileS3fifo = "volatile-s3fifo",
        /// What was not asked for again, by queues.
        AllkeysS3fifo = "allkeys-s3fifo",
        /// Nothing: writes fail.
        NoEviction = "noeviction",
    }
}

choices! {
    /// When the log of effects is synced to the disk.
    FsyncPolicy {
        /// Every second.
        EverySecond = "everysec",
        /// Before every reply that tells of a change.
        Always = "always",
        /// When the operating system wants to.
        No = "no",
    }
}
