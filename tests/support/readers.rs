//! Every reader of untrusted input, each driven to its end, and good files for it to start from.
//!
//! A reader takes bytes and says what is wrong with them, or nothing. It may do nothing else: no panic, no long work, no
//! memory for bytes that are not there.

use std::io::{self, Read};
use std::path::Path;

use container::cab::read::Cabinet;
use container::cfb::read::Compound;
use container::code_resources::CodeResources;
use container::digest::Digest;
use container::{ar, bom, cpio, gzip, msidb, property_list, xar, xml, xz, zst};
use installer::agent::{self, Expected};
use installer::format::{Extracted, Kind, ReadError, Sink};
use installer::product::Compression;
use installer::signature::SignImprint as _;
use installer::{Arch, Platform, Product, Report, Token, formats};
use signing::verify;

use super::agents::{self, Cpu, cms, elf, macho};
use super::once::{self, Once};
use super::product::{self, bases};

/// A reader, and good files for it.
pub struct Reader {
    pub name: &'static str,
    pub read: fn(&[u8]) -> Result<(), String>,
    pub samples: fn() -> Vec<Vec<u8>>,
}

/// Those of installers and what is inside them.
pub const READERS: &[Reader] = &[
    Reader { name: "installer", read: installer, samples: installers },
    Reader { name: "stamp", read: stamp, samples: installers },
    Reader { name: "pe", read: pe, samples: || vec![agents::windows(Cpu::X64)] },
    Reader { name: "macho", read: macho, samples: macos_agents },
    Reader { name: "elf", read: elf, samples: linux_agents },
    Reader { name: "ar", read: members, samples: || of(Kind::Deb) },
    Reader { name: "gzip", read: gzip, samples: || data_archives(Compression::Gzip) },
    Reader { name: "xz", read: xz, samples: || data_archives(Compression::Xz) },
    Reader { name: "zst", read: zst, samples: || data_archives(Compression::Zstd) },
    Reader { name: "rpm", read: rpm_headers, samples: || of(Kind::Rpm) },
    Reader { name: "cfb", read: compound_file, samples: || of(Kind::Msi) },
    Reader { name: "msidb", read: database, samples: || of(Kind::Msi) },
    Reader { name: "summary", read: summary, samples: summaries },
    Reader { name: "cab", read: cabinet, samples: cabinets },
    Reader { name: "xar", read: archive, samples: || of(Kind::Pkg) },
    Reader { name: "code_resources", read: code_resources, samples: sealed_files },
    Reader { name: "xml", read: document, samples: || pkg_members("PackageInfo") },
    Reader { name: "bom", read: bill_of_materials, samples: || pkg_members("Bom") },
    Reader { name: "cpio", read: copied, samples: scripts },
    Reader { name: "signature", read: signature, samples: signatures },
    Reader { name: "certificate", read: certificate, samples: certificates },
    Reader { name: "openpgp", read: openpgp, samples: openpgp_samples },
    Reader { name: "prepare", read: slot_beside, samples: signed_messages },
    Reader { name: "token", read: token, samples: || vec![b"abc.DEF-123\n".to_vec()] },
    Reader { name: "manifest", read: manifest, samples: || vec![product::MANIFEST.into()] },
];

fn signature(bytes: &[u8]) -> Result<(), String> {
    let keys = signing::openpgp::Keyring::default();
    let trust = verify::Trust { roots: &[], keys: &keys, now: 1_700_000_000 };
    let package = verify::package(bytes, None, &[7; 20], trust).map(drop).map_err(text);
    verify::authenticode(bytes, &[Digest::Sha256([7; 32])], trust).map(drop).map_err(text).or(package)
}

fn signatures() -> Vec<Vec<u8>> {
    vec![
        cms::authenticode("1.3.6.1.4.1.311.2.1.4", &agents::pe::indirect_data(&[7; 32]), &[]),
        cms::detached(&[7; 20], &[]),
        cms::authenticode_with(
            "1.3.6.1.4.1.311.2.1.4",
            &agents::pe::indirect_data(&[7; 32]),
            cms::Extras { countersigned: true, ..cms::Extras::default() },
        ),
    ]
}

fn certificate(bytes: &[u8]) -> Result<(), String> {
    signing::Certificate::read_all(bytes).map(drop).map_err(text)
}

