//! Commands that wait, over sockets: who is served, in which order, and how a wait ends.

use crate::support::{Client, Server, array, bulk, elements, error, error_text, integer, status};
use redis_protocol::resp2::types::OwnedFrame;
use std::collections::HashSet;
use std::sync::Arc;
use tally::base::clock::{Clock, ManualClock};
use tally::command::Session;
use tally::config::Config;
use tally::engine::{Executed, Worker};
use tally::resp::writer::{Protocol, Writer};

/// A connection that has sent a command and is known to wait.
pub(super) fn waiting(server: &Server, request: &str) -> Client {
    let mut client = server.client();
    let id = id_of(&mut client);
    client.send(&request.split(' ').collect::<Vec<_>>());
    wait_until_blocked(server, id);
    client
}

fn id_of(client: &mut Client) -> i64 {
    match client.run("CLIENT ID") {
        OwnedFrame::Integer(id) => id,
        other => panic!("{other:?} is no id"),
    }
}

fn is_blocked(server: &Server, id: i64) -> bool {
    let OwnedFrame::BulkString(line) = server.ask(&["CLIENT", "LIST", "ID", &id.to_string()]) else { panic!("a line") };
    String::from_utf8(line).expect("CLIENT LIST is text").contains(" flags=b ")
}

fn wait_until_blocked(server: &Server, id: i64) {
    while !is_blocked(server, id) {}
}

fn pair(key: &str, value: &str) -> OwnedFrame {
    array(vec![bulk(key), bulk(value)])
}

#[test]
fn those_who_wait_are_served_in_order_of_arrival() {
    let server = Server::with(&["--threads", "2"]);
    let mut clients: Vec<Client> = (0..8).map(|_| waiting(&server, "BLPOP q 0")).collect();
    assert_eq!(server.info("blocked_clients"), 8);
    let mut writer = server.client();
    assert_eq!(writer.run("RPUSH q 0 1 2 3 4"), integer(5), "the list had them before anybody took one");
    assert_eq!(writer.run("EXISTS q"), integer(0));
    assert_eq!(server.info("blocked_clients"), 3, "the ones served do not wait any more when the writer has its reply");
    for value in 5..9 {
        writer.run(&format!("RPUSH q {value}"));
    }
    for (value, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.read(), pair("q", &value.to_string()));
    }
    assert_eq!(writer.run("LRANGE q 0 -1"), array(vec![bulk("8")]));
}

#[test]
fn each_command_that_waits_gets_what_its_plain_form_gives() {
    let server = Server::start();
    let mut writer = server.client();
    let nested = |key: &str, values: &[&str]| array(vec![bulk(key), array(values.iter().map(bulk).collect())]);
    let cases = [
        ("BLPOP k 0", "RPUSH k a b", pair("k", "a")),
        ("BRPOP k 0", "RPUSH k a b", pair("k", "b")),
        ("BLMPOP 0 2 j k RIGHT COUNT 5", "RPUSH k a b", nested("k", &["b", "a"])),
        ("BLMOVE k d RIGHT LEFT 0", "RPUSH k a b", bulk("b")),
        ("BLMOVE k k LEFT RIGHT 0", "RPUSH k a b", bulk("a")),
        ("BRPOPLPUSH k d 0", "RPUSH k a b", bulk("b")),
        ("BZPOPMIN k 0", "ZADD k 1 a 2 b", array(vec![bulk("k"), bulk("a"), bulk("1")])),
        ("BZPOPMAX k 0", "ZADD k 1 a 2.5 b", array(vec![bulk("k"), bulk("b"), bulk("2.5")])),
        (
            "BZMPOP 0 1 k MIN COUNT 9",
            "ZADD k 1 a 2 b",
            array(vec![bulk("k"), array(vec![pair("a", "1"), pair("b", "2")])]),
        ),
    ];
    for (request, write, reply) in cases {
        writer.run("FLUSHALL");
        let mut client = waiting(&server, request);
        assert_eq!(writer.run(write), integer(2), "{request}");
        assert_eq!(client.read(), reply, "{request}");
    }
}

