//! Streams against their twin, and what is shown of their form.

use super::map::Map;
use super::naive::Naive;
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId { ms, seq }
}

fn entry(entry: Entry<'_>) -> (StreamId, Vec<Vec<u8>>) {
    (entry.id, entry.pairs().flat_map(|(field, value)| [field.to_vec(), value.to_vec()]).collect())
}

fn entries(stream: &Stream) -> Vec<(StreamId, Vec<Vec<u8>>)> {
    stream.iter(StreamId::MIN, StreamId::MAX).map(entry).collect()
}

/// What a block says of itself is so.
fn check(stream: &Stream) {
    let mut before = None;
    for block in stream.blocks() {
        assert_eq!(block.walk().count(), block.len());
        assert_eq!(block.walk().rev().count(), block.len());
        assert!(!block.is_empty(), "an emptied block leaves its stream");
        assert!(before < Some(block.first()), "blocks are in order");
        before = block.last_ever();
        let items = crate::data::list::Run::new(block.bytes()).count();
        assert_eq!(items + 2, block.items());
    }
    assert_eq!(stream.blocks().map(Block::len).sum::<usize>(), stream.len());
}

#[derive(Clone, Debug)]
enum Step {
    Append(u64, u64, Vec<Vec<u8>>),
    Remove(usize),
    RemoveMissing(u64),
    TrimLen(usize),
    TrimId(u64),
    Roughly(usize, u64),
    Clone,
}

fn item() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0..6u8).prop_map(|n| vec![b'a' + n]),
        2 => any::<i32>().prop_map(|n| n.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..80),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let pairs = prop_oneof![
        3 => item().prop_map(|value| vec![b"f".to_vec(), value]),
        1 => vec(item(), 1..4).prop_map(|items| items.into_iter().flat_map(|item| [item.clone(), item]).collect()),
    ];
    prop_oneof![
        20 => (0..3u64, 0..3u64, pairs).prop_map(|(ms, seq, pairs)| Step::Append(ms, seq, pairs)),
        6 => any::<usize>().prop_map(Step::Remove),
        1 => (0..50u64).prop_map(Step::RemoveMissing),
        1 => any::<usize>().prop_map(Step::TrimLen),
        1 => (0..60u64).prop_map(Step::TrimId),
        1 => (any::<usize>(), 0..20u64).prop_map(|(most, limit)| Step::Roughly(most, limit)),
        1 => Just(Step::Clone),
    ]
}

fn run(steps: Vec<Step>, limits: Limits) {
    let (mut stream, mut naive) = (Stream::new(), Naive::default());
    let mut clones = Vec::new();
    for step in steps {
        match step {
            Step::Append(ms, seq, pairs) => {
                let last = naive.last;
                let next = if ms == 0 { id(last.ms, last.seq + 1 + seq) } else { id(last.ms + ms, seq) };
                let pairs: Vec<&[u8]> = pairs.iter().map(Vec::as_slice).collect();
                stream.append(next, &pairs, &limits);
                naive.append(next, &pairs);
            }
            Step::Remove(at) if !naive.entries.is_empty() => {
                let going = naive.entries[at % naive.entries.len()].0;
                assert!(stream.remove(going) && naive.remove(going));
            }
            Step::Remove(_) => assert!(!stream.remove(id(1, 1)) || naive.remove(id(1, 1))),
            Step::RemoveMissing(ms) => assert_eq!(stream.remove(id(ms, 9)), naive.remove(id(ms, 9))),
            Step::TrimLen(_) | Step::TrimId(_) => {
                let keep = match step {
                    Step::TrimLen(most) => Keep::Last((most % (naive.entries.len() + 3)) as u64),
                    Step::TrimId(ms) => Keep::From(id(ms, 1)),
                    _ => unreachable!("the arm above"),
                };
                let trim = Trim { keep, is_approximate: false, limit: 0 };
                let (removed, rest) = stream.trim(&trim);
                assert_eq!(removed, naive.trim(keep));
                check(&rest.into_stream());
            }
            Step::Roughly(most, limit) => {
                let most = (most % (naive.entries.len() + 3)) as u64;
                let trim = Trim { keep: Keep::Last(most), is_approximate: true, limit };
                let (removed, _rest) = stream.trim(&trim);
                assert!(limit == 0 || removed <= limit, "no more than the limit");
                let left = naive.entries.len() as u64 - removed;
                assert!(removed == 0 || left >= most, "no more than asked for");
                assert_eq!(naive.trim(Keep::Last(left)), removed);
            }
            Step::Clone => clones.push((stream.clone(), naive.clone())),
        }
        assert_eq!(stream.len(), naive.entries.len());
    }
    clones.push((stream, naive));
    for (stream, naive) in &clones {
        check(stream);
        assert_eq!(entries(stream), naive.entries);
        assert_eq!((stream.last_id(), stream.added()), (naive.last, naive.added));
        assert_eq!(stream.max_deleted(), naive.max_deleted);
        let mut backward: Vec<_> = stream.iter(StreamId::MIN, StreamId::MAX).rev().map(entry).collect();
        backward.reverse();
        assert_eq!(backward, naive.entries);
        for from in 0..naive.last.ms.min(8) {
            for to in [from, from + 3, u64::MAX] {
                let (from, to) = (id(from, 1), id(to, 1));
                let expected = naive.range(from, to);
                assert_eq!(stream.iter(from, to).map(entry).collect::<Vec<_>>(), expected);
                assert_eq!(stream.iter(from, to).rev().count(), expected.len());
                assert_eq!(stream.count(from, to, usize::MAX), expected.len());
                assert_eq!(stream.count(from, to, 2), expected.len().min(2));
            }
        }
        for (id, _) in &naive.entries {
            assert!(stream.contains(*id));
        }
    }
}

