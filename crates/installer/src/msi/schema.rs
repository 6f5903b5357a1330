//! The columns of every table that we write: names, types and rules as the Windows SDK's `schema.msi` has them, which packages
//! made on Windows carry along, for `_Columns` and `_Validation`.
//!
//! The widths are those of the SDK's schema. A string column without a limit is 0: the `msi` crate writes a width over
//! 255 into the neighbouring bits.

use msi::Category::{
    self, Cabinet, Condition, CustomSource, DefaultDir, Filename, Formatted, FormattedSddlText, Guid, Identifier,
    Language, Property, RegPath, Text, UpperCase, Version, WildCardFilename,
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
    /// The table whose key the values are, or several with semicolons between.
    pub(super) refers: Option<&'static str>,
    /// The smallest and the largest number.
    pub(super) range: Option<(i32, i32)>,
    /// The only values that there are.
    pub(super) set: &'static [&'static str],
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

    const fn one_of(mut self, set: &'static [&'static str]) -> Self {
        self.set = set;
        self
    }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, key: false, nullable: false, refers: None, range: None, set: &[] }
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

/// The bits of `Feature.Attributes` in all combinations that mean something.
const FEATURE_ATTRIBUTES: &[&str] = &[
    "0", "1", "2", "4", "5", "6", "8", "9", "10", "16", "17", "18", "20", "21", "22", "24", "25", "26", "32", "33",
    "34", "36", "37", "38", "48", "49", "50", "52", "53", "54",
];

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
            id("KeyPath").null().to("File;Registry;ODBCDataSource"),
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
            short("Attributes").one_of(FEATURE_ATTRIBUTES),
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
            // A companion file's key, or a version.
            text("Version", 72, Version).null().to("File"),
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
            text("Cabinet", 255, Cabinet).null(),
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
        "Environment",
        &[
            id("Environment").key(),
            localized("Name", 255, Text),
            localized("Value", 255, Formatted).null(),
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
    (
        "AppSearch",
        &[id("Property").key(), id("Signature_").key().to("Signature;RegLocator;IniLocator;DrLocator;CompLocator")],
    ),
    ("CreateFolder", &[id("Directory_").key().to("Directory"), component().key()]),
    (
        "RemoveFile",
        &[
            id("FileKey").key(),
            component(),
            localized("FileName", 255, WildCardFilename).null(),
            id("DirProperty"),
            short("InstallMode").one_of(&["1", "2", "3"]),
        ],
    ),
    (
        "ServiceInstall",
        &[
            id("ServiceInstall").key(),
            text("Name", 255, Formatted),
            localized("DisplayName", 255, Formatted).null(),
            long("ServiceType").within(-i32::MAX, i32::MAX),
            long("StartType").within(0, 4),
            long("ErrorControl").within(-i32::MAX, i32::MAX),
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
            text("Table", 32, Identifier).one_of(&["CreateFolder", "File", "Registry", "ServiceInstall"]),
            text("SDDLText", 0, FormattedSddlText),
            text("Condition", 255, Formatted).null(),
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
