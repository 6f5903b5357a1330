//! `stampwright token`: tokens that can be checked, and the keys that they are checked with.

mod command;
mod date;
mod keygen;
mod mint;
mod read;

pub use command::{Token, run};
