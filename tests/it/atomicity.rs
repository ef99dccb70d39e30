//! Several connections on several threads: what each sees of the others is whole commands, transactions and scripts.

use crate::support::{Client, Server, array, bulk, elements, integer, number, status};
use redis_protocol::resp2::types::OwnedFrame;

const CLIENTS: usize = 4;

/// Runs `test` on servers of two and of four threads.
fn on_two_and_four_threads(test: impl Fn(&Server)) {
    for threads in ["2", "4"] {
        test(&Server::with(&["--threads", threads]));
    }
}

/// Has several clients run `work` at once; each gets its number.
fn at_once(server: &Server, work: impl Fn(&mut Client, usize) + Sync) {
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let work = &work;
            scope.spawn(move || work(&mut server.client(), number));
        }
    });
}

fn read_all(client: &mut Client, replies: usize) -> Vec<OwnedFrame> {
    (0..replies).map(|_| client.read()).collect()
}

#[test]
fn concurrent_increments_of_every_kind_sum_up_exactly() {
    const ROUNDS: usize = 200;
    on_two_and_four_threads(|server| {
        at_once(server, |client, _| {
            for _ in 0..ROUNDS {
                client.send_raw(b"INCR n\r\nINCRBY n 2\r\nHINCRBY h f 3\r\nZINCRBY z 4 m\r\nAPPEND s x\r\n");
                client.send(&["EVAL", "return redis.call('INCRBY', KEYS[1], 5)", "1", "n"]);
            }
            read_all(client, ROUNDS * 6);
        });
        let total = (CLIENTS * ROUNDS) as i64;
        let mut client = server.client();
        assert_eq!(number(&client.run("GET n")), total * 8);
        assert_eq!(number(&client.run("HGET h f")), total * 3);
        assert_eq!(number(&client.run("ZSCORE z m")), total * 4);
        assert_eq!(client.run("STRLEN s"), integer(total));
    });
}

#[test]
fn several_keys_that_are_set_together_are_never_seen_apart() {
    const ROUNDS: usize = 150;
    on_two_and_four_threads(|server| {
        assert_eq!(server.client().run("MSET a 0 b 0 c 0 d 0 e 0 f 0"), status("OK"));
        at_once(server, |client, number| {
            for round in 0..ROUNDS {
                // The orders differ, so that locks taken one after the other would meet.
                if number % 2 == 0 {
                    client.run(&format!("MSET a {round} b {round} c {round} d {round} e {round} f {round}"));
                } else {
                    client.run(&format!("MSET f x{round} e x{round} d x{round} c x{round} b x{round} a x{round}"));
                }
                let seen = elements(client.run("MGET c a f b e d"));
                assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
            }
        });
    });
}

/// MSET of more keys than are locked one by one, with KEYS, FLUSHALL and SWAPDB, which own everything.
#[test]
fn commands_that_own_the_whole_keyspace_see_all_of_a_command_or_nothing() {
    const ROUNDS: usize = 60;
    const KEYS: usize = 40;
    on_two_and_four_threads(|server| {
        let names: Vec<String> = (0..KEYS).map(|key| format!("key:{key}")).collect();
        at_once(server, |client, number| {
            for round in 0..ROUNDS {
                let (key, value) = (round % 4 + number, format!("{number}:{round}"));
                match key % 4 {
                    0 => drop(client.run("FLUSHALL")),
                    1 => drop(client.run("SWAPDB 0 1")),
                    _ => {
                        let mut argv = vec!["MSET"];
                        argv.extend(names.iter().flat_map(|name| [name.as_str(), value.as_str()]));
                        assert_eq!(client.call(&argv), status("OK"));
                    }
                }
                let keys = elements(client.run("KEYS key:*")).len();
                assert!(keys == 0 || keys == KEYS, "{keys} keys");
                let mut argv = vec!["MGET"];
                argv.extend(names.iter().map(String::as_str));
                let seen = elements(client.call(&argv));
                assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
                let size = number_of_keys(client);
                assert!(size == 0 || size == KEYS as i64, "{size} keys");
            }
        });
    });
}

