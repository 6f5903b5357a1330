//! Bases that come, go, come back and are damaged.

use std::fs;
use std::path::Path;

use std::sync::Arc;

use stampwright::Result;

use super::*;
use crate::testing::Sample;

fn add(store: &Store, from: &Path, name: &str) -> Result<(Arc<Entry>, bool)> {
    let incoming = super::import::Incoming::copy_of(from, store.folder())?;
    store.add(incoming, Label::new(name, Origin::Put, 1).unwrap())
}

fn stored(data: &Path) -> Vec<String> {
    let names = fs::read_dir(data.join("store")).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_base_is_listed_and_is_there_after_a_restart() {
    let sample = Sample::shared();
    let data = tempfile::tempdir().unwrap();
    let (store, problems) = Store::open(data.path(), StoreOptions::default()).unwrap();
    assert!(problems.is_empty());
    let (entry, is_new) = add(&store, sample.deb(), "Example-Agent.deb").unwrap();
    assert!(is_new && !add(&store, sample.deb(), "Example-Agent.deb").unwrap().1);
    let listed = entry.listed();
    assert_eq!((listed.product.as_str(), listed.platform, listed.arch.as_str()), ("Example Agent", "linux", "x64"));
    let digest = entry.base().sha256().unwrap();
    assert_eq!(stored(data.path()), [format!("sha256-{}.deb", hex(&digest)), format!("sha256-{}.json", hex(&digest))]);
    drop((store, entry));
    let (store, problems) = Store::open(data.path(), StoreOptions::default()).unwrap();
    assert!(problems.is_empty() && store.get(&digest).is_some());
}

#[test]
fn what_is_no_base_leaves_no_trace() {
    let sample = Sample::shared();
    let data = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(data.path(), StoreOptions::default()).unwrap();
    let other = data.path().join("other");
    fs::write(&other, b"no installer").unwrap();
    assert!(add(&store, &other, "other.msi").is_err());
    // An installer with a token in it is not a base.
    fs::write(&other, sample.stamped(b"t1.acme.0123456789")).unwrap();
    assert!(add(&store, &other, "other.deb").unwrap_err().to_string().contains("already"));
    assert!(stored(data.path()).is_empty() && store.list().is_empty());
}

#[test]
fn a_base_that_was_changed_between_two_runs_is_not_served() {
    let data = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(data.path(), StoreOptions::default()).unwrap();
    let (entry, _) = add(&store, Sample::shared().deb(), "a.deb").unwrap();
    let path = data.path().join("store").join(format!("sha256-{}.deb", entry.listed().sha256));
    drop((store, entry));
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"!<arch>\n something else").unwrap();
    let (store, problems) = Store::open(data.path(), StoreOptions::default()).unwrap();
    assert!(store.list().is_empty());
    assert!(problems[0].to_string().contains("not what its name says"), "{}", problems[0]);
}

#[test]
fn a_withdrawn_base_is_served_to_its_end_and_can_come_back() {
    let data = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(data.path(), StoreOptions::default()).unwrap();
    let (entry, _) = add(&store, Sample::shared().deb(), "a.deb").unwrap();
    let digest = entry.base().sha256().unwrap();
    let download = entry.file().clone();
    drop(entry);
    assert!(store.withdraw(&digest).unwrap() && store.get(&digest).is_none());
    assert!(!store.withdraw(&digest).unwrap());
    download.check().unwrap();
    // It comes back while the download runs, which must not notice.
    let (entry, is_new) = add(&store, Sample::shared().deb(), "a.deb").unwrap();
    assert!(is_new && Arc::ptr_eq(entry.file(), &download));
    download.check().unwrap();
    drop((entry, download));
    assert_eq!(stored(data.path()).len(), 2);
    store.withdraw(&digest).unwrap();
    assert!(stored(data.path()).is_empty());
}

