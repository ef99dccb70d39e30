//! Replies that are given part by part from clones: what their readers see, and what everybody else does not have to wait for.

use crate::support::{Client, Server, bulk, elements, encode, integer, status};
use redis_protocol::resp2::types::OwnedFrame;

const MB: u64 = 1024 * 1024;
/// With names of 200 bytes the reply is more than the buffers of a loopback connection hold.
const MEMBERS: usize = 200_000;

fn name(number: usize) -> String {
    format!("{number:0200}")
}

/// Makes a sorted set `board` whose members are their own scores.
fn load_board(client: &mut Client) {
    let script = "for number = 0, ARGV[1] - 1 do redis.call('ZADD', KEYS[1], number, string.rep('0', 190) .. string.format('%010d', number)) end";
    client.call(&["EVAL", script, "1", "board", &MEMBERS.to_string()]);
    assert_eq!(client.run("ZCARD board"), integer(MEMBERS as i64));
}

/// What ZRANGE board 0 -1 replies.
fn board_reply() -> Vec<u8> {
    let members = (0..MEMBERS).map(|number| format!("$200\r\n{}\r\n", name(number)));
    format!("*{MEMBERS}\r\n").into_bytes().into_iter().chain(members.flat_map(String::into_bytes)).collect()
}

/// A connection that has sent `request` and reads nothing of the reply, which has begun.
fn slow_reader(server: &Server, request: &[&str]) -> Client {
    let mut reader = server.client();
    assert_eq!(reader.run("CLIENT SETNAME slow"), status("OK"));
    reader.send(request);
    server.wait_for_command("slow", &request[0].to_lowercase());
    reader
}

fn wait_for_memory_below(server: &Server, bytes: u64) {
    while server.info("used_memory") > bytes {}
}

#[test]
fn a_slow_reader_gets_the_set_as_it_was_and_holds_up_neither_its_writers_nor_its_worker() {
    let server = Server::with(&["--threads", "1"]);
    let mut other = server.client();
    let empty = server.info("used_memory");
    load_board(&mut other);
    let loaded = server.info("used_memory");
    let mut reader = slow_reader(&server, &["ZRANGE", "board", "0", "-1"]);
    reader.send(&["ECHO", "behind it"]);
    for number in (0..MEMBERS).step_by(1_000) {
        assert_eq!(other.call(&["ZREM", "board", &name(number)]), integer(1));
        assert_eq!(other.call(&["ZADD", "board", "-1", &name(number + 1)]), integer(0));
        assert_eq!(other.run("ZADD board 0 new"), integer(i64::from(number == 0)));
    }
    assert!(
        server.info("used_memory") < loaded + 8 * MB,
        "what is kept is the set, what was changed of it, and a part of the reply"
    );
    assert_eq!(other.run("DEL board"), integer(1));
    assert!(server.info("used_memory") > loaded / 2, "the clone has most of the set");
    reader.finish();
    let expected = [board_reply(), b"$9\r\nbehind it\r\n".to_vec()].concat();
    assert!(reader.read_to_end() == expected, "the reply is the set at the moment of the command, and whole");
    wait_for_memory_below(&server, empty + 8 * MB);
}

#[test]
fn a_reader_that_is_killed_or_leaves_in_the_middle_gives_its_clone_back() {
    let server = Server::with(&["--threads", "1"]);
    let mut other = server.client();
    let empty = server.info("used_memory");
    load_board(&mut other);
    let mut killed = slow_reader(&server, &["ZRANGE", "board", "0", "-1"]);
    assert_eq!(other.call(&["CLIENT", "KILL", "ADDR", &killed.address().to_string()]), integer(1));
    let part = killed.read_to_end();
    assert!(part.len() < board_reply().len() && board_reply().starts_with(&part), "it got a part");
    let left = slow_reader(&server, &["ZREVRANGE", "board", "0", "-1"]);
    drop(left);
    assert_eq!(other.run("DEL board"), integer(1));
    wait_for_memory_below(&server, empty + 8 * MB);
    let OwnedFrame::BulkString(stats) = other.run("INFO commandstats") else { panic!("INFO replies a bulk") };
    let stats = String::from_utf8(stats).expect("INFO is text");
    assert!(stats.contains("cmdstat_zrange:calls=1,") && stats.contains("cmdstat_zrevrange:calls=1,"), "{stats}");
}

