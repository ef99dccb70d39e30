//! Which form a set has, and what that costs.

use super::*;

#[test]
fn a_set_of_integers_is_in_ascending_order_and_as_wide_as_its_widest() {
    let mut set = built(["5", "-3", "100"], &Limits::DEFAULT);
    assert_eq!((set.encoding(), members(&set)), ("intset", vec![b"-3".to_vec(), b"5".to_vec(), b"100".to_vec()]));
    let narrow = set.allocated_bytes();
    for (member, place) in [("32768", 3), ("-32769", 0), ("2147483648", 5), ("-2147483649", 0)] {
        assert!(set.insert(member.as_bytes(), &Limits::DEFAULT));
        assert_eq!(members(&set)[place], member.as_bytes());
    }
    assert!(set.insert(&b"9223372036854775807"[..], &Limits::DEFAULT));
    assert!(set.insert(&b"-9223372036854775808"[..], &Limits::DEFAULT));
    assert!(!set.insert(&b"-9223372036854775808"[..], &Limits::DEFAULT));
    assert_eq!((set.len(), set.encoding()), (9, "intset"));
    assert_eq!(members(&set)[0], b"-9223372036854775808");
    assert_eq!(members(&set)[8], b"9223372036854775807");
    assert!(set.allocated_bytes() > narrow);
}

#[test]
fn what_only_looks_like_an_integer_is_a_member_of_its_own() {
    let odd = ["1", "01", "+1", " 1", "1 ", "-0", "0", "1.0", "9223372036854775808", "-9223372036854775809"];
    for limits in ALL_LIMITS {
        let set = built(odd, &limits);
        assert_eq!(set.len(), odd.len());
        assert_eq!(naive(&set), odd.iter().map(|member| member.as_bytes().to_vec()).collect());
    }
    let mut set = built(["1", "2"], &Limits::DEFAULT);
    assert!(!set.contains(&b"01"[..]) && !set.remove(&b"+1"[..]));
    assert_eq!(set.encoding(), "intset");
    assert!(set.insert(&b"01"[..], &Limits::DEFAULT));
    assert_eq!((set.encoding(), set.len()), ("listpack", 3));
}

#[test]
fn a_set_takes_the_next_form_with_the_first_member_beyond_a_limit_and_never_goes_back() {
    let mut set = built((0..512).map(|number: i32| number.to_string()), &Limits::DEFAULT);
    assert!(!set.insert(&b"511"[..], &Limits::DEFAULT), "what is there needs no room");
    assert_eq!(set.encoding(), "intset");
    assert!(set.insert(&b"512"[..], &Limits::DEFAULT));
    assert_eq!((set.encoding(), set.len()), ("hashtable", 513));
    for number in 0..512 {
        assert!(set.remove(number.to_string().as_bytes()));
    }
    assert_eq!((set.encoding(), set.len()), ("hashtable", 1));

    let mut set = numbered(128, &Limits::DEFAULT);
    assert_eq!(set.encoding(), "listpack");
    assert!(set.insert(&b"one more"[..], &Limits::DEFAULT));
    assert_eq!((set.encoding(), set.len()), ("hashtable", 129));

    let mut set = built(["1", "2"], &Limits::DEFAULT);
    assert!(set.insert([b'x'; 64].as_slice(), &Limits::DEFAULT));
    assert_eq!(set.encoding(), "listpack");
    assert!(set.insert([b'x'; 65].as_slice(), &Limits::DEFAULT));
    assert_eq!((set.encoding(), set.len()), ("hashtable", 4));

    let mut set = built((0..129).map(|number: i32| number.to_string()), &Limits::DEFAULT);
    assert!(set.insert(&b"no integer"[..], &Limits::DEFAULT));
    assert_eq!(set.encoding(), "hashtable", "130 are too many for the packed form");
}

#[test]
fn integers_whose_text_is_too_long_do_not_become_packed() {
    let limits = Limits { value_bytes: 5, ..Limits::DEFAULT };
    for (integer, encoding) in [("12345", "listpack"), ("-12345", "hashtable"), ("123456", "hashtable")] {
        let set = built([integer, "7", "x"], &limits);
        assert_eq!((set.encoding(), set.len()), (encoding, 3));
    }
}

