//! The columns of every table that we write: names, types and rules as Microsoft's reference has them ("Windows
//! Installer Database Reference"), for `_Columns` and `_Validation`.
//!
//! The widths are those of the SDK's schema. A string column without a limit is 0: the `msi` crate writes a width over
//! 255 into the neighbouring bits.

use msi::Category::{
    self, Condition, CustomSource, DefaultDir, Filename, Formatted, FormattedSddlText, Guid, Identifier, Language,
    Property, RegPath, Text, UpperCase, Version, WildCardFilename,
};

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A string of at most so many characters, 0 for no limit.
    Text(u8, Category),
    /// The same, and a transform may translate it.
    Localized(u8, Category),
    /// A 16-bit number.
    Short,
    /// A 32-bit number.
    Long,
    /// A stream of its own, named by the table and the row's key.
    Binary,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) key: bool,
    pub(super) nullable: bool,
    /// The table whose key the values are.
    pub(super) refers: Option<&'static str>,
    /// The smallest and the largest number.
    pub(super) range: Option<(i32, i32)>,
}

impl Column {
    const fn key(mut self) -> Self {
        self.key = true;
        self
    }

    const fn null(mut self) -> Self {
        self.nullable = true;
        self
    }

    const fn to(mut self, table: &'static str) -> Self {
        self.refers = Some(table);
        self
    }

    const fn within(mut self, min: i32, max: i32) -> Self {
        self.range = Some((min, max));
        self
    }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, key: false, nullable: false, refers: None, range: None }
}

const fn text(name: &'static str, width: u8, category: Category) -> Column {
    column(name, Kind::Text(width, category))
}

const fn localized(name: &'static str, width: u8, category: Category) -> Column {
    column(name, Kind::Localized(width, category))
}

const fn id(name: &'static str) -> Column {
    text(name, 72, Identifier)
}

const fn short(name: &'static str) -> Column {
    column(name, Kind::Short)
}

const fn long(name: &'static str) -> Column {
    column(name, Kind::Long)
}

const fn component() -> Column {
    id("Component_").to("Component")
}

/// All sequence tables have these columns.
const SEQUENCE: &[Column] =
    &[id("Action").key(), text("Condition", 255, Condition).null(), short("Sequence").null().within(-4, 32_767)];

