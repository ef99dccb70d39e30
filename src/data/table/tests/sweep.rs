//! What a sweep comes by.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::item::{Shared, numbered};
use super::{Item, Place, Rng, Table};

fn table(len: u64, skip_bits: u8) -> Table<Shared> {
    let mut table = Table::new(skip_bits);
    for id in 0..len {
        let hash = Rng::seeded(id).next_u64() >> skip_bits;
        table.insert_new(hash, numbered(id, hash));
    }
    table
}

#[test]
fn a_sweep_in_steps_of_any_size_comes_by_every_item_once_a_round() {
    for (len, skip_bits) in [(1, 0), (20, 8), (3_000, 8), (40_000, 0)] {
        let table = table(len, skip_bits);
        for step in [1, 7, 300] {
            let (mut place, mut seen, mut left) = (0, HashMap::new(), 2 * len as usize);
            while left > 0 {
                let visits = step.min(left);
                place = table.sweep(place, visits, |item| {
                    *seen.entry(Shared::key(item).to_vec()).or_insert(0) += 1;
                    ControlFlow::Continue(())
                });
                left -= visits;
            }
            assert_eq!(seen.len(), len as usize);
            assert!(seen.values().all(|&times| times == 2), "each was seen in both rounds");
        }
    }
}

#[test]
fn a_sweep_that_breaks_goes_on_behind_the_item_where_it_broke() {
    let table = table(1_000, 8);
    let (mut place, mut seen) = (0, Vec::new());
    for _ in 0..1_000 {
        place = table.sweep(place, 10, |item| {
            seen.push(Shared::key(item).to_vec());
            ControlFlow::Break(())
        });
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 1_000);
}

#[test]
fn any_number_is_a_place_and_an_empty_table_has_nothing_to_come_by() {
    let (empty, full) = (Table::<Shared>::new(8), table(5_000, 8));
    let mut rng = Rng::seeded(3);
    let mut seen = 0;
    for _ in 0..1_000 {
        empty.sweep(rng.next_u64(), 5, |_| panic!("there is nothing"));
        full.sweep(rng.next_u64(), 1, |_| {
            seen += 1;
            ControlFlow::Continue(())
        });
    }
    assert_eq!(seen, 1_000);
}

#[test]
fn a_walk_left_anywhere_goes_on_to_every_item_exactly_once_and_in_order() {
    for (len, skip_bits) in [(0, 0), (1, 0), (20, 8), (3_000, 8), (40_000, 0)] {
        let table = table(len, skip_bits);
        let all: Vec<&[u8]> = table.iter().map(Shared::key).collect();
        for step in [1, 7, 300, 100_000] {
            let (mut place, mut seen) = (Some(Place::default()), Vec::new());
            while let Some(from) = place {
                let mut left = step;
                place = table.walk(from, |item| {
                    seen.push(Shared::key(item));
                    left -= 1;
                    if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
            }
            assert_eq!(seen, all);
        }
    }
}
