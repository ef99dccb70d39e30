//! Streams, written and read back, recorded from a server, and broken on purpose.

use super::sealed;
use crate::data::record::{Value, ValueRef};
use crate::data::stream::{Group, Limits as Blocks, Stream, StreamId};
use crate::persist::rdb::{Limits, RestoreError, dump, restore};

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId { ms, seq }
}

/// All that a stream is, as text.
pub(super) fn shown(stream: &Stream) -> String {
    let entries = stream.iter(StreamId::MIN, StreamId::MAX).map(|entry| {
        let pairs = entry.pairs().map(|(field, value)| format!("{:?}={:?}", &*field, &*value));
        format!("{}: {}", entry.id, pairs.collect::<Vec<_>>().join(" "))
    });
    let blocks = stream.blocks().map(|block| (block.first(), block.len(), block.deleted(), block.bytes().to_vec()));
    let groups = stream.groups().map(|(name, group)| {
        let pending: Vec<_> = group.pending_range(StreamId::MIN, StreamId::MAX).collect();
        let consumers: Vec<_> = group.consumers().map(|(name, of)| (name.clone(), of.seen, of.pending())).collect();
        format!("{name:?} {} {:?} {pending:?} {consumers:?}", group.last, group.read)
    });
    format!(
        "{} {} {} {:?} {:?} {:?}",
        stream.last_id(),
        stream.added(),
        stream.max_deleted(),
        entries.collect::<Vec<_>>(),
        blocks.collect::<Vec<_>>(),
        groups.collect::<Vec<_>>()
    )
}

fn stream_of(payload: &[u8]) -> Result<String, RestoreError> {
    match restore(payload, Limits::default())? {
        Value::Stream(stream) => Ok(shown(&stream)),
        other => panic!("a stream, not {other:?}"),
    }
}

fn large() -> Stream {
    let limits = Blocks::default();
    let mut stream = Stream::new();
    for n in 1..=1000u64 {
        let value = (n * 7919).to_string().repeat(1 + n as usize % 30);
        match n % 10 {
            0 => stream.append(id(n / 3, n), &[b"other", value.as_bytes(), b"", b"-5"], &limits),
            _ => stream.append(id(n / 3, n), &[b"f", value.as_bytes()], &limits),
        }
    }
    for n in (1..1000).step_by(17) {
        stream.remove(id(n / 3, n));
    }
    for (name, read) in [(&b"g"[..], Some(5)), (b"", None)] {
        let mut group = Group::new(id(100, 300), read);
        for n in 1..300 {
            let consumer = [b'a' + (n % 3) as u8];
            group.add_consumer(&consumer, n as i64);
            group.give(id(n / 3, n), &consumer, 1_700_000_000_000 + n as i64, n);
        }
        group.add_consumer(b"idle", -1);
        stream.add_group(name, group);
    }
    stream
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// DUMP of a redis-server 7.0.15: five entries, two of them deleted, two groups, three consumers.
const RECORDED: &str = "1301100000000000000001000000000000000140626200000025000301020102018166028167020001020100010001010181610205010301000101010201816202\
    050100010401dfff0201018168028474657874050601030105010601f290eefe04816302050102010801dfff028178028179020501ff030900010106070502016705008\
    1ffffffffffffffff02000000000000000100000000000000010010a5d4e800000007000000000000000500000000000000000110a5d4e80000000203016384e56900a2\
    0100000100000000000000010000000000000001016484e56900a201000001000000000000000500000000000000000469646c6584e56900a2010000000168090081fff\
    fffffffffffff00000a001c778de8177e113c";

/// Payloads of streams: for who mutates them.
pub(super) fn payloads() -> Vec<Vec<u8>> {
    let mut small = Stream::new();
    small.append(id(1, 1), &[b"f", b"v"], &Blocks::default());
    let mut payloads: Vec<_> = [false, true].map(|compress| dump(ValueRef::Stream(&large()), compress)).into();
    payloads.push(dump(ValueRef::Stream(&small), false));
    payloads.push(unhex(RECORDED));
    payloads
}

#[test]
fn a_stream_comes_back_with_its_blocks_and_its_groups() {
    for stream in [large(), Stream::new()] {
        for compress in [false, true] {
            let payload = dump(ValueRef::Stream(&stream), compress);
            assert!(stream_of(&payload).unwrap() == shown(&stream), "the same stream");
        }
    }
}

#[test]
fn a_recorded_stream_is_read_and_written_byte_for_byte() {
    let payload = unhex(RECORDED);
    let value = restore(&payload, Limits::default()).unwrap();
    assert_eq!(dump(value.lend(), false), payload);
    let ValueRef::Stream(stream) = value.lend() else { panic!("a stream, not {value:?}") };
    assert_eq!((stream.len(), stream.added(), stream.last_id()), (3, 5, id(9, 0)));
    assert_eq!((stream.first_id(), stream.max_deleted()), (id(1, 1), id(6, 7)));
    let group = stream.group(b"g").unwrap();
    let pending = group.pending_entry(id(1, 1)).unwrap();
    assert_eq!((&*pending.consumer, pending.delivered, pending.deliveries), (&b"c"[..], 1_000_000_000_000, 7));
    assert_eq!((group.consumers().len(), group.last, group.read), (3, id(5, 0), None));
}

/// The forms before and after differ in what stands beside: counts since 19, active times since 21.
#[test]
fn older_and_newer_forms_are_read() {
    let payload = unhex(RECORDED);
    let body = &payload[1..payload.len() - 10];
    let end_of_blocks = 1 + 17 + 2 + 0x62;
    let (blocks, rest) = body.split_at(end_of_blocks);
    let oldest = [&[15][..], blocks, &[3, 9, 0, 1, 1, b'h', 9, 0, 0, 0]].concat();
    let value = restore(&sealed(&oldest, 9), Limits::default()).unwrap();
    let ValueRef::Stream(stream) = value.lend() else { panic!("a stream, not {value:?}") };
    assert_eq!((stream.len(), stream.added(), stream.max_deleted()), (3, 3, id(0, 0)));
    assert_eq!(stream.group(b"h").unwrap().read, Some(3), "it can be told");
    // The consumer's time of 8 bytes comes twice.
    let consumer = rest.windows(2).position(|two| two == [1, b'c']).unwrap() + 2;
    let newest: Vec<u8> = [
        &[21][..],
        blocks,
        &[3, 9, 0, 1, 1, 6, 7, 5, 1, 1, b'g', 9, 0, 3, 0, 1, 1, b'c'],
        &rest[consumer..consumer + 8],
        &[1; 8],
        &[0],
    ]
    .concat();
    assert!(stream_of(&sealed(&newest, 11)).unwrap().contains("[99]"));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let payload = unhex(RECORDED);
    let body = &payload[..payload.len() - 10];
    let broken = |at: usize, byte: u8| {
        let mut body = body.to_vec();
        body[at] = byte;
        stream_of(&sealed(&body, 10)).unwrap_err().to_string()
    };
    let first_block = 1 + 1 + 17 + 2;
    let live = first_block + 6;
    assert!(broken(live, 4).contains("other entries than it says"));
    assert!(broken(first_block - 4, 9).contains("not in order"), "{}", broken(first_block - 4, 9));
    let after = first_block + 0x62;
    assert!(broken(after, 4).contains("another length"));
    assert!(broken(after + 1, 8).contains("not in order"));
    let pending = body.windows(4).position(|four| four == [0x10, 0xA5, 0xD4, 0xE8]).unwrap() - 10;
    assert!(broken(pending, 9).contains("pending"));
}
