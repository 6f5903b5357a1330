//! Where an installer goes that has been read back before it is written.

use std::fs::File;
use std::path::Path;

use super::pending::Pending;
use super::place::{self, Place, Text};
use crate::error::Result;

/// An output, opened. A stream needs no room on a disk: what is written to it has been read back already.
#[derive(Debug)]
pub enum Opened {
    /// A pipe, a device, or what a shell has opened.
    Stream(File),
    /// A file on its way.
    File(Pending),
}

impl Opened {
    /// Opens what is at `path`; `-` is standard output.
    pub fn create(path: &Path) -> Result<Self> {
        match place::find(path, Text::No)? {
            Place::Stream(stream) => Ok(Self::Stream(stream)),
            place @ Place::File(_) => Pending::at(path, place).map(Self::File),
        }
    }
}
