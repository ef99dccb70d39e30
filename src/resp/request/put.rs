//! Requests written: an array of bulks, as a client or a log has it.

/// Appends a request to `out`.
#[inline]
pub fn put_command(out: &mut Vec<u8>, argv: &[&[u8]]) {
    out.reserve(argv.iter().map(|argument| argument.len() + 16).sum::<usize>() + 16);
    put_number(out, b'*', argv.len());
    for argument in argv {
        put_number(out, b'$', argument.len());
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
}

#[inline]
fn put_number(out: &mut Vec<u8>, kind: u8, number: usize) {
    out.push(kind);
    match number {
        0..10 => out.push(b'0' + number as u8),
        _ => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
    }
    out.extend_from_slice(b"\r\n");
}