fn number_of_keys(client: &mut Client) -> i64 {
    number(&client.run("DBSIZE"))
}

#[test]
fn transfers_by_watch_and_retry_keep_the_sum_and_lose_nothing() {
    const TRANSFERS: usize = 40;
    on_two_and_four_threads(|server| {
        assert_eq!(server.client().run("MSET a 1000 b 0"), status("OK"));
        at_once(server, |client, _| {
            let mut done = 0;
            while done < TRANSFERS {
                client.send_raw(b"WATCH a b\r\nMGET a b\r\n");
                assert_eq!(client.read(), status("OK"));
                let seen: Vec<i64> = elements(client.read()).iter().map(number).collect();
                assert_eq!(seen[0] + seen[1], 1000);
                client.send_raw(
                    format!("MULTI\r\nSET a {}\r\nSET b {}\r\nEXEC\r\n", seen[0] - 1, seen[1] + 1).as_bytes(),
                );
                read_all(client, 3);
                if client.read() != OwnedFrame::Null {
                    done += 1;
                }
            }
        });
        let moved = (CLIENTS * TRANSFERS) as i64;
        let expected = array(vec![bulk((1000 - moved).to_string()), bulk(moved.to_string())]);
        assert_eq!(server.client().run("MGET a b"), expected);
    });
}

#[test]
fn transfers_by_transactions_and_scripts_with_and_without_declared_keys_keep_the_sum() {
    const ROUNDS: usize = 80;
    const MOVE: &str = "local a, b = KEYS[1] or ARGV[1], KEYS[2] or ARGV[2] \
        if redis.call('DECR', a) < -1e9 then return 0 end return redis.call('INCR', b)";
    on_two_and_four_threads(|server| {
        assert_eq!(server.client().run("MSET a 0 b 0 c 0"), status("OK"));
        let undeclared = format!("{MOVE} -- undeclared");
        at_once(server, |client, number_of_client| {
            for round in 0..ROUNDS {
                match (round + number_of_client) % 4 {
                    0 => {
                        client.send_raw(b"MULTI\r\nDECR a\r\nINCR b\r\nEXEC\r\n");
                        assert_eq!(elements(read_all(client, 4).remove(3)).len(), 2);
                    }
                    1 => drop(client.call(&["EVAL", MOVE, "2", "b", "c"])),
                    2 => drop(client.call(&["EVAL", &undeclared, "0", "c", "a"])),
                    _ => {
                        client.send_raw(b"MULTI\r\n");
                        client.send(&["EVAL", MOVE, "2", "c", "b"]);
                        client.send_raw(b"DECR b\r\nINCR c\r\nEXEC\r\n");
                        assert_eq!(elements(read_all(client, 5).remove(4)).len(), 3);
                    }
                }
                let sum: i64 = elements(client.run("MGET a b c")).iter().map(number).sum();
                assert_eq!(sum, 0);
            }
        });
    });
}

#[test]
fn a_key_that_is_renamed_to_and_fro_is_always_in_one_place() {
    const ROUNDS: usize = 150;
    on_two_and_four_threads(|server| {
        assert_eq!(server.client().run("SET here value"), status("OK"));
        at_once(server, |client, number| {
            for _ in 0..ROUNDS {
                // Whoever comes too late gets an error.
                client.run(if number % 2 == 0 { "RENAME here there" } else { "RENAMENX there here" });
                assert_eq!(client.run("EXISTS here there"), integer(1));
            }
        });
    });
}

