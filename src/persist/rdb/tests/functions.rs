//! Payloads of libraries, both ways, recorded from a server, and damaged.

use super::super::{FunctionsError, dump_functions, restore_functions};
use super::crc64;
use crate::base::rng::Rng;

/// What `redis-server` 7.0.15 dumped for [`library`]: compressed, by its own choice of repetitions.
const RECORDED: &str = "f5c3406540eb1f23216c7561206e616d653d6f6e650a72656469732e72656769737465725f66750c6e6374696f6e28276630272c20e0000e\
                        0e292072657475726e203020656e6429e012360031e00c360031e017360032e00c360032e017360033e00c360033403601290a0a00dfd40b\
                        af8523da79";

fn library() -> Vec<u8> {
    let functions = (0..4).map(|n| format!("redis.register_function('f{n}', function() return {n} end)\n"));
    ["#!lua name=one\n".to_owned()].into_iter().chain(functions).collect::<String>().into_bytes()
}

fn sealed(body: &[u8]) -> Vec<u8> {
    let mut payload = [body, &10u16.to_le_bytes()].concat();
    let sum = crc64::update(0, &payload);
    payload.extend_from_slice(&sum.to_le_bytes());
    payload
}

#[test]
fn what_is_dumped_is_read_back_and_so_is_what_a_server_dumped() {
    let sources = [library(), b"#!lua name=x\n".to_vec(), Vec::new(), vec![0; 100_000]];
    for compress in [false, true] {
        for count in 0..=sources.len() {
            let payload = dump_functions(sources[..count].iter().map(Vec::as_slice), compress);
            assert_eq!(restore_functions(&payload).unwrap(), sources[..count]);
        }
    }
    let digits = RECORDED.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    let recorded: Vec<u8> = digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
    assert_eq!(restore_functions(&recorded).unwrap(), [library()]);
    assert_eq!(dump_functions([], true), b"\n\x00]\x9b\\@\x0f\x7f\xa2\xda");
}

#[test]
fn what_holds_no_libraries_is_refused_by_what_it_is() {
    let mut wrong = dump_functions([b"x".as_slice()], false);
    wrong[1] ^= 1;
    for payload in [&wrong[..], b"", b"short", b"0123456789"] {
        assert_eq!(restore_functions(payload), Err(FunctionsError::Footer));
    }
    for (body, wanted) in [
        (&b"\x00\x01a"[..], FunctionsError::Other),
        (b"\xf5\x01a\xff", FunctionsError::Other),
        (b"\xf6\x01a", FunctionsError::Early),
        (b"\xf5", FunctionsError::Source),
        (b"\xf5\x05a", FunctionsError::Source),
        (b"\xf5\x80\xff\xff\xff\xffa", FunctionsError::Source),
        (b"\xf5\xc3\x02\x80\xff\xff\xff\xffab", FunctionsError::Source),
    ] {
        assert_eq!(restore_functions(&sealed(body)), Err(wanted), "{}", body.escape_ascii());
    }
}

#[test]
fn damage_under_a_right_checksum_does_no_harm() {
    let whole = dump_functions([library().as_slice(), b"#!lua name=x\n"], true);
    let mut rng = Rng::seeded(7);
    for _ in 0..5_000 {
        let mut body = whole[..whole.len() - 10].to_vec();
        for _ in 0..=rng.below(3) {
            let at = rng.below(body.len());
            body[at] = rng.below(256) as u8;
        }
        body.truncate(body.len() - rng.below(3));
        let _ = restore_functions(&sealed(&body));
    }
}