#[test]
fn a_server_that_stops_gives_what_it_has_begun() {
    let server = Server::with(&["--threads", "1"]);
    load_board(&mut server.client());
    let mut reader = slow_reader(&server, &["ZRANGE", "board", "0", "-1"]);
    server.signal("TERM");
    assert!(reader.read_to_end() == board_reply());
    assert_eq!(server.wait(), Some(0));
}

/// Long values of every type, whose elements are numbers in their own order.
fn load_values(client: &mut Client) {
    let script = "for number = 1, 5000 do \
            redis.call('ZADD', 'zset', number % 7, number) \
            redis.call('ZADD', 'names', 0, number) \
            redis.call('RPUSH', 'list', number % 1000) \
            redis.call('SADD', 'set', number) \
            if number % 2 == 0 then redis.call('SADD', 'even', 'x' .. number, number) end \
            redis.call('HSET', 'hash', 'field' .. number, number) \
            redis.call('SET', 'key:' .. number, number) \
        end \
        redis.call('SADD', 'words', 'a', 'b', unpack(redis.call('ZRANGE', 'zset', 0, 3000))) \
        redis.call('SET', 'text', string.rep('abcdefg', 300)) \
        redis.call('SET', 'other', string.rep('bdgc', 400))";
    client.call(&["EVAL", script, "0"]);
}

/// Every command that gives long replies of which two calls are the same.
const LONG: &[&str] = &[
    "ZRANGE zset 0 -1",
    "ZRANGE zset 0 -1 WITHSCORES",
    "ZRANGE zset 1 4000 REV WITHSCORES",
    "ZRANGE zset (1 5 BYSCORE LIMIT 10 2000",
    "ZRANGE names [2 [4 BYLEX",
    "ZREVRANGE zset 0 -1",
    "ZRANGEBYSCORE zset -inf +inf WITHSCORES",
    "ZREVRANGEBYSCORE zset +inf -inf",
    "ZRANGEBYLEX names - +",
    "ZREVRANGEBYLEX names + -",
    "ZRANDMEMBER zset 6000 WITHSCORES",
    "ZUNION 2 zset names WITHSCORES",
    "ZUNION 3 zset set even WEIGHTS 1 0.5 -2 AGGREGATE MAX",
    "ZINTER 2 zset names",
    "ZINTER 2 set even WITHSCORES",
    "ZINTER 2 set list",
    "ZDIFF 2 zset even WITHSCORES",
    "ZDIFF 2 zset zset",
    "ZINTERCARD 2 zset even",
    "ZINTERCARD 2 zset even LIMIT 2100",
    "LRANGE list 0 -1",
    "LRANGE list -3000 -2",
    "LPOS list 7 COUNT 0",
    "LPOS list 999 RANK -5",
    "LPOS list none",
    "LPOS list none COUNT 0",
    "SMEMBERS set",
    "SRANDMEMBER set 5001",
    "SINTER set even",
    "SUNION set even words",
    "SDIFF set even",
    "SINTER even absent",
    "SINTERCARD 2 set even",
    "SINTERCARD 2 set even LIMIT 2100",
    "ZUNION 3 zset names set WITHSCORES",
    "ZUNION 2 zset words AGGREGATE MAX",
    "ZINTER 2 zset set WEIGHTS 2 3 WITHSCORES",
    "ZDIFF 2 zset even",
    "ZDIFF 2 zset even WITHSCORES",
    "ZINTERCARD 2 zset names",
    "MEMORY USAGE hash SAMPLES 0",
    "HGETALL hash",
    "HKEYS hash",
    "HVALS hash",
    "HRANDFIELD hash 5000 WITHVALUES",
    "KEYS *",
    "KEYS key:*1*",
    "SORT list",
    "SORT list DESC ALPHA LIMIT 100 4000",
    "SORT_RO set BY nosort",
    "SORT words",
    "SORT words ALPHA",
    "SORT zset BY nosort DESC",
    "LCS text other",
    "LCS text other LEN",
    "LCS text other IDX MINMATCHLEN 2 WITHMATCHLEN",
    "LCS text set",
];

