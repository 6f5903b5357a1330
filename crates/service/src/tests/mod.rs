//! The whole service but its connections: requests into the router, over a real store and a real ledger.

mod bases;
mod bodies;
mod enrolled;
mod facade;
mod keys;
mod links;
mod lists;
mod once;
mod page;
mod s3;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::app::App;
use crate::config::Config;
use crate::first_start::Data;
use crate::testing::Sample;
use crate::{http as interface, page as pages, start};

/// A service with one base, and the key of its administrator.
pub(crate) struct Room {
    pub(crate) folder: TempDir,
    _data: Data,
    pub(crate) app: Arc<App>,
    pub(crate) router: Router,
    key: String,
}

/// What a request got.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Its status, and the last part of its problem's type.
    pub(crate) fn problem(&self) -> (u16, String) {
        let document = self.json();
        let name = document["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
        (self.status.as_u16(), name)
    }
}

impl Room {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With another configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let room = Self::empty(change).await;
        let base = std::fs::read(Sample::shared().deb()).unwrap();
        let put = Request::put("/v1/bases?file_name=Example-Agent.deb").body(Body::from(base)).unwrap();
        let put = room.send(room.with_key(put)).await;
        assert_eq!(put.status, StatusCode::CREATED, "{}", put.text());
        room
    }

    /// Without a base.
    pub(crate) async fn empty(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data: folder.path().join("data"), ..Config::default() };
        change(&mut config);
        config.check().unwrap();
        let (app, data) = start::app(config, "http://install.example").await.unwrap();
        let key = std::fs::read_to_string(folder.path().join("data/admin.key")).unwrap().trim().to_owned();
        let server = start::enrollment(&app).unwrap();
        let mut router = interface::router(app.clone()).merge(pages::routes(app.clone(), server));
        if let Some(facade) = start::facade(&app).unwrap() {
            router = router.merge(interface::facade::routes(facade));
        }
        Self { folder, _data: data, app, router, key }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn with_key(&self, mut request: Request<Body>) -> Request<Body> {
        let value = format!("Bearer {}", self.key).parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, value);
        request
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// A request with the administrator's key.
    pub(crate) async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.send(self.with_key(request(method, path, headers, body))).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, document: &Value, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::POST, path, headers, &document.to_string()).await
    }

    /// A request without a key: what a browser or a program with a link sends.
    pub(crate) async fn follow(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(request(method, path, headers, "")).await
    }

    /// Mints a token; gives the answer.
    pub(crate) async fn mint(&self, tenant: &str) -> Value {
        let minted = self.post("/v1/tokens", &json!({ "tenant": tenant, "product": "Example Agent" }), &[]).await;
        assert_eq!(minted.status, StatusCode::CREATED, "{}", minted.text());
        minted.json()
    }

    /// Makes a link; gives the answer, and the path of its address.
    pub(crate) async fn link(&self, uses: u64) -> (Value, String) {
        let token = self.mint("acme").await["token"].clone();
        let wish = json!({ "product": "Example Agent", "token": token, "uses": uses });
        let made = self.post("/v1/links", &wish, &[]).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
        let made = made.json();
        let path = made["url"].as_str().unwrap().strip_prefix("http://install.example").unwrap().to_owned();
        (made, path)
    }

    pub(crate) async fn uses_left(&self, link: &Value) -> u64 {
        let row = self.get(&format!("/v1/links/{}", link["id"].as_str().unwrap())).await;
        row.json()["uses_left"].as_u64().unwrap()
    }
}

pub(crate) fn request(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "install.example");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Body::from(body.to_owned())).unwrap()
}

/// Waits until something is so.
macro_rules! until {
    ($what:expr, $is_so:expr) => {{
        let begin = std::time::Instant::now();
        while !$is_so {
            assert!(begin.elapsed() < std::time::Duration::from_secs(10), "{}", $what);
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }};
}
pub(crate) use until;
