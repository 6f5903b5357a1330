//! Keys that would be of no use are not made.

use serde_json::json;

use super::Room;

#[tokio::test]
async fn a_key_for_no_tenant_or_for_the_past_is_refused() {
    let room = Room::empty(|_| {}).await;
    let usual = json!({ "name": "k", "scopes": ["read"] });
    for (name, value) in [
        ("tenant", json!("")),
        ("tenant", json!("a\nb")),
        ("tenant", json!("a".repeat(201))),
        ("expires", json!(0)),
        ("expires", json!("2020-03-01T12:00:00Z")),
        ("name", json!("")),
        ("scopes", json!([])),
        ("scopes", json!(["everything"])),
    ] {
        let mut wish = usual.clone();
        wish[name] = value.clone();
        let refused = room.post("/v1/keys", &wish, &[]).await;
        assert_eq!(refused.problem(), (400, "bad-request".to_owned()), "{name} {value}");
    }
    let mut wish = usual;
    (wish["tenant"], wish["expires"]) = (json!("acme"), json!("30d"));
    let made = room.post("/v1/keys", &wish, &[]).await;
    assert_eq!((made.status.as_u16(), &made.json()["tenant"]), (201, &json!("acme")), "{}", made.text());
}
