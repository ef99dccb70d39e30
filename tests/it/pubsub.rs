//! Messages on their way from one connection to others.

use crate::support::{Client, Server, array, bulk, integer, status};

fn confirm(word: &str, name: &str, count: i64) -> redis_protocol::resp2::types::OwnedFrame {
    array(vec![bulk(word), bulk(name), integer(count)])
}

fn message(channel: &str, text: &str) -> redis_protocol::resp2::types::OwnedFrame {
    array(vec![bulk("message"), bulk(channel), bulk(text)])
}

#[test]
fn every_channel_of_one_subscribe_is_confirmed_and_messages_follow_in_order() {
    let server = Server::with(&["--threads", "2"]);
    let mut listener = server.client();
    listener.send(&["SUBSCRIBE", "a", "b", "a"]);
    assert_eq!(listener.read(), confirm("subscribe", "a", 1));
    assert_eq!(listener.read(), confirm("subscribe", "b", 2));
    assert_eq!(listener.read(), confirm("subscribe", "a", 2));
    let mut speaker = server.client();
    for number in 0..1000 {
        let channel = if number % 3 == 0 { "a" } else { "b" };
        assert_eq!(speaker.call(&["PUBLISH", channel, &number.to_string()]), integer(1));
    }
    for number in 0..1000 {
        let channel = if number % 3 == 0 { "a" } else { "b" };
        assert_eq!(listener.read(), message(channel, &number.to_string()));
    }
}

#[test]
fn a_message_reaches_a_listener_once_for_its_channel_and_once_for_each_pattern() {
    let server = Server::start();
    let mut listener = server.client();
    for request in [["SUBSCRIBE", "news.art"], ["PSUBSCRIBE", "news.*"], ["PSUBSCRIBE", "*art"]] {
        listener.call(&request);
    }
    assert_eq!(server.ask(&["PUBLISH", "news.art", "x"]), integer(3));
    assert_eq!(listener.read(), message("news.art", "x"));
    let by_pattern = |pattern: &str| array(vec![bulk("pmessage"), bulk(pattern), bulk("news.art"), bulk("x")]);
    let mut got = [listener.read(), listener.read()];
    let mut wanted = [by_pattern("news.*"), by_pattern("*art")];
    got.sort_by_key(|frame| format!("{frame:?}"));
    wanted.sort_by_key(|frame| format!("{frame:?}"));
    assert_eq!(got, wanted);
}

#[test]
fn a_resp3_listener_goes_on_with_other_commands_and_gets_messages_as_pushes() {
    let server = Server::start();
    let mut listener = server.client();
    listener.send(&["HELLO", "3"]);
    listener.read3();
    listener.send(&["SUBSCRIBE", "a"]);
    listener.read3();
    listener.send(&["SET", "k", "v"]);
    listener.read3();
    assert_eq!(server.ask(&["PUBLISH", "a", "x"]), integer(1));
    listener.finish();
    assert_eq!(listener.read_to_end(), b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
}

#[test]
fn a_listener_that_has_gone_is_forgotten() {
    let server = Server::start();
    let mut listener = server.client();
    listener.send(&["SUBSCRIBE", "a", "b"]);
    listener.read();
    listener.read();
    assert_eq!(server.ask(&["PUBSUB", "NUMSUB", "a"]), array(vec![bulk("a"), integer(1)]));
    listener.finish();
    assert_eq!(listener.read_to_end(), b"", "its end was served");
    assert_eq!(server.ask(&["PUBSUB", "NUMSUB", "a"]), array(vec![bulk("a"), integer(0)]));
    assert_eq!(server.ask(&["PUBSUB", "CHANNELS"]), array(Vec::new()));
}

#[test]
fn a_listener_that_does_not_read_is_closed_at_the_limit_and_the_server_lives() {
    close_at_the_limit("2");
}

/// On one thread the listener's task takes each message before the next is published. What it had taken and could not send was once not counted, so that
/// it grew without a limit.
#[test]
fn messages_count_until_they_are_sent() {
    close_at_the_limit("1");
}

fn close_at_the_limit(threads: &str) {
    let limits = ["--pubsub-output-hard-limit", "1mb", "--pubsub-output-soft-limit", "0"];
    let server = Server::with(&[&["--threads", threads][..], &limits].concat());
    let mut listener = server.client();
    listener.call(&["SUBSCRIBE", "a"]);
    let mut speaker = server.client();
    let text = vec![b'x'; 512 * 1024];
    let mut sent = 0;
    while speaker.call(&[&b"PUBLISH"[..], b"a", &text]) == integer(1) {
        sent += 1;
        assert!(sent < 1000, "a listener that takes nothing is cut off");
    }
    assert_eq!(speaker.run("PING"), status("PONG"));
}

#[test]
fn publishing_works_in_scripts_and_transactions() {
    let server = Server::start();
    let mut listener = server.client();
    listener.call(&["SUBSCRIBE", "a"]);
    let mut speaker: Client = server.client();
    assert_eq!(speaker.call(&["EVAL", "return redis.call('PUBLISH', 'a', 'from a script')", "0"]), integer(1));
    speaker.run("MULTI");
    speaker.call(&["PUBLISH", "a", "from a transaction"]);
    assert_eq!(speaker.run("EXEC"), array(vec![integer(1)]));
    assert_eq!(listener.read(), message("a", "from a script"));
    assert_eq!(listener.read(), message("a", "from a transaction"));
}
