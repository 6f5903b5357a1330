//! The slot of a prepared installer: a place beside its signature that the signature does not cover, where it takes its token.

use crate::token::Token;

/// A place that no signature covers, where a prepared installer takes its token: always of one length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Where it starts in the file.
    pub offset: u64,
    /// What stands in it without a token.
    pub empty: Vec<u8>,
}

impl Slot {
    /// Where it ends in the file.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset + self.empty.len() as u64
    }
}

/// What is in a slot.
#[derive(Debug, Clone, PartialEq)]
pub enum SlotState {
    /// Nothing.
    Empty,
    /// This token.
    Filled(Token),
    /// Something that is not a token and not nothing: why, as a sentence.
    Damaged(String),
}

/// A slot and what is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotFound {
    /// Where.
    pub slot: Slot,
    /// What.
    pub state: SlotState,
}
