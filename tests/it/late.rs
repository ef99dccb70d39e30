//! The four cases in which a script comes to its locks, each made to happen. One thread plays several, for a slot is not bound to a thread.

use std::sync::Arc;
use std::sync::mpsc;
use tally::base::clock::SystemClock;
use tally::command::{Services, Session};
use tally::config::Config;
use tally::engine::{Executed, Worker};
use tally::keyspace::{Busy, Held, Pass, Patience, Plan};
use tally::resp::writer::Writer;

/// Adds to its key and then to those that it did not declare; or the other way round.
const WRITES_FIRST: &str =
    "redis.call('INCR', KEYS[1]) for at = 1, #ARGV do redis.call('INCR', ARGV[at]) end return 'done'";
const WRITES_LAST: &str =
    "for at = 1, #ARGV do redis.call('GET', ARGV[at]) end redis.call('INCR', KEYS[1]) return 'done'";
/// Adds to its key and, if it is told to, counts all keys.
const WRITES_THEN_COUNTS: &str =
    "redis.call('INCR', KEYS[1]) if ARGV[1] then return #redis.call('KEYS', '*') .. '' end return 'done'";
const DONE: &str = "$4\r\ndone\r\n";

/// The slot of the worker that runs scripts; the next ones are played by the test.
const SLOT: usize = 0;

/// A worker without a socket, and keys of different shards.
struct Bench {
    services: Arc<Services>,
    worker: Worker,
    session: Session,
    own: String,
    other: String,
    third: String,
}

impl Bench {
    fn new() -> Self {
        let config = Config::from_pairs([("threads", "4")]).expect("these are within the settings' ranges");
        let services = tally::server::services(config, Arc::new(SystemClock::new()), Box::new(|_| {}));
        let services = Arc::new(services);
        let client = services.clients.connect(Default::default(), services.clock.unix_millis(), services.clock.ticks());
        let mut keys: Vec<String> = Vec::new();
        for name in (0..).map(|number: u32| format!("key:{number}")) {
            if keys.iter().all(|key| plan(&services, &[key]) != plan(&services, &[&name])) {
                keys.push(name);
            }
            if keys.len() == 3 {
                break;
            }
        }
        let [own, other, third] = keys.try_into().expect("there are three");
        let worker = Worker::new(Arc::clone(&services), SLOT);
        Self { worker, session: Session::new(client, true), services, own, other, third }
    }

    /// The same with a script that has shown that it keeps to its key.
    fn knowing(script: &str) -> Self {
        let mut bench = Self::new();
        assert_eq!(bench.eval(script, &[]), Ok(DONE.to_owned()));
        bench
    }

    /// The reply to a script that declares `own`, or [`Busy`].
    fn eval(&mut self, script: &str, arguments: &[&str]) -> Result<String, Busy> {
        let own = self.own.clone();
        self.run(&[&["EVAL", script, "1", &own], arguments].concat())
    }

    fn run(&mut self, request: &[&str]) -> Result<String, Busy> {
        let argv: Vec<&[u8]> = request.iter().map(|word| word.as_bytes()).collect();
        let mut output = Vec::new();
        let mut writer = Writer::new(&mut output, self.session.protocol, 1 << 20);
        match self.worker.batch().execute(&mut self.session, &argv, &mut writer) {
            Executed::Done => Ok(String::from_utf8(output).expect("these replies are text")),
            Executed::Busy => Err(Busy),
            other => panic!("a script runs here and now: {other:?}"),
        }
    }

    fn number(&mut self, key: &str) -> String {
        self.run(&["GET", key]).expect("nobody holds it").trim_end().to_owned()
    }
}

fn plan(services: &Services, keys: &[&str]) -> Plan {
    Plan::for_keys(&services.keyspace, keys.iter().map(|key| key.as_bytes()))
}

fn enter(services: &Services, slot: usize) -> Pass<'_> {
    services.keyspace.enter(slot, Patience::Try).expect("nobody owns the whole")
}

