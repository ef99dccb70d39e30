//! Every type in every encoding, of every age.

use super::old::{intset, length, listpack_of, string, ziplist_of, zipmap};
use super::{hash, list, loaded, refused, set, zset};
use crate::persist::rdb::codes::kind;
use crate::persist::rdb::tests::Content;

const LONG: &str = "a text of some length that is longer than the sixty-three bytes of a short one in a ziplist";

/// A count and strings.
fn plain(count: usize, texts: &[&str]) -> Vec<u8> {
    let strings = texts.iter().flat_map(|text| string(text.as_bytes()));
    length(count).into_iter().chain(strings).collect()
}

#[test]
fn strings_in_all_their_encodings() {
    for (body, text) in [
        (&[3, b'a', b'b', b'c'][..], "abc"),
        (&[0x40, 3, b'a', b'b', b'c'], "abc"),
        (&[0x80, 0, 0, 0, 3, b'a', b'b', b'c'], "abc"),
        (&[0x81, 0, 0, 0, 0, 0, 0, 0, 3, b'a', b'b', b'c'], "abc"),
        (&[0], ""),
        (&[0xC0, 0xFF], "-1"),
        (&[0xC1, 0, 0x80], "-32768"),
        (&[0xC2, 0xFF, 0xFF, 0xFF, 0x7F], "2147483647"),
        (&[0xC3, 5, 12, 0, b'a', 0xE0, 2, 0], "aaaaaaaaaaaa"),
    ] {
        assert_eq!(loaded(kind::STRING, body, 9), Content::Str(text.into()), "{body:?}");
    }
    assert_eq!(refused(kind::STRING, &[0xC4, 0], 9), (1, "a string in an unknown encoding".into()));
    assert_eq!(refused(kind::STRING, &[0x82, 0], 9), (1, "a length of an unknown form".into()));
    assert_eq!(refused(kind::STRING, &[0x81, 0, 0, 0, 0, 0x40, 0, 0, 0], 9).1, "a string of more than 512 MiB");
    assert_eq!(
        refused(kind::STRING, &[0x80, 0x1F, 0xFF, 0xFF, 0xFF, 1], 9),
        (7, "it ends at byte 7, in the middle of something".into())
    );
    assert_eq!(refused(kind::STRING, &[0xC3, 1, 0x80, 0x10, 0, 0, 0, 9], 9).0, 1);
}

#[test]
fn collections_one_by_one() {
    assert_eq!(loaded(kind::LIST, &plain(3, &["b", "a", "b"]), 2), list(&["b", "a", "b"]));
    assert_eq!(loaded(kind::SET, &plain(2, &["b", "7"]), 2), set(&["b", "7"]));
    assert_eq!(loaded(kind::HASH, &plain(2, &["f", "1", "g", LONG]), 2), hash(&[("f", "1"), ("g", LONG)]));
    assert_eq!(refused(kind::SET, &plain(3, &["b", "a", "b"]), 2), (6, "a set that has a member twice".into()));
    assert_eq!(refused(kind::SET, &plain(2, &["7", "7"]), 2).1, "a set that has a member twice");
    assert_eq!(refused(kind::HASH, &plain(2, &["f", "1", "f", "2"]), 2), (6, "a hash that has a field twice".into()));
    for kind in
        [kind::LIST, kind::SET, kind::HASH, kind::ZSET, kind::ZSET_2, kind::LIST_QUICKLIST, kind::LIST_QUICKLIST_2]
    {
        assert_eq!(refused(kind, &[0], 9), (1, "a collection without elements".into()));
        assert!(
            refused(kind, &[0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], 9).1.contains("in the middle")
        );
    }
}

