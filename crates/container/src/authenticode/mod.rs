//! What an Authenticode signature of a Windows Installer package is over.
//!
//! ```text
//! digest   = H( DSE stream, if there is one ‖ content(root) )
//! content(storage) = for each child, in the order of names:
//!                      stream    its bytes
//!                      storage   content(storage)
//!                    class id of the storage, 16 bytes
//! DSE      = H( metadata(root) ‖ for each child as above: metadata(child) )
//! metadata = name without its NUL, but not for the root
//!            class id (root, storage) or the low 32 bits of the size (stream)
//!            state bits
//!            creation and modification time, but not for the root
//! ```
//!
//! Names are compared as the bytes of their UTF-16LE, the NUL behind them included, so a name sorts before those that it is
//! the start of. In the root the streams `DigitalSignature` and `MsiDigitalSignatureEx` (DSE), each behind a U+0005,
//! are left out. Without DSE neither names nor borders of streams are covered, only their bytes one after the other; so what we sign
//! always has it.
//!
//! Not covered by anything: where a stream lies, free sectors, the rest of a last sector, what follows the file, and
//! the signature's own stream. Windows refuses a file that is not compact all the same; see [`cfb`](crate::cfb).
//!
//! Sources: osslsigncode `msi.c` and jsign `MSIFile.java`, which agree; Microsoft has not published it. Both judge this in the
//! tests. Windows 10 22H2 is reported (osslsigncode #262) to hash the DSE stream without computing it again.
//!
//! No kept library has this.
//!
//! | file | noun |
//! |---|---|
//! | `content`, `metadata` | [`Msi`]: the digests over an open compound file |
//! | `indirect` | [`IndirectData`]: what a message says that it is about, a package or an executable |
//! | `slot` | a place for a token beside the signature |

mod content;
mod indirect;
mod metadata;
pub mod slot;

pub use content::Msi;
pub use indirect::{
    INDIRECT_DATA, IndirectData, MAX_NESTED, MAX_NESTED_DEPTH, NESTED_SIGNATURE, Subject, named_algorithms,
};
pub use metadata::{Leaf, compare, prehash};

#[cfg(test)]
mod tests;
