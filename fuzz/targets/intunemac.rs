//! An `.intunemac`: the archive, `Detection.xml`, the package's digests.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = kit::intune::intunemac::read(&data, &mut std::io::sink());
});
