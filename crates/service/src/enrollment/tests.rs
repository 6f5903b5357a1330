//! The enrollment server from outside: a client of its own, with its own signatures, against the routes over a ledger on SQLite.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{Request, StatusCode};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stampwright::Token;
use stampwright::issuer::{Issuer, NewClaims};
use tower::ServiceExt;
use zeroize::Zeroizing;

use super::*;
use crate::edge::{self, SystemEntropy};
use crate::keys::first_admin_key;
use crate::ledger::{DeviceRow, Filter, Journal, Ledger, Origin, SealedBytes, TokenRecord, WaitRow};
use crate::sealed::SealingKeys;

struct Server {
    router: Router,
    ledger: Ledger,
    issuer: Issuer,
    admin: String,
    _folder: tempfile::TempDir,
}

/// A device: a key, and what it shows of its hardware.
struct Device {
    key: SigningKey,
    parts: Value,
    class: &'static str,
}

fn device(seed: u8, serial: &str) -> Device {
    let hash = |text: &str| format!("{:032x}", u128::from_be_bytes(Sha256::digest(text)[..16].try_into().unwrap()));
    let parts = json!([
        { "kind": "system_serial", "h": hash(serial) },
        { "kind": "board_serial", "h": hash(&format!("board of {serial}")) },
    ]);
    Device { key: SigningKey::from_slice(&[seed; 32]).unwrap(), parts, class: "physical" }
}

impl Device {
    fn jwk(&self) -> Value {
        let point = self.key.verifying_key().to_encoded_point(false);
        let part = |bytes: Option<&p256::FieldBytes>| URL_SAFE_NO_PAD.encode(bytes.unwrap());
        json!({ "kty": "EC", "crv": "P-256", "x": part(point.x()), "y": part(point.y()) })
    }

    fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]);
        URL_SAFE_NO_PAD.encode(Sha256::digest(members))
    }

    fn request(&self, token: Option<&str>) -> Value {
        json!({
            "token": token, "key": self.jwk(), "hostname": "desk",
            "agent": { "product": "Agent", "version": "1.2.3", "os": "linux", "arch": "x86_64" },
            "hardware_fingerprint": { "v": 1, "class": self.class, "parts": self.parts, "dropped": [] },
        })
    }

    /// The request of this device with the old key's signature.
    fn request_after(&self, old: &Self, id: &str, token: Option<&str>) -> Value {
        let message = format!("agent-previous-1\n{id}\n{}", self.thumbprint());
        let signature: Signature = old.key.sign(message.as_bytes());
        let mut request = self.request(token);
        request["previous"] = json!({ "device_id": id, "proof": URL_SAFE_NO_PAD.encode(signature.to_bytes()) });
        request
    }

    fn sign(&self, text: &str) -> String {
        let signature: Signature = self.key.sign(text.as_bytes());
        STANDARD.encode(signature.to_bytes())
    }
}

/// A token that was made an hour ago and is valid for another `secs`.
fn mint(issuer: &Issuer, tenant: &str, id: &str, product: &str, secs: i64) -> Token {
    mint_for(issuer, tenant, id, product, secs, None)
}

fn mint_for(issuer: &Issuer, tenant: &str, id: &str, product: &str, secs: i64, least_agent: Option<&str>) -> Token {
    let now = edge::now();
    let expires = now.saturating_add_signed(secs);
    let claims = NewClaims { tenant, product, id, issued: now - 3600, expires, serial: None, least_agent };
    issuer.mint(&claims).unwrap().0
}

fn new_issuer() -> Issuer {
    let key = stampwright::issuer::generate(stampwright::issuer::Algorithm::EdDsa, &SystemEntropy).unwrap();
    Issuer::from_pem(key.to_pem().as_bytes()).unwrap()
}

impl Server {
    async fn start(settings: Settings) -> Self {
        Self::start_with(settings, None).await
    }

