//! Who listens to which channel, and the way of a message to a listener's connection.
//!
//! ```text
//! PUBLISH ─> Channels: channel -> clients; patterns -> clients ─> each Client's mail (bytes, in its protocol) ─> its task wakes and sends them
//! ```
//! The publisher encodes a message once per protocol and appends it to every listener's mail, a short copy under that client's own lock. A listener
//! that does not take its mail is disconnected: at once past `pubsub-output-hard-limit`, or after `pubsub-output-soft-seconds` past the soft limit.
//!
//! Order of locks: a map of channels, then a client's mail or subscriptions; nobody holds two maps. Not here: commands, the shape of their replies.

use super::client::Client;
use crate::base::clock::Ticks;
use crate::base::glob;
use crate::base::sync::Mutex;
use crate::resp::reply::{Aggregate, ReplySink};
use crate::resp::writer::{Protocol, Writer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

/// The most channels, patterns and shard channels that one client may listen to, of each kind.
pub const SUBSCRIPTIONS_MAX: usize = 1 << 20;

/// What a subscription names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SUBSCRIBE: one channel.
    Channel,
    /// PSUBSCRIBE: all channels that match a glob pattern.
    Pattern,
    /// SSUBSCRIBE: one shard channel, a name space of its own.
    Shard,
}

impl Kind {
    /// The first word of the reply to a subscription.
    pub const fn subscribed(self) -> &'static str {
        match self {
            Kind::Channel => "subscribe",
            Kind::Pattern => "psubscribe",
            Kind::Shard => "ssubscribe",
        }
    }

    /// The first word of the reply to its end.
    pub const fn unsubscribed(self) -> &'static str {
        match self {
            Kind::Channel => "unsubscribe",
            Kind::Pattern => "punsubscribe",
            Kind::Shard => "sunsubscribe",
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

type Names = BTreeSet<Box<[u8]>>;
type Listeners = BTreeMap<u64, Arc<Client>>;

/// What one client listens to, and what waits to be sent to it.
#[derive(Debug, Default)]
pub struct Mailbox {
    names: Mutex<[Names; 3]>,
    counts: [AtomicU32; 3],
    mail: Mutex<Mail>,
    has_mail: AtomicBool,
}

#[derive(Debug, Default)]
struct Mail {
    bytes: Vec<u8>,
    /// Since when there has been more than the soft limit.
    over_since: Option<Ticks>,
}

impl Mailbox {
    /// How many subscriptions of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.counts[kind.index()].load(Ordering::Relaxed) as usize
    }

    /// The number that replies to subscriptions tell: channels and patterns together; shard channels by themselves.
    pub fn told(&self, kind: Kind) -> usize {
        match kind {
            Kind::Channel | Kind::Pattern => self.count(Kind::Channel) + self.count(Kind::Pattern),
            Kind::Shard => self.count(Kind::Shard),
        }
    }

    /// Whether there is any subscription.
    pub fn listens(&self) -> bool {
        self.counts.iter().any(|count| count.load(Ordering::Relaxed) > 0)
    }

    /// The names of one kind, in order.
    pub fn names(&self, kind: Kind) -> Vec<Box<[u8]>> {
        self.names.lock()[kind.index()].iter().cloned().collect()
    }

    /// Whether anything waits to be sent. One load.
    #[inline]
    pub fn has_mail(&self) -> bool {
        self.has_mail.load(Ordering::Acquire)
    }

    /// Moves what waits behind `output`.
    pub fn take_mail(&self, output: &mut Vec<u8>) {
        let mut mail = self.mail.lock();
        self.has_mail.store(false, Ordering::Relaxed);
        output.append(&mut mail.bytes);
        mail.bytes = Vec::new();
    }

    /// Bytes that wait to be sent.
    pub fn bytes(&self) -> usize {
        if self.has_mail() { self.mail.lock().bytes.len() } else { 0 }
    }
}

/// When a listener that does not take its messages is disconnected.
#[derive(Clone, Copy, Debug)]
pub struct MailLimits {
    /// More bytes than this: at once.
    pub hard_bytes: usize,
    /// More bytes than this for longer than `soft_seconds`.
    pub soft_bytes: usize,
    /// See `soft_bytes`.
    pub soft_seconds: u64,
}

/// All subscriptions of all clients.
#[derive(Debug, Default)]
pub struct Channels {
    /// By [`Kind`].
    listeners: [Mutex<BTreeMap<Box<[u8]>, Listeners>>; 3],
    /// How many names of a kind have listeners: a publisher without any need not lock.
    lens: [AtomicUsize; 3],
}

impl Channels {
    /// Has a client listen. False if it did already. O(log n).
    pub fn subscribe(&self, client: &Arc<Client>, kind: Kind, name: &[u8]) -> bool {
        let added = client.mailbox.names.lock()[kind.index()].insert(name.into());
        if added {
            client.mailbox.counts[kind.index()].fetch_add(1, Ordering::Relaxed);
            let mut listeners = self.listeners[kind.index()].lock();
            listeners.entry(name.into()).or_default().insert(client.id, Arc::clone(client));
            self.lens[kind.index()].store(listeners.len(), Ordering::Release);
        }
        added
    }

