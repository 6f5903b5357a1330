//! How much two fingerprints say that they are of one device.
//!
//! The score is the weight of the kinds in which both are equal, by the weight of the kinds that both have. A part that many devices share
//! is *common* and weighs nothing, on whichever side it stands.

use std::collections::BTreeSet;

use crate::fingerprint::{Class, Fingerprint, Kind, Part, PartHash};

/// Two fingerprints beside each other, as an admin is shown them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Kinds that both have with an equal value.
    pub equal: Vec<Kind>,
    /// Kinds that both have with different values.
    pub differing: Vec<Kind>,
    /// What it comes to.
    pub(crate) verdict: Verdict,
}

/// What two fingerprints come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Two devices, as far as anybody can tell.
    New,
    /// Probably one device, with parts replaced.
    Likely,
    /// At least two kinds are equal and none differs.
    Same,
}

/// Compares two fingerprints. `common` has the parts that weigh nothing.
#[must_use]
pub fn compare(one: &Fingerprint, other: &Fingerprint, common: &BTreeSet<Part>) -> Match {
    let mut found = Match { equal: Vec::new(), differing: Vec::new(), verdict: Verdict::New };
    for kind in Kind::ALL {
        let counting = |fingerprint: &Fingerprint| -> BTreeSet<PartHash> {
            fingerprint.of(kind).filter(|hash| !common.contains(&Part { kind, hash: *hash })).collect()
        };
        let (left, right) = (counting(one), counting(other));
        if left.is_empty() || right.is_empty() {
            continue;
        }
        let list = if left.is_disjoint(&right) { &mut found.differing } else { &mut found.equal };
        list.push(kind);
    }
    found.verdict = verdict(&found, one.class(), other.class());
    found
}

fn verdict(found: &Match, one: Class, other: Class) -> Verdict {
    let weighing = |kinds: &[Kind]| kinds.iter().filter(|kind| kind.weight() > 0).count();
    let weight = |kinds: &[Kind]| kinds.iter().map(|kind| kind.weight()).sum::<u32>();
    let (equal, differing) = (weight(&found.equal), weight(&found.differing));
    let verdict = match () {
        () if weighing(&found.equal) >= 2 && weighing(&found.differing) == 0 => Verdict::Same,
        () if equal >= 3 && equal * 2 >= equal + differing => Verdict::Likely,
        () => Verdict::New,
    };
    match (one, other) {
        // A container shows its host's hardware.
        (Class::Container, _) | (_, Class::Container) => Verdict::New,
        (Class::Vm, _) | (_, Class::Vm) if verdict != Verdict::Same => Verdict::New,
        _ => verdict,
    }
}

/// How long three devices with one part may lie apart to make it common.
const CROWD_SECS: u64 = 24 * 3600;
/// How many devices with one part make it common.
const CROWD: usize = 3;

