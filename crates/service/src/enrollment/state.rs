//! What the requests share.

use std::sync::Arc;

use enrollment::Policy;
use stampwright::{IssuerKeys, Result};
use zeroize::Zeroizing;

use super::hashes::Hashes;
use super::nonces::Nonces;
use super::settings::Settings;
use crate::edge;
use crate::ledger::Ledger;
use crate::sealed::SealingKeys;

/// What the requests share.
pub(crate) struct Enrollment {
    pub(crate) ledger: Ledger,
    /// Opens tokens that are needed later.
    pub(super) sealing: Arc<SealingKeys>,
    pub(super) issuer_keys: IssuerKeys,
    pub(super) hashes: Hashes,
    pub(super) nonces: Nonces,
    pub(super) policy: Policy,
    pub(crate) check_in_secs: u64,
}

impl Enrollment {
    /// `pepper` is the service's own key for hashes; `fingerprint_key` the vendor's, if there is one.
    ///
    /// # Errors
    /// The system gives no randomness, or the issuer's keys are none.
    pub(crate) fn new(
        ledger: Ledger,
        sealing: Arc<SealingKeys>,
        jwks: &str,
        settings: &Settings,
        pepper: Zeroizing<[u8; 32]>,
        fingerprint_key: Option<[u8; 32]>,
    ) -> Result<Self> {
        Ok(Self {
            ledger,
            sealing,
            issuer_keys: IssuerKeys::parse(jwks.as_bytes())?,
            hashes: Hashes::new(pepper, fingerprint_key),
            nonces: Nonces::new(edge::random()?),
            policy: settings.policy(),
            check_in_secs: settings.check_in_secs.clamp(5, 86_400),
        })
    }
}
