//! Against a real store: what is composed there is what was asked for, and whatever fails leaves nothing behind.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may fail")]

#[allow(dead_code, unreachable_pub, reason = "other tests have it as a module of theirs, and use other parts")]
#[path = "../../../tests/support/object_store.rs"]
mod object_store;

use std::fs;
use std::ops::Range;
use std::time::{Duration, Instant, SystemTime};

use bucket::{AddressStyle, Bucket, BucketError, Composed, Credentials, NewObject, Piece, Settings, Source};
use object_store::{Fault, ObjectStore, Proxy};
use tempfile::TempDir;

const MIB: u64 = 1 << 20;

#[expect(clippy::disallowed_methods, reason = "a signature has a time")]
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// A store with a base of 12 MiB, and a proxy before it.
struct Room {
    store: ObjectStore,
    proxy: Proxy,
    folder: TempDir,
    base: Vec<u8>,
    bucket: Bucket,
}

impl Room {
    fn new() -> Option<Self> {
        let store = ObjectStore::start()?;
        let folder = tempfile::tempdir().unwrap();
        let base: Vec<u8> = (0..12 * MIB).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        fs::write(folder.path().join("base"), &base).unwrap();
        store.put("releases/a b+ü.msi", &folder.path().join("base"), &[]);
        let proxy = Proxy::before(&store);
        let bucket = bucket(&proxy.address, Duration::from_secs(20));
        Some(Self { store, proxy, folder, base, bucket })
    }

