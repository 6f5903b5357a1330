//! Finished deflate streams, taken apart where a format wants its own ends (RFC 1951).
//!
//! libdeflate writes whole streams and looks back no further than its input. gzip needs the end off, so that another stream can follow in the
//! same member ([`join`]); a cabinet needs a stream for each block of 32 KiB whose window is the block before ([`cut`]). Both go through the
//! codes, as an inflater does, without making the bytes ([`codes`]); none compresses again.
//!
//! `flate2` has no such access to the codes of a stream. It reads in the tests what is made here.

mod codes;
mod cut;
mod join;

pub(crate) use cut::cut;
pub(crate) use join::open_end;
