//! Links: what only looks, and clients that go.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;
use tower::ServiceExt;

use super::{Room, request, until};

const PROGRAM: (&str, &str) = ("accept", "*/*");

#[tokio::test]
async fn what_only_looks_shows_nothing_that_proves_a_session() {
    let room = Room::new().await;
    let (link, path) = room.link(1).await;
    let etag = link["etag"].as_str().unwrap();
    let head = room.follow(Method::HEAD, &path, &[]).await;
    let probe = room.follow(Method::GET, &path, &[PROGRAM, ("range", "bytes=0-0")]).await;
    let page = room.follow(Method::GET, &path, &[("accept", "text/html")]).await;
    assert_eq!(head.header("content-length"), Some(link["size"].to_string().as_str()));
    assert_eq!((head.status, probe.status, page.status), (StatusCode::OK, StatusCode::PARTIAL_CONTENT, StatusCode::OK));
    assert_eq!(probe.header("content-range"), Some(format!("bytes 0-0/{}", link["size"]).as_str()));
    for answer in [&head, &probe, &page] {
        assert!(answer.header("etag").is_none() && answer.header("repr-digest").is_none());
        assert!(!format!("{:?}{}", answer.headers, answer.text()).contains(etag.trim_matches('"')));
    }
    assert_eq!(room.uses_left(&link).await, 1);

    let whole = room.follow(Method::GET, &path, &[PROGRAM]).await;
    assert_eq!((whole.status, whole.header("etag")), (StatusCode::OK, Some(etag)));
    assert_eq!(whole.body[..1], probe.body[..]);
    // The session belongs to the client that has taken the use: other requests get no tag, no byte and no file.
    for (method, headers) in [(Method::HEAD, vec![]), (Method::GET, vec![PROGRAM, ("range", "bytes=0-0")])] {
        let over = room.follow(method, &path, &headers).await;
        assert_eq!(over.status, StatusCode::GONE);
        assert!(over.header("etag").is_none());
    }
    let cookie = whole.header("set-cookie").unwrap().split(';').next().unwrap();
    assert_eq!(room.follow(Method::HEAD, &path, &[("cookie", cookie)]).await.status, StatusCode::OK);
    let rest = [PROGRAM, ("range", "bytes=1000-"), ("if-range", etag)];
    let rest = room.follow(Method::GET, &path, &rest).await;
    assert_eq!((rest.status, &rest.body), (StatusCode::PARTIAL_CONTENT, &whole.body[1000..].to_vec()));
}

#[tokio::test]
async fn the_entity_tag_of_an_unused_link_opens_nothing() {
    let room = Room::new().await;
    let (link, path) = room.link(1).await;
    let etag = link["etag"].as_str().unwrap();
    let asked = [PROGRAM, ("range", "bytes=1000-"), ("if-range", etag)];
    assert_eq!(room.follow(Method::GET, &path, &asked).await.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(room.uses_left(&link).await, 0, "it was a use like any other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_before_the_first_byte_takes_no_use() {
    let room = Room::new().await;
    let token = room.mint("acme").await["token"].clone();
    let mut went = 0;
    // It goes after the first look, after the second, … with more and less time in between.
    for round in 0..48_u32 {
        let wish = json!({ "product": "Example Agent", "token": token });
        let link = room.post("/v1/links", &wish, &[]).await.json();
        let path = link["url"].as_str().unwrap().strip_prefix("http://install.example").unwrap().to_owned();
        let pause = Duration::from_micros(200) * (round % 4);
        let is_answered = {
            let mut asking = pin!(room.router.clone().oneshot(request(Method::GET, &path, &[PROGRAM], "")));
            let mut polled = Poll::Pending;
            for _ in 0..=round / 4 {
                polled = asking.as_mut().poll(&mut Context::from_waker(Waker::noop())).map(drop);
                if polled.is_ready() {
                    break;
                }
                tokio::time::sleep(pause).await;
            }
            polled.is_ready()
        };
        went += u32::from(!is_answered);
        let is_back = async || {
            let rows = room.get(&format!("/v1/installers?link={}", link["id"].as_str().unwrap())).await.json();
            let ended = rows.as_array().unwrap().iter().all(|row| row["outcome"] != "started");
            ended && room.uses_left(&link).await == 1
        };
        // What was begun when it went is still done, and then undone.
        tokio::time::sleep(Duration::from_millis(10)).await;
        until!(format!("round {round}: the use stays taken"), is_back().await);
    }
    assert!(went >= 4, "the client went {went} times");
    // The same where no link is followed: the row has an end.
    for looks in 1..12 {
        let wish = json!({ "product": "Example Agent", "token": token }).to_string();
        {
            let asked = room.with_key(request(Method::POST, "/v1/installers", &[], &wish));
            let mut asking = pin!(room.router.clone().oneshot(asked));
            for _ in 0..looks {
                if asking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
                tokio::time::sleep(Duration::from_micros(500)).await;
            }
        }
        let ended = async || {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let rows = room.get("/v1/installers").await.json();
            rows.as_array().unwrap().iter().all(|row| row["outcome"] != "started")
        };
        until!("a row without an end", ended().await);
    }
}

#[tokio::test]
async fn a_range_that_is_not_there_takes_no_use() {
    let room = Room::new().await;
    let (link, path) = room.link(1).await;
    let asked = [PROGRAM, ("range", "bytes=999999999-")];
    let refused = room.follow(Method::GET, &path, &asked).await;
    assert_eq!(refused.problem(), (416, "range-not-satisfiable".to_owned()));
    until!("the use is given back", room.uses_left(&link).await == 1);
    let whole = room.follow(Method::GET, &path, &[PROGRAM]).await;
    assert_eq!(whole.status, StatusCode::OK);
    // In the session a range that is not there gives back nothing of what was sent.
    let cookie = whole.header("set-cookie").unwrap().split(';').next().unwrap();
    let again = room.follow(Method::GET, &path, &[asked[0], asked[1], ("cookie", cookie)]).await;
    assert_eq!(again.status, StatusCode::RANGE_NOT_SATISFIABLE);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(room.uses_left(&link).await, 0);
}

#[tokio::test]
async fn an_installer_that_is_asked_for_makes_no_link_that_is_listed() {
    let room = Room::new().await;
    let token = room.mint("acme").await["token"].clone();
    let made = room.post("/v1/installers", &json!({ "product": "Example Agent", "token": token }), &[]).await;
    assert_eq!(made.status, StatusCode::OK);
    assert_eq!(room.get("/v1/links").await.json(), json!([]));
    // It is resumed where it says.
    let place = made.header("content-location").unwrap().strip_prefix("http://install.example").unwrap().to_owned();
    let rest = [PROGRAM, ("range", "bytes=500-"), ("if-range", made.header("etag").unwrap())];
    let rest = room.follow(Method::GET, &place, &rest).await;
    assert_eq!((rest.status, &rest.body), (StatusCode::PARTIAL_CONTENT, &made.body[500..].to_vec()));
    assert_eq!(room.follow(Method::GET, &place, &[PROGRAM]).await.status, StatusCode::GONE);
}