/// Is a part shared by several devices? `seen` has the check-ins of records with this part: record and second, oldest first.
///
/// Two records that check in by turns (the old one again after the new one) are two devices: a reinstalled device never does that. So are
/// three records within a day.
#[must_use]
pub fn is_common<R: Ord>(seen: &[(R, u64)]) -> bool {
    let mut left_behind = BTreeSet::new();
    let mut current: Option<&R> = None;
    for (record, _) in seen {
        if current != Some(record) {
            if left_behind.contains(record) {
                return true;
            }
            left_behind.extend(current.replace(record));
        }
    }
    seen.iter().any(|(_, from)| {
        let day = |at: u64| at >= *from && at - from <= CROWD_SECS;
        seen.iter().filter(|(_, at)| day(*at)).map(|(record, _)| record).collect::<BTreeSet<_>>().len() >= CROWD
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(kind: Kind, value: u8) -> Part {
        Part { kind, hash: [value; 16] }
    }

    fn device(class: Class, parts: &[(Kind, u8)]) -> Fingerprint {
        Fingerprint::new(class, parts.iter().map(|(kind, value)| part(*kind, *value)).collect())
    }

    fn physical(parts: &[(Kind, u8)]) -> Fingerprint {
        device(Class::Physical, parts)
    }

    const ALL: [(Kind, u8); 4] =
        [(Kind::SystemUuid, 1), (Kind::BoardSerial, 2), (Kind::SystemSerial, 3), (Kind::Mac, 4)];

    fn verdict_of(one: &Fingerprint, other: &Fingerprint) -> Verdict {
        compare(one, other, &BTreeSet::new()).verdict
    }

    #[test]
    fn a_reinstalled_device_is_the_same() {
        let mut reinstalled = ALL.to_vec();
        reinstalled.push((Kind::OsInstance, 9));
        assert_eq!(verdict_of(&physical(&ALL), &physical(&reinstalled)), Verdict::Same);
    }

    #[test]
    fn a_swapped_board_with_the_tag_and_the_wireless_card_kept_is_likely() {
        let swapped =
            physical(&[(Kind::SystemUuid, 11), (Kind::BoardSerial, 12), (Kind::SystemSerial, 3), (Kind::Mac, 4)]);
        assert_eq!(verdict_of(&physical(&ALL), &swapped), Verdict::Likely);
        let gone =
            physical(&[(Kind::SystemUuid, 11), (Kind::BoardSerial, 12), (Kind::SystemSerial, 13), (Kind::Mac, 4)]);
        assert_eq!(verdict_of(&physical(&ALL), &gone), Verdict::New);
    }

    #[test]
    fn one_equal_address_of_several_is_enough() {
        let docked = physical(&[(Kind::Mac, 4), (Kind::Mac, 5), (Kind::SystemSerial, 3)]);
        let alone = physical(&[(Kind::Mac, 5), (Kind::SystemSerial, 3)]);
        assert_eq!(verdict_of(&docked, &alone), Verdict::Same);
    }

    #[test]
    fn a_processor_and_an_installation_alone_say_nothing() {
        let parts = [(Kind::Cpu, 1), (Kind::OsInstance, 2)];
        assert_eq!(verdict_of(&physical(&parts), &physical(&parts)), Verdict::New);
        assert_eq!(verdict_of(&Fingerprint::default(), &Fingerprint::default()), Verdict::New);
    }

    #[test]
    fn containers_never_match_and_virtual_machines_only_as_a_whole() {
        assert_eq!(verdict_of(&device(Class::Container, &ALL), &device(Class::Container, &ALL)), Verdict::New);
        assert_eq!(verdict_of(&device(Class::Vm, &ALL), &device(Class::Vm, &ALL)), Verdict::Same);
        let likely = [(Kind::SystemUuid, 1), (Kind::BoardSerial, 2), (Kind::SystemSerial, 30), (Kind::Mac, 4)];
        assert_eq!(verdict_of(&device(Class::Vm, &ALL), &device(Class::Vm, &likely)), Verdict::New);
    }

    #[test]
    fn what_many_share_weighs_nothing() {
        let shared: BTreeSet<Part> = [part(Kind::SystemUuid, 1), part(Kind::BoardSerial, 2)].into_iter().collect();
        let board = physical(&[(Kind::SystemUuid, 1), (Kind::BoardSerial, 2)]);
        assert_eq!(compare(&board, &board, &shared).verdict, Verdict::New);
    }

    #[test]
    fn records_that_take_turns_share_a_part() {
        assert!(is_common(&[("old", 0), ("new", 100_000), ("old", 200_000)]));
        assert!(!is_common(&[("old", 0), ("old", 50_000), ("new", 100_000), ("new", 200_000)]));
        assert!(is_common(&[("a", 0), ("b", 10), ("c", 20)]));
        assert!(!is_common(&[("a", 0), ("b", 100_000), ("c", 200_000)]));
    }
}
