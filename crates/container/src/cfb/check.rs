//! Whether a compound file is as strict readers want it: compact, and every count right.

use std::collections::BTreeSet;
use std::fmt;

use super::read::{Compound, Kind, compare, words};
use super::{DIFSECT, ENDOFCHAIN, FATSECT, FREESECT, MINI_SECTOR};
use crate::read_at::ReadAt;
use crate::reader::{Error, Malformed, Problem};

/// The whole FAT is in memory: this many sectors are 32 GiB of version 4.
const MAX_SECTORS: u64 = 8 << 20;

/// One thing that a strict reader refuses or stumbles over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Defect {
    /// Bytes after the last sector in use.
    Trailing {
        /// How many.
        bytes: u64,
    },
    /// The file ends before its last sector does.
    CutShort {
        /// Bytes that are missing.
        bytes: u64,
    },
    /// Free sectors before the last one in use.
    Free {
        /// How many.
        sectors: u64,
    },
    /// Sectors that are marked as used and belong to nothing.
    Orphan {
        /// How many.
        sectors: u64,
    },
    /// Sectors that two things claim.
    Shared {
        /// How many.
        sectors: u64,
    },
    /// FAT or DIFAT sectors that the FAT does not mark as such.
    Unmarked {
        /// How many.
        sectors: u64,
    },
    /// The FAT names sectors that the file does not have.
    BeyondEnd {
        /// How many.
        sectors: u64,
    },
    /// FAT sectors without a single entry in use.
    EmptyFat {
        /// How many.
        sectors: u64,
    },
    /// A chain that is shorter or longer than what lies in it, or leaves the file.
    Chain {
        /// Whose: a directory entry's number, or `None` for the directory or the mini FAT itself.
        entry: Option<u32>,
    },
    /// The root entry's size is not a number of mini sectors that the mini FAT describes and all streams fit into.
    MiniStreamSize {
        /// What the entry says.
        found: u64,
        /// What would be right.
        expected: u64,
    },
    /// Free mini sectors in the mini stream.
    MiniFree {
        /// How many.
        sectors: u64,
    },
    /// Mini sectors that are marked as used and belong to nothing.
    MiniOrphan {
        /// How many.
        sectors: u64,
    },
    /// Mini sectors that two streams claim.
    MiniShared {
        /// How many.
        sectors: u64,
    },
    /// A version 4 header that counts the directory's sectors wrongly.
    DirectorySectors {
        /// What the header says.
        found: u64,
        /// How many there are.
        expected: u64,
    },
    /// Siblings that a search down the tree does not find.
    Order {
        /// The entry's number.
        entry: u32,
    },
    /// Red entries with red children.
    RedRed {
        /// The entry's number.
        entry: u32,
    },
    /// Directory entries in use that no tree reaches.
    Lost {
        /// How many.
        entries: u64,
    },
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trailing { bytes } => write!(f, "{bytes} bytes follow the last sector in use"),
            Self::CutShort { bytes } => write!(f, "the last sector lacks {bytes} bytes"),
            Self::Free { sectors } => write!(f, "{sectors} sectors inside the file are free"),
            Self::Orphan { sectors } => write!(f, "{sectors} sectors are marked as used and belong to nothing"),
            Self::Shared { sectors } => write!(f, "{sectors} sectors belong to two things"),
            Self::Unmarked { sectors } => write!(f, "{sectors} sectors of the FAT or DIFAT are not marked as such"),
            Self::BeyondEnd { sectors } => write!(f, "{sectors} sectors in the FAT lie beyond the end of the file"),
            Self::EmptyFat { sectors } => write!(f, "{sectors} FAT sectors are wholly free"),
            Self::Chain { entry: Some(id) } => write!(f, "the chain of directory entry {id} does not fit its size"),
            Self::Chain { entry: None } => f.write_str("the chain of the directory or the mini FAT is broken"),
            Self::MiniStreamSize { found, expected } => {
                write!(f, "the root entry gives the mini stream {found} bytes, must be {expected}")
            }
            Self::MiniFree { sectors } => write!(f, "{sectors} mini sectors are free"),
            Self::MiniOrphan { sectors } => {
                write!(f, "{sectors} mini sectors are marked as used and belong to nothing")
            }
            Self::MiniShared { sectors } => write!(f, "{sectors} mini sectors belong to two streams"),
            Self::DirectorySectors { found, expected } => {
                write!(f, "the header counts {found} directory sectors, must be {expected}")
            }
            Self::Order { entry } => write!(f, "directory entry {entry} is not where a search looks for it"),
            Self::RedRed { entry } => write!(f, "directory entry {entry} is red below a red one"),
            Self::Lost { entries } => write!(f, "{entries} directory entries in use are in no tree"),
        }
    }
}

