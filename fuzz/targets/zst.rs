//! A zstd frame and its replaceable last block.
#![no_main]

use std::io;

use container::zst;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = zst::Tail::open(data, 0, data.len() as u64);
    if let Ok(decoded) = zst::decode(data) {
        let _ = io::copy(&mut io::Read::take(decoded, 1 << 22), &mut io::sink());
    }
});
