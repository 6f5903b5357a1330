//! A XAR, its table of contents and its members.
#![no_main]

use container::xar::{self, MemberKind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(archive) = xar::open(data) else { return };
    for member in &archive.members {
        if let MemberKind::File(Some(place)) = &member.kind {
            let _ = archive.verify(data, place);
            let _ = archive.read(data, place, 1 << 20);
        }
    }
});
