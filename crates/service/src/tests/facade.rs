//! The façade, as a client of the service that it stands for sees it.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::{Room, request};

const URL: &str = "https://fleet.example.com";

async fn room() -> Room {
    let room = Room::with(|config| {
        config.facade.enabled = true;
        config.facade.product = Some("Example Agent".to_owned());
        config.facade.url = Some(URL.to_owned());
        config.facade.uses = 2;
    });
    room.await
}

fn wish() -> Value {
    json!({ "type": "deb", "fleet_desktop": false, "arch": "amd64", "enroll_secret": "t1.acme.0123456789", "url": URL })
}

#[tokio::test]
async fn an_installer_is_generated_told_ready_and_downloaded() {
    let room = room().await;
    let made = room.post("/generate", &wish(), &[]).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    let handle = made.json()["token"].as_str().unwrap().to_owned();

    let status = room.follow(Method::GET, &format!("/status/{handle}"), &[]).await;
    assert_eq!(status.json()["status"], "completed");
    assert_eq!(status.json()["orbit_version"], "1.4.2");

    let path = format!("/download/{handle}");
    // Whatever the client says that it takes: a program gets no page.
    let got = room.follow(Method::GET, &path, &[("accept", "text/html")]).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text());
    assert_eq!(got.header("content-type"), Some("application/octet-stream"));
    assert_eq!(got.header("content-disposition"), Some("attachment; filename=installer"));
    assert!(got.header("set-cookie").is_none());
    let usual = json!({ "product": "Example Agent", "token": "t1.acme.0123456789" });
    assert!(got.body == room.post("/v1/installers", &usual, &[]).await.body);

    // It goes on by its entity tag, which takes no use; and it is in the ledger as everything.
    let range = [("range", "bytes=100-"), ("if-range", got.header("etag").unwrap())];
    let rest = room.follow(Method::GET, &path, &range).await;
    assert!(rest.status == StatusCode::PARTIAL_CONTENT && rest.body == got.body[100..]);
    assert_eq!(room.get("/v1/installers").await.json().as_array().unwrap().len(), 2);
    assert_eq!(room.follow(Method::GET, &path, &[]).await.status, StatusCode::OK);
    let over = room.follow(Method::GET, &path, &[]).await;
    assert_eq!((over.status, over.text().as_str()), (StatusCode::GONE, "the link was used as often as it may be\n"));
    let unknown = room.follow(Method::GET, "/status/nothing", &[]).await;
    assert_eq!((unknown.status, unknown.text().as_str()), (StatusCode::NOT_FOUND, "there is no such token\n"));
}

#[tokio::test]
async fn refusals_are_the_sentences_that_the_client_knows() {
    let room = room().await;
    let with = |name: &str, value: Value| {
        let mut wish = wish();
        wish[name] = value;
        wish.to_string()
    };
    for (body, sentence) in [
        ("{".to_owned(), "invalid request body"),
        (with("type", json!("")), "type is required"),
        (with("type", json!("exe")), "invalid type"),
        (with("type", json!("pkg.tar.zst")), "only msi, pkg, deb and rpm types are currently supported"),
        (with("enroll_secret", json!("")), "enroll_secret is required"),
        (with("enroll_secret", Value::Null), "enroll_secret is required"),
        (with("url", json!("")), "url is required"),
        (with("url", json!("fleet")), "invalid url format"),
        (with("url", json!("ftp://fleet.example.com")), "url must start with http or https"),
        (
            with("url", json!("https://other.example.com")),
            "url must be https://fleet.example.com, which the installers have in them",
        ),
        (with("arch", json!("mips")), "invalid arch"),
        (with("fleet_desktop", json!(true)), "fleet_desktop is not supported here"),
        (with("type", json!("msi")), "no base is what the request asks for"),
    ] {
        let refused = room.ask(Method::POST, "/generate", &[], &body).await;
        assert_eq!((refused.status, refused.text()), (StatusCode::BAD_REQUEST, format!("{sentence}\n")), "{body}");
        assert_eq!(refused.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    // No answer repeats the secret.
    let secret = room.ask(Method::POST, "/generate", &[], &with("enroll_secret", json!("SECRET with a space"))).await;
    assert!(secret.status == StatusCode::BAD_REQUEST && !secret.text().contains("SECRET"), "{}", secret.text());
}

#[tokio::test]
async fn without_a_key_it_refuses_and_with_one_of_the_configuration_it_answers() {
    let body = || Request::post("/generate").body(Body::from(wish().to_string())).unwrap();
    let room = room().await;
    let refused = room.send(body()).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{}", refused.text());
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));

    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, room.key()).unwrap();
    let keyed = |mode| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&key_file, std::fs::Permissions::from_mode(mode)).unwrap();
        let facade = crate::config::Facade { key_file: Some(key_file.clone()), ..room.app.config().facade.clone() };
        room.app.reload(crate::config::Config { facade, ..(*room.app.config()).clone() });
        crate::start::facade(&room.app)
    };
    assert!(keyed(0o644).is_err(), "others can read the key");
    let router = crate::http::facade::routes(keyed(0o600).unwrap().unwrap());
    let made = tower::ServiceExt::oneshot(router, body()).await.unwrap();
    assert_eq!(made.status(), StatusCode::OK);
}

#[tokio::test]
async fn it_is_off_by_default() {
    let room = Room::new().await;
    assert_eq!(room.post("/generate", &wish(), &[]).await.problem(), (404, "not-found".to_owned()));
    let document = room.send(request(Method::GET, "/openapi.json", &[], "")).await;
    assert!(document.json()["paths"]["/generate"].is_null());
    let room = self::room().await;
    let document = room.send(request(Method::GET, "/openapi.json", &[], "")).await;
    let generate = document.json()["paths"]["/generate"]["post"].clone();
    // Which server may be asked for is the operator's answer.
    let schema = generate.pointer("/requestBody/content/application~1json/schema/properties").unwrap();
    assert_eq!(schema["url"]["const"], URL, "{generate}");
}
