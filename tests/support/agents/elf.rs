//! Linux programs (System V gABI, chapters 4 and 5).

use super::writer::{Cpu, Push};

const BASE: u64 = 0x40_0000;
const HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: usize = 56;

/// `again: pause(); goto again`, or on arm64, which has no `pause`, `ppoll(0, 0, 0, 0, 0)`.
fn code(cpu: Cpu) -> Vec<u8> {
    match cpu {
        // mov eax, 34; syscall; jmp -9
        Cpu::X64 => vec![0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7],
        Cpu::Arm64 => {
            let mut code = Vec::new();
            for register in 0..5 {
                code.u32(0xd280_0000 | register); // mov xN, #0
            }
            code.u32(0xd280_0008 | 73 << 5).u32(0xd400_0001).u32(0x17ff_fff9); // mov x8, #73; svc #0; b -28
            code
        }
    }
}

fn header(cpu: Cpu, kind: u16, programs: u16) -> Vec<u8> {
    let mut out = b"\x7fELF\x02\x01\x01".to_vec();
    out.fill_to(16);
    let entry = BASE + (HEADER_BYTES + usize::from(programs) * PROGRAM_HEADER_BYTES) as u64;
    out.u16(kind).u16(match cpu {
        Cpu::X64 => 62,
        Cpu::Arm64 => 183,
    });
    out.u32(1).u64(entry).u64(HEADER_BYTES as u64).u64(0).u32(0);
    out.u16(HEADER_BYTES as u16).u16(PROGRAM_HEADER_BYTES as u16).u16(programs).u16(64).u16(0).u16(0);
    out
}

fn program_header(out: &mut Vec<u8>, kind: u32, flags: u32, offset: usize, len: usize) {
    let (offset, len) = (offset as u64, len as u64);
    out.u32(kind).u32(flags).u64(offset).u64(BASE + offset).u64(BASE + offset).u64(len).u64(len).u64(0x1_0000);
}

/// A static program that waits for signals; SIGTERM ends it.
pub fn waiting(cpu: Cpu) -> Vec<u8> {
    let code = code(cpu);
    let mut out = header(cpu, 2, 1);
    program_header(&mut out, 1, 5, 0, HEADER_BYTES + PROGRAM_HEADER_BYTES + code.len());
    out.bytes(&code);
    out
}

/// A program that says it needs libraries, each with symbol versions. It is for readers: its one instruction sequence
/// waits as well, but a dynamic linker would have nothing to link.
pub fn needing(cpu: Cpu, interpreter: &str, libraries: &[(&str, &[&str])]) -> Vec<u8> {
    let mut strings = vec![0];
    let mut string = |text: &str| {
        let at = strings.len();
        strings.bytes(text.as_bytes()).push(0);
        at as u32
    };
    let needed: Vec<u32> = libraries.iter().map(|(name, _)| string(name)).collect();
    let mut needs = Vec::new();
    for (n, (_, versions)) in libraries.iter().enumerate() {
        let next = if n + 1 < libraries.len() { 16 + 16 * versions.len() as u32 } else { 0 };
        needs.u16(1).u16(versions.len() as u16).u32(needed[n]).u32(16).u32(next);
        for (m, version) in versions.iter().enumerate() {
            let next = if m + 1 < versions.len() { 16 } else { 0 };
            needs.u32(0).u16(0).u16(2).u32(string(version)).u32(next);
        }
    }
    let code = code(cpu);
    let interpreter_at = HEADER_BYTES + 3 * PROGRAM_HEADER_BYTES + code.len();
    let strings_at = (interpreter_at + interpreter.len() + 1).next_multiple_of(8);
    let needs_at = (strings_at + strings.len()).next_multiple_of(8);
    let dynamic_at = needs_at + needs.len();
    let address = |at: usize| BASE + at as u64;
    let mut dynamic = Vec::new();
    for &name in &needed {
        dynamic.u64(1).u64(name.into());
    }
    dynamic.u64(5).u64(address(strings_at)).u64(10).u64(strings.len() as u64);
    dynamic.u64(0x6fff_fffe).u64(address(needs_at)).u64(0x6fff_ffff).u64(libraries.len() as u64);
    dynamic.u64(0).u64(0);

    let mut out = header(cpu, 3, 3);
    program_header(&mut out, 1, 5, 0, dynamic_at + dynamic.len());
    program_header(&mut out, 3, 4, interpreter_at, interpreter.len() + 1);
    program_header(&mut out, 2, 4, dynamic_at, dynamic.len());
    out.bytes(&code).bytes(interpreter.as_bytes()).push(0);
    out.align(8).bytes(&strings).align(8).bytes(&needs).bytes(&dynamic);
    out
}
