//! Who a client is, and the categories of commands that rules are about.
//!
//! There is one user, `default`, who may do everything once its password was given. Users and rules of their own are not supported yet.
//!
//! Passwords are kept as SHA-256 digests and compared in constant time: neither a copy of this structure nor the time of an answer
//! tells anything about them. (The settings keep what CONFIG GET must print.)

use crate::base::sync::Mutex;
use crate::base::sync::atomic::{AtomicBool, Ordering};
use crate::config::ChangeableSecret;
use sha2::{Digest, Sha256};

/// The name of the one user.
pub const DEFAULT_USER: &str = "default";

/// All categories, in the order in which COMMAND INFO and ACL CAT list them.
pub const CATEGORIES: &[&str] = &[
    "@keyspace",
    "@read",
    "@write",
    "@set",
    "@sortedset",
    "@list",
    "@hash",
    "@string",
    "@bitmap",
    "@hyperloglog",
    "@geo",
    "@stream",
    "@pubsub",
    "@admin",
    "@fast",
    "@slow",
    "@blocking",
    "@dangerous",
    "@connection",
    "@transaction",
    "@scripting",
];

type PasswordDigest = [u8; 32];

/// The user `default` and its password.
#[derive(Debug)]
pub struct Acl {
    needs_password: AtomicBool,
    /// None: any password will do.
    digest: Mutex<Option<PasswordDigest>>,
}

impl Acl {
    /// With the password that the settings have now.
    pub fn new(requirepass: &ChangeableSecret) -> Self {
        let acl = Self { needs_password: AtomicBool::new(false), digest: Mutex::new(None) };
        acl.follow(requirepass);
        acl
    }

    /// Takes over the password that the settings have now. The setting is read under the lock, so of two changes at once the later one stays.
    pub fn follow(&self, requirepass: &ChangeableSecret) {
        let mut digest = self.digest.lock();
        let password = requirepass.get();
        *digest = (!password.is_empty()).then(|| Sha256::digest(password.expose()).into());
        self.needs_password.store(digest.is_some(), Ordering::Relaxed);
    }

    /// Whether clients must give a password. One relaxed load.
    #[inline]
    pub fn needs_password(&self) -> bool {
        self.needs_password.load(Ordering::Relaxed)
    }

    /// Whether this user may come in with this password. Takes as long for a wrong one as for the right one.
    pub fn admits(&self, user: &[u8], password: &[u8]) -> bool {
        let given: PasswordDigest = Sha256::digest(password).into();
        let is_right = self.digest.lock().is_none_or(|digest| equal_in_constant_time(&digest, &given));
        is_right && user == DEFAULT_USER.as_bytes()
    }
}

fn equal_in_constant_time(a: &PasswordDigest, b: &PasswordDigest) -> bool {
    let difference = a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b));
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn without_a_password_any_will_do_but_only_for_the_default_user() {
        let acl = Acl::new(&Config::default().live.requirepass);
        assert!(!acl.needs_password());
        assert!(acl.admits(b"default", b"anything"));
        assert!(!acl.admits(b"alice", b"anything"));
    }

    #[test]
    fn a_changed_password_holds_from_the_next_call_on() {
        let config = Config::from_pairs([("requirepass", "secret")]).unwrap();
        let acl = Acl::new(&config.live.requirepass);
        assert!(acl.needs_password());
        assert!(acl.admits(b"default", b"secret"));
        assert!(!acl.admits(b"default", b"Secret"));
        assert!(!acl.admits(b"default", b""));

        config.set(&[(b"requirepass", b"other")]).unwrap();
        acl.follow(&config.live.requirepass);
        assert!(acl.admits(b"default", b"other"));
        assert!(!acl.admits(b"default", b"secret"));

        config.set(&[(b"requirepass", b"")]).unwrap();
        acl.follow(&config.live.requirepass);
        assert!(!acl.needs_password());
    }
}