fn lock<'k>(pass: &mut Pass<'k>, plan: &Plan) -> Held<'k> {
    pass.lock(plan, Patience::Try).expect("nobody holds it")
}

#[test]
fn the_first_run_of_what_may_write_needs_everything_and_the_next_its_own_key() {
    let mut bench = Bench::new();
    let services = Arc::clone(&bench.services);
    let inside = enter(&services, 1);
    assert_eq!(bench.eval(WRITES_FIRST, &[]), Err(Busy), "somebody is inside");
    assert_eq!(bench.eval("#!lua flags=no-writes\nreturn 'done'", &[]), Ok(DONE.to_owned()));
    drop(inside);
    assert_eq!(bench.eval(WRITES_FIRST, &[]), Ok(DONE.to_owned()));
    let _inside = enter(&services, 1);
    assert_eq!(bench.eval(WRITES_FIRST, &[]), Ok(DONE.to_owned()));
    assert_eq!(bench.number("nothing"), "$-1");
}

#[test]
fn an_undeclared_key_that_is_free_is_had_late() {
    let mut bench = Bench::knowing(WRITES_FIRST);
    let services = Arc::clone(&bench.services);
    let (own, other, third) = (bench.own.clone(), bench.other.clone(), bench.third.clone());
    let mut pass = enter(&services, 1);
    let held = lock(&mut pass, &plan(&services, &[&third]));
    assert_eq!(bench.eval(WRITES_FIRST, &[&other]), Ok(DONE.to_owned()));
    assert_eq!((bench.number(&own), bench.number(&other)), ("$1\r\n2".to_owned(), "$1\r\n1".to_owned()));
    pass.unlock(held);
}

#[test]
fn a_run_that_meets_a_busy_key_before_it_has_written_begins_anew_and_leaves_no_trace() {
    let mut bench = Bench::knowing(WRITES_LAST);
    let services = Arc::clone(&bench.services);
    let (own, other) = (bench.own.clone(), bench.other.clone());
    let mut pass = enter(&services, 1);
    let held = lock(&mut pass, &plan(&services, &[&other]));
    assert_eq!(bench.eval(WRITES_LAST, &[&other]), Err(Busy), "it needs everything now");
    assert_eq!(bench.number(&own), "$1\r\n1");
    pass.unlock(held);
    assert_eq!(bench.eval(WRITES_LAST, &[&other]), Err(Busy), "and so does the next run: it is known");
    drop(pass);
    assert_eq!(bench.eval(WRITES_LAST, &[&other]), Ok(DONE.to_owned()));
    assert_eq!(bench.number(&own), "$1\r\n2");
}

#[test]
fn a_run_that_has_written_waits_for_a_busy_key() {
    let mut bench = Bench::knowing(WRITES_FIRST);
    let services = Arc::clone(&bench.services);
    let (own, other) = (bench.own.clone(), bench.other.clone());
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let (services, busy) = (&services, plan(&services, &[&other]));
        scope.spawn(move || {
            let mut pass = enter(services, 1);
            let held = lock(&mut pass, &busy);
            tell.send(()).expect("the other end waits");
            while !services.running[SLOT].running().is_some_and(|run| run.wrote) {
                std::thread::yield_now();
            }
            pass.unlock(held);
        });
        told.recv().expect("the other end sends");
        assert_eq!(bench.eval(WRITES_FIRST, &[&other]), Ok(DONE.to_owned()));
    });
    assert_eq!((bench.number(&own), bench.number(&other)), ("$1\r\n2".to_owned(), "$1\r\n1".to_owned()));
}

