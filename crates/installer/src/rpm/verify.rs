//! Checks a package: what each rpm would say when it installs it, and what only we promise.

use std::collections::BTreeMap;
use std::io::Read as _;

use container::digest::Algorithm;
use container::midstate::Sha256;
use container::read_at;
use container::rpm::tag::{self, signature as signature_tag};
use container::rpm::{CONFIG, File, Header};
use md5::{Digest as _, Md5};

use super::bulk::Bulk;
use super::mark::{LAYOUT, Mark};
use super::names::{ISSUER_KEYS, keys_path, live_token_path, state_path, token_path};
use super::read::{Package, unreadable};
use crate::claims::IssuerKeys;
use crate::format::ReadError;
use crate::report::{Finding, Report, Severity};
use crate::token::Token;

/// Enough for an ELF header.
const HEAD_BYTES: usize = 20;
/// How much of the payload is in memory while it is digested.
const PIECE_BYTES: u64 = 256 << 10;
/// The scriptlets of which our mark is the first line.
const MARKED: [(u32, &str); 2] = [(tag::PREIN, "%pre"), (tag::POSTIN, "%post")];
/// Digests and signatures over header and payload together.
const OLD: [(u32, &str); 3] =
    [(signature_tag::MD5, "MD5"), (signature_tag::PGP, "PGP signature"), (signature_tag::GPG, "GPG signature")];
/// What the signature header of a package of ours has, and nothing else; then what a signature can be.
const OURS: [u32; 4] = [signature_tag::SHA1, signature_tag::SHA256, signature_tag::SIZE, signature_tag::PAYLOADSIZE];
const SIGNED: [u32; 4] = [signature_tag::RSA, signature_tag::DSA, signature_tag::OPENPGP, signature_tag::RESERVEDSPACE];
/// Everything that rpm counts as a signature.
const SIGNATURES: [u32; 5] =
    [signature_tag::RSA, signature_tag::DSA, signature_tag::OPENPGP, signature_tag::PGP, signature_tag::GPG];
/// Characters of a name.
const NAME: &[u8] = b"+-._";
/// Characters of a version or release (rpm's `checkForValidCharacters`).
const VERSION: &[u8] = b"+._~^";

/// Checks everything that the package itself can tell.
pub(super) fn verify(package: &Package<'_>, report: &mut Report) -> Result<(), ReadError> {
    let header = &package.rpm.header;
    let name = package.name()?;
    check_fields(header, report)?;
    check_signature_header(package, report)?;
    let mark = check_marks(header, report)?;
    let files = match header.files() {
        Ok(files) => files,
        Err(error) => {
            report.error("rpm-files", "header", error.to_string());
            return Ok(());
        }
    };
    if mark.is_some() {
        check_rows(&files, report);
    }
    let contents = Contents::read(package, &name, report)?;
    contents.check_agent(&name, header.text(tag::ARCH)?.as_deref(), report);
    check_keys(header, &contents, report)?;
    // A base is not for devices.
    let is_base = mark.as_ref().is_some_and(|mark| mark.fingerprint.is_none());
    let signature = &package.rpm.signature;
    if !is_base && !SIGNATURES.iter().any(|tag| signature.has(*tag)) {
        report.add(Finding {
            id: "rpm-unsigned",
            severity: Severity::Warning,
            place: "signature header".to_owned(),
            message: "the package is not signed: rpm 6 and Fedora from 45 on refuse to install it, and so does dnf where gpgcheck is on"
                .to_owned(),
            hint: Some("give --certs and --key to stamp or make, or run stampwright sign; devices need the key that stampwright rpm-key prints".to_owned()),
        });
    }
    if mark.is_some() {
        check_owned(&name, &files, report);
        check_token(package, &name, &files, &contents, report);
        check_bulk(package, contents.decoded, report)?;
    }
    Ok(())
}

