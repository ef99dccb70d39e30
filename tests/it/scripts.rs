//! Scripts that run for too long, and what others see meanwhile; scripts, the cache and transactions.

use crate::support::{Client, Server, array, bulk, elements, error, error_text, integer, number, status};
use redis_protocol::resp2::types::OwnedFrame;

/// Loops if told so; else keeps to its key and returns.
const MAY_LOOP: &str =
    "local value = redis.call('GET', KEYS[1]) if ARGV[1] == 'loop' then while true do end end return value";

const KILLED: &str = "Script killed by user with SCRIPT KILL";

fn start(limit_ms: &str) -> Server {
    Server::with(&["--threads", "1", "--lua-time-limit", limit_ms])
}

/// Has a script loop that is known to keep to its key `held`, and waits until it does.
fn loop_on_held(server: &Server) -> Client {
    let mut client = server.client();
    assert_eq!(client.run("SET held value"), status("OK"));
    assert_eq!(client.call(&["EVAL", MAY_LOOP, "1", "held", ""]), bulk("value"), "the first run shows its keys");
    client.send(&["EVAL", MAY_LOOP, "1", "held", "loop"]);
    client
}

/// A key, whose value is now 1, of a shard that no script holds.
fn free_key(server: &Server) -> String {
    let mut keys = (0..).map(|n| format!("free:{n}"));
    keys.find(|key| server.ask(&["SET", key, "1"]) == status("OK")).expect("some shard is free")
}

#[test]
fn script_kill_by_a_new_connection_ends_a_script_on_the_only_worker() {
    let server = start("60000");
    for script in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do xpcall(function() while true do end end, function() while true do end end) end",
        "local function again() return again() end return again()",
        "while true do redis.call('GET', KEYS[1]) end",
        "while true do redis.pcall('NOSUCH') end",
        "while true do coroutine.wrap(function() while true do end end)() end",
    ] {
        let mut client = server.client();
        client.send(&["EVAL", script, "1", "k"]);
        server.kill_script();
        let reply = client.read();
        assert!(error_text(&reply).contains(KILLED), "{script}: {reply:?}");
        assert_eq!(client.call(&["EVAL", "return 1", "0"]), integer(1), "the connection lives after {script}");
    }
    assert_eq!(server.client().run("SCRIPT KILL"), error("NOTBUSY No scripts in execution right now."));
}

#[test]
fn keys_that_a_script_does_not_hold_are_served_by_new_connections_and_its_own_get_busy() {
    let server = start("50");
    let mut looping = loop_on_held(&server);
    server.wait_for_busy("held");
    // A few may share the held key's shard.
    let served = (0..20).filter(|key| server.ask(&["SET", &format!("other:{key}"), "1"]) == status("OK")).count();
    assert!(served >= 15, "{served} of 20 other keys were served");
    assert_eq!(server.ask(&["PING"]), status("PONG"), "a command without keys needs no script to end");
    assert!(error_text(&server.ask(&["FLUSHALL"])).starts_with("BUSY "));
    assert!(error_text(&server.ask(&["WATCH", "held"])).starts_with("BUSY "), "and does not wait without an answer");
    let writes = "return redis.call('SET', KEYS[1], 2)";
    assert!(
        error_text(&server.ask(&["EVAL", writes, "1", "other"])).starts_with("BUSY "),
        "it wants all keys at first"
    );
    server.kill_script();
    assert!(error_text(&looping.read()).contains(KILLED));
    assert_eq!(looping.run("GET held"), bulk("value"));
}

/// It needs all keys before it writes, and the key that it did not declare lets nobody know what else it may need.
#[test]
fn the_first_run_of_a_script_that_writes_and_meets_an_undeclared_key_owns_all_keys() {
    let server = Server::with(&["--threads", "1", "--lua-time-limit", "50", "--script-kill-writes", "yes"]);
    let mut looping = server.client();
    // One of them is in another shard than the declared key.
    let script = "redis.call('SET', KEYS[1], 1) redis.call('MGET', 'a', 'b', 'c', 'd', 'e') while true do end";
    looping.send(&["EVAL", script, "1", "held"]);
    for key in 0..20 {
        server.wait_for_busy(&format!("other:{key}"));
    }
    server.kill_script();
    assert!(error_text(&looping.read()).contains(KILLED));
}

