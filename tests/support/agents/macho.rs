//! macOS programs (`<mach-o/loader.h>`) and their code signature (`cs_blobs.h`).

use sha2::{Digest, Sha256, Sha384};

use super::cms;
use super::der::{OCTET_STRING, SET, oid, sequence, tlv};
use super::writer::{Cpu, Push};

const PAGE: usize = 0x4000;
pub const IDENTIFIER: &str = "com.example.agent";
pub const TEAM: &str = "EXAMPLE123";
/// Where the signature starts in a thin program: everything before it is hashed.
pub const SIGNATURE_AT: usize = PAGE + 16;
/// More than any signature here; the rest is zeros, as `codesign` leaves it.
const SIGNATURE_BYTES: usize = 0x1000;

/// How a program is signed.
#[derive(Debug, Clone, Default)]
pub struct Signing {
    pub signed: bool,
    pub adhoc: bool,
    /// What special slots 1 and 3 hash: `Info.plist` and `CodeResources`.
    pub info: Option<Vec<u8>>,
    pub resources: Option<Vec<u8>>,
    /// A requirements blob, and the team that it names.
    pub requirements: Option<(Vec<u8>, &'static str)>,
    /// Whether each slice has an identifier of its own.
    pub own_identifiers: bool,
    /// Whether the place of the signature is filled up with what an older one left, instead of zeros.
    pub left_over: bool,
    /// A second code directory with SHA-384, and how the message names it.
    pub alternate: Option<Naming>,
}

/// How a message names the code directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Each digest with its algorithm, as since macOS 10.15.
    Digests,
    /// A property list of the first 20 bytes of each, as before.
    Hashes,
    /// Not at all, as before macOS 10.12.
    Nothing,
    /// A property list without the second one.
    OneHash,
}

impl Signing {
    pub fn none() -> Self {
        Self::default()
    }
    pub fn adhoc() -> Self {
        Self { signed: true, adhoc: true, ..Self::default() }
    }
    pub fn identity() -> Self {
        Self { signed: true, ..Self::default() }
    }
}

/// A program for these processors: thin for one, universal for more.
pub fn program(cpus: &[Cpu], signing: &Signing) -> Vec<u8> {
    let slices: Vec<Vec<u8>> = cpus.iter().map(|&cpu| thin(cpu, signing)).collect();
    if let [only] = slices.as_slice() {
        return only.clone();
    }
    let mut out = Vec::new();
    out.u32_be(0xcafe_babe).u32_be(slices.len() as u32);
    let mut at = PAGE;
    for (slice, &cpu) in slices.iter().zip(cpus) {
        out.u32_be(cpu_type(cpu)).u32_be(cpu_subtype(cpu)).u32_be(at as u32).u32_be(slice.len() as u32).u32_be(14);
        at = (at + slice.len()).next_multiple_of(PAGE);
    }
    for slice in slices {
        out.align(PAGE).bytes(&slice);
    }
    out
}

const fn cpu_type(cpu: Cpu) -> u32 {
    match cpu {
        Cpu::X64 => 0x0100_0007,
        Cpu::Arm64 => 0x0100_000c,
    }
}

const fn cpu_subtype(cpu: Cpu) -> u32 {
    match cpu {
        Cpu::X64 => 3,
        Cpu::Arm64 => 0,
    }
}

