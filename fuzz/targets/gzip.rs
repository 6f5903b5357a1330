//! A gzip stream and its replaceable tail.
#![no_main]

use std::io;

use container::gzip;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = gzip::Tail::open(data, 0, data.len() as u64);
    let _ = io::copy(&mut io::Read::take(gzip::decode(data), 1 << 22), &mut io::sink());
});