#[test]
fn a_copy_is_of_one_moment() {
    const ROUNDS: usize = 100;
    on_two_and_four_threads(|server| {
        assert_eq!(server.client().run("HSET original a 0 b 0"), integer(2));
        at_once(server, |client, number| {
            for round in 0..ROUNDS {
                client.run(&format!("HSET original a {number}:{round} b {number}:{round}"));
                assert_eq!(client.run("COPY original copy REPLACE"), integer(1));
                let fields = elements(client.run("HMGET copy a b"));
                assert_eq!(fields[0], fields[1]);
                client.send_raw(b"MULTI\r\nCOPY original twin REPLACE\r\nHGETALL original\r\nHGETALL twin\r\nEXEC\r\n");
                read_all(client, 4);
                let replies = elements(client.read());
                assert_eq!(replies[1], replies[2]);
            }
        });
    });
}

/// A transaction sees no effect of another between its commands.
#[test]
fn nothing_comes_between_the_commands_of_a_transaction() {
    const ROUNDS: usize = 100;
    on_two_and_four_threads(|server| {
        at_once(server, |client, number| {
            for _ in 0..ROUNDS {
                client.send_raw(
                    format!("MULTI\r\nSET k {number}\r\nINCR n\r\nGET k\r\nGET n\r\nSET k x{number}\r\nEXEC\r\n")
                        .as_bytes(),
                );
                read_all(client, 6);
                let replies = elements(client.read());
                assert_eq!(replies[2], bulk(number.to_string()));
                assert_eq!(super::support::number(&replies[3]), super::support::number(&replies[1]));
            }
        });
        assert_eq!(number(&server.client().run("GET n")), (CLIENTS * ROUNDS) as i64);
    });
}

/// Popped by many at once, each member is had by one of them.
#[test]
fn what_many_pop_at_once_each_gets_once() {
    const MEMBERS: usize = 400;
    on_two_and_four_threads(|server| {
        let mut client = server.client();
        for member in 0..MEMBERS {
            client.send_raw(format!("ZADD z {member} {member}\r\n").as_bytes());
        }
        read_all(&mut client, MEMBERS);
        let popped = std::sync::Mutex::new(Vec::new());
        at_once(server, |client, _| {
            loop {
                let pair = elements(client.run("ZPOPMIN z"));
                let Some(member) = pair.first() else { break };
                popped.lock().expect("no popper panicked").push(number(member));
            }
        });
        let mut popped = popped.into_inner().expect("no popper panicked");
        popped.sort_unstable();
        assert_eq!(popped, (0..MEMBERS as i64).collect::<Vec<_>>());
        assert_eq!(client.run("EXISTS z"), integer(0));
    });
}

/// The example, hammered by eight connections with a rate that brings no token in the time of a test.
#[test]
fn a_token_bucket_never_grants_more_than_its_burst() {
    const BURST: usize = 100;
    const CALLS: usize = 40;
    on_two_and_four_threads(|server| {
        let script = include_str!("../../examples/token_bucket.lua");
        let OwnedFrame::BulkString(digest) = server.client().call(&["SCRIPT", "LOAD", script]) else {
            panic!("a digest is a bulk")
        };
        let digest = String::from_utf8(digest).expect("a digest is hexadecimal");
        let burst = BURST.to_string();
        let granted = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut client = server.client();
                    for _ in 0..CALLS {
                        let reply = client.call(&["EVALSHA", &digest, "1", "bucket", "0.000001", &burst, "1"]);
                        let allowed = number(&elements(reply)[0]);
                        granted.fetch_add(allowed as usize, std::sync::atomic::Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(granted.into_inner(), BURST);
    });
}

/// Long pipelines hold their gates for long; who wants all gates still gets them.
#[test]
fn flushall_comes_through_while_others_pipeline() {
    const PIPELINES: usize = 20;
    on_two_and_four_threads(|server| {
        at_once(server, |client, number| {
            for round in 0..PIPELINES {
                if number == 0 {
                    assert_eq!(client.run("FLUSHALL"), status("OK"));
                    assert!(number_of_keys(client) >= 0);
                } else {
                    let pipeline: String = (0..2000).map(|key| format!("SET key:{number}:{key} {round}\r\n")).collect();
                    client.send_raw(pipeline.as_bytes());
                    read_all(client, 2000);
                }
            }
        });
    });
}
