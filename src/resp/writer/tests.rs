//! What the writer writes, another crate reads back as the value that was recorded.

use super::*;
use crate::resp::long::{Budget, Progress};
use crate::resp::record::{Recorder, Value};
use crate::resp::reply::Reply;
use proptest::prelude::*;
use redis_protocol::{resp2, resp3};

fn written(protocol: Protocol, give: impl Fn(&mut dyn ReplySink)) -> String {
    let mut out = Vec::new();
    give(&mut Writer::new(&mut out, protocol, 1 << 20));
    String::from_utf8(out).unwrap()
}

fn both(give: impl Fn(&mut dyn ReplySink)) -> [String; 2] {
    [written(Protocol::Resp2, &give), written(Protocol::Resp3, &give)]
}

#[test]
fn each_primitive_has_its_form_in_both_protocols() {
    assert_eq!(both(|sink| sink.status(b"OK")), ["+OK\r\n"; 2]);
    assert_eq!(both(|sink| sink.status(b"PONG")), ["+PONG\r\n"; 2]);
    assert_eq!(both(|sink| sink.error(b"ERR no")), ["-ERR no\r\n"; 2]);
    assert_eq!(both(|sink| sink.bulk(b"a\r\nb")), ["$4\r\na\r\nb\r\n"; 2]);
    assert_eq!(both(|sink| sink.bulk(b"")), ["$0\r\n\r\n"; 2]);
    assert_eq!(both(|sink| sink.null()), ["$-1\r\n", "_\r\n"]);
    assert_eq!(both(|sink| sink.null_array()), ["*-1\r\n", "_\r\n"]);
    assert_eq!(both(|sink| sink.boolean(true)), [":1\r\n", "#t\r\n"]);
    assert_eq!(both(|sink| sink.boolean(false)), [":0\r\n", "#f\r\n"]);
    assert_eq!(both(|sink| sink.verbatim(*b"txt", b"some text")), ["$9\r\nsome text\r\n", "=13\r\ntxt:some text\r\n"]);
    assert_eq!(both(|sink| sink.double(3.0)), ["$1\r\n3\r\n", ",3\r\n"]);
    assert_eq!(both(|sink| sink.double(f64::INFINITY)), ["$3\r\ninf\r\n", ",inf\r\n"]);
    assert_eq!(both(|sink| sink.double(f64::NEG_INFINITY)), ["$4\r\n-inf\r\n", ",-inf\r\n"]);
    assert_eq!(both(|sink| sink.double(f64::NAN)), ["$3\r\nnan\r\n", ",nan\r\n"]);
    assert_eq!(both(|sink| sink.double_as(0.5, b"0.500")), ["$5\r\n0.500\r\n", ",0.500\r\n"]);
    assert_eq!(both(|sink| sink.double(1.0 / 3.0)), ["$18\r\n0.3333333333333333\r\n", ",0.3333333333333333\r\n"]);
}

#[test]
fn integers_and_lengths_of_every_size_are_written_out() {
    for value in [0, 1, 9, 10, 42, 99, 100, 12345, i64::MAX, -1, -42, i64::MIN] {
        assert_eq!(both(|sink| sink.integer(value)), [(); 2].map(|()| format!(":{value}\r\n")));
    }
    for len in [0, 9, 10, 99, 100, 1000] {
        let bytes = "x".repeat(len);
        assert_eq!(both(|sink| sink.bulk(bytes.as_bytes())), [(); 2].map(|()| format!("${len}\r\n{bytes}\r\n")));
    }
}

#[test]
fn a_pair_is_written_as_its_parts_are_whatever_the_score() {
    let wholes = [0.0, 1.0, 9.0, 10.0, 99.0, 123_456.0, 999_999_999.0, 1e9, 4_294_967_295.0, 4_294_967_296.0, 1e17];
    let others = [-0.0, -1.0, 0.5, 1e300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MIN_POSITIVE];
    for value in wholes.into_iter().chain(others) {
        for name in [&b""[..], b"a", &[b'x'; 100]] {
            let parts = both(|sink| {
                sink.begin(Aggregate::Pair, 2);
                sink.bulk(name);
                sink.double(value);
            });
            assert_eq!(both(|sink| sink.pair(name, value)), parts, "{value}");
            let parts = both(|sink| {
                sink.begin(Aggregate::Array, 2);
                sink.bulk(name);
                sink.double(value);
            });
            assert_eq!(both(|sink| sink.scored(name, value)), parts, "{value}");
        }
    }
}

#[test]
fn shapes_are_flat_in_resp2_and_kept_in_resp3() {
    for (shape, heads) in [
        (Aggregate::Array, ["*2\r\n", "*2\r\n"]),
        (Aggregate::Map, ["*4\r\n", "%2\r\n"]),
        (Aggregate::Set, ["*2\r\n", "~2\r\n"]),
        (Aggregate::Push, ["*2\r\n", ">2\r\n"]),
        (Aggregate::Pairs, ["*4\r\n", "*2\r\n"]),
        (Aggregate::Pair, ["", "*2\r\n"]),
    ] {
        assert_eq!(both(|sink| sink.begin(shape, 2)), heads, "{shape:?}");
    }
}

