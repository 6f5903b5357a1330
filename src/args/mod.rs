//! Arguments that several commands have.

mod manifest;
mod names;
mod prepare;
mod product;
mod signers;
mod signing;
mod store;
mod time;
mod token;

pub use manifest::ManifestArgs;
pub use names::{AddressStyleName, ProfileName, SystemName, profile_names};
pub use prepare::PreparedArgs;
pub use product::ProductArgs;
pub use signers::Signers;
pub use signing::SigningArgs;
pub use store::StoreArgs;
pub use time::seconds;
pub use token::{TokenArgs, token_file};
