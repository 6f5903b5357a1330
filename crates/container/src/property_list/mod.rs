//! Apple's property lists, in XML and in the binary form, read whole into values within limits.
//!
//! ```text
//! <plist><dict><key>…</key><string>…</string> …     UTF-8; names and texts keep their white space and line ends
//!
//! bplist00        objects, an offset table, a trailer of 32 bytes (CFBinaryPList.c), big-endian
//!   object          marker (kind and length in four bits each), then its bytes, or numbers of other objects
//!   offset table    where each object lies
//!   trailer         bytes of an offset and of a number, how many objects, which is the root, where the table is
//! ```
//!
//! The `plist` crate judges the tests and does not read here: its `Value` is built and dropped by recursion without a limit, so
//! that 20,000 arrays in arrays (180 kB) overflow a thread's stack; objects that many others refer to are copied each time, so that a
//! file of 198 bytes keeps it busy for more than half a minute; and text in CDATA is left out (all measured with 1.10.3). Of a key that
//! is there twice the last value counts, as in CoreFoundation.

mod binary;
mod value;
mod xml;

#[cfg(test)]
mod tests;

use crate::reader::Malformed;

pub use value::Value;

/// Whether it starts like a binary list.
#[must_use]
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    bytes.starts_with(b"bplist")
}

/// The value of a list, which is a `structure`. Offsets in errors count from its start.
pub fn parse(structure: &'static str, bytes: &[u8]) -> Result<Value, Malformed> {
    if is_binary(bytes) { binary::parse(structure, bytes) } else { xml::parse(structure, bytes) }
}