#[test]
fn a_line_stays_one_line() {
    assert_eq!(both(|sink| sink.error(b"ERR a\r\nb\n")), ["-ERR a  b \r\n"; 2]);
    assert_eq!(both(|sink| sink.status(b"\rOK\n")), ["+ OK \r\n"; 2]);
}

#[test]
fn output_past_the_limit_is_dropped_and_stays_dropped() {
    let mut out = b"+earlier\r\n".to_vec();
    let mut writer = Writer::new(&mut out, Protocol::Resp2, 100);
    writer.status(b"OK");
    assert!(!writer.overflowed());
    writer.bulk(&[b'x'; 100]);
    assert!(writer.overflowed());
    writer.status(b"OK");
    writer.integer(1);
    writer.double(1.5);
    writer.begin(Aggregate::Array, 0);
    assert_eq!(out, b"+earlier\r\n+OK\r\n");
}

#[test]
fn the_buffer_never_passes_the_limit() {
    for limit in 0..400 {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, Protocol::Resp3, limit);
        for number in 0..100 {
            writer.integer(i64::MIN + number);
            writer.double(-f64::MIN_POSITIVE);
            writer.verbatim(*b"txt", &vec![b'v'; number as usize]);
            writer.bulk(&vec![b'b'; number as usize]);
        }
        assert!(writer.overflowed());
        assert!(out.len() <= limit, "{} bytes, limit {limit}", out.len());
    }
}

/// Texts of lines as the other crate reads them: UTF-8 without ends of lines.
fn line() -> impl Strategy<Value = Vec<u8>> {
    "[^\r\n]{0,12}".prop_map(String::into_bytes)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..150)
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        line().prop_map(Value::Status),
        line().prop_map(Value::Error),
        any::<i64>().prop_map(Value::Integer),
        (-200..200_i64).prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Double),
        prop::sample::select(vec![0.0, -1.5, f64::INFINITY, f64::NEG_INFINITY]).prop_map(Value::Double),
        bytes().prop_map(Value::Bulk),
        Just(Value::Null),
        Just(Value::NullArray),
        any::<bool>().prop_map(Value::Boolean),
        (prop::sample::select(vec![*b"txt", *b"mkd"]), bytes())
            .prop_map(|(format, text)| Value::Verbatim { format, text }),
    ]
}

/// Random replies. Sets and keys hold distinct bulks only: the other crate keeps both in hash tables.
fn reply() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 64, 8, |inner| {
        let pairs = prop::collection::btree_map(bytes(), inner.clone(), 0..8)
            .prop_map(|pairs| pairs.into_iter().map(|(name, value)| (Value::Bulk(name), value)).collect::<Vec<_>>())
            .boxed();
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Value::Array),
            prop::collection::vec(inner, 1..8).prop_map(Value::Push),
            prop::collection::btree_set(bytes(), 0..8)
                .prop_map(|set| Value::Set(set.into_iter().map(Value::Bulk).collect())),
            pairs.clone().prop_map(Value::Map),
            pairs.clone().prop_map(Value::ByKey),
            pairs.prop_map(Value::Pairs),
        ]
    })
}

/// What a RESP2 client sees of a reply.
fn seen_in_resp2(value: &Value) -> resp2::types::OwnedFrame {
    use resp2::types::OwnedFrame::*;
    let all = |values: &[Value]| Array(values.iter().map(seen_in_resp2).collect());
    let flat = |pairs: &[(Value, Value)]| Array(pairs.iter().flat_map(|(a, b)| [a, b]).map(seen_in_resp2).collect());
    match value {
        Value::Status(text) => SimpleString(text.clone()),
        Value::Error(text) => Error(String::from_utf8(text.clone()).unwrap()),
        Value::Integer(value) => Integer(*value),
        Value::Double(value) => {
            let mut digits = Vec::new();
            num::append_f64(&mut digits, *value);
            BulkString(digits)
        }
        Value::Bulk(bytes) => BulkString(bytes.clone()),
        Value::Verbatim { text, .. } => BulkString(text.clone()),
        Value::Null | Value::NullArray => Null,
        Value::Boolean(value) => Integer(i64::from(*value)),
        Value::Array(values) | Value::Set(values) | Value::Push(values) => all(values),
        Value::Map(pairs) | Value::Pairs(pairs) => flat(pairs),
        Value::ByKey(pairs) => {
            Array(pairs.iter().map(|(a, b)| Array(vec![seen_in_resp2(a), seen_in_resp2(b)])).collect())
        }
    }
}