#[test]
fn a_run_that_has_written_and_may_not_wait_gets_an_error_and_its_effects_stay() {
    let mut bench = Bench::knowing(WRITES_FIRST);
    let services = Arc::clone(&bench.services);
    let (own, other, third) = (bench.own.clone(), bench.other.clone(), bench.third.clone());
    let (mut first, mut second) = (enter(&services, 1), enter(&services, 2));
    let held = lock(&mut first, &plan(&services, &[&other]));
    // Has waited in vain, and keeps the token until it ends.
    let mut waiting = lock(&mut second, &plan(&services, &[&third]));
    assert_eq!(waiting.extend(&plan(&services, &[&other]), true), Err(Busy));
    let reply = bench.eval(WRITES_FIRST, &[&other]).expect("it holds what it declared");
    assert!(reply.starts_with("-BUSY 'INCR' needs a key that the script did not declare and that is busy"), "{reply}");
    first.unlock(held);
    second.unlock(waiting);
    assert_eq!((bench.number(&own), bench.number(&other)), ("$1\r\n2".to_owned(), "$-1".to_owned()));
}

#[test]
fn a_run_that_has_written_comes_to_own_everything_when_the_others_leave() {
    let mut bench = Bench::knowing(WRITES_THEN_COUNTS);
    let services = Arc::clone(&bench.services);
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let services = &services;
        scope.spawn(move || {
            let inside = enter(services, 1);
            tell.send(()).expect("the other end waits");
            while !services.running[SLOT].running().is_some_and(|run| run.wrote) {
                std::thread::yield_now();
            }
            drop(inside);
        });
        told.recv().expect("the other end sends");
        assert_eq!(bench.eval(WRITES_THEN_COUNTS, &["all"]), Ok("$1\r\n1\r\n".to_owned()));
    });
    let own = bench.own.clone();
    assert_eq!(bench.number(&own), "$1\r\n2");
    let inside = enter(&services, 1);
    assert_eq!(bench.eval(WRITES_THEN_COUNTS, &["all"]), Err(Busy), "it is known to need everything");
    drop(inside);
    assert_eq!(bench.eval(WRITES_THEN_COUNTS, &["all"]), Ok("$1\r\n1\r\n".to_owned()));
    assert_eq!(bench.number(&own), "$1\r\n3");
}

#[test]
fn a_run_that_has_written_and_may_not_wait_for_everything_gets_an_error_and_its_effects_stay() {
    let mut bench = Bench::knowing(WRITES_THEN_COUNTS);
    let services = Arc::clone(&bench.services);
    let (own, other) = (bench.own.clone(), bench.other.clone());
    let mut pass = enter(&services, 1);
    // Has tried in vain, and keeps the token until it ends.
    let mut waiting = lock(&mut pass, &plan(&services, &[&other]));
    let inside = enter(&services, 2);
    assert_eq!(waiting.widen(), Err(Busy));
    let reply = bench.eval(WRITES_THEN_COUNTS, &["all"]).expect("it holds what it declared");
    assert!(reply.starts_with("-BUSY 'KEYS' needs the whole keyspace"), "{reply}");
    pass.unlock(waiting);
    drop((pass, inside));
    assert_eq!(bench.number(&own), "$1\r\n2");
}

/// The third run is known to touch a key that can be told, so it locks that one as if it were declared.
#[test]
fn undeclared_keys_that_can_be_told_are_locked_ahead() {
    let script = "redis.call('INCR', KEYS[1]) redis.call('INCR', ARGV[1]) return 'done'";
    let mut bench = Bench::new();
    let services = Arc::clone(&bench.services);
    let (own, other, third) = (bench.own.clone(), bench.other.clone(), bench.third.clone());
    assert_eq!(bench.eval(script, &[&other]), Ok(DONE.to_owned()));
    assert_eq!(bench.eval(script, &[&third]), Ok(DONE.to_owned()));
    let mut pass = enter(&services, 1);
    let held = lock(&mut pass, &plan(&services, &[&other]));
    assert_eq!(bench.eval(script, &[&third]), Ok(DONE.to_owned()), "although somebody is inside");
    assert_eq!(bench.eval(script, &[&other]), Err(Busy), "it had not begun");
    assert_eq!(bench.number(&own), "$1\r\n3");
    pass.unlock(held);
    assert_eq!(bench.eval(script, &[&other]), Ok(DONE.to_owned()));
    drop(pass);
    let numbers = [own, other, third].map(|key| bench.number(&key));
    assert_eq!(numbers, ["$1\r\n4", "$1\r\n2", "$1\r\n2"]);
}
