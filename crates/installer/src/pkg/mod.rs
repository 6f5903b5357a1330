//! PKG: a macOS product archive with one component, as Jamf, Apple MDM and Intune ask for.
//!
//! ```text
//! TheOneRMM-Agent.pkg                     XAR
//! ├─ header, table of contents            4 KB, of constant length                     new in a stamp
//! │  └─ checksum                          what a signature covers                      new in a stamp
//! ├─ Distribution                         title, architectures, oldest macOS           ┐
//! └─ TheOneRMM-Agent.pkg/                 the one component                            │
//!    ├─ PackageInfo                       install-location, versions, the one bundle   │ kept
//!    ├─ Payload                           gzip of cpio: ./TheOneRMM Agent.app/…        │
//!    ├─ Bom                               every path with mode, size and CRC           ┘
//!    └─ Scripts                           gzip of cpio, the last block stored:         that block is new in a stamp
//!       ├─ preinstall                     refuses without a token, stops the daemon
//!       ├─ postinstall                    puts the token in its place, starts the daemon
//!       ├─ com.theonermm.agent.plist      the LaunchDaemon
//!       ├─ issuer-keys.json               where the product's issuer is known
//!       └─ enrollment-token               0600, only in a stamped installer
//! ```
//!
//! # Where the token goes
//!
//! Into `Scripts`, the last member of the heap: Installer unpacks that archive into a folder that only root can read,
//! runs the scripts and removes it. `postinstall` copies the token to
//! `/Library/Application Support/<publisher>/<product>/enrollment-token`, 0600 root:wheel, in a folder that is 0700,
//! unless `enrollment-state` beside it says `enrolled`. It is never in the payload, so no receipt, no repair and no
//! other user sees it. A new token has the same place, so a stamp is [header, table of contents, checksum], the base's
//! heap from `Distribution` to the last block of `Scripts`, and that block anew (`scripts`).
//!
//! # What is signed
//!
//! The checksum of the table of contents, which names the checksum of every member. A stamp changes both: it is signed in the same
//! step (`sign`), without reading the payload, or it goes into the place behind the archive that no signature covers (`prepare`).
//!
//! # Why it looks like this
//!
//! - *One component, one `<bundle>`*: Intune takes the first bundle for its detection rule; Apple's managed
//!   installation wants a single application.
//! - *`install-location="/Applications"` with nothing but the application*: Intune's line-of-business type asks for it
//!   literally. The daemon's property list therefore travels in `Scripts` and `postinstall` installs it. Only when the
//!   manifest has files elsewhere is the location `/`. Links elsewhere are therefore no files of the payload either:
//!   `postinstall` makes them, `uninstall` removes those that still lead where it made them lead.
//! - *Or `/Library/Application Support/<publisher>`*, by `install-location = "application-support"`: administrators can write to `/Applications`
//!   without being root, and root runs what is there. `preinstall` makes the publisher's folder root's before Installer unpacks the payload.
//! - *`os-version before="27.0"`* where there is no code for Apple silicon, on which alone macOS 27 runs.
//! - *`relocatable="false"` and an empty `<relocate/>`*: else Installer follows a copy of the application that a user
//!   has moved, and the daemon does not find its program.
//! - *`overwrite-permissions="false"`*: the payload's root is `/Applications` itself, whose mode is the system's.
//! - *An application, even for a bare executable*: both ways of Intune detect an installation by an application's
//!   bundle id and version. The wrapper has no signature of its own (the executable keeps its own); `verify` says so.
//! - Rules and sources: Intune's `add-lob-macos`, Apple's `InstallEnterpriseApplication`, Jamf's PreStage packages.
//!
//! # Beside a package of Apple's tools
//!
//! Compared field by field with a component of `pkgbuild` (InstallCmds-609, macOS 10.12, 37 paths) and with a product archive of one
//! application that `productbuild` made (InstallCmds-763, macOS 11.4: `functest/packages/dummy.pkg` in what Debian has of the project relic, a case
//! of `tests/world`), and with what the crate `embala-pkg` records from macOS 26. What is not named is equal, the gzip header, the padding to 512 bytes and the order of the documents' elements among it.
//!
//! | where | Apple's | here | why it stays |
//! |---|---|---|---|
//! | PackageInfo `numberOfFiles` | paths of the Bom, root included | the same | |
//! | PackageInfo `installKBytes` | a 512-byte block for each folder but the root | the same | |
//! | PackageInfo `overwrite-permissions` | absent, or `true` | `false` | see above: the root is the system's folder |
//! | PackageInfo `relocatable` | absent: an application is followed to where it was moved; `false` for a product's | `false` | see above |
//! | PackageInfo `postinstall-action` | absent, or `none` | `none` | what absence means, said |
//! | PackageInfo `preserve-xattr` | `true` for a product's | absent | the payload has no extended attributes |
//! | PackageInfo `relocate` | the application's bundle id, though `relocatable` is `false` | empty | nothing is looked for elsewhere |
//! | Distribution `pkg-ref` | `updateKBytes="0"` | absent | 0 is what absence means |
//! | Distribution `pkg-ref` | no `auth`; PackageInfo's counts | `auth="root"` | as in PackageInfo; the reference still has it |
//! | Distribution `choices-outline` | a choice in a choice for each component | one choice | there is one component, and nothing is shown |
//! | Distribution `choice` | `versStr`, and `customLocation` with the folder that PackageInfo has | neither | nothing is shown, and PackageInfo's counts |
//! | Distribution `domains`, `volume-check` | only where they were asked for | always | the volume that runs, the oldest macOS |
//! | Bom, size of a folder | what the file system said (102, 170) | 0 | depends on the machine; `lsbom` prints none for folders |
//! | Bom, `Size64` | nodes of 4096 bytes | of 128 bytes | the tree is empty in both; its head says the size |
//! | Bom, blocks | 2730 places, room between them in a free list | as many as there are, no room | nothing is added to a finished Bom |
//! | cpio, inode numbers | from 0, the trailer has the next one | from 1, the trailer has 0 | they join hard links only, and there are none |
//! | Bom, the root | a record with no mode, owner and time in a product's | one with all of them | both are read |
//! | cpio and Bom, the root | 1775 root:admin, that of the volume; 0755 root:wheel in a product's | 0755 root:wheel | `overwrite-permissions` leaves the real one alone |
//! | table of contents | inode, device, ctime and atime of each member | mtime only | they are of the machine that built |
//! | table of contents | as long as it is | padded to a constant length | a stamp must not move the heap |
//!
//! # Formats below
//!
//! [`container::xar`], [`container::cpio`], [`container::bom`]: written there, read there by other code, and judged by
//! libarchive, 7-Zip and the `apple-*` crates in the tests.
//!
//! **Where `apple-flat-package` stands.** In the tests, as a judge: it reads the documents and archives of everything that is built here
//! (`tests/interop/pkg.rs`). It is no writer: it has no `Scripts`, no control over the order and packing of members, which a stamp depends on, and
//! its Bom writer (`apple-bom`) panics. It is no reader of other people's files either: it holds each member whole in memory, and links a C liblzma.
//!
//! | file | noun |
//! |---|---|
//! | `bundle` | the application: the vendor's own or the wrapper |
//! | `documents` | what the templates are filled with |
//! | `build`, `stamp`, `scripts` | writing |
//! | `open` | what can be done with an open package |
//! | `reader`, `package_info`, `payload_tree` | reading: the archive, the documents, the payload |
//! | `sign`, `signature_room`, `signature` | a fresh signature around an archive, the room for it, and the one that is there |
//! | `prepare` | the slot beside the signature |
//! | `daemons` | what the package leaves running |
//! | `extract`, `verify`, `facts` | what is done with it |

