//! Reading a package the way Windows Installer does: compound file, string pool, catalog, tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use container::ReadAt;
use container::cfb::MSI_CLSID;
use container::cfb::read::Compound;
use container::msidb::name::{DIGITAL_SIGNATURE, SUMMARY_INFORMATION, data_stream_name};
use container::msidb::summary::pid;
use container::msidb::{Database, Streams, Summary, Table};
use container::reader::{Error, Malformed, Problem};

use crate::claims::IssuerKeys;
use crate::format::{Inspection, Kind, ReadError, TokenSummary};
use crate::token::Token;

/// A summary information has some hundred bytes.
const MAX_SUMMARY_BYTES: usize = 64 << 10;

/// {000C1086-0000-0000-C000-000000000046}: a patch.
const PATCH_CLSID: [u8; 16] = class_of(0x86);
/// {000C1082-0000-0000-C000-000000000046}: a transform.
const TRANSFORM_CLSID: [u8; 16] = class_of(0x82);

/// Windows Installer's classes, which differ in one byte.
const fn class_of(last: u8) -> [u8; 16] {
    [last, 0x10, 0x0C, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46]
}

/// What a file is that is no package.
const fn other(what: &'static str) -> Malformed {
    Malformed { structure: "installer", offset: Malformed::NOWHERE, problem: Problem::Text { what } }
}

/// The streams of a compound file, by their packed names.
pub(super) struct File<'f>(pub(super) Arc<Compound<&'f dyn ReadAt>>);

impl Streams for File<'_> {
    fn stream(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, Error> {
        let name: Vec<u16> = name.encode_utf16().collect();
        self.0.find(&name).map(|entry| self.0.read(entry, limit)).transpose()
    }
}

/// Opens a package's compound file: no more than a signature is about.
pub(super) fn compound(file: &dyn ReadAt) -> Result<Compound<&dyn ReadAt>, ReadError> {
    let compound = Compound::open(file)?;
    match compound.clsid() {
        MSI_CLSID => Ok(compound),
        PATCH_CLSID => Err(other("it is a patch of Windows Installer (.msp), not a package").into()),
        TRANSFORM_CLSID => Err(other("it is a transform of Windows Installer (.mst), not a package").into()),
        _ => Err(missing("the class of a Windows Installer database").into()),
    }
}

/// An open package.
pub(super) struct Installer<'f> {
    pub(super) database: Database<File<'f>>,
    pub(super) summary: Summary,
}

impl<'f> Installer<'f> {
    /// Reads the directory, the catalog and the summary information.
    pub(super) fn open(file: &'f dyn ReadAt) -> Result<Self, ReadError> {
        Self::over(Arc::new(compound(file)?))
    }

    /// Reads the catalog and the summary information of a compound file.
    pub(super) fn over(compound: Arc<Compound<&'f dyn ReadAt>>) -> Result<Self, ReadError> {
        let streams = File(compound);
        let summary = streams
            .stream(SUMMARY_INFORMATION, MAX_SUMMARY_BYTES)?
            .ok_or_else(|| missing("the summary information"))?;
        let database = Database::open(streams)?;
        let has = |name| database.tables().any(|table| table == name);
        if has("ModuleSignature") {
            return Err(other("it is a merge module (.msm), a part for packages, not a package").into());
        }
        if has("UpgradedImages") && !has("Property") {
            return Err(other("it is a patch creation file (.pcp), what a patch is made from, not a package").into());
        }
        Ok(Self { summary: Summary::read(&summary)?, database })
    }

