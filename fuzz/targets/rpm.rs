//! An rpm: both headers, the list of files, and the payload beside it.
#![no_main]

use container::Error;
use container::rpm::Package;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let data = data.to_vec();
    let Ok(package) = Package::open(&data) else { return };
    for header in [&package.signature, &package.header] {
        for (tag, _, _) in header.tags() {
            let _ = (header.numbers(tag), header.text(tag), header.texts(tag), header.binary(tag));
        }
    }
    let _ = package.header.files();
    let _ = package.walk::<Error>(&mut |_, _| Ok(()));
});
