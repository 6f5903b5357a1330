//! `stampwright stamp`: one base; one token or a list of them.

mod args;
mod list;
mod one;
mod run;

pub use args::Stamp;
pub use run::run;
