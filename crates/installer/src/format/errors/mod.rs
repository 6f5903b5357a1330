//! Why an installer was not built, read, stamped, signed or prepared: one enum for each.

mod build;
mod read;
mod seal;
mod stamp;

pub use build::BuildError;
pub use read::ReadError;
pub use seal::{PrepareError, SealFileError};
pub use stamp::StampError;
