//! The page: signing in, what each form does, and what another site's form does not.

use http::{Method, StatusCode};
use serde_json::json;

use super::{Answer, Room};

/// A signed-in person.
pub(super) struct Session {
    pub(super) cookie: String,
    /// What every form has in it.
    pub(super) form: String,
}

pub(super) const OWN: (&str, &str) = ("origin", "http://install.example");

impl Room {
    pub(super) async fn sign_in(&self) -> Session {
        self.sign_in_with(self.key()).await
    }

    pub(super) async fn sign_in_with(&self, key: &str) -> Session {
        let signed_in = self.submit("/sign-in", "", &[OWN], &[("key", key)]).await;
        assert_eq!((signed_in.status, signed_in.header("location")), (StatusCode::SEE_OTHER, Some("/devices")));
        let cookie = signed_in.header("set-cookie").unwrap();
        assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let page = self.page("/bases", &cookie).await.text();
        let form = page.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        Session { cookie, form }
    }

    pub(super) async fn submit(
        &self,
        path: &str,
        cookie: &str,
        headers: &[(&str, &str)],
        form: &[(&str, &str)],
    ) -> Answer {
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let usual = [("content-type", "application/x-www-form-urlencoded"), ("cookie", cookie)];
        self.send(super::request(Method::POST, path, &[&usual[..], headers].concat(), &body.join("&"))).await
    }

    pub(super) async fn page(&self, path: &str, cookie: &str) -> Answer {
        self.follow(Method::GET, path, &[("cookie", cookie)]).await
    }
}

fn escaped(value: &str) -> String {
    value.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn a_person_signs_in_and_out() {
    let room = Room::new().await;
    let front = room.page("/", "").await;
    assert!(front.status == StatusCode::OK && front.text().contains("name=\"key\""), "{}", front.text());
    assert!(front.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    for path in ["/devices", "/tokens", "/bases", "/ledger"] {
        let away = room.page(path, "stampwright-page=made-up").await;
        assert_eq!((away.status, away.header("location")), (StatusCode::SEE_OTHER, Some("/")), "{path}");
    }
    let wrong = room.submit("/sign-in", "", &[OWN], &[("key", "sw_00000000_wrong")]).await;
    assert!(wrong.status == StatusCode::FORBIDDEN && wrong.text().contains("not valid"));
    assert!(wrong.header("set-cookie").is_none() && !wrong.text().contains("sw_00000000"));

    let session = room.sign_in().await;
    assert_eq!(room.page("/", &session.cookie).await.header("location"), Some("/devices"));
    for path in ["/devices", "/tokens", "/bases", "/ledger"] {
        let page = room.page(path, &session.cookie).await;
        assert!(page.status == StatusCode::OK && page.text().contains("Example Agent") || path == "/ledger", "{path}");
        assert_eq!(page.header("cache-control"), Some("no-store"), "{path}");
        assert!(!page.text().contains("<script"), "{path}");
    }
    let out = room.submit("/sign-out", &session.cookie, &[OWN], &[("form", &session.form)]).await;
    assert_eq!((out.status, out.header("location")), (StatusCode::SEE_OTHER, Some("/")));
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(room.page("/bases", &session.cookie).await.header("location"), Some("/"), "the session is over");
}

#[tokio::test]
async fn a_person_adds_devices_by_link_and_by_file() {
    let room = Room::new().await;
    let session = room.sign_in().await;
    let base = room.get("/v1/bases").await.json()[0]["sha256"].as_str().unwrap().to_owned();
    let wish = [
        ("form", session.form.as_str()),
        ("base", base.as_str()),
        ("tenant", "acme"),
        ("days", "3"),
        ("uses", "2"),
        ("token", ""),
    ];
    let link = room.submit("/devices", &session.cookie, &[OWN], &[&wish[..], &[("as", "link")]].concat()).await;
    assert_eq!(link.status, StatusCode::OK, "{}", link.text());
    let text = link.text();
    let path = text.split("href=\"http://install.example").nth(1).unwrap().split('"').next().unwrap();
    assert!(text.contains("apt-get install"), "{text}");
    let got = room.follow(Method::GET, path, &[("accept", "*/*")]).await;
    assert!(got.status == StatusCode::OK && got.body.starts_with(b"!<arch>"));

    let file = room.submit("/devices", &session.cookie, &[OWN], &[&wish[..], &[("as", "file")]].concat()).await;
    assert!(file.status == StatusCode::OK && file.body.starts_with(b"!<arch>"), "{}", file.status);
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"Example-Agent.deb\""));
    // The token that is given is the one that is stamped, and it is repeated nowhere.
    let own = "t1.acme.0123456789";
    let given = [&wish[..5], &[("token", own), ("as", "file")]].concat();
    let given = room.submit("/devices", &session.cookie, &[OWN], &given).await;
    assert!(given.body.windows(own.len()).any(|window| window == own.as_bytes()));
    let rows = room.get("/v1/installers").await.json();
    assert_eq!(rows.as_array().unwrap().len(), 3);
    let ledger = room.page("/ledger", &session.cookie).await.text();
    assert!(ledger.contains("acme") && !ledger.contains(own));
    for (name, value) in [("days", "0"), ("days", "x"), ("uses", "0"), ("base", "no such base")] {
        let wrong: Vec<_> = wish.iter().map(|pair| if pair.0 == name { (name, value) } else { *pair }).collect();
        let wrong = room.submit("/devices", &session.cookie, &[OWN], &[&wrong[..], &[("as", "link")]].concat()).await;
        assert!(wrong.status.is_client_error(), "{name} {value}: {}", wrong.status);
    }
}

