//! Files cut, torn and broken.

use super::*;
use std::io::Cursor;

fn log(units: u64) -> (Vec<u8>, Vec<u64>) {
    let (mut bytes, mut ends) = (Vec::new(), vec![0]);
    for unit in 0..units {
        if unit % 2 == 1 {
            put_command(&mut bytes, &[b"MULTI"]);
            put_command(&mut bytes, &[b"SET", b"a\r\n*1", b""]);
        }
        put_command(&mut bytes, &[b"INCR", b"b"]);
        if unit % 2 == 1 {
            put_command(&mut bytes, &[b"eXeC"]);
        }
        ends.push(bytes.len() as u64);
    }
    (bytes, ends)
}

fn read(bytes: &[u8]) -> (usize, Result<(), AofError>) {
    let mut reader = Reader::new(Cursor::new(bytes), 0);
    let (mut argv, mut commands) = (Vec::new(), 0);
    loop {
        match reader.next(&mut argv) {
            Ok(true) => commands += 1,
            Ok(false) => return (commands, Ok(())),
            Err(error) => return (commands, Err(error)),
        }
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_whole_up_to_the_last_unit() {
    let (bytes, ends) = log(8);
    for cut in 0..=bytes.len() {
        let last = *ends.iter().rev().find(|end| **end <= cut as u64).expect("0 is an end");
        for zeros in [0, 1, 5_000] {
            let mut torn = bytes[..cut].to_vec();
            torn.extend(vec![0; zeros]);
            match read(&torn).1 {
                Ok(()) => assert_eq!((last, zeros), (cut as u64, 0)),
                Err(AofError::Truncated { whole, end }) => assert_eq!((whole, end), (last, (cut + zeros) as u64)),
                Err(error) => panic!("cut at {cut} with {zeros} zeros: {error}"),
            }
        }
    }
}

#[test]
fn what_is_no_command_is_named_with_its_byte() {
    let wrong = |bytes: &[u8]| read(bytes).1.expect_err("it is wrong").to_string();
    assert_eq!(wrong(b"SET a b\r\n"), "at byte 0: a command begins with '*'");
    assert_eq!(wrong(b"*1\r\n$3\r\nfour\r\n"), "at byte 11: an argument is longer than it says");
    assert_eq!(wrong(b"*0\r\n"), "at byte 4: a command has at least one argument, and not too many");
    assert_eq!(wrong(b"*1\r\n:3\r\n"), "at byte 4: a count or a length is expected");
    assert_eq!(wrong(b"*1\r\n$-1\r\n"), "at byte 9: a count or a length is no number");
    assert_eq!(wrong(b"*1\r\n$1\r\na\r\n\0\0*1\r\n"), "at byte 13: zeros, and more behind them");
    assert_eq!(wrong(b"*1\r\n$999999999999\r\n"), "at byte 19: an argument is longer than a string may be");
    assert_eq!(wrong(&[b'*'; 2_000]), "at byte 0: a line that does not end");
}

#[test]
fn annotations_are_passed_over_and_a_long_argument_is_read_whole() {
    let mut bytes = b"#TS:1700000000\r\n".to_vec();
    put_command(&mut bytes, &[b"SET", b"k", &vec![b'v'; 300_000]]);
    let mut reader = Reader::new(Cursor::new(&bytes), 0);
    let mut argv = Vec::new();
    assert!(reader.next(&mut argv).expect("it is sound"));
    assert_eq!((argv.len(), argv[2].len()), (3, 300_000));
    assert!(!reader.next(&mut argv).expect("it is sound"));
    assert_eq!(reader.whole(), bytes.len() as u64);
}