fn check_fields(header: &Header, report: &mut Report) -> Result<(), ReadError> {
    let required = [
        (tag::NAME, "NAME"),
        (tag::VERSION, "VERSION"),
        (tag::RELEASE, "RELEASE"),
        (tag::SUMMARY, "SUMMARY"),
        (tag::DESCRIPTION, "DESCRIPTION"),
        (tag::LICENSE, "LICENSE"),
        (tag::ARCH, "ARCH"),
        (tag::OS, "OS"),
        (tag::RPMVERSION, "RPMVERSION"),
    ];
    let is_ours = header.text(tag::PREIN)?.as_deref().and_then(Mark::parse).is_some();
    for (tag, name) in required {
        let there = header.text(tag)?.is_some_and(|text| !text.is_empty());
        let message = format!("{name} is missing or empty");
        policy(report, is_ours, there, ("rpm-field-missing", "header", &message));
    }
    report.check(header.is_sorted(), "rpm-header-order", "header", || {
        "the entries are not in the order of their tags".to_owned()
    });
    let plain = |tag, also: &[u8]| -> Result<bool, ReadError> {
        let text = header.text(tag)?.unwrap_or_default();
        Ok(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte)))
    };
    report.check(plain(tag::NAME, NAME)?, "rpm-name", "header: NAME", || "is not a package name of rpm".to_owned());
    for (tag, place) in [(tag::VERSION, "header: VERSION"), (tag::RELEASE, "header: RELEASE")] {
        report.check(plain(tag, VERSION)?, "rpm-version", place, || {
            "has a character that no version of rpm may have: a hyphen would be read as the release".to_owned()
        });
    }
    let arch = header.text(tag::ARCH)?.unwrap_or_default();
    report.check(!matches!(arch.as_str(), "amd64" | "x64" | "arm64"), "rpm-architecture", "header: ARCH", || {
        format!("is {arch}, which dnf does not know: must be x86_64 or aarch64")
    });
    let message = "SOURCERPM is missing: it is a source package, or rpm takes it for one";
    policy(report, is_ours, header.has(tag::SOURCERPM), ("rpm-source", "header", message));
    report.check(!is_ours || !header.has(tag::EPOCH), "rpm-epoch", "header: EPOCH", || {
        "is there: no later version could ever leave it out".to_owned()
    });
    Ok(())
}

/// What the signature header says of the header and of the sizes.
fn check_signature_header(package: &Package<'_>, report: &mut Report) -> Result<(), ReadError> {
    let (header, signature) = (&package.rpm.header, &package.rpm.signature);
    report.check(signature.is_sorted(), "rpm-header-order", "signature header", || {
        "the entries are not in the order of their tags".to_owned()
    });
    let is_ours = package.mark()?.is_some();
    for (tag, name) in OLD {
        report.check(!is_ours || !signature.has(tag), "rpm-old-digest", "signature header", || {
            format!("it has a {name} over header and payload together, which a stamp cannot make anew")
        });
    }
    if let Some(found) = signature.binary(signature_tag::MD5)? {
        let expected = md5_of_all(package)?;
        report.check(found == expected, "rpm-old-digest", "signature header: MD5", || {
            "is not the digest of header and payload".to_owned()
        });
    }
    let digests =
        [(signature_tag::SHA1, "SHA1", Algorithm::Sha1), (signature_tag::SHA256, "SHA256", Algorithm::Sha256)];
    for (tag, name, algorithm) in digests {
        let found = signature.text(tag)?;
        // SHA-1 is for rpm 4.11 alone.
        let is_right = found.as_ref().map_or(tag == signature_tag::SHA1, |found| *found == header.digest(algorithm));
        let place = format!("signature header: {name}");
        let (is_error, message) = match found {
            Some(_) => (true, "is not the digest of the header"),
            None => (is_ours, "is missing: rpm 6 refuses the package"),
        };
        policy(report, is_error, is_right, ("rpm-header-digest", &place, message));
    }
    let size = header.bytes().len() as u64 + package.rpm.payload_len();
    let found = signature.number(signature_tag::SIZE)?.or(signature.number(signature_tag::LONGSIZE)?);
    report.check(found.is_none_or(|found| found == size), "rpm-size", "signature header: SIZE", || {
        format!("is {}, must be {size}, header and payload together", found.unwrap_or_default())
    });
    if is_ours {
        for (place, header) in [("header", header), ("signature header", signature)] {
            report.check(header.is_padded_with_zeros(), "rpm-header-padding", place, || {
                "has something between its values that no tag is about".to_owned()
            });
        }
        let tags: Vec<u32> = signature.tags().map(|(tag, _, _)| tag).filter(|tag| !SIGNED.contains(tag)).collect();
        report.check(tags == OURS, "rpm-signature-header", "signature header", || {
            "has other tags than SHA1, SHA256, SIZE, PAYLOADSIZE and a signature".to_owned()
        });
    }
    // Before rpm 4.14 the MD5 of header and payload together was all that covered the payload.
    let message = "PAYLOADDIGEST is missing: no digest of the header covers the payload";
    policy(report, is_ours, header.has(tag::PAYLOADDIGEST), ("rpm-payload-digest", "header", message));
    Ok(())
}

