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
//! ([`mark`]: the token's fingerprint, which makes apt see another package of the same version), the size of
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
//! **Deviations seen.** dpkg-deb ignores bytes after the last member, apt refuses them: refused. dpkg takes `control.tar`
//! in five compressions and without: gz, xz and zst are read here. lintian wants no 0600 files: an override says why.
//!
//! Writing: [`build`] ← [`tree`], [`control`], [`tar`], [`codec`]. Stamping: [`stamp`]. Reading: [`read`] ←
//! [`extract`], [`verify`]. The two sides share only names; the readers use the `tar` crate, the writers do not (it
//! drops the `./` that dpkg-deb's names start with).

mod build;
mod codec;
mod control;
mod extract;
mod facts;
mod mark;
mod read;
mod stamp;
mod tar;
mod tree;
mod verify;

#[cfg(test)]
mod tests;

use std::io::Read;

pub use facts::{Facts, Placed, Script, facts};

use container::ReadAt;

use crate::claims::IssuerKeys;
use crate::format::{
    BuildError, Format, Inspection, Job, Kind, Output, ReadError, Sink, Slot, StampError, TokenSummary,
};
use crate::payload::Payload;
use crate::product::{AgentFile, Product};
use crate::report::Report;
use crate::token::Token;

/// The format.
#[derive(Debug, Clone, Copy)]
pub struct Deb;

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

    fn open(&self, base: &dyn ReadAt) -> Result<Box<dyn Slot>, StampError> {
        Ok(Box::new(stamp::DebSlot::open(base)?))
    }

    fn token(&self, file: &dyn ReadAt) -> Result<Option<Token>, ReadError> {
        read::Package::open(file)?.token()
    }

    fn inspect(&self, file: &dyn ReadAt) -> Result<Inspection, ReadError> {
        let package = read::Package::open(file)?;
        let control = package.control()?;
        let field = |name| control.get(name).unwrap_or_default().to_owned();
        let details = ["Package", "X-Product-Name", "Maintainer", "Installed-Size", "Depends", "Replaces"]
            .into_iter()
            .filter_map(|name| Some((name, control.get(name)?.to_owned())));
        Ok(Inspection {
            kind: Kind::Deb,
            product: field("Package"),
            version: field("Version"),
            arch: field("Architecture"),
            token: package.token()?.as_ref().map(TokenSummary::from),
            signed: false,
            details: details.chain([("data", package.data.member.name.clone())]).collect(),
        })
    }

    fn extract(&self, file: &dyn ReadAt, sink: &mut dyn Sink) -> Result<(), ReadError> {
        extract::extract(file, sink)
    }

    /// Reads the whole payload.
    fn issuer_keys(&self, file: &dyn ReadAt) -> Result<Option<Vec<u8>>, ReadError> {
        let package = read::Package::open(file)?;
        let path = keys_path(package.control()?.get("Package").unwrap_or_default());
        let mut keys = None;
        package.walk_data(&mut |entry, content| {
            if entry.path == path {
                let mut bytes = Vec::new();
                let limit = IssuerKeys::MAX_BYTES as u64 + 1;
                content.take(limit).read_to_end(&mut bytes).map_err(|error| read::unreadable(error, "data.tar"))?;
                keys = Some(bytes);
            }
            Ok(())
        })?;
        Ok(keys)
    }

    fn verify(&self, file: &dyn ReadAt, report: &mut Report) -> Result<(), ReadError> {
        verify::verify(file, report)
    }
}

/// What `debian-binary` holds.
const FORMAT_VERSION: &[u8] = b"2.0\n";

/// Where the agent is installed.
fn agent_path(package: &str, executable: &str) -> String {
    format!("usr/lib/{package}/{executable}")
}

/// Where dpkg puts the token.
fn token_path(package: &str) -> String {
    format!("usr/lib/{package}/enrollment-token")
}

/// Where dpkg puts the issuer's keys.
fn keys_path(package: &str) -> String {
    format!("usr/lib/{package}/{}", IssuerKeys::FILE_NAME)
}

/// Where the agent says that the device is enrolled.
fn state_path(package: &str) -> String {
    format!("var/lib/{package}/enrollment-state")
}
