//! Plans, edits and deadlines at their edges.

use super::{check_counts, expire, in_different_shards, lent, one, whole};
use crate::base::event::Classes;
use crate::base::rng::Rng;
use crate::data::hash::{Hash, Limits};
use crate::data::string::Str;
use crate::keyspace::wheel::TICK_MS;
use crate::keyspace::{Extent, Keyspace, Missing, Patience, Plan, Value, WrongType};

#[test]
fn a_plan_names_each_shard_once_and_becomes_the_whole_past_its_limit() {
    let keyspace = Keyspace::new(1, 1, 1);
    let keys = in_different_shards(&keyspace, Plan::SHARDS_MAX + 1);
    let plan_of = |len: usize| Plan::for_keys(&keyspace, keys[..len].iter().chain(&keys[..len]).map(|key| &**key));
    assert_eq!(plan_of(0), Plan::Nothing);
    assert_eq!(plan_of(1), Plan::One(keyspace.shard_of(&keys[0])));
    for len in 2..=Plan::SHARDS_MAX {
        let Plan::Several(shards) = plan_of(len) else { panic!("{len} shards make a plan of several") };
        assert_eq!(shards.to_vec(), keys[..len].iter().map(|key| keyspace.shard_of(key)).collect::<Vec<_>>());
    }
    assert_eq!(plan_of(Plan::SHARDS_MAX + 1), Plan::Whole);
}

#[test]
fn a_union_is_enough_for_both() {
    let union = |plans: &[Plan]| {
        let mut all = Plan::Nothing;
        plans.iter().for_each(|plan| all.union(plan));
        all
    };
    assert_eq!(union(&[Plan::One(3), Plan::Nothing, Plan::One(3)]), Plan::One(3));
    assert_eq!(union(&[Plan::One(3), Plan::One(4)]), union(&[Plan::Several([3, 4].into_iter().collect())]));
    assert_eq!(union(&[Plan::One(3), Plan::Walk]), Plan::Whole);
    assert_eq!(union(&[Plan::Whole, Plan::One(3)]), Plan::Whole);
    let mut walk = Plan::Walk;
    walk.add(1);
    assert_eq!(walk, Plan::Whole);
}

/// It answers for shards that are locked; who may go to any shard is not asked, and is told no.
#[test]
fn what_is_held_covers_the_shards_that_are_locked() {
    let keyspace = Keyspace::new(1, 1, 1);
    let several = Plan::Several([1, 2].into_iter().collect());
    let plans = [Plan::Nothing, Plan::One(1), several, Plan::Walk, Plan::Whole];
    let covered: [&[bool]; 5] = [
        &[true, false, false, false, false],
        &[true, true, false, false, false],
        &[true, true, true, false, false],
        &[true, false, false, false, false],
        &[true, false, false, false, false],
    ];
    let mut pass = keyspace.enter(0, Patience::Wait).expect("nobody else is inside");
    for (plan, covered) in plans.iter().zip(covered) {
        let held = pass.lock(plan, Patience::Wait).expect("nobody else is inside");
        assert_eq!(plans.each_ref().map(|other| held.covers(other)), covered, "what {plan:?} covers");
        assert_eq!(held.extent() == Extent::Whole, *plan == Plan::Whole);
        pass.unlock(held);
    }
}

#[test]
#[should_panic(expected = "a command touches only keys that its declaration names")]
fn a_key_that_was_not_declared_is_out_of_reach() {
    let keyspace = Keyspace::new(1, 1, 1);
    let keys = in_different_shards(&keyspace, 2);
    one(&keyspace, 0, &keys[0], (0, 0), |lent| lent.exists(&keys[1]));
}

#[test]
fn an_edit_creates_a_key_only_if_it_put_something_there() {
    let keyspace = Keyspace::new(1, 1, 1);
    whole(&keyspace, 0, (0, 0), |keys| {
        assert_eq!(keys.edit::<Hash, _>(b"h", Missing::Skip, |_| panic!("there is nothing to edit")), Ok(None::<()>));
        assert_eq!(keys.edit::<Hash, _>(b"h", Missing::Create, |hash| hash.remove(b"f")), Ok(Some(false)));
        assert_eq!(keys.edit::<Str, _>(b"s", Missing::Create, |text| text.len()), Ok(Some(0)));
        assert_eq!((keys.len(), keyspace.totals().changes), (0, 1));
        // A string may be empty, if somebody wrote that.
        assert_eq!(keys.edit::<Str, _>(b"s", Missing::Create, |text| text.append(b"")), Ok(Some(0)));
        assert_eq!(keys.len(), 1);
        assert_eq!(
            keys.edit::<Hash, _>(b"s", Missing::Create, |_| panic!("it is a string")),
            Err::<Option<()>, _>(WrongType)
        );
    });
    check_counts(&keyspace);
}

