//! Nonces: each is good once, for five minutes. So the service needs no clock of a device, and a request that was recorded is worth nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::hashes::block;
use crate::edge;

/// How long a nonce is good.
const LIFE_SECS: u64 = 300;
/// The most used nonces that are remembered. At 2,000 requests a second they are those of five minutes.
const MAX_USED: usize = 600_000;
/// Time and randomness, before the authentication code.
const SAID_BYTES: usize = 16;

/// Gives nonces and takes them back.
pub(super) struct Nonces {
    key: [u8; 32],
    /// By when they were given.
    used: Mutex<BTreeMap<(u64, u64), ()>>,
}

impl Nonces {
    pub(super) const fn new(key: [u8; 32]) -> Self {
        Self { key, used: Mutex::new(BTreeMap::new()) }
    }

    /// A nonce; none if the system gives no randomness.
    pub(super) fn give(&self, now: u64) -> Option<String> {
        let random = u64::from_le_bytes(edge::random().ok()?);
        Some(self.write(now, random))
    }

    fn write(&self, time: u64, random: u64) -> String {
        let said = [time.to_be_bytes(), random.to_be_bytes()].concat();
        let code = self.code(&said).finalize().into_bytes();
        let code = code.get(..16).unwrap_or_default();
        URL_SAFE_NO_PAD.encode([&said[..], code].concat())
    }

    fn code(&self, said: &[u8]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block(&self.key).into());
        mac.update(said);
        mac
    }

    /// Takes a nonce, once.
    pub(super) fn take(&self, nonce: &str, now: u64) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(nonce) else { return false };
        let Some((said, code)) = bytes.split_at_checked(SAID_BYTES) else { return false };
        if code.len() != 16 || self.code(said).verify_truncated_left(code).is_err() {
            return false;
        }
        let ([time, random], []) = said.as_chunks::<8>() else { return false };
        let (time, random) = (u64::from_be_bytes(*time), u64::from_be_bytes(*random));
        if now.saturating_sub(time) >= LIFE_SECS {
            return false;
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = used.split_off(&(now.saturating_sub(LIFE_SECS), 0));
        used.len() < MAX_USED && used.insert((time, random), ()).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_once_and_for_a_while() {
        let nonces = Nonces::new([1; 32]);
        let nonce = nonces.give(1000).unwrap();
        assert!(nonces.take(&nonce, 1010));
        assert!(!nonces.take(&nonce, 1010), "twice");
        let late = nonces.give(1000).unwrap();
        assert!(!nonces.take(&late, 1300), "late");
        let other = Nonces::new([2; 32]).give(1000).unwrap();
        assert!(!nonces.take(&other, 1000), "of another service");
        assert!(!nonces.take("", 1000) && !nonces.take("AAAA", 1000));
    }
}
