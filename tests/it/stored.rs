//! Large sorted sets that are made from clones before they are stored: what comes of them.

use crate::support::{Client, Server, array, bulk, integer, status};
use redis_protocol::resp2::types::OwnedFrame;

/// Two boards of 20,000 members that share half of them, a set of the odd ones, and a board of three.
const LOAD: &str = "for number = 1, 20000 do \
        redis.call('ZADD', 'one', number % 1000, 'member:' .. number) \
        redis.call('ZADD', 'two', number, 'member:' .. number + 10000) \
        if number % 2 == 1 then redis.call('SADD', 'odd', 'member:' .. number) end \
    end \
    redis.call('ZADD', 'few', 1, 'member:7', 2, 'member:20007', 3, 'other')";

/// Each with a destination in the place of DST.
const STORED: &[&str] = &[
    "ZUNIONSTORE DST 2 one two",
    "ZUNIONSTORE DST 3 one two odd WEIGHTS 2 -1 100 AGGREGATE MAX",
    "ZUNIONSTORE DST 2 one few",
    "ZUNIONSTORE DST 3 one two odd AGGREGATE COUNT",
    "ZINTERSTORE DST 2 one two",
    "ZINTERSTORE DST 2 one odd AGGREGATE MIN",
    "ZINTERSTORE DST 2 one absent",
    "ZDIFFSTORE DST 2 one two",
    "ZDIFFSTORE DST 2 one few",
    "ZDIFFSTORE DST 2 one one",
    "ZRANGESTORE DST one 1 -1",
    "ZRANGESTORE DST one 0 -1",
    "ZRANGESTORE DST one (990 3 BYSCORE REV LIMIT 5 18000",
];

#[test]
fn a_large_set_that_is_stored_is_the_same_by_itself_and_in_a_transaction() {
    let server = Server::with(&["--threads", "2"]);
    let mut client = server.client();
    client.call(&["EVAL", LOAD, "0"]);
    for line in STORED {
        // What stood there goes, and so does its deadline.
        client.run("SET alone text EX 1000");
        let stored = client.run(&line.replace("DST", "alone"));
        client.run("SET executed text EX 1000");
        client.run("MULTI");
        assert_eq!(client.run(&line.replace("DST", "executed")), status("QUEUED"));
        assert_eq!(client.run("EXEC"), array(vec![stored.clone()]), "{line}");
        assert_eq!(client.run("ZCARD alone"), stored, "{line}");
        assert_eq!(content(&mut client, "alone"), content(&mut client, "executed"), "{line}");
        let deadline = if stored == integer(0) { -2 } else { -1 };
        assert_eq!(client.run("TTL alone"), integer(deadline), "{line}");
    }
    // Into one of the sources.
    let stored = client.run("ZUNIONSTORE one 2 one two");
    assert_eq!((stored.clone(), client.run("ZCARD one")), (integer(30000), stored));
    assert_eq!(client.run("ZSCORE one member:10001"), bulk("2"));
}

fn content(client: &mut Client, key: &str) -> OwnedFrame {
    client.call(&["ZRANGE", key, "0", "-1", "WITHSCORES"])
}