/// It lets go of all but its own key once it takes long, and keeps none of the other connections of its worker waiting: it never had that worker.
#[test]
fn the_first_run_of_a_script_that_takes_long_holds_its_own_keys_only() {
    let server = start("50");
    let (mut beside, mut looping) = (server.client(), server.client());
    assert_eq!(beside.run("PING"), status("PONG"));
    let script = "redis.call('SET', KEYS[1], 'written') while true do end";
    looping.send(&["EVAL", script, "1", "held"]);
    server.wait_for_busy("held");
    // A few may share the held key's shard.
    let served = (0..20).filter(|key| beside.call(&["SET", &format!("other:{key}"), "1"]) == status("OK")).count();
    assert!(served >= 15, "{served} of 20 other keys were served");
    assert_eq!(beside.run("CONFIG SET script-kill-writes yes"), status("OK"));
    assert_eq!(beside.run("SCRIPT KILL"), status("OK"));
    assert!(error_text(&looping.read()).contains(KILLED));
    assert_eq!(beside.run("GET held"), bulk("written"));
}

/// More scripts that never end than there are threads for them: the others wait, and are told BUSY once those are past their time.
#[test]
fn scripts_that_wait_for_those_that_never_end_are_told_so() {
    let server = start("50");
    let mut looping: Vec<Client> = (0..2).map(|_| server.client()).collect();
    for (number, client) in looping.iter_mut().enumerate() {
        let key = free_key(&server);
        client.send(&["EVAL", &format!("while true do end -- {number}"), "1", &key]);
        server.wait_for_busy(&key);
    }
    for script in ["while true do end", "return 1"] {
        assert!(error_text(&server.ask(&["EVAL", script, "0"])).starts_with("BUSY "), "{script}");
    }
    assert_eq!(server.ask(&["PING"]), status("PONG"));
    server.kill_script();
    for client in &mut looping {
        assert!(error_text(&client.read()).contains(KILLED));
    }
    assert_eq!(server.ask(&["EVAL", "return 1", "0"]), integer(1));
}

/// While another script runs, whose shard is not asked for: who wanted everything would be told BUSY.
#[test]
fn the_first_run_of_a_script_that_cannot_write_holds_its_own_keys_only() {
    let server = start("50");
    let mut looping = loop_on_held(&server);
    server.wait_for_busy("held");
    let free = free_key(&server);
    let reads = "return redis.call('GET', KEYS[1])";
    assert_eq!(server.ask(&["EVAL_RO", reads, "1", &free]), bulk("1"));
    assert_eq!(server.ask(&["EVAL", &format!("#!lua flags=no-writes\n{reads}"), "1", &free]), bulk("1"));
    // An undeclared key that is free is had late; one that is held has the run begin again, owning everything.
    let reads = "return redis.call('GET', ARGV[1])";
    assert_eq!(server.ask(&["EVAL_RO", reads, "0", &free]), bulk("1"));
    assert!(error_text(&server.ask(&["EVAL_RO", reads, "0", "held"])).starts_with("BUSY "));
    assert_eq!(server.ask(&["EVAL", "return 1", "1", &free]), integer(1), "this one might have written");
    let writes = "return redis.call('INCR', KEYS[1])";
    assert!(error_text(&server.ask(&["EVAL", writes, "1", &free])).starts_with("BUSY "));
    server.kill_script();
    assert!(error_text(&looping.read()).contains(KILLED));
    assert_eq!(server.ask(&["EVAL_RO", reads, "0", "held"]), bulk("value"));
}

#[test]
fn before_the_time_limit_commands_wait_for_the_script() {
    let server = start("600000");
    let mut looping = loop_on_held(&server);
    let mut waiting = server.client();
    waiting.send_raw(b"CLIENT SETNAME waiting\r\nAPPEND held !\r\n");
    server.wait_for_command("waiting", "append");
    server.kill_script();
    assert!(error_text(&looping.read()).contains(KILLED));
    assert_eq!(waiting.read(), status("OK"));
    assert_eq!(waiting.read(), integer(6), "it waited, and was executed once");
}

#[test]
fn the_time_limit_can_be_set_while_a_script_runs_for_those_that_come_after() {
    let server = start("0");
    let mut looping = server.client();
    assert_eq!(looping.run("CONFIG SET lua-time-limit 20"), status("OK"));
    looping.send(&["EVAL", "while true do end", "1", "k"]);
    server.wait_for_busy("k");
    server.kill_script();
    assert!(error_text(&looping.read()).contains(KILLED));
}

