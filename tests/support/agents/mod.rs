//! Tiny agents, made in memory without any tool: programs of a few hundred bytes that are signed as the real ones are.
//!
//! | file | makes |
//! |---|---|
//! | `elf` | a static program that waits for signals, for x86-64 and arm64; one with needed libraries |
//! | `pe` | a console program that ends at once, with a version resource and an Authenticode signature |
//! | `macho` | thin and universal programs with a code signature |
//! | `app` | an `.app` folder around one, with its seals |
//! | `cms` | the certificate of a throwaway key, and CMS signatures by it |
//! | `der` | just enough DER to write those |
//! | `writer` | numbers and padding for all of them |
//!
//! They are written here from the specifications, and share no code with the readers that they are for. Everything is
//! deterministic: the key is fixed, ECDSA is RFC 6979's, there is no clock.
#![allow(dead_code, reason = "not every test needs every agent")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, unreachable_pub, reason = "tests")]

pub mod app;
pub mod cms;
pub mod der;
pub mod elf;
pub mod macho;
pub mod pe;
pub mod writer;

pub use writer::Cpu;

/// A Linux agent. The x64 one really runs: it waits, and ends on SIGTERM.
pub fn linux(cpu: Cpu) -> Vec<u8> {
    elf::waiting(cpu)
}

/// A Windows agent of version 1.2.3.4, US English, signed by [`cms::NAME`].
pub fn windows(cpu: Cpu) -> Vec<u8> {
    pe::signed(cpu)
}

/// A macOS agent for some processors (universal if more than one), signed by [`cms::NAME`].
pub fn macos(cpus: &[Cpu]) -> Vec<u8> {
    macho::program(cpus, &macho::Signing::identity())
}
