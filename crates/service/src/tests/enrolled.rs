//! The pages of devices: the list, the question whether a device is known, and lists of serial numbers.

use std::os::unix::fs::OpenOptionsExt as _;

use enrollment::{Class, Fingerprint, Kind, Part, Policy, Request};
use http::{Method, StatusCode};

use super::page::{OWN, Session};
use super::{Answer, Room};
use crate::edge;
use crate::enrollment::Settings;
use crate::ledger::{Asked, Enrolled};

/// A service at which devices enroll.
async fn room(allocation: Option<u32>) -> Room {
    Room::with(|config| {
        let key = config.data.with_file_name("fingerprint.key");
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&key).unwrap();
        std::io::Write::write_all(&mut &file, "07".repeat(32).as_bytes()).unwrap();
        config.enrollment =
            Settings { enabled: true, fingerprint_key_file: Some(key), allocation, ..Settings::default() };
    })
    .await
}

impl Room {
    /// A device of acme with this key, which asks at `at`.
    async fn asks(&self, token: &str, key: &str, host_name: &str, at: u64) -> Enrolled {
        let part = |kind, byte: u8| Part { kind, hash: [byte; 16] };
        let parts = vec![part(Kind::SystemSerial, 1), part(Kind::BoardSerial, key.len() as u8)];
        let print = Fingerprint::new(Class::Physical, parts);
        let asked = Asked {
            request: Request::new(key, "Example Agent", [1, 2, 3], print),
            public_key: format!("public {key}"),
            token: Some(token.to_owned()),
            token_serial: None,
            least_agent: None,
            listed_as: Vec::new(),
            tenant: Some("acme".to_owned()),
            host_name: host_name.to_owned(),
            os: "linux x86_64".to_owned(),
            agent: "1.2.3".to_owned(),
            policy: Policy::default(),
            new_id: format!("dev-{key}"),
            offline: false,
        };
        self.app.ledger.enroll(asked, at).await.unwrap()
    }

    async fn upload(&self, path: &str, session: &Session, origin: &str, fields: &[(&str, &str)]) -> Answer {
        const BOUNDARY: &str = "----of-the-test";
        let part = |(name, value): &(&str, &str)| {
            let file = if *name == "file" { "; filename=\"x\"" } else { "" };
            format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
        };
        let body = format!("{}--{BOUNDARY}--\r\n", fields.iter().map(part).collect::<String>());
        let media = format!("multipart/form-data; boundary={BOUNDARY}");
        let headers = [("content-type", media.as_str()), ("cookie", &session.cookie), ("origin", origin)];
        self.send(super::request(Method::POST, path, &headers, &body)).await
    }
}

