//! What independent programs say of a file, in few words.

use std::path::Path;

use xshell::{Shell, cmd};

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

/// Asks one of them.
pub(crate) fn ask(sh: &Shell, python: &Path, judge: &str, file: &Path) -> Result<String> {
    let output = match judge {
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
