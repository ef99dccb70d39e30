//! An argument that nobody will want: where memory is short and nothing may be evicted, a large argument of a command that would be refused for it is not kept.
//!
//! The request is taken to have an empty argument there. Its bytes are read into the worker's buffer and forgotten as they come, and the command is refused when
//! the request is whole, as it would have been ([`crate::engine`] looks at [`crate::command::Session::is_cut`]). So what clients send past the limit takes no memory.

use super::connection::{Connection, State, poll_read_into};
use super::local::Local;
use super::outcome::Sent;
use std::io;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};

/// Fewer bytes are read on: they are soon here, and cost little.
const SKIPPED_BYTES_MIN: usize = 16 * 1024;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Makes room in the input for at least `growth` bytes more of a request, of which the argument that is being received still has `rest` to come; what is more than
    /// that serves arguments to follow. False if the argument is not wanted: its bytes are to be skipped.
    pub(super) fn make_room(&mut self, growth: usize, local: &mut Local) -> bool {
        let filled = self.input.len();
        if filled + growth <= self.input.capacity() {
            return true;
        }
        let rest = self.parser.rest();
        // By half of what there is, so that copying costs O(1) for each byte, but not past the end of a large argument.
        let room = growth.max(if rest < filled / 16 { filled / 2 } else { (filled / 2).min(rest) });
        // The buffer for all of it is on top of what is in use, and what the command makes of it.
        let on_top = (filled + room.max(rest)).saturating_sub(self.input.capacity()) + filled + rest;
        let is_wanted =
            rest < SKIPPED_BYTES_MIN || local.worker.may_receive(&self.parser.args(&self.input), room, on_top);
        if is_wanted {
            self.input.reserve_exact(room);
        } else {
            self.skipped = self.parser.cut();
            self.input.truncate(self.parser.position());
            self.input.shrink_to_fit();
            self.session.is_cut = true;
        }
        is_wanted
    }

    /// Reads on in an argument that is not wanted.
    pub(super) fn poll_skip(&mut self, cx: &mut Context<'_>, local: &mut Local) -> Poll<io::Result<Sent>> {
        let mut buffer = local.take_input();
        let read = poll_read_into(&mut self.stream, cx, &mut buffer);
        if let Poll::Ready(Ok(bytes)) = read {
            local.worker.recorder().net_input(bytes as u64);
            let skipped = bytes.min(self.skipped);
            self.skipped -= skipped;
            self.input.extend_from_slice(&buffer[skipped..bytes]);
            self.state = match (bytes, self.skipped) {
                (0, _) => State::Closing,
                (_, 0) => State::Executing,
                _ => State::Reading,
            };
        }
        local.put_input(buffer);
        ready!(read)?;
        Poll::Ready(Ok(Sent::Done))
    }
}