#[test]
fn a_collection_that_an_edit_emptied_is_gone_with_its_deadline() {
    let keyspace = Keyspace::new(1, 1, 1);
    whole(&keyspace, 0, (0, 0), |keys| {
        let _ = keys.edit::<Hash, _>(b"h", Missing::Create, |hash| hash.set(b"f", b"v", Limits::DEFAULT));
        assert!(keys.set_deadline(b"h", Some(10)));
        assert_eq!((keys.len(), keyspace.volatile(0)), (1, 1));
        let _ = keys.edit::<Hash, _>(b"h", Missing::Skip, |hash| hash.remove(b"f"));
        assert_eq!((keys.len(), keyspace.volatile(0)), (0, 0));
    });
    check_counts(&keyspace);
}

#[test]
fn a_deadline_is_the_last_instant_at_which_a_key_is_seen() {
    let keyspace = Keyspace::new(1, 1, 1);
    one(&keyspace, 0, b"k", (0, 5), |keys| keys.put_string(b"k", b"x", Some(10)));
    assert!(one(&keyspace, 0, b"k", (0, 10), |keys| keys.exists(b"k")));
    assert!(!one(&keyspace, 0, b"k", (0, 11), |keys| keys.exists(b"k")));
    assert_eq!(keyspace.totals().expired, 1);
    // But one given now is past already: EXPIRE key 0 deletes.
    one(&keyspace, 0, b"k", (0, 20), |keys| {
        keys.put_string(b"k", b"x", None);
        assert!(keys.set_deadline(b"k", Some(20)));
        assert!(!keys.exists(b"k"));
    });
    assert_eq!((keyspace.len(0), keyspace.totals().expired), (0, 1));
}

/// The last instant of all is the mark of an entry without deadline; a client may name it all the same.
#[test]
fn the_last_instant_of_all_is_a_deadline_too() {
    let keyspace = Keyspace::new(1, 1, 1);
    whole(&keyspace, 0, (0, 0), |keys| {
        keys.put_string(b"a", b"x", Some(i64::MAX));
        keys.put(b"b", Value::Str(Str::from_i64(1)), Some(i64::MAX));
        keys.put_string(b"c", b"x", None);
        assert!(keys.set_deadline(b"c", Some(i64::MAX)));
        assert_eq!([&b"a"[..], b"b", b"c"].map(|key| keys.deadline_of(key)), [Some(i64::MAX - 1); 3]);
        assert_eq!(keyspace.volatile(0), 3);
    });
    check_counts(&keyspace);
}

#[test]
fn idle_time_begins_at_an_access_and_is_never_negative() {
    let keyspace = Keyspace::new(1, 1, 1);
    let idle =
        |now: i64| one(&keyspace, 0, b"k", (0, now), |keys| keys.peek(b"k").map(|entry| entry.idle_seconds(now)));
    one(&keyspace, 0, b"k", (0, 10_000), |keys| keys.put_string(b"k", b"x", None));
    assert_eq!((idle(10_000), idle(12_500), idle(9_000)), (Some(0), Some(2), Some(0)));
    one(&keyspace, 0, b"k", (0, 20_000), |keys| assert!(keys.lookup(b"k").is_some()));
    assert_eq!(idle(21_000), Some(1));
    one(&keyspace, 0, b"k", (0, 30_000), |keys| {
        let entry = keys.remove(b"k").expect("it was put");
        keys.put_entry(b"k", entry);
    });
    assert_eq!(idle(30_000), Some(10));
}

#[test]
fn a_random_key_is_found_among_any_number_of_expired_ones() {
    let keyspace = Keyspace::new(1, 1, 1);
    whole(&keyspace, 0, (0, 0), |keys| {
        for number in 0..2_000 {
            keys.put_string(format!("dead{number}").as_bytes(), b"x", Some(5));
        }
        keys.put_string(b"alive", b"x", None);
    });
    let mut rng = Rng::seeded(7);
    whole(&keyspace, 0, (0, 10), |keys| {
        assert_eq!(keys.random_key(&mut rng).as_deref(), Some(&b"alive"[..]));
        assert!(keys.len() < 2_001, "what was drawn and had expired is gone");
        keys.remove(b"alive");
        assert_eq!(keys.random_key(&mut rng), None);
    });
}

