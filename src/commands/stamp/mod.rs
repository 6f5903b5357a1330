//! `stampwright stamp`: one base; one token or a list of them.

mod args;
mod compose;
mod list;
mod one;
mod receipt;
mod run;

pub use args::Stamp;
pub use run::run;
