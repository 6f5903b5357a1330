//! What no compound file of ours can hold.

/// §2.7: the sector at 2 GiB - 256 is for byte-range locks and must not hold data; we stop before it.
pub const LONGEST: u64 = 0x7FFF_F000;

/// Streams that no compound file of ours can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// §2.6.1: 1 to 31 UTF-16 units, none of them NUL, `/`, `\`, `:` or `!`.
    #[error("a stream name of {units} UTF-16 units is empty, too long, or has a forbidden character")]
    Name {
        /// Its length.
        units: usize,
    },
    /// Two names that differ at most in case.
    #[error("two streams have one name")]
    Twice,
    /// The file would reach the range-lock sector.
    #[error("the file would have {bytes} bytes, more than the 2 GiB that a compound file can have")]
    TooLarge {
        /// Its length.
        bytes: u64,
    },
    /// A bulk stream shorter than 4096 bytes belongs into the mini stream.
    #[error("a bulk stream of {bytes} bytes is too short to have sectors of its own")]
    TooShort {
        /// Its length.
        bytes: u64,
    },
}
