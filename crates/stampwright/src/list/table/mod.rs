//! A list of devices or tenants, as a spreadsheet or another program has written it.
//!
//! Everything is checked here, before anything is written: `read` gives all rows, or everything that is wrong with the
//! list by its line. No cell is ever quoted in a message. Columns get swapped and headers get forgotten, and then any
//! cell can be a token.

mod column;
mod parse;
mod row;
mod serial;
#[cfg(test)]
mod tests;

pub use column::Mapping;
pub(super) use parse::read;
pub(super) use row::{Problem, Row, Wanted};
