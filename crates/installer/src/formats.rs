//! The formats, in the order in which they are listed everywhere: a closed table, no registry.

use container::reader::{Malformed, Problem};
use container::{ReadAt, read_at};

use crate::format::{Format, Installer, Kind, ReadError};

/// Every format there is.
pub static FORMATS: [&dyn Format; 4] = [&crate::msi::Msi, &crate::pkg::Pkg, &crate::deb::Deb, &crate::rpm::Rpm];

/// The format of that kind.
#[must_use]
pub fn by_kind(kind: Kind) -> Option<&'static dyn Format> {
    FORMATS.into_iter().find(|format| format.kind() == kind)
}

/// Finds out what a file is and opens it.
pub fn open<'f>(file: &'f dyn ReadAt) -> Result<Box<dyn Installer + 'f>, ReadError> {
    recognise(file)?.open(file)
}

/// Finds out what a file is by its first bytes.
pub fn recognise(file: &dyn ReadAt) -> Result<&'static dyn Format, ReadError> {
    const HEAD_BYTES: u64 = 16;
    let head = read_at::read_vec(file, "installer", 0, file.len().min(HEAD_BYTES), HEAD_BYTES as usize)?;
    FORMATS.into_iter().find(|format| format.recognises(&head)).ok_or_else(|| {
        let what = "it is neither an MSI, nor a flat package, nor a Debian package, nor an RPM package";
        Malformed { structure: "installer", offset: Malformed::NOWHERE, problem: Problem::Data { what } }.into()
    })
}