    pub(super) fn compound(&self) -> &Compound<&'f dyn ReadAt> {
        &self.database.streams().0
    }

    /// A table that every package has.
    pub(super) fn required(&self, name: &'static str) -> Result<Table<'_>, ReadError> {
        Ok(self.database.table(name)?.ok_or_else(|| missing(name))?)
    }

    /// All properties. Of two rows with one key, which cannot be, the first counts.
    pub(super) fn properties(&self) -> Result<BTreeMap<String, String>, ReadError> {
        let table = self.required("Property")?;
        let mut properties = BTreeMap::new();
        for row in table.rows() {
            if let (Some(key), Some(value)) = (row.text("Property"), row.text("Value")) {
                properties.entry(key.into_owned()).or_insert_with(|| value.into_owned());
            }
        }
        Ok(properties)
    }

    /// The token, looked up as Windows Installer does: the rows are searched by halves, so a row in the wrong place is not
    /// there.
    pub(super) fn token(&self) -> Result<Option<Token>, ReadError> {
        let table = self.required("Property")?;
        let mut before = None;
        for row in table.rows() {
            let key: Vec<_> = row.key().collect();
            if before.as_ref().is_some_and(|before| *before >= key) {
                let problem = Problem::Data { what: "its rows are not sorted" };
                return Err(Malformed { structure: "table Property", offset: Malformed::NOWHERE, problem }.into());
            }
            before = Some(key);
        }
        let found = table.find("Property", "ENROLLMENTTOKEN").and_then(|row| row.text("Value"));
        found.map(|value| exactly(&value)).transpose()
    }

    /// What the issuer's keys are, by the row that needs no cabinet.
    pub(super) fn issuer_keys(&self) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(table) = self.database.table("Binary")? else { return Ok(None) };
        if table.find("Name", "IssuerKeys").is_none() {
            return Ok(None);
        }
        let stream = self.database.streams().stream(&data_stream_name("Binary.IssuerKeys"), IssuerKeys::MAX_BYTES)?;
        Ok(Some(stream.ok_or_else(|| missing("the stream Binary.IssuerKeys"))?))
    }

    /// Whether there is a signature.
    pub(super) fn is_signed(&self) -> bool {
        let name: Vec<u16> = DIGITAL_SIGNATURE.encode_utf16().collect();
        self.compound().find(&name).is_some()
    }

    /// Whether this tool has built it.
    pub(super) fn is_ours(&self) -> Result<bool, ReadError> {
        let property = self.required("Property")?;
        Ok(property.find("Property", super::identity::TOOL_VERSION).is_some())
    }

    pub(super) fn inspect(&self) -> Result<Inspection, ReadError> {
        let properties = self.properties()?;
        let get = |key: &'static str| properties.get(key).cloned().ok_or_else(|| missing(key));
        let template = self.summary.text(pid::TEMPLATE).unwrap_or_default();
        let arch = template.split(';').next().unwrap_or_default().to_owned();
        let mut details = BTreeMap::new();
        for key in ["ProductCode", "UpgradeCode", "Manufacturer", super::identity::TOOL_VERSION] {
            if let Some(value) = properties.get(key) {
                details.insert(key, value.clone());
            }
        }
        if let Some(code) = self.summary.text(pid::REVISION) {
            details.insert("PackageCode", code.to_owned());
        }
        let outside = self.cabinets_outside()?;
        if !outside.is_empty() {
            details.insert("CabinetsOutside", outside.join(", "));
        }
        Ok(Inspection {
            kind: Kind::Msi,
            product: get("ProductName")?,
            version: get("ProductVersion")?,
            arch,
            token: self.token()?.as_ref().map(TokenSummary::from),
            signed: self.is_signed(),
            is_ours: self.is_ours()?,
            details,
        })
    }
}

/// A property's value as a token: what stands there, not what remains of it after trimming.
fn exactly(value: &str) -> Result<Token, ReadError> {
    let place = "property ENROLLMENTTOKEN";
    let token = Token::parse(value.as_bytes()).map_err(|source| ReadError::Token { place, source })?;
    if token.len() != value.len() {
        let problem = Problem::Text { what: "the token ends in a line ending" };
        return Err(Malformed { structure: place, offset: Malformed::NOWHERE, problem }.into());
    }
    Ok(token)
}

/// The package lacks something.
pub(super) fn missing(what: &'static str) -> Malformed {
    Malformed { structure: "installer database", offset: Malformed::NOWHERE, problem: Problem::Missing { what } }
}
