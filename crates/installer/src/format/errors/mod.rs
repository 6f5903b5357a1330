//! Why an installer was not built, read, stamped, signed or prepared: one enum for each.

mod build;
mod read;
mod sign;
mod stamp;

pub use build::BuildError;
pub use read::ReadError;
pub use sign::{PrepareError, SignFileError};
pub use stamp::StampError;
