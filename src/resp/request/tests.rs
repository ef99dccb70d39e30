//! The tables were taken from a redis-server 7.0.15, by sending it these bytes.

use super::*;
use proptest::prelude::*;
use redis_protocol::resp2;

/// What a connection sees in a stream: its requests, and the error that ended it, if one did.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    requests: Vec<Vec<Vec<u8>>>,
    error: Option<ProtocolError>,
}

/// Feeds the stream to a parser as a connection does, in pieces that end at `cuts`.
fn fed(stream: &[u8], cuts: &[usize], limits: &Limits) -> Seen {
    let mut seen = Seen::default();
    let mut parser = Parser::new();
    let mut start = 0;
    for &end in cuts.iter().chain([&stream.len()]) {
        loop {
            let buf = &stream[start..end];
            match parser.parse(buf, limits) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Empty { consumed }) => start += consumed,
                Ok(Parsed::Complete { consumed }) => {
                    seen.requests.push(parser.args(buf).iter().map(|arg| arg.to_vec()).collect());
                    start += consumed;
                }
                Err(error) => {
                    seen.error = Some(error);
                    return seen;
                }
            }
        }
    }
    seen
}

/// Feeds the stream whole and byte by byte, which must be the same.
fn seen(stream: &[u8], limits: &Limits) -> Seen {
    let whole = fed(stream, &[], limits);
    let cuts: Vec<usize> = (0..stream.len()).collect();
    assert_eq!(whole, fed(stream, &cuts, limits), "{:?} byte by byte", stream.escape_ascii().to_string());
    whole
}

