//! The settings of eviction in the form that an access reads: one word.

use crate::base::sync::atomic::{AtomicU64, Ordering};
use crate::config::{EvictionPolicy, Live, Word};

/// What the 24 access bits of an entry mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// When it was last accessed.
    Clock,
    /// How often, and when that was last looked at.
    Frequency,
    /// Whether it was asked for again, and which queue it stands in.
    Queue,
}

/// What decides which entry goes, and what an access does to an entry's bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `maxmemory-policy`.
    pub policy: EvictionPolicy,
    /// Whether memory has a limit at all. Without one nothing stands in a queue.
    pub limited: bool,
    /// `lazyfree-lazy-eviction`: whether what is large is freed in the background.
    pub lazy: bool,
    /// `maxmemory-samples`; what is beyond [`Rules::SAMPLES_MAX`] counts as that.
    pub samples: u16,
    /// `lfu-log-factor`; what is beyond 65,535 counts as that.
    pub lfu_log_factor: u16,
    /// `lfu-decay-time`, in minutes; what is beyond 65,535 counts as that, which is as long as the clock runs.
    pub lfu_decay_minutes: u16,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            policy: EvictionPolicy::NoEviction,
            limited: false,
            lazy: false,
            samples: 5,
            lfu_log_factor: 10,
            lfu_decay_minutes: 1,
        }
    }
}

impl Rules {
    /// More samples than this make nothing better, and a choice must not take long.
    pub const SAMPLES_MAX: u16 = 256;

    /// The rules that the settings ask for.
    pub fn of(live: &Live) -> Self {
        let short = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        Self {
            policy: live.maxmemory_policy.get(),
            limited: live.maxmemory.get() != 0,
            lazy: live.lazyfree_lazy_eviction.get(),
            samples: short(live.maxmemory_samples.get()),
            lfu_log_factor: short(live.lfu_log_factor.get()),
            lfu_decay_minutes: short(live.lfu_decay_time_minutes.get()),
        }
    }

    /// What the policy has access bits mean.
    #[inline]
    pub const fn meaning(self) -> Meaning {
        match self.policy {
            EvictionPolicy::AllkeysLfu | EvictionPolicy::VolatileLfu => Meaning::Frequency,
            EvictionPolicy::AllkeysS3fifo | EvictionPolicy::VolatileS3fifo => Meaning::Queue,
            _ => Meaning::Clock,
        }
    }

    /// Whether only entries with a deadline may go.
    #[inline]
    pub const fn volatile_only(self) -> bool {
        use EvictionPolicy::{VolatileLfu, VolatileLru, VolatileRandom, VolatileS3fifo, VolatileTtl};
        matches!(self.policy, VolatileLfu | VolatileLru | VolatileRandom | VolatileS3fifo | VolatileTtl)
    }

    /// Whether entries stand in queues.
    #[inline]
    pub const fn queues(self) -> bool {
        self.limited && matches!(self.meaning(), Meaning::Queue)
    }

    fn to_word(self) -> u64 {
        self.policy as u64
            | (self.limited as u64) << 8
            | (self.lazy as u64) << 9
            | (self.samples as u64) << 16
            | (self.lfu_log_factor as u64) << 32
            | (self.lfu_decay_minutes as u64) << 48
    }

    #[inline]
    fn from_word(word: u64) -> Self {
        Self {
            policy: EvictionPolicy::from_word(word & 0xFF),
            limited: word >> 8 & 1 != 0,
            lazy: word >> 9 & 1 != 0,
            samples: (word >> 16) as u16,
            lfu_log_factor: (word >> 32) as u16,
            lfu_decay_minutes: (word >> 48) as u16,
        }
    }
}

/// Rules that change while others read them: one relaxed load, of a word that is written only by CONFIG SET.
#[derive(Debug)]
pub struct SharedRules(AtomicU64);

impl Default for SharedRules {
    fn default() -> Self {
        Self(AtomicU64::new(Rules::default().to_word()))
    }
}

impl SharedRules {
    /// The rules now.
    #[inline]
    pub fn get(&self) -> Rules {
        Rules::from_word(self.0.load(Ordering::Relaxed))
    }

    /// Changes them for all.
    pub fn set(&self, rules: Rules) {
        self.0
            .store(Rules { samples: rules.samples.clamp(1, Rules::SAMPLES_MAX), ..rules }.to_word(), Ordering::Relaxed);
    }
}
