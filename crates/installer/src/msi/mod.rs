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
//! ├─ Binary                 the token reader and the issuer's keys, where there are some    token_reader.rs
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
//! does not cover (`prepare`).
//!
//! **What Windows demands beyond the format** and has no error message for: a summary information in an ANSI codepage, rows sorted by string number,
//! GUIDs in upper case, no empty strings, another PackageCode for other bytes, no free sectors and no trailing bytes.
//! `verify` checks each.
//!
//! **Which libraries.** The `msi` crate (0.11) makes the streams of the tables at build (`database`). It was not enough for the rest: it cannot write
//! a codepage 874 or a column's category `Guid` and `Cabinet` as the SDK spells them (`string_pool` mends that), it refuses foreign files with damage
//! that Windows takes, so reading is `container::msidb`, and it cannot change a row without laying the file out anew, so stamping is
//! `stamp/strings`. `cfb` (0.16) reads what `msi` wrote; its own files have no layout that can be signed or kept, so `container::cfb` writes ours.
//! `cab` judges our cabinets in the tests and compresses on one core; `container::cab` writes them on all.
//!
//! | file | noun |
//! |---|---|
//! | `schema`, `tables`, `text`, `string_pool` | columns, rows, and text on its way into them |
//! | `identity`, `files`, `token`, `token_reader`, `service`, `upgrade`, `sequences` | the rows, by what they are about |
//! | `content` | the digests by which a package proves itself |
//! | `database`, `cabinet`, `build` | rows to streams, files to a cabinet, both to a base |
//! | `stamp` | a token into the streams that it changes, laid out anew around the cabinet |
//! | `open` | a package that is open, and what it keeps |
//! | `read`, `media`, `extract`, `verify`, `facts`, `contents` | the way back, by the route that Windows Installer takes |

mod build;
mod cabinet;
mod config;
mod content;
mod contents;
mod database;
mod extract;
mod facts;
mod files;
mod identity;
mod ids;
mod machine;
mod media;
mod open;
mod prepare;
mod read;
mod schema;
mod sequences;
mod service;
mod sign;
mod signature;
mod stamp;
mod string_pool;
mod tables;
mod text;
mod token;
mod token_reader;
mod upgrade;
mod verify;

use container::ReadAt;

pub use contents::{Contents, Record, Value, contents};
pub use facts::{Context, Facts, facts};
pub use ids::Msi;
pub use token::TOKEN_PROPERTY;

use crate::format::{BuildError, Format, Installer, Job, Kind, Output, ReadError};
use crate::payload::Payload;
use crate::product::{AgentFile, Arch, Product};
use crate::signature::SignatureForm;

impl Format for Msi {
    fn kind(&self) -> Kind {
        Kind::Msi
    }

    fn recognises(&self, head: &[u8]) -> bool {
        head.starts_with(&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1])
    }

    fn signature_form(&self) -> Option<SignatureForm> {
        Some(SignatureForm::Authenticode)
    }

    fn has_modes(&self) -> bool {
        false
    }

    fn payload(&self, product: &Product, agent: &AgentFile) -> Result<Payload, BuildError> {
        files::payload(product, agent)
    }

    fn own_program(&self, product: &Product, arch: Arch) -> Result<Option<Vec<u8>>, BuildError> {
        token_reader::token_reader(product, arch).map(Some)
    }

    fn build(&self, job: &Job<'_>, out: &mut dyn Output) -> Result<(), BuildError> {
        build::build(job, out)
    }

    fn open<'f>(&self, file: &'f dyn ReadAt) -> Result<Box<dyn Installer + 'f>, ReadError> {
        Ok(Box::new(open::OpenMsi::open(file)?))
    }
}

#[cfg(test)]
mod tests;
