use std::collections::BTreeSet;
use std::fs;

use super::*;

const SMALL: u64 = RESERVED_BYTES + 80_000;

fn drain(queue: &mut Queue) -> Vec<(Importance, Record)> {
    let mut all = Vec::new();
    while let Some(batch) = queue.peek(4_000).unwrap() {
        all.extend(batch.records.iter().map(|record| (batch.importance, record.clone())));
        queue.acknowledge(&batch).unwrap();
    }
    all
}

fn on_disk(folder: &Path) -> u64 {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        bytes += if entry.path().is_dir() { on_disk(&entry.path()) } else { entry.metadata().unwrap().len() };
    }
    bytes
}

#[test]
fn records_come_out_as_they_went_in_and_outlive_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(folder.path(), SMALL).unwrap();
    for number in 0..30_u8 {
        queue.push(Importance::Telemetry, &[number; 100]).unwrap();
    }
    queue.push(Importance::Required, b"enrolled").unwrap();
    let batch = queue.peek(1_000).unwrap().unwrap();
    assert_eq!((batch.importance, batch.records.len()), (Importance::Required, 1));
    queue.acknowledge(&batch).unwrap();
    // Like kill -9: nothing of it is closed in order.
    std::mem::forget(queue);
    let mut queue = Queue::open(folder.path(), SMALL).unwrap();
    queue.push(Importance::Telemetry, &[30; 100]).unwrap();
    let found: Vec<u8> = drain(&mut queue).into_iter().map(|(_, record)| record.body[0]).collect();
    assert_eq!(found, (0..=30).collect::<Vec<_>>());
    assert_eq!(queue.stats().records, 0);
}

#[test]
fn the_cap_holds_and_what_matters_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(folder.path(), SMALL).unwrap();
    for number in 0..20_u32 {
        queue.push(Importance::Required, &number.to_le_bytes()).unwrap();
    }
    for number in 0..2_000_u32 {
        queue.push(Importance::Telemetry, &[&number.to_le_bytes()[..], &[0; 96]].concat()).unwrap();
        assert!(on_disk(folder.path()) <= SMALL);
    }
    let stats = queue.stats();
    assert_eq!(stats.records + stats.dropped, 2_020);
    let found = drain(&mut queue);
    assert_eq!(found.iter().filter(|(importance, _)| *importance == Importance::Required).count(), 20);
    let last = &found.last().unwrap().1.body[..4];
    assert_eq!(last, 1_999_u32.to_le_bytes());
}

#[test]
fn only_a_required_record_that_finds_no_room_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(folder.path(), SMALL).unwrap();
    let end = (0..).find(|_| queue.push(Importance::Required, &[0; 1_000]).is_err()).unwrap();
    assert!(end > 70, "{end}");
    queue.push(Importance::Telemetry, &[0; 1_000]).unwrap();
    assert_eq!(queue.stats().records, end);
    assert!(matches!(queue.push(Importance::Required, &[0; 1_000]), Err(Error::Full)));
}

#[test]
fn a_number_is_never_given_twice() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..4 {
        let mut queue = Queue::open(folder.path(), SMALL).unwrap();
        queue.push(Importance::Telemetry, b"one").unwrap();
        queue.push(Importance::Telemetry, b"two").unwrap();
        drop(queue);
        // The tail is torn off, as by a power cut.
        let newest = fs::read_dir(folder.path().join("telemetry")).unwrap().map(|entry| entry.unwrap().path()).max();
        let newest = fs::OpenOptions::new().write(true).open(newest.unwrap()).unwrap();
        newest.set_len(newest.metadata().unwrap().len() - 1).unwrap();
    }
    let mut queue = Queue::open(folder.path(), SMALL).unwrap();
    queue.push(Importance::Telemetry, b"one").unwrap();
    let found = drain(&mut queue);
    assert!(found.iter().all(|(_, record)| record.body == b"one"));
    let numbers: BTreeSet<_> = found.iter().map(|(_, record)| (record.epoch, record.seq)).collect();
    assert_eq!((numbers.len(), found.len()), (5, 5));
}

#[test]
fn what_cannot_be_read_stops_no_start() {
    let folder = tempfile::tempdir().unwrap();
    let lane = folder.path().join("telemetry");
    fs::create_dir_all(lane.join("0000000000000003.seg")).unwrap();
    fs::write(lane.join("0000000000000001.seg"), [0xff; 500]).unwrap();
    fs::write(lane.join("cursor"), "not a place").unwrap();
    let mut queue = Queue::open(folder.path(), SMALL).unwrap();
    queue.push(Importance::Telemetry, b"after it").unwrap();
    let found = drain(&mut queue);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1.body, b"after it");
}

#[test]
fn a_retired_device_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(folder.path(), SMALL).unwrap();
    queue.push(Importance::Required, b"one").unwrap();
    queue.push(Importance::Telemetry, b"two").unwrap();
    queue.clear().unwrap();
    assert_eq!(queue.stats(), Stats { records: 0, bytes: 0, dropped: 0 });
    queue.push(Importance::Telemetry, b"three").unwrap();
    assert_eq!(drain(&mut queue).len(), 1);
}

#[test]
fn the_name_of_a_segment_reaches_the_disk() {
    use crate::durable::tests::SYNCED;
    let folder = tempfile::tempdir().unwrap();
    let mut queue = Queue::open(folder.path(), MAX_BYTES).unwrap();
    SYNCED.with_borrow_mut(Vec::clear);
    queue.push(Importance::Required, b"one").unwrap();
    let lane = folder.path().join("required");
    assert!(SYNCED.with_borrow(|synced| synced.contains(&lane)), "a new segment");
    // A segment that cannot be read is set aside.
    let mut queue = Queue::open(folder.path(), MAX_BYTES).unwrap();
    let segment = lane.join(format!("{:016x}.seg", 1));
    std::fs::remove_file(&segment).unwrap();
    std::fs::create_dir(&segment).unwrap();
    SYNCED.with_borrow_mut(Vec::clear);
    assert!(queue.peek(100).unwrap().is_none());
    assert!(segment.with_extension("bad").exists() && SYNCED.with_borrow(|synced| synced.contains(&lane)));
}
