//! ASN.1 values, walked through and patched: the one reader of DER and BER in this project.
//!
//! ```text
//! value    tag (1 byte) │ length │ content                  DER and BER, X.690 §8.1
//!          length: 0x00..0x7F │ 0x81..0x84 and that many bytes, in DER as few as can be
//!          tag (1 byte) │ 0x80 │ values … │ 00 00           BER: an indefinite length, a mark at the end
//!          0x24 │ length │ 04 … 04 …                        BER: an OCTET STRING in pieces
//! ```
//!
//! A [`Value`] keeps its bytes as they stand, because those are what was hashed and signed, and knows where it lies, so that one can be
//! added to a message and every other byte stays as it is. Nothing is decoded into types and nothing is written again: `der` and
//! `cms` do both, sort sets while they are at it, and refuse the sets of real signers, which hold a certificate twice or unsorted.
//!
//! **DER or BER.** What is hashed or signed (certificates, signed attributes) is DER and read as such. What lies around it may be BER:
//! `codesign` and `productsign` write the outer values of their messages in indefinite lengths, and some authorities
//! write the content of a timestamp in pieces. A [`Values`] is told which of the two it reads.
//!
//! Bounds: a tag has one byte, a length at most four; values of indefinite length lie at most 16 deep in each other, and a list has at most 1024
//! values. Readers of lists are told the field's name, so that an error says where it is and what was expected.
//!
//! | file | noun |
//! |---|---|
//! | `read` | [`Value`], [`Values`] |
//! | `tag` | the tags |
//! | `write` | [`encode`], for those who add a value |

mod read;
mod tag;
mod write;

pub use read::{Encoding, Value, Values};
pub use tag::*;
pub use write::encode;

#[cfg(test)]
mod tests;
