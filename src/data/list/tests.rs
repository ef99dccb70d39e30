//! A list against a `VecDeque`, in each of its forms, with clones taken at any time.

use super::check::check;
use super::naive::Naive;
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Push(End, Vec<u8>),
    PushMany(End, usize),
    Pop(End, usize),
    Insert(usize, Vec<u8>),
    InsertMany(usize, usize),
    Set(usize, Vec<u8>),
    Remove(usize, usize),
    Keep(usize, usize),
    RemoveEqual(Vec<u8>, usize, End),
    Clone,
    Swap,
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Left), Just(End::Right)]
}

/// Few values, so that some are equal; of every kind of entry; now and then one that is longer than a chunk.
fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (0u8..20).prop_map(|value| value.to_string().into_bytes()),
        4 => any::<i64>().prop_map(|value| (value >> (value & 63)).to_string().into_bytes()),
        6 => vec(prop_oneof![Just(b'a'), Just(b'-'), Just(b'0')], 0..4),
        4 => (0usize..200).prop_map(|len| vec![b'm'; len]),
        1 => (3000usize..5000).prop_map(|len| vec![b'l'; len]),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let at = || any::<usize>();
    let few = || prop_oneof![4 => 0usize..5, 2 => 0usize..300, 1 => Just(usize::MAX)];
    vec(
        prop_oneof![
            8 => (end(), element()).prop_map(|(end, element)| Step::Push(end, element)),
            3 => (end(), 0usize..600).prop_map(|(end, count)| Step::PushMany(end, count)),
            6 => (end(), few()).prop_map(|(end, count)| Step::Pop(end, count)),
            8 => (at(), element()).prop_map(|(at, element)| Step::Insert(at, element)),
            3 => (at(), 0usize..200).prop_map(|(at, count)| Step::InsertMany(at, count)),
            8 => (at(), element()).prop_map(|(at, element)| Step::Set(at, element)),
            6 => (at(), few()).prop_map(|(at, count)| Step::Remove(at, count)),
            1 => (at(), at()).prop_map(|(at, len)| Step::Keep(at, len)),
            5 => (element(), few(), end()).prop_map(|(element, most, end)| Step::RemoveEqual(element, most, end)),
            3 => Just(Step::Clone),
            2 => Just(Step::Swap),
        ],
        0..60,
    )
}

fn step(list: &mut List, twin: &mut Naive, step: Step, limits: &Limits) {
    let len = twin.0.len();
    match step {
        Step::Push(end, element) => push(list, twin, end, &element, limits),
        Step::PushMany(end, count) => {
            for number in 0..count {
                push(list, twin, end, format!("{:x}", number * 7919).as_bytes(), limits);
            }
        }
        Step::Pop(end, count) => {
            let count = count.min(len);
            let range = if end == End::Left { 0..count } else { len - count..len };
            drop(list.remove(range.clone(), limits));
            twin.remove(range);
        }
        Step::Insert(at, element) => {
            list.insert(at % (len + 1), &element, limits);
            twin.0.insert(at % (len + 1), element);
        }
        Step::InsertMany(at, count) => {
            let at = at % (len + 1);
            for number in 0..count {
                let element = format!("between {number}").into_bytes();
                list.insert(at + number / 2, &element, limits);
                twin.0.insert(at + number / 2, element);
            }
        }
        Step::Set(at, element) if len > 0 => {
            list.set(at % len, &element, limits);
            twin.0[at % len] = element;
        }
        Step::Remove(at, count) => {
            let start = at % (len + 1);
            let range = start..start.saturating_add(count);
            drop(list.remove(range.clone(), limits));
            twin.remove(range);
        }
        Step::Keep(at, count) => {
            let start = at % (len + 1);
            let range = start..start + count % (len + 1);
            drop(list.keep(range.clone(), limits));
            twin.keep(range);
        }
        Step::RemoveEqual(element, most, end) => {
            let removed = list.remove_equal(&element, most, end, limits);
            assert_eq!(removed, twin.remove_equal(&element, most, end));
        }
        Step::Set(..) | Step::Clone | Step::Swap => {}
    }
}

fn push(list: &mut List, twin: &mut Naive, end: End, element: &[u8], limits: &Limits) {
    list.push(end, element, limits);
    match end {
        End::Left => twin.0.push_front(element.to_vec()),
        End::Right => twin.0.push_back(element.to_vec()),
    }
}

