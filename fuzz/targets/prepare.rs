//! The finder of a place in a signed message, adding one to it, the block behind a flat package, and prepare records.
#![no_main]

use container::authenticode::slot;
use container::xar;
use installer::prepare::PrepareRecord;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = slot::find(data);
    let _ = slot::read(data);
    if let Ok((out, start)) = slot::insert(data) {
        // What was added is found where it was said to be, empty.
        assert_eq!(slot::find(&out), Ok(Some(start)));
        assert!(out[start..].starts_with(&slot::empty()));
        assert!(slot::insert(&out).is_err());
    }
    let _ = xar::slot::read(data);
    if let Ok(archive) = xar::open(data) {
        let _ = xar::slot::find(data, &archive);
        let _ = xar::slot::check_room(data, &archive);
    }
    let _ = PrepareRecord::parse(data);
});
