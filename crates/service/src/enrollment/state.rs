//! What the requests share.

use enrollment::Policy;
use stampwright::{IssuerKeys, Result};
use zeroize::Zeroizing;

use super::hashes::Hashes;
use super::nonces::Nonces;
use super::settings::Settings;
use crate::edge;
use crate::ledger::Ledger;

/// What the requests share.
pub(crate) struct Enrollment {
    pub(super) ledger: Ledger,
    pub(super) issuer_keys: IssuerKeys,
    pub(super) hashes: Hashes,
    pub(super) nonces: Nonces,
    pub(super) policy: Policy,
    pub(super) check_in_secs: u64,
}

impl Enrollment {
    /// `pepper` is the service's own key for hashes; `fingerprint_key` the vendor's, if there is one.
    ///
    /// # Errors
    /// The system gives no randomness, or the issuer's keys are none.
    pub(crate) fn new(
        ledger: Ledger,
        jwks: &str,
        settings: &Settings,
        pepper: Zeroizing<[u8; 32]>,
        fingerprint_key: Option<[u8; 32]>,
    ) -> Result<Self> {
        Ok(Self {
            ledger,
            issuer_keys: IssuerKeys::parse(jwks.as_bytes())?,
            hashes: Hashes::new(pepper, fingerprint_key),
            nonces: Nonces::new(edge::random()?),
            policy: settings.policy(),
            check_in_secs: settings.check_in_secs.clamp(5, 86_400),
        })
    }
}
