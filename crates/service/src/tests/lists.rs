//! Lists: pages with their filters, filters that a list does not take, texts that no database holds.

use http::Method;
use serde_json::{Value, json};

use super::Room;

#[tokio::test]
async fn the_next_page_keeps_the_filters() {
    let room = Room::new().await;
    for n in 0..6 {
        let token = room.mint(if n % 2 == 0 { "acme & co" } else { "other" }).await["token"].clone();
        let wish = json!({ "product": "Example Agent", "token": token });
        assert!(room.post("/v1/installers", &wish, &[]).await.status.is_success());
        assert!(room.post("/v1/links", &wish, &[]).await.status.is_success());
    }
    for list in ["/v1/installers", "/v1/links", "/v1/tokens"] {
        let mut rows: Vec<Value> = Vec::new();
        let mut query = "?tenant=acme%20%26%20co&since=1&limit=2".to_owned();
        loop {
            let page = room.get(&format!("{list}{query}")).await;
            rows.extend(page.json().as_array().unwrap_or_else(|| panic!("{}", page.text())).clone());
            let Some(link) = page.header("link") else { break };
            query = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
            assert!(rows.len() <= 3, "{list}: rows of another tenant");
        }
        assert_eq!(rows.len(), 3, "{list}");
        assert!(rows.iter().all(|row| row["tenant"] == "acme & co"), "{list}");
    }
    let csv = room.get("/v1/installers?tenant=other&format=csv&limit=2").await;
    assert!(csv.header("link").unwrap().contains("tenant=other&format=csv&limit=2&after="));
    assert!(csv.header("stampwright-next").is_some());
}

#[tokio::test]
async fn a_filter_that_a_list_does_not_take_is_refused_by_name() {
    let room = Room::new().await;
    for (path, name) in [
        ("/v1/tokens?link=x", "link"),
        ("/v1/tokens?token_id=x", "token_id"),
        ("/v1/tokens?format=csv", "format"),
        ("/v1/links?link=x", "link"),
        ("/v1/links?format=csv", "format"),
        ("/v1/installers?nonsense=1", "nonsense"),
        ("/v1/bases?product=x", "product"),
        ("/v1/keys?tenant=x", "tenant"),
    ] {
        let refused = room.get(path).await;
        assert_eq!(refused.problem(), (400, "bad-request".to_owned()), "{path}");
        assert!(refused.json()["detail"].as_str().unwrap().contains(&format!("\"{name}\"")), "{}", refused.text());
    }
    // The document of the interface names those, and no others.
    let document: Value = serde_json::from_str(crate::http::OPENAPI).unwrap();
    for list in ["installers", "links", "tokens"] {
        let parameters = document["paths"][format!("/v1/{list}")]["get"]["parameters"].as_array().unwrap().clone();
        for name in ["tenant", "token_id", "link", "since", "after", "limit", "format"] {
            let value = if name == "limit" {
                "5"
            } else if name == "format" {
                "json"
            } else {
                "7"
            };
            let is_taken = room.get(&format!("/v1/{list}?{name}={value}")).await.status.is_success();
            let is_said = parameters.iter().any(|parameter| parameter["name"] == name);
            assert_eq!(is_taken, is_said, "{list} {name}");
        }
    }
}

#[tokio::test]
async fn a_nul_in_a_text_is_the_clients_mistake() {
    let room = Room::new().await;
    let mut asked = vec![
        (Method::GET, "/v1/tokens/a%00b".to_owned(), String::new()),
        (Method::GET, "/v1/links/a%00b".to_owned(), String::new()),
        (Method::POST, "/v1/tokens/a%00b/revoke".to_owned(), String::new()),
        (Method::GET, "/v1/installers?tenant=a%00b".to_owned(), String::new()),
        (Method::GET, "/v1/links?token_id=a%00b".to_owned(), String::new()),
        (Method::GET, "/v1/tokens?after=1.a%00b".to_owned(), String::new()),
        (Method::POST, "/v1/keys/a%00b/revoke".to_owned(), String::new()),
    ];
    for (path, document) in [
        ("/v1/tokens", json!({ "tenant": "a\0b", "product": "Example Agent" })),
        ("/v1/keys", json!({ "name": "k", "scopes": ["read"], "tenant": "a\0b" })),
        ("/v1/installers", json!({ "product": "Example Agent", "token_id": "a\0b" })),
    ] {
        asked.push((Method::POST, path.to_owned(), document.to_string()));
    }
    for (method, path, body) in asked {
        let refused = room.ask(method, &path, &[], &body).await;
        assert_eq!(refused.problem(), (400, "bad-request".to_owned()), "{path}: {}", refused.text());
    }
}
