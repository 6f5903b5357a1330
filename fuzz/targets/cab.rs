//! A cabinet and its files.
#![no_main]

use std::io;

use container::Error;
use container::cab::read::Cabinet;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(cabinet) = Cabinet::open(data) {
        let _ = cabinet.each(|_, content| {
            let _ = io::copy(content, &mut io::sink());
            Ok::<(), Error>(())
        });
    }
});