    /// Ends a subscription. False if there was none. O(log n).
    pub fn unsubscribe(&self, client: &Client, kind: Kind, name: &[u8]) -> bool {
        let removed = client.mailbox.names.lock()[kind.index()].remove(name);
        if removed {
            client.mailbox.counts[kind.index()].fetch_sub(1, Ordering::Relaxed);
            let mut listeners = self.listeners[kind.index()].lock();
            let of_name = listeners.get_mut(name).expect("a subscription stands on both sides");
            of_name.remove(&client.id);
            if of_name.is_empty() {
                listeners.remove(name);
            }
            self.lens[kind.index()].store(listeners.len(), Ordering::Release);
        }
        removed
    }

    /// Ends every subscription of a client, as at the end of its connection.
    pub fn forget(&self, client: &Client) {
        if !client.mailbox.listens() {
            return;
        }
        for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
            for name in client.mailbox.names(kind) {
                self.unsubscribe(client, kind, &name);
            }
        }
    }

    /// Whether anybody listens to anything that PUBLISH reaches: else a message need not be made.
    #[inline]
    pub fn any(&self) -> bool {
        self.len(Kind::Channel) > 0 || self.len(Kind::Pattern) > 0
    }

    /// How many names of a kind have listeners.
    #[inline]
    pub fn len(&self, kind: Kind) -> usize {
        self.lens[kind.index()].load(Ordering::Acquire)
    }

    /// Whether nobody listens to a name of this kind.
    pub fn is_empty(&self, kind: Kind) -> bool {
        self.len(kind) == 0
    }

    /// How many clients listen to exactly this name.
    pub fn listeners_of(&self, kind: Kind, name: &[u8]) -> usize {
        self.listeners[kind.index()].lock().get(name).map_or(0, BTreeMap::len)
    }

    /// The names with listeners that match a pattern, in order. O(names).
    pub fn names(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Box<[u8]>> {
        let listeners = self.listeners[kind.index()].lock();
        let names = listeners.keys().filter(|name| pattern.is_none_or(|pattern| glob::matches(pattern, name)));
        names.cloned().collect()
    }

    /// Sends a message to a channel's listeners, then to those of matching patterns, and returns how many times it was sent. O(listeners + patterns).
    pub fn publish(&self, channel: &[u8], message: &[u8], limits: MailLimits, now: Ticks) -> usize {
        let mut sent = self.send(Kind::Channel, channel, &[b"message", channel, message], limits, now);
        if self.len(Kind::Pattern) > 0 {
            let listeners = self.listeners[Kind::Pattern.index()].lock();
            for (pattern, clients) in listeners.iter().filter(|(pattern, _)| glob::matches(pattern, channel)) {
                let frame = Frame::new(&[b"pmessage", pattern, channel, message]);
                clients.values().for_each(|client| frame.deliver(client, limits, now));
                sent += clients.len();
            }
        }
        sent
    }

    /// Sends a message to a shard channel's listeners, and returns how many they are.
    pub fn publish_to_shard(&self, channel: &[u8], message: &[u8], limits: MailLimits, now: Ticks) -> usize {
        self.send(Kind::Shard, channel, &[b"smessage", channel, message], limits, now)
    }

    fn send(&self, kind: Kind, name: &[u8], parts: &[&[u8]], limits: MailLimits, now: Ticks) -> usize {
        if self.len(kind) == 0 {
            return 0;
        }
        let listeners = self.listeners[kind.index()].lock();
        let Some(clients) = listeners.get(name) else { return 0 };
        let frame = Frame::new(parts);
        clients.values().for_each(|client| frame.deliver(client, limits, now));
        clients.len()
    }
}

/// A message as bytes, for either protocol.
struct Frame {
    resp2: Vec<u8>,
    resp3: Vec<u8>,
}

impl Frame {
    fn new(parts: &[&[u8]]) -> Self {
        let encode = |protocol| {
            let mut bytes = Vec::new();
            let mut writer = Writer::new(&mut bytes, protocol, usize::MAX);
            writer.begin(Aggregate::Push, parts.len());
            parts.iter().for_each(|part| writer.bulk(part));
            bytes
        };
        Self { resp2: encode(Protocol::Resp2), resp3: encode(Protocol::Resp3) }
    }

    fn deliver(&self, client: &Client, limits: MailLimits, now: Ticks) {
        deliver(client, if client.resp.load(Ordering::Relaxed) == 3 { &self.resp3 } else { &self.resp2 }, limits, now);
    }
}

/// Puts bytes into a client's mail, or disconnects it if it takes too little of it.
pub(super) fn deliver(client: &Client, frame: &[u8], limits: MailLimits, now: Ticks) {
    let unsent = client.output_bytes.load(Ordering::Relaxed);
    let mut mail = client.mailbox.mail.lock();
    if client.is_killed() {
        return;
    }
    let bytes = unsent + mail.bytes.len() + frame.len();
    if bytes > limits.soft_bytes.min(limits.hard_bytes) {
        let over = now.since(*mail.over_since.get_or_insert(now)) / 1_000_000_000;
        if bytes > limits.hard_bytes || over > limits.soft_seconds {
            tracing::warn!(client = client.id, "closed: it does not take its messages, {bytes} bytes wait");
            mail.bytes = Vec::new();
            client.kill();
            return;
        }
    } else {
        mail.over_since = None;
    }
    mail.bytes.extend_from_slice(frame);
    if !client.mailbox.has_mail.swap(true, Ordering::Release) {
        client.wake();
    }
}
