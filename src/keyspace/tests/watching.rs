//! WATCH where time and whole databases are concerned.

use super::{expire, one, whole};
use crate::keyspace::{Keyspace, Plan, WatchTicket};

fn put(keyspace: &Keyspace, db: usize, key: &[u8], deadline: Option<i64>) {
    one(keyspace, 0, key, (db, 100), |keys| keys.put_string(key, b"x", deadline));
}

fn watch(keyspace: &Keyspace, db: usize, key: &[u8], now: i64) -> WatchTicket {
    one(keyspace, 0, key, (db, now), |keys| keys.watch(key))
}

fn is_unchanged(keyspace: &Keyspace, ticket: &WatchTicket, now: i64) -> bool {
    one(keyspace, 1, ticket.key(), (0, now), |keys| keys.is_unchanged(ticket))
}

/// Redis tells the two apart by a flag in the ticket; here the expired entry is gone before the ticket exists.
#[test]
fn a_key_that_had_expired_before_it_was_watched_may_be_removed_later() {
    let keyspace = Keyspace::new(2, 2, 1);
    put(&keyspace, 0, b"k", Some(150));
    let ticket = watch(&keyspace, 0, b"k", 200);
    whole(&keyspace, 0, (0, 200), |keys| keys.flush());
    expire(&keyspace, 0, 300);
    assert!(is_unchanged(&keyspace, &ticket, 300));
}

#[test]
fn a_key_that_expires_while_watched_has_changed_whether_anybody_met_it_or_not() {
    let keyspace = Keyspace::new(2, 2, 1);
    put(&keyspace, 0, b"met", Some(150));
    put(&keyspace, 0, b"unmet", Some(150));
    let tickets = [watch(&keyspace, 0, b"met", 150), watch(&keyspace, 0, b"unmet", 150)];
    assert!(tickets.iter().all(|ticket| is_unchanged(&keyspace, ticket, 150)));
    one(&keyspace, 0, b"met", (0, 151), |keys| assert!(keys.peek(b"met").is_none()));
    assert!(!tickets.iter().any(|ticket| is_unchanged(&keyspace, ticket, 151)));
}

#[test]
fn swapping_databases_changes_a_key_that_is_in_one_of_them_and_no_other() {
    let keyspace = Keyspace::new(3, 2, 1);
    put(&keyspace, 0, b"in-a", None);
    put(&keyspace, 1, b"in-b", None);
    put(&keyspace, 1, b"dead-in-b", Some(150));
    put(&keyspace, 2, b"elsewhere", None);
    let changed = [(0, &b"in-a"[..]), (1, b"in-a"), (0, b"in-b"), (1, b"in-b")];
    let unchanged = [(0, &b"dead-in-b"[..]), (0, b"missing"), (1, b"missing"), (2, b"elsewhere"), (2, b"in-a")];
    let watch_all = |places: &[(usize, &[u8])]| -> Vec<WatchTicket> {
        places.iter().map(|(db, key)| watch(&keyspace, *db, key, 100)).collect()
    };
    let (changed, unchanged) = (watch_all(&changed), watch_all(&unchanged));
    whole(&keyspace, 0, (0, 200), |keys| keys.swap_databases(0, 1));
    assert!(!changed.iter().any(|ticket| is_unchanged(&keyspace, ticket, 200)));
    assert!(unchanged.iter().all(|ticket| is_unchanged(&keyspace, ticket, 200)));
}

#[test]
fn emptying_a_database_changes_the_keys_that_it_had() {
    let keyspace = Keyspace::new(2, 2, 1);
    put(&keyspace, 0, b"there", None);
    let tickets = [(0, &b"there"[..]), (0, b"missing"), (1, b"there")].map(|(db, key)| watch(&keyspace, db, key, 100));
    whole(&keyspace, 0, (0, 100), |keys| assert_eq!(keys.flush(), 1));
    assert_eq!(tickets.map(|ticket| is_unchanged(&keyspace, &ticket, 100)), [false, true, true]);
}

#[test]
fn carrying_a_key_changes_both_places() {
    let keyspace = Keyspace::new(2, 2, 1);
    put(&keyspace, 0, b"k", None);
    let tickets = [watch(&keyspace, 0, b"k", 100), watch(&keyspace, 1, b"k", 100)];
    one(&keyspace, 0, b"k", (0, 100), |keys| {
        let entry = keys.remove(b"k").expect("it was put");
        keys.in_db(1).put_entry(b"k", entry);
    });
    assert!(!tickets.iter().any(|ticket| is_unchanged(&keyspace, ticket, 100)));
}

/// A connection that watches one key after another must not leave a cell behind for each.
#[test]
fn cells_that_nobody_holds_are_swept() {
    let keyspace = Keyspace::new(1, 1, 1);
    let kept = watch(&keyspace, 0, b"kept", 100);
    for number in 0..100_000 {
        drop(watch(&keyspace, 0, format!("k{number}").as_bytes(), 100));
    }
    let cells = whole(&keyspace, 0, (0, 100), |keys| {
        (0..keyspace.shards()).map(|index| keys.shard_at(index).watched.keys_of(0, 0).len()).sum::<usize>()
    });
    assert!(cells <= 64 * keyspace.shards(), "{cells} cells for one ticket");
    one(&keyspace, 0, b"kept", (0, 100), |keys| keys.put_string(b"kept", b"x", None));
    let plan = Plan::for_keys(&keyspace, std::iter::once(&b"kept"[..]));
    assert!(!super::lent(&keyspace, 0, &plan, (0, 100), |keys| keys.is_unchanged(&kept)));
}