    fn key(&self) -> &'static str {
        "releases/a b+ü.msi"
    }

    fn compose(&self, pieces: &[Piece<'_>], etag: &str) -> Result<Composed, BucketError> {
        let size = self.expected(pieces).len() as u64;
        let object = NewObject {
            key: "out/Agent.msi",
            size,
            media_type: "application/x-msi",
            file_name: Some("Agent.msi"),
            stamp: "0123abcd",
        };
        let source = Source { bucket: "bases", key: self.key(), etag };
        let mut read = |range: Range<u64>, buf: &mut [u8]| {
            buf.copy_from_slice(&self.base[range.start as usize..range.end as usize]);
            Ok(())
        };
        self.bucket.compose(source, pieces.iter().cloned(), object, &mut read)
    }

    fn expected(&self, pieces: &[Piece<'_>]) -> Vec<u8> {
        let bytes = pieces.iter().map(|piece| match piece {
            Piece::Keep(range) => &self.base[range.start as usize..range.end as usize],
            Piece::Put(bytes) => bytes,
        });
        bytes.collect::<Vec<_>>().concat()
    }

    /// Keys and unfinished uploads, as AWS's client lists them.
    fn listed(&self) -> Vec<String> {
        self.store.client("list", &["bases"]).lines().map(str::to_owned).collect()
    }
}

fn bucket(address: &str, timeout: Duration) -> Bucket {
    bucket_of(address, None, timeout)
}

fn bucket_of(address: &str, address_style: Option<AddressStyle>, timeout: Duration) -> Bucket {
    let settings = Settings {
        bucket: "bases".to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(format!("http://{address}")),
        address_style,
        authorities: None,
        timeout,
    };
    Bucket::new(&settings, Credentials::new("test", "hunter2", None).unwrap(), now).unwrap()
}

#[test]
fn what_is_composed_is_what_awss_client_reads() {
    let Some(mut room) = Room::new() else { return };
    is_composed(&room);
    // The same by addresses with the bucket in the host's name.
    let Some(port) = room.proxy.address.rsplit(':').next() else { panic!("{}", room.proxy.address) };
    let address = format!("localhost:{port}");
    room.bucket = bucket_of(&address, Some(AddressStyle::Virtual), Duration::from_secs(20));
    for key in ["out/Agent.msi", "with", "said"] {
        room.bucket.delete(key).unwrap();
    }
    is_composed(&room);
}

fn is_composed(room: &Room) {
    let etag = room.bucket.head(room.key()).unwrap().etag;
    let msi = [Piece::Keep(0..11 * MIB), Piece::Put(b"the tail of an msi")];
    let pkg = [Piece::Put(b"a head"), Piece::Keep(6..11 * MIB + 17), Piece::Put(b"a tail")];
    for (pieces, copied) in [(&msi[..], 11 * MIB), (&pkg[..], 6 * MIB + 17)] {
        let done = room.compose(pieces, &etag).unwrap();
        let expected = room.expected(pieces);
        assert_eq!(done, Composed { size: expected.len() as u64, copied, sent: expected.len() as u64 - copied });
        let out = room.folder.path().join("out");
        let said = room.store.client("get", &["bases", "out/Agent.msi", out.to_str().unwrap()]);
        assert!(fs::read(&out).unwrap() == expected);
        assert!(said.starts_with("application/x-msi attachment; filename=\"Agent.msi\" "), "{said}");
    }
    // Ours reads the same, and lists what is there.
    let facts = room.bucket.head("out/Agent.msi").unwrap();
    assert_eq!((facts.stamp.as_deref(), facts.sha256), (Some("0123abcd"), None));
    let mut read = Vec::new();
    room.bucket.read("out/Agent.msi", &facts.etag, facts.size, &mut read).unwrap();
    assert!(read == room.expected(&pkg));
    let keys: Vec<String> = room.bucket.list("", 10).unwrap().into_iter().map(|object| object.key).collect();
    assert_eq!(keys, ["out/Agent.msi", room.key()]);
    assert_eq!(room.bucket.list("releases/", 10).unwrap().len(), 1);
    assert!(matches!(room.bucket.list("", 1), Err(BucketError::Answer { .. })));
    // A digest that the store tells.
    room.store.put("with", &room.folder.path().join("base"), &["checksum"]);
    room.store.put("said", &room.folder.path().join("base"), &[&format!("sha256={}", "ab".repeat(32))]);
    assert!(room.bucket.head("with").unwrap().sha256.is_some());
    assert_eq!(room.bucket.head("said").unwrap().sha256, Some([0xAB; 32]));
}

#[test]
fn whatever_fails_leaves_neither_object_nor_upload() {
    let Some(room) = Room::new() else { return };
    let etag = room.bucket.head(room.key()).unwrap().etag;
    let pieces = [Piece::Put(b"a head"), Piece::Keep(6..11 * MIB), Piece::Put(b"a tail")];
    let before = room.listed();
    for (method, part, fault, sentence) in [
        (
            "POST",
            "uploads=",
            Fault::Refuse(403, "AccessDenied"),
            "begin s3://bases/out/Agent.msi: the store answered 403 AccessDenied",
        ),
        (
            "PUT",
            "partNumber=1",
            Fault::Refuse(503, "SlowDown"),
            "send a part of s3://bases/out/Agent.msi: the store answered 503 SlowDown",
        ),
        (
            "PUT",
            "partNumber=2",
            Fault::Refuse(404, "NoSuchKey"),
            "copy the base into s3://bases/out/Agent.msi: the store answered 404 NoSuchKey",
        ),
        // A copy that fails after its answer has begun.
        ("PUT", "partNumber=2", Fault::Refuse(200, "InternalError"), "the store answered 500 InternalError"),
        ("PUT", "partNumber=2", Fault::Cut(40), "copy the base into s3://bases/out/Agent.msi: "),
        (
            "POST",
            "uploadId=",
            Fault::Refuse(200, "InternalError"),
            "complete s3://bases/out/Agent.msi: the store answered 500 InternalError",
        ),
    ] {
        room.proxy.fail(method, part, fault, 3);
        let error = room.compose(&pieces, &etag).unwrap_err();
        room.proxy.heal();
        assert!(error.to_string().contains(sentence), "{error}");
        assert!(!format!("{error:?}").contains("hunter2") && !format!("{error:?}").contains("X-Amz"), "{error:?}");
        assert_eq!(room.listed(), before, "{error}");
    }
    // Another base under its name is another entity tag.
    room.proxy.fail("PUT", "partNumber=2", Fault::Conditions, 2);
    let error = room.compose(&pieces, "\"0123\"").unwrap_err();
    assert!(matches!(error, BucketError::Replaced { .. }), "{error}");
    assert_eq!(room.listed(), before);
    room.compose(&pieces, &etag).unwrap();
    // An upload that cannot be aborted is told.
    room.proxy.fail("PUT", "partNumber=2", Fault::Refuse(403, "AccessDenied"), 1);
    room.proxy.fail("DELETE", "uploadId=", Fault::Refuse(403, "AccessDenied"), 1);
    let error = room.compose(&pieces, &etag).unwrap_err();
    assert!(matches!(error, BucketError::Unfinished { .. }) && error.hint().unwrap().contains("lifecycle"), "{error}");
}

#[test]
fn a_store_that_is_busy_for_a_moment_is_asked_again() {
    let Some(room) = Room::new() else { return };
    let etag = room.bucket.head(room.key()).unwrap().etag;
    let pieces = [Piece::Keep(0..11 * MIB), Piece::Put(b"tail")];
    room.proxy.fail("PUT", "partNumber=1", Fault::Refuse(503, "SlowDown"), 2);
    room.proxy.fail("POST", "uploads=", Fault::Refuse(500, "InternalError"), 1);
    room.compose(&pieces, &etag).unwrap();
    // The answer to the last request is lost: the object is there all the same.
    room.proxy.fail("POST", "uploadId=", Fault::Cut(0), 1);
    room.compose(&pieces, &etag).unwrap();
    assert!(room.listed().iter().all(|line| !line.starts_with("upload")));
}

#[test]
fn what_is_cut_changed_slow_or_refused_is_an_error_with_a_sentence() {
    let Some(room) = Room::new() else { return };
    let etag = room.bucket.head(room.key()).unwrap().etag;
    let read = |bucket: &Bucket| bucket.read(room.key(), &etag, 12 * MIB, &mut Vec::new());
    room.proxy.fail("GET", "releases/", Fault::Cut(100_000), 1);
    let cut = read(&room.bucket).unwrap_err();
    assert!(cut.is_machine(), "{cut}");
    room.proxy.fail("GET", "releases/", Fault::Refuse(403, "AccessDenied"), 1);
    let refused = read(&room.bucket).unwrap_err();
    assert_eq!(refused.to_string(), "read s3://bases/releases/a b+ü.msi: the store answered 403 AccessDenied");
    assert!(!refused.is_machine() && refused.hint().unwrap().contains("credentials"));
    let replaced = room.bucket.read(room.key(), "\"0123\"", 12 * MIB, &mut Vec::new()).unwrap_err();
    assert!(matches!(replaced, BucketError::Replaced { .. }), "{replaced}");
    let long = room.bucket.read(room.key(), &etag, MIB, &mut Vec::new()).unwrap_err();
    assert!(matches!(long, BucketError::Length { .. }), "{long}");

    let hasty = bucket(&room.proxy.address, Duration::from_secs(1));
    room.proxy.fail("GET", "releases/", Fault::Silent, 3);
    let begin = Instant::now();
    let slow = read(&hasty).unwrap_err();
    assert!(slow.to_string().ends_with("it did not answer in time") && begin.elapsed().as_secs() < 10, "{slow}");
    let gone = bucket("127.0.0.1:1", Duration::from_secs(1)).head("x").unwrap_err();
    assert!(gone.to_string().starts_with("look at s3://bases/x: ") && gone.is_machine(), "{gone}");
    read(&room.bucket).unwrap();
}
