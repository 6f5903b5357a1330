//! `Idempotency-Key`.

use serde_json::json;

use super::Room;

const NAME: (&str, &str) = ("idempotency-key", "order-1");

#[tokio::test]
async fn a_token_that_was_revoked_is_not_given_again() {
    let room = Room::new().await;
    let wish = json!({ "tenant": "acme", "product": "Example Agent" });
    let first = room.post("/v1/tokens", &wish, &[NAME]).await.json();
    assert_eq!(room.post("/v1/tokens", &wish, &[NAME]).await.json(), first);
    let revoked = room.post(&format!("/v1/tokens/{}/revoke", first["id"].as_str().unwrap()), &json!({}), &[]).await;
    assert_eq!(revoked.status.as_u16(), 204);
    let again = room.post("/v1/tokens", &wish, &[NAME]).await;
    assert_eq!(again.problem(), (422, "token-refused".to_owned()));
    assert!(!again.text().contains(first["token"].as_str().unwrap()));
}

#[tokio::test]
async fn a_link_that_was_revoked_is_not_given_again() {
    let room = Room::new().await;
    let token = room.mint("acme").await["token"].clone();
    let wish = json!({ "product": "Example Agent", "token": token });
    let first = room.post("/v1/links", &wish, &[NAME]).await.json();
    assert_eq!(room.post("/v1/links", &wish, &[NAME]).await.json(), first);
    let revoked = room.post(&format!("/v1/links/{}/revoke", first["id"].as_str().unwrap()), &json!({}), &[]).await;
    assert_eq!(revoked.status.as_u16(), 204);
    let again = room.post("/v1/links", &wish, &[NAME]).await;
    assert_eq!(again.problem(), (410, "link-over".to_owned()));
    assert!(!again.text().contains(first["url"].as_str().unwrap()));
}

#[tokio::test]
async fn one_name_for_two_paths_is_another_request() {
    let room = Room::new().await;
    let token = json!({ "tenant": "acme", "product": "Example Agent" });
    let kept = room.mint("acme").await["token"].clone();
    // The same document is a link and an installer.
    let both = json!({ "product": "Example Agent", "token": kept });
    let all = [("/v1/tokens", &token), ("/v1/links", &both), ("/v1/installers", &both)];
    for (n, (first, document)) in all.into_iter().enumerate() {
        let name = format!("order-{n}");
        let name = [("idempotency-key", name.as_str())];
        let made = room.post(first, document, &name).await;
        assert!(made.status.is_success(), "{first}: {}", made.text());
        for (other, document) in all.into_iter().filter(|(path, _)| *path != first) {
            let refused = room.post(other, document, &name).await;
            assert_eq!(refused.problem(), (422, "idempotency-mismatch".to_owned()), "{first}, then {other}");
        }
        assert!(room.post(first, document, &name).await.status.is_success(), "{first} again");
    }
}
