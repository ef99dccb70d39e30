//! The numbers by which an RDB says what comes next. A byte is either the type of a value, before its key, or an opcode.

/// A version of the format, and whose it is: from 80 on they are Valkey's, which has given some types another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub(super) u32);

impl Version {
    /// The version that is written: every Redis since 7.0 and every Valkey loads it.
    pub const WRITTEN: Self = Self(10);
    /// The newest of Redis' versions that is read.
    pub(super) const NEWEST: u32 = 12;
    /// The version of Valkey that is read.
    pub(super) const VALKEY: u32 = 80;
    /// From this on a file ends with a checksum.
    pub(super) const SUMMED: u32 = 5;

    /// The version of this number, if it is one of those that are read.
    pub(super) fn known(number: u32) -> Option<Self> {
        matches!(number, 1..=Self::NEWEST | Self::VALKEY).then_some(Self(number))
    }

    /// The number.
    pub fn number(self) -> u32 {
        self.0
    }

    /// Whether it is one of Valkey's.
    pub fn is_valkey(self) -> bool {
        self.0 >= Self::VALKEY
    }
}

macro_rules! codes {
    ($($name:ident = $code:literal;)*) => {
        $(pub(in crate::persist::rdb) const $name: u8 = $code;)*
    };
}

/// What stands before a key: the type and the encoding of its value.
pub(super) mod kind {
    codes! {
        STRING = 0;
        LIST = 1;
        SET = 2;
        ZSET = 3;
        HASH = 4;
        ZSET_2 = 5;
        MODULE_PRE_GA = 6;
        MODULE_2 = 7;
        HASH_ZIPMAP = 9;
        LIST_ZIPLIST = 10;
        SET_INTSET = 11;
        ZSET_ZIPLIST = 12;
        HASH_ZIPLIST = 13;
        LIST_QUICKLIST = 14;
        STREAM_LISTPACKS = 15;
        HASH_LISTPACK = 16;
        ZSET_LISTPACK = 17;
        LIST_QUICKLIST_2 = 18;
        STREAM_LISTPACKS_2 = 19;
        SET_LISTPACK = 20;
        STREAM_LISTPACKS_3 = 21;
        // Redis 7.4 before its release; in Valkey 9 a hash whose fields may have deadlines.
        HASH_METADATA_PRE_GA = 22;
        HASH_LISTPACK_EX_PRE_GA = 23;
        HASH_METADATA = 24;
        HASH_LISTPACK_EX = 25;
    }
    pub(in crate::persist::rdb) const VALKEY_HASH_2: u8 = HASH_METADATA_PRE_GA;
}

/// What stands between entries.
pub(super) mod opcode {
    codes! {
        SLOT_IMPORT = 243;
        SLOT_INFO = 244;
        FUNCTION_2 = 245;
        FUNCTION_PRE_GA = 246;
        MODULE_AUX = 247;
        IDLE = 248;
        FREQ = 249;
        AUX = 250;
        RESIZE_DB = 251;
        EXPIRE_TIME_MS = 252;
        EXPIRE_TIME = 253;
        SELECT_DB = 254;
        EOF = 255;
    }
}

/// How the nodes of the newer quicklists are kept.
pub(super) mod container {
    codes! {
        PLAIN = 1;
        PACKED = 2;
    }
}