    async fn start_with(settings: Settings, vendor: Option<[u8; 32]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::sqlite(&folder.path().join("ledger.sqlite"), Journal::Wal).unwrap();
        let issuer = new_issuer();
        let path = first_admin_key(&ledger, folder.path(), edge::now(), &SystemEntropy).await.unwrap().unwrap();
        let admin = std::fs::read_to_string(path).unwrap().trim().to_owned();
        let pepper = Zeroizing::new([3; 32]);
        let sealing = Arc::new(SealingKeys::of_file(&folder.path().join("sealing.key"), &SystemEntropy).unwrap());
        let state = Enrollment::new(ledger.clone(), sealing, &issuer.jwks(), &settings, pepper, vendor).unwrap();
        Self { router: routes(Arc::new(state)), ledger, issuer, admin, _folder: folder }
    }

    /// A token for the tenant acme, known to the ledger.
    async fn token(&self, id: &str, product: &str, uses: Option<u64>) -> String {
        let token = mint(&self.issuer, "acme", id, product, 86_400);
        self.know(id, Origin::Minted, product, uses, &token, Some(edge::now() + 86_400)).await;
        token.expose().to_owned()
    }

    async fn know(
        &self,
        id: &str,
        origin: Origin,
        product: &str,
        uses: Option<u64>,
        token: &Token,
        expires: Option<u64>,
    ) {
        let record = TokenRecord {
            id: id.to_owned(),
            origin,
            tenant: Some("acme".to_owned()),
            product: Some(product.to_owned()),
            serial: None,
            issuer_key: None,
            fingerprint: token.fingerprint(),
            created: 1,
            expires,
            uses,
            by_key: "test".to_owned(),
        };
        self.ledger.add_token(record, SealedBytes(vec![1]), None).await.unwrap();
    }

    async fn call(&self, request: Request<Body>) -> (StatusCode, Value, Option<String>) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let nonce = response.headers().get("agent-nonce").map(|value| value.to_str().unwrap().to_owned());
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default(), nonce)
    }

    async fn nonce(&self) -> String {
        let (_, hello, _) = self.call(Request::get("/v1/enroll/hello").body(Body::empty()).unwrap()).await;
        assert_eq!(hello["service"], "enrollment/1");
        hello["nonce"].as_str().unwrap().to_owned()
    }

    /// A signed request; `change` may spoil it.
    async fn signed(
        &self,
        device: &Device,
        path: &str,
        body: &Value,
        change: impl Fn(&mut Request<Body>),
    ) -> (StatusCode, Value) {
        self.signed_once(device, path, body, &self.nonce().await, change).await
    }

    async fn signed_once(
        &self,
        device: &Device,
        path: &str,
        body: &Value,
        nonce: &str,
        change: impl Fn(&mut Request<Body>),
    ) -> (StatusCode, Value) {
        let body = body.to_string();
        let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(&body)));
        let parameters = format!(
            r#"("@method" "@authority" "@path" "@query" "content-digest");created=1;keyid="{}";alg="ecdsa-p256-sha256";nonce="{}";tag="agent-1""#,
            device.thumbprint(),
            nonce
        );
        let base = format!(
            "\"@method\": POST\n\"@authority\": api.example.com\n\"@path\": {path}\n\"@query\": ?\n\"content-digest\": {digest}\n\"@signature-params\": {parameters}"
        );
        let mut request = Request::post(path)
            .header("host", "api.example.com")
            .header("content-digest", digest)
            .header("signature-input", format!("dev={parameters}"))
            .header("signature", format!("dev=:{}:", device.sign(&base)))
            .body(Body::from(body))
            .unwrap();
        change(&mut request);
        let (status, answer, _) = self.call(request).await;
        (status, answer)
    }

    async fn enroll(&self, device: &Device, token: Option<&str>) -> (u16, Value) {
        let (status, answer) = self.signed(device, "/v1/enrollments", &device.request(token), |_| {}).await;
        (status.as_u16(), answer)
    }

    async fn devices(&self) -> Vec<DeviceRow> {
        self.ledger.devices(Filter { rows: Filter::MAX_ROWS, ..Filter::default() }).await.unwrap().rows
    }

    async fn waiting(&self) -> Vec<WaitRow> {
        self.ledger.waiting_devices(Filter { rows: Filter::MAX_ROWS, ..Filter::default() }).await.unwrap().rows
    }

    async fn check_in(&self, device: &Device, id: &str, generation: u64) -> (u16, Value) {
        let mut body = device.request(None);
        body["generation"] = json!(generation);
        let (status, answer) = self.signed(device, &format!("/v1/devices/{id}/checkins"), &body, |_| {}).await;
        (status.as_u16(), answer)
    }

    async fn admin(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {}", self.admin));
        let (status, answer, _) = self.call(request.body(Body::from(body.to_string())).unwrap()).await;
        (status.as_u16(), answer)
    }
}