#[test]
fn sorted_sets_with_scores_as_text_and_as_doubles() {
    let texts = [
        &[4][..],
        &string(b"a"),
        &[3],
        b"1.5",
        &string(b"b"),
        &[255],
        &string(b"c"),
        &[254],
        &string(b"d"),
        &[2],
        b"-0",
    ];
    let expected = zset(&[("b", f64::NEG_INFINITY), ("d", 0.0), ("a", 1.5), ("c", f64::INFINITY)]);
    assert_eq!(loaded(kind::ZSET, &texts.concat(), 2), expected);
    assert_eq!(refused(kind::ZSET, &[1, 1, b'a', 253], 2), (4, "a score that is no number".into()));
    assert_eq!(refused(kind::ZSET, &[1, 1, b'a', 1, b'x'], 2), (4, "a score that is no number".into()));
    let double = |member: &str, score: f64| [string(member.as_bytes()), score.to_le_bytes().to_vec()].concat();
    let doubles =
        [vec![4], double("c", f64::INFINITY), double("a", 1.5), double("d", -0.0), double("b", f64::NEG_INFINITY)];
    assert_eq!(loaded(kind::ZSET_2, &doubles.concat(), 8), expected);
    assert_eq!(
        refused(kind::ZSET_2, &[vec![1], double("a", f64::NAN)].concat(), 8),
        (4, "a score that is no number".into())
    );
    for scores in [[1.0, 1.0], [1.0, 2.0], [2.0, 1.0]] {
        let twice = [vec![2], double("a", scores[0]), double("a", scores[1])].concat();
        assert_eq!(refused(kind::ZSET_2, &twice, 8).1, "a sorted set that has a member twice");
    }
}

#[test]
fn a_large_sorted_set_that_has_a_member_twice_is_refused() {
    let member =
        |index: usize| [string(format!("member {index}").as_bytes()), (index as f64).to_le_bytes().to_vec()].concat();
    let mut members: Vec<Vec<u8>> = (0..1000).map(member).collect();
    members[999] = [string(b"member 3"), 2000f64.to_le_bytes().to_vec()].concat();
    assert_eq!(
        refused(kind::ZSET_2, &[length(1000), members.concat()].concat(), 8).1,
        "a sorted set that has a member twice"
    );
}

#[test]
fn a_hash_of_any_length_that_has_a_field_twice_is_refused() {
    for len in [2, 16, 17, 18, 100, 511, 512, 513, 600] {
        for twice in [0, len / 3, len - 2] {
            let mut texts: Vec<String> = (0..2 * len).map(|index| format!("text {index}")).collect();
            let texts_of = |texts: &[String]| plain(len, &texts.iter().map(String::as_str).collect::<Vec<_>>());
            loaded(kind::HASH, &texts_of(&texts), 9);
            texts[2 * len - 2] = texts[2 * twice].clone();
            assert_eq!(refused(kind::HASH, &texts_of(&texts), 9).1, "a hash that has a field twice", "{len}, {twice}");
        }
    }
}

#[test]
fn blocks_of_older_servers() {
    let pairs = [("f", "1"), ("g", LONG), ("", "")];
    for unused in [0, 3] {
        assert_eq!(loaded(kind::HASH_ZIPMAP, &string(&zipmap(&pairs, unused)), 2), hash(&pairs));
    }
    let long = "x".repeat(300);
    assert_eq!(loaded(kind::HASH_ZIPMAP, &string(&zipmap(&[(&long, &long)], 0)), 2), hash(&[(&long, &long)]));
    let texts = [
        "-1",
        "0",
        "12",
        "13",
        "127",
        "-128",
        "300",
        "-70000",
        "20000000",
        "3000000000",
        "-9223372036854775808",
        LONG,
        "",
        "007",
        &long,
        "end",
    ];
    assert_eq!(loaded(kind::LIST_ZIPLIST, &string(&ziplist_of(&texts)), 2), list(&texts));
    let huge = "y".repeat(20_000);
    assert_eq!(loaded(kind::LIST_ZIPLIST, &string(&ziplist_of(&[&huge, "z"])), 2), list(&[&huge, "z"]));
    assert_eq!(
        loaded(kind::HASH_ZIPLIST, &string(&ziplist_of(&["f", "1", "g", "x"])), 4),
        hash(&[("f", "1"), ("g", "x")])
    );
    let scored = zset(&[("b", -2.5), ("a", 1.0), ("c", f64::INFINITY)]);
    assert_eq!(loaded(kind::ZSET_ZIPLIST, &string(&ziplist_of(&["a", "1", "b", "-2.5", "c", "inf"])), 4), scored);
    for (width, values) in [(2, &[-5i64, 0, 7][..]), (4, &[-70_000, 3]), (8, &[i64::MIN, 0, i64::MAX])] {
        let texts: Vec<String> = values.iter().map(i64::to_string).collect();
        let members: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(loaded(kind::SET_INTSET, &string(&intset(width, values)), 2), set(&members));
    }
}

