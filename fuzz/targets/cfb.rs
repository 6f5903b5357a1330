//! A compound file, its streams and its defects.
#![no_main]

use container::cfb::read::Compound;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(compound) = Compound::open(data) {
        let _ = compound.check();
        for entry in compound.entries() {
            let _ = compound.read(entry, 1 << 20);
        }
    }
});
