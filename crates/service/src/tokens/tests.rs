//! The issuer, over a real ledger.

use std::sync::Arc;

use stampwright::issuer::{Algorithm, Issuer, generate};
use stampwright::{Claims, IssuerKeys, Token};
use tempfile::TempDir;

use super::{Issuers, MintOutcome, Minted, ServedBase, TokenError, TokenRequest, Tokens};
use crate::keys::{Caller, CallerError, Scope, Scopes};
use crate::ledger::{Filter, Journal, Ledger, Origin, TokenStatus};
use crate::sealed::SealingKeys;

const NOW: u64 = 1_800_000_000;

fn entropy(bytes: &mut [u8]) -> stampwright::Result<()> {
    getrandom::fill(bytes).map_err(stampwright::Error::machine)
}

fn pem() -> Vec<u8> {
    generate(Algorithm::EdDsa, &entropy).unwrap().to_pem().as_bytes().to_vec()
}

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

fn issuer(pem: &[u8]) -> Issuer {
    Issuer::from_pem(pem).unwrap()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

struct Room {
    folder: TempDir,
    ledger: Ledger,
    tokens: Tokens,
    keys: IssuerKeys,
}

fn room() -> Room {
    let folder = TempDir::new().unwrap();
    let ledger = Ledger::sqlite(&folder.path().join("ledger.db"), Journal::Wal).unwrap();
    let sealing = SealingKeys::of_file(&folder.path().join("sealing.key"), &entropy).unwrap();
    let issuers = Issuers::new(issuer(&pem()), &[] as &[Vec<u8>], PATIENCE).unwrap();
    let keys = IssuerKeys::parse(issuers.jwks().as_bytes()).unwrap();
    let tokens = Tokens::new(ledger.clone(), Arc::new(sealing), Some(Arc::new(issuers)));
    Room { folder, ledger, tokens, keys }
}

fn caller(tenant: Option<&str>) -> Caller {
    Caller {
        key_id: "k1".to_owned(),
        name: "k".to_owned(),
        scopes: Scopes::of(&[Scope::Tokens, Scope::Read]),
        tenant: tenant.map(str::to_owned),
    }
}

fn request() -> TokenRequest {
    TokenRequest {
        tenant: "acme".to_owned(),
        product: "Agent".to_owned(),
        life_secs: TokenRequest::DEFAULT_LIFE_SECS,
        uses: Some(1),
        serial: None,
    }
}

impl Room {
    fn served(&self) -> [ServedBase<'_>; 2] {
        [
            ServedBase { product: "Agent", name: "Agent.deb", keys: Some(&self.keys) },
            ServedBase { product: "Agent", name: "Agent.pkg", keys: None },
        ]
    }

    async fn mint(&self, request: &TokenRequest, name: Option<&str>) -> Result<MintOutcome, TokenError> {
        self.tokens.mint(&caller(None), request, &self.served(), name, NOW, &entropy).await
    }

    async fn minted(&self) -> Minted {
        match self.mint(&request(), None).await.unwrap() {
            MintOutcome::New(minted) => minted,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_minted_token_is_kept_until_it_is_revoked() {
    let room = room();
    block_on(async {
        let minted = room.minted().await;
        let claims = room.keys.verify(&minted.token).unwrap();
        assert_eq!(
            (claims.id.as_str(), claims.tenant.as_str(), claims.expires),
            (minted.id.as_str(), "acme", minted.expires)
        );
        assert!(!minted.token.expose().contains("uses"), "what may change is no claim");
        assert_eq!(room.tokens.kept(&caller(None), &minted.id, NOW).await.unwrap(), minted.token);
        let row = room.tokens.get(&caller(None), &minted.id).await.unwrap();
        assert_eq!(
            (row.record.origin, row.record.uses, row.status(NOW)),
            (Origin::Minted, Some(1), TokenStatus::Valid)
        );
        assert_eq!(row.record.fingerprint, minted.token.fingerprint());

        room.tokens.revoke(&caller(None), &minted.id, NOW).await.unwrap();
        let refused = room.tokens.kept(&caller(None), &minted.id, NOW).await.unwrap_err();
        assert!(matches!(refused, TokenError::Refused(TokenStatus::Revoked)), "{refused}");
        // What the database has of it opens no device.
        let token = minted.token.expose().as_bytes();
        for file in ["ledger.db", "ledger.db-wal"] {
            let bytes = std::fs::read(room.folder.path().join(file)).unwrap();
            assert!(!bytes.windows(40).any(|window| window == &token[token.len() - 40..]));
        }
    });
}

#[test]
fn a_used_up_token_is_no_longer_given() {
    let room = room();
    block_on(async {
        let minted = room.minted().await;
        let report = room.tokens.report_use(&caller(None), &minted.id, "device 1", NOW).await.unwrap();
        assert_eq!((report.accepted, report.status), (true, TokenStatus::UsedUp));
        let refused = room.tokens.kept(&caller(None), &minted.id, NOW).await.unwrap_err();
        assert!(matches!(refused, TokenError::Refused(TokenStatus::UsedUp)), "{refused}");
        for device in ["", "a\nb", &"x".repeat(257)] {
            let refused = room.tokens.report_use(&caller(None), &minted.id, device, NOW).await.unwrap_err();
            assert!(matches!(refused, TokenError::Member { member: "device", .. }), "{refused}");
        }
    });
}

#[test]
fn the_same_request_mints_once() {
    let room = room();
    block_on(async {
        let MintOutcome::New(first) = room.mint(&request(), Some("a")).await.unwrap() else { panic!() };
        assert_eq!(room.mint(&request(), Some("a")).await.unwrap(), MintOutcome::Before(first.clone()));
        let other = TokenRequest { uses: Some(2), ..request() };
        assert_eq!(room.mint(&other, Some("a")).await.unwrap(), MintOutcome::OtherRequest);
        let MintOutcome::New(second) = room.mint(&request(), Some("b")).await.unwrap() else { panic!() };
        assert_ne!(first.id, second.id);
        let page = room.tokens.list(&caller(None), Filter { rows: 9, ..Filter::default() }).await.unwrap();
        assert_eq!(page.rows.len(), 2);
    });
}

#[test]
fn a_key_that_a_served_base_does_not_list_mints_nothing() {
    let room = room();
    let other = IssuerKeys::parse(Issuer::from_pem(&pem()).unwrap().jwks().as_bytes()).unwrap();
    let served = |product| [ServedBase { product, name: "Agent.msi", keys: Some(&other) }];
    block_on(async {
        let mint = |product| {
            let room = &room;
            let served = served(product);
            async move { room.tokens.mint(&caller(None), &request(), &served, None, NOW, &entropy).await.unwrap_err() }
        };
        let refused = mint("Agent").await;
        assert!(refused.to_string().starts_with("the base Agent.msi lists the issuer keys "), "{refused}");
        assert!(matches!(mint("Other").await, TokenError::Product(product) if product == "Agent"));
        assert!(room.tokens.list(&caller(None), Filter::default()).await.unwrap().rows.is_empty());
    });
}

#[test]
fn keys_are_rotated_with_two_of_them_listed() {
    let (old, new) = (pem(), pem());
    let public = Issuer::from_pem(&old).unwrap().jwks().into_bytes();
    for listed in [old.clone(), public] {
        let issuers = Issuers::new(issuer(&new), &[listed.clone(), listed], PATIENCE).unwrap();
        let keys = IssuerKeys::parse(issuers.jwks().as_bytes()).unwrap();
        let ids: Vec<&str> = keys.ids().collect();
        assert_eq!(ids, [Issuer::from_pem(&new).unwrap().key_id(), Issuer::from_pem(&old).unwrap().key_id()]);
        assert!(!issuers.jwks().contains("\"d\""), "the private parts stay");
        // What the old key minted is still good.
        let claims = stampwright::issuer::NewClaims {
            tenant: "acme",
            product: "Agent",
            id: "t",
            issued: NOW,
            expires: NOW + 9000,
            serial: None,
            least_agent: None,
        };
        let (token, _) = Issuer::from_pem(&old).unwrap().mint(&claims).unwrap();
        assert!(keys.verify(&token).is_ok());
    }
    assert!(Issuer::from_pem(b"no key").is_err());
    assert!(Issuers::new(issuer(&new), &[b"{}".to_vec()], PATIENCE).is_err());
}

#[test]
fn a_tenants_key_has_its_tenant_alone() {
    let room = room();
    block_on(async {
        let minted = room.minted().await;
        let (own, other) = (caller(Some("acme")), caller(Some("other")));
        assert!(room.tokens.get(&own, &minted.id).await.is_ok());
        assert!(matches!(room.tokens.get(&other, &minted.id).await, Err(TokenError::Unknown)));
        assert!(matches!(room.tokens.kept(&other, &minted.id, NOW).await, Err(TokenError::Unknown)));
        assert!(matches!(room.tokens.revoke(&other, &minted.id, NOW).await, Err(TokenError::Unknown)));
        assert!(matches!(room.tokens.report_use(&other, &minted.id, "d", NOW).await, Err(TokenError::Unknown)));
        let refused = room.tokens.mint(&other, &request(), &room.served(), None, NOW, &entropy).await;
        assert!(matches!(refused, Err(TokenError::Caller(CallerError::OtherTenant(_)))));
        let list = |caller: Caller, tenant: Option<&str>| {
            let filter = Filter { rows: 9, tenant: tenant.map(str::to_owned), ..Filter::default() };
            let tokens = room.tokens.clone();
            async move { tokens.list(&caller, filter).await.map(|page| page.rows.len()) }
        };
        assert_eq!(list(own.clone(), None).await.unwrap(), 1);
        assert_eq!(list(other.clone(), None).await.unwrap(), 0);
        assert!(list(other, Some("acme")).await.is_err());

        // What comes with a request.
        let claims = room.keys.verify(&minted.token).unwrap();
        assert!(Tokens::of_request(&caller(Some("other")), &minted.token, Some(&claims), NOW).is_err());
        let opaque = Token::parse(b"opaque").unwrap();
        let record = Tokens::of_request(&own, &opaque, None::<&Claims>, NOW).unwrap();
        assert_eq!((record.tenant.as_deref(), record.id), (Some("acme"), format!("opaque-{}", opaque.fingerprint())));
    });
}

#[test]
fn what_makes_no_sense_is_named() {
    let room = room();
    block_on(async {
        let wrong = |request: TokenRequest| {
            let room = &room;
            async move { room.mint(&request, None).await.unwrap_err().to_string() }
        };
        let short = TokenRequest { life_secs: 60, ..request() };
        assert_eq!(wrong(short).await, "expires: it is 60 seconds, expected two hours to ten years");
        assert_eq!(wrong(TokenRequest { uses: Some(0), ..request() }).await, "uses: it is 0, expected at least 1");
        let message = wrong(TokenRequest { tenant: String::new(), ..request() }).await;
        assert!(message.contains("claim tenant"), "{message}");
        let no_issuer =
            Tokens::new(room.ledger.clone(), Arc::new(SealingKeys::parse(&("a".repeat(42) + "A")).unwrap()), None);
        assert_eq!(no_issuer.jwks(), r#"{"keys":[]}"#);
        let refused = no_issuer.mint(&caller(None), &request(), &room.served(), None, NOW, &entropy).await;
        assert!(matches!(refused, Err(TokenError::NoIssuer)));
    });
}
