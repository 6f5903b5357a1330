//! The headers and libraries of an ELF program.
#![no_main]

use container::elf::Elf;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(elf) = Elf::open(&data) {
        let _ = elf.libraries(&data);
    }
});
