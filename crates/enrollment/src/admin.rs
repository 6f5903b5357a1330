//! What an admin does to two records of one device.

use crate::records::Device;

/// The record that stays of two, and the one that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The older id, with the key, hardware and generation of the record that was seen last.
    pub kept: Device,
    /// The id that goes; its history moves to the other.
    pub dropped: String,
}

/// Makes one record of two. None for records of two tenants, and for a record and itself.
#[must_use]
pub fn merge(one: &Device, other: &Device) -> Option<Merge> {
    if one.tenant != other.tenant || one.id == other.id {
        return None;
    }
    let age = |device: &Device| (device.enrolled, device.id.clone());
    let (older, newer) = if age(one) <= age(other) { (one, other) } else { (other, one) };
    let seen = |device: &Device| (!device.retired, device.last_seen, device.enrolled);
    let living = if seen(newer) >= seen(older) { newer } else { older };
    let kept = Device { id: older.id.clone(), enrolled: older.enrolled, ..living.clone() };
    Some(Merge { kept, dropped: newer.id.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Fingerprint;

    fn device(id: &str, enrolled: u64, last_seen: u64) -> Device {
        Device {
            id: id.into(),
            tenant: "t".into(),
            key: format!("key of {id}"),
            enrolled,
            confirmed: true,
            last_seen: Some(last_seen),
            retired: false,
            offline: false,
            fingerprint: Fingerprint::default(),
            generation: 1,
            generation_before: 0,
        }
    }

    #[test]
    fn a_merge_keeps_the_older_id_and_the_living_key() {
        let merged = merge(&device("new", 200, 900), &device("old", 100, 150)).unwrap();
        assert_eq!((merged.kept.id.as_str(), merged.kept.key.as_str()), ("old", "key of new"));
        assert_eq!((merged.kept.enrolled, merged.dropped.as_str()), (100, "new"));
    }

    #[test]
    fn records_of_two_tenants_are_not_merged() {
        let other = Device { tenant: "u".into(), ..device("new", 200, 900) };
        assert_eq!(merge(&device("old", 100, 150), &other), None);
        assert_eq!(merge(&device("old", 100, 150), &device("old", 100, 150)), None);
    }
}