/// The replies to `requests`, as they stand on the wire, after those to `first`.
fn replies(server: &Server, first: &[&str], requests: &[Vec<u8>]) -> Vec<u8> {
    let mut client = server.client();
    for line in first {
        client.send(&line.split(' ').collect::<Vec<_>>());
    }
    client.send(&["ECHO", "begin"]);
    client.send_raw(&requests.concat());
    client.finish();
    let bytes = client.read_to_end();
    let mark = b"$5\r\nbegin\r\n";
    let at = bytes.windows(mark.len()).position(|window| window == mark).expect("the mark is there");
    bytes[at + mark.len()..].to_vec()
}

fn request(line: &str) -> Vec<u8> {
    encode(&line.split(' ').collect::<Vec<_>>())
}

#[test]
fn long_replies_keep_their_place_in_a_pipeline_and_are_the_same_in_a_transaction_and_in_a_script() {
    let server = Server::with(&["--threads", "1"]);
    load_values(&mut server.client());
    for protocol in ["HELLO 2", "HELLO 3"] {
        let requests: Vec<Vec<u8>> = LONG.iter().map(|line| request(line)).collect();
        let direct = replies(&server, &[protocol], &requests);
        let with_echoes: Vec<Vec<u8>> =
            requests.iter().map(|bytes| [bytes.as_slice(), &request("ECHO between")].concat()).collect();
        let one_by_one: Vec<Vec<u8>> =
            requests.iter().map(|bytes| replies(&server, &[protocol], std::slice::from_ref(bytes))).collect();
        assert!(direct == one_by_one.concat(), "{protocol}: a pipeline has every reply whole and in order");
        let mixed = replies(&server, &[protocol], &with_echoes);
        let expected: Vec<u8> =
            one_by_one.iter().flat_map(|reply| [reply.as_slice(), b"$7\r\nbetween\r\n"].concat()).collect();
        assert!(mixed == expected, "{protocol}: and so it has between others");
        for (line, reply) in LONG.iter().zip(&one_by_one) {
            let executed =
                replies(&server, &[protocol], &[request("MULTI"), request(line), request(line), request("EXEC")]);
            let expected = [b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n", reply.as_slice(), reply].concat();
            assert!(executed == expected, "{protocol}: EXEC gives the same for {line}");
            if protocol == "HELLO 2" {
                let words: Vec<&str> = line.split(' ').collect();
                let script = [&["EVAL", "return redis.pcall(unpack(ARGV))", "0"], &words[..]].concat();
                let in_script = replies(&server, &[protocol], &[encode(&script)]);
                assert!(in_script == *reply || line.starts_with("SORT_RO set"), "a script gets the same for {line}");
            }
        }
    }
}

#[test]
fn draws_are_as_many_as_were_asked_for_and_members() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    load_values(&mut client);
    for (line, len, is_distinct) in [
        ("ZRANDMEMBER zset -20000", 20_000, false),
        ("ZRANDMEMBER zset 4000", 4_000, true),
        ("SRANDMEMBER set -20000", 20_000, false),
        ("SRANDMEMBER set 4000", 4_000, true),
        ("SRANDMEMBER set 1500", 1_500, true),
        ("HRANDFIELD hash -20000", 20_000, false),
        ("HRANDFIELD hash 4000", 4_000, true),
    ] {
        let mut drawn: Vec<Vec<u8>> = elements(client.run(line))
            .into_iter()
            .map(|frame| match frame {
                OwnedFrame::BulkString(bytes) => bytes,
                other => panic!("{other:?} is no member"),
            })
            .collect();
        assert_eq!(drawn.len(), len, "{line}");
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len() == len, is_distinct, "{line}");
        let is_member = |member: &[u8]| {
            let number = std::str::from_utf8(member).expect("text").trim_start_matches("field").parse::<u32>();
            number.is_ok_and(|number| (1..=5_000).contains(&number))
        };
        assert!(drawn.iter().all(|member| is_member(member)), "{line}");
    }
}

