//! Windows Installer packages.
//!
//! ```text
//! compound file, 4096-byte sectors                                       container::cfb
//! ├─ 00.cab                 every file under its key, MSZIP              container::cab     never touched by a stamp
//! ├─ SummaryInformation     architecture, PackageCode                    container::msidb   rewritten by a stamp
//! ├─ _StringPool, _StringData, _Tables, _Columns, _Validation                               the first two rewritten
//! ├─ Property               the product's codes; ENROLLMENTTOKEN ◀── here sits the token    rewritten
//! ├─ Directory, Component, Feature, FeatureComponents, File, MsiFileHash, Media             files.rs
//! ├─ Registry, RegLocator, AppSearch, CreateFolder, RemoveFile, MsiLockPermissionsEx        token.rs
//! ├─ ServiceInstall, ServiceControl                                                         service.rs
//! ├─ Upgrade, CustomAction                                                                  upgrade.rs
//! ├─ Binary                 the token reader and the issuer's keys, where there are some    reader.rs
//! ├─ Install-, Admin-, AdvtExecuteSequence and the UI sequences                             sequences.rs
//! └─ DigitalSignature, MsiDigitalSignatureEx                             only after signing
//! ```
//!
//! **What gets installed.** The agent and its extra files in `Program Files\<publisher>\<product>`, its service, a state
//! folder in `ProgramData` and a registry key that only the system and the administrators may open. Nothing runs during
//! the installation but Windows Installer itself: no dialog, no program, no script; the four custom actions
//! show an error or set a property. Only a product with issuer keys has a fifth, which reads a token from beside the signature.
//!
//! **Where the token is.** A base has no row `ENROLLMENTTOKEN`; a stamp adds it, gives the package a new PackageCode and
//! ProductCode, and changes nothing else. The token's life on the device is told in `token.rs`.
//!
//! **What is signed.** Authenticode hashes the streams' content in the order of their names as bytes (memcmp of
//! UTF-16LE), not the file. The cabinet is named so that it comes first, so a signer that has hashed it once can go
//! on from there for each stamp (`stamp/digests`). A signed base is stamped and signed anew, or takes its token in a place that the signature
//! does not cover (`preserve`).
//!
//! **What Windows demands beyond the format** and has no error message for: text in codepage 1252, rows sorted by string number,
//! GUIDs in upper case, no empty strings, another PackageCode for other bytes, no free sectors and no trailing bytes.
//! `verify` checks each.
//!
//! | file | noun |
//! |---|---|
//! | `schema`, `tables`, `text` | columns, rows, and text on its way into them |
//! | `identity`, `files`, `token`, `reader`, `service`, `upgrade`, `sequences` | the rows, by what they are about |
//! | `database`, `cabinet`, `build` | rows to streams, files to a cabinet, both to a base |
//! | `stamp` | a token into the streams that it changes, laid out anew around the cabinet |
//! | `read`, `extract`, `verify`, `facts`, `contents` | the way back, by the route that Windows Installer takes |

mod build;
mod cabinet;
mod contents;
mod database;
mod extract;
mod facts;
mod files;
mod identity;
mod preserve;
mod read;
mod reader;
mod schema;
mod seal;
mod sequences;
mod service;
mod signature;
mod stamp;
mod tables;
mod text;
mod token;
mod upgrade;
mod verify;

use container::ReadAt;

pub use contents::{Contents, Record, Value, contents};
pub use facts::{Context, Facts, facts};
pub use token::TOKEN_PROPERTY;

use crate::format::{
    BuildError, Format, Inspection, Job, Kind, Output, PrepareError, ReadError, SealFileError, Sink, Slot, StampError,
};
use crate::payload::Payload;
use crate::preserve as prepared;
use crate::product::{AgentFile, Product};
use crate::report::Report;
use crate::seal::{Existing, Place, Sealed, Sealer, Signature, SlotFound};
use crate::token::Token;

/// The cabinet's stream. Its packed name starts with the unit U+3800, so its bytes (00 38) sort before those of every
/// other stream; a name that is an identifier starts with a letter, and cannot.
pub(crate) const CABINET: &str = "00.cab";
/// Page count: Windows Installer 5.0, which arm64 and MsiLockPermissionsEx need.
const SCHEMA: i32 = 500;
/// Word count: long names, compressed, may need elevation.
const WORD_COUNT: i32 = 2;
/// Security.
const READ_ONLY_RECOMMENDED: i32 = 2;
/// `Registry.Root`.
const HKEY_LOCAL_MACHINE: i32 = 2;

/// Windows Installer packages.
#[derive(Debug, Clone, Copy)]
pub struct Msi;

impl Format for Msi {
    fn kind(&self) -> Kind {
        Kind::Msi
    }

    fn recognises(&self, head: &[u8]) -> bool {
        head.starts_with(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1])
    }

    fn payload(&self, product: &Product, agent: &AgentFile) -> Result<Payload, BuildError> {
        files::payload(product, agent)
    }

    fn build(&self, job: &Job<'_>, out: &mut dyn Output) -> Result<(), BuildError> {
        build::build(job, out)
    }

    fn open(&self, base: &dyn ReadAt) -> Result<Box<dyn Slot>, StampError> {
        match prepared::open(self, base, preserve::fill)? {
            Some(slot) => Ok(Box::new(slot)),
            None => Ok(Box::new(stamp::open(base)?)),
        }
    }

    fn token(&self, file: &dyn ReadAt) -> Result<Option<Token>, ReadError> {
        match preserve::slot(file)? {
            Some(found) => prepared::token(found),
            None => read::Installer::open(file)?.token(),
        }
    }

    fn inspect(&self, file: &dyn ReadAt) -> Result<Inspection, ReadError> {
        let mut inspection = read::Installer::open(file)?.inspect()?;
        if let Some(found) = preserve::slot(file)? {
            prepared::describe(&mut inspection, &found);
        }
        Ok(inspection)
    }

    fn extract(&self, file: &dyn ReadAt, sink: &mut dyn Sink) -> Result<(), ReadError> {
        extract::extract(&read::Installer::open(file)?, sink)?;
        match preserve::slot(file)? {
            Some(found) => prepared::extract(&found, sink),
            None => Ok(()),
        }
    }

    fn slot(&self, file: &dyn ReadAt) -> Result<Option<SlotFound>, ReadError> {
        preserve::slot(file)
    }

    fn prepare(&self, file: &dyn ReadAt, out: &mut dyn Output) -> Result<Place, PrepareError> {
        preserve::prepare(file, out)
    }

    fn signature(&self, file: &dyn ReadAt) -> Result<Option<Signature>, ReadError> {
        signature::signature(file)
    }

    fn sealed(&self, file: &dyn ReadAt) -> Result<Option<Sealed>, ReadError> {
        signature::sealed(file)
    }

    fn seal(
        &self,
        file: &dyn ReadAt,
        sealer: &dyn Sealer,
        existing: Existing,
        out: &mut dyn Output,
    ) -> Result<(), SealFileError> {
        seal::seal(file, sealer, existing, out)
    }

    fn issuer_keys(&self, file: &dyn ReadAt) -> Result<Option<Vec<u8>>, ReadError> {
        read::Installer::open(file)?.issuer_keys()
    }

    fn verify(&self, file: &dyn ReadAt, report: &mut Report) -> Result<(), ReadError> {
        let found = preserve::slot(file)?;
        if let Some(found) = &found {
            prepared::verify(self, file, found, report)?;
        }
        verify::verify(&read::Installer::open(file)?, found.is_some(), report)
    }
}

#[cfg(test)]
mod tests;
