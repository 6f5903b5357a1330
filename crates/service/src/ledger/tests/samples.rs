//! Rows to begin with.

use super::super::{
    ApiKeyRow, Begun, Filter, Installer, Ledger, NewLink, NewSession, NewStamp, Origin, SealedBytes, StampBegun,
    StampId, TokenRecord,
};
use crate::keys::{Scope, Scopes};

pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const DAY: u64 = 86_400;

pub(super) fn api_key(id: &str) -> ApiKeyRow {
    ApiKeyRow {
        id: id.to_owned(),
        name: "build server".to_owned(),
        hash: [7; 32],
        scopes: Scopes::of(&[Scope::Stamp, Scope::Read]),
        tenant: Some("acme".to_owned()),
        created: NOW,
        expires: None,
        revoked: None,
    }
}

/// A token that was minted, may be used by two devices and expires in 30 days.
pub(super) fn token(id: &str) -> TokenRecord {
    TokenRecord {
        id: id.to_owned(),
        origin: Origin::Minted,
        tenant: Some("acme".to_owned()),
        product: Some("Agent".to_owned()),
        serial: None,
        issuer_key: Some("key-1".to_owned()),
        fingerprint: format!("fp-{id}"),
        created: NOW,
        expires: Some(NOW + 30 * DAY),
        uses: Some(2),
        by_key: "k1".to_owned(),
    }
}

pub(super) fn sealed() -> SealedBytes {
    SealedBytes(vec![1, 2, 3])
}

pub(super) fn stamp(token_id: &str) -> NewStamp {
    NewStamp {
        at: NOW,
        by_key: "k1".to_owned(),
        tenant: Some("acme".to_owned()),
        installer: installer(),
        token: token(token_id),
    }
}

pub(super) fn installer() -> Installer {
    Installer {
        base: [9; 32],
        product: "Agent".to_owned(),
        platform: "linux".to_owned(),
        arch: "amd64".to_owned(),
        file_name: "Agent.deb".to_owned(),
        size: 1_000_000,
        etag: "\"tag\"".to_owned(),
    }
}

/// A link whose secret's hash is `n` all over.
pub(super) fn link(n: u8, uses: u64, token_id: &str) -> NewLink {
    NewLink {
        id: format!("link-{n}"),
        secret_hash: [n; 32],
        tenant: Some("acme".to_owned()),
        installer: installer(),
        token: token(token_id),
        sealed: sealed(),
        uses,
        created: NOW,
        expires: NOW + DAY,
        by_key: "k1".to_owned(),
    }
}

pub(super) fn session(n: u8) -> NewSession {
    NewSession { hash: [n; 32], expires: NOW + 600 }
}

pub(super) fn page(rows: u64) -> Filter {
    Filter { rows, ..Filter::default() }
}

/// Begins a stamp that must not be refused.
pub(super) async fn begin(ledger: &Ledger, stamp: NewStamp) -> StampId {
    match ledger.begin_stamp(stamp, None).await.unwrap() {
        StampBegun::Begun(Begun::Started(id)) => id,
        other => panic!("{other:?}"),
    }
}
