//! An `.intunewin`: the outer archive, `Detection.xml`, the encrypted content.
#![no_main]

use std::io::{self, Read};

use installer::format::{Extracted, ReadError, Sink};
use libfuzzer_sys::fuzz_target;

struct Drain;

impl Sink for Drain {
    fn entry(&mut self, _: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        io::copy(content, &mut io::sink()).map_err(|source| ReadError::Io { verb: "read a file", source })?;
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = kit::intune::wrapper(&data);
    let _ = kit::intune::intunewin::read(&data, &mut Drain);
});
