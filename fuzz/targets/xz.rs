//! An xz stream and its replaceable last block.
#![no_main]

use std::io;

use container::xz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = xz::Tail::open(data, 0, data.len() as u64);
    let _ = io::copy(&mut io::Read::take(xz::decode(data), 1 << 22), &mut io::sink());
});
