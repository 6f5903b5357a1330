//! A Mach-O, its slices and their signatures.
#![no_main]

use container::macho::MachO;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(file) = MachO::open(&data) else { return };
    for slice in file.slices() {
        if let Ok(Some(signature)) = slice.signature(&data) {
            let _ = signature.verify(&data, slice);
            let _ = signature.designated_requirement();
        }
    }
});
