//! Windows programs ("PE Format"), and their Authenticode signature.

use super::cms::{self, Algorithm, Extras};
use super::der::{OCTET_STRING, oid, sequence, tlv};
use super::writer::{Cpu, Push, put_u32};

const PE_AT: usize = 0x40;
const OPTIONAL_AT: usize = PE_AT + 24;
pub const CHECKSUM_AT: usize = OPTIONAL_AT + 64;
pub const SECURITY_AT: usize = OPTIONAL_AT + 144;
pub const MACHINE_AT: usize = PE_AT + 4;
pub const SUBSYSTEM_AT: usize = OPTIONAL_AT + 68;
const TEXT_AT: usize = 0x200;
pub const RESOURCES_AT: usize = 0x400;
const RESOURCES_ADDRESS: u32 = 0x2000;
const UNSIGNED_BYTES: usize = 0x600;

/// A console program that ends at once with status 0; version 1.2.3.4, US English; not signed.
pub fn unsigned(cpu: Cpu) -> Vec<u8> {
    let resources = resources();
    let mut out = b"MZ".to_vec();
    out.fill_to(0x3c).u32(PE_AT as u32).bytes(b"PE\0\0");
    out.u16(if cpu == Cpu::X64 { 0x8664 } else { 0xaa64 }).u16(2).u32(0).u32(0).u32(0).u16(240).u16(0x22);
    // optional header, PE32+: sizes, entry point, image base, alignments, versions
    out.u16(0x20b).u16(0).u32(0x200).u32(0x200).u32(0).u32(0x1000).u32(0x1000);
    out.u64(0x1_4000_0000).u32(0x1000).u32(0x200).u16(6).u16(0).u16(0).u16(0).u16(6).u16(0).u32(0);
    out.u32(0x3000).u32(0x200).u32(0).u16(3).u16(0x8160); // image size, header size, checksum, console
    out.u64(0x10_0000).u64(0x1000).u64(0x10_0000).u64(0x1000).u32(0).u32(16);
    let directories_at = out.len();
    out.fill_to(directories_at + 128);
    put_u32(&mut out, directories_at + 16, RESOURCES_ADDRESS);
    put_u32(&mut out, directories_at + 20, resources.len() as u32);
    out.bytes(b".text\0\0\0").u32(0x10).u32(0x1000).u32(0x200).u32(TEXT_AT as u32).fill_to(directories_at + 164);
    out.u32(0x6000_0020);
    out.bytes(b".rsrc\0\0\0").u32(resources.len() as u32).u32(RESOURCES_ADDRESS).u32(0x200);
    out.u32(RESOURCES_AT as u32).u64(0).u32(0).u32(0x4000_0040);
    out.fill_to(TEXT_AT);
    match cpu {
        Cpu::X64 => out.bytes(&[0x31, 0xc0, 0xc3]),          // xor eax, eax; ret
        Cpu::Arm64 => out.u32(0x5280_0000).u32(0xd65f_03c0), // mov w0, #0; ret
    };
    out.fill_to(RESOURCES_AT).bytes(&resources).fill_to(UNSIGNED_BYTES);
    with_checksum(out)
}

/// A .NET program as its headers show it, 32-bit, with these `CorFlags`: 1 pure IL, 2 for 32 bits only. Not signed.
pub fn dot_net(cor_flags: u32) -> Vec<u8> {
    let mut out = b"MZ".to_vec();
    out.fill_to(0x3c).u32(PE_AT as u32).bytes(b"PE\0\0");
    out.u16(0x14c).u16(1).u32(0).u32(0).u32(0).u16(224).u16(0x102);
    out.u16(0x10b).u16(0).u32(0x200).u32(0).u32(0).u32(0x1000).u32(0x1000).u32(0x2000);
    out.u32(0x40_0000).u32(0x1000).u32(0x200).u16(6).u16(0).u16(0).u16(0).u16(6).u16(0).u32(0);
    out.u32(0x2000).u32(0x200).u32(0).u16(3).u16(0x8160);
    out.u32(0x10_0000).u32(0x1000).u32(0x10_0000).u32(0x1000).u32(0).u32(16);
    let directories_at = out.len();
    out.fill_to(directories_at + 128);
    put_u32(&mut out, directories_at + 14 * 8, 0x1000);
    put_u32(&mut out, directories_at + 14 * 8 + 4, 72);
    out.bytes(b".text\0\0\0").u32(72).u32(0x1000).u32(0x200).u32(TEXT_AT as u32).u64(0).u32(0).u32(0x6000_0020);
    out.fill_to(TEXT_AT).u32(72).u16(2).u16(5).u64(0).u32(cor_flags).fill_to(TEXT_AT + 0x200);
    with_checksum(out)
}

/// The same, signed.
pub fn signed(cpu: Cpu) -> Vec<u8> {
    sign(unsigned(cpu))
}

/// Puts an Authenticode signature at the end of a program without one.
pub fn sign(out: Vec<u8>) -> Vec<u8> {
    sign_with(out, Extras::default())
}

/// The same with more in the message.
pub fn sign_with(mut out: Vec<u8>, extras: Extras<'_>) -> Vec<u8> {
    let signature = message(&out, extras);
    attach(&mut out, &signature);
    with_checksum(out)
}

/// The same with bytes behind the message, inside its certificate.
pub fn sign_and_append(out: &mut Vec<u8>, bytes: &[u8]) {
    let signature = [message(out, Extras::default()), bytes.to_vec()].concat();
    attach(out, &signature);
}