fn certificates() -> Vec<Vec<u8>> {
    vec![cms::certificate(), cms::pem(&cms::certificate()).into_bytes()]
}

fn openpgp(bytes: &[u8]) -> Result<(), String> {
    use signing::openpgp::{Keyring, Signature};
    let signature = Signature::read(bytes).map(drop).map_err(text);
    Keyring::read(bytes).map(drop).map_err(text).or(signature)
}

/// A key block and a signature of an Ed25519 key.
fn openpgp_samples() -> Vec<Vec<u8>> {
    use signing::key::PrivateKey as _;
    let start = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let key = signing::key::file::FileKey::read(&[&start[..], &[7; 32]].concat(), None).unwrap();
    let public = key.public_key().unwrap();
    let signer = signing::openpgp::Signer::new(Box::new(key), &public, 1_600_000_000).unwrap();
    vec![signer.public_key("Example").unwrap().into_bytes(), signer.sign(b"x", 1_700_000_000).unwrap()]
}

/// More than any small stream of an installer; a reader must refuse what is longer.
const LIMIT: usize = 4 << 20;

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// Takes everything that comes and keeps nothing.
pub(super) struct Drain;

impl Sink for Drain {
    fn entry(&mut self, _: &Extracted<'_>, content: &mut dyn Read) -> Result<(), ReadError> {
        io::copy(content, &mut io::sink()).map_err(|source| ReadError::Io { verb: "read a file", source })?;
        Ok(())
    }
}

fn installer(bytes: &[u8]) -> Result<(), String> {
    let format = formats::recognise(&bytes).map_err(text)?;
    // Each of the four gets its chance, whatever the one before it says.
    let results = [
        format.token(&bytes).map(drop),
        format.inspect(&bytes).map(drop),
        format.extract(&bytes, &mut Drain),
        format.verify(&bytes, &mut Report::new()),
    ];
    results.into_iter().collect::<Result<(), _>>().map_err(text)
}

fn stamp(bytes: &[u8]) -> Result<(), String> {
    let base = once::reopen(bytes).map_err(text)?;
    once::stamp(&base, &Token::parse(b"another-token").unwrap()).map(drop).map_err(text)
}

fn installers() -> Vec<Vec<u8>> {
    let token = Token::parse(&[b'x'; 300]).unwrap();
    let mut files = Vec::new();
    for kind in [Kind::Msi, Kind::Pkg, Kind::Deb, Kind::Rpm] {
        let Some(base) = of(kind).into_iter().next() else { continue };
        let mut stamped = Vec::new();
        let splice = once::stamp(&once::open(base.as_slice()).unwrap(), &token).unwrap();
        splice.write_to(base.as_slice(), &mut stamped).unwrap();
        files.extend([base, stamped]);
    }
    files
}

/// The small product's base of one kind.
pub(super) fn of(kind: Kind) -> Vec<Vec<u8>> {
    bases().iter().filter(|base| base.format.kind() == kind).take(1).map(|base| base.bytes.clone()).collect()
}

fn agent(bytes: &[u8], platform: Platform) -> Result<(), String> {
    // Whichever processor it is for, the rest must be read as well.
    let check = |arch| agent::check_file(&bytes, Expected { platform, arch, allow_unsigned: true });
    check(Arch::X64).or_else(|_| check(Arch::Arm64)).or_else(|_| check(Arch::Universal)).map(drop).map_err(text)
}

fn pe(bytes: &[u8]) -> Result<(), String> {
    agent(bytes, Platform::Windows)
}

fn macho(bytes: &[u8]) -> Result<(), String> {
    agent(bytes, Platform::Macos)?;
    for slice in container::macho::MachO::open(&bytes).map_err(text)?.slices() {
        if let Some(signature) = slice.signature(&bytes).map_err(text)? {
            signature.designated_requirement().map_err(text)?;
        }
    }
    Ok(())
}

fn elf(bytes: &[u8]) -> Result<(), String> {
    agent(bytes, Platform::Linux)
}

fn macos_agents() -> Vec<Vec<u8>> {
    vec![agents::macos(&[Cpu::X64, Cpu::Arm64]), macho::program(&[Cpu::Arm64], &macho::Signing::adhoc())]
}

