//! The tags of both headers, by their names in rpm's `rpmtag.h`.

macro_rules! tags {
    ($names:ident: $($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        $($(#[$doc])* pub const $name: u32 = $number;)*
        static $names: &[(u32, &str)] = &[$(($number, stringify!($name))),*];
    };
}

/// The tags of the signature header.
pub mod signature {
    tags! { NAMES:
        /// The region of the signature header.
        HEADERSIGNATURES = 62,
        /// DSA, ECDSA or EdDSA over the header: an OpenPGP packet.
        DSA = 267,
        /// RSA over the header: an OpenPGP packet.
        RSA = 268,
        /// SHA-1 of the header, in hexadecimal digits.
        SHA1 = 269,
        /// Header and payload in bytes, 64 bits.
        LONGSIZE = 270,
        /// The payload's length when decoded, 64 bits.
        LONGARCHIVESIZE = 271,
        /// SHA-256 of the header, in hexadecimal digits. One page of rpm's documentation prints 272; its code has 273.
        SHA256 = 273,
        /// IMA signatures of the files.
        FILESIGNATURES = 274,
        /// Length of one IMA signature.
        FILESIGNATURELENGTH = 275,
        /// fs-verity signatures.
        VERITYSIGNATURES = 276,
        /// OpenPGP signatures in base64, which rpm 6 reads.
        OPENPGP = 278,
        /// SHA3-256 of the header (format 6).
        SHA3_256 = 279,
        /// Zeros kept for signatures (format 6).
        RESERVED = 999,
        /// Header and payload in bytes.
        SIZE = 1000,
        /// OpenPGP over header and payload.
        PGP = 1002,
        /// MD5 over header and payload.
        MD5 = 1004,
        /// OpenPGP over header and payload.
        GPG = 1005,
        /// The payload's length when decoded.
        PAYLOADSIZE = 1007,
        /// Zeros kept for signatures.
        RESERVEDSPACE = 1008,
    }

    /// A tag's name.
    #[must_use]
    pub fn name(tag: u32) -> Option<&'static str> {
        NAMES.iter().find(|(number, _)| *number == tag).map(|(_, name)| *name)
    }
}

tags! { NAMES:
    /// The region of the header.
    HEADERIMMUTABLE = 63,
    /// The locales of translated text.
    HEADERI18NTABLE = 100,
    /// The package's name.
    NAME = 1000,
    /// Its version.
    VERSION = 1001,
    /// Its release.
    RELEASE = 1002,
    /// A number before the version.
    EPOCH = 1003,
    /// One line.
    SUMMARY = 1004,
    /// Some lines.
    DESCRIPTION = 1005,
    /// When it was built.
    BUILDTIME = 1006,
    /// Where it was built.
    BUILDHOST = 1007,
    /// What its files need on the disk.
    SIZE = 1009,
    /// Who distributes it.
    DISTRIBUTION = 1010,
    /// Who made it.
    VENDOR = 1011,
    /// An SPDX expression.
    LICENSE = 1014,
    /// Who packed it.
    PACKAGER = 1015,
    /// A group of packages, from an old list.
    GROUP = 1016,
    /// A web address.
    URL = 1020,
    /// The operating system.
    OS = 1021,
    /// The architecture.
    ARCH = 1022,
    /// The script before the installation.
    PREIN = 1023,
    /// The script after the installation.
    POSTIN = 1024,
    /// The script before the removal.
    PREUN = 1025,
    /// The script after the removal.
    POSTUN = 1026,
    /// Full paths, in old packages.
    OLDFILENAMES = 1027,
    /// Each file's length.
    FILESIZES = 1028,
    /// Each file's type and permissions.
    FILEMODES = 1030,
    /// Each device's number.
    FILERDEVS = 1033,
    /// Each file's time.
    FILEMTIMES = 1034,
    /// Each file's digest, in hexadecimal digits.
    FILEDIGESTS = 1035,
    /// Each symbolic link's target.
    FILELINKTOS = 1036,
    /// What each file is to the package.
    FILEFLAGS = 1037,
    /// Each file's owner.
    FILEUSERNAME = 1039,
    /// Each file's group.
    FILEGROUPNAME = 1040,
    /// The source package's file name; what has none is a source package.
    SOURCERPM = 1044,
    /// What `rpm -V` compares of each file.
    FILEVERIFYFLAGS = 1045,
    /// What it provides.
    PROVIDENAME = 1047,
    /// How the versions of what it requires compare.
    REQUIREFLAGS = 1048,
    /// What it requires.
    REQUIRENAME = 1049,
    /// Versions of what it requires.
    REQUIREVERSION = 1050,
    /// What it conflicts with.
    CONFLICTNAME = 1054,
    /// rpm's own version.
    RPMVERSION = 1064,
    /// The times of the entries of the change log.
    CHANGELOGTIME = 1080,
    /// Their authors.
    CHANGELOGNAME = 1081,
    /// Their texts.
    CHANGELOGTEXT = 1082,
    /// What runs the script before the installation.
    PREINPROG = 1085,
    /// What runs the script after the installation.
    POSTINPROG = 1086,
    /// What runs the script before the removal.
    PREUNPROG = 1087,
    /// What runs the script after the removal.
    POSTUNPROG = 1088,
    /// What it takes the place of.
    OBSOLETENAME = 1090,
    /// Each file's device.
    FILEDEVICES = 1095,
    /// Each file's inode.
    FILEINODES = 1096,
    /// Each file's language.
    FILELANGS = 1097,
    /// How the versions of what it provides compare.
    PROVIDEFLAGS = 1112,
    /// Versions of what it provides.
    PROVIDEVERSION = 1113,
    /// Each file's folder, as a number in `DIRNAMES`.
    DIRINDEXES = 1116,
    /// Each file's name in its folder.
    BASENAMES = 1117,
    /// The folders, each with a final slash.
    DIRNAMES = 1118,
    /// `cpio`.
    PAYLOADFORMAT = 1124,
    /// `gzip`, `zstd`, `xz`; `gzip` where it is missing.
    PAYLOADCOMPRESSOR = 1125,
    /// The level.
    PAYLOADFLAGS = 1126,
    /// The script before the transaction.
    PRETRANS = 1151,
    /// The script after the transaction.
    POSTTRANS = 1152,
    /// What runs the script before the transaction.
    PRETRANSPROG = 1153,
    /// What runs the script after the transaction.
    POSTTRANSPROG = 1154,
    /// Each file's length, 64 bits.
    LONGFILESIZES = 5008,
    /// What its files need on the disk, 64 bits.
    LONGSIZE = 5009,
    /// The algorithm of the files' digests, by its number in OpenPGP; MD5 where it is missing.
    FILEDIGESTALGO = 5011,
    /// The text's encoding.
    ENCODING = 5062,
    /// The payload's digest as it lies in the file, in hexadecimal digits.
    PAYLOADDIGEST = 5092,
    /// The algorithm of the payload's digest.
    PAYLOADDIGESTALGO = 5093,
    /// The digest of the payload when decoded.
    PAYLOADDIGESTALT = 5097,
}

/// A tag's name.
#[must_use]
pub fn name(tag: u32) -> Option<&'static str> {
    NAMES.iter().find(|(number, _)| *number == tag).map(|(_, name)| *name)
}
