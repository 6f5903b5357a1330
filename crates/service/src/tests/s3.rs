//! Bases in a bucket, of a real store with a proxy before it: taken in whole and compared, or not at all.

#[allow(dead_code, unreachable_pub, reason = "other tests have it as a module of theirs, and use other parts")]
#[path = "../../../../tests/support/object_store.rs"]
mod object_store;

use std::fs;
use std::path::Path;

use object_store::{Fault, ObjectStore, Proxy};
use sha2::{Digest, Sha256};
use stampwright::Result;
use stampwright::s3::{Bucket, Credentials};

use super::Room;
use crate::config::S3;
use crate::edge;
use crate::store::{BucketWatch, Noticed};
use crate::testing::Sample;

fn of_no_environment() -> Result<Credentials> {
    unreachable!("the credentials are in a file")
}

/// A bucket that is asked through a proxy, with credentials from a file.
fn bucket(proxy: &Proxy, folder: &Path, timeout: &str) -> Bucket {
    use std::os::unix::fs::PermissionsExt;
    let credentials = folder.join("s3.credentials");
    fs::write(&credentials, "[default]\naws_access_key_id = test\naws_secret_access_key = hunter2\n").unwrap();
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!(
        "bucket = \"bases\"\nprefix = \"releases/\"\nendpoint = \"http://{}\"\ncredentials-file = {credentials:?}\ntimeout = \"{timeout}\"\n",
        proxy.address
    );
    let s3: S3 = toml::from_str(&text).unwrap();
    s3.open(of_no_environment, edge::now).unwrap()
}

fn digest(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

/// What a look noticed: added, withdrawn, and the sentences of what was refused.
fn noticed(found: Vec<Noticed>) -> Vec<String> {
    let say = |one| match one {
        Noticed::Added(key) => format!("+{key}"),
        Noticed::Withdrawn(name) => format!("-{name}"),
        Noticed::Refused(error) => error.to_string(),
    };
    found.into_iter().map(say).collect()
}

#[tokio::test]
async fn bases_come_from_a_bucket_and_go_with_their_objects() {
    let Some(store) = ObjectStore::start() else { return };
    let (room, proxy) = (Room::empty(|_| {}).await, Proxy::before(&store));
    let bucket = bucket(&proxy, room.folder.path(), "20s");
    let mut watch = BucketWatch::new("releases/".to_owned(), 1 << 30);
    let mut look = || noticed(watch.look(&bucket, &room.app.store, 1).unwrap());
    assert_eq!(look(), [""; 0]);

    let (deb, other) = (Sample::shared().deb(), Sample::shared().other_deb());
    store.put("releases/1.4.2/Example-Agent.deb", deb, &["checksum"]);
    store.put("releases/1.10.0/Example-Agent.deb", other, &[&digest(other)]);
    store.put("elsewhere/Example-Agent.deb", deb, &["checksum"]);
    // Credentials that may not read yet: said once, and tried again without another object.
    proxy.fail("HEAD", "/releases/", Fault::Refuse(403, "AccessDenied"), 4);
    let denied = look();
    assert!(denied.len() == 2 && denied.iter().all(|line| line.contains("the store answered 403")), "{denied:?}");
    assert_eq!(look(), [""; 0], "nothing is said twice");
    // Neither is a base: one has no digest, the other is no installer.
    store.put("releases/unknown.deb", deb, &[]);
    let notes = room.folder.path().join("notes.txt");
    fs::write(&notes, "no installer").unwrap();
    store.put("releases/notes.txt", &notes, &["checksum"]);
    let found = look();
    assert!(found.contains(&"+releases/1.4.2/Example-Agent.deb".to_owned()), "{found:?}");
    assert!(found.contains(&"+releases/1.10.0/Example-Agent.deb".to_owned()), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("s3://bases/releases/notes.txt: ")), "{found:?}");
    let unknown = "s3://bases/releases/unknown.deb: the store does not tell its SHA-256, so it could not be compared";
    assert!(found.contains(&unknown.to_owned()) && found.len() == 4, "{found:?}");
    assert_eq!(look(), [""; 0], "nothing is said twice");
    assert_eq!(room.get("/v1/bases").await.json().as_array().unwrap().len(), 2);
    let stamped = room
        .post("/v1/installers", &serde_json::json!({ "product": "Example Agent", "token": "t1.acme.0123456789" }), &[])
        .await;
    assert_eq!(stamped.status.as_u16(), 200, "{}", stamped.text());

    // A store that is away takes nothing away.
    proxy.fail("GET", "/bases/", Fault::Refuse(403, "AccessDenied"), 9);
    let refused = watch.look(&bucket, &room.app.store, 1).unwrap_err();
    assert_eq!(refused.to_string(), "list s3://bases/releases/: the store answered 403 AccessDenied");
    assert_eq!(room.app.store.list().len(), 2);
    proxy.heal();

    store.client("delete", &["bases", "releases/1.4.2/Example-Agent.deb"]);
    assert_eq!(noticed(watch.look(&bucket, &room.app.store, 1).unwrap()), ["-Example-Agent.deb"]);
    // After a restart what is served already is not read again.
    proxy.fail("GET", "/releases/1.10.0", Fault::Refuse(403, "AccessDenied"), 9);
    let mut again = BucketWatch::new("releases/".to_owned(), 1 << 30);
    let found = noticed(again.look(&bucket, &room.app.store, 1).unwrap());
    assert!(found.len() == 2 && room.app.store.list().len() == 1, "{found:?}");
}

#[tokio::test]
async fn what_is_cut_changed_slow_or_refused_is_never_served() {
    let Some(store) = ObjectStore::start() else { return };
    let (room, proxy) = (Room::empty(|_| {}).await, Proxy::before(&store));
    let bucket = bucket(&proxy, room.folder.path(), "2s");
    let mut watch = BucketWatch::new("releases/".to_owned(), 1 << 30);
    let deb = Sample::shared().deb();
    store.put("releases/Example-Agent.deb", deb, &[&digest(deb)]);
    let mut look = || {
        let found = noticed(watch.look(&bucket, &room.app.store, 1).unwrap());
        assert!(room.app.store.list().is_empty(), "{found:?}");
        // Nothing half-read stays in the store's folder.
        assert_eq!(fs::read_dir(room.folder.path().join("data/store")).unwrap().count(), 0);
        found
    };
    proxy.fail("GET", "/releases/", Fault::Cut(500), 1);
    assert!(look()[0].starts_with("read s3://bases/releases/Example-Agent.deb: "));
    // It is tried again, and not said again.
    proxy.fail("GET", "/releases/", Fault::Silent, 3);
    assert_eq!(look(), [""; 0]);
    proxy.fail("GET", "/releases/", Fault::Refuse(503, "SlowDown"), 3);
    assert_eq!(look(), [""; 0]);
    proxy.heal();
    proxy.fail("GET", "/releases/", Fault::Change, 1);
    let changed = look();
    assert!(changed[0].starts_with("s3://bases/releases/Example-Agent.deb: its SHA-256 is "), "{changed:?}");
    // What is wrong in itself is not read again until it is another object.
    assert_eq!(look(), [""; 0]);
    store.put("releases/Example-Agent.deb", Sample::shared().other_deb(), &[&digest(Sample::shared().other_deb())]);
    let found = noticed(watch.look(&bucket, &room.app.store, 1).unwrap());
    assert_eq!(found, ["+releases/Example-Agent.deb"]);
}