fn agree(list: &List, twin: &Naive, limits: &Limits) {
    check(list, limits);
    assert_eq!(list.len(), twin.0.len());
    assert!(list.iter(0..usize::MAX).map(|element| element.text().to_vec()).eq(twin.0.iter().cloned()));
    assert!(list.iter(0..usize::MAX).rev().map(|element| element.text().to_vec()).eq(twin.0.iter().rev().cloned()));
}

fn play(steps: Vec<Step>, limits: Limits) {
    let (mut list, mut twin) = (List::new(), Naive::default());
    // Clones, each with what it must still be.
    let mut clones: Vec<(List, Naive)> = Vec::new();
    for next in steps {
        match next {
            Step::Clone => clones.push((list.clone(), twin.clone())),
            // Goes on with a clone, so that either side of a sharing is written.
            Step::Swap => {
                if let Some((other, other_twin)) = clones.first_mut() {
                    std::mem::swap(&mut list, other);
                    std::mem::swap(&mut twin, other_twin);
                }
            }
            next => step(&mut list, &mut twin, next, &limits),
        }
        check(&list, &limits);
        assert_eq!(list.len(), twin.0.len());
    }
    agree(&list, &twin, &limits);
    clones.iter().for_each(|(list, twin)| agree(list, twin, &limits));
    // Ranges from either end, meeting in the middle.
    let len = list.len();
    for (start, end) in [(0, len / 2), (len / 3, len), (len / 3, len / 3 + 1), (len / 2, len / 2), (len, len + 5)] {
        let mut iter = list.iter(start..end);
        let mut twin = twin.0.range(start.min(len)..end.min(len));
        for turn in 0.. {
            let (one, other) =
                if turn % 3 == 0 { (iter.next_back(), twin.next_back()) } else { (iter.next(), twin.next()) };
            assert_eq!(one.map(|element| element.text().to_vec()), other.cloned());
            if one.is_none() {
                break;
            }
        }
    }
    for index in [0, 1, len / 2, len.saturating_sub(1), len] {
        assert_eq!(list.get(index).map(|element| element.text().to_vec()), twin.0.get(index).cloned());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_list_in_blocks_of_4_kib_agrees_with_its_twin(steps in steps()) {
        play(steps, Limits::from_setting(-1));
    }

    #[test]
    fn a_list_in_chunks_of_4_elements_agrees_with_its_twin(steps in steps()) {
        play(steps, Limits::from_setting(4));
    }

    #[test]
    fn a_list_in_chunks_of_1_element_agrees_with_its_twin(steps in steps()) {
        play(steps, Limits::from_setting(1));
    }

    #[test]
    fn a_list_in_chunks_of_25_elements_agrees_with_its_twin(steps in steps()) {
        play(steps, Limits::from_setting(25));
    }
}

#[test]
fn a_list_is_small_until_its_block_is_full_and_again_once_half_is_gone() {
    let limits = Limits::default();
    let mut list = List::new();
    assert!(list.is_small() && list.allocated_bytes() == 0);
    let mut count = 0;
    while list.is_small() {
        list.push(End::Right, b"sixteen bytes...", &limits);
        count += 1;
        assert!(list.allocated_bytes() <= 8192 || !list.is_small(), "a full block fills its page and no more");
    }
    assert_eq!(count, 454 + 1, "18 bytes each and a header");
    drop(list.remove(0..count - 228, &limits));
    assert!(!list.is_small());
    drop(list.remove(0..2, &limits));
    assert!(list.is_small());
}

#[test]
fn integers_take_few_bytes() {
    let mut list = List::new();
    for number in 0..100 {
        list.push(End::Right, number.to_string().as_bytes(), &Limits::default());
    }
    assert!(list.allocated_bytes() <= 256, "{}", list.allocated_bytes());
}

#[test]
fn memory_returns_when_elements_are_removed_from_everywhere() {
    let limits = Limits::default();
    let mut list = List::new();
    for number in 0..100_000 {
        list.push(End::Right, format!("element {number}").as_bytes(), &limits);
    }
    let full = list.allocated_bytes();
    // Every element but each fiftieth goes, one by one.
    let mut index = 0;
    for number in 0..100_000 {
        if number % 50 == 0 {
            index += 1;
        } else {
            drop(list.remove(index..index + 1, &limits));
        }
    }
    check(&list, &limits);
    assert_eq!(list.len(), 2000);
    assert!(list.allocated_bytes() < full / 20, "{} of {full}", list.allocated_bytes());
}

/// Freezing and writing on must not cost a copy of the list: at most the path to one chunk.
#[test]
fn a_write_after_a_clone_copies_one_path() {
    let limits = Limits::default();
    let mut list = List::new();
    for number in 0..200_000 {
        list.push(End::Right, format!("element {number}").as_bytes(), &limits);
    }
    let before = list.clone();
    list.set(100_000, b"changed", &limits);
    list.push(End::Left, b"first", &limits);
    let (mut shared, mut own) = (0, 0);
    fn count(sub: &Sub, shared: &mut usize, own: &mut usize) {
        match &sub.link {
            tree::Link::Chunk(chunk) => *(if Arc::strong_count(chunk) > 1 { shared } else { own }) += 1,
            tree::Link::Node(node) if Arc::strong_count(node) > 1 => *shared += node.subs.len(),
            tree::Link::Node(node) => node.subs.iter().for_each(|sub| count(sub, shared, own)),
        }
    }
    let Form::Large(root) = list.0.get() else { panic!("it is large") };
    count(root, &mut shared, &mut own);
    assert!(own <= 3 && shared > 5, "{own} chunks copied, {shared} subtrees shared");
    assert_eq!(before.len(), 200_000);
    assert_eq!(&*before.get(100_000).expect("it is there").text(), b"element 100000");
}

#[test]
fn an_element_longer_than_a_chunk_has_one_of_its_own_and_is_never_copied() {
    let limits = Limits::default();
    let long = vec![b'x'; 1 << 20];
    let mut list = List::new();
    list.push(End::Right, &long, &limits);
    assert!(!list.is_small(), "a clone of a small list copies its block, so a long block is not small");
    for number in 0..10 {
        list.push(End::Right, &[b'a' + number], &limits);
        list.push(End::Left, &[b'a' + number], &limits);
    }
    let clone = list.clone();
    list.set(10, b"short", &limits);
    assert_eq!(clone.get(10).expect("it is there"), Element::Text(&long));
    assert_eq!(list.get(10).expect("it is there"), Element::Text(b"short"));
    assert!(list.allocated_bytes() < 4096);
    check(&list, &limits);
    list.set(3, &long, &limits);
    list.insert(15, &long, &limits);
    check(&list, &limits);
    assert_eq!(list.remove_equal(&long, usize::MAX, End::Right, &limits), 2);
    check(&list, &limits);
    assert_eq!(list.len(), 20);
}

#[test]
fn the_setting_means_bytes_or_elements_and_is_bounded_at_both_ends() {
    assert_eq!(Limits::from_setting(-5), Limits::from_setting(i64::MIN));
    assert_eq!(Limits::from_setting(0), Limits::from_setting(1));
    assert_eq!(Limits::from_setting(32_767), Limits::from_setting(i64::MAX));
    let mut list = List::new();
    for _ in 0..70_000 {
        list.push(End::Right, b"1", &Limits::from_setting(-5));
    }
    check(&list, &Limits::from_setting(-5));
}

#[test]
fn a_list_lives_through_changes_of_the_limits() {
    let (mut list, mut twin) = (List::new(), Naive::default());
    for round in 0..40usize {
        let limits = Limits::from_setting([-2, 3, -5, 1, 200, -1][round % 6]);
        for number in 0..200 {
            let element = format!("{}", number * round);
            let at = (number * 37 + round) % (list.len() + 1);
            list.insert(at, element.as_bytes(), &limits);
            twin.0.insert(at, element.into_bytes());
        }
        let start = round * 11 % list.len();
        drop(list.remove(start..start + 90, &limits));
        twin.remove(start..start + 90);
        list.remove_equal(b"0", round, End::Left, &limits);
        twin.remove_equal(b"0", round, End::Left);
        assert!(list.iter(0..list.len()).map(|element| element.text().to_vec()).eq(twin.0.iter().cloned()));
    }
}

#[test]
fn chunks_are_the_entries_of_all_elements_in_order() {
    for (count, setting) in [(0, -2), (1, -2), (7, 3), (5_000, -2), (5_000, 50)] {
        let limits = Limits::from_setting(setting);
        let (mut list, mut entries) = (List::new(), Vec::new());
        for index in 0..count {
            let element = format!("{}{index}", if index % 3 == 0 { "" } else { "text " }).into_bytes();
            list.push(End::Right, &element, &limits);
            append_entry(Element::of(&element), &mut entries);
        }
        assert_eq!(list.chunks().map(|(count, _)| count).sum::<usize>(), count);
        assert!(list.chunks().all(|(count, entries)| count > 0 && !entries.is_empty()));
        assert!(list.chunks().map(|(_, entries)| entries).collect::<Vec<_>>().concat() == entries);
    }
}
