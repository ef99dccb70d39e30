//! What the server writes in RESP3, read by a decoder that somebody else wrote.

use crate::support::Server;
use redis_protocol::resp3::types::OwnedFrame;

#[test]
fn a_decoder_that_is_not_ours_reads_maps_doubles_nulls_and_pairs() {
    let server = Server::start();
    let mut client = server.client();
    client.send(&["HELLO", "3"]);
    let OwnedFrame::Map { data, .. } = client.read3() else { panic!("HELLO 3 replies a map") };
    assert!(data.len() >= 7, "HELLO names server, version, proto, id, mode, role and modules");

    client.send(&["HSET", "h", "f", "v"]);
    assert!(matches!(client.read3(), OwnedFrame::Number { data: 1, .. }));
    client.send(&["HGETALL", "h"]);
    let OwnedFrame::Map { data, .. } = client.read3() else { panic!("HGETALL replies a map") };
    assert_eq!(data.len(), 1);

    client.send(&["ZADD", "z", "0.5", "a", "2", "b"]);
    assert!(matches!(client.read3(), OwnedFrame::Number { data: 2, .. }));
    client.send(&["ZSCORE", "z", "a"]);
    assert!(matches!(client.read3(), OwnedFrame::Double { data, .. } if data == 0.5));
    client.send(&["ZRANGE", "z", "0", "-1", "WITHSCORES"]);
    let OwnedFrame::Array { data, .. } = client.read3() else { panic!("ZRANGE replies an array") };
    assert!(data.iter().all(|pair| matches!(pair, OwnedFrame::Array { data, .. } if data.len() == 2)), "{data:?}");

    client.send(&["GET", "missing"]);
    assert!(matches!(client.read3(), OwnedFrame::Null));
    client.send(&["EVAL", "redis.setresp(3); return redis.call('HGETALL', KEYS[1])", "1", "h"]);
    assert!(matches!(client.read3(), OwnedFrame::Map { .. }));
}