#[test]
fn whoever_waits_for_several_keys_is_served_once_by_the_one_that_came_first() {
    let server = Server::start();
    let mut writer = server.client();
    let mut client = waiting(&server, "BLPOP a b c a 0");
    for request in ["MULTI", "RPUSH c 3", "RPUSH a 1", "RPUSH b 2", "EXEC"] {
        writer.run(request);
    }
    assert_eq!(client.read(), pair("c", "3"), "the key that was made first, not the one named first");
    assert_eq!(writer.run("MGET a b c"), array(vec![OwnedFrame::Null; 3]));
    assert_eq!(writer.run("EXISTS a b c"), integer(2), "the others kept theirs");
}

#[test]
fn nobody_is_served_in_the_middle_of_a_transaction_or_a_script() {
    let server = Server::start();
    let mut writer = server.client();
    let client = waiting(&server, "BLPOP k 0");
    for request in ["MULTI", "RPUSH k a", "LLEN k", "DEL k", "EXEC"] {
        writer.run(request);
    }
    let script = "redis.call('RPUSH', KEYS[1], 'a') redis.call('DEL', KEYS[1]) return redis.call('EXISTS', KEYS[1])";
    assert_eq!(writer.call(&["EVAL", script, "1", "k"]), integer(0));
    assert_eq!(server.info("blocked_clients"), 1, "what was gone at the end served nobody");
    let script = "redis.call('RPUSH', KEYS[1], 'b', 'c') return redis.call('LLEN', KEYS[1])";
    assert_eq!(writer.call(&["EVAL", script, "1", "k"]), integer(2));
    let mut client = client;
    assert_eq!(client.read(), pair("k", "b"));
}

#[test]
fn in_a_transaction_and_in_a_script_nobody_waits() {
    let server = Server::start();
    let mut client = server.client();
    let requests =
        ["MULTI", "BLPOP k 0", "BLMOVE k d LEFT LEFT 0", "BZPOPMIN k 0", "BZMPOP 0 1 k MIN", "BLMPOP 0 1 k LEFT"];
    requests.iter().for_each(|request| drop(client.run(request)));
    assert_eq!(client.run("EXEC"), array(vec![OwnedFrame::Null; 5]));
    assert_eq!(client.call(&["EVAL", "return redis.call('BLMPOP', '0', '1', 'k', 'LEFT')", "0"]), OwnedFrame::Null);
}

#[test]
fn a_key_that_any_command_makes_serves_those_who_wait() {
    let server = Server::start();
    let mut writer = server.client();
    let lists = [
        "RENAME l k",
        "RENAMENX l k",
        "COPY l k",
        "LMOVE l k LEFT LEFT",
        "SORT l BY nosort STORE k",
        "MOVE k 0",
        "COPY k k DB 0",
        "SWAPDB 0 1",
    ];
    for request in lists {
        writer.run("FLUSHALL");
        let mut client = waiting(&server, "BLPOP k 0");
        writer.run("RPUSH l x");
        writer.run("SELECT 1");
        writer.run("RPUSH k x");
        if !matches!(request, "MOVE k 0" | "COPY k k DB 0") {
            writer.run("SELECT 0");
        }
        writer.run(request);
        assert_eq!(client.read(), pair("k", "x"), "{request}");
        writer.run("SELECT 0");
    }
    for request in ["ZRANGESTORE k z 0 -1", "RENAME z k", "COPY z k"] {
        writer.run("FLUSHALL");
        let mut client = waiting(&server, "BZPOPMAX k 0");
        writer.run("ZADD z 1 x");
        writer.run(request);
        assert_eq!(client.read(), array(vec![bulk("k"), bulk("x"), bulk("1")]), "{request}");
    }
}

#[test]
fn a_value_put_over_one_of_another_type_serves_those_who_wait() {
    let server = Server::start();
    let mut writer = server.client();
    let mut client = waiting(&server, "BLPOP k 0");
    writer.run("RPUSH l x");
    writer.run("SET k string");
    writer.run("SORT l BY nosort STORE k");
    assert_eq!(client.read(), pair("k", "x"));
}

#[test]
fn whoever_waits_for_a_list_goes_on_waiting_while_the_key_is_a_sorted_set() {
    let server = Server::start();
    let mut writer = server.client();
    let mut list = waiting(&server, "BLPOP k 0");
    let mut set = waiting(&server, "BZPOPMIN k 0");
    assert_eq!(writer.run("ZADD k 1 a 2 b"), integer(2));
    assert_eq!(set.read(), array(vec![bulk("k"), bulk("a"), bulk("1")]));
    assert_eq!(server.info("blocked_clients"), 1);
    assert_eq!(
        error_text(&writer.run("BLPOP k 0")),
        "WRONGTYPE Operation against a key holding the wrong kind of value"
    );
    writer.run("DEL k");
    writer.run("RPUSH k x");
    assert_eq!(list.read(), pair("k", "x"));
}