#[test]
fn a_client_that_wants_no_replies_gets_no_part_of_a_long_one() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    load_values(&mut client);
    let lines = [
        "CLIENT REPLY SKIP",
        "ZRANGE zset 0 -1",
        "PING",
        "CLIENT REPLY OFF",
        "KEYS *",
        "PING",
        "SORT words",
        "CLIENT REPLY ON",
        "PING",
    ];
    let requests: Vec<Vec<u8>> = lines.iter().map(|line| request(line)).collect();
    assert_eq!(replies(&server, &[], &requests), b"+PONG\r\n+OK\r\n+PONG\r\n");
}

#[test]
fn a_message_never_stands_within_a_reply() {
    let server = Server::with(&["--threads", "1"]);
    let mut other = server.client();
    load_board(&mut other);
    let mut reader = server.client();
    reader.send(&["HELLO", "3", "SETNAME", "slow"]);
    reader.send(&["SUBSCRIBE", "news"]);
    reader.read3();
    reader.read3();
    reader.send(&["ZRANGE", "board", "0", "-1"]);
    server.wait_for_command("slow", "zrange");
    assert_eq!(other.run("PUBLISH news hello"), integer(1));
    reader.finish();
    let expected = [board_reply(), b">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n".to_vec()].concat();
    let bytes = reader.read_to_end();
    let message_at = bytes.windows(7).position(|window| window == b"message").expect("the message came");
    assert!(message_at < 16 || bytes == expected, "it came before the reply or after it");
}

#[test]
fn a_long_command_counts_once_with_all_its_time_and_its_error_counts_too() {
    let server = Server::with(&["--threads", "1", "--slowlog-log-slower-than", "0"]);
    let mut client = server.client();
    load_values(&mut client);
    client.run("CONFIG RESETSTAT");
    client.run("SLOWLOG RESET");
    assert_eq!(elements(client.run("ZRANGE zset 0 -1 WITHSCORES")).len(), 10_000);
    let error = client.run("SORT words");
    assert_eq!(error, crate::support::error("ERR One or more scores can't be converted into double"));
    let slow: Vec<OwnedFrame> =
        elements(client.run("SLOWLOG GET 2")).into_iter().map(|entry| elements(entry)[3].clone()).collect();
    assert_eq!(slow[0], OwnedFrame::Array(vec![bulk("SORT"), bulk("words")]));
    assert_eq!(slow[1], OwnedFrame::Array(["ZRANGE", "zset", "0", "-1", "WITHSCORES"].map(bulk).to_vec()));
    let OwnedFrame::BulkString(info) = client.run("INFO everything") else { panic!("INFO replies a bulk") };
    let info = String::from_utf8(info).expect("INFO is text");
    let line =
        |name: &str| info.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {info}"));
    assert!(line("cmdstat_zrange:").contains("calls=1,"), "{}", line("cmdstat_zrange:"));
    assert!(line("cmdstat_sort:").contains("calls=1,") && line("cmdstat_sort:").contains("failed_calls=1"));
    assert!(line("errorstat_ERR:").contains("count=1"));
}

/// The replies of commands that store what large values come to, and what they stored.
const STORED: &[(&str, &str)] = &[
    ("SUNIONSTORE to a b", "SCARD to"),
    ("SINTERSTORE to a b", "SCARD to"),
    ("SDIFFSTORE to a b", "SCARD to"),
    ("SUNIONSTORE a a b", "SCARD a"),
    ("SINTERSTORE to a absent", "EXISTS to"),
    ("ZUNIONSTORE to 2 a z WEIGHTS 1 2", "ZRANGE to 0 20 REV WITHSCORES"),
    ("ZINTERSTORE to 2 a z", "ZCOUNT to 3 50000"),
    ("ZDIFFSTORE to 2 z b", "ZCARD to"),
    ("ZRANGESTORE to z 100 -100", "ZRANGE to 0 3 WITHSCORES"),
    ("SORT a DESC STORE to", "LRANGE to 0 9"),
    ("SORT words ALPHA STORE to", "LRANGE to -5 -1"),
    ("SORT words STORE to", "EXISTS to"),
];