mod build;
mod bundle;
mod daemons;
mod documents;
mod extract;
mod facts;
mod names;
mod open;
mod package_info;
mod payload_tree;
mod prepare;
mod reader;
mod scripts;
mod sign;
mod signature;
mod signature_room;
mod stamp;
mod verify;

use container::ReadAt;

pub use daemons::{Daemon, Daemons, FileEntry, daemons};
pub use facts::{Application, Component, Facts, facts};
pub use names::Pkg;

use crate::format::{BuildError, Format, Installer, Job, Kind, Output, ReadError};
use crate::payload::Payload;
use crate::product::{AgentFile, Product};
use crate::signature::SignatureForm;

impl Format for Pkg {
    fn kind(&self) -> Kind {
        Kind::Pkg
    }

    fn recognises(&self, head: &[u8]) -> bool {
        head.starts_with(b"xar!")
    }

    fn signature_form(&self) -> Option<SignatureForm> {
        Some(SignatureForm::Xar)
    }

    fn payload(&self, product: &Product, agent: &AgentFile) -> Result<Payload, BuildError> {
        bundle::payload(product, agent)
    }

    fn build(&self, job: &Job<'_>, out: &mut dyn Output) -> Result<(), BuildError> {
        build::build(job, out)
    }

    fn open<'f>(&self, file: &'f dyn ReadAt) -> Result<Box<dyn Installer + 'f>, ReadError> {
        Ok(Box::new(reader::PackageReader::open(file)?))
    }
}

#[cfg(test)]
mod tests;