#[test]
fn a_move_to_a_key_of_another_type_fails_and_the_source_keeps_its_element_for_the_next() {
    let server = Server::start();
    let mut writer = server.client();
    let mut mover = waiting(&server, "BLMOVE k d LEFT LEFT 0");
    let mut popper = waiting(&server, "BLPOP k 0");
    writer.run("SET d x");
    assert_eq!(writer.run("RPUSH k a"), integer(1));
    assert_eq!(error_text(&mover.read()), "WRONGTYPE Operation against a key holding the wrong kind of value");
    assert_eq!(popper.read(), pair("k", "a"));
    assert_eq!(mover.run("PING"), status("PONG"));
}

#[test]
fn a_served_move_makes_the_next_key_ready_along_a_chain() {
    let server = Server::with(&["--threads", "2"]);
    let mut movers: Vec<Client> =
        (0..20).map(|at| waiting(&server, &format!("BLMOVE k{at} k{} LEFT LEFT 0", at + 1))).collect();
    let mut last = waiting(&server, "BLPOP k20 0");
    let mut writer = server.client();
    assert_eq!(writer.run("RPUSH k0 x"), integer(1));
    assert_eq!(last.read(), pair("k20", "x"));
    movers.iter_mut().for_each(|mover| assert_eq!(mover.read(), bulk("x")));
    assert_eq!(writer.run("DBSIZE"), integer(0));
}

#[test]
fn two_moves_in_a_ring_each_happen_once() {
    let server = Server::start();
    let mut there = waiting(&server, "BLMOVE a b LEFT RIGHT 0");
    let mut back = waiting(&server, "BLMOVE b a LEFT RIGHT 0");
    let mut around = waiting(&server, "BLMOVE a a LEFT RIGHT 0");
    let mut writer = server.client();
    assert_eq!(writer.run("RPUSH a x"), integer(1));
    for client in [&mut there, &mut back, &mut around] {
        assert_eq!(client.read(), bulk("x"));
    }
    assert_eq!(writer.run("LRANGE a 0 -1"), array(vec![bulk("x")]));
    assert_eq!(writer.run("EXISTS b"), integer(0));
}

#[test]
fn requests_behind_a_command_that_waits_wait_as_well() {
    let server = Server::start();
    let mut client = server.client();
    let id = id_of(&mut client);
    let requests: [&[&str]; 5] =
        [&["RPUSH", "l", "1"], &["BLPOP", "k", "0"], &["RPUSH", "l", "2"], &["BLPOP", "j", "0"], &["LLEN", "l"]];
    let bytes: Vec<u8> = requests.iter().flat_map(|argv| crate::support::encode(argv)).collect();
    let (now, later) = bytes.split_at(bytes.len() - 5);
    client.send_raw(now);
    wait_until_blocked(&server, id);
    client.send_raw(later);
    let mut writer = server.client();
    assert_eq!(writer.run("LLEN l"), integer(1), "nothing behind it was executed");
    writer.run("RPUSH k a");
    assert_eq!(client.read(), integer(1));
    assert_eq!(client.read(), pair("k", "a"));
    assert_eq!(client.read(), integer(2));
    wait_until_blocked(&server, id);
    writer.run("RPUSH j b");
    assert_eq!(client.read(), pair("j", "b"));
    assert_eq!(client.read(), integer(2));
}

#[test]
fn a_wait_ends_when_its_time_is_up_and_not_before() {
    let clock = Arc::new(ManualClock::at(1_700_000_000_000));
    let config = Config::from_pairs([("threads", "1")]).expect("this is within the setting's range");
    let its_clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let services = Arc::new(tally::server::services(config, its_clock, Box::new(|_| {})));
    let client = services.clients.connect(Default::default(), clock.unix_millis(), clock.ticks());
    let (mut session, mut worker) = (Session::new(client, true), Worker::new(Arc::clone(&services), 0));
    let mut output = Vec::new();
    let mut writer = Writer::new(&mut output, Protocol::Resp2, 1 << 20);
    let executed = worker.batch().execute(&mut session, &[b"BLPOP", b"k", b"j", b"1.5"], &mut writer);
    assert_eq!((executed, writer.len()), (Executed::Blocked, 0));
    let blocked = session.blocked.take().expect("it waits");
    clock.advance(1499);
    assert!(!blocked.is_settled(clock.ticks()) && blocked.is_waiting());
    clock.advance(1);
    assert!(blocked.is_settled(clock.ticks()) && !blocked.is_waiting());
    assert_eq!(blocked.take_outcome().expect("it is settled").reply, b"*-1\r\n");
    assert_eq!(services.keyspace.waiting(), 0);
    assert!(worker.batch().withdraw(&blocked).is_ok());
}