fn problem(answer: &Value) -> &str {
    answer["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default()
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn a_device_enrolls_once_however_often_it_asks() {
    run(async {
        let server = Server::start(Settings::default()).await;
        let token = server.token("t1", "Agent", Some(1)).await;
        let laptop = device(1, "PF1");
        let (status, first) = server.enroll(&laptop, Some(&token)).await;
        assert_eq!((status, first["tenant"].as_str()), (201, Some("acme")), "{first}");
        let (status, again) = server.enroll(&laptop, Some(&token)).await;
        assert_eq!((status, &again["device_id"]), (200, &first["device_id"]));
        assert_eq!(server.ledger.token("t1").await.unwrap().unwrap().used, 1);
        let (status, refused) = server.enroll(&device(2, "PF2"), Some(&token)).await;
        assert_eq!((status, problem(&refused)), (403, "token-exhausted"));
        let id = first["device_id"].as_str().unwrap();
        let (status, taken) = server.check_in(&laptop, id, 1).await;
        assert_eq!((status, taken["generation"].as_u64()), (200, Some(2)), "{taken}");
        let (_, list) = server.admin("GET", "/v1/devices?status=enrolled", &Value::Null).await;
        assert_eq!(
            (list[0]["id"].as_str(), list[0]["token_id"].as_str(), list[1].is_null()),
            (Some(id), Some("t1"), true)
        );
    });
}

#[test]
fn each_refusal_has_its_name() {
    run(async {
        let server = Server::start(Settings::default()).await;
        let laptop = device(1, "PF1");
        let name = async |token: &str| problem(&server.enroll(&laptop, Some(token)).await.1).to_owned();
        let revoked = server.token("revoked", "Agent", None).await;
        server.ledger.revoke_token("revoked", edge::now()).await.unwrap();
        assert_eq!(name(&revoked).await, "token-revoked");
        let old = Token::parse(b"opaque-and-old").unwrap();
        server.know(&TokenRecord::opaque_id(&old.fingerprint()), Origin::Minted, "Agent", None, &old, Some(5)).await;
        assert_eq!(name("opaque-and-old").await, "token-unknown", "a minted token has a signature");
        let expired = mint(&server.issuer, "acme", "expired", "Agent", -1);
        server.know("expired", Origin::Minted, "Agent", None, &expired, Some(edge::now() - 1)).await;
        let expired = expired.expose();
        assert_eq!(name(expired).await, "token-expired");
        assert_eq!(name(&server.token("other", "Other", None).await).await, "wrong-product");
        let newer = mint_for(&server.issuer, "acme", "newer", "Agent", 60, Some("1.2.4"));
        server.know("newer", Origin::Minted, "Agent", None, &newer, Some(edge::now() + 60)).await;
        assert_eq!(name(newer.expose()).await, "agent-too-old");
        assert_eq!(name("never-seen").await, "token-unknown");
        assert_eq!(name(&expired[..expired.len() - 2]).await, "token-unknown", "a cut signature");
        let (status, answer) = server.enroll(&laptop, None).await;
        assert_eq!((status, problem(&answer)), (403, "token-unknown"));
        assert!(!answer.to_string().contains(&revoked));
    });
}

#[test]
fn what_is_not_signed_as_it_must_be_is_refused() {
    run(async {
        let server = Server::start(Settings::default()).await;
        let token = server.token("t1", "Agent", None).await;
        let laptop = device(1, "PF1");
        let body = laptop.request(Some(&token));
        let spoiled = async |change: fn(&mut Request<Body>)| {
            let (status, answer) = server.signed(&laptop, "/v1/enrollments", &body, change).await;
            (status.as_u16(), problem(&answer).to_owned())
        };
        let wrong = (401, "signature-wrong".to_owned());
        assert_eq!(spoiled(|request| *request.body_mut() = Body::from("{}")).await, wrong);
        assert_eq!(spoiled(|request| drop(request.headers_mut().remove("signature"))).await, wrong);
        assert_eq!(
            spoiled(|request| drop(request.headers_mut().insert("host", "evil.example".parse().unwrap()))).await,
            wrong
        );
        assert_eq!(spoiled(|request| *request.uri_mut() = "/v1/enrollments?x".parse().unwrap()).await, wrong);
        assert!(server.devices().await.is_empty());
        // A good one twice: the nonce is spent, and the device is enrolled by the first.
        let nonce = server.nonce().await;
        let (status, _) = server.signed_once(&laptop, "/v1/enrollments", &body, &nonce, |_| {}).await;
        assert_eq!(status.as_u16(), 201);
        let (status, answer) = server.signed_once(&laptop, "/v1/enrollments", &body, &nonce, |_| {}).await;
        assert_eq!((status.as_u16(), problem(&answer)), (401, "nonce-stale"));
        let other = Device { key: device(9, "").key, ..device(1, "PF1") };
        let (status, answer) = server.signed(&other, "/v1/enrollments", &body, |_| {}).await;
        assert_eq!((status.as_u16(), problem(&answer)), (401, "signature-wrong"), "another key's signature");
    });
}

#[test]
fn a_reinstalled_device_waits_for_an_admin_and_gets_its_record() {
    run(async {
        let server = Server::start(Settings { offline_secs: 0, ..Settings::default() }).await;
        let token = server.token("t1", "Agent", None).await;
        let (_, first) = server.enroll(&device(1, "PF1"), Some(&token)).await;
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let reinstalled = device(2, "PF1");
        let (status, waits) = server.enroll(&reinstalled, Some(&token)).await;
        assert_eq!((status, waits["reason"].as_str()), (202, Some("re-association")));
        let (_, list) = server.admin("GET", "/v1/enrollments", &Value::Null).await;
        assert_eq!(list[0]["equal"], "board_serial,system_serial");
        let key = list[0]["request_id"].as_str().unwrap();
        let said = json!({ "answer": "re-associate", "device_id": first["device_id"] });
        assert_eq!(server.admin("POST", &format!("/v1/enrollments/{key}/answer"), &said).await.0, 204);
        let (status, back) = server.enroll(&reinstalled, Some(&token)).await;
        assert_eq!((status, &back["device_id"]), (201, &first["device_id"]));
        // The old key is worth nothing.
        let (status, answer) = server.check_in(&device(1, "PF1"), first["device_id"].as_str().unwrap(), 1).await;
        assert_eq!((status, problem(&answer)), (404, "device-unknown"));
    });
}

#[test]
fn two_boards_with_the_same_nothing_are_two_devices() {
    run(async {
        let server = Server::start(Settings { offline_secs: 0, ..Settings::default() }).await;
        let token = server.token("t1", "Agent", None).await;
        let board = |seed| Device { parts: json!([]), ..device(seed, "") };
        let (_, one) = server.enroll(&board(1), Some(&token)).await;
        let (status, other) = server.enroll(&board(2), Some(&token)).await;
        assert_eq!(status, 201);
        assert_ne!(one["device_id"], other["device_id"]);
    });
}

#[test]
fn a_copied_state_is_found_out_and_a_retired_device_is_told() {
    run(async {
        let server = Server::start(Settings::default()).await;
        let token = server.token("t1", "Agent", None).await;
        let laptop = device(1, "PF1");
        let (_, enrolled) = server.enroll(&laptop, Some(&token)).await;
        let id = enrolled["device_id"].as_str().unwrap();
        assert_eq!(server.check_in(&laptop, id, 1).await.0, 200);
        assert_eq!(server.check_in(&laptop, id, 2).await.0, 200);
        let (status, answer) = server.check_in(&laptop, id, 1).await;
        assert_eq!((status, problem(&answer)), (409, "device-cloned"));
        assert_eq!(server.admin("POST", &format!("/v1/devices/{id}/retire"), &Value::Null).await.0, 204);
        let (status, answer) = server.check_in(&laptop, id, 3).await;
        assert_eq!((status, problem(&answer)), (410, "device-retired"));
        // The device comes back with a new key, for which the old one vouches, and the record is offered.
        let again = device(2, "PF1");
        let mut request = again.request(Some(&token));
        request["previous"] = json!({ "device_id": id, "copied": false, "proof": "x" });
        let (status, waits) = server.signed(&again, "/v1/enrollments", &request, |_| {}).await;
        assert_eq!((status.as_u16(), waits["reason"].as_str()), (202, Some("re-association")));
    });
}

#[test]
fn the_old_key_moves_its_record_to_the_new_one() {
    run(async {
        let server = Server::start(Settings::default()).await;
        let token = server.token("t1", "Agent", None).await;
        let (old, new) = (device(1, "PF1"), device(2, "PF1"));
        let (_, enrolled) = server.enroll(&old, Some(&token)).await;
        let id = enrolled["device_id"].as_str().unwrap();
        let request = new.request_after(&old, id, Some(&token));
        let (status, moved) = server.signed(&new, "/v1/enrollments", &request, |_| {}).await;
        assert_eq!((status.as_u16(), &moved["device_id"]), (201, &enrolled["device_id"]));
        // A device that was told to enroll anew has no token any more.
        let third = device(3, "PF1");
        let request = third.request_after(&new, id, None);
        let (status, moved) = server.signed(&third, "/v1/enrollments", &request, |_| {}).await;
        assert_eq!((status.as_u16(), &moved["device_id"]), (201, &enrolled["device_id"]), "{moved}");
        assert_eq!(server.check_in(&new, id, 1).await.0, 404);
    });
}

#[test]
fn allocation_approval_and_records() {
    run(async {
        let server = Server::start(Settings { allocation: Some(1), approval: true, ..Settings::default() }).await;
        let token = server.token("t1", "Agent", None).await;
        let laptop = device(1, "PF1");
        let (status, waits) = server.enroll(&laptop, Some(&token)).await;
        assert_eq!((status, waits["reason"].as_str()), (202, Some("approval")));
        let path = format!("/v1/enrollments/{}/answer", laptop.thumbprint());
        assert_eq!(server.admin("POST", &path, &json!({ "answer": "approve" })).await.0, 204);
        let (status, enrolled) = server.enroll(&laptop, Some(&token)).await;
        assert_eq!(status, 201);
        let (status, full) = server.enroll(&device(2, "PF2"), Some(&token)).await;
        assert_eq!((status, problem(&full)), (403, "allocation-exhausted"));
        let path = format!("/v1/devices/{}/records", enrolled["device_id"].as_str().unwrap());
        let batch =
            json!({ "class": "telemetry", "records": [{ "epoch": "0a", "seq": 1, "time": 5, "body": "aGk=" }] });
        for _ in 0..2 {
            let (status, taken) = server.signed(&laptop, &path, &batch, |_| {}).await;
            assert_eq!((status.as_u16(), taken["taken"].as_u64()), (200, Some(1)));
        }
        let (status, _) = server.admin("GET", "/v1/devices", &Value::Null).await;
        assert_eq!(status, 200);
        let mut server = server;
        server.admin = "sw_none".to_owned();
        assert_eq!(server.admin("GET", "/v1/devices", &Value::Null).await.0, 401);
    });
}

mod fleet;
mod untrusted;