impl Defect {
    /// Whether it is unused room in the mini stream. Windows takes signed packages with it: osslsigncode 2.9 and some vendors' tools
    /// leave one orphan, and published installers have free mini sectors at the end.
    #[must_use]
    pub const fn is_slack(&self) -> bool {
        matches!(self, Self::MiniFree { .. } | Self::MiniOrphan { .. })
    }
}

impl<R: ReadAt> Compound<R> {
    /// Reads the whole FAT and reports everything that is not as it should be.
    pub fn check(&self) -> Result<Vec<Defect>, Error> {
        let mut sectors = Claims::new(self.whole_fat()?);
        let mut defects = Vec::new();
        let unmarked = [(&self.fat.places, FATSECT), (&self.fat.difat, DIFSECT)]
            .into_iter()
            .flat_map(|(places, mark)| places.iter().map(move |place| (*place, mark)))
            .filter(|(place, mark)| !sectors.claim_one(*place, *mark))
            .count();
        note(&mut defects, unmarked as u64, |sectors| Defect::Unmarked { sectors });
        self.claim_chains(&mut sectors, &mut defects);
        let mut mini = Claims::new(self.mini_fat.clone());
        self.claim_mini(&mut mini, &mut defects);
        self.compare_counts(&sectors, &mut defects);
        self.check_tree(&mut defects);
        Ok(defects)
    }

    fn whole_fat(&self) -> Result<Vec<u32>, Error> {
        let found = (self.fat.places.len() as u64).saturating_mul(self.fat.sectors.entries());
        if found.max(self.fat.sectors.count()) > MAX_SECTORS {
            let problem =
                Problem::Value { field: "number of sectors", found, expected: "within the limit of this check" };
            return Err(Malformed { structure: "FAT", offset: Malformed::NOWHERE, problem }.into());
        }
        let mut all = Vec::new();
        for index in 0..self.fat.places.len() as u64 {
            all.extend(words(&self.fat.sector(&self.file, index)?));
        }
        Ok(all)
    }

    /// The directory, the mini FAT, the mini stream and all regular streams.
    fn claim_chains(&self, sectors: &mut Claims, defects: &mut Vec<Defect>) {
        let size = self.fat.sectors.size();
        let directory = sectors.claim_chain(self.header.directory_start);
        let mini_fat = sectors.claim_chain(self.header.mini_fat_start);
        if directory.is_none() || mini_fat.is_none() {
            defects.push(Defect::Chain { entry: None });
        }
        let expected = directory.unwrap_or(0);
        let found = u64::from(self.header.directory_sectors);
        if self.header.version == 4 && found != expected {
            defects.push(Defect::DirectorySectors { found, expected });
        }
        let root = self.root().into_iter().map(|root| (root, root.size));
        let regular = self.entries().iter().filter(|entry| entry.kind == Kind::Stream && !entry.is_mini());
        for (entry, bytes) in root.chain(regular.map(|entry| (entry, entry.size))) {
            let start = if bytes == 0 { ENDOFCHAIN } else { entry.start };
            if sectors.claim_chain(start) != Some(bytes.div_ceil(size)) {
                defects.push(Defect::Chain { entry: Some(entry.id) });
            }
        }
    }

    fn claim_mini(&self, mini: &mut Claims, defects: &mut Vec<Defect>) {
        for entry in self.entries().iter().filter(|entry| entry.kind == Kind::Stream && entry.is_mini()) {
            let start = if entry.size == 0 { ENDOFCHAIN } else { entry.start };
            if mini.claim_chain(start) != Some(entry.size.div_ceil(MINI_SECTOR)) {
                defects.push(Defect::Chain { entry: Some(entry.id) });
            }
        }
        let (needed, described) = (mini.claimed_end() * MINI_SECTOR, mini.next.len() as u64 * MINI_SECTOR);
        let found = self.root().map_or(0, |root| root.size);
        if found < needed || found > described || !found.is_multiple_of(MINI_SECTOR) {
            let expected = found.next_multiple_of(MINI_SECTOR).clamp(needed, described.max(needed));
            defects.push(Defect::MiniStreamSize { found, expected });
        }
        note(defects, mini.free_before(found / MINI_SECTOR), |sectors| Defect::MiniFree { sectors });
        note(defects, mini.orphans(), |sectors| Defect::MiniOrphan { sectors });
        note(defects, mini.shared, |sectors| Defect::MiniShared { sectors });
    }

