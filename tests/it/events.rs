//! Notifications: which events commands tell, compared with what a real server told.

use crate::support::{Client, Server, array, bulk, elements, integer, status};
use redis_protocol::resp2::types::OwnedFrame;

fn text(frame: &OwnedFrame) -> String {
    match frame {
        OwnedFrame::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => panic!("a text, not {other:?}"),
    }
}

/// What `listener` was told until now: `database:event:key`, as far as it listens to `__keyevent@*__:*`.
fn told(listener: &mut Client) -> Vec<String> {
    listener.send(&["PING", "x"]);
    let mut events = Vec::new();
    loop {
        let message = elements(listener.read());
        if message[0] == bulk("pong") {
            return events;
        }
        let (channel, key) = (text(&message[2]), text(&message[3]));
        let channel = channel.strip_prefix("__keyevent@").expect("only such channels match the pattern");
        events.push(format!("{}:{key}", channel.replacen("__", "", 1)));
    }
}

#[test]
fn commands_tell_the_events_that_a_real_server_tells() {
    let server = Server::with(&["--notify-keyspace-events", "AEm"]);
    let (mut client, mut listener) = (server.client(), server.client());
    listener.call(&["PSUBSCRIBE", "__keyevent@*__:*"]);
    let recorded = include_str!("events.txt").lines().filter(|line| !line.starts_with('#'));
    let mut compared = 0;
    for line in recorded {
        let (command, events) = line.split_once(" =>").expect("a command and its events");
        client.call(&command.split(' ').collect::<Vec<_>>());
        assert_eq!(told(&mut listener), events.split_whitespace().collect::<Vec<_>>(), "{command}");
        compared += 1;
    }
    assert!(compared > 100, "the record was read");
}

#[test]
fn events_go_the_ways_that_are_chosen_and_choices_hold_at_once() {
    let server = Server::start();
    let (mut client, mut listener) = (server.client(), server.client());
    listener.call(&["PSUBSCRIBE", "__key*"]);
    let said = |listener: &mut Client| {
        let message = elements(listener.read());
        (text(&message[2]), text(&message[3]))
    };
    client.call(&["SET", "unheard", "1"]);
    client.call(&["CONFIG", "SET", "notify-keyspace-events", "KE$"]);
    client.call(&["SET", "k", "1"]);
    assert_eq!(said(&mut listener), ("__keyspace@0__:k".into(), "set".into()));
    assert_eq!(said(&mut listener), ("__keyevent@0__:set".into(), "k".into()));
    client.call(&["DEL", "k"]);
    client.call(&["CONFIG", "SET", "notify-keyspace-events", "Kg"]);
    client.call(&["SET", "k", "1"]);
    client.call(&["DEL", "k"]);
    assert_eq!(said(&mut listener), ("__keyspace@0__:k".into(), "del".into()));
    assert_eq!(client.call(&["CONFIG", "SET", "notify-keyspace-events", ""]), status("OK"));
    assert_eq!(client.call(&["DEL", "unheard"]), integer(1));
    listener.send(&["PING"]);
    assert_eq!(listener.read(), array(vec![bulk("pong"), bulk("")]), "nothing was told any more");
}

#[test]
fn a_key_that_nobody_asks_for_tells_that_it_expired() {
    let server = Server::with(&["--notify-keyspace-events", "Ex"]);
    let (mut client, mut listener) = (server.client(), server.client());
    listener.call(&["SUBSCRIBE", "__keyevent@0__:expired"]);
    client.call(&["SET", "k", "v", "PX", "1"]);
    assert_eq!(listener.read(), array(vec![bulk("message"), bulk("__keyevent@0__:expired"), bulk("k")]));
}