#[test]
fn a_wait_ends_with_its_time() {
    let server = Server::start();
    let mut client = server.client();
    for request in ["BLPOP k 0.01", "BLMOVE k d LEFT LEFT 0.001", "BZPOPMIN k 0.01", "BLMPOP 0.01 1 k LEFT"] {
        assert_eq!(client.run(request), OwnedFrame::Null, "{request}");
    }
    let mut writer = server.client();
    assert_eq!(writer.run("RPUSH k a"), integer(1));
    assert_eq!(writer.run("LLEN k"), integer(1), "nobody waits any more");
    assert_eq!(client.run("BLPOP k 0.01"), pair("k", "a"));
    let _waits = waiting(&server, "BLPOP k 1000");
    assert_eq!(server.info("clients_in_timeout_table"), 1);
}

#[test]
fn client_unblock_ends_a_wait_as_if_its_time_were_up_or_with_an_error() {
    let server = Server::start();
    let mut admin = server.client();
    let mut client = server.client();
    let id = id_of(&mut client);
    let name = id.to_string();
    let unblock = |admin: &mut Client, how: &[&str]| admin.call(&[&["CLIENT", "UNBLOCK", &name], how].concat());
    assert_eq!(unblock(&mut admin, &[]), integer(0), "it does not wait");
    for (how, reply) in [
        (&[][..], OwnedFrame::Null),
        (&["TIMEOUT"][..], OwnedFrame::Null),
        (&["ERROR"][..], error("UNBLOCKED client unblocked via CLIENT UNBLOCK")),
    ] {
        client.send(&["BLPOP", "k", "0"]);
        wait_until_blocked(&server, id);
        assert_eq!(unblock(&mut admin, how), integer(1));
        assert_eq!(unblock(&mut admin, how), integer(0), "once");
        assert_eq!(client.read(), reply);
    }
    assert_eq!(admin.run("RPUSH k a"), integer(1));
    assert_eq!(admin.run("LLEN k"), integer(1));
    assert_eq!(server.info("blocked_clients"), 0);
}

#[test]
fn nothing_is_given_to_a_client_that_was_killed_or_has_gone() {
    let server = Server::start();
    let mut admin = server.client();
    let killed = waiting(&server, "BLPOP k 0");
    let mut gone = waiting(&server, "BLPOP j k 0");
    let mut stays = waiting(&server, "BLPOP k 0");
    admin.call(&["CLIENT", "KILL", "ADDR", &killed.address().to_string()]);
    gone.finish();
    assert_eq!(gone.read_to_end(), b"");
    assert_eq!(server.info("blocked_clients"), 1);
    admin.run("RPUSH k a");
    assert_eq!(stays.read(), pair("k", "a"));
}

