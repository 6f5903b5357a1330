//! A cpio archive.
#![no_main]

use container::cpio::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut reader = Reader::new(data);
    while let Ok(Some(_)) = reader.next_entry() {
        let _ = reader.data(1 << 20);
    }
});