#[test]
fn a_base_that_comes_several_times_at_once_is_one_entry() {
    let data = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(data.path(), StoreOptions::default()).unwrap();
    let added: Vec<(Arc<Entry>, bool)> = std::thread::scope(|scope| {
        let adding = || add(&store, Sample::shared().deb(), "a.deb").unwrap();
        let all: Vec<_> = (0..8).map(|_| scope.spawn(adding)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(added.iter().filter(|(_, is_new)| *is_new).count(), 1);
    let served = store.list().remove(0);
    for (entry, _) in &added {
        assert!(Arc::ptr_eq(entry, &served));
        entry.file().check().expect("another copy has taken its place");
    }
    assert_eq!(stored(data.path()).len(), 2);
}

#[test]
fn what_a_base_becomes_does_not_touch_the_one_that_came_after_it() {
    let data = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(data.path(), StoreOptions::default()).unwrap();
    let (old, _) = add(&store, Sample::shared().deb(), "a.deb").unwrap();
    let digest = old.base().sha256().unwrap();
    let damage = || {
        let path = data.path().join("store").join(format!("sha256-{}.deb", old.listed().sha256));
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(100).unwrap();
    };
    damage();
    store.distrust(&old);
    assert!(store.get(&digest).is_none());
    // It is put again. Another download of the old one ends, and tells what it has seen.
    let (new, is_new) = add(&store, Sample::shared().deb(), "a.deb").unwrap();
    store.distrust(&old);
    assert!(is_new && store.get(&digest).is_some_and(|entry| Arc::ptr_eq(&entry, &new)));

    // Withdrawn, damaged, and put again while a download of it runs: its end removes nothing of the new one.
    let download = new.file().clone();
    drop(new);
    store.withdraw(&digest).unwrap();
    damage();
    let (newest, _) = add(&store, Sample::shared().deb(), "a.deb").unwrap();
    assert!(!Arc::ptr_eq(newest.file(), &download));
    drop(download);
    assert_eq!(stored(data.path()).len(), 2);
    newest.file().check().unwrap();
    drop((newest, store));
    let (store, problems) = Store::open(data.path(), StoreOptions::default()).unwrap();
    assert!(problems.is_empty() && store.get(&digest).is_some());
}

#[test]
fn a_base_that_cannot_be_written_down_leaves_no_file() {
    let data = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(data.path(), StoreOptions::default()).unwrap();
    let digest = import::sha256(&fs::File::open(Sample::shared().deb()).unwrap()).unwrap();
    let label = data.path().join("store").join(format!("sha256-{}.json", hex(&digest)));
    fs::create_dir(&label).unwrap();
    assert!(add(&store, Sample::shared().deb(), "a.deb").is_err());
    fs::remove_dir(&label).unwrap();
    assert!(stored(data.path()).is_empty() && store.list().is_empty());
    assert!(add(&store, Sample::shared().deb(), "a.deb").unwrap().1);
}

#[test]
fn the_catalog_follows_a_folder() {
    let (data, bases) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = bases.path().join("Example-Agent.deb");
    fs::copy(Sample::shared().deb(), &place).unwrap();
    fs::write(bases.path().join("notes.txt"), b"not a base").unwrap();
    let (store, _) = Store::open(data.path(), StoreOptions::default()).unwrap();
    let mut watch = Watch::new(bases.path().to_path_buf());
    let noticed = watch.look(&store, 1, true).unwrap();
    assert!(matches!(noticed.as_slice(), [Noticed::Added(_), Noticed::Refused(_)]), "{noticed:?}");
    assert!(watch.look(&store, 2, false).unwrap().is_empty(), "a refused file is named once");

    // Later ones are taken at the second look; until then they may be half written.
    fs::copy(Sample::shared().other_deb(), bases.path().join("Other.deb")).unwrap();
    assert!(watch.look(&store, 3, false).unwrap().is_empty());
    assert!(matches!(watch.look(&store, 4, false).unwrap().as_slice(), [Noticed::Added(_)]));
    assert_eq!(store.list().len(), 2);

    // After a restart, what has gone from the folder meanwhile goes from the catalog.
    fs::remove_file(&place).unwrap();
    drop(store);
    let (store, _) = Store::open(data.path(), StoreOptions::default()).unwrap();
    assert_eq!(store.list().len(), 2);
    let mut watch = Watch::new(bases.path().to_path_buf());
    let noticed = watch.look(&store, 5, true).unwrap();
    assert!(noticed.iter().any(|noticed| matches!(noticed, Noticed::Withdrawn(name) if name == "Example-Agent.deb")));
    assert_eq!(store.list().len(), 1);
}

#[test]
fn a_request_means_one_base_or_none() {
    let data = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(data.path(), StoreOptions::default()).unwrap();
    let (old, _) = add(&store, Sample::shared().deb(), "a.deb").unwrap();
    let (new, _) = add(&store, Sample::shared().other_deb(), "a.deb").unwrap();
    let by = |product: &str, platform: &str, version: Option<&str>| Selection {
        product: Some(product.to_owned()),
        platform: Some(platform.to_owned()),
        version: version.map(str::to_owned),
        ..Selection::default()
    };
    let newest = store.select(&by("Example Agent", "linux", None)).unwrap();
    assert_eq!(newest.listed().sha256, new.listed().sha256);
    let named = store.select(&by("Example Agent", "linux", Some("1.4.2"))).unwrap();
    assert_eq!(named.listed().sha256, old.listed().sha256);
    assert_eq!(store.select(&by("Example Agent", "macos", None)).unwrap_err(), SelectionError::None);
    assert_eq!(store.select(&Selection::default()).unwrap_err(), SelectionError::Incomplete);
    let both = Selection { base: Some(old.listed().sha256.clone()), ..by("Example Agent", "linux", None) };
    assert_eq!(store.select(&both).unwrap().listed().version, "1.4.2");
    let other = Selection { platform: Some("macos".to_owned()), ..both };
    assert_eq!(store.select(&other).unwrap_err(), SelectionError::None);
    let digest = Selection { base: Some(old.listed().sha256.clone()), ..Selection::default() };
    assert_eq!(store.select(&digest).unwrap().listed().version, "1.4.2");
}