#[test]
fn a_small_set_is_one_block_and_gives_memory_back() {
    assert_eq!(Set::new().allocated_bytes(), 0);
    assert!(built(["1", "2", "3"], &Limits::DEFAULT).allocated_bytes() <= 16);
    assert!(built(["a", "b"], &Limits::DEFAULT).allocated_bytes() <= 16);
    for mut set in [numbered(100, &Limits::DEFAULT), built((0..500).map(|n: i32| n.to_string()), &Limits::DEFAULT)] {
        let full = set.allocated_bytes();
        let members = members(&set);
        let (most, last) = members.split_at(members.len() - 9);
        assert!(most.iter().all(|member| set.remove(member.as_slice())));
        assert!(set.allocated_bytes() < full / 3, "{} of {full}", set.allocated_bytes());
        assert!(last.iter().all(|member| set.remove(member.as_slice())));
        assert_eq!((set.len(), set.allocated_bytes()), (0, 0));
        assert!(set.insert(&b"again"[..], &Limits::DEFAULT));
        assert_eq!(set.len(), 1);
    }
}

#[test]
fn members_too_long_for_a_block_make_the_set_large_whatever_the_limits() {
    let mut set = built([vec![b'x'; packed::VALUE_BYTES_MAX]], &ALWAYS_SMALL);
    assert_eq!(set.encoding(), "listpack");
    let longer = vec![b'x'; packed::VALUE_BYTES_MAX + 1];
    assert!(set.insert(longer.as_slice(), &ALWAYS_SMALL));
    assert_eq!((set.encoding(), set.len()), ("hashtable", 2));
    assert!(set.contains(longer.as_slice()) && set.contains(&longer[1..]));
}

/// A client that walks a large set sees every member once, also if the key gets a small set with the same members, or that one
/// grows again.
#[test]
fn a_scan_gives_every_member_once_across_changes_of_form() {
    let large = numbered(300, &NEVER_SMALL);
    let small = numbered(300, &ALWAYS_SMALL);
    for (first, then) in [(&large, &small), (&large, &large)] {
        for limit in [1, 10, 150, 299] {
            let mut seen = Vec::new();
            let mut visit = |member: Element| seen.push(member.with_bytes(<[u8]>::to_vec));
            let position = first.scan(Position::START, limit, &mut visit).expect("there is more");
            assert_eq!(then.scan(position, 1_000, &mut visit), None);
            seen.sort();
            let all: Vec<_> = naive(&large).into_iter().collect();
            assert_eq!(seen, all);
        }
    }
    assert_eq!(scanned(&small, 1).len(), 300);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever comes and goes between the calls, and whatever form that makes the set take, also an earlier one by being replaced.
    #[test]
    fn what_stays_is_scanned_exactly_once_while_others_come_and_go(
        stays in 1usize..60, steps in vec((0usize..4, 0u16..400, 1usize..40), 1..60), limits in 0..ALL_LIMITS.len(),
    ) {
        let limits = &ALL_LIMITS[limits];
        let mut set = built((0..stays).map(|number| format!("{number}")), limits);
        let mut steps = steps.into_iter().cycle();
        let (mut from, mut seen) = (Some(Position::START), Vec::new());
        while let Some(position) = from {
            let (step, number, many) = steps.next().expect("steps come in a circle");
            from = set.scan(position, many, |member| seen.push(member.with_bytes(<[u8]>::to_vec)));
            let others = (number..number + many as u16).map(|number| format!("other:{number}"));
            match step {
                0 => set = built(set.iter().map(|member| member.with_bytes(<[u8]>::to_vec)), limits),
                1 => others.for_each(|other| { set.remove(other.as_bytes()); }),
                _ => others.for_each(|other| { set.insert(other.as_bytes(), limits); }),
            }
        }
        for number in 0..stays {
            let text = format!("{number}").into_bytes();
            prop_assert_eq!(seen.iter().filter(|member| **member == text).count(), 1);
        }
    }
}

#[test]
fn a_clone_of_a_large_set_shares_what_neither_changes() {
    let mut set = numbered(10_000, &Limits::DEFAULT);
    let clone = set.clone();
    let before = naive(&set);
    for number in (0..10_000).step_by(3) {
        assert!(set.remove(format!("member:{number}").as_bytes()));
    }
    for number in 0..500 {
        assert!(set.insert(format!("new:{number}").as_bytes(), &Limits::DEFAULT));
    }
    assert_eq!(naive(&clone), before);
    assert_eq!(set.len(), 10_000 - 3_334 + 500);
    drop(set);
    assert_eq!(naive(&clone), before);
}
