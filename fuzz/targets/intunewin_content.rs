//! The archive inside an `.intunewin`, which a fuzzer cannot reach through its authentication code.
#![no_main]

use std::io::{self, Read};

use installer::format::{Extracted, ReadError, Sink};
use libfuzzer_sys::fuzz_target;

/// Takes a megabyte of each file: an archive may truly hold more than a second's work.
struct Sip;

impl Sink for Sip {
    fn entry(&mut self, _: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        io::copy(&mut content.take(1 << 20), &mut io::sink())
            .map_err(|source| ReadError::Io { verb: "read a file", source })?;
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = kit::intune::intunewin::content(&data, "Example-Agent.msi", &mut Sip);
});