#[test]
fn a_turn_finds_all_expired_keys_and_nothing_else() {
    let keyspace = Keyspace::new(2, 1, 1);
    for number in 0..5_000i64 {
        let key = format!("k{number}");
        one(&keyspace, 0, key.as_bytes(), ((number % 2) as usize, 0), |keys| {
            keys.put_string(key.as_bytes(), b"x", (number % 3 != 0).then_some(number % (2 * TICK_MS)));
        });
    }
    let dead = (0..5_000i64).filter(|number| number % 3 != 0 && number % (2 * TICK_MS) < TICK_MS).count();
    expire(&keyspace, 0, TICK_MS);
    assert_eq!(keyspace.totals().expired, dead as u64);
    assert_eq!(keyspace.len(0) + keyspace.len(1), 5_000 - dead);
    check_counts(&keyspace);
}

#[test]
fn emptying_a_large_database_leaves_the_others_alone() {
    let keyspace = Keyspace::new(2, 2, 1);
    whole(&keyspace, 0, (0, 0), |keys| {
        for number in 0..20_000 {
            keys.put_string(format!("k{number}").as_bytes(), b"x", (number % 2 == 0).then_some(100));
        }
        keys.in_db(1).put_string(b"other", b"x", Some(100));
    });
    assert_eq!(whole(&keyspace, 1, (0, 0), |keys| keys.flush()), 20_000);
    assert_eq!((keyspace.len(0), keyspace.len(1), keyspace.volatile(1)), (0, 1, 1));
    lent(&keyspace, 0, &Plan::Walk, (0, 0), |keys| assert_eq!(keys.scan(0, 10, |_| panic!("it is empty")), Ok(0)));
    check_counts(&keyspace);
}

#[test]
fn the_listener_is_told_of_every_key_that_goes() {
    use crate::keyspace::Event;
    let keyspace = Keyspace::new(2, 1, 1);
    let told = std::sync::Arc::new(crate::base::sync::Mutex::new(Vec::new()));
    let its = std::sync::Arc::clone(&told);
    let listener = move |event: Event, db: usize, key: &[u8]| {
        if event != Event::DEADLINE {
            its.lock().push((event, db, String::from_utf8_lossy(key).into_owned()));
        }
    };
    assert!(keyspace.listen(Box::new(listener)));
    assert!(!keyspace.listen(Box::new(|_, _, _| ())), "there is one listener");
    keyspace.want_events(Classes::EXPIRED.or(Classes::GENERIC));
    whole(&keyspace, 0, (1, 0), |keys| {
        ["expires", "expires too", "moves"].iter().for_each(|key| keys.put_string(key.as_bytes(), b"x", Some(10)));
        ["is deleted", "dies at once"].iter().for_each(|key| keys.put_string(key.as_bytes(), b"x", None));
        assert!(keys.delete(b"is deleted") && !keys.delete(b"is deleted"));
        assert!(keys.set_deadline(b"dies at once", Some(0)));
        let moved = keys.remove(b"moves").expect("it was put");
        keys.put_entry(b"has moved", moved);
        let _ = keys.edit::<Hash, _>(b"is emptied", Missing::Create, |hash| hash.set(b"f", b"v", Limits::DEFAULT));
        let _ = keys.edit::<Hash, _>(b"is emptied", Missing::Skip, |hash| hash.remove(b"f"));
    });
    whole(&keyspace, 0, (1, 20), |keys| {
        assert!(!keys.exists(b"expires") && !keys.delete(b"expires too") && !keys.exists(b"has moved"));
    });
    let expected = [
        (Event::DELETED, 1, "is deleted"),
        (Event::DELETED, 1, "dies at once"),
        (Event::DELETED, 1, "is emptied"),
        (Event::EXPIRED, 1, "expires"),
        (Event::EXPIRED, 1, "expires too"),
        (Event::EXPIRED, 1, "has moved"),
    ];
    assert_eq!(*told.lock(), expected.map(|(event, db, key)| (event, db, key.to_owned())));
}

/// Keys are spread over shards unevenly, and each is drawn about as often as any other: 100 times of 10,000, give or take 5 standard deviations.
#[test]
fn every_key_is_drawn_at_random_as_often_as_any_other() {
    const KEYS: usize = 100;
    let keyspace = Keyspace::new(1, 1, 1);
    let mut rng = Rng::seeded(11);
    let mut drawn = std::collections::HashMap::new();
    whole(&keyspace, 0, (0, 0), |keys| {
        (0..KEYS).for_each(|number| keys.put_string(number.to_string().as_bytes(), b"x", None));
        for _ in 0..100 * KEYS {
            let key = keys.random_key(&mut rng).expect("there are keys");
            *drawn.entry(key).or_insert(0) += 1;
        }
    });
    assert_eq!(drawn.len(), KEYS);
    assert!(drawn.values().all(|times| (50..=150).contains(times)), "{drawn:?}");
}
