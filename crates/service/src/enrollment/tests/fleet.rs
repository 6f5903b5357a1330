//! Many devices, and several products on one.

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};

use super::*;

#[test]
fn lists_have_pages_that_keep_what_was_asked_for() {
    run(async {
        let server = Server::start(Settings::default()).await;
        let token = server.token("t1", "Agent", None).await;
        for seed in 1..=5 {
            assert_eq!(server.enroll(&device(seed, &format!("PF{seed}")), Some(&token)).await.0, 201);
        }
        let (mut path, mut found) = ("/v1/devices?tenant=acme&status=enrolled&limit=2".to_owned(), 0);
        for left in [true, true, false] {
            let request = Request::get(&path).header("authorization", format!("Bearer {}", server.admin));
            let response = server.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
            found += serde_json::from_slice::<Value>(&body).unwrap().as_array().unwrap().len();
            assert_eq!(link.is_some(), left, "{path}");
            let Some(link) = link else { break };
            let query = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
            assert!(query.starts_with("?tenant=acme&status=enrolled&limit=2&after="), "{query}");
            path = format!("/v1/devices{query}");
        }
        assert_eq!(found, 5);
        for wrong in ["limit=0", "limit=1001", "color=red"] {
            let (status, answer) = server.admin("GET", &format!("/v1/devices?{wrong}"), &Value::Null).await;
            assert_eq!((status, problem(&answer)), (400, "bad-request"), "{wrong}");
        }
    });
}

/// With every part in common: a device is not asked about, and its hardware is not called shared, because another product runs on it.
#[test]
fn two_products_on_a_device_do_not_know_each_other() {
    run(async {
        let server = Server::start(Settings { offline_secs: 0, ..Settings::default() }).await;
        let (one, other) = (server.token("t1", "Agent", None).await, server.token("t2", "Other", None).await);
        let as_other = |seed| {
            let mut request = device(seed, "PF1").request(Some(&other));
            request["agent"]["product"] = json!("Other");
            request
        };
        assert_eq!(server.enroll(&device(1, "PF1"), Some(&one)).await.0, 201);
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let (status, said) = server.signed(&device(2, "PF1"), "/v1/enrollments", &as_other(2), |_| {}).await;
        assert_eq!(status.as_u16(), 201, "{said}");
        // They check in by turns, and the parts of the first still tell that it was installed anew.
        let ids: Vec<String> = server.devices().await.into_iter().map(|row| row.device.id).collect();
        let id_of =
            async |seed| server.ledger.device_by_key(&device(seed, "").thumbprint()).await.unwrap().unwrap().device.id;
        for generation in 1..4 {
            for seed in [1, 2] {
                assert_eq!(server.check_in(&device(seed, "PF1"), &id_of(seed).await, generation).await.0, 200);
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let (status, waits) = server.enroll(&device(3, "PF1"), Some(&one)).await;
        assert_eq!((status, waits["reason"].as_str()), (202, Some("re-association")), "{ids:?}");
    });
}

#[test]
fn a_list_of_serial_numbers_is_of_all_products() {
    run(async {
        let settings = Settings { pre_enrolled_only: true, ..Settings::default() };
        let server = Server::start_with(settings, Some([9; 32])).await;
        let tokens = [server.token("t1", "Agent", None).await, server.token("t2", "Other", None).await];
        let (status, listed) =
            server.admin("POST", "/v1/serials", &json!({ "tenant": "acme", "serials": [" PF1 "] })).await;
        assert_eq!((status, listed["listed"].as_u64()), (200, Some(1)));
        // As docs/agent-kit.md describes it.
        let hash = |serial: &str| {
            let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&[9; 32]).unwrap();
            mac.update(&[b"hw1\0system_serial\0", serial.as_bytes()].concat());
            let hash: [u8; 32] = mac.finalize().into_bytes().into();
            format!("{:032x}", u128::from_be_bytes(hash[..16].try_into().unwrap()))
        };
        let with = |seed, serial: &str| {
            let parts = json!([{ "kind": "system_serial", "h": hash(serial) }]);
            Device { parts, ..device(seed, "") }
        };
        for (token, (product, seed)) in tokens.iter().zip([("Agent", 1), ("Other", 2)]) {
            let device = with(seed, "pf1");
            let mut request = device.request(Some(token));
            request["agent"]["product"] = json!(product);
            assert_eq!(server.signed(&device, "/v1/enrollments", &request, |_| {}).await.0.as_u16(), 201, "{product}");
        }
        let (status, answer) = server.enroll(&with(3, "pf2"), Some(&tokens[0])).await;
        assert_eq!((status, problem(&answer)), (403, "not-pre-enrolled"));
    });
}
