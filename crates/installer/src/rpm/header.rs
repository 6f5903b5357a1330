//! The header of a base.

use std::fs::File;

use container::read_at::FileAt;
use container::rpm::{Value, Writer, tag};

use super::bulk;
use super::codec::Codec;
use super::depends::{POST, POSTUN, PREUN, Requires, put_provides};
use super::files::Files;
use super::names::{ISSUER_KEYS, PRODUCT_NAME};
use super::scripts::Scripts;
use crate::format::{BuildError, Job};
use crate::product::{Arch, Product};

/// A base's release. A stamp's is `1.N`, and so always newer.
pub(super) const RELEASE: &str = "1";
/// rpm's version whose form of a package this is: the first that knows all of its tags.
const RPM_VERSION: &str = "4.14.0";
/// The same on every machine: what is built does not depend on where.
const BUILD_HOST: &str = "localhost";
/// The number of SHA-256 in OpenPGP, by which rpm names digests.
const SHA_256: u32 = 8;

/// rpm's name of an architecture, and that of its instruction set.
pub(super) const fn architecture(arch: Arch) -> Option<(&'static str, &'static str)> {
    match arch {
        Arch::X64 => Some(("x86_64", "x86-64")),
        Arch::Arm64 => Some(("aarch64", "aarch-64")),
        Arch::Universal => None,
    }
}

/// Everything but what depends on the payload's bytes, which has its length already.
pub(super) fn header(job: &Job<'_>, files: &Files, codec: Codec) -> Result<Writer, BuildError> {
    let (product, arch) = (job.product, job.agent.arch);
    let (arch, isa) = architecture(arch).ok_or_else(|| BuildError::Product {
        field: "agent.arch",
        problem: format!("\"{arch}\" is not an architecture of rpm"),
        hint: None,
    })?;
    let mtime = u32::try_from(job.epoch.secs()).unwrap_or(u32::MAX);
    let mut header = Writer::header();
    describe(&mut header, product, arch, mtime);
    let version_release = format!("{}-{RELEASE}", product.version().debian());
    put_provides(&mut header, product.package(), isa, &version_release);
    let scripts = Scripts::new(product)?;
    scripts.put(&mut header);
    requires(job, &scripts, codec)?.put(&mut header);
    files.put(&mut header, mtime);
    header
        .put(tag::PAYLOADFORMAT, Value::text("cpio"))
        .put(tag::PAYLOADCOMPRESSOR, Value::text(codec.name()))
        .put(tag::PAYLOADFLAGS, Value::text(codec.level()))
        .put(tag::PAYLOADDIGESTALGO, Value::number(SHA_256));
    Ok(header)
}

/// Who made what, and when.
fn describe(header: &mut Writer, product: &Product, arch: &str, time: u32) {
    // rpm orders what stands behind a tilde as Debian does: before the release.
    let (package, version) = (product.package(), product.version().debian());
    let description = match product.description() {
        Some(text) => text.trim().to_owned(),
        None => format!("{} by {}.", product.name(), product.publisher()),
    };
    let change = format!("- Version {version} of {}.", product.name());
    header
        .put(tag::HEADERI18NTABLE, Value::Texts(vec!["C".to_owned()]))
        .put(tag::NAME, Value::text(package))
        .put(tag::VERSION, Value::text(version.as_str()))
        .put(tag::RELEASE, Value::text(RELEASE))
        .put(tag::SUMMARY, Value::Translated(product.summary().to_owned()))
        .put(tag::DESCRIPTION, Value::Translated(description))
        .put(tag::BUILDTIME, Value::number(time))
        .put(tag::BUILDHOST, Value::text(BUILD_HOST))
        .put(tag::VENDOR, Value::text(product.publisher()))
        .put(tag::LICENSE, Value::text(product.license()))
        .put(tag::PACKAGER, Value::text(product.maintainer()))
        .put(tag::GROUP, Value::Translated("Applications/System".to_owned()))
        .put(tag::OS, Value::text("linux"))
        .put(tag::ARCH, Value::text(arch))
        .put(tag::SOURCERPM, Value::text(format!("{package}-{version}-{RELEASE}.src.rpm")))
        .put(tag::RPMVERSION, Value::text(RPM_VERSION))
        .put(tag::ENCODING, Value::text("utf-8"))
        .put(tag::CHANGELOGTIME, Value::number(time))
        .put(tag::CHANGELOGNAME, Value::Texts(vec![format!("{} - {version}-{RELEASE}", product.maintainer())]))
        .put(tag::CHANGELOGTEXT, Value::Texts(vec![change]));
    if let Some(homepage) = product.homepage() {
        header.put(tag::URL, Value::text(homepage));
    }
    // A token says for which product it is, and the package has a name of its own.
    if product.token_slot() {
        header.put(PRODUCT_NAME, Value::text(product.name()));
    }
    if let Some(keys) = product.issuer_keys() {
        header.put(ISSUER_KEYS, Value::Bytes(keys.to_vec()));
    }
}

fn requires(job: &Job<'_>, scripts: &Scripts, codec: Codec) -> Result<Requires, BuildError> {
    let mut requires = Requires::capabilities(codec.capability());
    requires.shell(&scripts.flags());
    if job.product.service().is_some() {
        requires.at("systemd", POST | PREUN | POSTUN);
    }
    requires.written(job.product.rpm_requires());
    let path = &job.agent.path;
    let read = |source| BuildError::Read { path: path.clone(), source };
    let agent = FileAt::new(File::open(path).map_err(read)?).map_err(read)?;
    requires.libraries(&agent).map_err(BuildError::source(path))?;
    Ok(requires)
}

/// Puts in what is known when the payload is written: its digest, and where its tail starts, if a stamp is to replace it.
pub(super) fn put_payload(header: &mut Writer, bulk: Option<&bulk::Bulk>, digest: &[u8; 32]) {
    if let Some(bulk) = bulk {
        header.put(bulk::TAG, Value::text(bulk.to_text()));
    }
    header.put(tag::PAYLOADDIGEST, Value::Texts(vec![container::digest::hex(digest)]));
}

/// The signature header: what is said of the header and of the sizes, and a signature of the header, if there is one.
pub(super) fn signature(
    header: &[u8],
    payload_len: u64,
    decoded_len: u64,
    openpgp: Option<(u32, Vec<u8>)>,
) -> std::io::Result<Vec<u8>> {
    use container::digest::{Algorithm, hex};
    use container::rpm::tag::signature as tags;
    let size = |number: u64| {
        let too_large = |_| std::io::Error::new(std::io::ErrorKind::InvalidInput, "the package has more than 4 GiB");
        u32::try_from(number).map(Value::number).map_err(too_large)
    };
    let mut out = Writer::signature();
    out.put(tags::SHA1, Value::text(hex(&Algorithm::Sha1.digest(header))))
        .put(tags::SHA256, Value::text(hex(&Algorithm::Sha256.digest(header))))
        .put(tags::SIZE, size(header.len() as u64 + payload_len)?)
        .put(tags::PAYLOADSIZE, size(decoded_len)?);
    if let Some((tag, packet)) = openpgp {
        out.put(tag, Value::Bytes(packet));
    }
    out.finish()
}
