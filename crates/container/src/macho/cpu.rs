//! Processors, by their numbers.

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