fn thin(cpu: Cpu, signing: &Signing) -> Vec<u8> {
    let code: &[u8] = match cpu {
        Cpu::X64 => &[0x31, 0xc0, 0xc3],
        Cpu::Arm64 => &[0x00, 0x00, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6],
    };
    let linkedit = if signing.signed { 16 + SIGNATURE_BYTES } else { 16 };
    let mut commands = Vec::new();
    let mut count = 6;
    segment(&mut commands, "__PAGEZERO", (0, 1 << 32), (0, 0), 0);
    segment(&mut commands, "__TEXT", (1 << 32, PAGE), (0, PAGE), 5);
    segment(&mut commands, "__LINKEDIT", ((1 << 32) + PAGE, PAGE), (PAGE, linkedit), 1);
    path(&mut commands, 0xe, 12, "/usr/lib/dyld");
    let minimum = if cpu == Cpu::X64 { 0x000a_0f00 } else { 0x000b_0000 };
    commands.u32(0x32).u32(24).u32(1).u32(minimum).u32(0x000d_0300).u32(0); // LC_BUILD_VERSION
    commands.u32(0x8000_0028).u32(24).u64((PAGE - code.len()) as u64).u64(0); // LC_MAIN
    if signing.signed {
        commands.u32(0x1d).u32(16).u32(SIGNATURE_AT as u32).u32(SIGNATURE_BYTES as u32);
        count += 1;
    }
    let mut out = Vec::new();
    out.u32(0xfeed_facf).u32(cpu_type(cpu)).u32(cpu_subtype(cpu)).u32(2);
    out.u32(count).u32(commands.len() as u32).u32(0x0020_0085).u32(0).bytes(&commands);
    out.fill_to(PAGE - code.len()).bytes(code).fill_to(SIGNATURE_AT);
    if signing.signed {
        let signature = super_blob(&out, cpu, signing);
        out.bytes(&signature);
        if signing.left_over {
            out.resize(SIGNATURE_AT + SIGNATURE_BYTES, 0xa5);
        }
        out.fill_to(SIGNATURE_AT + SIGNATURE_BYTES);
    }
    out
}

fn segment(out: &mut Vec<u8>, name: &str, memory: (usize, usize), file: (usize, usize), protection: u32) {
    let mut padded = name.as_bytes().to_vec();
    padded.fill_to(16);
    out.u32(0x19).u32(72).bytes(&padded).u64(memory.0 as u64).u64(memory.1 as u64);
    out.u64(file.0 as u64).u64(file.1 as u64).u32(protection).u32(protection).u32(0).u32(0);
}

fn path(out: &mut Vec<u8>, command: u32, at: u32, path: &str) {
    let size = (at as usize + path.len() + 1).next_multiple_of(8);
    let end = out.len() + size;
    out.u32(command).u32(size as u32).u32(at).bytes(path.as_bytes()).fill_to(end);
}

fn super_blob(code: &[u8], cpu: Cpu, signing: &Signing) -> Vec<u8> {
    let own = signing.requirements.as_ref().map(|(blob, _)| blob.clone());
    let requirements = own.unwrap_or_else(|| blob(0xfade_0c01, &[0, 0, 0, 0]));
    let directory = code_directory(code, &requirements, (cpu, Hash::Sha256), signing);
    let alternate = signing.alternate.map(|_| code_directory(code, &requirements, (cpu, Hash::Sha384), signing));
    let cms = if signing.adhoc {
        Vec::new()
    } else {
        cms::detached(
            &directory,
            &names(&directory, alternate.as_deref(), signing.alternate.unwrap_or(Naming::Digests)),
        )
    };
    let mut blobs = vec![(0, directory), (2, requirements)];
    blobs.extend(alternate.map(|directory| (0x1000, directory)));
    blobs.push((0x10000, blob(0xfade_0b01, &cms)));
    let mut index = Vec::new();
    let mut bodies = Vec::new();
    for (slot, body) in &blobs {
        index.u32_be(*slot).u32_be((12 + 8 * blobs.len() + bodies.len()) as u32);
        bodies.bytes(body);
    }
    let mut out = Vec::new();
    out.u32_be(0xfade_0cc0).u32_be((12 + index.len() + bodies.len()) as u32).u32_be(blobs.len() as u32);
    out.bytes(&index).bytes(&bodies);
    out
}