proptest! {
    #[test]
    fn a_stream_is_as_its_twin_whatever_its_blocks(steps in vec(step(), 0..120), entries in 0..6usize, small in any::<bool>()) {
        run(steps, Limits { bytes: if small { 120 } else { 0 }, entries });
    }

    #[test]
    fn the_map_is_as_an_ordered_map(steps in vec((0..60u64, any::<bool>()), 0..200), from in 0..60u64, to in 0..60u64) {
        let (mut map, mut twin) = (Map::default(), BTreeMap::new());
        let mut clones = Vec::new();
        for (at, (n, adds)) in steps.into_iter().enumerate() {
            if adds {
                assert_eq!(map.insert(id(n, 0), at), twin.insert(id(n, 0), at));
            } else {
                assert_eq!(map.remove(id(n, 0)), twin.remove(&id(n, 0)));
            }
            if at % 40 == 0 {
                clones.push((map.clone(), twin.clone()));
            }
        }
        clones.push((map, twin));
        for (map, twin) in &clones {
            assert_eq!(map.len(), twin.len());
            let all: Vec<_> = twin.iter().map(|(id, value)| (*id, value)).collect();
            assert_eq!(map.iter().collect::<Vec<_>>(), all);
            let (from, to) = (id(from, 0), id(to, 0));
            let part: Vec<_> = all.iter().copied().filter(|(id, _)| (from..=to).contains(id)).collect();
            assert_eq!(map.range(from, to).collect::<Vec<_>>(), part);
            let mut backward: Vec<_> = map.range(from, to).rev().collect();
            backward.reverse();
            assert_eq!(backward, part);
            let (mut both, mut range) = (Vec::new(), map.range(from, to));
            while let Some(first) = range.next() {
                both.push(first.0);
                both.extend(range.next_back().map(|(id, _)| id));
            }
            assert_eq!(both.len(), part.len());
            for n in 0..60 {
                assert_eq!(map.get(id(n, 0)), twin.get(&id(n, 0)));
                let before = twin.range(..=id(n, 0)).next_back().map(|(id, value)| (*id, value));
                assert_eq!(map.at_or_before(id(n, 0)), before);
            }
        }
    }

    #[test]
    fn a_group_knows_who_has_what(steps in vec((0..30u64, 0..3u8, 0..5u8), 0..150)) {
        let (mut group, mut naive) = (Group::default(), Naive::default());
        let mut clone = None;
        for (at, (n, consumer, act)) in steps.into_iter().enumerate() {
            let (entry, name, now) = (id(n, 1), vec![b'a' + consumer], at as i64);
            match act {
                0 => assert_eq!(group.acknowledge(entry), naive.pending.remove(&entry).is_some()),
                1 => {
                    group.give_again(entry, now);
                    if let Some(pending) = naive.pending.get_mut(&entry) {
                        *pending = (pending.0.clone(), now, pending.2 + 1);
                    }
                }
                2 if at % 10 == 0 => {
                    let before = naive.pending.len();
                    naive.pending.retain(|_, (owner, ..)| *owner != name);
                    assert_eq!(group.remove_consumer(&name).unwrap_or(0), before - naive.pending.len());
                }
                _ => {
                    group.add_consumer(&name, now);
                    assert!(group.give(entry, &name, now, 1));
                    naive.pending.insert(entry, (name, now, 1));
                }
            }
            if at == 70 {
                clone = Some((group.clone(), naive.clone()));
            }
        }
        for (group, naive) in clone.into_iter().chain([(group, naive)]) {
            assert_eq!(group.pending(), naive.pending.len());
            let all = group.pending_range(StreamId::MIN, StreamId::MAX);
            let all: Vec<_> = all.map(|(id, of)| (id, (of.consumer.to_vec(), of.delivered, of.deliveries))).collect();
            assert_eq!(all, naive.pending.clone().into_iter().collect::<Vec<_>>());
            for (name, consumer) in group.consumers() {
                let ids: Vec<_> = consumer.pending_ids(StreamId::MIN, StreamId::MAX).collect();
                let owned = naive.pending.iter().filter(|(_, (owner, ..))| **owner == **name).map(|(id, _)| *id);
                assert_eq!(ids, owned.collect::<Vec<_>>());
                assert_eq!(consumer.pending(), ids.len());
            }
        }
    }
}

