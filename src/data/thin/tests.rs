//! A block against a `Vec`, and a value that changes its form.

use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::base::alloc::size_class;

#[derive(Clone, Debug)]
enum Step {
    Push(u8),
    Extend(Vec<u8>),
    Resize(usize, u8),
    Truncate(usize),
    Gap(usize, Vec<u8>),
    Splice(usize, usize, Vec<u8>),
    Remove(usize, usize),
    Reserve(usize),
    ShrinkIfSparse,
    ShrinkToFit,
    Clone,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let text = || vec(any::<u8>(), 0..40);
    let at = || 0usize..400;
    let step = prop_oneof![
        3 => any::<u8>().prop_map(Step::Push),
        4 => text().prop_map(Step::Extend),
        1 => (at(), any::<u8>()).prop_map(|(len, fill)| Step::Resize(len, fill)),
        1 => at().prop_map(Step::Truncate),
        3 => (at(), text()).prop_map(|(at, text)| Step::Gap(at, text)),
        3 => (at(), at(), text()).prop_map(|(at, len, text)| Step::Splice(at, len, text)),
        2 => (at(), at()).prop_map(|(at, len)| Step::Remove(at, len)),
        1 => at().prop_map(Step::Reserve),
        1 => Just(Step::ShrinkIfSparse),
        1 => Just(Step::ShrinkToFit),
        1 => Just(Step::Clone),
        1 => Just(Step::Clear),
    ];
    vec(step, 0..60)
}

proptest! {
    #[test]
    fn a_block_agrees_with_a_vec(steps in steps()) {
        let mut bytes = Bytes::new();
        let mut twin: Vec<u8> = Vec::new();
        for step in steps {
            let part = |at: usize, len: usize| {
                let start = at % (twin.len() + 1);
                start..start + len % (twin.len() - start + 1)
            };
            match step {
                Step::Push(byte) => {
                    bytes.push(byte);
                    twin.push(byte);
                }
                Step::Extend(text) => {
                    bytes.extend_from_slice(&text);
                    twin.extend_from_slice(&text);
                }
                Step::Resize(len, fill) => {
                    bytes.resize(len, fill);
                    twin.resize(len, fill);
                }
                Step::Truncate(len) => {
                    bytes.truncate(len);
                    twin.truncate(len);
                }
                Step::Gap(at, text) => {
                    let at = at % (twin.len() + 1);
                    bytes.insert_gap(at, text.len()).copy_from_slice(&text);
                    twin.splice(at..at, text);
                }
                Step::Splice(at, len, text) => {
                    let range = part(at, len);
                    bytes.splice(range.clone(), &text);
                    twin.splice(range, text);
                }
                Step::Remove(at, len) => {
                    let range = part(at, len);
                    bytes.remove(range.clone());
                    twin.drain(range);
                }
                Step::Reserve(added) => {
                    bytes.reserve(added);
                    prop_assert!(bytes.capacity() >= twin.len() + added);
                }
                Step::ShrinkIfSparse => {
                    bytes.shrink_if_sparse();
                    prop_assert!(bytes.capacity() <= 2 * twin.len() + 8);
                }
                Step::ShrinkToFit => {
                    bytes.shrink_to_fit();
                    prop_assert!(bytes.capacity() <= size_class(twin.len() + 8));
                }
                Step::Clone => bytes = bytes.clone(),
                Step::Clear => {
                    bytes.clear();
                    twin.clear();
                    prop_assert_eq!(bytes.allocated_bytes(), 0);
                }
            }
            prop_assert_eq!(&bytes[..], &twin[..]);
            prop_assert!(bytes.capacity() >= bytes.len());
            prop_assert!(bytes.allocated_bytes() == 0 || bytes.allocated_bytes() == size_class(bytes.allocated_bytes()));
        }
    }
}

#[test]
fn an_empty_block_allocates_nothing_and_takes_every_call() {
    let mut bytes = Bytes::new();
    bytes.truncate(0);
    bytes.resize(0, 1);
    bytes.extend_from_slice(&[]);
    bytes.splice(.., &[]);
    bytes.remove(..);
    bytes.insert_gap(0, 0);
    bytes.shrink_if_sparse();
    bytes.shrink_to_fit();
    bytes.reserve(0);
    assert!(bytes.is_empty() && bytes.clone().is_empty());
    assert_eq!((bytes.capacity(), bytes.allocated_bytes()), (0, 0));
    assert_eq!((size_of::<Bytes>(), size_of::<Option<Bytes>>()), (8, 8));
}

#[test]
fn a_block_fills_its_size_class() {
    for len in 1..=1_280usize {
        let bytes = Bytes::from(&vec![0; len][..]);
        assert_eq!(bytes.allocated_bytes(), size_class(len + 8), "{len} bytes");
    }
    assert_eq!(Bytes::from(&[0; 9][..]).allocated_bytes(), size_class(24));
    assert_eq!(Bytes::from(&[0; 24][..]).allocated_bytes(), size_class(32));
    assert_eq!(Bytes::from(&[0; 25][..]).allocated_bytes(), size_class(40));
}

#[test]
#[should_panic(expected = "within the bytes")]
fn a_range_beyond_the_bytes_is_refused() {
    Bytes::from(&b"abc"[..]).remove(2..4);
}

small_form! {
    /// A small form of the test.
    struct Block;
}

#[test]
fn a_value_has_one_form_at_a_time_and_owns_it() {
    let alive = Rc::new(());
    let mut either: Either<Block, (u64, Rc<()>)> = Either::default();
    assert_eq!(size_of_val(&either), 8);
    for round in 0..3u8 {
        let Form::Small(block) = either.get_mut() else { panic!("it is small") };
        block.0.extend_from_slice(&[round; 100]);
        let copy = either.clone();
        let Form::Small(block) = copy.get() else { panic!("a copy has the same form") };
        assert_eq!(&block.0[..], &[round; 100]);
        let large = either.set_large((u64::from(round), Rc::clone(&alive)));
        large.0 += 1;
        assert_eq!(Rc::strong_count(&alive), 2);
        let copy = either.clone();
        assert_eq!(Rc::strong_count(&alive), 3);
        let Form::Large((number, held)) = copy.into_form() else { panic!("a copy has the same form") };
        assert_eq!(number, u64::from(round) + 1);
        drop(held);
        let Form::Large(large) = either.get_mut() else { panic!("it is large") };
        large.0 = 7;
        let Form::Large(large) = either.get() else { panic!("it is large") };
        assert_eq!(large.0, 7);
        either.set_small(Block::default());
        assert_eq!(Rc::strong_count(&alive), 1, "the large form was dropped");
        let Form::Small(block) = either.clone().into_form() else { panic!("it is small again") };
        assert!(block.0.is_empty());
    }
}
