//! Bases that are deleted.

use std::fs;

use http::{Method, StatusCode};

use super::Room;
use crate::store::Watch;
use crate::testing::{NOW, Sample};

#[tokio::test]
async fn a_base_of_the_folder_is_not_deleted_over_http() {
    let bases = tempfile::tempdir().unwrap();
    let file = bases.path().join("Example-Agent.deb");
    fs::copy(Sample::shared().deb(), &file).unwrap();
    let room = Room::empty(|config| config.bases = Some(bases.path().to_path_buf())).await;
    let mut watch = Watch::new(bases.path().to_path_buf());
    watch.look(&room.app.store, NOW, true).unwrap();
    let listed = room.get("/v1/bases").await.json();
    let place = format!("/v1/bases/{}", listed[0]["sha256"].as_str().unwrap());
    let refused = room.ask(Method::DELETE, &place, &[], "").await;
    assert_eq!(refused.problem(), (409, "conflict".to_owned()), "{}", refused.text());
    assert!(refused.json()["hint"].as_str().unwrap().contains("from the folder"), "{}", refused.text());
    assert_eq!(room.get("/v1/bases").await.json(), listed);
    fs::remove_file(&file).unwrap();
    watch.look(&room.app.store, NOW, false).unwrap();
    assert_eq!(room.get("/v1/bases").await.json(), serde_json::json!([]));
}

#[tokio::test]
async fn a_base_that_was_put_is_deleted_or_still_served() {
    let room = Room::new().await;
    let sha256 = room.get("/v1/bases").await.json()[0]["sha256"].as_str().unwrap().to_owned();
    let (place, store) = (format!("/v1/bases/{sha256}"), room.folder.path().join("data/store"));
    let label = store.join(format!("sha256-{sha256}.json"));
    // Its label cannot be removed, so it would come back with the next start.
    let kept = fs::read(&label).unwrap();
    fs::remove_file(&label).unwrap();
    fs::create_dir(&label).unwrap();
    assert_eq!(room.ask(Method::DELETE, &place, &[], "").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(room.get("/v1/bases").await.json().as_array().unwrap().len(), 1);
    fs::remove_dir(&label).unwrap();
    fs::write(&label, kept).unwrap();
    assert_eq!(room.ask(Method::DELETE, &place, &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(room.ask(Method::DELETE, &place, &[], "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(fs::read_dir(store).unwrap().count(), 0);
}