#[tokio::test]
async fn a_person_generates_and_revokes_a_token() {
    let room = Room::new().await;
    let session = room.sign_in().await;
    let wish = [("form", session.form.as_str()), ("tenant", "acme"), ("product", "Example Agent"), ("days", "30")];
    let made = room.submit("/tokens", &session.cookie, &[OWN], &wish).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    let rows = room.get("/v1/tokens").await.json();
    let id = rows[0]["id"].as_str().unwrap();
    let kept = room.app.ledger.sealed_token(id).await.unwrap().unwrap();
    let token = room.app.sealing.open(crate::sealed::Purpose::Token(id), &kept).unwrap();
    let token = String::from_utf8(token.to_vec()).unwrap();
    assert!(made.text().contains(&token), "it is shown");
    assert!(!room.page("/tokens", &session.cookie).await.text().contains(&token), "and this once");
    let revoke = format!("/tokens/{id}/revoke");
    let revoked = room.submit(&revoke, &session.cookie, &[OWN], &[("form", &session.form)]).await;
    assert_eq!((revoked.status, revoked.header("location")), (StatusCode::SEE_OTHER, Some("/tokens")));
    assert_eq!(room.get(&format!("/v1/tokens/{id}/status")).await.json()["status"], "revoked");
    let nul = [wish[0], ("tenant", "a\0b"), wish[2], wish[3]];
    assert_eq!(room.submit("/tokens", &session.cookie, &[OWN], &nul).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn another_sites_form_does_nothing() {
    let room = Room::new().await;
    let session = room.sign_in().await;
    let base = room.get("/v1/bases").await.json()[0]["sha256"].as_str().unwrap().to_owned();
    let token = room.mint("acme").await;
    let revoke = format!("/tokens/{}/revoke", token["id"].as_str().unwrap());
    let forms: [(&str, Vec<(&str, &str)>); 4] = [
        ("/devices", vec![("base", &base), ("tenant", "acme"), ("days", "3"), ("uses", "1"), ("as", "link")]),
        ("/tokens", vec![("tenant", "acme"), ("product", "Example Agent"), ("days", "3")]),
        (&revoke, vec![]),
        ("/sign-out", vec![]),
    ];
    for (path, form) in &forms {
        let with = |value| [&form[..], &[("form", value)]].concat();
        for foreign in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[OWN, ("sec-fetch-site", "cross-site")],
            &[OWN, ("sec-fetch-site", "same-site")],
        ] {
            let refused = room.submit(path, &session.cookie, foreign, &with(&session.form)).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path} {foreign:?}");
        }
        let guessed = room.submit(path, &session.cookie, &[OWN], &with("guessed")).await;
        assert_eq!(guessed.status, StatusCode::FORBIDDEN, "{path}");
        let without = room.submit(path, &session.cookie, &[OWN], form).await;
        assert!(without.status.is_client_error(), "{path}");
    }
    let signing_in = [("origin", "https://evil.example")];
    let signing_in = room.submit("/sign-in", "", &signing_in, &[("key", room.key())]).await;
    assert!(signing_in.status == StatusCode::FORBIDDEN && signing_in.header("set-cookie").is_none());
    // Nothing came of all that.
    assert_eq!(room.get("/v1/tokens").await.json().as_array().unwrap().len(), 1);
    assert_eq!(room.get("/v1/tokens").await.json()[0]["revoked"], json!(null));
    assert_eq!(room.get("/v1/links").await.json(), json!([]));
    assert_eq!(room.page("/bases", &session.cookie).await.status, StatusCode::OK, "still signed in");
}

#[tokio::test]
async fn behind_a_proxy_the_public_url_is_the_pages_origin() {
    let room = Room::with(|config| config.public_url = Some("https://install.example".to_owned())).await;
    // The proxy has passed its upstream's name on.
    let asked = |origin| [("host", "127.0.0.1:8080"), ("origin", origin)];
    let body = format!("key={}", escaped(room.key()));
    let send = async |origin| {
        let usual = [("content-type", "application/x-www-form-urlencoded")];
        let mut request = super::request(Method::POST, "/sign-in", &usual, &body);
        for (name, value) in asked(origin) {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        room.send(request).await
    };
    let signed_in = send("https://install.example").await;
    assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "{}", signed_in.text());
    let cookie = signed_in.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"), "{cookie}");
    assert_eq!(send("https://evil.example").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_keys_scopes_and_tenant_hold_on_the_page() {
    let room = Room::new().await;
    let made = room.post("/v1/keys", &json!({ "name": "r", "scopes": ["read"], "tenant": "acme" }), &[]).await.json();
    room.mint("other").await;
    let session = room.sign_in_with(made["key"].as_str().unwrap()).await;
    let wish = [("form", session.form.as_str()), ("product", "Example Agent"), ("days", "30")];
    let refused = room.submit("/tokens", &session.cookie, &[OWN], &wish).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    assert!(room.page("/tokens", &session.cookie).await.text().contains("There is no token yet"));
    assert_eq!(room.page("/ledger?tenant=other", &session.cookie).await.status, StatusCode::FORBIDDEN);
    // A revoked key's session is over at once.
    let revoke = format!("/v1/keys/{}/revoke", made["id"].as_str().unwrap());
    assert_eq!(room.post(&revoke, &json!({}), &[]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(room.page("/tokens", &session.cookie).await.header("location"), Some("/"));
}
