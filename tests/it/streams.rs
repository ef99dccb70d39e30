//! Streams over sockets: who is served by a new entry, what ends a wait, and ranges that are given in parts.

use crate::blocking::waiting;
use crate::support::{Client, Server, array, bulk, elements, error_text, integer, status};
use redis_protocol::resp2::types::OwnedFrame;

/// One entry of one stream, as XREAD replies it.
fn one(key: &str, id: &str) -> OwnedFrame {
    let entry = array(vec![bulk(id), array(vec![bulk("f"), bulk("v")])]);
    array(vec![array(vec![bulk(key), array(vec![entry])])])
}

#[test]
fn an_entry_serves_all_who_read_and_one_consumer_of_each_group() {
    let server = Server::with(&["--threads", "2"]);
    let mut writer = server.client();
    for group in ["g", "h"] {
        assert_eq!(writer.run(&format!("XGROUP CREATE s {group} $ MKSTREAM")), status("OK"));
    }
    let mut readers = ["s", "t s"].map(|keys| {
        let ids = if keys == "s" { "$" } else { "$ $" };
        waiting(&server, &format!("XREAD BLOCK 0 STREAMS {keys} {ids}"))
    });
    let mut of_g = ["a", "b"].map(|name| waiting(&server, &format!("XREADGROUP GROUP g {name} BLOCK 0 STREAMS s >")));
    let mut of_h = waiting(&server, "XREADGROUP GROUP h a BLOCK 0 STREAMS s >");
    writer.run("XADD s 1-1 f v");
    assert_eq!(server.info("blocked_clients"), 1, "the second consumer of the group waits on");
    for client in readers.iter_mut().chain([&mut of_g[0], &mut of_h]) {
        assert_eq!(client.read(), one("s", "1-1"));
    }
    writer.run("XADD s 1-2 f v");
    assert_eq!(of_g[1].read(), one("s", "1-2"));
    assert_eq!(elements(writer.run("XPENDING s g"))[0], integer(2));
    assert_eq!(elements(writer.run("XPENDING s h"))[0], integer(1));
}

#[test]
fn a_consumer_is_told_when_its_group_or_its_stream_goes() {
    let server = Server::with(&["--threads", "2"]);
    let mut writer = server.client();
    let gone = "UNBLOCKED the stream key no longer exists";
    let cases = [
        ("DEL s", gone),
        ("SET s x", gone),
        ("RENAME s t", gone),
        ("PEXPIRE s 1", gone),
        ("FLUSHALL", gone),
        ("SWAPDB 0 1", gone),
        ("XGROUP DESTROY s g", "NOGROUP the consumer group this client was blocked on no longer exists"),
    ];
    for (command, text) in cases {
        writer.run("FLUSHALL");
        assert_eq!(writer.run("XGROUP CREATE s g $ MKSTREAM"), status("OK"));
        let mut consumer = waiting(&server, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
        let mut reader = waiting(&server, "XREAD BLOCK 0 STREAMS s 5");
        writer.run(command);
        assert_eq!(error_text(&consumer.read()), text, "{command}");
        writer.run("DEL s");
        writer.run("XADD s 6-0 f v");
        assert_eq!(reader.read(), one("s", "6-0"), "who only reads waits on: {command}");
    }
}

#[test]
fn a_long_range_is_that_of_one_moment_however_slowly_it_is_read() {
    let server = Server::with(&["--threads", "2"]);
    let (mut writer, mut reader) = (server.client(), server.client());
    let value = "v".repeat(100);
    for n in 1..=5000 {
        writer.run(&format!("XADD s {n}-1 f {value}"));
    }
    for request in [&["XRANGE", "s", "-", "+"][..], &["XREVRANGE", "s", "+", "-"]] {
        reader.send(request);
        assert_eq!(writer.run("XLEN s"), integer(5000));
        let ids = ids_of(&mut reader);
        assert_eq!(ids.len(), 5000);
        let first = if request[0] == "XRANGE" { 1 } else { 5000 };
        assert_eq!(ids[0], bulk(format!("{first}-1")));
    }
}

fn ids_of(client: &mut Client) -> Vec<OwnedFrame> {
    elements(client.read()).into_iter().map(|entry| elements(entry).swap_remove(0)).collect()
}

#[test]
fn a_long_reading_of_several_streams_is_given_in_parts_and_in_order() {
    let server = Server::with(&["--threads", "2"]);
    let (mut writer, mut reader) = (server.client(), server.client());
    let value = "v".repeat(100);
    for n in 1..=2500 {
        writer.run(&format!("XADD s {n}-1 f {value}"));
    }
    for n in 1..=3 {
        writer.run(&format!("XADD t {n}-1 f v"));
    }
    for key in ["s", "t"] {
        writer.run(&format!("XGROUP CREATE {key} g 0"));
    }
    let requests = [
        &["XREAD", "STREAMS", "s", "t", "0", "0"][..],
        &["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "t", ">", ">"],
        &["XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", "t", "0", "0"],
    ];
    for request in requests {
        reader.send(request);
        assert_eq!(writer.run("XLEN s"), integer(2500));
        let keys: Vec<_> = elements(reader.read()).into_iter().map(elements).collect();
        assert_eq!(keys.iter().map(|key| key[0].clone()).collect::<Vec<_>>(), [bulk("s"), bulk("t")]);
        for (mut key, len) in keys.into_iter().zip([2500, 3]) {
            let ids = elements(key.swap_remove(1)).into_iter().map(|entry| elements(entry).swap_remove(0));
            assert!(ids.eq((1..=len).map(|n| bulk(format!("{n}-1")))), "{request:?}");
        }
    }
}