fn load_sources(client: &mut Client) {
    let script = "for number = 1, 60000 do \
            redis.call('SADD', 'a', number) \
            redis.call('SADD', 'b', number + 30000) \
            redis.call('ZADD', 'z', number, number * 2) \
            redis.call('SADD', 'words', 'word' .. number) \
        end";
    client.call(&["EVAL", script, "0"]);
}

#[test]
fn what_is_stored_from_clones_is_what_a_transaction_stores() {
    let server = Server::with(&["--threads", "1"]);
    load_sources(&mut server.client());
    for (line, look) in STORED {
        let one =
            replies(&server, &[], &[request("COPY a kept REPLACE"), request(line), request(look), request("DEL to")]);
        let restore = [request("COPY kept a REPLACE"), request("DEL kept")];
        let muted = [
            request("CLIENT REPLY OFF"),
            request("COPY a kept REPLACE"),
            request(line),
            request("CLIENT REPLY ON"),
            request(look),
            request("DEL to"),
        ];
        let in_transaction = [
            request("MULTI"),
            request("COPY a kept REPLACE"),
            request(line),
            request(look),
            request("DEL to"),
            request("EXEC"),
        ];
        replies(&server, &[], &restore);
        let two = replies(&server, &[], &in_transaction);
        replies(&server, &[], &restore);
        let head = b"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n";
        assert!(two.starts_with(head) && two[head.len()..] == one, "{line}");
        let three = replies(&server, &[], &muted);
        replies(&server, &[], &restore);
        assert!(
            three.starts_with(b"+OK\r\n") && one.ends_with(&three[5..]),
            "{line} has its effect without a reply as well"
        );
    }
    let OwnedFrame::BulkString(stats) = server.client().run("INFO commandstats") else { panic!("INFO replies a bulk") };
    let stats = String::from_utf8(stats).expect("INFO is text");
    assert!(stats.contains("cmdstat_zrangestore:calls=3,"), "each counts once, however often it ran: {stats}");
}

/// Changes of so much of a value that they are made in a clone, and what is left.
const CHANGES: &[(&str, &str)] = &[
    ("ZREMRANGEBYSCORE z 1001 100000", "ZRANGE z 0 -1 WITHSCORES"),
    ("ZREMRANGEBYRANK z 5000 -5000", "ZRANGE z 0 -1 WITHSCORES"),
    ("ZREMRANGEBYLEX names [name2 (name6", "ZRANGE names 0 -1"),
    ("ZREMRANGEBYSCORE z -inf +inf", "EXISTS z"),
    ("LREM list 0 7", "LRANGE list 0 -1"),
    ("LREM list -3 7", "LRANGE list -100 -1"),
    ("LREM list 0 absent", "LLEN list"),
    ("LREM same 0 x", "EXISTS same"),
    ("LINSERT list BEFORE last new", "LRANGE list -5 -1"),
    ("LINSERT list AFTER last new", "LRANGE list -5 -1"),
    ("LINSERT list AFTER 7 new", "LRANGE list 0 20"),
    ("LINSERT list AFTER absent new", "LLEN list"),
    ("ZREMRANGEBYRANK list 0 -1", "LLEN list"),
];

#[test]
fn what_is_changed_in_a_clone_is_what_a_transaction_changes() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    load_sources(&mut client);
    let script = "for number = 1, 60000 do \
            redis.call('ZADD', 'names', 0, 'name' .. number) \
            redis.call('RPUSH', 'list', number % 1000) \
            redis.call('RPUSH', 'same', 'x') \
        end redis.call('RPUSH', 'list', 'last')";
    client.call(&["EVAL", script, "0"]);
    for (line, look) in CHANGES {
        let key = line.split(' ').nth(1).expect("a key");
        client.run(&format!("COPY {key} kept REPLACE"));
        let alone = (client.run(line), client.run(look));
        client.run(&format!("COPY kept {key} REPLACE"));
        client.run("MULTI");
        client.run(line);
        client.run(look);
        let both = elements(client.run("EXEC"));
        client.run(&format!("COPY kept {key} REPLACE"));
        assert!(both == [alone.0, alone.1], "{line}");
    }
}

