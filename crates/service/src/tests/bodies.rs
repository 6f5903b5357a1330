//! Bodies that never come whole.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::middleware::map_request;
use axum::routing::post;
use http::{Method, Request, header};
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::Room;

/// The start of a body, and then nothing.
fn half() -> Body {
    struct Half(Option<Bytes>);
    impl http_body::Body for Half {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
            match self.0.take() {
                Some(bytes) => std::task::Poll::Ready(Some(Ok(http_body::Frame::data(bytes)))),
                None => std::task::Poll::Pending,
            }
        }
    }
    Body::new(Half(Some(Bytes::from_static(b"{\"te"))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_body_holds_no_connection() {
    let room = Room::with(|config| config.limits.idle_timeout = 1).await;
    let session = room.sign_in().await;
    let interface = crate::http::ROUTES.iter().flat_map(|(path, methods, _)| {
        methods.iter().filter(|method| matches!(**method, "POST" | "PUT")).map(move |method| (*method, *path))
    });
    let pages = ["/sign-in", "/sign-out", "/devices", "/tokens", "/tokens/x/revoke"].map(|path| ("POST", path));
    let mut asked = 0;
    for (method, path) in interface.chain(pages) {
        let path = path.replace("{id}", "x").replace("{secret}", "x");
        let request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(&path);
        let request = request
            .header(header::HOST, "install.example")
            .header(header::COOKIE, &session.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let sending = room.send(room.with_key(request.body(half()).unwrap()));
        let answer = tokio::time::timeout(Duration::from_secs(5), sending).await;
        let answer = answer.unwrap_or_else(|_| panic!("{method} {path} waits without end"));
        let is_unread = path.ends_with("/revoke") || path.starts_with("/d/");
        assert!(answer.status.is_client_error() || is_unread, "{method} {path}: {}", answer.status);
        asked += 1;
    }
    assert!(asked >= 12, "{asked} paths");
}

#[tokio::test]
async fn a_handler_that_reads_its_body_itself_has_the_same_patience() {
    let read = |body: Bytes| async move { format!("{} bytes", body.len()) };
    let router = Router::new().route("/", post(read)).layer(map_request(crate::http::in_time));
    let sending = router.clone().oneshot(Request::post("/").body(half()).unwrap());
    let answer = tokio::time::timeout(Duration::from_secs(5), sending).await.unwrap().unwrap();
    assert!(answer.status().is_client_error(), "{}", answer.status());
    let whole = router.oneshot(Request::post("/").body(Body::from("12345")).unwrap()).await.unwrap();
    assert_eq!(whole.into_body().collect().await.unwrap().to_bytes(), "5 bytes");
}
