//! What a request says without proof, and what an admin makes of it.

use super::*;
use crate::keys::{NewApiKey, Scope, Scopes};

/// A request of a device that says it had a record.
fn claiming(device: &Device, id: &str) -> Value {
    let mut request = device.request(None);
    request["previous"] = json!({ "device_id": id });
    request
}

#[test]
fn a_request_without_anything_known_writes_nothing_and_texts_are_short() {
    run(async {
        let server = Server::start(Settings::default()).await;
        let mut request = device(1, "PF1").request(Some("a-token-without-an-issuer"));
        let (status, answer) = server.signed(&device(1, "PF1"), "/v1/enrollments", &request, |_| {}).await;
        assert_eq!((status.as_u16(), problem(&answer)), (403, "token-unknown"));
        request["token"] = Value::Null;
        server.signed(&device(1, "PF1"), "/v1/enrollments", &request, |_| {}).await;
        assert!(server.waiting().await.is_empty());

        let mut request = claiming(&device(2, "PF2"), "dev-gone");
        request["agent"]["product"] = json!("P".repeat(100_000));
        request["agent"]["version"] = json!(format!("{}1.2.3", "0".repeat(100_000)));
        let (status, _) = server.signed(&device(2, "PF2"), "/v1/enrollments", &request, |_| {}).await;
        assert_eq!(status.as_u16(), 202);
        let rows = server.waiting().await;
        assert_eq!((rows.len(), rows[0].product.len()), (1, 253));
        let path = format!("/v1/enrollments/{}/answer", device(2, "PF2").thumbprint());
        let said = json!({ "answer": "approve", "tenant": "acme" });
        assert_eq!(server.admin("POST", &path, &said).await.0, 204);
        server.signed(&device(2, "PF2"), "/v1/enrollments", &request, |_| {}).await;
        assert_eq!(server.devices().await[0].agent, "1.2.3");
    });
}

#[test]
fn a_device_whose_record_is_gone_is_let_in_with_a_tenant() {
    run(async {
        let server = Server::start(Settings::default()).await;
        let token = server.token("t1", "Agent", None).await;
        let laptop = device(1, "PF1");
        let (_, enrolled) = server.enroll(&laptop, Some(&token)).await;
        let id = enrolled["device_id"].as_str().unwrap();
        // A server whose database is from before.
        let restored = Server::start(Settings::default()).await;
        let (status, answer) = restored.check_in(&laptop, id, 1).await;
        assert_eq!((status, problem(&answer)), (404, "device-unknown"));
        let ask = async || restored.signed(&laptop, "/v1/enrollments", &claiming(&laptop, id), |_| {}).await;
        let (status, waits) = ask().await;
        assert_eq!((status.as_u16(), waits["reason"].as_str()), (202, Some("approval")));
        let path = format!("/v1/enrollments/{}/answer", laptop.thumbprint());
        for wrong in [
            json!({ "answer": "approve" }),
            json!({ "answer": "approve", "tenant": "" }),
            json!({ "answer": "deny", "tenant": "acme" }),
        ] {
            let (status, answer) = restored.admin("POST", &path, &wrong).await;
            assert_eq!((status, problem(&answer)), (400, "bad-request"), "{wrong}");
        }
        assert_eq!(restored.admin("POST", &path, &json!({ "answer": "approve", "tenant": "acme" })).await.0, 204);
        let (status, back) = ask().await;
        assert_eq!((status.as_u16(), back["tenant"].as_str()), (201, Some("acme")), "{back}");
        assert_eq!(restored.check_in(&laptop, back["device_id"].as_str().unwrap(), 1).await.0, 200);
        // Its hardware is known as the tenant's: hashes depend on the tenant.
        let row = restored.ledger.device(back["device_id"].as_str().unwrap()).await.unwrap().unwrap();
        let before = server.ledger.device(id).await.unwrap().unwrap();
        assert_eq!(row.device.fingerprint, before.device.fingerprint);
    });
}