#[test]
fn blocks_of_newer_servers() {
    let texts = ["-1", "0", "127", "128", "-4097", "70000", "-20000000", "3000000000", LONG, "", "007"];
    assert_eq!(loaded(kind::SET_LISTPACK, &string(&listpack_of(&texts)), 11), set(&texts));
    assert_eq!(
        loaded(kind::HASH_LISTPACK, &string(&listpack_of(&["f", "1", "g", "x"])), 10),
        hash(&[("f", "1"), ("g", "x")])
    );
    let scored = zset(&[("b", -2.5), ("a", 1.0)]);
    assert_eq!(loaded(kind::ZSET_LISTPACK, &string(&listpack_of(&["a", "1", "b", "-2.5"])), 10), scored);
    assert_eq!(refused(kind::ZSET_LISTPACK, &string(&listpack_of(&["a", "nan"])), 10).1, "a score that is no number");
    assert_eq!(refused(kind::ZSET_LISTPACK, &string(&listpack_of(&["a"])), 10).1, "a packed block with half a pair");
    assert_eq!(refused(kind::SET_LISTPACK, &string(&listpack_of(&["a", "a"])), 11).1, "a set that has a member twice");
    assert_eq!(
        refused(kind::HASH_LISTPACK, &string(&listpack_of(&[])), 10),
        (1, "a collection without elements".into())
    );
}

#[test]
fn quicklists_of_either_age() {
    let old =
        [length(3), string(&ziplist_of(&["a", "1"])), string(&ziplist_of(&[])), string(&ziplist_of(&["b"]))].concat();
    assert_eq!(loaded(kind::LIST_QUICKLIST, &old, 7), list(&["a", "1", "b"]));
    let new =
        [&[3, 2][..], &string(&listpack_of(&["a", "1"])), &[1], &string(b"plain"), &[2], &string(&listpack_of(&["b"]))]
            .concat();
    assert_eq!(loaded(kind::LIST_QUICKLIST_2, &new, 10), list(&["a", "1", "plain", "b"]));
    assert_eq!(refused(kind::LIST_QUICKLIST_2, &[1, 3, 1, b'a'], 10), (2, "a list's node of an unknown form".into()));
    assert_eq!(
        refused(kind::LIST_QUICKLIST, &[length(1), string(&ziplist_of(&[]))].concat(), 7).1,
        "a collection without elements"
    );
}

#[test]
fn fields_with_deadlines_are_refused_and_fields_without_are_not() {
    let expected = hash(&[("f", "1"), ("g", "2")]);
    let deadline = 1_900_000_000_000i64.to_le_bytes();
    let redis =
        |ttl: u8| [&deadline[..], &[2, 0], &string(b"f"), &string(b"1"), &[ttl], &string(b"g"), &string(b"2")].concat();
    assert_eq!(loaded(kind::HASH_METADATA, &redis(0), 12), expected);
    assert!(refused(kind::HASH_METADATA, &redis(1), 12).1.contains("deadlines of their own"));
    let packed = |ttl: &str| [&deadline[..], &string(&listpack_of(&["f", "1", "0", "g", "2", ttl]))].concat();
    assert_eq!(loaded(kind::HASH_LISTPACK_EX, &packed("0"), 12), expected);
    assert!(refused(kind::HASH_LISTPACK_EX, &packed("1900000000000"), 12).1.contains("deadlines of their own"));
    let valkey = |ttl: i64| {
        [
            &[2][..],
            &string(b"f"),
            &string(b"1"),
            &(-1i64).to_le_bytes(),
            &string(b"g"),
            &string(b"2"),
            &ttl.to_le_bytes(),
        ]
        .concat()
    };
    assert_eq!(loaded(kind::VALKEY_HASH_2, &valkey(-1), 80), expected);
    assert!(refused(kind::VALKEY_HASH_2, &valkey(1_900_000_000_000), 80).1.contains("deadlines of their own"));
    assert!(refused(kind::VALKEY_HASH_2, &valkey(-1), 12).1.contains("before its release"));
    assert!(refused(kind::HASH_LISTPACK_EX_PRE_GA, &[0], 12).1.contains("before its release"));
}

#[test]
fn what_has_no_place_here_is_named() {
    let id = [0x81, 0x86, 0x59, 0x65, 0xD2, 0x78, 0xA9, 0xA0, 0x01];
    assert!(refused(kind::MODULE_2, &id, 10).1.starts_with("a value of the module type "));
    assert!(refused(kind::MODULE_PRE_GA, &id, 10).1.contains("module"));
    for kind in [8, 26, 100, 250, 255] {
        assert_eq!(refused(kind, &[0; 8], 10), (0, "no type of a value".into()));
    }
}
