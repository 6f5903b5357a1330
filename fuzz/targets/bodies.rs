//! The bodies of requests to the service: installers, links, tokens, keys, the façade, enrollments, check-ins, lists of serial numbers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| service::read_bodies(data));