#[test]
fn a_server_that_stops_lets_go_of_those_who_wait() {
    let server = Server::start();
    let mut client = waiting(&server, "BLPOP k 0");
    server.signal("TERM");
    assert_eq!(client.read_to_end(), b"");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_client_that_waits_gets_its_messages_and_its_reply_in_its_own_protocol() {
    let server = Server::start();
    let mut client = server.client();
    client.send(&["HELLO", "3"]);
    client.read3();
    client.send(&["SUBSCRIBE", "news"]);
    client.read3();
    client.send(&["BZPOPMIN", "k", "0"]);
    while server.info("blocked_clients") == 0 {}
    assert_eq!(server.ask(&["PUBLISH", "news", "x"]), integer(1));
    client.read3();
    server.ask(&["ZADD", "k", "1.5", "a"]);
    client.send(&["CLIENT", "REPLY", "SKIP"]);
    client.send(&["BLPOP", "k", "0"]);
    while server.info("blocked_clients") == 0 {}
    server.ask(&["RPUSH", "k", "a"]);
    client.send(&["PING"]);
    client.finish();
    assert_eq!(client.read_to_end(), b"*3\r\n$1\r\nk\r\n$1\r\na\r\n,1.5\r\n+PONG\r\n");
}

#[test]
fn a_call_that_waits_is_counted_once_and_fails_when_its_end_is_an_error() {
    let server = Server::start();
    let mut admin = server.client();
    let mut mover = waiting(&server, "BLMOVE k d LEFT LEFT 0");
    let stats = |admin: &mut Client| match admin.run("INFO commandstats") {
        OwnedFrame::BulkString(text) => String::from_utf8(text).expect("INFO is text"),
        other => panic!("{other:?} is no bulk"),
    };
    assert!(stats(&mut admin).contains("cmdstat_blmove:calls=1,"));
    admin.run("SET d x");
    admin.run("RPUSH k a");
    mover.read();
    let text = stats(&mut admin);
    let line = text.lines().find(|line| line.starts_with("cmdstat_blmove:")).expect("it was called");
    assert!(line.contains("calls=1,") && line.ends_with("failed_calls=1"), "{line}");
}

/// Producers push distinct numbers, consumers wait for them in different ways: each number comes out once, and of one producer and one queue in
/// order.
#[test]
fn many_producers_and_consumers_lose_and_double_nothing() {
    const PRODUCERS: usize = 3;
    const EACH: usize = 400;
    const FORMS: [&str; 4] = ["BLPOP q0 q1 0", "BRPOPLPUSH q1 q0 0", "BLMPOP 0 2 q1 q0 LEFT COUNT 2", "BLPOP q1 q0 0"];
    let server = Server::with(&["--threads", "2"]);
    let consumers: Vec<_> = (0..8)
        .map(|at| {
            let mut client = server.client();
            std::thread::spawn(move || {
                let form: Vec<&str> = FORMS[at % FORMS.len()].split(' ').collect();
                let mut got = Vec::new();
                loop {
                    let values = match client.call(&form) {
                        OwnedFrame::Array(frames) => match &frames[1] {
                            OwnedFrame::Array(values) => values.clone(),
                            value => vec![value.clone()],
                        },
                        // A move puts it into the other queue, where it is taken again.
                        OwnedFrame::BulkString(_) => Vec::new(),
                        // The end.
                        OwnedFrame::Error(_) => return got,
                        other => panic!("{other:?} was not to come"),
                    };
                    got.extend(values.into_iter().map(|value| match value {
                        OwnedFrame::BulkString(text) => String::from_utf8(text).expect("a number"),
                        other => panic!("{other:?} is no element"),
                    }));
                }
            })
        })
        .collect();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            let mut client = server.client();
            std::thread::spawn(move || {
                for number in 0..EACH {
                    let value = (producer * EACH + number).to_string();
                    client.call(&["RPUSH", if number % 2 == 0 { "q0" } else { "q1" }, &value]);
                }
            })
        })
        .collect();
    producers.into_iter().for_each(|producer| producer.join().expect("it ran"));
    let mut admin = server.client();
    while admin.run("EXISTS q0 q1") != integer(0) || server.info("blocked_clients") < 8 {}
    let OwnedFrame::BulkString(list) = admin.run("CLIENT LIST") else { panic!("a list is a bulk") };
    for line in String::from_utf8(list).expect("text").lines().filter(|line| line.contains(" flags=b ")) {
        let id = line.split_once(' ').expect("fields").0.trim_start_matches("id=").to_owned();
        assert_eq!(admin.call(&["CLIENT", "UNBLOCK", &id, "ERROR"]), integer(1));
    }
    let got: Vec<String> = consumers.into_iter().flat_map(|consumer| consumer.join().expect("it ran")).collect();
    let distinct: HashSet<&String> = got.iter().collect();
    assert_eq!((got.len(), distinct.len()), (PRODUCERS * EACH, PRODUCERS * EACH));
}

#[test]
fn whoever_is_blocked_shows_in_the_list_of_clients_only_while_it_is() {
    let server = Server::start();
    let mut client = server.client();
    let id = id_of(&mut client);
    assert!(!is_blocked(&server, id));
    client.send(&["BLPOP", "k", "0"]);
    wait_until_blocked(&server, id);
    server.ask(&["RPUSH", "k", "a"]);
    assert!(!is_blocked(&server, id));
    assert_eq!(elements(client.read()).len(), 2);
}