#[test]
fn a_script_that_has_written_is_killed_only_if_script_kill_writes_says_so() {
    let server = start("60000");
    let mut looping = server.client();
    looping.send(&["EVAL", "redis.call('SET', KEYS[1], 'written') while true do end", "1", "k"]);
    let refused = loop {
        let reply = server.ask(&["SCRIPT", "KILL"]);
        if !error_text(&reply).starts_with("NOTBUSY ") {
            break reply;
        }
    };
    // The kill may have come before the write; then there is nothing to refuse.
    if refused != status("OK") {
        assert!(error_text(&refused).starts_with("UNKILLABLE "), "{refused:?}");
        assert_eq!(server.ask(&["CONFIG", "SET", "script-kill-writes", "yes"]), status("OK"));
        server.kill_script();
    }
    assert!(error_text(&looping.read()).contains(KILLED));
    if refused != status("OK") {
        assert_eq!(looping.run("GET k"), bulk("written"), "what it wrote stays");
    }
}

#[test]
fn a_script_past_script_max_time_ends_by_itself() {
    let server = Server::with(&["--threads", "1", "--script-max-time", "20"]);
    let mut client = server.client();
    for script in ["while true do end", "while true do pcall(function() while true do end end) end"] {
        let reply = client.call(&["EVAL", script, "0"]);
        assert!(error_text(&reply).starts_with("ERR "), "{reply:?}");
        assert!(error_text(&reply).contains("script-max-time"), "{reply:?}");
    }
    assert_eq!(client.call(&["EVAL", "return 1", "0"]), integer(1));
}

#[test]
fn undeclared_keys_are_reached_by_the_first_run_and_by_later_ones() {
    let server = Server::with(&["--threads", "2"]);
    let mut client = server.client();
    let script =
        "local sum = 0 for at = 1, tonumber(ARGV[1]) do sum = sum + redis.call('INCR', 'key:' .. at) end return sum";
    assert_eq!(client.call(&["EVAL", script, "0", "0"]), integer(0));
    // The second run meets keys that the first did not.
    assert_eq!(client.call(&["EVAL", script, "0", "40"]), integer(40));
    assert_eq!(client.call(&["EVAL", script, "0", "40"]), integer(80));
    assert_eq!(client.run("DBSIZE"), integer(40));
}

/// Moves between two keys of ARGV; declared they are only if the caller gives them as KEYS too.
const MOVE: &str = "if not ARGV[1] then return 0 end \
    local from, to = tonumber(redis.call('GET', ARGV[1])), tonumber(redis.call('GET', ARGV[2])) \
    redis.call('SET', ARGV[1], from - 1) redis.call('SET', ARGV[2], to + 1) return from + to";

#[test]
fn a_script_is_atomic_on_undeclared_keys_that_another_client_hammers() {
    for threads in ["1", "2"] {
        let server = Server::with(&["--threads", threads]);
        let mut client = server.client();
        assert_eq!(client.run("MSET a 0 b 0"), status("OK"));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut hammer = server.client();
                for _ in 0..300 {
                    hammer.send_raw(b"MULTI\r\nINCRBY a 7\r\nDECRBY b 7\r\nEXEC\r\nMGET a b\r\n");
                    for _ in 0..4 {
                        hammer.read();
                    }
                    let seen: i64 = elements(hammer.read()).iter().map(number).sum();
                    assert_eq!(seen, 0, "the sum of both never changes");
                }
            });
            scope.spawn(|| {
                let mut scripter = server.client();
                // Known to keep to its keys, until it does not.
                assert_eq!(scripter.call(&["EVAL", MOVE, "0"]), integer(0));
                for round in 0..300 {
                    let script = if round % 10 == 0 { format!("{MOVE} -- {round}") } else { MOVE.to_owned() };
                    if round % 10 == 0 {
                        assert_eq!(scripter.call(&["EVAL", &script, "0"]), integer(0));
                    }
                    assert_eq!(scripter.call(&["EVAL", &script, "0", "a", "b"]), integer(0));
                }
            });
        });
        // 300 moves of one out of `a`, 300 of seven into it.
        assert_eq!(client.run("MGET a b"), array(vec![bulk("1800"), bulk("-1800")]));
    }
}