    fn compare_counts(&self, sectors: &Claims, defects: &mut Vec<Defect>) {
        note(defects, sectors.free(), |sectors| Defect::Free { sectors });
        note(defects, sectors.orphans(), |sectors| Defect::Orphan { sectors });
        note(defects, sectors.shared, |sectors| Defect::Shared { sectors });
        let used = sectors.used();
        note(defects, used.saturating_sub(self.fat.sectors.count()), |sectors| Defect::BeyondEnd { sectors });
        let (end, len) = ((used + 1) << self.fat.sectors.shift, self.fat.sectors.file_len);
        note(defects, len.saturating_sub(end), |bytes| Defect::Trailing { bytes });
        if used <= self.fat.sectors.count() {
            note(defects, end.saturating_sub(len), |bytes| Defect::CutShort { bytes });
        }
        let needed = used.div_ceil(self.fat.sectors.entries());
        let empty = (self.fat.places.len() as u64).saturating_sub(needed);
        note(defects, empty, |sectors| Defect::EmptyFat { sectors });
    }

    fn check_tree(&self, defects: &mut Vec<Defect>) {
        let reached: BTreeSet<u32> = self.entries().iter().map(|entry| entry.id).collect();
        for pair in self.entries().windows(2) {
            let [a, b] = pair else { continue };
            if a.parent == b.parent && compare(&a.name, &b.name).is_ge() {
                defects.push(Defect::Order { entry: b.id });
            }
        }
        let red = |id: u32| usize::try_from(id).ok().and_then(|id| self.raw.get(id)).is_some_and(|raw| raw.red);
        for raw in self.raw.iter().filter(|raw| reached.contains(&raw.entry.id) && raw.red) {
            if red(raw.left) || red(raw.right) {
                defects.push(Defect::RedRed { entry: raw.entry.id });
            }
        }
        let lost = self.raw.iter().filter(|raw| raw.kind == 1 || raw.kind == 2).count() - reached.len();
        note(defects, lost as u64, |entries| Defect::Lost { entries });
    }
}

/// Adds a defect when there is something to count.
fn note(defects: &mut Vec<Defect>, count: u64, defect: impl FnOnce(u64) -> Defect) {
    if count > 0 {
        defects.push(defect(count));
    }
}

/// A FAT or mini FAT, and which of its sectors have been claimed.
struct Claims {
    next: Vec<u32>,
    claimed: Vec<bool>,
    shared: u64,
}

impl Claims {
    fn new(next: Vec<u32>) -> Self {
        Self { claimed: vec![false; next.len()], next, shared: 0 }
    }

    /// Claims a sector; false when it is not marked as `mark`.
    fn claim_one(&mut self, sector: u32, mark: u32) -> bool {
        self.claim(sector) == Some(mark)
    }

    /// Claims a sector and gives its FAT entry.
    fn claim(&mut self, sector: u32) -> Option<u32> {
        let at = usize::try_from(sector).ok()?;
        let claimed = self.claimed.get_mut(at)?;
        if std::mem::replace(claimed, true) {
            self.shared += 1;
            return None;
        }
        self.next.get(at).copied()
    }

    /// Claims a chain and gives its length; `None` when it breaks, or runs into sectors already claimed.
    fn claim_chain(&mut self, first: u32) -> Option<u64> {
        let (mut next, mut count) = (first, 0);
        while next != ENDOFCHAIN {
            next = self.claim(next)?;
            count += 1;
        }
        Some(count)
    }

    /// One more than the last sector that is not free.
    fn used(&self) -> u64 {
        self.next.iter().rposition(|next| *next != FREESECT).map_or(0, |last| last as u64 + 1)
    }

    /// One more than the last sector that something has claimed.
    fn claimed_end(&self) -> u64 {
        self.claimed.iter().rposition(|claimed| *claimed).map_or(0, |last| last as u64 + 1)
    }

    /// Free sectors before the last one in use.
    fn free(&self) -> u64 {
        self.free_before(self.used())
    }

    /// Free sectors among the first ones.
    fn free_before(&self, end: u64) -> u64 {
        let inside = usize::try_from(end).unwrap_or(usize::MAX);
        self.next.iter().take(inside).filter(|next| **next == FREESECT).count() as u64
    }

    /// Sectors in use that nothing has claimed.
    fn orphans(&self) -> u64 {
        self.next.iter().zip(&self.claimed).filter(|(next, claimed)| **next != FREESECT && !**claimed).count() as u64
    }
}
