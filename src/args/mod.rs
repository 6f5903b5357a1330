//! Arguments that several commands have.

mod names;
mod prepare;
mod product;
mod signing;
mod time;
mod token;

pub use names::{SystemName, profile_names};
pub use prepare::PreparedArgs;
pub use product::ProductArgs;
pub use signing::SigningArgs;
pub use time::seconds;
pub use token::{TokenArgs, token_file};
