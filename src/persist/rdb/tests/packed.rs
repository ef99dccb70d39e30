//! Packed blocks that contradict themselves are refused, with the place.

use super::old::{intset, listpack_of, string, zip_text, ziplist, ziplist_of, zipmap};
use super::{loaded, refused};
use crate::persist::rdb::codes::kind;

/// A block with some bytes changed.
fn with(block: &[u8], changes: &[(usize, u8)]) -> Vec<u8> {
    let mut block = block.to_vec();
    for (at, byte) in changes {
        block[*at] = *byte;
    }
    string(&block)
}

#[test]
fn listpacks() {
    let block = listpack_of(&["abc", "1"]);
    // Six bytes of head, 83 'a' 'b' 'c' 04, 01 01, FF.
    assert_eq!(block[6..], [0x83, b'a', b'b', b'c', 4, 1, 1, 0xFF]);
    let kind = kind::SET_LISTPACK;
    loaded(kind, &with(&block, &[]), 11);
    loaded(kind, &with(&block, &[(4, 0xFF), (5, 0xFF)]), 11);
    for (changes, offset, what) in [
        (&[(0, 15)][..], 2, "a listpack of another length than it says"),
        (&[(4, 3)], 6, "a listpack with another number of entries than it says"),
        (&[(6, 0xFF)], 8, "a listpack that ends before its end"),
        (&[(6, 0xF5)], 8, "a listpack's entry of an unknown form"),
        (&[(10, 5)], 12, "a listpack's entry with a wrong backward length"),
        (&[(10, 0x84)], 12, "a listpack's entry with a wrong backward length"),
        (&[(6, 0xBF)], 16, "a packed block ends in the middle of an entry"),
        (&[(13, 1)], 16, "a packed block ends in the middle of an entry"),
    ] {
        assert_eq!(refused(kind, &with(&block, changes), 11), (offset, what.into()), "{changes:?}");
    }
    assert_eq!(refused(kind, &string(&[5, 0, 0, 0, 0]), 11).1, "a packed block ends in the middle of an entry");
}

#[test]
fn ziplists() {
    let block = ziplist_of(&["abc", "1"]);
    // Ten bytes of head, 00 03 'a' 'b' 'c', 05 F2, FF.
    assert_eq!(block[10..], [0, 3, b'a', b'b', b'c', 5, 0xF2, 0xFF]);
    let kind = kind::LIST_ZIPLIST;
    loaded(kind, &with(&block, &[(8, 0xFF), (9, 0xFF)]), 9);
    for (changes, offset, what) in [
        (&[(0, 19)][..], 2, "a ziplist of another length than it says"),
        (&[(4, 10)], 6, "a ziplist whose last entry is not where it says"),
        (&[(8, 1)], 10, "a ziplist with another number of entries than it says"),
        (&[(10, 1)], 12, "a ziplist's entry with a wrong length of the one before"),
        (&[(15, 4)], 17, "a ziplist's entry with a wrong length of the one before"),
        (&[(16, 0xFF)], 18, "a ziplist's entry of an unknown form"),
        (&[(11, 0x3F)], 20, "a packed block ends in the middle of an entry"),
        (&[(10, 0xFF)], 12, "a ziplist that ends before its end"),
    ] {
        assert_eq!(refused(kind, &with(&block, changes), 9), (offset, what.into()), "{changes:?}");
    }
    let many: Vec<Vec<u8>> = vec![zip_text(b"x"); 70_000];
    loaded(kind, &string(&ziplist(&many)), 9);
}

#[test]
fn zipmaps_and_intsets() {
    let block = zipmap(&[("f", "1")], 1);
    assert_eq!(block, [1, 1, b'f', 1, 1, b'1', b'?', 0xFF]);
    loaded(kind::HASH_ZIPMAP, &with(&block, &[(0, 254)]), 2);
    for (changes, what) in [
        (&[(0, 2)][..], "a zipmap with another number of fields than it says"),
        (&[(1, 0xFF)], "a zipmap that ends before its end"),
        (&[(3, 0xFF)], "a zipmap that ends in the middle of a pair"),
        (&[(4, 9)], "a packed block ends in the middle of an entry"),
    ] {
        assert_eq!(refused(kind::HASH_ZIPMAP, &with(&block, changes), 2).1, what, "{changes:?}");
    }
    assert_eq!(
        refused(kind::HASH_ZIPMAP, &string(&zipmap(&[("f", "1"), ("f", "2")], 0)), 2).1,
        "a hash that has a field twice"
    );
    assert_eq!(refused(kind::HASH_ZIPMAP, &string(&zipmap(&[], 0)), 2).1, "a collection without elements");
    for (width, values) in [(2, &[1i64, 1][..]), (2, &[2, 1]), (4, &[-1, -70_000])] {
        assert_eq!(refused(kind::SET_INTSET, &string(&intset(width, values)), 2).1, "an intset that does not ascend");
    }
    assert_eq!(refused(kind::SET_INTSET, &string(&intset(3, &[1])), 2), (2, "an intset of an unknown width".into()));
    assert!(refused(kind::SET_INTSET, &string(&intset(2, &[])), 2).1.contains("another number"));
    assert!(refused(kind::SET_INTSET, &with(&intset(2, &[1, 2]), &[(4, 3)]), 2).1.contains("another number"));
}