#[tokio::test]
async fn a_device_is_listed_retired_and_deleted() {
    let room = room(Some(5)).await;
    let session = room.sign_in().await;
    let token = room.mint("acme").await["id"].as_str().unwrap().to_owned();
    room.asks(&token, "one", "<desk>", edge::now()).await;
    let page = room.page("/enrolled?tenant=acme", &session.cookie).await.text();
    for part in
        ["&#60;desk&#62;", "dev-one", "Enrolled</span>", "1 devices of 5, so 4 are left", &token, "Retire dev-one"]
    {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(!page.contains("Delete dev-one") && !page.contains("<script"));
    assert!(!room.page("/enrolled?status=retired", &session.cookie).await.text().contains("dev-one"));

    let form = [("form", session.form.as_str())];
    let early = room.submit("/enrolled/dev-one/delete", &session.cookie, &[OWN], &form).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "{}", early.text());
    let foreign = [("origin", "https://evil.example")];
    for (headers, form) in [(&foreign[..], &form[..]), (&[OWN], &[("form", "guessed")])] {
        let refused = room.submit("/enrolled/dev-one/retire", &session.cookie, headers, form).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    let retired = room.submit("/enrolled/dev-one/retire", &session.cookie, &[OWN], &form).await;
    assert_eq!((retired.status, retired.header("location")), (StatusCode::SEE_OTHER, Some("/enrolled")));
    let page = room.page("/enrolled?tenant=acme", &session.cookie).await.text();
    assert!(page.contains("Retired</span>") && page.contains("Delete dev-one") && page.contains("0 devices of 5"));

    // Who may retire may not yet delete, and another tenant's key sees nothing.
    let wish = serde_json::json!({ "name": "t", "scopes": ["read", "tokens"] });
    let helper = room.post("/v1/keys", &wish, &[]).await.json()["key"].as_str().unwrap().to_owned();
    let wish = serde_json::json!({ "name": "o", "scopes": ["admin"], "tenant": "globex" });
    let other = room.post("/v1/keys", &wish, &[]).await.json()["key"].as_str().unwrap().to_owned();
    for (key, status) in [(&helper, StatusCode::FORBIDDEN), (&other, StatusCode::NOT_FOUND)] {
        let theirs = room.sign_in_with(key).await;
        let form = [("form", theirs.form.as_str())];
        let refused = room.submit("/enrolled/dev-one/delete", &theirs.cookie, &[OWN], &form).await;
        assert_eq!(refused.status, status, "{}", refused.text());
        assert!(!room.page("/enrolled", &theirs.cookie).await.text().contains("Delete dev-one"));
    }
    let deleted = room.submit("/enrolled/dev-one/delete", &session.cookie, &[OWN], &form).await;
    assert_eq!(deleted.status, StatusCode::SEE_OTHER, "{}", deleted.text());
    assert!(room.page("/enrolled", &session.cookie).await.text().contains("No such device"));
}

#[tokio::test]
async fn an_admin_sees_both_sides_and_says_that_it_is_the_device() {
    let room = room(None).await;
    let session = room.sign_in().await;
    let token = room.mint("acme").await["id"].as_str().unwrap().to_owned();
    let now = edge::now();
    room.asks(&token, "old", "front-desk", now - 7200).await;
    // A board was exchanged, but the serial number is the old one.
    let waits = room.asks(&token, "newer", "desktop-7f3a", now).await;
    assert!(matches!(waits, Enrolled::Pending("re-association")), "{waits:?}");
    let page = room.page("/enrolled", &session.cookie).await.text();
    for part in [
        "Is this a device that is known already?",
        "front-desk",
        "desktop-7f3a",
        "System serial number</th><td colspan=\"2\" class=\"equal\">",
        "Board serial number</th><td colspan=\"2\" class=\"differs\">",
        "Re-Associate</button>",
        "New device</button>",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    let form =
        [("form", session.form.as_str()), ("key", "newer"), ("device_id", "dev-old"), ("answer", "re-associate")];
    let answered = room.submit("/enrolled/answer", &session.cookie, &[OWN], &form).await;
    assert_eq!(answered.status, StatusCode::SEE_OTHER, "{}", answered.text());
    assert!(!room.page("/enrolled", &session.cookie).await.text().contains("Re-Associate</button>"));
    let Enrolled::Device { row, .. } = room.asks(&token, "newer", "desktop-7f3a", now).await else { panic!() };
    assert_eq!(row.device.id, "dev-old");

    let missing = [("form", session.form.as_str()), ("one", "dev-old"), ("other", "dev-none")];
    let merged = room.submit("/enrolled/merge", &session.cookie, &[OWN], &missing).await;
    assert_eq!(merged.status, StatusCode::NOT_FOUND, "{}", merged.text());
}

#[tokio::test]
async fn a_list_is_taken_whole_or_its_wrong_lines_are_named() {
    let room = room(None).await;
    let session = room.sign_in().await;
    let template = room.page("/pre-enroll/template.csv", &session.cookie).await;
    assert_eq!(template.header("content-disposition"), Some("attachment; filename=\"pre-enroll.csv\""));
    let own = "http://install.example";
    let list = async |origin: &str, form: &str, rows: &str| {
        let file = format!("{}{rows}", template.text());
        let fields = [("form", form), ("tenant", "acme"), ("file", file.as_str())];
        room.upload("/pre-enroll", &session, origin, &fields).await
    };
    let listed = list(own, &session.form, "Anna,,,corporate,LAP,C02X0001,apple\nBob,,,,,PF2WXYZ,windows\n").await;
    assert_eq!(listed.status, StatusCode::OK, "{}", listed.text());
    assert!(listed.text().contains("2 devices are on the list; 2 of them were not before"), "{}", listed.text());
    let wrong = list(own, &session.form, "Eve,,,,,GOOD0001,\n<b>,,,stolen,,PF2,\n").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text().contains("Line 3: ownership must be") && !wrong.text().contains("<b>"), "{}", wrong.text());
    let places = room.app.ledger.places("acme").await.unwrap();
    assert_eq!((places.enrolled, places.listed), (0, 2), "nothing of the wrong list");

    assert_eq!(list("https://evil.example", &session.form, "x,,,,,GOOD0001,\n").await.status, StatusCode::FORBIDDEN);
    assert_eq!(list(own, "guessed", "x,,,,,GOOD0001,\n").await.status, StatusCode::FORBIDDEN);
    let long = list(own, &session.form, &"x".repeat(9 << 20)).await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
    let request = [("form", session.form.as_str()), ("file", "no.request.this")];
    let refused = room.upload("/pre-enroll/offline", &session, own, &request).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text());
}

#[tokio::test]
async fn without_an_enrollment_server_the_page_says_so() {
    let room = Room::new().await;
    let session = room.sign_in().await;
    let page = room.page("/enrolled", &session.cookie).await;
    assert!(page.status == StatusCode::OK && page.text().contains("No device enrolls here"), "{}", page.text());
    let form = [("form", session.form.as_str())];
    let refused = room.submit("/enrolled/dev-one/retire", &session.cookie, &[OWN], &form).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert_eq!(room.page("/enrolled", "stampwright-page=made-up").await.header("location"), Some("/"));
}

/// Each form of these pages, from another site and with a guessed value.
#[tokio::test]
async fn another_sites_form_does_nothing_to_devices() {
    let room = room(None).await;
    let session = room.sign_in().await;
    let forms: [(&str, &[(&str, &str)]); 3] = [
        ("/enrolled/dev-one/retire", &[]),
        ("/enrolled/merge", &[("one", "dev-one"), ("other", "dev-two")]),
        ("/enrolled/answer", &[("key", "one"), ("answer", "approve"), ("tenant", "acme")]),
    ];
    let evil = "https://evil.example";
    for (path, fields) in forms {
        for (origin, value) in [(evil, session.form.as_str()), (OWN.1, "guessed")] {
            let form = [fields, &[("form", value)]].concat();
            let refused = room.submit(path, &session.cookie, &[("origin", origin)], &form).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path} from {origin}");
        }
    }
    for path in ["/pre-enroll", "/pre-enroll/offline"] {
        for (origin, value) in [(evil, session.form.as_str()), (OWN.1, "guessed"), (OWN.1, "")] {
            let fields = [("form", value), ("tenant", "acme"), ("file", "x")];
            let refused = room.upload(path, &session, origin, &fields).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path} from {origin}");
        }
    }
}