/// The attributes that name the code directories.
fn names(directory: &[u8], alternate: Option<&[u8]>, naming: Naming) -> Vec<Vec<u8>> {
    let mut digests = vec![("2.16.840.1.101.3.4.2.1", Sha256::digest(directory).to_vec())];
    digests.extend(alternate.map(|directory| ("2.16.840.1.101.3.4.2.2", Sha384::digest(directory).to_vec())));
    match naming {
        Naming::Nothing => Vec::new(),
        Naming::Digests => {
            let values: Vec<Vec<u8>> =
                digests.iter().map(|(id, digest)| sequence(&[&oid(id), &tlv(OCTET_STRING, &[digest])])).collect();
            vec![sequence(&[&oid("1.2.840.113635.100.9.2"), &tlv(SET, &[&values.concat()])])]
        }
        Naming::Hashes | Naming::OneHash => {
            let count = if naming == Naming::Hashes { digests.len() } else { 1 };
            let data = |(_, digest): &(_, Vec<u8>)| format!("\t\t<data>\n\t\t{}\n\t\t</data>\n", base64(&digest[..20]));
            let list = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                 <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
                 <plist version=\"1.0\">\n<dict>\n\t<key>cdhashes</key>\n\t<array>\n{}\t</array>\n</dict>\n</plist>\n",
                digests.iter().take(count).map(data).collect::<String>()
            );
            vec![cms::attribute("1.2.840.113635.100.9.1", &tlv(OCTET_STRING, &[list.as_bytes()]))]
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    let pem = cms::pem(bytes);
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

fn blob(magic: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.u32_be(magic).u32_be(8 + content.len() as u32).bytes(content);
    out
}

#[derive(Clone, Copy)]
enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
        }
    }

    /// hashSize and hashType.
    const fn header(self) -> [u8; 2] {
        match self {
            Self::Sha256 => [32, 2],
            Self::Sha384 => [48, 4],
        }
    }
}

fn code_directory(code: &[u8], requirements: &[u8], (cpu, hash): (Cpu, Hash), signing: &Signing) -> Vec<u8> {
    const HEADER: usize = 88;
    let team = match &signing.requirements {
        _ if signing.adhoc => "",
        Some((_, team)) => team,
        None => TEAM,
    };
    let identifier =
        if signing.own_identifiers { format!("{IDENTIFIER}-{cpu:?}").to_lowercase() } else { IDENTIFIER.to_owned() };
    let [width, kind] = hash.header();
    let pages: Vec<_> = code.chunks(4096).map(|page| hash.digest(page)).collect();
    let slot = |file: &Option<Vec<u8>>| file.as_ref().map_or_else(|| vec![0; width.into()], |bytes| hash.digest(bytes));
    let special = [slot(&signing.resources), hash.digest(requirements), slot(&signing.info)];
    let team_at = HEADER + identifier.len() + 1;
    let hashes_at = team_at + team.len() + 1 + usize::from(width) * special.len();
    let flags = if signing.adhoc { 0x2 } else { 0x1_0000 };

    let mut out = Vec::new();
    out.u32_be(0x0002_0400).u32_be(flags).u32_be(hashes_at as u32).u32_be(HEADER as u32);
    out.u32_be(special.len() as u32).u32_be(pages.len() as u32).u32_be(code.len() as u32);
    out.bytes(&[width, kind, 0, 12]).u32_be(0).u32_be(0).u32_be(if team.is_empty() { 0 } else { team_at as u32 });
    out.u32_be(0).u64_be(0).u64_be(0).u64_be(PAGE as u64).u64_be(1); // codeLimit64, executable segment, main binary
    out.bytes(identifier.as_bytes()).bytes(&[0]).bytes(team.as_bytes()).bytes(&[0]);
    for hash in special.iter().chain(&pages) {
        out.bytes(hash);
    }
    blob(0xfade_0c02, &out)
}

/// The first 20 bytes of the digest of a signed program's code directory, that of its first slice.
pub fn cdhash(program: &[u8]) -> Vec<u8> {
    let at = program.windows(4).position(|window| window == 0xfade_0c02_u32.to_be_bytes()).unwrap();
    let length = u32::from_be_bytes(program[at + 4..at + 8].try_into().unwrap()) as usize;
    Sha256::digest(&program[at..at + length])[..20].to_vec()
}
