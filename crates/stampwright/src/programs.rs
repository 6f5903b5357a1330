//! The code signatures of the programs inside an installer: whose they are, and whether they still hold.

use std::collections::BTreeMap;
use std::io::{self, Read};

use container::read_at::FileAt;
use installer::agent::{self, Expected};
use installer::format::{Area, EntryKind, Extracted, Installer, ReadError, Sink};
use installer::{Arch, Platform, Report};

/// What `verify` says about programs.
const ID: &str = "agent-signature";

/// Looks at each program of the payload. Programs for Linux have no signature inside the file.
pub(crate) fn check(installer: &dyn Installer, report: &mut Report) -> Result<(), ReadError> {
    let platform = installer.format().kind().platform();
    if platform == Platform::Linux {
        return Ok(());
    }
    let mut programs = Programs { platform, signed: BTreeMap::new(), unsigned: Vec::new(), broken: Vec::new() };
    installer.extract(&mut programs)?;
    for (path, problem) in &programs.broken {
        report.error(ID, path.clone(), problem.clone());
    }
    for (signer, paths) in &programs.signed {
        report.note(ID, place(paths), format!("names {signer} as its signer; its digests match"));
    }
    if !programs.unsigned.is_empty() {
        report.note(ID, place(&programs.unsigned), "without a code signature");
    }
    Ok(())
}

fn place(paths: &[String]) -> String {
    match paths {
        [] => String::new(),
        [only] => only.clone(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
    }
}

struct Programs {
    platform: Platform,
    signed: BTreeMap<String, Vec<String>>,
    unsigned: Vec<String>,
    broken: Vec<(String, String)>,
}

impl Sink for Programs {
    fn entry(&mut self, entry: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        let EntryKind::File(len) = entry.kind else { return Ok(()) };
        let mut head = [0; 4];
        if entry.area != Area::Payload || len < head.len() as u64 {
            return Ok(());
        }
        let failed = |source| ReadError::Io { verb: "read the payload", source };
        content.read_exact(&mut head).map_err(failed)?;
        // "MZ"; Mach-O for one processor and for several. Whatever else starts so is sorted out by the check.
        if !matches!(head, [b'M', b'Z', ..] | [0xcf, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe]) {
            return Ok(());
        }
        let mut spooled = tempfile::tempfile().map_err(failed)?;
        io::copy(&mut head.chain(content), &mut spooled).map_err(failed)?;
        let program = FileAt::new(spooled).map_err(failed)?;
        self.judge(entry.path, &program);
        Ok(())
    }
}

impl Programs {
    fn judge(&mut self, path: &str, program: &FileAt) {
        let check = |arch| agent::check_file(program, Expected { platform: self.platform, arch, allow_unsigned: true });
        // It may be for any processor.
        let judged = check(Arch::X64).or_else(|_| check(Arch::Arm64)).or_else(|_| check(Arch::Universal));
        match judged.map(|agent| agent.signer) {
            Ok(Some(signer)) => {
                let name = signer.name.or(signer.organisation).unwrap_or_else(|| "no signer (ad hoc)".to_owned());
                self.signed.entry(name).or_default().push(path.to_owned());
            }
            Ok(None) => self.unsigned.push(path.to_owned()),
            Err(problem) if problem.is_about_signature() => {
                self.broken.push((path.to_owned(), problem.to_string()));
            }
            // Libraries, other kinds of file, and programs for processors without a name here.
            Err(_) => {}
        }
    }
}