/// Whoever writes first and only then meets a busy key that it did not declare either gets the key or an error that names the call.
#[test]
fn a_late_undeclared_key_is_locked_or_refused_but_never_torn() {
    let server = Server::with(&["--threads", "2"]);
    let script = "redis.call('INCR', KEYS[1]) if ARGV[1] then redis.call('INCR', ARGV[1]) end return 1";
    std::thread::scope(|scope| {
        for (mine, other) in [("a", "b"), ("b", "a")] {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.client();
                for round in 0..100 {
                    // A new script each round, whose first run keeps to its key.
                    let script = format!("{script} -- {mine}{round}");
                    assert_eq!(client.call(&["EVAL", &script, "1", "mine"]), integer(1));
                    let reply = client.call(&["EVAL", &script, "1", mine, other]);
                    let busy = error_text(&reply).contains("needs a key that the script did not declare");
                    assert!(reply == integer(1) || busy, "{reply:?}");
                }
            });
        }
    });
    assert_eq!(server.client().run("GET mine"), bulk("200"));
}

#[test]
fn evalsha_finds_a_script_until_script_flush() {
    let server = Server::with(&["--threads", "2"]);
    let noscript = error("NOSCRIPT No matching script. Please use EVAL.");
    let mut clients = [server.client(), server.client()];
    let OwnedFrame::BulkString(digest) = clients[0].call(&["SCRIPT", "LOAD", "return 7"]) else {
        panic!("a digest is a bulk")
    };
    let digest = String::from_utf8(digest).expect("a digest is hexadecimal");
    for client in &mut clients {
        assert_eq!(client.call(&["EVALSHA", &digest, "0"]), integer(7));
        assert_eq!(client.call(&["EVALSHA", &digest.to_uppercase(), "0"]), integer(7));
    }
    assert_eq!(clients[0].run("SCRIPT FLUSH"), status("OK"));
    for client in &mut clients {
        assert_eq!(client.call(&["EVALSHA", &digest, "0"]), noscript);
        assert_eq!(client.call(&["EVALSHA_RO", &digest, "0"]), noscript);
    }
    assert_eq!(clients[1].call(&["EVAL", "return 7", "0"]), integer(7));
    assert_eq!(clients[0].call(&["EVALSHA", &digest, "0"]), integer(7), "EVAL caches");
}

/// The server once took a digest of no digits for the script that was last run by its text.
#[test]
fn an_empty_digest_is_no_script() {
    let server = Server::with(&["--threads", "1"]);
    let mut client = server.client();
    assert_eq!(client.call(&["EVAL", "return 7", "0"]), integer(7));
    assert_eq!(client.call(&["EVAL", "return 7", "0"]), integer(7));
    assert_eq!(client.call(&["EVALSHA", "", "0"]), error("NOSCRIPT No matching script. Please use EVAL."));
}

#[test]
fn eval_inside_a_transaction_sees_and_is_seen_by_its_neighbours() {
    let server = Server::with(&["--threads", "2"]);
    let mut client = server.client();
    client.send_raw(b"MULTI\r\nSET k 1\r\n");
    client.send(&[
        "EVAL",
        "redis.call('INCR', KEYS[1]) redis.call('SET', 'undeclared', 'x') return redis.call('GET', KEYS[1])",
        "1",
        "k",
    ]);
    client.send(&["EVAL", "return {err='ERR mine'}", "0"]);
    client.send_raw(b"INCR k\r\nGET undeclared\r\nEXEC\r\n");
    assert_eq!(client.read(), status("OK"));
    for _ in 0..5 {
        assert_eq!(client.read(), status("QUEUED"));
    }
    let expected = vec![status("OK"), bulk("2"), error("ERR mine"), integer(3), bulk("x")];
    assert_eq!(client.read(), array(expected));
}

#[test]
fn a_script_error_keeps_the_effects_before_it() {
    let server = Server::with(&["--threads", "2"]);
    let mut client = server.client();
    for (failing, text) in [
        ("error('mine')", "mine"),
        ("redis.call('LPOP', 'k', 'x', 'y')", "wrong number of arguments|Wrong number of args|Unknown Redis command"),
        ("redis.call('INCR', 'word')", "value is not an integer"),
        ("return nil + 1", "arithmetic on a nil value"),
    ] {
        client.run("MSET k 0 word abc");
        let script = format!("redis.call('INCR', 'k') {failing} redis.call('INCR', 'k')");
        let script = if failing.starts_with("return") { format!("redis.call('INCR', 'k') {failing}") } else { script };
        let reply = client.call(&["EVAL", &script, "1", "k"]);
        assert!(text.split('|').any(|text| error_text(&reply).contains(text)), "{failing}: {reply:?}");
        assert_eq!(client.run("GET k"), bulk("1"), "after {failing}");
    }
}
