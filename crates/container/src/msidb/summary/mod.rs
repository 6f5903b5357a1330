//! The summary information: the property set that says what kind of package this is.
//!
//! \[MS-OLEPS\] 2.21, one section. Windows Installer gives the numbers other meanings than Office: 7 is the
//! architecture and languages, 9 the package code, 14 the schema, 15 the source flags (Summary Information Stream,
//! "Summary Property Descriptions").
//!
//! Reading ([`Summary::read`]) and writing ([`write()`]) share the numbers and [`Value`], and no code. The `msi`
//! crate's writer takes a string's length in UTF-8 but writes it in the codepage, so that an accented letter shifts
//! everything behind it; hence a writer of our own.

mod property;
mod read;
mod writer;

pub use property::{Value, filetime, pid};
pub use read::Summary;
pub use writer::{Unwritable, write};

#[cfg(test)]
mod tests;
