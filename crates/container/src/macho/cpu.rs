//! Processors, by their numbers.

use std::fmt;

/// The processor that a slice is for (`<mach/machine.h>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cpu {
    /// `CPU_TYPE_ARM64`, 0x0100000c.
    Arm64,
    /// `CPU_TYPE_X86_64`, 0x01000007.
    X64,
    /// Any other number.
    Other(u32),
}

impl From<u32> for Cpu {
    fn from(number: u32) -> Self {
        match number {
            0x0100_000c => Self::Arm64,
            0x0100_0007 => Self::X64,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X64 => "x64",
            Self::Arm64 => "arm64",
            Self::Other(0x0000_0007) => "x86 (32-bit)",
            Self::Other(0x0000_000c) => "arm (32-bit)",
            Self::Other(0x0200_000c) => "arm64_32",
            Self::Other(0x0000_0012 | 0x0100_0012) => "PowerPC",
            Self::Other(number) => return write!(f, "the processor with the number {number:#010x}"),
        })
    }
}
