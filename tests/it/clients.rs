//! A client that people use, in both versions of the protocol.

use crate::support::Server;
use redis::{Commands, Connection, Pipeline, Script, Value};
use std::collections::HashMap;

/// Runs `test` with a connection in RESP2 and one in RESP3, each on an empty server.
fn in_both_protocols(test: impl Fn(&Server, &str, &mut Connection)) {
    for protocol in ["resp2", "resp3"] {
        let server = Server::with(&["--threads", "2"]);
        test(&server, protocol, &mut connect(&server, protocol));
    }
}

fn connect(server: &Server, protocol: &str) -> Connection {
    let url = format!("redis://{}/?protocol={protocol}", server.addr());
    let client = redis::Client::open(url).expect("the URL is well formed");
    client.get_connection().expect("the handshake succeeds")
}

#[test]
fn values_of_every_type_come_back_as_they_went() {
    in_both_protocols(|_, _, connection| {
        connection.set::<_, _, ()>("text", "a\r\n\0b").unwrap();
        assert_eq!(connection.get::<_, Vec<u8>>("text").unwrap(), b"a\r\n\0b");
        assert_eq!(connection.get::<_, Option<String>>("missing").unwrap(), None);
        assert_eq!(connection.incr::<_, _, i64>("n", i64::MAX).unwrap(), i64::MAX);
        assert!(connection.incr::<_, _, i64>("n", 1).is_err());
        connection.hset_multiple::<_, _, _, ()>("h", &[("a", 1), ("b", 2)]).unwrap();
        let fields: HashMap<String, i64> = connection.hgetall("h").unwrap();
        assert_eq!(fields, HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]));
        connection.zadd_multiple::<_, _, _, ()>("z", &[(1.5, "one"), (-2.0, "two")]).unwrap();
        let ranked: Vec<(String, f64)> = connection.zrange_withscores("z", 0, -1).unwrap();
        assert_eq!(ranked, [("two".to_owned(), -2.0), ("one".to_owned(), 1.5)]);
        assert_eq!(connection.zscore::<_, _, Option<f64>>("z", "one").unwrap(), Some(1.5));
        assert!(connection.expire::<_, bool>("h", 100).unwrap());
        assert!((1..=100).contains(&connection.ttl::<_, i64>("h").unwrap()));
        assert_eq!(connection.mget::<_, Vec<Option<String>>>(&["n", "missing"]).unwrap().len(), 2);
    });
}

#[test]
fn resp3_types_are_used_in_resp3_only() {
    in_both_protocols(|_, protocol, connection| {
        connection.hset::<_, _, _, ()>("h", "f", 1).unwrap();
        connection.zadd::<_, _, _, ()>("z", "m", 0.5).unwrap();
        let map: Value = connection.hgetall("h").unwrap();
        let score: Value = connection.zscore("z", "m").unwrap();
        if protocol == "resp3" {
            assert!(matches!(map, Value::Map(_)), "{map:?}");
            assert_eq!(score, Value::Double(0.5));
        } else {
            assert!(matches!(map, Value::Array(_)), "{map:?}");
            assert_eq!(score, Value::BulkString(b"0.5".to_vec()));
        }
    });
}

#[test]
fn a_pipeline_replies_in_order() {
    in_both_protocols(|_, _, connection| {
        let mut pipeline = Pipeline::new();
        for round in 0..1000 {
            pipeline.set(format!("k{round}"), round).ignore().get(format!("k{round}"));
        }
        let replies: Vec<i64> = pipeline.query(connection).unwrap();
        assert_eq!(replies, (0..1000).collect::<Vec<_>>());
    });
}

#[test]
fn an_atomic_pipeline_is_a_transaction_and_a_watched_change_aborts_it() {
    in_both_protocols(|server, protocol, connection| {
        let replies: (i64, i64) = redis::pipe().atomic().incr("a", 1).incr("b", 2).query(connection).unwrap();
        assert_eq!(replies, (1, 2));
        let mut other = connect(server, protocol);
        let mut rounds = 0;
        let sum: i64 = redis::transaction(connection, &["a"], |connection, pipeline| {
            rounds += 1;
            let seen: i64 = connection.get("a")?;
            if rounds == 1 {
                other.set::<_, _, ()>("a", 100)?;
            }
            let replies: Option<(i64,)> = pipeline.set("a", seen + 1).ignore().get("a").query(connection)?;
            Ok(replies.map(|(value,)| value))
        })
        .unwrap();
        assert_eq!((rounds, sum), (2, 101));
    });
}

#[test]
fn scripts_are_loaded_when_the_server_does_not_know_them() {
    in_both_protocols(|_, _, connection| {
        let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
        for round in 1..4 {
            assert_eq!(script.key("k").arg(5).invoke::<i64>(connection).unwrap(), round * 5);
            redis::cmd("SCRIPT").arg("FLUSH").exec(connection).unwrap();
        }
        let error = Script::new("return redis.error_reply('MYCODE is mine')").invoke::<i64>(connection).unwrap_err();
        assert_eq!(error.code(), Some("MYCODE"));
    });
}

#[test]
fn errors_carry_the_codes_that_clients_look_for() {
    in_both_protocols(|_, _, connection| {
        connection.set::<_, _, ()>("k", "v").unwrap();
        let code = |error: redis::RedisError| error.code().map(str::to_owned);
        let wrong_type = connection.hget::<_, _, Option<String>>("k", "f").unwrap_err();
        assert_eq!(code(wrong_type).as_deref(), Some("WRONGTYPE"));
        let unknown = redis::cmd("EVALSHA").arg("0".repeat(40)).arg(0).exec(connection).unwrap_err();
        assert_eq!(code(unknown).as_deref(), Some("NOSCRIPT"));
        assert_eq!(connection.get::<_, String>("k").unwrap(), "v", "the connection is in step");
    });
}

#[test]
fn a_password_and_a_database_in_the_url_are_used() {
    let server = Server::with(&["--threads", "1", "--requirepass", "secret"]);
    for protocol in ["resp2", "resp3"] {
        let url = |password: &str| format!("redis://:{password}@{}/3?protocol={protocol}", server.addr());
        assert!(redis::Client::open(url("wrong")).unwrap().get_connection().is_err());
        let mut connection = redis::Client::open(url("secret")).unwrap().get_connection().unwrap();
        connection.set::<_, _, ()>("k", protocol).unwrap();
        redis::cmd("SELECT").arg(0).exec(&mut connection).unwrap();
        assert!(!connection.exists::<_, bool>("k").unwrap());
    }
}