/// What a RESP3 client sees of a reply.
fn seen_in_resp3(value: &Value) -> resp3::types::OwnedFrame {
    use resp3::types::{OwnedFrame::*, VerbatimStringFormat};
    let all = |values: &[Value]| values.iter().map(seen_in_resp3).collect();
    let array = |data| Array { data, attributes: None };
    match value {
        Value::Status(text) => SimpleString { data: text.clone(), attributes: None },
        Value::Error(text) => SimpleError { data: String::from_utf8(text.clone()).unwrap(), attributes: None },
        Value::Integer(value) => Number { data: *value, attributes: None },
        Value::Double(value) => Double { data: *value, attributes: None },
        Value::Bulk(bytes) => BlobString { data: bytes.clone(), attributes: None },
        Value::Verbatim { format, text } => VerbatimString {
            data: text.clone(),
            format: if format == b"txt" { VerbatimStringFormat::Text } else { VerbatimStringFormat::Markdown },
            attributes: None,
        },
        Value::Null | Value::NullArray => Null,
        Value::Boolean(value) => Boolean { data: *value, attributes: None },
        Value::Array(values) => array(all(values)),
        Value::Push(values) => Push { data: all(values), attributes: None },
        Value::Set(values) => Set { data: values.iter().map(seen_in_resp3).collect(), attributes: None },
        Value::Map(pairs) | Value::ByKey(pairs) => {
            let data = pairs.iter().map(|(key, value)| (seen_in_resp3(key), seen_in_resp3(value))).collect();
            Map { data, attributes: None }
        }
        Value::Pairs(pairs) => {
            array(pairs.iter().map(|(a, b)| array(vec![seen_in_resp3(a), seen_in_resp3(b)])).collect())
        }
    }
}

/// HELLO 3 is asked in RESP2 and answered in RESP3; a sink that ignored the change would send a client an array for its map.
#[test]
fn a_reply_in_another_protocol_is_in_that_protocol() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, Protocol::Resp2, usize::MAX);
    let _ = crate::resp::reply::Reply::new(&mut writer).in_protocol(Protocol::Resp3).map(0).end();
    assert_eq!(out, b"%0\r\n");
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_as_what_was_recorded(value in reply()) {
        let mut recorder = Recorder::new();
        value.replay(&mut recorder);
        let recorded = recorder.into_value();
        prop_assert_eq!(&recorded, &value);

        let mut out = Vec::new();
        recorded.replay(&mut Writer::new(&mut out, Protocol::Resp2, usize::MAX));
        let (frame, read) = resp2::decode::decode(&out).unwrap().unwrap();
        prop_assert_eq!(read, out.len());
        prop_assert_eq!(frame, seen_in_resp2(&recorded));

        out.clear();
        recorded.replay(&mut Writer::new(&mut out, Protocol::Resp3, usize::MAX));
        let (frame, read) = resp3::decode::complete::decode(&out).unwrap().unwrap();
        prop_assert_eq!(read, out.len());
        prop_assert_eq!(frame, seen_in_resp3(&recorded));
    }
}

/// Gives its name in two parts.
#[derive(Debug)]
struct TwoParts(usize);

impl LongReply for TwoParts {
    fn advance(&mut self, sink: &mut dyn ReplySink, budget: &mut Budget) -> Progress {
        if self.0 == 0 {
            sink.begin(Aggregate::Array, 2);
        }
        while self.0 < 2 {
            sink.integer(self.0 as i64);
            self.0 += 1;
            if budget.spend(0) {
                break;
            }
        }
        if self.0 == 2 { Progress::Done } else { Progress::More }
    }
}

#[test]
fn a_long_reply_is_deferred_only_where_somebody_will_ask_for_it_and_nothing_of_the_reply_is_there() {
    const WHOLE: &[u8] = b"*2\r\n:0\r\n:1\r\n";
    let mut out = Vec::new();
    let mut plain = Writer::new(&mut out, Protocol::Resp2, 1 << 20);
    assert!(Reply::new(&mut plain).later(Box::new(TwoParts(0))).is_ok());
    assert!(plain.take_deferred().is_none());
    assert_eq!(out, WHOLE, "it was given at once");

    let mut behind = Writer::new(&mut out, Protocol::Resp2, 1 << 20).deferring(false);
    assert!(!behind.may_run_again());
    assert!(Reply::new(&mut behind).later(Box::new(TwoParts(0))).is_ok());
    let mut long = behind.take_deferred().expect("earlier replies do not matter");
    assert_eq!(behind.len(), WHOLE.len(), "nothing was given yet");
    assert_eq!(long.advance(&mut behind, &mut Budget::bytes(1)), Progress::More);
    assert_eq!(long.advance(&mut behind, &mut Budget::bytes(1)), Progress::Done);
    assert_eq!(out, [WHOLE, WHOLE].concat());

    out.clear();
    let mut within = Writer::new(&mut out, Protocol::Resp2, 1 << 20).deferring(true);
    assert!(within.may_run_again());
    let mut outer = Reply::new(&mut within).array(1);
    let inner = outer.element();
    assert!(!inner.may_run_again());
    assert!(inner.later(Box::new(TwoParts(0))).is_ok());
    let _given = outer.end();
    assert!(within.take_deferred().is_none());
    assert_eq!(out, [b"*1\r\n", WHOLE].concat(), "a part of another reply is given at once");
}