#[test]
fn ids_follow_each_other_over_the_end_of_a_millisecond() {
    assert_eq!(id(1, u64::MAX).next(), Some(id(2, 0)));
    assert_eq!(id(2, 0).previous(), Some(id(1, u64::MAX)));
    assert_eq!((StreamId::MAX.next(), StreamId::MIN.previous()), (None, None));
    assert_eq!(StreamId::MAX.text().as_bytes(), b"18446744073709551615-18446744073709551615");
    assert_eq!(id(12, 0).text().as_bytes(), b"12-0");
    assert_eq!(StreamId::from_bytes(id(3, 4).to_bytes()), id(3, 4));
}

#[test]
fn an_entry_with_the_fields_of_its_block_does_not_repeat_them() {
    let limits = Limits::default();
    let mut stream = Stream::new();
    stream.append(id(1, 1), &[b"temperature", b"20", b"place", b"here"], &limits);
    let one = stream.blocks().next().map_or(0, |block| block.bytes().len());
    stream.append(id(1, 2), &[b"temperature", b"21", b"place", b"here"], &limits);
    let two = stream.blocks().next().map_or(0, |block| block.bytes().len());
    assert!(two - one < 20, "{one} {two}");
    stream.append(id(1, 3), &[b"place", b"here", b"temperature", b"20"], &limits);
    let three = stream.blocks().next().map_or(0, |block| block.bytes().len());
    assert!(three - two > 30, "another order is other fields: {two} {three}");
}

#[test]
fn clones_share_what_neither_changes() {
    let limits = Limits { bytes: 0, entries: 10 };
    let mut stream = Stream::new();
    for n in 1..=1000 {
        stream.append(id(n, 0), &[b"f", b"v"], &limits);
    }
    stream.add_group(b"g", Group::default());
    let clone = stream.clone();
    stream.append(id(1001, 0), &[b"f", b"v"], &limits);
    assert!(stream.remove(id(500, 0)));
    let shared = clone.blocks().zip(stream.blocks()).filter(|(a, b)| std::ptr::eq(*a, *b)).count();
    assert_eq!((clone.block_count(), shared), (100, 99));
    assert_eq!((clone.len(), stream.len()), (1000, 1000));
    assert!(clone.contains(id(500, 0)) && stream.group(b"g").is_some());
}

/// The numbers are those of a redis-server 7.0.15 with such streams.
#[test]
fn the_tree_that_xinfo_tells_of_is_counted() {
    let nodes = |ids: &[(u64, u64)]| super::radix::nodes(ids.iter().map(|(ms, seq)| id(*ms, *seq)));
    assert_eq!(nodes(&[]), 1);
    assert_eq!(nodes(&[(1, 1)]), 2);
    assert_eq!(nodes(&[(1, 0), (2, 0)]), 6);
    assert_eq!(nodes(&[(1, 0), (1, 1)]), 4);
}

#[test]
fn a_builder_makes_the_blocks_that_it_is_told_of_and_refuses_others() {
    use crate::data::list::Element;
    let mut builder = Builder::default();
    let entry = |builder: &mut Builder, id, value: &'static [u8], is_deleted| {
        let begins = builder.begin_entry(id, false, 1, is_deleted);
        if begins {
            builder.item(Element::of(b"f"));
            builder.item(Element::of(value));
            builder.end_entry();
        }
        begins
    };
    let block = |builder: &mut Builder, first, live, deleted| {
        let ends = builder.end_block();
        let begins = builder.begin_block(first, 1, (live, deleted));
        builder.item(Element::of(b"f"));
        builder.end_master();
        ends && begins
    };
    assert!(!entry(&mut builder, id(1, 1), b"0", false), "there is no block yet");
    assert!(block(&mut builder, id(1, 1), 1, 1));
    assert!(entry(&mut builder, id(1, 1), b"1", true));
    assert!(entry(&mut builder, id(1, 2), b"2", false));
    assert!(!entry(&mut builder, id(1, 2), b"2", false), "ids ascend");
    assert!(!block(&mut builder, id(1, 2), 0, 0), "blocks ascend");
    assert!(block(&mut builder, id(2, 0), 0, 1));
    assert!(entry(&mut builder, id(2, 0), b"3", true));
    assert!(block(&mut builder, id(3, 0), 1, 0));
    assert!(builder.begin_entry(id(3, 1), true, 1, false));
    builder.item(Element::of(b"4"));
    builder.end_entry();
    assert!(builder.end_block());
    let stream = builder.finish();
    check(&stream);
    assert_eq!((stream.len(), stream.block_count(), stream.last_id()), (2, 2, id(3, 1)));
    assert_eq!(entries(&stream)[1], (id(3, 1), vec![b"f".to_vec(), b"4".to_vec()]));

    let mut wrong = Builder::default();
    assert!(block(&mut wrong, id(1, 1), 2, 0) && entry(&mut wrong, id(1, 1), b"1", false));
    assert!(!wrong.end_block(), "a block has as many entries as it says");
    assert!(wrong.begin_block(id(9, 9), 2, (0, 0)));
    assert!(!wrong.begin_entry(id(9, 9), true, 1, false), "who shares the fields has as many values");
}