fn linux_agents() -> Vec<Vec<u8>> {
    let libraries: &[(&str, &[&str])] = &[("libc.so.6", &["GLIBC_2.2.5", "GLIBC_2.34"])];
    vec![agents::linux(Cpu::Arm64), elf::needing(Cpu::X64, "/lib64/ld-linux-x86-64.so.2", libraries)]
}

fn rpm_headers(bytes: &[u8]) -> Result<(), String> {
    let bytes = bytes.to_vec();
    let package = container::rpm::Package::open(&bytes).map_err(text)?;
    package.walk::<container::Error>(&mut |_, _| Ok(())).map(drop).map_err(text)
}

fn members(bytes: &[u8]) -> Result<(), String> {
    ar::members(bytes).map(drop).map_err(text)
}

/// `data.tar.*` of the small product's deb, compressed in this way.
fn data_archives(compression: Compression) -> Vec<Vec<u8>> {
    let Some(base) = bases().iter().find(|base| base.format.kind() == Kind::Deb) else { return Vec::new() };
    let product = base.small.product.clone().with_compression(compression);
    let deb = product::build(base.format, &product, &base.agent).unwrap();
    let members = ar::members(deb.as_slice()).unwrap();
    let data = members.iter().find(|member| member.name.starts_with("data.tar")).unwrap();
    vec![deb[data.offset as usize..][..data.len as usize].to_vec()]
}

fn drained(result: io::Result<u64>) -> Result<(), String> {
    result.map(drop).map_err(text)
}

fn gzip(bytes: &[u8]) -> Result<(), String> {
    drained(io::copy(&mut gzip::decode(bytes).take(1 << 24), &mut io::sink()))?;
    gzip::Tail::open(bytes, 0, bytes.len() as u64).map(drop).map_err(text)
}

fn xz(bytes: &[u8]) -> Result<(), String> {
    drained(io::copy(&mut xz::decode(bytes).take(1 << 24), &mut io::sink()))?;
    xz::Tail::open(bytes, 0, bytes.len() as u64).map(drop).map_err(text)
}

fn zst(bytes: &[u8]) -> Result<(), String> {
    drained(io::copy(&mut zst::decode(bytes).map_err(text)?.take(1 << 24), &mut io::sink()))?;
    zst::Tail::open(bytes, 0, bytes.len() as u64).map(drop).map_err(text)
}

fn compound_file(bytes: &[u8]) -> Result<(), String> {
    let file = Compound::open(bytes).map_err(text)?;
    for entry in file.entries() {
        let _ = file.find(&entry.name);
        file.read(entry, LIMIT).map_err(text)?;
    }
    file.check().map(drop).map_err(text)
}

fn stream(file: &Compound<&[u8]>, name: &str, limit: usize) -> Result<Option<Vec<u8>>, container::Error> {
    let name: Vec<u16> = name.encode_utf16().collect();
    file.find(&name).map(|entry| file.read(entry, limit)).transpose()
}

fn database(bytes: &[u8]) -> Result<(), String> {
    let file = Compound::open(bytes).map_err(text)?;
    let database = msidb::Database::open(|name: &str, limit: usize| stream(&file, name, limit)).map_err(text)?;
    for name in database.tables() {
        if let Some(table) = database.table(name).map_err(text)? {
            drop(msidb::export::archive(&table, database.pool()));
        }
    }
    database.check().map(drop).map_err(text)
}

fn summary(bytes: &[u8]) -> Result<(), String> {
    msidb::Summary::read(bytes).map(drop).map_err(text)
}

fn summaries() -> Vec<Vec<u8>> {
    let read = |msi: Vec<u8>| {
        let file = Compound::open(msi.as_slice()).unwrap();
        stream(&file, "\u{5}SummaryInformation", LIMIT).unwrap()
    };
    of(Kind::Msi).into_iter().filter_map(read).collect()
}

fn cabinet(bytes: &[u8]) -> Result<(), String> {
    let cabinet = Cabinet::open(bytes).map_err(text)?;
    let drain = |_: &_, content: &mut dyn Read| {
        io::copy(content, &mut io::sink()).map_err(container::Error::io("read a cabinet"))?;
        Ok::<(), container::Error>(())
    };
    cabinet.each(drain).map_err(text)
}

