//! An agent of any platform with its signature, read the way `build` reads it.
#![no_main]

use installer::agent::{self, Expected};
use installer::{Arch, Platform};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for platform in [Platform::Windows, Platform::Macos, Platform::Linux] {
        for arch in [Arch::X64, Arch::Arm64, Arch::Universal] {
            let _ = agent::check_file(&data, Expected { platform, arch, allow_unsigned: false });
        }
    }
});
