//! What became of the requests that a connection had executed, and why no more were.

/// What a run of requests came to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) consumed: usize,
    /// How many were parsed for it.
    pub(super) requests: usize,
    pub(super) stop: Stop,
}

impl Stop {
    /// Whether the request that it stopped at is still to be executed.
    pub(super) fn is_before(self) -> bool {
        matches!(self, Self::Busy | Self::Again)
    }
}

impl Outcome {
    pub(super) fn sent(&self) -> Sent {
        if self.stop == Stop::Busy { Sent::Busy } else { Sent::Done }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// No whole request is left.
    Drained,
    /// Whole requests may be left; replies go out first.
    Paused,
    /// The next request waits for a lock.
    Busy,
    /// The last request waits.
    Blocked,
    /// The last request's reply is long, and comes before the next request is executed.
    Later,
    /// The last request is with a script thread, and its reply comes before the next request is executed.
    Aside,
    /// The next request is executed again once what it needs is prepared.
    Again,
    /// Nothing more is to be executed.
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Done,
    Busy,
    /// The replies are the connection's own, and are to be sent when the others have had their turn.
    Later,
}