fn message(unsigned: &[u8], extras: Extras<'_>) -> Vec<u8> {
    let algorithm = extras.digest.unwrap_or(Algorithm::Sha256);
    let content = indirect_data_of(algorithm, &digest(unsigned, algorithm));
    let signed: Vec<Vec<u8>> = statement().into_iter().chain(extras.signed.iter().cloned()).collect();
    cms::authenticode_with("1.3.6.1.4.1.311.2.1.4", &content, Extras { signed: &signed, ..extras })
}

/// Appends a certificate table with this signature.
pub fn attach(out: &mut Vec<u8>, signature: &[u8]) {
    let at = out.len();
    let length = (8 + signature.len()).next_multiple_of(8);
    out.u32(length as u32).u16(0x0200).u16(2).bytes(signature).fill_to(at + length);
    put_u32(out, SECURITY_AT, at as u32);
    put_u32(out, SECURITY_AT + 4, length as u32);
}

/// The digest of an unsigned program but for CheckSum and the security directory's entry.
fn digest(unsigned: &[u8], algorithm: Algorithm) -> Vec<u8> {
    let parts = [&unsigned[..CHECKSUM_AT], &unsigned[CHECKSUM_AT + 4..SECURITY_AT], &unsigned[SECURITY_AT + 8..]];
    algorithm.digest(&parts.concat())
}

/// `SpcIndirectDataContent` for a PE image and its SHA-256.
pub fn indirect_data(digest: &[u8]) -> Vec<u8> {
    indirect_data_of(Algorithm::Sha256, digest)
}

fn indirect_data_of(algorithm: Algorithm, digest: &[u8]) -> Vec<u8> {
    let obsolete: Vec<u8> = "<<<Obsolete>>>".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let link = tlv(0xa0, &[&tlv(0xa2, &[&tlv(0x80, &[&obsolete])])]);
    let image_data = sequence(&[&[0x03, 0x01, 0x00], &link]);
    sequence(&[
        &sequence(&[&oid("1.3.6.1.4.1.311.2.1.15"), &image_data]),
        &sequence(&[&algorithm.identifier(), &tlv(OCTET_STRING, &[digest])]),
    ])
}

/// The signed attributes that signtool adds: SpcStatementType (individual code signing), SpcSpOpusInfo (empty).
fn statement() -> [Vec<u8>; 2] {
    let individual = sequence(&[&oid("1.3.6.1.4.1.311.2.1.21")]);
    [cms::attribute("1.3.6.1.4.1.311.2.1.11", &individual), cms::attribute("1.3.6.1.4.1.311.2.1.12", &sequence(&[]))]
}

/// ImageHlp's checksum: the 16-bit words added with carry, without the field itself, plus the length.
pub fn with_checksum(mut out: Vec<u8>) -> Vec<u8> {
    put_u32(&mut out, CHECKSUM_AT, 0);
    let mut sum = 0_u32;
    for pair in out.chunks(2) {
        sum += u32::from(pair[0]) | u32::from(*pair.get(1).unwrap_or(&0)) << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let checksum = sum + out.len() as u32;
    put_u32(&mut out, CHECKSUM_AT, checksum);
    out
}

/// The resource tree with one leaf: version, 1, US English.
fn resources() -> Vec<u8> {
    const SUBDIRECTORY: u32 = 1 << 31;
    let version = version();
    let mut out = Vec::new();
    for (id, offset) in [(16, SUBDIRECTORY | 24), (1, SUBDIRECTORY | 48), (1033, 72)] {
        out.u32(0).u32(0).u32(0).u16(0).u16(1).u32(id).u32(offset);
    }
    out.u32(RESOURCES_ADDRESS + 88).u32(version.len() as u32).u32(0).u32(0).bytes(&version);
    out
}

fn version() -> Vec<u8> {
    let mut fixed = Vec::new();
    fixed.u32(0xfeef_04bd).u32(0x1_0000);
    for _ in 0..2 {
        fixed.u16(2).u16(1).u16(4).u16(3); // 1.2.3.4, file and product
    }
    fixed.u32(0x3f).u32(0).u32(0x4_0004).u32(1).u32(0).u64(0);
    let translation = block("Translation", 0, &[0x09, 0x04, 0xb0, 0x04], &[]);
    let text: Vec<u8> = "Example Agent\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let name = block("ProductName", 1, &text, &[]);
    let strings = block("StringFileInfo", 1, &[], &[block("040904b0", 1, &[], &[name])]);
    let vars = block("VarFileInfo", 1, &[], &[translation]);
    block("VS_VERSION_INFO", 0, &fixed, &[strings, vars])
}

/// `wLength, wValueLength, wType, key, value, children`, the last two aligned to 4.
fn block(key: &str, kind: u16, value: &[u8], children: &[Vec<u8>]) -> Vec<u8> {
    let value_length = if kind == 1 { value.len() / 2 } else { value.len() };
    let mut out = Vec::new();
    out.u16(0).u16(value_length as u16).u16(kind);
    for unit in key.encode_utf16().chain([0]) {
        out.u16(unit);
    }
    out.align(4).bytes(value);
    for child in children {
        out.align(4).bytes(child);
    }
    let length = out.len() as u16;
    out[..2].copy_from_slice(&length.to_le_bytes());
    out
}
