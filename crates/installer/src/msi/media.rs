//! Media and cabinets: where in a package, or outside of it, a file's bytes are.

use std::collections::BTreeSet;

use container::ReadAt;
use container::cab::read::Cabinet;
use container::cfb::read::StreamAt;
use container::msidb::name::data_stream_name;
use container::msidb::summary::pid;

use crate::format::ReadError;

use super::read::{Installer, missing};

/// `File.Attributes`: not in a cabinet, and in one, whatever the package says in general.
const NONCOMPRESSED: i32 = 0x2000;
const COMPRESSED: i32 = 0x4000;
/// Word count: files are in cabinets unless a file says otherwise.
const IN_CABINETS: i32 = 2;

/// A row of the table Media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Medium {
    /// The last file that it has, by its sequence.
    pub(super) last_sequence: i32,
    pub(super) cabinet: Holder,
}

/// What holds the files of a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    /// No cabinet: they lie beside the package, each by itself.
    Loose,
    /// A stream of the package.
    Embedded(String),
    /// A cabinet beside the package.
    Outside(String),
}

impl Holder {
    fn from_cabinet(cabinet: &str) -> Self {
        match cabinet.strip_prefix('#') {
            Some(stream) => Self::Embedded(stream.to_owned()),
            None if cabinet.is_empty() => Self::Loose,
            None => Self::Outside(cabinet.to_owned()),
        }
    }
}

/// The embedded cabinets that media name, each once.
pub(super) fn embedded(media: &[Medium]) -> BTreeSet<&str> {
    let names = media.iter().filter_map(|medium| match &medium.cabinet {
        Holder::Embedded(name) => Some(name.as_str()),
        Holder::Loose | Holder::Outside(_) => None,
    });
    names.collect()
}

/// A cabinet inside a package.
pub(super) type Embedded<'i, 'f> = Cabinet<StreamAt<&'i &'f dyn ReadAt>>;

impl<'f> Installer<'f> {
    /// All media, in the order of their files.
    pub(super) fn media(&self) -> Result<Vec<Medium>, ReadError> {
        let Some(table) = self.database.table("Media")? else { return Ok(Vec::new()) };
        let medium = |row: container::msidb::Row<'_>| Medium {
            last_sequence: row.int("LastSequence").unwrap_or(0),
            cabinet: Holder::from_cabinet(&row.text("Cabinet").unwrap_or_default()),
        };
        let mut media: Vec<Medium> = table.rows().map(medium).collect();
        media.sort_by_key(|medium| medium.last_sequence);
        Ok(media)
    }

    /// A cabinet that the table Media names with `#`; none when there is no such stream.
    pub(super) fn embedded(&self, name: &str) -> Result<Option<Embedded<'_, 'f>>, ReadError> {
        let stream: Vec<u16> = data_stream_name(name).encode_utf16().collect();
        let Some(entry) = self.compound().find(&stream) else { return Ok(None) };
        Ok(Some(Cabinet::open(self.compound().stream(entry)?)?))
    }

    /// The one embedded cabinet that a package of ours has.
    pub(super) fn cabinet(&self) -> Result<Embedded<'_, 'f>, ReadError> {
        let media = self.media()?;
        let [Medium { cabinet: Holder::Embedded(name), .. }] = media.as_slice() else {
            return Err(missing("the one embedded cabinet of the table Media").into());
        };
        Ok(self.embedded(name)?.ok_or_else(|| missing("the cabinet's stream"))?)
    }

    /// The cabinets beside the package, by name.
    pub(super) fn cabinets_outside(&self) -> Result<Vec<String>, ReadError> {
        let name = |medium: Medium| match medium.cabinet {
            Holder::Outside(name) => Some(name),
            Holder::Loose | Holder::Embedded(_) => None,
        };
        Ok(self.media()?.into_iter().filter_map(name).collect())
    }

    /// What holds a file with this `File.Sequence` and these attributes; none when no medium has its sequence.
    pub(super) fn holder<'m>(&self, media: &'m [Medium], sequence: i32, attributes: i32) -> Option<&'m Holder> {
        let compressed = match attributes & (NONCOMPRESSED | COMPRESSED) {
            NONCOMPRESSED => false,
            COMPRESSED => true,
            _ => self.summary.int(pid::WORD_COUNT).unwrap_or(0) & IN_CABINETS != 0,
        };
        // Media are sorted.
        let medium = media.get(media.partition_point(|medium| medium.last_sequence < sequence))?;
        Some(if compressed { &medium.cabinet } else { &Holder::Loose })
    }
}