/// The cabinet of the small product's MSI: the stream that starts like one.
fn cabinets() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for msi in of(Kind::Msi) {
        let file = Compound::open(msi.as_slice()).unwrap();
        let streams = file.entries().iter().filter_map(|entry| file.read(entry, LIMIT).ok());
        found.extend(streams.filter(|bytes| bytes.starts_with(b"MSCF")));
    }
    found
}

fn archive(bytes: &[u8]) -> Result<(), String> {
    let archive = xar::open(bytes).map_err(text)?;
    for member in &archive.members {
        if let xar::MemberKind::File(Some(data)) = &member.kind {
            archive.verify(&bytes, data).map_err(text)?;
            archive.read(&bytes, data, LIMIT).map_err(text)?;
        }
    }
    xar::trailer(&bytes, archive.end).map(drop).map_err(text)
}

/// The members of the small product's package whose path ends so.
fn pkg_members(name: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for pkg in of(Kind::Pkg) {
        let archive = xar::open(pkg.as_slice()).unwrap();
        for member in archive.members.iter().filter(|member| member.path.ends_with(name)) {
            if let xar::MemberKind::File(Some(data)) = &member.kind {
                found.push(archive.read(pkg.as_slice(), data, LIMIT).unwrap());
            }
        }
    }
    found
}

fn code_resources(bytes: &[u8]) -> Result<(), String> {
    let list = property_list::parse("property list", bytes).map(drop).map_err(text);
    let sealed = CodeResources::parse(bytes).map_err(text)?;
    let rules = sealed.seals().keys().filter_map(|path| sealed.rule(path)).count();
    if rules > sealed.seals().len() { Err("more rules than paths".to_owned()) } else { list }
}

fn sealed_files() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let files: &[(&str, &[u8])] = &[("Resources/a", b"a"), ("Resources/de.lproj/b", b"b")];
    let app = agents::app::App { files, helpers: &["MacOS/helper"], ..agents::app::App::default() };
    app.write(folder.path(), &[Cpu::Arm64]);
    vec![std::fs::read(folder.path().join("Contents/_CodeSignature/CodeResources")).unwrap()]
}

fn document(bytes: &[u8]) -> Result<(), String> {
    xml::parse("document", bytes).map(drop).map_err(text)
}

fn bill_of_materials(bytes: &[u8]) -> Result<(), String> {
    bom::read(bytes).map(drop).map_err(text)
}

fn copied(bytes: &[u8]) -> Result<(), String> {
    let mut reader = cpio::Reader::new(bytes);
    while reader.next_entry().map_err(text)?.is_some() {
        reader.data(LIMIT as u64).map_err(text)?;
    }
    Ok(())
}

fn scripts() -> Vec<Vec<u8>> {
    let unpacked = pkg_members("Scripts").into_iter().map(|packed| {
        let mut bytes = Vec::new();
        gzip::decode(packed.as_slice()).read_to_end(&mut bytes).unwrap();
        bytes
    });
    unpacked.collect()
}

fn token(bytes: &[u8]) -> Result<(), String> {
    Token::parse(bytes).map(drop).map_err(text)
}

fn manifest(bytes: &[u8]) -> Result<(), String> {
    let typed = std::str::from_utf8(bytes).map_err(text)?;
    Product::load(Path::new("stampwright.toml"), typed).map(drop).map_err(text)
}

/// What `prepare` reads of a signature, and the manifest that it writes.
fn slot_beside(bytes: &[u8]) -> Result<(), String> {
    let _ = installer::prepare::PrepareRecord::parse(bytes);
    let _ = xar::slot::read(bytes);
    let _ = container::authenticode::named_algorithms(bytes);
    let message =
        container::cms::SignedData::read(container::der::Encoding::Ber, bytes).map_err(|error| error.to_string())?;
    container::authenticode::IndirectData::read(&message).map_err(|error| error.to_string())?;
    container::authenticode::slot::insert(bytes).map(drop).map_err(text)
}

fn signed_messages() -> Vec<Vec<u8>> {
    let imprint = installer::signature::Imprint::Msi { sha256: [7; 32] };
    [10, 3000].map(|len| super::pkcs7::Signer::new(len).sign_imprint(&imprint).unwrap().cms).to_vec()
}