/// Checks what rpm can do without: an error in a package of ours, a warning in one of another tool.
fn policy(report: &mut Report, is_error: bool, holds: bool, (id, place, message): (&'static str, &str, &str)) {
    match (holds, is_error) {
        (true, _) => report.held(id, place),
        (false, true) => report.error(id, place, message),
        (false, false) => report.warning(id, place, message),
    }
}

/// The digest of header and payload together, which older tools write.
fn md5_of_all(package: &Package<'_>) -> Result<Vec<u8>, ReadError> {
    let mut digest = Md5::new();
    digest.update(package.rpm.header.bytes());
    let (mut from, end) = (package.rpm.payload_offset(), package.file.len());
    while from < end {
        let len = (end - from).min(PIECE_BYTES);
        digest.update(read_at::read_vec(package.file, "rpm payload", from, len, PIECE_BYTES as usize)?);
        from += len;
    }
    Ok(digest.finalize().to_vec())
}

fn check_marks(header: &Header, report: &mut Report) -> Result<Option<Mark>, ReadError> {
    let mut marks = Vec::new();
    for (tag, name) in MARKED {
        let script = header.text(tag)?.unwrap_or_default();
        marks.push((name, Mark::parse(&script).map(|(mark, _)| mark)));
    }
    let first = marks.first().and_then(|(_, mark)| mark.clone());
    match &first {
        None => report.warning("rpm-not-ours", "%pre", "has no mark of a base or stamp, so it takes no token"),
        Some(mark) if mark.layout != LAYOUT => {
            let message = format!("is of layout {}, this version knows layout {LAYOUT}", mark.layout);
            report.error("rpm-layout", "%pre", message);
        }
        Some(_) => {}
    }
    if first.is_some() {
        for (name, mark) in &marks {
            report.check(*mark == first, "rpm-mark", *name, || "has another mark than %pre".to_owned());
        }
        let programs = [tag::PREINPROG, tag::POSTINPROG, tag::POSTUNPROG];
        for tag in programs {
            let program = header.texts(tag)?.unwrap_or_default();
            report.check(program == ["/bin/sh"], "rpm-script", "header", || {
                "a scriptlet is not run by /bin/sh".to_owned()
            });
        }
    }
    Ok(first)
}

/// What no file of a package should be.
fn check_rows(files: &[File], report: &mut Report) {
    let sorted = files.is_sorted_by(|a, b| a.path < b.path);
    report.check(sorted, "rpm-files-order", "header: BASENAMES", || {
        "the files are not in the order of their paths".to_owned()
    });
    for file in files {
        let place = file.path.as_str();
        report.check((file.user.as_str(), file.group.as_str()) == ("root", "root"), "rpm-owner", place, || {
            format!("owner is {}:{}, must be root:root", file.user, file.group)
        });
        let open = !file.is_symlink() && file.mode & 0o7022 != 0;
        report.check(!open, "rpm-mode", place, || {
            format!("mode is {:04o}: others may write to it, or it is setuid", file.mode & 0o7777)
        });
    }
}

/// The folders and ghosts that a removal takes along.
fn check_owned(name: &str, files: &[File], report: &mut Report) {
    let find = |path: &str| files.iter().find(|file| file.path == path);
    for (path, mode) in [(format!("etc/{name}"), 0o755), (format!("var/lib/{name}"), 0o700)] {
        let right = find(&path).is_some_and(|file| file.is_directory() && file.mode & 0o7777 == mode);
        report.check(right, "rpm-owned", path.as_str(), || format!("must be a folder of the package, mode {mode:04o}"));
    }
    for path in [live_token_path(name), state_path(name)] {
        let right = find(&path).is_some_and(|file| file.is_ghost() && file.mode & 0o7777 == 0o600);
        report.check(right, "rpm-owned", path.as_str(), || "must be a ghost of the package, mode 0600".to_owned());
    }
}

/// The quick way to the token must find what the slow way found, and its row must be what keeps it secret.
fn check_token(package: &Package<'_>, name: &str, files: &[File], contents: &Contents, report: &mut Report) {
    let path = token_path(name);
    let place = "payload: enrollment-token";
    match package.token_in_tail() {
        Ok(quick) => {
            report.check(quick == contents.token, "rpm-token-place", place, || {
                "is not where a stamp puts it: in the last block of the payload".to_owned()
            });
        }
        Err(error) => report.error("rpm-token-place", place, error.to_string()),
    }
    let Some(row) = files.iter().find(|file| file.path == path) else { return };
    report.check(row.mode & 0o7777 == 0o600, "rpm-token-mode", place, || {
        format!("mode is {:04o}, must be 0600", row.mode & 0o7777)
    });
    report.check(row.flags & CONFIG == 0, "rpm-token-config", place, || {
        "is a %config file: rpm would leave old secrets behind as .rpmsave and .rpmnew".to_owned()
    });
    report.check(contents.last == path, "rpm-token-place", place, || "must be the last entry".to_owned());
}

/// The state in the header must be that of the payload that is there.
fn check_bulk(package: &Package<'_>, found: Option<u64>, report: &mut Report) -> Result<(), ReadError> {
    let place = "header: the tag of a base";
    let bulk = match package.bulk() {
        Ok(bulk) => bulk,
        Err(error) => {
            report.error("rpm-state", place, error.to_string());
            return Ok(());
        }
    };
    let state = state(package, &bulk)?;
    report.check(state == Some(bulk.midstate), "rpm-state", place, || {
        "is not the state of the payload's digest: a stamp would have a digest that rpm refuses".to_owned()
    });
    let size = package.rpm.signature.number(signature_tag::PAYLOADSIZE)?;
    let decoded = package.tail(&bulk).map(|tail| bulk.decoded + tail.bytes().len() as u64);
    let decoded = decoded.ok();
    report.check(
        decoded == size && found.is_none_or(|found| decoded == Some(found)),
        "rpm-size",
        "signature header: PAYLOADSIZE",
        || "is not what the payload decodes to".to_owned(),
    );
    Ok(())
}

fn state(package: &Package<'_>, bulk: &Bulk) -> Result<Option<container::midstate::Midstate>, ReadError> {
    let start = package.rpm.payload_offset();
    if bulk.midstate.len() > package.rpm.payload_len() {
        return Ok(None);
    }
    let mut digest = Sha256::default();
    let (mut from, end) = (start, start + bulk.midstate.len());
    while from < end {
        let len = (end - from).min(PIECE_BYTES);
        digest.update(&read_at::read_vec(package.file, "rpm payload", from, len, PIECE_BYTES as usize)?);
        from += len;
    }
    Ok(Some(digest.midstate()))
}

/// Keys in the header are what a stamp goes by, keys in the payload what the agent goes by.
fn check_keys(header: &Header, contents: &Contents, report: &mut Report) -> Result<(), ReadError> {
    let in_header = header.binary(ISSUER_KEYS)?;
    let same = in_header == contents.keys.as_deref();
    report.check(same, "rpm-issuer-keys", "header: the issuer's keys", || {
        "differ from those that are installed beside the agent".to_owned()
    });
    Ok(())
}

/// What gets installed.
#[derive(Default)]
struct Contents {
    /// The first bytes of executable files.
    heads: BTreeMap<String, Vec<u8>>,
    token: Option<Token>,
    keys: Option<Vec<u8>>,
    /// The last entry's path.
    last: String,
    /// How many bytes the payload decodes to; none where it was not read to its end.
    decoded: Option<u64>,
}

impl Contents {
    /// Goes through the payload as rpm does; what stops rpm is an error of the report.
    fn read(package: &Package<'_>, name: &str, report: &mut Report) -> Result<Self, ReadError> {
        let mut contents = Self::default();
        let (token, keys) = (token_path(name), keys_path(name));
        let is_ours = package.mark()?.is_some();
        let walked = package.rpm.walk::<ReadError>(&mut |file, content| {
            contents.last.clone_from(&file.path);
            if is_ours && file.path == token {
                contents.token = Some(super::read::read_token(content)?);
            } else if file.path == keys {
                let mut bytes = Vec::new();
                let limit = IssuerKeys::MAX_BYTES as u64 + 1;
                content.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
                contents.keys = Some(bytes);
            } else if file.is_regular() && file.mode & 0o111 != 0 {
                let mut head = Vec::new();
                content.take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(unreadable)?;
                contents.heads.insert(file.path.clone(), head);
            }
            Ok(())
        });
        match walked {
            Ok(decoded) => {
                contents.decoded = Some(decoded.len);
                report.check(true, "rpm-payload", "payload", String::new);
                let message = "PAYLOADDIGESTALT is not the digest of the payload as it is decoded; no rpm looks at it";
                let is_as_named = decoded.is_as_named.unwrap_or(true);
                policy(report, is_ours, is_as_named, ("rpm-payload-digest-alt", "header", message));
            }
            Err(error @ ReadError::Io { .. }) => return Err(error),
            Err(error) => report.error("rpm-payload", "payload", error.to_string()),
        }
        Ok(contents)
    }

    /// Some program of the package's own is for its architecture.
    fn check_agent(&self, name: &str, arch: Option<&str>, report: &mut Report) {
        let folder = format!("usr/libexec/{name}/");
        // e_machine (ELF-64 Object File Format): 62 is x86-64, 183 is AArch64.
        let machine: u16 = match arch {
            Some("x86_64") => 62,
            Some("aarch64") => 183,
            _ => return,
        };
        let programs: Vec<_> = self.heads.iter().filter(|(path, _)| path.starts_with(&folder)).collect();
        let right = |head: &[u8]| head.starts_with(b"\x7fELF") && head.get(18..20) == Some(&machine.to_le_bytes());
        // Another's package need not have its programs there.
        let is_there = programs.is_empty() || programs.iter().any(|(_, head)| right(head));
        report.check(is_there, "rpm-agent", folder.as_str(), || "has no program for the architecture".to_owned());
    }
}
