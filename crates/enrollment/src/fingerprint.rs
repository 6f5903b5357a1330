//! What a device says of its hardware: a list of hashed parts, never one hash, and never a raw value.

/// A hashed part: the first 16 bytes of an HMAC-SHA-256.
pub type PartHash = [u8; 16];

/// Which part of the hardware a hash is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// SMBIOS type 1 UUID, IOPlatformUUID.
    SystemUuid,
    /// SMBIOS type 2 serial number.
    BoardSerial,
    /// SMBIOS type 1 serial number, IOPlatformSerialNumber, the device tree's `serial-number`.
    SystemSerial,
    /// The permanent address of a built-in network interface; a device may have several.
    Mac,
    /// The model of the processor: equal for all of a model, so it tells models apart and not devices.
    Cpu,
    /// The installation of the operating system: tells a reinstalled device from a copied one.
    OsInstance,
}

impl Kind {
    /// All of them, in the order in which they are shown.
    pub(crate) const ALL: [Self; 6] =
        [Self::SystemUuid, Self::BoardSerial, Self::SystemSerial, Self::Mac, Self::Cpu, Self::OsInstance];

    /// What an equal part of this kind says.
    #[must_use]
    pub const fn weight(self) -> u32 {
        match self {
            Self::SystemUuid | Self::BoardSerial | Self::Mac => 3,
            Self::SystemSerial => 4,
            Self::Cpu | Self::OsInstance => 0,
        }
    }

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SystemUuid => "system_uuid",
            Self::BoardSerial => "board_serial",
            Self::SystemSerial => "system_serial",
            Self::Mac => "mac",
            Self::Cpu => "cpu",
            Self::OsInstance => "os_instance",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What kind of machine it is. Of a container nothing is its own; of a virtual machine whatever its snapshot has as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Class {
    /// A machine of its own.
    Physical,
    /// A virtual machine.
    Vm,
    /// A container: it sees its host's hardware.
    Container,
    /// The agent could not tell.
    #[default]
    Unknown,
}

impl Class {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Physical, Self::Vm, Self::Container, Self::Unknown];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Physical => "physical",
            Self::Vm => "vm",
            Self::Container => "container",
            Self::Unknown => "unknown",
        }
    }

    /// The class of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// A kind and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Which part.
    pub kind: Kind,
    /// Its hash.
    pub hash: PartHash,
}

/// The parts of a device, sorted, each once. Empty is normal: small virtual machines have nothing to show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint {
    class: Class,
    parts: Vec<Part>,
}

impl Fingerprint {
    /// The most parts that are taken: five kinds, and eight network addresses.
    pub const MAX_PARTS: usize = 16;

    /// Sorts the parts; what is there twice is there once, and what is too much is left out.
    #[must_use]
    pub fn new(class: Class, mut parts: Vec<Part>) -> Self {
        parts.sort_unstable();
        parts.dedup();
        parts.truncate(Self::MAX_PARTS);
        Self { class, parts }
    }

    /// What kind of machine it is.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// All parts, sorted.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The hashes of one kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = PartHash> + '_ {
        self.parts.iter().filter(move |part| part.kind == kind).map(|part| part.hash)
    }
}