#[test]
fn many_elements_that_leave_by_name_are_removed_from_a_clone_as_in_a_transaction() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    let script = "for number = 1, 6000 do \
            redis.call('ZADD', 'ZREM', number, 'name' .. number) \
            redis.call('SADD', 'SREM', 'name' .. number) \
            redis.call('HSET', 'HDEL', 'name' .. number, number) \
        end";
    client.call(&["EVAL", script, "0"]);
    let names = |range: std::ops::Range<usize>| range.map(|number| format!("name{number}")).collect::<Vec<_>>();
    for (command, len) in [("ZREM", "ZCARD"), ("SREM", "SCARD"), ("HDEL", "HLEN")] {
        let argv = |key: &str, range| [vec![command.to_owned(), key.to_owned()], names(range)].concat();
        assert_eq!(client.call(&argv(command, 2_001..5_001)), integer(3_000));
        assert_eq!(client.call(&argv(command, 2_001..5_001)), integer(0));
        assert_eq!(client.run(&format!("{len} {command}")), integer(3_000));
        assert_eq!(client.call(&argv("absent", 0..3_000)), integer(0));
        client.run("MULTI");
        client.call(&argv(command, 1_001..4_001));
        assert_eq!(elements(client.run("EXEC")), [integer(1_000)]);
        assert_eq!(client.call(&argv(command, 0..7_000)), integer(2_000));
        assert_eq!(client.run(&format!("EXISTS {command}")), integer(0));
    }
}

/// The list is changed while a clone of it is: the change is made once, to what the list was at one moment.
#[test]
fn a_list_that_is_pushed_to_meanwhile_loses_what_is_removed_and_nothing_else() {
    let server = Server::with(&["--threads", "2"]);
    let mut client = server.client();
    client.call(&["EVAL", "for number = 1, 60000 do redis.call('RPUSH', 'list', number % 1000) end", "0"]);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    let pushed = std::thread::scope(|scope| {
        let (mut writer, is_over) = (server.client(), &is_over);
        let writer = scope.spawn(move || {
            let mut pushed = 0;
            while !is_over.load(order) {
                writer.run("RPUSH list new");
                pushed += 1;
            }
            pushed
        });
        for number in 0..5 {
            assert_eq!(client.run(&format!("LREM list 0 {number}")), integer(60));
        }
        is_over.store(true, order);
        writer.join().expect("the writer does not panic")
    });
    assert_eq!(client.run("LLEN list"), integer(60_000 - 5 * 60 + pushed));
    assert_eq!(client.run("LREM list 0 new"), integer(pushed));
}

/// Writers change a source all the time: the result is what the source was at one moment between the request and the reply.
#[test]
fn what_is_stored_from_clones_is_the_state_of_one_moment() {
    let server = Server::with(&["--threads", "2"]);
    let mut client = server.client();
    load_sources(&mut client);
    let added = std::sync::atomic::AtomicUsize::new(0);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        let mut writer = server.client();
        let (added, is_over) = (&added, &is_over);
        scope.spawn(move || {
            for number in 0.. {
                if is_over.load(order) {
                    break;
                }
                assert_eq!(writer.call(&["SADD", "a", &format!("new{number}")]), integer(1));
                added.store(number + 1, order);
            }
        });
        for _ in 0..10 {
            let before = added.load(order);
            let OwnedFrame::Integer(len) = client.run("SUNIONSTORE to b a") else { panic!("it replies a length") };
            // One may have been added and not yet counted.
            let after = added.load(order) + 1;
            let news = usize::try_from(len).expect("a length") - 90_000;
            assert!((before..=after).contains(&news), "{before} <= {news} <= {after}");
            assert_eq!(client.call(&["SISMEMBER", "to", &format!("new{news}")]), integer(0));
            if news > 0 {
                assert_eq!(client.call(&["SISMEMBER", "to", &format!("new{}", news - 1)]), integer(1));
            }
        }
        is_over.store(true, order);
    });
}