/// A table's shorthand: words of one request.
fn words(request: &str) -> Vec<Vec<u8>> {
    request.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn array(args: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[test]
fn well_formed_requests_are_understood() {
    let ping = "*1\r\n$4\r\nPING\r\n";
    for (stream, requests) in [
        ("", &[][..]),
        (ping, &["PING"]),
        ("PING\r\n", &["PING"]),
        ("PING\n", &["PING"]),
        ("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n", &["SET k vv"]),
        ("*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", &["ECHO "]),
        ("*1\r\n$0\r\n\r\n", &[""]),
        ("*0\r\n*-1\r\n*-10\r\n*-9223372036854775808\r\n*1\r\n$4\r\nPING\r\n", &["PING"]),
        ("\r\n\n   \r\n\r\r\n\u{c}\r\n*1\r\n$4\r\nPING\r\n", &["PING"]),
        // The byte after a CR, and the two after an argument, may be any.
        ("*1\rX$4\rYPINGab*1\r\n$4\r\nPING\r\n", &["PING", "PING"]),
        ("  *1\r\n$4\r\nPING\r\n", &["*1", "$4", "PING"]),
        ("GET / HTTP/1.1\r\n\r\n", &["GET / HTTP/1.1"]),
        ("HOST x\r\nPOSTS\r\nHOST:x\r\nGET POST host:\r\n", &["HOST x", "POSTS", "HOST:x", "GET POST host:"]),
        // Not all there: the line has no CR, the second argument no end, the last byte is missing.
        ("*1\n$4\nPING\n", &[]),
        ("PING\n*2\r\n$4\r\nECHO\r\n$", &["PING"]),
        ("*1\r\n$4\r\nPING\r", &[]),
        ("*1\r\nx", &[]),
        ("*a", &[]),
        ("*1\r", &[]),
        ("*1048576\r\n", &[]),
        ("*1\r\n$536870912\r\n", &[]),
    ] {
        let expected = Seen { requests: requests.iter().map(|request| words(request)).collect(), error: None };
        assert_eq!(seen(stream.as_bytes(), &Limits::DEFAULT), expected, "{stream:?}");
    }
}

#[test]
fn malformed_requests_get_the_error_that_redis_gives() {
    use ProtocolError::*;
    for (stream, error, text) in [
        (&b"*\r\n"[..], MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"*+1\r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"*01\r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"*00\r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"*-0\r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"*-\r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"*-01\r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"* 1\r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"*1 \r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"**1\r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"*1\n\r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"*1048577\r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"*9223372036854775808\r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"*-9223372036854775809\r\n", MultibulkLength, "Protocol error: invalid multibulk length"),
        (b"*1\r\n$\r\n", BulkLength, "Protocol error: invalid bulk length"),
        (b"*1\r\n$-1\r\n", BulkLength, "Protocol error: invalid bulk length"),
        (b"*1\r\n$-0\r\n", BulkLength, "Protocol error: invalid bulk length"),
        (b"*1\r\n$04\r\n", BulkLength, "Protocol error: invalid bulk length"),
        (b"*1\r\n$+4\r\n", BulkLength, "Protocol error: invalid bulk length"),
        (b"*1\r\n$4x\r\n", BulkLength, "Protocol error: invalid bulk length"),
        (b"*1\r\n$536870913\r\n", BulkLength, "Protocol error: invalid bulk length"),
        (b"*1\r\n$9223372036854775808\r\n", BulkLength, "Protocol error: invalid bulk length"),
        (b"*1\r\n+PING\r\n", ExpectedDollar(b'+'), "Protocol error: expected '$', got '+'"),
        (b"*2\r\n$4\r\nECHO\r\n*1\r\n", ExpectedDollar(b'*'), "Protocol error: expected '$', got '*'"),
        (b"*1\r\n\r\n", ExpectedDollar(b'\r'), "Protocol error: expected '$', got '\r'"),
        (b"*1\r\n\xff4\r\n", ExpectedDollar(0xff), "Protocol error: expected '$', got '\u{ff}'"),
        (b"ECHO \"abc\r\n", UnbalancedQuotes, "Protocol error: unbalanced quotes in request"),
        (b"ECHO 'abc\r\n", UnbalancedQuotes, "Protocol error: unbalanced quotes in request"),
        (b"ECHO \"abc\"d\r\n", UnbalancedQuotes, "Protocol error: unbalanced quotes in request"),
        (b"ECHO 'abc'd\r\n", UnbalancedQuotes, "Protocol error: unbalanced quotes in request"),
        (b"ECHO ab\"cd\"ef\r\n", UnbalancedQuotes, "Protocol error: unbalanced quotes in request"),
        (b"ECHO \"a\"\"b\"\r\n", UnbalancedQuotes, "Protocol error: unbalanced quotes in request"),
        (b"ECHO \"abc\\\r\n", UnbalancedQuotes, "Protocol error: unbalanced quotes in request"),
        (b"ECHO \"abc\\\"\r\n", UnbalancedQuotes, "Protocol error: unbalanced quotes in request"),
        (b"ECHO 'abc\\\r\n", UnbalancedQuotes, "Protocol error: unbalanced quotes in request"),
        (b"ECHO 'abc\\'\r\n", UnbalancedQuotes, "Protocol error: unbalanced quotes in request"),
    ] {
        let found = seen(stream, &Limits::DEFAULT);
        assert_eq!(found, Seen { requests: vec![], error: Some(error) }, "{}", stream.escape_ascii());
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn the_reply_to_an_unexpected_byte_holds_that_byte() {
    let reply = ProtocolError::ExpectedDollar(0xff).reply();
    assert_eq!(reply.as_deref(), Some(&b"ERR Protocol error: expected '$', got '\xff'"[..]));
    let reply = ProtocolError::BulkLength.reply();
    assert_eq!(reply.as_deref(), Some(&b"ERR Protocol error: invalid bulk length"[..]));
    assert_eq!(ProtocolError::CrossProtocol.reply(), None);
}

#[test]
fn requests_before_an_error_are_still_requests() {
    let stream = b"PING\r\n*1\r\n$4\r\nPING\r\n*1\r\nx\r\nPING\r\n";
    let expected =
        Seen { requests: vec![words("PING"), words("PING")], error: Some(ProtocolError::ExpectedDollar(b'x')) };
    assert_eq!(seen(stream, &Limits::DEFAULT), expected);
}

#[test]
fn words_of_an_inline_request_may_be_quoted_and_escaped() {
    for (line, expected) in [
        (&b"a b"[..], &[&b"a"[..], b"b"][..]),
        (b"  a \t b  ", &[b"a", b"b"]),
        (b"a\rb\r\r", &[b"a", b"b"]),
        (b"\"a b\"", &[b"a b"]),
        (b"\"\" ''", &[b"", b""]),
        (b"\"\\x41\\xaF\\x00\\n\\r\\t\\b\\a\\\\\\\"\"", &[b"A\xaf\0\n\r\t\x08\x07\\\""]),
        (b"\"\\q\\x4\\xZZ\\X41\"", &[b"qx4xZZX41"]),
        (b"\"it's\"", &[b"it's"]),
        (b"'a\\'b\\n\"'", &[b"a'b\\n\""]),
        (b"ab\"c d\" ab'c d'", &[b"abc d", b"abc d"]),
        (b"a\\x41 \\", &[b"a\\x41", b"\\"]),
        (b"\xa0 \x85 \x1c", &[b"\xa0", b"\x85", b"\x1c"]),
        (b"\x0ba\x0bb\x0c 'c'\x0bd", &[b"a\x0bb\x0c", b"c", b"d"]),
        (b"'a'\t\"b\"\x0c", &[b"a", b"b"]),
    ] {
        for end in [&b"\r\n"[..], b"\n"] {
            let requests = vec![expected.iter().map(|word| word.to_vec()).collect()];
            let found = seen(&[line, end].concat(), &Limits::DEFAULT);
            assert_eq!(found, Seen { requests, error: None }, "{}", line.escape_ascii());
        }
    }
}

#[test]
fn what_a_tricked_browser_sends_ends_the_connection() {
    let ping = array(&[b"PING"]);
    for stream in [
        b"POST / HTTP/1.1\r\n".to_vec(),
        b"  post\r\n".to_vec(),
        b"\"POST\"\r\n".to_vec(),
        b"Host: localhost\r\n".to_vec(),
        array(&[b"Post", b"/"]),
        array(&[b"HOST:"]),
    ] {
        let found = seen(&[&ping[..], &stream, &ping].concat(), &Limits::DEFAULT);
        let expected = Seen { requests: vec![words("PING")], error: Some(ProtocolError::CrossProtocol) };
        assert_eq!(found, expected, "{}", stream.escape_ascii());
    }
}

#[test]
fn somebody_unauthenticated_is_held_to_less() {
    use ProtocolError::*;
    let limits = Limits { authenticated: false, ..Limits::DEFAULT };
    for (stream, error) in [
        (&b"*10\r\n"[..], None),
        (b"*11\r\n", Some(UnauthenticatedMultibulkLength)),
        (b"*1048577\r\n", Some(MultibulkLength)),
        (b"*1\r\n$16384\r\n", None),
        (b"*1\r\n$16385\r\n", Some(UnauthenticatedBulkLength)),
        (b"*1\r\n$536870913\r\n", Some(BulkLength)),
        (b"*1\r\nx16385\r\n", Some(ExpectedDollar(b'x'))),
        (b"POST /\r\n", Some(CrossProtocol)),
    ] {
        assert_eq!(seen(stream, &limits), Seen { requests: vec![], error }, "{}", stream.escape_ascii());
    }
    let long = vec![b'a'; 20_000];
    let inline = [&b"ECHO "[..], &long, &b" b".repeat(20), b"\n"].concat();
    assert_eq!(seen(&inline, &limits).requests[0].len(), 22, "an inline request is short by itself");
    assert_eq!(UnauthenticatedMultibulkLength.to_string(), "Protocol error: unauthenticated multibulk length");
    assert_eq!(UnauthenticatedBulkLength.to_string(), "Protocol error: unauthenticated bulk length");
}

#[test]
fn a_line_ends_in_time_or_the_connection_does() {
    use ProtocolError::*;
    let limit = Limits::DEFAULT.inline_bytes;
    let ended = |head: &[u8], fill: u8, bytes: usize, end: &[u8]| {
        let mut stream = head.to_vec();
        stream.resize(head.len() + bytes, fill);
        stream.extend_from_slice(end);
        seen(&stream, &Limits::DEFAULT)
    };
    assert_eq!(ended(b"", b'a', limit, b"").error, None);
    assert_eq!(ended(b"", b'a', limit + 1, b"").error, Some(InlineTooBig));
    assert_eq!(ended(b"", b'a', limit, b"\n").requests.len(), 1);
    assert_eq!(ended(b"", b'a', limit + 1, b"\n").error, Some(InlineTooBig));
    assert_eq!(ended(b"*", b'1', limit - 1, b"").error, None);
    assert_eq!(ended(b"*", b'1', limit, b"").error, Some(MultibulkCountTooBig));
    assert_eq!(ended(b"*", b'1', limit - 1, b"\r\n").error, Some(MultibulkLength));
    assert_eq!(ended(b"*", b'1', limit - 1, b"\r").error, None, "the byte after the CR is still to come");
    assert_eq!(ended(b"*1\r\n$", b'1', limit - 1, b"").error, None);
    assert_eq!(ended(b"*1\r\n$", b'1', limit, b"").error, Some(BulkCountTooBig));
    assert_eq!(ended(b"*1\r\n$", b'1', limit - 1, b"\r\n").error, Some(BulkLength));
    assert_eq!(InlineTooBig.to_string(), "Protocol error: too big inline request");
    assert_eq!(MultibulkCountTooBig.to_string(), "Protocol error: too big mbulk count string");
    assert_eq!(BulkCountTooBig.to_string(), "Protocol error: too big bulk count string");
}

#[test]
fn a_nul_hides_the_end_of_its_line() {
    let limit = Limits::DEFAULT.inline_bytes;
    for (head, error) in [
        (&b"a\0"[..], ProtocolError::InlineTooBig),
        (b"*1\0", ProtocolError::MultibulkCountTooBig),
        (b"*1\r\n\0", ProtocolError::BulkCountTooBig),
    ] {
        let mut stream = head.to_vec();
        stream.resize(limit, b'\n');
        stream.extend_from_slice(b"\r\n");
        assert_eq!(seen(&stream[..limit], &Limits::DEFAULT), Seen::default());
        stream.resize(limit + 8, b'\n');
        assert_eq!(seen(&stream, &Limits::DEFAULT).error, Some(error));
    }
    assert_eq!(seen(b"PING\r\n\0", &Limits::DEFAULT).requests.len(), 1, "only its own line");
}

/// Announcing the largest request there may be must cost the server nothing: it is the cheapest attack.
#[test]
fn nothing_is_reserved_for_what_was_only_announced() {
    let mut parser = Parser::new();
    let stream = b"*1048576\r\n$536870912\r\nabc";
    assert_eq!(parser.parse(stream, &Limits::DEFAULT), Ok(Parsed::Incomplete));
    assert_eq!(parser.room(), (8, 0), "the arguments inside the parser itself, and no text");
    assert_eq!(parser.wanted(), 1024 * 1024, "the announced 512 MiB are read piece by piece");
}

#[test]
fn the_room_of_an_unusual_request_is_not_kept() {
    let mut parser = Parser::new();
    let many = array(&[&b"x"[..]; 5000]);
    assert_eq!(parser.parse(&many, &Limits::DEFAULT), Ok(Parsed::Complete { consumed: many.len() }));
    assert_eq!(parser.args(&many).len(), 5000);
    let long = [&[b'a'; 50_000][..], b"\n"].concat();
    assert_eq!(parser.parse(&long, &Limits::DEFAULT), Ok(Parsed::Complete { consumed: long.len() }));
    assert_eq!(parser.room().0, 8);
    assert_eq!(parser.parse(b"", &Limits::DEFAULT), Ok(Parsed::Incomplete));
    assert!(parser.room().1 <= 1024);
}

#[test]
fn wanted_tells_what_the_argument_still_needs() {
    let mut parser = Parser::new();
    let stream = array(&[b"ECHO", &[b'x'; 1000]]);
    let payload = stream.len() - 1002;
    assert_eq!(parser.wanted(), 0);
    for (shown, wanted) in [(5, 0), (payload, 1002), (payload + 600, 402), (stream.len() - 1, 1)] {
        assert_eq!(parser.parse(&stream[..shown], &Limits::DEFAULT), Ok(Parsed::Incomplete));
        assert_eq!(parser.wanted(), wanted);
    }
    assert_eq!(parser.parse(&stream, &Limits::DEFAULT), Ok(Parsed::Complete { consumed: stream.len() }));
    assert_eq!(parser.wanted(), 0);
}

/// Streams that are nearly right: the pieces of which requests are made, in any order.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let fragment = prop_oneof![
        4 => Just(b"\r\n".to_vec()),
        1 => prop::sample::select(vec![&b"\n"[..], b"\r", b"\0", b" ", b"\"", b"'", b"\\", b"\\x4", b"-", b"0", b"\x0b"])
            .prop_map(<[u8]>::to_vec),
        2 => (0..4_usize).prop_map(|count| format!("*{count}\r\n").into_bytes()),
        2 => (0..6_usize).prop_map(|bytes| format!("${bytes}\r\n").into_bytes()),
        2 => prop::collection::vec(any::<u8>(), 0..6),
        2 => "[a-z]{0,6}".prop_map(String::into_bytes),
        3 => requests(3).prop_map(|requests| encoded(&requests)),
    ];
    prop::collection::vec(fragment, 0..12).prop_map(|fragments| fragments.concat())
}

fn requests(most: usize) -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let argument = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..20),
        1 => prop::collection::vec(any::<u8>(), 0..2000),
    ];
    prop::collection::vec(prop::collection::vec(argument, 1..20), 0..most)
}

