//! The download service: one token in, one installer out, over HTTP. The only crate with async code.

pub mod edge;
pub mod keys;
pub mod ledger;
pub mod sealed;
pub mod tokens;
