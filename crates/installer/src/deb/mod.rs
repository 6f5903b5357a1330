//! Debian packages: the reference that the other formats follow.
//!
//! ```text
//! ar                                                    deb(5)
//! ├─ debian-binary        "2.0\n"
//! ├─ control.tar.gz       one gzip member, nothing in it compressed
//! │   ├─ ./md5sums  ./conffiles  ./postinst  ./postrm  ./prerm
//! │   └─ ./control        ◀─ its tail: the last stored block; holds the mark
//! └─ data.tar.{xz,gz,zst} one stream
//!     ├─ ./usr/lib/PACKAGE/EXECUTABLE                   the agent
//!     ├─ ./usr/lib/systemd/system/SERVICE.service
//!     ├─ ./usr/share/{doc,lintian}/…                    and the product's own files
//!     └─ ./usr/lib/PACKAGE/enrollment-token  0600       ◀─ its tail: only in a stamp, always last
//! ```
//!
//! **Where the token sits.** In the tail of `data.tar`: the last block of the compressed stream, written without a
//! compressor, so a stamp replaces a few kilobytes at the end and keeps everything before ([`container::xz`],
//! [`container::gzip`], [`container::zst`] say how). In a base the tail is only the end of the archive. A second
//! stream or frame would be simpler and is a trap: dpkg stops after the first without an error, and the token, or
//! the agent, is silently not installed.
//!
//! **What a stamp changes**, from front to back: the size of `control.tar.gz`, the control file's mark
//! (`mark`: the token's fingerprint, which makes apt see another package of the same version), the size of
//! `data.tar`, its tail. Three kept ranges, and nothing is compressed. `md5sums` does not list the token.
//!
//! **What is signed.** Nothing in a deb itself; repositories sign the list of digests. So there is nothing to
//! preserve: a stamped deb goes into a repository as it is.
//!
//! **What happens on the device.** dpkg puts the token at `/usr/lib/PACKAGE/enrollment-token`, mode 0600. It is no
//! conffile: an agent that deletes its token after the enrollment would make dpkg stop at a prompt at the next upgrade.
//! `postinst` copies it to `/etc/PACKAGE/enrollment-token`, 0600, unless the first line of
//! `/var/lib/PACKAGE/enrollment-state` is `enrolled`. A removal keeps both; a purge removes them. An installation that
//! needs a token and has none fails, with a sentence that says so.
//!
//! **Deviations seen.** dpkg-deb ignores bytes after the last member, apt refuses them: refused. dpkg takes `data.tar`
//! compressed by gzip, xz, zstd, bzip2 and LZMA and not at all, `control.tar` by the first three and not at all: all are read here, and what we
//! write is one of the first three. Packages of other tools are held to what dpkg asks for and to nothing of our own. lintian wants no 0600 files: an override says why.
//!
//! Writing: `build` ← `tree`, `control`, `tar`, `codec`. Stamping: `stamp`. Reading: `read` ←
//! `extract`, `verify`. The two sides share only names; the readers use the `tar` crate, the writers do not (it
//! drops the `./` that dpkg-deb's names start with).

mod build;
mod codec;
mod control;
mod extract;
mod facts;
mod mark;
mod names;
mod open;
mod read;
mod stamp;
mod tar;
mod tree;
mod verify;

#[cfg(test)]
mod tests;

pub use facts::{Facts, Placed, Script, facts};
pub use names::Deb;

use container::ReadAt;

use crate::format::{BuildError, Format, Installer, Job, Kind, Output, ReadError};
use crate::payload::Payload;
use crate::product::{AgentFile, Product};

impl Format for Deb {
    fn kind(&self) -> Kind {
        Kind::Deb
    }

    fn recognises(&self, head: &[u8]) -> bool {
        head.starts_with(b"!<arch>\ndebian-b")
    }

    fn payload(&self, product: &Product, agent: &AgentFile) -> Result<Payload, BuildError> {
        tree::payload(product, agent)
    }

    fn build(&self, job: &Job<'_>, out: &mut dyn Output) -> Result<(), BuildError> {
        build::build(job, out)
    }

    fn open<'f>(&self, file: &'f dyn ReadAt) -> Result<Box<dyn Installer + 'f>, ReadError> {
        Ok(Box::new(read::Package::open(file)?))
    }
}