/// The requests as another crate encodes them.
fn encoded(requests: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut out = Vec::new();
    for request in requests {
        let bulks = request.iter().map(|arg| resp2::types::OwnedFrame::BulkString(arg.clone())).collect();
        let frame = resp2::types::OwnedFrame::Array(bulks);
        let mut room = vec![0; resp2::types::Resp2Frame::encode_len(&frame, false)];
        let written = resp2::encode::encode(&mut room, &frame, false).unwrap();
        out.extend_from_slice(&room[..written]);
    }
    out
}

proptest! {
    #[test]
    fn the_cuts_of_a_stream_do_not_matter(stream in fragments(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
        // A limit so small that the streams reach it.
        for limits in [Limits::DEFAULT, Limits { inline_bytes: 8, bulk_bytes: 1000, arguments: 12, authenticated: false }] {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.sort_unstable();
            let whole = seen(&stream, &limits);
            prop_assert_eq!(&whole, &fed(&stream, &cuts, &limits));
        }
    }

    #[test]
    fn a_short_request_is_what_parsing_finds(stream in fragments()) {
        for limits in [Limits::DEFAULT, Limits { inline_bytes: 8, bulk_bytes: 1000, arguments: 2, authenticated: false }] {
            for start in 0..stream.len() {
                let (buf, mut parser) = (&stream[start..], Parser::new());
                let mut into: [&[u8]; 4] = [&[]; 4];
                if let Some((count, consumed)) = parser.short_request(buf, &limits, &mut into) {
                    prop_assert_eq!(parser.parse(buf, &limits), Ok(Parsed::Complete { consumed }));
                    prop_assert_eq!(&parser.args(buf)[..], &into[..count]);
                }
            }
        }
    }

    #[test]
    fn what_another_crate_encodes_is_parsed_to_the_same_arguments(
        requests in requests(6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let stream = encoded(&requests);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        // POST and Host: as the first argument are as good as impossible here.
        prop_assert_eq!(fed(&stream, &cuts, &Limits::DEFAULT), Seen { requests, error: None });
    }
}

#[test]
fn a_short_request_is_whole_and_not_of_a_browser() {
    let short = |buf: &'static [u8]| Parser::new().short_request(buf, &Limits::DEFAULT, &mut [&b""[..]; 3]);
    let whole = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1";
    assert_eq!(short(whole), Some((2, 20)));
    assert_eq!(short(&whole[..20]), Some((2, 20)));
    (0..20).for_each(|end| assert_eq!(short(&whole[..end]), None));
    for other in [
        &b"*1\r\n$4\r\nPost\r\n"[..],
        b"*4\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n",
        b"PING\r\n",
        b"*0\r\n\r\n\r\n",
    ] {
        assert_eq!(short(other), None);
    }
}

#[test]
fn an_argument_that_is_cut_is_empty_and_what_follows_is_understood() {
    let mut parser = Parser::new();
    let limits = Limits::DEFAULT;
    let head = b"*3\r\n$3\r\nSET\r\n$100\r\n";
    let mut buf = [&head[..], b"0123456789"].concat();
    assert_eq!(parser.parse(&buf, &limits), Ok(Parsed::Incomplete));
    assert_eq!((parser.position(), parser.rest()), (head.len(), 92));
    assert_eq!(&parser.args(&buf)[..], [b"SET"]);
    assert_eq!(parser.cut(), 90);
    buf.truncate(parser.position());
    buf.extend_from_slice(b"\r\n$1\r\nv\r\n*1\r\n$4\r\nPING\r\n");
    let consumed = buf.len() - 14;
    assert_eq!(parser.parse(&buf, &limits), Ok(Parsed::Complete { consumed }));
    assert_eq!(&parser.args(&buf)[..], [&b"SET"[..], b"", b"v"]);
    assert_eq!(parser.parse(&buf[consumed..], &limits), Ok(Parsed::Complete { consumed: 14 }));
}
