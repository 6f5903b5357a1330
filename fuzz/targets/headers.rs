//! The headers of a request to the service: ranges, entity tags, cookies, origins, keys.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| service::read_headers(data));
