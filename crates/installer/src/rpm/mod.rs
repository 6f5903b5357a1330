//! RPM packages, for the distributions of Red Hat, SUSE and their kin.
//!
//! ```text
//! lead                                                  96 bytes that nothing reads
//! signature header      SHA-1 and SHA-256 of the header, sizes; OpenPGP over the header         ◀─ anew in a stamp
//! header                names, relations, files, scriptlets, PAYLOADDIGEST, and three tags of ours   ◀─ anew in a stamp
//! payload               cpio in one gzip member, zstd frame or xz stream
//!  ├─ ./usr/libexec/PACKAGE/EXECUTABLE                  the agent
//!  ├─ ./usr/lib/systemd/system/SERVICE.service, …/system-preset/80-PACKAGE.preset
//!  ├─ ./usr/share/licenses/PACKAGE/LICENSE              and the product's own files
//!  ├─ ./usr/lib/PACKAGE/enrollment-token  0600          ◀─ its tail: only in a stamp, always last
//!  └─ TRAILER!!!
//! ```
//!
//! **Where the token sits.** In the tail of the payload: the last block of the compressed stream, written without a
//! compressor ([`container::xz`], [`container::gzip`], [`container::zst`] say how). In a base the tail is only the end of the
//! archive. rpm finds each entry in the header by its name, so the token can be last in the archive although its row stands
//! in the middle of the header.
//!
//! **What a stamp changes.** Everything before the payload is written anew (some kilobytes), the payload is kept but for its
//! tail. The header lists one file more, says another size, release and digest of the payload, and the first line of two
//! scriptlets is the token's mark (`mark`). The new digest of the payload is not computed from the payload: a tag of the
//! base has the state of that digest where the tail begins (`bulk`).
//!
//! **What is signed.** The header, which has the digests of the payload and of each file in it. So a signed stamp costs one
//! signature, whatever the length of the payload. Digests and signatures over header and payload together, which are older,
//! could not be made without reading all of it: they are never written, and no rpm from 4.14 on misses them. The lead and
//! the signature header are covered by nothing.
//!
//! **A newer token by a plain installation.** dnf takes a package of the same version and release for installed, whatever is
//! in it, and says nothing. So a base has release `1` and a stamp `1.N`, where N is when its token was issued: of two stamps
//! the newer one is an upgrade, and a stamp is newer than its base.
//!
//! **What happens on the device.** rpm puts the token at `/usr/lib/PACKAGE/enrollment-token`, mode 0600. It is no `%config`
//! file: rpm would leave old secrets behind as `.rpmsave` and `.rpmnew`. `%post` copies it to
//! `/etc/PACKAGE/enrollment-token`, unless the first line of `/var/lib/PACKAGE/enrollment-state` is `enrolled`. Both of these
//! are `%ghost` files of the package, so a removal takes them along, and `rpm -V` says nothing about them. `%pre`, which can
//! still stop an installation, refuses a package without a token on a device that is not enrolled. The agent lies below
//! `/usr/libexec` because of SELinux: what is below `/usr/lib` is a library there, and systemd may not start it.
//!
//! **Deviations seen.** `rpm -K` takes packages for good that no rpm can install ([`container::rpm`] has the list); `verify`
//! goes through the payload as rpm does when it installs.
//!
//! Writing: `build` ← `tree`, `header`, `files`, `depends`, `scripts`, `codec`. Stamping: `stamp`. Reading:
//! `read` ← `open`, `extract`, `verify`, `signature`. The two sides share only names.

mod build;
mod bulk;
mod codec;
mod depends;
mod extract;
mod facts;
mod files;
mod header;
mod mark;
mod names;
mod open;
mod read;
mod scripts;
mod signature;
mod stamp;
mod tree;
mod verify;

#[cfg(test)]
mod tests;

pub use facts::{Facts, Placed, facts};
pub use names::Rpm;

use container::ReadAt;

use crate::format::{BuildError, Format, Installer, Job, Kind, Output, ReadError};
use crate::payload::Payload;
use crate::product::{AgentFile, Product};
use crate::signature::SignatureForm;

impl Format for Rpm {
    fn kind(&self) -> Kind {
        Kind::Rpm
    }

    fn recognises(&self, head: &[u8]) -> bool {
        container::rpm::Package::recognises(head)
    }

    fn signature_form(&self) -> Option<SignatureForm> {
        Some(SignatureForm::OpenPgp)
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