#[test]
fn a_key_of_a_tenant_does_not_answer_for_others() {
    run(async {
        let mut server = Server::start(Settings { approval: true, ..Settings::default() }).await;
        let token = server.token("t1", "Agent", None).await;
        server.enroll(&device(1, "PF1"), Some(&token)).await;
        let gone = device(2, "PF2");
        server.signed(&gone, "/v1/enrollments", &claiming(&gone, "dev-gone"), |_| {}).await;
        let key_of = async |tenant: &str| {
            let scopes = Scopes::of(&[Scope::Tokens]);
            let new = NewApiKey::generate("of a tenant", scopes, Some(tenant.to_owned()), None, 1, &SystemEntropy);
            let new = new.unwrap();
            server.ledger.add_api_key(new.row).await.unwrap();
            new.key.expose().to_owned()
        };
        let (acme, other) = (key_of("acme").await, key_of("other").await);
        let path = |device: &Device| format!("/v1/enrollments/{}/answer", device.thumbprint());
        let approve = json!({ "answer": "approve" });
        let with_tenant = json!({ "answer": "approve", "tenant": "other" });
        server.admin = other;
        assert_eq!(server.admin("POST", &path(&device(1, "PF1")), &approve).await.0, 404);
        assert_eq!(server.admin("POST", &path(&gone), &with_tenant).await.0, 404);
        server.admin = acme;
        assert_eq!(server.admin("POST", &path(&device(1, "PF1")), &approve).await.0, 204);
    });
}

#[test]
fn a_token_that_was_only_seen_needs_the_issuers_signature() {
    run(async {
        let server = Server::start(Settings::default()).await;
        let laptop = device(1, "PF1");
        let forged = mint(&new_issuer(), "acme", "forged", "Agent", 86_400);
        server.know("forged", Origin::Seen, "Agent", None, &forged, Some(edge::now() + 86_400)).await;
        let (status, answer) = server.enroll(&laptop, Some(forged.expose())).await;
        assert_eq!((status, problem(&answer)), (403, "token-unknown"));
        let opaque = Token::parse(b"opaque-and-seen").unwrap();
        server.know(&TokenRecord::opaque_id(&opaque.fingerprint()), Origin::Seen, "Agent", None, &opaque, None).await;
        assert_eq!(problem(&server.enroll(&laptop, Some("opaque-and-seen")).await.1), "token-unknown");
        let ours = mint(&server.issuer, "acme", "ours", "Agent", 86_400);
        server.know("ours", Origin::Seen, "Agent", None, &ours, Some(edge::now() + 86_400)).await;
        assert_eq!(server.enroll(&laptop, Some(ours.expose())).await.0, 201);
    });
}

#[test]
fn the_id_of_a_record_is_no_membership() {
    run(async {
        let server = Server::start(Settings::default()).await;
        let token = server.token("t1", "Agent", None).await;
        let (_, enrolled) = server.enroll(&device(1, "PF1"), Some(&token)).await;
        let other = device(2, "PF2");
        let request = claiming(&other, enrolled["device_id"].as_str().unwrap());
        assert_eq!(server.signed(&other, "/v1/enrollments", &request, |_| {}).await.0.as_u16(), 202);
        assert_eq!(server.waiting().await[0].tenant, None);
    });
}

#[test]
fn where_as_many_wait_as_may_a_device_is_told_when_to_come_back() {
    run(async {
        let server = Server::start(Settings::default()).await;
        for n in 0..1000_u16 {
            let [high, low] = (n + 1).to_be_bytes();
            let mut seed = [7; 32];
            (seed[0], seed[1]) = (high, low);
            let one = Device { key: SigningKey::from_slice(&seed).unwrap(), ..device(1, "") };
            server.signed(&one, "/v1/enrollments", &claiming(&one, "dev-gone"), |_| {}).await;
        }
        let last = device(3, "PF3");
        let (status, answer) = server.signed(&last, "/v1/enrollments", &claiming(&last, "dev-gone"), |_| {}).await;
        assert_eq!((status.as_u16(), problem(&answer)), (503, "unavailable"));
    });
}