/// The tables, in the order in which their strings enter the pool.
///
/// `Property` is first, so that its keys have the lowest numbers, and a key that a stamp adds is the last row.
pub(super) const TABLES: &[(&str, &[Column])] = &[
    ("Property", &[id("Property").key(), localized("Value", 0, Text)]),
    (
        "Directory",
        &[
            id("Directory").key(),
            id("Directory_Parent").null().to("Directory"),
            localized("DefaultDir", 255, DefaultDir),
        ],
    ),
    (
        "Component",
        &[
            id("Component").key(),
            text("ComponentId", 38, Guid).null(),
            id("Directory_").to("Directory"),
            short("Attributes"),
            text("Condition", 255, Condition).null(),
            id("KeyPath").null(),
        ],
    ),
    (
        "Feature",
        &[
            text("Feature", 38, Identifier).key(),
            text("Feature_Parent", 38, Identifier).null().to("Feature"),
            localized("Title", 64, Text).null(),
            localized("Description", 255, Text).null(),
            short("Display").null().within(0, 32_767),
            short("Level").within(0, 32_767),
            text("Directory_", 72, UpperCase).null().to("Directory"),
            short("Attributes"),
        ],
    ),
    ("FeatureComponents", &[text("Feature_", 38, Identifier).key().to("Feature"), component().key()]),
    (
        "File",
        &[
            id("File").key(),
            component(),
            localized("FileName", 255, Filename),
            long("FileSize").within(0, i32::MAX),
            text("Version", 72, Version).null(),
            text("Language", 20, Language).null(),
            short("Attributes").null().within(0, 32_767),
            long("Sequence").within(1, i32::MAX),
        ],
    ),
    (
        "MsiFileHash",
        &[
            id("File_").key().to("File"),
            short("Options").within(0, 32_767),
            long("HashPart1"),
            long("HashPart2"),
            long("HashPart3"),
            long("HashPart4"),
        ],
    ),
    (
        "Media",
        &[
            short("DiskId").key().within(1, 32_767),
            long("LastSequence").within(0, i32::MAX),
            localized("DiskPrompt", 64, Text).null(),
            // Category Cabinet wants `#` and an identifier; see `super::ids::CABINET` for why ours is none.
            text("Cabinet", 255, Text).null(),
            text("VolumeLabel", 32, Text).null(),
            text("Source", 72, Property).null(),
        ],
    ),
    (
        "Registry",
        &[
            id("Registry").key(),
            short("Root").within(-1, 3),
            localized("Key", 255, RegPath),
            localized("Name", 255, Formatted).null(),
            localized("Value", 0, Formatted).null(),
            component(),
        ],
    ),
    (
        "RegLocator",
        &[
            id("Signature_").key(),
            short("Root").within(0, 3),
            text("Key", 255, RegPath),
            text("Name", 255, Formatted).null(),
            short("Type").null().within(0, 18),
        ],
    ),
    ("AppSearch", &[id("Property").key(), id("Signature_").key()]),
    ("CreateFolder", &[id("Directory_").key().to("Directory"), component().key()]),
    (
        "RemoveFile",
        &[
            id("FileKey").key(),
            component(),
            localized("FileName", 255, WildCardFilename).null(),
            id("DirProperty"),
            short("InstallMode").within(1, 3),
        ],
    ),
    (
        "ServiceInstall",
        &[
            id("ServiceInstall").key(),
            text("Name", 255, Formatted),
            localized("DisplayName", 255, Formatted).null(),
            long("ServiceType"),
            long("StartType").within(0, 4),
            long("ErrorControl"),
            text("LoadOrderGroup", 255, Formatted).null(),
            text("Dependencies", 255, Formatted).null(),
            text("StartName", 255, Formatted).null(),
            text("Password", 255, Formatted).null(),
            text("Arguments", 255, Formatted).null(),
            component(),
            localized("Description", 255, Text).null(),
        ],
    ),
    (
        "ServiceControl",
        &[
            id("ServiceControl").key(),
            localized("Name", 255, Formatted),
            short("Event").within(0, 187),
            localized("Arguments", 255, Formatted).null(),
            short("Wait").null().within(0, 1),
            component(),
        ],
    ),
    (
        "MsiLockPermissionsEx",
        &[
            id("MsiLockPermissionsEx").key(),
            id("LockObject"),
            text("Table", 32, Text),
            text("SDDLText", 0, FormattedSddlText),
            text("Condition", 255, Condition).null(),
        ],
    ),
    (
        "Upgrade",
        &[
            text("UpgradeCode", 38, Guid).key(),
            text("VersionMin", 20, Text).key().null(),
            text("VersionMax", 20, Text).key().null(),
            text("Language", 255, Language).key().null(),
            long("Attributes").key().within(0, i32::MAX),
            text("Remove", 255, Formatted).null(),
            text("ActionProperty", 72, UpperCase),
        ],
    ),
    (
        "CustomAction",
        &[
            id("Action").key(),
            short("Type").within(1, 32_767),
            text("Source", 72, CustomSource).null(),
            text("Target", 255, Formatted).null(),
            long("ExtendedType").null().within(0, i32::MAX),
        ],
    ),
    ("Binary", &[id("Name").key(), column("Data", Kind::Binary)]),
    ("InstallExecuteSequence", SEQUENCE),
    ("InstallUISequence", SEQUENCE),
    ("AdminExecuteSequence", SEQUENCE),
    ("AdminUISequence", SEQUENCE),
    ("AdvtExecuteSequence", SEQUENCE),
];
