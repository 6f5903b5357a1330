//! What independent programs say of a file, in few words.

use std::path::Path;

use xshell::{Shell, cmd};

use super::contents;
use crate::failure::{Failure, Result};

/// LIEF reads the program; the superblob is taken apart by its layout (Security, `CodeSigning/cs_blobs.h`), which needs no more than
/// struct: who is named by a certificate has a CMS blob with something in it.
const MACHO: &str = r#"
import lief, struct, sys
lief.logging.disable()
said = set()
# A name of its own: the slices go with it.
program = lief.MachO.parse(sys.argv[1])
for one in program:
    if not one.has_code_signature:
        said.add("no signature")
        continue
    blob = bytes(one.code_signature.content)
    magic, length, count = struct.unpack(">III", blob[:12])
    cms = 0
    for n in range(count):
        slot, at = struct.unpack(">II", blob[12 + 8 * n:20 + 8 * n])
        if slot == 0x10000:
            cms = struct.unpack(">I", blob[at + 4:at + 8])[0] - 8
    said.add("named by a certificate" if cms > 0 else "ad hoc")
print(", ".join(sorted(said)))
"#;

/// What the library of `rcodesign` says of a flat package's signatures.
const PKG: &str = r#"
import sys
from apple_platform import reading
signed = reading.read_signature(sys.argv[1])[0]["entity"]["xar_table_of_contents"]
said = [signed.get(key) for key in ("checksum_verifies", "cms_signature_verifies")]
print("signatures hold" if said == [True, True] else "signatures do not hold")
"#;

/// Asks one of them.
pub(crate) fn ask(sh: &Shell, python: &Path, judge: &str, file: &Path) -> Result<String> {
    if ["msiextract", "bsdtar", "dpkg-deb -x"].contains(&judge) {
        return contents::unpacked(sh, judge, file);
    }
    let output = match judge {
        "msiinfo export" => cmd!(sh, "msiinfo export {file} Property"),
        "apple-platform-py" => cmd!(sh, "{python} -c {PKG} {file}"),
        "file" => cmd!(sh, "file --brief {file}"),
        "osslsigncode" => cmd!(sh, "osslsigncode verify -in {file}"),
        "readelf" => cmd!(sh, "readelf -lhW {file}"),
        "lief" => cmd!(sh, "{python} -c {MACHO} {file}"),
        "dpkg-deb" => cmd!(sh, "dpkg-deb --contents {file}"),
        "rpm" => cmd!(sh, "rpm -K --nosignature {file}"),
        "msiinfo" => cmd!(sh, "msiinfo suminfo {file}"),
        other => return Err(Failure::answer("tests/world", format!("there is no judge {other}"))),
    };
    let output = output.quiet().ignore_status().output()?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(match judge {
        "osslsigncode" => authenticode(&text).to_owned(),
        "readelf" => elf(&text),
        "msiinfo export" => {
            let name = text.lines().find_map(|line| line.strip_prefix("ProductName\t"));
            name.map_or_else(|| "cannot read it".to_owned(), |name| format!("named {}", name.trim_end()))
        }
        "apple-platform-py" if output.status.success() => text.trim().to_owned(),
        // The class of the root storage, as it is called there.
        "file" if text.contains("MSI Installer") => "a package".to_owned(),
        "file" => "not a package".to_owned(),
        "lief" if output.status.success() => text.trim().to_owned(),
        "lief" => return Err(Failure::answer("lief", format!("{}: {text}", output.status))),
        _ if output.status.success() => "reads it".to_owned(),
        _ => "refuses it".to_owned(),
    })
}

fn authenticode(text: &str) -> &'static str {
    if text.contains("MISMATCH") {
        return "digests differ";
    }
    let has = |what: &str| text.lines().any(|line| line.trim_start().starts_with(what));
    if has("Calculated message digest") || has("Calculated DigitalSignature") {
        return "digests equal";
    }
    if text.contains("No signature found") { "no signature" } else { "cannot read it" }
}

fn elf(text: &str) -> String {
    let machine = text.lines().find_map(|line| line.trim_start().strip_prefix("Machine:")).map_or("no ELF", str::trim);
    let interpreter = text.split("program interpreter: ").nth(1).and_then(|rest| rest.split(']').next());
    format!("{machine}, {}", interpreter.unwrap_or("no interpreter"))
}
