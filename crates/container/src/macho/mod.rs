//! macOS executables and what their code signature says of itself.
//!
//! ```text
//! universal file   0xcafebabe (32-bit entries) or 0xcafebabf (64-bit), big-endian
//!   fat_arch         cputype, cpusubtype, offset, size, align      at most a handful
//!   slice …          each a thin file, aligned to its page size
//!
//! thin file        0xfeedfacf, little-endian: mach_header_64
//!   load commands    LC_SEGMENT_64, LC_BUILD_VERSION (or LC_VERSION_MIN_MACOSX), LC_CODE_SIGNATURE, …
//!   segments         __TEXT … __LINKEDIT                           hashed page by page
//!     end of __LINKEDIT and of the file:
//!     SuperBlob        0xfade0cc0, big-endian: an index of blobs   not hashed
//!       0x0              CodeDirectory 0xfade0c02: identifier, team, flags, page hashes
//!       0x2, 0x5, 0x7    requirements, entitlements (XML, DER)     hashed by the directory's special slots
//!       0x1000 …         alternate CodeDirectories, other hashes
//!       0x10000          CMS signature over the first CodeDirectory, detached; empty when ad hoc
//! ```
//!
//! Names and numbers are those of `<mach-o/loader.h>`, `<mach-o/fat.h>` and of `cs_blobs.h` in XNU. Stricter than
//! the kernel, which maps what it is told: a signature must cover each byte before it (`codeLimit`) and be the
//! last thing in its slice, and slices must neither overlap nor be followed by anything. `codesign --strict`
//! holds files to the same.
//!
//! Seen in real files: `LC_CODE_SIGNATURE` reserves more than the SuperBlob uses (zeros follow it, or what is left of an older, longer
//! signature); Go and older
//! clang write `LC_VERSION_MIN_MACOSX`; a linker's ad-hoc signature has no CMS blob at all, `codesign`'s ad-hoc one
//! an empty blob.
//!
//! | file | noun |
//! |---|---|
//! | `slices` | [`MachO`]: the universal header, the [`Slice`]s |
//! | `commands` | one slice's header and load commands |
//! | `signature` | [`Signature`]: the SuperBlob and its blobs |
//! | `directory` | [`CodeDirectory`], and the check of its page hashes |
//! | `requirement` | the designated requirement, as text |
//!
//! The `apple-codesign` crate reads all this, with 313 crates around it; `goblin` and `object` stop at the load
//! commands and want the file in memory.

mod commands;
mod cpu;
mod directory;
mod requirement;
mod signature;
mod slices;

pub use commands::OsVersion;
pub use cpu::Cpu;
pub use directory::{CodeDirectory, HashType, read as code_directory};
pub use requirement::developer_id_requirement;
pub use signature::Signature;
pub use slices::{MachO, Slice, is_macho};
